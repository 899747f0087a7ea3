/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One relocation under way, at the site that hands over. Private to src/vault/move*.c.
 */
#ifndef VT_VAULT_MOVE_SEND_H
#define VT_VAULT_MOVE_SEND_H

#include "http/client.h"
#include "vault/move_parts.h"

#define VT_MOVE_SEALED_MAX (512U * 1024U * 1024U) /* sealed keys of a region */

struct vt_sending {
    const struct vt_move_send *m;
    struct vt_move move;
    struct vt_move_terms terms;
    struct vt_move_sent sent;
    struct vt_http *http;
    int64_t until_ms;
    /* What the other site answered last: its line, taken apart by its first word. */
    struct vt_buf answer;
    char state[16];
    uint64_t number;
    struct vt_digest receipt;
    struct vt_buf sealed; /* keys, as the keeper sealed them */
};

/* POSTs one step; the answer is in s->answer. VT_E_STATE: out of step. VT_E_DIGEST: what
 * arrived was not what it should be. VT_E_REFUSED, VT_E_NET, with the answer in the message. */
VT_MUST enum vt_err vt_sending_post(
    struct vt_sending *s, const char *step, const void *body, size_t len, struct vt_why *why);

/* move_data.c: what the other site asks for in that state; s->answer then says what is next,
 * except after segments. */
VT_MUST enum vt_err vt_sending_rows(struct vt_sending *s, struct vt_why *why);
VT_MUST enum vt_err vt_sending_retired(struct vt_sending *s, struct vt_why *why);
VT_MUST enum vt_err vt_sending_segments(struct vt_sending *s, struct vt_why *why);
VT_MUST enum vt_err vt_sending_keys(struct vt_sending *s, struct vt_why *why);

/* move_data.c: the keys as the keeper seals them, into s->sealed and the file `sealed`; the
 * same bytes until that file is gone. */
VT_MUST enum vt_err vt_sending_seal(struct vt_sending *s, struct vt_why *why);

/* move_shred.c: after s->sent.receipt is known: checks that receipt, destroys keys and
 * segments, and says so. */
VT_MUST enum vt_err vt_sending_shred(struct vt_sending *s, struct vt_why *why);

#endif
