/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts of the ledger: each document with its fields, and what it is about.
 */
#include "centre/facts_held.h"

#include "base/json.h"
#include "ledger/evidence.h"

#include <string.h>

#define FIELDS_MAX (2U * VT_DOC_MAX)

/* [[name, value], ...] */
static enum vt_err
put_fields(const struct vt_doc *d, struct vt_buf *b, struct vt_why *why)
{
    json_t *all = json_array();
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < vt_doc_count(d) && err == VT_OK; i++) {
        const struct vt_doc_field *field = vt_doc_field(d, i);

        if (json_array_append_new(all, json_pack("[s, s]", field->name, field->value)) != 0)
            err = vt_fail(why, VT_E_NOMEM, "the facts: out of memory");
    }
    if (err == VT_OK)
        err = vt_json_text(all, false, b, why);
    json_decref(all);
    return err;
}

/* Where it happened: a relocation at the site that hands over, a receipt at the other. */
static const char *
site_of(const struct vt_doc *d)
{
    switch (vt_doc_kind(d)) {
    case VT_DOC_RELOCATION:
        return vt_doc_get(d, "from");
    case VT_DOC_RECEIPT:
        return vt_doc_get(d, "to");
    default:
        return vt_doc_get(d, "site");
    }
}

/* The region that it speaks of itself; a vault policy has many. */
static const char *
region_of(const struct vt_doc *d)
{
    return vt_doc_kind(d) == VT_DOC_POLICY ? NULL : vt_doc_get(d, "region");
}

static bool
made_at(const struct vt_doc *d, int64_t *ret)
{
    return vt_doc_get_time(d, "made", ret) || vt_doc_get_time(d, "finished", ret) ||
           vt_doc_get_time(d, "created", ret);
}

static enum vt_err
put_document(struct vt_facts *f, const struct vt_facts_entry *e, const struct vt_doc *d,
    struct vt_why *why)
{
    struct vt_buf fields = VT_BUF(FIELDS_MAX);
    int64_t made = -1;
    enum vt_err err = put_fields(d, &fields, why);

    (void)made_at(d, &made);
    if (err == VT_OK)
        err = vt_sql_do(f->db, why,
            "INSERT INTO document(idx, kind, digest, region, site, made, fields)"
            " VALUES(?, ?, ?, ?, ?, nullif(?, -1), rtrim(?, char(10)))",
            "isdssis", (int64_t)e->index, vt_entry_kind_name(e->entry.kind), vt_doc_digest(d),
            region_of(d), site_of(d), made, vt_buf_str(&fields));
    vt_buf_release(&fields);
    return err;
}

static enum vt_err
put_about(struct vt_facts *f, uint64_t index, const struct vt_digest *d, struct vt_why *why)
{
    return vt_sql_do(f->db, why, "INSERT OR IGNORE INTO about(digest, idx) VALUES(?, ?)", "di",
        d, (int64_t)index);
}

static enum vt_err
put_all_about(struct vt_facts *f, const struct vt_facts_entry *e, const struct vt_doc *d,
    struct vt_why *why)
{
    static const char *const names[] = {"request", "grant", "relocation", "receipt"};
    struct vt_digest digest;
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < sizeof names / sizeof names[0] && err == VT_OK; i++)
        if (vt_doc_get_digest(d, names[i], &digest))
            err = put_about(f, e->index, &digest, why);
    for (size_t i = 0; i < e->entry.subject_count && err == VT_OK; i++)
        err = put_about(f, e->index, &e->entry.subject[i].digest, why);
    return err;
}

/* What is about a request is about its region, whichever of the two came first. */
#define OF_REQUEST                                                                             \
    "(SELECT q.region FROM about b JOIN document q ON q.digest=b.digest"                       \
    " WHERE b.idx=document.idx AND q.kind='request' ORDER BY q.idx LIMIT 1)"

static enum vt_err
put_region(struct vt_facts *f, uint64_t index, const struct vt_doc *d, struct vt_why *why)
{
    if (vt_doc_kind(d) == VT_DOC_REQUEST)
        return vt_sql_do(f->db, why,
            "UPDATE document SET region=" OF_REQUEST
            " WHERE idx IN (SELECT idx FROM about WHERE digest=?)"
            " AND kind IN ('approval', 'grant', 'refusal', 'run')",
            "d", vt_doc_digest(d));
    return vt_sql_do(f->db, why,
        "UPDATE document SET region=" OF_REQUEST
        " WHERE idx=? AND kind IN ('approval', 'grant', 'refusal', 'run')",
        "i", (int64_t)index);
}

enum vt_err
vt_facts_take_document(struct vt_facts *f, const struct vt_facts_entry *e, const void *data,
    size_t len, struct vt_why *problem, struct vt_why *why)
{
    struct vt_doc *d = NULL;
    enum vt_err err = vt_ledger_doc_open(&e->entry, &e->signer->key, data, len, &d, problem);

    if (err != VT_OK)
        return vt_facts_theirs(err, problem, why);
    err = put_document(f, e, d, why);
    if (err == VT_OK)
        err = put_all_about(f, e, d, why);
    if (err == VT_OK)
        err = put_region(f, e->index, d, why);
    vt_doc_free(d);
    return err;
}
