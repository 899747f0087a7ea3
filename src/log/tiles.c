/* SPDX-License-Identifier: Apache-2.0 */
#include "log/tiles.h"

#include <stdlib.h>
#include <string.h>

/* Direct-mapped caches: 2 MiB of tiles, and bundles of at most 16 MiB each. */
enum { SLOTS = 256, BUNDLES = 32 };
#define BUNDLE_MAX (VT_TILE_WIDTH * (2U + 65535U))

struct cached {
    struct vt_tile tile; /* width 0: empty */
    struct vt_digest hash[VT_TILE_WIDTH];
};

struct bundle {
    uint64_t index;
    unsigned width; /* 0: empty */
    struct vt_buf data;
    uint32_t at[VT_TILE_WIDTH]; /* offsets of the entries' bytes */
    uint16_t len[VT_TILE_WIDTH];
};

struct vt_tiles {
    struct vt_fetch *fetch;
    uint64_t size;
    struct vt_digest root;
    bool edge_ok; /* the right edge was fetched and gives the root */
    struct cached edge[VT_TILE_LEVEL_MAX + 1];
    struct cached slot[SLOTS];
    struct bundle bundle[BUNDLES];
};

enum vt_err
vt_tiles_new(struct vt_fetch *fetch, uint64_t size, const struct vt_digest *root,
    struct vt_tiles **ret, struct vt_why *why)
{
    struct vt_tiles *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return vt_fail(why, VT_E_NOMEM, "log reader: out of memory");
    t->fetch = fetch;
    t->size = size;
    t->root = *root;
    for (size_t i = 0; i < BUNDLES; i++)
        vt_buf_init(&t->bundle[i].data, BUNDLE_MAX);
    *ret = t;
    return VT_OK;
}

void
vt_tiles_free(struct vt_tiles *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < BUNDLES; i++)
        vt_buf_release(&t->bundle[i].data);
    free(t);
}

/* Fetches a tile's file. A partial one may be gone when the log has grown: the
 * full one begins with the same bytes. */
static enum vt_err
fetch_tile(struct vt_tiles *t, const struct vt_tile *tile, struct vt_buf *b, struct vt_why *why)
{
    char path[VT_TILE_PATH_MAX];
    struct vt_tile full = *tile;
    enum vt_err err;

    vt_tile_path(tile, path);
    err = vt_fetch_get(t->fetch, path, b, why);
    if (err != VT_E_NOENT || tile->width == VT_TILE_WIDTH)
        return err;
    full.width = VT_TILE_WIDTH;
    vt_tile_path(&full, path);
    return vt_fetch_get(t->fetch, path, b, why);
}

static enum vt_err
fetch_hashes(
    struct vt_tiles *t, const struct vt_tile *tile, struct cached *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_TILE_WIDTH * VT_DIGEST_SIZE);
    enum vt_err err = fetch_tile(t, tile, &b, why);
    char path[VT_TILE_PATH_MAX];

    if (err == VT_OK && b.len != tile->width * VT_DIGEST_SIZE &&
        b.len != VT_TILE_WIDTH * VT_DIGEST_SIZE) {
        vt_tile_path(tile, path);
        err = vt_fail(why, VT_E_PROOF, "%s has %zu bytes, not %u", path, b.len,
            tile->width * VT_DIGEST_SIZE);
    }
    if (err == VT_OK) {
        ret->tile = *tile;
        for (unsigned i = 0; i < tile->width; i++)
            memcpy(ret->hash[i].b, b.data + i * VT_DIGEST_SIZE, VT_DIGEST_SIZE);
    }
    vt_buf_release(&b);
    return err;
}

/* Folds a run of hashes of the right edge, for computing the root. */
static enum vt_err
edge_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_tiles *t = ctx;
    struct vt_tile tile;
    unsigned first;
    unsigned count;

    vt_tile_of(level, index, t->size, &tile, &first, &count);
    if (tile.level > VT_TILE_LEVEL_MAX || t->edge[tile.level].tile.width == 0 ||
        t->edge[tile.level].tile.index != tile.index)
        return vt_fail(why, VT_E_PROOF, "the log's right edge lacks a tile");
    vt_tile_fold(&t->edge[tile.level].hash[first], count, ret);
    return VT_OK;
}

/* Fetches the partial tiles of all levels and checks that they give the root. */
static enum vt_err
load_edge(struct vt_tiles *t, struct vt_why *why)
{
    struct vt_hash_source src = {.get = edge_hash, .ctx = t};
    struct vt_digest root;
    enum vt_err err = VT_OK;

    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX && err == VT_OK; l++) {
        uint64_t count = t->size >> (8 * l);
        struct vt_tile tile = {.level = l,
            .index = count / VT_TILE_WIDTH,
            .width = (unsigned)(count % VT_TILE_WIDTH)};

        t->edge[l].tile.width = 0;
        if (tile.width > 0)
            err = fetch_hashes(t, &tile, &t->edge[l], why);
    }
    if (err == VT_OK)
        err = vt_merkle_root(&src, t->size, &root, why);
    if (err == VT_OK && !vt_digest_eq(&root, &t->root))
        err = vt_fail(why, VT_E_PROOF,
            "the log's tiles do not give the root of its checkpoint of %llu entries",
            (unsigned long long)t->size);
    t->edge_ok = err == VT_OK;
    return err;
}

static struct cached *
slot_of(struct vt_tiles *t, unsigned level, uint64_t index)
{
    return &t->slot[(index * 8 + level) % SLOTS];
}

/* A full tile's root must stand in the tile above. *ret points into a cache. */
static enum vt_err
get_tile(struct vt_tiles *t, const struct vt_tile *tile, const struct cached **ret,
    struct vt_why *why)
{
    const struct cached *above = NULL;
    struct cached *c = slot_of(t, tile->level, tile->index);
    struct cached *fresh;
    struct vt_digest root;
    struct vt_tile up;
    enum vt_err err = t->edge_ok ? VT_OK : load_edge(t, why);

    if (err != VT_OK)
        return err;
    *ret = &t->edge[tile->level];
    if (tile->width < VT_TILE_WIDTH)
        return VT_OK;
    *ret = c;
    if (c->tile.width > 0 && c->tile.level == tile->level && c->tile.index == tile->index)
        return VT_OK;
    if (tile->level == VT_TILE_LEVEL_MAX)
        return vt_fail(why, VT_E_LIMIT, "the log is larger than can be read");
    fresh = malloc(sizeof(*fresh));
    if (fresh == NULL)
        return vt_fail(why, VT_E_NOMEM, "log reader: out of memory");
    err = fetch_hashes(t, tile, fresh, why);
    up = (struct vt_tile){.level = tile->level + 1, .index = tile->index / VT_TILE_WIDTH};
    up.width = vt_tile_width(up.level, up.index, t->size);
    if (err == VT_OK)
        err = get_tile(t, &up, &above, why);
    if (err == VT_OK) {
        vt_tile_fold(fresh->hash, VT_TILE_WIDTH, &root);
        if (!vt_digest_eq(&root, &above->hash[tile->index % VT_TILE_WIDTH]))
            err =
                vt_fail(why, VT_E_PROOF, "the log's tile %u/%llu is not that of its checkpoint",
                    tile->level, (unsigned long long)tile->index);
    }
    if (err == VT_OK)
        *c = *fresh;
    free(fresh);
    return err;
}

static enum vt_err
get_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_tiles *t = ctx;
    const struct cached *c = NULL;
    struct vt_tile tile;
    unsigned first;
    unsigned count;
    enum vt_err err;

    vt_tile_of(level, index, t->size, &tile, &first, &count);
    if (tile.level > VT_TILE_LEVEL_MAX || tile.width == 0)
        return vt_fail(why, VT_E_PROOF, "the tree has no subtree %u/%llu", level,
            (unsigned long long)index);
    err = get_tile(t, &tile, &c, why);
    if (err == VT_OK)
        vt_tile_fold(&c->hash[first], count, ret);
    return err;
}

struct vt_hash_source
vt_tiles_source(struct vt_tiles *t)
{
    return (struct vt_hash_source){.get = get_hash, .ctx = t};
}

/* Takes a bundle apart and checks each entry against its leaf hash. */
static enum vt_err
check_bundle(struct bundle *b, const struct vt_digest *leaf, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data.data, b->data.len);

    for (unsigned i = 0; i < b->width; i++) {
        const uint8_t *p;
        struct vt_digest d;

        if (!vt_reader_u16(&r, &b->len[i]) || !vt_reader_take(&r, b->len[i], &p))
            return vt_fail(why, VT_E_PROOF, "entry bundle %llu is cut short",
                (unsigned long long)b->index);
        b->at[i] = (uint32_t)(p - b->data.data);
        vt_merkle_leaf(p, b->len[i], &d);
        if (!vt_digest_eq(&d, &leaf[i]))
            return vt_fail(why, VT_E_PROOF, "entry %llu is not the one in the log's tree",
                (unsigned long long)(b->index * VT_TILE_WIDTH + i));
    }
    return VT_OK;
}

static enum vt_err
load_bundle(struct vt_tiles *t, uint64_t n, struct bundle *b, struct vt_why *why)
{
    struct vt_tile entries = {.level = VT_TILE_ENTRIES, .index = n};
    struct vt_tile leaves = {.level = 0, .index = n};
    const struct cached *c = NULL;
    enum vt_err err;

    leaves.width = vt_tile_width(0, n, t->size);
    entries.width = leaves.width;
    b->width = 0;
    vt_buf_clear(&b->data);
    err = get_tile(t, &leaves, &c, why);
    if (err == VT_OK)
        err = fetch_tile(t, &entries, &b->data, why);
    if (err != VT_OK)
        return err;
    b->index = n;
    b->width = leaves.width;
    err = check_bundle(b, c->hash, why);
    if (err != VT_OK)
        b->width = 0;
    return err;
}

enum vt_err
vt_tiles_entry(struct vt_tiles *t, uint64_t index, const uint8_t **ret, size_t *ret_len,
    struct vt_why *why)
{
    uint64_t n = index / VT_TILE_WIDTH;
    struct bundle *b = &t->bundle[n % BUNDLES];
    unsigned i = (unsigned)(index % VT_TILE_WIDTH);
    enum vt_err err = VT_OK;

    if (index >= t->size)
        return vt_fail(why, VT_E_NOENT, "the log has %llu entries, not %llu",
            (unsigned long long)t->size, (unsigned long long)index);
    if (b->width == 0 || b->index != n)
        err = load_bundle(t, n, b, why);
    if (err == VT_OK) {
        *ret = b->data.data + b->at[i];
        *ret_len = b->len[i];
    }
    return err;
}
