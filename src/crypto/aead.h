/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-256-GCM (NIST SP 800-38D) over libcrypto, with one context a thread
 * reused. Nonces of 12 bytes, tags of 16 that follow the ciphertext.
 */
#ifndef VT_CRYPTO_AEAD_H
#define VT_CRYPTO_AEAD_H

#include "base/buf.h"

#define VT_AEAD_KEY_SIZE 32
#define VT_AEAD_NONCE_SIZE 12
#define VT_AEAD_TAG_SIZE 16

/* Writes len + VT_AEAD_TAG_SIZE bytes to ret, which may be msg itself. At most 1
 * GiB. A nonce may be used once only under one key. */
VT_MUST enum vt_err vt_aead_seal(const uint8_t key[VT_AEAD_KEY_SIZE],
    const uint8_t nonce[VT_AEAD_NONCE_SIZE], const void *aad, size_t aad_len, const void *msg,
    size_t len, uint8_t *ret, struct vt_why *why);
/* Writes len - VT_AEAD_TAG_SIZE bytes to ret, which may be `sealed` itself.
 * VT_E_SIG when it is not authentic (ret is then wiped), VT_E_SYNTAX when it is
 * shorter than a tag. */
VT_MUST enum vt_err vt_aead_open(const uint8_t key[VT_AEAD_KEY_SIZE],
    const uint8_t nonce[VT_AEAD_NONCE_SIZE], const void *aad, size_t aad_len,
    const void *sealed, size_t len, uint8_t *ret, struct vt_why *why);

#endif
