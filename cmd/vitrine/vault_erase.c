/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault erase
 */
#include "party.h"
#include "vault.h"
#include "vault_desk.h"
#include "vault_site.h"

#include "vault/erase.h"

#include <inttypes.h>
#include <string.h>

struct args {
    const char *salt;
    const char *receipt;
};

static enum vt_err
run(const struct vt_cmd *c, const struct args *a, struct vt_erased *ret, struct vt_why *why)
{
    struct vt_vault_site site = {0};
    uint8_t opening[VT_SUBJECT_OPENING_SIZE];
    struct vt_digest request;
    struct vt_erase e;
    enum vt_err err = vt_party_digest("REQUEST", c->argv[0], &request, why);

    if (err == VT_OK)
        err = vt_subject_opening_load(a->salt, opening, why);
    if (err == VT_OK)
        err = vt_vault_site_open(&site, c->argv[1], VT_VAULT_KEEPER | VT_VAULT_LEDGER, why);
    if (err == VT_OK) {
        e = (struct vt_erase){.home = &site.home,
            .keeper = site.keeper,
            .desk = site.desk,
            .signer = site.signer,
            .request = &request,
            .opening = opening,
            .receipt = a->receipt};
        err = vt_erase_run(&e, ret, why);
    }
    vt_vault_site_release(&site);
    vt_wipe(opening, sizeof opening);
    return err;
}

static json_t *
to_json(const struct vt_erased *r)
{
    char request[VT_VAULT_DIGEST_TEXT];
    char text[VT_VAULT_DIGEST_TEXT];
    json_t *keys = json_array();
    json_t *missed = json_array();
    struct vt_reader rest = VT_READER(r->missed.data, r->missed.len);
    struct vt_reader line;

    for (size_t i = 0; i < r->said.key_count; i++) {
        vt_vault_digest_text(&r->said.key[i], text);
        (void)json_array_append_new(keys, json_string(text));
    }
    while (vt_reader_line(&rest, &line))
        (void)json_array_append_new(missed, json_stringn((const char *)line.p, line.left));
    vt_vault_digest_text(&r->said.request, request);
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:o, s:I, s:I, s:o}", "state", "erased",
        "request", request, "region", r->said.region, "entry", (json_int_t)r->index, "receipt",
        r->receipt, "keys", keys, "generation_before",
        (json_int_t)r->said.ring.generation_before, "generation_after",
        (json_int_t)r->said.ring.generation_after, "backups_missed", missed);
}

static int
report(const struct vt_cmd *c, const struct vt_erased *r)
{
    char key[VT_VAULT_DIGEST_TEXT];

    vt_vault_digest_text(&r->said.key[0], key);
    return vt_cmd_done(c, to_json(r),
        "erased: the subject's key in %s was destroyed (%s)\n"
        "  the ring went from generation %" PRIu64 " to %" PRIu64
        "; no older copy of it opens\n"
        "  entry %" PRIu64 " of the ledger; its proof is %s%s%.*s",
        r->said.region, key, r->said.ring.generation_before, r->said.ring.generation_after,
        r->index, r->receipt,
        r->missed.len > 0 ? "\n  these backups were not reached; their ring opens nothing, and "
                            "they must be made again:\n"
                          : "",
        r->missed.len > 0 ? (int)r->missed.len - 1 : 0, vt_buf_str(&r->missed));
}

int
vt_cmd_vault_erase(int argc, char **argv)
{
    struct args a = {0};
    const struct vt_opt opts[] = {
        {"salt", 's', VT_OPT_STR, "FILE", "salt and tag of the subject, from who asked",
            &a.salt, true},
        {"receipt", 'r', VT_OPT_STR, "FILE", "where to put the proof for the subject",
            &a.receipt, false},
        {0},
    };
    struct vt_cmd c = {.name = "vault erase",
        .args = "sha256:REQUEST SITE-HOME --salt FILE",
        .summary = "Destroys a data subject's key, says so in the ledger, and proves it.",
        .details = "REQUEST is of mode erasure and approved. The keeper checks the approvals "
                   "itself, destroys the\nkey and changes the ring's root key, so that no "
                   "backup made before opens what was erased.\nGiven again it ends what a "
                   "killed run began, and says the same.",
        .opts = opts,
        .args_min = 2,
        .args_max = 2};
    struct vt_erased r = {0};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = run(&c, &a, &r, &why);
    code = err == VT_OK ? report(&c, &r) : vt_cmd_fail(&c, err, &why);
    vt_buf_release(&r.missed);
    return code;
}
