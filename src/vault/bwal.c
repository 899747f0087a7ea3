/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/bwal_parts.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct vt_bwal {
    int fd;
    char path[VT_PATH_MAX];
    uint8_t salt[VT_BWAL_SALT];
    struct vt_hasher *hasher; /* of the open group */
    uint64_t number;          /* of the open group */
    uint64_t durable;         /* where it begins */
    uint64_t end;             /* where the next bytes go */
    uint32_t count;           /* batches of all groups */
    uint32_t group_count;     /* of the open one */
    bool unsure; /* a failed write or fdatasync: what the disk holds is not known */
};

static enum vt_err
write_head(struct vt_bwal *w, const struct vt_digest *policy, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_BWAL_HEAD);
    struct vt_digest sum;
    enum vt_err err = vt_random(w->salt, sizeof w->salt, why);

    vt_buf_puts(&b, VT_BWAL_MAGIC);
    vt_buf_put(&b, w->salt, sizeof w->salt);
    vt_buf_put(&b, policy->b, VT_DIGEST_SIZE);
    if (err == VT_OK && b.err == VT_OK) {
        vt_digest_of(b.data, b.len, &sum);
        vt_buf_put(&b, sum.b, VT_DIGEST_SIZE);
    }
    if (err == VT_OK)
        err = vt_buf_check(&b, w->path, why);
    if (err == VT_OK)
        err = vt_file_create(w->path, 0600, b.data, b.len, why);
    w->durable = w->end = b.len;
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_bwal_create(
    const char *path, const struct vt_digest *policy, struct vt_bwal **ret, struct vt_why *why)
{
    struct vt_bwal *w = calloc(1, sizeof *w);
    enum vt_err err;

    if (w == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", path);
    w->fd = -1;
    err = vt_path(w->path, why, "%s", path);
    if (err == VT_OK)
        err = vt_hasher_new(&w->hasher, why);
    if (err == VT_OK)
        err = write_head(w, policy, why);
    if (err == VT_OK) {
        w->fd = open(w->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (w->fd < 0)
            err = vt_fail_errno(why, "%s", w->path);
    }
    if (err != VT_OK) {
        vt_bwal_free(w);
        return err;
    }
    *ret = w;
    return VT_OK;
}

void
vt_bwal_free(struct vt_bwal *w)
{
    if (w == NULL)
        return;
    if (w->fd >= 0)
        close(w->fd);
    vt_hasher_free(w->hasher);
    free(w);
}

/* Writes the pieces at the end, all or nothing: a failed write is cut off again. */
static enum vt_err
write_pieces(struct vt_bwal *w, const struct vt_slice *v, size_t n, struct vt_why *why)
{
    uint64_t at = w->end;

    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = v[i].data;
        size_t left = v[i].len;

        while (left > 0) {
            ssize_t got = pwrite(w->fd, p, left, (off_t)at);

            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0) {
                enum vt_err err = vt_fail_errno(why, "%s", w->path);

                if (ftruncate(w->fd, (off_t)w->end) != 0)
                    w->unsure = true;
                return err;
            }
            p += got;
            left -= (size_t)got;
            at += (uint64_t)got;
        }
    }
    for (size_t i = 0; i < n; i++)
        vt_hasher_put(w->hasher, v[i].data, v[i].len);
    w->end = at;
    return VT_OK;
}

static enum vt_err
begin_group(struct vt_bwal *w, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_BWAL_GROUP_HEAD);
    struct vt_slice piece;
    enum vt_err err;

    if (w->end > w->durable)
        return VT_OK;
    vt_buf_puts(&b, VT_BWAL_GROUP);
    vt_buf_put(&b, w->salt, sizeof w->salt);
    vt_buf_put_u64(&b, w->number);
    err = vt_buf_check(&b, w->path, why);
    piece = (struct vt_slice){b.data, b.len};
    if (err == VT_OK)
        err = write_pieces(w, &piece, 1, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
check_state(const struct vt_bwal *w, struct vt_why *why)
{
    if (w->unsure)
        return vt_fail(why, VT_E_STATE,
            "%s: an earlier write failed and it is not known what the disk holds", w->path);
    return VT_OK;
}

enum vt_err
vt_bwal_append(struct vt_bwal *w, const struct vt_bwal_record *r, struct vt_why *why)
{
    struct vt_buf head = VT_BUF(VT_BWAL_RECORD_HEAD);
    enum vt_err err = check_state(w, why);

    if (err != VT_OK)
        return err;
    if (r->len == 0 || r->len > VT_BWAL_BATCH_MAX || w->count == VT_BWAL_RECORDS_MAX ||
        w->end + r->len > VT_BWAL_FILE_MAX - 4096)
        return vt_fail(
            why, VT_E_LIMIT, "%s: no room for a batch of %zu bytes", w->path, r->len);
    vt_buf_puts(&head, VT_BWAL_BATCH);
    vt_buf_put_u64(&head, r->arrived);
    vt_buf_put_u32(&head, (uint32_t)r->len);
    err = vt_buf_check(&head, w->path, why);
    if (err == VT_OK)
        err = begin_group(w, why);
    if (err == VT_OK) {
        const struct vt_slice v[2] = {{head.data, head.len}, {r->batch, r->len}};

        err = write_pieces(w, v, 2, why);
    }
    vt_buf_release(&head);
    if (err == VT_OK) {
        w->count++;
        w->group_count++;
    }
    return err;
}

/* Takes the open group back. */
static void
drop_group(struct vt_bwal *w)
{
    struct vt_digest ignored;

    if (ftruncate(w->fd, (off_t)w->durable) != 0)
        w->unsure = true;
    vt_hasher_end(w->hasher, &ignored);
    w->end = w->durable;
    w->count -= w->group_count;
    w->group_count = 0;
}

static enum vt_err
end_group(struct vt_bwal *w, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_BWAL_TRAILER);
    struct vt_slice piece;
    struct vt_digest sum;
    enum vt_err err;

    vt_buf_puts(&b, VT_BWAL_END);
    vt_buf_put_u32(&b, w->group_count);
    err = vt_buf_check(&b, w->path, why);
    piece = (struct vt_slice){b.data, b.len};
    if (err == VT_OK)
        err = write_pieces(w, &piece, 1, why);
    vt_buf_release(&b);
    if (err != VT_OK)
        return err;
    vt_hasher_end(w->hasher, &sum);
    piece = (struct vt_slice){sum.b, sizeof sum.b};
    return write_pieces(w, &piece, 1, why);
}

enum vt_err
vt_bwal_commit(struct vt_bwal *w, struct vt_why *why)
{
    struct vt_digest ignored;
    enum vt_err err = check_state(w, why);

    if (err != VT_OK || w->end == w->durable)
        return err;
    err = end_group(w, why);
    if (err != VT_OK) {
        drop_group(w);
        return err;
    }
    if (fdatasync(w->fd) != 0) {
        w->unsure = true;
        return vt_fail_errno(why, "%s: cannot make batches durable", w->path);
    }
    vt_hasher_end(w->hasher, &ignored); /* the trailer's own bytes */
    w->durable = w->end;
    w->number++;
    w->group_count = 0;
    return VT_OK;
}

uint64_t
vt_bwal_size(const struct vt_bwal *w)
{
    return w->end;
}

uint32_t
vt_bwal_count(const struct vt_bwal *w)
{
    return w->count;
}
