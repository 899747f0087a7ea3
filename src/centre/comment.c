/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/comment.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS                                                                                \
    "SELECT c.id, c.source, c.path, c.blob, c.line, c.text, c.account, a.name, c.at,"          \
    " c.resolved, c.removed FROM comment c JOIN account a ON a.id=c.account "

/* Characters that would put a text elsewhere than it seems to be: direction and its isolates.
 */
static bool
is_turning(unsigned code)
{
    return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0x200e || code == 0x200f || code == 0x061c;
}

bool
vt_comment_text_ok(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t left = strlen(text);
    size_t count = 0;
    unsigned code;

    while (left > 0) {
        size_t n = vt_text_char(p, left, &code);

        if (n == 0 || (code < 0x20 && code != '\n') || (code >= 0x7f && code <= 0x9f) ||
            is_turning(code))
            return false;
        p += n;
        left -= n;
        count++;
    }
    return count >= 1 && count <= VT_COMMENT_CHARS_MAX;
}

enum vt_err
vt_comment_add(struct vt_sql *db, struct vt_comment *c, struct vt_why *why)
{
    int64_t said = 0;
    enum vt_err err =
        vt_sql_count(db, 0, &said, why, "SELECT count(*) FROM comment WHERE account=? AND at>?",
            "ii", c->account, c->at - (int64_t)86400);

    if (err == VT_OK && said >= VT_COMMENTS_DAY_MAX)
        return vt_fail(why, VT_E_LIMIT, "an account may comment %d times within a day",
            VT_COMMENTS_DAY_MAX);
    if (err == VT_OK)
        err = vt_sql_do(db, why,
            "INSERT INTO comment(source, path, blob, line, text, account, at)"
            " VALUES(?, ?, ?, ?, ?, ?, ?)",
            "dsdisii", &c->source, c->path, &c->blob, (int64_t)c->line, c->text, c->account,
            c->at);
    if (err == VT_OK)
        c->id = vt_sql_last(db);
    return err;
}

static enum vt_err
call(struct vt_sql_rows *r, vt_comment_fn *fn, void *ctx, struct vt_why *why)
{
    struct vt_comment c = {.id = vt_sql_int(r, 0),
        .line = (uint32_t)vt_sql_int(r, 4),
        .account = vt_sql_int(r, 6),
        .at = vt_sql_int(r, 8),
        .resolved = vt_sql_int(r, 9) != 0,
        .removed = vt_sql_int(r, 10) != 0};

    if (!vt_sql_digest(r, 1, &c.source) || !vt_sql_digest(r, 3, &c.blob))
        return vt_fail(why, VT_E_STATE, "a comment is damaged in desk.db");
    (void)snprintf(c.path, sizeof(c.path), "%s", vt_sql_text(r, 2));
    (void)snprintf(c.by, sizeof(c.by), "%s", vt_sql_text(r, 7));
    c.text = vt_sql_text(r, 5);
    return fn(ctx, &c, why);
}

/* Calls for all rows of a query, which is ended. */
static enum vt_err
call_all(
    struct vt_sql_rows *r, vt_comment_fn *fn, void *ctx, size_t *ret_count, struct vt_why *why)
{
    bool row = false;
    enum vt_err err = VT_OK;

    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        err = call(r, fn, ctx, why);
        ++*ret_count;
    }
    vt_sql_end(r);
    return err;
}

enum vt_err
vt_comment_get(struct vt_sql *db, int64_t id, vt_comment_fn *fn, void *ctx, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    size_t count = 0;
    enum vt_err err = vt_sql_query(db, &r, why, COLUMNS "WHERE c.id=?", "i", id);

    if (err == VT_OK)
        err = call_all(r, fn, ctx, &count, why);
    if (err == VT_OK && count == 0)
        return vt_fail(why, VT_E_NOENT, "there is no such comment");
    return err;
}

enum vt_err
vt_comment_each(struct vt_sql *db, const struct vt_digest *source, const char *path,
    int64_t account, vt_comment_fn *fn, void *ctx, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    int64_t most = VT_COMMENTS_LIST_MAX;
    size_t count = 0;
    enum vt_err err;

    if (source == NULL)
        err = vt_sql_query(db, &r, why,
            COLUMNS "WHERE c.account=? ORDER BY c.at DESC, c.id DESC LIMIT ?", "ii", account,
            most);
    else if (path == NULL)
        err = vt_sql_query(db, &r, why,
            COLUMNS "WHERE c.source=? ORDER BY c.path, c.line, c.id LIMIT ?", "di", source,
            most);
    else
        err = vt_sql_query(db, &r, why,
            COLUMNS "WHERE c.source=? AND c.path=? ORDER BY c.line, c.id LIMIT ?", "dsi",
            source, path, most);
    return err == VT_OK ? call_all(r, fn, ctx, &count, why) : err;
}

enum vt_err
vt_comment_resolve(struct vt_sql *db, int64_t id, bool resolved, struct vt_why *why)
{
    return vt_sql_do(
        db, why, "UPDATE comment SET resolved=? WHERE id=?", "ii", (int64_t)resolved, id);
}

enum vt_err
vt_comment_remove(struct vt_sql *db, int64_t id, struct vt_why *why)
{
    return vt_sql_do(db, why, "UPDATE comment SET removed=1, text='' WHERE id=?", "i", id);
}

enum vt_err
vt_assignment_add(struct vt_sql *db, struct vt_assignment *a, struct vt_why *why)
{
    struct vt_account to;
    int64_t open = 0;
    enum vt_err err = vt_account_by_name(db, a->to, &to, why);

    if (err == VT_E_NOENT ||
        (err == VT_OK && (to.roles & (VT_ROLE_REVIEWER | VT_ROLE_LEAD)) == 0))
        return vt_fail(why, VT_E_NOENT, "there is no reviewer %.128s", a->to);
    if (err == VT_OK)
        err =
            vt_sql_count(db, 0, &open, why, "SELECT count(*) FROM assignment WHERE done=0", "");
    if (err == VT_OK && open >= VT_ASSIGNMENTS_MAX)
        return vt_fail(why, VT_E_LIMIT, "%d assignments are not done yet", VT_ASSIGNMENTS_MAX);
    if (err == VT_OK)
        err = vt_sql_do(db, why,
            "INSERT INTO assignment(source, path, reviewer, by, at) VALUES(?, ?, ?, ?, ?)",
            "dsssi", &a->source, a->path, a->to, a->by, a->at);
    if (err == VT_OK)
        a->id = vt_sql_last(db);
    return err;
}

#define ASSIGNMENT "SELECT id, source, path, reviewer, by, at, done FROM assignment "

static enum vt_err
take_assignment(struct vt_sql_rows *r, struct vt_assignment *ret, struct vt_why *why)
{
    struct vt_assignment a = {
        .id = vt_sql_int(r, 0), .at = vt_sql_int(r, 5), .done = vt_sql_int(r, 6) != 0};

    if (!vt_sql_digest(r, 1, &a.source))
        return vt_fail(why, VT_E_STATE, "an assignment is damaged in desk.db");
    (void)snprintf(a.path, sizeof(a.path), "%s", vt_sql_text(r, 2));
    (void)snprintf(a.to, sizeof(a.to), "%s", vt_sql_text(r, 3));
    (void)snprintf(a.by, sizeof(a.by), "%s", vt_sql_text(r, 4));
    *ret = a;
    return VT_OK;
}

enum vt_err
vt_assignment_get(struct vt_sql *db, int64_t id, struct vt_assignment *ret, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err = vt_sql_query(db, &r, why, ASSIGNMENT "WHERE id=?", "i", id);

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && !row)
        err = vt_fail(why, VT_E_NOENT, "there is no such assignment");
    if (err == VT_OK)
        err = take_assignment(r, ret, why);
    vt_sql_end(r);
    return err;
}

enum vt_err
vt_assignment_each(struct vt_sql *db,
    enum vt_err (*fn)(void *ctx, const struct vt_assignment *a, struct vt_why *why), void *ctx,
    struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct vt_assignment a;
    bool row = false;
    enum vt_err err =
        vt_sql_query(db, &r, why, ASSIGNMENT "ORDER BY done, at DESC, id DESC LIMIT 1000", "");

    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        err = take_assignment(r, &a, why);
        if (err == VT_OK)
            err = fn(ctx, &a, why);
    }
    vt_sql_end(r);
    return err;
}

enum vt_err
vt_assignment_done(struct vt_sql *db, int64_t id, bool done, struct vt_why *why)
{
    return vt_sql_do(
        db, why, "UPDATE assignment SET done=? WHERE id=?", "ii", (int64_t)done, id);
}
