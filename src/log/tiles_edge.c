/* SPDX-License-Identifier: Apache-2.0 */
#include "log/tiles_edge.h"

#include <assert.h>

struct vt_tile
vt_edge_tile(const struct vt_edge *e, unsigned level)
{
    uint64_t count = e->size >> (8 * level);

    return (struct vt_tile){.level = level,
        .index = count / VT_TILE_WIDTH,
        .width = (unsigned)(count % VT_TILE_WIDTH)};
}

/* A complete subtree that the tree of that size is made of. */
static enum vt_err
edge_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    const struct vt_edge *e = ctx;
    struct vt_tile tile;
    unsigned first;
    unsigned count;

    vt_tile_of(level, index, e->size, &tile, &first, &count);
    if (tile.level > VT_TILE_LEVEL_MAX || tile.width == 0 || tile.width == VT_TILE_WIDTH)
        return vt_fail(why, VT_E_PROOF, "the log's right edge lacks a tile");
    vt_tile_fold(&e->hash[tile.level][first], count, ret);
    return VT_OK;
}

enum vt_err
vt_edge_root(const struct vt_edge *e, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_edge *unchanged = (struct vt_edge *)(uintptr_t)e;
    struct vt_hash_source src = {.get = edge_hash, .ctx = unchanged};

    return vt_merkle_root(&src, e->size, ret, why);
}

enum vt_err
vt_edge_put(struct vt_edge *e, unsigned level, const struct vt_digest *hash,
    enum vt_err (*full)(
        void *ctx, const struct vt_tile *t, const struct vt_digest *hashes, struct vt_why *why),
    void *ctx, struct vt_why *why)
{
    struct vt_digest up = *hash;
    uint64_t unit = UINT64_C(1) << (8 * level);

    assert(level <= VT_TILE_LEVEL_MAX && e->size % unit == 0);
    for (;; level++) {
        struct vt_tile t = vt_edge_tile(e, level);
        enum vt_err err;

        e->hash[level][t.width++] = up;
        if (t.width < VT_TILE_WIDTH)
            break;
        err = full(ctx, &t, e->hash[level], why);
        if (err != VT_OK)
            return err;
        if (level == VT_TILE_LEVEL_MAX)
            return vt_fail(why, VT_E_LIMIT, "the log is larger than can be read");
        vt_tile_fold(e->hash[level], VT_TILE_WIDTH, &up);
    }
    e->size += unit;
    return VT_OK;
}

enum vt_err
vt_edge_load(
    struct vt_edge *e, const struct vt_hash_source *src, uint64_t size, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    e->size = size;
    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX && err == VT_OK; l++) {
        struct vt_tile t = vt_edge_tile(e, l);

        for (unsigned i = 0; i < t.width && err == VT_OK; i++)
            err = src->get(src->ctx, 8 * l, t.index * VT_TILE_WIDTH + i, &e->hash[l][i], why);
    }
    return err;
}
