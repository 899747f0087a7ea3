/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libarchive reads the archive; every file is made here (see place.h), so that
 * nothing an archive says can lead out of the folder. libarchive's own disk
 * writer is not used.
 */
#include "store/unpack.h"

#include "base/file.h"
#include "store/place.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MAX_DEFAULT (16ULL << 30)
#define FILE_MAX_DEFAULT (2ULL << 30)
#define COUNT_MAX_DEFAULT 1000000ULL
#define READ_BLOCK (256U * 1024U)

struct unpack {
    struct archive *a;
    locale_t utf8; /* for libarchive, which reads names by the thread's locale */
    locale_t before;
    struct vt_unpack_opts opts;
    bool system; /* a system's root folder: see vt_unpack_system */
    struct vt_place place;
    uint64_t bytes;
    uint64_t entries;
    uint64_t files;
};

static enum vt_err
fail_read(const struct unpack *u, struct vt_why *why)
{
    const char *text = archive_error_string(u->a);

    return vt_fail(why, VT_E_SYNTAX, "the archive does not read: %s",
        text == NULL ? "unknown error" : text);
}

/* Whether a system's file may have that name: vt_path_is_safe, but for the
 * backslashes and other characters that packages do use. */
static bool
system_path_ok(const char *path)
{
    struct vt_reader rest = VT_READER(path, strlen(path));
    struct vt_reader part;

    if (path[0] == '\0' || strlen(path) >= VT_PATH_MAX || path[strlen(path) - 1] == '/')
        return false;
    while (vt_reader_word(&rest, '/', &part)) {
        if (part.left == 0 || vt_reader_is(&part, ".") || vt_reader_is(&part, ".."))
            return false;
    }
    return true;
}

/* An entry's name without "./" before and "/" after it; "" for the top. */
static enum vt_err
clean_name(const struct unpack *u, const char *raw, char ret[VT_PATH_MAX], struct vt_why *why)
{
    size_t len;

    if (raw == NULL)
        return vt_fail(why, VT_E_REFUSED, "the archive has an entry without a name");
    if (strcmp(raw, ".") == 0 || strcmp(raw, "./") == 0) {
        ret[0] = '\0';
        return VT_OK;
    }
    if (strncmp(raw, "./", 2) == 0)
        raw += 2;
    len = strlen(raw);
    if (len > 1 && raw[len - 1] == '/')
        len--;
    if (len >= VT_PATH_MAX)
        return vt_fail(why, VT_E_REFUSED, "the archive has a name of %zu bytes", len);
    memcpy(ret, raw, len);
    ret[len] = '\0';
    if (u->system ? !system_path_ok(ret) : !vt_path_is_safe(ret))
        return vt_fail(why, VT_E_REFUSED, "the archive has an unsafe name: \"%s\"", raw);
    return VT_OK;
}

/* Whether a link's target stays below the top folder. Only its first parts may
 * be "..", no more of them than the link is deep: the folders above the link are
 * true folders, so this holds even when later parts are links, which hold it too. */
static bool
link_is_inward(const char *path, const char *target)
{
    struct vt_reader rest = VT_READER(target, strlen(target));
    struct vt_reader part;
    size_t depth = 0;
    bool down = false;

    if (target[0] == '/' || target[0] == '\0')
        return false;
    for (; *path != '\0'; path++)
        depth += *path == '/';
    while (vt_reader_word(&rest, '/', &part)) {
        if (part.left == 0 || vt_reader_is(&part, "."))
            continue;
        if (!vt_reader_is(&part, ".."))
            down = true;
        else if (down || depth-- == 0)
            return false;
    }
    return true;
}

static enum vt_err
make_link(struct unpack *u, struct archive_entry *e, const char *path, struct vt_why *why)
{
    const char *target = archive_entry_symlink(e);
    const char *base;
    enum vt_err err;
    int dir;

    if (target == NULL || target[0] == '\0' || strlen(target) >= VT_PATH_MAX)
        return vt_fail(why, VT_E_REFUSED, "the link %s has no target, or too long a one", path);
    if (!u->system && !u->opts.outward_links && !link_is_inward(path, target))
        return vt_fail(
            why, VT_E_REFUSED, "the link %s leads out of the archive, to %s", path, target);
    if ((err = vt_place_parent(&u->place, path, &dir, &base, why)) != VT_OK)
        return err;
    if (symlinkat(target, dir, base) != 0)
        return vt_fail_errno(why, "cannot make the link %s", path);
    u->files++;
    return VT_OK;
}

/* Holds the limits for `size` bytes more in file `path`. */
static enum vt_err
account(struct unpack *u, const char *path, uint64_t size, struct vt_why *why)
{
    if (size > u->opts.file_max)
        return vt_fail(why, VT_E_LIMIT, "%s has %llu bytes, more than the %llu for one file",
            path, (unsigned long long)size, (unsigned long long)u->opts.file_max);
    if (size > u->opts.size_max - u->bytes)
        return vt_fail(why, VT_E_LIMIT, "the archive has more than %llu bytes of files",
            (unsigned long long)u->opts.size_max);
    u->bytes += size;
    return VT_OK;
}

/* Writes the entry's content, which must be exactly `size` bytes in order. */
static enum vt_err
write_content(struct unpack *u, int fd, const char *path, uint64_t size, struct vt_why *why)
{
    uint64_t at = 0;
    enum vt_err err;

    for (;;) {
        const void *block;
        size_t len;
        la_int64_t offset;
        int r = archive_read_data_block(u->a, &block, &len, &offset);

        if (r == ARCHIVE_EOF)
            break;
        if (r != ARCHIVE_OK)
            return fail_read(u, why);
        if (offset < 0 || (uint64_t)offset != at || len > size - at)
            return vt_fail(
                why, VT_E_REFUSED, "%s is a sparse file, or its size is wrong", path);
        if ((err = vt_fd_write(fd, block, len, why)) != VT_OK)
            return vt_fail_in(why, err, "%s", path);
        at += len;
    }
    if (at != size)
        return vt_fail(why, VT_E_SYNTAX, "the archive ends within %s", path);
    return VT_OK;
}

static mode_t
mode_of(struct archive_entry *e)
{
    return (archive_entry_perm(e) & S_IXUSR) != 0 ? 0755 : 0644;
}

static enum vt_err
make_file(struct unpack *u, struct archive_entry *e, const char *path, struct vt_why *why)
{
    uint64_t size = (uint64_t)archive_entry_size(e);
    enum vt_err err;
    int fd;

    if (!archive_entry_size_is_set(e) || archive_entry_size(e) < 0)
        return vt_fail(why, VT_E_SYNTAX, "%s has no size", path);
    if (archive_entry_sparse_count(e) > 0)
        return vt_fail(why, VT_E_REFUSED, "%s is a sparse file", path);
    if ((err = account(u, path, size, why)) != VT_OK ||
        (err = vt_place_create(&u->place, path, mode_of(e), &fd, why)) != VT_OK)
        return err;
    err = write_content(u, fd, path, size, why);
    if (close(fd) != 0 && err == VT_OK)
        err = vt_fail_errno(why, "cannot write %s", path);
    u->files++;
    return err;
}

/* Opens the file that a hard link names, unpacked before, without following
 * links, and takes its length and mode. */
static enum vt_err
open_linked(struct unpack *u, const char *path, const char *target, int *ret, struct stat *st,
    struct vt_why *why)
{
    const char *base;
    enum vt_err err;
    int dir;
    int fd;

    if ((err = vt_place_parent(&u->place, target, &dir, &base, why)) != VT_OK)
        return err;
    fd = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, st) != 0 || !S_ISREG(st->st_mode)) {
        if (fd >= 0)
            close(fd);
        return vt_fail(why, VT_E_REFUSED,
            "the hard link %s names %s, which is no file that came before it", path, target);
    }
    *ret = fd;
    return VT_OK;
}

static enum vt_err
copy_fd(int from, int to, struct vt_why *why)
{
    uint8_t *chunk = malloc(READ_BLOCK);
    size_t got = 0;
    enum vt_err err = VT_OK;

    if (chunk == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory to copy a file");
    do {
        err = vt_fd_read(from, chunk, READ_BLOCK, &got, why);
        if (err == VT_OK)
            err = vt_fd_write(to, chunk, got, why);
    } while (err == VT_OK && got == READ_BLOCK);
    free(chunk);
    return err;
}

static enum vt_err
make_copy(struct unpack *u, struct archive_entry *e, const char *path, struct vt_why *why)
{
    char target[VT_PATH_MAX];
    struct stat st;
    enum vt_err err;
    int from = -1;
    int to = -1;

    if ((err = clean_name(u, archive_entry_hardlink(e), target, why)) != VT_OK ||
        (err = open_linked(u, path, target, &from, &st, why)) != VT_OK)
        return err;
    if ((err = account(u, path, (uint64_t)st.st_size, why)) == VT_OK &&
        (err = vt_place_create(&u->place, path, st.st_mode & 0777, &to, why)) == VT_OK) {
        err = copy_fd(from, to, why);
        if (close(to) != 0 && err == VT_OK)
            err = vt_fail_errno(why, "cannot write %s", path);
    }
    close(from);
    u->files++;
    return err;
}

static enum vt_err
make_special(const struct unpack *u, const char *path, struct vt_why *why)
{
    if (u->system)
        return VT_OK; /* left out */
    return vt_fail(why, VT_E_REFUSED, "%s is neither file, folder nor link", path);
}

static enum vt_err
take_entry(struct unpack *u, struct archive_entry *e, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err;

    if (++u->entries > u->opts.count_max)
        return vt_fail(why, VT_E_LIMIT, "the archive has more than %llu entries",
            (unsigned long long)u->opts.count_max);
    if ((err = clean_name(u, archive_entry_pathname(e), path, why)) != VT_OK)
        return err;
    if (path[0] == '\0')
        return VT_OK;
    if (archive_entry_hardlink(e) != NULL)
        return make_copy(u, e, path, why);
    if (archive_entry_filetype(e) == AE_IFDIR)
        return vt_place_folder(&u->place, path, why);
    if (archive_entry_filetype(e) == AE_IFLNK)
        return make_link(u, e, path, why);
    if (archive_entry_filetype(e) != AE_IFREG)
        return make_special(u, path, why);
    if (!u->system && (archive_entry_perm(e) & (S_ISUID | S_ISGID | S_ISVTX)) != 0)
        return vt_fail(why, VT_E_REFUSED, "%s is setuid, setgid or sticky", path);
    return make_file(u, e, path, why);
}

static enum vt_err
take_all(struct unpack *u, struct vt_why *why)
{
    struct archive_entry *e;
    enum vt_err err;
    int r;

    while ((r = archive_read_next_header(u->a, &e)) == ARCHIVE_OK) {
        if ((err = take_entry(u, e, why)) != VT_OK)
            return err;
    }
    if (r != ARCHIVE_EOF)
        return fail_read(u, why);
    if (u->opts.durable && syncfs(u->place.root) != 0)
        return vt_fail_errno(why, "cannot make what was unpacked durable");
    return VT_OK;
}

static void
take_opts(struct vt_unpack_opts *to, const struct vt_unpack_opts *from)
{
    if (from != NULL)
        *to = *from;
    if (to->size_max == 0)
        to->size_max = SIZE_MAX_DEFAULT;
    if (to->file_max == 0)
        to->file_max = FILE_MAX_DEFAULT;
    if (to->count_max == 0)
        to->count_max = COUNT_MAX_DEFAULT;
}

static enum vt_err
begin(struct unpack *u, const struct vt_unpack_opts *opts, const char *dir, struct vt_why *why)
{
    u->place = VT_PLACE_NONE;
    u->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (u->utf8 != (locale_t)0)
        u->before = uselocale(u->utf8);
    take_opts(&u->opts, opts);
    u->a = archive_read_new();
    if (u->a == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory to read an archive");
    if (archive_read_support_format_tar(u->a) != ARCHIVE_OK ||
        (!u->system && archive_read_support_filter_zstd(u->a) != ARCHIVE_OK))
        return vt_fail(why, VT_E_IO, "libarchive reads no pax tar with zstd: %s",
            archive_error_string(u->a));
    return vt_place_open(&u->place, dir, why);
}

static void
finish(struct unpack *u)
{
    if (u->a != NULL)
        (void)archive_read_free(u->a);
    if (u->utf8 != (locale_t)0) {
        (void)uselocale(u->before);
        freelocale(u->utf8);
    }
    vt_place_release(&u->place);
}

static enum vt_err
unpack_file(struct unpack *u, const char *path, const char *dir,
    const struct vt_unpack_opts *opts, uint64_t *ret_count, struct vt_why *why)
{
    enum vt_err err;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return vt_fail_errno(why, "cannot open %s", path);
    if ((err = begin(u, opts, dir, why)) == VT_OK) {
        if (archive_read_open_fd(u->a, fd, READ_BLOCK) != ARCHIVE_OK)
            err = fail_read(u, why);
        else
            err = take_all(u, why);
    }
    finish(u);
    close(fd);
    if (err != VT_OK)
        return vt_fail_in(why, err, "unpacking %s", path);
    if (ret_count != NULL)
        *ret_count = u->files;
    return VT_OK;
}

enum vt_err
vt_unpack_tar_zst(const char *path, const char *dir, const struct vt_unpack_opts *opts,
    uint64_t *ret_count, struct vt_why *why)
{
    struct unpack u = {0};

    return unpack_file(&u, path, dir, opts, ret_count, why);
}

enum vt_err
vt_unpack_system(const char *path, const char *dir, const struct vt_unpack_opts *opts,
    uint64_t *ret_count, struct vt_why *why)
{
    struct unpack u = {.system = true};

    return unpack_file(&u, path, dir, opts, ret_count, why);
}

enum vt_err
vt_unpack_tar_zst_mem(const void *data, size_t len, const char *dir,
    const struct vt_unpack_opts *opts, uint64_t *ret_count, struct vt_why *why)
{
    struct unpack u = {0};
    enum vt_err err = begin(&u, opts, dir, why);

    if (err == VT_OK && archive_read_open_memory(u.a, data, len) != ARCHIVE_OK)
        err = fail_read(&u, why);
    if (err == VT_OK)
        err = take_all(&u, why);
    finish(&u);
    if (err == VT_OK && ret_count != NULL)
        *ret_count = u.files;
    return err;
}
