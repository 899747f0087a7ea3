/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message is its numbers, then its strings, each as u16 length, bytes and a NUL (so that what
 * is decoded can point into it), then the body, which is all that is left.
 */
#include "centre/room.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* How long the rest of a message may take once it has begun. */
enum { RECV_MS = 60000, IDLE_MS = 1000 };

/* A string of a message: the places of its pointer and its limit. */
struct part {
    const char **at;
    size_t max;
    bool header; /* printable ASCII, for it becomes the value of a header */
};

#define ASK_PARTS 9
#define ANSWER_PARTS 8

static void
ask_parts(struct vt_ask *a, struct part ret[ASK_PARTS])
{
    const struct part parts[ASK_PARTS] = {
        {&a->path, VT_ROOM_PATH_MAX, false},
        {&a->query, VT_ROOM_QUERY_MAX, false},
        {&a->content_type, VT_ROOM_FIELD_MAX, false},
        {&a->if_none_match, VT_ROOM_FIELD_MAX, false},
        {&a->origin, VT_ROOM_FIELD_MAX, false},
        {&a->session, VT_ROOM_FIELD_MAX, false},
        {&a->client, VT_ROOM_FIELD_MAX, false},
        {&a->who, VT_ROOM_FIELD_MAX, false},
        {&a->sealed, VT_ROOM_SEALED_MAX, false},
    };

    memcpy(ret, parts, sizeof(parts));
}

static void
answer_parts(struct vt_answer *a, struct part ret[ANSWER_PARTS])
{
    const struct part parts[ANSWER_PARTS] = {
        {&a->content_type, VT_ROOM_FIELD_MAX, true},
        {&a->cache, VT_ROOM_FIELD_MAX, true},
        {&a->etag, VT_ROOM_FIELD_MAX, true},
        {&a->set_cookie, VT_ROOM_FIELD_MAX, true},
        {&a->disposition, VT_ROOM_FIELD_MAX, true},
        {&a->csp, VT_ROOM_FIELD_MAX, true},
        {&a->who, VT_ROOM_FIELD_MAX, false},
        {&a->sealed, VT_ROOM_SEALED_MAX, false},
    };

    memcpy(ret, parts, sizeof(parts));
}

static bool
part_fits(const struct part *p, const char *s, size_t len)
{
    if (len > p->max || memchr(s, '\0', len) != NULL)
        return false;
    for (size_t i = 0; p->header && i < len; i++)
        if (s[i] < ' ' || s[i] > '~')
            return false;
    return true;
}

static enum vt_err
put_parts(struct vt_buf *b, const struct part *parts, size_t n, struct vt_why *why)
{
    for (size_t i = 0; i < n; i++) {
        const char *s = *parts[i].at;
        size_t len = strlen(s);

        if (!part_fits(&parts[i], s, len))
            return vt_fail(why, VT_E_USAGE,
                "string %zu of a question or answer has %zu bytes, at most %zu may be, or no "
                "header can hold it",
                i, len, parts[i].max);
        vt_buf_put_u16(b, (uint16_t)len);
        vt_buf_put(b, s, len);
        vt_buf_put_u8(b, 0);
    }
    return VT_OK;
}

static bool
take_parts(struct vt_reader *r, const struct part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p;
        uint16_t len;

        if (!vt_reader_u16(r, &len) || !vt_reader_take(r, (size_t)len + 1, &p) || p[len] != 0 ||
            !part_fits(&parts[i], (const char *)p, len))
            return false;
        *parts[i].at = (const char *)p;
    }
    return true;
}

enum vt_err
vt_ask_put(struct vt_buf *b, const struct vt_ask *a, struct vt_why *why)
{
    struct vt_ask copy = *a;
    struct part parts[ASK_PARTS];
    enum vt_err err;

    if (a->body_len > VT_ROOM_BODY_MAX)
        return vt_fail(why, VT_E_USAGE, "a question's body has %zu bytes, at most %u may be",
            a->body_len, VT_ROOM_BODY_MAX);
    ask_parts(&copy, parts);
    vt_buf_put_u64(b, a->number);
    vt_buf_put_u8(b, a->post ? 1 : 0);
    err = put_parts(b, parts, ASK_PARTS, why);
    if (err != VT_OK)
        return err;
    vt_buf_put(b, a->body, a->body_len);
    return vt_buf_check(b, "question", why);
}

enum vt_err
vt_answer_put(struct vt_buf *b, const struct vt_answer *a, struct vt_why *why)
{
    struct vt_answer copy = *a;
    struct part parts[ANSWER_PARTS];
    enum vt_err err;

    if (a->body_len > VT_ROOM_ANSWER_MAX)
        return vt_fail(why, VT_E_USAGE, "an answer's body has %zu bytes, at most %u may be",
            a->body_len, VT_ROOM_ANSWER_MAX);
    if (a->status < 200 || a->status > 599)
        return vt_fail(why, VT_E_USAGE, "an answer's status is %u", (unsigned)a->status);
    answer_parts(&copy, parts);
    vt_buf_put_u64(b, a->number);
    vt_buf_put_u8(b, a->pass ? 1 : 0);
    vt_buf_put_u16(b, a->status);
    vt_buf_put_u16(b, a->retry_after_s);
    err = put_parts(b, parts, ANSWER_PARTS, why);
    if (err != VT_OK)
        return err;
    vt_buf_put(b, a->body, a->body_len);
    return vt_buf_check(b, "answer", why);
}

enum vt_err
vt_ask_send(int fd, enum vt_room_msg type, const struct vt_ask *a, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_ROOM_MESSAGE_MAX);
    enum vt_err err = vt_ask_put(&b, a, why);

    if (err == VT_OK)
        err = vt_msg_send(fd, (uint16_t)type, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_answer_send(int fd, const struct vt_answer *a, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_ROOM_MESSAGE_MAX);
    enum vt_err err = vt_answer_put(&b, a, why);

    if (err == VT_OK)
        err = vt_msg_send(fd, VT_ROOM_ANSWER, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_ask_read(const struct vt_buf *b, struct vt_ask *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    struct part parts[ASK_PARTS];
    struct vt_ask a = {0};
    uint8_t post;

    ask_parts(&a, parts);
    if (!vt_reader_u64(&r, &a.number) || !vt_reader_u8(&r, &post) || post > 1 ||
        !take_parts(&r, parts, ASK_PARTS) || r.left > VT_ROOM_BODY_MAX)
        return vt_fail(why, VT_E_SYNTAX, "a question is malformed");
    a.post = post == 1;
    a.body = r.p;
    a.body_len = r.left;
    *ret = a;
    return VT_OK;
}

enum vt_err
vt_answer_read(const struct vt_buf *b, struct vt_answer *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    struct part parts[ANSWER_PARTS];
    struct vt_answer a = {0};
    uint8_t pass;

    answer_parts(&a, parts);
    if (!vt_reader_u64(&r, &a.number) || !vt_reader_u8(&r, &pass) || pass > 1 ||
        !vt_reader_u16(&r, &a.status) || a.status < 200 || a.status > 599 ||
        !vt_reader_u16(&r, &a.retry_after_s) || !take_parts(&r, parts, ANSWER_PARTS) ||
        r.left > VT_ROOM_ANSWER_MAX)
        return vt_fail(why, VT_E_SYNTAX, "an answer is malformed");
    a.pass = pass == 1;
    a.body = r.p;
    a.body_len = r.left;
    *ret = a;
    return VT_OK;
}

void
vt_answer_preset(struct vt_answer *ret)
{
    *ret = (struct vt_answer){.status = 200,
        .content_type = "application/json",
        .cache = "no-cache",
        .etag = "",
        .set_cookie = "",
        .disposition = "",
        .csp = "",
        .who = "",
        .sealed = ""};
}

/* Sends an answer; one that no message can hold is replaced by an error, so that nothing that
 * stands in a source or a file's name ends the conversation. */
static enum vt_err
send_answer(int fd, struct vt_answer *a, struct vt_buf *body, struct vt_why *why)
{
    enum vt_err err;

    if (body->err != VT_OK)
        vt_answer_error(a, body, 413, "the answer is too long: ask for less at a time");
    a->body = body->data;
    a->body_len = body->len;
    err = vt_answer_send(fd, a, why);
    if (err != VT_E_USAGE)
        return err;
    vt_log(VT_LOG_WARN, "an answer cannot be sent: %s", why->text);
    vt_answer_error(a, body, 503, "there is an answer, but it cannot be sent");
    a->body = body->data;
    a->body_len = body->len;
    return vt_answer_send(fd, a, why);
}

/* Receives a question and answers it. *ret_end: the other side is gone. */
static enum vt_err
answer_one(int fd, const struct vt_room_opts *opts, struct vt_buf *message, struct vt_buf *body,
    bool *ret_end, struct vt_why *why)
{
    static const struct vt_msg_rule rules[] = {
        {VT_ROOM_ADMIT, VT_ROOM_MESSAGE_MAX}, {VT_ROOM_ASK, VT_ROOM_MESSAGE_MAX}, {0, 0}};
    struct vt_answer answer;
    struct vt_ask ask;
    uint16_t type;
    enum vt_err err = vt_msg_recv(fd, rules, RECV_MS, &type, message, why);

    *ret_end = err == VT_E_NOENT;
    if (err == VT_OK)
        err = vt_ask_read(message, &ask, why);
    if (err != VT_OK)
        return *ret_end ? VT_OK : err;
    vt_answer_preset(&answer);
    vt_buf_clear(body);
    err = opts->answer(opts->ctx, type == VT_ROOM_ADMIT, &ask, &answer, body, why);
    if (err != VT_OK)
        return err;
    answer.number = ask.number;
    err = send_answer(fd, &answer, body, why);
    *ret_end = err == VT_E_IO; /* it went while it was answered */
    return *ret_end ? VT_OK : err;
}

/* Waits for a question until `due`. *ret: there is one, or the other side is gone. */
static enum vt_err
await_question(int fd, int64_t due, bool *ret, struct vt_why *why)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left = due - vt_clock_monotonic_ms();
    int n = poll(&p, 1, left < 0 ? 0 : (int)left);

    if (n < 0 && errno != EINTR)
        return vt_fail_errno(why, "cannot wait for a question");
    *ret = n > 0;
    return VT_OK;
}

enum vt_err
vt_room_run(int fd, const struct vt_room_opts *opts, struct vt_why *why)
{
    struct vt_buf message = VT_BUF(VT_ROOM_MESSAGE_MAX);
    struct vt_buf body = VT_BUF(VT_ROOM_ANSWER_MAX);
    int64_t due = vt_clock_monotonic_ms() + IDLE_MS;
    enum vt_err err = VT_OK;
    bool end = false;

    while (err == VT_OK && !end) {
        bool asked = false;

        err = await_question(fd, due, &asked, why);
        if (err == VT_OK && asked)
            err = answer_one(fd, opts, &message, &body, &end, why);
        if (err == VT_OK && !end && vt_clock_monotonic_ms() >= due) {
            if (opts->idle != NULL)
                err = opts->idle(opts->ctx, why);
            due = vt_clock_monotonic_ms() + IDLE_MS;
        }
    }
    if (err == VT_OK)
        vt_why_clear(why);
    vt_buf_release(&body);
    vt_buf_release(&message);
    return err;
}
