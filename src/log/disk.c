/* SPDX-License-Identifier: Apache-2.0 */
#include "log/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum vt_err
vt_disk_open(struct vt_disk *d, const char *dir, struct vt_why *why)
{
    enum vt_err err = vt_path(d->dir, why, "%s", dir);

    d->fd = -1;
    if (err != VT_OK)
        return err;
    d->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return d->fd >= 0 ? VT_OK : vt_fail_errno(why, "%s: cannot open folder", dir);
}

void
vt_disk_close(struct vt_disk *d)
{
    if (d->fd >= 0)
        (void)close(d->fd);
    d->fd = -1;
}

enum vt_err
vt_disk_check(const struct vt_disk *d, const char *below, struct vt_why *why)
{
    struct stat own;
    struct stat st;

    if (fstat(d->fd, &own) != 0)
        return vt_fail_errno(why, "%s", d->dir);
    if (fstatat(d->fd, below, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? VT_OK : vt_fail_errno(why, "%s/%s", d->dir, below);
    if (S_ISLNK(st.st_mode))
        return vt_fail(why, VT_E_CONFIG,
            "%s/%s is a link, perhaps to another file system: put the folder itself there",
            d->dir, below);
    if (st.st_dev != own.st_dev)
        return vt_fail(why, VT_E_CONFIG,
            "%s/%s is on another file system than %s: keep them on one", d->dir, below, d->dir);
    return VT_OK;
}

enum vt_err
vt_disk_sync(const struct vt_disk *d, struct vt_why *why)
{
    if (syncfs(d->fd) == 0)
        return VT_OK;
    return vt_fail_errno(why, "%s: cannot make its files durable", d->dir);
}

void
vt_disk_forget(int file_fd)
{
    /* Pages that are dirty stay; when writing them fails, whoever has a descriptor hears it. */
    (void)posix_fadvise(file_fd, 0, 0, POSIX_FADV_DONTNEED);
}
