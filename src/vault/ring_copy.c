/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of a ring for backups: its files as they are, and putting them back.
 *
 *     u8[4] "VTRC", u64 generation, u64 n ‖ snapshot, u64 n ‖ append file
 *
 * Within one generation a snapshot never changes and an append file only grows, so of two
 * copies one begins with the other.
 */
#include "vault/ring_held.h"

#include "base/clock.h"
#include "crypto/locked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "VTRC"

void
vt_ring_copy_sizes(const struct vt_ring *r, struct vt_ring_copy *ret)
{
    ret->generation = r->generation;
    ret->snapshot_len = r->snapshot_len;
    ret->append_len = r->append_len;
}

void
vt_ring_copy_head(const struct vt_ring_copy *c, struct vt_buf *b)
{
    vt_buf_puts(b, MAGIC);
    vt_buf_put_u64(b, c->generation);
    vt_buf_put_u64(b, c->snapshot_len);
    vt_buf_put_u64(b, c->append_len);
}

static enum vt_err
read_part(const char *path, uint64_t at, size_t len, struct vt_buf *b, struct vt_why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint8_t *p = vt_buf_reserve(b, len);
    size_t got = 0;
    enum vt_err err = vt_buf_check(b, "copy of the ring", why);

    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    if (err == VT_OK && lseek(fd, (off_t)at, SEEK_SET) < 0)
        err = vt_fail_errno(why, "%s", path);
    if (err == VT_OK)
        err = vt_fd_read(fd, p, len, &got, why);
    if (err == VT_OK && got != len)
        err = vt_fail(why, VT_E_IO, "%s: is shorter than it was", path);
    if (err == VT_OK)
        vt_buf_commit(b, len);
    (void)close(fd);
    return err;
}

enum vt_err
vt_ring_copy_read(
    const struct vt_ring *r, uint64_t at, size_t max, struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    uint64_t left;
    enum vt_err err;

    if (at < r->snapshot_len) {
        err = vt_path(path, why, "%s/snapshot", r->dir);
        left = r->snapshot_len - at;
    } else {
        at -= r->snapshot_len;
        err = vt_path(path, why, "%s/append-%llu", r->dir, (unsigned long long)r->generation);
        left = at < r->append_len ? r->append_len - at : 0;
    }
    if (err != VT_OK || left == 0)
        return err;
    return read_part(path, at, left < max ? (size_t)left : max, b, why);
}

/* A copy taken apart. */
struct copy {
    uint64_t generation;
    const uint8_t *snapshot;
    size_t snapshot_len;
    const uint8_t *append;
    size_t append_len;
    struct vt_ring_head head;
};

static bool
take_sized(struct vt_reader *r, const uint8_t **ret, size_t *ret_len, uint64_t len)
{
    if (len > r->left || !vt_reader_take(r, (size_t)len, ret))
        return false;
    *ret_len = (size_t)len;
    return true;
}

static enum vt_err
parse(const void *data, size_t len, struct copy *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    uint64_t snapshot, append;
    enum vt_err err;

    if (!vt_reader_skip(&r, MAGIC) || !vt_reader_u64(&r, &ret->generation) ||
        !vt_reader_u64(&r, &snapshot) || !vt_reader_u64(&r, &append) ||
        !take_sized(&r, &ret->snapshot, &ret->snapshot_len, snapshot) ||
        !take_sized(&r, &ret->append, &ret->append_len, append) || r.left > 0)
        return vt_fail(why, VT_E_SYNTAX, "not a copy of a key ring, or cut short");
    err = vt_ring_head_parse(ret->snapshot, ret->snapshot_len, &ret->head, why);
    if (err == VT_OK && ret->head.generation != ret->generation)
        err = vt_fail(why, VT_E_SYNTAX, "a copy of a key ring of two generations");
    return err;
}

/* The file's bytes, mapped; absent: *ret is NULL. */
static enum vt_err
map_file(const char *path, const uint8_t **ret, size_t *ret_len, struct vt_why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    void *p;
    enum vt_err err = VT_OK;

    *ret = NULL;
    *ret_len = 0;
    if (fd < 0 && errno == ENOENT)
        return VT_OK;
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    if (fstat(fd, &st) != 0)
        err = vt_fail_errno(why, "%s", path);
    else if (st.st_size > 0) {
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            err = vt_fail_errno(why, "%s: cannot read", path);
        else {
            *ret = p;
            *ret_len = (size_t)st.st_size;
        }
    }
    (void)close(fd);
    return err;
}

/* Whether the file begins with these bytes. */
static enum vt_err
file_begins(const char *path, const uint8_t *want, size_t len, bool *ret, struct vt_why *why)
{
    const uint8_t *p;
    size_t there;
    enum vt_err err = map_file(path, &p, &there, why);

    if (err != VT_OK)
        return err;
    *ret = p != NULL && there >= len && memcmp(p, want, len) == 0;
    if (p != NULL)
        (void)munmap((void *)(uintptr_t)p, there);
    return VT_OK;
}

static enum vt_err
paths(const char *dir, uint64_t generation, char snapshot[VT_PATH_MAX],
    char append[VT_PATH_MAX], struct vt_why *why)
{
    enum vt_err err = vt_path(snapshot, why, "%s/snapshot", dir);

    if (err == VT_OK)
        err = vt_path(append, why, "%s/append-%llu", dir, (unsigned long long)generation);
    return err;
}

/* Refuses a copy that is older than what is here, in words that say what that means. */
static enum vt_err
check_age(const struct copy *c, const char *snapshot, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_RING_HEAD_MAX);
    struct vt_ring_head here;
    char then[VT_TIME_SIZE], now[VT_TIME_SIZE];
    enum vt_err err = vt_ring_head_read(snapshot, &b, &here, NULL);

    if (err == VT_OK && here.generation > c->generation) {
        vt_time_format(c->head.created, then);
        vt_time_format(here.created, now);
        err = vt_fail(why, VT_E_REFUSED,
            "the copy is of generation %llu, begun %s; keys were destroyed since, and the ring "
            "here is of generation %llu, begun %s. The root key of the copy's generation is "
            "gone: nothing can open it, and it was left as it is",
            (unsigned long long)c->generation, then, (unsigned long long)here.generation, now);
    } else {
        err = VT_OK; /* none here, or not readable: the root key decides */
    }
    vt_buf_release(&b);
    return err;
}

/* Whether the root key is still there, and opens the copy. */
static enum vt_err
check_root(const struct copy *c, const char *dir, const char *name, struct vt_why *why)
{
    struct vt_root *root = NULL;
    void *key = NULL;
    char then[VT_TIME_SIZE];
    enum vt_err err = vt_locked_new(VT_ROOT_KEY_SIZE, &key, why);

    if (err == VT_OK)
        err = vt_ring_root_open(dir, name, &c->head, &root, why);
    if (err == VT_OK)
        err = vt_root_unwrap(root, c->generation, c->head.bound, c->head.bound_len,
            c->head.wrapped, c->head.wrapped_len, key, why);
    vt_locked_free(key);
    vt_root_free(root);
    vt_time_format(c->head.created, then);
    if (err == VT_E_NOENT)
        return vt_fail(why, VT_E_REFUSED,
            "the copy is of generation %llu, begun %s, and the root key of that generation is "
            "not here: it was destroyed, or is kept elsewhere. Without it nothing can open "
            "the copy",
            (unsigned long long)c->generation, then);
    return err;
}

static enum vt_err
put_files(const struct copy *c, const char *snapshot, const char *append, struct vt_why *why)
{
    bool same = false;
    bool longer = false;
    enum vt_err err = file_begins(snapshot, c->snapshot, c->snapshot_len, &same, why);

    if (err == VT_OK && same)
        err = file_begins(append, c->append, c->append_len, &longer, why);
    if (err != VT_OK || (same && longer))
        return err;
    /* The append file first: without its snapshot it is nothing. */
    err = vt_file_replace(append, 0600, c->append, c->append_len, why);
    return err == VT_OK ? vt_file_replace(snapshot, 0600, c->snapshot, c->snapshot_len, why)
                        : err;
}

enum vt_err
vt_ring_restore(
    const char *dir, const char *name, const void *copy, size_t len, struct vt_why *why)
{
    struct vt_lock lock = {.fd = -1};
    struct copy c = {0};
    char snapshot[VT_PATH_MAX], append[VT_PATH_MAX], path[VT_PATH_MAX];
    enum vt_err err = parse(copy, len, &c, why);

    if (err == VT_OK)
        err = paths(dir, c.generation, snapshot, append, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/lock", dir);
    if (err == VT_OK)
        err = vt_dir_make(dir, 0700, why);
    if (err == VT_OK)
        err = vt_lock_take(&lock, path, "the key ring (end the vault first)", why);
    if (err != VT_OK)
        return err;
    err = check_age(&c, snapshot, why);
    if (err == VT_OK)
        err = check_root(&c, dir, name, why);
    if (err == VT_OK)
        err = put_files(&c, snapshot, append, why);
    vt_lock_release(&lock);
    return err;
}
