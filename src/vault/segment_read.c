/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/segment.h"

#include "base/file.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AHEAD (512U * 1024U) /* bytes read at once, when no block is larger */

struct vt_segment_reader {
    int fd;
    char path[VT_PATH_MAX];
    uint8_t *head_bytes;
    size_t head_len;
    struct vt_segment_head head;
    uint64_t size; /* of the file */
    /* What was read ahead: [at, end) of buffer. */
    uint8_t *buffer;
    size_t room;
    size_t at;
    size_t end;
    uint32_t next; /* block */
    struct vt_frontier tree;
};

static enum vt_err
read_exactly(struct vt_segment_reader *r, void *ret, size_t len, struct vt_why *why)
{
    size_t got;
    enum vt_err err = vt_fd_read(r->fd, ret, len, &got, why);

    if (err == VT_OK && got < len)
        err = vt_fail(why, VT_E_SYNTAX, "the segment is cut short");
    return err;
}

static enum vt_err
open_file(struct vt_segment_reader *r, struct vt_why *why)
{
    struct stat st;

    r->fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (r->fd < 0 || fstat(r->fd, &st) != 0)
        return vt_fail_errno(why, "cannot open");
    if (!S_ISREG(st.st_mode))
        return vt_fail(why, VT_E_SYNTAX, "not a segment");
    if ((uint64_t)st.st_size > VT_SEGMENT_MAX)
        return vt_fail(why, VT_E_LIMIT, "a segment of %lld bytes", (long long)st.st_size);
    r->size = (uint64_t)st.st_size;
    return VT_OK;
}

static enum vt_err
read_head(struct vt_segment_reader *r, struct vt_why *why)
{
    uint8_t prefix[VT_SEGMENT_PREFIX];
    struct vt_reader p = VT_READER(prefix, sizeof prefix);
    uint32_t len;
    enum vt_err err = read_exactly(r, prefix, sizeof prefix, why);

    if (err != VT_OK)
        return err;
    if (!vt_reader_skip(&p, VT_SEGMENT_MAGIC) || !vt_reader_u32(&p, &len))
        return vt_fail(why, VT_E_SYNTAX, "not a segment");
    if (len > VT_SEGMENT_HEAD_MAX || len > r->size)
        return vt_fail(why, VT_E_SYNTAX, "a head longer than there can be");
    r->head_bytes = malloc(len > 0 ? len : 1);
    if (r->head_bytes == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    r->head_len = len;
    err = read_exactly(r, r->head_bytes, len, why);
    if (err == VT_OK)
        err = vt_segment_head_parse(r->head_bytes, len, &r->head, why);
    return err;
}

/* Checks the file's length against its head's, and makes room for its largest block. */
static enum vt_err
measure(struct vt_segment_reader *r, struct vt_why *why)
{
    uint64_t size = VT_SEGMENT_PREFIX + (uint64_t)r->head_len + VT_DIGEST_SIZE;
    struct vt_digest leaf;

    r->room = AHEAD;
    for (uint32_t i = 0; i < r->head.block_count; i++) {
        size += r->head.block[i].stored_len;
        if (r->head.block[i].stored_len > r->room)
            r->room = r->head.block[i].stored_len;
    }
    if (size != r->size)
        return vt_fail(why, VT_E_SYNTAX, "it has %llu bytes where its head says %llu",
            (unsigned long long)r->size, (unsigned long long)size);
    r->buffer = malloc(r->room);
    if (r->buffer == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    vt_frontier_init(&r->tree);
    vt_merkle_leaf(r->head_bytes, r->head_len, &leaf);
    vt_frontier_append(&r->tree, &leaf);
    return VT_OK;
}

enum vt_err
vt_segment_open(const char *path, struct vt_segment_reader **ret, struct vt_why *why)
{
    struct vt_segment_reader *r = calloc(1, sizeof *r);
    enum vt_err err;

    if (r == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", path);
    r->fd = -1;
    err = vt_path(r->path, why, "%s", path);
    if (err == VT_OK)
        err = open_file(r, why);
    if (err == VT_OK)
        err = read_head(r, why);
    if (err == VT_OK)
        err = measure(r, why);
    if (err != VT_OK) {
        vt_segment_close(r);
        return vt_fail_in(why, err, "%s", path);
    }
    *ret = r;
    return VT_OK;
}

void
vt_segment_close(struct vt_segment_reader *r)
{
    if (r == NULL)
        return;
    vt_segment_head_release(&r->head);
    free(r->head_bytes);
    free(r->buffer);
    if (r->fd >= 0)
        close(r->fd);
    free(r);
}

const struct vt_segment_head *
vt_segment_head(const struct vt_segment_reader *r)
{
    return &r->head;
}

const void *
vt_segment_head_bytes(const struct vt_segment_reader *r, size_t *ret_len)
{
    *ret_len = r->head_len;
    return r->head_bytes;
}

/* Makes `len` bytes stand at r->at. */
static enum vt_err
fill(struct vt_segment_reader *r, size_t len, struct vt_why *why)
{
    size_t got;
    enum vt_err err;

    assert(r->buffer != NULL); /* vt_segment_open made it */
    if (r->end - r->at >= len)
        return VT_OK;
    memmove(r->buffer, r->buffer + r->at, r->end - r->at);
    r->end -= r->at;
    r->at = 0;
    err = vt_fd_read(r->fd, r->buffer + r->end, r->room - r->end, &got, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s", r->path);
    r->end += got;
    if (r->end < len)
        return vt_fail(why, VT_E_SYNTAX, "%s: the segment is cut short", r->path);
    return VT_OK;
}

enum vt_err
vt_segment_next(struct vt_segment_reader *r, uint8_t **ret, size_t *ret_len, struct vt_why *why)
{
    struct vt_digest leaf;
    size_t len;
    enum vt_err err;

    if (r->next == r->head.block_count) {
        *ret = NULL;
        *ret_len = 0;
        return VT_OK;
    }
    len = r->head.block[r->next].stored_len;
    err = fill(r, len, why);
    if (err != VT_OK)
        return err;
    vt_merkle_leaf(r->buffer + r->at, len, &leaf);
    vt_frontier_append(&r->tree, &leaf);
    *ret = r->buffer + r->at;
    *ret_len = len;
    r->at += len;
    r->next++;
    return VT_OK;
}

enum vt_err
vt_segment_read_end(
    struct vt_segment_reader *r, const struct vt_digest *root, struct vt_why *why)
{
    struct vt_digest computed;
    enum vt_err err;

    if (r->next < r->head.block_count)
        return vt_fail(why, VT_E_STATE, "%s: not read to its end", r->path);
    err = fill(r, VT_DIGEST_SIZE, why);
    if (err != VT_OK)
        return err;
    vt_frontier_root(&r->tree, &computed);
    if (memcmp(computed.b, r->buffer + r->at, VT_DIGEST_SIZE) != 0)
        return vt_fail(
            why, VT_E_DIGEST, "%s: damaged: its blocks do not give its root", r->path);
    if (root != NULL && !vt_digest_eq(&computed, root))
        return vt_fail(
            why, VT_E_DIGEST, "%s: not the segment that the inventory names", r->path);
    return VT_OK;
}

static enum vt_err
same_row(const char *path, const struct vt_segment_row *want, const struct vt_segment_row *got,
    struct vt_why *why)
{
    if (want == NULL)
        return VT_OK;
    if (memcmp(want->id, got->id, VT_SEGMENT_ID_SIZE) != 0 || want->records != got->records ||
        want->plain_bytes != got->plain_bytes || want->size != got->size)
        return vt_fail(why, VT_E_DIGEST, "%s: not the segment that the inventory names", path);
    return VT_OK;
}

enum vt_err
vt_segment_check(const char *path, const struct vt_segment_row *want,
    struct vt_segment_row *ret, struct vt_why *why)
{
    struct vt_segment_reader *r = NULL;
    struct vt_segment_row row = {0};
    uint8_t *block = NULL;
    size_t len;
    enum vt_err err = vt_segment_open(path, &r, why);

    if (err != VT_OK)
        return err;
    do
        err = vt_segment_next(r, &block, &len, why);
    while (err == VT_OK && block != NULL);
    if (err == VT_OK)
        err = vt_segment_read_end(r, want == NULL ? NULL : &want->root, why);
    if (err == VT_OK) {
        memcpy(row.id, r->head.id, VT_SEGMENT_ID_SIZE);
        vt_frontier_root(&r->tree, &row.root);
        row.records = r->head.records;
        row.plain_bytes = r->head.plain_bytes;
        row.size = r->size;
        err = same_row(path, want, &row, why);
    }
    vt_segment_close(r);
    if (err == VT_OK && ret != NULL)
        *ret = row;
    return err;
}
