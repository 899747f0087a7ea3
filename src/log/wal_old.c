/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking over the write-ahead log of older versions, which was one file where the folder is
 * now. It is moved as it is:
 *
 *     1. the folder DIR.new is made
 *     2. the file DIR is renamed to DIR.new/00000000000000000000
 *     3. the folder DIR.new is renamed to DIR
 *
 * each durable before the next. A crash leaves DIR as the file, or no DIR and the file in
 * DIR.new, or the folder: from each of them the next opening goes on.
 */
#include "log/wal_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder that `dir` stands in. */
static enum vt_err
sync_parent(const char *dir, struct vt_why *why)
{
    char parent[VT_PATH_MAX];
    enum vt_err err = vt_path(parent, why, "%s", dir);
    char *slash = err == VT_OK ? strrchr(parent, '/') : NULL;

    if (err != VT_OK)
        return err;
    if (slash == NULL)
        return vt_dir_sync(".", why);
    if (slash == parent)
        slash++;
    *slash = '\0';
    return vt_dir_sync(parent, why);
}

/* Another log's file, or none at all, stays where it is. */
static enum vt_err
check_old(const char *path, const char *origin, struct vt_why *why)
{
    struct vt_wal_head h;
    uint64_t size;
    enum vt_err err;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    err = vt_wal_head_read(fd, origin, &h, &size, why);
    (void)close(fd);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s", path);
}

static enum vt_err
put_folder_in_place(const char *fresh, const char *dir, struct vt_why *why)
{
    if (rename(fresh, dir) != 0)
        return vt_fail_errno(why, "%s: cannot take the place of %s", fresh, dir);
    return sync_parent(dir, why);
}

static enum vt_err
move_file(const char *dir, const char *fresh, const char *origin, struct vt_why *why)
{
    char to[VT_PATH_MAX];
    enum vt_err err = check_old(dir, origin, why);

    if (err == VT_OK)
        err = vt_wal_file_path(to, fresh, 0, why);
    if (err == VT_OK)
        err = vt_dir_make(fresh, 0700, why);
    if (err != VT_OK)
        return err;
    if (rename(dir, to) != 0)
        return vt_fail_errno(why, "%s: cannot move it to %s", dir, to);
    err = vt_dir_sync(fresh, why);
    if (err == VT_OK)
        err = sync_parent(dir, why);
    return err == VT_OK ? put_folder_in_place(fresh, dir, why) : err;
}

enum vt_err
vt_wal_take_over(const char *dir, const char *origin, struct vt_why *why)
{
    char fresh[VT_PATH_MAX];
    struct stat st;
    enum vt_err err = vt_path(fresh, why, "%s.new", dir);

    if (err != VT_OK)
        return err;
    if (lstat(dir, &st) == 0)
        return S_ISREG(st.st_mode) ? move_file(dir, fresh, origin, why) : VT_OK;
    return vt_file_exists(fresh) ? put_folder_in_place(fresh, dir, why) : VT_OK;
}
