/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The desk: where ledger documents are said in the log, looked up again, and
 * gathered as evidence. What a command of the vault opens beside the keeper.
 */
#ifndef VT_VAULT_DESK_H
#define VT_VAULT_DESK_H

#include "ledger/grant.h"
#include "log/reader.h"

struct vt_desk;
struct vt_signer;

/* `url`: the log; `policy`: the trust policy, which must outlive it; `signer` may be
 * NULL for one that only reads. Nothing is fetched yet. */
VT_MUST enum vt_err vt_desk_new(const char *url, const struct vt_policy *policy,
    struct vt_signer *signer, struct vt_desk **ret, struct vt_why *why);
void vt_desk_free(struct vt_desk *d);

/* Says a signed document: stores it and logs an entry of that kind with those subjects,
 * signed by the desk's signer; durable in the log when it returns. The same again gives the
 * same index. */
VT_MUST enum vt_err vt_desk_say(struct vt_desk *d, enum vt_entry_kind kind,
    const struct vt_subject *subject, size_t subject_count, const void *doc, size_t len,
    uint64_t *ret_index, struct vt_why *why);
/* Waits until a published, cosigned checkpoint covers the index; VT_E_TIMEOUT. */
VT_MUST enum vt_err vt_desk_wait(
    struct vt_desk *d, uint64_t index, int64_t timeout_ms, struct vt_why *why);

/* Looks at the newest checkpoint; all below is relative to it. Call it first, and again to see
 * what is new. */
VT_MUST enum vt_err vt_desk_refresh(struct vt_desk *d, struct vt_why *why);
/* Calls fn for each ledger entry (vault kinds) by a signer of the policy, in order,
 * with its verified document. fn may return VT_E_EXIST to end the walk as success. Cost: the
 * first call reads the log, later ones what is new; documents are fetched as they are needed:
 * `doc` is a handle that vt_desk_doc resolves. */
struct vt_desk_entry {
    uint64_t index;
    struct vt_entry entry;
    const struct vt_policy_party *signer;
};
VT_MUST enum vt_err vt_desk_each(struct vt_desk *d,
    enum vt_err (*fn)(void *ctx, const struct vt_desk_entry *e, struct vt_why *why), void *ctx,
    struct vt_why *why);
/* The document that an entry names, checked by digest, form and the signature of the entry's
 * signer. The caller frees it. */
VT_MUST enum vt_err vt_desk_doc(
    struct vt_desk *d, const struct vt_desk_entry *e, struct vt_doc **ret, struct vt_why *why);
/* The entry that says that document (newest, its signature on it verified), or VT_E_NOENT. */
VT_MUST enum vt_err vt_desk_find(struct vt_desk *d, enum vt_entry_kind kind,
    const struct vt_digest *doc, struct vt_desk_entry *ret, struct vt_why *why);
/* The vault policy in force: the newest by serial whose chain back to the first is unbroken and
 * whose entries meet `require vault-policy` of the trust policy. VT_E_NOENT: none. indexes: its
 * entries. */
VT_MUST enum vt_err vt_desk_vault_policy(struct vt_desk *d, struct vt_vault_policy **ret,
    uint64_t *ret_index, size_t *ret_count /* in: room; out: entries */, struct vt_why *why);

/* All vault policies that were ever in force, in order (vault/chain.h). */
struct vt_policy_chain;
VT_MUST enum vt_err vt_desk_policy_chain(
    struct vt_desk *d, struct vt_policy_chain **ret, struct vt_why *why);

/* Evidence of the entries at these indexes, in this order, with a consistency proof from
 * `known_size` (0: none). Appends the file. */
VT_MUST enum vt_err vt_desk_evidence(struct vt_desk *d, const uint64_t *index, size_t n,
    uint64_t known_size, struct vt_buf *b, struct vt_why *why);
/* Evidence for a request's grant: the request, its approvals as the grant names them, the
 * grant. */
VT_MUST enum vt_err vt_desk_grant_evidence(struct vt_desk *d, const struct vt_digest *request,
    uint64_t known_size, struct vt_buf *b, struct vt_why *why);
/* Collects the approvals of a request from the ledger, checks them by the vault policy, and
 * says the grant (kind grant, signed by the desk's signer, the keeper's key of the site).
 * VT_E_QUORUM: which group lacks whom. VT_E_REFUSED: refused by an approver. Fine when it is
 * granted already. */
VT_MUST enum vt_err vt_desk_grant(struct vt_desk *d, const struct vt_digest *request,
    uint64_t *ret_index, struct vt_why *why);
/* Says that the keeper released nothing, with the code. */
VT_MUST enum vt_err vt_desk_refuse(struct vt_desk *d, const struct vt_digest *request,
    enum vt_refusal code, uint64_t *ret_index, struct vt_why *why);

#endif
