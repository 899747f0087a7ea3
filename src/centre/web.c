/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/web.h"

#include "base/confine.h"
#include "base/log.h"
#include "base/metric.h"
#include "centre/page.h"
#include "centre/web_parts.h"
#include "note/entry.h"

#include <stdlib.h>
#include <string.h>

#define REVIEW_MAX (1024U * 1024U + 66000U)
enum { CONNECTIONS_MAX = 512, CONNECTIONS_PER_CLIENT = 256, STREAMS_PER_CLIENT = 16 };

static void
get_health(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    (void)ctx;
    (void)rq;
    vt_buf_puts(&rs->body, "ok\n");
}

static void
get_plain(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct vt_web *w = ctx;

    (void)rq;
    vt_page_front(w->page, rs);
}

static void
get_entry(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct vt_web *w = ctx;
    const char *s = rq->path + strlen("/entry/");
    struct vt_reader r = VT_READER(s, strlen(s));
    uint64_t index;

    if (vt_reader_decimal(&r, INT64_MAX, &index)) {
        vt_page_entry(w->page, index, rs);
        return;
    }
    rs->status = 404;
    vt_buf_puts(&rs->body, "there is no such entry\n");
}

/* The last row is for a site without a built page, whose files have "/" otherwise. */
static const struct vt_http_route routes[] = {
    {"GET", VT_API_PATH, 0, NULL, vt_web_api_get},
    {"POST", VT_API_PATH, VT_ROOM_BODY_MAX, NULL, vt_web_api_post},
    {"POST", "/add", VT_ENTRY_MAX, NULL, vt_web_post_entry},
    {"POST", "/objects", 8U * 1024U * 1024U, NULL, vt_web_post_object},
    {"POST", "/review", REVIEW_MAX, NULL, vt_web_post_review},
    {"POST", "/staged/", 4096, NULL, vt_web_post_signature},
    {"GET", "/plain", 0, get_plain, NULL},
    {"GET", "/entry/", 0, get_entry, NULL},
    {"GET", "/proof/", 0, vt_web_get_proof, NULL},
    {"GET", "/metrics", 0, NULL, vt_web_get_metrics},
    {"GET", "/healthz", 0, get_health, NULL},
    {"GET", "/", 0, get_plain, NULL},
    {NULL, NULL, 0, NULL, NULL},
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

/* What costs much, or could be guessed at. Signed POSTs have no limit but the log's queue. */
static const struct vt_http_rate rates[] = {
    {"POST", "/api/v1/login/", 30, 20},
    {"POST", "/api/v1/register/", 10, 10},
    {"POST", VT_API_PATH, 240, 60},
    {"GET", "/api/v1/search", 1200, 200},
    {"GET", "/api/v1/events", 60, 30},
    {"POST", "/review", 60, 30},
    {"GET", "/proof/", 6000, 1000},
    {"GET", "/metrics", 120, 30},
    {NULL, NULL, 0, 0},
};

/* What is sent for the log: where a CA of clients is given, by its clients alone. */
static const struct vt_http_guard guards[] = {{"POST", "/add"}, {"POST", "/objects"},
    {"POST", "/review"}, {"POST", "/staged/"}, {NULL, NULL}};

static void
on_tick(void *ctx)
{
    vt_web_rooms_tick(ctx);
}

static void
on_turned(void *ctx)
{
    struct vt_web *w = ctx;

    vt_add_turned(w->add);
}

static enum vt_err
serve(struct vt_web *w, const struct vt_web_files *files, struct vt_why *why)
{
    struct vt_http_route own[ROUTES];
    struct vt_http_server_opts opts = {.routes = own,
        .folders = vt_web_files_folders(files),
        .rates = rates,
        .ctx = w,
        .how = w->opts->how,
        .tls_fd = w->opts->tls_fd,
        .guards = guards,
        .watches = w->watches,
        .watch_count = sizeof(w->watches) / sizeof(w->watches[0]),
        .connections_max = CONNECTIONS_MAX,
        .connections_per_client = w->opts->forwarded ? 0 : CONNECTIONS_PER_CLIENT,
        .streams_max = VT_WEB_STREAMS_MAX,
        .streams_per_client = STREAMS_PER_CLIENT,
        .ping = "event: ping\ndata: {}\n\n",
        .forwarded = w->opts->forwarded,
        .on_error = vt_web_api_on_error,
        .tick = on_tick,
        .turned = on_turned,
        .on_stream_end = vt_web_events_on_end};

    memcpy(own, routes, sizeof(routes));
    if (w->opts->web_dir != NULL)
        own[ROUTES - 2] = own[ROUTES - 1];
    return vt_http_serve(w->opts->listen_fd, w->opts->stop_fd, &opts, why);
}

static enum vt_err
open_channels(struct vt_web *w, struct vt_why *why)
{
    static const char *const names[VT_WEB_READERS] = {"reader-1", "reader-2"};
    enum vt_err err = vt_add_new(w->opts->log_fd, &w->watches[0], &w->add, why);

    if (err == VT_OK)
        err = vt_web_room_open(w, &w->desk, "desk", w->opts->desk_fd, &w->watches[1], why);
    if (err == VT_OK)
        err = vt_web_events_open(w, &w->watches[2], why);
    for (size_t i = 0; i < VT_WEB_READERS && err == VT_OK; i++)
        err = vt_web_room_open(
            w, &w->reader[i], names[i], w->opts->reader_fd[i], &w->watches[3 + i], why);
    return err;
}

static void
close_channels(struct vt_web *w)
{
    vt_add_free(w->add);
    vt_msg_line_free(w->desk.line);
    vt_msg_line_free(w->events);
    for (size_t i = 0; i < VT_WEB_READERS; i++)
        vt_msg_line_free(w->reader[i].line);
}

/* From here on no file but the public ones and the page's can be opened. */
static void
confine(const struct vt_web_opts *opts)
{
    const struct vt_confine_folder folders[] = {
        {opts->public_dir, VT_CONFINE_READ}, {opts->web_dir, VT_CONFINE_READ}};
    struct vt_why why = {0};

    if (vt_confine(folders, opts->web_dir != NULL ? 2 : 1, &why) != VT_OK)
        vt_log(VT_LOG_WARN, "this process may read more than it needs: %s", why.text);
}

enum vt_err
vt_web_run(const struct vt_web_opts *opts, struct vt_why *why)
{
    struct vt_web *w = calloc(1, sizeof(*w));
    struct vt_web_files *files = NULL;
    enum vt_err err;

    if (w == NULL)
        return vt_fail(why, VT_E_NOMEM, "http: out of memory");
    w->opts = opts;
    w->next_number = 1;
    w->message = VT_BUF(VT_ROOM_MESSAGE_MAX);
    vt_metric_resident_prepare();
    confine(opts);
    err = vt_web_files_new(opts, &files, why);
    if (err == VT_OK)
        err = vt_page_new(opts->home, opts->public_dir, opts->policy, &w->page, why);
    if (err == VT_OK)
        err = vt_proof_file_new(opts->public_dir, opts->policy, &w->proofs, why);
    if (err == VT_OK)
        err = open_channels(w, why);
    if (err == VT_OK)
        err = serve(w, files, why);
    close_channels(w);
    vt_page_free(w->page);
    vt_proof_file_free(w->proofs);
    vt_web_files_free(files);
    vt_buf_release(&w->message);
    free(w);
    return err;
}
