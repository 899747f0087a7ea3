/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is POSTed to the site is handed to the log process, which alone decides; its answer goes
 * to the client that waits.
 */
#include "centre/web_parts.h"

#include "base/log.h"

#include <string.h>

enum { ANSWER_MAX = 4096 };
/* What may wait for a log that is busy: two of the largest and some small ones. */
#define QUEUE_MAX (2U * VT_SERVICE_BODY_MAX + 1024U * 1024U)

static const struct vt_msg_rule rules[] = {{VT_SERVICE_DONE, ANSWER_MAX}, {0, 0}};

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
hand_over(struct vt_web *w, enum vt_service_msg type, const char *role,
    const struct vt_http_request *rq, struct vt_http_exchange *x, struct vt_http_response *rs)
{
    struct vt_buf head = VT_BUF(128);
    struct vt_why why = {0};
    size_t i = 0;
    enum vt_err err;

    if (w->post_count == VT_SERVICE_OPEN_MAX)
        return answer_now(rs, 503, "too much is under way: try again");
    while (w->posts[i].x != NULL)
        i++;
    vt_buf_put_u64(&head, w->next_number);
    if (role != NULL) {
        vt_buf_put_u8(&head, (uint8_t)strlen(role));
        vt_buf_puts(&head, role);
    }
    err = vt_buf_check(&head, "request", &why);
    if (err == VT_OK) {
        const struct vt_msg_piece v[2] = {{head.data, head.len}, {rq->body, rq->body_len}};

        err = vt_msg_line_put(w->log, (uint16_t)type, v, 2, &why);
    }
    vt_buf_release(&head);
    w->watches[0].write = vt_msg_line_waits(w->log);
    if (err == VT_E_BUSY)
        return answer_now(rs, 503, "too much is under way: try again");
    if (err != VT_OK) {
        vt_log(VT_LOG_ERROR, "the log does not take requests: %s", why.text);
        return answer_now(rs, 503, "the log is starting: try again");
    }
    w->posts[i] = (struct vt_web_post){.x = x, .number = w->next_number++};
    w->post_count++;
    return true;
}

bool
vt_web_post_entry(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    return hand_over(ctx, VT_SERVICE_ADD, NULL, rq, x, rs);
}

bool
vt_web_post_object(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    return hand_over(ctx, VT_SERVICE_OBJECT, NULL, rq, x, rs);
}

bool
vt_web_post_review(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    return hand_over(ctx, VT_SERVICE_REVIEW, NULL, rq, x, rs);
}

/* /staged/ROLE/signatures */
bool
vt_web_post_signature(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
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

/* Gives an answer to who waits for it. */
static enum vt_err
deliver(struct vt_web *w, const struct vt_buf *b, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    uint64_t number;
    uint16_t status;
    uint16_t retry_s;

    if (!vt_reader_u64(&r, &number) || !vt_reader_u16(&r, &status) ||
        !vt_reader_u16(&r, &retry_s))
        return vt_fail(why, VT_E_SYNTAX, "the log's answer is cut short");
    for (size_t i = 0; i < VT_SERVICE_OPEN_MAX; i++) {
        struct vt_http_exchange *x = w->posts[i].x;

        if (x == NULL || w->posts[i].number != number)
            continue;
        w->posts[i].x = NULL;
        w->post_count--;
        vt_http_answer(x, status, NULL, retry_s, r.p, r.left);
        break;
    }
    return VT_OK;
}

static enum vt_err
on_log(void *ctx, struct vt_why *why)
{
    struct vt_web *w = ctx;
    enum vt_err err = vt_msg_line_flush(w->log, why);
    uint16_t type;
    bool got = true;

    while (err == VT_OK && got) {
        err = vt_msg_line_take(w->log, &got, &type, &w->message, why);
        if (err == VT_OK && got)
            err = deliver(w, &w->message, why);
    }
    w->watches[0].write = vt_msg_line_waits(w->log);
    return err;
}

enum vt_err
vt_web_log_open(struct vt_web *w, struct vt_http_watch *watch, struct vt_why *why)
{
    *watch = (struct vt_http_watch){.fd = w->opts->log_fd, .ready = on_log, .ctx = w};
    return vt_msg_line_new(w->opts->log_fd, rules, QUEUE_MAX, &w->log, why);
}
