/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may enter a site: entries, statements, reviews and signatures over staged
 * metadata, each only when a signer of the policy made it. Decides; stores
 * nothing.
 */
#ifndef VT_LOG_GATE_H
#define VT_LOG_GATE_H

#include "note/policy.h"

struct vt_log_writer;
struct vt_store;

/* The name by which a log knows an entry again: SHA-256 over the signer's vkey,
 * a newline, and the signed text. So the same text signed again by the same
 * key is the same entry, and signed by another party is another. */
void vt_gate_entry_name(
    const struct vt_vkey *signer, const struct vt_note *note, struct vt_digest *ret);

/* An entry: parses, signed by a signer of the policy, its statement is in the
 * store; of the ledger's kinds, the statement is a document of that kind that says what
 * the entry says and that the entry's signer signed; of reviews' kinds, a review document that
 * says what the entry says. VT_E_SYNTAX, VT_E_LIMIT, VT_E_UNKNOWN,
 * VT_E_SIG, VT_E_DIGEST, VT_E_NOENT (the statement). */
VT_MUST enum vt_err vt_gate_entry(const struct vt_policy *p, struct vt_store *store,
    const void *data, size_t len, struct vt_digest *ret_name, struct vt_why *why);

/* A review document and its entry, as POST /review has them: u32 length of the document, the
 * document, the entry. Both parse and say the same, signed by a signer of the policy; a record
 * of visits by one whom `require visits` names, where the policy has that line. *ret points
 * into body. VT_E_SYNTAX, VT_E_LIMIT, VT_E_UNKNOWN, VT_E_SIG, VT_E_DIGEST. */
#define VT_GATE_REVIEW_MAX (1024U * 1024U + 66000U) /* bytes of a body */
struct vt_gate_review {
    struct vt_slice document;
    struct vt_slice entry;
    struct vt_digest name; /* vt_gate_entry_name */
};
VT_MUST enum vt_err vt_gate_review(const struct vt_policy *p, const void *body, size_t len,
    struct vt_gate_review *ret, struct vt_why *why);
/* A review document's entry by that signer: says the same, and the signer may say it.
 * VT_E_SYNTAX (no review document), VT_E_LIMIT, VT_E_DIGEST, VT_E_UNKNOWN. */
VT_MUST enum vt_err vt_gate_review_document(const struct vt_policy *p,
    const struct vt_entry *entry, const struct vt_policy_party *signer, const void *document,
    size_t len, struct vt_why *why);

/* The sources of which a log has a source entry: a review is of one of them. */
struct vt_gate_sources;
VT_MUST enum vt_err vt_gate_sources_new(
    struct vt_log_writer *w, struct vt_gate_sources **ret, struct vt_why *why);
void vt_gate_sources_free(struct vt_gate_sources *s);
/* Entries of reviews' kinds but visits: their source is one. Of all others VT_OK. Cost: reads
 * what the log got since the last call. VT_E_STATE. */
VT_MUST enum vt_err vt_gate_sources_check(
    struct vt_gate_sources *s, const void *entry, size_t len, struct vt_why *why);

/* A statement: a DSSE envelope signed by a signer of the policy. Only signers
 * whose keyid (hex SHA-256 of the raw public key) the envelope names are tried.
 * VT_E_SYNTAX, VT_E_LIMIT, VT_E_UNKNOWN, VT_E_SIG. */
VT_MUST enum vt_err vt_gate_envelope(
    const struct vt_policy *p, const void *data, size_t len, struct vt_why *why);

/* A ledger document (ledger/doc.h) of whichever kind: a signer of the policy signed it, and no
 * signature of one fails. VT_E_SYNTAX, VT_E_LIMIT, VT_E_UNKNOWN, VT_E_SIG. */
VT_MUST enum vt_err vt_gate_document(
    const struct vt_policy *p, const void *data, size_t len, struct vt_why *why);
/* One of the two, by its first bytes. */
VT_MUST enum vt_err vt_gate_object(
    const struct vt_policy *p, const void *data, size_t len, struct vt_why *why);

/* A signature over staged TUF targets metadata. */
struct vt_staged_sig {
    int64_t version;
    char keyid[VT_DIGEST_HEX_SIZE];
    char sig[2 * VT_SIG_SIZE + 1];
};
/* `staged` is public/staged/ROLE.json, `body` what was posted. The key must be
 * of an assembler or rebuilder of the policy. VT_E_SYNTAX, VT_E_STATE (another
 * version is staged), VT_E_UNKNOWN, VT_E_SIG. */
VT_MUST enum vt_err vt_gate_staged(const struct vt_policy *p, const void *staged,
    size_t staged_len, const void *body, size_t body_len, struct vt_staged_sig *ret,
    struct vt_why *why);
/* Whether a role's name may stand in a path: a-z, 0-9 and '-', 1 to 64. */
bool vt_gate_role_valid(const char *role);

/* TUF's key id of an Ed25519 key. */
VT_MUST enum vt_err vt_gate_tuf_keyid(
    const struct vt_pubkey *pub, char ret[VT_DIGEST_HEX_SIZE], struct vt_why *why);

#endif
