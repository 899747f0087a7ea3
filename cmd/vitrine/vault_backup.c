/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault backup
 */
#include "vault.h"
#include "vault_site.h"

#include "vault/backup.h"

#include <inttypes.h>

static enum vt_err
run(struct vt_cmd *c, const char *into, struct vt_backup_done *ret, struct vt_why *why)
{
    struct vt_vault_site site = {0};
    enum vt_err err = vt_vault_site_open(&site, c->argv[0], VT_VAULT_KEEPER, why);

    if (err == VT_OK)
        err = vt_backup_run(&site.home, site.keeper, into, &c->progress, ret, why);
    vt_vault_site_release(&site);
    return err;
}

int
vt_cmd_vault_backup(int argc, char **argv)
{
    const char *into = NULL;
    const struct vt_opt opts[] = {
        {"into", 'i', VT_OPT_STR, "DIR", "the backup's folder, made when missing", &into, true},
        {0},
    };
    struct vt_cmd c = {.name = "vault backup",
        .args = "SITE-HOME --into DIR",
        .summary = "Copies a vault; incremental, and may be broken off and given again.",
        .details =
            "A backup opens nothing by itself: the root key of the ring is not in it. "
            "Keep that key's file\n(HOME/vault/ring/root-N, a new one after every "
            "erasure) or the token elsewhere. DIR is\nremembered and gets every new ring "
            "at once.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_backup_done r = {0};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = run(&c, into, &r, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    return vt_cmd_done(&c,
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "backup", into, "segments",
            (json_int_t)r.segments, "copied", (json_int_t)r.copied, "bytes",
            (json_int_t)r.bytes, "files", (json_int_t)r.files, "generation",
            (json_int_t)r.generation, "waiting", (json_int_t)r.waiting),
        "%s: %" PRIu64 " segments, %" PRIu64 " of them new (%" PRIu64 " bytes), %" PRIu64
        " other files; ring of generation %" PRIu64,
        into, r.segments, r.copied, r.bytes, r.files, r.generation);
}
