/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One channel of a keeper, without blocking: a message is taken in as it comes, its answer sent
 * as it is taken. For keeper_serve.c.
 *
 * A message or an answer longer than VT_CHANNEL_SMALL needs the turn, which one channel has at
 * a time, so that the memory of all of them together stays bounded.
 */
#ifndef VT_VAULT_KEEPER_CHANNEL_H
#define VT_VAULT_KEEPER_CHANNEL_H

#include "vault/keeper_msg.h"

#define VT_CHANNEL_SMALL (64U * 1024U)
#define VT_CHANNEL_TIMEOUT_MS 30000 /* for a message that has begun, or an answer not taken */

struct vt_channel {
    int fd; /* -1: free */
    int number;
    uint8_t head[6];
    size_t head_len;
    uint16_t type;
    uint32_t body_len;
    bool has_head; /* of a message that is permitted */
    struct vt_buf body;
    struct vt_buf out;
    size_t out_at;
    int64_t since; /* when it last got on, in the middle of something */
};

void vt_channel_init(struct vt_channel *c, int fd, int number);
void vt_channel_release(struct vt_channel *c);
/* Whether it is in the middle of something large. */
bool vt_channel_large(const struct vt_channel *c);
/* What poll should wait for; 0 when it has to wait for its turn. */
short vt_channel_events(const struct vt_channel *c, bool turn_free);
/* When it will have taken too long, in the clock's milliseconds; -1: it rests. */
int64_t vt_channel_deadline(const struct vt_channel *c);
/* Reads what there is. *ret_whole: a message is complete (type and body). VT_E_NOENT: the other
 * side has ended; VT_E_SYNTAX: it says what is not permitted; VT_E_IO. */
VT_MUST enum vt_err vt_channel_read(struct vt_channel *c, bool *ret_whole, struct vt_why *why);
/* Begins to send an answer; copies it. Forgets the message. */
VT_MUST enum vt_err vt_channel_answer(
    struct vt_channel *c, uint16_t type, const struct vt_buf *body, struct vt_why *why);
/* Sends what can be sent. VT_E_IO: the other side is gone. */
VT_MUST enum vt_err vt_channel_write(struct vt_channel *c, struct vt_why *why);

#endif
