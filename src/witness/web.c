/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness over HTTP. Requests for cosignatures wait for the end of the
 * server's turn, when all that came in it are answered together.
 */
#include "http/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "witness/service.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX (64U * 1024U)
/* Room for a body on each of 1,024 connections, so that slow ones of one address leave room. */
#define BODIES_MAX (64U * 1024U * 1024U)
#define MONITOR "/monitor/"

enum { CONNECTIONS = 1024, FRONT_LOGS = 1000, MEMORY = 16 * 1024 };
/* How many lines are signed again in a second because monitors ask for them: anybody may ask,
 * and those who ask for new cosignatures come first. */
enum { AGAIN_MAX = 512 };

/* An exchange that waits for the turn's end. */
struct waiting {
    struct vt_http_exchange *x;
    const void *body;
    size_t len;
    struct vt_witness_log *again;
};

struct web {
    struct vt_witness *w;
    const struct vt_witness_serving *s;
    struct waiting *waiting; /* room for VT_WITNESS_JOBS_MAX */
    struct vt_witness_job *job;
    size_t count;
    int64_t again_ms; /* when the second of the next began */
    unsigned again;   /* lines signed again in it */
};

static bool
send_busy(struct vt_http_response *rs)
{
    rs->status = 503;
    rs->retry_after_s = 1;
    vt_buf_puts(&rs->body, "too much is under way: try again\n");
    return false;
}

static bool
wait_for_turn(struct web *web, struct vt_http_exchange *x, const struct waiting *v,
    struct vt_http_response *rs)
{
    if (web->count == VT_WITNESS_JOBS_MAX)
        return send_busy(rs);
    web->waiting[web->count] = *v;
    web->waiting[web->count++].x = x;
    return true;
}

static bool
begin_add_checkpoint(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct web *web = ctx;
    const struct waiting v = {.body = rq->body, .len = rq->body_len};

    if (wait_for_turn(web, x, &v, rs))
        return true;
    vt_witness_metrics_count(vt_witness_metrics(web->w), rs->status);
    return false;
}

/* HEX/checkpoint */
static struct vt_witness_log *
log_of(const struct web *web, const char *path)
{
    const char *rest = path + sizeof(MONITOR) - 1;
    struct vt_digest id;

    if (strlen(rest) != VT_DIGEST_HEX_SIZE - 1 + sizeof("/checkpoint") - 1 ||
        strcmp(rest + VT_DIGEST_HEX_SIZE - 1, "/checkpoint") != 0 ||
        !vt_digest_from_hex(rest, VT_DIGEST_HEX_SIZE - 1, &id))
        return NULL;
    return vt_witness_table_find_id(vt_witness_logs(web->w), &id);
}

/* Whether lines may be signed again now. */
static bool
may_sign_again(struct web *web)
{
    int64_t now = vt_clock_monotonic_ms();

    if (web->again == 0 || now - web->again_ms >= 1000) {
        web->again_ms = now;
        web->again = 0;
    }
    return web->again++ < AGAIN_MAX;
}

static bool
begin_monitor(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct web *web = ctx;
    struct vt_witness_log *log = log_of(web, rq->path);
    const struct waiting v = {.again = log};

    if (log == NULL || log->note == NULL || log->keys.count == 0) {
        rs->status = 404;
        vt_buf_puts(&rs->body, "this witness has cosigned nothing of such a log\n");
        return false;
    }
    if (log->lines == NULL)
        return may_sign_again(web) ? wait_for_turn(web, x, &v, rs) : send_busy(rs);
    vt_buf_put(&rs->body, log->note, log->note_len);
    vt_buf_puts(&rs->body, log->lines);
    return false;
}

static void
reply(struct vt_http_exchange *x, struct vt_witness_job *job)
{
    struct vt_http_response rs;

    vt_http_response_init(&rs);
    rs.status = job->status;
    rs.content_type = job->content_type;
    rs.retry_after_s = job->retry_after_s;
    rs.body = job->answer; /* moved */
    job->answer = VT_BUF(0);
    vt_http_reply(x, &rs);
}

/* The end of a turn: all that came in it. */
static void
turned(void *ctx)
{
    struct web *web = ctx;
    size_t n = web->count;

    if (n == 0)
        return;
    web->count = 0;
    for (size_t i = 0; i < n; i++) {
        vt_witness_job_init(&web->job[i], web->waiting[i].body, web->waiting[i].len);
        web->job[i].again = web->waiting[i].again;
    }
    vt_witness_process(web->w, web->job, n);
    for (size_t i = 0; i < n; i++) {
        reply(web->waiting[i].x, &web->job[i]);
        vt_witness_job_release(&web->job[i]);
    }
}

static void
on_health(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    const struct web *web = ctx;

    (void)rq;
    if (vt_witness_is_sound(web->w)) {
        vt_buf_puts(&rs->body, "ok\n");
        return;
    }
    rs->status = 503;
    vt_buf_puts(&rs->body, "the disk takes no records\n");
}

static void
on_metrics(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct web *web = ctx;
    const struct vt_witness_state state = {.table = vt_witness_logs(web->w),
        .sound = vt_witness_is_sound(web->w),
        .restarts = vt_witness_restarts(web->w)};

    (void)rq;
    rs->content_type = VT_METRIC_TYPE;
    vt_witness_metrics_put(vt_witness_metrics(web->w), &state, &rs->body);
}

static void
put_key(struct vt_buf *b, const struct vt_vkey *k)
{
    char vkey[VT_VKEY_TEXT_MAX];

    if (k == NULL)
        return;
    vt_vkey_format(k, vkey);
    vt_buf_putf(b, "witness %s\n", vkey);
}

/* Who this is and what it follows, for people. */
static void
on_front(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    const struct web *web = ctx;
    const struct vt_witness_table *t = vt_witness_logs(web->w);
    size_t shown = 0;

    (void)rq;
    put_key(&rs->body, vt_witness_key(web->w));
    put_key(&rs->body, vt_witness_mldsa_key(web->w));
    for (size_t i = 0; i < vt_witness_table_count(t) && shown < FRONT_LOGS; i++) {
        const struct vt_witness_log *log = vt_witness_table_at(t, i);
        char vkey[VT_VKEY_TEXT_MAX];

        if (log->keys.count == 0)
            continue;
        vt_vkey_format(&log->keys.key[0], vkey);
        vt_buf_putf(&rs->body, "log %s at %" PRIu64 " entries\n", vkey, log->size);
        shown++;
    }
    if (shown < vt_witness_table_followed(t))
        vt_buf_putf(&rs->body, "and %zu more logs\n", vt_witness_table_followed(t) - shown);
}

/* What the server answers by itself counts too. */
static void
on_error(void *ctx, const char *path, struct vt_http_response *rs)
{
    struct web *web = ctx;

    if (strcmp(path, "/add-checkpoint") == 0)
        vt_witness_metrics_count(vt_witness_metrics(web->w), rs->status);
}

static void
on_tick(void *ctx)
{
    vt_witness_tick(((struct web *)ctx)->w);
}

static enum vt_err
on_reload(void *ctx, struct vt_why *why)
{
    struct web *web = ctx;

    (void)why;
    web->s->reload(web->s->ctx);
    return VT_OK;
}

static enum vt_err
serve(struct web *web, struct vt_why *why)
{
    static const struct vt_http_route routes[] = {
        {"POST", "/add-checkpoint", REQUEST_MAX, NULL, begin_add_checkpoint},
        {"GET", MONITOR, 0, NULL, begin_monitor},
        {"GET", "/healthz", 0, on_health, NULL},
        {"GET", "/metrics", 0, on_metrics, NULL},
        {"GET", "/", 0, on_front, NULL},
        {NULL, NULL, 0, NULL, NULL},
    };
    /* Where clients have certificates: monitors read without. */
    static const struct vt_http_guard guards[] = {{"POST", "/add-checkpoint"}, {NULL, NULL}};
    const struct vt_witness_serving *s = web->s;
    const unsigned rate = s->rate_per_minute;
    const struct vt_http_rate rates[] = {
        {"POST", "/add-checkpoint", rate, rate / 10 + 1},
        {"GET", MONITOR, rate, rate / 10 + 1},
        {NULL, NULL, 0, 0},
    };
    struct vt_http_watch watch = {.fd = s->reload_fd, .ready = on_reload, .ctx = web};
    struct vt_http_server_opts opts = {.routes = routes,
        .rates = rate > 0 ? rates : NULL,
        .guards = guards,
        .watches = &watch,
        .watch_count = s->reload_fd >= 0 ? 1 : 0,
        .ctx = web,
        .how = s->how,
        .connections_max = s->connections > 0 ? s->connections : CONNECTIONS,
        .connections_per_client = s->connections_per_client,
        .memory = MEMORY,
        .bodies_max = BODIES_MAX,
        .on_error = on_error,
        .tick = on_tick,
        .turned = turned};

    return vt_http_serve(s->listen_fd, s->stop_fd, &opts, why);
}

enum vt_err
vt_witness_serve_with(
    struct vt_witness *w, const struct vt_witness_serving *s, struct vt_why *why)
{
    struct web web = {.w = w, .s = s};
    enum vt_err err;

    web.waiting = calloc(VT_WITNESS_JOBS_MAX, sizeof(*web.waiting));
    web.job = calloc(VT_WITNESS_JOBS_MAX, sizeof(*web.job));
    err = web.waiting == NULL || web.job == NULL
              ? vt_fail(why, VT_E_NOMEM, "witness: out of memory")
              : serve(&web, why);
    free(web.waiting);
    free(web.job);
    return err;
}

enum vt_err
vt_witness_serve(struct vt_witness *w, int listen_fd, int stop_fd, struct vt_why *why)
{
    const struct vt_witness_serving s = {
        .listen_fd = listen_fd, .stop_fd = stop_fd, .reload_fd = -1};

    return vt_witness_serve_with(w, &s, why);
}
