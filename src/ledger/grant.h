/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests, approvals and grants: what they mean, and the one check that decides
 * whether a key may be released. Pure: the keeper runs it offline, an auditor
 * or a customer runs the same. docs/formats/grant.md.
 */
#ifndef VT_LEDGER_GRANT_H
#define VT_LEDGER_GRANT_H

#include "ledger/evidence.h"
#include "ledger/policy.h"

#define VT_SUBJECT_SIZE 16 /* a data subject's or customer's tag */
#define VT_SCOPE_CLASSES_MAX 16U
#define VT_APPROVALS_MAX 32U

/* What a request asks to be opened. */
struct vt_scope {
    char region[VT_REGION_MAX + 1];
    size_t class_count; /* at least 1 */
    char class_name[VT_SCOPE_CLASSES_MAX][VT_WORD_MAX + 1];
    uint32_t day_from; /* days since 1970, both included */
    uint32_t day_to;
    /* Of one data subject only: the request holds SHA-256("vitrine/subject/v1" ||
     * 0 || salt || tag), the tag itself and the salt (16 bytes each) are given with the
     * grant and are in no entry. */
    bool one_subject;
    struct vt_digest subject_commitment;
};
void vt_subject_commit(
    const uint8_t salt[16], const uint8_t tag[VT_SUBJECT_SIZE], struct vt_digest *ret);

struct vt_request {
    uint8_t id[16];
    enum vt_mode mode;
    char purpose[VT_WORD_MAX + 1];
    char requester[VT_KEY_NAME_MAX + 1];
    struct vt_digest policy; /* vault policy that it was asked under */
    struct vt_scope scope;
    struct vt_digest job; /* artifact that may run; zero for export and erasure */
    bool has_job;
    struct vt_digest query;         /* SHA-256 of the job's input file (a SQL query); or zero */
    uint64_t epsilon;               /* thousandths; 0: no noise */
    uint64_t runs;                  /* how often it may run: 1 to 1,000 */
    int64_t expires;                /* seconds since 1970 */
    struct vt_box_public result_to; /* who can read the result; erasure: none, all zeros */
    int64_t made; /* when it was asked, by the requester's clock; before expires */
};
/* A request's document for signing (VT_E_USAGE), and a signed one's meaning (VT_E_SYNTAX).
 * Access and break-glass name a job; export and erasure one subject, and neither job,
 * query nor noise. */
VT_MUST enum vt_err vt_request_doc(
    const struct vt_request *r, struct vt_doc **ret, struct vt_why *why);
VT_MUST enum vt_err vt_request_read(
    const struct vt_doc *d, struct vt_request *ret, struct vt_why *why);

struct vt_approval {
    struct vt_digest request; /* the signed request document */
    char approver[VT_KEY_NAME_MAX + 1];
    bool approve;           /* or refuse */
    struct vt_digest share; /* of the sealed share file (vault/shares.h); zero: none */
    bool has_share;
    int64_t made; /* seconds since 1970, by the approver's clock */
};
VT_MUST enum vt_err vt_approval_doc(
    const struct vt_approval *a, struct vt_doc **ret, struct vt_why *why);
VT_MUST enum vt_err vt_approval_read(
    const struct vt_doc *d, struct vt_approval *ret, struct vt_why *why);

/* Why a grant does not count; the words are the codes of a refusal document. */
enum vt_refusal {
    VT_REFUSAL_NONE = 0,
    VT_REFUSAL_POLICY,     /* "policy": asked under another policy than the one in force */
    VT_REFUSAL_REQUESTER,  /* "requester": may not ask, or not for that purpose */
    VT_REFUSAL_SCOPE,      /* "scope": a region or class that this site does not keep */
    VT_REFUSAL_EXPIRED,    /* "expired" */
    VT_REFUSAL_LIFE,       /* "life": asks for longer than the policy permits */
    VT_REFUSAL_APPROVALS,  /* "approvals": too few, counted once each */
    VT_REFUSAL_OWN,        /* "own-approval": the requester's own was among them */
    VT_REFUSAL_ALTERED,    /* "altered": an approval of another request, or a bad signature */
    VT_REFUSAL_VETO,       /* "veto": an approver refused */
    VT_REFUSAL_LEDGER,     /* "ledger": entry missing, not proven, or forked */
    VT_REFUSAL_SUPERVISOR, /* "supervisor": its cosignature is missing */
    VT_REFUSAL_JOB,        /* "job": no valid passport, or another artifact */
    VT_REFUSAL_SHARES,     /* "shares": they do not give the region's key */
    VT_REFUSAL_SPENT,      /* "spent": run as often as it may */
    VT_REFUSAL_BUDGET,     /* "budget": the noise budget of the region is used up */
    VT_REFUSAL_ERASED,     /* "erased": there is nothing left to open */
    VT_REFUSAL_COUNT
};
const char *vt_refusal_name(enum vt_refusal r);
VT_MUST bool vt_refusal_parse(const char *s, enum vt_refusal *ret);

/* A grant that holds. */
struct vt_granted {
    struct vt_request request;
    struct vt_digest request_doc;
    struct vt_digest grant_doc;
    uint64_t index; /* of the grant's entry */
    uint64_t cosigned_time;
    struct vt_checkpoint checkpoint; /* of the grant's entry: newest of the file */
    size_t approver_count;
    char approver[VT_APPROVALS_MAX][VT_KEY_NAME_MAX + 1];
    struct vt_digest share[VT_APPROVALS_MAX]; /* zero where none */
};

/* The whole check of an evidence file with, in this order: one request, its
 * approvals, one grant. Each item is proven (vt_fact_check), all in one tree and one after the
 * other; the request is signed by its requester, whom the policy lets ask; each approval is
 * over exactly that request, by a party of a group of its mode, none the requester's own, none
 * a refusal, each party counted once; every group of the mode has its M; the
 * grant names the policy, the request and exactly those approvals and is signed
 * by the keeper of the region's site; the supervisor cosigned the grant's checkpoint, which
 * extends `view` (taken over on success); `now`, and what witnesses vouch for, is before the
 * request's expiry; and its life is within the policy's limit, counted from when it was made
 * or from the time that witnesses vouch for of its entry, whichever is earlier. *ret_refusal
 * is always set: VT_REFUSAL_NONE on success and when the trouble is our own (no memory), else
 * why not, for the ledger; VT_E_* and the line say it to people. */
VT_MUST enum vt_err vt_grant_check(const struct vt_policy *trust,
    const struct vt_vault_policy *policy, const struct vt_evidence_file *file, int64_t now,
    struct vt_ledger_view *view, struct vt_granted *ret, enum vt_refusal *ret_refusal,
    struct vt_why *why);

/* The part of it that an auditor can still do when all is long over: the facts of one log
 * (request, its approvals, grant; doc, signer, entry and index of each are looked at, and their
 * checkpoints must be the same) by the policy in force at the grant's place. Not checked:
 * proofs, the supervisor, and whether the request had expired meanwhile. */
VT_MUST enum vt_err vt_grant_judge(const struct vt_vault_policy *policy,
    const struct vt_fact *fact, size_t n, struct vt_granted *ret, enum vt_refusal *ret_refusal,
    struct vt_why *why);

#endif
