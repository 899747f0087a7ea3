/* SPDX-License-Identifier: Apache-2.0 */
#include "store/place.h"

#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum vt_err
vt_place_open(struct vt_place *p, const char *dir, struct vt_why *why)
{
    struct vt_folder names = {0};
    bool empty;
    enum vt_err err;

    p->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->root < 0)
        return vt_fail_errno(why, "cannot open the folder %s", dir);
    if ((err = vt_folder_read(&names, p->root, dir, why)) != VT_OK)
        return err;
    empty = names.count == 0;
    vt_folder_release(&names);
    if (!empty)
        return vt_fail(why, VT_E_STATE, "the folder %s is not empty", dir);
    return VT_OK;
}

void
vt_place_release(struct vt_place *p)
{
    if (p->parent >= 0)
        close(p->parent);
    if (p->root >= 0)
        close(p->root);
    p->parent = -1;
    p->root = -1;
}

/* Opens (and when missing makes) folder `name` in `dir`, never through a link. */
static enum vt_err
enter(int dir, const char *name, const char *path, int *ret, struct vt_why *why)
{
    int fd;

    if (mkdirat(dir, name, 0700) != 0) {
        if (errno != EEXIST)
            return vt_fail_errno(why, "cannot make the folder %s", path);
    } else if (fchmodat(dir, name, 0755, 0) != 0) {
        return vt_fail_errno(why, "cannot set the mode of the folder %s", path);
    }
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        *ret = fd;
        return VT_OK;
    }
    if (errno == ELOOP || errno == ENOTDIR)
        return vt_fail(
            why, VT_E_REFUSED, "the archive leads through %s, which is no folder", path);
    return vt_fail_errno(why, "cannot open the folder %s", path);
}

/* Opens the folder `path` ("" for the top) part by part; the caller closes it. */
static enum vt_err
enter_all(const struct vt_place *p, const char *path, int *ret, struct vt_why *why)
{
    char part[VT_PATH_MAX];
    struct vt_reader rest = VT_READER(path, strlen(path));
    struct vt_reader word;
    int fd = fcntl(p->root, F_DUPFD_CLOEXEC, 3);
    enum vt_err err = VT_OK;

    if (fd < 0)
        return vt_fail_errno(why, "cannot open the folder to unpack into");
    while (err == VT_OK && vt_reader_word(&rest, '/', &word)) {
        int next = -1;

        if (!vt_reader_cstr(&word, part, sizeof part))
            err = vt_fail(why, VT_E_REFUSED, "%s: a part is too long", path);
        else
            err = enter(fd, part, path, &next, why);
        close(fd);
        fd = next;
    }
    if (err == VT_OK)
        *ret = fd;
    return err;
}

/* The folder that `path` stands in, opened and kept for the next entry, and the
 * last part of the path. */
enum vt_err
vt_place_parent(struct vt_place *p, const char *path, int *ret_dir, const char **ret_base,
    struct vt_why *why)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    enum vt_err err;
    int fd;

    if (p->parent < 0 || strlen(p->parent_name) != len ||
        memcmp(p->parent_name, path, len) != 0) {
        char name[VT_PATH_MAX];

        memcpy(name, path, len);
        name[len] = '\0';
        if ((err = enter_all(p, name, &fd, why)) != VT_OK)
            return err;
        if (p->parent >= 0)
            close(p->parent);
        p->parent = fd;
        memcpy(p->parent_name, name, len + 1);
    }
    *ret_dir = p->parent;
    *ret_base = slash == NULL ? path : slash + 1;
    return VT_OK;
}

enum vt_err
vt_place_folder(struct vt_place *p, const char *path, struct vt_why *why)
{
    int fd;
    enum vt_err err = enter_all(p, path, &fd, why);

    if (err != VT_OK)
        return err;
    close(fd);
    return VT_OK;
}

/* Creates the file; it must be new. Its mode is set whatever the umask. */
enum vt_err
vt_place_create(struct vt_place *p, const char *path, mode_t mode, int *ret, struct vt_why *why)
{
    const char *base;
    int dir;
    int fd;
    enum vt_err err = vt_place_parent(p, path, &dir, &base, why);

    if (err != VT_OK)
        return err;
    fd = openat(dir, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return vt_fail(why, VT_E_REFUSED, "the archive has %s twice", path);
    if (fd < 0)
        return vt_fail_errno(why, "cannot make the file %s", path);
    if (fchmod(fd, mode) != 0) {
        err = vt_fail_errno(why, "cannot set the mode of %s", path);
        close(fd);
        return err;
    }
    *ret = fd;
    return VT_OK;
}
