/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a write-ahead log. Everything is looked at before anything is changed: the chain of
 * files by their heads, then every batch of the newest.
 */
#include "log/wal_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct scan {
    const uint8_t *data;
    uint64_t size;
    uint32_t mark;
    uint64_t pos;
    uint64_t count; /* index of the next record */
};

/* All records of a batch are whole, and nothing stands after them. */
static enum vt_err
check_records(struct vt_reader body, const struct vt_wal_batch *b, struct vt_why *why)
{
    struct vt_wal_record rec;

    for (uint32_t i = 0; i < b->count; i++)
        if (!vt_wal_record_parse(&body, &rec))
            return vt_fail(why, VT_E_DIGEST, "a batch says more records than it holds");
    return body.left == 0 ? VT_OK
                          : vt_fail(why, VT_E_DIGEST, "a batch holds more than it says");
}

/* Whether a whole batch that follows what was read so far stands anywhere after pos. */
static bool
batch_follows(const struct scan *s, uint64_t pos)
{
    const uint32_t mark = htobe32(s->mark);

    while (pos < s->size) {
        const uint8_t *hit = memmem(s->data + pos, s->size - pos, &mark, sizeof mark);
        struct vt_reader r;
        struct vt_reader body;
        struct vt_wal_batch b;

        if (hit == NULL)
            return false;
        pos = (uint64_t)(hit - s->data);
        r = VT_READER(hit, s->size - pos);
        if (vt_wal_batch_parse(&r, s->mark, &b, &body) && b.first >= s->count)
            return true;
        pos++;
    }
    return false;
}

/* Leaves s->pos at the end of what is whole. */
static enum vt_err
scan_batches(struct scan *s, struct vt_why *why)
{
    while (s->pos < s->size) {
        struct vt_reader r = VT_READER(s->data + s->pos, s->size - s->pos);
        struct vt_reader body;
        struct vt_wal_batch b;
        enum vt_err err;

        if (!vt_wal_batch_parse(&r, s->mark, &b, &body)) {
            if (batch_follows(s, s->pos))
                return vt_fail(why, VT_E_DIGEST,
                    "damaged at byte %" PRIu64 " (entry %" PRIu64
                    "), and good entries follow: put back a sound copy of the file",
                    s->pos, s->count);
            return VT_OK; /* a torn tail */
        }
        if (b.first != s->count)
            return vt_fail(why, VT_E_DIGEST,
                "entry %" PRIu64 " stands where %" PRIu64
                " should: put back a sound copy of the file",
                b.first, s->count);
        err = check_records(body, &b, why);
        if (err != VT_OK)
            return err;
        s->pos = s->size - r.left;
        s->count += b.count;
    }
    return VT_OK;
}

static enum vt_err
scan_newest(int fd, const struct vt_wal_head *h, struct scan *s, struct vt_why *why)
{
    void *map = mmap(NULL, s->size, PROT_READ, MAP_PRIVATE, fd, 0);
    enum vt_err err;

    if (map == MAP_FAILED)
        return vt_fail_errno(why, "cannot map");
    (void)madvise(map, s->size, MADV_SEQUENTIAL);
    s->data = map;
    s->pos = h->len;
    s->mark = h->mark;
    s->count = h->first;
    err = scan_batches(s, why);
    (void)munmap(map, s->size);
    return err;
}

/* The file i: its head must fit its name and the file before it, whose length *len is and
 * becomes its own. */
static enum vt_err
check_file(struct vt_wal *w, const struct vt_wal_files *f, size_t i, uint64_t *len,
    struct vt_wal_head *ret, struct vt_why *why)
{
    struct vt_wal_head h;
    uint64_t size = 0;
    enum vt_err err = vt_wal_file_path(w->path, w->dir, f->first[i], why);

    if (err != VT_OK)
        return err;
    if (w->fd >= 0)
        (void)close(w->fd);
    w->fd = open(w->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (w->fd < 0)
        return vt_fail_errno(why, "%s: cannot open", w->path);
    err = vt_wal_head_read(w->fd, w->origin, &h, &size, why);
    if (err == VT_OK && h.first != f->first[i])
        err = vt_fail(why, VT_E_DIGEST,
            "it begins with entry %" PRIu64 ": give it its own name", h.first);
    if (err == VT_OK && i > 0 && (!h.follows || h.previous != f->first[i - 1]))
        err = vt_fail(why, VT_E_DIGEST,
            "the file before it (entries from %" PRIu64 ") is missing: put it back",
            h.previous);
    if (err == VT_OK && i > 0 && h.previous_len != *len)
        err = vt_fail(why, VT_E_DIGEST,
            "the file before it has %" PRIu64 " bytes and not %" PRIu64 ": put it back", *len,
            h.previous_len);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s", w->path);
    *len = size;
    *ret = h;
    return VT_OK;
}

/* Walks the chain; leaves w->fd at the newest file. */
static enum vt_err
check_chain(struct vt_wal *w, const struct vt_wal_files *f, uint64_t least,
    struct vt_wal_head *ret, uint64_t *ret_size, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (f->first[0] > least)
        return vt_fail(why, VT_E_DIGEST,
            "%s: its first file begins with entry %" PRIu64
            ", and what comes before was never signed: put back the files that are missing",
            w->dir, f->first[0]);
    for (size_t i = 0; i < f->n && err == VT_OK; i++)
        err = check_file(w, f, i, ret_size, ret, why);
    return err;
}

static enum vt_err
too_short(const struct vt_wal *w, uint64_t least, uint64_t have, struct vt_why *why)
{
    return vt_fail(why, VT_E_ROLLBACK,
        "a checkpoint of %" PRIu64 " entries was signed but %s holds %" PRIu64
        ": put back the newest copy of the folder",
        least, w->dir, have);
}

/* A log that has no file yet. */
static enum vt_err
make_first(struct vt_wal *w, struct vt_why *why)
{
    struct vt_buf head = VT_BUF(VT_WAL_HEAD_MAX);
    struct vt_wal_head h = {0};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_wal_file_path(path, w->dir, 0, why);

    if (err == VT_OK)
        err = vt_wal_head_put(&head, w->origin, &h, why);
    if (err == VT_OK)
        err = vt_dir_make(w->dir, 0700, why);
    if (err == VT_OK)
        err = vt_file_create(path, 0600, head.data, head.len, why);
    vt_buf_release(&head);
    return err;
}

static enum vt_err
list_files(struct vt_wal *w, uint64_t least, struct vt_wal_files *ret, struct vt_why *why)
{
    enum vt_err err = vt_file_exists(w->dir) ? vt_wal_files_list(w->dir, ret, why) : VT_OK;

    if (err != VT_OK || ret->n > 0)
        return err;
    if (least > 0)
        return too_short(w, least, 0, why);
    err = make_first(w, why);
    return err == VT_OK ? vt_wal_files_list(w->dir, ret, why) : err;
}

static enum vt_err
cut_to(const struct vt_wal *w, uint64_t size, struct vt_why *why)
{
    if (ftruncate(w->fd, (off_t)size) != 0 || fdatasync(w->fd) != 0)
        return vt_fail_errno(why, "%s: cannot cut off the torn tail", w->path);
    return VT_OK;
}

static enum vt_err
open_files(struct vt_wal *w, uint64_t least, uint64_t *ret_cut, struct vt_why *why)
{
    struct vt_wal_files f = {0};
    struct vt_wal_head h = {0};
    struct scan s = {0};
    enum vt_err err = list_files(w, least, &f, why);

    if (err == VT_OK)
        err = check_chain(w, &f, least, &h, &s.size, why);
    if (err == VT_OK) {
        w->first = f.first[0];
        err = scan_newest(w->fd, &h, &s, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", w->path);
    }
    if (err == VT_OK && s.count < least)
        err = too_short(w, least, s.count, why);
    if (err == VT_OK && s.pos < s.size)
        err = cut_to(w, s.pos, why);
    if (err == VT_OK) {
        w->file_first = h.first;
        w->mark = h.mark;
        w->end = s.pos;
        atomic_init(&w->durable, s.count);
        *ret_cut = s.size - s.pos;
    }
    vt_wal_files_release(&f);
    return err;
}

enum vt_err
vt_wal_open(const char *dir, const struct vt_wal_opts *opts, struct vt_wal **ret,
    uint64_t *ret_cut, struct vt_why *why)
{
    struct vt_wal *w = calloc(1, sizeof(*w));
    size_t origin_len = strlen(opts->origin);
    enum vt_err err;

    if (w == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", dir);
    w->fd = -1;
    atomic_init(&w->queued, 0);
    vt_buf_init(&w->batch, VT_WAL_BATCH_HEAD + VT_WAL_BATCH_MAX + VT_DIGEST_SIZE);
    w->file_max = opts->file_max > 0 ? opts->file_max : VT_WAL_FILE_MAX;
    err = origin_len < sizeof w->origin ? vt_path(w->dir, why, "%s", dir)
                                        : vt_fail(why, VT_E_USAGE, "an origin too long");
    if (err == VT_OK) {
        memcpy(w->origin, opts->origin, origin_len + 1);
        err = vt_wal_take_over(w->dir, w->origin, why);
    }
    if (err == VT_OK)
        err = open_files(w, opts->least, ret_cut, why);
    if (err != VT_OK) {
        vt_wal_free(w);
        return err;
    }
    *ret = w;
    return VT_OK;
}
