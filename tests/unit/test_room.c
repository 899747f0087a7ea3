/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the http process and those behind it say to each other: questions and answers as bytes,
 * every limit, bytes of chance, a conversation over a socket pair, query strings.
 */
#include "base/clock.h"
#include "base/json.h"
#include "centre/room.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct vt_ask
an_ask(void)
{
    return (struct vt_ask){.number = 7,
        .post = true,
        .path = "/api/v1/comments",
        .query = "source=sha256%3Aab",
        .content_type = "application/json",
        .if_none_match = "\"x\"",
        .origin = "https://centre.example",
        .session = "secret",
        .client = "c0ffee",
        .who = "alice.example",
        .sealed = "ab cd",
        .body = "{\0}",
        .body_len = 3};
}

static struct vt_answer
an_answer(void)
{
    struct vt_answer a;

    vt_answer_preset(&a);
    a.number = UINT64_MAX;
    a.pass = true;
    a.status = 429;
    a.retry_after_s = 9;
    a.etag = "\"e\"";
    a.set_cookie = "vt-session=x; HttpOnly";
    a.disposition = "attachment";
    a.csp = "sandbox";
    a.who = "Zo\xc3\xab";
    a.sealed = "ab";
    a.body = "no\0";
    a.body_len = 3;
    return a;
}

static void
test_ask_round_trip(void **state)
{
    struct vt_ask a = an_ask();
    struct vt_buf b = VT_BUF(VT_ROOM_MESSAGE_MAX);
    struct vt_ask got;

    (void)state;
    assert_int_equal(vt_ask_put(&b, &a, NULL), VT_OK);
    assert_int_equal(vt_ask_read(&b, &got, NULL), VT_OK);
    assert_true(got.number == 7 && got.post);
    assert_string_equal(got.path, a.path);
    assert_string_equal(got.query, a.query);
    assert_string_equal(got.content_type, a.content_type);
    assert_string_equal(got.if_none_match, a.if_none_match);
    assert_string_equal(got.origin, a.origin);
    assert_string_equal(got.session, a.session);
    assert_string_equal(got.client, a.client);
    assert_string_equal(got.who, a.who);
    assert_string_equal(got.sealed, a.sealed);
    assert_int_equal(got.body_len, 3);
    assert_memory_equal(got.body, a.body, 3);
    vt_buf_release(&b);
}

static void
test_answer_round_trip(void **state)
{
    struct vt_answer a = an_answer();
    struct vt_buf b = VT_BUF(VT_ROOM_MESSAGE_MAX);
    struct vt_answer got;

    (void)state;
    assert_int_equal(vt_answer_put(&b, &a, NULL), VT_OK);
    assert_int_equal(vt_answer_read(&b, &got, NULL), VT_OK);
    assert_true(got.number == UINT64_MAX && got.pass && got.status == 429);
    assert_int_equal(got.retry_after_s, 9);
    assert_string_equal(got.content_type, a.content_type);
    assert_string_equal(got.cache, a.cache);
    assert_string_equal(got.etag, a.etag);
    assert_string_equal(got.set_cookie, a.set_cookie);
    assert_string_equal(got.disposition, a.disposition);
    assert_string_equal(got.csp, a.csp);
    assert_string_equal(got.who, a.who);
    assert_string_equal(got.sealed, a.sealed);
    assert_int_equal(got.body_len, 3);
    assert_memory_equal(got.body, a.body, 3);
    vt_buf_release(&b);
}

/* A string of n characters. */
static const char *
long_string(size_t n)
{
    static char text[VT_ROOM_SEALED_MAX + 2];

    memset(text, 'a', sizeof(text));
    text[n] = '\0';
    return text;
}

static enum vt_err
try_ask(const struct vt_ask *a)
{
    struct vt_buf b = VT_BUF(VT_ROOM_MESSAGE_MAX);
    struct vt_ask got;
    enum vt_err err = vt_ask_put(&b, a, NULL);

    if (err == VT_OK)
        assert_int_equal(vt_ask_read(&b, &got, NULL), VT_OK);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
try_answer(const struct vt_answer *a)
{
    struct vt_buf b = VT_BUF(VT_ROOM_MESSAGE_MAX);
    struct vt_answer got;
    enum vt_err err = vt_answer_put(&b, a, NULL);

    if (err == VT_OK)
        assert_int_equal(vt_answer_read(&b, &got, NULL), VT_OK);
    vt_buf_release(&b);
    return err;
}

static void
test_ask_limits(void **state)
{
    static const struct {
        size_t at;
        size_t max;
    } parts[] = {
        {offsetof(struct vt_ask, path), VT_ROOM_PATH_MAX},
        {offsetof(struct vt_ask, query), VT_ROOM_QUERY_MAX},
        {offsetof(struct vt_ask, content_type), VT_ROOM_FIELD_MAX},
        {offsetof(struct vt_ask, if_none_match), VT_ROOM_FIELD_MAX},
        {offsetof(struct vt_ask, origin), VT_ROOM_FIELD_MAX},
        {offsetof(struct vt_ask, session), VT_ROOM_FIELD_MAX},
        {offsetof(struct vt_ask, client), VT_ROOM_FIELD_MAX},
        {offsetof(struct vt_ask, who), VT_ROOM_FIELD_MAX},
        {offsetof(struct vt_ask, sealed), VT_ROOM_SEALED_MAX},
    };
    uint8_t *body = calloc(1, VT_ROOM_BODY_MAX + 1);
    struct vt_ask a;

    (void)state;
    assert_non_null(body);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *s = long_string(parts[i].max);

        a = an_ask();
        memcpy((char *)&a + parts[i].at, &s, sizeof(s));
        assert_int_equal(try_ask(&a), VT_OK);
        (void)long_string(parts[i].max + 1);
        assert_int_equal(try_ask(&a), VT_E_USAGE);
    }
    a = an_ask();
    a.body = body;
    a.body_len = VT_ROOM_BODY_MAX;
    assert_int_equal(try_ask(&a), VT_OK);
    a.body_len++;
    assert_int_equal(try_ask(&a), VT_E_USAGE);
    free(body);
}

static void
test_answer_limits(void **state)
{
    uint8_t *body = calloc(1, VT_ROOM_ANSWER_MAX + 1);
    struct vt_answer a = an_answer();

    (void)state;
    assert_non_null(body);
    a.csp = long_string(VT_ROOM_FIELD_MAX);
    assert_int_equal(try_answer(&a), VT_OK);
    (void)long_string(VT_ROOM_FIELD_MAX + 1);
    assert_int_equal(try_answer(&a), VT_E_USAGE);
    a = an_answer();
    a.sealed = long_string(VT_ROOM_SEALED_MAX);
    assert_int_equal(try_answer(&a), VT_OK);
    a = an_answer();
    a.body = body;
    a.body_len = VT_ROOM_ANSWER_MAX;
    assert_int_equal(try_answer(&a), VT_OK);
    a.body_len++;
    assert_int_equal(try_answer(&a), VT_E_USAGE);
    /* What no header can hold. */
    a = an_answer();
    a.disposition = "attachment\r\nSet-Cookie: a=b";
    assert_int_equal(try_answer(&a), VT_E_USAGE);
    a.disposition = "attachment; filename=\"Zo\xc3\xab\"";
    assert_int_equal(try_answer(&a), VT_E_USAGE);
    a = an_answer();
    a.status = 199;
    assert_int_equal(try_answer(&a), VT_E_USAGE);
    a.status = 600;
    assert_int_equal(try_answer(&a), VT_E_USAGE);
    free(body);
}

/* Every beginning of a message short of its body, and bytes turned in its head. */
static void
test_hostile_bytes(void **state)
{
    struct vt_ask a = an_ask();
    struct vt_answer w = an_answer();
    struct vt_buf b = VT_BUF(VT_ROOM_MESSAGE_MAX);
    struct vt_why why = {0};
    struct vt_ask got = {.number = 99};
    struct vt_answer got_answer;
    size_t len;

    (void)state;
    assert_int_equal(vt_ask_put(&b, &a, NULL), VT_OK);
    len = b.len;
    for (b.len = 0; b.len < len - a.body_len; b.len++)
        assert_int_equal(vt_ask_read(&b, &got, &why), VT_E_SYNTAX);
    assert_int_equal(got.number, 99);
    b.len = len;
    b.data[8] = 2; /* neither GET nor POST */
    assert_int_equal(vt_ask_read(&b, &got, NULL), VT_E_SYNTAX);
    b.data[8] = 0;
    b.data[9] = 0xff; /* a path of 65,000 bytes */
    assert_int_equal(vt_ask_read(&b, &got, NULL), VT_E_SYNTAX);
    b.data[9] = 0;
    b.data[12] = 0; /* a NUL in the path */
    assert_int_equal(vt_ask_read(&b, &got, NULL), VT_E_SYNTAX);
    b.data[12] = 'x';
    assert_int_equal(vt_ask_read(&b, &got, NULL), VT_OK);
    b.data[11 + strlen(a.path)] = 'x'; /* no NUL after it */
    assert_int_equal(vt_ask_read(&b, &got, NULL), VT_E_SYNTAX);

    vt_buf_clear(&b);
    assert_int_equal(vt_answer_put(&b, &w, NULL), VT_OK);
    len = b.len;
    for (b.len = 0; b.len < len - w.body_len; b.len++)
        assert_int_equal(vt_answer_read(&b, &got_answer, NULL), VT_E_SYNTAX);
    b.len = len;
    b.data[15] = '\n'; /* in the content type */
    assert_int_equal(vt_answer_read(&b, &got_answer, NULL), VT_E_SYNTAX);
    vt_buf_release(&b);
}

/* --- A process behind, played by a thread. --- */

struct behind {
    int fd;
    int idles;
    int asked;
    enum vt_err err;
    struct vt_why why;
    pthread_t thread;
};

static enum vt_err
behind_answer(void *ctx, bool admit, const struct vt_ask *ask, struct vt_answer *ret,
    struct vt_buf *body, struct vt_why *why)
{
    struct behind *b = ctx;

    if (body->len != 0)
        return vt_fail(why, VT_E_STATE, "something is left of the answer before");
    b->asked++;
    ret->pass = admit;
    ret->number = 0; /* is put right */
    if (strcmp(ask->path, "/end") == 0)
        return vt_fail(why, VT_E_NOENT, "told to end");
    if (strcmp(ask->path, "/header") == 0)
        ret->disposition = "a\nb";
    if (strcmp(ask->path, "/long") == 0)
        (void)vt_buf_reserve(body, (size_t)VT_ROOM_ANSWER_MAX + 1);
    if (strcmp(ask->path, "/missing") == 0)
        vt_answer_error(ret, body, 404, "no \"%s\"\n", ask->path);
    else
        vt_buf_putf(body, "%s?%s", ask->path, ask->query);
    return VT_OK;
}

static enum vt_err
behind_idle(void *ctx, struct vt_why *why)
{
    struct behind *b = ctx;

    (void)why;
    b->idles++;
    return VT_OK;
}

static void *
behind_main(void *ctx)
{
    struct behind *b = ctx;
    struct vt_room_opts opts = {.answer = behind_answer, .idle = behind_idle, .ctx = b};

    b->err = vt_room_run(b->fd, &opts, &b->why);
    close(b->fd);
    return NULL;
}

static int
behind_start(struct behind *b)
{
    int fd[2];

    memset(b, 0, sizeof(*b));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    b->fd = fd[1];
    assert_int_equal(pthread_create(&b->thread, NULL, behind_main, b), 0);
    return fd[0];
}

static void
behind_end(struct behind *b, int fd)
{
    if (fd >= 0)
        close(fd);
    assert_int_equal(pthread_join(b->thread, NULL), 0);
}

/* Asks and waits; what ret points at is in m. */
static void
ask(int fd, enum vt_room_msg type, const char *path, struct vt_buf *m, struct vt_answer *ret)
{
    static const struct vt_msg_rule rules[] = {{VT_ROOM_ANSWER, VT_ROOM_MESSAGE_MAX}, {0, 0}};
    struct vt_ask a = an_ask();
    uint16_t got;

    a.path = path;
    assert_int_equal(vt_ask_send(fd, type, &a, NULL), VT_OK);
    assert_int_equal(vt_msg_recv(fd, rules, 60000, &got, m, NULL), VT_OK);
    assert_int_equal(vt_answer_read(m, ret, NULL), VT_OK);
    assert_int_equal(ret->number, 7);
}

/* Whether an answer's body is the API's error with that code. */
static void
assert_error(const struct vt_answer *a, int status, const char *code)
{
    json_t *error = NULL;
    json_t *root = NULL;
    const char *s;

    assert_int_equal(a->status, status);
    assert_string_equal(a->content_type, "application/json");
    assert_int_equal(vt_json_parse(a->body, a->body_len, "error", &root, NULL), VT_OK);
    assert_int_equal(vt_json_obj(root, "error", &error, NULL), VT_OK);
    assert_int_equal(vt_json_str(error, "code", &s, NULL), VT_OK);
    assert_string_equal(s, code);
    assert_int_equal(vt_json_str(error, "message", &s, NULL), VT_OK);
    assert_null(strchr(s, '\n'));
    json_decref(root);
}

static void
test_conversation(void **state)
{
    struct vt_buf m = VT_BUF(VT_ROOM_MESSAGE_MAX);
    struct vt_answer a;
    struct behind b;
    int fd = behind_start(&b);

    (void)state;
    ask(fd, VT_ROOM_ASK, "/a", &m, &a);
    assert_true(a.status == 200 && !a.pass);
    assert_string_equal(a.cache, "no-cache");
    assert_int_equal(a.body_len, strlen("/a?source=sha256%3Aab"));
    ask(fd, VT_ROOM_ADMIT, "/b", &m, &a);
    assert_true(a.pass);
    ask(fd, VT_ROOM_ASK, "/missing", &m, &a);
    assert_error(&a, 404, "not-found");
    /* What cannot be sent is replaced, and the conversation goes on. */
    ask(fd, VT_ROOM_ASK, "/header", &m, &a);
    assert_error(&a, 503, "unavailable");
    assert_int_equal(a.retry_after_s, 1);
    ask(fd, VT_ROOM_ASK, "/long", &m, &a);
    assert_error(&a, 413, "too-large");
    ask(fd, VT_ROOM_ASK, "/c", &m, &a);
    assert_int_equal(a.status, 200);
    behind_end(&b, fd);
    assert_int_equal(b.err, VT_OK);
    assert_string_equal(b.why.text, "");
    vt_buf_release(&m);
}

static void
test_conversation_ends(void **state)
{
    struct vt_ask a = an_ask();
    struct behind b;
    int fd = behind_start(&b);
    struct vt_buf m = VT_BUF(64);
    uint16_t type;
    static const struct vt_msg_rule rules[] = {{VT_ROOM_ANSWER, 64}, {0, 0}};

    (void)state;
    /* An error of `answer`, also one that a closed channel has too. */
    a.path = "/end";
    assert_int_equal(vt_ask_send(fd, VT_ROOM_ASK, &a, NULL), VT_OK);
    behind_end(&b, -1);
    assert_int_equal(b.err, VT_E_NOENT);
    assert_string_equal(b.why.text, "told to end");
    close(fd);
    /* A message that is none of ours, or no question. */
    fd = behind_start(&b);
    assert_int_equal(vt_msg_send(fd, VT_ROOM_EVENT, "x", 1, NULL), VT_OK);
    behind_end(&b, -1);
    assert_int_equal(b.err, VT_E_SYNTAX);
    close(fd);
    fd = behind_start(&b);
    assert_int_equal(vt_msg_send(fd, VT_ROOM_ASK, "x", 1, NULL), VT_OK);
    assert_int_equal(vt_msg_recv(fd, rules, 60000, &type, &m, NULL), VT_E_NOENT);
    behind_end(&b, fd);
    assert_int_equal(b.err, VT_E_SYNTAX);
    /* Who asked does not wait for the answer. */
    fd = behind_start(&b);
    a.path = "/a";
    assert_int_equal(vt_ask_send(fd, VT_ROOM_ASK, &a, NULL), VT_OK);
    behind_end(&b, fd);
    assert_int_equal(b.err, VT_OK);
    vt_buf_release(&m);
}

static void
test_idle(void **state)
{
    struct behind b;
    int64_t start = vt_clock_monotonic_ms();
    int fd = behind_start(&b);

    (void)state;
    sleep(3);
    behind_end(&b, fd);
    assert_int_equal(b.err, VT_OK);
    assert_in_range(b.idles, 1, (vt_clock_monotonic_ms() - start) / 1000);
}

static void
test_errors(void **state)
{
    static const struct {
        int status;
        const char *code;
    } of[] = {{400, "bad-request"}, {401, "login"}, {403, "forbidden"}, {404, "not-found"},
        {405, "method"}, {409, "conflict"}, {413, "too-large"}, {422, "refused"},
        {429, "slow-down"}, {503, "unavailable"}, {500, "unavailable"}};
    struct vt_buf b = VT_BUF(4096);
    struct vt_answer a = an_answer();

    (void)state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        vt_answer_error(&a, &b, of[i].status, "<%s>", "\x1b[31m\xff");
        a.body = b.data;
        a.body_len = b.len;
        assert_error(&a, of[i].status, of[i].code);
        assert_true(a.number == UINT64_MAX && !a.pass);
        assert_string_equal(a.set_cookie, "");
    }
    /* A longer wait that was asked for stays. */
    a.retry_after_s = 30;
    vt_answer_error(&a, &b, 429, "slow");
    assert_int_equal(a.retry_after_s, 30);
    vt_answer_error(&a, &b, 404, "%s", long_string(4000));
    assert_true(b.len < 1200);
    assert_int_equal(a.retry_after_s, 0);
    vt_buf_release(&b);
}

static void
assert_query(const char *query, const char *name, const char *value)
{
    char got[32] = "untouched";
    bool bad = false;

    assert_true(vt_query_get(query, name, got, sizeof(got), &bad));
    assert_false(bad);
    assert_string_equal(got, value);
}

static void
assert_no_query(const char *query, const char *name, bool is_bad)
{
    char got[8] = "same";
    bool bad = false;

    assert_false(vt_query_get(query, name, got, sizeof(got), &bad));
    assert_int_equal(bad, is_bad);
    assert_string_equal(got, "same");
}

static void
test_query_get(void **state)
{
    (void)state;
    assert_query("q=a", "q", "a");
    assert_query("x=1&q=a%20b+c&y", "q", "a b c");
    assert_query("q=%2B%26%3d", "q", "+&=");
    assert_query("q=a=b", "q", "a=b");
    assert_query("q=", "q", "");
    assert_query("q", "q", "");
    assert_query("%71=1", "q", "1");
    assert_query("q=1&q=2", "q", "1");
    assert_query("q=%c3%ab", "q", "\xc3\xab");
    assert_query("q=1234567", "q", "1234567");
    assert_no_query("", "q", false);
    assert_no_query("qq=1", "q", false);
    assert_no_query("a=q", "q", false);
    assert_no_query("q=12345678", "q", true); /* 8 bytes and a NUL into 8 */
    assert_no_query("q=%", "q", true);
    assert_no_query("q=%4", "q", true);
    assert_no_query("q=%zz", "q", true);
    assert_no_query("q=%00", "q", true);
    assert_no_query("q=%ff", "q", true);
    assert_no_query("q=\xc3", "q", true);
    assert_no_query("q=a b", "q", true);
    assert_no_query("q=a\tb", "q", true);
}

static void
test_query_only(void **state)
{
    static const char *const names[] = {"q", "limit", NULL};
    static const char *const none[] = {NULL};

    (void)state;
    assert_true(vt_query_only("", names));
    assert_true(vt_query_only("", none));
    assert_true(vt_query_only("limit=1&q=", names));
    assert_true(vt_query_only("%71=1", names));
    assert_false(vt_query_only("q=1&q=2", names));
    assert_false(vt_query_only("q=1&%71=2", names));
    assert_false(vt_query_only("q=1&other=2", names));
    assert_false(vt_query_only("q=1", none));
    assert_false(vt_query_only("q=1&", names));
    assert_false(vt_query_only("&", names));
    assert_false(vt_query_only("q=1&&limit=2", names));
    assert_false(vt_query_only("=1", names));
    assert_false(vt_query_only("q%00=1", names));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ask_round_trip),
        cmocka_unit_test(test_answer_round_trip),
        cmocka_unit_test(test_ask_limits),
        cmocka_unit_test(test_answer_limits),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_conversation),
        cmocka_unit_test(test_conversation_ends),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_query_get),
        cmocka_unit_test(test_query_only),
    };

    return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
