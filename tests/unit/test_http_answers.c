/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the HTTP server adds to an answer: tags and 304, cookies, neighbours that are
 * compressed, headers for browsers, streams, limits of how often, several watched descriptors.
 */
#include "base/clock.h"
#include "base/file.h"
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
#include <unistd.h>

#include <cmocka.h>

#define ANSWER_MAX 65536

struct site {
    char dir[VT_PATH_MAX];
    char folder[VT_PATH_MAX];
    char index[VT_PATH_MAX];
    char url[128];
    int listen_fd;
    int stop[2];
    int watch[2][2];
    pthread_t thread;
    struct vt_http_server_opts opts;
    struct vt_http_folder folders[5];
    struct vt_http_watch watches[2];
    struct vt_http_exchange *stream[8];
    volatile size_t streams;
    volatile size_t streams_ended;
    volatile unsigned ticks;
    struct vt_http_exchange *volatile kept;
};

static void
on_tagged(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    (void)ctx;
    (void)rq;
    rs->etag = "\"v1\"";
    rs->cache = "no-cache";
    rs->vary = "Cookie";
    vt_buf_puts(&rs->body, "body\n");
}

/* What of the request reaches a handler. */
static void
on_request(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    char cookie[16] = "none";

    (void)ctx;
    (void)vt_http_cookie(rq->cookie, "vt-session", cookie, sizeof(cookie));
    vt_buf_putf(&rs->body, "query[%s] origin[%s] session[%s] client[%s]\n", rq->query,
        rq->origin, cookie, rq->client);
}

static void
on_headers(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{

    (void)ctx;
    rs->status = 201;
    rs->content_type = "text/html; charset=utf-8";
    rs->set_cookie = "vt-session=abc; HttpOnly";
    rs->location = "/elsewhere";
    rs->disposition = rq->query[0] != '\0' ? "attachment" : NULL;
    rs->csp = "sandbox";
    vt_buf_puts(&rs->body, "<p>made\n");
}

static bool
on_kept(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct site *s = ctx;

    (void)rq;
    (void)rs;
    s->kept = x;
    return true;
}

static bool
on_stream(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct site *s = ctx;

    (void)rq;
    if (!vt_http_stream(x, "retry: 1\n\n")) {
        rs->status = 503;
        return false;
    }
    s->stream[s->streams] = x;
    s->streams++;
    return true;
}

static void
on_stream_end(void *ctx, struct vt_http_exchange *x)
{
    struct site *s = ctx;

    for (size_t i = 0; i < s->streams; i++)
        if (s->stream[i] == x)
            s->stream[i] = NULL;
    s->streams_ended++;
}

/* Bytes that come here go to all streams; '#' stands for 16 KiB. */
static enum vt_err
on_first(void *ctx, struct vt_why *why)
{
    struct site *s = ctx;
    static char large[16384];
    char c;

    if (read(s->watch[0][0], &c, 1) != 1)
        return vt_fail(why, VT_E_IO, "the other side is gone");
    memset(large, 'x', sizeof(large));
    for (size_t i = 0; i < s->streams; i++)
        if (s->stream[i] != NULL)
            vt_http_stream_put(
                s->stream[i], c == '#' ? large : &c, c == '#' ? sizeof(large) : 1);
    return VT_OK;
}

/* A byte here answers what is kept. */
static enum vt_err
on_second(void *ctx, struct vt_why *why)
{
    struct site *s = ctx;
    struct vt_http_response rs;
    char etag[] = "\"late\"";
    char c;

    (void)why;
    if (read(s->watch[1][0], &c, 1) != 1) {
        s->watches[1].fd = -1;
        return VT_OK;
    }
    vt_http_response_init(&rs);
    rs.etag = etag;
    vt_buf_puts(&rs.body, "late body\n");
    vt_http_reply(s->kept, &rs);
    memset(etag, 'x', sizeof(etag));
    return VT_OK;
}

static void
on_error(void *ctx, const char *path, struct vt_http_response *rs)
{
    (void)ctx;
    if (strncmp(path, "/api/", 5) != 0)
        return;
    rs->content_type = "application/json";
    vt_buf_clear(&rs->body);
    vt_buf_putf(&rs->body, "{\"status\":%d}", rs->status);
}

static void
on_tick(void *ctx)
{
    struct site *s = ctx;

    s->ticks++;
}

static const struct vt_http_route routes[] = {
    {"GET", "/tagged", 0, on_tagged, NULL},
    {"GET", "/request", 0, on_request, NULL},
    {"GET", "/limited", 0, on_request, NULL},
    {"GET", "/headers", 0, on_headers, NULL},
    {"GET", "/kept", 0, NULL, on_kept},
    {"GET", "/stream", 0, NULL, on_stream},
    {"POST", "/api/post", 10, on_request, NULL},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct vt_http_rate rates[] = {
    {"GET", "/limited", 6, 3},
    {NULL, NULL, 0, 0},
};

static void *
serve(void *arg)
{
    struct site *s = arg;
    struct vt_why why = {0};

    return vt_http_serve(s->listen_fd, s->stop[0], &s->opts, &why) == VT_OK ? s : NULL;
}

static void
put_file(const struct site *s, const char *name, const char *text)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(path, NULL, "%s/public/%s", s->dir, name), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, text, strlen(text), NULL), VT_OK);
}

static int
start_with(void **state, struct vt_http_server_opts opts)
{
    struct site *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    assert_int_equal(vt_dir_temp("/tmp", "vt-http", s->dir, NULL), VT_OK);
    assert_int_equal(vt_path(s->folder, NULL, "%s/public", s->dir), VT_OK);
    assert_int_equal(vt_path(s->index, NULL, "%s/public/index.html", s->dir), VT_OK);
    assert_int_equal(vt_dir_make(s->folder, 0755, NULL), VT_OK);
    put_file(s, "index.html", "<p>plain index\n");
    put_file(s, "index.html.br", "br index");
    put_file(s, "a.js", "plain js\n");
    put_file(s, "a.js.br", "br js");
    put_file(s, "a.js.gz", "gz js");
    put_file(s, "b.css", "plain css\n");
    put_file(s, "b.css.gz", "gz css");
    put_file(s, "c", "plain\n");
    assert_int_equal(pipe(s->stop), 0);
    assert_int_equal(pipe(s->watch[0]), 0);
    assert_int_equal(pipe(s->watch[1]), 0);
    s->folders[0] = (struct vt_http_folder){.prefix = "/assets/",
        .dir = s->folder,
        .cache = "immutable",
        .precompressed = true,
        .keep = true};
    s->folders[1] = (struct vt_http_folder){.prefix = "/files/",
        .dir = s->folder,
        .content_type = "application/octet-stream",
        .cache = "no-cache",
        .etag = true,
        .for_all = true};
    s->folders[2] = (struct vt_http_folder){.prefix = "/page/",
        .dir = s->index,
        .cache = "no-cache",
        .csp = "script-src 'self'",
        .one = true,
        .etag = true,
        .precompressed = true};
    s->folders[3] = (struct vt_http_folder){
        .prefix = "/", .dir = s->index, .cache = "no-cache", .one = true};
    s->watches[0] = (struct vt_http_watch){.fd = s->watch[0][0], .ready = on_first, .ctx = s};
    s->watches[1] = (struct vt_http_watch){.fd = s->watch[1][0], .ready = on_second, .ctx = s};
    s->opts = opts;
    s->opts.routes = routes;
    s->opts.folders = s->folders;
    s->opts.rates = rates;
    s->opts.ctx = s;
    s->opts.watches = s->watches;
    s->opts.watch_count = 2;
    s->opts.on_error = on_error;
    s->opts.on_stream_end = on_stream_end;
    s->opts.tick = on_tick;
    assert_int_equal(vt_http_listen("127.0.0.1:0", &s->listen_fd, s->url, NULL), VT_OK);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    *state = s;
    return 0;
}

static int
start(void **state)
{
    return start_with(state, (struct vt_http_server_opts){.timeout_s = 20});
}

static int
start_few_streams(void **state)
{
    return start_with(state, (struct vt_http_server_opts){.timeout_s = 20, .streams_max = 2});
}

static int
start_own_streams(void **state)
{
    return start_with(state, (struct vt_http_server_opts){
                                 .timeout_s = 20, .streams_per_client = 1, .forwarded = true});
}

static int
start_impatient(void **state)
{
    return start_with(state, (struct vt_http_server_opts){.timeout_s = 2});
}

static void
close_all(struct site *s)
{
    close(s->stop[0]);
    for (int i = 0; i < 2; i++) {
        close(s->watch[i][0]);
        if (s->watch[i][1] >= 0)
            close(s->watch[i][1]);
    }
    close(s->listen_fd);
}

static int
stop(void **state)
{
    struct site *s = *state;
    void *ok = NULL;

    close(s->stop[1]);
    pthread_join(s->thread, &ok);
    assert_ptr_equal(ok, s);
    assert_int_equal(s->streams_ended, s->streams);
    close_all(s);
    assert_int_equal(vt_tree_remove(s->dir, NULL), VT_OK);
    free(s);
    return 0;
}

static int
connect_to(const struct site *s)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(strrchr(s->url, ':') + 1)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval tv = {.tv_sec = 30};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    return fd;
}

static void
send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until the text is there, or (NULL) until the end. Returns what came. */
static const char *
read_until(int fd, const char *text)
{
    static char all[ANSWER_MAX];
    size_t have = 0;
    ssize_t n = 1;

    all[0] = '\0';
    while (n > 0 && have + 1 < sizeof(all) && (text == NULL || strstr(all, text) == NULL)) {
        n = recv(fd, all + have, text == NULL ? sizeof(all) - 1 - have : 1, 0);
        have += n > 0 ? (size_t)n : 0;
        all[have] = '\0';
    }
    return all;
}

static const char *
ask(const struct site *s, const char *method, const char *path, const char *headers)
{
    char rq[9000];
    const char *answer;
    int fd = connect_to(s);

    (void)snprintf(rq, sizeof(rq), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
        method, path, headers);
    send_text(fd, rq);
    answer = read_until(fd, NULL);
    close(fd);
    return answer;
}

static const char *
get(const struct site *s, const char *path, const char *headers)
{
    return ask(s, "GET", path, headers);
}

#define HAS(answer_, text_) assert_non_null(strstr(answer_, text_))
#define HAS_NOT(answer_, text_) assert_null(strstr(answer_, text_))

static void
test_etag_matching(void **state)
{
    (void)state;
    assert_true(vt_http_etag_matches("\"a\"", "\"a\""));
    assert_true(vt_http_etag_matches("W/\"a\"", "\"a\""));
    assert_true(vt_http_etag_matches("\"a\"", "W/\"a\""));
    assert_true(vt_http_etag_matches("\"x\", \"a\" ,\"y\"", "\"a\""));
    assert_true(vt_http_etag_matches("*", "\"a\""));
    assert_false(vt_http_etag_matches("", "\"a\""));
    assert_false(vt_http_etag_matches("\"aa\"", "\"a\""));
    assert_false(vt_http_etag_matches("a", "\"a\""));
    assert_false(vt_http_etag_matches("\"A\"", "\"a\""));
    assert_false(vt_http_etag_matches(",,,", "\"a\""));
}

static void
test_not_modified(void **state)
{
    struct site *s = *state;
    const char *answer = get(s, "/tagged", "");

    HAS(answer, " 200 ");
    HAS(answer, "ETag: \"v1\"");
    HAS(answer, "Vary: Cookie");
    HAS(answer, "body\n");
    answer = get(s, "/tagged", "If-None-Match: \"v0\", W/\"v1\"\r\n");
    HAS(answer, " 304 ");
    HAS(answer, "ETag: \"v1\"");
    HAS(answer, "Cache-Control: no-cache");
    HAS(answer, "Vary: Cookie");
    HAS_NOT(answer, "\nContent-Type:");
    HAS_NOT(answer, "body");
    HAS(get(s, "/tagged", "If-None-Match: \"v2\"\r\n"), " 200 ");
    answer = ask(s, "HEAD", "/tagged", "If-None-Match: \"v1\"\r\n");
    HAS(answer, " 304 ");
    HAS(ask(s, "HEAD", "/tagged", ""), "Content-Length: 5");
}

/* A file that changes has a tag that changes with it; one that never does has none. */
static void
test_files_have_tags(void **state)
{
    struct site *s = *state;
    const char *answer = get(s, "/files/c", "");
    char header[256];
    char tag[128];
    const char *at = strstr(answer, "ETag: ");

    assert_non_null(at);
    assert_int_equal(sscanf(at, "ETag: %127s", tag), 1);
    HAS(answer, "Access-Control-Allow-Origin: *");
    HAS(answer, "Cross-Origin-Resource-Policy: cross-origin");
    (void)snprintf(header, sizeof(header), "If-None-Match: %s\r\n", tag);
    answer = get(s, "/files/c", header);
    HAS(answer, " 304 ");
    HAS(answer, tag);
    put_file(s, "c", "other\n");
    answer = get(s, "/files/c", header);
    HAS(answer, " 200 ");
    HAS(answer, "other\n");
    HAS_NOT(get(s, "/assets/c", ""), "ETag");
}

static void
test_precompressed(void **state)
{
    struct site *s = *state;
    const char *answer = get(s, "/assets/a.js", "Accept-Encoding: gzip, deflate, br\r\n");

    HAS(answer, "Content-Encoding: br");
    HAS(answer, "Vary: Accept-Encoding");
    HAS(answer, "Content-Type: text/javascript");
    HAS(answer, "\r\n\r\nbr js");
    HAS(get(s, "/assets/a.js", "Accept-Encoding: GZIP\r\n"), "\r\n\r\ngz js");
    HAS(get(s, "/assets/a.js", "Accept-Encoding: br;q=0, gzip;q=0.5\r\n"), "\r\n\r\ngz js");
    answer = get(s, "/assets/a.js", "");
    HAS(answer, "\r\n\r\nplain js");
    HAS_NOT(answer, "Content-Encoding");
    HAS(answer, "Vary: Accept-Encoding");
    HAS(get(s, "/assets/a.js", "Accept-Encoding: brr, identity\r\n"), "plain js");
    HAS(get(s, "/assets/b.css", "Accept-Encoding: br\r\n"), "plain css");
    HAS(get(s, "/assets/b.css", "Accept-Encoding: br, gzip\r\n"), "gz css");
    /* A part of a file is one of the file as it is. */
    answer = get(s, "/assets/a.js", "Accept-Encoding: br\r\nRange: bytes=0-4\r\n");
    HAS(answer, " 206 ");
    HAS(answer, "\r\n\r\nplain");
    HAS_NOT(answer, "plain js");
    /* Where it is not asked for, neighbours are files like others. */
    HAS(get(s, "/files/a.js", "Accept-Encoding: br\r\n"), "plain js");
    HAS(get(s, "/files/a.js.br", ""), "br js");
}

/* What is kept in memory is what was there at first, whichever form is asked for. */
static void
test_kept_files(void **state)
{
    struct site *s = *state;

    for (int i = 0; i < 3; i++) {
        HAS(get(s, "/assets/a.js", ""), "plain js");
        HAS(get(s, "/assets/a.js", "Accept-Encoding: br\r\n"), "br js");
        HAS(get(s, "/assets/a.js", "Accept-Encoding: gzip\r\n"), "gz js");
        HAS(get(s, "/assets/c", ""), "plain\n");
        HAS(ask(s, "HEAD", "/assets/c", ""), "Content-Length: 6");
    }
    put_file(s, "c", "changed, which it must not be\n");
    HAS(get(s, "/assets/c", ""), "plain\n");
    HAS(get(s, "/assets/none", ""), " 404 ");
    put_file(s, "none", "now");
    HAS(get(s, "/assets/none", ""), " 200 "); /* what is not there is not remembered */
}

/* More files than the memory may hold: all are sent right. */
static void
test_kept_files_have_bounds(void **state)
{
    struct site *s = *state;
    char name[32];
    char path[64];
    char text[64];

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2200; i++) {
            (void)snprintf(name, sizeof(name), "many-%d", i);
            (void)snprintf(path, sizeof(path), "/assets/%s", name);
            (void)snprintf(text, sizeof(text), "number %d\n", i);
            if (round == 0)
                put_file(s, name, text);
            HAS(get(s, path, ""), text);
        }
    }
}

static void
test_one_file_for_many_addresses(void **state)
{
    struct site *s = *state;
    const char *answer = get(s, "/page/anything/below", "");

    HAS(answer, "plain index");
    HAS(answer, "Content-Type: text/html");
    HAS(answer, "Content-Security-Policy: script-src 'self'");
    HAS(answer, "X-Frame-Options: DENY");
    HAS(answer, "Cross-Origin-Opener-Policy: same-origin");
    HAS(answer, "publickey-credentials-get=(self)");
    HAS(answer, "Referrer-Policy: no-referrer");
    HAS(get(s, "/page/x", "Accept-Encoding: br\r\n"), "br index");
    HAS(get(s, "/", ""), "plain index");
    HAS(get(s, "/other", ""), " 404 ");
    HAS(get(s, "/page/../c", ""), " 400 ");
}

static void
test_headers(void **state)
{
    struct site *s = *state;
    const char *answer = get(s, "/headers?x", "");

    HAS(answer, " 201 ");
    HAS(answer, "Set-Cookie: vt-session=abc; HttpOnly");
    HAS(answer, "Location: /elsewhere");
    HAS(answer, "Content-Disposition: attachment");
    HAS(answer, "Content-Security-Policy: sandbox");
    HAS(answer, "Cross-Origin-Resource-Policy: same-origin");
    HAS_NOT(answer, "Access-Control");
    answer = get(s, "/request", "");
    HAS(answer, "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'");
    HAS_NOT(answer, "Content-Disposition");
    HAS_NOT(answer, "Set-Cookie");
}

static void
test_requests_are_told(void **state)
{
    struct site *s = *state;
    const char *answer = get(s, "/request?a=%20b&c",
        "Origin: https://x\r\n"
        "Cookie: a=b; vt-session=word; c=d\r\n");
    char first[17];
    char query[6000];

    HAS(answer, "query[a=%20b&c]");
    HAS(answer, "origin[https://x]");
    HAS(answer, "session[word]");
    answer = strstr(answer, "client[");
    assert_non_null(answer);
    assert_int_equal(sscanf(answer, "client[%16[0-9a-f]]", first), 1);
    assert_int_equal(strlen(first), 16);
    HAS(get(s, "/request", ""), first);
    HAS(get(s, "/request", "X-Forwarded-For: 192.0.2.1\r\n"), first);
    HAS(get(s, "/request?", ""), "query[]");
    memset(query, 'q', sizeof(query));
    memcpy(query, "/request?", 9);
    query[9 + VT_HTTP_QUERY_MAX] = '\0';
    HAS(get(s, query, ""), " 200 ");
    query[9 + VT_HTTP_QUERY_MAX] = 'q';
    query[10 + VT_HTTP_QUERY_MAX] = '\0';
    HAS(get(s, query, ""), " 414 ");
}

static void
assert_client(const struct site *s, const char *headers, char ret[17])
{
    const char *at = strstr(get(s, "/request", headers), "client[");

    assert_non_null(at);
    assert_int_equal(sscanf(at, "client[%16[0-9a-f]]", ret), 1);
}

/* Behind a proxy the last word counts, which the proxy wrote; of IPv6 the network. */
static void
test_forwarded_clients(void **state)
{
    struct site *s = *state;
    char own[17];
    char a[17];
    char b[17];

    assert_client(s, "", own);
    assert_client(s, "X-Forwarded-For: 192.0.2.1\r\n", a);
    assert_string_not_equal(a, own);
    assert_client(s, "X-Forwarded-For: 203.0.113.9, 192.0.2.1\r\n", b);
    assert_string_equal(a, b);
    assert_client(s, "X-Forwarded-For: 192.0.2.1, 203.0.113.9\r\n", b);
    assert_string_not_equal(a, b);
    assert_client(s, "X-Forwarded-For: 2001:db8:0:1::1\r\n", a);
    assert_client(s, "X-Forwarded-For: 2001:db8:0:1::2\r\n", b);
    assert_string_equal(a, b);
    assert_client(s, "X-Forwarded-For: 2001:db8:0:2::1\r\n", b);
    assert_string_not_equal(a, b);
    assert_client(s, "X-Forwarded-For: nonsense\r\n", b);
    assert_string_equal(own, b);
}

static void
test_cookies(void **state)
{
    char v[8] = "before";

    (void)state;
    assert_true(vt_http_cookie("a=1", "a", v, sizeof(v)));
    assert_string_equal(v, "1");
    assert_true(vt_http_cookie("b=2;a=; c=3", "a", v, sizeof(v)));
    assert_string_equal(v, "");
    assert_true(vt_http_cookie("a=1=2", "a", v, sizeof(v)));
    assert_string_equal(v, "1=2");
    assert_true(vt_http_cookie("a=1234567", "a", v, sizeof(v)));
    assert_false(vt_http_cookie("a=12345678", "a", v, sizeof(v)));
    assert_false(vt_http_cookie("a=1; a=2", "a", v, sizeof(v)));
    assert_false(vt_http_cookie("aa=1; b=a=2", "a", v, sizeof(v)));
    assert_false(vt_http_cookie("", "a", v, sizeof(v)));
    assert_false(vt_http_cookie(";;;=", "a", v, sizeof(v)));
}

static void
test_errors_have_the_owners_form(void **state)
{
    struct site *s = *state;
    const char *answer = get(s, "/api/none", "");

    HAS(answer, " 404 ");
    HAS(answer, "{\"status\":404}");
    HAS(answer, "Content-Type: application/json");
    HAS(ask(s, "PUT", "/api/none", ""), "{\"status\":405}");
    answer = get(s, "/api/post", "");
    HAS(answer, "{\"status\":405}");
    HAS(answer, "Allow: POST");
    HAS(ask(s, "DELETE", "/request", ""), "Allow: GET, HEAD, POST");
    HAS(ask(s, "POST", "/api/post", "Content-Length: 11\r\n"), "{\"status\":413}");
    HAS(get(s, "/api/../x", ""), "{\"status\":400}");
    HAS_NOT(get(s, "/none", ""), "{");
}

static void
test_rates(void **state)
{
    struct site *s = *state;
    int64_t began = vt_clock_monotonic_ms();
    int within = 0;
    const char *answer = get(s, "/limited", "");

    /* Three at once, one more every ten seconds. */
    while (strstr(answer, " 200 ") != NULL && within < 1000) {
        within++;
        answer = get(s, "/limited", "");
    }
    assert_in_range(within, 3, 3 + (vt_clock_monotonic_ms() - began) / 10000);
    HAS(answer, " 429 ");
    HAS(answer, "Retry-After: ");
    HAS(get(s, "/request", ""), " 200 ");
}

static void
test_answers_later(void **state)
{
    struct site *s = *state;
    int fd = connect_to(s);
    const char *answer;

    send_text(fd, "GET /kept HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    while (s->kept == NULL)
        usleep(1000);
    assert_int_equal(write(s->watch[1][1], "x", 1), 1);
    answer = read_until(fd, NULL);
    HAS(answer, "ETag: \"late\"");
    HAS(answer, "late body");
    close(fd);
    /* A watched descriptor that is closed and taken out does not keep the server busy. */
    close(s->watch[1][1]);
    s->watch[1][1] = -1;
    HAS(get(s, "/request", ""), " 200 ");
}

static int
open_stream(const struct site *s, const char *headers)
{
    char rq[256];
    int fd = connect_to(s);

    (void)snprintf(rq, sizeof(rq), "GET /stream HTTP/1.1\r\nHost: x\r\n%s\r\n", headers);
    send_text(fd, rq);
    return fd;
}

static void
await(const volatile size_t *what, size_t count)
{
    int64_t end = vt_clock_monotonic_ms() + 30000;

    while (*what < count && vt_clock_monotonic_ms() < end)
        usleep(1000);
    assert_true(*what >= count);
}

static void
test_streams(void **state)
{
    struct site *s = *state;
    int fd[2] = {open_stream(s, ""), open_stream(s, "")};
    const char *answer;

    for (int i = 0; i < 2; i++) {
        answer = read_until(fd[i], "retry: 1\n\n");
        HAS(answer, " 200 ");
        HAS(answer, "Content-Type: text/event-stream");
        HAS(answer, "no-store");
    }
    await(&s->streams, 2);
    assert_int_equal(write(s->watch[0][1], "a", 1), 1);
    HAS(read_until(fd[0], "a"), "a");
    HAS(read_until(fd[1], "a"), "a");
    /* One goes; it is noticed without a byte being sent. */
    close(fd[0]);
    await(&s->streams_ended, 1);
    assert_int_equal(write(s->watch[0][1], "b", 1), 1);
    HAS(read_until(fd[1], "b"), "b");
    HAS(get(s, "/request", ""), " 200 ");
    /* HEAD is the headers alone. */
    HAS(ask(s, "HEAD", "/stream", ""), "text/event-stream");
    await(&s->streams_ended, 2);
    /* The other is ended with the server. */
    close(fd[1]);
}

/* A client that reads nothing is closed when too much waits for it; others go on. */
static void
test_slow_streams_are_closed(void **state)
{
    struct site *s = *state;
    int slow = open_stream(s, "");
    int size = 4096;

    assert_int_equal(setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
    await(&s->streams, 1);
    for (int i = 0; i < 4000 && s->streams_ended == 0; i++) {
        assert_int_equal(write(s->watch[0][1], "#", 1), 1);
        if (i % 16 == 0)
            usleep(1000);
    }
    await(&s->streams_ended, 1);
    HAS(get(s, "/request", ""), " 200 ");
    close(slow);
}

/* One that does not read the little there is, is closed for its slowness. */
static void
test_stalled_streams_are_closed(void **state)
{
    struct site *s = *state;
    int quiet = open_stream(s, "");
    int64_t end = vt_clock_monotonic_ms() + 4000;

    /* Nothing to send: it stays far longer than a request may take. */
    HAS(read_until(quiet, "retry: 1\n\n"), "retry");
    while (vt_clock_monotonic_ms() < end)
        usleep(100000);
    assert_int_equal(s->streams_ended, 0);
    assert_int_equal(write(s->watch[0][1], "a", 1), 1);
    HAS(read_until(quiet, "a"), "a");
    close(quiet);
    await(&s->streams_ended, 1);
    assert_true(s->ticks > 0);
}

static void
test_streams_are_few(void **state)
{
    struct site *s = *state;
    int fd[2] = {open_stream(s, ""), open_stream(s, "")};
    int again;

    await(&s->streams, 2);
    HAS(get(s, "/stream", ""), " 503 ");
    close(fd[0]);
    await(&s->streams_ended, 1);
    again = open_stream(s, "");
    HAS(read_until(again, "retry: 1\n\n"), "retry");
    close(again);
    close(fd[1]);
}

static void
test_streams_of_one_client_are_few(void **state)
{
    struct site *s = *state;
    int one = open_stream(s, "X-Forwarded-For: 192.0.2.1\r\n");
    int other;

    await(&s->streams, 1);
    HAS(get(s, "/stream", "X-Forwarded-For: 192.0.2.1\r\n"), " 503 ");
    other = open_stream(s, "X-Forwarded-For: 192.0.2.2\r\n");
    HAS(read_until(other, "retry: 1\n\n"), "retry");
    close(one);
    close(other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_etag_matching),
        cmocka_unit_test(test_cookies),
        cmocka_unit_test_setup_teardown(test_not_modified, start, stop),
        cmocka_unit_test_setup_teardown(test_files_have_tags, start, stop),
        cmocka_unit_test_setup_teardown(test_precompressed, start, stop),
        cmocka_unit_test_setup_teardown(test_kept_files, start, stop),
        cmocka_unit_test_setup_teardown(test_kept_files_have_bounds, start, stop),
        cmocka_unit_test_setup_teardown(test_one_file_for_many_addresses, start, stop),
        cmocka_unit_test_setup_teardown(test_headers, start, stop),
        cmocka_unit_test_setup_teardown(test_requests_are_told, start, stop),
        cmocka_unit_test_setup_teardown(test_forwarded_clients, start_own_streams, stop),
        cmocka_unit_test_setup_teardown(test_errors_have_the_owners_form, start, stop),
        cmocka_unit_test_setup_teardown(test_rates, start, stop),
        cmocka_unit_test_setup_teardown(test_answers_later, start, stop),
        cmocka_unit_test_setup_teardown(test_streams, start, stop),
        cmocka_unit_test_setup_teardown(test_slow_streams_are_closed, start, stop),
        cmocka_unit_test_setup_teardown(test_stalled_streams_are_closed, start_impatient, stop),
        cmocka_unit_test_setup_teardown(test_streams_are_few, start_few_streams, stop),
        cmocka_unit_test_setup_teardown(
            test_streams_of_one_client_are_few, start_own_streams, stop),
    };

    return cmocka_run_group_tests_name("http_answers", tests, NULL, NULL);
}
