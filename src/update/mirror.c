/* SPDX-License-Identifier: Apache-2.0 */
#include "update/mirror.h"

#include "base/file.h"
#include "http/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (64U * 1024U)

struct web {
    struct vt_http *http;
    char base[];
};

static enum vt_err
web_get(void *ctx, const char *path, struct vt_buf *b, struct vt_why *why)
{
    struct web *w = ctx;
    return vt_http_get(w->http, w->base, path, b, why);
}

static enum vt_err
web_get_fd(void *ctx, const char *path, int fd, uint64_t len_max,
    void (*tick)(void *tick_ctx, uint64_t done), void *tick_ctx, struct vt_digest *ret,
    uint64_t *ret_len, struct vt_why *why)
{
    struct web *w = ctx;
    return vt_http_get_fd(
        w->http, w->base, path, fd, len_max, tick, tick_ctx, ret, ret_len, why);
}

static void
web_close(void *ctx)
{
    struct web *w = ctx;
    vt_http_free(w->http);
    free(w);
}

static enum vt_err
open_web(const char *url, struct vt_mirror *ret, struct vt_why *why)
{
    static const struct vt_http_limits limits = {.retries = 2};
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    struct web *w = calloc(1, sizeof *w + len + 1);
    if (w == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for %s", url);
    (void)snprintf(w->base, len + 1, "%s", url);
    enum vt_err err = vt_http_new(&limits, &w->http, why);
    if (err != VT_OK) {
        free(w);
        return err;
    }
    *ret = (struct vt_mirror){web_get, web_get_fd, web_close, w};
    return VT_OK;
}

/* Opens folder/path for reading; only a regular file counts. */
static enum vt_err
folder_file(const char *folder, const char *path, int *ret_fd, struct vt_why *why)
{
    char full[VT_PATH_MAX];
    struct stat st;
    if (!vt_path_is_safe(path))
        return vt_fail(why, VT_E_USAGE, "%s: not a path below %s", path, folder);
    enum vt_err err = vt_path(full, why, "%s/%s", folder, path);
    if (err != VT_OK)
        return err;
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return vt_fail_errno(why, "%s", full);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);
        return vt_fail(why, VT_E_IO, "%s: not a regular file", full);
    }
    *ret_fd = fd;
    return VT_OK;
}

static enum vt_err
folder_get(void *ctx, const char *path, struct vt_buf *b, struct vt_why *why)
{
    int fd = -1;
    size_t n = 0;
    enum vt_err err = folder_file(ctx, path, &fd, why);
    if (err != VT_OK)
        return err;
    do {
        size_t room = b->max - b->len < CHUNK ? b->max - b->len + 1 : CHUNK;
        uint8_t chunk[CHUNK];
        err = vt_fd_read(fd, chunk, room, &n, why);
        if (err == VT_OK) {
            vt_buf_put(b, chunk, n);
            err = vt_buf_check(b, path, why);
        }
    } while (err == VT_OK && n > 0);
    (void)close(fd);
    return err;
}

static enum vt_err
copy_fd(int from, int to, uint64_t len_max, struct vt_hasher *h,
    void (*tick)(void *tick_ctx, uint64_t done), void *tick_ctx, uint64_t *ret_len,
    struct vt_why *why)
{
    uint8_t chunk[CHUNK];
    size_t n = 0;
    uint64_t len = 0;
    do {
        enum vt_err err = vt_fd_read(from, chunk, sizeof chunk, &n, why);
        if (err != VT_OK)
            return err;
        if (n > len_max - len)
            return vt_fail(
                why, VT_E_LIMIT, "more than %llu bytes", (unsigned long long)len_max);
        err = vt_fd_write(to, chunk, n, why);
        if (err != VT_OK)
            return err;
        vt_hasher_put(h, chunk, n);
        len += n;
        if (tick != NULL)
            tick(tick_ctx, len);
    } while (n > 0);
    *ret_len = len;
    return VT_OK;
}

static enum vt_err
folder_get_fd(void *ctx, const char *path, int fd, uint64_t len_max,
    void (*tick)(void *tick_ctx, uint64_t done), void *tick_ctx, struct vt_digest *ret,
    uint64_t *ret_len, struct vt_why *why)
{
    int from = -1;
    struct vt_hasher *h = NULL;
    enum vt_err err = vt_hasher_new(&h, why);
    if (err == VT_OK)
        err = folder_file(ctx, path, &from, why);
    if (err == VT_OK)
        err = copy_fd(from, fd, len_max, h, tick, tick_ctx, ret_len, why);
    if (err == VT_OK)
        vt_hasher_end(h, ret);
    if (from >= 0)
        (void)close(from);
    vt_hasher_free(h);
    return err;
}

static enum vt_err
open_folder(const char *dir, struct vt_mirror *ret, struct vt_why *why)
{
    struct stat st;
    if (stat(dir, &st) != 0)
        return vt_fail_errno(why, "%s", dir);
    if (!S_ISDIR(st.st_mode))
        return vt_fail(why, VT_E_USAGE,
            "%s: neither a folder nor an address that begins with http:// or https://", dir);
    char *copy = strdup(dir);
    if (copy == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for %s", dir);
    *ret = (struct vt_mirror){folder_get, folder_get_fd, free, copy};
    return VT_OK;
}

enum vt_err
vt_mirror_open(const char *where, struct vt_mirror *ret, struct vt_why *why)
{
    if (strncmp(where, "http://", 7) == 0 || strncmp(where, "https://", 8) == 0)
        return open_web(where, ret, why);
    return open_folder(where, ret, why);
}

void
vt_mirror_close(struct vt_mirror *f)
{
    if (f->close != NULL)
        f->close(f->ctx);
    *f = (struct vt_mirror){0};
}
