/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers from folders of public files: which file a path is, in which coding
 * it is sent, and whether it is kept in memory from then on.
 */
#include "http/serving.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file that a path leads to, as it will be sent. */
struct found {
    const struct vt_http_folder *folder;
    const char *rel;      /* below the folder; NULL: the folder is the file */
    const char *encoding; /* of the file that was opened; NULL: as it is */
    int fd;
    struct stat st;
    char etag[64];
};

static const struct {
    const char *ending;
    const char *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".wasm", "application/wasm"},
    {".txt", "text/plain; charset=utf-8"},
};

static const char *
type_of(const struct vt_http_folder *f, const char *rel)
{
    const char *name = rel != NULL && !f->one ? rel : f->dir;
    const char *dot = strrchr(name, '.');

    if (f->content_type != NULL)
        return f->content_type;
    for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(dot, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

/* Whether the path is in the folder, and what is left of it. */
static bool
is_in_folder(const struct vt_http_folder *f, const char *path, const char **ret_rel)
{
    size_t len = strlen(f->prefix);

    *ret_rel = NULL;
    if (f->prefix[len - 1] != '/' || (len == 1 && f->one))
        return strcmp(path, f->prefix) == 0;
    if (strncmp(path, f->prefix, len) != 0 || path[len] == '\0')
        return false;
    *ret_rel = path + len;
    return true;
}

static const struct vt_http_folder *
find_folder(const struct vt_http_folder *folders, const char *path, const char **ret_rel)
{
    for (; folders != NULL && folders->prefix != NULL; folders++)
        if (is_in_folder(folders, path, ret_rel))
            return folders;
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

/* Opens the file, or its neighbour with that ending. */
static bool
open_with(struct found *f, const char *ending)
{
    char path[VT_PATH_MAX];
    bool single = f->rel == NULL || f->folder->one;

    if (vt_path(path, NULL, "%s%s", single ? f->folder->dir : f->rel, ending) != VT_OK)
        return false;
    f->fd = single ? open_single(path) : vt_http_open_below(f->folder->dir, path);
    if (f->fd < 0)
        return false;
    if (fstat(f->fd, &f->st) == 0)
        return true;
    close(f->fd);
    return false;
}

/* The codings of which there may be a neighbour, the better first. */
static const struct {
    const char *coding;
    const char *ending;
} codings[] = {{"br", ".br"}, {"gzip", ".gz"}};
#define CODINGS (sizeof(codings) / sizeof(codings[0]))

/* Which of them the client takes, a bit for each. */
static unsigned
accepted(const struct vt_http_exchange *x, const struct vt_http_folder *f)
{
    unsigned mask = 0;

    for (size_t i = 0; f->precompressed && i < CODINGS; i++)
        if (vt_http_accepts(x, codings[i].coding))
            mask |= 1U << i;
    return mask;
}

static bool
open_found(struct found *f, unsigned mask)
{
    for (size_t i = 0; i < CODINGS; i++) {
        if ((mask & (1U << i)) == 0 || !open_with(f, codings[i].ending))
            continue;
        f->encoding = codings[i].coding;
        return true;
    }
    return open_with(f, "");
}

/* What is said of a file beside its bytes. */
static void
describe(struct found *f, struct vt_http_response *rs)
{
    const struct vt_http_folder *folder = f->folder;

    vt_http_response_init(rs);
    rs->content_type = type_of(folder, f->rel);
    rs->cache = folder->cache;
    rs->csp = folder->csp != NULL ? folder->csp : VT_HTTP_CSP_NONE;
    rs->encoding = f->encoding;
    rs->vary = folder->precompressed ? "Accept-Encoding" : NULL;
    rs->for_all = folder->for_all;
    if (!folder->etag)
        return;
    (void)snprintf(f->etag, sizeof(f->etag), "\"%llx-%llx-%llx%s%s\"",
        (unsigned long long)f->st.st_ino, (unsigned long long)f->st.st_size,
        (unsigned long long)f->st.st_mtim.tv_sec * 1000000000ULL +
            (unsigned long long)f->st.st_mtim.tv_nsec,
        f->encoding != NULL ? "-" : "", f->encoding != NULL ? f->encoding : "");
    rs->etag = f->etag;
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

/* The part of the file that is asked for. false: it is beyond the end. */
static bool
choose_range(const struct vt_http_exchange *x, uint64_t size, uint64_t *ret_first,
    uint64_t *ret_len, bool *ret_part)
{
    uint64_t first = 0;
    uint64_t last = 0;

    *ret_first = 0;
    *ret_len = size;
    *ret_part =
        size > 0 && parse_range(vt_http_header(x, MHD_HTTP_HEADER_RANGE), &first, &last);
    if (!*ret_part)
        return true;
    if (first >= size)
        return false;
    *ret_first = first;
    *ret_len = (last >= size ? size - 1 : last) - first + 1;
    return true;
}

/* Sends from the descriptor, which is given up. */
static enum MHD_Result
send_fd(struct vt_http_exchange *x, const struct found *f, const struct vt_http_response *rs)
{
    uint64_t size = (uint64_t)f->st.st_size;
    uint64_t first;
    uint64_t len;
    bool part;
    char text[96];
    struct MHD_Response *response;
    enum MHD_Result ok;

    if (!choose_range(x, size, &first, &len, &part)) {
        close(f->fd);
        return vt_http_send_error(x, 416, "the file is shorter than that");
    }
    response = MHD_create_response_from_fd_at_offset64(len, f->fd, first);
    if (response == NULL) {
        close(f->fd);
        return MHD_NO;
    }
    ok = vt_http_add_headers(response, rs);
    (void)snprintf(text, sizeof(text), "bytes %llu-%llu/%llu", (unsigned long long)first,
        (unsigned long long)(first + len - 1), (unsigned long long)size);
    if (ok == MHD_YES && part)
        ok = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, text);
    if (ok == MHD_YES)
        ok = MHD_add_response_header(response, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
    if (ok != MHD_YES) {
        MHD_destroy_response(response);
        return MHD_NO;
    }
    return vt_http_queue(
        x, part ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, response, len, false);
}

/* The whole file as a response of its own memory; NULL: send it in another way. */
static struct MHD_Response *
load(const struct found *f, const struct vt_http_response *rs)
{
    size_t size = (size_t)f->st.st_size;
    struct vt_buf b = VT_BUF(VT_HTTP_CACHE_FILE_MAX);
    uint8_t *p = vt_buf_reserve(&b, size);
    struct MHD_Response *response = NULL;
    size_t got = 0;

    if (p != NULL && lseek(f->fd, 0, SEEK_SET) == 0 &&
        vt_fd_read(f->fd, p, size, &got, NULL) == VT_OK && got == size)
        response = MHD_create_response_from_buffer(size, p, MHD_RESPMEM_MUST_COPY);
    vt_buf_release(&b);
    if (response == NULL)
        return NULL;
    if (vt_http_add_headers(response, rs) == MHD_YES &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes") == MHD_YES)
        return response;
    MHD_destroy_response(response);
    return NULL;
}

/* Sends a small file that never changes, and keeps the response. false: not in this way. */
static bool
send_and_keep(struct vt_http_exchange *x, const struct found *f, const char *key,
    const struct vt_http_response *rs, enum MHD_Result *ret)
{
    uint64_t len = (uint64_t)f->st.st_size;
    struct MHD_Response *response = len <= VT_HTTP_CACHE_FILE_MAX ? load(f, rs) : NULL;
    bool kept;

    if (response == NULL)
        return false;
    kept = vt_http_cache_put(x->conn->server->cache, key, response, len);
    *ret = vt_http_queue(x, MHD_HTTP_OK, response, len, kept);
    return true;
}

static enum MHD_Result
send_found(struct vt_http_exchange *x, struct found *f, unsigned mask, const char *key)
{
    struct vt_http_response rs;
    enum MHD_Result ok;

    if (!open_found(f, mask))
        return vt_http_send_error(x, 404, "there is no such file");
    describe(f, &rs);
    if (rs.etag != NULL && vt_http_client_has(x, &rs)) {
        close(f->fd);
        return vt_http_send(x, &rs);
    }
    if (key != NULL && send_and_keep(x, f, key, &rs, &ok)) {
        close(f->fd);
        return ok;
    }
    return send_fd(x, f, &rs);
}

enum MHD_Result
vt_http_send_file(struct vt_http_exchange *x)
{
    struct vt_http_server *s = x->conn->server;
    char key[VT_HTTP_PATH_MAX + 1];
    struct found f = {.fd = -1};
    struct MHD_Response *response;
    bool ranged = vt_http_header(x, MHD_HTTP_HEADER_RANGE)[0] != '\0';
    unsigned mask;
    uint64_t len;

    f.folder = find_folder(s->opts->folders, x->path, &f.rel);
    if (f.folder == NULL)
        return vt_http_send_error(x, 404, "there is nothing here");
    mask = ranged ? 0 : accepted(x, f.folder);
    if (!f.folder->keep || ranged || s->stopping)
        return send_found(x, &f, mask, NULL);
    key[0] = (char)('0' + mask);
    memcpy(key + 1, x->path, strlen(x->path) + 1);
    response = vt_http_cache_get(s->cache, key, &len);
    if (response != NULL)
        return vt_http_queue(x, MHD_HTTP_OK, response, len, true);
    return send_found(x, &f, mask, key);
}
