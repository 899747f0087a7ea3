/* SPDX-License-Identifier: Apache-2.0 */
#include "log/tiles.h"

#include <stdlib.h>
#include <string.h>

/* Direct-mapped caches: 2 MiB of tiles, and bundles, one at least and HELD_MAX beside it. */
enum { SLOTS = 256, BUNDLES = 32 };
#define HELD_MAX (32U * 1024U * 1024U)

struct cached {
    struct vt_tile tile; /* width 0: empty */
    struct vt_digest hash[VT_TILE_WIDTH];
};

struct held {
    uint64_t index;
    struct vt_buf data;
    struct vt_bundle open; /* width 0: empty */
};

struct vt_tiles {
    struct vt_fetch *fetch;
    uint64_t size;
    struct vt_digest root;
    bool edge_ok; /* the right edge was fetched and gives the root */
    struct vt_edge edge;
    struct cached slot[SLOTS];
    struct held bundle[BUNDLES];
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
        vt_buf_init(&t->bundle[i].data, VT_BUNDLE_MAX);
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

enum vt_err
vt_tiles_fetch(const struct vt_tile *tile, struct vt_fetch *f, struct vt_fetch_ahead *ahead,
    struct vt_buf *b, bool *ret_whole, struct vt_why *why)
{
    char path[VT_TILE_PATH_MAX];
    struct vt_tile full = *tile;
    enum vt_err err;

    vt_tile_path(tile, path);
    err = ahead != NULL ? vt_fetch_ahead_take(ahead, path, b, why)
                        : vt_fetch_get(f, path, b, why);
    *ret_whole = true;
    if (err != VT_E_NOENT || tile->width == VT_TILE_WIDTH)
        return err;
    *ret_whole = false;
    full.width = VT_TILE_WIDTH;
    vt_tile_path(&full, path);
    return vt_fetch_get(f, path, b, why);
}

enum vt_err
vt_tiles_hashes(const struct vt_tile *tile, struct vt_fetch *f, struct vt_fetch_ahead *ahead,
    struct vt_digest *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_TILE_WIDTH * VT_DIGEST_SIZE);
    char path[VT_TILE_PATH_MAX];
    bool whole;
    enum vt_err err = vt_tiles_fetch(tile, f, ahead, &b, &whole, why);
    size_t want = (whole ? tile->width : VT_TILE_WIDTH) * VT_DIGEST_SIZE;

    if (err == VT_OK && b.len != want) {
        vt_tile_path(tile, path);
        err = vt_fail(why, VT_E_PROOF, "%s has %zu bytes, not %zu", path, b.len, want);
    }
    if (err == VT_OK)
        memcpy(ret, b.data, tile->width * VT_DIGEST_SIZE);
    vt_buf_release(&b);
    return err;
}

/* Fetches the partial tiles of all levels and checks that they give the root. */
static enum vt_err
load_edge(struct vt_tiles *t, struct vt_why *why)
{
    struct vt_digest root;
    enum vt_err err = VT_OK;

    t->edge.size = t->size;
    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX && err == VT_OK; l++) {
        struct vt_tile tile = vt_edge_tile(&t->edge, l);

        if (tile.width > 0)
            err = vt_tiles_hashes(&tile, t->fetch, NULL, t->edge.hash[l], why);
    }
    if (err == VT_OK)
        err = vt_edge_root(&t->edge, &root, why);
    if (err == VT_OK && !vt_digest_eq(&root, &t->root))
        err = vt_fail(why, VT_E_PROOF,
            "the log's tiles do not give the root of its checkpoint of %llu entries",
            (unsigned long long)t->size);
    t->edge_ok = err == VT_OK;
    return err;
}

enum vt_err
vt_tiles_edge(struct vt_tiles *t, const struct vt_edge **ret, struct vt_why *why)
{
    enum vt_err err = t->edge_ok ? VT_OK : load_edge(t, why);

    if (err == VT_OK)
        *ret = &t->edge;
    return err;
}

static enum vt_err get_tile(struct vt_tiles *t, const struct vt_tile *tile,
    const struct vt_digest **ret, struct vt_why *why);

static struct cached *
slot_of(struct vt_tiles *t, unsigned level, uint64_t index)
{
    return &t->slot[(index * 8 + level) % SLOTS];
}

/* Whether the hashes are those of the full tile: its root must stand in the tile above. */
static enum vt_err
check_full(struct vt_tiles *t, const struct vt_tile *tile, const struct vt_digest *hashes,
    struct vt_why *why)
{
    const struct vt_digest *above = NULL;
    struct vt_tile up = {.level = tile->level + 1, .index = tile->index / VT_TILE_WIDTH};
    struct vt_digest root;
    char path[VT_TILE_PATH_MAX];
    enum vt_err err;

    if (tile->level == VT_TILE_LEVEL_MAX)
        return vt_fail(why, VT_E_LIMIT, "the log is larger than can be read");
    up.width = vt_tile_width(up.level, up.index, t->size);
    err = get_tile(t, &up, &above, why);
    if (err != VT_OK)
        return err;
    vt_tile_fold(hashes, VT_TILE_WIDTH, &root);
    if (vt_digest_eq(&root, &above[tile->index % VT_TILE_WIDTH]))
        return VT_OK;
    vt_tile_path(tile, path);
    return vt_fail(why, VT_E_PROOF, "%s is not the tile of the checkpoint's tree", path);
}

/* The checked hashes of a tile. *ret points into a cache. */
static enum vt_err
get_tile(struct vt_tiles *t, const struct vt_tile *tile, const struct vt_digest **ret,
    struct vt_why *why)
{
    struct cached *c = slot_of(t, tile->level, tile->index);
    struct cached *fresh;
    enum vt_err err = t->edge_ok ? VT_OK : load_edge(t, why);

    if (err != VT_OK)
        return err;
    *ret = t->edge.hash[tile->level];
    if (tile->width < VT_TILE_WIDTH)
        return VT_OK;
    *ret = c->hash;
    if (c->tile.width > 0 && c->tile.level == tile->level && c->tile.index == tile->index)
        return VT_OK;
    fresh = malloc(sizeof(*fresh));
    if (fresh == NULL)
        return vt_fail(why, VT_E_NOMEM, "log reader: out of memory");
    fresh->tile = *tile;
    err = vt_tiles_hashes(tile, t->fetch, NULL, fresh->hash, why);
    if (err == VT_OK)
        err = check_full(t, tile, fresh->hash, why);
    if (err == VT_OK)
        *c = *fresh;
    free(fresh);
    return err;
}

static enum vt_err
get_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_tiles *t = ctx;
    const struct vt_digest *hash = NULL;
    struct vt_tile tile;
    unsigned first;
    unsigned count;
    enum vt_err err;

    vt_tile_of(level, index, t->size, &tile, &first, &count);
    if (tile.level > VT_TILE_LEVEL_MAX || tile.width == 0)
        return vt_fail(why, VT_E_PROOF, "the tree has no subtree %u/%llu", level,
            (unsigned long long)index);
    err = get_tile(t, &tile, &hash, why);
    if (err == VT_OK)
        vt_tile_fold(&hash[first], count, ret);
    return err;
}

struct vt_hash_source
vt_tiles_source(struct vt_tiles *t)
{
    return (struct vt_hash_source){.get = get_hash, .ctx = t};
}

/* Which entry of a bundle is not its leaf, by the tile, which is checked itself. */
static enum vt_err
name_culprit(struct vt_tiles *t, uint64_t n, const struct vt_bundle *b, struct vt_why *why)
{
    struct vt_tile tile = {.level = 0, .index = n, .width = b->width};
    const struct vt_digest *leaf = NULL;
    enum vt_err err = get_tile(t, &tile, &leaf, why);

    for (unsigned i = 0; i < b->width && err == VT_OK; i++)
        if (!vt_digest_eq(&b->leaf[i], &leaf[i]))
            return vt_fail(why, VT_E_PROOF, "entry %llu is not the one in the log's tree",
                (unsigned long long)(n * VT_TILE_WIDTH + i));
    return err != VT_OK && err != VT_E_PROOF
               ? vt_fail_in(why, VT_E_PROOF, "entry bundle %llu is not that of the log's tree",
                     (unsigned long long)n)
               : err;
}

enum vt_err
vt_tiles_check(struct vt_tiles *t, uint64_t n, const struct vt_bundle *b, struct vt_why *why)
{
    struct vt_digest root;
    struct vt_digest want;
    enum vt_err err;

    if (b->width < VT_TILE_WIDTH)
        return name_culprit(t, n, b, why);
    err = get_hash(t, 8, n, &want, why);
    if (err != VT_OK)
        return err;
    vt_tile_fold(b->leaf, VT_TILE_WIDTH, &root);
    return vt_digest_eq(&root, &want) ? VT_OK : name_culprit(t, n, b, why);
}

/* Empties a slot; when the others together are too large, them too. */
static void
make_room(struct vt_tiles *t, struct held *b)
{
    size_t held = 0;

    vt_buf_clear(&b->data);
    b->open.width = 0;
    for (size_t i = 0; i < BUNDLES; i++)
        held += t->bundle[i].data.cap;
    for (size_t i = 0; i < BUNDLES && held > HELD_MAX; i++) {
        vt_buf_release(&t->bundle[i].data);
        t->bundle[i].open.width = 0;
    }
}

enum vt_err
vt_tiles_bundle(struct vt_tiles *t, uint64_t n, struct vt_fetch_ahead *ahead,
    const struct vt_bundle **ret, const uint8_t **ret_data, struct vt_why *why)
{
    struct vt_tile tile = {.level = VT_TILE_ENTRIES, .index = n};
    struct held *b = &t->bundle[n % BUNDLES];
    bool whole = false;
    enum vt_err err = VT_OK;

    tile.width = vt_tile_width(0, n, t->size);
    if (b->open.width == 0 || b->index != n) {
        make_room(t, b);
        b->index = n;
        err = vt_tiles_fetch(&tile, t->fetch, ahead, &b->data, &whole, why);
        if (err != VT_OK)
            return err;
        err = vt_bundle_open(b->data.data, b->data.len, tile.width, whole, &b->open, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "entry bundle %llu", (unsigned long long)n);
        else
            err = vt_tiles_check(t, n, &b->open, why);
        if (err != VT_OK)
            b->open.width = 0;
    }
    if (err == VT_OK) {
        *ret = &b->open;
        *ret_data = b->data.data;
    }
    return err;
}

enum vt_err
vt_tiles_entry(struct vt_tiles *t, uint64_t index, const uint8_t **ret, size_t *ret_len,
    struct vt_why *why)
{
    const struct vt_bundle *b = NULL;
    const uint8_t *data = NULL;
    unsigned i = (unsigned)(index % VT_TILE_WIDTH);
    enum vt_err err;

    if (index >= t->size)
        return vt_fail(why, VT_E_NOENT, "the log has %llu entries, not %llu",
            (unsigned long long)t->size, (unsigned long long)index);
    err = vt_tiles_bundle(t, index / VT_TILE_WIDTH, NULL, &b, &data, why);
    if (err == VT_OK) {
        *ret = data + b->at[i];
        *ret_len = b->len[i];
    }
    return err;
}
