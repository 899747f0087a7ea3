/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: the parties' keys, made ready to verify with, and what two keys of one witness are.
 */
#include "note/policy_compiled.h"

#include <string.h>

enum vt_err
vt_policy_party_ready(struct vt_policy_party *p, struct vt_why *why)
{
    switch (p->key.alg) {
    case VT_NOTE_PASSKEY:
        return VT_OK;
    case VT_NOTE_COSIG_MLDSA44:
        if (vt_mldsa_available(NULL) != VT_OK)
            return VT_OK;
        return vt_verifier_new_mldsa(p->key.mldsa, &p->verifier, why);
    default:
        return vt_verifier_new(&p->key.pub, &p->verifier, why);
    }
}

static const struct vt_quorum_node *
node_of(const struct vt_policy *p, const struct vt_policy_party *witness)
{
    return &p->names.node[vt_quorum_find(&p->names, witness->name)];
}

/* Two keys of one witness, of different types, must not count for two: they stand in one group
 * of which one is enough, unless one of them stands in none. */
static enum vt_err
check_twin(const struct vt_policy *p, const struct vt_policy_party *a,
    const struct vt_policy_party *b, struct vt_why *why)
{
    int group = node_of(p, a)->parent, other = node_of(p, b)->parent;

    if (a->key.alg == b->key.alg || strcmp(a->key.name, b->key.name) != 0 || group < 0 ||
        other < 0 || (group == other && p->names.node[group].k == 1))
        return VT_OK;
    return vt_fail(why, VT_E_CONFIG,
        "`%s` and `%s` are two keys of one witness: put them into one group with `any`, which "
        "counts them once",
        a->name, b->name);
}

static enum vt_err
check_twins(const struct vt_policy *p, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < p->witness_count; i++) {
        for (size_t j = i + 1; j < p->witness_count && err == VT_OK; j++)
            err = check_twin(p, &p->witness[i], &p->witness[j], why);
    }
    return err;
}

/* A quorum that takes keys which cannot be verified here would wait for ever. */
static enum vt_err
check_reachable(const struct vt_policy *p, struct vt_why *why)
{
    bool has[VT_POLICY_PARTIES_MAX] = {false};

    for (size_t i = 0; i < p->witness_count; i++)
        has[i] = p->witness[i].verifier != NULL;
    if (p->quorum < 0 || vt_quorum_met(&p->names, p->quorum, has))
        return VT_OK;
    return vt_fail_in(why, vt_mldsa_available(why) == VT_OK ? VT_E_CRYPTO : VT_E_CONFIG,
        "the policy's quorum cannot be met here");
}

enum vt_err
vt_policy_check_keys(const struct vt_policy *p, struct vt_why *why)
{
    enum vt_err err = check_twins(p, why);

    return err == VT_OK ? check_reachable(p, why) : err;
}
