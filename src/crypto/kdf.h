/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC-SHA256 (RFC 2104) and HKDF-SHA256 (RFC 5869), over libcrypto with
 * contexts that a thread reuses, and scrypt (RFC 7914) for passphrases.
 */
#ifndef VT_CRYPTO_KDF_H
#define VT_CRYPTO_KDF_H

#include "crypto/digest.h"

void vt_hmac(
    const void *key, size_t key_len, const struct vt_slice *v, size_t n, struct vt_digest *ret);
/* Extract, then expand; ret_len at most 255 * 32. */
void vt_hkdf(const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
    const void *info, size_t info_len, uint8_t *ret, size_t ret_len);
void vt_hkdf_extract(const void *salt, size_t salt_len, const struct vt_slice *ikm, size_t n,
    struct vt_digest *ret);
void vt_hkdf_expand(const struct vt_digest *prk, const struct vt_slice *info, size_t n,
    uint8_t *ret, size_t ret_len);
/* N = 2^15, r = 8, p = 1: about 0.1 s and 32 MiB. VT_E_NOMEM. */
VT_MUST enum vt_err vt_scrypt(const void *passphrase, size_t len, const uint8_t salt[16],
    uint8_t ret[32], struct vt_why *why);

#endif
