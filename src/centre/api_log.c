/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the log, and what they say. */
#include "attest/dsse.h"
#include "attest/statement.h"
#include "centre/api_parts.h"
#include "ledger/doc.h"
#include "ledger/evidence.h"
#include "note/proof.h"
#include "review/doc.h"

#include <string.h>

/* --- Lists. --- */

static enum vt_err
put_subject(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    (void)c;
    *ret = json_pack("{s:o,s:o}", "role", vt_api_text(vt_sql_text(r, 0)), "digest",
        vt_api_column_digest(r, 1));
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, "out of memory for an answer") : VT_OK;
}

static enum vt_err
put_entry(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    json_t *subjects = NULL;
    json_t *o = NULL;
    enum vt_err err = vt_api_link(c, r, &o, why);

    if (err == VT_OK)
        err = vt_sql_query(c->api->facts, &rows, why,
            "SELECT role,digest FROM subject WHERE idx=? ORDER BY role,digest", "i",
            vt_sql_int(r, 0));
    if (err == VT_OK) {
        subjects = json_array();
        err = vt_api_rows(c, rows, put_subject, subjects, why);
    }
    if (err == VT_OK)
        err = vt_api_set(o, "subjects", json_incref(subjects), why);
    json_decref(subjects);
    if (err == VT_OK)
        *ret = o;
    else
        json_decref(o);
    return err;
}

/* By kind, by signer or by subject: each has its index; the others are tried on what it gives.
 */
static enum vt_err
query_entries(struct vt_api_call *c, const char *kind, const char *signer,
    const struct vt_digest *subject, const struct vt_api_page *page, struct vt_sql_rows **ret,
    struct vt_why *why)
{
#define REST                                                                                   \
    " AND (?1='' OR e.kind=?1) AND (?2='' OR e.signer=?2) AND e.idx<?3"                        \
    " ORDER BY e.idx DESC LIMIT ?4"
    static const char by_subject[] = "SELECT " VT_API_LINK " FROM entry e WHERE e.idx IN"
                                     " (SELECT idx FROM subject WHERE digest=?5)" REST;
    static const char by_kind[] = "SELECT " VT_API_LINK " FROM entry e WHERE e.kind=?1" REST;
    static const char by_signer[] =
        "SELECT " VT_API_LINK " FROM entry e WHERE e.signer=?2" REST;
    static const char all[] = "SELECT " VT_API_LINK " FROM entry e WHERE e.idx>=0" REST;
    const char *sql = kind[0] != '\0' ? by_kind : signer[0] != '\0' ? by_signer : all;

    if (subject != NULL)
        return vt_sql_query(c->api->facts, ret, why, by_subject, "ssiid", kind, signer,
            page->before, page->limit + 1, subject);
    return vt_sql_query(
        c->api->facts, ret, why, sql, "ssii", kind, signer, page->before, page->limit + 1);
#undef REST
}

enum vt_err
vt_api_entries(struct vt_api_call *c, struct vt_why *why)
{
    char kind[32] = "";
    char signer[VT_POLICY_NAME_MAX + 1] = "";
    struct vt_digest subject;
    bool has_subject = false;
    struct vt_api_page page;
    struct vt_sql_rows *rows = NULL;
    json_t *items;
    enum vt_err err = vt_api_page_param(c, &page);

    if (err == VT_OK)
        (void)vt_api_text_param(c, "kind", kind, sizeof(kind), &err);
    if (err == VT_OK)
        (void)vt_api_text_param(c, "signer", signer, sizeof(signer), &err);
    if (err == VT_OK)
        has_subject = vt_api_digest_param(c, "subject", &subject, &err);
    if (err == VT_OK)
        err = query_entries(c, kind, signer, has_subject ? &subject : NULL, &page, &rows, why);
    if (err != VT_OK)
        return err;
    items = json_array();
    err = vt_api_rows(c, rows, put_entry, items, why);
    if (err == VT_OK)
        return vt_api_list(c, items, &page, NULL, why);
    json_decref(items);
    return err;
}

/* --- One entry, and what it says. --- */

/* What an entry's statement is, and says. */
struct says {
    const char *form;
    json_t *says;
    json_t *raw;
};

static const char *
form_of(enum vt_entry_kind kind)
{
    enum vt_doc_kind doc;

    if (kind == VT_ENTRY_READING || kind == VT_ENTRY_REVIEW || kind == VT_ENTRY_OBJECTION ||
        kind == VT_ENTRY_VISITS)
        return "review";
    return vt_ledger_kind(kind, &doc) ? "document" : "statement";
}

/* The payload of an envelope, which the entry's signer signed too. */
static json_t *
statement_json(const struct vt_policy_party *signer, const struct vt_buf *b)
{
    struct vt_buf payload = VT_BUF(VT_STATEMENT_MAX);
    json_t *v = NULL;

    if (vt_dsse_open(b->data, b->len, &signer->key.pub, &payload, NULL) != VT_OK ||
        vt_json_parse(payload.data, payload.len, "statement", &v, NULL) != VT_OK)
        v = NULL;
    vt_buf_release(&payload);
    return v == NULL ? json_null() : v;
}

/* Lines "NAME VALUE" up to an empty one, after the first: what all documents look like. */
static json_t *
fields_json(const struct vt_buf *b)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    struct vt_reader line;
    struct vt_reader name;
    json_t *array = json_array();

    if (!vt_reader_line(&r, &line))
        return array;
    while (vt_reader_line(&r, &line) && line.left > 0 && vt_reader_word(&line, ' ', &name))
        if (vt_api_add(array,
                json_pack("[o,o]", vt_api_text_n(name.p, name.left),
                    vt_api_text_n(line.p, line.left)),
                NULL) != VT_OK)
            break;
    return array;
}

/* Whether a document is of its form: it is shown as a list of fields then. */
static bool
is_document(const char *form, const struct vt_buf *b)
{
    struct vt_doc *doc = NULL;
    struct vt_review review;

    if (strcmp(form, "review") == 0) {
        if (vt_review_parse(b->data, b->len, &review, NULL) != VT_OK)
            return false;
        vt_review_release(&review);
        return true;
    }
    if (vt_doc_parse(b->data, b->len, 0, &doc, NULL) != VT_OK)
        return false;
    vt_doc_free(doc);
    return true;
}

/* Reads what the entry names. What is not there, or by nobody who is known, says nothing. */
static enum vt_err
read_statement(
    struct vt_api_call *c, const void *entry, size_t len, struct says *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DSSE_MAX);
    const struct vt_policy_party *signer = NULL;
    struct vt_log_reader *log = NULL;
    struct vt_entry e;
    enum vt_err err;

    if (vt_log_entry_open(c->api->policy, entry, len, &e, NULL, &signer, NULL) != VT_OK)
        return VT_OK;
    err = vt_api_log(c, &log, why);
    if (err != VT_OK)
        return err;
    ret->form = form_of(e.kind);
    if (vt_log_reader_object(log, &e.statement, &b, NULL) == VT_OK) {
        if (strcmp(ret->form, "statement") == 0) {
            ret->says = statement_json(signer, &b);
        } else {
            ret->says = is_document(ret->form, &b) ? fields_json(&b) : json_null();
            ret->raw = vt_api_text_n(b.data, b.len);
        }
    }
    vt_buf_release(&b);
    return VT_OK;
}

static enum vt_err
put_one(struct vt_api_call *c, struct vt_sql_rows *rows, struct vt_why *why)
{
    struct says says = {.form = "statement"};
    size_t len;
    const void *text = vt_sql_bytes(rows, VT_API_LINK_COLUMNS, &len);
    enum vt_err err = put_entry(c, rows, &c->out, why);

    if (err == VT_OK)
        err = read_statement(c, text, len, &says, why);
    if (err == VT_OK)
        return vt_api_join(c->out,
            json_pack("{s:o,s:s,s:o,s:o}", "text", vt_api_b64(text, len), "form", says.form,
                "says", says.says == NULL ? json_null() : says.says, "raw",
                says.raw == NULL ? json_null() : says.raw),
            why);
    json_decref(says.says);
    json_decref(says.raw);
    return err;
}

enum vt_err
vt_api_entry(struct vt_api_call *c, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    bool there = false;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT " VT_API_LINK ",e.text FROM entry e WHERE e.idx=?", "i", (int64_t)c->number);

    if (err == VT_OK)
        err = vt_sql_step(rows, &there, why);
    if (err == VT_OK && there)
        err = put_one(c, rows, why);
    vt_sql_end(rows);
    if (err == VT_OK && !there)
        return vt_api_fail(c, 404, "the log has no such entry (yet)");
    return err;
}

enum vt_err
vt_api_proof(struct vt_api_call *c, struct vt_why *why)
{
    struct vt_tlog_proof proof = {.index = c->number};
    struct vt_log_reader *log = NULL;
    enum vt_err err = vt_api_log(c, &log, why);

    if (err != VT_OK)
        return err;
    if (c->number >= vt_log_reader_checkpoint(log)->size)
        return vt_api_fail(c, 404, "the log has no such entry (yet)");
    err = vt_log_reader_inclusion(log, c->number, &proof.path, why);
    if (err != VT_OK)
        return err;
    proof.checkpoint = vt_log_reader_note(log, &proof.checkpoint_len);
    vt_tlog_proof_put(c->body, &proof);
    c->answer->content_type = "text/plain; charset=utf-8";
    return vt_buf_check(c->body, "proof", why);
}
