/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the processes behind, and their answers. Nobody is waited for: a question goes
 * into a queue, its exchange is kept, and the answer is given to it when it comes.
 */
#include "centre/web_parts.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <string.h>

/* How long a client waits for an answer before it hears that there is none. */
enum { PATIENCE_MS = 30000 };
#define QUEUE_MAX (VT_ROOM_OPEN_MAX * (VT_ROOM_BODY_MAX + 24U * 1024U))

static const struct vt_msg_rule rules[] = {{VT_ROOM_ANSWER, VT_ROOM_MESSAGE_MAX}, {0, 0}};

/* Only strings that a question can hold: what is longer counts as not there. */
static const char *
bounded(const char *s)
{
    return strlen(s) <= VT_ROOM_FIELD_MAX ? s : "";
}

static enum vt_err
send_question(
    struct vt_web_room *r, enum vt_room_msg type, const struct vt_ask *a, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_ROOM_MESSAGE_MAX);
    enum vt_err err = vt_ask_put(&b, a, why);

    if (err == VT_OK)
        err = vt_msg_line_put(
            r->line, (uint16_t)type, &(struct vt_msg_piece){b.data, b.len}, 1, why);
    vt_buf_release(&b);
    if (err == VT_OK)
        r->watch->write = vt_msg_line_waits(r->line);
    return err;
}

bool
vt_web_room_ask(struct vt_web_room *r, enum vt_room_msg type, const struct vt_http_request *rq,
    struct vt_http_exchange *x, const char *who, const char *sealed)
{
    char session[VT_ROOM_FIELD_MAX + 1] = "";
    bool desk = r == &r->web->desk;
    struct vt_ask a = {.number = r->web->next_number,
        .post = strcmp(rq->method, "POST") == 0,
        .path = rq->path,
        .query = rq->query,
        .content_type = bounded(rq->content_type),
        .if_none_match = bounded(rq->if_none_match),
        .origin = bounded(rq->origin),
        .session = session,
        .client = rq->client,
        .who = who,
        .sealed = sealed,
        .body = rq->body,
        .body_len = rq->body_len};
    struct vt_why why = {0};
    size_t i = 0;

    if (r->line == NULL || r->open_count == VT_ROOM_OPEN_MAX)
        return false;
    if (desk && !vt_http_cookie(rq->cookie, "vt-session", session, sizeof(session)))
        session[0] = '\0';
    if (send_question(r, type, &a, &why) != VT_OK) {
        vt_log(VT_LOG_WARN, "the %s does not take a question: %s", r->name, why.text);
        return false;
    }
    while (r->open[i].number != 0)
        i++;
    r->open[i] = (struct vt_web_question){.x = x,
        .rq = rq,
        .number = r->web->next_number++,
        .admit = type == VT_ROOM_ADMIT,
        .deadline_ms = vt_clock_monotonic_ms() + PATIENCE_MS};
    r->open_count++;
    return true;
}

bool
vt_web_ask_reader(struct vt_web *w, const struct vt_http_request *rq,
    struct vt_http_exchange *x, const char *who, const char *sealed)
{
    size_t first = 0;

    for (size_t i = 1; i < VT_WEB_READERS; i++)
        if (w->reader[first].line == NULL ||
            w->reader[i].open_count < w->reader[first].open_count)
            first = i;
    for (size_t i = 0; i < VT_WEB_READERS; i++)
        if (vt_web_room_ask(
                &w->reader[(first + i) % VT_WEB_READERS], VT_ROOM_ASK, rq, x, who, sealed))
            return true;
    return false;
}

static void
reply_error(struct vt_http_exchange *x, int status, const char *text)
{
    struct vt_http_response rs;

    vt_http_response_init(&rs);
    vt_web_api_error(&rs, status, text);
    vt_http_reply(x, &rs);
}

/* Frees the question's place. */
static struct vt_web_question
close_question(struct vt_web_room *r, struct vt_web_question *q)
{
    struct vt_web_question was = *q;

    *q = (struct vt_web_question){0};
    r->open_count--;
    return was;
}

static void
deliver(struct vt_web_room *r, const struct vt_answer *a)
{
    struct vt_web_question *q = NULL;
    struct vt_web_question was;
    struct vt_http_response rs;

    for (size_t i = 0; i < VT_ROOM_OPEN_MAX && q == NULL; i++)
        if (r->open[i].number != 0 && r->open[i].number == a->number)
            q = &r->open[i];
    if (q == NULL)
        return;
    was = close_question(r, q);
    if (was.x == NULL)
        return;
    if (was.admit && a->pass) {
        if (!vt_web_ask_reader(r->web, was.rq, was.x, a->who, a->sealed))
            reply_error(was.x, 503, "too much is asked at the moment: try again");
        return;
    }
    vt_http_response_init(&rs);
    vt_web_api_fill(&rs, a);
    vt_http_reply(was.x, &rs);
}

/* The process has gone: all that it was asked is answered so. */
static void
close_room(struct vt_web_room *r, const struct vt_why *why)
{
    vt_log(VT_LOG_ERROR, "the %s process is gone: %s", r->name, why->text);
    vt_msg_line_free(r->line);
    r->line = NULL;
    r->watch->fd = -1;
    r->watch->write = false;
    for (size_t i = 0; i < VT_ROOM_OPEN_MAX; i++) {
        struct vt_web_question was = {0};

        if (r->open[i].number != 0)
            was = close_question(r, &r->open[i]);
        if (was.x != NULL)
            reply_error(was.x, 503, "this part of the site is starting: try again");
    }
}

static enum vt_err
on_room(void *ctx, struct vt_why *why)
{
    struct vt_web_room *r = ctx;
    enum vt_err err = vt_msg_line_flush(r->line, why);
    struct vt_answer a;
    uint16_t type;
    bool got = true;

    while (err == VT_OK && got) {
        err = vt_msg_line_take(r->line, &got, &type, &r->web->message, why);
        if (err == VT_OK && got)
            err = vt_answer_read(&r->web->message, &a, why);
        if (err == VT_OK && got)
            deliver(r, &a);
    }
    if (err != VT_OK)
        close_room(r, why);
    else
        r->watch->write = vt_msg_line_waits(r->line);
    return VT_OK;
}

enum vt_err
vt_web_room_open(struct vt_web *w, struct vt_web_room *r, const char *name, int fd,
    struct vt_http_watch *watch, struct vt_why *why)
{
    r->web = w;
    r->name = name;
    r->watch = watch;
    *watch = (struct vt_http_watch){.fd = fd, .ready = on_room, .ctx = r};
    return fd < 0 ? VT_OK : vt_msg_line_new(fd, rules, QUEUE_MAX, &r->line, why);
}

static void
tick(struct vt_web_room *r, int64_t now_ms)
{
    for (size_t i = 0; i < VT_ROOM_OPEN_MAX; i++) {
        struct vt_web_question *q = &r->open[i];
        struct vt_http_exchange *x = q->x;

        if (x == NULL || now_ms < q->deadline_ms)
            continue;
        q->x = NULL; /* its place is free again when the answer has come */
        q->rq = NULL;
        reply_error(x, 503, "that takes too long: ask for less, or try again");
    }
}

void
vt_web_rooms_tick(struct vt_web *w)
{
    int64_t now_ms = vt_clock_monotonic_ms();

    tick(&w->desk, now_ms);
    for (size_t i = 0; i < VT_WEB_READERS; i++)
        tick(&w->reader[i], now_ms);
}
