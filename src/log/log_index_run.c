/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run is written in one pass: the records stream through a buffer of whole pages, each page
 * is hashed as the buffer is written, and its hash goes up the tile levels, each of which has
 * its place in the file because the number of records is known beforehand.
 */
#include "log/log_index_run.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGE_BYTES = VT_INDEX_PAGE * VT_INDEX_RECORD,
    OUT_PAGES = 64,
    IN_BYTES = 4 * 1024 * 1024, /* buffers of all sources of a merge together */
};

enum vt_err
vt_index_run_path(
    const char *dir, unsigned k, uint64_t j, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_path(ret, why, "%s/%u/%llu", dir, k, (unsigned long long)j);
}

bool
vt_index_run_there(const char *dir, const struct vt_index_run *r)
{
    char path[VT_PATH_MAX];
    struct stat st;

    return vt_index_run_path(dir, r->k, r->j, path, NULL) == VT_OK && stat(path, &st) == 0 &&
           S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == vt_index_run_hashes(r->count, VT_TILE_LEVEL_MAX + 1);
}

/* --- Writing. ------------------------------------------------------------------------ */

struct out {
    struct vt_index_run run;
    int fd;
    char path[VT_PATH_MAX];
    char tmp[VT_PATH_MAX];
    uint64_t written; /* records that are in the file */
    size_t held;      /* records in the buffer */
    struct vt_frontier tree;
    struct {
        uint64_t at; /* where its next hash goes */
        size_t held;
        struct vt_digest hash[VT_TILE_WIDTH];
    } level[VT_TILE_LEVEL_MAX + 1];
    struct vt_index_record record[OUT_PAGES * VT_INDEX_PAGE];
};

static enum vt_err
write_at(const struct out *o, const void *data, size_t len, uint64_t at, struct vt_why *why)
{
    const uint8_t *p = data;

    while (len > 0) {
        ssize_t n = pwrite(o->fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vt_fail_errno(why, "%s: cannot write", o->tmp);
        p += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return VT_OK;
}

static enum vt_err
out_open(struct out *o, const char *dir, struct vt_why *why)
{
    char folder[VT_PATH_MAX];
    enum vt_err err = vt_path(folder, why, "%s/%u", dir, o->run.k);

    if (err == VT_OK)
        err = vt_path(o->tmp, why, "%s/" VT_INDEX_RUN_TMP, dir);
    if (err == VT_OK)
        err = vt_index_run_path(dir, o->run.k, o->run.j, o->path, why);
    if (err == VT_OK && mkdir(folder, 0755) != 0 && errno != EEXIST)
        err = vt_fail_errno(why, "%s: cannot make folder", folder);
    if (err != VT_OK)
        return err;
    o->fd = open(o->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    return o->fd >= 0 ? VT_OK : vt_fail_errno(why, "%s: cannot create", o->tmp);
}

static enum vt_err
out_new(const char *dir, const struct vt_index_run *run, struct out **ret, struct vt_why *why)
{
    struct out *o = malloc(sizeof *o);

    if (o == NULL)
        return vt_fail(why, VT_E_NOMEM, "the log's index: out of memory");
    o->run = *run;
    o->written = 0;
    o->held = 0;
    vt_frontier_init(&o->tree);
    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX; l++) {
        o->level[l].at = vt_index_run_hashes(run->count, l);
        o->level[l].held = 0;
    }
    enum vt_err err = out_open(o, dir, why);
    if (err != VT_OK) {
        free(o);
        return err;
    }
    *ret = o;
    return VT_OK;
}

/* Takes NULL. What was not ended is removed. */
static void
out_free(struct out *o)
{
    if (o == NULL)
        return;
    if (o->fd >= 0) {
        (void)close(o->fd);
        (void)unlink(o->tmp);
    }
    free(o);
}

static enum vt_err
flush_level(struct out *o, unsigned l, struct vt_why *why)
{
    const size_t len = o->level[l].held * VT_DIGEST_SIZE;
    enum vt_err err = write_at(o, o->level[l].hash, len, o->level[l].at, why);

    o->level[l].at += len;
    o->level[l].held = 0;
    return err;
}

/* A page's hash, and upwards the roots that it completes. */
static enum vt_err
put_hash(struct out *o, const struct vt_digest *page, struct vt_why *why)
{
    struct vt_digest h = *page;
    enum vt_err err = VT_OK;

    vt_frontier_append(&o->tree, &h);
    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX && err == VT_OK; l++) {
        o->level[l].hash[o->level[l].held++] = h;
        if (o->level[l].held < VT_TILE_WIDTH)
            break;
        vt_tile_fold(o->level[l].hash, VT_TILE_WIDTH, &h);
        err = flush_level(o, l, why);
    }
    return err;
}

/* Writes the buffer: whole pages, or at the end what there is. */
static enum vt_err
flush_records(struct out *o, struct vt_why *why)
{
    enum vt_err err =
        write_at(o, o->record, o->held * VT_INDEX_RECORD, o->written * VT_INDEX_RECORD, why);

    for (size_t i = 0; i < o->held && err == VT_OK; i += VT_INDEX_PAGE) {
        const size_t n = o->held - i < VT_INDEX_PAGE ? o->held - i : VT_INDEX_PAGE;
        struct vt_digest page;

        vt_merkle_leaf(&o->record[i], n * VT_INDEX_RECORD, &page);
        err = put_hash(o, &page, why);
    }
    o->written += o->held;
    o->held = 0;
    return err;
}

static inline enum vt_err
out_put(struct out *o, const struct vt_index_record *r, struct vt_why *why)
{
    o->record[o->held++] = *r;
    return o->held < OUT_PAGES * VT_INDEX_PAGE ? VT_OK : flush_records(o, why);
}

/* Gives the file its name. */
static enum vt_err
out_end(struct out *o, struct vt_index_run *ret, struct vt_why *why)
{
    enum vt_err err = flush_records(o, why);

    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX && err == VT_OK; l++)
        err = flush_level(o, l, why);
    if (err != VT_OK)
        return err;
    assert(o->written == o->run.count);
    vt_frontier_root(&o->tree, &o->run.root);
    if (rename(o->tmp, o->path) != 0)
        return vt_fail_errno(why, "%s: cannot rename to %s", o->tmp, o->path);
    (void)close(o->fd);
    o->fd = -1;
    *ret = o->run;
    return VT_OK;
}

void
vt_index_run_root(const struct vt_index_record *records, uint64_t count, struct vt_digest *ret)
{
    struct vt_frontier tree;

    vt_frontier_init(&tree);
    for (uint64_t i = 0; i < count; i += VT_INDEX_PAGE) {
        const size_t n = count - i < VT_INDEX_PAGE ? (size_t)(count - i) : VT_INDEX_PAGE;
        struct vt_digest page;

        vt_merkle_leaf(&records[i], n * VT_INDEX_RECORD, &page);
        vt_frontier_append(&tree, &page);
    }
    vt_frontier_root(&tree, ret);
}

enum vt_err
vt_index_run_write(const char *dir, struct vt_index_run *run,
    const struct vt_index_record *records, struct vt_why *why)
{
    struct out *o = NULL;
    enum vt_err err = out_new(dir, run, &o, why);

    for (uint64_t i = 0; i < run->count && err == VT_OK; i++)
        err = out_put(o, &records[i], why);
    if (err == VT_OK)
        err = out_end(o, run, why);
    out_free(o);
    return err;
}

/* --- Reading one source of a merge. -------------------------------------------------- */

struct in {
    struct vt_index_run run;
    char path[VT_PATH_MAX];
    int fd;
    uint64_t left; /* records still in the file */
    struct vt_frontier tree;
    struct vt_index_record *record;
    size_t at, held, cap; /* cap: whole pages */
};

static enum vt_err
damaged(const struct in *in, struct vt_why *why)
{
    return vt_fail(
        why, VT_E_DIGEST, "%s is damaged: it has not the root it was made with", in->path);
}

/* Reads the next pages and hashes them; after the last the root must be right. */
static enum vt_err
in_fill(struct in *in, struct vt_why *why)
{
    const size_t want = in->left < in->cap ? (size_t)in->left : in->cap;
    size_t got = 0;
    enum vt_err err = vt_fd_read(in->fd, in->record, want * VT_INDEX_RECORD, &got, why);
    struct vt_digest h;

    if (err != VT_OK)
        return vt_fail_in(why, err, "%s", in->path);
    if (got != want * VT_INDEX_RECORD)
        return damaged(in, why);
    for (size_t i = 0; i < want; i += VT_INDEX_PAGE) {
        const size_t n = want - i < VT_INDEX_PAGE ? want - i : VT_INDEX_PAGE;

        vt_merkle_leaf(&in->record[i], n * VT_INDEX_RECORD, &h);
        vt_frontier_append(&in->tree, &h);
    }
    in->at = 0;
    in->held = want;
    in->left -= want;
    if (in->left > 0)
        return VT_OK;
    vt_frontier_root(&in->tree, &h);
    return vt_digest_eq(&h, &in->run.root) ? VT_OK : damaged(in, why);
}

static enum vt_err
in_open(struct in *in, const char *dir, const struct vt_index_run *run, size_t pages,
    struct vt_why *why)
{
    enum vt_err err = vt_index_run_path(dir, run->k, run->j, in->path, why);

    if (err != VT_OK)
        return err;
    in->run = *run;
    in->left = run->count;
    in->cap = pages * VT_INDEX_PAGE;
    vt_frontier_init(&in->tree);
    in->fd = open(in->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (in->fd < 0 && errno == ENOENT)
        return vt_fail(why, VT_E_DIGEST, "%s is missing", in->path);
    if (in->fd < 0)
        return vt_fail_errno(why, "%s: cannot open", in->path);
    in->record = malloc(pages * PAGE_BYTES);
    if (in->record == NULL)
        return vt_fail(why, VT_E_NOMEM, "the log's index: out of memory");
    return in_fill(in, why);
}

static void
in_close(struct in *in)
{
    if (in->fd >= 0)
        (void)close(in->fd);
    free(in->record);
}

/* --- Merging. ------------------------------------------------------------------------ */

struct vt_index_merge {
    struct out *out;
    size_t n;          /* sources */
    size_t heap_count; /* those that have records left */
    unsigned heap[VT_INDEX_MERGE_MAX];
    struct in in[];
};

static inline bool
is_before(const struct vt_index_merge *m, unsigned a, unsigned b)
{
    const struct in *x = &m->in[a], *y = &m->in[b];

    return memcmp(&x->record[x->at], &y->record[y->at], VT_INDEX_RECORD) < 0;
}

static void
sift(struct vt_index_merge *m, size_t i)
{
    const unsigned moved = m->heap[i];

    for (size_t child; (child = 2 * i + 1) < m->heap_count; i = child) {
        if (child + 1 < m->heap_count && is_before(m, m->heap[child + 1], m->heap[child]))
            child++;
        if (!is_before(m, m->heap[child], moved))
            break;
        m->heap[i] = m->heap[child];
    }
    m->heap[i] = moved;
}

static enum vt_err
open_sources(struct vt_index_merge *m, const char *dir, const struct vt_index_run *source,
    struct vt_why *why)
{
    const size_t share = (size_t)IN_BYTES / m->n / PAGE_BYTES;
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < m->n; i++)
        m->in[i].fd = -1;
    for (size_t i = 0; i < m->n && err == VT_OK; i++) {
        err = in_open(&m->in[i], dir, &source[i], share > OUT_PAGES ? OUT_PAGES : share, why);
        m->heap[m->heap_count++] = (unsigned)i;
    }
    for (size_t i = m->heap_count; i-- > 0 && err == VT_OK;)
        sift(m, i);
    return err;
}

enum vt_err
vt_index_merge_new(const char *dir, const struct vt_index_run *source, size_t n, unsigned k,
    uint64_t j, struct vt_index_merge **ret, struct vt_why *why)
{
    struct vt_index_run run = {.k = k, .j = j};
    struct vt_index_merge *m;

    assert(n > 0 && n <= VT_INDEX_MERGE_MAX);
    m = calloc(1, sizeof *m + n * sizeof m->in[0]);
    if (m == NULL)
        return vt_fail(why, VT_E_NOMEM, "the log's index: out of memory");
    m->n = n;
    for (size_t i = 0; i < n; i++)
        run.count += source[i].count;
    enum vt_err err = open_sources(m, dir, source, why);
    if (err == VT_OK)
        err = out_new(dir, &run, &m->out, why);
    if (err != VT_OK) {
        vt_index_merge_free(m);
        return err;
    }
    *ret = m;
    return VT_OK;
}

void
vt_index_merge_free(struct vt_index_merge *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n; i++)
        in_close(&m->in[i]);
    out_free(m->out);
    free(m);
}

/* Moves the least record of all. */
static inline enum vt_err
move_one(struct vt_index_merge *m, struct vt_why *why)
{
    struct in *in = &m->in[m->heap[0]];
    enum vt_err err = out_put(m->out, &in->record[in->at++], why);

    if (err == VT_OK && in->at == in->held) {
        if (in->left > 0)
            err = in_fill(in, why);
        else
            m->heap[0] = m->heap[--m->heap_count];
    }
    if (err == VT_OK && m->heap_count > 1)
        sift(m, 0);
    return err;
}

enum vt_err
vt_index_merge_step(struct vt_index_merge *m, uint64_t budget, bool *ret_done,
    struct vt_index_run *ret, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (; budget > 0 && m->heap_count > 0 && err == VT_OK; budget--)
        err = move_one(m, why);
    if (err != VT_OK)
        return err;
    if (m->heap_count == 0)
        err = out_end(m->out, ret, why);
    if (err == VT_OK)
        *ret_done = m->heap_count == 0;
    return err;
}
