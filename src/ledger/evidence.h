/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence: a ledger document with its entry and the proof that the entry is in
 * a log whose checkpoint the witnesses cosigned. Several of them in one file
 * (docs/formats/evidence.md) are all that a keeper or an endpoint is given; it
 * believes nothing that is not proven in it. No I/O.
 *
 *     u8[4] "VTE1", u32 count, then for each: u32 length ‖ document, u32 length ‖
 *     entry, u32 length ‖ tlog-proof file; at the end u32 length ‖ consistency proof
 */
#ifndef VT_LEDGER_EVIDENCE_H
#define VT_LEDGER_EVIDENCE_H

#include "ledger/doc.h"
#include "note/policy.h"

#define VT_EVIDENCE_MAX (4U * 1024U * 1024U)
#define VT_EVIDENCE_COUNT_MAX 64U

struct vt_slice_of {
    const uint8_t *p;
    size_t len;
};

/* One item; points into the file's bytes. */
struct vt_evidence {
    struct vt_slice_of document;
    struct vt_slice_of entry;
    struct vt_slice_of proof; /* C2SP tlog-proof file */
};

struct vt_evidence_file {
    size_t count;
    struct vt_evidence item[VT_EVIDENCE_COUNT_MAX];
    struct vt_slice_of
        consistency; /* base64 lines from the reader's known size; may be empty */
};

/* VT_E_SYNTAX, VT_E_LIMIT. *ret points into data. */
VT_MUST enum vt_err vt_evidence_parse(
    const void *data, size_t len, struct vt_evidence_file *ret, struct vt_why *why);
VT_MUST enum vt_err vt_evidence_put(
    struct vt_buf *b, const struct vt_evidence_file *f, struct vt_why *why);

/* The kind of document that entries of that kind name; false: not the ledger's. */
bool vt_ledger_kind(enum vt_entry_kind kind, enum vt_doc_kind *ret);
/* The entry that says a signed document: kind, all subjects, statement. An entry has room
 * for 64 subjects: of a retention's keys the first 63. VT_E_STATE: not signed yet. */
VT_MUST enum vt_err vt_ledger_entry_of(
    const struct vt_doc *d, struct vt_entry *ret, struct vt_why *why);
/* Opens a document as the statement of an entry by `signer`, whose signature was verified: it
 * has that digest, is of the entry's kind, signed by the same key, and the entry's subjects are
 * what it says. VT_E_REFUSED (not an entry of the ledger), VT_E_DIGEST (also a subject),
 * VT_E_SYNTAX, VT_E_UNKNOWN, VT_E_SIG. The caller frees it. */
VT_MUST enum vt_err vt_ledger_doc_open(const struct vt_entry *e, const struct vt_vkey *signer,
    const void *data, size_t len, struct vt_doc **ret, struct vt_why *why);

/* What an item proves. */
struct vt_fact {
    struct vt_entry entry;
    struct vt_doc *doc;                   /* owned; vt_fact_release */
    const struct vt_policy_party *signer; /* who signed the entry; owned by the policy */
    uint64_t index;
    struct vt_checkpoint checkpoint;
    uint64_t cosigned_time; /* seconds since 1970 (vt_policy_check_checkpoint) */
};
void vt_fact_release(struct vt_fact *f);

/* Checks one item: the entry is of that kind and in the tree of a checkpoint that
 * the policy accepts (log and witness quorum), a signer of the policy signed
 * it, the document is the one it names, parses as the entry's kind says, and is signed
 * by the signer of the entry. Errors of vt_tlog_proof_check, VT_E_DIGEST,
 * VT_E_UNKNOWN, VT_E_SIG, VT_E_REFUSED (another kind). */
VT_MUST enum vt_err vt_fact_check(const struct vt_policy *policy, enum vt_entry_kind kind,
    const struct vt_evidence *e, struct vt_fact *ret, struct vt_why *why);
/* Whether that witness, by its key's name, cosigned the item's checkpoint: VT_OK,
 * VT_E_QUORUM (it did not, or the policy does not know it), VT_E_SIG. */
VT_MUST enum vt_err vt_fact_cosigned_by(const struct vt_policy *policy,
    const struct vt_evidence *e, const char *witness, struct vt_why *why);

/* The newest tree that a reader has seen; it never goes back or aside. */
struct vt_ledger_view {
    uint64_t size; /* 0: nothing seen yet */
    struct vt_digest root;
};
/* Checks that the fact's checkpoint is an extension of (or the same as) what was
 * seen, by the file's consistency proof, and takes it over. An older one is
 * VT_E_ROLLBACK unless the proof shows that the seen tree extends it; a fork is
 * VT_E_PROOF. */
VT_MUST enum vt_err vt_ledger_view_check(struct vt_ledger_view *v, const struct vt_fact *f,
    const struct vt_evidence_file *file, struct vt_why *why);

#endif
