/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a keeper knows while it serves, and its answers. For the files keeper_*.c of the
 * process; keeper_serve.c has the channels, these have the meaning. One thread.
 */
#ifndef VT_VAULT_KEEPER_STATE_H
#define VT_VAULT_KEEPER_STATE_H

#include "vault/keeper_msg.h"
#include "vault/ring.h"

#include <time.h>

#define VT_KEEPER_SESSIONS_MAX 16U
#define VT_KEEPER_CHANNELS_MAX 16U /* besides the one it was started with */

/* A session: under one grant, for one channel. */
struct vt_keeper_held {
    uint64_t id; /* 0: free */
    int channel;
    int64_t expires;
    struct vt_scope scope;
    uint8_t tag[VT_SUBJECT_SIZE]; /* of the one subject */
    struct vt_joined joined;      /* the region's keys, in locked memory */
};

/* Keys on their way to or from another site, for one channel. */
struct vt_keeper_move {
    bool giving;
    bool taking;
    char region[VT_REGION_MAX + 1];
    struct vt_digest relocation;
    uint64_t at;
    uint64_t changes;
    uint64_t seq;
    struct vt_hpke_secret *secret; /* locked */
};

struct vt_keeper_state {
    struct vt_home home;
    struct vt_ring *ring;
    struct vt_vault_policy *policy; /* in force; NULL: none yet */
    struct vt_policy *trust;
    struct timespec trust_time;
    int64_t trust_size;
    bool locked;
    struct vt_keeper_held session[VT_KEEPER_SESSIONS_MAX];
    struct vt_keeper_move move[VT_KEEPER_CHANNELS_MAX + 1]; /* by channel */
    bool root_known;
    uint64_t root_changes;
    struct vt_digest root;
};

/* Opens the ring of the home's vault. What is made is freed by vt_keeper_state_release, also
 * when this fails. */
VT_MUST enum vt_err vt_keeper_state_init(
    struct vt_keeper_state *s, const struct vt_home *h, struct vt_why *why);
void vt_keeper_state_release(struct vt_keeper_state *s);

/* Answers one request of a channel: appends the OK answer's body to b (secret). On failure b is
 * disregarded; *ret_refusal is the code. */
VT_MUST enum vt_err vt_keeper_answer(struct vt_keeper_state *s, int channel, uint16_t type,
    const struct vt_buf *body, struct vt_buf *b, enum vt_refusal *ret_refusal,
    struct vt_why *why);
/* Forgets all that a channel had. */
void vt_keeper_forget(struct vt_keeper_state *s, int channel);
/* Ends sessions whose grants have expired. */
void vt_keeper_expire(struct vt_keeper_state *s);

/* --- For the answers' files alone. --- */

/* The trust policy, read again when its file has changed. */
VT_MUST enum vt_err vt_keeper_trust(struct vt_keeper_state *s, struct vt_why *why);
/* VT_E_STATE when no vault policy is in force. */
VT_MUST enum vt_err vt_keeper_need_policy(const struct vt_keeper_state *s, struct vt_why *why);
/* The ring's root, computed when the ring has changed. */
VT_MUST enum vt_err vt_keeper_root(
    struct vt_keeper_state *s, struct vt_digest *ret, struct vt_why *why);
/* Whether this site keeps the region by the policy in force. */
bool vt_keeper_keeps(const struct vt_keeper_state *s, const char *region);
uint32_t vt_keeper_today(void);

/* Evidence of one entry: checked, and the view extended in *view. Release the fact. */
VT_MUST enum vt_err vt_keeper_fact(struct vt_keeper_state *s, const void *evidence, size_t len,
    enum vt_entry_kind kind, struct vt_fact *ret, struct vt_ledger_view *view,
    struct vt_why *why);
/* Whether the fact's signer is the vault key of that site by the policy in force. */
VT_MUST enum vt_err vt_keeper_said_by(const struct vt_keeper_state *s, const struct vt_fact *f,
    const char *site, struct vt_why *why);

/* A grant that holds, of this site. *ret_view: to be kept with whatever is kept of it. */
VT_MUST enum vt_err vt_keeper_granted(struct vt_keeper_state *s, const struct vt_keeper_open *o,
    struct vt_granted *ret, struct vt_ledger_view *ret_view, enum vt_refusal *ret_refusal,
    struct vt_why *why);
/* Whether salt ‖ tag is the subject that the request names. */
VT_MUST enum vt_err vt_keeper_subject(const struct vt_keeper_open *o,
    const struct vt_request *q, enum vt_refusal *ret_refusal, struct vt_why *why);

typedef enum vt_err vt_keeper_answer_fn(struct vt_keeper_state *s, int channel,
    const struct vt_buf *body, struct vt_buf *b, enum vt_refusal *ret_refusal,
    struct vt_why *why);
vt_keeper_answer_fn vt_keeper_do_status;
vt_keeper_answer_fn vt_keeper_do_set_policy;
vt_keeper_answer_fn vt_keeper_do_region_new;
vt_keeper_answer_fn vt_keeper_do_seal_keys;
vt_keeper_answer_fn vt_keeper_do_session;
vt_keeper_answer_fn vt_keeper_do_open_keys;
vt_keeper_answer_fn vt_keeper_do_end;
vt_keeper_answer_fn vt_keeper_do_erase;
vt_keeper_answer_fn vt_keeper_do_retire;
vt_keeper_answer_fn vt_keeper_do_retired;
vt_keeper_answer_fn vt_keeper_do_give;
vt_keeper_answer_fn vt_keeper_do_give_more;
vt_keeper_answer_fn vt_keeper_do_take;
vt_keeper_answer_fn vt_keeper_do_take_more;
vt_keeper_answer_fn vt_keeper_do_shred;
vt_keeper_answer_fn vt_keeper_do_copy;

void vt_keeper_session_end(struct vt_keeper_held *h);
void vt_keeper_move_end(struct vt_keeper_move *m);

#endif
