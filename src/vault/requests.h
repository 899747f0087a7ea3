/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All requests of a ledger, each with what has come of it.
 */
#ifndef VT_VAULT_REQUESTS_H
#define VT_VAULT_REQUESTS_H

#include "vault/standing.h"

enum vt_request_state {
    VT_REQUEST_OPEN = 1, /* waits for approvals */
    VT_REQUEST_APPROVED, /* has all approvals, and no grant yet */
    VT_REQUEST_GRANTED,  /* and has not been run */
    VT_REQUEST_RUN,      /* at least once; an erasure: done */
    VT_REQUEST_REFUSED,  /* by an approver, or by the keeper and never run */
    VT_REQUEST_EXPIRED,  /* before it was granted */
    VT_REQUEST_STALE,    /* made under a policy that is not in force any more; not granted */
    VT_REQUEST_STATE_COUNT
};
/* "open", ... */
const char *vt_request_state_name(enum vt_request_state s);

struct vt_request_info {
    uint64_t index;                       /* its entry */
    struct vt_digest doc;                 /* the signed request */
    struct vt_request request;            /* what it asks */
    const struct vt_vault_policy *policy; /* that it was made under */
    struct vt_standing standing;
    enum vt_request_state state;
    uint64_t runs;                        /* entries of runs and erasures by the keeper */
    char refused_by[VT_KEY_NAME_MAX + 1]; /* state REFUSED: approver or site */
    char refused_for[VT_WORD_MAX + 1];    /* a code; "veto" for an approver's */
};

/* What the request of that signed document asks. The desk was refreshed. Errors of
 * vt_desk_find, vt_desk_doc and vt_request_read. */
VT_MUST enum vt_err vt_desk_request(
    struct vt_desk *d, const struct vt_digest *doc, struct vt_request *ret, struct vt_why *why);

/* Calls fn for each request that its requester signed, in the log's order; what it is
 * given is good until it returns. `now`: seconds since 1970. fn may return VT_E_EXIST to end
 * the walk as success. The desk was refreshed. Cost: the rows of the ledger for each request.
 */
VT_MUST enum vt_err vt_desk_requests(struct vt_desk *d, int64_t now,
    enum vt_err (*fn)(void *ctx, const struct vt_request_info *i, struct vt_why *why),
    void *ctx, struct vt_why *why);

#endif
