/* SPDX-License-Identifier: Apache-2.0 */
/* The vault policies of the ledger, from the desk's rows. */
#include "vault/chain.h"
#include "vault/desk_rows.h"

#include <string.h>

static enum vt_err
take_row(struct vt_desk *d, const struct vt_desk_row *r, struct vt_policy_chain *c,
    struct vt_why *why)
{
    struct vt_doc *doc = NULL;
    const void *bytes;
    size_t len;
    enum vt_err err = vt_desk_row_doc(d, r, &doc, NULL, why);

    if (err != VT_OK || doc == NULL)
        return err;
    bytes = vt_doc_bytes(doc, &len);
    err = vt_policy_chain_take(c, r->index, r->signer, bytes, len, why);
    vt_doc_free(doc);
    return err == VT_E_CONFIG ? VT_OK : err; /* signed, but no policy */
}

enum vt_err
vt_desk_policy_chain(struct vt_desk *d, struct vt_policy_chain **ret, struct vt_why *why)
{
    struct vt_policy_chain *c = NULL;
    enum vt_err err = vt_policy_chain_new(d->policy, &c, why);

    if (err == VT_OK)
        err = vt_desk_scan(d, why);
    for (size_t i = 0; i < d->row_count && err == VT_OK; i++) {
        const struct vt_desk_row *r = &d->row[i];

        if (r->kind == VT_ENTRY_VAULT_POLICY && vt_policy_chain_hears(c, r->signer))
            err = take_row(d, r, c, why);
    }
    if (err != VT_OK) {
        vt_policy_chain_free(c);
        return err;
    }
    *ret = c;
    return VT_OK;
}

enum vt_err
vt_desk_vault_policy(struct vt_desk *d, struct vt_vault_policy **ret, uint64_t *ret_index,
    size_t *ret_count, struct vt_why *why)
{
    struct vt_policy_chain *c = NULL;
    const struct vt_policy_step *last;
    const void *bytes;
    size_t len;
    enum vt_err err = vt_desk_policy_chain(d, &c, why);

    if (err != VT_OK)
        return err;
    last = vt_policy_chain_step(c, vt_policy_chain_count(c) - 1);
    if (last == NULL)
        err = vt_fail(why, VT_E_NOENT,
            "the ledger at %s has no vault policy in force: `vitrine vault policy add` says "
            "one",
            d->url);
    else if (last->entry_count > *ret_count)
        err = vt_fail(why, VT_E_LIMIT, "the vault policy has %zu entries", last->entry_count);
    if (err == VT_OK) {
        bytes = vt_doc_bytes(vt_vault_policy_doc(last->policy), &len);
        err = vt_vault_policy_parse(bytes, len, ret, why);
    }
    if (err == VT_OK) {
        memcpy(ret_index, last->entry, last->entry_count * sizeof *ret_index);
        *ret_count = last->entry_count;
    }
    vt_policy_chain_free(c);
    return err;
}
