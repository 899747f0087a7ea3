/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log entries: each leaf of the log is a small signed note that says what kind
 * of thing happened to which digests, and names the full statement by digest.
 * docs/formats/entry.md is its page. No free text, no personal data. No I/O.
 *
 *     vitrine/entry/v1
 *     kind assembly
 *     subject artifact sha256:HEX
 *     subject environment sha256:HEX
 *     ...
 *     statement sha256:HEX
 *
 *     — zurich.example/assembler BASE64
 *
 * Subjects stand sorted by role name and then digest, none twice.
 */
#ifndef VT_NOTE_ENTRY_H
#define VT_NOTE_ENTRY_H

#include "note/note.h"

#define VT_ENTRY_MAX 65535U /* bytes; the limit of an entry bundle */
#define VT_ENTRY_SUBJECTS_MAX 64U

enum vt_entry_kind {
    VT_ENTRY_SOURCE = 1,
    VT_ENTRY_ENVIRONMENT,
    VT_ENTRY_ASSEMBLY,
    VT_ENTRY_REBUILD,
    VT_ENTRY_MISMATCH,
    VT_ENTRY_RELEASE,
    /* The ledger: users' data (docs/formats/ledger-document.md). */
    VT_ENTRY_VAULT_POLICY,
    VT_ENTRY_VAULT_KEY,
    VT_ENTRY_REQUEST,
    VT_ENTRY_APPROVAL, /* or an approver's refusal */
    VT_ENTRY_GRANT,
    VT_ENTRY_REFUSAL, /* by the keeper */
    VT_ENTRY_RUN,
    VT_ENTRY_INVENTORY,
    VT_ENTRY_ERASURE,
    VT_ENTRY_RETENTION,
    VT_ENTRY_RELOCATION,
    VT_ENTRY_RECEIPT,
    VT_ENTRY_SHRED,
    /* Reviews and the Centre's record of openings (docs/formats/review.md). */
    VT_ENTRY_READING,
    VT_ENTRY_REVIEW,
    VT_ENTRY_OBJECTION,
    VT_ENTRY_VISITS,
    VT_ENTRY_KIND_COUNT
};

/* What a subject is to the entry. */
enum vt_subject_role {
    VT_SUBJECT_ARTIFACT = 1, /* an artifact's bytes */
    VT_SUBJECT_ENVIRONMENT,  /* an environment's manifest */
    VT_SUBJECT_METADATA,     /* TUF targets metadata of a release, as published */
    VT_SUBJECT_RECIPE,       /* a recipe's bytes */
    VT_SUBJECT_SOURCE,       /* a source snapshot's archive */
    VT_SUBJECT_REBUILT,      /* mismatch: the bytes that the rebuild gave instead */
    VT_SUBJECT_POLICY,       /* a vault policy, as signed */
    VT_SUBJECT_KEY,          /* a region's public key, or the commitment of a destroyed one */
    VT_SUBJECT_REQUEST,      /* a request document, as signed; so the next four */
    VT_SUBJECT_GRANT,
    VT_SUBJECT_RELOCATION,
    VT_SUBJECT_RECEIPT,
    VT_SUBJECT_INVENTORY, /* the root of a region's inventory */
    VT_SUBJECT_VISITS,    /* the root of a day's record of openings */
    VT_SUBJECT_ROLE_COUNT
};

struct vt_subject {
    enum vt_subject_role role;
    struct vt_digest digest;
};

struct vt_entry {
    enum vt_entry_kind kind;
    size_t subject_count;
    struct vt_subject subject[VT_ENTRY_SUBJECTS_MAX];
    struct vt_digest statement;
};

/* "source", ...; NULL for a value outside the table. */
const char *vt_entry_kind_name(enum vt_entry_kind kind);
VT_MUST bool vt_entry_kind_parse(const char *s, size_t len, enum vt_entry_kind *ret);
const char *vt_subject_role_name(enum vt_subject_role role);

/* Adds a subject in its place; VT_E_LIMIT when full; fine when already there. */
VT_MUST enum vt_err vt_entry_add(struct vt_entry *e, enum vt_subject_role role,
    const struct vt_digest *digest, struct vt_why *why);
bool vt_entry_has(
    const struct vt_entry *e, enum vt_subject_role role, const struct vt_digest *digest);
/* The only subject of that role, or NULL when there is none or several. */
const struct vt_digest *vt_entry_one(const struct vt_entry *e, enum vt_subject_role role);

/* Checks that a kind has the subjects that its page demands. VT_E_SYNTAX. */
VT_MUST enum vt_err vt_entry_check(const struct vt_entry *e, struct vt_why *why);

/* Appends the text that is signed. */
void vt_entry_put_text(struct vt_buf *b, const struct vt_entry *e);
/* Parses and checks a whole signed entry; its signatures are not verified yet.
 * *ret_note points into data. Exactly one signature line. VT_E_SYNTAX. */
VT_MUST enum vt_err vt_entry_parse(const void *data, size_t len, struct vt_note *ret_note,
    struct vt_entry *ret, struct vt_why *why);

/* Whether the entry is signed by that key, and the key may sign entries of its kind: a passkey
 * only reading, review and objection. VT_E_UNKNOWN, VT_E_SIG. */
VT_MUST enum vt_err vt_entry_verify(const struct vt_entry *e, const struct vt_note *n,
    const struct vt_vkey *k, struct vt_why *why);
/* Whether keys of that type may sign entries of that kind. */
bool vt_entry_kind_signable(enum vt_entry_kind kind, enum vt_note_alg alg);

struct vt_signer;
/* Signs and appends the whole entry, ready for the log. */
VT_MUST enum vt_err vt_entry_sign(
    struct vt_buf *b, const struct vt_entry *e, struct vt_signer *s, struct vt_why *why);

#endif
