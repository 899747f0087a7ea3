/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a session: everything that must hold before a key of a grant's scope may leave.
 */
#include "vault/keeper_state.h"

#include "base/clock.h"
#include "base/log.h"
#include "note/passport.h"

#include <stdlib.h>
#include <string.h>

static enum vt_err
refuse(enum vt_refusal *ret, enum vt_refusal code, struct vt_why *why, const char *text)
{
    *ret = code;
    return vt_fail(why, VT_E_REFUSED, "%s", text);
}

/* Errors that are nobody's fault but ours, and so no refusal of the grant. */
static bool
our_own(enum vt_err err)
{
    return err == VT_E_NOMEM || err == VT_E_IO || err == VT_E_CRYPTO || err == VT_E_NOSPC;
}

/* What is asked again after it was done: an erasure whose request has expired meanwhile still
 * has its answer. All of the grant is checked but its time. */
static enum vt_err
judge_done(struct vt_keeper_state *s, const struct vt_evidence_file *f, struct vt_granted *ret,
    enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_fact *fact = calloc(VT_EVIDENCE_COUNT_MAX, sizeof *fact);
    enum vt_err err = VT_OK;

    if (fact == NULL)
        return vt_fail(why, VT_E_NOMEM, "grant: out of memory");
    for (size_t i = 0; i < f->count && err == VT_OK; i++)
        err = vt_fact_check(s->trust,
            i == 0              ? VT_ENTRY_REQUEST
            : i + 1 == f->count ? VT_ENTRY_GRANT
                                : VT_ENTRY_APPROVAL,
            &f->item[i], &fact[i], why);
    if (err == VT_OK)
        err = vt_grant_judge(s->policy, fact, f->count, ret, ret_refusal, why);
    for (size_t i = 0; i < f->count; i++)
        vt_fact_release(&fact[i]);
    free(fact);
    return err;
}

static bool
done_before(const struct vt_keeper_state *s, const struct vt_evidence_file *f)
{
    struct vt_digest grant;
    size_t len;

    if (f->count == 0)
        return false;
    vt_digest_of(f->item[f->count - 1].document.p, f->item[f->count - 1].document.len, &grant);
    return vt_ring_answer(s->ring, &grant, &len) != NULL;
}

static enum vt_err
check_evidence(struct vt_keeper_state *s, const struct vt_keeper_open *o,
    struct vt_evidence_file *f, struct vt_granted *ret, struct vt_ledger_view *view,
    enum vt_refusal *ret_refusal, struct vt_why *why)
{
    enum vt_err err = vt_evidence_parse(o->evidence, o->evidence_len, f, why);

    if (err != VT_OK) {
        *ret_refusal = VT_REFUSAL_LEDGER;
        return err;
    }
    err = vt_grant_check(
        s->trust, s->policy, f, vt_clock_now(&vt_clock_system), view, ret, ret_refusal, why);
    if (*ret_refusal == VT_REFUSAL_EXPIRED && done_before(s, f)) {
        *view = *vt_ring_view(s->ring);
        err = judge_done(s, f, ret, ret_refusal, why);
    }
    return err;
}

enum vt_err
vt_keeper_granted(struct vt_keeper_state *s, const struct vt_keeper_open *o,
    struct vt_granted *ret, struct vt_ledger_view *ret_view, enum vt_refusal *ret_refusal,
    struct vt_why *why)
{
    struct vt_evidence_file *f = NULL;
    enum vt_err err = vt_keeper_need_policy(s, why);

    if (err == VT_OK)
        err = vt_keeper_trust(s, why);
    if (err != VT_OK)
        return err;
    f = calloc(1, sizeof *f);
    if (f == NULL)
        return vt_fail(why, VT_E_NOMEM, "grant: out of memory");
    *ret_view = *vt_ring_view(s->ring);
    err = check_evidence(s, o, f, ret, ret_view, ret_refusal, why);
    if (err != VT_OK && *ret_refusal == VT_REFUSAL_NONE && !our_own(err))
        *ret_refusal = VT_REFUSAL_LEDGER;
    if (err == VT_OK && !vt_keeper_keeps(s, ret->request.scope.region))
        err = refuse(ret_refusal, VT_REFUSAL_SCOPE, why,
            "the region is not kept at this site by the vault policy in force");
    free(f);
    return err;
}

enum vt_err
vt_keeper_subject(const struct vt_keeper_open *o, const struct vt_request *q,
    enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_digest d;

    if (!q->scope.one_subject)
        return VT_OK;
    if (o->subject == NULL)
        return refuse(ret_refusal, VT_REFUSAL_SCOPE, why,
            "the request is about one data subject, whose salt and tag were not given");
    vt_subject_commit(o->subject, o->subject + VT_SUBJECT_SIZE, &d);
    if (!vt_digest_eq(&d, &q->scope.subject_commitment))
        return refuse(ret_refusal, VT_REFUSAL_SCOPE, why,
            "salt and tag are not those of the data subject that the request is about");
    return VT_OK;
}

/* The job must be the artifact that was asked for, and proven. */
static enum vt_err
check_job(struct vt_keeper_state *s, const struct vt_keeper_open *o, const struct vt_request *q,
    enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_passport_report *report;
    struct vt_passport *p = NULL;
    enum vt_err err;

    if (q->mode == VT_MODE_EXPORT && !q->has_job)
        return VT_OK;
    if (!q->has_job || o->passport == NULL)
        return refuse(ret_refusal, VT_REFUSAL_JOB, why,
            q->has_job ? "the job's passport was not shown" : "the request names no job");
    report = calloc(1, sizeof *report);
    if (report == NULL)
        return vt_fail(why, VT_E_NOMEM, "passport: out of memory");
    err = vt_passport_parse(o->passport, o->passport_len, &p, why);
    if (err == VT_OK)
        err = vt_passport_check(p, &q->job, s->trust, report, why);
    if (err != VT_OK && !our_own(err)) {
        *ret_refusal = VT_REFUSAL_JOB;
        err = vt_fail_in(why, err, "the job has no valid passport");
    }
    vt_passport_free(p);
    free(report);
    return err;
}

static enum vt_err
check_spent(const struct vt_keeper_state *s, const struct vt_granted *g,
    enum vt_refusal *ret_refusal, struct vt_why *why)
{
    uint64_t uses = vt_ring_uses(s->ring, &g->grant_doc);

    if (uses < g->request.runs)
        return VT_OK;
    *ret_refusal = VT_REFUSAL_SPENT;
    return vt_fail(why, VT_E_REFUSED, "the grant was for %llu runs, and all of them were begun",
        (unsigned long long)g->request.runs);
}

/* What was spent is what the keeper or the caller (who read the ledger) counted, whichever is
 * more. */
static enum vt_err
check_budget(const struct vt_keeper_state *s, const struct vt_keeper_open *o,
    const struct vt_request *q, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    const struct vt_rule_region *r = vt_vault_policy_region(s->policy, q->scope.region);
    uint32_t today = vt_keeper_today();
    uint64_t spent;

    if (q->epsilon == 0 || r == NULL || r->noise_budget == 0)
        return VT_OK;
    spent =
        vt_ring_spent(s->ring, r->name, today >= r->noise_days ? today - r->noise_days + 1 : 0);
    if (o->epsilon_spent > spent)
        spent = o->epsilon_spent;
    if (spent <= r->noise_budget && q->epsilon <= r->noise_budget - spent)
        return VT_OK;
    *ret_refusal = VT_REFUSAL_BUDGET;
    return vt_fail(why, VT_E_REFUSED,
        "the noise budget of %s is %llu thousandths in %lu days; %llu are spent and %llu asked",
        r->name, (unsigned long long)r->noise_budget, (unsigned long)r->noise_days,
        (unsigned long long)spent, (unsigned long long)q->epsilon);
}

static enum vt_err
check_mode(const struct vt_keeper_state *s, const struct vt_keeper_open *o,
    const struct vt_request *q, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    if (q->mode == VT_MODE_ERASURE)
        return refuse(ret_refusal, VT_REFUSAL_SCOPE, why,
            "the request is for an erasure, which opens nothing");
    if (q->mode == VT_MODE_EXPORT && !q->scope.one_subject)
        return refuse(ret_refusal, VT_REFUSAL_SCOPE, why,
            "an export is of one data subject, and the request names none");
    if (q->scope.one_subject &&
        !vt_ring_has_subject(s->ring, q->scope.region, o->subject + VT_SUBJECT_SIZE))
        return refuse(ret_refusal, VT_REFUSAL_ERASED, why,
            "there is no key of that data subject: nothing is left to open");
    return VT_OK;
}

static enum vt_err
check_all(struct vt_keeper_state *s, const struct vt_keeper_open *o, struct vt_granted *g,
    struct vt_ledger_view *view, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    enum vt_err err = vt_keeper_granted(s, o, g, view, ret_refusal, why);

    if (err == VT_OK)
        err = vt_keeper_subject(o, &g->request, ret_refusal, why);
    if (err == VT_OK)
        err = check_mode(s, o, &g->request, ret_refusal, why);
    if (err == VT_OK)
        err = check_job(s, o, &g->request, ret_refusal, why);
    if (err == VT_OK)
        err = check_spent(s, g, ret_refusal, why);
    if (err == VT_OK)
        err = check_budget(s, o, &g->request, ret_refusal, why);
    return err;
}

static struct vt_keeper_held *
free_session(struct vt_keeper_state *s)
{
    for (size_t i = 0; i < VT_KEEPER_SESSIONS_MAX; i++)
        if (s->session[i].id == 0)
            return &s->session[i];
    return NULL;
}

static enum vt_err
join(struct vt_keeper_state *s, const struct vt_keeper_open *o, const struct vt_granted *g,
    struct vt_joined *ret, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    enum vt_err err =
        vt_shares_join(s->policy, g, o->shares, o->shares_len, vt_ring_box(s->ring), ret, why);

    if (err != VT_OK && !our_own(err))
        *ret_refusal = VT_REFUSAL_SHARES;
    return err;
}

/* Counts the use, durable, before anything is opened under it. */
static enum vt_err
count_use(struct vt_keeper_state *s, const struct vt_granted *g,
    const struct vt_ledger_view *view, struct vt_why *why)
{
    struct vt_buf items = {.max = 4096, .secret = true};
    enum vt_err err;

    vt_ring_put_view(&items, view);
    vt_ring_put_uses(
        &items, &g->grant_doc, vt_ring_uses(s->ring, &g->grant_doc) + 1, g->request.expires);
    if (g->request.epsilon > 0)
        vt_ring_put_spent(
            &items, g->request.scope.region, vt_keeper_today(), g->request.epsilon);
    err = vt_ring_add(s->ring, &items, why);
    vt_buf_release(&items);
    return err;
}

static enum vt_err
begin(struct vt_keeper_held *h, int channel, const struct vt_keeper_open *o,
    const struct vt_granted *g, struct vt_why *why)
{
    uint64_t id = 0;
    enum vt_err err = vt_random(&id, sizeof id, why);

    if (err != VT_OK)
        return err;
    h->id = id | 1;
    h->channel = channel;
    h->expires = g->request.expires;
    h->scope = g->request.scope;
    if (h->scope.one_subject)
        memcpy(h->tag, o->subject + VT_SUBJECT_SIZE, sizeof h->tag);
    return VT_OK;
}

enum vt_err
vt_keeper_do_session(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_keeper_held *h = free_session(s);
    struct vt_granted *g = calloc(1, sizeof *g);
    struct vt_ledger_view view;
    struct vt_keeper_open o;
    enum vt_err err;

    if (g == NULL)
        return vt_fail(why, VT_E_NOMEM, "session: out of memory");
    err = vt_keeper_take_open(body->data, body->len, &o, why);
    if (err == VT_OK && h == NULL)
        err = vt_fail(why, VT_E_BUSY, "%u sessions are open already; end one of them",
            VT_KEEPER_SESSIONS_MAX);
    if (err == VT_OK)
        err = check_all(s, &o, g, &view, ret_refusal, why);
    if (err == VT_OK)
        err = join(s, &o, g, &h->joined, ret_refusal, why);
    if (err == VT_OK)
        err = count_use(s, g, &view, why);
    if (err == VT_OK)
        err = begin(h, channel, &o, g, why);
    if (err == VT_OK) {
        vt_buf_put_u64(b, h->id);
        vt_keeper_put_granted(b, g);
        vt_log(
            VT_LOG_INFO, "session for %s in %s", g->request.purpose, g->request.scope.region);
    } else if (h != NULL) {
        vt_keeper_session_end(h);
    }
    free(g);
    return err;
}

enum vt_err
vt_keeper_do_end(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_reader r = VT_READER(body->data, body->len);
    uint64_t id;

    (void)b;
    (void)ret_refusal;
    if (!vt_reader_u64(&r, &id) || r.left > 0 || id == 0)
        return vt_fail(why, VT_E_SYNTAX, "a misformed request to end a session");
    for (size_t i = 0; i < VT_KEEPER_SESSIONS_MAX; i++)
        if (s->session[i].id == id && s->session[i].channel == channel) {
            vt_keeper_session_end(&s->session[i]);
            return VT_OK;
        }
    return vt_fail(why, VT_E_STATE, "there is no such session, or it has expired");
}
