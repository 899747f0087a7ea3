/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a message: u32 length of what follows, u16 type. Private to src/base.
 */
#ifndef VT_BASE_MSG_HEAD_H
#define VT_BASE_MSG_HEAD_H

#include "base/msg.h"

#define VT_MSG_HEAD_SIZE 6U

/* The type, and the length of the body, of a header that the rules permit. VT_E_SYNTAX. */
VT_MUST enum vt_err vt_msg_head_read(const uint8_t head[VT_MSG_HEAD_SIZE],
    const struct vt_msg_rule *rules, uint16_t *ret_type, uint32_t *ret_len, struct vt_why *why);

#endif
