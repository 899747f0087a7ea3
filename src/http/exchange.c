/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request: from its first line to the handler that answers it.
 */
#include "http/serving.h"

#include "base/clock.h"
#include "crypto/digest.h"

#include <stdlib.h>
#include <string.h>

/* Slowest body, in bytes a millisecond. */
enum { BODY_RATE = 16 };
/* How much of a body that is too large is read and thrown away, so that the
 * client gets to hear why. */
#define DISCARD_MAX (1024U * 1024U)

enum { LINGERING_MAX = 64, LINGER_US = 20000 };

void
vt_http_resume(struct vt_http_exchange *x)
{
    if (!x->suspended)
        return;
    x->suspended = false;
    x->server->resumed = true;
    MHD_resume_connection(x->connection);
}

void
vt_http_linger_no_more(struct vt_http_exchange *x)
{
    if (x->linger_us > 0)
        x->server->lingering--;
    x->linger_us = 0;
}

void
vt_http_awaited_no_more(struct vt_http_exchange *x)
{
    vt_http_linger_no_more(x);
    x->server->idle_turns = 0;
    x->answered = true;
    x->conn->awaiting = NULL;
    x->server->awaited--;
    vt_http_resume(x);
}

void
vt_http_reply(struct vt_http_exchange *x, struct vt_http_response *rs)
{
    if (x->conn == NULL) {
        vt_buf_release(&rs->body);
        vt_http_orphan_free(x);
        return;
    }
    x->response = vt_http_make(x, rs, &x->status, &x->response_len);
    vt_http_awaited_no_more(x);
}

void
vt_http_answer(struct vt_http_exchange *x, int status, const char *content_type,
    unsigned retry_after_s, const void *text, size_t len)
{
    struct vt_http_response rs;

    vt_http_response_init(&rs);
    rs.status = status;
    if (content_type != NULL)
        rs.content_type = content_type;
    rs.retry_after_s = retry_after_s;
    vt_buf_put(&rs.body, text, len);
    vt_http_reply(x, &rs);
}

bool
vt_http_path_matches(const char *pattern, const char *path)
{
    size_t len = strlen(pattern);

    if (len > 1 && pattern[len - 1] == '/')
        return strncmp(path, pattern, len) == 0 && path[len] != '\0';
    return strcmp(path, pattern) == 0;
}

/* The route of a path; *ret_other tells that there is one for another method. */
static const struct vt_http_route *
find_route(const struct vt_http_route *r, const char *path, bool get, bool *ret_other)
{
    *ret_other = false;
    for (; r != NULL && r->method != NULL; r++) {
        if (!vt_http_path_matches(r->path, path))
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
    struct vt_http_server *s = x->server;
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
    x->rs.retry_after_s = 1;
    return vt_http_send_error(x, 503, "too much is under way: try again");
}

static enum MHD_Result
send_not_allowed(struct vt_http_exchange *x, const char *allow, const char *text)
{
    x->rs.allow = allow;
    return vt_http_send_error(x, 405, text);
}

/* Whether the client may ask this now; x->rs.retry_after_s says when it may. */
static bool
is_within_rates(struct vt_http_exchange *x)
{
    struct vt_http_server *s = x->server;
    const struct vt_http_rate *rates = s->opts->rates;

    for (unsigned i = 0; rates != NULL && rates[i].method != NULL; i++)
        if ((strcmp(rates[i].method, "GET") == 0) == x->get &&
            vt_http_path_matches(rates[i].path, x->path))
            return vt_http_rates_take(s->rates, vt_http_client_word(x), i, &rates[i],
                vt_clock_monotonic_ms(), &x->rs.retry_after_s);
    return true;
}

/* Whether the request comes from a process of this service. */
static bool
shows_pass(const struct vt_http_exchange *x)
{
    const char *own = x->server->opts->how->pass;
    const char *shown = vt_http_header(x, "Vitrine-Pass");
    struct vt_digest a;
    struct vt_digest b;
    size_t len;

    return own != NULL && vt_hex_decode(own, strlen(own), a.b, sizeof(a.b), &len) &&
           len == sizeof(a.b) && vt_hex_decode(shown, strlen(shown), b.b, sizeof(b.b), &len) &&
           len == sizeof(b.b) && vt_digest_eq(&a, &b);
}

/* Whether the request is one for clients with a certificate alone. */
static bool
is_guarded(const struct vt_http_exchange *x)
{
    const struct vt_http_server *s = x->server;
    const struct vt_http_guard *g = vt_tls_asks_clients(s->tls) ? s->opts->guards : NULL;

    for (; g != NULL && g->method != NULL; g++)
        if ((strcmp(g->method, "GET") == 0) == x->get && vt_http_path_matches(g->path, x->path))
            return true;
    return false;
}

/* A request that a route takes, or a file. */
static enum MHD_Result
begin_routed(struct vt_http_exchange *x)
{
    bool other = false;
    bool known = vt_tls_has_client(&x->conn->tls);

    x->route = find_route(x->server->opts->routes, x->path, x->get, &other);
    if (x->route == NULL && !x->get)
        return other ? send_not_allowed(x, "GET, HEAD", "nothing takes a POST here")
                     : vt_http_send_error(x, 404, "nothing takes a POST here");
    if (x->route == NULL && other && !vt_http_has_folder(x))
        return send_not_allowed(x, "POST", "this takes a POST");
    if (!known && is_guarded(x) && !shows_pass(x))
        return vt_http_send_error(
            x, 403, "this is for clients whose certificate the operator's CA has signed");
    if (!is_within_rates(x))
        return vt_http_send_error(x, 429, "that was asked too often: wait a little");
    if (!vt_http_length_is_clear(x))
        return vt_http_send_error(x, 400, "the length of the body is said twice");
    if (x->get)
        return MHD_YES;
    if (announced_length(x->connection) > x->route->body_max)
        return vt_http_send_error(x, 413, "the body is larger than what is taken here");
    return reserve_body(x) ? MHD_YES : send_busy(x);
}

/* The first call for a request: headers are there, the body is not. */
static enum MHD_Result
begin_request(struct vt_http_exchange *x, const char *url, const char *method)
{
    bool good;

    x->begun = true;
    x->method = method;
    x->get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    good = vt_http_path_decode(url, x->path);
    if (!x->get && strcmp(method, "POST") != 0)
        return send_not_allowed(x, "GET, HEAD, POST", "only GET, HEAD and POST are known here");
    if (!good)
        return vt_http_send_error(x, 400, "the path is not one that can be here");
    if (x->query_long)
        return vt_http_send_error(x, 414, "what follows the ? is too long");
    return begin_routed(x);
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

static void
fill_request(struct vt_http_exchange *x)
{
    x->rq = (struct vt_http_request){.method = x->get ? "GET" : "POST",
        .path = x->path,
        .query = x->query != NULL ? x->query : "",
        .content_type = vt_http_header(x, MHD_HTTP_HEADER_CONTENT_TYPE),
        .content_encoding = vt_http_header(x, MHD_HTTP_HEADER_CONTENT_ENCODING),
        .origin = vt_http_header(x, MHD_HTTP_HEADER_ORIGIN),
        .cookie = vt_http_header(x, MHD_HTTP_HEADER_COOKIE),
        .if_none_match = vt_http_header(x, MHD_HTTP_HEADER_IF_NONE_MATCH),
        .prefer = vt_http_header(x, "Prefer"),
        .client = vt_http_client_word(x),
        .client_name = x->conn->tls.client,
        .body = x->body.data,
        .body_len = x->body.len};
}

/* Sends what a handler has answered. */
static enum MHD_Result
send_answered(struct vt_http_exchange *x)
{
    struct MHD_Response *response = x->response;

    x->response = NULL; /* moved */
    if (response == NULL)
        return MHD_NO;
    return vt_http_queue(x, x->status, response, x->response_len, false);
}

static enum MHD_Result
suspend(struct vt_http_exchange *x)
{
    vt_http_linger_no_more(x);
    x->suspended = true;
    MHD_suspend_connection(x->connection);
    return MHD_YES;
}

/* A handler has not answered yet. To suspend a connection and resume it costs three system
 * calls, so an answer that comes soon is waited for without: libmicrohttpd asks again in each
 * turn. */
static enum MHD_Result
linger(struct vt_http_exchange *x)
{
    struct vt_http_server *s = x->server;
    uint64_t now = vt_clock_monotonic_us();

    if (x->linger_us > 0)
        return now < x->linger_us ? MHD_YES : suspend(x);
    if (s->lingering >= LINGERING_MAX)
        return suspend(x);
    s->lingering++;
    x->linger_us = now + LINGER_US;
    return MHD_YES;
}

/* Asks a handler that may take its time. */
static enum MHD_Result
begin_handler(struct vt_http_exchange *x)
{
    struct vt_http_server *s = x->server;

    x->conn->awaiting = x;
    s->awaited++;
    x->conn->deadline_ms = INT64_MAX;
    if (!x->route->begin(s->opts->ctx, &x->rq, x, &x->rs))
        vt_http_reply(x, &x->rs);
    return x->answered ? send_answered(x) : linger(x);
}

/* The whole request is there. */
static enum MHD_Result
dispatch(struct vt_http_exchange *x)
{
    if (x->too_large)
        return vt_http_send_error(x, 413, "the body is larger than what is taken here");
    if (x->route == NULL)
        return vt_http_send_file(x);
    fill_request(x);
    if (x->route->begin != NULL)
        return begin_handler(x);
    x->route->handle(x->server->opts->ctx, &x->rq, &x->rs);
    return vt_http_send(x, &x->rs);
}

enum MHD_Result
vt_http_on_request(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *data_len, void **state)
{
    struct vt_http_exchange *x = *state;

    (void)cls;
    (void)connection;
    (void)version;
    if (x == NULL)
        return MHD_NO;
    if (!x->begun)
        return begin_request(x, url, method);
    if (*data_len > 0)
        return take_body(x, data, data_len);
    if (x->answered)
        return send_answered(x);
    return x->conn->awaiting == x ? linger(x) : dispatch(x);
}
