/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds entries to a log over HTTP, over keep-alive connections to 127.0.0.1, and says how many
 * a second were acknowledged and how long that took.
 *
 *     log_load PORT CONNECTIONS SIZE SECONDS [RATE]
 *
 * Without RATE every connection sends its next entry as soon as the last is acknowledged. With
 * RATE entry k is due at k / RATE seconds, and its time counts from then, also when every
 * connection is still busy: a log that stalls is not asked less. Meanwhile the log's checkpoint
 * is read every few milliseconds, so that for each entry it is known when a checkpoint covered
 * it.
 *
 * Prints one JSON object: requests, errors (another status than 200, or no index), per_s,
 * p50_ms, p99_ms, max_ms; with RATE also covered_p50_ms, covered_p99_ms, covered_max_ms. Each
 * entry is one that no other has.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1024, HEAD_MAX = 4096, SIZE_MAX_BYTES = 60000, POLL_MS = 4 };

struct connection {
    int fd;
    bool busy;
    bool poll; /* it reads the checkpoint */
    double due;
    char in[HEAD_MAX];
    size_t in_len;
};

struct sample {
    double due;
    double took;
    uint64_t index;
    double covered; /* 0: not yet */
};

static struct connection connections[CONNECTIONS_MAX + 1];
static int connection_count;
static struct sample *samples;
static size_t sample_count;
static size_t sample_cap;
static size_t errors;
static size_t entry_size;
static uint64_t seed;
static uint64_t sent;
static uint64_t covered_size;
static int epoll_fd;

static double
now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
die(const char *what)
{
    (void)fprintf(stderr, "log_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void
connect_to(int port, struct connection *c)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&sa, sizeof sa) != 0 ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) != 0)
        die("connect");
}

static void
send_all(struct connection *c, const char *p, size_t len)
{
    if (send(c->fd, p, len, MSG_NOSIGNAL) != (ssize_t)len)
        die("send");
    c->busy = true;
    c->in_len = 0;
}

/* The next entry: a number that makes it one of its own, and bytes that do not compress. */
static void
add(struct connection *c, double due)
{
    char rq[SIZE_MAX_BYTES + 256];
    int n = snprintf(rq, sizeof rq,
        "POST /add HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", entry_size);
    uint64_t x = seed ^ (++sent * 0x9e3779b97f4a7c15ULL);
    char *body = rq + n;

    for (size_t i = 0; i < entry_size; i += sizeof x) {
        size_t left = entry_size - i < sizeof x ? entry_size - i : sizeof x;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(body + i, &x, left);
    }
    memcpy(body, &sent, entry_size < sizeof sent ? entry_size : sizeof sent);
    c->due = due;
    send_all(c, rq, (size_t)n + entry_size);
}

static void
ask_checkpoint(struct connection *c)
{
    static const char rq[] = "GET /checkpoint HTTP/1.1\r\nHost: localhost\r\n\r\n";

    send_all(c, rq, sizeof rq - 1);
}

static struct sample *
new_sample(void)
{
    if (sample_count == sample_cap) {
        sample_cap = sample_cap == 0 ? 65536 : 2 * sample_cap;
        samples = realloc(samples, sample_cap * sizeof *samples);
        if (samples == NULL)
            die("realloc");
    }
    return &samples[sample_count++];
}

static void
take_index(struct connection *c, int status, const char *body)
{
    char *end = NULL;
    uint64_t index = strtoull(body, &end, 10);
    struct sample *s;

    if (status != 200 || end == body || *end != '\n') {
        errors++;
        return;
    }
    s = new_sample();
    *s = (struct sample){.due = c->due, .took = now() - c->due, .index = index};
}

/* The second line of a checkpoint is its size. */
static void
take_checkpoint(int status, const char *body)
{
    const char *line = strchr(body, '\n');
    uint64_t size = status == 200 && line != NULL ? strtoull(line + 1, NULL, 10) : 0;
    double at = now();

    if (size <= covered_size)
        return;
    for (size_t i = sample_count; i-- > 0 && samples[i].covered == 0;)
        if (samples[i].index < size)
            samples[i].covered = at;
    for (size_t i = 0; i < sample_count; i++)
        if (samples[i].covered == 0 && samples[i].index < size)
            samples[i].covered = at;
    covered_size = size;
}

/* Whether an answer is whole; then it is dealt with. */
static bool
take_answer(struct connection *c)
{
    char *body = strstr(c->in, "\r\n\r\n");
    const char *length;
    size_t want;
    int status;

    if (body == NULL)
        return false;
    length = strcasestr(c->in, "\ncontent-length:");
    if (length == NULL || length > body)
        die("an answer without a length");
    want = (size_t)strtoul(length + strlen("\ncontent-length:"), NULL, 10);
    if (c->in_len < (size_t)(body + 4 - c->in) + want)
        return false;
    status = atoi(c->in + strlen("HTTP/1.1 "));
    c->busy = false;
    if (c->poll)
        take_checkpoint(status, body + 4);
    else
        take_index(c, status, body + 4);
    return true;
}

static void
receive(struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - 1 - c->in_len, 0);

    if (n <= 0)
        die("recv");
    c->in_len += (size_t)n;
    c->in[c->in_len] = '\0';
    if (!take_answer(c) && c->in_len == sizeof c->in - 1)
        die("an answer that is too long");
}

/* Waits for answers, at most so many milliseconds. */
static void
turn(int ms)
{
    struct epoll_event ev[256];
    int n = epoll_wait(epoll_fd, ev, 256, ms);

    if (n < 0 && errno != EINTR)
        die("epoll_wait");
    for (int i = 0; i < n; i++)
        receive(ev[i].data.ptr);
}

static struct connection *
free_connection(void)
{
    for (int i = 0; i < connection_count; i++)
        if (!connections[i].busy)
            return &connections[i];
    return NULL;
}

static size_t
busy(void)
{
    size_t n = 0;

    for (int i = 0; i < connection_count; i++)
        n += connections[i].busy;
    return n;
}

static double
run_closed(double seconds)
{
    double start = now();

    while (now() - start < seconds) {
        for (int i = 0; i < connection_count; i++)
            if (!connections[i].busy)
                add(&connections[i], now());
        turn(1000);
    }
    while (busy() > 0)
        turn(1000);
    return now() - start;
}

static bool
all_covered(void)
{
    for (size_t i = 0; i < sample_count; i++)
        if (samples[i].covered == 0)
            return false;
    return true;
}

static double
run_rate(double seconds, double rate)
{
    struct connection *poll = &connections[connection_count];
    size_t count = (size_t)(seconds * rate);
    size_t begun = 0;
    double start = now();
    double next_poll = start;
    double took;

    while (begun < count || busy() > 0) {
        struct connection *c;

        while (begun < count && now() >= start + (double)begun / rate &&
               (c = free_connection()) != NULL)
            add(c, start + (double)begun++ / rate);
        if (!poll->busy && now() >= next_poll) {
            ask_checkpoint(poll);
            next_poll = now() + POLL_MS / 1e3;
        }
        turn(1);
    }
    took = now() - start;
    for (double end = now() + 30; !all_covered() && now() < end;) {
        if (!poll->busy)
            ask_checkpoint(poll);
        turn(POLL_MS);
    }
    return took;
}

static int
by_took(const void *a, const void *b)
{
    double x = ((const struct sample *)a)->took;
    double y = ((const struct sample *)b)->took;

    return x < y ? -1 : x > y;
}

static int
by_covered(const void *a, const void *b)
{
    double x = ((const struct sample *)a)->covered - ((const struct sample *)a)->due;
    double y = ((const struct sample *)b)->covered - ((const struct sample *)b)->due;

    return x < y ? -1 : x > y;
}

static void
print(double took, bool rate)
{
    size_t n = sample_count;

    qsort(samples, n, sizeof *samples, by_took);
    printf("{\"requests\": %zu, \"errors\": %zu, \"per_s\": %.1f, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f, \"max_ms\": %.3f",
        n, errors, (double)n / took, samples[n / 2].took * 1e3,
        samples[n * 99 / 100].took * 1e3, samples[n - 1].took * 1e3);
    if (rate) {
        size_t open = 0;

        for (size_t i = 0; i < n; i++)
            open += samples[i].covered == 0;
        qsort(samples, n, sizeof *samples, by_covered);
        printf(", \"uncovered\": %zu", open);
        if (open == 0)
            printf(", \"covered_p50_ms\": %.1f, \"covered_p99_ms\": %.1f, "
                   "\"covered_max_ms\": %.1f",
                (samples[n / 2].covered - samples[n / 2].due) * 1e3,
                (samples[n * 99 / 100].covered - samples[n * 99 / 100].due) * 1e3,
                (samples[n - 1].covered - samples[n - 1].due) * 1e3);
    }
    printf("}\n");
}

int
main(int argc, char **argv)
{
    double seconds = argc > 4 ? atof(argv[4]) : 0;
    double rate = argc > 5 ? atof(argv[5]) : 0;
    struct timespec t;
    double took;

    connection_count = argc > 2 ? atoi(argv[2]) : 0;
    entry_size = argc > 3 ? (size_t)atol(argv[3]) : 0;
    if (seconds <= 0 || connection_count < 1 || connection_count > CONNECTIONS_MAX ||
        entry_size < 1 || entry_size > SIZE_MAX_BYTES) {
        fputs("usage: log_load PORT CONNECTIONS SIZE SECONDS [RATE]\n", stderr);
        return 2;
    }
    (void)clock_gettime(CLOCK_REALTIME, &t);
    seed = (uint64_t)t.tv_sec * 1000000007ULL + (uint64_t)t.tv_nsec;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < connection_count + (rate > 0); i++)
        connect_to(atoi(argv[1]), &connections[i]);
    connections[connection_count].poll = true;
    took = rate > 0 ? run_rate(seconds, rate) : run_closed(seconds);
    if (sample_count == 0)
        die("nothing was acknowledged");
    print(took, rate > 0);
    free(samples);
    return 0;
}
