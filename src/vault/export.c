/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/export.h"

#include "base/clock.h"
#include "base/progress.h"
#include "crypto/age.h"
#include "ledger/customers.h"
#include "vault/backup_parts.h"
#include "vault/place.h"
#include "vault/say.h"
#include "vault/settle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct exporting {
    const struct vt_export *e;
    struct vt_granted *granted;
    uint64_t session;
    struct vt_age *age;
    struct vt_customers *customers;
    uint64_t records;
    struct vt_run run;
};

/* HOME/vault/said/export-HEX: the document; with .age: the file until it is handed out. */
static enum vt_err
path_of(
    const struct vt_export *e, const char *suffix, char ret[VT_PATH_MAX], struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(e->request, hex);
    return vt_say_path(e->home, ret, why, "export-%.32s%s", hex, suffix);
}

static enum vt_err
remove_file(const struct vt_export *e, const char *suffix, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(e, suffix, path, why);

    if (err == VT_OK && unlink(path) != 0 && errno != ENOENT)
        err = vt_fail_errno(why, "%s", path);
    return err;
}

/* Notes that a session is about to be opened under this grant: should nothing come of it, it is
 * said as a run that failed. */
static enum vt_err
note_begun(struct exporting *x, const struct vt_buf *evidence, struct vt_why *why)
{
    struct vt_evidence_file *f = calloc(1, sizeof *f);
    char path[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err = VT_E_NOMEM;

    if (f == NULL)
        return vt_fail(why, err, "export: out of memory");
    err = vt_evidence_parse(evidence->data, evidence->len, f, why);
    if (err == VT_OK && f->count == 0)
        err = vt_fail(why, VT_E_SYNTAX, "evidence without a grant");
    if (err == VT_OK) {
        const struct vt_slice_of *grant = &f->item[f->count - 1].document;

        vt_digest_of(grant->p, grant->len, &x->run.grant);
        vt_digest_hex(&x->run.grant, hex);
        err = remove_file(x->e, "", why);
    }
    if (err == VT_OK)
        err = path_of(x->e, ".begun", path, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, hex, strlen(hex), why);
    free(f);
    return err;
}

static enum vt_err
open_session(struct exporting *x, struct vt_why *why)
{
    const struct vt_export *e = x->e;
    struct vt_buf evidence = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_keeper_open open = {
        .shares = e->shares, .shares_len = e->shares_len, .subject = e->opening};
    enum vt_refusal refusal = VT_REFUSAL_NONE;
    struct vt_why ignored = {0};
    uint64_t index;
    enum vt_err err = vt_say_grant(e->desk, e->keeper, e->request, &evidence, why);

    if (err == VT_OK) {
        open.evidence = evidence.data;
        open.evidence_len = evidence.len;
        err = note_begun(x, &evidence, why);
    }
    if (err == VT_OK) {
        err = vt_keeper_session(e->keeper, &open, &x->session, x->granted, &refusal, why);
        /* Only a keeper that answered has certainly opened nothing. */
        if (err != VT_OK && refusal != VT_REFUSAL_NONE) {
            (void)!vt_desk_refuse(e->desk, e->request, refusal, &index, &ignored);
            (void)!remove_file(e, ".begun", &ignored);
        }
    }
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
    if (err == VT_OK) /* what was acknowledged and is not packed yet too */
        err = vt_settle_region(x->e->home, x->e->keeper, q->scope.region, VT_SETTLE_MS, why);
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
    enum vt_err err = path_of(x->e, ".age", path, why);

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

/* Whose data it was, for the customers to ask later (ledger/customers.h). */
static enum vt_err
keep_customers(struct exporting *x, const struct vt_digest *run, struct vt_why *why)
{
    struct vt_buf b = VT_BUF((size_t)256 * 1024 * 1024);
    char path[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err = vt_vault_path(x->e->home, dir, why, "accesses");

    vt_digest_hex(run, hex);
    if (err == VT_OK)
        err = vt_dir_make(dir, 0700, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/%s", dir, hex);
    if (err == VT_OK)
        err = vt_customers_put(x->customers, &b, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

/* Signs the run's document and stores it: from here on it is what will be said. */
static enum vt_err
store_document(struct exporting *x, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_doc *doc = NULL;
    struct vt_digest digest;
    char path[VT_PATH_MAX];
    enum vt_err err =
        vt_customers_end(x->customers, &x->run.customers, &x->run.customers_root, why);

    x->run.has_customers_root = x->run.customers > 0;
    x->run.finished = vt_clock_now(&vt_clock_system);
    if (err == VT_OK)
        err = vt_run_doc(&x->run, &doc, why);
    if (err == VT_OK)
        err = vt_doc_sign(doc, x->e->signer, &b, why);
    if (err == VT_OK) {
        vt_digest_of(b.data, b.len, &digest);
        err = keep_customers(x, &digest, why);
    }
    if (err == VT_OK)
        err = path_of(x->e, "", path, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, b.data, b.len, why);
    vt_doc_free(doc);
    vt_buf_release(&b);
    return err;
}

/* Says the document that is stored. */
static enum vt_err
say(struct exporting *x, uint64_t *ret_index, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(x->e, "", path, why);

    if (err == VT_OK)
        err = vt_say_once(x->e->desk, x->e->signer, path, NULL, NULL, ret_index, why);
    return err == VT_OK ? remove_file(x->e, ".begun", why) : err;
}

/* The policy that the request was made under, from the ledger. */
static enum vt_err
find_policy(struct exporting *x, struct vt_why *why)
{
    struct vt_desk_entry e;
    struct vt_request q;
    struct vt_doc *doc = NULL;
    enum vt_err err = vt_desk_refresh(x->e->desk, why);

    if (err == VT_OK)
        err = vt_desk_find(x->e->desk, VT_ENTRY_REQUEST, x->e->request, &e, why);
    if (err == VT_OK)
        err = vt_desk_doc(x->e->desk, &e, &doc, why);
    if (err == VT_OK)
        err = vt_request_read(doc, &q, why);
    if (err == VT_OK)
        x->run.policy = q.policy;
    vt_doc_free(doc);
    return err;
}

/* A session that came to nothing: nothing of what was read was given out. */
static enum vt_err
say_failed(struct exporting *x, struct vt_why *why)
{
    struct vt_run failed = {.request = *x->e->request,
        .grant = x->run.grant,
        .started = x->run.started,
        .outcome = VT_OUTCOME_FAILED};
    uint8_t salt[16];
    uint64_t index;
    enum vt_err err = vt_random(salt, sizeof salt, why);

    (void)snprintf(failed.site, sizeof failed.site, "%s", x->e->home->name);
    vt_digest_of("", 0, &failed.result);
    vt_digest_of("", 0, &failed.segments_digest);
    x->run = failed;
    vt_customers_free(x->customers);
    x->customers = NULL;
    if (err == VT_OK)
        err = vt_customers_new(salt, &x->customers, why);
    if (err == VT_OK)
        err = find_policy(x, why);
    if (err == VT_OK)
        err = store_document(x, why);
    if (err == VT_OK)
        err = say(x, &index, why);
    vt_customers_free(x->customers);
    x->customers = NULL;
    return err == VT_OK ? remove_file(x->e, ".age", why) : err;
}

static enum vt_err
export_anew(struct exporting *x, struct vt_why *why)
{
    uint8_t salt[16];
    struct vt_why ignored = {0};
    enum vt_err err = vt_random(salt, sizeof salt, why);

    x->run.started = vt_clock_now(&vt_clock_system);
    if (err == VT_OK)
        err = vt_customers_new(salt, &x->customers, why);
    /* All that was acknowledged until now is the subject's too, packed or not. */
    if (err == VT_OK)
        err = vt_settle_all(x->e->home, x->e->keeper, VT_SETTLE_MS, why);
    if (err == VT_OK)
        err = open_session(x, why);
    if (err != VT_OK)
        return err;
    err = make_file(x, why);
    if (vt_keeper_end(x->e->keeper, x->session, err == VT_OK ? why : &ignored) != VT_OK &&
        err == VT_OK)
        err = VT_E_IO;
    if (err == VT_OK)
        return store_document(x, why);
    (void)!say_failed(x, &ignored);
    return err;
}

/* The document that is stored, as x->run. */
static enum vt_err
load_run(struct exporting *x, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_doc *doc = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(x->e, "", path, why);

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = vt_doc_parse(b.data, b.len, VT_DOC_RUN, &doc, why);
    if (err == VT_OK)
        err = vt_run_read(doc, &x->run, why);
    vt_doc_free(doc);
    vt_buf_release(&b);
    return err;
}

/* A session that a killed run had, and nothing came of it. */
static enum vt_err
end_begun(struct exporting *x, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DIGEST_HEX_SIZE);
    char path[VT_PATH_MAX];
    char doc[VT_PATH_MAX];
    uint64_t index;
    enum vt_err err = path_of(x->e, ".begun", path, why);

    if (err == VT_OK)
        err = path_of(x->e, "", doc, why);
    if (err != VT_OK || !vt_file_exists(path))
        return err;
    if (vt_file_exists(doc)) { /* it was signed, and said perhaps */
        err = load_run(x, why);
        return err == VT_OK ? say(x, &index, why) : err;
    }
    err = vt_file_read(path, &b, why);
    if (err == VT_OK && !vt_digest_from_hex(vt_buf_str(&b), b.len, &x->run.grant))
        err = vt_fail(why, VT_E_CONFIG, "%s: not what this program writes", path);
    x->run.started = vt_clock_now(&vt_clock_system);
    if (err == VT_OK)
        err = say_failed(x, why);
    vt_buf_release(&b);
    x->run = (struct vt_run){0};
    return err;
}

/* What a former run made and did not hand out. *ret: there is such a file. */
static enum vt_err
find_made(struct exporting *x, bool *ret, struct vt_why *why)
{
    char age[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(x->e, ".age", age, why);

    *ret = false;
    if (err == VT_OK)
        err = path_of(x->e, "", path, why);
    if (err != VT_OK || !vt_file_exists(age) || !vt_file_exists(path))
        return err;
    err = load_run(x, why);
    *ret = err == VT_OK && x->run.outcome == VT_OUTCOME_DONE;
    return err;
}

/* The file is where it was asked for before it is gone here. */
static enum vt_err
hand_out(struct exporting *x, struct vt_why *why)
{
    struct vt_digest digest;
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(x->e, ".age", path, why);

    if (err == VT_OK)
        err = vt_backup_copy(path, x->e->out, 0600, &digest, NULL, why);
    if (err == VT_OK && !vt_digest_eq(&digest, &x->run.result))
        err = vt_fail(why, VT_E_DIGEST, "%s: not what the ledger says", path);
    return err == VT_OK ? remove_file(x->e, ".age", why) : err;
}

enum vt_err
vt_export_run(const struct vt_export *e, struct vt_exported *ret, struct vt_why *why)
{
    struct exporting x = {.e = e, .granted = calloc(1, sizeof *x.granted)};
    uint64_t index = 0;
    bool made = false;
    enum vt_err err;

    if (x.granted == NULL)
        return vt_fail(why, VT_E_NOMEM, "export: out of memory");
    err = find_made(&x, &made, why);
    if (err == VT_OK && !made)
        err = end_begun(&x, why);
    if (err == VT_OK && !made)
        err = export_anew(&x, why);
    if (err == VT_OK)
        err = say(&x, &index, why);
    if (err == VT_OK)
        err = hand_out(&x, why);
    if (err == VT_OK)
        *ret = (struct vt_exported){.said = x.run, .index = index};
    vt_customers_free(x.customers);
    free(x.granted);
    return err;
}
