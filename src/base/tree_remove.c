/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing a folder with all below it.
 *
 * What lies there may have been made by an untrusted build: links to other
 * places, folders nested deeper than a path or a stack can hold, folders that
 * forbid writing. So everything goes by descriptor and name, links are never
 * followed, and a folder found deeper than DEPTH_MAX is first moved up to the
 * top, where the next pass finds it at depth one.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 64

struct removal {
    int top;        /* the folder that is being emptied */
    unsigned moved; /* how many folders were moved up to it */
};

/* Opens a folder to empty it, with the permissions which that needs. */
static int
open_folder(int parent, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    struct stat st;
    int fd;

    fd = openat(parent, name, flags);
    if (fd < 0 && errno == EACCES && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(st.st_mode) && fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
        fd = openat(parent, name, flags);
    if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700 &&
        fchmod(fd, 0700) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* Moves a folder that lies too deep up to the top, under a name that is free. */
static int
move_up(struct removal *rm, int parent, const char *name)
{
    char fresh[64];
    int result;

    if (fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    do {
        (void)snprintf(fresh, sizeof fresh, ".tmp-deep-%u", rm->moved++);
        result = renameat2(parent, name, rm->top, fresh, RENAME_NOREPLACE);
        if (result != 0 && (errno == EINVAL || errno == ENOSYS))
            result = renameat(parent, name, rm->top, fresh);
    } while (result != 0 && (errno == EEXIST || errno == ENOTEMPTY) && rm->moved != 0);
    return result;
}

static int empty_folder(struct removal *rm, int fd, int depth);

static int
remove_name(struct removal *rm, int parent, const char *name, int depth)
{
    struct stat st;
    int fd;

    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -1;
    if (!S_ISDIR(st.st_mode))
        return unlinkat(parent, name, 0) == 0 || errno == ENOENT ? 0 : -1;
    if (depth >= DEPTH_MAX)
        return move_up(rm, parent, name);
    fd = open_folder(parent, name);
    if (fd < 0 || empty_folder(rm, fd, depth + 1) != 0)
        return -1;
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

/* Takes ownership of fd. Reads the folder again until a pass finds nothing:
 * entries moved up, and file systems that skip entries when some are removed
 * while reading, are thus met too. */
static int
empty_folder(struct removal *rm, int fd, int depth)
{
    DIR *d = fdopendir(fd);
    bool found = true;
    int result = 0;

    if (d == NULL) {
        (void)close(fd);
        return -1;
    }
    while (result == 0 && found) {
        const struct dirent *e;
        found = false;
        rewinddir(d);
        while (result == 0 && (errno = 0, e = readdir(d)) != NULL) {
            if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                continue;
            found = true;
            result = remove_name(rm, dirfd(d), e->d_name, depth);
        }
        if (result == 0 && errno != 0)
            result = -1;
    }
    int saved = errno;
    (void)closedir(d);
    errno = saved;
    return result;
}

enum vt_err
vt_tree_remove(const char *path, struct vt_why *why)
{
    struct removal rm = {0};
    struct stat st;
    int fd;

    if (lstat(path, &st) != 0 && errno == ENOENT)
        return VT_OK;
    rm.top = open_folder(AT_FDCWD, path);
    if (rm.top < 0)
        return vt_fail_errno(why, "%s: cannot open folder to remove it", path);
    fd = fcntl(rm.top, F_DUPFD_CLOEXEC, 3);
    if (fd < 0 || empty_folder(&rm, fd, 1) != 0 || rmdir(path) != 0) {
        enum vt_err err = vt_fail_errno(why, "%s: cannot remove what is in it", path);
        (void)close(rm.top);
        return err;
    }
    (void)close(rm.top);
    return VT_OK;
}
