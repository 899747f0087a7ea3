/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of a grant as it goes on. For grant_check.c, which leads, and check.c,
 * which counts approvals. No I/O.
 */
#ifndef VT_LEDGER_CHECK_H
#define VT_LEDGER_CHECK_H

#include "ledger/grant.h"

struct vt_check {
    const struct vt_policy *trust;
    const struct vt_vault_policy *policy;
    const struct vt_evidence_file *file;
    int64_t now;
    enum vt_refusal refusal;
    size_t fact_count; /* proven so far; in the end one for each item of the file */
    struct vt_fact fact[VT_EVIDENCE_COUNT_MAX];
    bool has[VT_RULES_MAX]; /* who approved, by number in the policy's parties */
    struct vt_granted granted;
};

/* `return vt_check_no(c, VT_REFUSAL_X, vt_fail(...));` notes the code, returns the error. */
enum vt_err vt_check_no(struct vt_check *c, enum vt_refusal refusal, enum vt_err err);

/* Whether the fact's entry and document are signed with the party's own key. */
bool vt_check_signed_by(const struct vt_fact *f, const struct vt_rule_party *party);

/* Takes the answers between the request, which was read, and the grant, and counts
 * approvals by the groups of the request's mode. */
VT_MUST enum vt_err vt_check_approvals(struct vt_check *c, struct vt_why *why);

#endif
