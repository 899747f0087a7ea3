/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/job_prepare.h"

#include "assembly/environment.h"
#include "base/clock.h"
#include "note/passport.h"
#include "store/store.h"
#include "vault/requests.h"

#include <stdlib.h>
#include <string.h>

#define DAY_S 86400

void
vt_prepared_release(struct vt_prepared *p)
{
    vt_buf_release(&p->artifact);
    vt_buf_release(&p->query);
    vt_buf_release(&p->passport);
}

static enum vt_err
read_bytes(const char *path, size_t max, const char *what, const struct vt_digest *want,
    struct vt_buf *b, struct vt_why *why)
{
    struct vt_digest had;
    vt_buf_init(b, max);
    enum vt_err err = vt_file_read(path, b, why);
    if (err != VT_OK)
        return err;
    vt_digest_of(b->data != NULL ? b->data : (const uint8_t *)"", b->len, &had);
    return vt_digest_eq(&had, want)
               ? VT_OK
               : vt_fail(why, VT_E_DIGEST, "%s: not the %s that the request names", path, what);
}

static enum vt_err
read_query(const struct vt_answer *a, struct vt_prepared *p, struct vt_why *why)
{
    static const struct vt_digest none;
    bool asked = !vt_digest_eq(&p->request.query, &none);
    if (asked && a->query == NULL)
        return vt_fail(why, VT_E_USAGE, "the request names a query: give it by --query");
    if (!asked && a->query != NULL)
        return vt_fail(why, VT_E_USAGE, "the request names no query");
    return asked ? read_bytes(
                       a->query, VT_JOB_QUERY_MAX, "query", &p->request.query, &p->query, why)
                 : VT_OK;
}

/* The region's budget counts runs of all requests, so all of them are looked at. */
struct spending {
    const struct vt_answer *a;
    const char *region;
    int64_t since;
    uint64_t sum;
};

static enum vt_err
count_run(void *ctx, const struct vt_desk_entry *e, struct vt_why *why)
{
    struct spending *s = ctx;
    struct vt_doc *doc = NULL;
    struct vt_run *run = NULL;
    struct vt_request *request = NULL;
    if (e->entry.kind != VT_ENTRY_RUN)
        return VT_OK;
    run = calloc(1, sizeof *run);
    request = calloc(1, sizeof *request);
    enum vt_err err = run != NULL && request != NULL
                          ? vt_desk_doc(s->a->desk, e, &doc, why)
                          : vt_fail(why, VT_E_NOMEM, "out of memory");
    if (err == VT_OK)
        err = vt_run_read(doc, run, why);
    if (err == VT_OK && run->epsilon > 0 && run->finished >= s->since) {
        err = vt_desk_request(s->a->desk, &run->request, request, why);
        if (err == VT_OK && strcmp(request->scope.region, s->region) == 0)
            s->sum += run->epsilon;
    }
    vt_doc_free(doc);
    free(run);
    free(request);
    return err;
}

static enum vt_err
count_epsilon(const struct vt_answer *a, const struct vt_vault_policy *policy,
    struct vt_prepared *p, struct vt_why *why)
{
    const struct vt_rule_region *r = vt_vault_policy_region(policy, p->request.scope.region);
    if (p->request.epsilon == 0 || r == NULL || r->noise_budget == 0)
        return VT_OK;
    struct spending s = {.a = a,
        .region = r->name,
        .since = vt_clock_now(&vt_clock_system) - (int64_t)r->noise_days * DAY_S};
    enum vt_err err = vt_desk_each(a->desk, count_run, &s, why);
    p->epsilon_spent = s.sum;
    return err;
}

/* The keeper judges by the policy in force; if the request is of another, it says so. */
static enum vt_err
read_policy(const struct vt_answer *a, struct vt_prepared *p, struct vt_why *why)
{
    uint64_t index[VT_POLICY_PARTIES_MAX];
    size_t count = VT_POLICY_PARTIES_MAX;
    struct vt_vault_policy *policy = NULL;
    enum vt_err err = vt_desk_vault_policy(a->desk, &policy, index, &count, why);
    for (size_t i = 0; err == VT_OK && i < p->request.scope.class_count; i++) {
        const struct vt_rule_class *c =
            vt_vault_policy_class(policy, p->request.scope.class_name[i]);
        if (c == NULL)
            err = vt_fail(why, VT_E_REFUSED, "the vault policy has no class %s",
                p->request.scope.class_name[i]);
        else if (c->threshold > p->threshold)
            p->threshold = c->threshold;
    }
    if (err == VT_OK)
        err = count_epsilon(a, policy, p, why);
    vt_vault_policy_free(policy);
    return err;
}

enum vt_err
vt_prepare_request(const struct vt_answer *a, struct vt_prepared *ret, struct vt_why *why)
{
    struct vt_request *r = &ret->request;
    enum vt_err err = vt_desk_request(a->desk, a->request, r, why);
    if (err == VT_OK && (!r->has_job || r->scope.one_subject))
        err = vt_fail(why, VT_E_REFUSED, "a request of mode %s is not answered by a job",
            vt_mode_name(r->mode));
    if (err == VT_OK)
        err = read_bytes(a->artifact, VT_JOB_ARTIFACT_MAX, "job", &r->job, &ret->artifact, why);
    if (err == VT_OK)
        err = read_query(a, ret, why);
    if (err == VT_OK) {
        vt_buf_init(&ret->passport, VT_PASSPORT_MAX);
        err = vt_file_read(a->passport, &ret->passport, why);
    }
    return err == VT_OK ? read_policy(a, ret, why) : err;
}

/* The environment of the first assembly of the artifact that counted. */
static enum vt_err
find_environment(const struct vt_passport *p, const struct vt_passport_report *report,
    const struct vt_digest *artifact, struct vt_digest *ret, struct vt_why *why)
{
    for (size_t i = 0; i < report->count; i++)
        for (size_t k = 0; k < vt_passport_count(p); k++) {
            const struct vt_entry *e = NULL;
            uint64_t index = 0;
            vt_passport_entry(p, k, &index, &e, NULL);
            const struct vt_digest *d = vt_entry_one(e, VT_SUBJECT_ENVIRONMENT);
            if (index == report->entry[i].index && e->kind == VT_ENTRY_ASSEMBLY && d != NULL &&
                vt_entry_has(e, VT_SUBJECT_ARTIFACT, artifact)) {
                *ret = *d;
                return VT_OK;
            }
        }
    return vt_fail(why, VT_E_REFUSED, "the passport names no environment of the job");
}

static enum vt_err
check_passport(const struct vt_answer *a, struct vt_prepared *p, struct vt_why *why)
{
    struct vt_passport *passport = NULL;
    struct vt_passport_report *report = calloc(1, sizeof *report);
    enum vt_err err = report != NULL
                          ? vt_passport_parse(p->passport.data != NULL ? p->passport.data
                                                                       : (const uint8_t *)"",
                                p->passport.len, &passport, why)
                          : vt_fail(why, VT_E_NOMEM, "no memory for a passport");
    if (err == VT_OK)
        err = vt_passport_check(passport, &p->request.job, a->trust, report, why);
    if (err == VT_OK)
        err = find_environment(passport, report, &p->request.job, &p->environment, why);
    vt_passport_free(passport);
    free(report);
    return err == VT_OK ? err : vt_fail_in(why, err, "%s: passport of the job", a->passport);
}

enum vt_err
vt_prepare_environment(
    const struct vt_answer *a, struct vt_prepared *p, bool *ret_passport, struct vt_why *why)
{
    struct vt_store *store = NULL;
    char path[VT_PATH_MAX];
    *ret_passport = false;
    enum vt_err err = check_passport(a, p, why);
    if (err != VT_OK)
        return err;
    *ret_passport = true;
    err = vt_home_path(a->home, path, why, "public/objects");
    if (err == VT_OK)
        err = vt_store_open_dir(path, &store, why);
    if (err == VT_OK)
        err = vt_environment_root(
            store, &p->environment, a->cache_dir, a->progress, p->root, NULL, why);
    vt_store_free(store);
    return err == VT_OK ? err : vt_fail_in(why, err, "the job's environment");
}
