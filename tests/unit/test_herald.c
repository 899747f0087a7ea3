/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Web hooks: who is told of what, in which order, signed by whom; receivers that fail, send
 * elsewhere or say too much; the file of hooks.
 */
#include "base/clock.h"
#include "base/proc.h"
#include "centre/facts.h"
#include "centre/facts_writer.h"
#include "centre/herald.h"
#include "centre/hook.h"
#include "http/server.h"
#include "sql/sql.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "index_world.h"

#define GOT_MAX 64
#define REQUEST_MAX 65536

/* A receiver: keeps what it is sent, and answers as it is told. */
struct receiver {
    int fd;
    char url[128];
    pthread_t thread;
    pthread_mutex_t lock;
    const char *answers[GOT_MAX]; /* whole answers; NULL: 200 */
    size_t count;
    char *got[GOT_MAX];
    size_t len[GOT_MAX];
};

struct fixture {
    struct index_world w;
    struct receiver r;
    struct vt_herald_opts opts;
};

/* ---- the receiver ---- */

static size_t
length_of(const char *request, size_t len, size_t *ret_head)
{
    const char *end = memmem(request, len, "\r\n\r\n", 4);
    const char *field = memmem(request, len, "Content-Length: ", 16);

    if (end == NULL)
        return SIZE_MAX;
    *ret_head = (size_t)(end - request) + 4;
    return *ret_head + (field == NULL || field > end ? 0 : strtoul(field + 16, NULL, 10));
}

static size_t
read_request(int fd, char *b)
{
    size_t len = 0, head;

    while (len < REQUEST_MAX && length_of(b, len, &head) > len) {
        ssize_t n = read(fd, b + len, REQUEST_MAX - len);

        if (n <= 0)
            break;
        len += (size_t)n;
    }
    return len;
}

static void
answer(struct receiver *r, int fd)
{
    static const char ok[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    char *b = calloc(1, REQUEST_MAX + 1);
    const char *text = ok;
    size_t len;

    if (b == NULL)
        abort();
    len = read_request(fd, b);
    pthread_mutex_lock(&r->lock);
    if (len > 0 && r->count < GOT_MAX) {
        if (r->answers[r->count] != NULL)
            text = r->answers[r->count];
        r->len[r->count] = len;
        r->got[r->count++] = b;
        b = NULL; /* moved */
    }
    pthread_mutex_unlock(&r->lock);
    free(b);
    (void)!write(fd, text, strlen(text));
}

static void *
receiver_main(void *arg)
{
    struct receiver *r = arg;
    int fd;

    while ((fd = accept(r->fd, NULL, NULL)) >= 0) {
        answer(r, fd);
        close(fd);
    }
    return NULL;
}

static void
receiver_start(struct receiver *r)
{
    struct vt_why why = {{0}};

    lw_must(vt_http_listen("127.0.0.1:0", &r->fd, r->url, &why), &why);
    assert_int_equal(fcntl(r->fd, F_SETFL, 0), 0);
    assert_int_equal(pthread_mutex_init(&r->lock, NULL), 0);
    assert_int_equal(pthread_create(&r->thread, NULL, receiver_main, r), 0);
}

static void
receiver_stop(struct receiver *r)
{
    (void)shutdown(r->fd, SHUT_RDWR);
    pthread_join(r->thread, NULL);
    close(r->fd);
    pthread_mutex_destroy(&r->lock);
    for (size_t i = 0; i < r->count; i++)
        free(r->got[i]);
}

static size_t
received(struct receiver *r)
{
    size_t n;

    pthread_mutex_lock(&r->lock);
    n = r->count;
    pthread_mutex_unlock(&r->lock);
    return n;
}

/* ---- the world ---- */

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    iw_init(&f->w);
    receiver_start(&f->r);
    f->opts = (struct vt_herald_opts){
        .home = &f->w.home, .signer = f->w.signer[IW_CENTRE], .first_s = 1};
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    receiver_stop(&f->r);
    iw_release(&f->w);
    free(f);
    return 0;
}

static void
follow(struct index_world *w)
{
    struct vt_facts *f = NULL;
    struct vt_why problem = {{0}}, why = {{0}};

    lw_must(vt_facts_open(&w->home, w->policy, &f, &why), &why);
    lw_must(vt_facts_follow(f, &problem, &why), &why);
    vt_facts_close(f);
    assert_string_equal(problem.text, "");
}

static void
say_release(struct index_world *w, uint64_t number)
{
    char artifact[32], version[32];

    (void)snprintf(artifact, sizeof artifact, "artifact %d", (int)number);
    (void)snprintf(version, sizeof version, "%d.0.0", (int)number);
    (void)iw_released(w, artifact, version, number, &(struct iw_how){.who = IW_RELEASE});
    iw_publish(w);
    follow(w);
}

static void
add_hook(struct fixture *f, const char *path, const char *events)
{
    struct vt_hooks hooks = {.count = 0};
    struct vt_why why = {{0}};
    char url[256];
    unsigned set;

    (void)snprintf(url, sizeof url, "%s%s", f->r.url, path);
    lw_must(vt_hooks_load(&f->w.home, &hooks, &why), &why);
    lw_must(vt_hook_parse_events(events, &set, &why), &why);
    lw_must(vt_hooks_add(&hooks, url, set, &why), &why);
    lw_must(vt_hooks_save(&f->w.home, &hooks, &why), &why);
}

static void
turn(struct fixture *f)
{
    struct vt_herald *h = NULL;
    struct vt_why why = {{0}};

    lw_must(vt_herald_new(&f->opts, &h, &why), &why);
    lw_must(vt_herald_turn(h, -1, &why), &why);
    vt_herald_free(h);
}

/* Turns until so many requests have come. */
static void
turn_until(struct fixture *f, size_t count)
{
    for (int i = 0; i < 600 && received(&f->r) < count; i++) {
        turn(f);
        if (received(&f->r) < count)
            usleep(100000);
    }
    assert_int_equal(received(&f->r), count);
}

static int64_t
ask(struct fixture *f, const char *file, const char *schema, int version, const char *sql)
{
    struct vt_sql *db = NULL;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];
    int64_t n = 0;

    iw_path(&f->w, path, file);
    lw_must(vt_sql_open(path, VT_SQL_WRITE, schema, version, &db, &why), &why);
    lw_must(vt_sql_count(db, -1, &n, &why, sql, ""), &why);
    vt_sql_close(db);
    return n;
}

static int64_t
ask_book(struct fixture *f, const char *sql)
{
    return ask(f, VT_HERALD_FILE, VT_HERALD_SCHEMA, VT_HERALD_VERSION, sql);
}

/* The statement in request i, verified. The caller frees it. */
static json_t *
opened(struct fixture *f, size_t i)
{
    struct vt_buf payload = VT_BUF(65536);
    struct vt_why why = {{0}};
    json_t *doc = NULL;
    size_t head = 0;

    assert_int_equal(length_of(f->r.got[i], f->r.len[i], &head), f->r.len[i]);
    lw_must(vt_dsse_open(f->r.got[i] + head, f->r.len[i] - head,
                vt_signer_public(f->w.signer[IW_CENTRE]), &payload, &why),
        &why);
    lw_must(vt_json_parse(payload.data, payload.len, "the hook", &doc, &why), &why);
    vt_buf_release(&payload);
    return doc;
}

static const char *
predicate(json_t *doc, const char *name)
{
    return json_string_value(json_object_get(json_object_get(doc, "predicate"), name));
}

/* ---- the tests ---- */

static void
test_delivers(void **state)
{
    struct fixture *f = *state;
    json_t *doc, *data;
    char line[128];

    add_hook(f, "/told?secret=1", "release,checkpoint");
    follow(&f->w); /* there is no checkpoint yet */
    turn(f);       /* the hook hears of what comes from now on */
    say_release(&f->w, 1);
    turn_until(f, 2);
    assert_non_null(strstr(f->r.got[0], "POST /told?secret=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(f->r.got[0], "\r\nVitrine-Event: release\r\n"));
    assert_non_null(
        strstr(f->r.got[0], "\r\nContent-Type: application/vnd.dsse.envelope.v1+json\r\n"));
    doc = opened(f, 0);
    (void)snprintf(
        line, sizeof line, "\r\nVitrine-Delivery: %s\r\n", predicate(doc, "delivery"));
    assert_non_null(strstr(f->r.got[0], line));
    assert_string_equal(predicate(doc, "event"), "release");
    assert_string_equal(predicate(doc, "site"), "zurich.example");
    data = json_object_get(json_object_get(doc, "predicate"), "data");
    assert_int_equal(json_integer_value(json_object_get(data, "index")), 0);
    assert_string_equal(json_string_value(json_object_get(data, "signer")), "release");
    json_decref(doc);
    doc = opened(f, 1);
    assert_string_equal(predicate(doc, "event"), "checkpoint");
    json_decref(doc);
    turn(f);
    assert_int_equal(received(&f->r), 2);
    assert_int_equal(ask_book(f, "SELECT failed FROM hook"), 0);
    assert_true(ask_book(f, "SELECT last FROM hook") > 0);
    assert_int_equal(ask_book(f, "SELECT count(*) FROM hook WHERE url LIKE '%secret%'"), 0);
}

/* A hook hears of what it asked for, each in its own order. */
static void
test_asks(void **state)
{
    struct fixture *f = *state;
    struct vt_digest assembly = iw_digest("none");

    add_hook(f, "/a", "mismatch");
    add_hook(f, "/b", "entry");
    follow(&f->w);
    turn(f);
    (void)iw_source(&f->w, "source", &(struct iw_how){.who = IW_DEVELOPER});
    (void)iw_mismatch(&f->w, &assembly, "source", "artifact", &(struct iw_how){.who = IW_BETA});
    say_release(&f->w, 1);
    turn_until(f, 3);
    size_t a = 0, b = 0;
    for (size_t i = 0; i < 3; i++) {
        json_t *doc = opened(f, i);

        if (strncmp(f->r.got[i], "POST /a ", 8) == 0) {
            a++;
            assert_string_equal(predicate(doc, "event"), "mismatch");
        } else {
            assert_string_equal(predicate(doc, "event"), b++ == 0 ? "mismatch" : "release");
        }
        json_decref(doc);
    }
    assert_int_equal(a, 1);
    assert_int_equal(b, 2);
}

#define ANSWER(status) "HTTP/1.1 " status " X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

/* What fails is sent again, the same, before anything later; a redirect is a failure. */
static void
test_again(void **state)
{
    struct fixture *f = *state;
    json_t *first, *later;

    f->r.answers[0] = ANSWER("500");
    f->r.answers[1] = "HTTP/1.1 302 X\r\nLocation: /elsewhere\r\nConnection: close\r\n"
                      "Content-Length: 0\r\n\r\n";
    add_hook(f, "/told", "release");
    follow(&f->w);
    turn(f);
    say_release(&f->w, 1);
    say_release(&f->w, 2);
    turn_until(f, 1);
    assert_int_equal(ask_book(f, "SELECT failed FROM hook"), 1);
    assert_int_equal(ask_book(f, "SELECT problem='HTTP status 500' FROM hook"), 1);
    turn_until(f, 2);
    assert_int_equal(ask_book(f, "SELECT failed FROM hook"), 2);
    turn_until(f, 4);
    assert_int_equal(ask_book(f, "SELECT failed FROM hook"), 0);
    first = opened(f, 0);
    for (size_t i = 1; i < 4; i++) {
        later = opened(f, i);
        assert_int_equal(
            strcmp(predicate(first, "delivery"), predicate(later, "delivery")) == 0, i < 3);
        assert_null(strstr(f->r.got[i], "/elsewhere"));
        json_decref(later);
    }
    json_decref(first);
}

/* After a day, as far as the options say, it is given up. */
static void
test_gives_up(void **state)
{
    struct fixture *f = *state;

    f->r.answers[0] = ANSWER("503");
    add_hook(f, "/told", "release");
    follow(&f->w);
    turn(f);
    say_release(&f->w, 1);
    say_release(&f->w, 2);
    (void)ask(f, VT_FACTS_FILE, VT_FACTS_SCHEMA, VT_FACTS_VERSION,
        "UPDATE event SET at=at-100000 RETURNING 1");
    say_release(&f->w, 3);
    turn_until(f, 1);
    assert_int_equal(ask_book(f, "SELECT dropped FROM hook"), 1);
    turn_until(f, 2);
    json_t *doc = opened(f, 1);
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(json_object_get(doc, "predicate"), "data"), "index")),
        2);
    json_decref(doc);
}

/* An answer without end, and a receiver that is not there. */
static void
test_bad_receivers(void **state)
{
    struct fixture *f = *state;
    char *endless = calloc(1, 200000);
    int n;

    assert_non_null(endless);
    n = snprintf(endless, 200, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    memset(endless + n, 'x', 100000);
    f->r.answers[0] = endless;
    add_hook(f, "/told", "release");
    follow(&f->w);
    turn(f);
    say_release(&f->w, 1);
    turn_until(f, 1);
    assert_int_equal(ask_book(f, "SELECT failed FROM hook"), 1);
    turn_until(f, 2);
    assert_int_equal(ask_book(f, "SELECT failed FROM hook"), 0);
    free(endless);
}

/* Hooks that are taken out of the file are forgotten; facts that are new begin anew. */
static void
test_forgets(void **state)
{
    struct fixture *f = *state;
    struct vt_hooks none = {.count = 0};
    char path[VT_PATH_MAX];

    add_hook(f, "/told", "release");
    follow(&f->w);
    turn(f);
    say_release(&f->w, 1);
    iw_path(&f->w, path, VT_FACTS_FILE);
    assert_int_equal(unlink(path), 0);
    say_release(&f->w, 2);
    turn(f);
    assert_int_equal(received(&f->r), 0);
    say_release(&f->w, 3);
    turn_until(f, 1);
    assert_int_equal(vt_hooks_save(&f->w.home, &none, NULL), VT_OK);
    add_hook(f, "/other", "release");
    turn(f);
    assert_int_equal(ask_book(f, "SELECT count(*) FROM hook"), 1);
}

static int
herald_main(int fd, void *ctx)
{
    struct fixture *f = ctx;
    struct vt_why why = {{0}};
    struct vt_herald_opts opts = f->opts;

    opts.signer = NULL; /* its own, from the home's key */
    return vt_err_exit_code(vt_herald_run(fd, &opts, &why));
}

/* The process: its key is in another, and it ends when its channel closes. */
static void
test_runs(void **state)
{
    struct fixture *f = *state;
    struct vt_key *k = test_key(iw_names[IW_CENTRE], 200 + IW_CENTRE);
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];
    pid_t pid;
    int fd, status = 0;

    lw_must(vt_home_key_path(&f->w.home, "centre", path, &why), &why);
    lw_must(vt_key_save(k, path, NULL, &why), &why);
    vt_key_free(k);
    add_hook(f, "/told", "release");
    follow(&f->w);
    turn(f);
    lw_must(vt_proc_fork("herald", herald_main, f, NULL, &pid, &fd, &why), &why);
    say_release(&f->w, 1);
    for (int i = 0; i < 600 && received(&f->r) < 1; i++)
        usleep(100000);
    close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    json_decref(opened(f, 0));
}

static void
test_ping(void **state)
{
    struct fixture *f = *state;
    struct vt_herald_opts opts = f->opts;
    struct vt_why why = {{0}};
    char url[256];

    (void)snprintf(url, sizeof url, "%s/told", f->r.url);
    f->r.answers[1] = ANSWER("404");
    lw_must(vt_herald_ping(&opts, url, &why), &why);
    json_t *doc = opened(f, 0);
    assert_string_equal(predicate(doc, "event"), "ping");
    json_decref(doc);
    assert_int_equal(vt_herald_ping(&opts, url, &why), VT_E_NET);
    assert_non_null(strstr(why.text, "404"));
    assert_int_equal(vt_herald_ping(&opts, "file:///etc/passwd", &why), VT_E_USAGE);
    opts.signer = NULL;
    assert_int_equal(vt_herald_ping(&opts, url, &why), VT_E_NOENT);
}

static void
test_file(void **state)
{
    static const char *const bad[] = {"https://a.example\n", "https://a.example release,\n",
        "https://a.example nothing\n", "ftp://a.example release\n",
        "https://user@a.example release\n", "https:// release\n",
        "https://a.example/#x release\n", "https://a.example release", "x\n",
        "https://a.example  release\n", "https://a.ex\xc3\xa4mple release\n"};
    static const char good[] = "# those who want to know\n\nhttps://a.example/x?y=1 "
                               "release,mismatch\nhttp://127.0.0.1:80 checkpoint\n";
    struct vt_hooks h = {.count = 0};
    struct vt_why why = {{0}};
    char shown[VT_HOOK_SHOWN_SIZE], url[64];
    struct vt_buf b = VT_BUF(256);

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(vt_hooks_parse(bad[i], strlen(bad[i]), &h, &why), VT_E_CONFIG);
    lw_must(vt_hooks_parse(good, strlen(good), &h, &why), &why);
    assert_int_equal(h.count, 2);
    assert_true(vt_hook_wants(&h.hook[0], "entry", "release"));
    assert_false(vt_hook_wants(&h.hook[0], "entry", "run"));
    assert_false(vt_hook_wants(&h.hook[0], "checkpoint", ""));
    assert_true(vt_hook_wants(&h.hook[1], "checkpoint", ""));
    vt_hook_shown(h.hook[0].url, shown);
    assert_string_equal(shown, "https://a.example");
    vt_hook_put_events(&b, h.hook[0].events);
    assert_string_equal(vt_buf_str(&b), "release,mismatch");
    lw_must(vt_hooks_add(&h, "https://a.example/x?y=1", 1, &why), &why);
    assert_int_equal(h.count, 2);
    assert_true(vt_hook_wants(&h.hook[0], "checkpoint", ""));
    assert_true(vt_hooks_remove(&h, "https://a.example/x?y=1"));
    assert_false(vt_hooks_remove(&h, "https://a.example/x?y=1"));
    for (int i = 0; h.count < VT_HOOKS_MAX; i++) {
        (void)snprintf(url, sizeof url, "https://%d.example", i);
        lw_must(vt_hooks_add(&h, url, 1, &why), &why);
    }
    assert_int_equal(vt_hooks_add(&h, "https://more.example", 1, &why), VT_E_LIMIT);
    vt_buf_release(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_delivers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_asks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gives_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_receivers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forgets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ping, set_up, tear_down),
        cmocka_unit_test(test_file),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
