/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an audit knows of the entries before the one it looks at. For its own files only.
 *
 * Each check says one line of text and gives a verdict; an error is something that ends the
 * audit (no memory, the network).
 */
#ifndef VT_VAULT_AUDIT_PARTS_H
#define VT_VAULT_AUDIT_PARTS_H

#include "ledger/record.h"
#include "vault/audit.h"
#include "vault/chain.h"
#include "vault/desk_rows.h"

struct vt_audit_request {
    struct vt_digest doc;
    size_t row;
    struct vt_request request;
    uint64_t uses; /* runs and erasures so far */
};

struct vt_audit_grant {
    struct vt_digest doc;
    size_t request;                    /* in the audit's array */
    const struct vt_policy_step *step; /* by which it holds */
    char site[VT_KEY_NAME_MAX + 1];
};

/* Noise that was spent: a run's share of its region's budget. */
struct vt_audit_noise {
    char region[VT_REGION_MAX + 1];
    int64_t at;
    uint64_t epsilon;
};

/* What a site said last that it stores of a region. */
struct vt_audit_stock {
    char site[VT_KEY_NAME_MAX + 1];
    char region[VT_REGION_MAX + 1];
    uint64_t index;
    uint64_t segments;
    struct vt_digest root;
};

struct vt_audit_move {
    struct vt_digest doc;
    struct vt_relocation relocation;
    bool received;
    struct vt_digest receipt;
    bool shredded;
};

/* Keys that were destroyed: which generations of a site's ring an entry speaks of. */
struct vt_audit_change {
    char site[VT_KEY_NAME_MAX + 1];
    uint64_t index;
    uint64_t before;
    uint64_t after;
};

struct vt_audit {
    struct vt_desk *desk;
    struct vt_policy_chain *chain;
    int64_t newest; /* what witnesses vouch for; 0: nothing */
    size_t request_count, grant_count, noise_count, stock_count, move_count, change_count;
    size_t request_cap, grant_cap, noise_cap, stock_cap, move_cap, change_cap;
    struct vt_audit_request *request;
    struct vt_audit_grant *grant;
    struct vt_audit_noise *noise;
    struct vt_audit_stock *stock;
    struct vt_audit_move *move;
    struct vt_audit_change *change;
};

/* One entry under the eye. */
struct vt_audit_item {
    struct vt_audit *audit;
    size_t row_number;
    const struct vt_desk_row *row;
    const struct vt_doc *doc;
    const struct vt_policy_step *step; /* in force at its place; NULL: none */
    struct vt_audit_line *line;
};

/* Says the verdict of a line; always VT_OK, for `return vt_audit_say(...)`. */
enum vt_err vt_audit_say(struct vt_audit_item *i, enum vt_audit_verdict v, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Makes room for one more element; *array and *cap change. */
VT_MUST enum vt_err vt_audit_room(
    void **array, size_t count, size_t *cap, size_t size, struct vt_why *why);
/* The keeper of that site by a policy, when the entry is signed with its key; else NULL. */
const struct vt_rule_party *vt_audit_keeper(
    const struct vt_audit_item *i, const struct vt_policy_step *step, const char *site);
/* By the document's digest; NULL: none before this entry. */
struct vt_audit_request *vt_audit_find_request(
    const struct vt_audit *a, const struct vt_digest *doc);
/* A time in a document that no clock can have shown yet. */
bool vt_audit_is_future(const struct vt_audit *a, int64_t time);
/* Notes the generations of a ring that a destruction says; a violation when another entry has
 * said them already. *ret_ok: none. */
VT_MUST enum vt_err vt_audit_change(struct vt_audit_item *i, const char *site,
    const struct vt_ring_change *ring, bool *ret_ok, struct vt_why *why);

/* One check for each kind. */
typedef enum vt_err (*vt_audit_check)(struct vt_audit_item *i, struct vt_why *why);
VT_MUST enum vt_err vt_audit_policy(struct vt_audit_item *i, struct vt_why *why);
VT_MUST enum vt_err vt_audit_key(struct vt_audit_item *i, struct vt_why *why);
VT_MUST enum vt_err vt_audit_request(struct vt_audit_item *i, struct vt_why *why);
VT_MUST enum vt_err vt_audit_approval(struct vt_audit_item *i, struct vt_why *why);
VT_MUST enum vt_err vt_audit_grant(struct vt_audit_item *i, struct vt_why *why);
VT_MUST enum vt_err vt_audit_refusal(struct vt_audit_item *i, struct vt_why *why);
VT_MUST enum vt_err vt_audit_one_run(struct vt_audit_item *i, struct vt_why *why);
VT_MUST enum vt_err vt_audit_inventory(struct vt_audit_item *i, struct vt_why *why);
VT_MUST enum vt_err vt_audit_erasure(struct vt_audit_item *i, struct vt_why *why);
VT_MUST enum vt_err vt_audit_retention(struct vt_audit_item *i, struct vt_why *why);
VT_MUST enum vt_err vt_audit_relocation(struct vt_audit_item *i, struct vt_why *why);
VT_MUST enum vt_err vt_audit_receipt(struct vt_audit_item *i, struct vt_why *why);
VT_MUST enum vt_err vt_audit_shred(struct vt_audit_item *i, struct vt_why *why);

#endif
