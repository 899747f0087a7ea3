/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The http process of a log of its own: entries go to the log process, all else is files.
 */
#include "base/confine.h"
#include "base/log.h"
#include "base/metric.h"
#include "http/server.h"
#include "log/add.h"
#include "log/proof_file.h"
#include "log/serve_parts.h"
#include "log/served.h"
#include "note/entry.h"

#include <stdlib.h>

/* Room for a body on each connection, so that slow ones of one address leave room. */
#define BODIES_MAX (64U * 1024U * 1024U)
enum { CONNECTIONS_MAX = 1024, CONNECTIONS_PER_CLIENT = 512, MEMORY = 16 * 1024 };

struct http {
    struct vt_add *add;
    struct vt_proof_file *proofs;
};

/* What of public/ is served; files that change come first. */
static const struct vt_served served[] = {
    VT_SERVED_LOG,
    {"/policy", "policy", VT_SERVED_TEXT, true, false},
};
#define SERVED (sizeof(served) / sizeof(served[0]))

struct files {
    char path[SERVED][VT_PATH_MAX];
    struct vt_http_folder folder[SERVED + 1];
};

static bool
post_add(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct http *h = ctx;

    return vt_add_entry(h->add, rq, x, rs);
}

static bool
get_metrics(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct http *h = ctx;

    (void)rq;
    return vt_add_metrics(h->add, x, rs);
}

static void
get_proof(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct http *h = ctx;

    vt_proof_file_get(h->proofs, rq, rs);
}

static void
get_health(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    (void)ctx;
    (void)rq;
    vt_buf_puts(&rs->body, "ok\n");
}

static void
on_turned(void *ctx)
{
    struct http *h = ctx;

    vt_add_turned(h->add);
}

static const struct vt_http_route routes[] = {
    {"POST", "/add", VT_ENTRY_MAX, NULL, post_add},
    {"GET", "/proof/", 0, get_proof, NULL},
    {"GET", "/metrics", 0, NULL, get_metrics},
    {"GET", "/healthz", 0, get_health, NULL},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct vt_http_rate rates[] = {
    {"GET", "/proof/", 6000, 1000},
    {"GET", "/metrics", 120, 30},
    {NULL, NULL, 0, 0},
};

/* Where clients must show a certificate, when a CA of clients is given. */
static const struct vt_http_guard guards[] = {{"POST", "/add"}, {NULL, NULL}};

static enum vt_err
serve(const struct vt_serve *s, int stop_fd, const struct files *f, struct vt_why *why)
{
    struct http h = {.add = NULL};
    struct vt_http_watch watch;
    const struct vt_http_server_opts opts = {.routes = routes,
        .folders = f->folder,
        .rates = rates,
        .guards = guards,
        .watches = &watch,
        .watch_count = 1,
        .ctx = &h,
        .how = s->opts->how,
        .tls_fd = vt_listen_has_tls(s->opts->how) ? s->tls_fd : 0,
        .connections_max = CONNECTIONS_MAX,
        .connections_per_client = CONNECTIONS_PER_CLIENT,
        .memory = MEMORY,
        .bodies_max = BODIES_MAX,
        .turned = on_turned};
    enum vt_err err = vt_add_new(s->log_fd, &watch, &h.add, why);

    if (err == VT_OK)
        err = vt_proof_file_new(s->public_dir, s->policy, &h.proofs, why);
    if (err == VT_OK)
        err = vt_http_serve(s->listen_fd, stop_fd, &opts, why);
    vt_proof_file_free(h.proofs);
    vt_add_free(h.add);
    return err;
}

enum vt_err
vt_serve_http(const struct vt_serve *s, int stop_fd, struct vt_why *why)
{
    struct files *f = calloc(1, sizeof *f);
    struct vt_why unconfined = {.text = ""};
    enum vt_err err;

    if (f == NULL)
        return vt_fail(why, VT_E_NOMEM, "http: out of memory");
    vt_metric_resident_prepare();
    if (vt_confine_to_reading(s->public_dir, &unconfined) != VT_OK)
        vt_log(VT_LOG_WARN, "this process may read more than it needs: %s", unconfined.text);
    err = vt_served_folders(s->public_dir, served, SERVED, f->path, f->folder, why);
    if (err == VT_OK)
        err = serve(s, stop_fd, f, why);
    free(f);
    return err;
}
