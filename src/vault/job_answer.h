/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole answer to a request: grant, environment, session, run, what the ledger is told, and
 * the sealed result. docs/formats/job.md.
 *
 * The order is what makes it safe to be killed anywhere: the session is noted before it is
 * opened; the sealed result, the customers' tree and the signed `run` document are durable
 * before the document is said, and it is said (and cosigned) before the result is handed out.
 * Given again, it goes on from there; a session that was opened and came to nothing is said as
 * a run that failed, and counts as one.
 */
#ifndef VT_VAULT_JOB_ANSWER_H
#define VT_VAULT_JOB_ANSWER_H

#include "ledger/record.h"
#include "vault/desk.h"
#include "vault/job.h"

struct vt_answer {
    const struct vt_home *home;
    const struct vt_policy *trust;
    struct vt_keeper *keeper;
    struct vt_desk *desk; /* with the vault's signer; refreshed */
    struct vt_signer *signer;
    const struct vt_digest *request; /* the signed document */
    const char *artifact;            /* files */
    const char *passport;
    const char *query;        /* or NULL */
    const char *const *share; /* files brought along, beside those that were sent */
    size_t share_count;
    const char *cache_dir;
    const char *out; /* where the sealed result goes */
    struct vt_job_limits limits;
    struct vt_progress *progress; /* or NULL */
};

struct vt_answered {
    struct vt_run said;
    uint64_t index; /* of its entry */
    bool again;     /* a former run's result, handed out now */
    bool swap;      /* as in struct vt_job_result; meaningless when `again` */
};

/* VT_E_QUORUM, VT_E_REFUSED: approvals are missing, or the keeper says no (which is then said
 * in the ledger, too). VT_E_DIGEST: artifact or query are not the request's, or a segment is
 * damaged. Errors of vt_passport_check, vt_environment_root and vt_job_run; a failed run is
 * said in the ledger as such. VT_E_BUSY: another answer is being made. */
VT_MUST enum vt_err vt_answer_run(
    const struct vt_answer *a, struct vt_answered *ret, struct vt_why *why);

#endif
