/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/keeper_channel.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (64U * 1024U)

void
vt_channel_init(struct vt_channel *c, int fd, int number)
{
    *c = (struct vt_channel){.fd = fd,
        .number = number,
        .body = {.max = VT_KEEPER_ANSWER_MAX, .secret = true},
        .out = {.max = VT_KEEPER_ANSWER_MAX + sizeof c->head, .secret = true}};
}

static void
forget_message(struct vt_channel *c)
{
    vt_buf_release(&c->body);
    c->head_len = 0;
    c->has_head = false;
    c->body_len = 0;
}

void
vt_channel_release(struct vt_channel *c)
{
    if (c->fd < 0)
        return;
    (void)close(c->fd);
    forget_message(c);
    vt_buf_release(&c->out);
    c->fd = -1;
}

bool
vt_channel_large(const struct vt_channel *c)
{
    return c->fd >= 0 && (c->body.len > VT_CHANNEL_SMALL || c->out.len > VT_CHANNEL_SMALL);
}

/* Whether what it reads next makes it large. */
static bool
needs_turn(const struct vt_channel *c)
{
    return c->has_head && c->body_len > VT_CHANNEL_SMALL && c->body.len >= VT_CHANNEL_SMALL;
}

short
vt_channel_events(const struct vt_channel *c, bool turn_free)
{
    if (c->out.len > c->out_at)
        return POLLOUT;
    if (needs_turn(c) && !turn_free && !vt_channel_large(c))
        return 0;
    return POLLIN;
}

int64_t
vt_channel_deadline(const struct vt_channel *c)
{
    bool busy = c->head_len > 0 || c->out.len > c->out_at;

    return busy ? c->since + VT_CHANNEL_TIMEOUT_MS : -1;
}

/* How many bytes came; 0: none for now. */
static enum vt_err
receive(int fd, void *ret, size_t len, size_t *ret_len, struct vt_why *why)
{
    ssize_t n;

    do
        n = recv(fd, ret, len, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN && errno != ECONNRESET)
        return vt_fail_errno(why, "cannot receive");
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return vt_fail(why, VT_E_NOENT, "the other side has ended");
    *ret_len = n < 0 ? 0 : (size_t)n;
    return VT_OK;
}

static enum vt_err
check_head(struct vt_channel *c, struct vt_why *why)
{
    struct vt_reader r = VT_READER(c->head, sizeof c->head);
    uint32_t len = 0;

    if (!vt_reader_u32(&r, &len) || !vt_reader_u16(&r, &c->type) || len < 2)
        return vt_fail(why, VT_E_SYNTAX, "a message with a malformed head");
    c->body_len = len - 2;
    for (const struct vt_msg_rule *m = vt_keeper_requests; m->type != 0; m++)
        if (m->type == c->type && c->body_len <= m->body_max) {
            c->has_head = true;
            return VT_OK;
        }
    return vt_fail(why, VT_E_SYNTAX, "a message of type %u and %lu bytes is not permitted",
        (unsigned)c->type, (unsigned long)c->body_len);
}

static enum vt_err
read_head(struct vt_channel *c, size_t *ret_got, struct vt_why *why)
{
    enum vt_err err =
        receive(c->fd, c->head + c->head_len, sizeof c->head - c->head_len, ret_got, why);

    if (err != VT_OK)
        return err;
    c->head_len += *ret_got;
    return c->head_len == sizeof c->head ? check_head(c, why) : VT_OK;
}

static enum vt_err
read_body(struct vt_channel *c, size_t *ret_got, struct vt_why *why)
{
    size_t left = c->body_len - c->body.len;
    uint8_t *p = vt_buf_reserve(&c->body, left < CHUNK ? left : CHUNK);
    enum vt_err err;

    if (p == NULL)
        return vt_buf_check(&c->body, "message", why);
    err = receive(c->fd, p, left < CHUNK ? left : CHUNK, ret_got, why);
    if (err == VT_OK)
        vt_buf_commit(&c->body, *ret_got);
    return err;
}

enum vt_err
vt_channel_read(struct vt_channel *c, bool *ret_whole, struct vt_why *why)
{
    size_t got = 0;
    enum vt_err err = VT_OK;

    if (!c->has_head)
        err = read_head(c, &got, why);
    if (err == VT_OK && c->has_head && c->body.len < c->body_len)
        err = read_body(c, &got, why);
    if (err != VT_OK)
        return err;
    if (got > 0)
        c->since = vt_clock_monotonic_ms();
    *ret_whole = c->has_head && c->body.len == c->body_len;
    return VT_OK;
}

enum vt_err
vt_channel_answer(
    struct vt_channel *c, uint16_t type, const struct vt_buf *body, struct vt_why *why)
{
    forget_message(c);
    vt_buf_put_u32(&c->out, (uint32_t)body->len + 2);
    vt_buf_put_u16(&c->out, type);
    vt_buf_put(&c->out, body->data, body->len);
    c->since = vt_clock_monotonic_ms();
    return vt_buf_check(&c->out, "answer", why);
}

enum vt_err
vt_channel_write(struct vt_channel *c, struct vt_why *why)
{
    while (c->out_at < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->out_at, c->out.len - c->out_at,
            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return VT_OK;
        if (n < 0)
            return vt_fail_errno(why, "cannot answer");
        c->out_at += (size_t)n;
        c->since = vt_clock_monotonic_ms();
    }
    vt_buf_release(&c->out);
    c->out_at = 0;
    return VT_OK;
}
