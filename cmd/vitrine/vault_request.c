/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault request
 */
#include "party.h"
#include "vault.h"
#include "vault_desk.h"

#include "base/clock.h"
#include "report/batch.h"
#include "report/subject_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct args {
    const char *key;
    const char *name;
    const char *url;
    const char *policy;
    const char *mode;
    const char *purpose;
    const char *region;
    struct vt_opt_list classes;
    const char *from;
    const char *until;
    const char *job;
    const char *query;
    const char *result_to;
    const char *expires;
    const char *noise;
    uint64_t runs;
    const char *subject;
    const char *secret;
    const char *salt_out;
};

/* Copies an option that has a limit; what it may look like the document says. */
static enum vt_err
take_text(const char *option, const char *text, char *ret, size_t size, struct vt_why *why)
{
    int n = snprintf(ret, size, "%s", text);

    if (n < 0 || (size_t)n >= size)
        return vt_fail(why, VT_E_USAGE, "--%s: has more than %zu bytes", option, size - 1);
    return VT_OK;
}

/* 90s, 30m, 12h, 2d. */
static bool
parse_span(const char *text, uint64_t *ret)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    size_t len = strlen(text);
    struct vt_reader r = VT_READER(text, len > 0 ? len - 1 : 0);
    uint64_t n;

    if (!vt_reader_decimal(&r, 100000, &n) || n == 0)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (text[len - 1] == units[i].unit) {
            *ret = n * units[i].seconds;
            return true;
        }
    }
    return false;
}

/* 0.5 -> 500. At most three digits behind the point. */
static bool
parse_thousandths(const char *text, uint64_t *ret)
{
    struct vt_reader r = VT_READER(text, strlen(text));
    struct vt_reader whole;
    uint64_t n = 0, part = 0;
    size_t digits;

    if (!vt_reader_word(&r, '.', &whole) || !vt_reader_decimal(&whole, 1000000, &n))
        return false;
    digits = r.left;
    for (size_t i = 0; i < digits; i++) {
        if (digits > 3 || r.p[i] < '0' || r.p[i] > '9')
            return false;
        part = part * 10 + (uint64_t)(r.p[i] - '0');
    }
    for (size_t i = digits; i < 3; i++)
        part *= 10;
    *ret = n * 1000 + part;
    return *ret > 0;
}

static enum vt_err
take_scope(const struct args *a, const struct vt_vault_policy *p, struct vt_scope *ret,
    struct vt_why *why)
{
    enum vt_err err = take_text("region", a->region, ret->region, sizeof ret->region, why);

    if (err != VT_OK)
        return err;
    if (vt_vault_policy_region(p, ret->region) == NULL)
        return vt_fail(why, VT_E_REFUSED, "the vault policy knows no region %s", ret->region);
    if (a->classes.count > VT_SCOPE_CLASSES_MAX)
        return vt_fail(why, VT_E_USAGE, "--class: at most %u", VT_SCOPE_CLASSES_MAX);
    for (size_t i = 0; i < a->classes.count; i++) {
        const char *name = a->classes.item[i];

        if (vt_vault_policy_class(p, name) == NULL)
            return vt_fail(why, VT_E_REFUSED, "the vault policy knows no class %.100s", name);
        err = take_text("class", name, ret->class_name[i], sizeof ret->class_name[i], why);
        if (err != VT_OK)
            return err;
    }
    ret->class_count = a->classes.count;
    if (!vt_day_parse(a->from, &ret->day_from))
        return vt_fail(why, VT_E_USAGE, "--from %.40s: no day such as 2026-11-01", a->from);
    if (!vt_day_parse(a->until, &ret->day_to))
        return vt_fail(why, VT_E_USAGE, "--until %.40s: no day such as 2026-11-22", a->until);
    return VT_OK;
}

/* Names the subject by a commitment, and writes the file that opens it. */
static enum vt_err
take_subject(const struct args *a, struct vt_scope *ret, struct vt_why *why)
{
    uint8_t secret[VT_CUSTOMER_SECRET_SIZE];
    uint8_t tag[VT_SUBJECT_SIZE];
    enum vt_err err;

    if (a->subject == NULL && a->secret == NULL && a->salt_out == NULL)
        return VT_OK;
    if (a->subject == NULL || a->secret == NULL || a->salt_out == NULL)
        return vt_fail(why, VT_E_USAGE,
            "a request about one subject takes --subject, --secret and --salt-out");
    err = vt_customer_secret_load(a->secret, secret, why);
    if (err == VT_OK) {
        vt_subject_tag(secret, a->subject, tag);
        err = vt_subject_opening_new(a->salt_out, tag, &ret->subject_commitment, why);
    }
    vt_wipe(secret, sizeof secret);
    vt_wipe(tag, sizeof tag);
    ret->one_subject = err == VT_OK;
    return err;
}

/* When it was made, and until when it is good: within what the policy permits. */
static enum vt_err
take_times(const struct args *a, const struct vt_vault_policy *p, struct vt_request *ret,
    struct vt_why *why)
{
    uint64_t limit = vt_vault_policy_limit(p, ret->mode);
    uint64_t span = limit - limit / 10;

    if (a->expires != NULL && !parse_span(a->expires, &span))
        return vt_fail(
            why, VT_E_USAGE, "--expires %.40s: no time such as 90m, 12h or 2d", a->expires);
    if (span > limit)
        return vt_fail(why, VT_E_REFUSED,
            "--expires %s: the vault policy permits %" PRIu64 " seconds for %s", a->expires,
            limit, vt_mode_name(ret->mode));
    ret->made = vt_clock_now(&vt_clock_system);
    ret->expires = ret->made + (int64_t)span;
    return VT_OK;
}

static enum vt_err
take_result_to(const struct args *a, struct vt_request *ret, struct vt_why *why)
{
    if (ret->mode == VT_MODE_ERASURE)
        return VT_OK; /* nothing comes out */
    if (a->result_to == NULL)
        return vt_fail(
            why, VT_E_USAGE, "--result-to is missing: whom is the result sealed to?");
    if (strncmp(a->result_to, "age1", 4) == 0)
        return vt_box_public_parse(a->result_to, strlen(a->result_to), &ret->result_to, why);
    return vt_vault_box_read(a->result_to, &ret->result_to, why);
}

/* What is to be run. */
static enum vt_err
take_job(const struct args *a, const struct vt_vault_policy *p, struct vt_request *ret,
    struct vt_why *why)
{
    const struct vt_rule_region *region = vt_vault_policy_region(p, ret->scope.region);
    enum vt_err err = VT_OK;

    ret->runs = a->runs;
    ret->has_job = a->job != NULL;
    if (a->job != NULL)
        err = vt_party_digest("--job", a->job, &ret->job, why);
    if (err == VT_OK && a->query != NULL)
        err = vt_digest_of_file(a->query, &ret->query, NULL, why);
    if (err == VT_OK && a->noise != NULL && !parse_thousandths(a->noise, &ret->epsilon))
        err = vt_fail(why, VT_E_USAGE,
            "--noise %.40s: no epsilon such as 0.5 (three digits behind the point at most)",
            a->noise);
    if (err == VT_OK && ret->epsilon > region->noise_budget)
        err = vt_fail(why, VT_E_REFUSED,
            "--noise %s: the vault policy gives %s a budget of %" PRIu64 " thousandths",
            a->noise, region->name, region->noise_budget);
    return err;
}

/* Who asks: the party whose key it is. */
static enum vt_err
take_requester(
    const struct args *a, struct vt_vault_desk *d, struct vt_request *ret, struct vt_why *why)
{
    const struct vt_rule_party *me = NULL;
    enum vt_err err = vt_vault_desk_me(d, &me, why);

    if (err != VT_OK)
        return err;
    if (a->name != NULL && strcmp(a->name, me->name) != 0)
        return vt_fail(why, VT_E_REFUSED, "--name %.128s: the vault policy calls that key %s",
            a->name, me->name);
    if (!vt_vault_policy_may_ask(d->policy, me->name, ret->purpose))
        return vt_fail(why, VT_E_REFUSED,
            "the vault policy has no line `ask %s %s`: %s may not ask for that purpose",
            me->name, ret->purpose, me->name);
    memcpy(ret->requester, me->name, sizeof ret->requester);
    return VT_OK;
}

static enum vt_err
make_request(
    const struct args *a, struct vt_vault_desk *d, struct vt_request *ret, struct vt_why *why)
{
    struct vt_request r = {.policy = *vt_vault_policy_digest(d->policy)};
    enum vt_err err = vt_random(r.id, sizeof r.id, why);

    if (err == VT_OK && !vt_mode_parse(a->mode, &r.mode))
        err = vt_fail(why, VT_E_USAGE,
            "--mode %.40s: is one of access, break-glass, export and erasure", a->mode);
    if (err == VT_OK)
        err = take_text("purpose", a->purpose, r.purpose, sizeof r.purpose, why);
    if (err == VT_OK)
        err = take_requester(a, d, &r, why);
    if (err == VT_OK)
        err = take_scope(a, d->policy, &r.scope, why);
    if (err == VT_OK)
        err = take_job(a, d->policy, &r, why);
    if (err == VT_OK)
        err = take_times(a, d->policy, &r, why);
    if (err == VT_OK)
        err = take_result_to(a, &r, why);
    if (err == VT_OK) /* last, since it leaves a file */
        err = take_subject(a, &r.scope, why);
    if (err == VT_OK)
        *ret = r;
    return err;
}

static enum vt_err
ask(const struct args *a, struct vt_vault_desk *d, struct vt_request *ret,
    struct vt_digest *ret_digest, uint64_t *ret_index, struct vt_why *why)
{
    struct vt_subject subject = {.role = VT_SUBJECT_POLICY};
    struct vt_doc *doc = NULL;
    enum vt_err err = vt_vault_desk_open(d, a->url, a->policy, a->key, why);

    if (err == VT_OK)
        err = vt_vault_desk_policy(d, why);
    if (err == VT_OK)
        err = make_request(a, d, ret, why);
    if (err == VT_OK)
        err = vt_request_doc(ret, &doc, why);
    if (err == VT_OK) {
        subject.digest = ret->policy;
        err = vt_vault_desk_say(d, VT_ENTRY_REQUEST, &subject, 1, doc, ret_index, why);
    }
    if (err == VT_OK)
        *ret_digest = *vt_doc_digest(doc);
    vt_doc_free(doc);
    return err;
}

static int
print(const struct vt_cmd *c, const struct vt_request *r, const struct vt_digest *digest,
    uint64_t index)
{
    struct vt_buf b = VT_BUF(16384);
    json_t *o = vt_vault_request_json(digest, r);
    int code;

    json_object_set_new(o, "index", json_integer((json_int_t)index));
    vt_vault_put_request(&b, digest, r);
    code = vt_cmd_done(c, o, "%.*s", (int)b.len - 1, vt_buf_str(&b));
    vt_buf_release(&b);
    return code;
}

int
vt_cmd_vault_request(int argc, char **argv)
{
    struct args a = {.mode = "access", .runs = 1};
    const struct vt_opt opts[] = {
        {"key", 'k', VT_OPT_STR, "FILE", "the requester's signing key", &a.key, true},
        {"to", 't', VT_OPT_STR, "URL", "the log", &a.url, true},
        {"policy", 'p', VT_OPT_STR, "FILE", "the trust policy", &a.policy, true},
        {"purpose", 0, VT_OPT_STR, "CODE", "what for, as the vault policy says", &a.purpose,
            true},
        {"region", 'r', VT_OPT_STR, "REGION", "whose data", &a.region, true},
        {"class", 'c', VT_OPT_LIST, "CLASS", "which data; may be given several times",
            &a.classes, true},
        {"from", 0, VT_OPT_STR, "DAY", "the first day", &a.from, true},
        {"until", 0, VT_OPT_STR, "DAY", "the last day", &a.until, true},
        {"mode", 'm', VT_OPT_STR, "MODE", "access, break-glass, export or erasure", &a.mode,
            false},
        {"job", 'j', VT_OPT_STR, "sha256:HEX", "the artifact that may read it", &a.job, false},
        {"query", 0, VT_OPT_STR, "FILE", "its input; only the digest is published", &a.query,
            false},
        {"runs", 0, VT_OPT_U64, "N", "how often it may run (1)", &a.runs, false},
        {"noise", 0, VT_OPT_STR, "EPSILON", "add noise to counts, such as 0.5", &a.noise,
            false},
        {"result-to", 0, VT_OPT_STR, "FILE|age1...", "whom the result is sealed to",
            &a.result_to, false},
        {"expires", 0, VT_OPT_STR, "TIME", "90m, 12h, 2d (9/10 of the policy's limit)",
            &a.expires, false},
        {"subject", 0, VT_OPT_STR, "NAME", "only of this data subject", &a.subject, false},
        {"secret", 0, VT_OPT_STR, "FILE", "the customer's secret, to name it by", &a.secret,
            false},
        {"salt-out", 0, VT_OPT_STR, "FILE", "where to write what the site needs for it",
            &a.salt_out, false},
        {"name", 'n', VT_OPT_STR, "NAME", "the requester's name, to be sure", &a.name, false},
        {0},
    };
    struct vt_cmd c = {.name = "vault request",
        .args = "--key FILE --to URL --policy FILE ...",
        .summary = "Asks about users' data; prints the digest that approvers are to see.",
        .opts = opts};
    struct vt_vault_desk d = {0};
    struct vt_request r;
    struct vt_digest digest;
    struct vt_why why = {0};
    uint64_t index = 0;
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = ask(&a, &d, &r, &digest, &index, &why);
    code = err == VT_OK ? print(&c, &r, &digest, index) : vt_cmd_fail(&c, err, &why);
    vt_vault_desk_release(&d);
    return code;
}
