/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MAX 1000000U

/* Makes one folder whose parent is there; sets *ret_new when it was not. */
static enum vt_err
make_one(const char *path, mode_t mode, bool *ret_new, struct vt_why *why)
{
    struct stat st;

    if (mkdir(path, mode) == 0) {
        *ret_new = true;
        return VT_OK;
    }
    if (errno != EEXIST)
        return vt_fail_errno(why, "%s: cannot make folder", path);
    if (stat(path, &st) != 0)
        return vt_fail_errno(why, "%s: cannot use as a folder", path);
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return vt_fail_errno(why, "%s: cannot use as a folder", path);
    }
    *ret_new = false;
    return VT_OK;
}

/* Makes the folder that `path` names up to `end`, then syncs its parent. */
static enum vt_err
make_prefix(char *path, char *end, mode_t mode, struct vt_why *why)
{
    char kept = *end;
    bool fresh = false;
    enum vt_err err;
    char *slash;

    *end = '\0';
    err = make_one(path, mode, &fresh, why);
    if (err == VT_OK && fresh) {
        slash = strrchr(path, '/');
        if (slash == NULL) {
            err = vt_dir_sync(".", why);
        } else if (slash == path) {
            err = vt_dir_sync("/", why);
        } else {
            *slash = '\0';
            err = vt_dir_sync(path, why);
            *slash = '/';
        }
    }
    *end = kept;
    return err;
}

enum vt_err
vt_dir_make(const char *path, mode_t mode, struct vt_why *why)
{
    char p[VT_PATH_MAX];
    enum vt_err err = vt_path(p, why, "%s", path);
    size_t len;

    if (err != VT_OK)
        return err;
    len = strlen(p);
    while (len > 1 && p[len - 1] == '/')
        p[--len] = '\0';
    if (len == 0)
        return vt_fail(why, VT_E_USAGE, "the name of a folder is empty");
    for (size_t i = 1; i < len; i++) {
        if (p[i] != '/' || p[i - 1] == '/')
            continue;
        err = make_prefix(p, p + i, mode, why);
        if (err != VT_OK)
            return err;
    }
    return make_prefix(p, p + len, mode, why);
}

struct names {
    char **v;
    size_t count;
    size_t cap;
};

static void
names_release(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->v[i]);
    free(n->v);
}

static enum vt_err
names_add(struct names *n, const char *name, struct vt_why *why)
{
    if (n->count == NAMES_MAX)
        return vt_fail(why, VT_E_LIMIT, "more than %u names in one folder", NAMES_MAX);
    if (n->count == n->cap) {
        size_t cap = n->cap == 0 ? 64 : 2 * n->cap;
        char **v = reallocarray(n->v, cap, sizeof *v);
        if (v == NULL)
            return vt_fail(why, VT_E_NOMEM, "out of memory");
        n->v = v;
        n->cap = cap;
    }
    n->v[n->count] = strdup(name);
    if (n->v[n->count] == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    n->count++;
    return VT_OK;
}

static bool
is_skipped(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strncmp(name, ".tmp-", 5) == 0;
}

static enum vt_err
names_read(struct names *n, const char *path, struct vt_why *why)
{
    DIR *d = opendir(path);
    enum vt_err err = VT_OK;

    if (d == NULL)
        return vt_fail_errno(why, "%s: cannot open folder", path);
    while (err == VT_OK) {
        const struct dirent *e;
        errno = 0;
        e = readdir(d);
        if (e == NULL && errno != 0)
            err = vt_fail_errno(why, "%s: cannot read folder", path);
        if (e == NULL)
            break;
        if (is_skipped(e->d_name))
            continue;
        err = names_add(n, e->d_name, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", path);
    }
    (void)closedir(d);
    return err;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum vt_err
vt_dir_each(const char *path,
    enum vt_err (*fn)(void *ctx, const char *name, struct vt_why *why), void *ctx,
    struct vt_why *why)
{
    struct names n = {0};
    enum vt_err err = names_read(&n, path, why);

    if (n.count > 1)
        qsort(n.v, n.count, sizeof *n.v, by_name);
    for (size_t i = 0; err == VT_OK && i < n.count; i++)
        err = fn(ctx, n.v[i], why);
    names_release(&n);
    return err;
}

enum vt_err
vt_dir_count(const char *path, size_t *ret, struct vt_why *why)
{
    struct names n = {0};
    enum vt_err err = vt_file_exists(path) ? names_read(&n, path, why) : VT_OK;

    if (err == VT_OK)
        *ret = n.count;
    names_release(&n);
    return err;
}

enum vt_err
vt_dir_temp(const char *parent, const char *prefix, char ret[VT_PATH_MAX], struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/%s-XXXXXX", parent, prefix);

    if (err != VT_OK)
        return err;
    if (mkdtemp(path) == NULL)
        return vt_fail_errno(why, "%s: cannot make a temporary folder in it", parent);
    memcpy(ret, path, sizeof path);
    return VT_OK;
}
