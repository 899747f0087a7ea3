/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: what a compiled policy says. Nothing here takes memory. */
#include "note/frozen.h"
#include "note/policy_compiled.h"

#include <string.h>

size_t
vt_policy_logs(const struct vt_policy *p, const struct vt_policy_party **ret)
{
    *ret = p->log;
    return p->log_count;
}

size_t
vt_policy_witnesses(const struct vt_policy *p, const struct vt_policy_party **ret)
{
    *ret = p->witness;
    return p->witness_count;
}

size_t
vt_policy_signers(const struct vt_policy *p, const struct vt_policy_party **ret)
{
    *ret = p->signer;
    return p->signer_count;
}

const char *
vt_policy_group_of(const struct vt_policy *p, const struct vt_policy_party *signer)
{
    int node = vt_quorum_find(&p->names, signer->name);

    if (node < 0 || p->names.node[node].parent < 0)
        return NULL;
    return p->names.node[p->names.node[node].parent].name;
}

const struct vt_digest *
vt_policy_digest(const struct vt_policy *p)
{
    return &p->digest;
}

const struct vt_policy_party *
vt_policy_log(const struct vt_policy *p, const char *origin)
{
    for (size_t i = 0; i < p->log_count; i++) {
        if (strcmp(p->log[i].name, origin) == 0)
            return &p->log[i];
    }
    return NULL;
}

const struct vt_policy_party *
vt_policy_signer_of(const struct vt_policy *p, const struct vt_note *n)
{
    if (n->sig_count != 1)
        return NULL;
    for (size_t i = 0; i < p->signer_count; i++) {
        if (vt_note_sig_is(&n->sig[0], &p->signer[i].key))
            return &p->signer[i];
    }
    return NULL;
}

/* Verifies what the logs of that origin signed: each that did, and one at
 * least. */
static enum vt_err
check_origin(
    const struct vt_policy *p, const struct vt_note *n, const char *origin, struct vt_why *why)
{
    bool known = false, is_signed = false;
    for (size_t i = 0; i < p->log_count; i++) {
        if (strcmp(p->log[i].name, origin) != 0)
            continue;
        known = true;
        enum vt_err err = vt_note_verify_with(n, &p->log[i].key, p->log[i].verifier, NULL);
        if (err != VT_OK && err != VT_E_UNKNOWN)
            return vt_fail(
                why, err, "checkpoint: the signature of the log `%s` does not verify", origin);
        is_signed = is_signed || err == VT_OK;
    }
    if (!known)
        return vt_fail(why, VT_E_UNKNOWN,
            "the checkpoint is of `%s`, a log that the policy does "
            "not name",
            origin);
    if (!is_signed)
        return vt_fail(why, VT_E_UNKNOWN,
            "the checkpoint of `%s` has no signature by the log's "
            "key in the policy",
            origin);
    return VT_OK;
}

enum vt_err
vt_policy_check_log(const struct vt_policy *p, const void *data, size_t len,
    struct vt_note *ret_note, struct vt_checkpoint *ret, struct vt_why *why)
{
    struct vt_checkpoint c;
    struct vt_note n;

    enum vt_err err = vt_note_parse(data, len, &n, why);
    if (err == VT_OK)
        err = vt_checkpoint_parse(n.text, n.text_len, &c, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "checkpoint");
    err = check_origin(p, &n, c.origin, why);
    if (err != VT_OK)
        return err;
    *ret_note = n;
    *ret = c;
    return VT_OK;
}

enum vt_err
vt_policy_check_frozen(const struct vt_policy *p, const char *origin, const void *data,
    size_t len, struct vt_frozen *ret, struct vt_why *why)
{
    enum vt_err err = vt_fail(why, VT_E_UNKNOWN,
        "final statement of `%s`: a log that the policy does not name", origin);

    for (size_t i = 0; i < p->log_count && err == VT_E_UNKNOWN; i++)
        if (strcmp(p->log[i].name, origin) == 0)
            err = vt_frozen_open(data, len, &p->log[i].key, ret, why);
    return err;
}

/* The greatest of the times such that the cosignatures not older than it are
 * a quorum. All of them together are. */
static uint64_t
vouched_time(const struct vt_policy *p, const bool *has, const uint64_t *time)
{
    uint64_t best = 0;
    for (size_t i = 0; i < p->witness_count; i++) {
        bool enough[VT_POLICY_PARTIES_MAX] = {false};
        if (!has[i] || time[i] <= best)
            continue;
        for (size_t j = 0; j < p->witness_count; j++)
            enough[j] = has[j] && time[j] >= time[i];
        if (vt_quorum_met(&p->names, p->quorum, enough))
            best = time[i];
    }
    return best;
}

enum vt_err
vt_policy_check_quorum(
    const struct vt_policy *p, const struct vt_note *n, uint64_t *ret_time, struct vt_why *why)
{
    bool has[VT_POLICY_PARTIES_MAX] = {false};
    uint64_t time[VT_POLICY_PARTIES_MAX] = {0};

    for (size_t i = 0; i < p->witness_count; i++) {
        const struct vt_policy_party *w = &p->witness[i];
        if (w->verifier == NULL)
            continue;
        enum vt_err err = vt_cosig_verify_with(n, &w->key, w->verifier, &time[i], NULL);
        if (err != VT_OK && err != VT_E_UNKNOWN)
            return vt_fail(why, err,
                "checkpoint: the cosignature of witness `%s` does not verify", w->name);
        has[i] = err == VT_OK;
    }
    if (p->quorum < 0) {
        *ret_time = 0;
        return VT_OK;
    }
    if (!vt_quorum_met(&p->names, p->quorum, has))
        return vt_fail_in(
            why, vt_quorum_fail(&p->names, p->quorum, has, "cosignature", why), "checkpoint");
    *ret_time = vouched_time(p, has, time);
    return VT_OK;
}

enum vt_err
vt_policy_check_checkpoint(const struct vt_policy *p, const void *data, size_t len,
    struct vt_checkpoint *ret, uint64_t *ret_time, struct vt_why *why)
{
    struct vt_checkpoint c;
    struct vt_note n;
    uint64_t time = 0;

    enum vt_err err = vt_policy_check_log(p, data, len, &n, &c, why);
    if (err == VT_OK)
        err = vt_policy_check_quorum(p, &n, &time, why);
    if (err != VT_OK)
        return err;
    *ret = c;
    *ret_time = time;
    return VT_OK;
}

enum vt_policy_demand
vt_policy_demand_of(const struct vt_policy *p, enum vt_entry_kind kind)
{
    return vt_entry_kind_name(kind) != NULL ? p->require[kind].demand : VT_POLICY_SILENT;
}

enum vt_err
vt_policy_check_signers(const struct vt_policy *p, enum vt_entry_kind kind,
    const struct vt_signer_set *set, struct vt_why *why)
{
    const char *name = vt_entry_kind_name(kind);
    switch (vt_policy_demand_of(p, kind)) {
    case VT_POLICY_NONE:
        return VT_OK;
    case VT_POLICY_QUORUM:
        if (vt_quorum_met(&p->names, p->require[kind].node, set->has))
            return VT_OK;
        return vt_fail_in(why,
            vt_quorum_fail(&p->names, p->require[kind].node, set->has, "signature", why), "%s",
            name);
    case VT_POLICY_SILENT:
        break;
    }
    return vt_fail(why, VT_E_CONFIG,
        "the policy does not say who must sign %s entries: add a line `require %s NAME`, or "
        "`require %s none`",
        name != NULL ? name : "these", name != NULL ? name : "KIND",
        name != NULL ? name : "KIND");
}

void
vt_policy_members(const struct vt_policy *p, enum vt_entry_kind kind, struct vt_signer_set *ret,
    unsigned *ret_least)
{
    memset(ret, 0, sizeof *ret);
    *ret_least = 0;
    if (vt_policy_demand_of(p, kind) == VT_POLICY_QUORUM)
        *ret_least = vt_quorum_least(&p->names, p->require[kind].node, ret->has);
}
