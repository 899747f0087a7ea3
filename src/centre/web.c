/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/web.h"

#include "base/confine.h"
#include "base/log.h"
#include "centre/page.h"
#include "http/server.h"
#include "log/service.h"
#include "note/entry.h"

#include <stdlib.h>
#include <string.h>

enum { RECV_MS = 10000 };
#define ONE_YEAR "public, max-age=31536000, immutable"
#define BINARY "application/octet-stream"
#define JSON "application/json"
#define TEXT "text/plain; charset=utf-8"

/* A POST that the log process has not answered yet. */
struct open_post {
    struct vt_http_exchange *x; /* NULL: free */
    uint64_t number;
};

struct web {
    const struct vt_web_opts *opts;
    struct vt_page *page;
    struct open_post open[VT_SERVICE_OPEN_MAX];
    size_t open_count;
    uint64_t next_number;
};

static const struct vt_msg_rule rules[] = {{VT_SERVICE_DONE, 4096}, {0, 0}};

static bool
answer_now(struct vt_http_response *rs, int status, const char *text)
{
    rs->status = status;
    if (status == 503)
        rs->retry_after_s = 1;
    vt_buf_putf(&rs->body, "%s\n", text);
    return false;
}

/* Hands a POST to the log process and remembers who waits for its answer. */
static bool
hand_over(struct web *w, enum vt_service_msg type, const char *role,
    const struct vt_http_request *rq, struct vt_http_exchange *x, struct vt_http_response *rs)
{
    struct vt_buf b = VT_BUF(VT_SERVICE_BODY_MAX);
    struct vt_why why = {0};
    size_t i = 0;
    enum vt_err err;

    if (w->open_count == VT_SERVICE_OPEN_MAX)
        return answer_now(rs, 503, "too much is under way: try again");
    while (w->open[i].x != NULL)
        i++;
    vt_buf_put_u64(&b, w->next_number);
    if (role != NULL) {
        vt_buf_put_u8(&b, (uint8_t)strlen(role));
        vt_buf_puts(&b, role);
    }
    vt_buf_put(&b, rq->body, rq->body_len);
    err = vt_buf_check(&b, "request", &why);
    if (err == VT_OK)
        err = vt_msg_send(w->opts->log_fd, (uint16_t)type, b.data, b.len, &why);
    vt_buf_release(&b);
    if (err != VT_OK) {
        vt_log(VT_LOG_ERROR, "the log does not take requests: %s", why.text);
        return answer_now(rs, 503, "the log is starting: try again");
    }
    w->open[i] = (struct open_post){.x = x, .number = w->next_number++};
    w->open_count++;
    return true;
}

static bool
post_entry(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    return hand_over(ctx, VT_SERVICE_ADD, NULL, rq, x, rs);
}

static bool
post_object(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    return hand_over(ctx, VT_SERVICE_OBJECT, NULL, rq, x, rs);
}

/* /staged/ROLE/signatures */
static bool
post_signature(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    const char *from = rq->path + strlen("/staged/");
    const char *slash = strchr(from, '/');
    char role[65];

    if (slash == NULL || strcmp(slash, "/signatures") != 0)
        return answer_now(rs, 404, "nothing takes a POST here");
    if (slash == from || (size_t)(slash - from) >= sizeof(role))
        return answer_now(rs, 400, "that is no role's name");
    memcpy(role, from, (size_t)(slash - from));
    role[slash - from] = '\0';
    return hand_over(ctx, VT_SERVICE_STAGED, role, rq, x, rs);
}

static enum vt_err
on_log(void *ctx, struct vt_why *why)
{
    struct web *w = ctx;
    struct vt_buf b = VT_BUF(4096);
    struct vt_reader r;
    uint64_t number;
    uint16_t type;
    uint16_t status;
    uint16_t retry_s;
    enum vt_err err = vt_msg_recv(w->opts->log_fd, rules, RECV_MS, &type, &b, why);

    r = VT_READER(b.data, b.len);
    if (err == VT_OK && (!vt_reader_u64(&r, &number) || !vt_reader_u16(&r, &status) ||
                            !vt_reader_u16(&r, &retry_s)))
        err = vt_fail(why, VT_E_SYNTAX, "the log's answer is cut short");
    for (size_t i = 0; i < VT_SERVICE_OPEN_MAX && err == VT_OK; i++) {
        struct open_post *o = &w->open[i];

        if (o->x == NULL || o->number != number)
            continue;
        vt_http_answer(o->x, status, NULL, retry_s, r.p, r.left);
        o->x = NULL;
        w->open_count--;
        break;
    }
    vt_buf_release(&b);
    return err;
}

static void
get_health(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    (void)ctx;
    (void)rq;
    vt_buf_puts(&rs->body, "ok\n");
}

static void
get_front(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct web *w = ctx;

    (void)rq;
    vt_page_front(w->page, rs);
}

static void
get_entry(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct web *w = ctx;
    const char *s = rq->path + strlen("/entry/");
    struct vt_reader r = VT_READER(s, strlen(s));
    uint64_t index;

    if (vt_reader_decimal(&r, INT64_MAX, &index))
        vt_page_entry(w->page, index, rs);
    else
        (void)answer_now(rs, 404, "there is no such entry");
}

static const struct vt_http_route routes[] = {
    {"POST", "/add", VT_ENTRY_MAX, NULL, post_entry},
    {"POST", "/objects", 8U * 1024U * 1024U, NULL, post_object},
    {"POST", "/staged/", 4096, NULL, post_signature},
    {"GET", "/", 0, get_front, NULL},
    {"GET", "/entry/", 0, get_entry, NULL},
    {"GET", "/healthz", 0, get_health, NULL},
    {NULL, NULL, 0, NULL, NULL},
};

/* What of public/ is served under which name; files that change come first. */
static const struct {
    const char *prefix;
    const char *below; /* of public/ */
    const char *type;
    const char *cache;
} served[] = {
    {"/checkpoint", "checkpoint", TEXT, "no-cache"},
    {"/policy", "policy", TEXT, "no-cache"},
    {"/tuf/metadata/timestamp.json", "tuf/metadata/timestamp.json", JSON, "no-cache"},
    {"/tile/", "tile", BINARY, ONE_YEAR},
    {"/objects/", "objects", BINARY, ONE_YEAR},
    {"/tuf/metadata/", "tuf/metadata", JSON, ONE_YEAR},
    {"/tuf/targets/", "tuf/targets", BINARY, ONE_YEAR},
    {"/passports/", "passports", TEXT, "no-cache"},
    {"/staged/", "staged", JSON, "no-cache"},
};
#define SERVED (sizeof(served) / sizeof(served[0]))

static enum vt_err
serve(struct web *w, struct vt_why *why)
{
    char dirs[SERVED][VT_PATH_MAX];
    struct vt_http_folder folders[SERVED + 1] = {0};
    struct vt_http_watch watch = {.fd = w->opts->log_fd, .ready = on_log, .ctx = w};
    struct vt_http_server_opts opts = {
        .routes = routes, .folders = folders, .ctx = w, .watches = &watch, .watch_count = 1};

    for (size_t i = 0; i < SERVED; i++) {
        enum vt_err err = vt_path(dirs[i], why, "%s/%s", w->opts->public_dir, served[i].below);

        if (err != VT_OK)
            return err;
        folders[i] = (struct vt_http_folder){.prefix = served[i].prefix,
            .dir = dirs[i],
            .content_type = served[i].type,
            .cache = served[i].cache};
    }
    return vt_http_serve(w->opts->listen_fd, w->opts->stop_fd, &opts, why);
}

enum vt_err
vt_web_run(const struct vt_web_opts *opts, struct vt_why *why)
{
    struct web *w = calloc(1, sizeof(*w));
    struct vt_why unconfined = {0};
    enum vt_err err;

    if (w == NULL)
        return vt_fail(why, VT_E_NOMEM, "http: out of memory");
    w->opts = opts;
    w->next_number = 1;
    err = vt_confine_to_reading(opts->public_dir, &unconfined);
    if (err != VT_OK)
        vt_log(VT_LOG_WARN, "this process may read more than %s: %s", opts->public_dir,
            unconfined.text);
    err = vt_page_new(opts->home, opts->public_dir, opts->policy, &w->page, why);
    if (err == VT_OK)
        err = serve(w, why);
    vt_page_free(w->page);
    free(w);
    return err;
}
