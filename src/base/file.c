/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/clock.h"
#include "base/progress.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define READ_CHUNK 65536U
#define PATH_FROM_OUTSIDE_MAX 1024U
#define TEMP_TRIES 100
#define LOCK_POLL_MS 100

enum vt_err
vt_path(char ret[VT_PATH_MAX], struct vt_why *why, const char *fmt, ...)
{
    char path[VT_PATH_MAX];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(path, sizeof path, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof path)
        return vt_fail(
            why, VT_E_LIMIT, "%.200s...: path longer than %d bytes", path, VT_PATH_MAX - 1);
    memcpy(ret, path, (size_t)n + 1);
    return VT_OK;
}

static bool
is_safe_part(const struct vt_reader *part)
{
    return part->left > 0 && !vt_reader_is(part, ".") && !vt_reader_is(part, "..");
}

bool
vt_path_is_safe(const char *path)
{
    size_t len = strnlen(path, PATH_FROM_OUTSIDE_MAX + 1);
    struct vt_reader r = VT_READER(path, len);
    struct vt_reader part;

    if (len == 0 || len > PATH_FROM_OUTSIDE_MAX || path[len - 1] == '/')
        return false;
    for (size_t i = 0; i < len;) {
        unsigned code;
        size_t n = vt_text_char((const unsigned char *)path + i, len - i, &code);
        if (n == 0 || code < 0x20 || (code >= 0x7F && code < 0xA0) || code == '\\')
            return false;
        i += n;
    }
    while (vt_reader_word(&r, '/', &part)) {
        if (!is_safe_part(&part))
            return false;
    }
    return true;
}

bool
vt_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

enum vt_err
vt_fd_write(int fd, const void *data, size_t len, struct vt_why *why)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vt_fail_errno(why, "cannot write");
        p += n;
        len -= (size_t)n;
    }
    return VT_OK;
}

enum vt_err
vt_fd_read(int fd, void *ret, size_t len, size_t *ret_len, struct vt_why *why)
{
    char *p = ret;
    size_t got = 0;

    while (got < len) {
        ssize_t n = read(fd, p + got, len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vt_fail_errno(why, "cannot read");
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *ret_len = got;
    return VT_OK;
}

/* Reads to the end, one byte past the buffer's maximum to see that it is. */
static enum vt_err
read_all(int fd, size_t hint, struct vt_buf *b, struct vt_why *why)
{
    size_t chunk = hint > 0 ? hint : READ_CHUNK;
    enum vt_err err;
    size_t got;

    for (;;) {
        size_t room = b->max - b->len;
        uint8_t past;
        uint8_t *p;

        if (room == 0) {
            err = vt_fd_read(fd, &past, 1, &got, why);
            if (err == VT_OK && got > 0)
                err = vt_fail(why, VT_E_LIMIT, "longer than the limit of %zu bytes", b->max);
            return err;
        }
        if (chunk > room)
            chunk = room;
        p = vt_buf_reserve(b, chunk);
        if (p == NULL)
            return vt_fail(why, b->err, "out of memory");
        err = vt_fd_read(fd, p, chunk, &got, why);
        if (err != VT_OK)
            return err;
        vt_buf_commit(b, got);
        if (got < chunk)
            return VT_OK;
        chunk = READ_CHUNK;
    }
}

enum vt_err
vt_file_read(const char *path, struct vt_buf *b, struct vt_why *why)
{
    size_t before = b->len;
    struct stat st;
    enum vt_err err;
    size_t hint = 0;
    int fd;

    err = vt_buf_check(b, path, why);
    if (err != VT_OK)
        return err;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        hint = (size_t)st.st_size + 1;
    err = read_all(fd, hint, b, why);
    (void)close(fd);
    if (err != VT_OK) {
        b->len = before;
        b->err = VT_OK;
        if (b->data != NULL)
            b->data[before] = '\0';
        return vt_fail_in(why, err, "%s", path);
    }
    return VT_OK;
}

/* The folder that holds path's last part: "." when path has no other. */
static void
folder_of(const char *path, char ret[VT_PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);

    if (slash == NULL) {
        memcpy(ret, ".", 2);
    } else if (len == 0) {
        memcpy(ret, "/", 2);
    } else {
        memcpy(ret, path, len);
        ret[len] = '\0';
    }
}

/* A temporary name beside path. */
static enum vt_err
temp_name(const char *path, char ret[VT_PATH_MAX], struct vt_why *why)
{
    static atomic_uint counter;
    uint64_t tag = 0;
    const char *slash = strrchr(path, '/');
    int folder_len = slash == NULL ? 0 : (int)(slash - path) + 1;

    if (strlen(path) >= VT_PATH_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "%.200s...: path longer than %d bytes", path, VT_PATH_MAX - 1);
    if (getrandom(&tag, sizeof tag, GRND_NONBLOCK) != (ssize_t)sizeof tag)
        tag = (uint64_t)getpid();
    return vt_path(ret, why, "%.*s.tmp-%ld-%016llx-%u", folder_len, path, (long)getpid(),
        (unsigned long long)tag, atomic_fetch_add(&counter, 1));
}

enum vt_err
vt_dir_sync(const char *path, struct vt_why *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum vt_err err = VT_OK;

    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open folder", path);
    if (fsync(fd) != 0)
        err = vt_fail_errno(why, "%s: cannot sync folder", path);
    (void)close(fd);
    return err;
}

enum vt_err
vt_file_new_begin(struct vt_file_new *f, const char *path, mode_t mode, struct vt_why *why)
{
    struct vt_file_new n = {.fd = -1};
    enum vt_err err = vt_path(n.path, why, "%s", path);

    for (int i = 0; err == VT_OK && n.fd < 0 && i < TEMP_TRIES; i++) {
        err = temp_name(path, n.tmp, why);
        if (err != VT_OK)
            break;
        n.fd = open(n.tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (n.fd < 0 && errno != EEXIST)
            break;
    }
    if (err != VT_OK)
        return err;
    if (n.fd < 0)
        return vt_fail_errno(why, "%s: cannot make a temporary file beside it", path);
    if (fchmod(n.fd, mode) != 0) {
        err = vt_fail_errno(why, "%s: cannot set permissions", path);
        vt_file_new_abort(&n);
        return err;
    }
    *f = n;
    return VT_OK;
}

void
vt_file_new_abort(struct vt_file_new *f)
{
    if (f->tmp[0] == '\0')
        return;
    if (f->fd >= 0)
        (void)close(f->fd);
    (void)unlink(f->tmp);
    f->fd = -1;
    f->tmp[0] = '\0';
}

/* rename(2), and the same for a name that must be free. */
static int
rename_over(const char *from, const char *to)
{
    return rename(from, to);
}

static int
rename_fresh(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (link(from, to) != 0) /* a file system without RENAME_NOREPLACE */
        return -1;
    (void)unlink(from);
    return 0;
}

static enum vt_err
commit(struct vt_file_new *f, int (*put)(const char *, const char *), struct vt_why *why)
{
    char folder[VT_PATH_MAX];
    enum vt_err err = VT_OK;
    int fd = f->fd;

    if (fsync(fd) != 0)
        err = vt_fail_errno(why, "%s: cannot sync", f->path);
    f->fd = -1;
    if (close(fd) != 0 && err == VT_OK)
        err = vt_fail_errno(why, "%s: cannot close", f->path);
    if (err == VT_OK && put(f->tmp, f->path) != 0)
        err = vt_fail_errno(why, "%s: cannot put the new file in place", f->path);
    if (err != VT_OK) {
        vt_file_new_abort(f);
        return err;
    }
    f->tmp[0] = '\0';
    folder_of(f->path, folder);
    return vt_dir_sync(folder, why);
}

enum vt_err
vt_file_new_commit(struct vt_file_new *f, struct vt_why *why)
{
    return commit(f, rename_over, why);
}

static enum vt_err
write_whole(const char *path, mode_t mode, const void *data, size_t len,
    int (*put)(const char *, const char *), struct vt_why *why)
{
    struct vt_file_new f = {.fd = -1};
    enum vt_err err = vt_file_new_begin(&f, path, mode, why);

    if (err != VT_OK)
        return err;
    err = vt_fd_write(f.fd, data, len, why);
    if (err != VT_OK) {
        vt_file_new_abort(&f);
        return vt_fail_in(why, err, "%s", path);
    }
    return commit(&f, put, why);
}

enum vt_err
vt_file_replace(const char *path, mode_t mode, const void *data, size_t len, struct vt_why *why)
{
    return write_whole(path, mode, data, len, rename_over, why);
}

enum vt_err
vt_file_create(const char *path, mode_t mode, const void *data, size_t len, struct vt_why *why)
{
    struct stat st;

    if (lstat(path, &st) == 0)
        return vt_fail(why, VT_E_EXIST, "%s: is there already", path);
    return write_whole(path, mode, data, len, rename_fresh, why);
}

enum vt_err
vt_link_switch(const char *path, const char *target, struct vt_why *why)
{
    char tmp[VT_PATH_MAX];
    char folder[VT_PATH_MAX];
    enum vt_err err = temp_name(path, tmp, why);

    if (err != VT_OK)
        return err;
    if (symlink(target, tmp) != 0)
        return vt_fail_errno(why, "%s: cannot make a link beside it", path);
    if (rename(tmp, path) != 0) {
        err = vt_fail_errno(why, "%s: cannot put the new link in place", path);
        (void)unlink(tmp);
        return err;
    }
    folder_of(path, folder);
    return vt_dir_sync(folder, why);
}

/* The descriptor is never 0 to 2, so that a zeroed struct holds none. */
enum vt_err
vt_lock_take(struct vt_lock *l, const char *path, const char *what, struct vt_why *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum vt_err err = VT_OK;

    if (fd >= 0 && fd < 3) {
        int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        (void)close(fd);
        fd = moved;
    }
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open the lock", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            err =
                vt_fail(why, VT_E_BUSY, "%s: in use by another process (lock %s)", what, path);
        else
            err = vt_fail_errno(why, "%s: cannot lock", path);
        (void)close(fd);
        return err;
    }
    l->fd = fd;
    return VT_OK;
}

enum vt_err
vt_lock_wait(struct vt_lock *l, const char *path, const char *what, int64_t timeout_ms,
    struct vt_progress *progress, struct vt_why *why)
{
    const struct timespec pause = {.tv_nsec = LOCK_POLL_MS * 1000000L};
    int64_t until = vt_clock_monotonic_ms() + timeout_ms;
    enum vt_err err;

    while ((err = vt_lock_take(l, path, what, why)) == VT_E_BUSY &&
           vt_clock_monotonic_ms() < until) {
        if (progress != NULL)
            vt_progress_set(progress, 0);
        (void)nanosleep(&pause, NULL);
    }
    return err;
}

void
vt_lock_release(struct vt_lock *l)
{
    if (l->fd > 2)
        (void)close(l->fd);
    l->fd = 0;
}
