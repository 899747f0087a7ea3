/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers from folders of public files. A file is opened part by part from its
 * folder's descriptor, never through a symbolic link, so no path and no race
 * leads out of the folder; only regular files are sent.
 */
#include "http/serving.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool
has_hidden_part(const char *path)
{
    return strstr(path, "/.") != NULL;
}

bool
vt_http_path_decode(const char *raw, char ret[VT_HTTP_PATH_MAX])
{
    size_t n = 0;

    if (raw[0] != '/')
        return false;
    for (const char *p = raw; *p != '\0'; p++) {
        int c = (unsigned char)*p;

        if (c == '%') {
            int hi = hex_value(p[1]);
            int lo = hi < 0 ? -1 : hex_value(p[2]);

            c = lo < 0 ? 0 : hi * 16 + lo;
            if (c == 0 || c == '/')
                return false;
            p += 2;
        }
        if (n + 1 >= VT_HTTP_PATH_MAX)
            return false;
        ret[n++] = (char)c;
    }
    ret[n] = '\0';
    return n == 1 || (vt_path_is_safe(ret + 1) && !has_hidden_part(ret));
}

int
vt_http_open_below(const char *dir, const char *rel)
{
    char part[256];
    struct stat st;
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    while (fd >= 0 && *rel != '\0') {
        size_t len = strcspn(rel, "/");
        bool last = rel[len] == '\0';
        int next = -1;

        if (len > 0 && len < sizeof(part)) {
            memcpy(part, rel, len);
            part[len] = '\0';
            next = openat(fd, part,
                O_NOFOLLOW | O_CLOEXEC | (last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY));
        }
        close(fd);
        fd = next;
        rel += last ? len : len + 1;
        if (last && fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
            close(fd);
            fd = -1;
        }
    }
    return fd;
}

/* The folder that the path belongs to, and what is left of the path. */
static const struct vt_http_folder *
find_folder(const struct vt_http_folder *folders, const char *path, const char **ret_rel)
{
    for (; folders != NULL && folders->prefix != NULL; folders++) {
        size_t len = strlen(folders->prefix);

        if (folders->prefix[len - 1] != '/') {
            if (strcmp(path, folders->prefix) == 0) {
                *ret_rel = NULL;
                return folders;
            }
        } else if (strncmp(path, folders->prefix, len) == 0 && path[len] != '\0') {
            *ret_rel = path + len;
            return folders;
        }
    }
    return NULL;
}

bool
vt_http_has_folder(const struct vt_http_exchange *x)
{
    const char *rel;

    return find_folder(x->conn->server->opts->folders, x->path, &rel) != NULL;
}

static int
open_single(const char *file)
{
    struct stat st;
    int fd = open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* "bytes=A-" or "bytes=A-B". Any other form is ignored, as HTTP permits. */
static bool
parse_range(const char *s, uint64_t *ret_first, uint64_t *ret_last)
{
    struct vt_reader r = VT_READER(s, strlen(s));
    struct vt_reader a;

    if (!vt_reader_skip(&r, "bytes=") || memchr(r.p, '-', r.left) == NULL ||
        !vt_reader_word(&r, '-', &a) || !vt_reader_decimal(&a, INT64_MAX, ret_first))
        return false;
    *ret_last = INT64_MAX;
    return r.left == 0 ||
           (vt_reader_decimal(&r, INT64_MAX, ret_last) && *ret_last >= *ret_first);
}

static enum MHD_Result
send_fd(struct vt_http_exchange *x, const struct vt_http_folder *f, int fd, uint64_t size)
{
    const char *range =
        MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_RANGE);
    uint64_t first = 0;
    uint64_t last = size - 1;
    unsigned status = MHD_HTTP_OK;
    char text[96];
    struct MHD_Response *response;

    if (range != NULL && size > 0 && parse_range(range, &first, &last)) {
        if (first >= size) {
            close(fd);
            return vt_http_send_error(x, 416, "the file is shorter than that");
        }
        if (last >= size)
            last = size - 1;
        status = MHD_HTTP_PARTIAL_CONTENT;
    } else {
        first = 0;
        last = size - 1; /* wraps for an empty file, and back below */
    }
    response = MHD_create_response_from_fd_at_offset64(last - first + 1, fd, first);
    if (response == NULL) {
        close(fd);
        return MHD_NO;
    }
    (void)snprintf(text, sizeof(text), "bytes %llu-%llu/%llu", (unsigned long long)first,
        (unsigned long long)last, (unsigned long long)size);
    if (status == MHD_HTTP_PARTIAL_CONTENT &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, text) != MHD_YES) {
        MHD_destroy_response(response);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
    return vt_http_queue(
        x, status, response, f->content_type, f->cache, "default-src 'none'", last - first + 1);
}

enum MHD_Result
vt_http_send_file(struct vt_http_exchange *x)
{
    const char *rel = NULL;
    const struct vt_http_folder *f = find_folder(x->conn->server->opts->folders, x->path, &rel);
    struct stat st;
    int fd;

    if (f == NULL)
        return vt_http_send_error(x, 404, "there is nothing here");
    fd = rel == NULL ? open_single(f->dir) : vt_http_open_below(f->dir, rel);
    if (fd < 0 || fstat(fd, &st) != 0) {
        if (fd >= 0)
            close(fd);
        return vt_http_send_error(x, 404, "there is no such file");
    }
    return send_fd(x, f, fd, (uint64_t)st.st_size);
}
