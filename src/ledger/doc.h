/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledger documents: what entries about users' data name by digest. One text
 * form for all of them; docs/formats/ledger-document.md is its page. No I/O.
 *
 *     vitrine/vault/request/v1
 *     id 5f0c...                      field, one space, value
 *     purpose incident-response
 *     ...
 *
 *     — carol.example BASE64          one or more signatures (signed note)
 *
 * Each kind has a table of fields: their order, which may be left out, which
 * may stand several times, and what a value looks like. There is one way to
 * write a document, so what does not look exactly like it is refused. Values
 * are printable ASCII, 1 to 512 bytes. A document's digest is SHA-256 over all of
 * its bytes, signatures included. It holds no personal data: no free text, no
 * names of data subjects, only keys, codes, counts, times and digests.
 */
#ifndef VT_LEDGER_DOC_H
#define VT_LEDGER_DOC_H

#include "note/note.h"

#define VT_DOC_MAX (256U * 1024U) /* bytes of a document */
#define VT_DOC_FIELDS_MAX 2048U

enum vt_doc_kind {
    VT_DOC_POLICY = 1, /* who keeps what where, and who may do what (ledger/policy.h) */
    VT_DOC_KEY,        /* a region's public key and who holds shares of its private half */
    VT_DOC_REQUEST,    /* a question asked: purpose, scope, expiry, requester */
    VT_DOC_APPROVAL,   /* one approver's answer to exactly one request: approve or refuse */
    VT_DOC_GRANT,      /* the site: these approvals meet the policy */
    VT_DOC_REFUSAL,    /* the keeper said no, and why (a code) */
    VT_DOC_RUN,        /* what a job read and what came out: counts and digests */
    VT_DOC_INVENTORY,  /* how many segments a region has at a site, and their Merkle root */
    VT_DOC_ERASURE,    /* a subject's key was destroyed */
    VT_DOC_RETENTION,  /* epoch keys were destroyed because their time was over */
    VT_DOC_RELOCATION, /* a site begins to hand a region over */
    VT_DOC_RECEIPT,    /* the other site has all of it and has checked it */
    VT_DOC_SHRED,      /* the first site has destroyed keys and segments */
    VT_DOC_KIND_COUNT
};

/* How a value is written. */
enum vt_value {
    VT_VALUE_NAME = 1, /* a party, site or group: vt_key_name_valid */
    VT_VALUE_WORD,     /* a-z, 0-9, '-': 1 to 64 (purposes, classes, codes) */
    VT_VALUE_REGION,   /* A-Z, 0-9, '-': 2 to 16 */
    VT_VALUE_COUNT,    /* decimal below 2^63 */
    VT_VALUE_TIME,     /* RFC 3339 UTC seconds: 2026-11-22T10:00:00Z */
    VT_VALUE_DAY,      /* 2026-11-22 */
    VT_VALUE_DIGEST,   /* sha256:HEX */
    VT_VALUE_ID,       /* 32 lower-case hex digits: 16 bytes */
    VT_VALUE_BOX,      /* age1... */
    VT_VALUE_LINE,     /* words with single spaces, taken apart by the kind's own code */
};

struct vt_doc_field {
    const char *name;
    const char *value; /* NUL-terminated; both owned by the document */
};

struct vt_doc; /* owns copies of all it holds */

/* "request", ... ; NULL outside the table. */
const char *vt_doc_kind_name(enum vt_doc_kind kind);

/* Writing: fields in the table's order, then vt_doc_sign. */
VT_MUST enum vt_err vt_doc_new(enum vt_doc_kind kind, struct vt_doc **ret, struct vt_why *why);
void vt_doc_free(struct vt_doc *d);
/* VT_E_USAGE: no such field, out of order, too often, or a value of another form. */
VT_MUST enum vt_err vt_doc_add(
    struct vt_doc *d, const char *name, const char *value, struct vt_why *why);
VT_MUST enum vt_err vt_doc_addf(struct vt_doc *d, struct vt_why *why, const char *name,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
VT_MUST enum vt_err vt_doc_add_digest(
    struct vt_doc *d, const char *name, const struct vt_digest *v, struct vt_why *why);
VT_MUST enum vt_err vt_doc_add_time(
    struct vt_doc *d, const char *name, int64_t unix_s, struct vt_why *why);

struct vt_signer;
/* Checks that nothing is missing and appends the signed document to b
 * (VT_SIGN_VAULT). VT_E_USAGE naming the missing field. */
VT_MUST enum vt_err vt_doc_sign(
    const struct vt_doc *d, struct vt_signer *s, struct vt_buf *b, struct vt_why *why);
/* Appends one more signature to a signed document. */
VT_MUST enum vt_err vt_doc_countersign(
    struct vt_buf *b, struct vt_signer *s, struct vt_why *why);

/* Reading: strict. kind 0: any. VT_E_SYNTAX with the line, VT_E_LIMIT, VT_E_NOMEM.
 * Signatures are not verified yet. `data` is not kept. */
VT_MUST enum vt_err vt_doc_parse(const void *data, size_t len, enum vt_doc_kind kind,
    struct vt_doc **ret, struct vt_why *why);
/* The bytes as they were parsed or signed, and their digest. */
const void *vt_doc_bytes(const struct vt_doc *d, size_t *ret_len);
const struct vt_digest *vt_doc_digest(const struct vt_doc *d);
enum vt_doc_kind vt_doc_kind(const struct vt_doc *d);
/* Verifies k's signature on it: VT_E_UNKNOWN (no line of that key), VT_E_SIG. */
VT_MUST enum vt_err vt_doc_verify(
    const struct vt_doc *d, const struct vt_vkey *k, struct vt_why *why);

size_t vt_doc_count(const struct vt_doc *d);
const struct vt_doc_field *vt_doc_field(const struct vt_doc *d, size_t i);
/* The first field of that name, or NULL. The typed getters return false when
 * there is none; the form was checked when it was parsed. */
const char *vt_doc_get(const struct vt_doc *d, const char *name);
bool vt_doc_get_digest(const struct vt_doc *d, const char *name, struct vt_digest *ret);
bool vt_doc_get_count(const struct vt_doc *d, const char *name, uint64_t *ret);
bool vt_doc_get_time(const struct vt_doc *d, const char *name, int64_t *ret);
bool vt_doc_get_id(const struct vt_doc *d, const char *name, uint8_t ret[16]);

/* Days as epochs count them: days since 1970-01-01 UTC. */
bool vt_day_parse(const char *s, uint32_t *ret);
void vt_day_format(uint32_t day, char ret[11]);

#endif
