/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of the log: its own rows, and the way to the facts of its kind.
 */
#include "centre/facts_held.h"

#include "attest/dsse.h"
#include "base/text.h"
#include "ledger/evidence.h"
#include "log/log_index.h"
#include "review/doc.h"

#include <stdio.h>
#include <string.h>

/* Where the statements of a kind come from. */
enum form { FORM_STATEMENT = 1, FORM_DOCUMENT, FORM_REVIEW };

struct kind {
    enum form form;
    vt_facts_take_fn *take;
};

static struct kind
kind_of(enum vt_entry_kind kind)
{
    enum vt_doc_kind doc;

    switch (kind) {
    case VT_ENTRY_SOURCE:
        return (struct kind){FORM_STATEMENT, vt_facts_take_source};
    case VT_ENTRY_ENVIRONMENT:
        return (struct kind){FORM_STATEMENT, vt_facts_take_environment};
    case VT_ENTRY_ASSEMBLY:
        return (struct kind){FORM_STATEMENT, vt_facts_take_assembly};
    case VT_ENTRY_REBUILD:
        return (struct kind){FORM_STATEMENT, vt_facts_take_rebuild};
    case VT_ENTRY_MISMATCH:
        return (struct kind){FORM_STATEMENT, vt_facts_take_mismatch};
    case VT_ENTRY_RELEASE:
        return (struct kind){FORM_STATEMENT, vt_facts_take_release};
    default:
        break;
    }
    if (vt_ledger_kind(kind, &doc))
        return (struct kind){FORM_DOCUMENT, vt_facts_take_document};
    return (struct kind){FORM_REVIEW, vt_facts_take_review};
}

/* The statement's bytes. Those that are not there, or are damaged, are looked for again. */
static enum vt_err
fetch(struct vt_facts *f, const struct vt_facts_entry *e, struct vt_buf *b,
    struct vt_why *problem, struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err = vt_log_reader_object(f->reader, &e->entry.statement, b, problem);

    if (err == VT_OK || err == VT_E_LIMIT || err == VT_E_NOMEM)
        return vt_facts_theirs(err, problem, why);
    vt_digest_hex(&e->entry.statement, hex);
    if (err == VT_E_NOENT)
        (void)vt_fail(problem, err, "its statement sha256:%s is not published", hex);
    return vt_facts_wait(f, e->index, "statement", why);
}

/* Verifies what must be verified before anything is parsed. */
static enum vt_err
open_and_take(struct vt_facts *f, const struct vt_facts_entry *e, const struct vt_buf *b,
    struct vt_why *problem, struct vt_why *why)
{
    struct kind kind = kind_of(e->entry.kind);
    struct vt_buf payload = VT_BUF(VT_DSSE_MAX);
    enum vt_err err = VT_OK;

    if (kind.form != FORM_STATEMENT)
        return kind.take(f, e, b->data, b->len, problem, why);
    err = vt_dsse_open(b->data, b->len, &e->signer->key.pub, &payload, problem);
    if (err != VT_OK)
        err = vt_facts_theirs(err, problem, why);
    else
        err = kind.take(f, e, payload.data, payload.len, problem, why);
    vt_buf_release(&payload);
    return err;
}

enum vt_err
vt_facts_take_statement(struct vt_facts *f, const struct vt_facts_entry *e,
    struct vt_why *problem, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DSSE_MAX);
    enum vt_err err;

    vt_why_clear(problem);
    err = fetch(f, e, &b, problem, why);
    if (err == VT_OK && problem->text[0] == '\0')
        err = open_and_take(f, e, &b, problem, why);
    if (err == VT_OK && problem->text[0] == '\0')
        err = vt_facts_vote(f, e, why);
    if (err == VT_OK && problem->text[0] == '\0')
        err = vt_facts_tell(f, e, why);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_facts_wait(struct vt_facts *f, uint64_t index, const char *what, struct vt_why *why)
{
    return vt_sql_do(f->db, why, "INSERT OR IGNORE INTO waiting(idx, what) VALUES(?, ?)", "is",
        (int64_t)index, what);
}

/* When the log first had the entry, by the checkpoints that were seen; 0: nobody vouches. */
static enum vt_err
time_of(struct vt_facts *f, uint64_t index, int64_t *ret, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err = VT_OK;

    if (index >= f->cover_size) {
        err = vt_sql_query(f->db, &r, why,
            "SELECT size, time FROM checkpoint WHERE size>? ORDER BY size LIMIT 1", "i",
            (int64_t)index);
        if (err == VT_OK)
            err = vt_sql_step(r, &row, why);
        if (err == VT_OK && row) {
            f->cover_size = (uint64_t)vt_sql_int(r, 0);
            f->cover_time = (uint64_t)vt_sql_int(r, 1);
        }
        vt_sql_end(r);
    }
    *ret = (int64_t)f->cover_time;
    return err;
}

static enum vt_err
put_subjects(struct vt_facts *f, const struct vt_facts_entry *e, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < e->entry.subject_count && err == VT_OK; i++) {
        const struct vt_subject *s = &e->entry.subject[i];

        err = vt_sql_do(f->db, why, "INSERT INTO subject(idx, role, digest) VALUES(?, ?, ?)",
            "isd", (int64_t)e->index, vt_subject_role_name(s->role), &s->digest);
    }
    return err;
}

/* Who is said to have signed it, as far as a person can be shown that. */
static void
key_name(const struct vt_note *note, char *ret, size_t size)
{
    ret[0] = '\0';
    if (note->sig_count > 0)
        (void)vt_text_clean(ret, size, note->sig[0].name, note->sig[0].name_len);
}

/* The row of an entry that is whole, before its statement was read. */
static enum vt_err
put_entry(struct vt_facts *f, const struct vt_facts_entry *e, const struct vt_note *note,
    const void *data, size_t len, const char *problem, struct vt_why *why)
{
    char key[VT_KEY_NAME_MAX + 1];
    int64_t time = 0;
    enum vt_err err = time_of(f, e->index, &time, why);

    key_name(note, key, sizeof key);
    if (err == VT_OK)
        err = vt_sql_do(f->db, why,
            "INSERT INTO entry(idx, kind, signer, key, organisation, statement, text, time,"
            " problem) VALUES(?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?)",
            "issssdbis", (int64_t)e->index, vt_entry_kind_name(e->entry.kind),
            e->signer != NULL ? e->signer->name : NULL, key, e->organisation,
            &e->entry.statement, data, len, time, problem);
    return err == VT_OK ? put_subjects(f, e, why) : err;
}

/* The row of bytes that are no entry. */
static enum vt_err
put_strange(struct vt_facts *f, uint64_t index, const void *data, size_t len,
    const char *problem, struct vt_why *why)
{
    int64_t time = 0;
    enum vt_err err = time_of(f, index, &time, why);

    if (err != VT_OK)
        return err;
    return vt_sql_do(f->db, why,
        "INSERT INTO entry(idx, text, time, problem) VALUES(?, ?, nullif(?, 0), ?)", "ibis",
        (int64_t)index, data, len, time, problem);
}

/* A root of the log's own index: nothing that anybody says, and no damage either. */
static enum vt_err
put_index_root(
    struct vt_facts *f, uint64_t index, const void *data, size_t len, struct vt_why *why)
{
    int64_t time = 0;
    enum vt_err err = time_of(f, index, &time, why);

    if (err != VT_OK)
        return err;
    return vt_sql_do(f->db, why,
        "INSERT INTO entry(idx, kind, key, text, time) VALUES(?, 'log-index', ?, ?,"
        " nullif(?, 0))",
        "isbi", (int64_t)index, vt_log_reader_checkpoint(f->reader)->origin, data, len, time);
}

enum vt_err
vt_facts_take(
    struct vt_facts *f, uint64_t index, const void *data, size_t len, struct vt_why *why)
{
    struct vt_facts_entry e = {.index = index};
    struct vt_why problem = {0};
    struct vt_note note;
    enum vt_err err = vt_entry_parse(data, len, &note, &e.entry, &problem);

    if (err != VT_OK && vt_log_index_is_root(f->policy,
                            vt_log_reader_checkpoint(f->reader)->origin, index, data, len))
        return put_index_root(f, index, data, len, why);
    if (err != VT_OK)
        return err == VT_E_NOMEM ? vt_facts_theirs(err, &problem, why)
                                 : put_strange(f, index, data, len, problem.text, why);
    err = vt_log_entry_open(f->policy, data, len, &e.entry, NULL, &e.signer, &problem);
    if (err != VT_OK)
        return put_entry(f, &e, &note, data, len, problem.text, why);
    e.organisation = vt_facts_organisation(f, e.signer);
    err = put_entry(f, &e, &note, data, len, NULL, why);
    if (err == VT_OK)
        err = vt_facts_take_statement(f, &e, &problem, why);
    if (err == VT_OK && problem.text[0] != '\0')
        err = vt_sql_do(f->db, why, "UPDATE entry SET problem=? WHERE idx=?", "si",
            problem.text, (int64_t)index);
    return err == VT_OK ? vt_facts_touch(f, &e.entry, why) : err;
}
