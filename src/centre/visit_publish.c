/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/visit_publish.h"

#include "centre/desk_db.h"
#include "centre/visit_book.h"
#include "centre/visit_record.h"
#include "log/reader.h"
#include "note/entry.h"
#include "review/doc.h"

#define SINCE "visits-since-day"

enum vt_err
vt_visit_since(struct vt_sql *db, int64_t now, struct vt_why *why)
{
    return vt_sql_do(db, why,
        "INSERT OR IGNORE INTO setting(name, value) VALUES('" SINCE "', ?)", "i",
        vt_visit_day(now));
}

/* The first day that may lack a record or lines in it: the last that has one, or the last that
 * has lines, when the clock was set back before it. */
static enum vt_err
first_day(struct vt_sql *db, int64_t now, int64_t *ret, struct vt_why *why)
{
    int64_t since = 0;
    int64_t recorded = 0;
    int64_t opened = 0;
    enum vt_err err = vt_desk_db_setting(db, SINCE, vt_visit_day(now), &since, why);

    if (err == VT_OK)
        err = vt_sql_count(db, since, &recorded, why, "SELECT max(day) FROM record", "");
    if (err == VT_OK)
        err = vt_sql_count(db, recorded, &opened, why, "SELECT max(day) FROM visit", "");
    if (err == VT_OK)
        *ret = opened < recorded ? opened : recorded;
    return err;
}

static enum vt_err
make_day(struct vt_sql *db, const struct vt_visit_publisher *p, int64_t day, int64_t now,
    bool empty_too, struct vt_why *why)
{
    struct vt_visit_record newest;
    int64_t lines = 0;
    enum vt_err err = vt_sql_count(
        db, 0, &lines, why, "SELECT max(leaf) + 1 FROM visit WHERE day=?", "i", day);

    if (err != VT_OK || (lines == 0 && !empty_too))
        return err;
    err = vt_visit_record_of(db, day, false, &newest, why);
    if (err == VT_OK && newest.leaves >= (uint64_t)lines)
        return VT_OK;
    if (err != VT_OK && err != VT_E_NOENT)
        return err;
    err = vt_visit_record_make(db, p->site, p->signer, day, now, why);
    return err == VT_E_EXIST ? VT_OK : err;
}

static enum vt_err
make_due(struct vt_sql *db, const struct vt_visit_publisher *p, int64_t now, bool so_far,
    struct vt_why *why)
{
    int64_t today = vt_visit_day(now);
    int64_t over = vt_visit_day(now - VT_VISIT_GRACE_S);
    int64_t day = over;
    enum vt_err err = first_day(db, now, &day, why);

    for (int n = 0; err == VT_OK && day < over && n < VT_VISIT_DAYS_AT_ONCE; n++, day++)
        err = make_day(db, p, day, now, true, why);
    for (day = over; err == VT_OK && so_far && day <= today; day++)
        err = make_day(db, p, day, now, false, why);
    return err;
}

/* The oldest record that is not in the log, copied out so that no query stands open while it is
 * sent. */
static enum vt_err
next_unsent(struct vt_sql *db, bool *ret_there, int64_t *ret_no, struct vt_buf *document,
    struct vt_buf *entry, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    const void *p;
    size_t len;
    bool row = false;
    enum vt_err err = vt_sql_query(db, &r, why,
        "SELECT no, document, entry FROM record WHERE idx IS NULL ORDER BY no LIMIT 1", "");

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    *ret_there = row;
    if (err == VT_OK && row) {
        vt_buf_clear(document);
        vt_buf_clear(entry);
        *ret_no = vt_sql_int(r, 0);
        p = vt_sql_bytes(r, 1, &len);
        vt_buf_put(document, p, len);
        p = vt_sql_bytes(r, 2, &len);
        vt_buf_put(entry, p, len);
        err = vt_buf_check(document, "a day's record", why);
    }
    if (err == VT_OK)
        err = vt_buf_check(entry, "a day's entry", why);
    vt_sql_end(r);
    return err;
}

static enum vt_err
submit_one(struct vt_sql *db, const struct vt_visit_publisher *p, int64_t no,
    const struct vt_buf *document, const struct vt_buf *entry, struct vt_why *why)
{
    const struct vt_slice d = {document->data, document->len};
    const struct vt_slice e = {entry->data, entry->len};
    uint64_t index = 0;
    enum vt_err err = vt_log_submit_review(p->http, p->url, &d, &e, &index, why);

    if (err != VT_OK)
        return err;
    return vt_sql_do(db, why, "UPDATE record SET idx=? WHERE no=?", "ii", (int64_t)index, no);
}

static enum vt_err
submit_all(struct vt_sql *db, const struct vt_visit_publisher *p, size_t *ret_count,
    struct vt_why *why)
{
    struct vt_buf document = VT_BUF(VT_REVIEW_MAX);
    struct vt_buf entry = VT_BUF(VT_ENTRY_MAX);
    int64_t no = 0;
    bool there = false;
    enum vt_err err;

    while ((err = next_unsent(db, &there, &no, &document, &entry, why)) == VT_OK && there) {
        err = submit_one(db, p, no, &document, &entry, why);
        if (err != VT_OK)
            break;
        ++*ret_count;
    }
    vt_buf_release(&entry);
    vt_buf_release(&document);
    return err;
}

enum vt_err
vt_visit_publish(struct vt_sql *db, const struct vt_visit_publisher *p, int64_t now,
    bool so_far, size_t *ret_count, struct vt_why *why)
{
    size_t count = 0;
    enum vt_err err = make_due(db, p, now, so_far, why);

    if (err == VT_OK)
        err = submit_all(db, p, &count, why);
    *ret_count = count;
    return err;
}
