/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/gitpack.h"

#include "base/file.h"
#include "store/folder.h"

#include <fcntl.h>
#include <git2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 128U
#define CHUNK (256U * 1024U)

struct import {
    git_repository *repo;
    struct vt_pack_limits limits;
    uint64_t bytes;
    uint64_t count;
    uint8_t *chunk;
};

static enum vt_err import_dir(struct import *m, int dir, const char *name, unsigned depth,
    git_oid *ret, bool *ret_empty, struct vt_why *why);

static enum vt_err
account(struct import *m, const char *name, uint64_t size, struct vt_why *why)
{
    if (size > m->limits.file_max)
        return vt_fail(why, VT_E_LIMIT, "%s has %llu bytes, more than the %llu for one file",
            name, (unsigned long long)size, (unsigned long long)m->limits.file_max);
    if (size > m->limits.size_max - m->bytes)
        return vt_fail(why, VT_E_LIMIT, "the folder has more than %llu bytes",
            (unsigned long long)m->limits.size_max);
    m->bytes += size;
    return VT_OK;
}

/* Streams exactly size bytes of fd into a blob. */
static enum vt_err
write_blob(
    struct import *m, int fd, const char *name, uint64_t size, git_oid *ret, struct vt_why *why)
{
    git_writestream *out = NULL;
    uint64_t left = size;
    size_t got = 0;
    enum vt_err err = VT_OK;
    int r = git_blob_create_from_stream(&out, m->repo, NULL);

    if (r != 0)
        return vt_gitpack_fail(why, r, "cannot write %s to the repository", name);
    while (err == VT_OK && left > 0) {
        size_t want = left < CHUNK ? (size_t)left : CHUNK;

        if ((err = vt_fd_read(fd, m->chunk, want, &got, why)) != VT_OK)
            break;
        if (got < want)
            err = vt_fail(why, VT_E_STATE, "%s became shorter while it was read", name);
        else if ((r = out->write(out, (const char *)m->chunk, got)) != 0)
            err = vt_gitpack_fail(why, r, "cannot write %s to the repository", name);
        left -= got;
    }
    if (err != VT_OK) {
        out->free(out);
        return err;
    }
    r = git_blob_create_from_stream_commit(ret, out);
    if (r != 0)
        return vt_gitpack_fail(why, r, "cannot write %s to the repository", name);
    return VT_OK;
}

static enum vt_err
import_file(struct import *m, int dir, const char *base, const char *name, git_oid *ret,
    git_filemode_t *ret_mode, struct vt_why *why)
{
    struct stat st;
    enum vt_err err;
    int fd = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return vt_fail_errno(why, "cannot open %s", name);
    if (fstat(fd, &st) != 0)
        err = vt_fail_errno(why, "cannot look at %s", name);
    else if (!S_ISREG(st.st_mode))
        err = vt_fail(why, VT_E_STATE, "%s changed while it was read", name);
    else if ((err = account(m, name, (uint64_t)st.st_size, why)) == VT_OK &&
             (err = write_blob(m, fd, name, (uint64_t)st.st_size, ret, why)) == VT_OK)
        *ret_mode =
            (st.st_mode & S_IXUSR) != 0 ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB;
    close(fd);
    return err;
}

static enum vt_err
import_link(struct import *m, int dir, const char *base, const char *name, git_oid *ret,
    struct vt_why *why)
{
    char target[VT_PATH_MAX];
    ssize_t len = readlinkat(dir, base, target, sizeof target);
    int r;

    if (len < 0 || (size_t)len >= sizeof target)
        return vt_fail_errno(why, "cannot read the link %s", name);
    r = git_blob_create_from_buffer(ret, m->repo, target, (size_t)len);
    if (r != 0)
        return vt_gitpack_fail(why, r, "cannot write %s to the repository", name);
    return VT_OK;
}

static enum vt_err
import_folder(struct import *m, int dir, const char *base, const char *name, unsigned depth,
    git_oid *ret, bool *ret_empty, struct vt_why *why)
{
    enum vt_err err;
    int fd = openat(dir, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return vt_fail_errno(why, "cannot open the folder %s", name);
    err = import_dir(m, fd, name, depth + 1, ret, ret_empty, why);
    close(fd);
    return err;
}

/* Writes one name's object. *ret_mode 0: left out. */
static enum vt_err
import_one(struct import *m, int dir, const char *base, const char *name, unsigned depth,
    git_oid *ret, git_filemode_t *ret_mode, struct vt_why *why)
{
    struct stat st;
    bool empty = false;
    enum vt_err err;

    *ret_mode = 0;
    if (!vt_path_is_safe(name))
        return vt_fail(why, VT_E_REFUSED,
            "\"%s\" cannot be in a snapshot: rename it (no control characters, backslashes, "
            "bytes that are not UTF-8, or more than 1,024 bytes)",
            name);
    if (++m->count > m->limits.count_max)
        return vt_fail(why, VT_E_LIMIT, "the folder has more than %llu files and folders",
            (unsigned long long)m->limits.count_max);
    if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return vt_fail_errno(why, "cannot look at %s", name);
    if (S_ISREG(st.st_mode))
        return import_file(m, dir, base, name, ret, ret_mode, why);
    if (S_ISLNK(st.st_mode)) {
        *ret_mode = GIT_FILEMODE_LINK;
        return import_link(m, dir, base, name, ret, why);
    }
    if (!S_ISDIR(st.st_mode))
        return vt_fail(why, VT_E_REFUSED,
            "%s is a device, pipe or socket, which a snapshot does not take", name);
    err = import_folder(m, dir, base, name, depth, ret, &empty, why);
    if (err == VT_OK && !empty)
        *ret_mode = GIT_FILEMODE_TREE;
    return err;
}

static enum vt_err
import_names(struct import *m, int dir, const char *name, unsigned depth,
    const struct vt_folder *names, git_treebuilder *tree, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    git_filemode_t mode;
    git_oid id;
    size_t i;
    enum vt_err err;
    int r;

    for (i = 0; i < names->count; i++) {
        if (strcmp(names->name[i], ".git") == 0)
            continue;
        if ((err = vt_path(path, why, "%s%s%s", name, name[0] == '\0' ? "" : "/",
                 names->name[i])) != VT_OK ||
            (err = import_one(m, dir, names->name[i], path, depth, &id, &mode, why)) != VT_OK)
            return err;
        if (mode == 0)
            continue;
        r = git_treebuilder_insert(NULL, tree, names->name[i], &id, mode);
        if (r != 0)
            return vt_gitpack_fail(why, r, "git does not take the name %s", path);
    }
    return VT_OK;
}

/* Writes an open folder's tree; *ret_empty: there is none, as nothing is in it. */
static enum vt_err
import_dir(struct import *m, int dir, const char *name, unsigned depth, git_oid *ret,
    bool *ret_empty, struct vt_why *why)
{
    struct vt_folder names = {0};
    git_treebuilder *tree = NULL;
    enum vt_err err;
    int r;

    if (depth > DEPTH_MAX)
        return vt_fail(why, VT_E_LIMIT, "%s is more than %u folders deep", name, DEPTH_MAX);
    if ((err = vt_folder_read(&names, dir, name, why)) != VT_OK)
        return err;
    r = git_treebuilder_new(&tree, m->repo, NULL);
    if (r != 0)
        err = vt_gitpack_fail(why, r, "cannot write a git tree");
    else if ((err = import_names(m, dir, name, depth, &names, tree, why)) == VT_OK) {
        *ret_empty = git_treebuilder_entrycount(tree) == 0;
        r = git_treebuilder_write(ret, tree);
        if (r != 0)
            err = vt_gitpack_fail(why, r, "cannot write a git tree");
    }
    git_treebuilder_free(tree);
    vt_folder_release(&names);
    return err;
}

enum vt_err
vt_gitpack_import(git_repository *repo, const char *dir, const struct vt_pack_limits *limits,
    git_oid *ret, struct vt_why *why)
{
    struct import m = {.repo = repo};
    bool empty = false;
    git_oid id;
    enum vt_err err;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return vt_fail_errno(why, "cannot open the folder %s", dir);
    vt_pack_limits_fill(&m.limits, limits);
    m.chunk = malloc(CHUNK);
    if (m.chunk == NULL)
        err = vt_fail(why, VT_E_NOMEM, "no memory to read %s", dir);
    else
        err = import_dir(&m, fd, "", 0, &id, &empty, why);
    free(m.chunk);
    close(fd);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s", dir);
    if (empty)
        return vt_fail(why, VT_E_NOENT, "the folder %s holds no files", dir);
    git_oid_cpy(ret, &id);
    return VT_OK;
}
