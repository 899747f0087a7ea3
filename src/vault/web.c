/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/web.h"

#include "base/confine.h"
#include "base/log.h"
#include "http/server.h"
#include "report/batch.h"
#include "vault/move.h"
#include "vault/place.h"
#include "vault/service.h"

#include <stdlib.h>
#include <string.h>

enum { RECV_MS = 60000, CONNECTIONS_MAX = 512, CONNECTIONS_PER_CLIENT = 256 };
#define BODIES_MAX (48U * 1024U * 1024U) /* of all requests under way */
#define EVIDENCE "application/octet-stream"

/* A request that the store process has not answered yet. */
struct open_request {
    struct vt_http_exchange *x; /* NULL: free */
    uint64_t number;
};

struct web {
    const struct vt_vault_web *opts;
    struct open_request open[VT_VAULT_OPEN_MAX];
    size_t open_count;
    uint64_t next_number;
    struct vt_buf answer;
};

static const struct vt_msg_rule rules[] = {{VT_VAULT_DONE, VT_VAULT_ANSWER_MAX + 64}, {0, 0}};

static const char *const types[] = {[VT_VAULT_TEXT] = "text/plain; charset=utf-8",
    [VT_VAULT_JSON] = "application/json",
    [VT_VAULT_BYTES] = "application/octet-stream",
    [VT_VAULT_PROMETHEUS] = "text/plain; version=0.0.4; charset=utf-8"};

static bool
answer_now(struct vt_http_response *rs, int status, const char *text)
{
    rs->status = status;
    if (status == 503)
        rs->retry_after_s = 1;
    vt_buf_putf(&rs->body, "%s\n", text);
    return false;
}

/* An answer of the store process. */
static enum vt_err
on_store(void *ctx, struct vt_why *why)
{
    struct web *w = ctx;
    struct vt_reader r;
    uint64_t number;
    uint16_t type, status, retry_s;
    uint8_t kind;
    enum vt_err err = vt_msg_recv(w->opts->store_fd, rules, RECV_MS, &type, &w->answer, why);

    r = VT_READER(w->answer.data, w->answer.len);
    if (err == VT_OK && (!vt_reader_u64(&r, &number) || !vt_reader_u16(&r, &status) ||
                            !vt_reader_u16(&r, &retry_s) || !vt_reader_u8(&r, &kind) ||
                            kind < VT_VAULT_TEXT || kind > VT_VAULT_PROMETHEUS))
        err = vt_fail(why, VT_E_SYNTAX, "the store's answer is cut short");
    for (size_t i = 0; i < VT_VAULT_OPEN_MAX && err == VT_OK; i++) {
        struct open_request *o = &w->open[i];

        if (o->x == NULL || o->number != number)
            continue;
        vt_http_answer(o->x, status, types[kind], retry_s, r.p, r.left);
        o->x = NULL;
        w->open_count--;
        break;
    }
    vt_buf_release(&w->answer);
    return err;
}

/* Hands a request to the store process and remembers who waits for its answer. */
static bool
hand_over(struct web *w, enum vt_vault_msg type, const char *path,
    const struct vt_http_request *rq, struct vt_http_exchange *x, struct vt_http_response *rs)
{
    struct vt_buf head = VT_BUF(VT_VAULT_PATH_MAX + 16);
    struct vt_why why = {{0}};
    size_t i = 0;
    enum vt_err err;

    if (w->open_count == VT_VAULT_OPEN_MAX)
        return answer_now(rs, 503, "too much is under way: try again");
    if (strlen(path) > VT_VAULT_PATH_MAX)
        return answer_now(rs, 404, "there is no such path");
    while (w->open[i].x != NULL)
        i++;
    vt_buf_put_u64(&head, w->next_number);
    vt_buf_put_u16(&head, (uint16_t)strlen(path));
    vt_buf_puts(&head, path);
    err = vt_buf_check(&head, "request", &why);
    if (err == VT_OK) {
        const struct vt_msg_piece v[2] = {{head.data, head.len}, {rq->body, rq->body_len}};

        w->open[i] = (struct open_request){.x = x, .number = w->next_number++};
        w->open_count++;
        err = vt_msg_send_pieces(w->opts->store_fd, (uint16_t)type, v, 2, on_store, w, &why);
        if (err != VT_OK) {
            w->open[i].x = NULL;
            w->open_count--;
        }
    }
    vt_buf_release(&head);
    if (err != VT_OK) {
        vt_log(VT_LOG_ERROR, "the store does not take requests: %s", why.text);
        return answer_now(rs, 503, "the vault is starting: try again");
    }
    return true;
}

static bool
post_batch(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    return hand_over(ctx, VT_VAULT_BATCH, "", rq, x, rs);
}

static bool
post_shares(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    return hand_over(ctx, VT_VAULT_SHARES, "", rq, x, rs);
}

static bool
post_move(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    return hand_over(ctx, VT_VAULT_MOVE, rq->path + strlen(VT_MOVE_PATH), rq, x, rs);
}

static bool
get_access(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    return hand_over(ctx, VT_VAULT_ACCESS, rq->path + strlen("/vault/v1/accesses/"), rq, x, rs);
}

static bool
get_metrics(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    return hand_over(ctx, VT_VAULT_METRICS, "", rq, x, rs);
}

static bool
get_status(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    return hand_over(ctx, VT_VAULT_STATUS, "", rq, x, rs);
}

static void
get_health(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    (void)ctx;
    (void)rq;
    vt_buf_puts(&rs->body, "ok\n");
}

static const struct vt_http_route routes[] = {
    {"POST", "/vault/v1/batches", VT_BATCH_MAX, NULL, post_batch},
    {"POST", "/vault/v1/shares", VT_VAULT_SHARES_MAX, NULL, post_shares},
    {"POST", VT_MOVE_PATH, VT_MOVE_PIECE_MAX, NULL, post_move},
    {"GET", "/vault/v1/accesses/", 0, NULL, get_access},
    {"GET", "/vault/v1/status", 0, NULL, get_status},
    {"GET", "/metrics", 0, NULL, get_metrics},
    {"GET", "/healthz", 0, get_health, NULL},
    {NULL, NULL, 0, NULL, NULL},
};

/* What is sent here: where a CA of clients is given, by its clients alone. */
static const struct vt_http_guard guards[] = {{"POST", "/vault/v1/batches"},
    {"POST", "/vault/v1/shares"}, {"POST", VT_MOVE_PATH}, {NULL, NULL}};

static enum vt_err
serve(struct web *w, const char *dir, struct vt_why *why)
{
    char policy[VT_PATH_MAX];
    char keys[VT_PATH_MAX];
    struct vt_http_folder folders[] = {
        {.prefix = "/vault/v1/policy",
            .dir = policy,
            .content_type = EVIDENCE,
            .cache = "no-cache",
            .for_all = true},
        {.prefix = "/vault/v1/keys/",
            .dir = keys,
            .content_type = EVIDENCE,
            .cache = "no-cache",
            .for_all = true},
        {0},
    };
    struct vt_http_watch store = {.fd = w->opts->store_fd, .ready = on_store, .ctx = w};
    struct vt_http_server_opts opts = {.routes = routes,
        .folders = folders,
        .ctx = w,
        .how = w->opts->how,
        .tls_fd = w->opts->tls_fd,
        .guards = guards,
        .connections_max = CONNECTIONS_MAX,
        .connections_per_client = CONNECTIONS_PER_CLIENT,
        .bodies_max = BODIES_MAX,
        .watches = &store,
        .watch_count = 1};
    enum vt_err err = vt_path(policy, why, "%s/policy", dir);

    if (err == VT_OK)
        err = vt_path(keys, why, "%s/keys", dir);
    if (err == VT_OK)
        err = vt_http_serve(w->opts->listen_fd, w->opts->stop_fd, &opts, why);
    return err;
}

enum vt_err
vt_vault_web_run(const struct vt_vault_web *opts, struct vt_why *why)
{
    struct web *w = calloc(1, sizeof *w);
    struct vt_why unconfined = {{0}};
    char dir[VT_PATH_MAX];
    enum vt_err err;

    if (w == NULL)
        return vt_fail(why, VT_E_NOMEM, "http: out of memory");
    w->opts = opts;
    w->next_number = 1;
    w->answer = VT_BUF(VT_VAULT_ANSWER_MAX + 64);
    err = vt_vault_path(opts->home, dir, why, "pub");
    if (err == VT_OK && vt_confine_to_reading(dir, &unconfined) != VT_OK)
        vt_log(VT_LOG_WARN, "this process may read more than %s: %s", dir, unconfined.text);
    if (err == VT_OK)
        err = serve(w, dir, why);
    vt_buf_release(&w->answer);
    free(w);
    return err;
}
