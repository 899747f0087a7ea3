/* SPDX-License-Identifier: Apache-2.0 */
#include "log/tile_file.h"

#include "log/tiles_bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum vt_err
vt_tile_file_path(
    char ret[VT_PATH_MAX], const char *dir, const struct vt_tile *t, struct vt_why *why)
{
    char rel[VT_TILE_PATH_MAX];

    vt_tile_path(t, rel);
    return vt_path(ret, why, "%s/%s", dir, rel);
}

/* Makes the folders above `path` that are missing below its first `from` bytes. They need not
 * be durable, which is why this is not vt_dir_make: one syncfs will do for all. */
static enum vt_err
make_parents(char *path, size_t from, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (char *slash = strchr(path + from + 1, '/'); slash != NULL && err == VT_OK;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            err = vt_fail_errno(why, "%s: cannot make folder", path);
        *slash = '/';
    }
    return err;
}

static int
open_new(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
}

enum vt_err
vt_tile_file_write(
    const char *dir, const struct vt_tile *t, const void *data, size_t len, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_tile_file_path(path, dir, t, why);
    int fd;

    if (err != VT_OK)
        return err;
    fd = open_new(path);
    if (fd < 0 && errno == ENOENT) {
        err = make_parents(path, strlen(dir), why);
        if (err != VT_OK)
            return err;
        fd = open_new(path);
    }
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot make", path);
    err = vt_fd_write(fd, data, len, why);
    if (err == VT_OK && fchmod(fd, 0644) != 0)
        err = vt_fail_errno(why, "cannot set permissions");
    if (close(fd) != 0 && err == VT_OK)
        err = vt_fail_errno(why, "cannot close");
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s", path);
}

enum vt_err
vt_tile_file_mend(
    const char *dir, const struct vt_tile *t, const void *data, size_t len, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char parent[VT_PATH_MAX];
    enum vt_err err = vt_tile_file_path(path, dir, t, why);

    if (err != VT_OK)
        return err;
    memcpy(parent, path, sizeof parent);
    *strrchr(parent, '/') = '\0';
    err = vt_dir_make(parent, 0755, why);
    return err == VT_OK ? vt_file_replace(path, 0644, data, len, why) : err;
}

bool
vt_tile_file_there(const char *dir, const struct vt_tile *t)
{
    char path[VT_PATH_MAX];
    struct stat st;

    if (vt_tile_file_path(path, dir, t, NULL) != VT_OK || stat(path, &st) != 0 ||
        !S_ISREG(st.st_mode))
        return false;
    if (t->level == VT_TILE_ENTRIES)
        return st.st_size >= (off_t)t->width * 2 && st.st_size <= (off_t)VT_BUNDLE_MAX;
    return st.st_size == (off_t)t->width * VT_DIGEST_SIZE;
}

enum vt_err
vt_tile_file_hashes(
    const char *dir, const struct vt_tile *t, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_TILE_WIDTH * VT_DIGEST_SIZE);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_tile_file_path(path, dir, t, why);

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_E_LIMIT || (err == VT_OK && b.len != t->width * VT_DIGEST_SIZE))
        err = vt_fail(why, VT_E_DIGEST,
            "%s: it has not the length of %u hashes: remove it and start the log again", path,
            t->width);
    for (unsigned i = 0; i < t->width && err == VT_OK; i++)
        memcpy(ret[i].b, b.data + i * VT_DIGEST_SIZE, VT_DIGEST_SIZE);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_tile_file_drop_partials(const char *dir, unsigned level, uint64_t index, struct vt_why *why)
{
    struct vt_tile t = {.level = level, .index = index, .width = 1};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_tile_file_path(path, dir, &t, why);

    if (err != VT_OK)
        return err;
    *strrchr(path, '/') = '\0'; /* ".p/1" without the "/1" */
    return vt_file_exists(path) ? vt_tree_remove(path, why) : VT_OK;
}
