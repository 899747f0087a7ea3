/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sender: takes batches from the spool in order and posts them to the vault, one at
 * a time over one connection, until each is acknowledged.
 *
 *     POST URL/vault/v1/batches     the batch; answers:
 *     200                acknowledged: it leaves the spool
 *     421                the region is not kept there: policy and key are fetched again, and
 * when the policy has another site now, the vault is looked for at the address that the
 * answer's first line ends in (`... at URL`) or that was given 400, 413, 422      no vault will
 * ever take it: it is laid aside anything else      later: after a pause that doubles from 0.5
 * s to 60 s, less up to a half by chance, and not before the answer's Retry-After
 *
 * It belongs to one thread, the one that turns it.
 */
#ifndef VT_REPORT_SENDER_H
#define VT_REPORT_SENDER_H

#include "report/known.h"
#include "report/spool.h"

#define VT_SENDER_URLS_MAX 8U
#define VT_SENDER_URL_MAX 1024U
#define VT_SENDER_BATCHES_PATH "vault/v1/batches"

struct vt_sender;

struct vt_sender_opts {
    struct vt_spool *spool; /* these two must outlive it */
    struct vt_known *known;
    const char *const *url; /* of vaults, http:// or https://: at least one */
    size_t url_count;
};
/* VT_E_USAGE: no URL, too many, or one that is none. */
VT_MUST enum vt_err vt_sender_new(
    const struct vt_sender_opts *opts, struct vt_sender **ret, struct vt_why *why);
/* Breaks off what is under way: it will be sent again. Takes NULL. */
void vt_sender_free(struct vt_sender *s);

/* Fetches policy and key from the first of the vaults that gives them. For the start, when
 * nothing is known. The error of the last. */
VT_MUST enum vt_err vt_sender_fetch(struct vt_sender *s, struct vt_why *why);

/* What came of a turn. */
struct vt_sender_news {
    bool known_changed; /* vt_known_get may say something else now */
    bool moved;         /* a batch was acknowledged or laid aside */
};
/* One turn: begins to send when there is something and it is time, waits for at most wait_ms
 * (-1: for ever) until something happens or wake_fd is readable, and deals with an answer.
 * Fetching the policy may take up to 20 s more. Failures are no errors here; they are in the
 * status. */
void vt_sender_turn(
    struct vt_sender *s, int wake_fd, int64_t wait_ms, struct vt_sender_news *ret);

struct vt_sender_status {
    uint64_t batches; /* acknowledged */
    uint64_t bytes;
    uint64_t records;
    uint64_t refused;            /* laid aside */
    unsigned failures;           /* in a row; 0: all is well */
    struct vt_why last;          /* why the last one failed; "" when none has yet */
    char url[VT_SENDER_URL_MAX]; /* of the vault */
};
void vt_sender_status(const struct vt_sender *s, struct vt_sender_status *ret);

#endif
