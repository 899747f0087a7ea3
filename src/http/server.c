/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's loop: libmicrohttpd's epoll descriptor, the stop descriptor and
 * the watched ones, and a sweep that closes connections past their deadline.
 *
 * libmicrohttpd's own timeout counts from the last byte, so a client that
 * sends one byte now and then would stay for ever; the deadline does not move
 * for single bytes.
 */
#include "http/serving.h"

#include "base/clock.h"
#include "crypto/digest.h"

#include <assert.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, TIMEOUT_S = 30, SWEEP_MS = 500, STOP_MS = 2000 };
enum { CONNECTION_MEMORY = 32 * 1024, TLS_PER_MINUTE = 1200, IDLE_TURNS = 2 };

int64_t
vt_http_timeout_ms(const struct vt_http_server *s)
{
    return 1000 * (int64_t)(s->opts->timeout_s > 0 ? s->opts->timeout_s : TIMEOUT_S);
}

static gnutls_session_t
session_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    return info == NULL ? NULL : info->tls_session;
}

static void
conn_begin(struct vt_http_server *s, struct MHD_Connection *connection, void **state)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct vt_http_conn *c = calloc(1, sizeof(*c));

    *state = c; /* NULL: its requests are turned away */
    if (c == NULL)
        return;
    c->server = s;
    c->fd = info == NULL ? -1 : (int)info->connect_fd;
    c->deadline_ms = vt_clock_monotonic_ms() + vt_http_timeout_ms(s);
    if (s->tls != NULL)
        vt_tls_begin(s->tls, &c->tls, session_of(connection));
    c->next = s->conns;
    if (c->next != NULL)
        c->next->prev = c;
    s->conns = c;
}

static void
conn_end(struct vt_http_server *s, void **state)
{
    struct vt_http_conn *c = *state;

    if (c == NULL)
        return;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    vt_tls_end(&c->tls);
    free(c);
    *state = NULL;
}

static void
on_connection(void *cls, struct MHD_Connection *connection, void **state,
    enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        conn_begin(cls, connection, state);
    else
        conn_end(cls, state);
}

/* Paths are decoded by ourselves, strictly. */
static size_t
keep_escaped(void *cls, struct MHD_Connection *connection, char *s)
{
    (void)cls;
    (void)connection;
    return strlen(s);
}

/* An error ends the server: nobody could begin a session any more. */
static enum vt_err
sweep(struct vt_http_server *s, struct vt_why *why)
{
    int64_t now = vt_clock_monotonic_ms();

    if (now < s->sweep_ms)
        return VT_OK;
    s->sweep_ms = now + SWEEP_MS;
    for (struct vt_http_conn *c = s->conns; c != NULL; c = c->next)
        if (now > c->deadline_ms && c->fd >= 0)
            (void)shutdown(c->fd, SHUT_RDWR);
    vt_http_streams_sweep(s, now);
    if (s->opts->tick != NULL)
        s->opts->tick(s->opts->ctx);
    return s->tls == NULL ? VT_OK : vt_tls_tick(s->tls, now, why);
}

/* New connections that are over the rate are closed at once. */
static enum MHD_Result
on_accept(void *cls, const struct sockaddr *address, socklen_t len)
{
    struct vt_http_server *s = cls;
    unsigned per_minute = s->opts->connections_per_minute;
    char word[VT_HTTP_CLIENT_SIZE];
    struct vt_http_rate rate;
    unsigned wait_s;

    (void)len;
    if (per_minute == 0 && s->tls != NULL)
        per_minute = TLS_PER_MINUTE;
    if (per_minute == 0)
        return MHD_YES;
    rate = (struct vt_http_rate){.per_minute = per_minute, .burst = (per_minute + 1) / 2};
    vt_http_word_of(s, address, word);
    return vt_http_rates_take(s->rates, word, UINT_MAX, &rate, vt_clock_monotonic_ms(), &wait_s)
               ? MHD_YES
               : MHD_NO;
}

static enum vt_err
start_daemon(struct vt_http_server *s, int listen_fd, struct vt_why *why)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    unsigned connections = s->opts->connections_max;

    if (s->tls != NULL)
        flags |= MHD_USE_TLS;
    s->daemon = MHD_start_daemon(flags, 0, on_accept, s, vt_http_on_request, s,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        connections > 0 ? connections : (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, s->opts->connections_per_client,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(vt_http_timeout_ms(s) / 1000),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        s->opts->memory > 0 ? s->opts->memory : (size_t)CONNECTION_MEMORY,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL, MHD_OPTION_URI_LOG_CALLBACK,
        vt_http_on_uri, s, MHD_OPTION_NOTIFY_COMPLETED, vt_http_on_completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        /* Without TLS the list ends here. */
        s->tls != NULL ? MHD_OPTION_HTTPS_PRIORITIES : MHD_OPTION_END, VT_TLS_PRIORITIES,
        MHD_OPTION_HTTPS_CERT_CALLBACK, vt_tls_on_certificate, MHD_OPTION_END);
    if (s->daemon == NULL)
        return vt_fail(why, VT_E_NET, "the HTTP server does not start (libmicrohttpd %s)",
            MHD_get_version());
    return VT_OK;
}

static enum vt_err
call_watches(struct vt_http_server *s, const struct pollfd *p, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < s->opts->watch_count && err == VT_OK; i++) {
        struct vt_http_watch *w = &s->opts->watches[i];

        if (p[i].revents != 0 && p[i].fd == w->fd)
            err = w->ready(w->ctx, why);
    }
    return err;
}

/* How long nothing need be done. libmicrohttpd does not count those that were resumed, and
 * wants to ask for ever after those that linger. */
static int
wait_ms(struct vt_http_server *s)
{
    MHD_UNSIGNED_LONG_LONG ms = SWEEP_MS;

    if (s->resumed)
        return 0;
    if (s->lingering > 0)
        return s->idle_turns++ < IDLE_TURNS ? 0 : 1;
    if (MHD_get_timeout(s->daemon, &ms) != MHD_YES || ms > SWEEP_MS)
        ms = SWEEP_MS;
    return (int)ms;
}

/* Waits for something to do and does it. *ret_stop: stop_fd has spoken. */
static enum vt_err
turn(struct vt_http_server *s, int epoll_fd, int stop_fd, bool *ret_stop, struct vt_why *why)
{
    struct pollfd p[2 + VT_HTTP_WATCH_MAX] = {
        {.fd = epoll_fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < s->opts->watch_count; i++) {
        const struct vt_http_watch *w = &s->opts->watches[i];

        p[2 + i].fd = w->fd;
        p[2 + i].events = w->write ? POLLIN | POLLOUT : POLLIN;
    }
    if (poll(p, 2 + s->opts->watch_count, wait_ms(s)) > 0) {
        s->idle_turns = 0;
        *ret_stop = p[1].revents != 0;
        err = call_watches(s, p + 2, why);
    }
    s->resumed = false;
    (void)MHD_run(s->daemon);
    if (s->opts->turned != NULL)
        s->opts->turned(s->opts->ctx);
    return err == VT_OK ? sweep(s, why) : err;
}

/* Nobody will answer these any more. */
static void
answer_awaited(struct vt_http_server *s)
{
    static const char text[] = "the service is stopping\n";

    for (struct vt_http_conn *c = s->conns; c != NULL; c = c->next)
        if (c->awaiting != NULL)
            vt_http_answer(c->awaiting, 503, NULL, 1, text, sizeof(text) - 1);
}

/* Takes no new connections, lets what is under way end, within STOP_MS. */
static void
wind_down(struct vt_http_server *s, int epoll_fd, bool broken)
{
    int64_t end = vt_clock_monotonic_ms() + STOP_MS;
    bool ignored;

    s->stopping = true;
    (void)MHD_quiesce_daemon(s->daemon);
    while (!broken && s->awaited > 0 && vt_clock_monotonic_ms() < end)
        broken = turn(s, epoll_fd, -1, &ignored, NULL) != VT_OK;
    answer_awaited(s);
    vt_http_streams_end(s);
    for (int i = 0; i < 10; i++) {
        (void)MHD_run(s->daemon);
        /* What had come and was not read yet. */
        if (s->opts->turned != NULL)
            s->opts->turned(s->opts->ctx);
        answer_awaited(s);
    }
    MHD_stop_daemon(s->daemon);
    vt_http_exchanges_free(s);
}

/* What the server keeps beside libmicrohttpd. */
static enum vt_err
prepare(struct vt_http_server *s, struct vt_why *why)
{
    enum vt_err err = vt_random(s->secret, sizeof(s->secret), why);

    assert(s->opts->watch_count <= VT_HTTP_WATCH_MAX);
    if (err == VT_OK)
        err = vt_http_cache_new(&s->cache, why);
    if (err == VT_OK)
        err = vt_http_rates_new(&s->rates, why);
    return err;
}

/* TLS, where it is asked for. */
static enum vt_err
prepare_tls(struct vt_http_server *s, struct vt_why *why)
{
    struct vt_tls_signer *signer = NULL;
    enum vt_err err;

    if (!vt_listen_has_tls(s->opts->how))
        return VT_OK;
    if (MHD_is_feature_supported(MHD_FEATURE_HTTPS_CERT_CALLBACK) != MHD_YES)
        return vt_fail(why, VT_E_CONFIG,
            "this libmicrohttpd (%s) has no TLS: leave out --tls-cert, or put a proxy before "
            "it",
            MHD_get_version());
    err = s->opts->tls_fd > 0 ? vt_tls_signer_attach(s->opts->tls_fd, &signer, why)
                              : vt_tls_signer_spawn(s->opts->how, &signer, why);
    return err == VT_OK ? vt_tls_new(signer, &s->tls, why) : err;
}

static enum vt_err
serve(struct vt_http_server *s, int listen_fd, int stop_fd, struct vt_why *why)
{
    enum vt_err err = start_daemon(s, listen_fd, why);
    const union MHD_DaemonInfo *info;
    bool stop = false;
    int epoll_fd;

    if (err != VT_OK)
        return err;
    /* sendfile has no flag for a peer that is gone. */
    (void)signal(SIGPIPE, SIG_IGN);
    info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        MHD_stop_daemon(s->daemon);
        return vt_fail(why, VT_E_NET, "the HTTP server has no epoll descriptor");
    }
    epoll_fd = (int)info->epoll_fd;
    while (!stop && err == VT_OK)
        err = turn(s, epoll_fd, stop_fd, &stop, why);
    wind_down(s, epoll_fd, err != VT_OK);
    return err;
}

enum vt_err
vt_http_serve(
    int listen_fd, int stop_fd, const struct vt_http_server_opts *opts, struct vt_why *why)
{
    struct vt_http_server s = {.opts = opts};
    enum vt_err err = prepare(&s, why);

    if (err == VT_OK)
        err = prepare_tls(&s, why);
    if (err == VT_OK)
        err = serve(&s, listen_fd, stop_fd, why);
    vt_tls_free(s.tls);
    vt_http_rates_free(s.rates);
    vt_http_cache_free(s.cache);
    vt_wipe(s.secret, sizeof(s.secret));
    return err;
}
