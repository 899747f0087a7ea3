/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a key stands in a run's file. Keys are digests, so its place among all pages can be
 * guessed from its first bits, and guessed better from two pages around it; a row of bad
 * guesses, from keys that somebody chose, is cut short by halving. Nothing read on the way is
 * believed: what counts is the range proof at the end.
 */
#include "log/find_run.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    PAGE_BYTES = VT_INDEX_PAGE * VT_INDEX_RECORD,
    WHOLE_BYTES = 64 * 1024, /* files up to that are read at once */
    WINDOW = 8,              /* pages of a guess */
    CHUNK_MAX = 256,         /* pages read at once when many are needed */
};

struct file {
    struct vt_fetch *fetch;
    const struct vt_index_run *run;
    uint64_t pages;
    char path[VT_FETCH_PATH_MAX];
    struct vt_buf part; /* the bytes from `at` on, read last */
    uint64_t at;
    struct vt_buf tile; /* the tile of hashes that was read last */
    unsigned tile_level;
    uint64_t tile_index;
};

static void
file_open(struct file *f, struct vt_fetch *fetch, const struct vt_index_run *run)
{
    *f = (struct file){.fetch = fetch, .run = run, .pages = vt_index_pages(run->count)};
    (void)snprintf(
        f->path, sizeof f->path, "index/%u/%llu", run->k, (unsigned long long)run->j);
    vt_buf_init(&f->part, CHUNK_MAX * PAGE_BYTES);
    vt_buf_init(&f->tile, VT_TILE_WIDTH * VT_DIGEST_SIZE);
}

static void
file_close(struct file *f)
{
    vt_buf_release(&f->part);
    vt_buf_release(&f->tile);
}

/* The bytes [at, at + len) of the file, until the next call. */
static enum vt_err
get_bytes(struct file *f, uint64_t at, size_t len, const uint8_t **ret, struct vt_why *why)
{
    const uint64_t all = vt_index_run_hashes(f->run->count, VT_TILE_LEVEL_MAX + 1);
    enum vt_err err = VT_OK;

    if (at < f->at || at + len > f->at + f->part.len) {
        vt_buf_clear(&f->part);
        f->at = all <= WHOLE_BYTES ? 0 : at;
        err = vt_fetch_get_range(
            f->fetch, f->path, f->at, all <= WHOLE_BYTES ? (size_t)all : len, &f->part, why);
    }
    if (err == VT_OK)
        *ret = f->part.data + (at - f->at);
    return err;
}

static size_t
pages_bytes(const struct file *f, uint64_t first, uint64_t n)
{
    const uint64_t end = (first + n) * VT_INDEX_PAGE;
    const uint64_t records =
        (end < f->run->count ? end : f->run->count) - first * VT_INDEX_PAGE;

    return (size_t)records * VT_INDEX_RECORD;
}

static enum vt_err
get_pages(struct file *f, uint64_t first, uint64_t n, const uint8_t **ret, struct vt_why *why)
{
    return get_bytes(f, first * PAGE_BYTES, pages_bytes(f, first, n), ret, why);
}

/* Hashes of the run's tree, unchecked. */
static enum vt_err
get_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    struct file *f = ctx;
    struct vt_tile t;
    struct vt_digest hash[VT_TILE_WIDTH];
    unsigned first, count;
    enum vt_err err = VT_OK;

    vt_tile_of(level, index, f->pages, &t, &first, &count);
    if (f->tile.len == 0 || t.level != f->tile_level || t.index != f->tile_index) {
        const uint64_t at = vt_index_run_hashes(f->run->count, t.level) +
                            t.index * VT_TILE_WIDTH * VT_DIGEST_SIZE;
        const size_t len = t.width * VT_DIGEST_SIZE;
        const uint8_t *p = NULL;

        vt_buf_clear(&f->tile);
        err = get_bytes(f, at, len, &p, why);
        if (err == VT_OK) {
            vt_buf_put(&f->tile, p, len);
            err = vt_buf_check(&f->tile, f->path, why);
        }
        f->tile_level = t.level;
        f->tile_index = t.index;
    }
    if (err != VT_OK)
        return err;
    memcpy(hash, f->tile.data + first * VT_DIGEST_SIZE, count * VT_DIGEST_SIZE);
    vt_tile_fold(hash, count, ret);
    return VT_OK;
}

/* The first 64 bits of a key. */
static uint64_t
prefix_of(const uint8_t *key)
{
    struct vt_reader r = VT_READER(key, 8);
    uint64_t n = 0;

    (void)!vt_reader_u64(&r, &n);
    return n;
}

/* The page looked for is in [lo, hi); the keys at its ends begin with these bits. */
struct bounds {
    uint64_t lo, hi;
    uint64_t lo_prefix, hi_prefix;
};

/* Where a window of pages inside the bounds, but not at lo itself, should begin. */
static uint64_t
guess(const struct bounds *b, uint64_t prefix, bool halve)
{
    const uint64_t n = b->hi - b->lo;
    uint64_t at = b->lo + n / 2;

    if (!halve && b->hi_prefix > b->lo_prefix && prefix >= b->lo_prefix &&
        prefix <= b->hi_prefix)
        at = b->lo + (uint64_t)((long double)n * (long double)(prefix - b->lo_prefix) /
                                (long double)(b->hi_prefix - b->lo_prefix));
    at = at > b->lo + WINDOW / 2 ? at - WINDOW / 2 : b->lo + 1;
    return at < b->hi ? at : b->hi - 1;
}

/* Narrows the bounds by what is in pages [at, at + n). */
static void
narrow(
    struct bounds *b, uint64_t at, uint64_t n, const uint8_t *page, const struct vt_digest *key)
{
    for (uint64_t i = 0; i < n; i++, page += PAGE_BYTES) {
        if (memcmp(page, key->b, VT_DIGEST_SIZE) >= 0) {
            b->hi = at + i;
            b->hi_prefix = prefix_of(page);
            return;
        }
        b->lo = at + i;
        b->lo_prefix = prefix_of(page);
    }
}

/* The last page whose first record is below the key; the first page when there is none. */
static enum vt_err
find_first(struct file *f, const struct vt_digest *key, uint64_t *ret, struct vt_why *why)
{
    struct bounds b = {.hi = f->pages, .hi_prefix = UINT64_MAX};
    const uint64_t prefix = prefix_of(key->b);
    const uint8_t *page = NULL;

    for (unsigned round = 0; b.hi - b.lo > 1; round++) {
        const uint64_t at = guess(&b, prefix, round % 2 == 1 && round > 2);
        const uint64_t n = b.hi - at < WINDOW ? b.hi - at : WINDOW;
        enum vt_err err = get_pages(f, at, n, &page, why);

        if (err != VT_OK)
            return err;
        narrow(&b, at, n, page, key);
    }
    *ret = b.lo;
    return VT_OK;
}

/* Gives pages to the check from its first one on, until they reach beyond the key. */
static enum vt_err
take_pages(struct file *f, struct vt_find_pages *p, struct vt_find_hits *hits,
    struct vt_buf *save, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (uint64_t chunk = 1; p->next < f->pages && !vt_find_pages_reach(p) && err == VT_OK;
         chunk *= chunk < CHUNK_MAX ? 2 : 1) {
        const uint64_t n = f->pages - p->next < chunk ? f->pages - p->next : chunk;
        const uint8_t *page = NULL;

        err = get_pages(f, p->next, n, &page, why);
        for (uint64_t i = 0; i < n && err == VT_OK && !vt_find_pages_reach(p); i++) {
            const size_t len = pages_bytes(f, p->next, 1);

            if (save != NULL)
                vt_buf_put(save, page, len);
            err = vt_find_pages_add(p, page, hits, why);
            page += len;
        }
    }
    return err;
}

static void
put_hashes(struct vt_buf *b, const struct vt_range_proof *p)
{
    for (size_t i = 0; i < p->len; i++)
        vt_buf_put(b, p->hash[i].b, VT_DIGEST_SIZE);
}

/* Writes a and b - a before the pages, which were put from `at` + 8 on, and the proof after
 * them. */
static void
save_run(struct vt_buf *save, size_t at, const struct vt_find_pages *p,
    const struct vt_range_proof *left, const struct vt_range_proof *right)
{
    struct vt_buf head = VT_BUF(8);

    vt_buf_put_u32(&head, (uint32_t)p->first);
    vt_buf_put_u32(&head, (uint32_t)(p->next - p->first));
    if (save->err == VT_OK && head.err == VT_OK)
        memcpy(save->data + at, head.data, head.len);
    vt_buf_release(&head);
    put_hashes(save, left);
    put_hashes(save, right);
}

static enum vt_err
search(struct file *f, const struct vt_digest *key, struct vt_find_hits *hits,
    struct vt_buf *save, struct vt_why *why)
{
    const struct vt_hash_source src = {.get = get_hash, .ctx = f};
    const size_t at = save != NULL ? save->len : 0;
    struct vt_range_proof left = {0}, right = {0};
    struct vt_find_pages p;
    uint64_t first = 0;
    enum vt_err err = find_first(f, key, &first, why);

    if (err == VT_OK)
        err = vt_range_prove(&src, first, f->pages, f->pages, &left, why);
    if (err != VT_OK)
        return err;
    if (save != NULL)
        vt_buf_put_u64(save, 0);
    vt_find_pages_begin(&p, f->run, key, first, left.hash);
    err = take_pages(f, &p, hits, save, why);
    if (err == VT_OK)
        err = vt_range_prove(&src, 0, p.next, f->pages, &right, why);
    if (err == VT_OK)
        err = vt_find_pages_end(&p, right.hash, why);
    if (err == VT_OK && save != NULL)
        save_run(save, at, &p, &left, &right);
    return err;
}

enum vt_err
vt_find_in_run(struct vt_fetch *fetch, const struct vt_index_run *run,
    const struct vt_digest *key, struct vt_find_hits *hits, struct vt_buf *save,
    struct vt_why *why)
{
    const size_t before = hits->count;
    struct file f;

    if (save != NULL && vt_index_pages(run->count) > UINT32_MAX)
        return vt_fail(why, VT_E_LIMIT, "the log's index is too large for this to be saved");
    file_open(&f, fetch, run);
    enum vt_err err = search(&f, key, hits, save, why);
    file_close(&f);
    if (err != VT_OK)
        hits->count = before;
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s", f.path);
}
