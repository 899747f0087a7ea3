/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing checkpoints: signs one when there are new entries, asks all
 * witnesses of the policy for cosignatures at once (C2SP tlog-witness, client
 * side), and publishes it when the policy's quorum is reached, never before.
 *
 * A round is one checkpoint with the questions to the witnesses, one for each URL. It is driven
 * by vt_publisher_step, which never waits for a witness longer than it is told
 * to. Cosignatures that
 * arrive after the quorum are added to the published checkpoint; a witness that was late is
 * waited for less and less often, as long as others make the quorum. One that refuses (it knows
 * another tree, or not this log) is asked again after growing pauses (1 s to 64 s), as long as
 * others make the quorum; why it refuses is said once, until that changes. A round that
 * misses the quorum is tried again with growing pauses (0.5 s to 30 s), with all witnesses.
 *
 * Everything here belongs to the tree's side of the writer, and to one thread.
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
 * not what the log holds. Errors of vt_log_writer_check_frozen. opts may be NULL. */
VT_MUST enum vt_err vt_publisher_new(struct vt_log_writer *w, const struct vt_policy *policy,
    struct vt_signer *s, const struct vt_publisher_opts *opts, struct vt_publisher **ret,
    struct vt_why *why);
void vt_publisher_free(struct vt_publisher *p);

/* Does what is due and waits until something happens, fd (or -1) is readable,
 * or timeout_ms have passed. Writes tiles meanwhile when more than VT_PUBLISHER_BEHIND entries
 * have none. Witnesses that fail are no error (they are logged);
 * an error is one of our own disk or signer. */
#define VT_PUBLISHER_BEHIND 65536U
VT_MUST enum vt_err vt_publisher_step(
    struct vt_publisher *p, int fd, int timeout_ms, struct vt_why *why);

/* Whether all durable entries are covered by the published checkpoint, and how
 * many are. */
bool vt_publisher_is_idle(const struct vt_publisher *p);
uint64_t vt_publisher_size(const struct vt_publisher *p);

/* What a witness answered. */
enum vt_witness_answer {
    VT_ANSWER_COSIGNED,
    VT_ANSWER_INVALID, /* 200 without a cosignature of its own that verifies */
    VT_ANSWER_400,
    VT_ANSWER_403,
    VT_ANSWER_404,
    VT_ANSWER_409,
    VT_ANSWER_422,
    VT_ANSWER_OTHER, /* another status */
    VT_ANSWER_NONE,  /* no answer within its time, or no connection */
    VT_ANSWER_COUNT
};
/* Its name in metrics: "cosigned", "409". */
const char *vt_witness_answer_name(enum vt_witness_answer a);

/* What was published, and what came of asking. */
struct vt_publisher_numbers {
    uint64_t size;       /* of the published checkpoint */
    int64_t published_s; /* when it was, or was cosigned anew: seconds since 1970; 0: never */
    uint64_t rounds;
    uint64_t missed; /* rounds without a quorum */
    size_t witness_count;
    struct {
        const char *name; /* in the policy */
        uint64_t answers[VT_ANSWER_COUNT];
        int64_t cosigned_s; /* the time that its last cosignature says; 0: none yet */
    } witness[VT_POLICY_PARTIES_MAX];
};
void vt_publisher_numbers(const struct vt_publisher *p, struct vt_publisher_numbers *ret);

#endif
