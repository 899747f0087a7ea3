/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault retain
 */
#include "vault.h"
#include "vault_site.h"

#include "base/clock.h"
#include "ledger/doc.h"
#include "vault/retain.h"

#include <inttypes.h>

#define DAY_S 86400

static enum vt_err
run(const char *dir, uint32_t today, struct vt_retained *ret, struct vt_why *why)
{
    struct vt_vault_site site = {0};
    enum vt_err err = vt_vault_site_open(&site, dir, VT_VAULT_KEEPER | VT_VAULT_LEDGER, why);

    if (err == VT_OK)
        err = vt_retain_run(&site.home, site.keeper, site.desk, site.signer, today, ret, why);
    vt_vault_site_release(&site);
    return err;
}

static int
report(const struct vt_cmd *c, uint32_t today, const struct vt_retained *r)
{
    char day[11];
    json_t *o;

    vt_day_format(today, day);
    o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "day", day, "epochs", (json_int_t)r->epochs,
        "segments", (json_int_t)r->segments, "bytes", (json_int_t)r->bytes, "generation",
        (json_int_t)r->generation, "backups_missed", (json_int_t)r->backups_missed);
    if (r->epochs > 0)
        (void)json_object_set_new(o, "entry", json_integer((json_int_t)r->index));
    if (r->epochs == 0)
        return vt_cmd_done(c, o,
            "nothing to destroy on %s; %" PRIu64 " segment files of days that were over before "
            "removed",
            day, r->segments);
    return vt_cmd_done(c, o,
        "%zu keys of days that are over on %s were destroyed, entry %" PRIu64 "\n  %" PRIu64
        " segment files removed, %" PRIu64 " bytes%s",
        r->epochs, day, r->index, r->segments, r->bytes,
        r->backups_missed > 0 ? "\n  some backups were not reached: make them again" : "");
}

int
vt_cmd_vault_retain(int argc, char **argv)
{
    struct vt_cmd c = {.name = "vault retain",
        .args = "SITE-HOME",
        .summary = "Destroys the keys of days whose retention is over, and says so.",
        .details = "Retention is a matter of the vault policy in force: days for each class. "
                   "The key of a day goes\nfirst, then the ledger is told, then the segment "
                   "files are removed. A running vault does\nthis every hour.",
        .args_min = 1,
        .args_max = 1};
    const struct vt_opt opts[] = {{0}};
    uint32_t today = (uint32_t)(vt_clock_now(&vt_clock_system) / DAY_S);
    struct vt_retained r = {0};
    struct vt_why why = {0};
    enum vt_err err;
    int code;

    c.opts = opts;
    code = vt_cmd_parse(&c, argc, argv);
    if (code >= 0)
        return code;
    err = run(c.argv[0], today, &r, &why);
    return err == VT_OK ? report(&c, today, &r) : vt_cmd_fail(&c, err, &why);
}
