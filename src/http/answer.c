/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers: their headers, and what the client has already.
 */
#include "http/serving.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* Slowest taking of an answer, in bytes a millisecond. */
enum { ANSWER_RATE = 4 };

void
vt_http_response_init(struct vt_http_response *rs)
{
    *rs = (struct vt_http_response){.status = 200,
        .content_type = "text/plain; charset=utf-8",
        .cache = "no-store",
        .csp = VT_HTTP_CSP_NONE,
        .body = VT_BUF(VT_HTTP_BODY_MAX)};
}

struct named {
    const char *name;
    const char *value;
};

static enum MHD_Result
add_all(struct MHD_Response *response, const struct named *v, size_t n)
{
    enum MHD_Result ok = MHD_YES;

    for (size_t i = 0; i < n && ok == MHD_YES; i++)
        if (v[i].value != NULL && v[i].value[0] != '\0')
            ok = MHD_add_response_header(response, v[i].name, v[i].value);
    return ok;
}

/* What only a page that a browser shows has use for. */
static enum MHD_Result
add_page_headers(struct MHD_Response *response)
{
    static const struct named headers[] = {
        {"X-Frame-Options", "DENY"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Permissions-Policy",
            "publickey-credentials-get=(self), publickey-credentials-create=(self), "
            "camera=(), microphone=(), geolocation=(), payment=(), usb=()"},
    };

    return add_all(response, headers, sizeof(headers) / sizeof(headers[0]));
}

enum MHD_Result
vt_http_add_headers(struct MHD_Response *response, const struct vt_http_response *rs)
{
    char retry[16] = "";
    const struct named headers[] = {
        {MHD_HTTP_HEADER_CONTENT_TYPE, rs->content_type},
        {MHD_HTTP_HEADER_CACHE_CONTROL, rs->cache},
        {MHD_HTTP_HEADER_ETAG, rs->etag},
        {MHD_HTTP_HEADER_SET_COOKIE, rs->set_cookie},
        {MHD_HTTP_HEADER_LOCATION, rs->location},
        {"Content-Disposition", rs->disposition},
        {MHD_HTTP_HEADER_CONTENT_ENCODING, rs->encoding},
        {MHD_HTTP_HEADER_VARY, rs->vary},
        {MHD_HTTP_HEADER_ALLOW, rs->allow},
        {MHD_HTTP_HEADER_RETRY_AFTER, retry},
        {"Content-Security-Policy", rs->csp},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", rs->for_all ? "cross-origin" : "same-origin"},
        {"Access-Control-Allow-Origin", rs->for_all ? "*" : NULL},
    };
    enum MHD_Result ok;

    if (rs->retry_after_s > 0)
        (void)snprintf(retry, sizeof(retry), "%u", rs->retry_after_s);
    ok = add_all(response, headers, sizeof(headers) / sizeof(headers[0]));
    if (ok == MHD_YES && rs->content_type != NULL &&
        strncmp(rs->content_type, "text/html", strlen("text/html")) == 0)
        ok = add_page_headers(response);
    return ok;
}

/* The tag without the sign that it is weak. */
static struct vt_reader
opaque_of(struct vt_reader tag)
{
    (void)!vt_reader_skip(&tag, "W/");
    return tag;
}

bool
vt_http_etag_matches(const char *header, const char *etag)
{
    struct vt_reader r = VT_READER(header, strlen(header));
    struct vt_reader own = opaque_of((struct vt_reader)VT_READER(etag, strlen(etag)));
    struct vt_reader tag;

    if (strcmp(header, "*") == 0)
        return true;
    while (vt_reader_word(&r, ',', &tag)) {
        while (tag.left > 0 && (*tag.p == ' ' || *tag.p == '\t'))
            tag = VT_READER(tag.p + 1, tag.left - 1);
        while (tag.left > 0 && (tag.p[tag.left - 1] == ' ' || tag.p[tag.left - 1] == '\t'))
            tag.left--;
        tag = opaque_of(tag);
        if (tag.left == own.left && memcmp(tag.p, own.p, own.left) == 0)
            return true;
    }
    return false;
}

/* Leaves of rs what a client that has it needs to hear. */
static void
make_not_modified(struct vt_http_response *rs)
{
    rs->status = MHD_HTTP_NOT_MODIFIED;
    rs->content_type = NULL;
    rs->disposition = NULL;
    rs->encoding = NULL;
    vt_buf_release(&rs->body);
}

bool
vt_http_client_has(const struct vt_http_exchange *x, const struct vt_http_response *rs)
{
    return x->get && rs->status == MHD_HTTP_OK && rs->etag != NULL && rs->etag[0] != '\0' &&
           vt_http_etag_matches(vt_http_header(x, MHD_HTTP_HEADER_IF_NONE_MATCH), rs->etag);
}

/* The body as a response, which has it from then on. */
static struct MHD_Response *
response_of(struct vt_buf *body)
{
    static char nothing[1] = "";
    struct MHD_Response *response;

    if (body->len == 0 || body->data == NULL)
        return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    response = MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);
    if (response != NULL)
        *body = VT_BUF(body->max); /* moved */
    return response;
}

struct MHD_Response *
vt_http_make(struct vt_http_exchange *x, struct vt_http_response *rs, unsigned *ret_status,
    uint64_t *ret_len)
{
    struct MHD_Response *response;

    if (rs->body.err != VT_OK) {
        vt_buf_release(&rs->body);
        vt_http_response_init(rs);
        rs->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
        vt_buf_puts(&rs->body, "the answer does not fit\n");
    }
    if (vt_http_client_has(x, rs))
        make_not_modified(rs);
    *ret_len = rs->body.len;
    *ret_status = (unsigned)rs->status;
    response = response_of(&rs->body);
    vt_buf_release(&rs->body);
    if (response != NULL && vt_http_add_headers(response, rs) != MHD_YES) {
        MHD_destroy_response(response);
        response = NULL;
    }
    return response;
}

enum MHD_Result
vt_http_queue(struct vt_http_exchange *x, unsigned status, struct MHD_Response *response,
    uint64_t len, bool shared)
{
    struct vt_http_conn *conn = x->conn;
    enum MHD_Result ok = MHD_YES;

    conn->deadline_ms = vt_clock_monotonic_ms() + vt_http_timeout_ms(conn->server) +
                        (int64_t)(len / ANSWER_RATE);
    if (conn->server->stopping && !shared)
        ok = MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    x->status = status;
    x->response_len = len;
    if (ok == MHD_YES)
        ok = MHD_queue_response(x->connection, status, response);
    if (!shared)
        MHD_destroy_response(response);
    return ok;
}

enum MHD_Result
vt_http_send(struct vt_http_exchange *x, struct vt_http_response *rs)
{
    unsigned status;
    uint64_t len;
    struct MHD_Response *response = vt_http_make(x, rs, &status, &len);

    return response == NULL ? MHD_NO : vt_http_queue(x, status, response, len, false);
}

enum MHD_Result
vt_http_send_error(struct vt_http_exchange *x, int status, const char *text)
{
    const struct vt_http_server_opts *opts = x->conn->server->opts;
    struct vt_http_response rs;

    vt_http_response_init(&rs);
    rs.status = status;
    rs.retry_after_s = x->rs.retry_after_s;
    rs.allow = x->rs.allow;
    vt_buf_putf(&rs.body, "%s\n", text);
    if (opts->on_error != NULL)
        opts->on_error(opts->ctx, x->path, &rs);
    return vt_http_send(x, &rs);
}
