/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault restore
 */
#include "vault.h"
#include "vault_site.h"

#include "vault/backup.h"

#include <inttypes.h>
#include <stdio.h>

struct args {
    const char *from;
    const char *root;
};

static enum vt_err
run(struct vt_cmd *c, const struct args *a, struct vt_restored *ret, struct vt_why *why)
{
    struct vt_vault_site site = {0};
    enum vt_err err = vt_vault_site_open(&site, c->argv[0], 0, why);

    if (err == VT_OK)
        err = vt_restore_run(&site.home, a->from, a->root, site.trust, &c->progress, ret, why);
    vt_vault_site_release(&site);
    return err;
}

static int
report(const struct vt_cmd *c, const struct vt_restored *r)
{
    char missing[160] = "nothing that the ledger knows of is missing";

    if (r->missing_segments > 0)
        (void)snprintf(missing, sizeof missing,
            "MISSING: the ledger knows of %" PRIu64 " segments more (%" PRIu64
            " records), which this backup does not have",
            r->missing_segments, r->missing_records);
    return vt_cmd_done(c,
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "segments", (json_int_t)r->segments, "records",
            (json_int_t)r->records, "generation", (json_int_t)r->generation, "missing_segments",
            (json_int_t)r->missing_segments, "missing_records", (json_int_t)r->missing_records),
        "restored: %" PRIu64 " segments with %" PRIu64
        " records, each checked; ring of generation %" PRIu64 "\n  %s",
        r->segments, r->records, r->generation, missing);
}

int
vt_cmd_vault_restore(int argc, char **argv)
{
    struct args a = {0};
    const struct vt_opt opts[] = {
        {"from", 'f', VT_OPT_STR, "DIR", "the backup", &a.from, true},
        {"root", 'r', VT_OPT_STR, "DIR",
            "where the ring's root key was kept; without it: the token", &a.root, false},
        {0},
    };
    struct vt_cmd c = {.name = "vault restore",
        .args = "SITE-HOME --from DIR [--root DIR]",
        .summary = "Makes a vault anew of a backup, checking every segment of it.",
        .details =
            "SITE-HOME is the same site, without its folder `vault`. A backup whose keys "
            "are older than\nan erasure is refused: by the ledger, and because its root "
            "key is gone. What the ledger\nknows of and the backup does not have is "
            "named.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_restored r = {0};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = run(&c, &a, &r, &why);
    return err == VT_OK ? report(&c, &r) : vt_cmd_fail(&c, err, &why);
}
