/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault relocate
 */
#include "vault.h"
#include "vault_desk.h"
#include "vault_site.h"

#include "vault/move.h"

#include <inttypes.h>

struct args {
    const char *from;
    const char *to;
    uint64_t wait_s;
};

static enum vt_err
run(struct vt_cmd *c, const struct args *a, struct vt_move_sent *ret, struct vt_why *why)
{
    struct vt_vault_site site = {0};
    struct vt_move_send m;
    enum vt_err err =
        vt_vault_site_open(&site, a->from, VT_VAULT_KEEPER | VT_VAULT_LEDGER, why);

    if (err == VT_OK) {
        m = (struct vt_move_send){.home = &site.home,
            .trust = site.trust,
            .keeper = site.keeper,
            .desk = site.desk,
            .signer = site.signer,
            .region = c->argv[0],
            .to_url = a->to,
            .timeout_ms = (int64_t)a->wait_s * 1000,
            .progress = &c->progress};
        err = vt_move_send(&m, ret, why);
    }
    vt_vault_site_release(&site);
    return err;
}

static int
report(const struct vt_cmd *c, const struct vt_move_sent *r)
{
    char root[VT_VAULT_DIGEST_TEXT];

    vt_vault_digest_text(&r->root, root);
    return vt_cmd_done(c,
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:I, s:I, s:I}", "state", "shredded",
            "region", c->argv[0], "to", r->to, "segments", (json_int_t)r->segments, "records",
            (json_int_t)r->records, "bytes", (json_int_t)r->bytes, "root", root, "relocation",
            (json_int_t)r->relocation, "receipt", (json_int_t)r->receipt, "shred",
            (json_int_t)r->shred),
        "%s is at %s: %" PRIu64 " segments, %" PRIu64 " records, %" PRIu64 " bytes\n"
        "  handed over in entry %" PRIu64 ", received and checked in entry %" PRIu64
        ", destroyed here in entry %" PRIu64 "\n  inventory root %s, the same at both",
        c->argv[0], r->to, r->segments, r->records, r->bytes, r->relocation, r->receipt,
        r->shred, root);
}

int
vt_cmd_vault_relocate(int argc, char **argv)
{
    struct args a = {.wait_s = 3600};
    const struct vt_opt opts[] = {
        {"from", 'f', VT_OPT_STR, "SITE-HOME", "the site that hands over", &a.from, true},
        {"to", 't', VT_OPT_STR, "URL", "the vault that takes", &a.to, true},
        {"wait", 'w', VT_OPT_U64, "SECONDS", "for the other site to check it; default 3600",
            &a.wait_s, false},
        {0},
    };
    struct vt_cmd c = {.name = "vault relocate",
        .args = "REGION --from SITE-HOME --to URL",
        .summary = "Hands a region over to the site that the policy in force names.",
        .details = "Segments go as they are; the other site checks each one and says a "
                   "receipt; then this site\ndestroys its keys and segments and says so. Both "
                   "take the new policy first (`vault policy\ntake`). Given again it goes on "
                   "where it was.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_move_sent r = {0};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    if (a.wait_s == 0 || a.wait_s > 30 * 86400ULL) {
        err = vt_fail(&why, VT_E_USAGE, "--wait: 1 to %u seconds", 30 * 86400U);
        return vt_cmd_fail(&c, err, &why);
    }
    err = run(&c, &a, &r, &why);
    return err == VT_OK ? report(&c, &r) : vt_cmd_fail(&c, err, &why);
}
