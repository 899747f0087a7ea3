/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Noise for published measures: the discrete Laplace distribution, drawn exactly
 * (Canonne, Kamath, Steinke: "The Discrete Gaussian for Differential Privacy",
 * algorithms 1 and 2), with integers only, so that no rounding tells anything;
 * and the bounds that a query states, from which the noise's scale follows.
 * docs/formats/noise.md has the argument and what it does not cover. No I/O.
 */
#ifndef VT_VAULT_NOISE_H
#define VT_VAULT_NOISE_H

#include "base/buf.h"

#define VT_MEASURES_MAX 16U
#define VT_NOISE_ROWS_MAX 10000U
#define VT_NOISE_BOUND_MAX (1ULL << 32)
#define VT_NOISE_EPSILON_MAX 100000U /* thousandths */

/* Where random bytes come from. */
struct vt_noise_source {
    enum vt_err (*get)(void *ctx, void *ret, size_t len, struct vt_why *why);
    void *ctx;
};
/* vt_random. */
extern const struct vt_noise_source vt_noise_random;

/* Draws x with probability proportional to exp(-|x| * den / num): scale num / den.
 * Both 1 to 2^52 (VT_E_USAGE). Errors of the source; VT_E_CRYPTO when it gives what no
 * random source would (probability below 2^-1000). */
VT_MUST enum vt_err vt_noise_laplace(const struct vt_noise_source *src, uint64_t num,
    uint64_t den, int64_t *ret, struct vt_why *why);

/* What a query promises of each cell's rows; enforced by vault/aggregate.h: measure i
 * of a row is clipped to [0, bound[i]], and a cell that gives more rows has failed. It is part
 * of the request (by the query's digest), so it depends on no data. */
struct vt_noise_bounds {
    uint32_t rows; /* a cell gives; 1 to VT_NOISE_ROWS_MAX */
    size_t measure_count;
    uint64_t bound[VT_MEASURES_MAX]; /* 1 to VT_NOISE_BOUND_MAX */
};
/* Finds the one line `-- noise: rows R, bounds B [B]...` of a query. VT_E_NOENT: it has none.
 * VT_E_SYNTAX: more than one, or another form. */
VT_MUST enum vt_err vt_noise_bounds_parse(
    const void *query, size_t len, struct vt_noise_bounds *ret, struct vt_why *why);

/* The scale (num / den) for measure i with a budget of `epsilon` thousandths for the whole
 * run: 2 * rows * bound[i] * measures / epsilon. VT_E_USAGE (epsilon 0 or too large, no such
 * measure); VT_E_LIMIT (the scale passes 2^52). */
VT_MUST enum vt_err vt_noise_scale(const struct vt_noise_bounds *b, size_t i, uint64_t epsilon,
    uint64_t *ret_num, uint64_t *ret_den, struct vt_why *why);

#endif
