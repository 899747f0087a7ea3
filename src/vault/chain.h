/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault policies that a ledger brought into force, one after the other, and since
 * which entry each is.
 *
 * A policy is in force once entries by whom the trust policy demands (`require
 * vault-policy`) name it, and the one that it names as previous is: the first has serial 1
 * and no previous one, each other the next serial. When two follow the same policy, the one
 * that met the demand first stays; the other never counts. No I/O.
 */
#ifndef VT_VAULT_CHAIN_H
#define VT_VAULT_CHAIN_H

#include "ledger/policy.h"
#include "note/policy.h"

#define VT_CHAIN_MAX 4096U /* policies that whom it takes ever said */

struct vt_policy_step {
    const struct vt_vault_policy *policy; /* owned by the chain */
    uint64_t since;                       /* the entry that brought it into force */
    size_t entry_count;                   /* the entries that say it, one a signer */
    uint64_t entry[VT_POLICY_PARTIES_MAX];
};

struct vt_policy_chain;

/* VT_E_CONFIG when the trust policy, which must outlive it, does not say who makes vault
 * policies. */
VT_MUST enum vt_err vt_policy_chain_new(
    const struct vt_policy *trust, struct vt_policy_chain **ret, struct vt_why *why);
void vt_policy_chain_free(struct vt_policy_chain *c);

/* Whether an entry by that signer counts at all. */
bool vt_policy_chain_hears(
    const struct vt_policy_chain *c, const struct vt_policy_party *signer);
/* Takes the next `vault-policy` entry, in the log's order, with the document that it names:
 * its bytes, signed by that signer. A document that is no vault policy changes nothing and is
 * VT_E_CONFIG, with the reason; the chain may go on. VT_E_LIMIT, VT_E_NOMEM. */
VT_MUST enum vt_err vt_policy_chain_take(struct vt_policy_chain *c, uint64_t index,
    const struct vt_policy_party *signer, const void *doc, size_t len, struct vt_why *why);

size_t vt_policy_chain_count(const struct vt_policy_chain *c);
const struct vt_policy_step *vt_policy_chain_step(const struct vt_policy_chain *c, size_t i);
/* What was in force when entry `index` came, that entry not counted; NULL: nothing. */
const struct vt_policy_step *vt_policy_chain_at(
    const struct vt_policy_chain *c, uint64_t index);
/* The step of that policy, or NULL when it was never in force. */
const struct vt_policy_step *vt_policy_chain_find(
    const struct vt_policy_chain *c, const struct vt_digest *policy);

#endif
