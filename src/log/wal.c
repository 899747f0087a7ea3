/* SPDX-License-Identifier: Apache-2.0 */
#include "log/wal.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_MAGIC 0x56544231U /* "VTB1" */
#define BATCH_HEAD 20U          /* magic, body length, first index, count */
#define RECORD_HEAD 34U         /* name, length */
#define FILE_MAGIC "vitrine/wal/v1\n"

struct vt_wal {
    int fd;
    char path[VT_PATH_MAX];
    uint64_t end; /* where the next batch goes */
    uint64_t count;
    bool unsure; /* a failed fdatasync: what the disk holds is not known */
};

struct scan {
    const uint8_t *data;
    uint64_t size;
    uint64_t pos;
    uint64_t count;
    enum vt_err (*fn)(
        void *ctx, const struct vt_wal_record *r, uint64_t offset, struct vt_why *why);
    void *ctx;
};

/* A batch that is whole: its head makes sense and its digest is right. Points
 * *ret_body at the records. */
static bool
batch_at(const struct scan *s, uint64_t pos, uint64_t *ret_first, uint32_t *ret_count,
    struct vt_reader *ret_body)
{
    struct vt_reader r = VT_READER(s->data + pos, s->size - pos);
    const uint8_t *start = r.p;
    const uint8_t *body;
    const uint8_t *sum;
    struct vt_digest d;
    uint32_t magic;
    uint32_t len;

    if (!vt_reader_u32(&r, &magic) || magic != BATCH_MAGIC || !vt_reader_u32(&r, &len) ||
        len > VT_WAL_BATCH_MAX || !vt_reader_u64(&r, ret_first) ||
        !vt_reader_u32(&r, ret_count) || !vt_reader_take(&r, len, &body) ||
        !vt_reader_take(&r, VT_DIGEST_SIZE, &sum))
        return false;
    vt_digest_of(start, BATCH_HEAD + len, &d);
    *ret_body = VT_READER(body, len);
    return memcmp(d.b, sum, VT_DIGEST_SIZE) == 0;
}

/* Gives out the records of a batch. */
static enum vt_err
each_record(struct scan *s, struct vt_reader *body, uint32_t count, struct vt_why *why)
{
    for (uint32_t i = 0; i < count; i++) {
        struct vt_wal_record rec;
        const uint8_t *name;
        const uint8_t *data;
        enum vt_err err;

        if (!vt_reader_take(body, VT_DIGEST_SIZE, &name) || !vt_reader_u16(body, &rec.len) ||
            !vt_reader_take(body, rec.len, &data))
            return vt_fail(why, VT_E_DIGEST, "a batch says more records than it holds");
        memcpy(rec.name.b, name, VT_DIGEST_SIZE);
        rec.data = data;
        err = s->fn(s->ctx, &rec, (uint64_t)(data - s->data), why);
        if (err != VT_OK)
            return err;
        s->count++;
    }
    return body->left == 0 ? VT_OK
                           : vt_fail(why, VT_E_DIGEST, "a batch holds more than it says");
}

/* Whether a whole batch that follows what was read so far stands anywhere
 * after pos. */
static bool
batch_follows(const struct scan *s, uint64_t pos)
{
    static const uint8_t magic[4] = {0x56, 0x54, 0x42, 0x31};

    while (pos < s->size) {
        const uint8_t *hit = memmem(s->data + pos, s->size - pos, magic, sizeof(magic));
        struct vt_reader body;
        uint64_t first;
        uint32_t count;

        if (hit == NULL)
            return false;
        pos = (uint64_t)(hit - s->data);
        if (batch_at(s, pos, &first, &count, &body) && first >= s->count)
            return true;
        pos++;
    }
    return false;
}

static enum vt_err
scan_batches(struct scan *s, struct vt_why *why)
{
    while (s->pos < s->size) {
        struct vt_reader body;
        uint64_t first;
        uint32_t count;
        enum vt_err err;

        if (!batch_at(s, s->pos, &first, &count, &body)) {
            if (batch_follows(s, s->pos + 1))
                return vt_fail(why, VT_E_DIGEST,
                    "damaged at byte %llu (entry %llu), and good entries follow: put back a "
                    "sound copy of the file",
                    (unsigned long long)s->pos, (unsigned long long)s->count);
            return VT_OK; /* a torn tail: s->pos is where it is cut */
        }
        if (first != s->count)
            return vt_fail(why, VT_E_DIGEST,
                "entry %llu stands where %llu should: put back a "
                "sound copy of the file",
                (unsigned long long)first, (unsigned long long)s->count);
        err = each_record(s, &body, count, why);
        if (err != VT_OK)
            return err;
        s->pos = (uint64_t)(body.p - s->data) + VT_DIGEST_SIZE;
    }
    return VT_OK;
}

/* Checks the first lines: what the file is, and whose. */
static enum vt_err
scan_head(struct scan *s, const char *origin, struct vt_why *why)
{
    struct vt_reader r = VT_READER(s->data, s->size);
    struct vt_reader line;

    if (!vt_reader_skip(&r, FILE_MAGIC) || !vt_reader_line(&r, &line))
        return vt_fail(why, VT_E_DIGEST, "not a write-ahead log of this version");
    if (!vt_reader_is(&line, origin))
        return vt_fail(why, VT_E_CONFIG, "it is the log of %.*s, not of %s",
            (int)(line.left < 128 ? line.left : 128), (const char *)line.p, origin);
    s->pos = s->size - r.left;
    return VT_OK;
}

static enum vt_err
scan_file(struct vt_wal *w, const char *origin, struct scan *s, struct vt_why *why)
{
    void *map;
    enum vt_err err;

    map = mmap(NULL, s->size, PROT_READ, MAP_PRIVATE, w->fd, 0);
    if (map == MAP_FAILED)
        return vt_fail_errno(why, "cannot map");
    (void)madvise(map, s->size, MADV_SEQUENTIAL);
    s->data = map;
    err = scan_head(s, origin, why);
    if (err == VT_OK)
        err = scan_batches(s, why);
    (void)munmap(map, s->size);
    return err;
}

static enum vt_err
cut_to(struct vt_wal *w, uint64_t size, struct vt_why *why)
{
    if (ftruncate(w->fd, (off_t)size) != 0 || fdatasync(w->fd) != 0)
        return vt_fail_errno(why, "cannot cut off the torn tail");
    return VT_OK;
}

static enum vt_err
open_file(struct vt_wal *w, const char *origin, struct scan *s, struct vt_why *why)
{
    struct vt_buf head = VT_BUF(256);
    struct stat st;
    enum vt_err err = VT_OK;

    vt_buf_putf(&head, "%s%s\n", FILE_MAGIC, origin);
    if (!vt_file_exists(w->path)) {
        err = vt_buf_check(&head, "origin", why);
        if (err == VT_OK)
            err = vt_file_create(w->path, 0600, head.data, head.len, why);
    }
    vt_buf_release(&head);
    if (err != VT_OK)
        return err;
    w->fd = open(w->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (w->fd < 0 || fstat(w->fd, &st) != 0)
        return vt_fail_errno(why, "cannot open");
    if (st.st_size == 0)
        return vt_fail(why, VT_E_DIGEST, "the file is empty: put back a sound copy of it");
    s->size = (uint64_t)st.st_size;
    return VT_OK;
}

enum vt_err
vt_wal_open(const char *path, const char *origin,
    enum vt_err (*fn)(
        void *ctx, const struct vt_wal_record *r, uint64_t offset, struct vt_why *why),
    void *ctx, struct vt_wal **ret, uint64_t *ret_cut, struct vt_why *why)
{
    struct scan s = {.fn = fn, .ctx = ctx};
    struct vt_wal *w = calloc(1, sizeof(*w));
    enum vt_err err;

    if (w == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", path);
    w->fd = -1;
    err = vt_path(w->path, why, "%s", path);
    if (err == VT_OK)
        err = open_file(w, origin, &s, why);
    if (err == VT_OK)
        err = scan_file(w, origin, &s, why);
    if (err == VT_OK && s.pos < s.size)
        err = cut_to(w, s.pos, why);
    if (err != VT_OK) {
        vt_wal_free(w);
        return vt_fail_in(why, err, "%s", path);
    }
    w->end = s.pos;
    w->count = s.count;
    *ret_cut = s.size - s.pos;
    *ret = w;
    return VT_OK;
}

void
vt_wal_free(struct vt_wal *w)
{
    if (w == NULL)
        return;
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}

uint64_t
vt_wal_count(const struct vt_wal *w)
{
    return w->count;
}

static void
put_batch(struct vt_buf *b, const struct vt_wal *w, const struct vt_wal_record *records,
    uint32_t n, uint64_t *ret_offsets)
{
    struct vt_digest sum;
    uint32_t body = 0;

    for (uint32_t i = 0; i < n; i++)
        body += RECORD_HEAD + records[i].len;
    vt_buf_put_u32(b, BATCH_MAGIC);
    vt_buf_put_u32(b, body);
    vt_buf_put_u64(b, w->count);
    vt_buf_put_u32(b, n);
    for (uint32_t i = 0; i < n; i++) {
        vt_buf_put(b, records[i].name.b, VT_DIGEST_SIZE);
        vt_buf_put_u16(b, records[i].len);
        ret_offsets[i] = w->end + b->len;
        vt_buf_put(b, records[i].data, records[i].len);
    }
    if (b->err == VT_OK) {
        vt_digest_of(b->data, b->len, &sum);
        vt_buf_put(b, sum.b, VT_DIGEST_SIZE);
    }
}

static enum vt_err
write_at_end(struct vt_wal *w, const struct vt_buf *b, struct vt_why *why)
{
    enum vt_err err;

    if (lseek(w->fd, (off_t)w->end, SEEK_SET) < 0)
        return vt_fail_errno(why, "%s", w->path);
    err = vt_fd_write(w->fd, b->data, b->len, why);
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

enum vt_err
vt_wal_append(struct vt_wal *w, const struct vt_wal_record *records, uint32_t n,
    uint64_t *ret_offsets, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(BATCH_HEAD + VT_WAL_BATCH_MAX + VT_DIGEST_SIZE);
    enum vt_err err;

    if (w->unsure)
        return vt_fail(why, VT_E_STATE,
            "%s: an earlier write failed and it is not known what the disk holds: start the "
            "log "
            "again",
            w->path);
    put_batch(&b, w, records, n, ret_offsets);
    err = vt_buf_check(&b, "batch of entries", why);
    if (err == VT_OK)
        err = write_at_end(w, &b, why);
    if (err == VT_OK) {
        w->end += b.len;
        w->count += n;
    }
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_wal_read(
    const struct vt_wal *w, uint64_t offset, void *ret, uint16_t len, struct vt_why *why)
{
    size_t have = 0;

    while (have < len) {
        ssize_t n = pread(w->fd, (char *)ret + have, len - have, (off_t)(offset + have));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vt_fail_errno(why, "%s", w->path);
        if (n == 0)
            return vt_fail(why, VT_E_IO, "%s: shorter than it was", w->path);
        have += (size_t)n;
    }
    return VT_OK;
}
