/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of passkeys: ECDSA over P-256 with SHA-256 (FIPS 186-5), over libcrypto. Only
 * their verification: the private keys are in reviewers' authenticators.
 */
#ifndef VT_CRYPTO_P256_H
#define VT_CRYPTO_P256_H

#include "crypto/digest.h"

#define VT_P256_PUBLIC_SIZE                                                                    \
    33U                     /* a compressed point (SEC 1 section 2.3.3): 02 or 03, and x       \
                             */
#define VT_P256_SIG_MAX 72U /* bytes of a signature in DER at the most */

struct vt_p256_public {
    uint8_t b[VT_P256_PUBLIC_SIZE];
};

/* Whether it is a point of the curve. */
bool vt_p256_valid(const struct vt_p256_public *pub);
/* The point with these coordinates (32 bytes each, big endian), compressed. VT_E_SYNTAX: it is
 * not on the curve. */
VT_MUST enum vt_err vt_p256_from_xy(
    const uint8_t x[32], const uint8_t y[32], struct vt_p256_public *ret, struct vt_why *why);

/* Whether sig is the canonical DER of a signature by pub over the message with that SHA-256:
 * a SEQUENCE of two positive INTEGERs in their shortest form and nothing after it. */
bool vt_p256_verify(const struct vt_p256_public *pub, const struct vt_digest *hash,
    const uint8_t *sig, size_t sig_len);

#endif
