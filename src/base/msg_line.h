/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a channel (base/msg.h) that is never waited for: messages to send queue up to a
 * maximum, and those that come are taken as far as they are there. For processes with a loop,
 * which must serve others while the process at the other end is slow.
 */
#ifndef VT_BASE_MSG_LINE_H
#define VT_BASE_MSG_LINE_H

#include "base/msg.h"

struct vt_msg_line;

/* fd is a stream socket that the caller keeps, and closes after the line is freed. rules: the
 * types that may come, kept by pointer. queue_max: bytes that may wait to be sent. VT_E_NOMEM.
 */
VT_MUST enum vt_err vt_msg_line_new(int fd, const struct vt_msg_rule *rules, size_t queue_max,
    struct vt_msg_line **ret, struct vt_why *why);
void vt_msg_line_free(struct vt_msg_line *l);
/* From now on as much is received at once as is there, for channels of many small messages.
 * Then the descriptor can be silent while messages wait in the line: take until there is none.
 */
void vt_msg_line_read_ahead(struct vt_msg_line *l);

/* Queues a message in pieces, and sends what can be sent now. VT_E_BUSY: it does not fit the
 * queue; VT_E_IO: the other side is gone. Nothing of it is queued then. */
VT_MUST enum vt_err vt_msg_line_put(struct vt_msg_line *l, uint16_t type,
    const struct vt_msg_piece *v, size_t n, struct vt_why *why);
/* The same without sending: flush when there are no more to add. VT_E_BUSY. */
VT_MUST enum vt_err vt_msg_line_add(struct vt_msg_line *l, uint16_t type,
    const struct vt_msg_piece *v, size_t n, struct vt_why *why);
/* Sends what can be sent now. VT_E_IO: the other side is gone. */
VT_MUST enum vt_err vt_msg_line_flush(struct vt_msg_line *l, struct vt_why *why);
/* Whether something waits to be sent: flush when the descriptor takes bytes. */
bool vt_msg_line_waits(const struct vt_msg_line *l);

/* Waits until something can be received, or sent when something waits to be. */
VT_MUST enum vt_err vt_msg_line_wait(const struct vt_msg_line *l, struct vt_why *why);

/* Takes the next message, whose body replaces what is in b (of at least the largest maximum of
 * the rules). *ret_got is false when it is not there yet, or not all of it. VT_E_NOENT at a
 * clean end, VT_E_SYNTAX for what the rules do not permit; then the line is of no more use. */
VT_MUST enum vt_err vt_msg_line_take(struct vt_msg_line *l, bool *ret_got, uint16_t *ret_type,
    struct vt_buf *b, struct vt_why *why);

#endif
