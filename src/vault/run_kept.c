/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/run_kept.h"

#include "base/clock.h"
#include "vault/backup_parts.h"
#include "vault/place.h"
#include "vault/say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of the largest tree of customers. */
#define CUSTOMERS_FILE_MAX (64U + (size_t)VT_CUSTOMERS_MAX * (VT_DIGEST_SIZE + 8U))

static enum vt_err
path_of(
    const struct vt_run_kept *k, const char *suffix, char ret[VT_PATH_MAX], struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(k->request, hex);
    return vt_say_path(k->home, ret, why, "%s-%.32s%s", k->kind, hex, suffix);
}

static enum vt_err
remove_file(const struct vt_run_kept *k, const char *suffix, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(k, suffix, path, why);

    if (err == VT_OK && unlink(path) != 0 && errno != ENOENT)
        err = vt_fail_errno(why, "%s", path);
    return err;
}

/*
 * A session.
 */

/* The grant is the last item of its evidence. */
static enum vt_err
grant_of(const void *evidence, size_t len, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_evidence_file *f = calloc(1, sizeof *f);
    enum vt_err err = f != NULL ? vt_evidence_parse(evidence, len, f, why)
                                : vt_fail(why, VT_E_NOMEM, "no memory for evidence");

    if (err == VT_OK && f->count == 0)
        err = vt_fail(why, VT_E_SYNTAX, "evidence without a grant");
    if (err == VT_OK)
        vt_digest_of(f->item[f->count - 1].document.p, f->item[f->count - 1].document.len, ret);
    free(f);
    return err;
}

struct told {
    const struct vt_digest *request;
    uint64_t runs;
};

static enum vt_err
count_run(void *ctx, const struct vt_desk_entry *e, struct vt_why *why)
{
    struct told *t = ctx;

    (void)why;
    t->runs += e->entry.kind == VT_ENTRY_RUN &&
               vt_entry_has(&e->entry, VT_SUBJECT_REQUEST, t->request);
    return VT_OK;
}

enum vt_err
vt_run_kept_spent(const struct vt_run_kept *k, const struct vt_request *q, struct vt_why *why)
{
    struct told t = {.request = k->request};
    struct vt_why ignored = {{0}};
    uint64_t index;
    enum vt_err err = vt_desk_each(k->desk, count_run, &t, why);

    if (err != VT_OK || t.runs < q->runs)
        return err;
    (void)!vt_desk_refuse(k->desk, k->request, VT_REFUSAL_SPENT, &index, &ignored);
    return vt_fail(why, VT_E_REFUSED, "the grant was for %llu runs, and all of them were begun",
        (unsigned long long)q->runs);
}

enum vt_err
vt_run_kept_begin(const struct vt_run_kept *k, const void *evidence, size_t len,
    struct vt_digest *ret_grant, struct vt_why *why)
{
    struct vt_digest grant;
    char path[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err = grant_of(evidence, len, &grant, why);

    /* A document beside the note would be taken for that of the new session. */
    if (err == VT_OK)
        err = remove_file(k, "", why);
    if (err == VT_OK)
        err = path_of(k, ".begun", path, why);
    if (err != VT_OK)
        return err;
    vt_digest_hex(&grant, hex);
    err = vt_file_replace(path, 0600, hex, strlen(hex), why);
    if (err == VT_OK)
        *ret_grant = grant;
    return err;
}

enum vt_err
vt_run_kept_unbegin(const struct vt_run_kept *k, struct vt_why *why)
{
    return remove_file(k, ".begun", why);
}

/*
 * Its document and its result.
 */

enum vt_err
vt_run_kept_result(const struct vt_run_kept *k, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return path_of(k, ".age", ret, why);
}

/* HOME/vault/accesses/RUN: what the store process answers customers from. */
static enum vt_err
keep_customers(const struct vt_run_kept *k, const struct vt_customers *c,
    const struct vt_digest *run, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(CUSTOMERS_FILE_MAX);
    char path[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err = vt_vault_path(k->home, path, why, "accesses");

    vt_digest_hex(run, hex);
    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_vault_path(k->home, path, why, "accesses/%s", hex);
    if (err == VT_OK)
        err = vt_customers_put(c, &b, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

/* The customers first: once the document is there, it will be said. */
static enum vt_err
keep_document(const struct vt_run_kept *k, const struct vt_run *run,
    const struct vt_customers *c, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_doc *doc = NULL;
    struct vt_digest digest;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_run_doc(run, &doc, why);

    if (err == VT_OK)
        err = vt_doc_sign(doc, k->signer, &b, why);
    if (err == VT_OK) {
        vt_digest_of(b.data, b.len, &digest);
        err = keep_customers(k, c, &digest, why);
    }
    if (err == VT_OK)
        err = path_of(k, "", path, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, b.data, b.len, why);
    vt_doc_free(doc);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_run_kept_store(const struct vt_run_kept *k, struct vt_run *run, const struct vt_customers *c,
    struct vt_why *why)
{
    struct vt_run r = *run;
    enum vt_err err;

    r.customers = vt_customers_count(c);
    r.has_customers_root = r.customers > 0;
    vt_customers_root(c, &r.customers_root);
    r.finished = vt_clock_now(&vt_clock_system);
    if (r.finished < r.started)
        r.finished = r.started;
    err = keep_document(k, &r, c, why);
    if (err == VT_OK)
        *run = r;
    return err;
}

enum vt_err
vt_run_kept_say(const struct vt_run_kept *k, uint64_t *ret_index, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    uint64_t index = 0;
    enum vt_err err = path_of(k, "", path, why);

    if (err == VT_OK)
        err = vt_say_once(k->desk, k->signer, path, NULL, NULL, &index, why);
    if (err == VT_OK)
        err = remove_file(k, ".begun", why);
    if (err == VT_OK)
        *ret_index = index;
    return err;
}

enum vt_err
vt_run_kept_hand_out(const struct vt_run_kept *k, const struct vt_digest *result,
    const char *out, struct vt_why *why)
{
    struct vt_digest digest;
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(k, ".age", path, why);

    if (err == VT_OK)
        err = vt_backup_copy(path, out, 0600, &digest, NULL, why);
    if (err == VT_OK && !vt_digest_eq(&digest, result))
        err = vt_fail(why, VT_E_DIGEST, "%s: not what the ledger says", path);
    return err == VT_OK ? remove_file(k, ".age", why) : err;
}

/*
 * A session that came to nothing.
 */

static enum vt_err
no_customers(struct vt_customers **ret, struct vt_why *why)
{
    struct vt_customers *c = NULL;
    struct vt_digest root;
    uint64_t count = 0;
    uint8_t salt[16];
    enum vt_err err = vt_random(salt, sizeof salt, why);

    if (err == VT_OK)
        err = vt_customers_new(salt, &c, why);
    if (err == VT_OK)
        err = vt_customers_end(c, &count, &root, why);
    if (err != VT_OK) {
        vt_customers_free(c);
        return err;
    }
    *ret = c;
    return VT_OK;
}

static void
describe_nothing(const struct vt_run_kept *k, const struct vt_request *q, struct vt_run *r)
{
    static const struct vt_digest none;

    r->request = *k->request;
    r->policy = q->policy;
    (void)snprintf(r->site, sizeof r->site, "%s", k->home->name);
    r->has_job = q->has_job;
    r->job = q->job;
    r->has_query = !vt_digest_eq(&q->query, &none);
    r->query = q->query;
    r->epsilon = q->epsilon;
    vt_digest_of("", 0, &r->result);
}

enum vt_err
vt_run_kept_fail(const struct vt_run_kept *k, const struct vt_request *q,
    const struct vt_digest *grant, int64_t started, enum vt_outcome outcome, struct vt_why *why)
{
    struct vt_run run = {.grant = *grant, .started = started, .outcome = outcome};
    struct vt_customers *c = NULL;
    uint64_t index;
    enum vt_err err = no_customers(&c, why);

    describe_nothing(k, q, &run);
    if (err == VT_OK)
        err = vt_run_kept_store(k, &run, c, why);
    if (err == VT_OK)
        err = vt_run_kept_say(k, &index, why);
    vt_customers_free(c);
    return err == VT_OK ? remove_file(k, ".age", why) : err;
}

/*
 * What a killed command left.
 */

static enum vt_err
read_document(const char *path, struct vt_run *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_doc *doc = NULL;
    enum vt_err err = vt_file_read(path, &b, why);

    if (err == VT_OK)
        err = vt_doc_parse(b.data, b.len, VT_DOC_RUN, &doc, why);
    if (err == VT_OK)
        err = vt_run_read(doc, ret, why);
    vt_doc_free(doc);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_run_kept_find(
    const struct vt_run_kept *k, struct vt_run *ret_run, bool *ret, struct vt_why *why)
{
    struct vt_run run;
    struct vt_digest had;
    char age[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(k, ".age", age, why);

    if (err == VT_OK)
        err = path_of(k, "", path, why);
    if (err != VT_OK)
        return err;
    if (!vt_file_exists(age) || !vt_file_exists(path)) {
        *ret = false;
        return VT_OK;
    }
    err = read_document(path, &run, why);
    if (err == VT_OK)
        err = vt_digest_of_file(age, &had, NULL, why);
    if (err != VT_OK)
        return err;
    *ret = vt_digest_eq(&had, &run.result);
    if (*ret)
        *ret_run = run;
    return VT_OK;
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

enum vt_err
vt_run_kept_end(
    const struct vt_run_kept *k, struct vt_digest *ret_grant, bool *ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char doc[VT_PATH_MAX];
    uint64_t index;
    bool unsaid = false;
    enum vt_err err = path_of(k, ".begun", path, why);

    if (err == VT_OK)
        err = path_of(k, "", doc, why);
    if (err == VT_OK && vt_file_exists(path)) {
        unsaid = !vt_file_exists(doc);
        err = unsaid ? read_begun(path, ret_grant, why) : vt_run_kept_say(k, &index, why);
    }
    if (err == VT_OK)
        *ret = unsaid;
    return err;
}
