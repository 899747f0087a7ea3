/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check that decides whether a key may be released. It goes from what is
 * hardest to make up to what is easiest: first every item is proven to be in one
 * tree that continues what was seen and that the supervisor cosigned; then the request
 * is one that the policy permits and that has not expired; then its approvals are
 * counted; last, the grant must be the keeper's word over exactly these. Each no has
 * a code for the ledger beside its error.
 */
#include "ledger/check.h"
#include "ledger/record.h"
#include "note/proof_check.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct vt_fact *
the_grant(const struct vt_check *c)
{
    return &c->fact[c->fact_count - 1];
}

/* ---- the ledger ---- */

static enum vt_entry_kind
kind_of_item(const struct vt_check *c, size_t i)
{
    if (i == 0)
        return VT_ENTRY_REQUEST;
    return i + 1 == c->file->count ? VT_ENTRY_GRANT : VT_ENTRY_APPROVAL;
}

/* The code for an item that is not proven: what the ledger does not have is one thing,
 * a document that is not what the ledger has is another. */
static enum vt_refusal
code_of_item(const struct vt_check *c, size_t i, enum vt_err err)
{
    const struct vt_evidence *e = &c->file->item[i];
    struct vt_checkpoint checkpoint;
    uint64_t index, time;

    if (vt_err_exit_code(err) != 1)
        return VT_REFUSAL_NONE; /* our own trouble, such as no memory */
    if (err == VT_E_REFUSED ||
        vt_tlog_proof_check(c->trust, e->proof.p, e->proof.len, e->entry.p, e->entry.len,
            &index, &checkpoint, &time, NULL) != VT_OK)
        return VT_REFUSAL_LEDGER;
    if (err != VT_E_UNKNOWN)
        return VT_REFUSAL_ALTERED;
    if (kind_of_item(c, i) == VT_ENTRY_REQUEST)
        return VT_REFUSAL_REQUESTER;
    return kind_of_item(c, i) == VT_ENTRY_APPROVAL ? VT_REFUSAL_APPROVALS : VT_REFUSAL_LEDGER;
}

static enum vt_err
prove_items(struct vt_check *c, struct vt_why *why)
{
    assert(c->file->count <= VT_EVIDENCE_COUNT_MAX);
    if (c->file->count < 2)
        return vt_check_no(c, VT_REFUSAL_LEDGER,
            vt_fail(why, VT_E_SYNTAX, "the evidence lacks the request or the grant"));
    for (size_t i = 0; i < c->file->count; i++) {
        enum vt_err err =
            vt_fact_check(c->trust, kind_of_item(c, i), &c->file->item[i], &c->fact[i], why);
        if (err != VT_OK)
            return vt_check_no(c, code_of_item(c, i, err),
                vt_fail_in(why, err, "item %zu of the evidence (%s)", i + 1,
                    vt_entry_kind_name(kind_of_item(c, i))));
        c->fact_count = i + 1;
    }
    return VT_OK;
}

/* All are in one tree, in the order in which they can have been said. */
static enum vt_err
check_one_tree(struct vt_check *c, struct vt_why *why)
{
    const struct vt_fact *grant = the_grant(c);

    for (size_t i = 0; i + 1 < c->fact_count; i++) {
        const struct vt_fact *f = &c->fact[i];
        if (strcmp(f->checkpoint.origin, grant->checkpoint.origin) != 0 ||
            f->checkpoint.size != grant->checkpoint.size ||
            !vt_digest_eq(&f->checkpoint.root, &grant->checkpoint.root))
            return vt_check_no(c, VT_REFUSAL_LEDGER,
                vt_fail(why, VT_E_PROOF,
                    "item %zu of the evidence is proven in another tree than the grant",
                    i + 1));
        if (f->index >= grant->index || (i > 0 && f->index <= c->fact[0].index))
            return vt_check_no(c, VT_REFUSAL_LEDGER,
                vt_fail(why, VT_E_PROOF,
                    "the ledger has not the request first, then the approvals, then the "
                    "grant"));
    }
    return VT_OK;
}

static enum vt_err
check_ledger(struct vt_check *c, struct vt_ledger_view *view, struct vt_why *why)
{
    const char *supervisor = vt_vault_policy_supervisor(c->policy);

    enum vt_err err = prove_items(c, why);
    if (err == VT_OK)
        err = check_one_tree(c, why);
    if (err != VT_OK)
        return err;
    err = vt_ledger_view_check(view, the_grant(c), c->file, why);
    if (err != VT_OK)
        return vt_check_no(
            c, vt_err_exit_code(err) == 1 ? VT_REFUSAL_LEDGER : VT_REFUSAL_NONE, err);
    err = vt_fact_cosigned_by(c->trust, &c->file->item[c->file->count - 1], supervisor, why);
    if (err != VT_OK)
        return vt_check_no(c, VT_REFUSAL_SUPERVISOR, vt_fail_in(why, err, "the supervisor"));
    return VT_OK;
}

/* ---- the request ---- */

static enum vt_err
check_requester(struct vt_check *c, struct vt_why *why)
{
    const struct vt_request *r = &c->granted.request;
    const struct vt_rule_party *party = vt_vault_policy_party(c->policy, r->requester);

    if (party == NULL || !vt_vault_policy_may_ask(c->policy, r->requester, r->purpose))
        return vt_check_no(c, VT_REFUSAL_REQUESTER,
            vt_fail(why, VT_E_REFUSED, "the vault policy does not let `%s` ask for `%s`",
                r->requester, r->purpose));
    if (!vt_check_signed_by(&c->fact[0], party))
        return vt_check_no(c, VT_REFUSAL_REQUESTER,
            vt_fail(why, VT_E_SIG, "the request says it is by `%s`, but `%s` signed it",
                r->requester, c->fact[0].signer->name));
    return VT_OK;
}

static enum vt_err
check_scope(struct vt_check *c, struct vt_why *why)
{
    const struct vt_scope *s = &c->granted.request.scope;

    if (vt_vault_policy_region(c->policy, s->region) == NULL)
        return vt_check_no(c, VT_REFUSAL_SCOPE,
            vt_fail(why, VT_E_REFUSED, "the vault policy has no region %s", s->region));
    for (size_t i = 0; i < s->class_count; i++) {
        if (vt_vault_policy_class(c->policy, s->class_name[i]) == NULL)
            return vt_check_no(c, VT_REFUSAL_SCOPE,
                vt_fail(
                    why, VT_E_REFUSED, "the vault policy has no class `%s`", s->class_name[i]));
    }
    return VT_OK;
}

static int64_t
witnessed(const struct vt_fact *f)
{
    return f->cosigned_time > INT64_MAX ? INT64_MAX : (int64_t)f->cosigned_time;
}

/* How long the request lives from `begin` on. */
static enum vt_err
check_life(struct vt_check *c, int64_t begin, struct vt_why *why)
{
    const struct vt_request *r = &c->granted.request;
    uint64_t limit = vt_vault_policy_limit(c->policy, r->mode);

    if ((uint64_t)(r->expires - begin) > limit)
        return vt_check_no(c, VT_REFUSAL_LIFE,
            vt_fail(why, VT_E_REFUSED,
                "the request lives %" PRId64 " seconds; the vault policy permits %" PRIu64
                " for %s",
                r->expires - begin, limit, vt_mode_name(r->mode)));
    return VT_OK;
}

/* A clock that runs late does not bring a request back to life: witnesses have
 * vouched for a later time. And one that was dated into the future lives from the time
 * that they vouch for. */
static enum vt_err
check_times(struct vt_check *c, struct vt_why *why)
{
    const struct vt_request *r = &c->granted.request;
    int64_t seen = witnessed(&c->fact[0]), latest = witnessed(the_grant(c));

    if (seen == 0)
        return vt_check_no(c, VT_REFUSAL_LEDGER,
            vt_fail(why, VT_E_QUORUM,
                "the trust policy asks for no witnesses, so nobody vouches "
                "for when the request was made"));
    if (c->now >= r->expires || latest >= r->expires)
        return vt_check_no(
            c, VT_REFUSAL_EXPIRED, vt_fail(why, VT_E_EXPIRED, "the request has expired"));
    return check_life(c, r->made < seen ? r->made : seen, why);
}

static enum vt_err
check_request(struct vt_check *c, struct vt_why *why)
{
    struct vt_granted *g = &c->granted;

    enum vt_err err = vt_request_read(c->fact[0].doc, &g->request, why);
    if (err != VT_OK)
        return vt_check_no(c, VT_REFUSAL_SCOPE, err);
    g->request_doc = *vt_doc_digest(c->fact[0].doc);
    if (!vt_digest_eq(&g->request.policy, vt_vault_policy_digest(c->policy)))
        return vt_check_no(c, VT_REFUSAL_POLICY,
            vt_fail(why, VT_E_REFUSED,
                "the request was made under another vault policy than the one in force"));
    err = check_requester(c, why);
    if (err == VT_OK)
        err = check_scope(c, why);
    return err;
}

/* ---- the grant ---- */

static bool
names_approval(const struct vt_grant *g, const struct vt_digest *doc)
{
    for (size_t i = 0; i < g->approval_count; i++) {
        if (vt_digest_eq(&g->approval[i], doc))
            return true;
    }
    return false;
}

static bool
has_approval(const struct vt_check *c, const struct vt_digest *doc)
{
    for (size_t i = 1; i + 1 < c->fact_count; i++) {
        if (vt_digest_eq(vt_doc_digest(c->fact[i].doc), doc))
            return true;
    }
    return false;
}

/* The grant's approvals are those of the evidence, all of them and no others. */
static enum vt_err
check_same_approvals(struct vt_check *c, const struct vt_grant *g, struct vt_why *why)
{
    bool is_same = true;

    for (size_t i = 0; i < g->approval_count; i++)
        is_same = is_same && has_approval(c, &g->approval[i]);
    for (size_t i = 1; i + 1 < c->fact_count; i++)
        is_same = is_same && names_approval(g, vt_doc_digest(c->fact[i].doc));
    if (!is_same)
        return vt_check_no(c, VT_REFUSAL_APPROVALS,
            vt_fail(
                why, VT_E_DIGEST, "the grant names other approvals than those that are shown"));
    return VT_OK;
}

static enum vt_err
check_keeper(struct vt_check *c, const struct vt_grant *g, struct vt_why *why)
{
    const struct vt_rule_region *region =
        vt_vault_policy_region(c->policy, c->granted.request.scope.region);
    const struct vt_rule_party *keeper = vt_vault_policy_keeper(c->policy, g->site);

    if (region == NULL || keeper == NULL || strcmp(region->site, g->site) != 0)
        return vt_check_no(c, VT_REFUSAL_SCOPE,
            vt_fail(why, VT_E_REFUSED, "`%s` does not keep the region %s", g->site,
                c->granted.request.scope.region));
    if (!vt_check_signed_by(the_grant(c), keeper))
        return vt_check_no(c, VT_REFUSAL_ALTERED,
            vt_fail(why, VT_E_SIG, "the grant says it is by `%s`, but `%s` signed it", g->site,
                the_grant(c)->signer->name));
    return VT_OK;
}

static enum vt_err
check_grant(struct vt_check *c, struct vt_why *why)
{
    const struct vt_fact *f = the_grant(c);
    struct vt_grant g = {.approval_count = 0};

    enum vt_err err = vt_grant_read(f->doc, &g, why);
    if (err != VT_OK)
        return vt_check_no(c, err == VT_E_NOMEM ? VT_REFUSAL_NONE : VT_REFUSAL_ALTERED, err);
    if (!vt_digest_eq(&g.request, &c->granted.request_doc) || g.mode != c->granted.request.mode)
        return vt_check_no(c, VT_REFUSAL_ALTERED,
            vt_fail(why, VT_E_DIGEST, "the grant is of another request"));
    if (!vt_digest_eq(&g.policy, vt_vault_policy_digest(c->policy)))
        return vt_check_no(c, VT_REFUSAL_POLICY,
            vt_fail(why, VT_E_REFUSED,
                "the grant was made under another vault policy than the one in force"));
    err = check_keeper(c, &g, why);
    if (err == VT_OK)
        err = check_same_approvals(c, &g, why);
    if (err != VT_OK)
        return err;
    c->granted.grant_doc = *vt_doc_digest(f->doc);
    c->granted.index = f->index;
    c->granted.cosigned_time = f->cosigned_time;
    c->granted.checkpoint = f->checkpoint;
    return VT_OK;
}

enum vt_err
vt_grant_check(const struct vt_policy *trust, const struct vt_vault_policy *policy,
    const struct vt_evidence_file *file, int64_t now, struct vt_ledger_view *view,
    struct vt_granted *ret, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_ledger_view seen = *view;
    struct vt_check *c = calloc(1, sizeof *c);

    if (c == NULL) {
        *ret_refusal = VT_REFUSAL_NONE;
        return vt_fail(why, VT_E_NOMEM, "no memory for checking a grant");
    }
    c->trust = trust;
    c->policy = policy;
    c->file = file;
    c->now = now;
    enum vt_err err = check_ledger(c, &seen, why);
    if (err == VT_OK)
        err = check_request(c, why);
    if (err == VT_OK)
        err = check_times(c, why);
    if (err == VT_OK)
        err = vt_check_approvals(c, why);
    if (err == VT_OK)
        err = check_grant(c, why);
    if (err == VT_OK) {
        *view = seen;
        *ret = c->granted;
    }
    *ret_refusal = c->refusal;
    for (size_t i = 0; i < c->fact_count; i++)
        vt_fact_release(&c->fact[i]);
    free(c);
    return err;
}

enum vt_err
vt_grant_judge(const struct vt_vault_policy *policy, const struct vt_fact *fact, size_t n,
    struct vt_granted *ret, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_check *c = NULL;
    enum vt_err err;

    *ret_refusal = VT_REFUSAL_LEDGER;
    if (n < 2 || n > VT_EVIDENCE_COUNT_MAX)
        return vt_fail(why, VT_E_SYNTAX, "a grant takes a request, approvals and the grant");
    c = calloc(1, sizeof *c);
    *ret_refusal = VT_REFUSAL_NONE;
    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for checking a grant");
    c->policy = policy;
    c->fact_count = n;
    memcpy(c->fact, fact, n * sizeof *fact); /* borrowed: not released */
    err = check_one_tree(c, why);
    if (err == VT_OK)
        err = check_request(c, why);
    if (err == VT_OK)
        err = check_life(c, c->granted.request.made, why);
    if (err == VT_OK)
        err = vt_check_approvals(c, why);
    if (err == VT_OK)
        err = check_grant(c, why);
    if (err == VT_OK)
        *ret = c->granted;
    *ret_refusal = c->refusal;
    free(c);
    return err;
}
