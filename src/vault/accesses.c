/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/accesses.h"

#include "vault/chain.h"
#include "vault/desk_rows.h"
#include "vault/standing.h"

#include <stdio.h>
#include <string.h>

enum { RETRIES = 2 };

struct walk {
    struct vt_desk *desk;
    struct vt_policy_chain *chain;
    struct vt_http *http;
    const char *const *vault;
    size_t vault_count;
    const uint8_t *tag;
};

const char *
vt_access_verdict_name(enum vt_access_verdict v)
{
    static const char *const names[] = {
        [VT_ACCESS_TOUCHED] = "touched",
        [VT_ACCESS_UNTOUCHED] = "untouched",
        [VT_ACCESS_NO_RECEIPT] = "no-receipt",
        [VT_ACCESS_FALSE] = "false-receipt",
    };

    return (unsigned)v < sizeof names / sizeof names[0] ? names[v] : NULL;
}

/* GET VAULT/vault/v1/accesses/RUN/TAG from the vaults in turn. */
static enum vt_err
fetch_receipt(struct walk *w, const struct vt_digest *run, struct vt_buf *b, struct vt_why *why)
{
    char path[64 + VT_DIGEST_HEX_SIZE + 2 * VT_CUSTOMER_TAG_SIZE];
    char run_hex[VT_DIGEST_HEX_SIZE];
    char tag_hex[2 * VT_CUSTOMER_TAG_SIZE + 1];
    enum vt_err err = vt_fail(why, VT_E_NOENT, "no vault was asked");

    vt_digest_hex(run, run_hex);
    vt_hex_encode(w->tag, VT_CUSTOMER_TAG_SIZE, tag_hex);
    (void)snprintf(path, sizeof path, "vault/v1/accesses/%s/%s", run_hex, tag_hex);
    for (size_t i = 0; i < w->vault_count && err != VT_OK; i++)
        err = vt_http_get(w->http, w->vault[i], path, b, why);
    return err;
}

/* Asks for the receipt and checks it against the run's document; b holds it then. */
static void
check_receipt(struct walk *w, struct vt_access *a, struct vt_buf *b)
{
    enum vt_err err;

    if (a->run.customers == 0) { /* it takes no receipt to see that it read nothing */
        a->verdict = a->run.records == 0 ? VT_ACCESS_UNTOUCHED : VT_ACCESS_FALSE;
        if (a->run.records > 0)
            (void)vt_fail(&a->why, VT_E_PROOF, "the run read records, but of no customer");
        return;
    }
    err = fetch_receipt(w, &a->doc, b, &a->why);
    if (err != VT_OK) {
        a->verdict = VT_ACCESS_NO_RECEIPT;
        return;
    }
    a->receipt = b->data;
    a->receipt_len = b->len;
    if (vt_access_receipt_check(b->data, b->len, w->tag, a->run.customers,
            &a->run.customers_root, &a->records, &a->why) != VT_OK)
        a->verdict = VT_ACCESS_FALSE;
    else
        a->verdict = a->records > 0 ? VT_ACCESS_TOUCHED : VT_ACCESS_UNTOUCHED;
}

/* The request of a run, when the ledger has it. */
static enum vt_err
find_request(struct walk *w, struct vt_access *a, struct vt_why *why)
{
    struct vt_desk_entry e;
    struct vt_doc *doc = NULL;
    enum vt_err err = vt_desk_find(w->desk, VT_ENTRY_REQUEST, &a->run.request, &e, why);

    if (err == VT_OK)
        err = vt_desk_doc(w->desk, &e, &doc, why);
    a->has_request = err == VT_OK && vt_request_read(doc, &a->request, why) == VT_OK;
    vt_doc_free(doc);
    return err == VT_OK || err == VT_E_NOENT || vt_err_exit_code(err) == 1 ? VT_OK : err;
}

/* Reads a run; *ret_counts: a keeper of the site that it names said it. */
static enum vt_err
open_run(struct walk *w, const struct vt_desk_row *row, struct vt_access *a, bool *ret_counts,
    struct vt_why *why)
{
    const struct vt_vkey *key = &row->signer->key;
    const struct vt_policy_step *step;
    const struct vt_rule_party *keeper = NULL;
    struct vt_doc *doc = NULL;
    enum vt_err err = vt_desk_row_doc(w->desk, row, &doc, NULL, why);

    *ret_counts = false;
    if (err != VT_OK || doc == NULL)
        return err;
    err = vt_run_read(doc, &a->run, NULL);
    vt_doc_free(doc);
    if (err != VT_OK)
        return err == VT_E_NOMEM ? err : VT_OK;
    step = vt_policy_chain_find(w->chain, &a->run.policy);
    if (step != NULL)
        keeper = vt_vault_policy_keeper(step->policy, a->run.site);
    if (keeper == NULL || strcmp(keeper->key.name, key->name) != 0 ||
        !vt_pubkey_eq(&keeper->key.pub, &key->pub))
        return VT_OK;
    a->index = row->index;
    a->doc = row->statement;
    *ret_counts = true;
    return find_request(w, a, why);
}

static enum vt_err
each(struct walk *w,
    enum vt_err (*fn)(void *ctx, const struct vt_access *a, struct vt_why *why), void *ctx,
    struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < w->desk->row_count && err == VT_OK; i++) {
        struct vt_access a = {0};
        struct vt_buf receipt = VT_BUF(VT_ACCESS_RECEIPT_MAX);
        bool counts = false;

        if (w->desk->row[i].kind != VT_ENTRY_RUN)
            continue;
        err = open_run(w, &w->desk->row[i], &a, &counts, why);
        if (err != VT_OK || !counts)
            continue;
        check_receipt(w, &a, &receipt);
        err = fn(ctx, &a, why);
        vt_buf_release(&receipt);
    }
    return err == VT_E_EXIST ? VT_OK : err;
}

enum vt_err
vt_desk_accesses(struct vt_desk *d, const char *const *vault, size_t vault_count,
    const uint8_t tag[VT_CUSTOMER_TAG_SIZE],
    enum vt_err (*fn)(void *ctx, const struct vt_access *a, struct vt_why *why), void *ctx,
    struct vt_why *why)
{
    static const struct vt_http_limits limits = {.retries = RETRIES};
    struct walk w = {.desk = d, .vault = vault, .vault_count = vault_count, .tag = tag};
    enum vt_err err = vt_desk_policy_chain(d, &w.chain, why);

    if (err == VT_OK)
        err = vt_http_new(&limits, &w.http, why);
    if (err == VT_OK)
        err = each(&w, fn, ctx, why);
    vt_http_free(w.http);
    vt_policy_chain_free(w.chain);
    return err;
}
