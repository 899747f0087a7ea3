/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing checkpoints: signs one when there are new entries, asks all
 * witnesses of the policy for cosignatures at once (C2SP tlog-witness, client
 * side), and publishes it when the policy's quorum is reached, never before.
 *
 * A round is one checkpoint with the questions to the witnesses. It is driven
 * by vt_publisher_step, which never waits for a witness longer than it is told
 * to, so that the same thread can take entries meanwhile. Cosignatures that
 * arrive after the quorum are added to the published checkpoint. A round that
 * misses the quorum is tried again with growing pauses (0.5 s to 30 s).
 */
#ifndef VT_LOG_PUBLISHER_H
#define VT_LOG_PUBLISHER_H

#include "log/writer.h"
#include "note/policy.h"

struct vt_publisher;

struct vt_publisher_opts {
    int64_t interval_ms; /* least time between rounds; 0: 100 */
    int64_t witness_ms;  /* how long a witness may take; 0: 8,000 */
    int64_t refresh_s;   /* ask for fresh cosignatures after that time; 0: 3,600 */
};

/* Writer, policy and signer must outlive it. VT_E_CONFIG: the policy does not
 * name this log with the signer's key, or a witness without a URL leaves the
 * quorum out of reach. VT_E_ROLLBACK, VT_E_DIGEST: what is published already is
 * not what the log holds. opts may be NULL. */
VT_MUST enum vt_err vt_publisher_new(struct vt_log_writer *w, const struct vt_policy *policy,
    struct vt_signer *s, const struct vt_publisher_opts *opts, struct vt_publisher **ret,
    struct vt_why *why);
void vt_publisher_free(struct vt_publisher *p);

/* Does what is due and waits until something happens, fd (or -1) is readable,
 * or timeout_ms have passed. Witnesses that fail are no error (they are logged);
 * an error is one of our own disk or signer. */
VT_MUST enum vt_err vt_publisher_step(
    struct vt_publisher *p, int fd, int timeout_ms, struct vt_why *why);

/* Whether all durable entries are covered by the published checkpoint, and how
 * many are. */
bool vt_publisher_is_idle(const struct vt_publisher *p);
uint64_t vt_publisher_size(const struct vt_publisher *p);

#endif
