/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each byte of the secret is the value at 0 of a polynomial of degree m - 1
 * whose other coefficients are random; share x holds the value at x. m values
 * fix the polynomial, and m - 1 are values of one polynomial for every secret
 * that could be.
 */
#include "crypto/shamir.h"

#include "crypto/digest.h"

/* Russian peasants' multiplication with masks in place of branches and tables. */
static uint8_t
field_mul(uint8_t a, uint8_t b)
{
    unsigned x = a, y = b, product = 0;

    for (unsigned i = 0; i < 8; i++) {
        product ^= (0U - (y & 1)) & x;
        y >>= 1;
        x = x << 1 ^ ((0U - (x >> 7)) & 0x11b);
    }
    return (uint8_t)product;
}

/* The inverse is the 254th power, as the field has 255 elements but 0. */
static uint8_t
field_inverse(uint8_t a)
{
    uint8_t power = a; /* a^(2^(i + 1) - 1) after i rounds */

    for (unsigned i = 0; i < 6; i++)
        power = field_mul(field_mul(power, power), a);
    return field_mul(power, power);
}

enum vt_err
vt_shamir_split(const uint8_t secret[VT_SHARE_SECRET_SIZE], unsigned m, unsigned n,
    struct vt_share *ret, struct vt_why *why)
{
    uint8_t coefficient[VT_SHARES_MAX][VT_SHARE_SECRET_SIZE];
    enum vt_err err;

    if (m < 1 || m > n || n > VT_SHARES_MAX)
        return vt_fail(why, VT_E_USAGE,
            "a secret cannot be split into %u shares of which %u are needed", n, m);
    err = vt_random(coefficient, (m - 1) * sizeof coefficient[0], why);
    if (err != VT_OK)
        return err;
    for (unsigned i = 0; i < n; i++) {
        ret[i].x = (uint8_t)(i + 1);
        for (size_t at = 0; at < VT_SHARE_SECRET_SIZE; at++) {
            uint8_t y = 0;
            for (unsigned k = m - 1; k-- > 0;)
                y = field_mul(y ^ coefficient[k][at], ret[i].x);
            ret[i].y[at] = y ^ secret[at];
        }
    }
    vt_wipe(coefficient, sizeof coefficient);
    return VT_OK;
}

static enum vt_err
check_shares(const struct vt_share *v, unsigned n, struct vt_why *why)
{
    if (n < 1 || n > VT_SHARES_MAX)
        return vt_fail(why, VT_E_USAGE, "%u shares cannot be joined", n);
    for (unsigned i = 0; i < n; i++) {
        if (v[i].x == 0)
            return vt_fail(why, VT_E_USAGE, "share 0 is none");
        for (unsigned k = 0; k < i; k++) {
            if (v[k].x == v[i].x)
                return vt_fail(why, VT_E_USAGE, "share %u is there twice", (unsigned)v[i].x);
        }
    }
    return VT_OK;
}

/* What share i counts for at 0: the product of x_k / (x_k - x_i) over the others
 * (Lagrange; subtraction is exclusive or). */
static uint8_t
weight(const struct vt_share *v, unsigned n, unsigned i)
{
    uint8_t above = 1, below = 1;

    for (unsigned k = 0; k < n; k++) {
        if (k == i)
            continue;
        above = field_mul(above, v[k].x);
        below = field_mul(below, v[k].x ^ v[i].x);
    }
    return field_mul(above, field_inverse(below));
}

enum vt_err
vt_shamir_join(
    const struct vt_share *v, unsigned n, uint8_t ret[VT_SHARE_SECRET_SIZE], struct vt_why *why)
{
    enum vt_err err = check_shares(v, n, why);

    if (err != VT_OK)
        return err;
    for (size_t at = 0; at < VT_SHARE_SECRET_SIZE; at++)
        ret[at] = 0;
    for (unsigned i = 0; i < n; i++) {
        uint8_t w = weight(v, n, i);
        for (size_t at = 0; at < VT_SHARE_SECRET_SIZE; at++)
            ret[at] ^= field_mul(w, v[i].y[at]);
    }
    return VT_OK;
}
