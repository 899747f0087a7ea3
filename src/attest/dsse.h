/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DSSE envelopes (secure-systems-lab/dsse v1) around in-toto Statements v1.
 * Only the bytes whose signature was verified are ever parsed as a statement.
 * No I/O.
 */
#ifndef VT_ATTEST_DSSE_H
#define VT_ATTEST_DSSE_H

#include "base/json.h"
#include "crypto/digest.h"
#include "crypto/key.h"

#define VT_DSSE_MAX (8U * 1024U * 1024U) /* bytes of an envelope */
#define VT_DSSE_SIGS_MAX 16U
#define VT_DSSE_INTOTO "application/vnd.in-toto+json"

struct vt_signer;

/* Appends "DSSEv1 LEN TYPE LEN BODY", which is what is signed. */
void vt_dsse_pae(struct vt_buf *b, const char *type, const void *body, size_t len);

/* Signs a statement and appends the envelope (JSON; keyid is the hex SHA-256 of
 * the raw public key, a hint only). */
VT_MUST enum vt_err vt_dsse_sign(
    struct vt_buf *b, const void *body, size_t len, struct vt_signer *s, struct vt_why *why);

/* Verifies that `pub` signed the envelope and appends the payload to *payload.
 * Accepts both base64 alphabets; type must be VT_DSSE_INTOTO. VT_E_SYNTAX,
 * VT_E_LIMIT, VT_E_SIG. */
VT_MUST enum vt_err vt_dsse_open(const void *data, size_t len, const struct vt_pubkey *pub,
    struct vt_buf *payload, struct vt_why *why);

#endif
