/* SPDX-License-Identifier: Apache-2.0 */
/* What a reviewer can check of the record of openings: docs/formats/visits.md. */
#include "centre/api_parts.h"
#include "centre/desk_room.h"
#include "centre/visit_record.h"

#include <string.h>

enum { LIMIT_USUAL = 100, LIMIT_MOST = 500 };

static enum vt_err
take_number(struct vt_desk_call *c, const char *name, uint64_t most, uint64_t *ret)
{
    char text[24] = "";
    struct vt_reader r;
    bool there = false;
    enum vt_err err = vt_desk_query_text(c, name, text, sizeof(text), &there);

    if (err != VT_OK || !there)
        return err;
    r = VT_READER(text, strlen(text));
    if (!vt_reader_decimal(&r, most, ret))
        return vt_desk_fail(
            c, 400, "`%s` is a number up to %llu", name, (unsigned long long)most);
    return VT_OK;
}

static json_t *
proof_json(const struct vt_proof *p)
{
    json_t *v = json_array();

    for (size_t i = 0; i < p->len; i++)
        (void)json_array_append_new(v, vt_api_digest(&p->hash[i]));
    return v;
}

struct page {
    json_t *items;
    struct vt_visit_prover prover; /* leaves 0: nothing is published */
    struct vt_buf line;
};

static enum vt_err
add_visit(struct page *p, struct vt_sql_rows *r, uint64_t *ret_leaf, struct vt_why *why)
{
    struct vt_visit v;
    struct vt_proof proof = {0};
    bool covered;
    enum vt_err err = vt_visit_row(r, &v, ret_leaf, why);

    vt_buf_clear(&p->line);
    if (err == VT_OK)
        err = vt_visit_put(&p->line, &v, why);
    if (err != VT_OK)
        return err;
    covered = *ret_leaf < p->prover.leaves;
    if (covered)
        err = vt_visit_prove(&p->prover, *ret_leaf, &proof, why);
    if (err != VT_OK)
        return err;
    return vt_api_add(p->items,
        json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "time", vt_api_time(v.time), "source",
            vt_api_digest(&v.source), "path", vt_api_text(v.path), "blob",
            vt_api_digest(&v.blob), "leaf", vt_buf_str(&p->line), "index",
            covered ? json_integer((json_int_t)*ret_leaf) : json_null(), "proof",
            covered ? proof_json(&proof) : json_null()),
        why);
}

static enum vt_err
add_visits(struct vt_desk_call *c, int64_t day, uint64_t after, uint64_t limit, struct page *p,
    json_t **ret_next, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    uint64_t leaf = 0;
    uint64_t count = 0;
    bool row = false;
    enum vt_err err = vt_sql_query(c->d->db, &r, why,
        "SELECT " VT_VISIT_COLUMNS " FROM visit WHERE day=? AND reviewer=? AND leaf>=?"
        " ORDER BY leaf LIMIT ?",
        "isii", day, c->who.name, (int64_t)after, (int64_t)limit);

    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        err = add_visit(p, r, &leaf, why);
        count++;
    }
    vt_sql_end(r);
    if (err == VT_OK)
        *ret_next =
            count == limit ? json_sprintf("%llu", (unsigned long long)leaf + 1) : json_null();
    return err;
}

static json_t *
published_json(const struct vt_visit_record *record)
{
    return json_pack("{s:I, s:o, s:I, s:o}", "index", (json_int_t)record->index, "root",
        vt_api_digest(&record->root), "leaves", (json_int_t)record->leaves, "document",
        vt_api_digest(&record->document));
}

static enum vt_err
answer_day(struct vt_desk_call *c, int64_t day, uint64_t after, uint64_t limit, struct page *p,
    struct vt_why *why)
{
    struct vt_visit_record record;
    char text[11];
    json_t *next = NULL;
    bool published;
    enum vt_err err = vt_visit_record_of(c->d->db, day, true, &record, why);

    published = err == VT_OK;
    if (published)
        p->prover.leaves = record.leaves;
    if (published || err == VT_E_NOENT)
        err = add_visits(c, day, after, limit, p, &next, why);
    if (err != VT_OK)
        return err;
    vt_visit_day_format(day, text);
    c->out = json_pack("{s:s, s:o, s:O, s:o}", "day", text, "published",
        published ? published_json(&record) : json_null(), "items", p->items, "next", next);
    return VT_OK;
}

enum vt_err
vt_desk_get_visits(struct vt_desk_call *c, struct vt_why *why)
{
    char text[16] = "";
    int64_t day = vt_visit_day(c->now);
    uint64_t after = 0;
    uint64_t limit = LIMIT_USUAL;
    bool there = false;
    struct page p = {.line = VT_BUF(VT_VISIT_LINE_MAX)};
    enum vt_err err = vt_desk_need(c, 0);

    if (err == VT_OK)
        err = vt_desk_query_text(c, "day", text, sizeof(text), &there);
    if (err == VT_OK && there && !vt_visit_day_parse(text, &day))
        err = vt_desk_fail(c, 400, "`day` is a day such as 2026-11-22");
    if (err == VT_OK)
        err = take_number(c, "after", INT64_MAX, &after);
    if (err == VT_OK)
        err = take_number(c, "limit", LIMIT_MOST, &limit);
    if (err == VT_OK && limit == 0)
        err = vt_desk_fail(c, 400, "`limit` is a number from 1 to %d", LIMIT_MOST);
    if (err != VT_OK)
        return err;
    p.items = json_array();
    p.prover.db = c->d->db;
    p.prover.day = day;
    err = answer_day(c, day, after, limit, &p, why);
    json_decref(p.items);
    vt_buf_release(&p.line);
    return err;
}

/* The newest record in the log of each day; the newest day first. */
enum vt_err
vt_desk_get_days(struct vt_desk_call *c, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct vt_digest root;
    char text[11];
    bool row = false;
    enum vt_err err = vt_sql_query(c->d->db, &r, why,
        "SELECT day, idx, max(leaves), reviewers, anonymous, root FROM record"
        " WHERE idx IS NOT NULL GROUP BY day ORDER BY day DESC LIMIT 400",
        "");

    c->out = json_pack("{s:[]}", "items");
    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        vt_visit_day_format(vt_sql_int(r, 0), text);
        if (!vt_sql_digest(r, 5, &root))
            err = vt_fail(why, VT_E_STATE, "a day's record is damaged in desk.db");
        else
            err = vt_api_add(json_object_get(c->out, "items"),
                json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "day", text, "index",
                    (json_int_t)vt_sql_int(r, 1), "visits", (json_int_t)vt_sql_int(r, 2),
                    "reviewers", (json_int_t)vt_sql_int(r, 3), "anonymous",
                    (json_int_t)vt_sql_int(r, 4), "root", vt_api_digest(&root)),
                why);
    }
    vt_sql_end(r);
    return err;
}
