/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making TUF metadata: the parts of a document, and signing it. Keys are
 * Ed25519 and all files compact JSON with sorted keys. No I/O.
 * docs/formats/tuf.md.
 *
 * Documents under way are jansson objects; a function that fails leaves one
 * that is only good for json_decref.
 */
#ifndef VT_RELEASE_DOCUMENT_H
#define VT_RELEASE_DOCUMENT_H

#include "crypto/signer.h"
#include "update/metadata.h"

#define VT_TUF_SPEC_VERSION "1.0.30"

/* {"_type", "spec_version", "version", "expires"}; the caller owns *ret. */
VT_MUST enum vt_err vt_document_new(
    enum vt_tuf_type type, uint64_t version, int64_t expires, json_t **ret, struct vt_why *why);

/* Who may sign for a role. */
struct vt_document_role {
    const char *name;
    const struct vt_pubkey *key;
    size_t key_count;
    uint64_t threshold;
};

/* Sets "keys", "roles" and consistent_snapshot of a root. */
VT_MUST enum vt_err vt_document_root(
    json_t *doc, const struct vt_document_role *roles, size_t n, struct vt_why *why);
/* Sets "delegations": each role with `pattern` as its only path, in this order,
 * none terminating. */
VT_MUST enum vt_err vt_document_delegations(json_t *doc, const struct vt_document_role *roles,
    size_t n, const char *pattern, struct vt_why *why);
/* Adds {"version", "length", "hashes"} of a metadata file's bytes to "meta". */
VT_MUST enum vt_err vt_document_meta(json_t *doc, const char *name, uint64_t version,
    const void *data, size_t len, struct vt_why *why);

/* Appends the text of a whole file: compact, keys sorted, and no newline at the
 * end, so that no byte of it is without meaning and could be changed unseen. */
VT_MUST enum vt_err vt_document_text(const json_t *file, struct vt_buf *b, struct vt_why *why);

/* Appends the file: `doc` under "signed" with a signature of each signer. */
VT_MUST enum vt_err vt_document_sign(const json_t *doc, struct vt_signer *const *signers,
    size_t n, struct vt_buf *b, struct vt_why *why);

#endif
