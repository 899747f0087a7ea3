/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log as a service: one commit for all that has arrived, requests that await a witnessed
 * checkpoint, a queue with bounds, and what is counted.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/msg_line.h"
#include "http/client.h"
#include "log/add.h"
#include "log/gzip.h"
#include "log/proof_file.h"
#include "log/reader.h"
#include "log/service.h"
#include "log/tiles_bundle.h"
#include "log/writer.h"
#include "note/proof_check.h"
#include "witness/service.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "keys.h"

#define ORIGIN "alpine.example/log"
enum { WITNESSES = 3, WAIT_MS = 30000, LOG_KEY = 1, WITNESS_KEY = 10 };

struct wit {
    char dir[VT_PATH_MAX];
    char key[VT_PATH_MAX];
    char url[128];
    struct vt_witness *w;
    int listen_fd;
    int stop[2];
    pthread_t thread;
    bool up;
};

struct world {
    char root[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    char pub[VT_PATH_MAX];
    struct vt_signer *signer;
    struct vt_policy *policy;
    struct wit wit[WITNESSES];
    /* The service, in a thread, with the other end of its channel. */
    struct vt_service_opts opts;
    pthread_t thread;
    int own_fd;
    int fd;
    enum vt_err result;
    struct vt_why why;
    bool running;
    struct vt_msg_line *line;
    struct vt_buf message;
    /* An http process before it, likewise. */
    pthread_t http_thread;
    int listen_fd;
    int stop[2];
    char url[VT_HTTP_URL_SIZE];
    bool serving;
    struct vt_add *add;
    struct vt_proof_file *proofs;
};

/* --- Witnesses. --- */

static void *
witness_main(void *arg)
{
    struct wit *w = arg;

    return vt_witness_serve(w->w, w->listen_fd, w->stop[0], NULL) == VT_OK ? w : NULL;
}

static void
witness_start(struct wit *w)
{
    struct vt_vkey log = test_vkey(ORIGIN, VT_NOTE_ED25519, LOG_KEY);

    assert_int_equal(
        vt_witness_new(w->dir, w->key, &log, 1, &vt_clock_system, &w->w, NULL), VT_OK);
    assert_int_equal(pipe2(w->stop, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&w->thread, NULL, witness_main, w), 0);
    w->up = true;
}

static void
witness_stop(struct wit *w)
{
    if (!w->up)
        return;
    close(w->stop[1]);
    pthread_join(w->thread, NULL);
    close(w->stop[0]);
    vt_witness_free(w->w);
    w->up = false;
}

/* Its port is open from now on: who asks it waits until it is started. */
static void
witness_prepare(struct world *w, int i, struct vt_buf *policy)
{
    struct wit *t = &w->wit[i];
    struct vt_key *k;
    char name[64];

    (void)snprintf(name, sizeof(name), "witness-%d.example", i);
    assert_int_equal(vt_path(t->dir, NULL, "%s/w%d", w->root, i), VT_OK);
    assert_int_equal(vt_witness_records_make(t->dir, NULL), VT_OK);
    assert_int_equal(vt_path(t->key, NULL, "%s/w%d.key", w->root, i), VT_OK);
    k = test_key(name, (uint8_t)(WITNESS_KEY + i));
    assert_int_equal(vt_key_save(k, t->key, NULL, NULL), VT_OK);
    vt_key_free(k);
    assert_int_equal(vt_http_listen("127.0.0.1:0", &t->listen_fd, t->url, NULL), VT_OK);
    vt_buf_putf(policy, "witness w%d ", i);
    test_put_vkey(policy, name, VT_NOTE_COSIG_ED25519, (uint8_t)(WITNESS_KEY + i));
    vt_buf_putf(policy, " %s\n", t->url);
}

/* --- The world. --- */

static int
set_up_with(void **state, const char *quorum)
{
    struct world *w = calloc(1, sizeof(*w));
    struct vt_buf b = VT_BUF(65536);
    struct vt_why why = {.text = ""};

    assert_non_null(w);
    assert_int_equal(vt_dir_temp("/tmp", "vt-service", w->root, NULL), VT_OK);
    assert_int_equal(vt_path(w->dir, NULL, "%s/log", w->root), VT_OK);
    assert_int_equal(vt_path(w->pub, NULL, "%s/public", w->root), VT_OK);
    assert_int_equal(vt_signer_from_key(test_key(ORIGIN, LOG_KEY), &w->signer, NULL), VT_OK);
    vt_buf_puts(&b, "log ");
    test_put_vkey(&b, ORIGIN, VT_NOTE_ED25519, LOG_KEY);
    vt_buf_puts(&b, "\n");
    for (int i = 0; i < WITNESSES; i++)
        witness_prepare(w, i, &b);
    vt_buf_putf(&b, "%s\n", quorum);
    if (vt_policy_parse(b.data, b.len, &w->policy, &why) != VT_OK)
        fail_msg("%s", why.text);
    vt_buf_release(&b);
    w->message = VT_BUF(VT_SERVICE_NUMBERS_MAX);
    w->opts = (struct vt_service_opts){.log_dir = w->dir,
        .public_dir = w->pub,
        .policy = w->policy,
        .signer = w->signer,
        .open = true,
        .interval_ms = 20};
    *state = w;
    return 0;
}

static int
set_up(void **state)
{
    return set_up_with(state, "quorum none");
}

static int
set_up_quorum(void **state)
{
    return set_up_with(state, "group g 2 w0 w1 w2\nquorum g");
}

static void
close_channel(struct world *w)
{
    vt_msg_line_free(w->line);
    w->line = NULL;
    close(w->fd);
}

static void
service_stop(struct world *w)
{
    if (!w->running)
        return;
    close_channel(w);
    pthread_join(w->thread, NULL);
    w->running = false;
}

/* It ends by itself. */
static void
service_join(struct world *w)
{
    pthread_join(w->thread, NULL);
    w->running = false;
    close_channel(w);
}

static void
http_stop(struct world *w)
{
    if (!w->serving)
        return;
    close(w->stop[1]);
    pthread_join(w->http_thread, NULL);
    close(w->stop[0]);
    close(w->listen_fd);
    vt_add_free(w->add);
    vt_proof_file_free(w->proofs);
    w->add = NULL;
    w->proofs = NULL;
    w->serving = false;
}

static int
tear_down(void **state)
{
    struct world *w = *state;

    http_stop(w);
    service_stop(w);
    for (int i = 0; i < WITNESSES; i++) {
        witness_stop(&w->wit[i]);
        close(w->wit[i].listen_fd);
    }
    vt_policy_free(w->policy);
    vt_signer_free(w->signer);
    vt_buf_release(&w->message);
    assert_int_equal(vt_tree_remove(w->root, NULL), VT_OK);
    free(w);
    return 0;
}

static void *
service_main(void *arg)
{
    struct world *w = arg;

    w->result = vt_service_run(w->own_fd, &w->opts, &w->why);
    close(w->own_fd);
    return NULL;
}

static const struct vt_msg_rule rules[] = {{VT_SERVICE_DONE, VT_SERVICE_DONE_MAX},
    {VT_SERVICE_NUMBERS, VT_SERVICE_NUMBERS_MAX}, {0, 0}};

/* The channel first: what is said before the service starts has arrived when it looks. */
static void
channel(struct world *w)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    w->fd = fds[0];
    w->own_fd = fds[1];
    assert_int_equal(vt_msg_line_new(w->fd, rules, 64U << 20, &w->line, NULL), VT_OK);
}

static void
service_start(struct world *w)
{
    if (w->line == NULL)
        channel(w);
    assert_int_equal(pthread_create(&w->thread, NULL, service_main, w), 0);
    w->running = true;
}

static void
say_later(struct world *w, enum vt_service_msg type, uint64_t number, uint32_t wait_ms,
    const void *body, size_t len)
{
    struct vt_buf head = VT_BUF(16);

    vt_buf_put_u64(&head, number);
    if (type == VT_SERVICE_AWAIT)
        vt_buf_put_u32(&head, wait_ms);
    const struct vt_msg_piece v[2] = {{head.data, head.len}, {body, len}};
    assert_int_equal(vt_msg_line_add(w->line, (uint16_t)type, v, 2, NULL), VT_OK);
    vt_buf_release(&head);
}

static void
say(struct world *w, enum vt_service_msg type, uint64_t number, uint32_t wait_ms,
    const void *body, size_t len)
{
    say_later(w, type, number, wait_ms, body, len);
    assert_int_equal(vt_msg_line_flush(w->line, NULL), VT_OK);
}

/* The next answer: its number, status and text. */
struct heard {
    uint64_t number;
    uint16_t status;
    uint16_t retry_s;
    char text[VT_SERVICE_TEXT_MAX + 8];
};

static uint16_t
await_message(struct world *w)
{
    int64_t end = vt_clock_monotonic_ms() + WAIT_MS;
    uint16_t type = 0;
    bool got = false;

    while (!got) {
        struct pollfd p = {.fd = w->fd, .events = POLLIN};

        assert_true(vt_clock_monotonic_ms() < end);
        assert_int_equal(vt_msg_line_flush(w->line, NULL), VT_OK);
        if (vt_msg_line_waits(w->line))
            p.events |= POLLOUT;
        (void)poll(&p, 1, 1000);
        assert_int_equal(vt_msg_line_take(w->line, &got, &type, &w->message, NULL), VT_OK);
    }
    return type;
}

static struct heard
hear(struct world *w)
{
    struct heard h = {.number = 0};
    struct vt_reader r;

    assert_int_equal(await_message(w), VT_SERVICE_DONE);
    r = VT_READER(w->message.data, w->message.len);
    assert_true(vt_reader_u64(&r, &h.number) && vt_reader_u16(&r, &h.status) &&
                vt_reader_u16(&r, &h.retry_s));
    assert_true(vt_reader_cstr(&r, h.text, sizeof(h.text)));
    return h;
}

static struct heard
ask(struct world *w, enum vt_service_msg type, uint64_t number, const void *body, size_t len)
{
    struct heard h;

    say(w, type, number, WAIT_MS, body, len);
    h = hear(w);
    assert_int_equal(h.number, number);
    return h;
}

/* The metrics' text; valid until the next message. */
static const char *
metrics(struct world *w)
{
    const uint8_t *label;
    struct vt_reader r;
    uint64_t number;
    uint16_t len = 0;

    say(w, VT_SERVICE_METRICS, 77, 0, NULL, 0);
    assert_int_equal(await_message(w), VT_SERVICE_NUMBERS);
    r = VT_READER(w->message.data, w->message.len);
    assert_true(vt_reader_u64(&r, &number) && vt_reader_u16(&r, &len) &&
                vt_reader_take(&r, len, &label));
    assert_int_equal(number, 77);
    assert_int_equal(len, strlen("origin=\"" ORIGIN "\""));
    assert_memory_equal(label, "origin=\"" ORIGIN "\"", len);
    return (const char *)r.p;
}

/* The value of the first line that begins so; -1: there is none. */
static long long
metric(const char *text, const char *line)
{
    const char *at = strstr(text, line);

    return at == NULL ? -1 : atoll(at + strlen(line));
}

#define OWN "{origin=\"" ORIGIN "\"} "

/* --- Tests of the log process. --- */

/* All that has arrived becomes durable at once, each with its own index. */
static void
test_one_commit_for_all(void **state)
{
    enum { N = 600 };
    struct world *w = *state;
    bool seen[N] = {false};
    const char *m;
    char text[64];

    channel(w);
    for (uint64_t i = 0; i < N; i++) {
        int n = snprintf(text, sizeof(text), "entry %llu", (unsigned long long)i);

        say_later(w, VT_SERVICE_ADD, i + 1, 0, text, (size_t)n);
    }
    /* In one piece: single messages would fill the socket sooner. */
    assert_int_equal(vt_msg_line_flush(w->line, NULL), VT_OK);
    assert_false(vt_msg_line_waits(w->line));
    service_start(w);
    for (int i = 0; i < N; i++) {
        struct heard h = hear(w);
        long long index = atoll(h.text);

        assert_int_equal(h.status, 200);
        assert_true(index >= 0 && index < N && !seen[index]);
        assert_int_equal(index, h.number - 1);
        seen[index] = true;
    }
    m = metrics(w);
    assert_int_equal(metric(m, "vitrine_log_entries" OWN), N);
    assert_int_equal(metric(m, "vitrine_log_commit_entries_count" OWN), 1);
    assert_int_equal(metric(m, "vitrine_log_commit_entries_sum" OWN), N);
    assert_int_equal(metric(m, "vitrine_log_commit_seconds_count" OWN), 1);
    assert_int_equal(
        metric(m, "vitrine_log_adds_total{origin=\"" ORIGIN "\",result=\"added\"} "), N);
    assert_int_equal(metric(m, "vitrine_log_queue" OWN), 0);
    service_stop(w);
    assert_int_equal(w->result, VT_OK);
}

static void
test_open_admission(void **state)
{
    static uint8_t large[65536];
    static const enum vt_service_msg others[] = {
        VT_SERVICE_OBJECT, VT_SERVICE_STAGED, VT_SERVICE_REVIEW};
    struct world *w = *state;
    struct heard h;
    const char *m;

    service_start(w);
    h = ask(w, VT_SERVICE_ADD, 1, "\0 any bytes", 11);
    assert_int_equal(h.status, 200);
    assert_string_equal(h.text, "0\n");
    h = ask(w, VT_SERVICE_ADD, 2, large, 65535);
    assert_string_equal(h.text, "1\n");
    h = ask(w, VT_SERVICE_ADD, 3, "\0 any bytes", 11);
    assert_int_equal(h.status, 200);
    assert_string_equal(h.text, "0\n");
    h = ask(w, VT_SERVICE_ADD, 4, "", 0);
    assert_int_equal(h.status, 400);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(ask(w, others[i], 5 + i, "x", 1).status, 404);
    m = metrics(w);
    assert_int_equal(
        metric(m, "vitrine_log_adds_total{origin=\"" ORIGIN "\",result=\"duplicate\"} "), 1);
    assert_int_equal(
        metric(m, "vitrine_log_adds_total{origin=\"" ORIGIN "\",result=\"refused\"} "), 1);
    /* An entry that is too long is no message at all. */
    say(w, VT_SERVICE_ADD, 9, 0, large, 65536);
    service_join(w);
    assert_int_equal(w->result, VT_E_SYNTAX);
}

/* Who awaits a witnessed checkpoint is answered when there is one, or in time. */
static void
test_await_a_checkpoint(void **state)
{
    struct world *w = *state;
    struct vt_log_reader *r = NULL;
    const char *m;
    struct heard h;

    service_start(w);
    say(w, VT_SERVICE_AWAIT, 1, 150, "late", 4);
    h = hear(w);
    assert_int_equal(h.number, 1);
    assert_int_equal(h.status, 504);
    assert_string_equal(h.text, "0\n");
    assert_int_equal(ask(w, VT_SERVICE_ADD, 2, "plain", 5).status, 200);
    say(w, VT_SERVICE_AWAIT, 3, WAIT_MS, "awaited", 7);
    for (int i = 0; i < 2; i++)
        witness_start(&w->wit[i]);
    h = hear(w);
    assert_int_equal(h.number, 3);
    assert_int_equal(h.status, 200);
    assert_string_equal(h.text, "2\n");
    assert_int_equal(vt_log_reader_open(w->pub, w->policy, &r, NULL), VT_OK);
    assert_true(vt_log_reader_checkpoint(r)->size >= 3);
    vt_log_reader_free(r);
    /* What is covered already is answered at once. */
    h = ask(w, VT_SERVICE_AWAIT, 4, "late", 4);
    assert_int_equal(h.status, 200);
    assert_string_equal(h.text, "0\n");
    m = metrics(w);
    assert_int_equal(
        metric(m, "vitrine_log_await_total{origin=\"" ORIGIN "\",result=\"covered\"} "), 2);
    assert_int_equal(
        metric(m, "vitrine_log_await_total{origin=\"" ORIGIN "\",result=\"late\"} "), 1);
    assert_true(metric(m, "vitrine_log_checkpoint_entries" OWN) >= 3);
    assert_true(metric(m, "vitrine_log_checkpoint_age_seconds" OWN) >= 0);
    assert_true(metric(m, "vitrine_log_witness_answers_total{origin=\"" ORIGIN
                          "\",witness=\"w0\",answer=\"cosigned\"} ") >= 1);
    assert_true(metric(m, "vitrine_log_witness_cosigned_age_seconds{origin=\"" ORIGIN
                          "\",witness=\"w1\"} ") >= 0);
    assert_int_equal(metric(m, "vitrine_log_witness_cosigned_age_seconds{origin=\"" ORIGIN
                               "\",witness=\"w2\"} "),
        -1);
    assert_true(metric(m, "vitrine_log_publication_seconds_count" OWN) >= 1);
}

/* A witness that takes connections and never answers holds up nobody, when others make the
 * quorum: far more checkpoints come than it would let come. */
static void
test_a_witness_that_hangs(void **state)
{
    struct world *w = *state;
    int64_t began;
    char text[32];

    for (int i = 0; i < 2; i++)
        witness_start(&w->wit[i]);
    service_start(w);
    assert_int_equal(ask(w, VT_SERVICE_AWAIT, 1, "first", 5).status, 200);
    began = vt_clock_monotonic_ms();
    for (int i = 0; i < 8; i++) {
        int n = snprintf(text, sizeof(text), "entry %d", i);

        assert_int_equal(
            ask(w, VT_SERVICE_AWAIT, 2 + (uint64_t)i, text, (size_t)n).status, 200);
    }
    /* Each round that waits for it to the end takes 8 s. */
    assert_true(vt_clock_monotonic_ms() - began < 8 * 8000);
    assert_true(metric(metrics(w), "vitrine_log_rounds_total" OWN) >= 9);
}

static void
test_bounded_awaiting(void **state)
{
    struct world *w = *state;
    unsigned refused = 0;
    unsigned late = 0;

    service_start(w); /* nobody cosigns */
    for (uint64_t i = 0; i < VT_SERVICE_AWAIT_MAX + 10; i++) {
        char text[32];
        int n = snprintf(text, sizeof(text), "entry %llu", (unsigned long long)i);

        say(w, VT_SERVICE_AWAIT, i + 1, 2000, text, (size_t)n);
    }
    for (uint64_t i = 0; i < VT_SERVICE_AWAIT_MAX + 10; i++) {
        struct heard h = hear(w);

        refused += h.status == 503 ? 1 : 0;
        late += h.status == 504 ? 1 : 0;
        if (h.status == 503)
            assert_int_equal(h.retry_s, 1);
    }
    /* Some may have ended before the last came. */
    assert_true(refused <= 10);
    assert_int_equal(refused + late, VT_SERVICE_AWAIT_MAX + 10);
    /* Those that were refused are not in the log. */
    assert_int_equal(metric(metrics(w), "vitrine_log_entries" OWN), late);
}

/* Full bundles are compressed once nothing else is to do; the partial one is not. */
static void
test_it_compresses(void **state)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    struct world *w = *state;
    struct vt_buf b = VT_BUF(VT_BUNDLE_MAX);
    int64_t end = vt_clock_monotonic_ms() + WAIT_MS;
    char path[VT_PATH_MAX];
    char entry[32];

    w->opts.compress = true;
    service_start(w);
    for (uint64_t i = 0; i < 600; i++) {
        int len = snprintf(entry, sizeof(entry), "entry %llu", (unsigned long long)i);

        assert_int_equal(ask(w, VT_SERVICE_ADD, i, entry, (size_t)len).status, 200);
    }
    assert_int_equal(vt_path(path, NULL, "%s/tile/entries/001.gz", w->pub), VT_OK);
    while (!vt_file_exists(path) && vt_clock_monotonic_ms() < end)
        (void)nanosleep(&pause, NULL);
    assert_true(vt_file_exists(path));
    service_stop(w);
    assert_int_equal(w->result, VT_OK);
    for (uint64_t i = 0; i < 2; i++) {
        vt_buf_clear(&b);
        assert_int_equal(vt_path(path, NULL, "%s/tile/entries/00%d", w->pub, (int)i), VT_OK);
        assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
        assert_int_equal(vt_log_gzip_check(w->pub, i, b.data, b.len, NULL), VT_OK);
    }
    assert_int_equal(vt_path(path, NULL, "%s/tile/entries/002.gz", w->pub), VT_OK);
    assert_false(vt_file_exists(path));
    vt_buf_release(&b);
}

static void
test_frozen(void **state)
{
    struct world *w = *state;
    struct vt_log_writer *log = NULL;
    struct vt_digest name;
    uint64_t index;
    struct heard h;

    assert_int_equal(vt_log_writer_open(w->dir, w->pub, ORIGIN, &log, NULL), VT_OK);
    vt_digest_of("last", 4, &name);
    assert_int_equal(vt_log_writer_add(log, "last", 4, &name, &index, NULL), VT_OK);
    assert_int_equal(vt_log_writer_commit(log, NULL), VT_OK);
    assert_int_equal(vt_log_writer_freeze(log, w->signer, 1, "moved", NULL, NULL), VT_OK);
    vt_log_writer_free(log);
    service_start(w);
    h = ask(w, VT_SERVICE_ADD, 1, "one more", 8);
    assert_int_equal(h.status, 410);
    assert_int_equal(metric(metrics(w), "vitrine_log_frozen" OWN), 1);
    assert_int_equal(
        metric(metrics(w), "vitrine_log_adds_total{origin=\"" ORIGIN "\",result=\"frozen\"} "),
        1);
}

/* When it cannot publish for reasons of its own, again and again, it ends; what it has
 * acknowledged is there. */
static void
test_failures_of_its_own_end_it(void **state)
{
    struct world *w = *state;
    struct vt_log_writer *log = NULL;
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(path, NULL, "%s/checkpoint/x", w->pub), VT_OK);
    service_start(w);
    assert_int_equal(ask(w, VT_SERVICE_AWAIT, 1, "first", 5).status, 200);
    assert_int_equal(vt_path(path, NULL, "%s/checkpoint", w->pub), VT_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(vt_path(path, NULL, "%s/checkpoint/x", w->pub), VT_OK);
    assert_int_equal(vt_dir_make(path, 0755, NULL), VT_OK);
    assert_int_equal(ask(w, VT_SERVICE_ADD, 2, "second", 6).status, 200);
    service_join(w);
    assert_int_not_equal(w->result, VT_OK);
    assert_non_null(strstr(w->why.text, "checkpoint"));
    assert_int_equal(vt_log_writer_open(w->dir, w->pub, ORIGIN, &log, NULL), VT_OK);
    assert_int_equal(vt_log_writer_size(log), 2);
    vt_log_writer_free(log);
}

/* The other side goes away with requests under way: what was taken is durable. */
static void
test_the_other_side_goes(void **state)
{
    struct world *w = *state;
    struct vt_log_writer *log = NULL;

    channel(w);
    for (uint64_t i = 0; i < 20; i++)
        say(w, i % 2 == 0 ? VT_SERVICE_ADD : VT_SERVICE_AWAIT, i, WAIT_MS, &i, sizeof(i));
    service_start(w);
    service_stop(w);
    assert_int_equal(w->result, VT_OK);
    assert_int_equal(vt_log_writer_open(w->dir, w->pub, ORIGIN, &log, NULL), VT_OK);
    assert_int_equal(vt_log_writer_size(log), 20);
    vt_log_writer_free(log);
}

/* --- Tests of the http side. --- */

static void
test_waiting_is_parsed(void **state)
{
    static const struct {
        const char *query;
        const char *prefer;
        uint32_t ms;
        bool preferred;
        bool bad;
    } rows[] = {{"", "", 0, false, false}, {"wait=witnessed", "", VT_ADD_WAIT_MS, false, false},
        {"wait=witnessed", "wait=3", VT_ADD_WAIT_MS, false, false},
        {"", "wait=3", 3000, true, false},
        {"", "respond-async,\t wait=7 , handling=lenient", 7000, true, false},
        {"", "wait=100000", VT_SERVICE_AWAIT_MS, true, false}, {"", "wait=0", 0, false, false},
        {"", "wait=-1", 0, false, false}, {"", "wait=", 0, false, false},
        {"", "waiting=3", 0, false, false}, {"", "wait=99999999999999999999", 0, false, false},
        {"wait=published", "", 0, false, true}, {"x", "", 0, false, true},
        {"wait=witnessed&x=1", "", 0, false, true}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vt_add_wait wait = {.ms = 1};

        assert_int_equal(vt_add_wait_parse(rows[i].query, rows[i].prefer, &wait), !rows[i].bad);
        if (rows[i].bad)
            continue;
        assert_int_equal(wait.ms, rows[i].ms);
        assert_int_equal(wait.preferred, rows[i].preferred);
    }
}

/* A log that does not take what it is handed: requests are turned away in the end, and nothing
 * waits. */
static void
test_bounded_handing_over(void **state)
{
    static uint8_t body[65535];
    const struct vt_http_request rq = {
        .query = "", .prefer = "", .body = body, .body_len = sizeof(body)};
    struct world *w = *state;
    struct vt_http_watch watch;
    struct vt_http_response rs;
    struct vt_add *a = NULL;
    int kept = 0;
    int fds[2];

    (void)w;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(vt_add_new(fds[0], &watch, &a, NULL), VT_OK);
    for (;;) {
        vt_http_response_init(&rs);
        if (!vt_add_entry(a, &rq, (struct vt_http_exchange *)(void *)&kept, &rs))
            break;
        vt_add_turned(a);
        kept++;
        assert_true(kept <= (int)VT_SERVICE_OPEN_MAX);
    }
    assert_int_equal(rs.status, 503);
    assert_int_equal(rs.retry_after_s, 1);
    assert_true(kept > 200);
    assert_true(watch.write);
    vt_buf_release(&rs.body);
    /* Small ones are bounded by their number. */
    vt_add_free(a);
    assert_int_equal(vt_add_new(fds[0], &watch, &a, NULL), VT_OK);
    for (kept = 0;; kept++) {
        const struct vt_http_request small = {
            .query = "", .prefer = "", .body = body, .body_len = 10};

        vt_http_response_init(&rs);
        if (!vt_add_entry(a, &small, (struct vt_http_exchange *)(void *)&kept, &rs))
            break;
    }
    assert_int_equal(rs.status, 503);
    assert_int_equal(kept, VT_SERVICE_OPEN_MAX);
    vt_buf_release(&rs.body);
    vt_add_free(a);
    close(fds[0]);
    close(fds[1]);
}

static bool
post_add(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct world *w = ctx;

    return vt_add_entry(w->add, rq, x, rs);
}

static bool
get_metrics(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct world *w = ctx;

    (void)rq;
    return vt_add_metrics(w->add, x, rs);
}

static void
get_proof(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct world *w = ctx;

    vt_proof_file_get(w->proofs, rq, rs);
}

static void
turned(void *ctx)
{
    struct world *w = ctx;

    vt_add_turned(w->add);
}

static void *
http_main(void *arg)
{
    static const struct vt_http_route routes[] = {{"POST", "/add", 65535, NULL, post_add},
        {"GET", "/proof/", 0, get_proof, NULL}, {"GET", "/metrics", 0, NULL, get_metrics},
        {NULL, NULL, 0, NULL, NULL}};
    struct world *w = arg;
    struct vt_http_watch watch;
    const struct vt_http_server_opts opts = {
        .routes = routes, .watches = &watch, .watch_count = 1, .ctx = w, .turned = turned};

    if (vt_add_new(w->fd, &watch, &w->add, NULL) != VT_OK ||
        vt_proof_file_new(w->pub, w->policy, &w->proofs, NULL) != VT_OK)
        return NULL;
    return vt_http_serve(w->listen_fd, w->stop[0], &opts, NULL) == VT_OK ? w : NULL;
}

static void
http_start(struct world *w)
{
    service_start(w);
    assert_int_equal(vt_http_listen("127.0.0.1:0", &w->listen_fd, w->url, NULL), VT_OK);
    assert_int_equal(pipe2(w->stop, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&w->http_thread, NULL, http_main, w), 0);
    w->serving = true;
}

/* One request on a connection of its own; the whole answer, valid until the next. */
static const char *
request(struct world *w, const char *head, const char *body)
{
    static char answer[65536];
    struct vt_buf b = VT_BUF(65536);
    struct sockaddr_storage sa;
    socklen_t sa_len = sizeof(sa);
    size_t got = 0;
    ssize_t n;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(getsockname(w->listen_fd, (struct sockaddr *)&sa, &sa_len), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sa_len), 0);
    vt_buf_putf(&b, "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", head);
    if (body != NULL)
        vt_buf_putf(&b, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    else
        vt_buf_puts(&b, "\r\n");
    assert_int_equal(vt_fd_write(fd, b.data, b.len, NULL), VT_OK);
    while (got < sizeof(answer) - 1 &&
           (n = recv(fd, answer + got, sizeof(answer) - 1 - got, 0)) > 0)
        got += (size_t)n;
    answer[got] = '\0';
    close(fd);
    vt_buf_release(&b);
    return answer;
}

static const char *
body_of(const char *answer)
{
    const char *at = strstr(answer, "\r\n\r\n");

    assert_non_null(at);
    return at + 4;
}

#define HAS(answer, part)                                                                      \
    do {                                                                                       \
        const char *has_ = (answer);                                                           \
        if (strstr(has_, part) == NULL)                                                        \
            fail_msg("no \"%s\" in: %s", part, has_);                                          \
    } while (0)

static void
test_over_http(void **state)
{
    struct world *w = *state;
    struct vt_checkpoint cp;
    const char *a;
    const char *etag;
    char head[160];
    char proof[65536];
    uint64_t index = 99;
    uint64_t time;

    http_start(w);
    a = request(w, "GET /proof/0", NULL);
    HAS(a, " 404 ");
    HAS(a, "Retry-After: 1\r\n");
    HAS(a, "Cache-Control: no-store\r\n");
    a = request(w, "POST /add", "first");
    HAS(a, " 200 ");
    HAS(a, "Location: /proof/0\r\n");
    assert_string_equal(body_of(a), "0\n");
    a = request(w, "POST /add?wait=late", "second");
    HAS(a, " 400 ");
    a = request(w, "POST /add HTTP/1.1\r\nPrefer: wait=1\r\nX: ", "second");
    HAS(a, " 202 "); /* nobody cosigns */
    HAS(a, "Location: /proof/1\r\n");
    assert_string_equal(body_of(a), "1\n");
    for (int i = 0; i < WITNESSES; i++)
        witness_start(&w->wit[i]);
    a = request(w, "POST /add?wait=witnessed", "third");
    HAS(a, " 200 ");
    assert_string_equal(body_of(a), "2\n");
    a = request(w, "GET /proof/2", NULL);
    HAS(a, " 200 ");
    HAS(a, "Content-Type: text/plain; charset=utf-8\r\n");
    HAS(a, "Cache-Control: no-cache\r\n");
    (void)snprintf(proof, sizeof(proof), "%s", body_of(a));
    assert_int_equal(vt_tlog_proof_check(
                         w->policy, proof, strlen(proof), "third", 5, &index, &cp, &time, NULL),
        VT_OK);
    assert_int_equal(index, 2);
    assert_int_not_equal(vt_tlog_proof_check(w->policy, proof, strlen(proof), "first", 5,
                             &index, &cp, &time, NULL),
        VT_OK);
    etag = strstr(a, "ETag: ");
    assert_non_null(etag);
    (void)snprintf(head, sizeof(head),
        "GET /proof/2 HTTP/1.1\r\nIf-None-Match: %.*s\r\nX: ", (int)strcspn(etag + 6, "\r"),
        etag + 6);
    HAS(request(w, head, NULL), " 304 ");
    HAS(request(w, "GET /proof/x", NULL), " 404 ");
    HAS(request(w, "GET /proof/3", NULL), "Retry-After: 1\r\n");
    a = request(w, "GET /metrics", NULL);
    HAS(a, "Content-Type: text/plain; version=0.0.4");
    HAS(a, "vitrine_log_resident_bytes{origin=\"" ORIGIN "\",process=\"log\"} ");
    HAS(a, "vitrine_log_resident_bytes{origin=\"" ORIGIN "\",process=\"http\"} ");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_commit_for_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_open_admission, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_await_a_checkpoint, set_up_quorum, tear_down),
        cmocka_unit_test_setup_teardown(test_a_witness_that_hangs, set_up_quorum, tear_down),
        cmocka_unit_test_setup_teardown(test_bounded_awaiting, set_up_quorum, tear_down),
        cmocka_unit_test_setup_teardown(test_it_compresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_frozen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failures_of_its_own_end_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_other_side_goes, set_up, tear_down),
        cmocka_unit_test(test_waiting_is_parsed),
        cmocka_unit_test_setup_teardown(test_bounded_handing_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_over_http, set_up_quorum, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
