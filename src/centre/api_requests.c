/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for users' data, and what came of each: by the documents of those alone whom the
 * vault policy that the request was made under names for it.
 */
#include "base/clock.h"
#include "centre/api_parts.h"
#include "centre/api_vault.h"
#include "ledger/policy.h"

#include <stdio.h>
#include <string.h>

#define NO_MEMORY "out of memory for an answer"
enum { LOOKED_AT_MAX = 2000, STEPS_MAX = 2000, APPROVERS_MAX = 256 };

/* What is known of one request. */
struct request {
    const struct vt_vault_policy *policy; /* NULL: it is not published */
    const struct vt_rule_party *keeper;
    const char *requester; /* of fields, as the next two */
    const char *region;
    const char *mode;
    int64_t approvals;
    int64_t refusals;
    int64_t runs;
    bool granted;
    bool refused; /* by the keeper, and not run since */
    /* Who has answered, each once. */
    size_t answered_count;
    char answered[APPROVERS_MAX][VT_KEY_NAME_MAX + 1];
    json_t *steps; /* NULL: not asked for */
};

/* Whether a party is in a group that must approve in that mode. */
static bool
may_approve(const struct request *q, const struct vt_rule_party *who)
{
    const struct vt_rule_group *group[VT_RULES_MAX];
    const struct vt_rule_party *party;
    enum vt_mode mode;
    size_t n;

    if (q->policy == NULL || who == NULL || !vt_mode_parse(q->mode, &mode))
        return false;
    (void)vt_vault_policy_parties(q->policy, &party);
    n = vt_vault_policy_approvers(q->policy, mode, group, VT_RULES_MAX);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < group[i]->member_count; k++)
            if (&party[group[i]->member[k]] == who)
                return true;
    return false;
}

static bool
answered_before(struct request *q, const char *who)
{
    for (size_t i = 0; i < q->answered_count; i++)
        if (strcmp(q->answered[i], who) == 0)
            return true;
    if (q->answered_count < APPROVERS_MAX)
        (void)snprintf(q->answered[q->answered_count++], sizeof(q->answered[0]), "%s", who);
    return false;
}

/* Counts a document; false: it is by nobody who may say it. */
static bool
count(const struct vt_api_call *c, struct request *q, const char *kind, const char *signer,
    const json_t *fields)
{
    const char *approver = vt_api_field(fields, "approver");
    const struct vt_rule_party *party =
        q->policy == NULL ? NULL : vt_vault_policy_party(q->policy, approver);

    if (strcmp(kind, "approval") == 0) {
        if (!may_approve(q, party) || !vt_api_vault_is(c, party, signer) ||
            strcmp(approver, q->requester) == 0)
            return false;
        if (answered_before(q, approver))
            return true;
        if (strcmp(vt_api_field(fields, "verdict"), "approve") == 0)
            q->approvals++;
        else
            q->refusals++;
        return true;
    }
    if (!vt_api_vault_is(c, q->keeper, signer))
        return false;
    if (strcmp(kind, "grant") == 0)
        q->granted = true;
    else if (strcmp(kind, "refusal") == 0)
        q->refused = true;
    else
        q->runs++;
    q->refused = q->refused && strcmp(kind, "refusal") == 0;
    return true;
}

static json_t *
code_of(const char *kind, const json_t *fields)
{
    if (strcmp(kind, "refusal") == 0)
        return vt_api_field_text(fields, "code");
    if (strcmp(kind, "approval") == 0 &&
        strcmp(vt_api_field(fields, "verdict"), "approve") != 0)
        return json_string("veto");
    return json_null();
}

static enum vt_err
put_step(struct vt_api_call *c, struct vt_sql_rows *r, json_t *fields, json_t *steps,
    struct vt_why *why)
{
    const char *kind = vt_sql_text(r, 1);
    json_t *link = NULL;
    enum vt_err err = vt_api_link(c, r, &link, why);

    if (err != VT_OK)
        return err;
    return vt_api_add(steps,
        json_pack("{s:o,s:o,s:o,s:o,s:O}", "kind", vt_api_text(kind), "link", link, "by",
            vt_api_text(
                vt_api_field(fields, strcmp(kind, "approval") == 0 ? "approver" : "site")),
            "code", code_of(kind, fields), "fields", fields),
        why);
}

/* What others said of it, in the log's order. */
static enum vt_err
follow(struct vt_api_call *c, const struct vt_digest *request, struct request *q,
    struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    bool more = true;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT " VT_API_LINK ",d.fields FROM about b JOIN document d ON d.idx=b.idx"
        " JOIN entry e ON e.idx=d.idx WHERE b.digest=?"
        " AND d.kind IN ('approval','grant','refusal','run','erasure') ORDER BY d.idx LIMIT ?",
        "di", request, (int64_t)STEPS_MAX);

    while (err == VT_OK) {
        json_t *fields;

        err = vt_sql_step(rows, &more, why);
        if (err != VT_OK || !more)
            break;
        fields = vt_api_fields(rows, VT_API_LINK_COLUMNS);
        if (fields == NULL)
            err = vt_fail(why, VT_E_NOMEM, NO_MEMORY);
        else if (count(c, q, vt_sql_text(rows, 1), vt_sql_text(rows, 2), fields) &&
                 q->steps != NULL)
            err = put_step(c, rows, fields, q->steps, why);
        json_decref(fields);
    }
    vt_sql_end(rows);
    return err;
}

static const char *
state_of(const struct request *q, const json_t *fields)
{
    int64_t expires = 0;

    if (q->runs > 0)
        return "ran";
    if (q->refusals > 0 || q->refused)
        return "refused";
    if (q->granted)
        return "granted";
    if (vt_time_parse(vt_api_field(fields, "expires"), &expires) &&
        expires <= vt_clock_now(&vt_clock_system))
        return "expired";
    return "open";
}

/* A request has a class or several. */
static json_t *
classes_of(const json_t *fields)
{
    struct vt_buf b = VT_BUF(4096);
    const json_t *pair;
    json_t *v;
    size_t i;

    json_array_foreach(fields, i, pair)
    {
        if (strcmp(json_string_value(json_array_get(pair, 0)), "class") == 0)
            vt_buf_putf(
                &b, "%s%s", b.len > 0 ? " " : "", json_string_value(json_array_get(pair, 1)));
    }
    v = b.err == VT_OK ? vt_api_text(vt_buf_str(&b)) : NULL;
    vt_buf_release(&b);
    return v;
}

static json_t *
request_json(const struct vt_digest *d, int64_t index, int64_t time, const struct request *q,
    const json_t *fields)
{
    return json_pack("{s:o,s:o,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:I,s:I}",
        "request", vt_api_digest(d), "id", vt_api_text(vt_api_field(fields, "id")), "index",
        (json_int_t)index, "time", vt_api_time(time), "mode", vt_api_text(q->mode), "purpose",
        vt_api_text(vt_api_field(fields, "purpose")), "requester", vt_api_text(q->requester),
        "region", vt_api_text(q->region), "class", classes_of(fields), "from",
        vt_api_text(vt_api_field(fields, "from")), "until",
        vt_api_text(vt_api_field(fields, "until")), "job", vt_api_field_text(fields, "job"),
        "runs", vt_api_field_count(fields, "runs"), "expires",
        vt_api_text(vt_api_field(fields, "expires")), "state", state_of(q, fields), "approvals",
        (json_int_t)q->approvals, "refusals", (json_int_t)q->refusals);
}

/* A row of idx, digest, the entry's time, fields. steps: NULL when they are not asked for. */
static enum vt_err
put_request(struct vt_api_call *c, struct vt_sql_rows *r, json_t *fields, json_t *steps,
    json_t **ret, struct vt_why *why)
{
    struct request q = {.requester = vt_api_field(fields, "requester"),
        .region = vt_api_field(fields, "region"),
        .mode = vt_api_field(fields, "mode"),
        .steps = steps};
    const struct vt_rule_region *region = NULL;
    struct vt_digest under;
    struct vt_digest d;
    enum vt_err err = VT_OK;

    if (!vt_sql_digest(r, 1, &d))
        return vt_fail(why, VT_E_SYNTAX, "a request of the facts has no digest");
    if (vt_api_field_digest(fields, "policy", &under))
        err = vt_api_vault(c, &under, &q.policy, why);
    if (err == VT_OK && q.policy != NULL)
        region = vt_vault_policy_region(q.policy, q.region);
    if (region != NULL)
        q.keeper = vt_vault_policy_keeper(q.policy, region->site);
    if (err == VT_OK)
        err = follow(c, &d, &q, why);
    if (err != VT_OK)
        return err;
    *ret = request_json(&d, vt_sql_int(r, 0), vt_sql_int(r, 2), &q, fields);
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : VT_OK;
}

/* --- The list. --- */

struct filter {
    struct vt_api_page page;
    const char *state; /* "" for all */
    int64_t last;      /* the last that was looked at */
    int64_t looked_at;
};

static enum vt_err
take_request(struct vt_api_call *c, struct vt_sql_rows *r, const struct filter *f,
    json_t *items, struct vt_why *why)
{
    json_t *fields = vt_api_fields(r, 3);
    json_t *o = NULL;
    enum vt_err err;

    if (fields == NULL)
        return vt_fail(why, VT_E_NOMEM, NO_MEMORY);
    err = put_request(c, r, fields, NULL, &o, why);
    json_decref(fields);
    if (err != VT_OK)
        return err;
    if (f->state[0] == '\0' ||
        strcmp(json_string_value(json_object_get(o, "state")), f->state) == 0)
        return vt_api_add(items, o, why);
    json_decref(o);
    return VT_OK;
}

/* Up to the page's limit, or until enough were looked at that are in another state. */
static enum vt_err
walk(struct vt_api_call *c, const char *region, struct filter *f, json_t *items, bool *ret_more,
    struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT d.idx,d.digest,e.time,d.fields FROM document d JOIN entry e ON e.idx=d.idx"
        " WHERE d.kind='request' AND (?1='' OR d.region=?1) AND d.idx<?2"
        " ORDER BY d.idx DESC",
        "si", region, f->page.before);

    *ret_more = true;
    while (err == VT_OK) {
        err = vt_sql_step(rows, ret_more, why);
        if (err != VT_OK || !*ret_more || f->looked_at == LOOKED_AT_MAX ||
            (int64_t)json_array_size(items) == f->page.limit)
            break;
        f->last = vt_sql_int(rows, 0);
        f->looked_at++;
        err = take_request(c, rows, f, items, why);
    }
    vt_sql_end(rows);
    return err;
}

enum vt_err
vt_api_requests(struct vt_api_call *c, struct vt_why *why)
{
    static const char *const states[] = {
        "", "open", "granted", "refused", "ran", "expired", NULL};
    char region[VT_REGION_MAX + 1] = "";
    char next[24] = "";
    struct filter f = {.last = 0};
    json_t *items;
    size_t state = 0;
    bool more = false;
    enum vt_err err = vt_api_page_param(c, &f.page);

    if (err == VT_OK)
        err = vt_api_word_param(c, "state", states, &state);
    if (err == VT_OK)
        (void)vt_api_text_param(c, "region", region, sizeof(region), &err);
    if (err != VT_OK)
        return err;
    f.state = states[state];
    items = json_array();
    err = walk(c, region, &f, items, &more, why);
    if (more)
        (void)snprintf(next, sizeof(next), "%lld", (long long)f.last);
    c->out = json_pack("{s:o,s:o}", "items", items, "next", vt_api_text_or_null(next));
    return err == VT_OK && c->out == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : err;
}

/* --- One. --- */

static enum vt_err
put_full(struct vt_api_call *c, struct vt_sql_rows *r, struct vt_why *why)
{
    json_t *fields = vt_api_fields(r, 3);
    json_t *steps = json_array();
    enum vt_err err = fields == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY)
                                     : put_request(c, r, fields, steps, &c->out, why);

    if (err == VT_OK)
        return vt_api_join(
            c->out, json_pack("{s:o,s:o}", "fields", fields, "steps", steps), why);
    json_decref(fields);
    json_decref(steps);
    return err;
}

enum vt_err
vt_api_one_request(struct vt_api_call *c, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    bool there = false;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT d.idx,d.digest,e.time,d.fields FROM document d JOIN entry e ON e.idx=d.idx"
        " WHERE d.digest=? AND d.kind='request' ORDER BY d.idx LIMIT 1",
        "d", &c->digest);

    if (err == VT_OK)
        err = vt_sql_step(rows, &there, why);
    if (err == VT_OK && there)
        err = put_full(c, rows, why);
    vt_sql_end(rows);
    if (err == VT_OK && !there)
        return vt_api_fail(c, 404, "the log has no such request");
    return err;
}
