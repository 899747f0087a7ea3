/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that live in a PKCS#11 token (HSM, smart card, SoftHSM2), reached
 * through p11-kit, and never leave it: AES-256 keys to wrap other keys with, and Ed25519 keys
 * that sign (as a struct vt_key: crypto/key.h).
 *
 * A token is named by a PKCS#11 URI (RFC 7512), for instance
 * `pkcs11:token=vault?module-path=/usr/lib/softhsm/libsofthsm2.so`. The PIN is the first
 * line of the file that the environment variable VITRINE_PIN_FILE names, or
 * asked for on the terminal; never part of the URI.
 */
#ifndef VT_CRYPTO_PKCS11_H
#define VT_CRYPTO_PKCS11_H

#include "base/buf.h"

struct vt_token; /* a logged-in session with one token; one thread */

/* VT_E_CONFIG: no URI, no such module, several tokens, no PIN; VT_E_NOENT: no such token;
 * VT_E_REFUSED: the PIN is wrong; VT_E_STATE, VT_E_IO. */
VT_MUST enum vt_err vt_token_open(const char *uri, struct vt_token **ret, struct vt_why *why);
/* The same for Ed25519 keys to sign with; the URI may give the label of one with `object`.
 * VT_E_CONFIG also when the token has no Ed25519. A uri of NULL is no error: *ret is then NULL,
 * for who takes a token or none. */
VT_MUST enum vt_err vt_token_open_signing(
    const char *uri, struct vt_token **ret, struct vt_why *why);
/* The label that the URI gave with `object`; "" for none. */
const char *vt_token_object(const struct vt_token *t);
/* Takes NULL. */
void vt_token_free(struct vt_token *t);

/* Makes an AES-256 key with that label in the token: sensitive, not extractable.
 * VT_E_EXIST. */
VT_MUST enum vt_err vt_token_key_new(struct vt_token *t, const char *label, struct vt_why *why);
/* VT_E_NOENT when there is none. */
VT_MUST enum vt_err vt_token_key_find(
    struct vt_token *t, const char *label, struct vt_why *why);
/* Destroys it; fine when it is not there. */
VT_MUST enum vt_err vt_token_key_destroy(
    struct vt_token *t, const char *label, struct vt_why *why);
/* Encrypts up to 64 KiB inside the token (AES-256-GCM with a random nonce, which
 * comes first); appended to b. VT_E_NOENT: no such key. */
VT_MUST enum vt_err vt_token_wrap(struct vt_token *t, const char *label, const void *aad,
    size_t aad_len, const void *data, size_t len, struct vt_buf *b, struct vt_why *why);
/* VT_E_SIG when it is not authentic. b must be marked secret. */
VT_MUST enum vt_err vt_token_unwrap(struct vt_token *t, const char *label, const void *aad,
    size_t aad_len, const void *data, size_t len, struct vt_buf *b, struct vt_why *why);

#endif
