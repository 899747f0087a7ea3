/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault policy: a ledger document (kind policy) that names regions and
 * where each is kept, classes of data with their retention and threshold, who
 * may ask, who must approve, and who supervises. docs/formats/vault-policy.md.
 *
 * It is in force when an entry `vault-policy` names its digest and was signed by
 * whom the trust policy demands (`require vault-policy`). Each names the one
 * before it and has the next serial. Compiled once; no I/O.
 *
 *     vitrine/vault/policy/v1
 *     serial 1
 *     previous sha256:...                          (left out in the first)
 *     supervisor supervisor.example                a witness, by its key's name
 *     keeper zurich.example VKEY AGE1              a site's vault: signing key, box key
 *     region EU zurich.example CH                  region, site that keeps it, its jurisdiction
 *     class detection retention-days 365 threshold 5
 *     party carol.example VKEY AGE1                requesters and approvers
 *     ask carol.example incident-response          who may ask, for which purpose
 *     group legal 1 dora.example erin.example      M, then the members (parties)
 *     approve access legal security                all groups of a mode must approve
 *     approve break-glass board
 *     approve erasure dpo
 *     limit access 604800                          longest life of a request in seconds
 *     noise EU 10000 30                            budget in thousandths of epsilon, per days
 */
#ifndef VT_LEDGER_POLICY_H
#define VT_LEDGER_POLICY_H

#include "crypto/box.h"
#include "ledger/doc.h"

#define VT_REGION_MAX 16 /* bytes, NUL not counted */
#define VT_WORD_MAX 64   /* class, purpose, group, code */
#define VT_RULES_MAX 64U /* regions, classes, parties, groups: each */
#define VT_MEMBERS_MAX 32U

/* What approvals are asked for. Access and break-glass need shares of the
 * region's key, export too; the others do not decrypt anything. */
enum vt_mode {
    VT_MODE_ACCESS = 1,
    VT_MODE_BREAK_GLASS,
    VT_MODE_EXPORT,  /* of one subject's data, to that subject */
    VT_MODE_ERASURE, /* of one subject */
    VT_MODE_COUNT
};
const char *vt_mode_name(enum vt_mode m); /* "access", "break-glass", "export", "erasure" */
VT_MUST bool vt_mode_parse(const char *s, enum vt_mode *ret);

struct vt_rule_region {
    char name[VT_REGION_MAX + 1];
    char site[VT_KEY_NAME_MAX + 1];
    char jurisdiction[3];
    uint64_t noise_budget; /* thousandths of epsilon; 0: no line */
    uint32_t noise_days;
};
struct vt_rule_class {
    char name[VT_WORD_MAX + 1];
    uint32_t retention_days; /* 1 to 36,500 */
    uint32_t threshold;      /* 1 to 10,000: distinct subjects a row of output needs */
};
struct vt_rule_party {
    char name[VT_KEY_NAME_MAX + 1];
    struct vt_vkey key;
    struct vt_box_public box;
};
struct vt_rule_group {
    char name[VT_WORD_MAX + 1];
    unsigned need;
    size_t member_count;
    uint16_t member[VT_MEMBERS_MAX]; /* index into parties */
};

struct vt_vault_policy;

/* VT_E_CONFIG with the field and what is wrong: a name not defined before, a
 * group that cannot be met, a party or key twice, a mode without groups (each
 * of the four must have a line; `approve MODE none` is for erasure and export alone
 * refused too). VT_E_SYNTAX, VT_E_LIMIT: no ledger document of that kind. VT_E_NOMEM.
 * Signatures are the caller's matter. */
VT_MUST enum vt_err vt_vault_policy_parse(
    const void *data, size_t len, struct vt_vault_policy **ret, struct vt_why *why);
void vt_vault_policy_free(struct vt_vault_policy *p);

const struct vt_doc *vt_vault_policy_doc(const struct vt_vault_policy *p);
const struct vt_digest *vt_vault_policy_digest(const struct vt_vault_policy *p);
uint64_t vt_vault_policy_serial(const struct vt_vault_policy *p);
/* false: it is the first. */
bool vt_vault_policy_previous(const struct vt_vault_policy *p, struct vt_digest *ret);
const char *vt_vault_policy_supervisor(const struct vt_vault_policy *p);

size_t vt_vault_policy_regions(
    const struct vt_vault_policy *p, const struct vt_rule_region **ret);
size_t vt_vault_policy_classes(
    const struct vt_vault_policy *p, const struct vt_rule_class **ret);
size_t vt_vault_policy_parties(
    const struct vt_vault_policy *p, const struct vt_rule_party **ret);
const struct vt_rule_region *vt_vault_policy_region(
    const struct vt_vault_policy *p, const char *name);
const struct vt_rule_class *vt_vault_policy_class(
    const struct vt_vault_policy *p, const char *name);
/* By name; a site's keeper too (its name is the site's). NULL: none. */
const struct vt_rule_party *vt_vault_policy_party(
    const struct vt_vault_policy *p, const char *name);
const struct vt_rule_party *vt_vault_policy_keeper(
    const struct vt_vault_policy *p, const char *site);
bool vt_vault_policy_may_ask(
    const struct vt_vault_policy *p, const char *party, const char *purpose);
/* The groups that must approve in that mode, in the policy's order: ret_max of them at the most
 * (VT_RULES_MAX holds all). Returns how many were written. */
size_t vt_vault_policy_approvers(const struct vt_vault_policy *p, enum vt_mode mode,
    const struct vt_rule_group **ret, size_t ret_max);
/* Seconds; defaults 604,800 for access, export and erasure, 3,600 for break-glass. */
uint64_t vt_vault_policy_limit(const struct vt_vault_policy *p, enum vt_mode mode);

#endif
