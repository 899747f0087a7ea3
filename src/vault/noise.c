/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/noise.h"

#include "crypto/digest.h"

#include <string.h>

#define SCALE_MAX (1ULL << 52)
#define RUN_MAX 1024U /* of coins with probability 1/e in a row */

static enum vt_err
from_system(void *ctx, void *ret, size_t len, struct vt_why *why)
{
    (void)ctx;
    return vt_random(ret, len, why);
}

const struct vt_noise_source vt_noise_random = {.get = from_system};

/*
 * One sampling under way. The first error of the source sticks: draws then give 0, and
 * every loop below ends on it.
 */
struct draw {
    const struct vt_noise_source *src;
    struct vt_why *why;
    enum vt_err err;
};

/* Uniform in [0, n), n from 1 to 2^63: the smallest mask that covers it, then rejection. */
static uint64_t
uniform(struct draw *d, uint64_t n)
{
    uint64_t mask = n <= 1 ? 0 : UINT64_MAX >> __builtin_clzll(n - 1);
    uint64_t v = 0;

    if (d->err != VT_OK)
        return 0;
    do {
        uint8_t b[8];
        d->err = d->src->get(d->src->ctx, b, sizeof b, d->why);
        if (d->err != VT_OK)
            return 0;
        v = 0;
        for (size_t i = 0; i < sizeof b; i++)
            v = v << 8 | b[i];
        v &= mask;
    } while (v >= n);
    return v;
}

/* A coin that is true with probability exp(-a / b), a <= b: the number of successes in a
 * row of coins (a / b) / 1, (a / b) / 2, ... is even just that often. Each of those is drawn
 * as two, a / b and 1 / k, so that no product can overflow. */
static bool
coin_exp(struct draw *d, uint64_t a, uint64_t b)
{
    unsigned k = 1;

    while (d->err == VT_OK && uniform(d, b) < a && uniform(d, k) == 0) {
        if (++k > RUN_MAX)
            d->err = vt_fail(d->why, VT_E_CRYPTO, "the random source repeats itself");
    }
    return k % 2 == 1;
}

/* How often a coin of probability 1/e is true in a row. */
static uint64_t
run_of_coins(struct draw *d)
{
    uint64_t v = 0;

    while (d->err == VT_OK && coin_exp(d, 1, 1)) {
        if (++v > RUN_MAX)
            d->err = vt_fail(d->why, VT_E_CRYPTO, "the random source repeats itself");
    }
    return v;
}

/* x = u + num * v has probability proportional to exp(-x / num); its quotient by den has
 * the scale wanted; a sign makes it two-sided, and zero must not count twice. */
enum vt_err
vt_noise_laplace(const struct vt_noise_source *src, uint64_t num, uint64_t den, int64_t *ret,
    struct vt_why *why)
{
    struct draw d = {.src = src, .why = why};

    if (num == 0 || den == 0 || num > SCALE_MAX || den > SCALE_MAX)
        return vt_fail(why, VT_E_USAGE, "noise: its scale must be 1 to 2^52 over 1 to 2^52");
    while (d.err == VT_OK) {
        uint64_t u = uniform(&d, num);
        if (!coin_exp(&d, u, num))
            continue;
        uint64_t y = (u + num * run_of_coins(&d)) / den;
        bool minus = uniform(&d, 2) == 1;
        if (d.err == VT_OK && !(minus && y == 0)) {
            *ret = minus ? -(int64_t)y : (int64_t)y;
            return VT_OK;
        }
    }
    return d.err;
}

static bool
take_decimal(struct vt_reader *r, char sep, uint64_t max, uint64_t *ret)
{
    struct vt_reader word;

    return vt_reader_word(r, sep, &word) && vt_reader_decimal(&word, max, ret) && *ret > 0;
}

/* What follows `-- noise: `. */
static bool
parse_line(struct vt_reader *r, struct vt_noise_bounds *ret)
{
    struct vt_noise_bounds b = {0};
    uint64_t v;

    if (!vt_reader_skip(r, "rows ") || !take_decimal(r, ',', VT_NOISE_ROWS_MAX, &v) ||
        !vt_reader_skip(r, " bounds "))
        return false;
    b.rows = (uint32_t)v;
    /* A space at the very end would be swallowed with the last word. */
    if (r->left == 0 || r->p[r->left - 1] == ' ')
        return false;
    while (r->left > 0) {
        if (b.measure_count == VT_MEASURES_MAX || !take_decimal(r, ' ', VT_NOISE_BOUND_MAX, &v))
            return false;
        b.bound[b.measure_count++] = v;
    }
    *ret = b;
    return true;
}

enum vt_err
vt_noise_bounds_parse(
    const void *query, size_t len, struct vt_noise_bounds *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(query, len);
    struct vt_noise_bounds found = {0};
    struct vt_reader line;
    bool any = false;

    while (vt_reader_word(&r, '\n', &line)) {
        if (!vt_reader_skip(&line, "-- noise: "))
            continue;
        if (any)
            return vt_fail(why, VT_E_SYNTAX, "the query has two lines `-- noise:`");
        if (!parse_line(&line, &found))
            return vt_fail(why, VT_E_SYNTAX,
                "the query's line `-- noise:` must be `-- noise: rows R, bounds B B ...`, R up "
                "to %u, up to %u of B up to 2^32",
                VT_NOISE_ROWS_MAX, VT_MEASURES_MAX);
        any = true;
    }
    if (!any)
        return vt_fail(why, VT_E_NOENT,
            "the query has no line `-- noise: rows R, bounds B ...`, which noise needs");
    *ret = found;
    return VT_OK;
}

enum vt_err
vt_noise_scale(const struct vt_noise_bounds *b, size_t i, uint64_t epsilon, uint64_t *ret_num,
    uint64_t *ret_den, struct vt_why *why)
{
    uint64_t num = 0;

    if (i >= b->measure_count || epsilon == 0 || epsilon > VT_NOISE_EPSILON_MAX)
        return vt_fail(why, VT_E_USAGE, "noise: no such measure, or no such epsilon");
    if (__builtin_mul_overflow(2000ULL * b->rows, b->bound[i], &num) ||
        __builtin_mul_overflow(num, b->measure_count, &num) || num > SCALE_MAX)
        return vt_fail(why, VT_E_LIMIT,
            "the noise for %u rows and the bound %llu would be wider than 2^52", b->rows,
            (unsigned long long)b->bound[i]);
    *ret_num = num;
    *ret_den = epsilon;
    return VT_OK;
}
