/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "centre/api_cover.h"
#include "centre/api_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NO_MEMORY "out of memory for an answer"

/* --- COVER. --- */

/* Who has signed a source off, and who objects. */
struct signed_off {
    json_t *organisations;
    struct vt_signer_set reviewers;
    int64_t objections;
};

static void
mark(const struct vt_policy *policy, const char *name, struct vt_signer_set *set)
{
    const struct vt_policy_party *signer;
    size_t n = vt_policy_signers(policy, &signer);

    for (size_t i = 0; i < n; i++)
        if (strcmp(signer[i].name, name) == 0)
            set->has[i] = true;
}

static bool
has_text(const json_t *array, const char *text)
{
    const json_t *v;
    size_t i;

    json_array_foreach(array, i, v) if (strcmp(json_string_value(v), text) == 0) return true;
    return false;
}

static enum vt_err
take_sign_offs(struct vt_api_call *c, const struct vt_digest *source, struct signed_off *ret,
    struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    bool more = true;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT e.signer,e.organisation FROM subject s JOIN entry e ON e.idx=s.idx"
        " WHERE s.digest=? AND s.role='source' AND e.kind='review' AND e.signer IS NOT NULL"
        " AND e.problem IS NULL AND" VT_API_LAST_WORD " ORDER BY e.organisation",
        "d", source);

    while (err == VT_OK) {
        err = vt_sql_step(rows, &more, why);
        if (err != VT_OK || !more)
            break;
        mark(c->api->policy, vt_sql_text(rows, 0), &ret->reviewers);
        if (!has_text(ret->organisations, vt_sql_text(rows, 1)))
            err = vt_api_add(ret->organisations, vt_api_text(vt_sql_text(rows, 1)), why);
    }
    vt_sql_end(rows);
    if (err == VT_OK)
        err = vt_sql_count(c->api->facts, 0, &ret->objections, why,
            "SELECT count(*) FROM subject s JOIN entry e ON e.idx=s.idx WHERE s.digest=?"
            " AND s.role='source' AND e.kind='objection' AND e.signer IS NOT NULL"
            " AND" VT_API_LAST_WORD,
            "d", source);
    return err;
}

static enum vt_err
put_cover(
    struct vt_api_call *c, const struct vt_api_cover *cover, json_t **ret, struct vt_why *why)
{
    const struct vt_policy *policy = c->api->policy;
    bool demanded = vt_policy_demand_of(policy, VT_ENTRY_REVIEW) == VT_POLICY_QUORUM;
    struct signed_off off = {.organisations = json_array()};
    enum vt_err err = take_sign_offs(c, &cover->source, &off, why);
    bool met;

    if (err != VT_OK) {
        json_decref(off.organisations);
        return err;
    }
    met = !demanded || (off.objections == 0 && vt_policy_check_signers(policy, VT_ENTRY_REVIEW,
                                                   &off.reviewers, NULL) == VT_OK);
    *ret = json_pack("{s:I,s:I,s:I,s:I,s:I,s:o,s:I,s:b,s:b}", "files",
        (json_int_t)cover->file_count, "covered", (json_int_t)cover->covered, "lines",
        (json_int_t)cover->lines, "covered_lines", (json_int_t)cover->covered_lines,
        "organisations", (json_int_t)cover->organisation_count, "signed", off.organisations,
        "objections", (json_int_t)off.objections, "demanded", demanded, "met", met);
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : VT_OK;
}

enum vt_err
vt_api_cover_of(struct vt_api_call *c, const struct vt_digest *source, bool known, json_t **ret,
    struct vt_why *why)
{
    const struct vt_api_cover *cover = NULL;
    struct vt_why problem = {0};
    enum vt_err err = known ? vt_api_cover(c, source, &cover, &problem) : VT_E_NOENT;

    if (err == VT_OK)
        return put_cover(c, cover, ret, why);
    if (err != VT_E_NOENT) {
        vt_log(VT_LOG_WARN, "no coverage can be shown: %s", problem.text);
        c->passing = true;
    }
    *ret = json_null();
    return VT_OK;
}

/* --- The whole of it. --- */

static enum vt_err
put_link(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    enum vt_err err = vt_api_link(c, r, ret, why);

    if (err != VT_OK)
        return err;
    return vt_api_set(*ret, "verdict",
        strcmp(vt_sql_text(r, 1), "review") == 0 ? json_string("ok")
                                                 : vt_api_column_text(r, VT_API_LINK_COLUMNS),
        why);
}

static enum vt_err
put_links(
    struct vt_api_call *c, const char *kind, json_t *o, const char *key, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    json_t *array;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT " VT_API_LINK ",v.code FROM review v JOIN entry e ON e.idx=v.idx"
        " WHERE v.source=? AND v.kind=? ORDER BY e.idx DESC LIMIT 500",
        "ds", &c->digest, kind);

    if (err != VT_OK)
        return err;
    array = json_array();
    err = vt_api_rows(c, rows, put_link, array, why);
    if (err == VT_OK)
        return vt_api_set(o, key, array, why);
    json_decref(array);
    return err;
}

static json_t *
names_of(const struct vt_api_cover *cover, uint64_t set)
{
    json_t *array = json_array();

    for (size_t i = 0; i < cover->organisation_count && array != NULL; i++)
        if ((set >> i & 1) != 0 &&
            vt_api_add(array, vt_api_text(cover->organisation[i].name), NULL) != VT_OK)
            break;
    return array;
}

static enum vt_err
put_organisations(const struct vt_api_cover *cover, json_t *o, struct vt_why *why)
{
    const json_t *off = json_object_get(json_object_get(o, "coverage"), "signed");
    json_t *array = json_array();
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < cover->organisation_count && err == VT_OK; i++) {
        const struct vt_api_cover_organisation *org = &cover->organisation[i];

        err = vt_api_add(array,
            json_pack("{s:o,s:I,s:I,s:b}", "name", vt_api_text(org->name), "files",
                (json_int_t)org->files, "lines", (json_int_t)org->lines, "signed",
                has_text(off, org->name)),
            why);
    }
    if (err == VT_OK)
        return vt_api_set(o, "organisations", array, why);
    json_decref(array);
    return err;
}

/* The files from number `from` on; the cursor is the number of the next. */
static enum vt_err
put_files(const struct vt_api_cover *cover, uint64_t from, size_t limit, bool unread, json_t *o,
    struct vt_why *why)
{
    json_t *items = json_array();
    char next[24] = "";
    enum vt_err err = VT_OK;

    for (size_t i = (size_t)from; i < cover->file_count && err == VT_OK; i++) {
        const struct vt_api_cover_file *f = &cover->file[i];

        if (unread && f->whole != 0)
            continue;
        if (json_array_size(items) == limit) {
            (void)snprintf(next, sizeof(next), "%zu", i);
            break;
        }
        err = vt_api_add(items,
            json_pack("{s:o,s:o,s:I,s:o,s:b}", "path", vt_api_text(vt_api_cover_path(cover, f)),
                "blob", vt_api_digest(&f->blob), "lines", (json_int_t)f->lines, "organisations",
                names_of(cover, f->read), "whole", f->whole != 0),
            why);
    }
    if (err == VT_OK)
        return vt_api_join(
            o, json_pack("{s:o,s:o}", "items", items, "next", vt_api_text_or_null(next)), why);
    json_decref(items);
    return err;
}

static json_t *
demanded_text(const struct vt_policy *policy)
{
    struct vt_buf b = VT_BUF(32768);
    json_t *v;

    vt_policy_put_demand(&b, policy, VT_ENTRY_REVIEW);
    v = vt_api_text_or_null(vt_buf_str(&b));
    vt_buf_release(&b);
    return v;
}

static enum vt_err
put_head(struct vt_api_call *c, const struct vt_api_cover *cover, struct vt_why *why)
{
    int64_t readings = 0;
    json_t *o = NULL;
    enum vt_err err = put_cover(c, cover, &o, why);

    if (err == VT_OK)
        err = vt_sql_count(c->api->facts, 0, &readings, why,
            "SELECT count(*) FROM review WHERE source=? AND kind='reading'", "d", &c->digest);
    c->out = json_pack("{s:o,s:o,s:I}", "coverage", o, "demanded",
        demanded_text(c->api->policy), "readings", (json_int_t)readings);
    if (err == VT_OK && c->out == NULL)
        err = vt_fail(why, VT_E_NOMEM, NO_MEMORY);
    return err;
}

enum vt_err
vt_api_coverage(struct vt_api_call *c, struct vt_why *why)
{
    static const char *const words[] = {"", "unread", NULL};
    const struct vt_api_cover *cover = NULL;
    struct vt_library *l = NULL;
    struct vt_api_page page;
    size_t only = 0;
    bool sealed;
    enum vt_err err = vt_api_page_param(c, &page);

    if (err == VT_OK)
        err = vt_api_word_param(c, "only", words, &only);
    if (err == VT_OK)
        err = vt_api_open_source(c, &l, &sealed, why);
    if (err == VT_OK)
        err = vt_api_cover(c, &c->digest, &cover, why);
    if (err == VT_OK)
        err = put_head(c, cover, why);
    if (err == VT_OK)
        err = put_links(c, "review", c->out, "reviews", why);
    if (err == VT_OK)
        err = put_links(c, "objection", c->out, "objections", why);
    if (err == VT_OK)
        err = put_organisations(cover, c->out, why);
    if (err == VT_OK)
        err = put_files(cover, page.before == INT64_MAX ? 0 : (uint64_t)page.before,
            (size_t)page.limit, only == 1, c->out, why);
    return err;
}
