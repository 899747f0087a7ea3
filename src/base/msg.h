/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed messages between Vitrine's processes, over a stream socket pair.
 *
 * On the wire: u32 big-endian length of what follows, u16 type, body. Each
 * process gives a fixed table of the types that it takes, each with the
 * largest body; anything else ends the conversation with VT_E_SYNTAX.
 */
#ifndef VT_BASE_MSG_H
#define VT_BASE_MSG_H

#include "base/buf.h"

struct vt_msg_rule {
    uint16_t type;
    uint32_t body_max;
};

/* Sends one message. VT_E_IO when the other side is gone (never SIGPIPE). */
VT_MUST enum vt_err vt_msg_send(
    int fd, uint16_t type, const void *body, size_t len, struct vt_why *why);

/* The same of a body in pieces, without ever waiting for a process that waits for us: whenever
 * fd takes no more and something has arrived on it, on_readable is called, which is to receive
 * a message. Its error ends the sending. */
struct vt_msg_piece {
    const void *data;
    size_t len;
};
VT_MUST enum vt_err vt_msg_send_pieces(int fd, uint16_t type, const struct vt_msg_piece *v,
    size_t n, enum vt_err (*on_readable)(void *ctx, struct vt_why *why), void *ctx,
    struct vt_why *why);

/* Waits for one message; the body replaces what is in b. VT_E_NOENT at a clean
 * end, VT_E_SYNTAX for a type or length that the table (ended by type 0) does
 * not permit, VT_E_TIMEOUT after timeout_ms (-1: none). */
VT_MUST enum vt_err vt_msg_recv(int fd, const struct vt_msg_rule *rules, int64_t timeout_ms,
    uint16_t *ret_type, struct vt_buf *b, struct vt_why *why);

#endif
