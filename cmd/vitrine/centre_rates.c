/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine centre rates
 */
#include "centre.h"

#include "centre/desk_db.h"
#include "centre/desk_room.h"

#include <inttypes.h>

#define RATE_MOST 1000000U
#define NOT_SAID UINT64_MAX

static enum vt_err
set(struct vt_sql *db, const char *option, const char *name, uint64_t value, struct vt_why *why)
{
    if (value == NOT_SAID)
        return VT_OK;
    if (value > RATE_MOST)
        return vt_fail(why, VT_E_USAGE, "--%s: at most %u", option, RATE_MOST);
    return vt_desk_db_set(db, name, (int64_t)value, why);
}

static enum vt_err
run(const char *dir, uint64_t minute, uint64_t day, int64_t *ret_minute, int64_t *ret_day,
    struct vt_why *why)
{
    struct vt_home home;
    struct vt_sql *db = NULL;
    enum vt_err err = vt_centre_open(dir, &home, &db, why);

    if (err == VT_OK)
        err = set(db, "per-minute", "sealed-per-minute", minute, why);
    if (err == VT_OK)
        err = set(db, "per-day", "sealed-per-day", day, why);
    if (err == VT_OK)
        err =
            vt_desk_db_setting(db, "sealed-per-minute", VT_DESK_SEALED_MINUTE, ret_minute, why);
    if (err == VT_OK)
        err = vt_desk_db_setting(db, "sealed-per-day", VT_DESK_SEALED_DAY, ret_day, why);
    vt_sql_close(db);
    return err;
}

int
vt_cmd_centre_rates(int argc, char **argv)
{
    uint64_t minute = NOT_SAID;
    uint64_t day = NOT_SAID;
    const struct vt_opt opts[] = {
        {"per-minute", 0, VT_OPT_U64, "N", "files that one reviewer may open in a minute",
            &minute, false},
        {"per-day", 0, VT_OPT_U64, "N", "and within 24 hours", &day, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "centre rates",
        .args = "HOME",
        .summary = "show and set how much sealed source a reviewer may open",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    int64_t per_minute = 0;
    int64_t per_day = 0;
    struct vt_why why = {0};
    int rc = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (rc >= 0)
        return rc;
    err = run(c.argv[0], minute, day, &per_minute, &per_day, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    return vt_cmd_done(&c,
        json_pack(
            "{s:I, s:I}", "perMinute", (json_int_t)per_minute, "perDay", (json_int_t)per_day),
        "%" PRId64 " files of sealed source in a minute, %" PRId64 " within 24 hours",
        per_minute, per_day);
}
