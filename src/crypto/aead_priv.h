/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChaCha20-Poly1305 (RFC 8439), with the arguments and errors of crypto/aead.h.
 * The age format wants it; nothing of ours is sealed with it.
 */
#ifndef VT_CRYPTO_AEAD_PRIV_H
#define VT_CRYPTO_AEAD_PRIV_H

#include "crypto/aead.h"

VT_MUST enum vt_err vt_chacha_seal(const uint8_t key[VT_AEAD_KEY_SIZE],
    const uint8_t nonce[VT_AEAD_NONCE_SIZE], const void *msg, size_t len, uint8_t *ret,
    struct vt_why *why);
VT_MUST enum vt_err vt_chacha_open(const uint8_t key[VT_AEAD_KEY_SIZE],
    const uint8_t nonce[VT_AEAD_NONCE_SIZE], const void *sealed, size_t len, uint8_t *ret,
    struct vt_why *why);

#endif
