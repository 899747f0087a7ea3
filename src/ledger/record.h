/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the other ledger documents mean: a struct for each kind that a site says
 * (requests and approvals are in ledger/grant.h, policies in ledger/policy.h),
 * and for each a pair of functions:
 *
 *     vt_X_doc   makes the document, unsigned. VT_E_USAGE naming the field that
 *                cannot be written so; VT_E_NOMEM. The caller signs and frees it.
 *     vt_X_read  reads a document of that kind. VT_E_SYNTAX: the form is right, but
 *                it cannot mean anything. VT_E_USAGE: another kind.
 *
 * Members stand in the order of the fields. A `has_` member says whether the field
 * before which it stands is there. Times are seconds since 1970. No I/O.
 */
#ifndef VT_LEDGER_RECORD_H
#define VT_LEDGER_RECORD_H

#include "ledger/grant.h"

/* A region's public key (kind key), and how its private half was split:
 * of each mode and group, any `need` of `of` members. */
#define VT_KEY_SHARES_MAX 64U
struct vt_key_share {
    enum vt_mode mode;
    char group[VT_WORD_MAX + 1];
    unsigned need;
    unsigned of;
};
struct vt_region_key {
    char region[VT_REGION_MAX + 1];
    char site[VT_KEY_NAME_MAX + 1]; /* where the ceremony was */
    struct vt_digest policy;
    struct vt_box_public public;
    int64_t created;
    size_t share_count;
    struct vt_key_share share[VT_KEY_SHARES_MAX];
    uint8_t ceremony[16]; /* random: tells two ceremonies apart */
};
VT_MUST enum vt_err vt_region_key_doc(
    const struct vt_region_key *k, struct vt_doc **ret, struct vt_why *why);
VT_MUST enum vt_err vt_region_key_read(
    const struct vt_doc *d, struct vt_region_key *ret, struct vt_why *why);

struct vt_grant {
    struct vt_digest request;
    struct vt_digest policy;
    char site[VT_KEY_NAME_MAX + 1];
    enum vt_mode mode;
    size_t approval_count; /* approvals only, no refusals; none twice */
    struct vt_digest approval[VT_APPROVALS_MAX];
    int64_t made;
};
VT_MUST enum vt_err vt_grant_doc(
    const struct vt_grant *g, struct vt_doc **ret, struct vt_why *why);
VT_MUST enum vt_err vt_grant_read(
    const struct vt_doc *d, struct vt_grant *ret, struct vt_why *why);

/* The keeper released nothing. */
struct vt_refusal_record {
    struct vt_digest request;
    char site[VT_KEY_NAME_MAX + 1];
    enum vt_refusal code;
    bool has_grant;
    struct vt_digest grant;
    int64_t made;
};
VT_MUST enum vt_err vt_refusal_doc(
    const struct vt_refusal_record *r, struct vt_doc **ret, struct vt_why *why);
VT_MUST enum vt_err vt_refusal_read(
    const struct vt_doc *d, struct vt_refusal_record *ret, struct vt_why *why);

enum vt_outcome {
    VT_OUTCOME_DONE = 1, /* "done" */
    VT_OUTCOME_FAILED,   /* "failed": the job did; nothing came out */
    VT_OUTCOME_LIMIT,    /* "limit": stopped at a limit; nothing came out */
    VT_OUTCOME_COUNT
};
const char *vt_outcome_name(enum vt_outcome o);

struct vt_run {
    struct vt_digest request;
    struct vt_digest grant;
    char site[VT_KEY_NAME_MAX + 1];
    struct vt_digest policy;
    bool has_job;
    struct vt_digest job;
    bool has_query;
    struct vt_digest query;
    int64_t started;
    int64_t finished; /* not before started */
    uint64_t segments;
    struct vt_digest segments_digest; /* vault/scan.h */
    uint64_t blocks;
    uint64_t records;
    uint64_t plain_bytes;
    uint64_t subjects; /* distinct */
    uint64_t erased_blocks;
    uint64_t cells;
    uint64_t rows_out;
    uint64_t rows_held_back;
    struct vt_digest result; /* of the sealed result */
    uint64_t result_bytes;
    uint64_t epsilon;   /* thousandths; 0: no noise, no field */
    uint64_t customers; /* distinct: leaves of the tree of ledger/customers.h */
    bool has_customers_root;
    struct vt_digest customers_root;
    enum vt_outcome outcome;
};
VT_MUST enum vt_err vt_run_doc(const struct vt_run *r, struct vt_doc **ret, struct vt_why *why);
VT_MUST enum vt_err vt_run_read(const struct vt_doc *d, struct vt_run *ret, struct vt_why *why);

struct vt_inventory_record {
    char region[VT_REGION_MAX + 1];
    char site[VT_KEY_NAME_MAX + 1];
    struct vt_digest policy;
    uint64_t segments;
    uint64_t records;
    uint64_t bytes;
    struct vt_digest root; /* vault/inventory.h */
    int64_t made;
};
VT_MUST enum vt_err vt_inventory_doc(
    const struct vt_inventory_record *r, struct vt_doc **ret, struct vt_why *why);
VT_MUST enum vt_err vt_inventory_read(
    const struct vt_doc *d, struct vt_inventory_record *ret, struct vt_why *why);

/* What destroying keys did to a site's ring: its generation grew, and its root
 * over the commitments of its keys is another. */
struct vt_ring_change {
    uint64_t generation_before;
    uint64_t generation_after; /* above generation_before, or equal when nothing was there */
    struct vt_digest before;
    struct vt_digest after;
};

#define VT_ERASED_KEYS_MAX 62U /* that an entry has room to name */
struct vt_erasure {
    struct vt_digest request;
    struct vt_digest grant;
    char site[VT_KEY_NAME_MAX + 1];
    char region[VT_REGION_MAX + 1];
    struct vt_ring_change ring;
    size_t key_count; /* commitments of the destroyed keys; none twice */
    struct vt_digest key[VT_ERASED_KEYS_MAX];
    int64_t made;
};
VT_MUST enum vt_err vt_erasure_doc(
    const struct vt_erasure *e, struct vt_doc **ret, struct vt_why *why);
VT_MUST enum vt_err vt_erasure_read(
    const struct vt_doc *d, struct vt_erasure *ret, struct vt_why *why);

/* A destroyed epoch key. */
struct vt_retired {
    char region[VT_REGION_MAX + 1];
    char class_name[VT_WORD_MAX + 1];
    uint32_t day;
    struct vt_digest commitment;
};
#define VT_RETIRED_MAX 1900U /* more of them: several documents */
struct vt_retention {
    char site[VT_KEY_NAME_MAX + 1];
    struct vt_digest policy;
    struct vt_ring_change ring;
    size_t epoch_count;
    struct vt_retired *epoch; /* vt_retention_doc: the caller's; vt_retention_read: made,
                                 vt_retention_release frees it */
    int64_t made;
};
VT_MUST enum vt_err vt_retention_doc(
    const struct vt_retention *r, struct vt_doc **ret, struct vt_why *why);
VT_MUST enum vt_err vt_retention_read(
    const struct vt_doc *d, struct vt_retention *ret, struct vt_why *why);
void vt_retention_release(struct vt_retention *r);

struct vt_relocation {
    char region[VT_REGION_MAX + 1];
    char from[VT_KEY_NAME_MAX + 1]; /* sites, not the same */
    char to[VT_KEY_NAME_MAX + 1];
    struct vt_digest policy; /* which places the region at `to` */
    uint64_t segments;
    uint64_t records;
    uint64_t bytes;
    struct vt_digest root;
    bool has_ring_root;
    struct vt_digest ring_root;
    int64_t made;
};
VT_MUST enum vt_err vt_relocation_doc(
    const struct vt_relocation *r, struct vt_doc **ret, struct vt_why *why);
VT_MUST enum vt_err vt_relocation_read(
    const struct vt_doc *d, struct vt_relocation *ret, struct vt_why *why);

struct vt_receipt {
    struct vt_digest relocation; /* the document */
    char region[VT_REGION_MAX + 1];
    char from[VT_KEY_NAME_MAX + 1];
    char to[VT_KEY_NAME_MAX + 1];
    uint64_t segments;
    uint64_t records;
    uint64_t bytes;
    struct vt_digest root;
    uint64_t keys;
    int64_t made;
};
VT_MUST enum vt_err vt_receipt_doc(
    const struct vt_receipt *r, struct vt_doc **ret, struct vt_why *why);
VT_MUST enum vt_err vt_receipt_read(
    const struct vt_doc *d, struct vt_receipt *ret, struct vt_why *why);

struct vt_shred {
    struct vt_digest receipt; /* the documents */
    struct vt_digest relocation;
    char region[VT_REGION_MAX + 1];
    char site[VT_KEY_NAME_MAX + 1];
    uint64_t segments;
    struct vt_digest root;
    struct vt_ring_change ring;
    uint64_t keys;
    int64_t made;
};
VT_MUST enum vt_err vt_shred_doc(
    const struct vt_shred *s, struct vt_doc **ret, struct vt_why *why);
VT_MUST enum vt_err vt_shred_read(
    const struct vt_doc *d, struct vt_shred *ret, struct vt_why *why);

#endif
