/* SPDX-License-Identifier: Apache-2.0 */
#include "log/derive.h"

#include "log/disk.h"
#include "log/tile_file.h"
#include "log/tiles_bundle.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Full tiles that are kept after they were read: 512 KiB. A multiple of 8, so that a tile and
 * the one above it never want the same slot. */
enum { SLOTS = 64, LEVELS = VT_TILE_LEVEL_MAX + 1 };
/* A bundle's memory beyond this is given back once it is written. */
#define KEEP_MAX (1024U * 1024U)

struct cached {
    bool there;
    unsigned level;
    uint64_t index;
    struct vt_digest hash[VT_TILE_WIDTH];
};

struct vt_derive {
    char dir[VT_PATH_MAX];
    struct vt_disk disk;
    bool unsure; /* a failed syncfs */
    _Atomic uint64_t size;
    /* Of level l the hashes [0, (size >> 8l) % 256) count. */
    struct vt_digest edge[LEVELS][VT_TILE_WIDTH];
    struct cached slot[SLOTS];
    /* The bundle that is not full yet; locked where it changes and where others read it. */
    pthread_mutex_t mutex;
    struct vt_buf bundle;
};

/* One syncfs is to make all tiles durable: they must be where it reaches. */
static enum vt_err
open_disk(struct vt_derive *d, struct vt_why *why)
{
    char below[sizeof "tile/" + 10];
    enum vt_err err = vt_disk_open(&d->disk, d->dir, why);

    if (err == VT_OK)
        err = vt_disk_check(&d->disk, "tile", why);
    if (err == VT_OK)
        err = vt_disk_check(&d->disk, "tile/entries", why);
    for (unsigned l = 0; l < LEVELS && err == VT_OK; l++) {
        (void)snprintf(below, sizeof below, "tile/%u", l);
        err = vt_disk_check(&d->disk, below, why);
    }
    return err;
}

enum vt_err
vt_derive_new(const char *dir, struct vt_derive **ret, struct vt_why *why)
{
    struct vt_derive *d = calloc(1, sizeof *d);
    enum vt_err err;

    if (d == NULL)
        return vt_fail(why, VT_E_NOMEM, "the log's tree: out of memory");
    d->disk.fd = -1;
    atomic_init(&d->size, 0);
    vt_buf_init(&d->bundle, VT_BUNDLE_MAX);
    (void)pthread_mutex_init(&d->mutex, NULL);
    err = vt_path(d->dir, why, "%s", dir);
    if (err == VT_OK)
        err = open_disk(d, why);
    if (err != VT_OK) {
        vt_derive_free(d);
        return err;
    }
    *ret = d;
    return VT_OK;
}

void
vt_derive_free(struct vt_derive *d)
{
    if (d == NULL)
        return;
    vt_disk_close(&d->disk);
    vt_buf_release(&d->bundle);
    (void)pthread_mutex_destroy(&d->mutex);
    free(d);
}

uint64_t
vt_derive_size(const struct vt_derive *d)
{
    return atomic_load_explicit(&d->size, memory_order_acquire);
}

/* The bundle's entries must be those that the edge's leaf hashes speak of. */
static enum vt_err
check_bundle(struct vt_derive *d, unsigned width, struct vt_why *why)
{
    struct vt_bundle b;
    enum vt_err err = vt_bundle_open(d->bundle.data, d->bundle.len, width, true, &b, why);

    if (err != VT_OK)
        return VT_E_DIGEST;
    for (unsigned i = 0; i < width; i++)
        if (!vt_digest_eq(&b.leaf[i], &d->edge[0][i]))
            return vt_fail(why, VT_E_DIGEST, "entry %u in it is not the one in the tree", i);
    return VT_OK;
}

static enum vt_err
load_bundle(struct vt_derive *d, uint64_t size, struct vt_why *why)
{
    struct vt_tile t = {.level = VT_TILE_ENTRIES,
        .index = size / VT_TILE_WIDTH,
        .width = (unsigned)(size % VT_TILE_WIDTH)};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_tile_file_path(path, d->dir, &t, why);

    if (err != VT_OK || t.width == 0)
        return err;
    err = vt_file_read(path, &d->bundle, why);
    if (err != VT_OK)
        return err;
    err = check_bundle(d, t.width, why);
    return err == VT_OK ? VT_OK
                        : vt_fail_in(why, err, "%s: remove it and start the log again", path);
}

enum vt_err
vt_derive_load(
    struct vt_derive *d, uint64_t size, const struct vt_digest *root, struct vt_why *why)
{
    struct vt_hash_source src = vt_derive_source(d);
    struct vt_digest have;
    enum vt_err err = VT_OK;

    for (unsigned l = 0; l < LEVELS && err == VT_OK; l++) {
        uint64_t count = size >> (8 * l);
        struct vt_tile t = {.level = l,
            .index = count / VT_TILE_WIDTH,
            .width = (unsigned)(count % VT_TILE_WIDTH)};

        if (t.width > 0)
            err = vt_tile_file_hashes(d->dir, &t, d->edge[l], why);
    }
    if (err != VT_OK)
        return err;
    atomic_store(&d->size, size);
    err = vt_merkle_root(&src, size, &have, why);
    if (err == VT_OK && !vt_digest_eq(&have, root))
        err = vt_fail(why, VT_E_DIGEST,
            "the tiles in %s do not give the root that was signed for %" PRIu64 " entries",
            d->dir, size);
    if (err == VT_OK)
        err = load_bundle(d, size, why);
    if (err != VT_OK) {
        atomic_store(&d->size, 0);
        vt_buf_clear(&d->bundle);
    }
    return err;
}

static enum vt_err
write_hashes(const struct vt_derive *d, const struct vt_tile *t, struct vt_why *why)
{
    return vt_tile_file_write(
        d->dir, t, d->edge[t->level], t->width * sizeof d->edge[0][0], why);
}

/* The tree has n leaves, a multiple of 256, once this is done: writes the tiles that are full
 * then and puts their roots into the levels above. May be done again. */
static enum vt_err
write_full(struct vt_derive *d, uint64_t n, struct vt_why *why)
{
    struct vt_tile t = {
        .level = VT_TILE_ENTRIES, .index = n / VT_TILE_WIDTH - 1, .width = VT_TILE_WIDTH};
    enum vt_err err = vt_tile_file_write(d->dir, &t, d->bundle.data, d->bundle.len, why);

    for (unsigned l = 0; l < LEVELS && n % VT_TILE_WIDTH == 0 && err == VT_OK; l++) {
        n /= VT_TILE_WIDTH;
        t.level = l;
        t.index = n - 1;
        err = write_hashes(d, &t, why);
        if (l + 1 < LEVELS)
            vt_tile_fold(d->edge[l], VT_TILE_WIDTH, &d->edge[l + 1][(n - 1) % VT_TILE_WIDTH]);
    }
    return err;
}

/* A new bundle begins. */
static void
clear_bundle(struct vt_derive *d)
{
    if (d->bundle.cap > KEEP_MAX)
        vt_buf_release(&d->bundle);
    else
        vt_buf_clear(&d->bundle);
}

static enum vt_err
put_entry(struct vt_derive *d, const void *entry, uint16_t len, struct vt_why *why)
{
    size_t before = d->bundle.len;

    (void)pthread_mutex_lock(&d->mutex);
    vt_buf_put_u16(&d->bundle, len);
    vt_buf_put(&d->bundle, entry, len);
    if (d->bundle.err != VT_OK) {
        d->bundle.err = VT_OK;
        d->bundle.len = before;
        (void)pthread_mutex_unlock(&d->mutex);
        return vt_fail(why, VT_E_NOMEM, "entry bundle: out of memory");
    }
    (void)pthread_mutex_unlock(&d->mutex);
    return VT_OK;
}

static enum vt_err
refuse_unsure(const struct vt_derive *d, struct vt_why *why)
{
    return vt_fail(why, VT_E_STATE,
        "%s: a write failed and it is not known what the disk holds: start the log again",
        d->dir);
}

enum vt_err
vt_derive_add(struct vt_derive *d, const void *entry, uint16_t len, struct vt_why *why)
{
    uint64_t size = vt_derive_size(d);
    unsigned at = (unsigned)(size % VT_TILE_WIDTH);
    size_t before = d->bundle.len;
    enum vt_err err = d->unsure ? refuse_unsure(d, why) : put_entry(d, entry, len, why);

    if (err != VT_OK)
        return err;
    vt_merkle_leaf(entry, len, &d->edge[0][at]);
    if (at + 1 == VT_TILE_WIDTH)
        err = write_full(d, size + 1, why);
    if (err == VT_OK && at + 1 < VT_TILE_WIDTH) {
        atomic_store_explicit(&d->size, size + 1, memory_order_release);
        return VT_OK;
    }
    (void)pthread_mutex_lock(&d->mutex);
    if (err == VT_OK) {
        atomic_store_explicit(&d->size, size + 1, memory_order_release);
        clear_bundle(d);
    } else {
        d->bundle.len = before;
    }
    (void)pthread_mutex_unlock(&d->mutex);
    return err;
}

enum vt_err
vt_derive_partials(struct vt_derive *d, uint64_t old_size, struct vt_why *why)
{
    uint64_t size = vt_derive_size(d);
    struct vt_tile t = {.level = VT_TILE_ENTRIES,
        .index = size / VT_TILE_WIDTH,
        .width = (unsigned)(size % VT_TILE_WIDTH)};
    enum vt_err err = VT_OK;

    if (d->unsure)
        return refuse_unsure(d, why);
    if (t.width > 0 && size != old_size)
        err = vt_tile_file_write(d->dir, &t, d->bundle.data, d->bundle.len, why);
    for (unsigned l = 0; l < LEVELS && err == VT_OK; l++) {
        uint64_t count = size >> (8 * l);

        t = (struct vt_tile){.level = l,
            .index = count / VT_TILE_WIDTH,
            .width = (unsigned)(count % VT_TILE_WIDTH)};
        if (t.width > 0 && count != old_size >> (8 * l))
            err = write_hashes(d, &t, why);
    }
    return err;
}

enum vt_err
vt_derive_sync(struct vt_derive *d, struct vt_why *why)
{
    if (d->unsure)
        return refuse_unsure(d, why);
    enum vt_err err = vt_disk_sync(&d->disk, why);
    d->unsure = err != VT_OK;
    return err;
}

/* One level (or the bundles): the tile that held the old edge, and the one before it, whose
 * partial forms had to stay then. */
static enum vt_err
drop_level(const struct vt_derive *d, unsigned level, uint64_t old_count, uint64_t count,
    struct vt_why *why)
{
    uint64_t full = count / VT_TILE_WIDTH;
    uint64_t old = old_count / VT_TILE_WIDTH;
    enum vt_err err = VT_OK;

    for (uint64_t n = old > 0 ? old - 1 : 0; n <= old && n + 2 <= full && err == VT_OK; n++)
        err = vt_tile_file_drop_partials(d->dir, level, n, why);
    return err;
}

enum vt_err
vt_derive_drop_partials(const struct vt_derive *d, uint64_t old_size, struct vt_why *why)
{
    uint64_t size = vt_derive_size(d);
    enum vt_err err = drop_level(d, VT_TILE_ENTRIES, old_size, size, why);

    for (unsigned l = 0; l < LEVELS && err == VT_OK; l++)
        err = drop_level(d, l, old_size >> (8 * l), size >> (8 * l), why);
    return err;
}

static enum vt_err get_full(struct vt_derive *d, unsigned level, uint64_t index,
    struct cached **ret, struct vt_why *why);

/* The hash `index` of a stored level: on the edge, or in a full tile. */
static enum vt_err
stored_hash(struct vt_derive *d, unsigned level, uint64_t index, const struct vt_digest **ret,
    struct vt_why *why)
{
    uint64_t count = vt_derive_size(d) >> (8 * level);
    struct cached *c = NULL;
    enum vt_err err;

    assert(index < count);
    if (index / VT_TILE_WIDTH == count / VT_TILE_WIDTH) {
        *ret = &d->edge[level][index % VT_TILE_WIDTH];
        return VT_OK;
    }
    err = get_full(d, level, index / VT_TILE_WIDTH, &c, why);
    if (err == VT_OK)
        *ret = &c->hash[index % VT_TILE_WIDTH];
    return err;
}

/* A full tile, whose root must stand in the level above. */
static enum vt_err
get_full(struct vt_derive *d, unsigned level, uint64_t index, struct cached **ret,
    struct vt_why *why)
{
    struct cached *c = &d->slot[(index * LEVELS + level) % SLOTS];
    struct vt_tile t = {.level = level, .index = index, .width = VT_TILE_WIDTH};
    const struct vt_digest *want = NULL;
    char path[VT_TILE_PATH_MAX];
    struct vt_digest root;
    enum vt_err err;

    *ret = c;
    if (c->there && c->level == level && c->index == index)
        return VT_OK;
    c->there = false;
    err = vt_tile_file_hashes(d->dir, &t, c->hash, why);
    if (err == VT_OK)
        err = stored_hash(d, level + 1, index, &want, why);
    if (err != VT_OK)
        return err;
    vt_tile_fold(c->hash, VT_TILE_WIDTH, &root);
    if (!vt_digest_eq(&root, want)) {
        vt_tile_path(&t, path);
        return vt_fail(why, VT_E_DIGEST, "%s/%s is damaged: remove it and start the log again",
            d->dir, path);
    }
    c->level = level;
    c->index = index;
    c->there = true;
    return VT_OK;
}

static enum vt_err
get_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_derive *d = ctx;
    const struct vt_digest *first_hash = NULL;
    struct vt_tile t;
    unsigned first;
    unsigned count;
    enum vt_err err;

    if (level >= 64 || index >= vt_derive_size(d) >> level)
        return vt_fail(
            why, VT_E_NOENT, "the tree has no subtree %u/%" PRIu64 " yet", level, index);
    vt_tile_of(level, index, vt_derive_size(d), &t, &first, &count);
    err = stored_hash(d, t.level, t.index * VT_TILE_WIDTH + first, &first_hash, why);
    if (err == VT_OK)
        vt_tile_fold(first_hash, count, ret);
    return err;
}

struct vt_hash_source
vt_derive_source(struct vt_derive *d)
{
    return (struct vt_hash_source){.get = get_hash, .ctx = d};
}

/* Entry number `at` of the bundle in memory. */
static void
copy_entry(const struct vt_derive *d, unsigned at, struct vt_buf *b)
{
    struct vt_reader r = VT_READER(d->bundle.data, d->bundle.len);
    const uint8_t *p = NULL;
    uint16_t len = 0;
    bool there = true;

    for (unsigned i = 0; i <= at && there; i++)
        there = vt_reader_u16(&r, &len) && vt_reader_take(&r, len, &p);
    assert(there);
    vt_buf_put(b, p, len);
}

enum vt_err
vt_derive_entry(struct vt_derive *d, uint64_t index, struct vt_buf *b, struct vt_why *why)
{
    uint64_t size;
    enum vt_err err;

    (void)pthread_mutex_lock(&d->mutex);
    size = vt_derive_size(d);
    if (index < size && index / VT_TILE_WIDTH == size / VT_TILE_WIDTH) {
        copy_entry(d, (unsigned)(index % VT_TILE_WIDTH), b);
        err = vt_buf_check(b, "entry", why);
    } else {
        err = vt_fail(why, VT_E_NOENT, "entry %" PRIu64 " is in no bundle in memory", index);
    }
    (void)pthread_mutex_unlock(&d->mutex);
    return err;
}
