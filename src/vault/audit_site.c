/* SPDX-License-Identifier: Apache-2.0 */
/* The audit of what a site's vault says it has done: refusals, runs, erasures, retention. */
#include "vault/audit_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400 };

static struct vt_audit_grant *
find_grant(const struct vt_audit *a, const struct vt_digest *doc)
{
    for (size_t i = a->grant_count; i-- > 0;) {
        if (vt_digest_eq(&a->grant[i].doc, doc))
            return &a->grant[i];
    }
    return NULL;
}

enum vt_err
vt_audit_refusal(struct vt_audit_item *i, struct vt_why *why)
{
    const struct vt_audit_request *r;
    struct vt_refusal_record refusal;
    struct vt_why wrong = {0};

    (void)why;
    if (vt_refusal_read(i->doc, &refusal, &wrong) != VT_OK)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s", wrong.text);
    if (vt_audit_keeper(i, i->step, refusal.site) == NULL)
        return vt_audit_say(i, VT_AUDIT_VOID, "by nobody who keeps data at %s", refusal.site);
    r = vt_audit_find_request(i->audit, &refusal.request);
    if (r == NULL)
        return vt_audit_say(i, VT_AUDIT_VOID, "there is no such request before it");
    return vt_audit_say(i, VT_AUDIT_OK, "%s released nothing for entry %" PRIu64 ": %s",
        refusal.site, i->audit->desk->row[r->row].index, vt_refusal_name(refusal.code));
}

/* The grant under which something was done at a site; NULL: the verdict is said. */
static struct vt_audit_grant *
granted(struct vt_audit_item *i, const struct vt_digest *request, const struct vt_digest *grant,
    const char *site)
{
    struct vt_audit_grant *g = find_grant(i->audit, grant);

    if (g == NULL || !vt_digest_eq(&i->audit->request[g->request].doc, request)) {
        if (vt_audit_keeper(i, i->step, site) == NULL)
            (void)vt_audit_say(i, VT_AUDIT_VOID, "by nobody who keeps data at %s", site);
        else
            (void)vt_audit_say(i, VT_AUDIT_VIOLATION, "there is no grant before it that holds");
        return NULL;
    }
    if (strcmp(g->site, site) != 0 || vt_audit_keeper(i, g->step, site) == NULL) {
        (void)vt_audit_say(i, VT_AUDIT_VOID, "by nobody to whom it was granted");
        return NULL;
    }
    return g;
}

/* What a run of a job must have in common with what was asked. */
static const char *
differs(const struct vt_run *run, const struct vt_request *r, const struct vt_audit_grant *g)
{
    static const struct vt_digest none;
    struct vt_digest query = run->has_query ? run->query : none;

    if (r->mode == VT_MODE_ERASURE)
        return "an erasure was asked for, not a run";
    if (!vt_digest_eq(&run->policy, vt_vault_policy_digest(g->step->policy)))
        return "it names another policy than its grant";
    if (run->has_job != r->has_job || (r->has_job && !vt_digest_eq(&run->job, &r->job)))
        return "another job than the one that was asked for";
    if (!vt_digest_eq(&query, &r->query))
        return "another query than the one that was asked for";
    if (run->epsilon > r->epsilon ||
        (run->outcome == VT_OUTCOME_DONE && run->epsilon != r->epsilon))
        return "other noise than what was asked for";
    if (run->started >= r->expires)
        return "begun after the request had expired";
    return NULL;
}

/* What was spent of the region's budget in the days before `at`. */
static uint64_t
spent(const struct vt_audit *a, const struct vt_rule_region *region, int64_t at)
{
    int64_t from = at - (int64_t)region->noise_days * DAY_S;
    uint64_t sum = 0;

    for (size_t i = 0; i < a->noise_count; i++) {
        if (strcmp(a->noise[i].region, region->name) == 0 && a->noise[i].at > from)
            sum += a->noise[i].epsilon;
    }
    return sum;
}

/* Counts the run's noise against its region's budget. */
static enum vt_err
spend(struct vt_audit_item *i, const struct vt_run *run, const struct vt_audit_grant *g,
    bool *ret_ok, struct vt_why *why)
{
    struct vt_audit *a = i->audit;
    const char *name = a->request[g->request].request.scope.region;
    const struct vt_rule_region *region = vt_vault_policy_region(g->step->policy, name);
    void *array = a->noise;
    enum vt_err err;

    *ret_ok = true;
    if (run->epsilon == 0 || region == NULL)
        return VT_OK;
    err = vt_audit_room(&array, a->noise_count, &a->noise_cap, sizeof *a->noise, why);
    a->noise = array;
    if (err != VT_OK)
        return err;
    a->noise[a->noise_count] =
        (struct vt_audit_noise){.at = run->finished, .epsilon = run->epsilon};
    (void)snprintf(
        a->noise[a->noise_count].region, sizeof a->noise[0].region, "%s", region->name);
    a->noise_count++;
    *ret_ok = spent(a, region, run->finished) <= region->noise_budget;
    return VT_OK;
}

enum vt_err
vt_audit_one_run(struct vt_audit_item *i, struct vt_why *why)
{
    struct vt_audit_request *r;
    struct vt_audit_grant *g;
    struct vt_why wrong = {0};
    struct vt_run run;
    const char *difference;
    bool in_budget = true;
    enum vt_err err;

    if (vt_run_read(i->doc, &run, &wrong) != VT_OK)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s", wrong.text);
    g = granted(i, &run.request, &run.grant, run.site);
    if (g == NULL)
        return VT_OK;
    r = &i->audit->request[g->request];
    r->uses++;
    err = spend(i, &run, g, &in_budget, why);
    if (err != VT_OK)
        return err;
    difference = differs(&run, &r->request, g);
    if (difference != NULL)
        return vt_audit_say(i, VT_AUDIT_VIOLATION, "%s", difference);
    if (r->uses > r->request.runs)
        return vt_audit_say(
            i, VT_AUDIT_VIOLATION, "run %" PRIu64 " of %" PRIu64, r->uses, r->request.runs);
    if (vt_audit_is_future(i->audit, run.finished))
        return vt_audit_say(i, VT_AUDIT_VIOLATION, "at a time that has not come");
    if (!in_budget)
        return vt_audit_say(i, VT_AUDIT_VIOLATION, "the noise budget of %s is overspent",
            r->request.scope.region);
    return vt_audit_say(i, VT_AUDIT_OK,
        "%s read %" PRIu64 " records of %" PRIu64 " subjects for entry %" PRIu64
        ", gave out %" PRIu64 " rows (%s)",
        run.site, run.records, run.subjects, i->audit->desk->row[r->row].index, run.rows_out,
        vt_outcome_name(run.outcome));
}

enum vt_err
vt_audit_erasure(struct vt_audit_item *i, struct vt_why *why)
{
    struct vt_audit_request *r;
    struct vt_audit_grant *g;
    struct vt_why wrong = {0};
    struct vt_erasure e;
    bool ok = true;
    enum vt_err err;

    if (vt_erasure_read(i->doc, &e, &wrong) != VT_OK)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s", wrong.text);
    g = granted(i, &e.request, &e.grant, e.site);
    if (g == NULL)
        return VT_OK;
    r = &i->audit->request[g->request];
    r->uses++;
    if (r->request.mode != VT_MODE_ERASURE || strcmp(r->request.scope.region, e.region) != 0)
        return vt_audit_say(i, VT_AUDIT_VIOLATION, "no erasure in %s was granted", e.region);
    if (r->uses > r->request.runs)
        return vt_audit_say(
            i, VT_AUDIT_VIOLATION, "erasure %" PRIu64 " of %" PRIu64, r->uses, r->request.runs);
    err = vt_audit_change(i, e.site, &e.ring, &ok, why);
    if (err != VT_OK || !ok)
        return err;
    return vt_audit_say(i, VT_AUDIT_OK,
        "%s destroyed the keys of a subject in %s (%zu) for entry %" PRIu64, e.site, e.region,
        e.key_count, i->audit->desk->row[r->row].index);
}

/* Whether an epoch's days are over by a policy: each class says how long it is kept. */
static bool
is_over(const struct vt_vault_policy *p, const struct vt_retired *e, int64_t made)
{
    const struct vt_rule_class *class = vt_vault_policy_class(p, e->class_name);

    return class == NULL ||
           (uint64_t)e->day + class->retention_days <= (uint64_t)(made / DAY_S);
}

enum vt_err
vt_audit_retention(struct vt_audit_item *i, struct vt_why *why)
{
    const struct vt_policy_step *step;
    struct vt_retention r = {0};
    struct vt_why wrong = {0};
    enum vt_err err = VT_OK;
    bool ok = true;

    if (vt_retention_read(i->doc, &r, &wrong) != VT_OK)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s", wrong.text);
    step = vt_policy_chain_find(i->audit->chain, &r.policy);
    if (vt_audit_keeper(i, i->step, r.site) == NULL) {
        err = vt_audit_say(i, VT_AUDIT_VOID, "by nobody who keeps data at %s", r.site);
        goto out;
    }
    if (step == NULL || step->since >= i->row->index || vt_audit_is_future(i->audit, r.made)) {
        err = vt_audit_say(i, VT_AUDIT_VIOLATION,
            "under a policy that was not in force, or at a time that has not come");
        goto out;
    }
    for (size_t n = 0; n < r.epoch_count && ok; n++) {
        ok = is_over(step->policy, &r.epoch[n], r.made);
        if (!ok)
            err = vt_audit_say(i, VT_AUDIT_VIOLATION,
                "a key of %s, %s was destroyed before its time was over", r.epoch[n].region,
                r.epoch[n].class_name);
    }
    if (ok)
        err = vt_audit_change(i, r.site, &r.ring, &ok, why);
    if (err == VT_OK && ok)
        err = vt_audit_say(i, VT_AUDIT_OK, "%s destroyed the keys of days that are over (%zu)",
            r.site, r.epoch_count);
out:
    vt_retention_release(&r);
    return err;
}
