/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of server-sent events. What is to be sent waits in a bounded queue. While it is empty
 * the connection is suspended, so that libmicrohttpd does not ask for bytes that are not there;
 * nobody watches its socket then, so the sweep looks whether the client is still there.
 */
#include "http/serving.h"

#include "base/clock.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { STREAMS_MAX = 64, PING_MS = 15000, CHUNK = 4096 };
#define QUEUE_MAX (64U * 1024U)

struct vt_http_stream {
    struct vt_http_exchange *x;
    struct vt_http_stream *prev;
    struct vt_http_stream *next;
    struct vt_buf queue;
    size_t sent; /* bytes of the queue */
    int64_t ping_ms;
    bool begun;  /* libmicrohttpd has asked for bytes */
    bool ended;  /* after what is in the queue */
    bool broken; /* at once */
};

static ssize_t
take_bytes(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct vt_http_stream *s = cls;
    size_t left = s->queue.len - s->sent;

    (void)pos;
    s->begun = true;
    if (s->broken)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (left > 0) {
        size_t n = left < max ? left : max;

        memcpy(buf, s->queue.data + s->sent, n);
        s->sent += n;
        return (ssize_t)n;
    }
    vt_buf_clear(&s->queue);
    s->sent = 0;
    s->x->conn->deadline_ms = INT64_MAX;
    if (s->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    s->x->suspended = true; /* until there are bytes */
    MHD_suspend_connection(s->x->connection);
    return 0;
}

/* Whether there may be another for this client. */
static bool
has_room(struct vt_http_exchange *x)
{
    struct vt_http_server *server = x->conn->server;
    unsigned max = server->opts->streams_max;
    unsigned own = 0;

    if (server->stopping || server->stream_count >= (max > 0 ? max : (unsigned)STREAMS_MAX))
        return false;
    if (server->opts->streams_per_client == 0)
        return true;
    for (struct vt_http_stream *s = server->streams; s != NULL; s = s->next)
        own += strcmp(vt_http_client_word(s->x), vt_http_client_word(x)) == 0 ? 1 : 0;
    return own < server->opts->streams_per_client;
}

static void
link_stream(struct vt_http_server *server, struct vt_http_stream *s)
{
    s->next = server->streams;
    if (s->next != NULL)
        s->next->prev = s;
    server->streams = s;
    server->stream_count++;
}

static struct MHD_Response *
make_response(struct vt_http_stream *s)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, CHUNK, take_bytes, s, NULL);
    struct vt_http_response rs;

    vt_http_response_init(&rs);
    rs.content_type = "text/event-stream";
    if (response != NULL && vt_http_add_headers(response, &rs) != MHD_YES) {
        MHD_destroy_response(response);
        response = NULL;
    }
    return response;
}

bool
vt_http_stream(struct vt_http_exchange *x, const char *text)
{
    struct vt_http_stream *s = x->conn != NULL && has_room(x) ? calloc(1, sizeof(*s)) : NULL;

    if (s == NULL)
        return false;
    s->x = x;
    s->queue = VT_BUF(QUEUE_MAX);
    s->ping_ms = vt_clock_monotonic_ms() + PING_MS;
    vt_buf_puts(&s->queue, text);
    x->response = make_response(s);
    if (x->response == NULL) {
        vt_buf_release(&s->queue);
        free(s);
        return false;
    }
    x->status = MHD_HTTP_OK;
    x->stream = s;
    link_stream(x->conn->server, s);
    vt_http_awaited_no_more(x);
    return true;
}

void
vt_http_stream_put(struct vt_http_exchange *x, const void *data, size_t len)
{
    struct vt_http_stream *s = x->stream;
    bool empty = s->queue.len == s->sent;

    if (s->ended || s->broken || len == 0)
        return;
    if (empty) {
        vt_buf_clear(&s->queue);
        s->sent = 0;
        x->conn->deadline_ms = vt_clock_monotonic_ms() + vt_http_timeout_ms(x->conn->server);
    }
    if (len > QUEUE_MAX - (s->queue.len - s->sent)) {
        s->broken = true; /* too far behind */
        (void)shutdown(x->conn->fd, SHUT_RDWR);
    } else {
        vt_buf_put(&s->queue, data, len);
        s->broken = s->queue.err != VT_OK;
    }
    vt_http_resume(s->x);
}

/* A client that has gone sends nothing more, but for what TLS says at its end. */
static bool
is_gone(const struct vt_http_stream *s)
{
    struct pollfd p = {.fd = s->x->conn->fd, .events = POLLRDHUP};

    return s->x->suspended && poll(&p, 1, 0) > 0;
}

void
vt_http_streams_sweep(struct vt_http_server *server, int64_t now_ms)
{
    const char *ping = server->opts->ping != NULL ? server->opts->ping : ": ping\n\n";

    for (struct vt_http_stream *s = server->streams; s != NULL; s = s->next) {
        if (is_gone(s)) {
            s->broken = true;
            vt_http_resume(s->x);
        } else if (now_ms >= s->ping_ms) {
            s->ping_ms = now_ms + PING_MS;
            vt_http_stream_put(s->x, ping, strlen(ping));
        }
    }
}

void
vt_http_streams_end(struct vt_http_server *server)
{
    for (struct vt_http_stream *s = server->streams; s != NULL; s = s->next) {
        s->ended = true;
        vt_http_resume(s->x);
    }
}

void
vt_http_stream_over(struct vt_http_exchange *x)
{
    struct vt_http_stream *s = x->stream;
    struct vt_http_server *server = x->conn->server;

    if (s == NULL)
        return;
    *(s->prev != NULL ? &s->prev->next : &server->streams) = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    server->stream_count--;
    x->stream = NULL;
    if (server->opts->on_stream_end != NULL)
        server->opts->on_stream_end(server->opts->ctx, x);
    vt_buf_release(&s->queue);
    free(s);
}
