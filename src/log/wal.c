/* SPDX-License-Identifier: Apache-2.0 */
#include "log/wal.h"

#include "log/wal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A batch's memory beyond this is given back once it is written. */
#define KEEP_MAX (4U * 1024U * 1024U)

void
vt_wal_free(struct vt_wal *w)
{
    if (w == NULL)
        return;
    if (w->fd >= 0)
        (void)close(w->fd);
    vt_buf_release(&w->batch);
    free(w);
}

uint64_t
vt_wal_count(const struct vt_wal *w)
{
    return atomic_load_explicit(&w->durable, memory_order_acquire);
}

uint64_t
vt_wal_first(const struct vt_wal *w)
{
    return w->first;
}

uint32_t
vt_wal_queued(const struct vt_wal *w)
{
    return atomic_load_explicit(&w->queued, memory_order_relaxed);
}

void
vt_wal_abandon(struct vt_wal *w)
{
    atomic_store_explicit(&w->queued, 0, memory_order_relaxed);
    if (w->batch.cap > KEEP_MAX)
        vt_buf_release(&w->batch);
    else
        vt_buf_clear(&w->batch);
}

enum vt_err
vt_wal_put(struct vt_wal *w, const void *data, uint16_t len, const struct vt_digest *name,
    struct vt_why *why)
{
    static const uint8_t room[VT_WAL_BATCH_HEAD];
    struct vt_buf *b = &w->batch;
    uint32_t queued = vt_wal_queued(w);
    size_t before = b->len;

    if (queued == VT_WAL_QUEUE_MAX ||
        (queued > 0 &&
            b->len - VT_WAL_BATCH_HEAD + VT_WAL_RECORD_HEAD + len > VT_WAL_BATCH_MAX))
        return vt_fail(why, VT_E_BUSY, "the log's queue is full: try again");
    if (queued == 0)
        vt_buf_put(b, room, sizeof room);
    vt_buf_put(b, name->b, VT_DIGEST_SIZE);
    vt_buf_put_u16(b, len);
    vt_buf_put(b, data, len);
    if (b->err != VT_OK) {
        b->err = VT_OK;
        b->len = before;
        return vt_fail(why, VT_E_NOMEM, "the log's queue: out of memory");
    }
    atomic_store_explicit(&w->queued, queued + 1, memory_order_relaxed);
    return VT_OK;
}

/* The newest file is full: its successor is durable before anything goes into it. */
static enum vt_err
begin_file(struct vt_wal *w, struct vt_why *why)
{
    struct vt_wal_head h = {.first = vt_wal_count(w),
        .follows = true,
        .previous = w->file_first,
        .previous_len = w->end};
    struct vt_buf head = VT_BUF(VT_WAL_HEAD_MAX);
    char path[VT_PATH_MAX];
    int fd = -1;
    enum vt_err err = vt_wal_file_path(path, w->dir, h.first, why);

    if (err == VT_OK)
        err = vt_wal_head_put(&head, w->origin, &h, why);
    if (err == VT_OK)
        err = vt_file_create(path, 0600, head.data, head.len, why);
    if (err == VT_OK) {
        fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
            err = vt_fail_errno(why, "%s: cannot open", path);
    }
    if (err == VT_OK) {
        (void)close(w->fd);
        w->fd = fd;
        w->file_first = h.first;
        w->mark = h.mark;
        w->end = head.len;
        memcpy(w->path, path, sizeof path);
    } else if (vt_file_exists(path)) {
        w->unsure = true; /* it may be in the folder or not after a crash */
    }
    vt_buf_release(&head);
    return err;
}

/* Gives the batch its head and its digest. */
static enum vt_err
seal(struct vt_wal *w, struct vt_why *why)
{
    struct vt_buf *b = &w->batch;
    struct vt_wal_batch head = {.len = (uint32_t)(b->len - VT_WAL_BATCH_HEAD),
        .first = vt_wal_count(w),
        .count = vt_wal_queued(w)};
    struct vt_digest sum;

    vt_wal_batch_put_head(b->data, w->mark, &head);
    vt_digest_of(b->data, b->len, &sum);
    vt_buf_put(b, sum.b, VT_DIGEST_SIZE);
    return vt_buf_check(b, "batch of entries", why);
}

static enum vt_err
write_at_end(struct vt_wal *w, struct vt_why *why)
{
    enum vt_err err;

    if (lseek(w->fd, (off_t)w->end, SEEK_SET) < 0)
        return vt_fail_errno(why, "%s", w->path);
    err = vt_fd_write(w->fd, w->batch.data, w->batch.len, why);
    if (err != VT_OK) {
        /* Half a batch: away with it, or the next one would follow damage. */
        if (ftruncate(w->fd, (off_t)w->end) != 0)
            w->unsure = true;
        return vt_fail_in(why, err, "%s", w->path);
    }
    if (fdatasync(w->fd) != 0) {
        w->unsure = true;
        return vt_fail_errno(why, "%s: cannot make entries durable", w->path);
    }
    return VT_OK;
}

static enum vt_err
append(struct vt_wal *w, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (!w->unsure && w->end >= w->file_max && vt_wal_count(w) > w->file_first)
        err = begin_file(w, why);
    if (w->unsure)
        return vt_fail(why, VT_E_STATE,
            "%s: a write failed and it is not known what the disk holds: start the log again",
            w->path);
    if (err == VT_OK)
        err = seal(w, why);
    if (err == VT_OK)
        err = write_at_end(w, why);
    return err;
}

enum vt_err
vt_wal_commit(struct vt_wal *w, struct vt_why *why)
{
    uint32_t n = vt_wal_queued(w);
    enum vt_err err;

    if (n == 0)
        return VT_OK;
    err = append(w, why);
    if (err == VT_OK) {
        w->end += w->batch.len;
        atomic_store_explicit(&w->durable, vt_wal_count(w) + n, memory_order_release);
    }
    vt_wal_abandon(w);
    return w->unsure ? VT_E_STATE : err;
}

/* Removes one file and makes that durable before the next, so that after a crash the files
 * that are left are still those from one on. */
static enum vt_err
drop_file(struct vt_wal *w, uint64_t first, uint64_t next, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_wal_file_path(path, w->dir, first, why);

    if (err != VT_OK)
        return err;
    if (unlink(path) != 0)
        return vt_fail_errno(why, "%s: cannot remove", path);
    w->first = next;
    return vt_dir_sync(w->dir, why);
}

enum vt_err
vt_wal_drop(struct vt_wal *w, uint64_t below, unsigned *ret_files, struct vt_why *why)
{
    struct vt_wal_files f = {0};
    unsigned dropped = 0;
    enum vt_err err = vt_wal_files_list(w->dir, &f, why);

    for (size_t i = 0; err == VT_OK && i + 1 < f.n && f.first[i + 1] <= below; i++) {
        err = drop_file(w, f.first[i], f.first[i + 1], why);
        dropped += err == VT_OK;
    }
    vt_wal_files_release(&f);
    if (err == VT_OK)
        *ret_files = dropped;
    return err;
}
