/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search in contents: the shards say which blobs may have the pattern, the pattern which have
 * it, and the tables where those are.
 */
#include "search/library_held.h"
#include "search/library_hits.h"
#include "search/library_scan.h"

#include <stdlib.h>
#include <string.h>

struct search {
    struct vt_library *l;
    struct vt_library_hits hits;
    struct vt_scan *scan;
    struct vt_shard *shard;
    uint32_t shard_id;
    vt_library_hit_fn *fn;
    void *ctx;
    struct vt_why *why;
    enum vt_err err;
};

static int
by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

struct gather {
    int64_t *id;
    size_t count;
    size_t cap;
};

static enum vt_err gather_folder(
    struct vt_library *l, struct gather *g, int64_t folder, unsigned depth, struct vt_why *why);

static enum vt_err
gather_one(struct vt_library *l, struct gather *g, const struct vt_folder_entry *e,
    unsigned depth, struct vt_why *why)
{
    if (e->kind == VT_LIBRARY_FOLDER)
        return gather_folder(l, g, e->id, depth + 1, why);
    if (e->kind != VT_LIBRARY_FILE || !e->text)
        return VT_OK;
    if (g->count == g->cap) {
        size_t cap = g->cap == 0 ? 4096 : 2 * g->cap;
        int64_t *fresh = realloc(g->id, cap * sizeof(*fresh));

        if (fresh == NULL)
            return vt_fail(why, VT_E_NOMEM, "%s: out of memory", l->dir);
        g->id = fresh;
        g->cap = cap;
    }
    g->id[g->count++] = e->id;
    return VT_OK;
}

static enum vt_err
gather_folder(
    struct vt_library *l, struct gather *g, int64_t folder, unsigned depth, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_LIBRARY_FOLDER_MAX);
    struct vt_reader r;
    enum vt_err err = VT_OK;

    if (depth > VT_LIBRARY_PATH_MAX)
        return vt_fail(why, VT_E_SYNTAX, "%s: its folders lie too deep", l->dir);
    err = vt_library_folder(l, folder, &b, why);
    r = VT_READER(b.data, b.len);
    while (err == VT_OK && r.left > 0) {
        struct vt_folder_entry e;

        err = vt_folder_next(&r, &e, why);
        if (err == VT_OK)
            err = gather_one(l, g, &e, depth, why);
    }
    vt_buf_release(&b);
    return err;
}

/* The texts of the one snapshot that is searched. They are kept with the library, since a
 * person searches one snapshot again and again. */
static enum vt_err
take_within(struct search *s, struct vt_why *why)
{
    struct vt_library *l = s->l;
    struct gather g = {0};
    enum vt_err err = VT_OK;

    if (s->hits.only == SIZE_MAX)
        return VT_OK;
    if (l->within_snap != l->snap[s->hits.only].seq) {
        err = gather_folder(l, &g, l->snap[s->hits.only].folder, 0, why);
        if (err != VT_OK) {
            free(g.id);
            return err;
        }
        if (g.count > 0)
            qsort(g.id, g.count, sizeof(*g.id), by_number);
        free(l->within);
        l->within = g.id;
        l->within_count = g.count;
        l->within_snap = l->snap[s->hits.only].seq;
    }
    return VT_OK;
}

static bool
is_within(const struct search *s, int64_t blob)
{
    return s->hits.only == SIZE_MAX ||
           (s->l->within_count > 0 && bsearch(&blob, s->l->within, s->l->within_count,
                                          sizeof blob, by_number) != NULL);
}

/* Whether the shard has a text of the snapshot at all. */
static bool
shard_matters(const struct search *s)
{
    int64_t first = VT_LIBRARY_BLOB(s->shard_id, 0);
    size_t low = 0;
    size_t high = s->l->within_count;

    if (s->hits.only == SIZE_MAX)
        return true;
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (s->l->within[mid] < first)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->l->within_count &&
           s->l->within[low] < VT_LIBRARY_BLOB((uint64_t)s->shard_id + 1, 0);
}

/* A blob that may have the pattern; false ends the search. */
static bool
candidate(void *ctx, uint32_t number)
{
    struct search *s = ctx;
    struct vt_scan_text text = {.blob = VT_LIBRARY_BLOB(s->shard_id, number)};

    if (is_within(s, text.blob) &&
        vt_shard_blob(s->shard, number, &text.digest, &text.data, &text.len))
        s->err = vt_scan_put(s->scan, &text, s->why);
    return s->err == VT_OK;
}

/* Gives out what the scan has found; unless `all`, until it is time for the next shard. */
static enum vt_err
give_found(struct search *s, bool all)
{
    const struct vt_scan_found *found = NULL;
    enum vt_err err;

    do {
        err = vt_scan_take(s->scan, all, &found, s->why);
        if (err == VT_OK && found != NULL) {
            struct vt_library_hit hit = {.blob = &found->text.digest,
                .data = found->text.data,
                .len = found->text.len,
                .match = found->match,
                .match_count = found->match_count,
                .more = found->more};

            err = vt_library_hits_blob(&s->hits, found->text.blob, &hit, s->fn, s->ctx, s->why);
        }
    } while (err == VT_OK && found != NULL && !s->hits.ended);
    if (err == VT_OK && vt_scan_late(s->scan))
        s->hits.ended = s->hits.truncated = true;
    return err;
}

static enum vt_err
look_into_shards(struct search *s)
{
    struct vt_library *l = s->l;
    enum vt_err err = VT_OK;

    for (size_t i = l->shard_count; err == VT_OK && !s->hits.ended && i-- > 0;) {
        s->shard_id = l->shard[i].id;
        if (!shard_matters(s))
            continue;
        err = vt_library_shard_open(l, i, &s->shard, s->why);
        if (err == VT_OK)
            err = vt_shard_candidates(s->shard, s->hits.q->pattern, candidate, s, s->why);
        if (err == VT_OK)
            err = s->err;
        if (err == VT_OK)
            err = give_found(s, false);
    }
    if (err == VT_OK && !s->hits.ended)
        err = give_found(s, true);
    return err;
}

enum vt_err
vt_library_search(struct vt_library *l, const struct vt_library_search *q,
    enum vt_err (*fn)(void *ctx, const struct vt_library_hit *h, struct vt_why *why), void *ctx,
    bool *ret_truncated, struct vt_why *why)
{
    struct search s = {.l = l, .fn = fn, .ctx = ctx, .why = why};
    enum vt_err err = vt_library_hits_begin(&s.hits, l, q, why);

    if (err == VT_OK)
        err = take_within(&s, why);
    if (err == VT_OK)
        err = vt_scan_new(q->pattern, 0, s.hits.until_ms, &s.scan, why);
    if (err == VT_OK)
        err = look_into_shards(&s);
    if (err == VT_OK)
        *ret_truncated = s.hits.truncated || vt_scan_gave_up(s.scan);
    vt_scan_free(s.scan);
    vt_library_hits_end(&s.hits);
    return err;
}
