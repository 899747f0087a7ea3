/* SPDX-License-Identifier: Apache-2.0 */
#include "update/treesum.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 64U

struct walk {
    struct vt_hasher *h;
    unsigned depth;
    char path[VT_PATH_MAX]; /* of the folder under way */
};

/* Each field with its length before it, so that no two trees have one text. */
static void
put(struct walk *w, char kind, const char *name, const void *data, size_t len)
{
    struct vt_buf b = VT_BUF(64);
    vt_buf_putf(&b, "%c %zu %zu\n", kind, strlen(name), len);
    vt_hasher_put(w->h, b.data, b.len);
    vt_hasher_put(w->h, name, strlen(name));
    vt_hasher_put(w->h, data, len);
    vt_buf_release(&b);
}

static enum vt_err put_folder(struct walk *w, struct vt_why *why);

static enum vt_err
put_link(struct walk *w, const char *name, const char *path, struct vt_why *why)
{
    char target[VT_PATH_MAX];
    ssize_t n = readlink(path, target, sizeof target);
    if (n < 0)
        return vt_fail_errno(why, "%s", path);
    put(w, 'l', name, target, (size_t)n);
    return VT_OK;
}

static enum vt_err
put_file(struct walk *w, const char *name, const char *path, mode_t mode, struct vt_why *why)
{
    struct vt_digest d;
    enum vt_err err = vt_digest_of_file(path, &d, NULL, why);
    if (err == VT_OK)
        put(w, (mode & S_IXUSR) != 0 ? 'x' : 'f', name, d.b, sizeof d.b);
    return err;
}

static enum vt_err
put_sub(struct walk *w, const char *name, struct vt_why *why)
{
    size_t len = strlen(w->path);
    if (++w->depth > DEPTH_MAX)
        return vt_fail(why, VT_E_LIMIT, "%s: over %u folders deep", w->path, DEPTH_MAX);
    put(w, 'd', name, "", 0);
    (void)snprintf(w->path + len, sizeof w->path - len, "/%s", name); /* put_one saw it fit */
    enum vt_err err = put_folder(w, why);
    w->path[len] = '\0';
    put(w, 'e', "", "", 0);
    w->depth--;
    return err;
}

static enum vt_err
put_one(void *ctx, const char *name, struct vt_why *why)
{
    struct walk *w = ctx;
    char path[VT_PATH_MAX];
    struct stat st;
    enum vt_err err = vt_path(path, why, "%s/%s", w->path, name);
    if (err != VT_OK)
        return err;
    if (lstat(path, &st) != 0)
        return vt_fail_errno(why, "%s", path);
    if (S_ISDIR(st.st_mode))
        return put_sub(w, name, why);
    if (S_ISLNK(st.st_mode))
        return put_link(w, name, path, why);
    if (S_ISREG(st.st_mode))
        return put_file(w, name, path, st.st_mode, why);
    return vt_fail(why, VT_E_REFUSED, "%s: neither a folder, a file nor a link", path);
}

static enum vt_err
put_folder(struct walk *w, struct vt_why *why)
{
    return vt_dir_each(w->path, put_one, w, why);
}

enum vt_err
vt_treesum(const char *dir, struct vt_digest *ret, struct vt_why *why)
{
    struct walk w = {0};
    enum vt_err err = vt_path(w.path, why, "%s", dir);
    if (err == VT_OK)
        err = vt_hasher_new(&w.h, why);
    if (err == VT_OK)
        err = put_folder(&w, why);
    if (err == VT_OK)
        vt_hasher_end(w.h, ret);
    vt_hasher_free(w.h);
    return err;
}
