/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said on a keeper's channel: docs/formats/keeper.md. Shared by both sides.
 *
 * A message is base/msg.h's: u32 length, u16 type, body. Each request has one answer: OK with a
 * body, or FAILED (u32 code, 0 less the enum vt_err; u16 refusal; text).
 */
#ifndef VT_VAULT_KEEPER_MSG_H
#define VT_VAULT_KEEPER_MSG_H

#include "base/msg.h"
#include "vault/keeper.h"
#include "vault/shares.h"

#define VT_KEEPER_TEXT_MAX 1024U
#define VT_KEEPER_PASSPORT_MAX (2U * 1024U * 1024U)
#define VT_KEEPER_OPEN_MAX (VT_EVIDENCE_MAX + VT_KEEPER_PASSPORT_MAX + VT_SHARES_JOIN_MAX + 64U)
#define VT_KEEPER_HEAD_MAX (VT_SEGMENT_HEAD_MAX + 8U)
#define VT_KEEPER_ANSWER_MAX (17U * 1024U * 1024U)
#define VT_KEEPER_PIECE_MAX (1024U * 1024U) /* of a copy, or of keys that move */
#define VT_KEEPER_PIECE_SLACK (64U * 1024U) /* what a piece may be longer, and its seal */

enum vt_keeper_type {
    VT_KEEPER_HELLO = 1,
    VT_KEEPER_STATUS,
    VT_KEEPER_SET_POLICY,
    VT_KEEPER_REGION_NEW,
    VT_KEEPER_SEAL_KEYS,
    VT_KEEPER_SESSION,
    VT_KEEPER_OPEN_KEYS,
    VT_KEEPER_END,
    VT_KEEPER_ERASE,
    VT_KEEPER_RETIRE,
    VT_KEEPER_RETIRED,
    VT_KEEPER_GIVE,
    VT_KEEPER_GIVE_MORE,
    VT_KEEPER_TAKE,
    VT_KEEPER_TAKE_MORE,
    VT_KEEPER_SHRED,
    VT_KEEPER_COPY,
    VT_KEEPER_TYPE_COUNT,
    VT_KEEPER_OK = 64,
    VT_KEEPER_FAILED = 65,
};

/* The requests that a keeper takes, with their limits, ended by type 0. */
extern const struct vt_msg_rule vt_keeper_requests[];
/* "status", ... for logs. */
const char *vt_keeper_type_name(uint16_t type);

void vt_keeper_put_failure(
    struct vt_buf *b, enum vt_err err, enum vt_refusal refusal, const char *text);
/* Fills *why and *ret_refusal and returns the error; VT_E_SYNTAX when it is none. */
enum vt_err vt_keeper_take_failure(
    const void *data, size_t len, enum vt_refusal *ret_refusal, struct vt_why *why);

/* u8 n ‖ text. */
void vt_keeper_put_text(struct vt_buf *b, const char *s);
VT_MUST bool vt_keeper_take_text(struct vt_reader *r, char *ret, size_t size);
void vt_keeper_put_digest(struct vt_buf *b, const struct vt_digest *d);
VT_MUST bool vt_keeper_take_digest(struct vt_reader *r, struct vt_digest *ret);

void vt_keeper_put_open(struct vt_buf *b, const struct vt_keeper_open *o);
/* Points into data. VT_E_SYNTAX. */
VT_MUST enum vt_err vt_keeper_take_open(
    const void *data, size_t len, struct vt_keeper_open *ret, struct vt_why *why);

/* All but the request, which stands in the evidence. */
void vt_keeper_put_granted(struct vt_buf *b, const struct vt_granted *g);
VT_MUST bool vt_keeper_take_granted(struct vt_reader *r, struct vt_granted *ret);

/* Without commitments when `listed` is false: they are too many to be of use. */
void vt_keeper_put_destroyed(
    struct vt_buf *b, const struct vt_keeper_destroyed *d, bool listed);
/* Its arrays are the caller's (free). VT_E_SYNTAX, VT_E_NOMEM. */
VT_MUST enum vt_err vt_keeper_take_destroyed(
    struct vt_reader *r, struct vt_keeper_destroyed *ret, struct vt_why *why);
void vt_keeper_destroyed_release(struct vt_keeper_destroyed *d);

#endif
