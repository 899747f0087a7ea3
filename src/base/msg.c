/* SPDX-License-Identifier: Apache-2.0 */
#include "base/msg.h"

#include "base/clock.h"
#include "base/msg_head.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

static enum vt_err
send_all(int fd, const void *data, size_t len, int flags, struct vt_why *why)
{
    const uint8_t *p = data;

    while (len > 0) {
        ssize_t n = send(fd, p, len, flags | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return vt_fail(why, VT_E_IO, "the other process is gone");
        if (n < 0)
            return vt_fail_errno(why, "cannot send a message");
        p += n;
        len -= (size_t)n;
    }
    return VT_OK;
}

enum vt_err
vt_msg_send(int fd, uint16_t type, const void *body, size_t len, struct vt_why *why)
{
    struct vt_buf head = VT_BUF(VT_MSG_HEAD_SIZE);
    enum vt_err err;

    if (len > UINT32_MAX - 2)
        return vt_fail(why, VT_E_LIMIT, "message of %zu bytes is too long", len);
    vt_buf_put_u32(&head, (uint32_t)len + 2);
    vt_buf_put_u16(&head, type);
    err = vt_buf_check(&head, "message", why);
    if (err == VT_OK)
        err = send_all(fd, head.data, head.len, len > 0 ? MSG_MORE : 0, why);
    if (err == VT_OK && len > 0)
        err = send_all(fd, body, len, 0, why);
    vt_buf_release(&head);
    return err;
}

/* Waits until fd takes more, and receives meanwhile. */
static enum vt_err
wait_writable(int fd, enum vt_err (*on_readable)(void *ctx, struct vt_why *why), void *ctx,
    struct vt_why *why)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

    while (poll(&p, 1, -1) < 0)
        if (errno != EINTR)
            return vt_fail_errno(why, "cannot wait to send a message");
    if ((p.revents & POLLIN) != 0)
        return on_readable(ctx, why);
    return VT_OK;
}

static enum vt_err
send_piece(int fd, const struct vt_msg_piece *v,
    enum vt_err (*on_readable)(void *ctx, struct vt_why *why), void *ctx, struct vt_why *why)
{
    const uint8_t *p = v->data;
    size_t left = v->len;
    enum vt_err err = VT_OK;

    while (left > 0 && err == VT_OK) {
        ssize_t n = send(fd, p, left, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n >= 0) {
            p += n;
            left -= (size_t)n;
        } else if (errno == EAGAIN) {
            err = wait_writable(fd, on_readable, ctx, why);
        } else if (errno == EPIPE || errno == ECONNRESET) {
            err = vt_fail(why, VT_E_IO, "the other process is gone");
        } else if (errno != EINTR) {
            err = vt_fail_errno(why, "cannot send a message");
        }
    }
    return err;
}

enum vt_err
vt_msg_send_pieces(int fd, uint16_t type, const struct vt_msg_piece *v, size_t n,
    enum vt_err (*on_readable)(void *ctx, struct vt_why *why), void *ctx, struct vt_why *why)
{
    struct vt_buf head = VT_BUF(VT_MSG_HEAD_SIZE);
    size_t len = 0;
    enum vt_err err;

    for (size_t i = 0; i < n; i++) {
        if (v[i].len > UINT32_MAX - 2 - len)
            return vt_fail(why, VT_E_LIMIT, "a message is too long");
        len += v[i].len;
    }
    vt_buf_put_u32(&head, (uint32_t)len + 2);
    vt_buf_put_u16(&head, type);
    err = vt_buf_check(&head, "message", why);
    if (err == VT_OK)
        err =
            send_piece(fd, &(struct vt_msg_piece){head.data, head.len}, on_readable, ctx, why);
    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = send_piece(fd, &v[i], on_readable, ctx, why);
    vt_buf_release(&head);
    return err;
}

/* Waits until fd can be read; deadline in the clock's milliseconds, -1: none. */
static enum vt_err
wait_readable(int fd, int64_t deadline, struct vt_why *why)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    for (;;) {
        int64_t left = deadline < 0 ? -1 : deadline - vt_clock_monotonic_ms();
        int n;
        if (deadline >= 0 && left < 0)
            left = 0;
        n = poll(&p, 1, left < 0 ? -1 : left > 60000 ? 60000 : (int)left);
        if (n > 0)
            return VT_OK;
        if (n < 0 && errno != EINTR)
            return vt_fail_errno(why, "cannot wait for a message");
        if (n == 0 && left == 0)
            return vt_fail(why, VT_E_TIMEOUT, "no message came in time");
    }
}

/* Reads len bytes, or fewer only at the end of the stream. */
static enum vt_err
recv_all(int fd, void *ret, size_t len, int64_t deadline, size_t *ret_len, struct vt_why *why)
{
    uint8_t *p = ret;
    size_t got = 0;

    while (got < len) {
        enum vt_err err = wait_readable(fd, deadline, why);
        ssize_t n;
        if (err != VT_OK)
            return err;
        n = recv(fd, p + got, len - got, MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0 && errno != ECONNRESET)
            return vt_fail_errno(why, "cannot receive a message");
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    *ret_len = got;
    return VT_OK;
}

static enum vt_err
check_rule(const struct vt_msg_rule *rules, uint16_t type, uint32_t len, struct vt_why *why)
{
    for (; rules->type != 0; rules++) {
        if (rules->type != type)
            continue;
        if (len > rules->body_max)
            return vt_fail(why, VT_E_SYNTAX,
                "message of type %u has %u bytes, at most %u may be", (unsigned)type,
                (unsigned)len, (unsigned)rules->body_max);
        return VT_OK;
    }
    return vt_fail(
        why, VT_E_SYNTAX, "message of type %u is not permitted here", (unsigned)type);
}

enum vt_err
vt_msg_head_read(const uint8_t head[VT_MSG_HEAD_SIZE], const struct vt_msg_rule *rules,
    uint16_t *ret_type, uint32_t *ret_len, struct vt_why *why)
{
    struct vt_reader r = VT_READER(head, VT_MSG_HEAD_SIZE);
    uint32_t len = 0;

    if (!vt_reader_u32(&r, &len) || !vt_reader_u16(&r, ret_type) || len < 2 || *ret_type == 0)
        return vt_fail(why, VT_E_SYNTAX, "a message has a malformed header");
    *ret_len = len - 2;
    return check_rule(rules, *ret_type, *ret_len, why);
}

static enum vt_err
recv_header(int fd, const struct vt_msg_rule *rules, int64_t deadline, uint16_t *ret_type,
    uint32_t *ret_len, struct vt_why *why)
{
    uint8_t head[VT_MSG_HEAD_SIZE];
    size_t got = 0;
    enum vt_err err = recv_all(fd, head, sizeof head, deadline, &got, why);

    if (err != VT_OK)
        return err;
    if (got == 0)
        return vt_fail(why, VT_E_NOENT, "the other process ended the conversation");
    if (got < sizeof head)
        return vt_fail(why, VT_E_SYNTAX, "a message ends within its header");
    return vt_msg_head_read(head, rules, ret_type, ret_len, why);
}

enum vt_err
vt_msg_recv(int fd, const struct vt_msg_rule *rules, int64_t timeout_ms, uint16_t *ret_type,
    struct vt_buf *b, struct vt_why *why)
{
    int64_t deadline = timeout_ms < 0 ? -1 : vt_clock_monotonic_ms() + timeout_ms;
    uint16_t type = 0;
    uint32_t len = 0;
    size_t got = 0;
    uint8_t *p;
    enum vt_err err = recv_header(fd, rules, deadline, &type, &len, why);

    if (err != VT_OK)
        return err;
    vt_buf_clear(b);
    p = vt_buf_reserve(b, len);
    if (p == NULL)
        return vt_buf_check(b, "message", why);
    err = recv_all(fd, p, len, deadline, &got, why);
    if (err != VT_OK)
        return err;
    if (got < len)
        return vt_fail(why, VT_E_SYNTAX, "a message ends within its body");
    vt_buf_commit(b, len);
    *ret_type = type;
    return VT_OK;
}
