/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All four checks are one. An inclusion proof shows that the one-leaf subtree
 * [i, i + 1) is part of a tree, a consistency proof that the subtree [0, m) is,
 * and the general case is a subtree [start, end). So there is one walk, from
 * the root down to the subtree, that writes down at each turn what the proof's
 * hash there is for; then the proof is folded from the bottom up along it.
 *
 * At a node over n leaves, split at k (the largest power of two below n), the
 * subtree lies wholly left of k, wholly right of it, or begins at 0 and reaches
 * beyond it. In the last case its own root has the left half in it too; and
 * below that point its root is no longer a node of the tree, so that the proof
 * must begin with the node that the walk ends at.
 */
#include "merkle/tree.h"

#include <assert.h>
#include <inttypes.h>

#define SIZE_MAX_LEAVES INT64_MAX /* a tree has fewer than 2^63 leaves */

enum turn {
    TURN_LEFT,  /* the proof's hash is the right sibling */
    TURN_RIGHT, /* it is the left sibling */
    TURN_SPLIT, /* the left sibling, and part of the subtree as well */
};

struct walk {
    size_t len;
    bool whole;                   /* the walk ends at the subtree's own root */
    enum turn turn[VT_PROOF_MAX]; /* from the root down */
};

void
vt_merkle_empty(struct vt_digest *ret)
{
    vt_digest_of("", 0, ret);
}

void
vt_merkle_leaf(const void *leaf, size_t len, struct vt_digest *ret)
{
    const struct vt_slice v[] = {{"\x00", 1}, {leaf, len}};
    vt_digest_of_slices(v, 2, ret);
}

void
vt_merkle_node(
    const struct vt_digest *left, const struct vt_digest *right, struct vt_digest *ret)
{
    vt_digest_pair(0x01, left, right, ret);
}

/* The largest power of two below n; n > 1. */
static uint64_t
split_of(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* The least power of two not less than n. */
static uint64_t
power_from(uint64_t n)
{
    return n < 2 ? 1 : split_of(n) << 1;
}

/* Walks to the subtree [start, end), which is valid and not empty, in a tree
 * of n leaves. At most 63 turns, since n < 2^63. */
static void
walk_to(uint64_t start, uint64_t end, uint64_t n, struct walk *ret)
{
    ret->len = 0;
    ret->whole = true;
    while (end - start != n) {
        uint64_t k = split_of(n);
        enum turn t = end <= k ? TURN_LEFT : start >= k ? TURN_RIGHT : TURN_SPLIT;
        assert(ret->len < VT_PROOF_MAX);
        ret->turn[ret->len++] = t;
        if (t == TURN_LEFT) {
            n = k;
            continue;
        }
        ret->whole = ret->whole && t == TURN_RIGHT;
        start = t == TURN_RIGHT ? start - k : 0;
        end -= k;
        n -= k;
    }
}

/* Folds the proof along the walk: *ret_sub is the subtree's root as the proof
 * has it, *ret_root the tree's. false: the proof has another length. */
static bool
fold(const struct walk *w, const struct vt_digest *sub_root, const struct vt_proof *proof,
    struct vt_digest *ret_sub, struct vt_digest *ret_root)
{
    size_t seeds = w->whole ? 0 : 1;
    if (proof->len != w->len + seeds || proof->len > VT_PROOF_MAX)
        return false;
    struct vt_digest sub = w->whole ? *sub_root : proof->hash[0];
    struct vt_digest root = sub;
    for (size_t i = 0; i < w->len; i++) {
        const struct vt_digest *h = &proof->hash[seeds + i];
        enum turn t = w->turn[w->len - 1 - i];
        if (t == TURN_SPLIT)
            vt_merkle_node(h, &sub, &sub);
        if (t == TURN_LEFT)
            vt_merkle_node(&root, h, &root);
        else
            vt_merkle_node(h, &root, &root);
    }
    *ret_sub = sub;
    *ret_root = root;
    return true;
}

enum vt_err
vt_merkle_check_inclusion(uint64_t index, uint64_t size, const struct vt_digest *leaf_hash,
    const struct vt_proof *proof, const struct vt_digest *root, struct vt_why *why)
{
    struct vt_digest sub, got;
    struct walk w;

    if (size > SIZE_MAX_LEAVES || index >= size)
        return vt_fail(why, VT_E_PROOF,
            "entry %" PRIu64 " cannot be in a tree of size %" PRIu64, index, size);
    walk_to(index, index + 1, size, &w);
    if (!fold(&w, leaf_hash, proof, &sub, &got))
        return vt_fail(why, VT_E_PROOF,
            "the inclusion proof of entry %" PRIu64
            " has %zu hashes; in a tree of size %" PRIu64 " it has %zu",
            index, proof->len, size, w.len);
    if (!vt_digest_eq(&got, root))
        return vt_fail(why, VT_E_PROOF,
            "the inclusion proof of entry %" PRIu64
            " does not lead to the root of the tree of size %" PRIu64,
            index, size);
    return VT_OK;
}

static enum vt_err
check_empty(uint64_t start, const struct vt_digest *sub_root, const struct vt_proof *proof,
    struct vt_why *why)
{
    struct vt_digest empty;
    vt_merkle_empty(&empty);
    if (proof->len != 0)
        return vt_fail(why, VT_E_PROOF,
            "the proof of the empty tree at %" PRIu64 " must have no hashes, not %zu", start,
            proof->len);
    if (!vt_digest_eq(sub_root, &empty))
        return vt_fail(why, VT_E_PROOF, "the root of no entries is not the empty tree's");
    return VT_OK;
}

/* The check of a subtree that is known to be valid. */
static enum vt_err
check_part(uint64_t start, uint64_t end, uint64_t size, const struct vt_digest *sub_root,
    const struct vt_digest *root, const struct vt_proof *proof, struct vt_why *why)
{
    struct vt_digest sub, got;
    struct walk w;

    walk_to(start, end, size, &w);
    if (!fold(&w, sub_root, proof, &sub, &got))
        return vt_fail(why, VT_E_PROOF,
            "the consistency proof from [%" PRIu64 ", %" PRIu64 ") to size %" PRIu64
            " has %zu hashes, not %zu",
            start, end, size, proof->len, w.len + (w.whole ? 0 : 1));
    if (!vt_digest_eq(&sub, sub_root))
        return vt_fail(why, VT_E_PROOF,
            "the consistency proof does not lead to the root of [%" PRIu64 ", %" PRIu64 ")",
            start, end);
    if (!vt_digest_eq(&got, root))
        return vt_fail(why, VT_E_PROOF,
            "the consistency proof does not lead to the root of the tree of size %" PRIu64
            ": the two trees are not one",
            size);
    return VT_OK;
}

enum vt_err
vt_merkle_check_consistency(uint64_t old_size, uint64_t new_size,
    const struct vt_digest *old_root, const struct vt_digest *new_root,
    const struct vt_proof *proof, struct vt_why *why)
{
    if (new_size > SIZE_MAX_LEAVES || old_size > new_size)
        return vt_fail(why, VT_E_PROOF,
            "a tree of size %" PRIu64 " cannot begin with one of size %" PRIu64, new_size,
            old_size);
    if (old_size > 0)
        return check_part(0, old_size, new_size, old_root, new_root, proof, why);
    if (new_size == 0 && !vt_digest_eq(old_root, new_root))
        return vt_fail(why, VT_E_PROOF, "two empty trees have different roots");
    return check_empty(0, old_root, proof, why);
}

enum vt_err
vt_merkle_check_subtree_inclusion(uint64_t index, uint64_t start, uint64_t end,
    const struct vt_digest *leaf_hash, const struct vt_proof *proof,
    const struct vt_digest *root, struct vt_why *why)
{
    if (start > end || end > SIZE_MAX_LEAVES || start % power_from(end - start) != 0)
        return vt_fail(
            why, VT_E_PROOF, "[%" PRIu64 ", %" PRIu64 ") is not a subtree", start, end);
    if (index < start || index >= end)
        return vt_fail(why, VT_E_PROOF,
            "entry %" PRIu64 " is not in the subtree [%" PRIu64 ", %" PRIu64 ")", index, start,
            end);
    return vt_merkle_check_inclusion(index - start, end - start, leaf_hash, proof, root, why);
}

enum vt_err
vt_merkle_check_subtree_consistency(uint64_t start, uint64_t end, uint64_t size,
    const struct vt_digest *sub_root, const struct vt_digest *root,
    const struct vt_proof *proof, struct vt_why *why)
{
    if (start > end || end > size || size > SIZE_MAX_LEAVES ||
        start % power_from(end - start) != 0)
        return vt_fail(why, VT_E_PROOF,
            "[%" PRIu64 ", %" PRIu64 ") is not a subtree of a tree of size %" PRIu64, start,
            end, size);
    if (start == end)
        return check_empty(start, sub_root, proof, why);
    return check_part(start, end, size, sub_root, root, proof, why);
}

void
vt_frontier_init(struct vt_frontier *f)
{
    *f = (struct vt_frontier){0};
}

void
vt_frontier_append(struct vt_frontier *f, const struct vt_digest *leaf_hash)
{
    struct vt_digest h = *leaf_hash;
    unsigned level = 0;
    assert(f->size < SIZE_MAX_LEAVES);
    for (; (f->size >> level & 1) != 0; level++)
        vt_merkle_node(&f->node[level], &h, &h);
    f->node[level] = h;
    f->size++;
}

void
vt_frontier_root(const struct vt_frontier *f, struct vt_digest *ret)
{
    struct vt_digest h;
    bool have = false;
    vt_merkle_empty(&h);
    for (unsigned level = 0; level < 64; level++) {
        if ((f->size >> level & 1) == 0)
            continue;
        if (have)
            vt_merkle_node(&f->node[level], &h, &h);
        else
            h = f->node[level];
        have = true;
    }
    *ret = h;
}

/* The root of the subtree [start, start + n), n > 0, from complete subtrees,
 * the smallest first. */
static enum vt_err
range_root(const struct vt_hash_source *src, uint64_t start, uint64_t n, struct vt_digest *ret,
    struct vt_why *why)
{
    struct vt_digest h = {{0}}, left;
    uint64_t left_to_do = n;

    for (unsigned level = 0; left_to_do != 0; level++) {
        if ((n >> level & 1) == 0)
            continue;
        bool first = left_to_do == n;
        left_to_do &= ~(UINT64_C(1) << level);
        enum vt_err err =
            src->get(src->ctx, level, (start + left_to_do) >> level, first ? &h : &left, why);
        if (err != VT_OK)
            return err;
        if (!first)
            vt_merkle_node(&left, &h, &h);
    }
    *ret = h;
    return VT_OK;
}

/* The siblings along the way to [start, end), and the node that the way ends
 * at when that is not the subtree's root. */
static enum vt_err
prove(const struct vt_hash_source *src, uint64_t start, uint64_t end, uint64_t size,
    struct vt_proof *ret, struct vt_why *why)
{
    struct vt_proof p = {0};
    struct walk w;
    uint64_t base = 0, n = size;
    enum vt_err err = VT_OK;

    walk_to(start, end, size, &w);
    p.len = w.len + (w.whole ? 0 : 1);
    for (size_t i = 0; i < w.len && err == VT_OK; i++) {
        struct vt_digest *h = &p.hash[p.len - 1 - i];
        uint64_t k = split_of(n);
        if (w.turn[i] == TURN_LEFT) {
            err = range_root(src, base + k, n - k, h, why);
            n = k;
        } else {
            err = range_root(src, base, k, h, why);
            base += k;
            n -= k;
        }
    }
    if (err == VT_OK && !w.whole)
        err = range_root(src, base, n, &p.hash[0], why);
    if (err == VT_OK)
        *ret = p;
    return err;
}

enum vt_err
vt_merkle_prove_inclusion(const struct vt_hash_source *src, uint64_t index, uint64_t size,
    struct vt_proof *ret, struct vt_why *why)
{
    if (size > SIZE_MAX_LEAVES || index >= size)
        return vt_fail(why, VT_E_USAGE,
            "entry %" PRIu64 " is not in a tree of size %" PRIu64
            ": wait until it is published",
            index, size);
    return prove(src, index, index + 1, size, ret, why);
}

enum vt_err
vt_merkle_prove_consistency(const struct vt_hash_source *src, uint64_t old_size,
    uint64_t new_size, struct vt_proof *ret, struct vt_why *why)
{
    if (new_size > SIZE_MAX_LEAVES || old_size > new_size)
        return vt_fail(why, VT_E_USAGE,
            "no proof leads from size %" PRIu64 " to the smaller size %" PRIu64, old_size,
            new_size);
    if (old_size == 0) {
        *ret = (struct vt_proof){0};
        return VT_OK;
    }
    return prove(src, 0, old_size, new_size, ret, why);
}

enum vt_err
vt_merkle_root(
    const struct vt_hash_source *src, uint64_t size, struct vt_digest *ret, struct vt_why *why)
{
    if (size > SIZE_MAX_LEAVES)
        return vt_fail(why, VT_E_USAGE, "a tree has fewer than 2^63 leaves");
    if (size > 0)
        return range_root(src, 0, size, ret, why);
    vt_merkle_empty(ret);
    return VT_OK;
}
