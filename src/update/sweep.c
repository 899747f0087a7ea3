/* SPDX-License-Identifier: Apache-2.0 */
#include "update/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum vt_err
sweep_one(const char *dir, const char *name, unsigned depth, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct stat st;
    enum vt_err err = vt_path(path, why, "%s/%s", dir, name);
    if (err != VT_OK)
        return err;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? VT_OK : vt_fail_errno(why, "%s", path);
    bool folder = S_ISDIR(st.st_mode);
    bool temporary = strncmp(name, ".tmp-", 5) == 0;
    if (temporary && folder)
        return vt_tree_remove(path, why);
    if (temporary && unlink(path) != 0)
        return vt_fail_errno(why, "removing %s", path);
    return folder && depth > 0 ? vt_sweep(path, depth - 1, why) : VT_OK;
}

enum vt_err
vt_sweep(const char *dir, unsigned depth, struct vt_why *why)
{
    enum vt_err err = VT_OK;
    const struct dirent *e;
    DIR *d = opendir(dir);
    if (d == NULL && errno == ENOENT)
        return VT_OK;
    if (d == NULL)
        return vt_fail_errno(why, "%s", dir);
    while (err == VT_OK && (e = readdir(d)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            err = sweep_one(dir, e->d_name, depth, why);
    (void)closedir(d);
    return err;
}
