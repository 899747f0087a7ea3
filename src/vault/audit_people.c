/* SPDX-License-Identifier: Apache-2.0 */
/* The audit of what people say: policies, keys, requests, approvals; and of grants. */
#include "vault/audit_parts.h"
#include "vault/standing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum vt_err
vt_audit_policy(struct vt_audit_item *i, struct vt_why *why)
{
    const struct vt_policy_chain *chain = i->audit->chain;
    const struct vt_policy_step *step = vt_policy_chain_find(chain, &i->row->statement);
    struct vt_vault_policy *p = NULL;
    struct vt_why wrong = {0};
    const void *bytes;
    size_t len;
    uint64_t serial;
    enum vt_err err;

    (void)why;
    if (!vt_policy_chain_hears(chain, i->row->signer))
        return vt_audit_say(
            i, VT_AUDIT_VOID, "the trust policy does not let it say what the vault policy is");
    bytes = vt_doc_bytes(i->doc, &len);
    err = vt_vault_policy_parse(bytes, len, &p, &wrong);
    if (err == VT_E_NOMEM)
        return vt_fail(why, err, "%s", wrong.text);
    if (err != VT_OK)
        return vt_audit_say(i, VT_AUDIT_VIOLATION, "no vault policy: %s", wrong.text);
    serial = vt_vault_policy_serial(p);
    vt_vault_policy_free(p);
    if (step != NULL)
        return vt_audit_say(i, VT_AUDIT_OK, "policy %" PRIu64 "%s", serial,
            i->row->index == step->since  ? " is in force"
            : i->row->index < step->since ? ", not yet by all that it takes"
                                          : ", said by one more");
    if (i->step != NULL && serial <= vt_vault_policy_serial(i->step->policy))
        return vt_audit_say(i, VT_AUDIT_VIOLATION,
            "another policy %" PRIu64 " than the one that was in force", serial);
    return vt_audit_say(
        i, VT_AUDIT_OK, "policy %" PRIu64 ", which did not come into force", serial);
}

/* Whether the key's shares are what the policy asks for: of each mode that decrypts, of each
 * group, so many of so many. */
static bool
has_share(const struct vt_region_key *k, enum vt_mode mode, const struct vt_rule_group *g)
{
    for (size_t i = 0; i < k->share_count; i++) {
        const struct vt_key_share *s = &k->share[i];

        if (s->mode == mode && strcmp(s->group, g->name) == 0)
            return s->need == g->need && s->of == g->member_count;
    }
    return false;
}

static bool
shares_match(const struct vt_region_key *k, const struct vt_vault_policy *p)
{
    static const enum vt_mode modes[] = {VT_MODE_ACCESS, VT_MODE_BREAK_GLASS, VT_MODE_EXPORT};
    const struct vt_rule_group *group[VT_RULES_MAX];
    size_t wanted = 0;

    for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++) {
        size_t n = vt_vault_policy_approvers(p, modes[m], group, VT_RULES_MAX);

        wanted += n;
        for (size_t g = 0; g < n; g++) {
            if (!has_share(k, modes[m], group[g]))
                return false;
        }
    }
    return wanted == k->share_count;
}

enum vt_err
vt_audit_key(struct vt_audit_item *i, struct vt_why *why)
{
    const struct vt_rule_region *region;
    struct vt_region_key k;
    struct vt_why wrong = {0};

    (void)why;
    if (vt_region_key_read(i->doc, &k, &wrong) != VT_OK)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s", wrong.text);
    if (vt_audit_keeper(i, i->step, k.site) == NULL)
        return vt_audit_say(i, VT_AUDIT_VOID, "by nobody who keeps data at %s", k.site);
    region = vt_vault_policy_region(i->step->policy, k.region);
    if (region == NULL || strcmp(region->site, k.site) != 0)
        return vt_audit_say(i, VT_AUDIT_VIOLATION,
            "%s made a key of %s, which it does not keep", k.site, k.region);
    if (!vt_digest_eq(&k.policy, vt_vault_policy_digest(i->step->policy)))
        return vt_audit_say(i, VT_AUDIT_VIOLATION,
            "the key of %s was made under another policy than the one in force", k.region);
    if (!shares_match(&k, i->step->policy))
        return vt_audit_say(i, VT_AUDIT_VIOLATION,
            "the shares of the key of %s are not those that the policy asks for", k.region);
    return vt_audit_say(i, VT_AUDIT_OK, "a key of %s, made at %s", k.region, k.site);
}

/* A request that counts is remembered. */
static enum vt_err
keep_request(struct vt_audit_item *i, const struct vt_request *r, struct vt_why *why)
{
    struct vt_audit *a = i->audit;
    void *array = a->request;
    enum vt_err err =
        vt_audit_room(&array, a->request_count, &a->request_cap, sizeof *a->request, why);

    a->request = array;
    if (err == VT_OK)
        a->request[a->request_count++] = (struct vt_audit_request){
            .doc = i->row->statement, .row = i->row_number, .request = *r};
    return err;
}

enum vt_err
vt_audit_request(struct vt_audit_item *i, struct vt_why *why)
{
    const struct vt_vkey *key = &i->row->signer->key;
    const struct vt_policy_step *step;
    const struct vt_rule_party *party;
    struct vt_request r;
    struct vt_why wrong = {0};
    enum vt_err err;

    if (vt_request_read(i->doc, &r, &wrong) != VT_OK)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s", wrong.text);
    step = vt_policy_chain_find(i->audit->chain, &r.policy);
    if (step == NULL)
        return vt_audit_say(
            i, VT_AUDIT_VOID, "made under a vault policy that was never in force");
    party = vt_vault_party_of_key(step->policy, key->name, &key->pub);
    if (party == NULL || strcmp(party->name, r.requester) != 0)
        return vt_audit_say(i, VT_AUDIT_VOID, "not signed by %s, who asks in it", r.requester);
    if (!vt_vault_policy_may_ask(step->policy, r.requester, r.purpose))
        return vt_audit_say(i, VT_AUDIT_VOID, "%s may not ask for %s", r.requester, r.purpose);
    err = keep_request(i, &r, why);
    if (err != VT_OK)
        return err;
    return vt_audit_say(i, VT_AUDIT_OK, "%s asks for %s of %s: %s%s", r.requester,
        vt_mode_name(r.mode), r.scope.region, r.purpose,
        step == i->step ? "" : ", under a policy that is not in force any more");
}

static bool
is_approver(const struct vt_vault_policy *p, const char *party, enum vt_mode mode)
{
    const struct vt_rule_group *group[VT_RULES_MAX];
    const struct vt_rule_party *all = NULL;
    size_t n = vt_vault_policy_approvers(p, mode, group, VT_RULES_MAX);

    (void)vt_vault_policy_parties(p, &all);
    for (size_t g = 0; g < n; g++) {
        for (size_t m = 0; m < group[g]->member_count; m++) {
            if (strcmp(all[group[g]->member[m]].name, party) == 0)
                return true;
        }
    }
    return false;
}

enum vt_err
vt_audit_approval(struct vt_audit_item *i, struct vt_why *why)
{
    const struct vt_vkey *key = &i->row->signer->key;
    const struct vt_audit_request *r;
    const struct vt_policy_step *step;
    const struct vt_rule_party *party;
    struct vt_approval a;
    struct vt_why wrong = {0};

    (void)why;
    if (vt_approval_read(i->doc, &a, &wrong) != VT_OK)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s", wrong.text);
    r = vt_audit_find_request(i->audit, &a.request);
    if (r == NULL)
        return vt_audit_say(i, VT_AUDIT_VOID, "there is no such request before it");
    step = vt_policy_chain_find(i->audit->chain, &r->request.policy);
    party = vt_vault_party_of_key(step->policy, key->name, &key->pub);
    if (party == NULL || strcmp(party->name, a.approver) != 0)
        return vt_audit_say(i, VT_AUDIT_VOID, "not signed by %s, who speaks in it", a.approver);
    if (strcmp(a.approver, r->request.requester) == 0)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s judges an own request", a.approver);
    if (!is_approver(step->policy, a.approver, r->request.mode))
        return vt_audit_say(i, VT_AUDIT_VOID, "%s is in no group that approves %s", a.approver,
            vt_mode_name(r->request.mode));
    return vt_audit_say(i, VT_AUDIT_OK, "%s %s entry %" PRIu64, a.approver,
        a.approve ? "approves" : "refuses", i->audit->desk->row[r->row].index);
}

/* Grants */

struct facts {
    size_t count;
    struct vt_fact fact[VT_APPROVALS_MAX + 2];
};

static void
release_facts(struct facts *f)
{
    for (size_t n = 0; n < f->count; n++)
        vt_fact_release(&f->fact[n]);
}

static enum vt_err
add_fact(struct facts *f, struct vt_desk *d, const struct vt_desk_entry *e, struct vt_why *why)
{
    struct vt_fact *fact = &f->fact[f->count];
    enum vt_err err;

    *fact = (struct vt_fact){.entry = e->entry, .signer = e->signer, .index = e->index};
    err = vt_desk_doc(d, e, &fact->doc, why);
    if (err == VT_OK)
        f->count++;
    return err;
}

/* The request, the approvals that the grant names, and the grant. */
static enum vt_err
gather(struct vt_audit_item *i, const struct vt_audit_request *r, const struct vt_grant *g,
    struct facts *f, struct vt_why *why)
{
    struct vt_desk *d = i->audit->desk;
    struct vt_desk_entry e;
    enum vt_err err;

    vt_desk_row_entry(d, &d->row[r->row], &e);
    err = add_fact(f, d, &e, why);
    for (size_t n = 0; n < g->approval_count && err == VT_OK; n++) {
        err = vt_desk_find(d, VT_ENTRY_APPROVAL, &g->approval[n], &e, why);
        if (err == VT_OK)
            err = add_fact(f, d, &e, why);
    }
    if (err == VT_OK) {
        vt_desk_row_entry(d, i->row, &e);
        err = add_fact(f, d, &e, why);
    }
    return err;
}

/* Whether the grant holds by the policy in force at its place; wrong says why not. */
static enum vt_err
judge(struct vt_audit_item *i, const struct vt_audit_request *r, const struct vt_grant *g,
    bool *ret_holds, struct vt_why *wrong)
{
    struct vt_granted granted;
    enum vt_refusal refusal;
    struct facts f = {0};
    enum vt_err err = gather(i, r, g, &f, wrong);

    if (err == VT_OK)
        err = vt_grant_judge(i->step->policy, f.fact, f.count, &granted, &refusal, wrong);
    release_facts(&f);
    *ret_holds = err == VT_OK;
    /* An approval that is not there is the grant's fault; no memory is not. */
    return vt_err_exit_code(err) == 1 || err == VT_E_NOENT ? VT_OK : err;
}

static enum vt_err
keep_grant(struct vt_audit_item *i, const struct vt_audit_request *r, const struct vt_grant *g,
    struct vt_why *why)
{
    struct vt_audit *a = i->audit;
    void *array = a->grant;
    enum vt_err err =
        vt_audit_room(&array, a->grant_count, &a->grant_cap, sizeof *a->grant, why);

    a->grant = array;
    if (err != VT_OK)
        return err;
    a->grant[a->grant_count] = (struct vt_audit_grant){
        .doc = i->row->statement, .request = (size_t)(r - a->request), .step = i->step};
    memcpy(a->grant[a->grant_count].site, g->site, sizeof g->site);
    a->grant_count++;
    return VT_OK;
}

enum vt_err
vt_audit_grant(struct vt_audit_item *i, struct vt_why *why)
{
    const struct vt_audit_request *r;
    struct vt_why wrong = {0};
    struct vt_grant g;
    bool holds = false;
    enum vt_err err;

    if (vt_grant_read(i->doc, &g, &wrong) != VT_OK)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s", wrong.text);
    if (vt_audit_keeper(i, i->step, g.site) == NULL)
        return vt_audit_say(i, VT_AUDIT_VOID, "by nobody who keeps data at %s", g.site);
    r = vt_audit_find_request(i->audit, &g.request);
    if (r == NULL)
        return vt_audit_say(
            i, VT_AUDIT_VIOLATION, "grants what nobody who may has asked before it");
    err = judge(i, r, &g, &holds, &wrong);
    if (err != VT_OK)
        return vt_fail(why, err, "%s", wrong.text);
    if (!holds)
        return vt_audit_say(i, VT_AUDIT_VIOLATION, "does not hold: %s", wrong.text);
    if (g.made >= r->request.expires || vt_audit_is_future(i->audit, g.made))
        return vt_audit_say(i, VT_AUDIT_VIOLATION,
            "granted after the request expired, or at a time that has not come");
    err = keep_grant(i, r, &g, why);
    if (err != VT_OK)
        return err;
    return vt_audit_say(i, VT_AUDIT_OK, "%s grants entry %" PRIu64 " on %zu approvals", g.site,
        i->audit->desk->row[r->row].index, g.approval_count);
}
