/* SPDX-License-Identifier: Apache-2.0 */
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A walk under way; `path` is where it is now, for messages. */
struct walker {
    const struct walk_limits *limits;
    const struct walk_ops *ops;
    void *ctx;
    char path[PATH_MAX];
};

static void visit(struct walker *w, int at, const char *name, unsigned depth, int flags);

static void
skip(struct walker *w, enum walk_skip why)
{
    w->ops->skipped(w->ctx, w->path, why);
}

/* Extends w->path by a name; the length before it in *ret_old. */
static int
path_push(struct walker *w, const char *name, size_t *ret_old)
{
    size_t n = strlen(w->path), len = strlen(name);

    *ret_old = n;
    if (n + len + 2 > sizeof(w->path))
        return -1;
    if (n > 0 && w->path[n - 1] != '/')
        w->path[n++] = '/';
    memcpy(w->path + n, name, len + 1);
    return 0;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names of the folder, sorted; -1 with errno. The caller frees them. */
static int
read_names(DIR *d, char ***ret, size_t *ret_count)
{
    char **names = NULL;
    size_t count = 0, room = 0;
    struct dirent *e;

    while (errno = 0, (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (count == room) {
            size_t more = room == 0 ? 64 : room * 2;
            char **grown = reallocarray(names, more, sizeof(*names));
            if (grown == NULL)
                break;
            names = grown;
            room = more;
        }
        names[count] = strdup(e->d_name);
        if (names[count] == NULL)
            break;
        count++;
    }
    if (count > 0)
        qsort(names, count, sizeof(*names), by_name);
    *ret = names;
    *ret_count = count;
    return errno == 0 ? 0 : -1;
}

static void
visit_folder(struct walker *w, int fd, unsigned depth)
{
    char **names = NULL;
    size_t count = 0, old = 0;
    DIR *d = fdopendir(fd);

    if (d == NULL) {
        skip(w, WALK_UNREADABLE);
        close(fd);
        return;
    }
    if (read_names(d, &names, &count) != 0)
        skip(w, WALK_UNREADABLE);
    for (size_t i = 0; i < count; i++) {
        if (path_push(w, names[i], &old) == 0)
            visit(w, fd, names[i], depth + 1, O_NOFOLLOW);
        else
            skip(w, WALK_TOO_DEEP);
        w->path[old] = '\0';
        free(names[i]);
    }
    free(names);
    closedir(d);
}

static void
visit_file(struct walker *w, int fd, const struct stat *st)
{
    if ((uint64_t)st->st_size > w->limits->size_max)
        skip(w, WALK_TOO_LARGE);
    else
        w->ops->file(w->ctx, w->path, fd, (uint64_t)st->st_size);
    close(fd);
}

/* Looks first, so that no device or pipe is opened; then opens and looks
 * again, since the name may mean something else by now. */
static void
visit(struct walker *w, int at, const char *name, unsigned depth, int flags)
{
    struct stat st;
    int fd;

    if (fstatat(at, name, &st, flags == O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0) != 0) {
        skip(w, WALK_UNREADABLE);
        return;
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return;
    if (S_ISDIR(st.st_mode) && depth > w->limits->depth_max) {
        skip(w, WALK_TOO_DEEP);
        return;
    }
    fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
    if (fd < 0) {
        skip(w, WALK_UNREADABLE);
        return;
    }
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        visit_folder(w, fd, depth);
    else if (S_ISREG(st.st_mode))
        visit_file(w, fd, &st);
    else
        close(fd);
}

void
walk(const char *path, const struct walk_limits *limits, const struct walk_ops *ops, void *ctx)
{
    struct walker w = {limits, ops, ctx, ""};

    if (strlen(path) >= sizeof(w.path)) {
        errno = ENAMETOOLONG;
        ops->skipped(ctx, path, WALK_UNREADABLE);
        return;
    }
    snprintf(w.path, sizeof(w.path), "%s", path);
    visit(&w, AT_FDCWD, path, 0, 0);
}
