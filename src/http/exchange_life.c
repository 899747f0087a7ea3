/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How exchanges come and go. One that a handler keeps may outlive its connection.
 */
#include "http/serving.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { SPARE_MAX = 128 };

/* Keeps what follows the '?': libmicrohttpd takes it apart. */
static void
keep_query(struct vt_http_exchange *x, const char *uri)
{
    const char *query = strchr(uri, '?');
    size_t len;

    if (query == NULL)
        return;
    len = strlen(query + 1);
    x->query_long = len > VT_HTTP_QUERY_MAX;
    x->query = x->query_long ? NULL : strdup(query + 1);
}

/* One that is zeroed: they are too large for what malloc has ready. */
static struct vt_http_exchange *
new_exchange(struct vt_http_server *s)
{
    struct vt_http_exchange *x = s->spare;

    if (x != NULL) {
        s->spare = x->next;
        s->spare_count--;
    } else {
        x = malloc(sizeof(*x));
        if (x == NULL)
            return NULL;
    }
    memset(x, 0, offsetof(struct vt_http_exchange, path));
    x->path[0] = '\0';
    x->server = s;
    return x;
}

/* The first line is there. */
void *
vt_http_on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct vt_http_conn *conn;
    struct vt_http_exchange *x;

    (void)cls;
    if (info == NULL || info->socket_context == NULL)
        return NULL;
    conn = info->socket_context;
    x = new_exchange(conn->server);
    if (x == NULL)
        return NULL;
    x->conn = conn;
    x->connection = connection;
    if (x->server->opts->how != NULL && x->server->opts->how->access_log)
        x->began_us = vt_clock_monotonic_us();
    vt_http_response_init(&x->rs);
    vt_buf_init(&x->body, 1);
    keep_query(x, uri);
    return x;
}

static void
free_exchange(struct vt_http_exchange *x)
{
    struct vt_http_server *s = x->server;

    vt_buf_release(&x->body);
    vt_buf_release(&x->rs.body);
    free(x->query);
    if (s->spare_count >= SPARE_MAX) {
        free(x);
        return;
    }
    x->next = s->spare;
    s->spare = x;
    s->spare_count++;
}

/* The client of an exchange that a handler keeps has gone: it stays as the handler knows it,
 * but for what belonged to libmicrohttpd, until it is answered. */
static void
orphan(struct vt_http_exchange *x)
{
    struct vt_http_server *s = x->server;

    vt_http_linger_no_more(x);
    x->conn->awaiting = NULL;
    x->conn = NULL;
    x->next = s->orphans;
    if (s->orphans != NULL)
        s->orphans->prev = x;
    s->orphans = x;
    x->connection = NULL;
    x->rq.content_type = "";
    x->rq.content_encoding = "";
    x->rq.origin = "";
    x->rq.cookie = "";
    x->rq.if_none_match = "";
    x->rq.prefer = "";
    x->rq.client_name = "";
}

void
vt_http_orphan_free(struct vt_http_exchange *x)
{
    *(x->prev != NULL ? &x->prev->next : &x->server->orphans) = x->next;
    if (x->next != NULL)
        x->next->prev = x->prev;
    x->server->awaited--;
    free_exchange(x);
}

static void
free_list(struct vt_http_exchange *x)
{
    struct vt_http_exchange *next;

    for (; x != NULL; x = next) {
        next = x->next;
        free(x);
    }
}

void
vt_http_exchanges_free(struct vt_http_server *s)
{
    struct vt_http_exchange *next;

    s->spare_count = 0;
    for (struct vt_http_exchange *x = s->orphans; x != NULL; x = next) {
        next = x->next;
        vt_buf_release(&x->body);
        vt_buf_release(&x->rs.body);
        free(x->query);
    }
    free_list(s->orphans);
    free_list(s->spare);
    s->orphans = NULL;
    s->spare = NULL;
}

void
vt_http_on_completed(void *cls, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode why)
{
    struct vt_http_exchange *x = *state;

    (void)cls;
    (void)connection;
    (void)why;
    if (x == NULL)
        return;
    *state = NULL;
    if (x->began_us > 0 && x->begun)
        vt_http_log_request(x);
    x->conn->deadline_ms = vt_clock_monotonic_ms() + vt_http_timeout_ms(x->conn->server);
    x->server->bodies -= x->body_share;
    if (x->conn->awaiting == x) {
        orphan(x);
        return;
    }
    vt_http_stream_over(x);
    if (x->response != NULL)
        MHD_destroy_response(x->response);
    free_exchange(x);
}
