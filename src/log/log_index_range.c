/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log_index_range.h"

#include <assert.h>

size_t
vt_range_left(uint64_t a)
{
    return (size_t)__builtin_popcountll(a);
}

/* The largest complete subtree that begins at b and does not reach beyond n; b < n. */
static unsigned
level_at(uint64_t b, uint64_t n)
{
    const unsigned fits = 63U - (unsigned)__builtin_clzll(n - b);
    const unsigned aligned = b == 0 ? 63U : (unsigned)__builtin_ctzll(b);

    return fits < aligned ? fits : aligned;
}

size_t
vt_range_right(uint64_t b, uint64_t n)
{
    size_t count = 0;

    for (; b < n; count++)
        b += UINT64_C(1) << level_at(b, n);
    return count;
}

enum vt_err
vt_range_prove(const struct vt_hash_source *src, uint64_t a, uint64_t b, uint64_t n,
    struct vt_range_proof *ret, struct vt_why *why)
{
    struct vt_range_proof p = {0};
    uint64_t at = 0;
    enum vt_err err = VT_OK;

    assert(a <= b && b <= n && n <= INT64_MAX);
    for (unsigned l = 63; l-- > 0 && err == VT_OK;) {
        if ((a >> l & 1) == 0)
            continue;
        err = src->get(src->ctx, l, at >> l, &p.hash[p.len++], why);
        at += UINT64_C(1) << l;
    }
    while (b < n && err == VT_OK) {
        const unsigned l = level_at(b, n);

        err = src->get(src->ctx, l, b >> l, &p.hash[p.len++], why);
        b += UINT64_C(1) << l;
    }
    if (err == VT_OK)
        *ret = p;
    return err;
}

size_t
vt_range_left_of(uint64_t index, uint64_t size, const struct vt_proof *proof,
    struct vt_digest ret[VT_PROOF_MAX])
{
    const size_t count = vt_range_left(index);
    uint64_t at = index, last = size - 1;
    size_t found = 0;

    assert(index < size);
    for (size_t i = 0; i < proof->len && found < count; i++, at >>= 1, last >>= 1) {
        const bool left = (at & 1) != 0 || at == last;

        if (left)
            ret[count - ++found] = proof->hash[i];
        while (left && (at & 1) == 0 && at != 0) {
            at >>= 1;
            last >>= 1;
        }
    }
    assert(found == count);
    return count;
}

void
vt_range_append(struct vt_frontier *f, unsigned level, const struct vt_digest *root)
{
    struct vt_digest h = *root;
    unsigned l = level;

    assert(level < 63 && (f->size & ((UINT64_C(1) << level) - 1)) == 0);
    for (; (f->size >> l & 1) != 0; l++)
        vt_merkle_node(&f->node[l], &h, &h);
    f->node[l] = h;
    f->size += UINT64_C(1) << level;
}

void
vt_range_begin(struct vt_frontier *f, uint64_t a, const struct vt_digest *left)
{
    vt_frontier_init(f);
    for (unsigned l = 63; l-- > 0;) {
        if ((a >> l & 1) != 0)
            vt_range_append(f, l, left++);
    }
}

void
vt_range_end(struct vt_frontier *f, uint64_t n, const struct vt_digest *right,
    struct vt_digest *ret_root)
{
    assert(f->size <= n && n <= INT64_MAX);
    while (f->size < n)
        vt_range_append(f, level_at(f->size, n), right++);
    vt_frontier_root(f, ret_root);
}
