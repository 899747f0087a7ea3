/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/inventory.h"

#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS_MIN 64U
#define READ_ROWS 1024U /* at once */

struct vt_inventory {
    char path[VT_PATH_MAX];
    int fd; /* -1: there is no file yet */
    struct vt_segment_row *row;
    size_t count;
    size_t room;
    /* Where rows are, by id: number of the row plus 1, or 0. Ids are random or digests, so
     * their first bytes do for a hash. */
    uint32_t *slot;
    size_t slots; /* a power of two, more than twice the count */
    struct vt_frontier tree;
    struct vt_segment_row sum;
};

/* The slot that has the id, or the free one where it belongs. */
static uint32_t *
slot_of(const struct vt_inventory *v, const uint8_t id[VT_SEGMENT_ID_SIZE])
{
    uint64_t at;

    memcpy(&at, id, sizeof at);
    for (;; at++) {
        uint32_t *s = &v->slot[at & (v->slots - 1)];

        if (*s == 0 || memcmp(v->row[*s - 1].id, id, VT_SEGMENT_ID_SIZE) == 0)
            return s;
    }
}

static enum vt_err
grow(struct vt_inventory *v, struct vt_why *why)
{
    size_t room = v->room == 0 ? SLOTS_MIN / 2 : 2 * v->room;
    struct vt_segment_row *row = realloc(v->row, room * sizeof *row);
    uint32_t *slot;

    if (row != NULL)
        v->row = row;
    slot = calloc(2 * room + 1, sizeof *slot);
    if (row == NULL || slot == NULL) {
        free(slot);
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", v->path);
    }
    free(v->slot);
    v->slot = slot;
    v->slots = 2 * room;
    v->room = room;
    for (size_t i = 0; i < v->count; i++)
        *slot_of(v, v->row[i].id) = (uint32_t)i + 1;
    return VT_OK;
}

/* Takes a row into memory that stands in the file. */
static enum vt_err
remember(struct vt_inventory *v, const struct vt_segment_row *row, struct vt_why *why)
{
    uint8_t leaf[VT_SEGMENT_ROW_SIZE];
    struct vt_digest hash;
    uint32_t *slot;
    enum vt_err err = VT_OK;

    if (v->count == VT_INVENTORY_MAX)
        return vt_fail(why, VT_E_LIMIT, "%s: more than %u segments", v->path, VT_INVENTORY_MAX);
    if (v->count == v->room)
        err = grow(v, why);
    if (err != VT_OK)
        return err;
    assert(v->row != NULL);
    slot = slot_of(v, row->id);
    if (*slot != 0)
        return vt_fail(why, VT_E_SYNTAX, "%s: damaged: row %zu has the id of an earlier one",
            v->path, v->count);
    v->row[v->count++] = *row;
    *slot = (uint32_t)v->count;
    v->sum.records += row->records;
    v->sum.plain_bytes += row->plain_bytes;
    v->sum.size += row->size;
    vt_segment_row_put(row, leaf);
    vt_merkle_leaf(leaf, sizeof leaf, &hash);
    vt_frontier_append(&v->tree, &hash);
    return VT_OK;
}

static enum vt_err
read_at(struct vt_inventory *v, uint8_t *ret, size_t size, size_t *ret_len, struct vt_why *why)
{
    size_t have = 0;

    while (have < size) {
        off_t at = (off_t)(v->count * VT_SEGMENT_ROW_SIZE + have);
        ssize_t n = pread(v->fd, ret + have, size - have, at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vt_fail_errno(why, "%s", v->path);
        if (n == 0)
            break;
        have += (size_t)n;
    }
    *ret_len = have;
    return VT_OK;
}

/* Forgets all rows: the file of that name is another one now, or there is none. */
static void
forget(struct vt_inventory *v)
{
    if (v->fd >= 0)
        close(v->fd);
    v->fd = -1;
    v->count = 0;
    v->sum = (struct vt_segment_row){0};
    vt_frontier_init(&v->tree);
    if (v->slot != NULL)
        memset(v->slot, 0, v->slots * sizeof *v->slot);
}

/* A region that was handed over takes its inventory's file with it. */
static bool
is_moved(const struct vt_inventory *v)
{
    struct stat a, b;

    return v->fd >= 0 && (stat(v->path, &a) != 0 || fstat(v->fd, &b) != 0 ||
                             a.st_ino != b.st_ino || a.st_dev != b.st_dev);
}

enum vt_err
vt_inventory_refresh(struct vt_inventory *v, struct vt_why *why)
{
    uint8_t *b;
    size_t len = READ_ROWS * VT_SEGMENT_ROW_SIZE;
    enum vt_err err = VT_OK;

    if (is_moved(v))
        forget(v);
    if (v->fd < 0)
        v->fd = open(v->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (v->fd < 0 && (errno == EACCES || errno == EROFS))
        v->fd = open(v->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (v->fd < 0)
        return errno == ENOENT ? VT_OK : vt_fail_errno(why, "%s", v->path);
    b = malloc(len);
    if (b == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", v->path);
    while (err == VT_OK && len == READ_ROWS * VT_SEGMENT_ROW_SIZE) {
        err = read_at(v, b, len, &len, why);
        for (size_t at = 0; err == VT_OK && at + VT_SEGMENT_ROW_SIZE <= len;
             at += VT_SEGMENT_ROW_SIZE) {
            struct vt_segment_row row;

            if (vt_segment_row_parse(b + at, VT_SEGMENT_ROW_SIZE, &row))
                err = remember(v, &row, why);
        }
    }
    free(b);
    return err;
}

enum vt_err
vt_inventory_open(const char *path, struct vt_inventory **ret, struct vt_why *why)
{
    struct vt_inventory *v = calloc(1, sizeof *v);
    enum vt_err err;

    if (v == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", path);
    v->fd = -1;
    vt_frontier_init(&v->tree);
    err = vt_path(v->path, why, "%s", path);
    if (err == VT_OK)
        err = vt_inventory_refresh(v, why);
    if (err != VT_OK) {
        vt_inventory_free(v);
        return err;
    }
    *ret = v;
    return VT_OK;
}

void
vt_inventory_free(struct vt_inventory *v)
{
    if (v == NULL)
        return;
    if (v->fd >= 0)
        close(v->fd);
    free(v->row);
    free(v->slot);
    free(v);
}

static bool
same(const struct vt_segment_row *a, const struct vt_segment_row *b)
{
    return vt_digest_eq(&a->root, &b->root) && a->records == b->records &&
           a->plain_bytes == b->plain_bytes && a->size == b->size;
}

/* Writes after the last whole row; what it cannot make durable it takes away. */
static enum vt_err
append(struct vt_inventory *v, const struct vt_segment_row *row, struct vt_why *why)
{
    off_t end = (off_t)(v->count * VT_SEGMENT_ROW_SIZE);
    uint8_t bytes[VT_SEGMENT_ROW_SIZE];
    enum vt_err err = VT_OK;

    vt_segment_row_put(row, bytes);
    if (ftruncate(v->fd, end) != 0 || lseek(v->fd, end, SEEK_SET) < 0)
        return vt_fail_errno(why, "%s", v->path);
    err = vt_fd_write(v->fd, bytes, sizeof bytes, why);
    if (err == VT_OK && fdatasync(v->fd) != 0)
        err = vt_fail_errno(why, "cannot make it durable");
    if (err == VT_OK)
        return VT_OK;
    (void)!ftruncate(v->fd, end);
    return vt_fail_in(why, err, "%s", v->path);
}

static enum vt_err
add_locked(struct vt_inventory *v, const struct vt_segment_row *row, struct vt_why *why)
{
    const struct vt_segment_row *old;
    enum vt_err err = vt_inventory_refresh(v, why);

    if (err != VT_OK)
        return err;
    old = vt_inventory_find(v, row->id);
    if (old != NULL)
        return same(old, row)
                   ? VT_OK
                   : vt_fail(why, VT_E_EXIST,
                         "%s: another segment of the same id is there already", v->path);
    if (v->count == VT_INVENTORY_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "%s: %u segments is all it can hold", v->path, VT_INVENTORY_MAX);
    if (v->count == v->room)
        err = grow(v, why);
    if (err == VT_OK)
        err = append(v, row, why);
    return err == VT_OK ? remember(v, row, why) : err;
}

/* Makes the file when it is missing, opens and locks it. */
static enum vt_err
lock_file(struct vt_inventory *v, struct vt_why *why)
{
    enum vt_err err = vt_inventory_refresh(v, why);

    if (err == VT_OK && v->fd < 0) {
        err = vt_file_create(v->path, 0644, "", 0, why);
        if (err == VT_OK || err == VT_E_EXIST)
            err = vt_inventory_refresh(v, why);
    }
    while (err == VT_OK && v->fd >= 0 && flock(v->fd, LOCK_EX) != 0)
        if (errno != EINTR)
            err = vt_fail_errno(why, "%s: cannot lock", v->path);
    if (err == VT_OK && v->fd < 0)
        err = vt_fail(why, VT_E_BUSY, "%s: moved away meanwhile", v->path);
    return err;
}

enum vt_err
vt_inventory_add(struct vt_inventory *v, const struct vt_segment_row *row, struct vt_why *why)
{
    enum vt_err err = lock_file(v, why);

    if (err == VT_OK && is_moved(v)) {
        forget(v); /* which unlocks too */
        err = lock_file(v, why);
    }
    if (err == VT_OK)
        err = add_locked(v, row, why);
    if (v->fd >= 0)
        (void)flock(v->fd, LOCK_UN);
    return err;
}

size_t
vt_inventory_count(const struct vt_inventory *v)
{
    return v->count;
}

const struct vt_segment_row *
vt_inventory_row(const struct vt_inventory *v, size_t i)
{
    return i < v->count ? &v->row[i] : NULL;
}

const struct vt_segment_row *
vt_inventory_find(const struct vt_inventory *v, const uint8_t id[VT_SEGMENT_ID_SIZE])
{
    uint32_t slot = v->slots == 0 ? 0 : *slot_of(v, id);

    return slot == 0 ? NULL : &v->row[slot - 1];
}

void
vt_inventory_root(const struct vt_inventory *v, struct vt_digest *ret)
{
    vt_frontier_root(&v->tree, ret);
}

void
vt_inventory_sum(const struct vt_inventory *v, struct vt_segment_row *ret)
{
    *ret = v->sum;
}
