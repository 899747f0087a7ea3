/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/standing.h"

#include "vault/desk_rows.h"

#include <string.h>

static bool
is_key_of(const struct vt_rule_party *party, const char *name, const struct vt_pubkey *pub)
{
    return strcmp(party->key.name, name) == 0 && vt_pubkey_eq(&party->key.pub, pub);
}

const struct vt_rule_party *
vt_vault_party_of_key(
    const struct vt_vault_policy *p, const char *name, const struct vt_pubkey *pub)
{
    const struct vt_rule_party *party = NULL;
    size_t n = vt_vault_policy_parties(p, &party);

    for (size_t i = 0; i < n; i++) {
        if (is_key_of(&party[i], name, pub))
            return &party[i];
    }
    return NULL;
}

const struct vt_rule_party *
vt_vault_keeper_of_key(const struct vt_vault_policy *p, const char *region, const char *name,
    const struct vt_pubkey *pub)
{
    const struct vt_rule_region *r = vt_vault_policy_region(p, region);
    const struct vt_rule_party *keeper = r == NULL ? NULL : vt_vault_policy_keeper(p, r->site);

    return keeper != NULL && is_key_of(keeper, name, pub) ? keeper : NULL;
}

/* Whether the party, by its number in the policy, is in the group. */
static bool
is_member(const struct vt_rule_group *g, size_t party)
{
    for (size_t i = 0; i < g->member_count; i++) {
        if (g->member[i] == party)
            return true;
    }
    return false;
}

static bool
is_approver(const struct vt_standing *s, size_t party)
{
    for (size_t i = 0; i < s->group_count; i++) {
        if (is_member(s->group[i], party))
            return true;
    }
    return false;
}

static size_t
number_of(const struct vt_vault_policy *policy, const struct vt_rule_party *party)
{
    const struct vt_rule_party *all = NULL;

    (void)vt_vault_policy_parties(policy, &all);
    return (size_t)(party - all);
}

/* The newest approval of a party takes the place of its older ones: who gives the command
 * again, because the vault had not got the share, sends another share. */
static enum vt_err
keep_approval(struct vt_standing *s, const struct vt_standing_approval *a, struct vt_why *why)
{
    size_t at = 0;

    while (at < s->approval_count && s->approval[at].party != a->party)
        at++;
    if (at == VT_APPROVALS_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "a request has more than %u approvals", VT_APPROVALS_MAX);
    if (at == s->approval_count)
        s->approval_count++;
    s->approval[at] = *a;
    return VT_OK;
}

static enum vt_err
take_approval(struct vt_standing *s, const struct vt_vault_policy *policy,
    const struct vt_desk_row *row, const struct vt_doc *doc, const struct vt_digest *request,
    const struct vt_request *r, struct vt_why *why)
{
    const struct vt_vkey *key = &row->signer->key;
    const struct vt_rule_party *party = vt_vault_party_of_key(policy, key->name, &key->pub);
    struct vt_approval a;

    if (party == NULL || !is_approver(s, number_of(policy, party)) ||
        vt_approval_read(doc, &a, NULL) != VT_OK || !vt_digest_eq(&a.request, request) ||
        strcmp(a.approver, party->name) != 0 || strcmp(party->name, r->requester) == 0)
        return VT_OK;
    if (!a.approve) {
        s->veto = party;
        return VT_OK;
    }
    return keep_approval(s,
        &(struct vt_standing_approval){.index = row->index,
            .doc = row->statement,
            .party = party,
            .has_share = a.has_share},
        why);
}

static void
count_groups(struct vt_standing *s, const struct vt_vault_policy *policy)
{
    s->met = s->group_count > 0;
    for (size_t g = 0; g < s->group_count; g++) {
        for (size_t i = 0; i < s->approval_count; i++)
            s->have[g] += is_member(s->group[g], number_of(policy, s->approval[i].party));
        s->met = s->met && s->have[g] >= s->group[g]->need;
    }
}

enum vt_err
vt_desk_standing(struct vt_desk *d, const struct vt_vault_policy *policy,
    const struct vt_digest *request, const struct vt_request *r, struct vt_standing *ret,
    struct vt_why *why)
{
    struct vt_standing s = {0};
    enum vt_err err = vt_desk_scan(d, why);

    s.group_count = vt_vault_policy_approvers(policy, r->mode, s.group, VT_RULES_MAX);
    for (size_t i = 0; i < d->row_count && err == VT_OK; i++) {
        const struct vt_desk_row *row = &d->row[i];
        struct vt_doc *doc = NULL;

        if (row->kind != VT_ENTRY_APPROVAL ||
            !vt_desk_row_has(d, row, VT_SUBJECT_REQUEST, request))
            continue;
        err = vt_desk_row_doc(d, row, &doc, NULL, why);
        if (doc != NULL)
            err = take_approval(&s, policy, row, doc, request, r, why);
        vt_doc_free(doc);
    }
    if (err != VT_OK)
        return err;
    count_groups(&s, policy);
    *ret = s;
    return VT_OK;
}

/* Whether that party, by its number, is among the approvals. */
static bool
has_approved(const struct vt_standing *s, const struct vt_vault_policy *policy, size_t party)
{
    for (size_t i = 0; i < s->approval_count; i++) {
        if (number_of(policy, s->approval[i].party) == party)
            return true;
    }
    return false;
}

void
vt_standing_put_missing(const struct vt_standing *s, const struct vt_vault_policy *policy,
    const char *requester, struct vt_buf *b)
{
    const struct vt_rule_party *party = NULL;
    const char *between = "";

    (void)vt_vault_policy_parties(policy, &party);
    for (size_t g = 0; g < s->group_count; g++) {
        const struct vt_rule_group *group = s->group[g];
        const char *comma = "";

        if (s->have[g] >= group->need)
            continue;
        vt_buf_putf(b, "%s%s has %u of %u, may be given by ", between, group->name, s->have[g],
            group->need);
        for (size_t i = 0; i < group->member_count; i++) {
            const char *name = party[group->member[i]].name;

            if (has_approved(s, policy, group->member[i]) || strcmp(name, requester) == 0)
                continue;
            vt_buf_putf(b, "%s%s", comma, name);
            comma = ", ";
        }
        if (comma[0] == '\0')
            vt_buf_puts(b, "nobody");
        between = "; ";
    }
}
