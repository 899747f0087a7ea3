/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following a write-ahead log that another thread appends to. Nothing is shared with it but the
 * number of durable records: a record below that stands in the present file or, where that one
 * ends, begins the file that has its index for a name.
 */
#include "log/wal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define KEEP_MAX (4U * 1024U * 1024U)

struct vt_wal_follow {
    const struct vt_wal *wal;
    int fd;
    char path[VT_PATH_MAX];
    uint32_t mark;  /* of that file */
    uint64_t pos;   /* where the next batch begins */
    uint64_t index; /* of the next record */
    struct vt_buf batch;
    struct vt_reader left; /* the batch's records from the next on */
    uint32_t left_count;
};

static enum vt_err
open_file(struct vt_wal_follow *f, uint64_t first, struct vt_why *why)
{
    struct vt_wal_head h;
    uint64_t size;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_wal_file_path(path, f->wal->dir, first, why);
    int fd;

    if (err != VT_OK)
        return err;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    err = vt_wal_head_read(fd, f->wal->origin, &h, &size, why);
    if (err == VT_OK && h.first != first)
        err = vt_fail(why, VT_E_DIGEST, "it begins with entry %" PRIu64, h.first);
    if (err != VT_OK) {
        (void)close(fd);
        return vt_fail_in(why, err, "%s", path);
    }
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = fd;
    f->pos = h.len;
    f->mark = h.mark;
    return vt_path(f->path, why, "%s", path);
}

/* Up to len bytes from pos on; fewer at the file's end only. */
static enum vt_err
read_at(const struct vt_wal_follow *f, uint64_t pos, uint8_t *ret, size_t len, size_t *ret_len,
    struct vt_why *why)
{
    size_t have = 0;

    while (have < len) {
        ssize_t n = pread(f->fd, ret + have, len - have, (off_t)(pos + have));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vt_fail_errno(why, "%s", f->path);
        if (n == 0)
            break;
        have += (size_t)n;
    }
    *ret_len = have;
    return VT_OK;
}

static enum vt_err
damaged(const struct vt_wal_follow *f, struct vt_why *why)
{
    return vt_fail(why, VT_E_DIGEST,
        "%s: damaged at byte %" PRIu64 " (entry %" PRIu64
        "): put back a sound copy of the file",
        f->path, f->pos, f->index);
}

/* The head of the batch at f->pos. *ret_there is false at the end of the file. */
static enum vt_err
read_head(const struct vt_wal_follow *f, struct vt_wal_batch *ret, bool *ret_there,
    struct vt_why *why)
{
    uint8_t head[VT_WAL_BATCH_HEAD];
    struct vt_reader r = VT_READER(head, sizeof head);
    size_t n = 0;
    enum vt_err err = read_at(f, f->pos, head, sizeof head, &n, why);

    if (err != VT_OK)
        return err;
    *ret_there = n > 0;
    if (n == 0)
        return VT_OK;
    return n == sizeof head && vt_wal_batch_head(&r, f->mark, ret) ? VT_OK : damaged(f, why);
}

/* Leaves f->pos at the batch that holds f->index, or at the end of the file where that is next.
 */
static enum vt_err
seek(struct vt_wal_follow *f, uint64_t first, struct vt_why *why)
{
    uint64_t at = first;
    enum vt_err err = VT_OK;

    while (at < f->index) {
        struct vt_wal_batch b = {0};
        bool there = false;

        err = read_head(f, &b, &there, why);
        if (err != VT_OK)
            return err;
        if (!there || b.first != at || b.count == 0)
            return damaged(f, why);
        if (b.first + b.count > f->index)
            return VT_OK;
        f->pos += VT_WAL_BATCH_HEAD + (uint64_t)b.len + VT_DIGEST_SIZE;
        at += b.count;
    }
    return err;
}

/* The file that holds the record, or will. */
static enum vt_err
find_file(struct vt_wal_follow *f, struct vt_why *why)
{
    struct vt_wal_files files = {0};
    uint64_t first = 0;
    bool found = false;
    enum vt_err err = vt_wal_files_list(f->wal->dir, &files, why);

    for (size_t i = 0; err == VT_OK && i < files.n && files.first[i] <= f->index; i++) {
        first = files.first[i];
        found = true;
    }
    vt_wal_files_release(&files);
    if (err == VT_OK && !found)
        err = vt_fail(
            why, VT_E_NOENT, "%s: entry %" PRIu64 " was dropped", f->wal->dir, f->index);
    if (err == VT_OK)
        err = open_file(f, first, why);
    return err == VT_OK ? seek(f, first, why) : err;
}

enum vt_err
vt_wal_follow_new(
    const struct vt_wal *w, uint64_t index, struct vt_wal_follow **ret, struct vt_why *why)
{
    struct vt_wal_follow *f;
    enum vt_err err;

    if (index > vt_wal_count(w))
        return vt_fail(
            why, VT_E_NOENT, "%s: entry %" PRIu64 " is not there yet", w->dir, index);
    f = calloc(1, sizeof(*f));
    if (f == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", w->dir);
    f->wal = w;
    f->fd = -1;
    f->index = index;
    vt_buf_init(&f->batch, VT_WAL_BATCH_HEAD + VT_WAL_BATCH_MAX + VT_DIGEST_SIZE);
    err = find_file(f, why);
    if (err != VT_OK) {
        vt_wal_follow_free(f);
        return err;
    }
    *ret = f;
    return VT_OK;
}

void
vt_wal_follow_free(struct vt_wal_follow *f)
{
    if (f == NULL)
        return;
    if (f->fd >= 0)
        (void)close(f->fd);
    vt_buf_release(&f->batch);
    free(f);
}

uint64_t
vt_wal_follow_index(const struct vt_wal_follow *f)
{
    return f->index;
}

/* Reads the whole batch whose head is known and steps to the next record in it. */
static enum vt_err
load_batch(struct vt_wal_follow *f, const struct vt_wal_batch *head, struct vt_why *why)
{
    size_t len = VT_WAL_BATCH_HEAD + head->len + VT_DIGEST_SIZE;
    struct vt_wal_batch b;
    struct vt_wal_record rec;
    struct vt_reader r;
    size_t have = 0;
    uint8_t *to;
    enum vt_err err;

    if (f->batch.cap > KEEP_MAX)
        vt_buf_release(&f->batch);
    vt_buf_clear(&f->batch);
    to = vt_buf_reserve(&f->batch, len);
    if (to == NULL)
        return vt_buf_check(&f->batch, "batch of entries", why);
    err = read_at(f, f->pos, to, len, &have, why);
    if (err != VT_OK)
        return err;
    vt_buf_commit(&f->batch, have);
    r = VT_READER(f->batch.data, have);
    if (!vt_wal_batch_parse(&r, f->mark, &b, &f->left) || b.first > f->index ||
        f->index - b.first >= b.count)
        return damaged(f, why);
    for (uint64_t i = b.first; i < f->index; i++)
        if (!vt_wal_record_parse(&f->left, &rec))
            return damaged(f, why);
    f->left_count = (uint32_t)(b.first + b.count - f->index);
    f->pos += len;
    return VT_OK;
}

/* There is a durable record that the batch in hand does not hold. */
static enum vt_err
next_batch(struct vt_wal_follow *f, struct vt_why *why)
{
    struct vt_wal_batch head = {0};
    bool there = false;
    enum vt_err err = read_head(f, &head, &there, why);

    if (err == VT_OK && !there) {
        err = open_file(f, f->index, why);
        if (err == VT_E_NOENT)
            err = vt_fail(why, VT_E_DIGEST,
                "%s ends before entry %" PRIu64 " and no file begins with that: put back a "
                "sound copy",
                f->path, f->index);
        if (err == VT_OK)
            err = read_head(f, &head, &there, why);
        if (err == VT_OK && !there)
            err = damaged(f, why);
    }
    return err == VT_OK ? load_batch(f, &head, why) : err;
}

enum vt_err
vt_wal_follow_get(struct vt_wal_follow *f, struct vt_wal_record *ret, struct vt_why *why)
{
    struct vt_reader r;
    enum vt_err err = VT_OK;

    if (f->left_count == 0) {
        if (f->index >= vt_wal_count(f->wal))
            return vt_fail(why, VT_E_NOENT, "entry %" PRIu64 " is not durable yet", f->index);
        err = next_batch(f, why);
    }
    if (err != VT_OK)
        return err;
    r = f->left;
    return vt_wal_record_parse(&r, ret) ? VT_OK : damaged(f, why);
}

void
vt_wal_follow_step(struct vt_wal_follow *f)
{
    struct vt_wal_record rec;

    if (f->left_count > 0 && vt_wal_record_parse(&f->left, &rec)) {
        f->left_count--;
        f->index++;
    }
}
