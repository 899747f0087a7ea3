/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and approvals: from documents to what they mean, and back. */
#include "ledger/doc_rules.h"
#include "ledger/grant.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RUNS_MAX 1000U
#define EPSILON_MAX 1000000000U
#define APPROVE "approve"
#define REFUSE "refuse"

void
vt_subject_commit(
    const uint8_t salt[16], const uint8_t tag[VT_SUBJECT_SIZE], struct vt_digest *ret)
{
    static const char label[] = "vitrine/subject/v1"; /* with its NUL */
    const struct vt_slice v[] = {{label, sizeof label}, {salt, 16}, {tag, VT_SUBJECT_SIZE}};

    vt_digest_of_slices(v, 3, ret);
}

static bool
is_zero(const void *p, size_t len)
{
    const uint8_t *b = p;

    while (len > 0 && b[len - 1] == 0)
        len--;
    return len == 0;
}

/* ---- what a request may say ---- */

static enum vt_err
check_scope(const struct vt_scope *s, struct vt_why *why)
{
    if (s->class_count < 1 || s->class_count > VT_SCOPE_CLASSES_MAX)
        return vt_fail(why, VT_E_SYNTAX, "a request names 1 to %u classes, not %zu",
            VT_SCOPE_CLASSES_MAX, s->class_count);
    for (size_t i = 0; i < s->class_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(s->class_name[i], s->class_name[j]) == 0)
                return vt_fail(
                    why, VT_E_SYNTAX, "a request names the class `%s` twice", s->class_name[i]);
        }
    }
    if (s->day_to < s->day_from)
        return vt_fail(why, VT_E_SYNTAX, "a request ends (`until`) before it begins (`from`)");
    return VT_OK;
}

/* Reading data takes a job; a subject's own rights take the subject, and nothing else. */
static enum vt_err
check_mode(const struct vt_request *r, struct vt_why *why)
{
    const char *mode = vt_mode_name(r->mode);
    bool is_own_right = r->mode == VT_MODE_EXPORT || r->mode == VT_MODE_ERASURE;
    bool has_query = !is_zero(&r->query, sizeof r->query);
    bool has_result = !is_zero(&r->result_to, sizeof r->result_to);

    if (!is_own_right && !r->has_job)
        return vt_fail(why, VT_E_SYNTAX, "a request for %s names a job", mode);
    if (is_own_right && (r->has_job || has_query || r->epsilon > 0))
        return vt_fail(
            why, VT_E_SYNTAX, "a request for %s has no job, query and epsilon", mode);
    if (is_own_right && !r->scope.one_subject)
        return vt_fail(why, VT_E_SYNTAX, "a request for %s names one subject", mode);
    if (has_result != (r->mode != VT_MODE_ERASURE))
        return vt_fail(why, VT_E_SYNTAX,
            has_result ? "a request for %s has no result"
                       : "a request for %s has a `result-to`",
            mode);
    return VT_OK;
}

static enum vt_err
check_request(const struct vt_request *r, struct vt_why *why)
{
    enum vt_err err = check_scope(&r->scope, why);

    if ((unsigned)r->mode == 0 || (unsigned)r->mode >= VT_MODE_COUNT)
        return vt_fail(why, VT_E_SYNTAX, "a request has no mode %u", (unsigned)r->mode);
    if (err == VT_OK)
        err = check_mode(r, why);
    if (err != VT_OK)
        return err;
    if (r->runs < 1 || r->runs > RUNS_MAX)
        return vt_fail(why, VT_E_SYNTAX, "a request is for 1 to %u runs", RUNS_MAX);
    if (r->epsilon > EPSILON_MAX)
        return vt_fail(why, VT_E_SYNTAX, "epsilon is at most %u thousandths", EPSILON_MAX);
    if (r->made <= 0 || r->expires <= r->made)
        return vt_fail(
            why, VT_E_SYNTAX, "a request says when it was made, and expires after that");
    return VT_OK;
}

/* ---- writing ---- */

/* Adds a digest unless it is all zeros. */
static enum vt_err
add_maybe(struct vt_doc *d, const char *name, const struct vt_digest *v, struct vt_why *why)
{
    return is_zero(v, sizeof *v) ? VT_OK : vt_doc_add_digest(d, name, v, why);
}

static enum vt_err
add_scope(struct vt_doc *d, const struct vt_scope *s, struct vt_why *why)
{
    char day[11];

    enum vt_err err = vt_doc_add(d, "region", s->region, why);
    for (size_t i = 0; err == VT_OK && i < s->class_count; i++)
        err = vt_doc_add(d, "class", s->class_name[i], why);
    vt_day_format(s->day_from, day);
    if (err == VT_OK)
        err = vt_doc_add(d, "from", day, why);
    vt_day_format(s->day_to, day);
    if (err == VT_OK)
        err = vt_doc_add(d, "until", day, why);
    if (err == VT_OK && s->one_subject)
        err = vt_doc_add_digest(d, "subject", &s->subject_commitment, why);
    return err;
}

static enum vt_err
add_who(struct vt_doc *d, const struct vt_request *r, struct vt_why *why)
{
    char id[33];

    vt_hex_encode(r->id, sizeof r->id, id);
    enum vt_err err = vt_doc_add(d, "id", id, why);
    if (err == VT_OK)
        err = vt_doc_add(d, "mode", vt_mode_name(r->mode), why);
    if (err == VT_OK)
        err = vt_doc_add(d, "purpose", r->purpose, why);
    if (err == VT_OK)
        err = vt_doc_add(d, "requester", r->requester, why);
    if (err == VT_OK)
        err = vt_doc_add_digest(d, "policy", &r->policy, why);
    return err;
}

static enum vt_err
add_use(struct vt_doc *d, const struct vt_request *r, struct vt_why *why)
{
    char box[VT_BOX_TEXT_MAX];
    enum vt_err err = VT_OK;

    if (r->has_job)
        err = vt_doc_add_digest(d, "job", &r->job, why);
    if (err == VT_OK)
        err = add_maybe(d, "query", &r->query, why);
    if (err == VT_OK && r->epsilon > 0)
        err = vt_doc_addf(d, why, "epsilon", "%" PRIu64, r->epsilon);
    if (err == VT_OK)
        err = vt_doc_addf(d, why, "runs", "%" PRIu64, r->runs);
    if (err == VT_OK)
        err = vt_doc_add_time(d, "expires", r->expires, why);
    vt_box_public_format(&r->result_to, box);
    if (err == VT_OK && r->mode != VT_MODE_ERASURE)
        err = vt_doc_add(d, "result-to", box, why);
    if (err == VT_OK)
        err = vt_doc_add_time(d, "made", r->made, why);
    return err;
}

enum vt_err
vt_request_doc(const struct vt_request *r, struct vt_doc **ret, struct vt_why *why)
{
    struct vt_doc *d = NULL;
    enum vt_err err = check_request(r, why);

    if (err != VT_OK)
        return VT_E_USAGE;
    err = vt_doc_new(VT_DOC_REQUEST, &d, why);
    if (err == VT_OK)
        err = add_who(d, r, why);
    if (err == VT_OK)
        err = add_scope(d, &r->scope, why);
    if (err == VT_OK)
        err = add_use(d, r, why);
    if (err != VT_OK)
        goto out;
    *ret = d;
    d = NULL; /* moved */
out:
    vt_doc_free(d);
    return err;
}

/* ---- reading ---- */

/* Copies a text field, whose form and with it whose length were checked by its rule. */
static void
get_text(const struct vt_doc *d, const char *name, char *ret, size_t size)
{
    const char *s = vt_doc_get(d, name);

    (void)snprintf(ret, size, "%s", s != NULL ? s : "");
}

static enum vt_err
read_scope(const struct vt_doc *d, struct vt_scope *ret, struct vt_why *why)
{
    const char *from = vt_doc_get(d, "from");
    const char *until = vt_doc_get(d, "until");

    get_text(d, "region", ret->region, sizeof ret->region);
    for (size_t i = 0; i < vt_doc_count(d); i++) {
        const struct vt_doc_field *f = vt_doc_field(d, i);
        if (strcmp(f->name, "class") != 0)
            continue;
        if (ret->class_count == VT_SCOPE_CLASSES_MAX)
            return vt_fail(
                why, VT_E_SYNTAX, "a request names at most %u classes", VT_SCOPE_CLASSES_MAX);
        (void)snprintf(
            ret->class_name[ret->class_count++], sizeof ret->class_name[0], "%s", f->value);
    }
    if (from == NULL || until == NULL || !vt_day_parse(from, &ret->day_from) ||
        !vt_day_parse(until, &ret->day_to))
        return vt_fail(why, VT_E_SYNTAX, "a request says from which day until which");
    ret->one_subject = vt_doc_get_digest(d, "subject", &ret->subject_commitment);
    return VT_OK;
}

/* Zero has one way of being written, which is not to write it. */
static enum vt_err
read_use(const struct vt_doc *d, struct vt_request *ret, struct vt_why *why)
{
    const char *box = vt_doc_get(d, "result-to");
    enum vt_err err = VT_OK;

    ret->has_job = vt_doc_get_digest(d, "job", &ret->job);
    if (vt_doc_get_digest(d, "query", &ret->query) && is_zero(&ret->query, sizeof ret->query))
        return vt_fail(why, VT_E_SYNTAX, "a request without query has no field `query`");
    if (vt_doc_get_count(d, "epsilon", &ret->epsilon) && ret->epsilon == 0)
        return vt_fail(why, VT_E_SYNTAX, "a request without noise has no field `epsilon`");
    if (!vt_doc_get_count(d, "runs", &ret->runs) ||
        !vt_doc_get_time(d, "expires", &ret->expires) ||
        !vt_doc_get_time(d, "made", &ret->made))
        return vt_fail(why, VT_E_SYNTAX, "a request says how often and until when");
    if (box != NULL)
        err = vt_box_public_parse(box, strlen(box), &ret->result_to, why);
    return err;
}

static enum vt_err
check_kind(const struct vt_doc *d, enum vt_doc_kind kind, struct vt_why *why)
{
    if (vt_doc_kind(d) != kind)
        return vt_fail(why, VT_E_SYNTAX, "this is a %s document, not a %s document",
            vt_doc_kind_name(vt_doc_kind(d)), vt_doc_kind_name(kind));
    return VT_OK;
}

enum vt_err
vt_request_read(const struct vt_doc *d, struct vt_request *ret, struct vt_why *why)
{
    struct vt_request r = {.runs = 0};
    const char *mode = vt_doc_get(d, "mode");

    enum vt_err err = check_kind(d, VT_DOC_REQUEST, why);
    if (err != VT_OK)
        return err;
    if (mode == NULL || !vt_mode_parse(mode, &r.mode))
        return vt_fail(why, VT_E_SYNTAX,
            "a request's mode is one of access, break-glass, export and erasure");
    if (!vt_doc_get_id(d, "id", r.id) || !vt_doc_get_digest(d, "policy", &r.policy))
        return vt_fail(why, VT_E_SYNTAX, "a request has an id and a policy");
    get_text(d, "purpose", r.purpose, sizeof r.purpose);
    get_text(d, "requester", r.requester, sizeof r.requester);
    err = read_scope(d, &r.scope, why);
    if (err == VT_OK)
        err = read_use(d, &r, why);
    if (err == VT_OK)
        err = check_request(&r, why);
    if (err == VT_OK)
        *ret = r;
    return err;
}

/* ---- approvals ---- */

enum vt_err
vt_approval_doc(const struct vt_approval *a, struct vt_doc **ret, struct vt_why *why)
{
    struct vt_doc *d = NULL;

    if (a->made <= 0)
        return vt_fail(why, VT_E_USAGE, "an approval says when it was made");
    if (a->has_share && !a->approve)
        return vt_fail(why, VT_E_USAGE, "who refuses sends no share");
    enum vt_err err = vt_doc_new(VT_DOC_APPROVAL, &d, why);
    if (err == VT_OK)
        err = vt_doc_add_digest(d, "request", &a->request, why);
    if (err == VT_OK)
        err = vt_doc_add(d, "approver", a->approver, why);
    if (err == VT_OK)
        err = vt_doc_add(d, "verdict", a->approve ? APPROVE : REFUSE, why);
    if (err == VT_OK && a->has_share)
        err = vt_doc_add_digest(d, "share", &a->share, why);
    if (err == VT_OK)
        err = vt_doc_add_time(d, "made", a->made, why);
    if (err != VT_OK)
        goto out;
    *ret = d;
    d = NULL; /* moved */
out:
    vt_doc_free(d);
    return err;
}

enum vt_err
vt_approval_read(const struct vt_doc *d, struct vt_approval *ret, struct vt_why *why)
{
    struct vt_approval a = {.approve = false};
    const char *verdict = vt_doc_get(d, "verdict");

    enum vt_err err = check_kind(d, VT_DOC_APPROVAL, why);
    if (err != VT_OK)
        return err;
    if (verdict == NULL || (strcmp(verdict, APPROVE) != 0 && strcmp(verdict, REFUSE) != 0))
        return vt_fail(why, VT_E_SYNTAX, "an approver's verdict is " APPROVE " or " REFUSE);
    a.approve = strcmp(verdict, APPROVE) == 0;
    a.has_share = vt_doc_get_digest(d, "share", &a.share);
    if (a.has_share && !a.approve)
        return vt_fail(why, VT_E_SYNTAX, "who refuses sends no share");
    if (!vt_doc_get_digest(d, "request", &a.request) || !vt_doc_get_time(d, "made", &a.made) ||
        a.made == 0)
        return vt_fail(why, VT_E_SYNTAX, "an approval names a request and when it was made");
    get_text(d, "approver", a.approver, sizeof a.approver);
    *ret = a;
    return VT_OK;
}
