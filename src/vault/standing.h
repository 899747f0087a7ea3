/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a request stands in the ledger: who has approved or refused it, what each group still
 * lacks, and what came of it. What people are shown, and what a grant is made of; whether a key
 * is released the keeper decides by ledger/grant.h.
 */
#ifndef VT_VAULT_STANDING_H
#define VT_VAULT_STANDING_H

#include "vault/desk.h"

struct vt_standing_approval {
    uint64_t index;       /* its entry */
    struct vt_digest doc; /* the approval */
    const struct vt_rule_party *party;
    bool has_share;
};

struct vt_standing {
    /* The groups that must approve, with how many of each have. */
    size_t group_count;
    const struct vt_rule_group *group[VT_RULES_MAX];
    unsigned have[VT_RULES_MAX];
    bool met; /* all groups have what they need */
    /* Those that count: of parties of a group, once each (the newest), not the requester's. */
    size_t approval_count;
    struct vt_standing_approval approval[VT_APPROVALS_MAX];
    /* An approver of a group said no: that is for good. */
    const struct vt_rule_party *veto;
};

/* Gathers it by the vault policy, which must outlive *ret and be the one that the request was
 * made under. `request`: the signed document's digest. The desk was refreshed.
 * Approvals that do not hold together count as not there. */
VT_MUST enum vt_err vt_desk_standing(struct vt_desk *d, const struct vt_vault_policy *policy,
    const struct vt_digest *request, const struct vt_request *r, struct vt_standing *ret,
    struct vt_why *why);

/* What is missing, for a person: "legal: 1 of 2, may be given by dora.example, ...". Appends;
 * nothing when all is there. */
void vt_standing_put_missing(const struct vt_standing *s, const struct vt_vault_policy *policy,
    const char *requester, struct vt_buf *b);

/* The party of the vault policy whose signing key it is, or NULL. */
const struct vt_rule_party *vt_vault_party_of_key(
    const struct vt_vault_policy *p, const char *name, const struct vt_pubkey *pub);
/* The keeper of the region's site, if its signing key is that; NULL. */
const struct vt_rule_party *vt_vault_keeper_of_key(const struct vt_vault_policy *p,
    const char *region, const char *name, const struct vt_pubkey *pub);

#endif
