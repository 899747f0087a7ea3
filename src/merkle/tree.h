/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RFC 6962 Merkle tree: hashing, proofs and their checks. No I/O, no
 * allocation.
 *
 * A tree of size n is split at the largest power of two below n. A leaf's hash
 * is SHA-256(0x00 || leaf), a node's SHA-256(0x01 || left || right), the empty
 * tree's SHA-256 of nothing (RFC 6962 section 2.1; RFC 9162 section 2.1 has
 * the same tree and better words for checking the proofs).
 */
#ifndef VT_MERKLE_TREE_H
#define VT_MERKLE_TREE_H

#include "crypto/digest.h"

/* A tree has fewer than 2^63 leaves, so no proof is longer than this. */
#define VT_PROOF_MAX 64

struct vt_proof {
    size_t len;
    struct vt_digest hash[VT_PROOF_MAX]; /* from the leaf's side up */
};

void vt_merkle_empty(struct vt_digest *ret);
void vt_merkle_leaf(const void *leaf, size_t len, struct vt_digest *ret);
void vt_merkle_node(
    const struct vt_digest *left, const struct vt_digest *right, struct vt_digest *ret);

/* Checks that leaf_hash is leaf `index` of the tree of `size` with `root`.
 * VT_E_PROOF. (RFC 9162 section 2.1.3.2) */
VT_MUST enum vt_err vt_merkle_check_inclusion(uint64_t index, uint64_t size,
    const struct vt_digest *leaf_hash, const struct vt_proof *proof,
    const struct vt_digest *root, struct vt_why *why);

/* Checks that the tree of new_size begins with the tree of old_size.
 * old_size 0: the proof must be empty and old_root the empty tree's.
 * VT_E_PROOF. (RFC 9162 section 2.1.4.2) */
VT_MUST enum vt_err vt_merkle_check_consistency(uint64_t old_size, uint64_t new_size,
    const struct vt_digest *old_root, const struct vt_digest *new_root,
    const struct vt_proof *proof, struct vt_why *why);

/* Subtrees [start, end) as in draft-ietf-plants-merkle-tree-certs: `start` is
 * a multiple of the least power of two not less than end - start. Checks that
 * leaf_hash is leaf `index` of the subtree with `root`. VT_E_PROOF. */
VT_MUST enum vt_err vt_merkle_check_subtree_inclusion(uint64_t index, uint64_t start,
    uint64_t end, const struct vt_digest *leaf_hash, const struct vt_proof *proof,
    const struct vt_digest *root, struct vt_why *why);
/* Checks that the subtree [start, end) with sub_root is part of the tree of
 * `size` with `root`. VT_E_PROOF. */
VT_MUST enum vt_err vt_merkle_check_subtree_consistency(uint64_t start, uint64_t end,
    uint64_t size, const struct vt_digest *sub_root, const struct vt_digest *root,
    const struct vt_proof *proof, struct vt_why *why);

/*
 * A tree's frontier: the roots of its complete subtrees, largest first. Enough
 * to append leaves and to know the root.
 */
struct vt_frontier {
    uint64_t size;
    struct vt_digest node[64]; /* node[l]: complete subtree of 2^l leaves, valid where
                                  bit l of size is set */
};
void vt_frontier_init(struct vt_frontier *f);
void vt_frontier_append(struct vt_frontier *f, const struct vt_digest *leaf_hash);
void vt_frontier_root(const struct vt_frontier *f, struct vt_digest *ret);

/*
 * Making proofs: the caller gives the hash of any complete, aligned subtree:
 * `level` is its height (0: leaf hashes) and `index` its number on that level.
 */
struct vt_hash_source {
    enum vt_err (*get)(
        void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why);
    void *ctx;
};
VT_MUST enum vt_err vt_merkle_prove_inclusion(const struct vt_hash_source *src, uint64_t index,
    uint64_t size, struct vt_proof *ret, struct vt_why *why);
VT_MUST enum vt_err vt_merkle_prove_consistency(const struct vt_hash_source *src,
    uint64_t old_size, uint64_t new_size, struct vt_proof *ret, struct vt_why *why);
/* The root of the first `size` leaves. */
VT_MUST enum vt_err vt_merkle_root(
    const struct vt_hash_source *src, uint64_t size, struct vt_digest *ret, struct vt_why *why);

#endif
