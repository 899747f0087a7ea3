/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit: walks the whole ledger and checks everything again that its documents claim, by
 * nothing but the log and the trust policy. docs/guides/vault.md tells people what it means.
 *
 *   vault-policy  the chain: who may say one, serial and previous; one in force at a time
 *   vault-key     by the keeper of its region; shares as the policy asks for
 *   request       by its requester, who may ask for that
 *   approval      by an approver of that mode, not the requester
 *   grant         by the policy in force at its place: request, each approval, every group
 *   run           a grant before it, not more of them than was asked for, not begun after the
 *                 request expired, the job, query and noise that was asked; noise budgets
 *   erasure       a grant of that mode before it
 *   retention     only days that are over
 *   inventory     segments do not become fewer
 *   relocation, receipt, shred    from the site that keeps a region to the one that the policy
 *                 names; the same root, segments, records and bytes at each step
 *
 * What is said by somebody who may not say it has no effect on anybody; it is told apart (void)
 * from what a site or a person who may has done wrong (a violation).
 */
#ifndef VT_VAULT_AUDIT_H
#define VT_VAULT_AUDIT_H

#include "vault/desk.h"

enum vt_audit_verdict { VT_AUDIT_OK = 1, VT_AUDIT_VOID, VT_AUDIT_VIOLATION };

struct vt_audit_line {
    uint64_t index;
    enum vt_entry_kind kind;
    const char *signer; /* the name of the key that signed the entry */
    enum vt_audit_verdict verdict;
    struct vt_why text; /* what it says, or what is wrong with it */
};

struct vt_audit_sum {
    uint64_t log_size;
    uint64_t cosigned_time; /* what witnesses vouch for of the newest checkpoint; 0: nothing */
    uint64_t lines;
    uint64_t violations;
    uint64_t void_lines;
    uint64_t count[VT_ENTRY_KIND_COUNT]; /* of lines that are OK, by kind */
    uint64_t open_relocations;           /* begun and not shredded */
};

/* Calls fn for each entry of the ledger in order. The desk was refreshed. Violations are told,
 * not returned. Errors: the log cannot be read or no memory; those of fn (VT_E_EXIST too). */
VT_MUST enum vt_err vt_audit_run(struct vt_desk *d,
    enum vt_err (*fn)(void *ctx, const struct vt_audit_line *l, struct vt_why *why), void *ctx,
    struct vt_audit_sum *ret, struct vt_why *why);

#endif
