/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local folder: DIR/sha256/AB/HEX. An object appears under its name only
 * when all its bytes are durable, so that whoever finds the name may trust that
 * the write was whole; readers verify all the same.
 */
#include "store/store.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_CHUNK (256U * 1024U)

struct vt_store {
    char dir[VT_PATH_MAX];
};

enum vt_err
vt_store_open_dir(const char *dir, struct vt_store **ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct vt_store *s;
    enum vt_err err;

    if ((err = vt_path(path, why, "%s/sha256", dir)) != VT_OK ||
        (err = vt_dir_make(path, 0755, why)) != VT_OK)
        return err;
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for the object store");
    err = vt_path(s->dir, why, "%s", dir);
    if (err != VT_OK) {
        free(s);
        return err;
    }
    *ret = s;
    return VT_OK;
}

void
vt_store_free(struct vt_store *s)
{
    free(s);
}

static enum vt_err
object_path(const struct vt_store *s, const struct vt_digest *d, char ret[VT_PATH_MAX],
    struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(d, hex);
    return vt_path(ret, why, "%s/sha256/%.2s/%s", s->dir, hex, hex);
}

static enum vt_err
object_dir_make(const struct vt_store *s, const struct vt_digest *d, struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    char path[VT_PATH_MAX];
    enum vt_err err;

    vt_digest_hex(d, hex);
    err = vt_path(path, why, "%s/sha256/%.2s", s->dir, hex);
    return err == VT_OK ? vt_dir_make(path, 0755, why) : err;
}

/* Whether the name is taken by a file of that length. One of another length was
 * damaged after it was written, and is then written anew. */
static bool
is_there(const char *path, uint64_t len)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == len;
}

enum vt_err
vt_store_put(
    struct vt_store *s, const void *data, size_t len, struct vt_digest *ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct vt_digest d;
    enum vt_err err;

    vt_digest_of(data, len, &d);
    if ((err = object_path(s, &d, path, why)) != VT_OK)
        return err;
    if (!is_there(path, len)) {
        if ((err = object_dir_make(s, &d, why)) != VT_OK ||
            (err = vt_file_replace(path, 0644, data, len, why)) != VT_OK)
            return err;
    }
    if (ret != NULL)
        *ret = d;
    return VT_OK;
}

/* Copies what is left of `from` and hashes what was copied: the digest is of
 * the bytes that were written, whatever happens to the file that was read. */
static enum vt_err
copy_hashed(int from, int to, struct vt_digest *ret, uint64_t *ret_len, struct vt_why *why)
{
    struct vt_hasher *h = NULL;
    uint8_t *chunk = malloc(COPY_CHUNK);
    uint64_t total = 0;
    size_t got = 0;
    enum vt_err err;

    if (chunk == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory to copy a file into the store");
    if ((err = vt_hasher_new(&h, why)) != VT_OK)
        goto out;
    do {
        if ((err = vt_fd_read(from, chunk, COPY_CHUNK, &got, why)) != VT_OK ||
            (err = vt_fd_write(to, chunk, got, why)) != VT_OK)
            goto out;
        vt_hasher_put(h, chunk, got);
        total += got;
    } while (got == COPY_CHUNK);
    vt_hasher_end(h, ret);
    *ret_len = total;
out:
    vt_hasher_free(h);
    free(chunk);
    return err;
}

static enum vt_err
check_wanted(const char *path, const struct vt_digest *want, const struct vt_digest *got,
    struct vt_why *why)
{
    char want_hex[VT_DIGEST_HEX_SIZE];
    char got_hex[VT_DIGEST_HEX_SIZE];

    if (want == NULL || vt_digest_eq(want, got))
        return VT_OK;
    vt_digest_hex(want, want_hex);
    vt_digest_hex(got, got_hex);
    return vt_fail(
        why, VT_E_DIGEST, "%s has sha256:%s, not sha256:%s", path, got_hex, want_hex);
}

/* The digest is known only after the copy, so the temporary file begins in the
 * top folder and is moved by rename within the same file system. */
static enum vt_err
put_stream(struct vt_store *s, int fd, const char *path, const struct vt_digest *want,
    struct vt_digest *ret, uint64_t *ret_len, struct vt_why *why)
{
    struct vt_file_new f = {0};
    char tmp[VT_PATH_MAX];
    struct vt_digest d;
    uint64_t len = 0;
    enum vt_err err;

    if ((err = vt_path(tmp, why, "%s/sha256/incoming", s->dir)) != VT_OK ||
        (err = vt_file_new_begin(&f, tmp, 0644, why)) != VT_OK)
        return err;
    if ((err = copy_hashed(fd, f.fd, &d, &len, why)) != VT_OK ||
        (err = check_wanted(path, want, &d, why)) != VT_OK ||
        (err = object_path(s, &d, f.path, why)) != VT_OK ||
        (err = object_dir_make(s, &d, why)) != VT_OK)
        goto out;
    if (is_there(f.path, len))
        vt_file_new_abort(&f);
    else if ((err = vt_file_new_commit(&f, why)) != VT_OK)
        goto out;
    *ret = d;
    *ret_len = len;
out:
    if (err != VT_OK)
        vt_file_new_abort(&f);
    return err;
}

enum vt_err
vt_store_put_file(struct vt_store *s, const char *path, const struct vt_digest *want,
    struct vt_digest *ret, uint64_t *ret_len, struct vt_why *why)
{
    struct vt_digest d;
    uint64_t len = 0;
    enum vt_err err;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return vt_fail_errno(why, "cannot open %s", path);
    err = put_stream(s, fd, path, want, &d, &len, why);
    close(fd);
    if (err != VT_OK)
        return err;
    if (ret != NULL)
        *ret = d;
    if (ret_len != NULL)
        *ret_len = len;
    return VT_OK;
}

enum vt_err
vt_store_get(
    struct vt_store *s, const struct vt_digest *d, struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf got = VT_BUF(b->max - b->len);
    char path[VT_PATH_MAX];
    struct vt_digest is;
    enum vt_err err;

    if ((err = object_path(s, d, path, why)) != VT_OK ||
        (err = vt_file_read(path, &got, why)) != VT_OK)
        goto out;
    vt_digest_of(got.data, got.len, &is);
    if (!vt_digest_eq(&is, d)) {
        err = vt_fail(why, VT_E_DIGEST,
            "%s does not hold what its name says: it was damaged; remove it and fetch it anew",
            path);
        goto out;
    }
    vt_buf_put(b, got.data, got.len);
    err = vt_buf_check(b, "the object", why);
out:
    vt_buf_release(&got);
    return err;
}

bool
vt_store_has(struct vt_store *s, const struct vt_digest *d)
{
    char path[VT_PATH_MAX];

    return object_path(s, d, path, NULL) == VT_OK && vt_file_exists(path);
}

enum vt_err
vt_store_path(struct vt_store *s, const struct vt_digest *d,
    char ret[VT_DIGEST_HEX_SIZE + 4096], struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    char path[VT_PATH_MAX];
    enum vt_err err;

    if ((err = object_path(s, d, path, why)) != VT_OK)
        return err;
    if (!vt_file_exists(path)) {
        vt_digest_hex(d, hex);
        return vt_fail(
            why, VT_E_NOENT, "the object sha256:%s is not in the store %s", hex, s->dir);
    }
    memcpy(ret, path, strlen(path) + 1);
    return VT_OK;
}
