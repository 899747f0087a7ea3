/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking a tlog-proof offline, and the seal that ours carry. No I/O.
 *
 * A proof's `extra` is the application's. Ours holds the SHA-256 of all that
 * follows its line, so that a damaged file is noticed even where the damage
 * makes no difference to the proof: in the cosignature of a witness that the
 * quorum can do without, say. A proof without `extra` is as good; one with
 * another application's `extra` is not ours to judge and refused.
 */
#ifndef VT_NOTE_PROOF_CHECK_H
#define VT_NOTE_PROOF_CHECK_H

#include "note/policy.h"
#include "note/proof.h"

/* Appends the file with its seal; p->extra is disregarded. VT_E_LIMIT,
 * VT_E_NOMEM. */
VT_MUST enum vt_err vt_tlog_proof_put_sealed(
    struct vt_buf *b, const struct vt_tlog_proof *p, struct vt_why *why);

/* Checks that `entry` is the leaf that the proof file speaks of, in a tree whose
 * checkpoint the policy accepts. *ret_time as vt_policy_check_checkpoint.
 * VT_E_SYNTAX, VT_E_LIMIT, VT_E_DIGEST (the seal), VT_E_UNKNOWN, VT_E_SIG,
 * VT_E_QUORUM, VT_E_PROOF. */
VT_MUST enum vt_err vt_tlog_proof_check(const struct vt_policy *policy, const void *proof,
    size_t proof_len, const void *entry, size_t entry_len, uint64_t *ret_index,
    struct vt_checkpoint *ret, uint64_t *ret_time, struct vt_why *why);

#endif
