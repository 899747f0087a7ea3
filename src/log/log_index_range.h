/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Range proofs: that certain leaves are the leaves [a, b) of a tree of n, with one proof for
 * all. It is the roots of the complete subtrees of [0, a), largest first, and of [b, n), from
 * left to right: what a frontier needs to be carried over the gaps (docs/formats/log-index.md).
 * No I/O. Private to src/log.
 */
#ifndef VT_LOG_LOG_INDEX_RANGE_H
#define VT_LOG_LOG_INDEX_RANGE_H

#include "merkle/tree.h"

#define VT_RANGE_MAX 128U /* hashes of a proof: at most 63 on the left, 64 on the right */

struct vt_range_proof {
    size_t len;
    struct vt_digest hash[VT_RANGE_MAX];
};

/* How many hashes are on the left and on the right; a <= b <= n < 2^63. */
size_t vt_range_left(uint64_t a);
size_t vt_range_right(uint64_t b, uint64_t n);

VT_MUST enum vt_err vt_range_prove(const struct vt_hash_source *src, uint64_t a, uint64_t b,
    uint64_t n, struct vt_range_proof *ret, struct vt_why *why);

/* The left part for a = index, from the inclusion proof of leaf `index` in a tree of `size`,
 * which was checked: the hashes on its left. Returns their number, vt_range_left(index). */
size_t vt_range_left_of(uint64_t index, uint64_t size, const struct vt_proof *proof,
    struct vt_digest ret[VT_PROOF_MAX]);

/* Checking: begin with the left hashes (vt_range_left of them), append the hashes of the leaves
 * with vt_frontier_append, end with the right ones. */
void vt_range_begin(struct vt_frontier *f, uint64_t a, const struct vt_digest *left);
/* f has b leaves. The root of the tree of n that the proof leads to. */
void vt_range_end(struct vt_frontier *f, uint64_t n, const struct vt_digest *right,
    struct vt_digest *ret_root);

/* Appends a complete subtree of 2^level leaves to a frontier whose size is a multiple of that.
 */
void vt_range_append(struct vt_frontier *f, unsigned level, const struct vt_digest *root);

#endif
