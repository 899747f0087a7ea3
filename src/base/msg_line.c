/* SPDX-License-Identifier: Apache-2.0 */
#include "base/msg_line.h"

#include "base/msg_head.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What is received at once when reading ahead, and the largest body that is copied out rather
 * than given away with its memory. */
enum { AHEAD = 128 * 1024, COPY_MAX = 8192 };

struct vt_msg_line {
    int fd;
    const struct vt_msg_rule *rules;
    struct vt_buf out;
    size_t sent; /* bytes of out */
    /* The message that is coming. */
    uint8_t head[VT_MSG_HEAD_SIZE];
    size_t head_len;
    uint16_t type;
    uint32_t body_size;
    struct vt_buf body;
    /* What was read ahead. */
    bool ahead;
    struct vt_buf in;
    size_t taken; /* bytes of in */
};

enum vt_err
vt_msg_line_new(int fd, const struct vt_msg_rule *rules, size_t queue_max,
    struct vt_msg_line **ret, struct vt_why *why)
{
    struct vt_msg_line *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory for a channel");
    l->fd = fd;
    l->rules = rules;
    vt_buf_init(&l->out, queue_max);
    vt_buf_init(&l->body, UINT32_MAX);
    vt_buf_init(&l->in, AHEAD);
    *ret = l;
    return VT_OK;
}

void
vt_msg_line_free(struct vt_msg_line *l)
{
    if (l == NULL)
        return;
    vt_buf_release(&l->out);
    vt_buf_release(&l->body);
    vt_buf_release(&l->in);
    free(l);
}

void
vt_msg_line_read_ahead(struct vt_msg_line *l)
{
    l->ahead = true;
}

bool
vt_msg_line_waits(const struct vt_msg_line *l)
{
    return l->sent < l->out.len;
}

enum vt_err
vt_msg_line_flush(struct vt_msg_line *l, struct vt_why *why)
{
    while (l->sent < l->out.len) {
        ssize_t n = send(
            l->fd, l->out.data + l->sent, l->out.len - l->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n > 0)
            l->sent += (size_t)n;
        else if (errno == EAGAIN)
            return VT_OK;
        else if (errno == EPIPE || errno == ECONNRESET)
            return vt_fail(why, VT_E_IO, "the other process is gone");
        else if (errno != EINTR)
            return vt_fail_errno(why, "cannot send a message");
    }
    vt_buf_clear(&l->out);
    l->sent = 0;
    return VT_OK;
}

enum vt_err
vt_msg_line_wait(const struct vt_msg_line *l, struct vt_why *why)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};

    if (vt_msg_line_waits(l))
        p.events |= POLLOUT;
    while (poll(&p, 1, -1) < 0) {
        if (errno != EINTR)
            return vt_fail_errno(why, "cannot wait for a message");
    }
    return VT_OK;
}

/* Moves what waits to the front when much before it is sent, so that a queue which is never
 * empty does not run into its maximum. */
static void
compact(struct vt_msg_line *l)
{
    if (l->sent == 0 || l->sent < l->out.len / 2)
        return;
    memmove(l->out.data, l->out.data + l->sent, l->out.len - l->sent);
    l->out.len -= l->sent;
    l->sent = 0;
}

enum vt_err
vt_msg_line_add(struct vt_msg_line *l, uint16_t type, const struct vt_msg_piece *v, size_t n,
    struct vt_why *why)
{
    size_t before;
    size_t len = 2;

    for (size_t i = 0; i < n; i++) {
        if (v[i].len > UINT32_MAX - len)
            return vt_fail(why, VT_E_LIMIT, "a message is too long");
        len += v[i].len;
    }
    compact(l);
    before = l->out.len;
    vt_buf_put_u32(&l->out, (uint32_t)len);
    vt_buf_put_u16(&l->out, type);
    for (size_t i = 0; i < n; i++)
        vt_buf_put(&l->out, v[i].data, v[i].len);
    if (l->out.err != VT_OK) {
        bool full = l->out.err == VT_E_LIMIT;

        l->out.len = before;
        l->out.err = VT_OK;
        return vt_fail(why, full ? VT_E_BUSY : VT_E_NOMEM, "too much waits to be sent");
    }
    return VT_OK;
}

enum vt_err
vt_msg_line_put(struct vt_msg_line *l, uint16_t type, const struct vt_msg_piece *v, size_t n,
    struct vt_why *why)
{
    enum vt_err err = vt_msg_line_add(l, type, v, n, why);

    return err == VT_OK ? vt_msg_line_flush(l, why) : err;
}

/* Receives up to len bytes that are there. *ret_len: how many; 0 when there are none now. */
static enum vt_err
receive_now(
    struct vt_msg_line *l, uint8_t *ret, size_t len, size_t *ret_len, struct vt_why *why)
{
    ssize_t n;

    do
        n = recv(l->fd, ret, len, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    *ret_len = n > 0 ? (size_t)n : 0;
    if (n > 0 || (n < 0 && errno == EAGAIN))
        return VT_OK;
    if (n < 0 && errno != ECONNRESET)
        return vt_fail_errno(why, "cannot receive a message");
    if (l->head_len == 0)
        return vt_fail(why, VT_E_NOENT, "the other process ended the conversation");
    return vt_fail(why, VT_E_SYNTAX, "a message ends before its end");
}

/* The same, from what was read ahead where that is the custom. */
static enum vt_err
receive(struct vt_msg_line *l, uint8_t *ret, size_t len, size_t *ret_len, struct vt_why *why)
{
    enum vt_err err = VT_OK;
    size_t n = 0;

    if (l->taken == l->in.len && (!l->ahead || len >= AHEAD))
        return receive_now(l, ret, len, ret_len, why);
    if (l->taken == l->in.len) {
        uint8_t *p;

        vt_buf_clear(&l->in);
        l->taken = 0;
        p = vt_buf_reserve(&l->in, AHEAD);
        if (p == NULL)
            return vt_buf_check(&l->in, "message", why);
        err = receive_now(l, p, AHEAD, &n, why);
        vt_buf_commit(&l->in, n);
    }
    *ret_len = len < l->in.len - l->taken ? len : l->in.len - l->taken;
    if (*ret_len > 0)
        memcpy(ret, l->in.data + l->taken, *ret_len);
    l->taken += *ret_len;
    return err;
}

/* The header's part; *ret_done: it is whole, and room is made for the body. */
static enum vt_err
take_head(struct vt_msg_line *l, bool *ret_done, struct vt_why *why)
{
    enum vt_err err = VT_OK;
    size_t n = 1;

    if (l->head_len == VT_MSG_HEAD_SIZE) {
        *ret_done = true;
        return VT_OK;
    }
    while (l->head_len < VT_MSG_HEAD_SIZE && n > 0 && err == VT_OK) {
        err = receive(l, l->head + l->head_len, VT_MSG_HEAD_SIZE - l->head_len, &n, why);
        l->head_len += n;
    }
    *ret_done = l->head_len == VT_MSG_HEAD_SIZE;
    if (err != VT_OK || !*ret_done)
        return err;
    err = vt_msg_head_read(l->head, l->rules, &l->type, &l->body_size, why);
    vt_buf_clear(&l->body);
    if (err == VT_OK && vt_buf_reserve(&l->body, l->body_size) == NULL)
        err = vt_buf_check(&l->body, "message", why);
    return err;
}

/* Gives the body away: a small one's bytes, a large one with its memory. */
static void
move_body(struct vt_msg_line *l, struct vt_buf *ret)
{
    size_t max = ret->max;

    assert(l->body.len <= max);
    if (l->body.len <= COPY_MAX) {
        vt_buf_clear(ret);
        vt_buf_put(ret, vt_buf_str(&l->body), l->body.len);
        return;
    }
    vt_buf_release(ret);
    *ret = l->body;
    ret->max = max;
    l->body = VT_BUF(UINT32_MAX); /* moved */
}

enum vt_err
vt_msg_line_take(struct vt_msg_line *l, bool *ret_got, uint16_t *ret_type, struct vt_buf *b,
    struct vt_why *why)
{
    bool done = false;
    enum vt_err err = take_head(l, &done, why);
    size_t n = 1;

    *ret_got = false;
    while (err == VT_OK && done && n > 0 && l->body.len < l->body_size) {
        size_t left = l->body_size - l->body.len;
        uint8_t *p = vt_buf_reserve(&l->body, left);

        if (p == NULL)
            return vt_buf_check(&l->body, "message", why);
        err = receive(l, p, left, &n, why);
        vt_buf_commit(&l->body, n);
    }
    if (err != VT_OK || !done || l->body.len < l->body_size)
        return err;
    move_body(l, b);
    if (b->err != VT_OK)
        return vt_buf_check(b, "message", why);
    l->head_len = 0;
    *ret_type = l->type;
    *ret_got = true;
    return VT_OK;
}
