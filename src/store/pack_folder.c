/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pack.h"

#include "base/file.h"
#include "store/folder.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Deep enough for any source tree; each level holds one open folder. */
#define DEPTH_MAX 128U

static enum vt_err pack_below(
    struct vt_pack *p, int dir, const char *name, unsigned depth, struct vt_why *why);

static enum vt_err
pack_link_at(struct vt_pack *p, int dir, const char *base, const char *name, struct vt_why *why)
{
    char target[VT_PATH_MAX];
    ssize_t len = readlinkat(dir, base, target, sizeof target - 1);

    if (len < 0)
        return vt_fail_errno(why, "cannot read the link %s", name);
    target[len] = '\0';
    return vt_pack_link(p, name, target, why);
}

static enum vt_err
pack_file_at(struct vt_pack *p, int dir, const char *base, const char *name, struct vt_why *why)
{
    struct stat st;
    enum vt_err err;
    int fd = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return vt_fail_errno(why, "cannot open %s", name);
    if (fstat(fd, &st) != 0)
        err = vt_fail_errno(why, "cannot look at %s", name);
    else if (!S_ISREG(st.st_mode))
        err = vt_fail(why, VT_E_STATE, "%s changed while it was packed", name);
    else if ((st.st_mode & (S_ISUID | S_ISGID | S_ISVTX)) != 0)
        err = vt_fail(why, VT_E_REFUSED,
            "%s is setuid, setgid or sticky, which an archive does not take", name);
    else
        err = vt_pack_file_fd(
            p, name, (st.st_mode & S_IXUSR) != 0, fd, (uint64_t)st.st_size, why);
    close(fd);
    return err;
}

static enum vt_err
pack_dir_at(struct vt_pack *p, int dir, const char *base, const char *name, unsigned depth,
    struct vt_why *why)
{
    enum vt_err err;
    int fd = openat(dir, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return vt_fail_errno(why, "cannot open the folder %s", name);
    err = vt_pack_dir(p, name, why);
    if (err == VT_OK)
        err = pack_below(p, fd, name, depth + 1, why);
    close(fd);
    return err;
}

static enum vt_err
pack_one(struct vt_pack *p, int dir, const char *base, const char *name, unsigned depth,
    struct vt_why *why)
{
    struct stat st;

    if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return vt_fail_errno(why, "cannot look at %s", name);
    if (S_ISREG(st.st_mode))
        return pack_file_at(p, dir, base, name, why);
    if (S_ISDIR(st.st_mode))
        return pack_dir_at(p, dir, base, name, depth, why);
    if (S_ISLNK(st.st_mode))
        return pack_link_at(p, dir, base, name, why);
    return vt_fail(why, VT_E_REFUSED,
        "%s is a device, pipe or socket, which an archive does not take", name);
}

/* Packs what is in an open folder; `name` is its path in the archive or "". */
static enum vt_err
pack_below(struct vt_pack *p, int dir, const char *name, unsigned depth, struct vt_why *why)
{
    struct vt_folder names = {0};
    char path[VT_PATH_MAX];
    size_t i;
    enum vt_err err;

    if (depth > DEPTH_MAX)
        return vt_fail(why, VT_E_LIMIT, "%s is more than %u folders deep", name, DEPTH_MAX);
    err = vt_folder_read(&names, dir, name, why);
    for (i = 0; err == VT_OK && i < names.count; i++) {
        err = vt_path(path, why, "%s%s%s", name, name[0] == '\0' ? "" : "/", names.name[i]);
        if (err == VT_OK)
            err = pack_one(p, dir, names.name[i], path, depth, why);
    }
    vt_folder_release(&names);
    return err;
}

enum vt_err
vt_pack_folder(const char *dir, const char *path, int64_t epoch,
    const struct vt_pack_limits *limits, struct vt_pack_count *ret, struct vt_why *why)
{
    struct vt_pack *p = NULL;
    enum vt_err err;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return vt_fail_errno(why, "cannot open the folder %s", dir);
    if ((err = vt_pack_new(path, epoch, limits, &p, why)) == VT_OK &&
        (err = pack_below(p, fd, "", 0, why)) == VT_OK)
        err = vt_pack_end(p, ret, why);
    vt_pack_free(p);
    close(fd);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "packing %s", dir);
}
