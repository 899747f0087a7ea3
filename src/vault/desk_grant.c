/* SPDX-License-Identifier: Apache-2.0 */
/* Grants and refusals, as a site says them. */
#include "base/clock.h"
#include "crypto/signer.h"
#include "ledger/record.h"
#include "vault/chain.h"
#include "vault/desk_rows.h"
#include "vault/standing.h"

#include <stdlib.h>
#include <string.h>

/* A request as the ledger has it, with the policy that it was made under. */
struct asked {
    struct vt_desk_entry entry;
    struct vt_digest doc;
    struct vt_request request;
    struct vt_policy_chain *chain;
    const struct vt_policy_step *step; /* of that policy */
};

static void
asked_release(struct asked *a)
{
    vt_policy_chain_free(a->chain);
}

static enum vt_err
find_asked(
    struct vt_desk *d, const struct vt_digest *request, struct asked *ret, struct vt_why *why)
{
    struct asked a = {.doc = *request};
    struct vt_doc *doc = NULL;
    enum vt_err err = vt_desk_find(d, VT_ENTRY_REQUEST, request, &a.entry, why);

    if (err == VT_OK)
        err = vt_desk_doc(d, &a.entry, &doc, why);
    if (err == VT_OK)
        err = vt_request_read(doc, &a.request, why);
    vt_doc_free(doc);
    if (err == VT_OK)
        err = vt_desk_policy_chain(d, &a.chain, why);
    if (err != VT_OK)
        return err;
    a.step = vt_policy_chain_find(a.chain, &a.request.policy);
    if (a.step == NULL) {
        asked_release(&a);
        return vt_fail(why, VT_E_REFUSED,
            "the request was made under a vault policy that was never in force");
    }
    *ret = a;
    return VT_OK;
}

/* The first grant of the request by the keeper of its region's site; NULL row: none. Grants
 * that anybody else logged do not count. */
static enum vt_err
find_grant(struct vt_desk *d, const struct asked *a, const struct vt_desk_row **ret_row,
    struct vt_grant *ret, struct vt_why *why)
{
    const struct vt_vault_policy *policy = a->step->policy;
    enum vt_err err = VT_OK;

    *ret_row = NULL;
    for (size_t i = 0; i < d->row_count && err == VT_OK; i++) {
        const struct vt_desk_row *row = &d->row[i];
        struct vt_doc *doc = NULL;

        if (row->kind != VT_ENTRY_GRANT ||
            !vt_desk_row_has(d, row, VT_SUBJECT_REQUEST, &a->doc) ||
            vt_vault_keeper_of_key(policy, a->request.scope.region, row->signer->key.name,
                &row->signer->key.pub) == NULL)
            continue;
        err = vt_desk_row_doc(d, row, &doc, NULL, why);
        if (doc != NULL && vt_grant_read(doc, ret, NULL) == VT_OK)
            *ret_row = row;
        vt_doc_free(doc);
        if (*ret_row != NULL)
            break;
    }
    return err;
}

enum vt_err
vt_desk_grant_evidence(struct vt_desk *d, const struct vt_digest *request, uint64_t known_size,
    struct vt_buf *b, struct vt_why *why)
{
    uint64_t index[VT_APPROVALS_MAX + 2];
    const struct vt_desk_row *row = NULL;
    struct vt_grant g;
    struct asked a;
    size_t n = 0;
    enum vt_err err = find_asked(d, request, &a, why);

    if (err != VT_OK)
        return err;
    err = find_grant(d, &a, &row, &g, why);
    if (err == VT_OK && row == NULL)
        err = vt_fail(why, VT_E_NOENT, "the request is not granted");
    index[n++] = a.entry.index;
    for (size_t i = 0; err == VT_OK && i < g.approval_count; i++) {
        struct vt_desk_entry e;

        err = vt_desk_find(d, VT_ENTRY_APPROVAL, &g.approval[i], &e, why);
        if (err == VT_OK)
            index[n++] = e.index;
    }
    if (err == VT_OK) {
        index[n++] = row->index;
        err = vt_desk_evidence(d, index, n, known_size, b, why);
    }
    asked_release(&a);
    return err;
}

/* Granting */

static enum vt_err
not_met(const struct asked *a, const struct vt_standing *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(800);

    if (s->veto != NULL)
        return vt_fail(why, VT_E_REFUSED, "%s refused the request", s->veto->name);
    vt_standing_put_missing(s, a->step->policy, a->request.requester, &b);
    (void)vt_fail(why, VT_E_QUORUM, "too few have approved: %s", vt_buf_str(&b));
    vt_buf_release(&b);
    return VT_E_QUORUM;
}

/* Whether this desk's key may grant it now. */
static enum vt_err
may_grant(const struct vt_desk *d, const struct asked *a, struct vt_why *why)
{
    const struct vt_policy_step *now =
        vt_policy_chain_step(a->chain, vt_policy_chain_count(a->chain) - 1);

    if (d->signer == NULL)
        return vt_fail(why, VT_E_USAGE, "a desk without a key grants nothing");
    if (a->step != now)
        return vt_fail(why, VT_E_REFUSED,
            "the request was made under vault policy %llu, but %llu is in force: ask again",
            (unsigned long long)vt_vault_policy_serial(a->step->policy),
            (unsigned long long)vt_vault_policy_serial(now->policy));
    if (vt_vault_keeper_of_key(now->policy, a->request.scope.region, vt_signer_name(d->signer),
            vt_signer_public(d->signer)) == NULL)
        return vt_fail(why, VT_E_REFUSED,
            "the vault policy does not let %s grant anything of the region %s",
            vt_signer_name(d->signer), a->request.scope.region);
    if (a->request.expires <= vt_clock_now(&vt_clock_system))
        return vt_fail(why, VT_E_EXPIRED, "the request has expired: ask again");
    return VT_OK;
}

static enum vt_err
say_grant(struct vt_desk *d, const struct asked *a, const struct vt_standing *s,
    uint64_t *ret_index, struct vt_why *why)
{
    const struct vt_subject subject[] = {
        {VT_SUBJECT_POLICY, a->request.policy}, {VT_SUBJECT_REQUEST, a->doc}};
    const struct vt_rule_region *region =
        vt_vault_policy_region(a->step->policy, a->request.scope.region);
    struct vt_grant g = {.request = a->doc,
        .policy = a->request.policy,
        .mode = a->request.mode,
        .approval_count = s->approval_count,
        .made = vt_clock_now(&vt_clock_system)};
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_doc *doc = NULL;
    enum vt_err err;

    memcpy(g.site, region->site, sizeof g.site);
    for (size_t i = 0; i < s->approval_count; i++)
        g.approval[i] = s->approval[i].doc;
    err = vt_grant_doc(&g, &doc, why);
    if (err == VT_OK)
        err = vt_doc_sign(doc, d->signer, &b, why);
    if (err == VT_OK)
        err = vt_desk_say(d, VT_ENTRY_GRANT, subject, 2, b.data, b.len, ret_index, why);
    vt_doc_free(doc);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_desk_grant(
    struct vt_desk *d, const struct vt_digest *request, uint64_t *ret_index, struct vt_why *why)
{
    const struct vt_desk_row *row = NULL;
    struct vt_standing s;
    struct vt_grant g;
    struct asked a;
    enum vt_err err = find_asked(d, request, &a, why);

    if (err != VT_OK)
        return err;
    err = find_grant(d, &a, &row, &g, why);
    if (err == VT_OK && row != NULL) {
        *ret_index = row->index;
        goto out;
    }
    if (err == VT_OK)
        err = may_grant(d, &a, why);
    if (err == VT_OK)
        err = vt_desk_standing(d, a.step->policy, request, &a.request, &s, why);
    if (err == VT_OK && (!s.met || s.veto != NULL))
        err = not_met(&a, &s, why);
    if (err == VT_OK)
        err = say_grant(d, &a, &s, ret_index, why);
out:
    asked_release(&a);
    return err;
}

/* Refusing */

enum vt_err
vt_desk_refuse(struct vt_desk *d, const struct vt_digest *request, enum vt_refusal code,
    uint64_t *ret_index, struct vt_why *why)
{
    const struct vt_subject subject = {VT_SUBJECT_REQUEST, *request};
    struct vt_refusal_record r = {
        .request = *request, .code = code, .made = vt_clock_now(&vt_clock_system)};
    const struct vt_desk_row *row = NULL;
    const struct vt_rule_region *region;
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_doc *doc = NULL;
    struct vt_grant g;
    struct asked a;
    enum vt_err err;

    if (d->signer == NULL)
        return vt_fail(why, VT_E_USAGE, "a desk without a key refuses nothing");
    err = find_asked(d, request, &a, why);
    if (err != VT_OK)
        return err;
    region = vt_vault_policy_region(a.step->policy, a.request.scope.region);
    if (region == NULL)
        err = vt_fail(why, VT_E_REFUSED, "no site keeps the region %s", a.request.scope.region);
    else
        memcpy(r.site, region->site, sizeof r.site);
    if (err == VT_OK)
        err = find_grant(d, &a, &row, &g, why);
    if (err == VT_OK && row != NULL) {
        r.has_grant = true;
        r.grant = row->statement;
    }
    if (err == VT_OK)
        err = vt_refusal_doc(&r, &doc, why);
    if (err == VT_OK)
        err = vt_doc_sign(doc, d->signer, &b, why);
    if (err == VT_OK)
        err = vt_desk_say(d, VT_ENTRY_REFUSAL, &subject, 1, b.data, b.len, ret_index, why);
    vt_doc_free(doc);
    vt_buf_release(&b);
    asked_release(&a);
    return err;
}
