/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a grant's check that counts who approved. */
#include "ledger/check.h"

#include <string.h>

enum vt_err
vt_check_no(struct vt_check *c, enum vt_refusal refusal, enum vt_err err)
{
    c->refusal = refusal;
    return err;
}

bool
vt_check_signed_by(const struct vt_fact *f, const struct vt_rule_party *party)
{
    return strcmp(f->signer->key.name, party->key.name) == 0 &&
           vt_pubkey_eq(&f->signer->key.pub, &party->key.pub);
}

static bool
is_member(const struct vt_rule_group *group, size_t party)
{
    for (size_t i = 0; i < group->member_count; i++) {
        if (group->member[i] == party)
            return true;
    }
    return false;
}

static bool
may_approve(const struct vt_check *c, size_t party)
{
    const struct vt_rule_group *group[VT_RULES_MAX];
    size_t n =
        vt_vault_policy_approvers(c->policy, c->granted.request.mode, group, VT_RULES_MAX);

    for (size_t i = 0; i < n; i++) {
        if (is_member(group[i], party))
            return true;
    }
    return false;
}

/* The number of the party who is called that; false: none, or a keeper. */
static bool
find_party(const struct vt_check *c, const char *name, size_t *ret)
{
    const struct vt_rule_party *v = NULL;
    size_t n = vt_vault_policy_parties(c->policy, &v);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(v[i].name, name) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* Counts an approver, once. */
static enum vt_err
count_approver(
    struct vt_check *c, size_t party, const struct vt_approval *a, struct vt_why *why)
{
    struct vt_granted *g = &c->granted;

    if (c->has[party])
        return VT_OK;
    if (g->approver_count == VT_APPROVALS_MAX)
        return vt_check_no(c, VT_REFUSAL_APPROVALS,
            vt_fail(why, VT_E_LIMIT, "there are more than %u approvers", VT_APPROVALS_MAX));
    memcpy(g->approver[g->approver_count], a->approver, sizeof a->approver);
    g->share[g->approver_count] = a->share;
    g->approver_count++;
    c->has[party] = true;
    return VT_OK;
}

/* One answer to exactly this request, by somebody who is asked. */
static enum vt_err
take_answer(struct vt_check *c, const struct vt_fact *f, struct vt_why *why)
{
    const struct vt_rule_party *v = NULL;
    struct vt_approval a = {.approve = false};
    size_t party;

    (void)vt_vault_policy_parties(c->policy, &v);
    enum vt_err err = vt_approval_read(f->doc, &a, why);
    if (err != VT_OK)
        return vt_check_no(c, VT_REFUSAL_ALTERED, err);
    if (!vt_digest_eq(&a.request, &c->granted.request_doc))
        return vt_check_no(c, VT_REFUSAL_ALTERED,
            vt_fail(why, VT_E_DIGEST, "`%s` answered another request", a.approver));
    if (!find_party(c, a.approver, &party))
        return vt_check_no(c, VT_REFUSAL_APPROVALS,
            vt_fail(why, VT_E_REFUSED, "the vault policy names no party `%s`", a.approver));
    if (!vt_check_signed_by(f, &v[party]))
        return vt_check_no(c, VT_REFUSAL_ALTERED,
            vt_fail(why, VT_E_SIG, "the answer says it is by `%s`, but `%s` signed it",
                a.approver, f->signer->name));
    if (!a.approve && may_approve(c, party))
        return vt_check_no(
            c, VT_REFUSAL_VETO, vt_fail(why, VT_E_REFUSED, "`%s` has refused", a.approver));
    if (strcmp(a.approver, c->granted.request.requester) == 0)
        return vt_check_no(c, VT_REFUSAL_OWN,
            vt_fail(why, VT_E_REFUSED, "`%s` cannot approve an own request", a.approver));
    if (!may_approve(c, party))
        return vt_check_no(c, VT_REFUSAL_APPROVALS,
            vt_fail(why, VT_E_REFUSED, "`%s` is in no group that approves %s", a.approver,
                vt_mode_name(c->granted.request.mode)));
    return count_approver(c, party, &a, why);
}

enum vt_err
vt_check_approvals(struct vt_check *c, struct vt_why *why)
{
    const struct vt_rule_group *group[VT_RULES_MAX];
    enum vt_mode mode = c->granted.request.mode;
    size_t n = vt_vault_policy_approvers(c->policy, mode, group, VT_RULES_MAX);
    enum vt_err err = VT_OK;

    for (size_t i = 1; err == VT_OK && i + 1 < c->fact_count; i++)
        err = take_answer(c, &c->fact[i], why);
    for (size_t i = 0; err == VT_OK && i < n; i++) {
        unsigned got = 0;
        for (size_t j = 0; j < group[i]->member_count; j++)
            got += c->has[group[i]->member[j]];
        if (got < group[i]->need)
            err = vt_check_no(c, VT_REFUSAL_APPROVALS,
                vt_fail(why, VT_E_QUORUM, "%u of `%s` must approve %s; there are %u",
                    group[i]->need, group[i]->name, vt_mode_name(mode), got));
    }
    return err;
}
