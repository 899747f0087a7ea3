/* SPDX-License-Identifier: Apache-2.0 */
#include "log/wal_file.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC_V1 "vitrine/wal/v1\n"
#define MAGIC_V2 "vitrine/wal/v2\n"
#define INDEX_MAX INT64_MAX

/* The head's last line: a digest of those before it. A mark with a digit changed would
 * otherwise make all batches behind it look torn. */
static uint32_t
head_sum(const void *head, size_t len)
{
    struct vt_digest d;
    struct vt_reader r = VT_READER(d.b, sizeof d.b);
    uint32_t sum = 0;

    vt_digest_of(head, len, &d);
    return vt_reader_u32(&r, &sum) ? sum : 0;
}

enum vt_err
vt_wal_head_put(struct vt_buf *b, const char *origin, struct vt_wal_head *h, struct vt_why *why)
{
    enum vt_err err = vt_random(&h->mark, sizeof h->mark, why);

    if (err != VT_OK)
        return err;
    vt_buf_putf(b, "%s%s\nmark %08" PRIx32 "\nfirst %" PRIu64 "\n", MAGIC_V2, origin, h->mark,
        h->first);
    if (h->follows)
        vt_buf_putf(b, "after %" PRIu64 " %" PRIu64 "\n", h->previous, h->previous_len);
    else
        vt_buf_puts(b, "after none\n");
    err = vt_buf_check(b, "file's head", why);
    if (err == VT_OK) {
        vt_buf_putf(b, "sum %08" PRIx32 "\n", head_sum(b->data, b->len));
        err = vt_buf_check(b, "file's head", why);
    }
    return err;
}

/* "NAME HEX" */
static bool
parse_hex(struct vt_reader *r, const char *name, uint32_t *ret)
{
    struct vt_reader line;
    uint8_t b[4];
    size_t n;

    if (!vt_reader_line(r, &line) || !vt_reader_skip(&line, name) || line.left != 8 ||
        !vt_hex_decode((const char *)line.p, line.left, b, sizeof b, &n))
        return false;
    line = VT_READER(b, sizeof b);
    return vt_reader_u32(&line, ret);
}

/* "first N" and "after none" or "after FIRST LENGTH". */
static bool
parse_place(struct vt_reader *r, struct vt_wal_head *h)
{
    struct vt_reader line;
    struct vt_reader word;

    if (!vt_reader_line(r, &line) || !vt_reader_skip(&line, "first ") ||
        !vt_reader_decimal(&line, INDEX_MAX, &h->first))
        return false;
    if (!vt_reader_line(r, &line) || !vt_reader_skip(&line, "after "))
        return false;
    if (vt_reader_is(&line, "none"))
        return h->first == 0;
    h->follows = true;
    return vt_reader_word(&line, ' ', &word) &&
           vt_reader_decimal(&word, INDEX_MAX, &h->previous) &&
           vt_reader_decimal(&line, INDEX_MAX, &h->previous_len) && h->previous < h->first;
}

/* What follows the origin in a file of today. */
static bool
parse_rest(struct vt_reader *r, const void *head, struct vt_wal_head *h)
{
    uint32_t sum;
    size_t len;

    if (!parse_hex(r, "mark ", &h->mark) || !parse_place(r, h))
        return false;
    len = (size_t)(r->p - (const uint8_t *)head);
    return parse_hex(r, "sum ", &sum) && sum == head_sum(head, len);
}

enum vt_err
vt_wal_head_parse(const void *data, size_t len, const char *origin, struct vt_wal_head *ret,
    struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_wal_head h = {.mark = VT_WAL_MARK_OLD};
    struct vt_reader line;
    bool old = vt_reader_skip(&r, MAGIC_V1);

    if ((!old && !vt_reader_skip(&r, MAGIC_V2)) || !vt_reader_line(&r, &line))
        return vt_fail(why, VT_E_DIGEST,
            "not a write-ahead log of this version: put back a sound copy of the file");
    if (!vt_reader_is(&line, origin))
        return vt_fail(why, VT_E_CONFIG, "it is the log of %.*s, not of %s",
            (int)(line.left < 128 ? line.left : 128), (const char *)line.p, origin);
    if (!old && !parse_rest(&r, data, &h))
        return vt_fail(
            why, VT_E_DIGEST, "its first lines are damaged: put back a sound copy of the file");
    h.len = len - r.left;
    *ret = h;
    return VT_OK;
}

enum vt_err
vt_wal_head_read(
    int fd, const char *origin, struct vt_wal_head *ret, uint64_t *ret_size, struct vt_why *why)
{
    uint8_t head[VT_WAL_HEAD_MAX];
    struct stat st;
    ssize_t n;
    enum vt_err err;

    do {
        n = pread(fd, head, sizeof head, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0 || fstat(fd, &st) != 0)
        return vt_fail_errno(why, "cannot read");
    err = vt_wal_head_parse(head, (size_t)n, origin, ret, why);
    if (err == VT_OK)
        *ret_size = (uint64_t)st.st_size;
    return err;
}

bool
vt_wal_batch_head(struct vt_reader *r, uint32_t mark, struct vt_wal_batch *ret)
{
    uint32_t its;

    return vt_reader_u32(r, &its) && its == mark && vt_reader_u32(r, &ret->len) &&
           ret->len <= VT_WAL_BATCH_MAX && vt_reader_u64(r, &ret->first) &&
           ret->first <= INDEX_MAX && vt_reader_u32(r, &ret->count) &&
           ret->count <= ret->len / VT_WAL_RECORD_HEAD;
}

void
vt_wal_batch_put_head(
    uint8_t ret[VT_WAL_BATCH_HEAD], uint32_t mark, const struct vt_wal_batch *b)
{
    uint32_t its = htobe32(mark);
    uint32_t len = htobe32(b->len);
    uint64_t first = htobe64(b->first);
    uint32_t count = htobe32(b->count);

    memcpy(ret, &its, 4);
    memcpy(ret + 4, &len, 4);
    memcpy(ret + 8, &first, 8);
    memcpy(ret + 16, &count, 4);
}

bool
vt_wal_batch_parse(
    struct vt_reader *r, uint32_t mark, struct vt_wal_batch *ret, struct vt_reader *ret_body)
{
    struct vt_reader in = *r;
    struct vt_wal_batch b;
    const uint8_t *body;
    const uint8_t *sum;
    struct vt_digest d;

    if (!vt_wal_batch_head(&in, mark, &b) || !vt_reader_take(&in, b.len, &body) ||
        !vt_reader_take(&in, VT_DIGEST_SIZE, &sum))
        return false;
    vt_digest_of(r->p, VT_WAL_BATCH_HEAD + b.len, &d);
    if (memcmp(d.b, sum, VT_DIGEST_SIZE) != 0)
        return false;
    *ret = b;
    *ret_body = VT_READER(body, b.len);
    *r = in;
    return true;
}

bool
vt_wal_record_parse(struct vt_reader *r, struct vt_wal_record *ret)
{
    struct vt_reader in = *r;
    const uint8_t *name;
    const uint8_t *data;
    uint16_t len;

    if (!vt_reader_take(&in, VT_DIGEST_SIZE, &name) || !vt_reader_u16(&in, &len) ||
        !vt_reader_take(&in, len, &data))
        return false;
    *ret = (struct vt_wal_record){.data = data, .len = len};
    memcpy(ret->name.b, name, VT_DIGEST_SIZE);
    *r = in;
    return true;
}

/* Names that are no file's of the log (a copy that somebody put there) are left alone. */
static enum vt_err
take_name(void *ctx, const char *name, struct vt_why *why)
{
    struct vt_wal_files *f = ctx;
    uint64_t first = 0;

    if (strlen(name) != VT_WAL_NAME_SIZE - 1 ||
        strspn(name, "0123456789") != VT_WAL_NAME_SIZE - 1 ||
        strcmp(name, "09223372036854775807") > 0)
        return VT_OK;
    for (const char *p = name; *p != '\0'; p++)
        first = first * 10 + (uint64_t)(*p - '0');
    if (f->n == f->cap) {
        size_t cap = f->cap == 0 ? 64 : f->cap * 2;
        uint64_t *p = realloc(f->first, cap * sizeof *p);

        if (p == NULL)
            return vt_fail(why, VT_E_NOMEM, "out of memory");
        f->first = p;
        f->cap = cap;
    }
    f->first[f->n++] = first;
    return VT_OK;
}

enum vt_err
vt_wal_files_list(const char *dir, struct vt_wal_files *ret, struct vt_why *why)
{
    struct vt_wal_files f = {0};
    enum vt_err err = vt_dir_each(dir, take_name, &f, why);

    if (err != VT_OK) {
        vt_wal_files_release(&f);
        return err;
    }
    *ret = f;
    return VT_OK;
}

void
vt_wal_files_release(struct vt_wal_files *f)
{
    free(f->first);
    *f = (struct vt_wal_files){0};
}

enum vt_err
vt_wal_file_path(char ret[VT_PATH_MAX], const char *dir, uint64_t first, struct vt_why *why)
{
    return vt_path(ret, why, "%s/%020" PRIu64, dir, first);
}
