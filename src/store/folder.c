/* SPDX-License-Identifier: Apache-2.0 */
#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMES_MAX 1000000U

void
vt_folder_release(struct vt_folder *n)
{
    size_t i;

    for (i = 0; i < n->count; i++)
        free(n->name[i]);
    free(n->name);
    *n = (struct vt_folder){0};
}

static int
name_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum vt_err
add(struct vt_folder *n, size_t *cap, const char *name, struct vt_why *why)
{
    if (n->count == NAMES_MAX)
        return vt_fail(why, VT_E_LIMIT, "more than %u names in one folder", NAMES_MAX);
    if (n->count == *cap) {
        size_t more = *cap == 0 ? 32 : *cap * 2;
        char **grown = reallocarray(n->name, more, sizeof *grown);

        if (grown == NULL)
            return vt_fail(why, VT_E_NOMEM, "no memory for a folder's names");
        n->name = grown;
        *cap = more;
    }
    n->name[n->count] = strdup(name);
    if (n->name[n->count] == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a folder's names");
    n->count++;
    return VT_OK;
}

static enum vt_err
read_all(struct vt_folder *n, DIR *d, const char *what, struct vt_why *why)
{
    size_t cap = 0;
    const struct dirent *e;
    enum vt_err err;

    for (;;) {
        errno = 0;
        e = readdir(d);
        if (e == NULL)
            break;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if ((err = add(n, &cap, e->d_name, why)) != VT_OK)
            return vt_fail_in(why, err, "%s", what);
    }
    return errno == 0 ? VT_OK : vt_fail_errno(why, "cannot read the folder %s", what);
}

enum vt_err
vt_folder_read(struct vt_folder *ret, int dir, const char *what, struct vt_why *why)
{
    struct vt_folder n = {0};
    enum vt_err err;
    DIR *d;
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return vt_fail_errno(why, "cannot open the folder %s", what);
    d = fdopendir(fd);
    if (d == NULL) {
        close(fd);
        return vt_fail_errno(why, "cannot read the folder %s", what);
    }
    err = read_all(&n, d, what, why);
    (void)closedir(d);
    if (err != VT_OK) {
        vt_folder_release(&n);
        return err;
    }
    if (n.count > 0)
        qsort(n.name, n.count, sizeof *n.name, name_cmp);
    *ret = n;
    return VT_OK;
}
