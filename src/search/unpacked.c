/* SPDX-License-Identifier: Apache-2.0 */
#include "search/unpacked.h"

#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK (256U * 1024U)

typedef enum vt_err entry_fn(void *ctx, struct vt_unpacked *u, struct vt_why *why);

struct unpacking {
    struct archive *a;
    locale_t utf8; /* for libarchive, which reads names by the thread's locale */
    locale_t before;
    int fd;
    uint8_t *block;
    uint64_t read;
    struct vt_hasher *archive_hash;
    struct vt_hasher *hash;
    uint64_t entries;
    uint64_t bytes;
    entry_fn *fn;
    void *ctx;
};

/* Gives libarchive what the file holds next, and hashes it on the way. */
static la_ssize_t
read_block(struct archive *a, void *ctx, const void **ret)
{
    struct unpacking *u = ctx;
    ssize_t n;

    do
        n = read(u->fd, u->block, BLOCK);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        archive_set_error(a, errno, "%s", strerror(errno));
        return ARCHIVE_FATAL;
    }
    vt_hasher_put(u->archive_hash, u->block, (size_t)n);
    u->read += (uint64_t)n;
    *ret = u->block;
    return n;
}

static enum vt_err
fail_read(const struct unpacking *u, struct vt_why *why)
{
    const char *text = archive_error_string(u->a);

    return vt_fail(why, VT_E_SYNTAX, "the archive does not read: %s",
        text == NULL ? "unknown error" : text);
}

/* An entry's name, held to what a source archive may have. */
static enum vt_err
check_path(const char *path, struct vt_why *why)
{
    unsigned depth = 0;

    if (path == NULL || !vt_path_is_safe(path))
        return vt_fail(why, VT_E_SYNTAX, "the archive has an unsafe name: \"%s\"",
            path == NULL ? "" : path);
    for (const char *p = path; *p != '\0'; p++)
        depth += *p == '/';
    if (depth > VT_UNPACKED_DEPTH_MAX)
        return vt_fail(why, VT_E_LIMIT, "the archive has more than %u folders one in another",
            VT_UNPACKED_DEPTH_MAX);
    return VT_OK;
}

/* Hashes the entry's content, which must be exactly out->size bytes in order, and keeps it when
 * out->data has room for it. */
static enum vt_err
take_content(struct unpacking *u, struct vt_unpacked *out, struct vt_why *why)
{
    uint64_t at = 0;

    for (;;) {
        const void *block;
        size_t len;
        la_int64_t offset;
        int r = archive_read_data_block(u->a, &block, &len, &offset);

        if (r == ARCHIVE_EOF)
            break;
        if (r != ARCHIVE_OK)
            return fail_read(u, why);
        if (offset < 0 || (uint64_t)offset != at || len > out->size - at)
            return vt_fail(
                why, VT_E_SYNTAX, "%s is a sparse file, or its size is wrong", out->path);
        vt_hasher_put(u->hash, block, len);
        if (out->data != NULL)
            memcpy(out->data + at, block, len);
        at += len;
    }
    if (at != out->size)
        return vt_fail(why, VT_E_SYNTAX, "the archive ends within %s", out->path);
    vt_hasher_end(u->hash, &out->digest);
    return VT_OK;
}

static enum vt_err
take_file(
    struct unpacking *u, struct archive_entry *e, struct vt_unpacked *out, struct vt_why *why)
{
    if (!archive_entry_size_is_set(e) || archive_entry_size(e) < 0 ||
        archive_entry_sparse_count(e) > 0)
        return vt_fail(why, VT_E_SYNTAX, "%s has no size, or is a sparse file", out->path);
    out->size = (uint64_t)archive_entry_size(e);
    if (out->size > VT_UNPACKED_FILE_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "%s has more than %llu bytes", out->path, VT_UNPACKED_FILE_MAX);
    if (out->size > VT_UNPACKED_SIZE_MAX - u->bytes)
        return vt_fail(why, VT_E_LIMIT, "the archive has more than %llu bytes of files",
            VT_UNPACKED_SIZE_MAX);
    u->bytes += out->size;
    if (out->size <= VT_UNPACKED_HELD_MAX) {
        out->data = malloc(out->size + 1);
        if (out->data == NULL)
            return vt_fail(why, VT_E_NOMEM, "no memory for %s", out->path);
    }
    return take_content(u, out, why);
}

static enum vt_err
take_entry(struct unpacking *u, struct archive_entry *e, struct vt_why *why)
{
    struct vt_unpacked out = {.path = archive_entry_pathname(e), .read = u->read};
    enum vt_err err;

    if (++u->entries > VT_UNPACKED_COUNT_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "the archive has more than %u entries", VT_UNPACKED_COUNT_MAX);
    if (archive_entry_filetype(e) == AE_IFDIR && archive_entry_hardlink(e) == NULL)
        return VT_OK;
    if ((err = check_path(out.path, why)) != VT_OK)
        return err;
    out.target = archive_entry_symlink(e);
    if (archive_entry_hardlink(e) != NULL ||
        (archive_entry_filetype(e) != AE_IFREG &&
            (archive_entry_filetype(e) != AE_IFLNK || out.target == NULL)))
        return vt_fail(why, VT_E_SYNTAX, "%s is neither file, folder nor link", out.path);
    if (out.target == NULL)
        err = take_file(u, e, &out, why);
    if (err == VT_OK)
        err = u->fn(u->ctx, &out, why);
    free(out.data);
    return err;
}

/* Reads what is left of the file after the archive's end: it is part of what the digest
 * names. */
static enum vt_err
check_digest(struct unpacking *u, const struct vt_digest *want, struct vt_why *why)
{
    struct vt_digest got;
    const void *block;
    la_ssize_t n;

    while ((n = read_block(u->a, u, &block)) > 0)
        continue;
    if (n < 0)
        return vt_fail(why, VT_E_IO, "%s", archive_error_string(u->a));
    vt_hasher_end(u->archive_hash, &got);
    if (!vt_digest_eq(&got, want))
        return vt_fail(why, VT_E_DIGEST, "these are not the bytes that were named");
    return VT_OK;
}

static enum vt_err
take_all(struct unpacking *u, const struct vt_digest *want, struct vt_why *why)
{
    struct archive_entry *e;
    enum vt_err err;
    int r;

    if (archive_read_support_format_tar(u->a) != ARCHIVE_OK ||
        archive_read_support_filter_zstd(u->a) != ARCHIVE_OK ||
        archive_read_open(u->a, u, NULL, read_block, NULL) != ARCHIVE_OK)
        return fail_read(u, why);
    while ((r = archive_read_next_header(u->a, &e)) == ARCHIVE_OK) {
        if ((err = take_entry(u, e, why)) != VT_OK)
            return err;
    }
    return r == ARCHIVE_EOF ? check_digest(u, want, why) : fail_read(u, why);
}

static enum vt_err
begin(struct unpacking *u, const char *path, struct vt_why *why)
{
    enum vt_err err;

    u->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (u->utf8 != (locale_t)0)
        u->before = uselocale(u->utf8);
    if ((err = vt_hasher_new(&u->hash, why)) != VT_OK ||
        (err = vt_hasher_new(&u->archive_hash, why)) != VT_OK)
        return err;
    u->block = malloc(BLOCK);
    u->a = archive_read_new();
    if (u->block == NULL || u->a == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory to read an archive");
    u->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return u->fd >= 0 ? VT_OK : vt_fail_errno(why, "cannot open it");
}

static void
finish(struct unpacking *u)
{
    if (u->a != NULL)
        (void)archive_read_free(u->a);
    if (u->fd >= 0)
        (void)close(u->fd);
    free(u->block);
    vt_hasher_free(u->hash);
    vt_hasher_free(u->archive_hash);
    if (u->utf8 != (locale_t)0) {
        (void)uselocale(u->before);
        freelocale(u->utf8);
    }
}

enum vt_err
vt_unpacked_each(const char *path, const struct vt_digest *want,
    enum vt_err (*fn)(void *ctx, struct vt_unpacked *u, struct vt_why *why), void *ctx,
    struct vt_why *why)
{
    struct unpacking u = {.fd = -1, .fn = fn, .ctx = ctx};
    enum vt_err err = begin(&u, path, why);

    if (err == VT_OK)
        err = take_all(&u, want, why);
    finish(&u);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s", path);
}
