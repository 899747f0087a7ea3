/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shamir's secret sharing over GF(2^8) (polynomial x^8+x^4+x^3+x+1), byte by
 * byte, for 32-byte secrets. Any `m` of the shares give the secret; fewer say
 * nothing about it at all. Arithmetic takes the same time whatever the values.
 */
#ifndef VT_CRYPTO_SHAMIR_H
#define VT_CRYPTO_SHAMIR_H

#include "base/buf.h"

#define VT_SHARE_SECRET_SIZE 32
#define VT_SHARES_MAX 64U

struct vt_share {
    uint8_t x; /* 1 to 255: which share */
    uint8_t y[VT_SHARE_SECRET_SIZE];
};

/* Makes n shares with x = 1..n, of which m are needed: 1 <= m <= n <=
 * VT_SHARES_MAX (VT_E_USAGE). */
VT_MUST enum vt_err vt_shamir_split(const uint8_t secret[VT_SHARE_SECRET_SIZE], unsigned m,
    unsigned n, struct vt_share *ret, struct vt_why *why);
/* Joins n shares: exactly those that are needed, or more of the same secret.
 * VT_E_USAGE when an x is 0 or there twice. Wrong or too few shares give
 * another secret without an error: the caller checks what comes out. */
VT_MUST enum vt_err vt_shamir_join(const struct vt_share *v, unsigned n,
    uint8_t ret[VT_SHARE_SECRET_SIZE], struct vt_why *why);

#endif
