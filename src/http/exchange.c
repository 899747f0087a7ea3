/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer.
 */
#include "http/serving.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Slowest body and slowest taking of an answer, in bytes a millisecond. */
enum { BODY_RATE = 16, ANSWER_RATE = 4 };
/* How much of a body that is too large is read and thrown away, so that the
 * client gets to hear why. */
#define DISCARD_MAX (1024U * 1024U)

static void
preset(struct vt_http_response *rs)
{
    *rs = (struct vt_http_response){.status = 200,
        .content_type = "text/plain; charset=utf-8",
        .cache = "no-store",
        .csp = "default-src 'none'",
        .body = VT_BUF(VT_HTTP_BODY_MAX)};
}

enum MHD_Result
vt_http_queue(struct vt_http_exchange *x, unsigned status, struct MHD_Response *response,
    const char *content_type, const char *cache, const char *csp, uint64_t len)
{
    const char *const headers[][2] = {{MHD_HTTP_HEADER_CONTENT_TYPE, content_type},
        {MHD_HTTP_HEADER_CACHE_CONTROL, cache}, {"Content-Security-Policy", csp},
        {"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"}};
    enum MHD_Result ok = MHD_YES;

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]) && ok == MHD_YES; i++)
        ok = MHD_add_response_header(response, headers[i][0], headers[i][1]);
    x->conn->deadline_ms = vt_clock_monotonic_ms() + vt_http_timeout_ms(x->conn->server) +
                           (int64_t)(len / ANSWER_RATE);
    if (ok == MHD_YES && x->conn->server->stopping)
        ok = MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (ok == MHD_YES)
        ok = MHD_queue_response(x->connection, status, response);
    MHD_destroy_response(response);
    return ok;
}

enum MHD_Result
vt_http_send(struct vt_http_exchange *x, const struct vt_http_response *rs)
{
    char text[24];
    struct MHD_Response *response;

    if (rs->body.err != VT_OK)
        return vt_http_send_error(x, 500, "the answer does not fit");
    response =
        MHD_create_response_from_buffer(rs->body.len, rs->body.data, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    if (rs->retry_after_s > 0) {
        (void)snprintf(text, sizeof(text), "%u", rs->retry_after_s);
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, text);
    }
    return vt_http_queue(
        x, (unsigned)rs->status, response, rs->content_type, rs->cache, rs->csp, rs->body.len);
}

enum MHD_Result
vt_http_send_error(struct vt_http_exchange *x, int status, const char *text)
{
    struct vt_http_response rs;
    enum MHD_Result ok;

    preset(&rs);
    rs.status = status;
    vt_buf_putf(&rs.body, "%s\n", text);
    ok = vt_http_send(x, &rs);
    vt_buf_release(&rs.body);
    return ok;
}

void
vt_http_answer(struct vt_http_exchange *x, int status, const char *content_type,
    unsigned retry_after_s, const void *text, size_t len)
{
    x->rs.status = status;
    if (content_type != NULL)
        x->rs.content_type = content_type;
    x->rs.retry_after_s = retry_after_s;
    vt_buf_put(&x->rs.body, text, len);
    x->answered = true;
    x->conn->awaiting = NULL;
    x->conn->server->awaited--;
    MHD_resume_connection(x->connection);
}

static bool
route_has_path(const struct vt_http_route *r, const char *path)
{
    size_t len = strlen(r->path);

    if (len > 1 && r->path[len - 1] == '/')
        return strncmp(path, r->path, len) == 0 && path[len] != '\0';
    return strcmp(path, r->path) == 0;
}

/* The route of a path; *ret_other tells that there is one for another method. */
static const struct vt_http_route *
find_route(const struct vt_http_route *r, const char *path, bool get, bool *ret_other)
{
    *ret_other = false;
    for (; r != NULL && r->method != NULL; r++) {
        if (!route_has_path(r, path))
            continue;
        if ((strcmp(r->method, "GET") == 0) == get)
            return r;
        *ret_other = true;
    }
    return NULL;
}

/* The body's announced length, or 0 when it is not announced. */
static uint64_t
announced_length(struct MHD_Connection *connection)
{
    const char *s = MHD_lookup_connection_value(
        connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    struct vt_reader r = VT_READER(s, s == NULL ? 0 : strlen(s));
    uint64_t n = 0;

    return s != NULL && vt_reader_decimal(&r, UINT64_MAX, &n) ? n : 0;
}

/* Sets room aside for the body. false: there is none now. */
static bool
reserve_body(struct vt_http_exchange *x)
{
    struct vt_http_server *s = x->conn->server;
    uint64_t len = announced_length(x->connection);
    size_t share = len > 0 ? (size_t)len : x->route->body_max;

    if (s->opts->bodies_max > 0 && share > s->opts->bodies_max - s->bodies)
        return false;
    s->bodies += share;
    x->body_share = share;
    vt_buf_init(&x->body, x->route->body_max);
    return len == 0 || vt_buf_reserve(&x->body, share) != NULL;
}

static enum MHD_Result
send_busy(struct vt_http_exchange *x)
{
    struct vt_http_response rs;
    enum MHD_Result ok;

    preset(&rs);
    rs.status = 503;
    rs.retry_after_s = 1;
    vt_buf_puts(&rs.body, "too much is under way: try again\n");
    ok = vt_http_send(x, &rs);
    vt_buf_release(&rs.body);
    return ok;
}

/* The first call for a request: headers are there, the body is not. */
static enum MHD_Result
begin_request(struct vt_http_conn *conn, struct MHD_Connection *connection, const char *url,
    const char *method, void **state)
{
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    struct vt_http_exchange *x = calloc(1, sizeof(*x));
    bool other = false;

    if (x == NULL)
        return MHD_NO;
    *state = x;
    x->conn = conn;
    x->connection = connection;
    x->get = get;
    preset(&x->rs);
    vt_buf_init(&x->body, 1);
    if (!get && strcmp(method, "POST") != 0)
        return vt_http_send_error(x, 405, "only GET, HEAD and POST are known here");
    if (!vt_http_path_decode(url, x->path))
        return vt_http_send_error(x, 400, "the path is not one that can be here");
    x->route = find_route(conn->server->opts->routes, x->path, get, &other);
    if (x->route == NULL && !get)
        return vt_http_send_error(x, other ? 405 : 404, "nothing takes a POST here");
    if (x->route == NULL && other && !vt_http_has_folder(x))
        return vt_http_send_error(x, 405, "this takes a POST");
    if (get)
        return MHD_YES;
    if (announced_length(connection) > x->route->body_max)
        return vt_http_send_error(x, 413, "the body is larger than what is taken here");
    return reserve_body(x) ? MHD_YES : send_busy(x);
}

static enum MHD_Result
take_body(struct vt_http_exchange *x, const char *data, size_t *data_len)
{
    x->body_seen += *data_len;
    x->conn->deadline_ms += (int64_t)(*data_len / BODY_RATE);
    if (!x->too_large)
        vt_buf_put(&x->body, data, *data_len);
    if (x->body.err != VT_OK) {
        x->too_large = true;
        if (x->body_seen > x->body.max + DISCARD_MAX)
            return MHD_NO;
    }
    *data_len = 0;
    return MHD_YES;
}

static const char *
header(const struct vt_http_exchange *x, const char *name)
{
    const char *s = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);

    return s == NULL ? "" : s;
}

/* The whole request is there. */
static enum MHD_Result
dispatch(struct vt_http_exchange *x)
{
    struct vt_http_request rq = {.method = x->get ? "GET" : "POST",
        .path = x->path,
        .content_type = header(x, MHD_HTTP_HEADER_CONTENT_TYPE),
        .content_encoding = header(x, MHD_HTTP_HEADER_CONTENT_ENCODING),
        .body = x->body.data,
        .body_len = x->body.len};

    if (x->too_large)
        return vt_http_send_error(x, 413, "the body is larger than what is taken here");
    if (x->route == NULL)
        return vt_http_send_file(x);
    if (x->route->begin == NULL) {
        x->route->handle(x->conn->server->opts->ctx, &rq, &x->rs);
        return vt_http_send(x, &x->rs);
    }
    /* Suspended first: the answer may come before begin returns. */
    MHD_suspend_connection(x->connection);
    x->conn->awaiting = x;
    x->conn->server->awaited++;
    x->conn->deadline_ms = INT64_MAX;
    if (!x->route->begin(x->conn->server->opts->ctx, &rq, x, &x->rs)) {
        x->answered = true;
        x->conn->awaiting = NULL;
        x->conn->server->awaited--;
        MHD_resume_connection(x->connection);
    }
    return MHD_YES;
}

enum MHD_Result
vt_http_on_request(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *data_len, void **state)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct vt_http_exchange *x = *state;

    (void)cls;
    (void)version;
    if (info == NULL || info->socket_context == NULL)
        return MHD_NO;
    if (x == NULL)
        return begin_request(info->socket_context, connection, url, method, state);
    if (*data_len > 0)
        return take_body(x, data, data_len);
    if (x->answered)
        return vt_http_send(x, &x->rs);
    return dispatch(x);
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
    x->conn->deadline_ms = vt_clock_monotonic_ms() + vt_http_timeout_ms(x->conn->server);
    x->conn->server->bodies -= x->body_share;
    vt_buf_release(&x->body);
    vt_buf_release(&x->rs.body);
    free(x);
    *state = NULL;
}
