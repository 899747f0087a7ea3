/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/job_answer.h"

#include "base/clock.h"
#include "base/progress.h"
#include "ledger/customers.h"
#include "vault/job_prepare.h"
#include "vault/place.h"
#include "vault/run_kept.h"
#include "vault/say.h"
#include "vault/settle.h"
#include "vault/shares_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs stand in line: each may use all that the machine has. */
#define LOCK_TIMEOUT_MS (3600 * 1000)

struct answering {
    const struct vt_answer *a;
    struct vt_run_kept kept;
    struct vt_prepared prepared;
    struct vt_buf shares;
    struct vt_buf evidence;
    struct vt_granted *granted;
    uint64_t session;
    struct vt_job_result result;
    struct vt_run run;
    char work[VT_PATH_MAX];
};

static void
describe(struct answering *x)
{
    const struct vt_scan_counts *c = &x->result.counts;
    const struct vt_request *q = &x->prepared.request;
    static const struct vt_digest none;
    struct vt_run *r = &x->run;
    r->request = *x->a->request;
    r->policy = q->policy;
    (void)snprintf(r->site, sizeof r->site, "%s", x->a->home->name);
    r->has_job = true;
    r->job = q->job;
    r->has_query = !vt_digest_eq(&q->query, &none);
    r->query = q->query;
    r->segments = c->segments;
    r->segments_digest = c->segments_digest;
    r->blocks = c->blocks;
    r->records = c->records;
    r->plain_bytes = c->plain_bytes;
    r->subjects = c->subjects;
    r->erased_blocks = c->erased_blocks;
    r->cells = x->result.sum.cells;
    r->rows_out = x->result.sum.rows;
    r->rows_held_back = x->result.sum.held_back;
    r->epsilon = q->epsilon;
    vt_digest_of(x->result.sealed.data != NULL ? x->result.sealed.data : (const uint8_t *)"",
        x->result.sealed.len, &r->result);
    r->result_bytes = x->result.sealed.len;
    r->outcome = VT_OUTCOME_DONE;
}

/* The keeper's no is told in the ledger, and nothing was opened. */
static enum vt_err
refused(struct answering *x, enum vt_refusal code, enum vt_err err, struct vt_why *why)
{
    struct vt_why ignored = {0};
    uint64_t index = 0;
    if (code == VT_REFUSAL_NONE)
        return err;
    if (vt_desk_refuse(x->a->desk, x->a->request, code, &index, &ignored) != VT_OK)
        return vt_fail(why, err, "%.700s (and the ledger could not be told: %.200s)", why->text,
            ignored.text);
    return err;
}

static enum vt_err
open_session(struct answering *x, struct vt_why *why)
{
    struct vt_keeper_open open = {.evidence = x->evidence.data,
        .evidence_len = x->evidence.len,
        .passport = x->prepared.passport.data,
        .passport_len = x->prepared.passport.len,
        .shares = x->shares.data,
        .shares_len = x->shares.len,
        .epsilon_spent = x->prepared.epsilon_spent};
    enum vt_refusal refusal = VT_REFUSAL_NONE;
    struct vt_why ignored = {0};
    /* All that was acknowledged until now is to be read, packed or not. */
    enum vt_err err = vt_settle_region(
        x->a->home, x->a->keeper, x->prepared.request.scope.region, VT_SETTLE_MS, why);
    if (err == VT_OK)
        err = vt_run_kept_spent(&x->kept, &x->prepared.request, why);
    if (err == VT_OK)
        err =
            vt_run_kept_begin(&x->kept, x->evidence.data, x->evidence.len, &x->run.grant, why);
    if (err != VT_OK)
        return err;
    err = vt_keeper_session(x->a->keeper, &open, &x->session, x->granted, &refusal, why);
    /* Only a keeper that answered has certainly opened nothing. */
    if (err != VT_OK && refusal != VT_REFUSAL_NONE &&
        vt_run_kept_unbegin(&x->kept, &ignored) != VT_OK)
        return vt_fail(why, VT_E_IO, "%s", ignored.text);
    return err == VT_OK ? err : refused(x, refusal, err, why);
}

static enum vt_err
run_job(struct answering *x, struct vt_why *why)
{
    const struct vt_prepared *p = &x->prepared;
    struct vt_why ignored = {0};
    const struct vt_job job = {.home = x->a->home,
        .keeper = x->a->keeper,
        .session = x->session,
        .request = *x->a->request,
        .scope = x->granted->request.scope,
        .threshold = p->threshold,
        .epsilon = x->granted->request.epsilon,
        .result_to = x->granted->request.result_to,
        .artifact = p->artifact.data,
        .artifact_len = p->artifact.len,
        .query = p->query.data,
        .query_len = p->query.len,
        .root = p->root,
        .work_dir = x->work,
        .limits = x->a->limits,
        .progress = x->a->progress};
    if (x->a->progress != NULL)
        vt_progress_begin(x->a->progress, "segments", 0);
    enum vt_err err = vt_job_run(&job, &x->result, why);
    if (x->a->progress != NULL)
        vt_progress_end(x->a->progress);
    /* After a failure the channel may be in the middle of an answer: closing it ends the
     * session as well. */
    if (err == VT_OK)
        (void)!vt_keeper_end(x->a->keeper, x->session, &ignored);
    return err;
}

static enum vt_err
store_result(struct answering *x, struct vt_why *why)
{
    const struct vt_job_result *r = &x->result;
    struct vt_customers *c = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_customers_parse(r->customers.data, r->customers.len, &c, why);
    describe(x);
    if (err == VT_OK)
        err = vt_run_kept_result(&x->kept, path, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, r->sealed.data, r->sealed.len, why);
    if (err == VT_OK)
        err = vt_run_kept_store(&x->kept, &x->run, c, why);
    vt_customers_free(c);
    return err;
}

/* All that can go wrong before a session is opened, so that none is spent on it. */
static enum vt_err
get_ready(struct answering *x, struct vt_why *why)
{
    const struct vt_answer *a = x->a;
    bool passport = false;
    enum vt_err err = vt_prepare_request(a, &x->prepared, why);
    if (err == VT_OK)
        err = vt_shares_in_load(a->home, a->request, a->share, a->share_count, &x->shares, why);
    if (err == VT_OK)
        err = vt_say_grant(a->desk, a->keeper, a->request, &x->evidence, why);
    if (err != VT_OK)
        return err;
    err = vt_prepare_environment(a, &x->prepared, &passport, why);
    return err == VT_OK || passport ? err : refused(x, VT_REFUSAL_JOB, err, why);
}

static enum vt_err
answer_anew(struct answering *x, struct vt_why *why)
{
    struct vt_why told = {0};
    x->run.started = vt_clock_now(&vt_clock_system);
    enum vt_err err = get_ready(x, why);
    if (err == VT_OK)
        err = open_session(x, why);
    if (err != VT_OK)
        return err;
    err = run_job(x, why);
    if (err == VT_OK)
        return store_result(x, why);
    if (vt_run_kept_fail(&x->kept, &x->prepared.request, &x->run.grant, x->run.started,
            err == VT_E_TIMEOUT || err == VT_E_LIMIT ? VT_OUTCOME_LIMIT : VT_OUTCOME_FAILED,
            &told) != VT_OK)
        return vt_fail(why, err, "%.600s (and the ledger could not be told: %.300s)", why->text,
            told.text);
    return err;
}

/* A session that a killed command had and that came to nothing: said as a run that failed. */
static enum vt_err
end_begun(struct answering *x, struct vt_why *why)
{
    struct vt_digest grant;
    bool unsaid = false;
    enum vt_err err = vt_run_kept_end(&x->kept, &grant, &unsaid, why);
    if (err != VT_OK || !unsaid)
        return err;
    err = vt_prepare_request(x->a, &x->prepared, why);
    if (err == VT_OK)
        err = vt_run_kept_fail(&x->kept, &x->prepared.request, &grant,
            vt_clock_now(&vt_clock_system), VT_OUTCOME_FAILED, why);
    vt_prepared_release(&x->prepared);
    x->prepared = (struct vt_prepared){0};
    return err;
}

/* Nobody else runs a job: what a killed run left in the work folder goes. */
static enum vt_err
clear_work(struct answering *x, struct vt_lock *lock, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(x->a->home, path, why, "answer.lock");
    if (err == VT_OK)
        err = vt_lock_wait(
            lock, path, "answering at this site", LOCK_TIMEOUT_MS, x->a->progress, why);
    if (err == VT_OK)
        err = vt_vault_path(x->a->home, x->work, why, "work");
    if (err == VT_OK)
        err = vt_tree_remove(x->work, why);
    return err == VT_OK ? vt_dir_make(x->work, 0700, why) : err;
}

enum vt_err
vt_answer_run(const struct vt_answer *a, struct vt_answered *ret, struct vt_why *why)
{
    struct answering x = {.a = a,
        .kept = {a->home, "run", a->desk, a->signer, a->request},
        .shares = VT_BUF(VT_SHARES_JOIN_MAX),
        .evidence = VT_BUF(VT_EVIDENCE_MAX),
        .granted = calloc(1, sizeof *x.granted)};
    struct vt_lock lock = {.fd = -1};
    bool made = false;
    uint64_t index = 0;
    enum vt_err err = x.granted != NULL ? clear_work(&x, &lock, why)
                                        : vt_fail(why, VT_E_NOMEM, "answer: out of memory");
    if (err == VT_OK)
        err = vt_run_kept_find(&x.kept, &x.run, &made, why);
    if (err == VT_OK && !made)
        err = end_begun(&x, why);
    if (err == VT_OK && !made)
        err = answer_anew(&x, why);
    if (err == VT_OK)
        err = vt_run_kept_say(&x.kept, &index, why);
    if (err == VT_OK)
        err = vt_run_kept_hand_out(&x.kept, &x.run.result, a->out, why);
    if (err == VT_OK)
        *ret = (struct vt_answered){
            .said = x.run, .index = index, .again = made, .swap = x.result.swap};
    vt_prepared_release(&x.prepared);
    vt_job_result_release(&x.result);
    vt_buf_release(&x.shares);
    vt_buf_release(&x.evidence);
    free(x.granted);
    vt_lock_release(&lock);
    return err;
}
