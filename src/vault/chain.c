/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/chain.h"

#include <stdlib.h>

/* A policy that somebody said who may, in force or not (yet). */
struct said {
    struct vt_vault_policy *policy;
    struct vt_signer_set by;
    bool met; /* the demand of the trust policy */
    bool in_force;
    struct vt_policy_step step; /* since: once in force */
};

struct vt_policy_chain {
    const struct vt_policy *trust;
    struct vt_signer_set heard;
    size_t said_count;
    struct said *said[VT_CHAIN_MAX];
    size_t count;
    const struct vt_policy_step *step[VT_CHAIN_MAX];
};

enum vt_err
vt_policy_chain_new(
    const struct vt_policy *trust, struct vt_policy_chain **ret, struct vt_why *why)
{
    struct vt_policy_chain *c;
    unsigned least;

    if (vt_policy_demand_of(trust, VT_ENTRY_VAULT_POLICY) != VT_POLICY_QUORUM)
        return vt_fail(why, VT_E_CONFIG,
            "the trust policy does not say who makes vault policies: give it a line `require "
            "vault-policy NAME`");
    c = calloc(1, sizeof *c);
    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "vault policies: out of memory");
    c->trust = trust;
    vt_policy_members(trust, VT_ENTRY_VAULT_POLICY, &c->heard, &least);
    *ret = c;
    return VT_OK;
}

void
vt_policy_chain_free(struct vt_policy_chain *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->said_count; i++) {
        vt_vault_policy_free(c->said[i]->policy);
        free(c->said[i]);
    }
    free(c);
}

static size_t
signer_number(const struct vt_policy_chain *c, const struct vt_policy_party *signer)
{
    const struct vt_policy_party *all = NULL;

    (void)vt_policy_signers(c->trust, &all);
    return (size_t)(signer - all);
}

bool
vt_policy_chain_hears(const struct vt_policy_chain *c, const struct vt_policy_party *signer)
{
    return c->heard.has[signer_number(c, signer)];
}

/* The policy of those bytes as it was said before, or a new one. */
static enum vt_err
find_said(struct vt_policy_chain *c, const void *doc, size_t len, struct said **ret,
    struct vt_why *why)
{
    struct vt_digest digest;
    struct said *s;
    enum vt_err err;

    vt_digest_of(doc, len, &digest);
    for (size_t i = 0; i < c->said_count; i++) {
        if (vt_digest_eq(vt_vault_policy_digest(c->said[i]->policy), &digest)) {
            *ret = c->said[i];
            return VT_OK;
        }
    }
    if (c->said_count == VT_CHAIN_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "the ledger has more than %u vault policies", VT_CHAIN_MAX);
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "vault policies: out of memory");
    err = vt_vault_policy_parse(doc, len, &s->policy, why);
    if (err != VT_OK) {
        free(s);
        return err;
    }
    s->step.policy = s->policy;
    c->said[c->said_count++] = s;
    *ret = s;
    return VT_OK;
}

/* Whether s comes right after the last policy in force. */
static bool
follows(const struct vt_policy_chain *c, const struct said *s)
{
    struct vt_digest previous;
    bool has = vt_vault_policy_previous(s->policy, &previous);
    const struct vt_vault_policy *last;

    if (c->count == 0)
        return !has && vt_vault_policy_serial(s->policy) == 1;
    last = c->step[c->count - 1]->policy;
    return has && vt_digest_eq(&previous, vt_vault_policy_digest(last)) &&
           vt_vault_policy_serial(s->policy) == vt_vault_policy_serial(last) + 1;
}

/* Brings into force what now can be: one may have waited for the one before it. */
static void
advance(struct vt_policy_chain *c, uint64_t index)
{
    for (size_t i = 0; i < c->said_count; i++) {
        struct said *s = c->said[i];

        if (!s->met || s->in_force || !follows(c, s))
            continue;
        s->in_force = true;
        s->step.since = index;
        c->step[c->count++] = &s->step;
        i = (size_t)-1; /* from the first again */
    }
}

enum vt_err
vt_policy_chain_take(struct vt_policy_chain *c, uint64_t index,
    const struct vt_policy_party *signer, const void *doc, size_t len, struct vt_why *why)
{
    size_t number = signer_number(c, signer);
    struct said *s = NULL;
    enum vt_err err;

    if (!c->heard.has[number])
        return VT_OK;
    err = find_said(c, doc, len, &s, why);
    if (s == NULL || s->by.has[number])
        return err;
    s->by.has[number] = true;
    s->step.entry[s->step.entry_count++] = index;
    s->met = vt_policy_check_signers(c->trust, VT_ENTRY_VAULT_POLICY, &s->by, NULL) == VT_OK;
    advance(c, index);
    return VT_OK;
}

size_t
vt_policy_chain_count(const struct vt_policy_chain *c)
{
    return c->count;
}

const struct vt_policy_step *
vt_policy_chain_step(const struct vt_policy_chain *c, size_t i)
{
    return i < c->count ? c->step[i] : NULL;
}

const struct vt_policy_step *
vt_policy_chain_at(const struct vt_policy_chain *c, uint64_t index)
{
    for (size_t i = c->count; i-- > 0;) {
        if (c->step[i]->since < index)
            return c->step[i];
    }
    return NULL;
}

const struct vt_policy_step *
vt_policy_chain_find(const struct vt_policy_chain *c, const struct vt_digest *policy)
{
    for (size_t i = 0; i < c->count; i++) {
        if (vt_digest_eq(vt_vault_policy_digest(c->step[i]->policy), policy))
            return c->step[i];
    }
    return NULL;
}
