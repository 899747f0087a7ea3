/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server and client against each other, and the server against raw
 * sockets that do what a client of ours would not.
 */
#include "base/clock.h"
#include "base/file.h"
#include "http/client.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct site {
    char dir[VT_PATH_MAX];
    char folder[VT_PATH_MAX];
    char single[VT_PATH_MAX];
    char url[128];
    int listen_fd;
    int stop[2];
    int watch[2];
    pthread_t thread;
    struct vt_http_server_opts opts;
    struct vt_http_watch watched;
    struct vt_http_folder folders[3];
    struct vt_http_exchange *kept[8];
    size_t kept_count;
    enum vt_err result;
    int failures_left; /* of /flaky */
};

static void
on_echo(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    (void)ctx;
    rs->status = 200;
    vt_buf_putf(&rs->body, "%s %s %zu\n", rq->method, rq->path, rq->body_len);
    vt_buf_put(&rs->body, rq->body, rq->body_len);
}

static void
on_refuse(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    (void)ctx;
    (void)rq;
    rs->status = 422;
    rs->retry_after_s = 7;
    vt_buf_puts(&rs->body, "it is wrong\nand more\n");
}

static void
on_named(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    (void)ctx;
    vt_buf_putf(&rs->body, "[%s][%s]", rq->content_type, rq->content_encoding);
}

static void
on_flaky(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct site *s = ctx;

    (void)rq;
    if (s->failures_left > 0) {
        s->failures_left--;
        rs->status = 503;
        rs->retry_after_s = 1;
        vt_buf_puts(&rs->body, "not yet\n");
        return;
    }
    vt_buf_puts(&rs->body, "now\n");
}

/* Kept until a byte comes on the watched descriptor; "/later/now" is not. */
static bool
on_later(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct site *s = ctx;

    if (strcmp(rq->path, "/later/now") == 0) {
        rs->status = 403;
        vt_buf_puts(&rs->body, "at once\n");
        return false;
    }
    assert_true(s->kept_count < 8);
    s->kept[s->kept_count++] = x;
    return true;
}

static enum vt_err
on_watch(void *ctx, struct vt_why *why)
{
    struct site *s = ctx;
    char c;

    if (read(s->watch[0], &c, 1) != 1)
        return vt_fail(why, VT_E_IO, "the other side is gone");
    while (s->kept_count > 0)
        vt_http_answer(s->kept[--s->kept_count], 200, NULL, 0, "late\n", 5);
    return VT_OK;
}

static const struct vt_http_route routes[] = {
    {"GET", "/echo", 0, on_echo, NULL},
    {"POST", "/echo", 1000, on_echo, NULL},
    {"POST", "/named", 1000, on_named, NULL},
    {"POST", "/below/", 10, on_echo, NULL},
    {"GET", "/refuse", 0, on_refuse, NULL},
    {"POST", "/refuse", 10, on_refuse, NULL},
    {"GET", "/flaky", 0, on_flaky, NULL},
    {"POST", "/later", 10, NULL, on_later},
    {"POST", "/later/", 10, NULL, on_later},
    {NULL, NULL, 0, NULL, NULL},
};

static void *
serve(void *arg)
{
    struct site *s = arg;
    struct vt_why why = {0};

    s->result = vt_http_serve(s->listen_fd, s->stop[0], &s->opts, &why);
    return NULL;
}

static void
write_file(const char *dir, const char *name, const void *data, size_t len)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(path, NULL, "%s/%s", dir, name), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, data, len, NULL), VT_OK);
}

static int
start_with(void **state, unsigned timeout_s, unsigned connections_max, size_t bodies_max)
{
    struct site *s = calloc(1, sizeof(*s));
    char sub[VT_PATH_MAX];

    assert_non_null(s);
    assert_int_equal(vt_dir_temp("/tmp", "vt-http", s->dir, NULL), VT_OK);
    assert_int_equal(vt_path(s->folder, NULL, "%s/public", s->dir), VT_OK);
    assert_int_equal(vt_path(s->single, NULL, "%s/one.txt", s->dir), VT_OK);
    assert_int_equal(vt_path(sub, NULL, "%s/public/a/b", s->dir), VT_OK);
    assert_int_equal(vt_dir_make(sub, 0755, NULL), VT_OK);
    write_file(s->folder, "a/b/file.bin", "0123456789", 10);
    write_file(s->folder, "a/b/empty", "", 0);
    write_file(s->folder, ".hidden", "secret", 6);
    write_file(s->dir, "outside", "secret", 6);
    write_file(s->dir, "one.txt", "one\n", 4);
    assert_int_equal(pipe(s->stop), 0);
    assert_int_equal(pipe(s->watch), 0);
    s->folders[0] = (struct vt_http_folder){.prefix = "/files/",
        .dir = s->folder,
        .content_type = "application/octet-stream",
        .cache = "public, max-age=31536000, immutable"};
    s->folders[1] = (struct vt_http_folder){
        .prefix = "/one", .dir = s->single, .content_type = "text/plain", .cache = "no-cache"};
    s->opts = (struct vt_http_server_opts){.routes = routes,
        .folders = s->folders,
        .ctx = s,
        .timeout_s = timeout_s,
        .connections_max = connections_max,
        .bodies_max = bodies_max,
        .watches = &s->watched,
        .watch_count = 1};
    s->watched = (struct vt_http_watch){.fd = s->watch[0], .ready = on_watch, .ctx = s};
    assert_int_equal(vt_http_listen("127.0.0.1:0", &s->listen_fd, s->url, NULL), VT_OK);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    *state = s;
    return 0;
}

static int
start(void **state)
{
    return start_with(state, 5, 0, 0);
}

static int
start_impatient(void **state)
{
    return start_with(state, 1, 0, 0);
}

static int
start_narrow(void **state)
{
    return start_with(state, 5, 2, 0);
}

static int
start_tight(void **state)
{
    return start_with(state, 5, 0, 12);
}

static int
stop(void **state)
{
    struct site *s = *state;

    close(s->stop[1]);
    pthread_join(s->thread, NULL);
    close(s->stop[0]);
    close(s->watch[0]);
    if (s->watch[1] >= 0)
        close(s->watch[1]);
    close(s->listen_fd);
    assert_int_equal(vt_tree_remove(s->dir, NULL), VT_OK);
    free(s);
    return 0;
}

static struct vt_http *
client(unsigned retries)
{
    struct vt_http_limits limits = {.connect_ms = 2000, .total_ms = 10000, .retries = retries};
    struct vt_http *h = NULL;

    assert_int_equal(vt_http_new(&limits, &h, NULL), VT_OK);
    return h;
}

static int
open_raw(const struct site *s)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(strrchr(s->url, ':') + 1)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    return fd;
}

/* Sends raw bytes and reads until the server closes or 4 seconds pass. */
static size_t
raw(const struct site *s, const char *request, size_t len, char *ret, size_t size)
{
    struct timeval tv = {.tv_sec = 4};
    size_t have = 0;
    int fd = open_raw(s);

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    while (len > 0) {
        ssize_t n = send(fd, request, len, MSG_NOSIGNAL);

        if (n <= 0)
            break;
        request += n;
        len -= (size_t)n;
    }
    while (have + 1 < size) {
        ssize_t n = recv(fd, ret + have, size - 1 - have, 0);

        if (n <= 0)
            break;
        have += (size_t)n;
    }
    ret[have] = '\0';
    close(fd);
    return have;
}

static void
raw_get(const struct site *s, const char *path, const char *extra, char *ret, size_t size)
{
    char rq[4096];

    (void)snprintf(rq, sizeof(rq), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
        path, extra);
    (void)raw(s, rq, strlen(rq), ret, size);
}

static void
test_get_and_post(void **state)
{
    struct site *s = *state;
    struct vt_http *h = client(0);
    struct vt_buf b = VT_BUF(4096);
    struct vt_why why = {0};
    int status = 0;

    assert_int_equal(vt_http_get(h, s->url, "echo", &b, &why), VT_OK);
    assert_string_equal(vt_buf_str(&b), "GET /echo 0\n");
    vt_buf_clear(&b);
    assert_int_equal(
        vt_http_post(h, s->url, "echo", NULL, "hello", 5, &status, &b, &why), VT_OK);
    assert_int_equal(status, 200);
    assert_string_equal(vt_buf_str(&b), "POST /echo 5\nhello");
    vt_buf_clear(&b);
    assert_int_equal(
        vt_http_post(h, s->url, "below/x/y", NULL, "", 0, &status, &b, &why), VT_OK);
    assert_string_equal(vt_buf_str(&b), "POST /below/x/y 0\n");
    vt_buf_release(&b);
    vt_http_free(h);
}

/* Two bodies of eight bytes where there is room for twelve: one is to come again. */
static void
test_bodies_have_room(void **state)
{
    struct site *s = *state;
    struct vt_http *h = client(0);
    struct vt_http_call calls[2];
    struct vt_http_batch *batch = NULL;
    struct vt_why why = {0};
    size_t left = 2;

    for (unsigned i = 0; i < 2; i++)
        calls[i] = (struct vt_http_call){.base = s->url,
            .path = "later",
            .body = "12345678",
            .body_len = 8,
            .answer = VT_BUF(4096)};
    assert_int_equal(vt_http_batch_new(h, calls, 2, &batch, &why), VT_OK);
    while (left == 2)
        assert_int_equal(vt_http_batch_poll(batch, -1, 1000, &left, &why), VT_OK);
    assert_int_equal(calls[calls[0].done ? 0 : 1].status, 503);
    assert_int_equal(calls[calls[0].done ? 0 : 1].retry_after_s, 1);
    assert_int_equal(write(s->watch[1], "x", 1), 1);
    while (left > 0)
        assert_int_equal(vt_http_batch_poll(batch, -1, 1000, &left, &why), VT_OK);
    assert_int_equal(calls[0].status + calls[1].status, 503 + 200);
    /* The room is free again, and again. */
    for (unsigned i = 0; i < 3; i++) {
        int status = 0;

        vt_buf_clear(&calls[0].answer);
        assert_int_equal(vt_http_post(h, s->url, "echo", NULL, "123456789012", 12, &status,
                             &calls[0].answer, &why),
            VT_OK);
        assert_int_equal(status, 200);
    }
    vt_http_batch_free(batch);
    vt_buf_release(&calls[0].answer);
    vt_buf_release(&calls[1].answer);
    vt_http_free(h);
}

static void
test_errors_are_told(void **state)
{
    struct site *s = *state;
    struct vt_http *h = client(0);
    struct vt_buf b = VT_BUF(4096);
    struct vt_why why = {0};
    int status = 0;

    vt_buf_puts(&b, "before");
    assert_int_equal(vt_http_get(h, s->url, "nowhere", &b, &why), VT_E_NOENT);
    assert_int_equal(vt_http_get(h, s->url, "refuse", &b, &why), VT_E_NET);
    assert_non_null(strstr(why.text, "422"));
    assert_non_null(strstr(why.text, "it is wrong"));
    assert_null(strstr(why.text, "and more"));
    assert_string_equal(vt_buf_str(&b), "before");
    assert_int_equal(vt_http_post(h, s->url, "refuse", NULL, "x", 1, &status, &b, &why), VT_OK);
    assert_int_equal(status, 422);
    assert_int_equal(
        vt_http_post(h, s->url, "nowhere", NULL, "x", 1, &status, &b, &why), VT_OK);
    assert_int_equal(status, 404);
    assert_int_equal(vt_http_get(h, "ftp://127.0.0.1", "x", &b, &why), VT_E_USAGE);
    assert_int_equal(vt_http_get(h, "http://127.0.0.1:1", "x", &b, &why), VT_E_NET);
    vt_buf_release(&b);
    vt_http_free(h);
}

static void
test_files(void **state)
{
    static const char head[] =
        "HEAD /files/a/b/file.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct site *s = *state;
    struct vt_http *h = client(0);
    struct vt_buf b = VT_BUF(4096);
    char answer[4096];

    assert_int_equal(vt_http_get(h, s->url, "files/a/b/file.bin", &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), "0123456789");
    vt_buf_clear(&b);
    assert_int_equal(vt_http_get(h, s->url, "files/a/b/empty", &b, NULL), VT_OK);
    assert_int_equal(b.len, 0);
    assert_int_equal(vt_http_get(h, s->url, "one", &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), "one\n");
    assert_int_equal(vt_http_get(h, s->url, "files/a/b", &b, NULL), VT_E_NOENT);
    assert_int_equal(vt_http_get(h, s->url, "files/a/b/nothing", &b, NULL), VT_E_NOENT);
    raw_get(s, "/files/a/b/file.bin", "", answer, sizeof(answer));
    assert_non_null(strstr(answer, "immutable"));
    assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff"));
    (void)raw(s, head, sizeof(head) - 1, answer, sizeof(answer));
    assert_non_null(strstr(answer, "Content-Length: 10"));
    assert_null(strstr(answer, "0123"));
    vt_buf_release(&b);
    vt_http_free(h);
}

static void
test_ranges(void **state)
{
    struct site *s = *state;
    char answer[4096];

    raw_get(s, "/files/a/b/file.bin", "Range: bytes=4-\r\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, " 206 "));
    assert_non_null(strstr(answer, "Content-Range: bytes 4-9/10"));
    assert_non_null(strstr(answer, "\r\n\r\n456789"));
    raw_get(s, "/files/a/b/file.bin", "Range: bytes=2-3\r\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, "\r\n\r\n23"));
    assert_null(strstr(answer, "234"));
    raw_get(s, "/files/a/b/file.bin", "Range: bytes=10-\r\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, " 416 "));
    raw_get(s, "/files/a/b/file.bin", "Range: bytes=3-1\r\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, " 200 "));
    raw_get(s, "/files/a/b/file.bin", "Range: bytes=0-1,3-4\r\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, " 200 "));
    raw_get(s, "/files/a/b/empty", "Range: bytes=0-\r\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, " 200 "));
}

/* Nothing outside the folder, no links, no hidden files, no odd spellings. */
static void
test_paths_stay_inside(void **state)
{
    static const char *const paths[] = {"/files/../outside", "/files/a/../../outside",
        "/files/%2e%2e/outside", "/files/..%2foutside", "/files/%2e%2e%2foutside",
        "/files//etc/passwd", "/files/.hidden", "/files/link", "/files/dirlink/outside",
        "/files/fifo", "/files/a%00/b", "/files/%zz", "/files/%4", "/files/a\\b",
        "/files/a/./b/file.bin", "/files/", "files/a/b/file.bin", "/../outside",
        "/files/a/b/file.bin/"};
    struct site *s = *state;
    char path[VT_PATH_MAX];
    char answer[8192];

    assert_int_equal(vt_path(path, NULL, "%s/link", s->folder), VT_OK);
    assert_int_equal(symlink("../outside", path), 0);
    assert_int_equal(vt_path(path, NULL, "%s/dirlink", s->folder), VT_OK);
    assert_int_equal(symlink("..", path), 0);
    assert_int_equal(vt_path(path, NULL, "%s/fifo", s->folder), VT_OK);
    assert_int_equal(mkfifo(path, 0644), 0);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        raw_get(s, paths[i], "", answer, sizeof(answer));
        assert_null(strstr(answer, "secret"));
        assert_null(strstr(answer, " 200 "));
        assert_null(strstr(answer, "root:"));
    }
    raw_get(s, "/files/a/b/%66ile.bin", "", answer, sizeof(answer));
    assert_non_null(strstr(answer, " 200 "));
}

static void
test_methods(void **state)
{
    struct site *s = *state;
    char answer[4096];
    static const char put[] = "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                              "Connection: close\r\n\r\n";
    static const char post[] = "POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";

    (void)raw(s, put, sizeof(put) - 1, answer, sizeof(answer));
    assert_non_null(strstr(answer, " 405 "));
    (void)raw(s, post, sizeof(post) - 1, answer, sizeof(answer));
    assert_non_null(strstr(answer, " 404 "));
    raw_get(s, "/below/x", "", answer, sizeof(answer));
    assert_non_null(strstr(answer, " 405 "));
}

static void
test_oversized_is_refused(void **state)
{
    struct site *s = *state;
    struct vt_http *h = client(0);
    struct vt_buf b = VT_BUF(4096);
    char *big = calloc(1, 100000);
    char answer[8192];
    int status = 0;
    static const char chunked[] = "POST /below/x HTTP/1.1\r\nHost: x\r\n"
                                  "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                                  "14\r\n01234567890123456789\r\n0\r\n\r\n";

    assert_non_null(big);
    memset(big, 'x', 100000 - 1);
    assert_int_equal(
        vt_http_post(h, s->url, "echo", NULL, big, 1000, &status, &b, NULL), VT_OK);
    assert_int_equal(status, 200);
    vt_buf_clear(&b);
    assert_int_equal(
        vt_http_post(h, s->url, "echo", NULL, big, 1001, &status, &b, NULL), VT_OK);
    assert_int_equal(status, 413);
    (void)raw(s, chunked, sizeof(chunked) - 1, answer, sizeof(answer));
    assert_non_null(strstr(answer, " 413 "));
    /* Headers beyond the connection's memory. */
    memcpy(big, "GET /", 5);
    (void)raw(s, big, 99999, answer, sizeof(answer));
    assert_null(strstr(answer, " 200 "));
    vt_buf_clear(&b);
    assert_int_equal(vt_http_get(h, s->url, "echo", &b, NULL), VT_OK);
    free(big);
    vt_buf_release(&b);
    vt_http_free(h);
}

/* A request that is never finished, or drips in, is closed in good time. */
static void
test_slow_is_closed(void **state)
{
    struct site *s = *state;
    struct sockaddr_in sa = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(strrchr(s->url, ':') + 1)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const char stalled[] =
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc";
    static const char drip[] = "GET /echo HTTP/1.1\r\nX-Drip: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    int64_t began = vt_clock_monotonic_ms();
    bool closed = false;
    char answer[1024];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    for (size_t i = 0; i < sizeof(drip) - 1 && !closed; i++) {
        closed = send(fd, drip + i, 1, MSG_NOSIGNAL) != 1;
        usleep(100000);
        if (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) == 0)
            closed = true;
    }
    assert_true(closed);
    assert_true(vt_clock_monotonic_ms() - began < 4000);
    close(fd);
    /* A body that does not come. */
    began = vt_clock_monotonic_ms();
    (void)raw(s, stalled, sizeof(stalled) - 1, answer, sizeof(answer));
    assert_null(strstr(answer, " 200 "));
    assert_true(vt_clock_monotonic_ms() - began < 3500);
}

static void *
post_later(void *arg)
{
    struct site *s = arg;
    struct vt_http *h = client(0);
    struct vt_buf b = VT_BUF(100);
    int status = 0;
    enum vt_err err = vt_http_post(h, s->url, "later", NULL, "x", 1, &status, &b, NULL);
    bool ok = err == VT_OK && status == 200 && strcmp(vt_buf_str(&b), "late\n") == 0;

    vt_buf_release(&b);
    vt_http_free(h);
    return ok ? s : NULL;
}

/* While exchanges are kept, others are served. */
static void
test_awaited_answers(void **state)
{
    struct site *s = *state;
    struct vt_http *h = client(0);
    struct vt_buf b = VT_BUF(4096);
    pthread_t t[3];
    void *ok = NULL;
    int status = 0;

    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, post_later, s), 0);
    for (int i = 0; i < 200 && *(volatile size_t *)&s->kept_count < 3; i++)
        usleep(10000);
    assert_int_equal(s->kept_count, 3);
    assert_int_equal(vt_http_get(h, s->url, "echo", &b, NULL), VT_OK);
    vt_buf_clear(&b);
    assert_int_equal(
        vt_http_post(h, s->url, "later/now", NULL, "", 0, &status, &b, NULL), VT_OK);
    assert_int_equal(status, 403);
    assert_string_equal(vt_buf_str(&b), "at once\n");
    assert_int_equal(write(s->watch[1], "x", 1), 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(t[i], &ok), 0);
        assert_ptr_equal(ok, s);
    }
    vt_buf_release(&b);
    vt_http_free(h);
}

/* What is kept when the server stops is answered 503, and nothing leaks. */
static void
test_stop_while_awaiting(void **state)
{
    struct site *s = *state;
    pthread_t t;
    void *ok = s;

    assert_int_equal(pthread_create(&t, NULL, post_later, s), 0);
    for (int i = 0; i < 200 && *(volatile size_t *)&s->kept_count < 1; i++)
        usleep(10000);
    close(s->watch[1]); /* on_watch fails: the server ends */
    s->watch[1] = -1;
    assert_int_equal(pthread_join(t, &ok), 0);
    assert_null(ok);
    pthread_join(s->thread, NULL);
    assert_int_equal(s->result, VT_E_IO);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0); /* for stop() */
}

/* Clients that go while a handler keeps their requests leave it nothing that breaks: at once,
 * and after the server has let go of their connections. */
static void
test_clients_go(void **state)
{
    static const char request[] =
        "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab";
    struct site *s = *state;
    struct vt_http *h = client(0);
    struct vt_buf b = VT_BUF(4096);
    struct linger at_once = {.l_onoff = 1};
    int status = 0;

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 3; i++) {
            int fd = open_raw(s);

            assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL),
                (ssize_t)sizeof(request) - 1);
            usleep(round == 0 ? 5000 : 60000);
            assert_int_equal(
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
            close(fd);
        }
        usleep(100000);
        if (round == 0)
            assert_int_equal(write(s->watch[1], "x", 1), 1);
        assert_int_equal(
            vt_http_post(h, s->url, "echo", NULL, "y", 1, &status, &b, NULL), VT_OK);
        assert_int_equal(status, 200);
    }
    /* Those of the second round are never answered: the server ends without them. */
    vt_buf_release(&b);
    vt_http_free(h);
}

static void
test_client_limits(void **state)
{
    struct site *s = *state;
    struct vt_http *h = client(0);
    struct vt_buf b = VT_BUF(9);
    struct vt_why why = {0};
    struct vt_digest d;
    struct vt_digest want;
    uint64_t len = 0;
    char path[] = "/tmp/vt-http-fd-XXXXXX";
    int fd = mkstemp(path);

    assert_int_equal(vt_http_get(h, s->url, "files/a/b/file.bin", &b, &why), VT_E_LIMIT);
    assert_int_equal(b.len, 0);
    assert_true(fd >= 0);
    assert_int_equal(
        vt_http_get_fd(h, s->url, "files/a/b/file.bin", fd, 9, NULL, NULL, &d, &len, &why),
        VT_E_LIMIT);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(
        vt_http_get_fd(h, s->url, "files/a/b/file.bin", fd, 10, NULL, NULL, &d, &len, &why),
        VT_OK);
    vt_digest_of("0123456789", 10, &want);
    assert_true(vt_digest_eq(&d, &want));
    assert_int_equal(len, 10);
    assert_int_equal(
        vt_http_get_fd(h, s->url, "refuse", fd, 10, NULL, NULL, &d, &len, &why), VT_E_NET);
    assert_non_null(strstr(why.text, "it is wrong"));
    close(fd);
    unlink(path);
    vt_buf_release(&b);
    vt_http_free(h);
}

static void
test_retries(void **state)
{
    struct site *s = *state;
    struct vt_http *h = client(3);
    struct vt_http *once = client(0);
    struct vt_buf b = VT_BUF(100);

    s->failures_left = 2;
    assert_int_equal(vt_http_get(h, s->url, "flaky", &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), "now\n");
    s->failures_left = 1;
    assert_int_equal(vt_http_get(once, s->url, "flaky", &b, NULL), VT_E_NET);
    vt_buf_release(&b);
    vt_http_free(h);
    vt_http_free(once);
}

/* What a body is said to be reaches the handler, and the default is not invented. */
static void
test_body_is_named(void **state)
{
    struct site *s = *state;
    struct vt_http *h = client(0);
    struct vt_http_call calls[2] = {{.base = s->url,
                                        .path = "named",
                                        .content_type = "application/json",
                                        .body = "{}",
                                        .body_len = 2,
                                        .answer = VT_BUF(100)},
        {.base = s->url, .path = "named", .body = "{}", .body_len = 2, .answer = VT_BUF(100)}};

    assert_int_equal(vt_http_post_all(h, calls, 2, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&calls[0].answer), "[application/json][]");
    assert_string_equal(vt_buf_str(&calls[1].answer), "[text/plain; charset=utf-8][]");
    vt_buf_release(&calls[0].answer);
    vt_buf_release(&calls[1].answer);
    vt_http_free(h);
}

static void
test_post_all(void **state)
{
    struct site *s = *state;
    struct vt_http *h = client(0);
    struct vt_http_call calls[4] = {
        {.base = s->url, .path = "echo", .body = "abc", .body_len = 3, .answer = VT_BUF(100)},
        {.base = s->url, .path = "refuse", .body = "abc", .body_len = 3, .answer = VT_BUF(100)},
        {.base = "http://127.0.0.1:1", .path = "x", .answer = VT_BUF(100)},
        {.base = "nonsense", .path = "x", .answer = VT_BUF(100)}};

    for (int round = 0; round < 2; round++) {
        assert_int_equal(vt_http_post_all(h, calls, 4, NULL), VT_OK);
        assert_int_equal(calls[0].err, VT_OK);
        assert_int_equal(calls[0].status, 200);
        assert_string_equal(vt_buf_str(&calls[0].answer), "POST /echo 3\nabc");
        assert_int_equal(calls[0].retry_after_s, 0);
        assert_int_equal(calls[1].status, 422);
        assert_int_equal(calls[1].retry_after_s, 7);
        assert_int_equal(calls[2].err, VT_E_NET);
        assert_int_equal(calls[3].err, VT_E_USAGE);
    }
    for (int i = 0; i < 4; i++)
        vt_buf_release(&calls[i].answer);
    vt_http_free(h);
}

/* Beyond the limit connections wait; those before go on. */
static void
test_connection_limit(void **state)
{
    struct site *s = *state;
    struct vt_http *a = client(0);
    struct vt_http *b = client(0);
    struct vt_buf out = VT_BUF(1000);

    assert_int_equal(vt_http_get(a, s->url, "echo", &out, NULL), VT_OK);
    assert_int_equal(vt_http_get(b, s->url, "echo", &out, NULL), VT_OK);
    /* Both are kept alive; a third client is served once one of them ends. */
    vt_http_free(a);
    a = client(0);
    assert_int_equal(vt_http_get(a, s->url, "echo", &out, NULL), VT_OK);
    vt_buf_release(&out);
    vt_http_free(a);
    vt_http_free(b);
}

static void
test_listen(void **state)
{
    char url[128];
    int fd = -1;
    int second = -1;
    struct vt_why why = {0};

    (void)state;
    assert_int_equal(vt_http_listen("localhost:0", &fd, url, &why), VT_OK);
    assert_int_equal(strncmp(url, "http://localhost:", 17), 0);
    assert_int_not_equal(vt_http_listen(url + 7, &second, url, &why), VT_OK);
    close(fd);
    assert_int_equal(vt_http_listen("nohost", &fd, url, &why), VT_E_USAGE);
    assert_int_equal(vt_http_listen("example.org:80", &fd, url, &why), VT_E_USAGE);
    assert_int_equal(vt_http_listen("127.0.0.1:", &fd, url, &why), VT_E_USAGE);
    assert_int_equal(vt_http_listen("127.0.0.1:99999", &fd, url, &why), VT_E_USAGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_get_and_post, start, stop),
        cmocka_unit_test_setup_teardown(test_bodies_have_room, start_tight, stop),
        cmocka_unit_test_setup_teardown(test_errors_are_told, start, stop),
        cmocka_unit_test_setup_teardown(test_files, start, stop),
        cmocka_unit_test_setup_teardown(test_ranges, start, stop),
        cmocka_unit_test_setup_teardown(test_paths_stay_inside, start, stop),
        cmocka_unit_test_setup_teardown(test_methods, start, stop),
        cmocka_unit_test_setup_teardown(test_oversized_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(test_slow_is_closed, start_impatient, stop),
        cmocka_unit_test_setup_teardown(test_awaited_answers, start, stop),
        cmocka_unit_test_setup_teardown(test_stop_while_awaiting, start, stop),
        cmocka_unit_test_setup_teardown(test_clients_go, start, stop),
        cmocka_unit_test_setup_teardown(test_client_limits, start, stop),
        cmocka_unit_test_setup_teardown(test_retries, start, stop),
        cmocka_unit_test_setup_teardown(test_body_is_named, start, stop),
        cmocka_unit_test_setup_teardown(test_post_all, start, stop),
        cmocka_unit_test_setup_teardown(test_connection_limit, start_narrow, stop),
        cmocka_unit_test(test_listen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
