/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine centre revoke, vitrine centre clear
 */
#include "centre.h"

#include "base/clock.h"
#include "centre/account.h"

static enum vt_err
revoke(struct vt_sql *db, const char *name, struct vt_why *why)
{
    enum vt_err err = vt_account_revoke(db, name, vt_clock_now(&vt_clock_system), why);

    return err == VT_E_NOENT ? vt_fail(why, err, "there is no account %.128s", name) : err;
}

static enum vt_err
clear(struct vt_sql *db, const char *name, struct vt_why *why)
{
    enum vt_err err = vt_account_clear(db, name, why);

    return err == VT_E_NOENT ? vt_fail(why, err, "there is no account %.128s", name) : err;
}

static int
run(struct vt_cmd *c, int argc, char **argv,
    enum vt_err (*fn)(struct vt_sql *db, const char *name, struct vt_why *why),
    const char *done, const char *told)
{
    const struct vt_opt none[] = {{.name = NULL}};
    struct vt_home home;
    struct vt_sql *db = NULL;
    struct vt_why why = {0};
    enum vt_err err;
    int rc;

    c->args = "HOME NAME";
    c->opts = none;
    c->args_min = c->args_max = 2;
    rc = vt_cmd_parse(c, argc, argv);
    if (rc >= 0)
        return rc;
    err = vt_centre_open(c->argv[0], &home, &db, &why);
    if (err == VT_OK)
        err = fn(db, c->argv[1], &why);
    vt_sql_close(db);
    if (err != VT_OK)
        return vt_cmd_fail(c, err, &why);
    return vt_cmd_done(
        c, json_pack("{s:s, s:b}", "name", c->argv[1], done, 1), "%s %s", c->argv[1], told);
}

int
vt_cmd_centre_revoke(int argc, char **argv)
{
    struct vt_cmd c = {.name = "centre revoke",
        .summary = "end a reviewer's account, and its sessions with it",
        .details = "What the reviewer signed stays in the log. To have it count no longer,\n"
                   "take the reviewer's line out of the policy."};

    return run(&c, argc, argv, revoke, "revoked", "has no account any more");
}

int
vt_cmd_centre_clear(int argc, char **argv)
{
    struct vt_cmd c = {.name = "centre clear",
        .summary = "let a passkey in again whose counter went back",
        .details = "Ask the reviewer first: a counter that goes back is what a copy of the\n"
                   "passkey looks like."};

    return run(&c, argc, argv, clear, "cleared", "may log in again");
}
