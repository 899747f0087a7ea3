/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/journal.h"

#include "base/file.h"
#include "crypto/digest.h"
#include "witness/journal_form.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (1U << 20)

struct vt_witness_journal {
    int fd;
    char path[VT_PATH_MAX];
    uint64_t base;  /* where the base ends */
    uint64_t end;   /* where the next batch goes */
    uint64_t count; /* records after the base */
    bool unsure;
};

static enum vt_err
scan_file(struct vt_witness_journal *j, vt_witness_record_fn *fn, void *ctx, uint64_t *ret_size,
    struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_WITNESS_JOURNAL_MAX);
    enum vt_err err = vt_file_read(j->path, &b, why);

    if (err == VT_OK) {
        err =
            vt_witness_journal_scan(b.data, b.len, fn, ctx, &j->base, &j->end, &j->count, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", j->path);
    }
    *ret_size = b.len;
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_witness_journal_read(
    const char *path, vt_witness_record_fn *fn, void *ctx, struct vt_why *why)
{
    struct vt_witness_journal j = {.fd = -1};
    uint64_t size;
    enum vt_err err = vt_path(j.path, why, "%s", path);

    return err == VT_OK ? scan_file(&j, fn, ctx, &size, why) : err;
}

/* Writing. */

static enum vt_err
journal_make(const char *path, struct vt_witness_journal **ret, struct vt_why *why)
{
    struct vt_witness_journal *j = calloc(1, sizeof(*j));
    enum vt_err err;

    if (j == NULL)
        return vt_fail(why, VT_E_NOMEM, "witness: out of memory");
    j->fd = -1;
    err = vt_path(j->path, why, "%s", path);
    if (err != VT_OK) {
        free(j);
        return err;
    }
    *ret = j;
    return VT_OK;
}

void
vt_witness_journal_free(struct vt_witness_journal *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0)
        (void)close(j->fd);
    free(j);
}

/* Opens the file, which is to be `size` bytes long. */
static enum vt_err
open_file(struct vt_witness_journal *j, uint64_t size, struct vt_why *why)
{
    struct stat st;

    j->fd = open(j->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (j->fd < 0 || fstat(j->fd, &st) != 0)
        return vt_fail_errno(why, "%s: cannot open", j->path);
    if ((uint64_t)st.st_size != size)
        return vt_fail(why, VT_E_STATE, "%s: something else writes to it", j->path);
    return VT_OK;
}

static enum vt_err
cut_tail(const struct vt_witness_journal *j, struct vt_why *why)
{
    if (ftruncate(j->fd, (off_t)j->end) != 0 || fdatasync(j->fd) != 0)
        return vt_fail_errno(why, "%s: cannot cut off the torn tail", j->path);
    return VT_OK;
}

enum vt_err
vt_witness_journal_open(const char *path, vt_witness_record_fn *fn, void *ctx,
    struct vt_witness_journal **ret, uint64_t *ret_cut, struct vt_why *why)
{
    struct vt_witness_journal *j = NULL;
    uint64_t size = 0;
    enum vt_err err = journal_make(path, &j, why);

    if (err != VT_OK)
        return err;
    err = scan_file(j, fn, ctx, &size, why);
    if (err == VT_OK)
        err = open_file(j, size, why);
    if (err == VT_OK && size > j->end)
        err = cut_tail(j, why);
    if (err != VT_OK) {
        vt_witness_journal_free(j);
        return err;
    }
    *ret_cut = size - j->end;
    *ret = j;
    return VT_OK;
}

static void
put_record(struct vt_buf *b, const struct vt_witness_record *r)
{
    vt_buf_put_u64(b, r->time);
    vt_buf_put_u32(b, r->note_len);
    vt_buf_put(b, r->note, r->note_len);
}

/* Hashes and writes what is in b, and empties it. */
static enum vt_err
write_chunk(int fd, struct vt_hasher *h, struct vt_buf *b, struct vt_why *why)
{
    enum vt_err err = vt_buf_check(b, "the witness's journal", why);

    if (err == VT_OK) {
        vt_hasher_put(h, b->data, b->len);
        err = vt_fd_write(fd, b->data, b->len, why);
    }
    vt_buf_clear(b);
    return err;
}

/* The whole file, through a buffer of its own; *ret_len bytes. */
static enum vt_err
write_base(int fd, const struct vt_witness_base *base, struct vt_hasher *h, struct vt_buf *b,
    uint64_t *ret_len, struct vt_why *why)
{
    struct vt_digest d;
    enum vt_err err = VT_OK;

    vt_buf_putf(
        b, VT_WITNESS_JOURNAL_HEAD "base %" PRIu64 " %" PRIu64 "\n", base->count, base->bytes);
    *ret_len = b->len + base->bytes + VT_DIGEST_SIZE;
    for (uint64_t i = 0; i < base->count && err == VT_OK; i++) {
        struct vt_witness_record rec;

        base->next(base->ctx, &rec);
        put_record(b, &rec);
        if (b->len >= CHUNK)
            err = write_chunk(fd, h, b, why);
    }
    if (err == VT_OK)
        err = write_chunk(fd, h, b, why);
    if (err == VT_OK) {
        vt_hasher_end(h, &d);
        err = vt_fd_write(fd, d.b, sizeof(d.b), why);
    }
    return err;
}

/* Writes the file durably in place of the one there. */
static enum vt_err
replace_file(
    const char *path, const struct vt_witness_base *base, uint64_t *ret_len, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(CHUNK + 2 * VT_WITNESS_NOTE_MAX);
    struct vt_file_new f = {.fd = -1};
    struct vt_hasher *h = NULL;
    enum vt_err err = vt_hasher_new(&h, why);

    if (err != VT_OK)
        return err;
    err = vt_file_new_begin(&f, path, 0600, why);
    if (err == VT_OK) {
        err = write_base(f.fd, base, h, &b, ret_len, why);
        if (err == VT_OK)
            err = vt_file_new_commit(&f, why);
        else
            vt_file_new_abort(&f);
    }
    vt_hasher_free(h);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_witness_journal_new(const char *path, const struct vt_witness_base *base,
    struct vt_witness_journal **ret, struct vt_why *why)
{
    struct vt_witness_journal *j = NULL;
    enum vt_err err = journal_make(path, &j, why);

    if (err == VT_OK)
        err = replace_file(path, base, &j->base, why);
    if (err == VT_OK)
        err = open_file(j, j->base, why);
    if (err != VT_OK) {
        vt_witness_journal_free(j);
        return err;
    }
    j->end = j->base;
    *ret = j;
    return VT_OK;
}

/* Whether the open file is still the one of its name. */
static bool
is_in_place(const struct vt_witness_journal *j)
{
    struct stat own;
    struct stat named;

    return fstat(j->fd, &own) == 0 && lstat(j->path, &named) == 0 &&
           own.st_dev == named.st_dev && own.st_ino == named.st_ino;
}

enum vt_err
vt_witness_journal_renew(
    struct vt_witness_journal **j, const struct vt_witness_base *base, struct vt_why *why)
{
    struct vt_witness_journal *next = NULL;
    enum vt_err err = vt_witness_journal_new((*j)->path, base, &next, why);

    if (err != VT_OK) {
        if (!is_in_place(*j))
            (*j)->unsure = true;
        return err;
    }
    vt_witness_journal_free(*j);
    *j = next;
    return VT_OK;
}

void
vt_witness_record_put(struct vt_buf *batch, const struct vt_witness_record *r)
{
    static const uint8_t room[VT_WITNESS_BATCH_HEAD] = {0};

    if (batch->len == 0)
        vt_buf_put(batch, room, sizeof(room));
    put_record(batch, r);
}

/* Fills in the head, and adds the digest. */
static enum vt_err
seal_batch(
    const struct vt_witness_journal *j, struct vt_buf *batch, uint32_t n, struct vt_why *why)
{
    struct vt_buf head = VT_BUF(VT_WITNESS_BATCH_HEAD);
    struct vt_digest sum;
    enum vt_err err = vt_buf_check(batch, "records", why);

    if (err == VT_OK && batch->len - VT_WITNESS_BATCH_HEAD > VT_WITNESS_BATCH_MAX)
        err = vt_fail(why, VT_E_LIMIT, "a batch of records is too long");
    if (err == VT_OK) {
        vt_buf_put_u32(&head, VT_WITNESS_BATCH_MAGIC);
        vt_buf_put_u32(&head, (uint32_t)(batch->len - VT_WITNESS_BATCH_HEAD));
        vt_buf_put_u64(&head, j->count);
        vt_buf_put_u32(&head, n);
        err = vt_buf_check(&head, "records", why);
    }
    if (err == VT_OK) {
        memcpy(batch->data, head.data, VT_WITNESS_BATCH_HEAD);
        vt_digest_of(batch->data, batch->len, &sum);
        vt_buf_put(batch, sum.b, sizeof(sum.b));
        err = vt_buf_check(batch, "records", why);
    }
    vt_buf_release(&head);
    return err;
}

static enum vt_err
write_at_end(struct vt_witness_journal *j, const struct vt_buf *b, struct vt_why *why)
{
    enum vt_err err;

    if (lseek(j->fd, (off_t)j->end, SEEK_SET) < 0)
        return vt_fail_errno(why, "%s", j->path);
    err = vt_fd_write(j->fd, b->data, b->len, why);
    if (err != VT_OK) {
        /* Half a batch: away with it, or the next one would follow damage. */
        if (ftruncate(j->fd, (off_t)j->end) != 0)
            j->unsure = true;
        return vt_fail_in(why, err, "%s", j->path);
    }
    if (fdatasync(j->fd) != 0) {
        j->unsure = true;
        return vt_fail_errno(why, "%s: cannot make records durable", j->path);
    }
    return VT_OK;
}

enum vt_err
vt_witness_journal_append(
    struct vt_witness_journal *j, struct vt_buf *batch, uint32_t n, struct vt_why *why)
{
    enum vt_err err;

    assert(n > 0 && batch->len >= VT_WITNESS_BATCH_HEAD);
    if (j->unsure)
        return vt_fail(why, VT_E_STATE,
            "%s: an earlier write failed and it is not known what the disk holds", j->path);
    err = seal_batch(j, batch, n, why);
    if (err == VT_OK)
        err = write_at_end(j, batch, why);
    if (err == VT_OK) {
        j->end += batch->len;
        j->count += n;
    }
    return err;
}

bool
vt_witness_journal_unsure(const struct vt_witness_journal *j)
{
    return j->unsure;
}

bool
vt_witness_journal_is_long(const struct vt_witness_journal *j)
{
    uint64_t tail = j->end - j->base;

    return tail > VT_WITNESS_BATCHES_MAX && tail > j->base;
}
