/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks a web server at a constant rate and says how long the answers took. The schedule stands
 * before: request k is due at k / RATE seconds, and its time counts from then, also when every
 * connection is still busy. So a server that stalls is not asked less, and its stall is seen in
 * all that was due meanwhile.
 *
 *     centre_load PORT RATE SECONDS PATH...     paths in turn, over 32 connections to 127.0.0.1
 *
 * Prints one JSON object: requests, errors (another status than 200, or none), p50_ms, p99_ms,
 * max_ms, per_s.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 32, HEAD_MAX = 8192 };

struct connection {
    int fd;
    bool busy;
    double due;
    char head[HEAD_MAX]; /* of the answer */
    size_t head_len;
    bool head_done;
    size_t left; /* of its body */
    int status;
};

static struct connection connections[CONNECTIONS];
static double *times;
static size_t done;
static size_t errors;

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
    perror(what);
    exit(1);
}

static int
connect_to(int port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0)
        die("connect");
    return fd;
}

static void
begin(struct connection *c, const char *path, double due)
{
    char rq[2048];
    int n = snprintf(rq, sizeof(rq), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);

    if (n < 0 || send(c->fd, rq, (size_t)n, MSG_NOSIGNAL) != n)
        die("send");
    c->busy = true;
    c->due = due;
    c->head_len = 0;
    c->head_done = false;
}

static void
end(struct connection *c)
{
    times[done++] = now() - c->due;
    errors += c->status == 200 ? 0 : 1;
    c->busy = false;
}

/* The head is there: what it says of the status and the body. */
static void
take_head(struct connection *c, const char *after)
{
    const char *length;
    size_t head = (size_t)(after - c->head);

    c->head[head - 1] = '\0';
    c->status = atoi(c->head + strlen("HTTP/1.1 "));
    length = strcasestr(c->head, "\ncontent-length:");
    c->left = length != NULL ? (size_t)atol(length + strlen("\ncontent-length:")) : 0;
    if (c->head_len - head > c->left)
        die("more than was asked for");
    c->left -= c->head_len - head;
    c->head_done = true;
}

static void
receive(struct connection *c)
{
    static char rest[65536];
    char *into = c->head_done ? rest : c->head + c->head_len;
    size_t room = c->head_done ? sizeof(rest) : sizeof(c->head) - 1 - c->head_len;
    ssize_t n = recv(c->fd, into, room, 0);
    char *after;

    if (n <= 0)
        die("recv");
    if (c->head_done) {
        c->left -= (size_t)n < c->left ? (size_t)n : c->left;
    } else {
        c->head_len += (size_t)n;
        c->head[c->head_len] = '\0';
        after = strstr(c->head, "\r\n\r\n");
        if (after != NULL)
            take_head(c, after + 4);
    }
    if (c->head_done && c->left == 0)
        end(c);
}

/* Waits for answers until the next request is due. */
static void
serve(double until)
{
    struct pollfd p[CONNECTIONS];
    double wait = until - now();
    struct timespec t = {0};

    for (int i = 0; i < CONNECTIONS; i++)
        p[i] = (struct pollfd){
            .fd = connections[i].busy ? connections[i].fd : -1, .events = POLLIN};
    if (wait > 0) {
        t.tv_sec = (time_t)wait;
        t.tv_nsec = (long)((wait - (double)t.tv_sec) * 1e9);
    }
    if (ppoll(p, CONNECTIONS, &t, NULL) < 0)
        die("poll");
    for (int i = 0; i < CONNECTIONS; i++)
        if (p[i].fd >= 0 && p[i].revents != 0)
            receive(&connections[i]);
}

static struct connection *
free_connection(void)
{
    for (int i = 0; i < CONNECTIONS; i++)
        if (!connections[i].busy)
            return &connections[i];
    return NULL;
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y ? 1 : 0;
}

int
main(int argc, char **argv)
{
    double rate = argc > 4 ? atof(argv[2]) : 0;
    size_t count = argc > 4 ? (size_t)(rate * atof(argv[3])) : 0;
    size_t sent = 0;
    double start;

    if (count == 0) {
        fputs("usage: centre_load PORT RATE SECONDS PATH...\n", stderr);
        return 2;
    }
    times = calloc(count, sizeof(*times));
    if (times == NULL)
        die("calloc");
    for (int i = 0; i < CONNECTIONS; i++)
        connections[i].fd = connect_to(atoi(argv[1]));
    start = now();
    while (done < count) {
        double due = start + (double)sent / rate;
        struct connection *c = sent < count && now() >= due ? free_connection() : NULL;

        if (c != NULL) {
            begin(c, argv[4 + sent % (size_t)(argc - 4)], due);
            sent++;
        } else {
            serve(sent < count && free_connection() != NULL ? due : now() + 1);
        }
    }
    rate = (double)count / (now() - start);
    qsort(times, count, sizeof(*times), by_size);
    printf("{\"requests\": %zu, \"errors\": %zu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
           "\"max_ms\": %.3f, \"per_s\": %.1f}\n",
        count, errors, times[count / 2] * 1e3, times[count * 99 / 100] * 1e3,
        times[count - 1] * 1e3, rate);
    free(times);
    return 0;
}
