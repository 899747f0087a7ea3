/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault export
 */
#include "party.h"
#include "vault.h"
#include "vault_desk.h"
#include "vault_site.h"

#include "vault/export.h"
#include "vault/shares_in.h"

#include <inttypes.h>

struct args {
    const char *salt;
    const char *out;
    struct vt_opt_list shares;
};

static enum vt_err
run(struct vt_cmd *c, const struct args *a, struct vt_exported *ret, struct vt_why *why)
{
    struct vt_vault_site site = {0};
    struct vt_buf shares = VT_BUF(VT_SHARES_JOIN_MAX);
    uint8_t opening[VT_SUBJECT_OPENING_SIZE];
    struct vt_digest request;
    struct vt_export e = {
        .request = &request, .opening = opening, .out = a->out, .progress = &c->progress};
    enum vt_err err = vt_party_digest("REQUEST", c->argv[0], &request, why);

    if (err == VT_OK)
        err = vt_subject_opening_load(a->salt, opening, why);
    if (err == VT_OK)
        err = vt_vault_site_open(&site, c->argv[1], VT_VAULT_KEEPER | VT_VAULT_LEDGER, why);
    if (err == VT_OK)
        err = vt_shares_in_load(
            &site.home, &request, a->shares.item, a->shares.count, &shares, why);
    if (err == VT_OK) {
        e.home = &site.home;
        e.keeper = site.keeper;
        e.desk = site.desk;
        e.signer = site.signer;
        e.shares = shares.data;
        e.shares_len = shares.len;
        err = vt_export_run(&e, ret, why);
    }
    vt_vault_site_release(&site);
    vt_buf_release(&shares);
    vt_wipe(opening, sizeof opening);
    return err;
}

static int
report(const struct vt_cmd *c, const struct args *a, const struct vt_exported *r)
{
    char result[VT_VAULT_DIGEST_TEXT];

    vt_vault_digest_text(&r->said.result, result);
    return vt_cmd_done(c,
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "out", a->out, "result", result,
            "records", (json_int_t)r->said.records, "bytes", (json_int_t)r->said.result_bytes,
            "segments", (json_int_t)r->said.segments, "erased_blocks",
            (json_int_t)r->said.erased_blocks, "entry", (json_int_t)r->index),
        "%s: %" PRIu64 " records of the data subject, for the key that the request names\n"
        "  entry %" PRIu64 " of the ledger says so (%s)\n"
        "  open it with `age -d -i KEY %s`",
        a->out, r->said.records, r->index, result, a->out);
}

int
vt_cmd_vault_export(int argc, char **argv)
{
    struct args a = {0};
    const struct vt_opt opts[] = {
        {"salt", 's', VT_OPT_STR, "FILE", "salt and tag of the subject, from who asked",
            &a.salt, true},
        {"out", 'o', VT_OPT_STR, "FILE", "where the file for the subject goes", &a.out, true},
        {"share", 0, VT_OPT_LIST, "FILE", "an approver's share that was not sent to the vault",
            &a.shares, false},
        {0},
    };
    struct vt_cmd c = {.name = "vault export",
        .args = "sha256:REQUEST SITE-HOME --salt FILE --out FILE",
        .summary = "Hands out what is kept of one data subject, encrypted to that subject.",
        .details = "REQUEST is of mode export and approved, with shares. The file is an age "
                   "file with one record\na line, for the key that the request names. The "
                   "ledger is told before it is handed out.",
        .opts = opts,
        .args_min = 2,
        .args_max = 2};
    struct vt_exported r = {0};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = run(&c, &a, &r, &why);
    return err == VT_OK ? report(&c, &a, &r) : vt_cmd_fail(&c, err, &why);
}
