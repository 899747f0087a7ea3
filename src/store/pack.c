/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pack.h"

#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINK_MAX_BYTES 4095U
#define CHUNK (256U * 1024U)
/* Part of the format: another level gives other bytes. */
#define ZSTD_LEVEL "9"

struct vt_pack {
    struct archive *a;
    struct archive_entry *entry;
    struct vt_file_new out;
    int64_t epoch;
    struct vt_pack_limits limits;
    struct vt_pack_count count;
    uint64_t entries;
    char last[VT_PATH_MAX]; /* the entry before, to hold the order */
    uint8_t chunk[CHUNK];
};

static enum vt_err
fail_archive(const struct vt_pack *p, struct vt_why *why)
{
    const char *text = archive_error_string(p->a);

    if (archive_errno(p->a) == ENOSPC)
        return vt_fail(why, VT_E_NOSPC, "no space left to write %s", p->out.path);
    return vt_fail(why, VT_E_IO, "cannot write the archive %s: %s", p->out.path,
        text == NULL ? "unknown error" : text);
}

static enum vt_err
open_writer(struct vt_pack *p, struct vt_why *why)
{
    struct archive *a = p->a;

    if (archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
        archive_write_set_format_option(a, "pax", "hdrcharset", "BINARY") != ARCHIVE_OK ||
        archive_write_add_filter_zstd(a) != ARCHIVE_OK ||
        archive_write_set_filter_option(a, "zstd", "compression-level", ZSTD_LEVEL) !=
            ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
        archive_write_open_fd(a, p->out.fd) != ARCHIVE_OK)
        return fail_archive(p, why);
    return VT_OK;
}

void
vt_pack_limits_fill(struct vt_pack_limits *to, const struct vt_pack_limits *from)
{
    *to = (struct vt_pack_limits){0};
    if (from != NULL)
        *to = *from;
    if (to->size_max == 0)
        to->size_max = VT_PACK_SIZE_MAX;
    if (to->file_max == 0)
        to->file_max = VT_PACK_FILE_MAX;
    if (to->count_max == 0)
        to->count_max = VT_PACK_COUNT_MAX;
}

enum vt_err
vt_pack_new(const char *path, int64_t epoch, const struct vt_pack_limits *limits,
    struct vt_pack **ret, struct vt_why *why)
{
    struct vt_pack *p = calloc(1, sizeof *p);
    enum vt_err err;

    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for an archive");
    p->out.fd = -1;
    p->epoch = epoch;
    vt_pack_limits_fill(&p->limits, limits);
    p->a = archive_write_new();
    p->entry = archive_entry_new();
    if (p->a == NULL || p->entry == NULL)
        err = vt_fail(why, VT_E_NOMEM, "no memory for an archive");
    else if ((err = vt_file_new_begin(&p->out, path, 0644, why)) == VT_OK)
        err = open_writer(p, why);
    if (err != VT_OK) {
        vt_pack_free(p);
        return err;
    }
    *ret = p;
    return VT_OK;
}

void
vt_pack_free(struct vt_pack *p)
{
    if (p == NULL)
        return;
    archive_entry_free(p->entry);
    if (p->a != NULL)
        (void)archive_write_free(p->a); /* what it still writes goes away with the file */
    vt_file_new_abort(&p->out);
    free(p);
}

/* Orders paths as a walk does: a folder, what is in it, then its next sibling.
 * So '/' sorts below every character, and the end of a name below '/'. */
static int
path_cmp(const char *a, const char *b)
{
    int ca;
    int cb;

    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    ca = *a == '\0' ? -1 : *a == '/' ? 0 : (unsigned char)*a;
    cb = *b == '\0' ? -1 : *b == '/' ? 0 : (unsigned char)*b;
    return ca - cb;
}

static enum vt_err
check_name(struct vt_pack *p, const char *name, struct vt_why *why)
{
    if (!vt_path_is_safe(name))
        return vt_fail(why, VT_E_REFUSED,
            "\"%s\" cannot be in an archive: rename it (no control characters, backslashes, "
            "bytes that are not UTF-8, or more than 1,024 bytes)",
            name);
    if (p->last[0] != '\0' && path_cmp(p->last, name) >= 0)
        return vt_fail(why, VT_E_USAGE, "%s is packed after %s: out of order", name, p->last);
    if (++p->entries > p->limits.count_max)
        return vt_fail(why, VT_E_LIMIT, "the tree has more than %llu files and folders",
            (unsigned long long)p->limits.count_max);
    memcpy(p->last, name, strlen(name) + 1);
    return VT_OK;
}

/* Begins p->entry with all that is the same for every file. */
static void
begin_entry(struct vt_pack *p, const char *name, unsigned type, mode_t mode, int64_t size)
{
    archive_entry_clear(p->entry);
    archive_entry_set_pathname(p->entry, name);
    archive_entry_set_filetype(p->entry, type);
    archive_entry_set_perm(p->entry, mode);
    archive_entry_set_size(p->entry, size);
    archive_entry_set_mtime(p->entry, p->epoch, 0);
    archive_entry_set_uid(p->entry, 0);
    archive_entry_set_gid(p->entry, 0);
}

static enum vt_err
put_header(struct vt_pack *p, struct vt_why *why)
{
    if (archive_write_header(p->a, p->entry) != ARCHIVE_OK)
        return fail_archive(p, why);
    return VT_OK;
}

static enum vt_err
put_data(struct vt_pack *p, const void *data, size_t len, struct vt_why *why)
{
    if (len > 0 && archive_write_data(p->a, data, len) != (la_ssize_t)len)
        return fail_archive(p, why);
    return VT_OK;
}

enum vt_err
vt_pack_dir(struct vt_pack *p, const char *name, struct vt_why *why)
{
    enum vt_err err = check_name(p, name, why);

    if (err != VT_OK)
        return err;
    begin_entry(p, name, AE_IFDIR, 0755, 0);
    return put_header(p, why);
}

enum vt_err
vt_pack_link(struct vt_pack *p, const char *name, const char *target, struct vt_why *why)
{
    enum vt_err err = check_name(p, name, why);

    if (err != VT_OK)
        return err;
    if (target[0] == '\0' || strlen(target) > LINK_MAX_BYTES)
        return vt_fail(why, VT_E_REFUSED, "the link %s has an empty or too long target", name);
    begin_entry(p, name, AE_IFLNK, 0777, 0);
    archive_entry_set_symlink(p->entry, target);
    p->count.files++;
    return put_header(p, why);
}

/* The header of a file after the limits are held. */
static enum vt_err
begin_file(
    struct vt_pack *p, const char *name, bool executable, uint64_t size, struct vt_why *why)
{
    enum vt_err err = check_name(p, name, why);

    if (err != VT_OK)
        return err;
    if (size > p->limits.file_max)
        return vt_fail(why, VT_E_LIMIT, "%s has %llu bytes, more than the %llu for one file",
            name, (unsigned long long)size, (unsigned long long)p->limits.file_max);
    if (size > p->limits.size_max - p->count.bytes)
        return vt_fail(why, VT_E_LIMIT, "the tree has more than %llu bytes",
            (unsigned long long)p->limits.size_max);
    p->count.bytes += size;
    p->count.files++;
    begin_entry(p, name, AE_IFREG, executable ? 0755 : 0644, (int64_t)size);
    return put_header(p, why);
}

enum vt_err
vt_pack_file(struct vt_pack *p, const char *name, bool executable, const void *data, size_t len,
    struct vt_why *why)
{
    enum vt_err err = begin_file(p, name, executable, len, why);

    return err == VT_OK ? put_data(p, data, len, why) : err;
}

enum vt_err
vt_pack_file_fd(struct vt_pack *p, const char *name, bool executable, int fd, uint64_t size,
    struct vt_why *why)
{
    uint64_t left = size;
    size_t got;
    enum vt_err err = begin_file(p, name, executable, size, why);

    while (err == VT_OK && left > 0) {
        size_t want = left < CHUNK ? (size_t)left : CHUNK;

        if ((err = vt_fd_read(fd, p->chunk, want, &got, why)) != VT_OK)
            break;
        if (got < want)
            return vt_fail(why, VT_E_STATE, "%s became shorter while it was packed", name);
        err = put_data(p, p->chunk, got, why);
        left -= got;
    }
    if (err == VT_OK)
        err = vt_fd_read(fd, p->chunk, 1, &got, why);
    if (err == VT_OK && got > 0)
        return vt_fail(why, VT_E_STATE, "%s became longer while it was packed", name);
    return err;
}

enum vt_err
vt_pack_end(struct vt_pack *p, struct vt_pack_count *ret, struct vt_why *why)
{
    enum vt_err err;

    if (archive_write_close(p->a) != ARCHIVE_OK)
        return fail_archive(p, why);
    err = vt_file_new_commit(&p->out, why);
    if (err == VT_OK && ret != NULL)
        *ret = p->count;
    return err;
}
