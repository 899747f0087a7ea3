/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of a keeper's channel: for the files keeper_client*.c.
 */
#ifndef VT_VAULT_KEEPER_ASK_H
#define VT_VAULT_KEEPER_ASK_H

#include "vault/keeper_msg.h"

/* Sends a request and waits for its answer, whose body replaces what is in *ret (marked secret;
 * the caller releases it). On failure the keeper's reason; *ret_refusal (may be NULL) its code.
 */
VT_MUST enum vt_err vt_keeper_ask(struct vt_keeper *k, enum vt_keeper_type type,
    const void *body, size_t len, struct vt_buf *ret, enum vt_refusal *ret_refusal,
    struct vt_why *why);
/* "the keeper's answer is malformed" */
enum vt_err vt_keeper_bad_answer(struct vt_why *why);

#endif
