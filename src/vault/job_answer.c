/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/job_answer.h"

#include "base/clock.h"
#include "base/progress.h"
#include "ledger/customers.h"
#include "vault/backup_parts.h"
#include "vault/job_prepare.h"
#include "vault/place.h"
#include "vault/say.h"
#include "vault/settle.h"
#include "vault/shares_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Runs stand in line: each may use all that the machine has. */
#define LOCK_TIMEOUT_MS (3600 * 1000)

/*
 * Files of one answer below HOME/vault/said, by the request's digest:
 *
 *     run-HEX.begun    a session is about to be opened: the grant's digest
 *     run-HEX.age      the sealed result, until it is handed out
 *     run-HEX          the signed document of the last run; removed when the next begins
 */
struct answering {
    const struct vt_answer *a;
    struct vt_prepared prepared;
    struct vt_buf shares;
    struct vt_buf evidence;
    struct vt_granted *granted;
    uint64_t session;
    struct vt_job_result result;
    struct vt_run run;
    char work[VT_PATH_MAX];
};

static enum vt_err
path_of(
    const struct vt_answer *a, const char *suffix, char ret[VT_PATH_MAX], struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    vt_digest_hex(a->request, hex);
    return vt_say_path(a->home, ret, why, "run-%.32s%s", hex, suffix);
}

static enum vt_err
remove_file(const struct vt_answer *a, const char *suffix, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(a, suffix, path, why);
    if (err == VT_OK && unlink(path) != 0 && errno != ENOENT)
        err = vt_fail_errno(why, "%s", path);
    return err;
}

/*
 * What is told.
 */

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
    r->finished = vt_clock_now(&vt_clock_system);
    if (r->finished < r->started)
        r->finished = r->started;
}

static enum vt_err
describe_customers(struct answering *x, struct vt_why *why)
{
    struct vt_customers *c = NULL;
    enum vt_err err =
        vt_customers_parse(x->result.customers.data, x->result.customers.len, &c, why);
    if (err != VT_OK)
        return err;
    x->run.customers = vt_customers_count(c);
    x->run.has_customers_root = x->run.customers > 0;
    vt_customers_root(c, &x->run.customers_root);
    vt_customers_free(c);
    return VT_OK;
}

/* HOME/vault/accesses/RUN: what the store process answers customers from. */
static enum vt_err
keep_customers(const struct answering *x, const struct vt_digest *run, struct vt_why *why)
{
    const struct vt_buf *b = &x->result.customers;
    char path[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    vt_digest_hex(run, hex);
    enum vt_err err = vt_vault_path(x->a->home, path, why, "accesses");
    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_vault_path(x->a->home, path, why, "accesses/%s", hex);
    return err == VT_OK ? vt_file_replace(path, 0600, b->data, b->len, why) : err;
}

/* Signs the run's document and stores it: from here on it is what will be said. */
static enum vt_err
store_document(struct answering *x, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_doc *doc = NULL;
    struct vt_digest digest;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_run_doc(&x->run, &doc, why);
    if (err == VT_OK)
        err = vt_doc_sign(doc, x->a->signer, &b, why);
    if (err == VT_OK) {
        vt_digest_of(b.data, b.len, &digest);
        err = keep_customers(x, &digest, why);
    }
    if (err == VT_OK)
        err = path_of(x->a, "", path, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, b.data, b.len, why);
    vt_doc_free(doc);
    vt_buf_release(&b);
    return err;
}

/* Says the document that is stored; then its session is told of. */
static enum vt_err
say(const struct answering *x, uint64_t *ret_index, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(x->a, "", path, why);
    if (err == VT_OK)
        err = vt_say_once(x->a->desk, x->a->signer, path, NULL, NULL, ret_index, why);
    return err == VT_OK ? remove_file(x->a, ".begun", why) : err;
}

static enum vt_err
no_customers(struct vt_buf *b, struct vt_why *why)
{
    struct vt_customers *c = NULL;
    struct vt_digest root;
    uint64_t count = 0;
    uint8_t salt[16];
    vt_buf_init(b, 4096);
    enum vt_err err = vt_random(salt, sizeof salt, why);
    if (err == VT_OK)
        err = vt_customers_new(salt, &c, why);
    if (err == VT_OK)
        err = vt_customers_end(c, &count, &root, why);
    if (err == VT_OK)
        err = vt_customers_put(c, b, why);
    vt_customers_free(c);
    return err;
}

/* A run that came to nothing: nothing of what it read was given out. */
static enum vt_err
say_failed(struct answering *x, enum vt_outcome outcome, struct vt_why *why)
{
    uint64_t index = 0;
    vt_job_result_release(&x->result);
    x->result = (struct vt_job_result){0};
    describe(x);
    x->run.outcome = outcome;
    enum vt_err err = no_customers(&x->result.customers, why);
    if (err == VT_OK)
        err = store_document(x, why);
    return err == VT_OK ? say(x, &index, why) : err;
}

/*
 * The run.
 */

/* Notes that a session is about to be opened under this grant. */
static enum vt_err
note_begun(struct answering *x, struct vt_why *why)
{
    struct vt_evidence_file *f = calloc(1, sizeof *f);
    char path[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err = f != NULL ? vt_evidence_parse(x->evidence.data, x->evidence.len, f, why)
                                : vt_fail(why, VT_E_NOMEM, "no memory for evidence");
    if (err == VT_OK && f->count == 0)
        err = vt_fail(why, VT_E_SYNTAX, "evidence without a grant");
    if (err == VT_OK) {
        const struct vt_slice_of *grant = &f->item[f->count - 1].document;
        vt_digest_of(grant->p, grant->len, &x->run.grant);
        vt_digest_hex(&x->run.grant, hex);
        err = remove_file(x->a, "", why);
    }
    if (err == VT_OK)
        err = path_of(x->a, ".begun", path, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, hex, strlen(hex), why);
    free(f);
    return err;
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
        err = note_begun(x, why);
    if (err != VT_OK)
        return err;
    err = vt_keeper_session(x->a->keeper, &open, &x->session, x->granted, &refusal, why);
    /* Only a keeper that answered has certainly opened nothing. */
    if (err != VT_OK && refusal != VT_REFUSAL_NONE &&
        remove_file(x->a, ".begun", &ignored) != VT_OK)
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
    char path[VT_PATH_MAX];
    describe(x);
    x->run.outcome = VT_OUTCOME_DONE;
    enum vt_err err = describe_customers(x, why);
    if (err == VT_OK)
        err = path_of(x->a, ".age", path, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, x->result.sealed.data, x->result.sealed.len, why);
    return err == VT_OK ? store_document(x, why) : err;
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
    if (say_failed(x,
            err == VT_E_TIMEOUT || err == VT_E_LIMIT ? VT_OUTCOME_LIMIT : VT_OUTCOME_FAILED,
            &told) != VT_OK)
        return vt_fail(why, err, "%.600s (and the ledger could not be told: %.300s)", why->text,
            told.text);
    return err;
}

/*
 * What a killed command left.
 */

/* The document of the last run, if there is one whose result was not handed out. */
static enum vt_err
find_made(struct answering *x, bool *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_doc *doc = NULL;
    struct vt_digest had;
    char age[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    *ret = false;
    enum vt_err err = path_of(x->a, ".age", age, why);
    if (err == VT_OK)
        err = path_of(x->a, "", path, why);
    if (err != VT_OK || !vt_file_exists(age) || !vt_file_exists(path))
        return err;
    err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = vt_doc_parse(b.data, b.len, VT_DOC_RUN, &doc, why);
    if (err == VT_OK)
        err = vt_run_read(doc, &x->run, why);
    if (err == VT_OK)
        err = vt_digest_of_file(age, &had, NULL, why);
    /* Another result than the document's is of a run that was killed between the two. */
    *ret = err == VT_OK && vt_digest_eq(&had, &x->run.result);
    vt_doc_free(doc);
    vt_buf_release(&b);
    return err;
}

/* The grant of the session that was noted. */
static enum vt_err
read_begun(const char *path, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DIGEST_HEX_SIZE);
    enum vt_err err = vt_file_read(path, &b, why);
    if (err == VT_OK && !vt_digest_from_hex(vt_buf_str(&b), b.len, ret))
        err = vt_fail(why, VT_E_SYNTAX, "%s: not what this program writes", path);
    vt_buf_release(&b);
    return err;
}

/* A session that was noted and whose result there is not: said as a run that failed, by the
 * document that was signed for it, if it came so far. */
static enum vt_err
end_begun(struct answering *x, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char doc[VT_PATH_MAX];
    uint64_t index = 0;
    enum vt_err err = path_of(x->a, ".begun", path, why);
    if (err == VT_OK)
        err = path_of(x->a, "", doc, why);
    if (err != VT_OK || !vt_file_exists(path))
        return err;
    if (vt_file_exists(doc))
        return say(x, &index, why);
    err = read_begun(path, &x->run.grant, why);
    if (err == VT_OK)
        err = vt_prepare_request(x->a, &x->prepared, why);
    x->run.started = vt_clock_now(&vt_clock_system);
    if (err == VT_OK)
        err = say_failed(x, VT_OUTCOME_FAILED, why);
    vt_prepared_release(&x->prepared);
    vt_job_result_release(&x->result);
    x->prepared = (struct vt_prepared){0};
    x->result = (struct vt_job_result){0};
    x->run = (struct vt_run){0};
    return err == VT_OK ? remove_file(x->a, ".age", why) : err;
}

/* The result is where it was asked for before it is gone here. */
static enum vt_err
hand_out(const struct answering *x, struct vt_why *why)
{
    struct vt_digest digest;
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(x->a, ".age", path, why);
    if (err == VT_OK)
        err = vt_backup_copy(path, x->a->out, 0600, &digest, NULL, why);
    if (err == VT_OK && !vt_digest_eq(&digest, &x->run.result))
        err = vt_fail(why, VT_E_DIGEST, "%s: not what the ledger says", path);
    return err == VT_OK ? remove_file(x->a, ".age", why) : err;
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
        .shares = VT_BUF(VT_SHARES_JOIN_MAX),
        .evidence = VT_BUF(VT_EVIDENCE_MAX),
        .granted = calloc(1, sizeof *x.granted)};
    struct vt_lock lock = {.fd = -1};
    bool made = false;
    uint64_t index = 0;
    enum vt_err err = x.granted != NULL ? clear_work(&x, &lock, why)
                                        : vt_fail(why, VT_E_NOMEM, "answer: out of memory");
    if (err == VT_OK)
        err = find_made(&x, &made, why);
    if (err == VT_OK && !made)
        err = end_begun(&x, why);
    if (err == VT_OK && !made)
        err = answer_anew(&x, why);
    if (err == VT_OK)
        err = say(&x, &index, why);
    if (err == VT_OK)
        err = hand_out(&x, why);
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
