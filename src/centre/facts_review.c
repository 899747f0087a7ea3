/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts of reviews, and of the days' openings.
 */
#include "centre/facts_held.h"

#include "review/doc.h"

#include <string.h>

static enum vt_err
put_reading(
    struct vt_facts *f, uint64_t index, const struct vt_review_file *file, struct vt_why *why)
{
    return vt_sql_do(f->db, why,
        "INSERT OR IGNORE INTO reading(blob, idx, from_line, to_line, path, verdict)"
        " VALUES(?, ?, ?, ?, ?, ?)",
        "diiiss", &file->blob, (int64_t)index, (int64_t)file->from, (int64_t)file->to,
        file->path, vt_verdict_name(file->verdict));
}

static enum vt_err
put_review(struct vt_facts *f, const struct vt_facts_entry *e, const struct vt_review *d,
    struct vt_why *why)
{
    bool whole = d->kind == VT_ENTRY_REVIEW;
    int64_t files = whole ? (int64_t)d->files : (int64_t)d->file_count;
    enum vt_err err = vt_sql_do(f->db, why,
        "INSERT INTO review(idx, kind, source, reviewer, organisation, made, code, files,"
        " covered, log_size, root)"
        " VALUES(?, ?, ?, ?, ?, ?, nullif(?, ''), ?, nullif(?, -1), nullif(?, -1), ?)",
        "isdssisiiid", (int64_t)e->index, vt_entry_kind_name(d->kind), &d->source,
        e->signer->name, e->organisation, d->made, d->code, files,
        whole ? (int64_t)d->covered : INT64_C(-1), whole ? (int64_t)d->log_size : INT64_C(-1),
        whole ? &d->root : NULL);

    for (size_t i = 0; i < d->file_count && err == VT_OK; i++)
        err = put_reading(f, e->index, &d->file[i], why);
    return err;
}

/* Those of this site; the first that it published for a day. */
static enum vt_err
put_visits(struct vt_facts *f, const struct vt_facts_entry *e, const struct vt_review *d,
    const void *data, size_t len, struct vt_why *why)
{
    if (strcmp(d->site, f->home->name) != 0)
        return VT_OK;
    return vt_sql_do(f->db, why,
        "INSERT INTO visits(day, idx, visits, reviewers, anonymous, root, text)"
        " VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET idx=excluded.idx,"
        " visits=excluded.visits, reviewers=excluded.reviewers, anonymous=excluded.anonymous,"
        " root=excluded.root, text=excluded.text WHERE excluded.idx<visits.idx",
        "siiiidb", d->day, (int64_t)e->index, (int64_t)d->visits, (int64_t)d->reviewers,
        (int64_t)d->anonymous, &d->root, data, len);
}

enum vt_err
vt_facts_take_review(struct vt_facts *f, const struct vt_facts_entry *e, const void *data,
    size_t len, struct vt_why *problem, struct vt_why *why)
{
    struct vt_digest digest;
    struct vt_review d = {0};
    enum vt_err err = vt_review_parse(data, len, &d, problem);

    if (err != VT_OK)
        return vt_facts_theirs(err, problem, why);
    vt_digest_of(data, len, &digest);
    err = vt_review_matches(&d, &digest, &e->entry, e->signer->key.name, problem);
    if (err != VT_OK)
        err = vt_facts_theirs(err, problem, why);
    else if (d.kind == VT_ENTRY_VISITS)
        err = put_visits(f, e, &d, data, len, why);
    else
        err = put_review(f, e, &d, why);
    vt_review_release(&d);
    return err;
}
