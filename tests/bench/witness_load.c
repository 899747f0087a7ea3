/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load for a witness: many logs whose trees grow, each asking for cosignatures
 * over keep-alive connections as fast as it gets them. All bodies are made and
 * signed before the clock starts, so that the figure is the witness's own.
 *
 *     witness_load vkeys LOGS                             HOME/logs, on standard output
 *     witness_load run HOST:PORT LOGS ROUNDS CONNECTIONS  one JSON object
 *
 * The witness must not have seen these logs before.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "merkle/tree.h"
#include "note/checkpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GROWTH = 3, ANSWER_MAX = 65536, LOGS_MAX = 65536, ROUNDS_MAX = 10000 };

struct request {
    char *bytes; /* the whole HTTP request */
    size_t len;
};

struct load {
    size_t logs;
    size_t rounds;
    size_t connections;
    struct sockaddr_in address;
    struct vt_key **key;
    struct request *request; /* rounds * logs */
    uint64_t *took_us;       /* of each answer */
    size_t answered;
    size_t refused;
};

/* A connection asks for its own logs, those whose number leaves `first` when divided by the
 * connections, one round after the other. */
struct conn {
    int fd;
    size_t log;
    size_t round;
    size_t sent;
    size_t got;
    uint64_t begun_us;
    char answer[ANSWER_MAX];
};

static _Noreturn void
die(const char *what)
{
    (void)fprintf(stderr, "witness_load: %s: %s\n", what, strerror(errno));
    exit(3);
}

static void
must(enum vt_err err, const char *what)
{
    if (err == VT_OK)
        return;
    (void)fprintf(stderr, "witness_load: %s failed\n", what);
    exit(3);
}

static struct vt_key *
log_key(size_t i)
{
    uint8_t seed[32] = {0x77, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
    struct vt_key *k = NULL;
    char name[64];

    (void)snprintf(name, sizeof(name), "load-%05zu.example/log", i);
    must(vt_key_from_seed(name, seed, &k, NULL), "a key");
    return k;
}

static int
print_vkeys(size_t logs)
{
    for (size_t i = 0; i < logs; i++) {
        struct vt_key *k = log_key(i);
        char text[VT_VKEY_TEXT_MAX];
        struct vt_pubkey pub;
        struct vt_vkey vkey;

        vt_key_public(k, &pub);
        must(vt_vkey_make(vt_key_name(k), VT_NOTE_ED25519, &pub, &vkey, NULL), "a vkey");
        vt_vkey_format(&vkey, text);
        (void)printf("%s\n", text);
        vt_key_free(k);
    }
    return 0;
}

/* All logs have the same leaves, of their number alone. */
static enum vt_err
get_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_digest a;
    struct vt_digest b;
    enum vt_err err;

    if (level == 0) {
        vt_merkle_leaf(&index, sizeof(index), ret);
        return VT_OK;
    }
    err = get_hash(ctx, level - 1, index * 2, &a, why);
    if (err == VT_OK)
        err = get_hash(ctx, level - 1, index * 2 + 1, &b, why);
    if (err == VT_OK)
        vt_merkle_node(&a, &b, ret);
    return err;
}

static void
make_body(struct vt_buf *b, const struct vt_key *key, uint64_t old_size,
    struct vt_checkpoint *c, const struct vt_proof *proof)
{
    struct vt_buf text = VT_BUF(4096);
    struct vt_pubkey pub;
    struct vt_sig sig;

    (void)snprintf(c->origin, sizeof(c->origin), "%s", vt_key_name(key));
    vt_buf_clear(b);
    vt_buf_putf(b, "old %" PRIu64 "\n", old_size);
    for (size_t i = 0; i < proof->len; i++) {
        vt_buf_put_b64(b, proof->hash[i].b, VT_DIGEST_SIZE);
        vt_buf_puts(b, "\n");
    }
    vt_buf_puts(b, "\n");
    vt_checkpoint_put(&text, c);
    must(vt_key_sign(key, text.data, text.len, &sig, NULL), "a signature");
    vt_key_public(key, &pub);
    vt_buf_put(b, text.data, text.len);
    vt_buf_puts(b, "\n");
    vt_note_put_sig(b, vt_key_name(key), vt_vkey_id(vt_key_name(key), VT_NOTE_ED25519, &pub),
        sig.b, sizeof(sig.b));
    must(b->err, "a body");
    vt_buf_release(&text);
}

/* All requests of a round. */
static void
make_round(struct load *l, size_t round)
{
    struct vt_hash_source src = {get_hash, NULL};
    uint64_t old_size = round * GROWTH;
    struct vt_checkpoint c = {.size = old_size + GROWTH};
    struct vt_proof proof = {0};
    struct vt_buf b = VT_BUF(ANSWER_MAX);
    struct vt_buf whole = VT_BUF(ANSWER_MAX);

    must(vt_merkle_root(&src, c.size, &c.root, NULL), "a root");
    if (old_size > 0)
        must(vt_merkle_prove_consistency(&src, old_size, c.size, &proof, NULL), "a proof");
    for (size_t i = 0; i < l->logs; i++) {
        struct request *r = &l->request[round * l->logs + i];

        make_body(&b, l->key[i], old_size, &c, &proof);
        vt_buf_clear(&whole);
        vt_buf_putf(&whole,
            "POST /add-checkpoint HTTP/1.1\r\nHost: witness\r\nContent-Length: %zu\r\n\r\n",
            b.len);
        vt_buf_put(&whole, b.data, b.len);
        r->len = whole.len;
        r->bytes = malloc(whole.len);
        if (r->bytes == NULL)
            die("memory");
        memcpy(r->bytes, whole.data, whole.len);
    }
    vt_buf_release(&b);
    vt_buf_release(&whole);
}

static int
connect_to(const struct load *l)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;

    if (fd < 0 || connect(fd, (const struct sockaddr *)&l->address, sizeof(l->address)) != 0)
        die("connect");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

/* Sends the request whole: it is small, and the connection takes one at a time. */
static void
ask(const struct load *l, struct conn *c)
{
    const struct request *r = &l->request[c->round * l->logs + c->log];

    c->begun_us = vt_clock_monotonic_us();
    c->got = 0;
    for (size_t at = 0; at < r->len;) {
        ssize_t n = send(c->fd, r->bytes + at, r->len - at, MSG_NOSIGNAL);

        if (n <= 0)
            die("send");
        at += (size_t)n;
    }
}

/* How long the whole answer is; 0: not known yet. */
static size_t
answer_length(const struct conn *c)
{
    const char *end = memmem(c->answer, c->got, "\r\n\r\n", 4);
    const char *length = memmem(c->answer, c->got, "Content-Length: ", 16);

    if (end == NULL || length == NULL)
        return 0;
    return (size_t)(end + 4 - c->answer) + (size_t)strtoull(length + 16, NULL, 10);
}

static void
take_answer(struct load *l, struct conn *c)
{
    static const char good[] = "HTTP/1.1 200";
    const char *body = memmem(c->answer, c->got, "\r\n\r\n", 4);

    l->took_us[l->answered++] = vt_clock_monotonic_us() - c->begun_us;
    if (memcmp(c->answer, good, sizeof(good) - 1) == 0 &&
        memcmp(body + 4, "\xe2\x80\x94 ", 4) == 0)
        return;
    if (l->refused++ == 0)
        (void)fprintf(stderr, "witness_load: %.*s\n", (int)c->got, c->answer);
}

/* The next of the connection's requests. false: it has none. */
static bool
advance(const struct load *l, struct conn *c)
{
    c->log += l->connections;
    if (c->log >= l->logs) {
        c->log %= l->connections;
        c->round++;
    }
    return c->round < l->rounds;
}

/* What has arrived. false: the connection is done. */
static bool
on_readable(struct load *l, struct conn *c)
{
    ssize_t n = recv(c->fd, c->answer + c->got, sizeof(c->answer) - 1 - c->got, 0);
    size_t len;

    if (n <= 0)
        die("the witness has closed the connection");
    c->got += (size_t)n;
    c->answer[c->got] = '\0';
    len = answer_length(c);
    if (len == 0 || c->got < len)
        return true;
    take_answer(l, c);
    if (!advance(l, c))
        return false;
    ask(l, c);
    return true;
}

static void
run_all(struct load *l, struct conn *conns)
{
    struct epoll_event events[256];
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    size_t open = l->connections;

    for (size_t i = 0; i < l->connections; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &conns[i]};

        conns[i].fd = connect_to(l);
        conns[i].log = i;
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conns[i].fd, &e) != 0)
            die("epoll");
    }
    for (size_t i = 0; i < l->connections; i++)
        ask(l, &conns[i]);
    while (open > 0) {
        int n = epoll_wait(epoll_fd, events, 256, 30000);

        if (n <= 0)
            die("the witness does not answer");
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;

            if (on_readable(l, c))
                continue;
            (void)close(c->fd);
            open--;
        }
    }
    (void)close(epoll_fd);
}

static int
by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void
print_figures(struct load *l, uint64_t us)
{
    size_t n = l->answered;

    qsort(l->took_us, n, sizeof(*l->took_us), by_size);
    (void)printf(
        "{\"logs\": %zu, \"requests\": %zu, \"connections\": %zu, \"seconds\": %.3f, "
        "\"per_second\": %.0f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"not_200\": %zu}\n",
        l->logs, n, l->connections, (double)us / 1e6, (double)n * 1e6 / (double)us,
        (double)l->took_us[n / 2] / 1e3, (double)l->took_us[n - 1 - n / 100] / 1e3, l->refused);
}

static int
run_load(struct load *l)
{
    struct conn *conns = calloc(l->connections, sizeof(*conns));
    uint64_t begun;

    l->key = calloc(l->logs, sizeof(*l->key));
    l->request = calloc(l->logs * l->rounds, sizeof(*l->request));
    l->took_us = calloc(l->logs * l->rounds, sizeof(*l->took_us));
    if (conns == NULL || l->key == NULL || l->request == NULL || l->took_us == NULL)
        die("memory");
    for (size_t i = 0; i < l->logs; i++)
        l->key[i] = log_key(i);
    for (size_t i = 0; i < l->rounds; i++)
        make_round(l, i);
    begun = vt_clock_monotonic_us();
    run_all(l, conns);
    print_figures(l, vt_clock_monotonic_us() - begun);
    for (size_t i = 0; i < l->logs; i++)
        vt_key_free(l->key[i]);
    for (size_t i = 0; i < l->logs * l->rounds; i++)
        free(l->request[i].bytes);
    free(conns);
    free(l->key);
    free(l->request);
    free(l->took_us);
    return l->refused == 0 ? 0 : 1;
}

static bool
parse_number(const char *s, size_t max, size_t *ret)
{
    struct vt_reader r = VT_READER(s, strlen(s));
    uint64_t n = 0;

    if (!vt_reader_decimal(&r, max, &n) || n == 0)
        return false;
    *ret = (size_t)n;
    return true;
}

static bool
parse_address(const char *s, struct sockaddr_in *ret)
{
    const char *colon = strrchr(s, ':');
    char host[64];
    size_t port;

    if (colon == NULL || (size_t)(colon - s) >= sizeof(host) ||
        !parse_number(colon + 1, 65535, &port))
        return false;
    memcpy(host, s, (size_t)(colon - s));
    host[colon - s] = '\0';
    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host, &ret->sin_addr) == 1;
}

int
main(int argc, char **argv)
{
    struct load l = {0};

    if (argc == 3 && strcmp(argv[1], "vkeys") == 0 && parse_number(argv[2], LOGS_MAX, &l.logs))
        return print_vkeys(l.logs);
    if (argc == 6 && strcmp(argv[1], "run") == 0 && parse_address(argv[2], &l.address) &&
        parse_number(argv[3], LOGS_MAX, &l.logs) &&
        parse_number(argv[4], ROUNDS_MAX, &l.rounds) &&
        parse_number(argv[5], l.logs, &l.connections))
        return run_load(&l);
    (void)fprintf(stderr, "usage: witness_load vkeys LOGS\n"
                          "       witness_load run HOST:PORT LOGS ROUNDS CONNECTIONS\n");
    return 2;
}
