/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The http process of a site with the processes behind it played by the test: who is asked
 * what, in which order, and what becomes of their answers; the built page; events.
 */
#include "base/clock.h"
#include "base/proc.h"
#include "centre/room.h"
#include "centre/web.h"
#include "http/server.h"
#include "log/service.h"
#include "note/policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { LOG, DESK, READER_1, READER_2, INDEXER, ROOMS };
enum { WAIT_MS = 60000 };

struct world {
    char root[VT_PATH_MAX];
    char public_dir[VT_PATH_MAX];
    char web_dir[VT_PATH_MAX];
    struct vt_home home;
    struct vt_policy *policy;
    bool has_page;
    int listen_fd;
    char url[128];
    int room[ROOMS]; /* the test's ends; -1: closed */
    int behind[ROOMS];
    pid_t pid;
    int stop_fd;
    struct vt_buf message; /* what ask points into */
    struct vt_ask ask;
};

static int
web_main(int fd, void *ctx)
{
    struct world *w = ctx;
    const struct vt_web_opts opts = {.home = &w->home,
        .public_dir = w->public_dir,
        .web_dir = w->has_page ? w->web_dir : NULL,
        .policy = w->policy,
        .listen_fd = w->listen_fd,
        .stop_fd = fd,
        .log_fd = w->behind[LOG],
        .desk_fd = w->behind[DESK],
        .reader_fd = {w->behind[READER_1], w->behind[READER_2]},
        .indexer_fd = w->behind[INDEXER]};
    struct vt_why why = {0};
    enum vt_err err = vt_web_run(&opts, &why);

    if (err != VT_OK)
        fprintf(stderr, "web: %s\n", why.text);
    return vt_err_exit_code(err);
}

static void
put_file(const struct world *w, const char *name, const char *text)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(path, NULL, "%s/%s", w->root, name), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, text, strlen(text), NULL), VT_OK);
}

static void
make_folders(struct world *w)
{
    static const char *const dirs[] = {"home", "public/tile", "public/objects", "web/assets"};
    char path[VT_PATH_MAX];

    assert_int_equal(vt_dir_temp("/tmp", "vt-web", w->root, NULL), VT_OK);
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        assert_int_equal(vt_path(path, NULL, "%s/%s", w->root, dirs[i]), VT_OK);
        assert_int_equal(vt_dir_make(path, 0755, NULL), VT_OK);
    }
    assert_int_equal(vt_path(path, NULL, "%s/home/site", w->root), VT_OK);
    assert_int_equal(
        vt_home_create(path, VT_HOME_SITE, "zurich.example", "CH", &w->home, NULL), VT_OK);
    assert_int_equal(vt_path(w->public_dir, NULL, "%s/public", w->root), VT_OK);
    assert_int_equal(vt_path(w->web_dir, NULL, "%s/web", w->root), VT_OK);
    put_file(w, "public/tile/0", "a tile");
    put_file(w, "secret", "secret");
    put_file(w, "web/index.html", "<!doctype html><p>the page\n");
    put_file(w, "web/assets/app-1234.js", "run()\n");
    put_file(w, "web/assets/app-1234.js.br", "brotli");
}

static void
make_policy(struct world *w)
{
    struct vt_vkey key;
    char text[VT_VKEY_TEXT_MAX];
    char policy[VT_VKEY_TEXT_MAX + 64];

    assert_int_equal(
        vt_home_key_new(&w->home, "log", NULL, VT_NOTE_ED25519, NULL, &key, NULL), VT_OK);
    vt_vkey_format(&key, text);
    (void)snprintf(policy, sizeof(policy), "log %s\nquorum none\n", text);
    assert_int_equal(vt_policy_parse(policy, strlen(policy), &w->policy, NULL), VT_OK);
}

static int
start_with(void **state, bool has_page)
{
    struct world *w = calloc(1, sizeof(*w));
    int keep[ROOMS + 2];
    int fd[2];

    assert_non_null(w);
    w->has_page = has_page;
    w->message = VT_BUF(VT_ROOM_MESSAGE_MAX);
    make_folders(w);
    make_policy(w);
    assert_int_equal(vt_http_listen("127.0.0.1:0", &w->listen_fd, w->url, NULL), VT_OK);
    for (int i = 0; i < ROOMS; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
        w->room[i] = fd[0];
        w->behind[i] = fd[1];
        keep[i] = fd[1];
    }
    keep[ROOMS] = w->listen_fd;
    keep[ROOMS + 1] = -1;
    assert_int_equal(vt_proc_fork("web", web_main, w, keep, &w->pid, &w->stop_fd, NULL), VT_OK);
    for (int i = 0; i < ROOMS; i++)
        close(w->behind[i]);
    *state = w;
    return 0;
}

static int
start(void **state)
{
    return start_with(state, true);
}

static int
start_plain(void **state)
{
    return start_with(state, false);
}

static void
close_room(struct world *w, int room)
{
    if (w->room[room] >= 0)
        close(w->room[room]);
    w->room[room] = -1;
}

static int
stop(void **state)
{
    struct world *w = *state;

    vt_proc_stop(w->pid, w->stop_fd, 10000);
    for (int i = 0; i < ROOMS; i++)
        close_room(w, i);
    close(w->listen_fd);
    vt_policy_free(w->policy);
    vt_buf_release(&w->message);
    assert_int_equal(vt_tree_remove(w->root, NULL), VT_OK);
    free(w);
    return 0;
}

/* --- The client. --- */

/* Sends a request on a connection of its own and gives that. */
static int
begin(const struct world *w, const char *method, const char *path, const char *headers,
    const char *body)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(strrchr(w->url, ':') + 1)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval tv = {.tv_sec = WAIT_MS / 1000};
    char rq[8192];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    (void)snprintf(rq, sizeof(rq), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s",
        method, path, headers);
    if (body != NULL)
        (void)snprintf(
            rq + strlen(rq), sizeof(rq) - strlen(rq), "Content-Length: %zu\r\n", strlen(body));
    (void)snprintf(
        rq + strlen(rq), sizeof(rq) - strlen(rq), "\r\n%s", body != NULL ? body : "");
    assert_int_equal(send(fd, rq, strlen(rq), MSG_NOSIGNAL), strlen(rq));
    return fd;
}

/* What comes until the server closes, or until `text` does. */
static const char *
read_until(int fd, const char *text)
{
    static char all[65536];
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
finish(int fd)
{
    const char *answer = read_until(fd, NULL);

    close(fd);
    return answer;
}

static const char *
get(const struct world *w, const char *path, const char *headers)
{
    return finish(begin(w, "GET", path, headers, NULL));
}

#define HAS(answer_, text_) assert_non_null(strstr(answer_, text_))
#define HAS_NOT(answer_, text_) assert_null(strstr(answer_, text_))

/* --- The processes behind. --- */

/* Receives a question, of that type, in that room, into w->ask. */
static void
hear(struct world *w, int room, enum vt_room_msg type)
{
    static const struct vt_msg_rule rules[] = {
        {VT_ROOM_ADMIT, VT_ROOM_MESSAGE_MAX}, {VT_ROOM_ASK, VT_ROOM_MESSAGE_MAX}, {0, 0}};
    uint16_t got = 0;

    assert_int_equal(
        vt_msg_recv(w->room[room], rules, WAIT_MS, &got, &w->message, NULL), VT_OK);
    assert_int_equal(got, type);
    assert_int_equal(vt_ask_read(&w->message, &w->ask, NULL), VT_OK);
}

static bool
hears_nothing(const struct world *w, int room)
{
    char c;

    return recv(w->room[room], &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

/* The answer to w->ask, as preset with a body. */
static struct vt_answer
answer_with(const struct world *w, const char *body)
{
    struct vt_answer a;

    vt_answer_preset(&a);
    a.number = w->ask.number;
    a.body = body;
    a.body_len = strlen(body);
    return a;
}

static void
say(struct world *w, int room, const struct vt_answer *a)
{
    assert_int_equal(vt_answer_send(w->room[room], a, NULL), VT_OK);
}

static void
test_desk_is_asked(void **state)
{
    struct world *w = *state;
    int fd = begin(w, "GET", "/api/v1/session?x=1",
        "Cookie: a=b; vt-session=the-word\r\nOrigin: https://x\r\nIf-None-Match: \"n\"\r\n",
        NULL);
    struct vt_answer a;
    const char *answer;

    hear(w, DESK, VT_ROOM_ASK);
    assert_string_equal(w->ask.path, "/api/v1/session");
    assert_string_equal(w->ask.query, "x=1");
    assert_string_equal(w->ask.session, "the-word");
    assert_string_equal(w->ask.origin, "https://x");
    assert_string_equal(w->ask.if_none_match, "\"n\"");
    assert_int_equal(strlen(w->ask.client), 16);
    assert_string_equal(w->ask.who, "");
    assert_false(w->ask.post);
    a = answer_with(w, "{\"reviewer\":null}\n");
    a.cache = "private, no-store";
    a.set_cookie = "vt-session=other; HttpOnly";
    say(w, DESK, &a);
    answer = finish(fd);
    HAS(answer, " 200 ");
    HAS(answer, "Content-Type: application/json");
    HAS(answer, "Cache-Control: private, no-store");
    HAS(answer, "Set-Cookie: vt-session=other; HttpOnly");
    HAS(answer, "Content-Security-Policy: default-src 'none'");
    HAS(answer, "{\"reviewer\":null}");
    assert_true(hears_nothing(w, READER_1) && hears_nothing(w, READER_2));
}

static void
test_desk_takes_posts(void **state)
{
    static const char *const paths[] = {"register/finish", "login/begin", "logout", "comments",
        "comments/7", "assignments", "assignments/1"};
    struct world *w = *state;
    char path[64];
    struct vt_answer a;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        int fd;

        (void)snprintf(path, sizeof(path), "/api/v1/%s", paths[i]);
        fd = begin(w, "POST", path, "Content-Type: application/json\r\n", "{\"a\":1}");
        hear(w, DESK, VT_ROOM_ASK);
        assert_true(w->ask.post);
        assert_string_equal(w->ask.path, path);
        assert_string_equal(w->ask.content_type, "application/json");
        assert_int_equal(w->ask.body_len, 7);
        assert_memory_equal(w->ask.body, "{\"a\":1}", 7);
        a = answer_with(w, "");
        a.status = 204;
        say(w, DESK, &a);
        HAS(finish(fd), " 204 ");
    }
}

/* Readers never hear of a session. */
static void
test_readers_are_asked(void **state)
{
    struct world *w = *state;
    int fd = begin(w, "GET", "/api/v1/releases?limit=2", "Cookie: vt-session=word\r\n", NULL);
    struct vt_answer a;
    const char *answer;
    int second;

    hear(w, READER_1, VT_ROOM_ASK);
    assert_string_equal(w->ask.session, "");
    assert_string_equal(w->ask.who, "");
    assert_string_equal(w->ask.path, "/api/v1/releases");
    a = answer_with(w, "{}");
    a.etag = "\"tag\"";
    /* The second question goes to the reader that has none. */
    second = begin(w, "HEAD", "/api/v1/releases", "", NULL);
    hear(w, READER_2, VT_ROOM_ASK);
    say(w, READER_1, &a);
    answer = finish(fd);
    HAS(answer, "ETag: \"tag\"");
    HAS(answer, "\r\n\r\n{}");
    a.number = w->ask.number;
    say(w, READER_2, &a);
    answer = finish(second);
    HAS(answer, " 200 ");
    HAS(answer, "Content-Length: 2");
    HAS_NOT(answer, "{}");
    /* Who has it already. */
    fd = begin(w, "GET", "/api/v1/releases", "If-None-Match: \"tag\"\r\n", NULL);
    hear(w, READER_1, VT_ROOM_ASK);
    a.number = w->ask.number;
    say(w, READER_1, &a);
    answer = finish(fd);
    HAS(answer, " 304 ");
    HAS_NOT(answer, "{}");
    assert_true(hears_nothing(w, DESK));
}

/* Source is opened when the desk has said so, and as whom it said. */
static void
test_source_is_admitted_first(void **state)
{
    static const char *const paths[] = {"/api/v1/sources/sha256:ab/file?path=x",
        "/api/v1/sources/sha256:ab/tree", "/api/v1/search?q=x", "/api/v1/sources/a/b/c"};
    struct world *w = *state;
    struct vt_answer a;
    const char *answer;
    int fd;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        fd = begin(w, "GET", paths[i], "Cookie: vt-session=word\r\n", NULL);
        hear(w, DESK, VT_ROOM_ADMIT);
        assert_string_equal(w->ask.session, "word");
        assert_true(hears_nothing(w, READER_1) && hears_nothing(w, READER_2));
        a = answer_with(w, "");
        a.pass = true;
        a.who = "alice.example";
        a.sealed = "ab cd";
        say(w, DESK, &a);
        hear(w, READER_1, VT_ROOM_ASK);
        assert_string_equal(w->ask.who, "alice.example");
        assert_string_equal(w->ask.sealed, "ab cd");
        assert_string_equal(w->ask.session, "");
        if (strchr(paths[i], '?') != NULL)
            assert_string_equal(w->ask.query, strchr(paths[i], '?') + 1);
        a = answer_with(w, "source");
        a.csp = "sandbox";
        a.content_type = "application/octet-stream";
        a.disposition = "attachment";
        say(w, READER_1, &a);
        answer = finish(fd);
        HAS(answer, "\r\n\r\nsource");
        HAS(answer, "Content-Security-Policy: sandbox");
        HAS(answer, "Content-Disposition: attachment");
    }
    /* A desk that does not let it pass has the last word. */
    fd = begin(w, "GET", paths[0], "", NULL);
    hear(w, DESK, VT_ROOM_ADMIT);
    a = answer_with(w, "{\"error\":{}}");
    a.status = 403;
    say(w, DESK, &a);
    HAS(finish(fd), " 403 ");
    assert_true(hears_nothing(w, READER_1) && hears_nothing(w, READER_2));
    /* `pass` is for admissions: an answer to a question with it goes to the client. */
    fd = begin(w, "GET", "/api/v1/session", "", NULL);
    hear(w, DESK, VT_ROOM_ASK);
    a = answer_with(w, "mine");
    a.pass = true;
    say(w, DESK, &a);
    HAS(finish(fd), "mine");
    /* The snapshot's own facts are no source. */
    fd = begin(w, "GET", "/api/v1/sources/sha256:ab", "", NULL);
    hear(w, READER_1, VT_ROOM_ASK);
    a = answer_with(w, "facts");
    say(w, READER_1, &a);
    HAS(finish(fd), "facts");
}

static void
test_errors_are_of_the_api(void **state)
{
    struct world *w = *state;
    const char *answer = finish(begin(w, "PUT", "/api/v1/session", "", ""));
    char large[5000];

    HAS(answer, " 405 ");
    HAS(answer, "\"code\":\"method\"");
    answer = finish(begin(w, "POST", "/api/v1/releases", "", "{}"));
    HAS(answer, " 405 ");
    HAS(answer, "Allow: GET, HEAD");
    HAS(answer, "\"code\":\"method\"");
    answer = get(w, "/api/v1/login/begin", "");
    HAS(answer, " 405 ");
    HAS(answer, "Allow: POST");
    answer = get(w, "/api/v1/a/../b", "");
    HAS(answer, " 400 ");
    HAS(answer, "\"code\":\"bad-request\"");
    answer = get(w, "/api/v1/x%00", "");
    HAS(answer, "\"code\":\"bad-request\"");
    answer = finish(begin(w, "POST", "/api/v1/comments", "Content-Length: 65537\r\n", NULL));
    HAS(answer, " 413 ");
    HAS(answer, "\"code\":\"too-large\"");
    memset(large, 'q', sizeof(large));
    memcpy(large, "/api/v1/site?", 13);
    large[sizeof(large) - 1] = '\0';
    answer = get(w, large, "");
    HAS(answer, " 400 ");
    HAS(answer, "\"code\":\"bad-request\"");
    /* Elsewhere they are a line of text. */
    answer = get(w, "/nothing", "");
    HAS(answer, " 404 ");
    HAS_NOT(answer, "\"code\"");
    for (int i = 0; i < ROOMS; i++)
        assert_true(hears_nothing(w, i));
}

static void
test_logins_are_few(void **state)
{
    struct world *w = *state;
    bool slowed = false;
    struct vt_answer a;

    for (int i = 0; i < 60 && !slowed; i++) {
        int fd = begin(w, "POST", "/api/v1/login/begin", "", "{}");
        const char *answer;

        usleep(2000);
        if (i < 20) {
            hear(w, DESK, VT_ROOM_ASK);
            a = answer_with(w, "{}");
            say(w, DESK, &a);
            HAS(finish(fd), " 200 ");
            continue;
        }
        /* From here on each may still be let through when time has passed. */
        while (hears_nothing(w, DESK) && recv(fd, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
            usleep(1000);
        if (!hears_nothing(w, DESK)) {
            hear(w, DESK, VT_ROOM_ASK);
            a = answer_with(w, "{}");
            say(w, DESK, &a);
        }
        answer = finish(fd);
        slowed = strstr(answer, " 429 ") != NULL;
        if (slowed) {
            HAS(answer, "Retry-After: ");
            HAS(answer, "\"code\":\"slow-down\"");
        }
    }
    assert_true(slowed);
}

/* As many as both readers take, and one more; then the readers go. */
static void
test_full_and_gone(void **state)
{
    struct world *w = *state;
    int fd[2 * VT_ROOM_OPEN_MAX];
    const char *answer;
    struct vt_answer a;

    for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
        fd[i] = begin(w, "GET", "/api/v1/site", "", NULL);
    for (size_t i = 0; i < VT_ROOM_OPEN_MAX; i++) {
        hear(w, READER_1, VT_ROOM_ASK);
        hear(w, READER_2, VT_ROOM_ASK);
    }
    answer = get(w, "/api/v1/site", "");
    HAS(answer, " 503 ");
    HAS(answer, "\"code\":\"unavailable\"");
    HAS(answer, "Retry-After: 1");
    HAS(get(w, "/healthz", ""), "ok\n");
    /* One has an answer; so there is room again, with that reader. */
    a = answer_with(w, "{}");
    say(w, READER_2, &a);
    fd[0] = begin(w, "GET", "/api/v1/health", "", NULL);
    hear(w, READER_2, VT_ROOM_ASK);
    assert_string_equal(w->ask.path, "/api/v1/health");
    /* A reader goes: what it was asked is told so; the other is asked from then on. */
    close_room(w, READER_2);
    HAS(finish(fd[0]), " 503 ");
    close_room(w, READER_1);
    answer = get(w, "/api/v1/site", "");
    HAS(answer, " 503 ");
    HAS(answer, "\"code\":\"unavailable\"");
    for (size_t i = 1; i < sizeof(fd) / sizeof(fd[0]); i++)
        close(fd[i]);
    HAS(get(w, "/healthz", ""), "ok\n");
    HAS(get(w, "/tile/0", ""), "a tile");
}

/* Answers that are none, to nobody, or twice. */
static void
test_hostile_answers(void **state)
{
    struct world *w = *state;
    int fd = begin(w, "GET", "/api/v1/site", "", NULL);
    struct vt_answer a;

    hear(w, READER_1, VT_ROOM_ASK);
    a = answer_with(w, "{\"a\":1}");
    a.number += 1000;
    say(w, READER_1, &a);
    a.number -= 1000;
    say(w, READER_1, &a);
    say(w, READER_1, &a);
    HAS(finish(fd), "{\"a\":1}");
    fd = begin(w, "GET", "/api/v1/site", "", NULL);
    hear(w, READER_1, VT_ROOM_ASK);
    assert_int_equal(vt_msg_send(w->room[READER_1], VT_ROOM_ANSWER, "x", 1, NULL), VT_OK);
    HAS(finish(fd), " 503 "); /* it is not asked any more */
    fd = begin(w, "GET", "/api/v1/site", "", NULL);
    hear(w, READER_2, VT_ROOM_ASK);
    assert_int_equal(vt_msg_send(w->room[READER_2], VT_ROOM_EVENT, "x", 1, NULL), VT_OK);
    HAS(finish(fd), " 503 ");
    /* Nor is the desk, without which nothing is opened. */
    fd = begin(w, "GET", "/api/v1/search?q=x", "", NULL);
    hear(w, DESK, VT_ROOM_ADMIT);
    close_room(w, DESK);
    HAS(finish(fd), " 503 ");
    HAS(get(w, "/api/v1/search?q=x", ""), " 503 ");
}

/* A large answer, read slowly by its client, holds nobody up. */
static void
test_large_answers(void **state)
{
    struct world *w = *state;
    size_t len = VT_ROOM_ANSWER_MAX;
    char *body = malloc(len);
    int slow = begin(w, "GET", "/api/v1/site", "", NULL);
    struct vt_answer a;
    size_t got = 0;
    ssize_t n;

    assert_non_null(body);
    memset(body, 'b', len);
    hear(w, READER_1, VT_ROOM_ASK);
    a = answer_with(w, "");
    a.body = body;
    a.body_len = len;
    say(w, READER_1, &a);
    HAS(get(w, "/healthz", ""), "ok\n");
    while ((n = recv(slow, body, 65536, 0)) > 0)
        got += (size_t)n;
    assert_true(got > len && got < len + 4096);
    close(slow);
    free(body);
}

static void
test_events(void **state)
{
    static const char event[] = "event: checkpoint\ndata: {\"size\":7}\n\n";
    struct world *w = *state;
    int fd[2] = {begin(w, "GET", "/api/v1/events", "", NULL),
        begin(w, "GET", "/api/v1/events", "", NULL)};

    for (int i = 0; i < 2; i++)
        HAS(read_until(fd[i], "retry: 5000\n\n"), "text/event-stream");
    assert_int_equal(
        vt_msg_send(w->room[INDEXER], VT_ROOM_EVENT, event, sizeof(event) - 1, NULL), VT_OK);
    for (int i = 0; i < 2; i++)
        HAS(read_until(fd[i], "}\n\n"), event);
    close(fd[0]);
    /* Without an indexer they go on, and say nothing. */
    close_room(w, INDEXER);
    HAS(get(w, "/healthz", ""), "ok\n");
    close(fd[1]);
}

/* One address cannot take all streams. */
static void
test_events_have_bounds(void **state)
{
    struct world *w = *state;
    int fd[17];
    int refused = 0;

    for (int i = 0; i < 17; i++) {
        fd[i] = begin(w, "GET", "/api/v1/events", "", NULL);
        refused += strstr(read_until(fd[i], "\r\n"), " 503 ") != NULL ? 1 : 0;
    }
    assert_int_equal(refused, 1);
    for (int i = 0; i < 17; i++)
        close(fd[i]);
}

static void
test_reviews_go_to_the_log(void **state)
{
    static const struct vt_msg_rule rules[] = {
        {VT_SERVICE_REVIEW, 2U << 20}, {VT_SERVICE_ADD, 65536}, {0, 0}};
    struct world *w = *state;
    int fd = begin(w, "POST", "/review", "", "document and entry");
    struct vt_buf b = VT_BUF(2U << 20);
    struct vt_reader r;
    uint64_t number = 0;
    uint16_t type = 0;

    assert_int_equal(vt_msg_recv(w->room[LOG], rules, WAIT_MS, &type, &b, NULL), VT_OK);
    assert_int_equal(type, VT_SERVICE_REVIEW);
    r = VT_READER(b.data, b.len);
    assert_true(vt_reader_u64(&r, &number));
    assert_true(vt_reader_is(&r, "document and entry"));
    vt_buf_clear(&b);
    vt_buf_put_u64(&b, number);
    vt_buf_put_u16(&b, 200);
    vt_buf_put_u16(&b, 0);
    vt_buf_puts(&b, "12\n");
    assert_int_equal(vt_msg_send(w->room[LOG], VT_SERVICE_DONE, b.data, b.len, NULL), VT_OK);
    HAS(finish(fd), "\r\n\r\n12\n");
    vt_buf_release(&b);
}

/* What is asked of the log beside its files. */
static void
test_the_log_is_asked(void **state)
{
    static const struct vt_msg_rule rules[] = {
        {VT_SERVICE_METRICS, 8}, {VT_SERVICE_AWAIT, 65536}, {0, 0}};
    struct world *w = *state;
    int fd = begin(w, "GET", "/metrics", "", NULL);
    struct vt_buf b = VT_BUF(65536);
    const char *answer;
    struct vt_reader r;
    uint64_t number = 0;
    uint32_t ms = 0;
    uint16_t type = 0;

    assert_int_equal(vt_msg_recv(w->room[LOG], rules, WAIT_MS, &type, &b, NULL), VT_OK);
    r = VT_READER(b.data, b.len);
    assert_true(type == VT_SERVICE_METRICS && vt_reader_u64(&r, &number) && r.left == 0);
    vt_buf_clear(&b);
    vt_buf_put_u64(&b, number);
    vt_buf_put_u16(&b, 10);
    vt_buf_puts(&b, "origin=\"x\"vitrine_log_entries{origin=\"x\"} 7\n");
    assert_int_equal(vt_msg_send(w->room[LOG], VT_SERVICE_NUMBERS, b.data, b.len, NULL), VT_OK);
    answer = finish(fd);
    HAS(answer, "\r\n\r\nvitrine_log_entries{origin=\"x\"} 7\n");
    HAS(answer, "vitrine_log_resident_bytes{origin=\"x\",process=\"http\"} ");
    /* Who waits is answered as the log says; an answer to nobody is nobody's. */
    fd = begin(w, "POST", "/add?wait=witnessed", "", "an entry");
    assert_int_equal(vt_msg_recv(w->room[LOG], rules, WAIT_MS, &type, &b, NULL), VT_OK);
    r = VT_READER(b.data, b.len);
    assert_true(type == VT_SERVICE_AWAIT && vt_reader_u64(&r, &number) &&
                vt_reader_u32(&r, &ms) && vt_reader_is(&r, "an entry"));
    assert_int_equal(ms, 20000);
    for (unsigned i = 0; i < 2; i++) {
        vt_buf_clear(&b);
        vt_buf_put_u64(&b, i == 0 ? number + 4096 : number);
        vt_buf_put_u16(&b, i == 0 ? 200 : 504);
        vt_buf_put_u16(&b, 0);
        vt_buf_puts(&b, i == 0 ? "1\n" : "23\n");
        assert_int_equal(
            vt_msg_send(w->room[LOG], VT_SERVICE_DONE, b.data, b.len, NULL), VT_OK);
    }
    answer = finish(fd);
    HAS(answer, " 504 ");
    HAS(answer, "Location: /proof/23\r\n");
    HAS(answer, "\r\n\r\n23\n");
    answer = get(w, "/proof/0", "");
    HAS(answer, " 404 ");
    HAS(answer, "Retry-After: 1\r\n");
    vt_buf_release(&b);
}

static void
test_page(void **state)
{
    static const char *const pages[] = {"/", "/releases", "/release/sha256:ab",
        "/source/sha256:ab/a/b.c", "/join", "/accesses"};
    struct world *w = *state;
    const char *answer;

    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        answer = get(w, pages[i], "");
        HAS(answer, "the page");
        HAS(answer, "Cache-Control: no-cache");
        HAS(answer, "ETag: ");
        HAS(answer, "script-src 'self'; style-src 'self'");
        HAS(answer, "frame-ancestors 'none'");
        HAS_NOT(answer, "unsafe");
    }
    answer = get(w, "/assets/app-1234.js", "Accept-Encoding: br\r\n");
    HAS(answer, "brotli");
    HAS(answer, "immutable");
    HAS(answer, "Cross-Origin-Resource-Policy: same-origin");
    HAS(get(w, "/assets/app-1234.js", ""), "run()");
    HAS(get(w, "/index.html", ""), " 404 ");
    HAS(get(w, "/assets/../index.html", ""), " 400 ");
    HAS(get(w, "/nothing/release", ""), " 404 ");
    HAS(get(w, "/plain", ""), "zurich.example");
    answer = get(w, "/tile/0", "");
    HAS(answer, "a tile");
    HAS(answer, "Cross-Origin-Resource-Policy: cross-origin");
    HAS(answer, "Access-Control-Allow-Origin: *");
}

static void
test_plain_page(void **state)
{
    struct world *w = *state;

    HAS(get(w, "/", ""), "zurich.example");
    HAS(get(w, "/plain", ""), "zurich.example");
    HAS(get(w, "/releases", ""), " 404 ");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_desk_is_asked, start, stop),
        cmocka_unit_test_setup_teardown(test_desk_takes_posts, start, stop),
        cmocka_unit_test_setup_teardown(test_readers_are_asked, start, stop),
        cmocka_unit_test_setup_teardown(test_source_is_admitted_first, start, stop),
        cmocka_unit_test_setup_teardown(test_errors_are_of_the_api, start, stop),
        cmocka_unit_test_setup_teardown(test_logins_are_few, start, stop),
        cmocka_unit_test_setup_teardown(test_full_and_gone, start, stop),
        cmocka_unit_test_setup_teardown(test_hostile_answers, start, stop),
        cmocka_unit_test_setup_teardown(test_large_answers, start, stop),
        cmocka_unit_test_setup_teardown(test_events, start, stop),
        cmocka_unit_test_setup_teardown(test_events_have_bounds, start, stop),
        cmocka_unit_test_setup_teardown(test_reviews_go_to_the_log, start, stop),
        cmocka_unit_test_setup_teardown(test_the_log_is_asked, start, stop),
        cmocka_unit_test_setup_teardown(test_page, start, stop),
        cmocka_unit_test_setup_teardown(test_plain_page, start_plain, stop),
    };

    return cmocka_run_group_tests_name("web", tests, NULL, NULL);
}
