/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passports: the offline check.
 *
 * First everything that does not depend on what the entries say: log, quorum,
 * paths, signatures. What is left are entries that known signers really logged.
 * Then each assembly entry that has the artifact is taken as a claim "these
 * inputs give these outputs", and the other entries vote for it or not. The
 * artifact is proven when one claim has every vote that the policy requires.
 *
 * Of reviews and objections of one source a signer's last word counts, by the log's order.
 */
#include "note/passport_held.h"

#include <inttypes.h>
#include <string.h>

struct check {
    const struct vt_passport *p;
    const struct vt_policy *policy;
    size_t chain_len; /* how much of the chain is asked for */
    /* By item: the signer, or NULL for one whom the policy does not know. */
    const struct vt_policy_party *signer[VT_PASSPORT_ENTRIES_MAX];
};

/* The kinds that a chain has, in the order in which they are required. */
static const enum vt_entry_kind chain[] = {VT_ENTRY_ASSEMBLY, VT_ENTRY_SOURCE,
    VT_ENTRY_ENVIRONMENT, VT_ENTRY_REBUILD, VT_ENTRY_REVIEW, VT_ENTRY_RELEASE};
#define CHAIN_LEN (sizeof chain / sizeof chain[0])

static enum vt_err
check_policy_speaks(const struct vt_policy *policy, struct vt_why *why)
{
    const struct vt_signer_set nobody = {{false}};
    for (size_t i = 0; i < CHAIN_LEN; i++) {
        if (chain[i] != VT_ENTRY_REVIEW && /* silent: none is demanded */
            vt_policy_demand_of(policy, chain[i]) == VT_POLICY_SILENT)
            return vt_policy_check_signers(policy, chain[i], &nobody, why);
    }
    return VT_OK;
}

static enum vt_err
check_artifact(
    const struct vt_passport *p, const struct vt_digest *artifact, struct vt_why *why)
{
    char want[VT_DIGEST_HEX_SIZE], got[VT_DIGEST_HEX_SIZE];
    if (vt_digest_eq(&p->artifact, artifact))
        return VT_OK;
    vt_digest_hex(&p->artifact, want);
    vt_digest_hex(artifact, got);
    return vt_fail(why, VT_E_DIGEST,
        "the passport is for the artifact sha256:%s, and this one is sha256:%s", want, got);
}

static enum vt_err
check_paths(const struct vt_passport *p, const struct vt_checkpoint *c, struct vt_why *why)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct vt_passport_item *item = p->item[i];
        struct vt_digest leaf;
        vt_merkle_leaf(item->bytes, item->len, &leaf);
        enum vt_err err =
            vt_merkle_check_inclusion(item->index, c->size, &leaf, &item->path, &c->root, why);
        if (err != VT_OK)
            return err;
    }
    return VT_OK;
}

static enum vt_err
check_signatures(struct check *c, struct vt_why *why)
{
    for (size_t i = 0; i < c->p->count; i++) {
        const struct vt_passport_item *item = c->p->item[i];
        c->signer[i] = vt_policy_signer_of(c->policy, &item->note);
        if (c->signer[i] == NULL)
            continue;
        enum vt_err err = vt_entry_verify(&item->entry, &item->note, &c->signer[i]->key, why);
        if (err != VT_OK)
            return vt_fail_in(why, err, "entry %" PRIu64, item->index);
    }
    return VT_OK;
}

static enum vt_err
check_mismatches(const struct check *c, struct vt_why *why)
{
    for (size_t i = 0; i < c->p->count; i++) {
        const struct vt_passport_item *item = c->p->item[i];
        if (c->signer[i] == NULL || item->entry.kind != VT_ENTRY_MISMATCH ||
            !vt_entry_has(&item->entry, VT_SUBJECT_ARTIFACT, &c->p->artifact))
            continue;
        return vt_fail(why, VT_E_REFUSED,
            "rebuild: `%s` rebuilt this artifact and got other bytes (mismatch at entry "
            "%" PRIu64 "): do not use it",
            c->signer[i]->name, item->index);
    }
    return VT_OK;
}

static bool
same_one(const struct vt_entry *a, const struct vt_entry *b, enum vt_subject_role role)
{
    const struct vt_digest *x = vt_entry_one(a, role), *y = vt_entry_one(b, role);
    return x != NULL && y != NULL && vt_digest_eq(x, y);
}

/* The next subject of that role from *at on; steps over it. */
static const struct vt_digest *
next_subject(const struct vt_entry *e, enum vt_subject_role role, size_t *at)
{
    while (*at < e->subject_count) {
        const struct vt_subject *s = &e->subject[(*at)++];
        if (s->role == role)
            return &s->digest;
    }
    return NULL;
}

/* Subjects are sorted, so equal sets stand in equal order. */
static bool
same_artifacts(const struct vt_entry *a, const struct vt_entry *b)
{
    size_t i = 0, j = 0;
    const struct vt_digest *x, *y;
    do {
        x = next_subject(a, VT_SUBJECT_ARTIFACT, &i);
        y = next_subject(b, VT_SUBJECT_ARTIFACT, &j);
        if ((x == NULL) != (y == NULL) || (x != NULL && !vt_digest_eq(x, y)))
            return false;
    } while (x != NULL);
    return true;
}

/* Whether an entry speaks for the claim that an assembly makes. */
static bool
supports(
    const struct vt_entry *e, const struct vt_entry *claim, const struct vt_digest *artifact)
{
    switch (e->kind) {
    case VT_ENTRY_SOURCE:
    case VT_ENTRY_REVIEW:
    case VT_ENTRY_OBJECTION:
        return same_one(e, claim, VT_SUBJECT_SOURCE);
    case VT_ENTRY_ENVIRONMENT:
        return same_one(e, claim, VT_SUBJECT_ENVIRONMENT);
    case VT_ENTRY_ASSEMBLY:
    case VT_ENTRY_REBUILD:
        return same_one(e, claim, VT_SUBJECT_SOURCE) &&
               same_one(e, claim, VT_SUBJECT_ENVIRONMENT) &&
               same_one(e, claim, VT_SUBJECT_RECIPE) && same_artifacts(e, claim);
    case VT_ENTRY_RELEASE:
        return vt_entry_has(e, VT_SUBJECT_ARTIFACT, artifact);
    case VT_ENTRY_MISMATCH:
    case VT_ENTRY_VAULT_POLICY: /* the ledger's kinds say nothing about an artifact */
    case VT_ENTRY_VAULT_KEY:
    case VT_ENTRY_REQUEST:
    case VT_ENTRY_APPROVAL:
    case VT_ENTRY_GRANT:
    case VT_ENTRY_REFUSAL:
    case VT_ENTRY_RUN:
    case VT_ENTRY_INVENTORY:
    case VT_ENTRY_ERASURE:
    case VT_ENTRY_RETENTION:
    case VT_ENTRY_RELOCATION:
    case VT_ENTRY_RECEIPT:
    case VT_ENTRY_SHRED:
    case VT_ENTRY_READING:
    case VT_ENTRY_VISITS:
    case VT_ENTRY_KIND_COUNT:
        break;
    }
    return false;
}

static bool
is_word(enum vt_entry_kind kind)
{
    return kind == VT_ENTRY_REVIEW || kind == VT_ENTRY_OBJECTION;
}

/* Whether an entry counts for a claim: items stand in the log's order, so a review or an
 * objection counts when no later one of the same source is by the same signer. */
static bool
counts(const struct check *c, size_t i, const struct vt_entry *claim)
{
    const struct vt_entry *e = &c->p->item[i]->entry;

    if (c->signer[i] == NULL || !supports(e, claim, &c->p->artifact))
        return false;
    for (size_t j = i + 1; is_word(e->kind) && j < c->p->count; j++) {
        const struct vt_entry *later = &c->p->item[j]->entry;
        if (c->signer[j] == c->signer[i] && is_word(later->kind) &&
            supports(later, claim, &c->p->artifact))
            return false;
    }
    return true;
}

/* Nobody may object where reviews are demanded. */
static enum vt_err
check_objections(const struct check *c, const struct vt_entry *claim, struct vt_why *why)
{
    if (vt_policy_demand_of(c->policy, VT_ENTRY_REVIEW) != VT_POLICY_QUORUM)
        return VT_OK;
    for (size_t i = 0; i < c->p->count; i++) {
        const struct vt_passport_item *item = c->p->item[i];
        if (item->entry.kind != VT_ENTRY_OBJECTION || !counts(c, i, claim))
            continue;
        return vt_fail(why, VT_E_REFUSED,
            "review: `%s` objects to releases from this source (objection at entry %" PRIu64
            "), and the policy demands reviews: do not use it until `%s` reviews it",
            c->signer[i]->name, item->index, c->signer[i]->name);
    }
    return VT_OK;
}

static void
count_votes(const struct check *c, const struct vt_entry *claim,
    struct vt_signer_set voted[VT_ENTRY_KIND_COUNT], struct vt_passport_report *report)
{
    const struct vt_policy_party *signers;

    (void)vt_policy_signers(c->policy, &signers);
    report->count = 0;
    for (size_t i = 0; i < c->p->count; i++) {
        const struct vt_passport_item *item = c->p->item[i];
        if (!counts(c, i, claim))
            continue;
        voted[item->entry.kind].has[c->signer[i] - signers] = true;
        report->entry[report->count].index = item->index;
        report->entry[report->count].kind = item->entry.kind;
        report->entry[report->count].signer = c->signer[i]->name;
        report->count++;
    }
}

/* Counts the votes for a claim and puts those that count into the report.
 * *ret_stage: how many kinds of the chain were met. */
static enum vt_err
check_claim(const struct check *c, const struct vt_entry *claim, size_t *ret_stage,
    struct vt_passport_report *report, struct vt_why *why)
{
    struct vt_signer_set voted[VT_ENTRY_KIND_COUNT] = {{{false}}};
    enum vt_err err = VT_OK;

    count_votes(c, claim, voted, report);
    for (*ret_stage = 0; *ret_stage < c->chain_len; (*ret_stage)++) {
        enum vt_entry_kind kind = chain[*ret_stage];
        if (kind == VT_ENTRY_REVIEW)
            err = check_objections(c, claim, why);
        if (err == VT_OK && (kind != VT_ENTRY_REVIEW ||
                                vt_policy_demand_of(c->policy, kind) != VT_POLICY_SILENT))
            err = vt_policy_check_signers(c->policy, kind, &voted[kind], why);
        if (err != VT_OK)
            return err;
    }
    return VT_OK;
}

/* Tries the claims, the newest first. When none is met, the failure told is
 * that of the one that came furthest. */
static enum vt_err
check_claims(const struct check *c, struct vt_passport_report *report, struct vt_why *why)
{
    enum vt_err best = VT_OK;
    struct vt_why said = {{0}};
    size_t best_stage = 0, stage;

    for (size_t i = c->p->count; i-- > 0;) {
        const struct vt_entry *e = &c->p->item[i]->entry;
        if (c->signer[i] == NULL || e->kind != VT_ENTRY_ASSEMBLY ||
            !vt_entry_has(e, VT_SUBJECT_ARTIFACT, &c->p->artifact))
            continue;
        enum vt_err err = check_claim(c, e, &stage, report, &said);
        if (err == VT_OK)
            return VT_OK;
        if (best == VT_OK || stage > best_stage) {
            best = err;
            best_stage = stage;
            if (why != NULL)
                *why = said;
        }
    }
    if (best != VT_OK)
        return best;
    return vt_fail(why, VT_E_QUORUM,
        "assembly: no signer of the policy has logged an assembly of this artifact");
}

static enum vt_err
check_all(struct check *c, const struct vt_digest *artifact,
    struct vt_passport_report *ret_report, struct vt_why *why)
{
    struct vt_passport_report report = {0};
    const struct vt_passport *p = c->p;

    if (p->checkpoint == NULL)
        return vt_fail(why, VT_E_STATE, "the passport has no checkpoint yet");
    enum vt_err err = check_policy_speaks(c->policy, why);
    if (err == VT_OK)
        err = check_artifact(p, artifact, why);
    if (err == VT_OK)
        err = vt_policy_check_checkpoint(c->policy, p->checkpoint, p->checkpoint_len,
            &report.checkpoint, &report.cosigned_time, why);
    if (err == VT_OK)
        err = check_paths(p, &report.checkpoint, why);
    if (err == VT_OK)
        err = check_signatures(c, why);
    if (err == VT_OK)
        err = check_mismatches(c, why);
    if (err == VT_OK)
        err = check_claims(c, &report, why);
    *ret_report = report;
    return err;
}

enum vt_err
vt_passport_check(const struct vt_passport *p, const struct vt_digest *artifact,
    const struct vt_policy *policy, struct vt_passport_report *ret_report, struct vt_why *why)
{
    struct check c = {.p = p, .policy = policy, .chain_len = CHAIN_LEN};

    return check_all(&c, artifact, ret_report, why);
}

enum vt_err
vt_passport_check_unreleased(const struct vt_passport *p, const struct vt_digest *artifact,
    const struct vt_policy *policy, struct vt_passport_report *ret_report, struct vt_why *why)
{
    struct check c = {.p = p, .policy = policy, .chain_len = CHAIN_LEN - 1};

    return check_all(&c, artifact, ret_report, why);
}
