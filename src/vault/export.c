/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/export.h"

#include "base/clock.h"
#include "base/progress.h"
#include "crypto/age.h"
#include "ledger/customers.h"
#include "vault/place.h"
#include "vault/requests.h"
#include "vault/run_kept.h"
#include "vault/say.h"
#include "vault/settle.h"

#include <stdio.h>
#include <stdlib.h>

/* Exports stand in line: another's session under way must not look like one that was killed. */
#define LOCK_TIMEOUT_MS (3600 * 1000)

struct exporting {
    const struct vt_export *e;
    struct vt_run_kept kept;
    struct vt_request request;
    struct vt_granted *granted;
    uint64_t session;
    struct vt_age *age;
    struct vt_customers *customers;
    uint64_t records;
    struct vt_run run;
};

/* Notes the session, then opens it. */
static enum vt_err
begin_session(struct exporting *x, const struct vt_buf *evidence, struct vt_why *why)
{
    const struct vt_export *e = x->e;
    const struct vt_keeper_open open = {.evidence = evidence->data,
        .evidence_len = evidence->len,
        .shares = e->shares,
        .shares_len = e->shares_len,
        .subject = e->opening};
    enum vt_refusal refusal = VT_REFUSAL_NONE;
    struct vt_why ignored = {0};
    uint64_t index;
    enum vt_err err = vt_run_kept_spent(&x->kept, &x->request, why);

    if (err == VT_OK)
        err = vt_run_kept_begin(&x->kept, evidence->data, evidence->len, &x->run.grant, why);
    if (err != VT_OK)
        return err;
    err = vt_keeper_session(e->keeper, &open, &x->session, x->granted, &refusal, why);
    /* Only a keeper that answered has certainly opened nothing. */
    if (err == VT_OK || refusal == VT_REFUSAL_NONE)
        return err;
    if (vt_run_kept_unbegin(&x->kept, &ignored) != VT_OK)
        return vt_fail(why, VT_E_IO, "%s", ignored.text);
    if (vt_desk_refuse(e->desk, e->request, refusal, &index, &ignored) != VT_OK)
        return vt_fail(why, err, "%.700s (and the ledger could not be told: %.200s)", why->text,
            ignored.text);
    return err;
}

static enum vt_err
open_session(struct exporting *x, struct vt_why *why)
{
    const struct vt_export *e = x->e;
    struct vt_buf evidence = VT_BUF(VT_EVIDENCE_MAX);
    enum vt_err err = vt_say_grant(e->desk, e->keeper, e->request, &evidence, why);

    /* All that was acknowledged until now is to be read, packed or not. */
    if (err == VT_OK)
        err = vt_settle_region(e->home, e->keeper, x->request.scope.region, VT_SETTLE_MS, why);
    if (err == VT_OK)
        err = begin_session(x, &evidence, why);
    vt_buf_release(&evidence);
    return err;
}

static enum vt_err
take_block(void *ctx, const struct vt_segment_head *head, const struct vt_block_row *row,
    const uint8_t *batch_customer, const void *plain, size_t len, struct vt_why *why)
{
    struct exporting *x = ctx;
    enum vt_err err = vt_customers_add(x->customers, batch_customer, row->records, why);

    (void)head;
    x->records += row->records;
    if (x->e->progress != NULL)
        vt_progress_set(x->e->progress, x->records);
    return err == VT_OK ? vt_age_put(x->age, plain, len, why) : err;
}

static void
describe(struct exporting *x, const struct vt_scan_counts *c)
{
    struct vt_run *r = &x->run;

    r->request = x->granted->request_doc;
    r->grant = x->granted->grant_doc;
    r->policy = x->granted->request.policy;
    (void)snprintf(r->site, sizeof r->site, "%s", x->e->home->name);
    r->segments = c->segments;
    r->segments_digest = c->segments_digest;
    r->blocks = c->blocks;
    r->records = c->records;
    r->plain_bytes = c->plain_bytes;
    r->subjects = c->subjects;
    r->erased_blocks = c->erased_blocks;
    r->rows_out = c->records;
    r->outcome = VT_OUTCOME_DONE;
}

/* All of the subject's records, sealed into the file. */
static enum vt_err
seal_records(struct exporting *x, int fd, struct vt_why *why)
{
    const struct vt_request *q = &x->granted->request;
    struct vt_scan_counts counts = {0};
    enum vt_err err = vt_age_new(fd, &q->result_to, 1, &x->age, why);

    if (x->e->progress != NULL)
        vt_progress_begin(x->e->progress, "records", 0);
    if (err == VT_OK)
        err = vt_scan_run(
            x->e->home, x->e->keeper, x->session, &q->scope, take_block, x, &counts, why);
    if (err == VT_OK)
        err = vt_age_end(x->age, why);
    if (x->e->progress != NULL)
        vt_progress_end(x->e->progress);
    vt_age_free(x->age);
    x->age = NULL;
    describe(x, &counts);
    return err;
}

static enum vt_err
make_file(struct exporting *x, struct vt_why *why)
{
    struct vt_file_new f = {.fd = -1};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_run_kept_result(&x->kept, path, why);

    if (err == VT_OK)
        err = vt_file_new_begin(&f, path, 0600, why);
    if (err == VT_OK)
        err = seal_records(x, f.fd, why);
    if (err == VT_OK)
        err = vt_file_new_commit(&f, why);
    vt_file_new_abort(&f);
    if (err == VT_OK)
        err = vt_digest_of_file(path, &x->run.result, &x->run.result_bytes, why);
    return err;
}

static enum vt_err
store_run(struct exporting *x, struct vt_why *why)
{
    struct vt_digest root;
    uint64_t count;
    enum vt_err err = vt_customers_end(x->customers, &count, &root, why);

    return err == VT_OK ? vt_run_kept_store(&x->kept, &x->run, x->customers, why) : err;
}

static enum vt_err
get_ready(struct exporting *x, struct vt_why *why)
{
    uint8_t salt[16];
    enum vt_err err = vt_desk_request(x->e->desk, x->e->request, &x->request, why);

    if (err == VT_OK)
        err = vt_random(salt, sizeof salt, why);
    return err == VT_OK ? vt_customers_new(salt, &x->customers, why) : err;
}

static enum vt_err
export_anew(struct exporting *x, struct vt_why *why)
{
    struct vt_why told = {0};
    enum vt_err err;

    x->run.started = vt_clock_now(&vt_clock_system);
    err = get_ready(x, why);
    if (err == VT_OK)
        err = open_session(x, why);
    if (err != VT_OK)
        return err;
    err = make_file(x, why);
    (void)!vt_keeper_end(x->e->keeper, x->session, &told);
    if (err == VT_OK)
        return store_run(x, why);
    if (vt_run_kept_fail(&x->kept, &x->request, &x->run.grant, x->run.started,
            VT_OUTCOME_FAILED, &told) != VT_OK)
        return vt_fail(why, err, "%.600s (and the ledger could not be told: %.300s)", why->text,
            told.text);
    return err;
}

/* A session that a killed command had and that came to nothing: said as a run that failed. */
static enum vt_err
end_begun(struct exporting *x, struct vt_why *why)
{
    struct vt_digest grant;
    bool unsaid = false;
    enum vt_err err = vt_run_kept_end(&x->kept, &grant, &unsaid, why);

    if (err != VT_OK || !unsaid)
        return err;
    err = vt_desk_request(x->e->desk, x->e->request, &x->request, why);
    if (err == VT_OK)
        err = vt_run_kept_fail(&x->kept, &x->request, &grant, vt_clock_now(&vt_clock_system),
            VT_OUTCOME_FAILED, why);
    return err;
}

static enum vt_err
stand_in_line(const struct vt_export *e, struct vt_lock *lock, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(e->home, path, why, "export.lock");

    return err == VT_OK ? vt_lock_wait(lock, path, "exporting at this site", LOCK_TIMEOUT_MS,
                              e->progress, why)
                        : err;
}

static enum vt_err
export_once(struct exporting *x, uint64_t *ret_index, struct vt_why *why)
{
    bool made = false;
    enum vt_err err = vt_run_kept_find(&x->kept, &x->run, &made, why);

    if (err == VT_OK && !made)
        err = end_begun(x, why);
    if (err == VT_OK && !made)
        err = export_anew(x, why);
    if (err == VT_OK)
        err = vt_run_kept_say(&x->kept, ret_index, why);
    return err == VT_OK ? vt_run_kept_hand_out(&x->kept, &x->run.result, x->e->out, why) : err;
}

enum vt_err
vt_export_run(const struct vt_export *e, struct vt_exported *ret, struct vt_why *why)
{
    struct exporting x = {.e = e,
        .kept = {e->home, "export", e->desk, e->signer, e->request},
        .granted = calloc(1, sizeof *x.granted)};
    struct vt_lock lock = {.fd = -1};
    uint64_t index = 0;
    enum vt_err err = x.granted != NULL ? stand_in_line(e, &lock, why)
                                        : vt_fail(why, VT_E_NOMEM, "export: out of memory");

    if (err == VT_OK)
        err = export_once(&x, &index, why);
    if (err == VT_OK)
        *ret = (struct vt_exported){.said = x.run, .index = index};
    vt_customers_free(x.customers);
    free(x.granted);
    vt_lock_release(&lock);
    return err;
}
