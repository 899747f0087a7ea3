/* SPDX-License-Identifier: Apache-2.0 */
#include "report/agent.h"

#include "base/json.h"
#include "base/log.h"
#include "http/server.h"
#include "report/otlp.h"

#include <string.h>
#include <strings.h>

enum { FULL_RETRY_S = 5, CONNECTIONS_MAX = 64 };

/* gRPC's codes, which OTLP's error bodies carry. */
enum { RPC_INVALID = 3, RPC_EXHAUSTED = 8, RPC_INTERNAL = 13 };

static void
put_json(struct vt_http_response *rs, json_t *v)
{
    struct vt_why why = {{0}};

    rs->content_type = "application/json";
    if (v == NULL || vt_json_text(v, false, &rs->body, &why) != VT_OK)
        rs->status = 500;
    json_decref(v);
}

static void
answer_error(struct vt_http_response *rs, int status, int code, const struct vt_why *why)
{
    rs->status = status;
    put_json(rs, json_pack("{s:i, s:s}", "code", code, "message", why->text));
}

/* What came of a failure, for the client and for the log. */
static void
answer_failure(struct vt_http_response *rs, enum vt_err err, const struct vt_why *why)
{
    vt_log(VT_LOG_WARN, "a request was not taken: %s", why->text);
    switch (err) {
    case VT_E_SYNTAX:
        answer_error(rs, 400, RPC_INVALID, why);
        break;
    case VT_E_LIMIT:
        answer_error(rs, 413, RPC_INVALID, why);
        break;
    case VT_E_NOSPC:
        rs->retry_after_s = FULL_RETRY_S;
        answer_error(rs, 503, RPC_EXHAUSTED, why);
        break;
    default:
        rs->retry_after_s = FULL_RETRY_S;
        answer_error(rs, 503, RPC_INTERNAL, why);
        break;
    }
}

static void
answer_taken(struct vt_http_response *rs, const struct vt_otlp_report *report)
{
    char count[24];

    if (report->refused == 0) {
        put_json(rs, json_object());
        return;
    }
    (void)snprintf(count, sizeof count, "%llu", (unsigned long long)report->refused);
    put_json(rs, json_pack("{s:{s:s, s:s}}", "partialSuccess", "rejectedLogRecords", count,
                     "errorMessage", report->first_why.text));
}

static enum vt_err
take_record(void *ctx, const char *subject, const void *record, size_t len, struct vt_why *why)
{
    return vt_reporter_add(ctx, subject, record, len, why);
}

static enum vt_err
take_body(const struct vt_agent_opts *o, const void *body, size_t len,
    struct vt_otlp_report *report, struct vt_why *why)
{
    const struct vt_otlp_opts opts = {
        .subject = o->subject, .field = o->field, .take = take_record, .ctx = o->reporter};
    enum vt_err err;

    /* All or nothing, as far as it can be told: what is half taken comes again whole. */
    if (!vt_reporter_has_room(o->reporter, len))
        return vt_fail(why, VT_E_NOSPC, "the spool is full: the vault must take what is in it");
    err = vt_otlp_parse(body, len, &opts, report, why);
    return err == VT_OK ? vt_reporter_seal(o->reporter, why) : err;
}

/* "application/json", with parameters or without. */
static bool
is_json(const char *type)
{
    static const char want[] = "application/json";
    size_t n = sizeof want - 1;

    return strncasecmp(type, want, n) == 0 &&
           (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

static void
on_logs(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    const struct vt_agent_opts *o = ctx;
    struct vt_buf plain = {.max = VT_OTLP_PLAIN_MAX, .secret = true};
    bool gzip = strcasecmp(rq->content_encoding, "gzip") == 0;
    struct vt_otlp_report report = {0};
    struct vt_why why = {{0}};
    enum vt_err err;

    if (!is_json(rq->content_type) || (rq->content_encoding[0] != '\0' && !gzip &&
                                          strcasecmp(rq->content_encoding, "identity") != 0)) {
        (void)vt_fail(&why, VT_E_USAGE,
            "this takes application/json, plain or gzip: set the exporter's encoding to json");
        answer_error(rs, 415, RPC_INVALID, &why);
        return;
    }
    if (gzip) {
        err = vt_otlp_gunzip(rq->body, rq->body_len, &plain, &why);
        if (err == VT_OK)
            err = take_body(o, plain.data, plain.len, &report, &why);
    } else {
        err = take_body(o, rq->body, rq->body_len, &report, &why);
    }
    vt_buf_release(&plain);
    if (err == VT_OK)
        answer_taken(rs, &report);
    else
        answer_failure(rs, err, &why);
}

static void
on_health(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    (void)ctx;
    (void)rq;
    vt_buf_puts(&rs->body, "ok\n");
}

enum vt_err
vt_agent_serve(const struct vt_agent_opts *opts, struct vt_why *why)
{
    static const struct vt_http_route routes[] = {
        {"POST", "/v1/logs", VT_OTLP_BODY_MAX, on_logs, NULL},
        {"GET", "/health", 0, on_health, NULL},
        {0},
    };
    struct vt_agent_opts copy = *opts;
    const struct vt_http_server_opts server = {
        .routes = routes, .ctx = &copy, .connections_max = CONNECTIONS_MAX};

    return vt_http_serve(opts->listen_fd, opts->stop_fd, &server, why);
}
