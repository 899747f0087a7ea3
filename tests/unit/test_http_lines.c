/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines for requests, as text and as JSON, and what is in none of them.
 */
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "http/client.h"
#include "http/server.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct site {
    char dir[VT_PATH_MAX];
    char lines[VT_PATH_MAX]; /* where standard error goes meanwhile */
    int stderr_before;
    struct vt_listen_opts how;
    struct vt_http_server_opts opts;
    char url[VT_HTTP_URL_SIZE];
    int listen_fd;
    int stop[2];
    pthread_t thread;
};

static void
on_echo(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    (void)ctx;
    vt_buf_put(&rs->body, rq->body, rq->body_len);
}

static const struct vt_http_route routes[] = {
    {"POST", "/echo", 100, on_echo, NULL},
    {"GET", "/a \"b\" c", 0, on_echo, NULL},
    {NULL, NULL, 0, NULL, NULL},
};

static void *
serve(void *arg)
{
    struct site *s = arg;
    struct vt_why why = {0};

    assert_int_equal(vt_http_serve(s->listen_fd, s->stop[0], &s->opts, &why), VT_OK);
    return NULL;
}

static int
prepare(void **state)
{
    struct site *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    assert_int_equal(vt_dir_temp("/tmp", "vt-lines", s->dir, NULL), VT_OK);
    assert_int_equal(vt_path(s->lines, NULL, "%s/lines", s->dir), VT_OK);
    s->stderr_before = -1;
    s->how.access_log = true;
    s->opts = (struct vt_http_server_opts){.routes = routes, .how = &s->how};
    assert_int_equal(
        vt_listen_open("127.0.0.1:0", &s->how, &s->listen_fd, s->url, NULL), VT_OK);
    assert_int_equal(pipe(s->stop), 0);
    vt_log_init("lines", VT_LOG_INFO);
    *state = s;
    return 0;
}

static int
finish(void **state)
{
    struct site *s = *state;

    vt_log_json(false);
    if (s->stderr_before >= 0) {
        assert_true(dup2(s->stderr_before, STDERR_FILENO) >= 0);
        close(s->stderr_before);
    }
    close(s->stop[0]);
    close(s->listen_fd);
    assert_int_equal(vt_tree_remove(s->dir, NULL), VT_OK);
    free(s);
    return 0;
}

/* What standard error gets while a few requests are made. */
static void
collect(struct site *s, struct vt_buf *ret)
{
    struct vt_http *h = NULL;
    struct vt_buf b = VT_BUF(4096);
    int fd = open(s->lines, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    int status = 0;

    assert_true(fd >= 0);
    s->stderr_before = dup(STDERR_FILENO);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    close(fd);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    assert_int_equal(vt_http_new(NULL, &h, NULL), VT_OK);
    assert_int_equal(
        vt_http_post(h, s->url, "echo", NULL, "12345", 5, &status, &b, NULL), VT_OK);
    assert_int_equal(vt_http_get(h, s->url, "a \"b\" c", &b, NULL), VT_OK);
    assert_int_equal(vt_http_get(h, s->url, "nowhere\x1b[1m", &b, NULL), VT_E_NET);
    vt_http_free(h);
    close(s->stop[1]);
    pthread_join(s->thread, NULL);
    assert_true(dup2(s->stderr_before, STDERR_FILENO) >= 0);
    close(s->stderr_before);
    s->stderr_before = -1;
    assert_int_equal(vt_file_read(s->lines, ret, NULL), VT_OK);
    vt_buf_release(&b);
}

static void
test_text(void **state)
{
    struct site *s = *state;
    struct vt_buf b = VT_BUF(65536);
    const char *text;

    collect(s, &b);
    text = vt_buf_str(&b);
    assert_non_null(
        strstr(text, " INFO lines request method=POST path=/echo status=200 bytes=5 took_us="));
    assert_non_null(strstr(text, " path=\"/a \\\"b\\\" c\" status=200 "));
    assert_non_null(strstr(text, " status=400 "));
    assert_non_null(strstr(text, " tls=no"));
    assert_null(strchr(text, '\x1b'));
    assert_null(strstr(text, "127.0.0.1"));
    assert_null(strstr(text, "address="));
    vt_buf_release(&b);
}

static void
test_json(void **state)
{
    struct site *s = *state;
    struct vt_buf b = VT_BUF(65536);
    struct vt_reader r;
    struct vt_reader line;
    unsigned n = 0;

    vt_log_json(true);
    s->how.log_addresses = true;
    collect(s, &b);
    r = VT_READER(b.data, b.len);
    while (vt_reader_line(&r, &line)) {
        json_t *all = NULL;
        const char *text;
        int64_t number;

        assert_int_equal(vt_json_parse(line.p, line.left, "line", &all, NULL), VT_OK);
        assert_int_equal(vt_json_str(all, "message", &text, NULL), VT_OK);
        assert_string_equal(text, "request");
        assert_int_equal(vt_json_str(all, "process", &text, NULL), VT_OK);
        assert_string_equal(text, "lines");
        assert_int_equal(vt_json_str(all, "level", &text, NULL), VT_OK);
        assert_string_equal(text, "INFO");
        assert_int_equal(vt_json_str(all, "time", &text, NULL), VT_OK);
        assert_int_equal(strlen(text), 20);
        assert_int_equal(vt_json_str(all, "address", &text, NULL), VT_OK);
        assert_string_equal(text, "127.0.0.1");
        assert_int_equal(vt_json_str(all, "client", &text, NULL), VT_OK);
        assert_int_equal(strlen(text), VT_HTTP_CLIENT_SIZE - 1);
        assert_int_equal(vt_json_int(all, "took_us", 0, 60000000, &number, NULL), VT_OK);
        assert_int_equal(vt_json_str(all, "path", &text, NULL), VT_OK);
        if (n == 1)
            assert_string_equal(text, "/a \"b\" c");
        json_decref(all);
        n++;
    }
    assert_int_equal(n, 3);
    vt_buf_release(&b);
}

static void
test_off(void **state)
{
    struct site *s = *state;
    struct vt_buf b = VT_BUF(65536);

    s->how.access_log = false;
    collect(s, &b);
    assert_int_equal(b.len, 0);
    vt_buf_release(&b);
}

/* A line of the logger itself: long text is cut within its quotes, and is JSON still. */
static void
test_long_lines(void **state)
{
    struct site *s = *state;
    struct vt_buf b = VT_BUF(65536);
    struct vt_log_field v[3];
    char text[6000];
    json_t *all = NULL;
    struct vt_reader r;
    struct vt_reader line;
    int fd = open(s->lines, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

    close(s->stop[1]);
    memset(text, '"', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    v[0] = (struct vt_log_field){"one", "1", 0};
    v[1] = (struct vt_log_field){"long", text, 0};
    v[2] = (struct vt_log_field){"last", NULL, INT64_MAX};
    assert_true(fd >= 0);
    s->stderr_before = dup(STDERR_FILENO);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    close(fd);
    vt_log_json(true);
    vt_log(VT_LOG_INFO, "%s", text);
    vt_log_fields(VT_LOG_INFO, "short", v, 3);
    vt_log_fields(VT_LOG_DEBUG, "unseen", v, 3);
    v[1].number = 7;
    v[1].text = NULL;
    vt_log_fields(VT_LOG_WARN, "short", v, 3);
    assert_true(dup2(s->stderr_before, STDERR_FILENO) >= 0);
    close(s->stderr_before);
    s->stderr_before = -1;
    assert_int_equal(vt_file_read(s->lines, &b, NULL), VT_OK);
    r = VT_READER(b.data, b.len);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(vt_reader_line(&r, &line));
        assert_true(line.left < 2048);
        assert_int_equal(vt_json_parse(line.p, line.left, "line", &all, NULL), VT_OK);
        if (i == 1)
            assert_non_null(json_object_get(all, "one"));
        if (i == 2)
            assert_int_equal(json_integer_value(json_object_get(all, "long")), 7);
        json_decref(all);
    }
    assert_int_equal(r.left, 0);
    vt_buf_release(&b);
}

int
main(void)
{
#define WITH(test_) cmocka_unit_test_setup_teardown(test_, prepare, finish)
    const struct CMUnitTest tests[] = {
        WITH(test_text),
        WITH(test_json),
        WITH(test_off),
        WITH(test_long_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
