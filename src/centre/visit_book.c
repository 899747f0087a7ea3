/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/visit_book.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY "-"

struct vt_visit_book {
    struct vt_sql *db;
    int64_t time;       /* of the last line, written or waiting */
    int64_t day;        /* of the last written line */
    int64_t next;       /* leaf after it */
    int64_t counted;    /* the day that `anonymous` is of */
    uint64_t anonymous; /* lines, written and waiting */
    size_t waiting;
    struct vt_visit_line line[VT_VISIT_WAITING_MAX];
};

int64_t
vt_visit_day(int64_t time)
{
    int64_t day = time / VT_DAY_S;

    return time % VT_DAY_S < 0 ? day - 1 : day;
}

void
vt_visit_day_format(int64_t day, char ret[11])
{
    char text[VT_TIME_SIZE];

    vt_time_format(day * VT_DAY_S, text);
    memcpy(ret, text, 10);
    ret[10] = '\0';
}

bool
vt_visit_day_parse(const char *s, int64_t *ret)
{
    char text[VT_TIME_SIZE];
    int64_t time;

    if (strlen(s) != 10)
        return false;
    (void)snprintf(text, sizeof(text), "%sT00:00:00Z", s);
    if (!vt_time_parse(text, &time))
        return false;
    *ret = vt_visit_day(time);
    return true;
}

static enum vt_err
read_last(struct vt_visit_book *b, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err = vt_sql_query(b->db, &r, why,
        "SELECT day, leaf, time FROM visit ORDER BY day DESC, leaf DESC LIMIT 1", "");

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && row) {
        b->day = vt_sql_int(r, 0);
        b->next = vt_sql_int(r, 1) + 1;
        b->time = vt_sql_int(r, 2);
    }
    vt_sql_end(r);
    return err;
}

static enum vt_err
count_anonymous(struct vt_visit_book *b, int64_t day, struct vt_why *why)
{
    int64_t n = 0;
    enum vt_err err = vt_sql_count(b->db, 0, &n, why,
        "SELECT count(*) FROM visit WHERE day=? AND reviewer='" NOBODY "'", "i", day);

    if (err == VT_OK) {
        b->counted = day;
        b->anonymous = (uint64_t)n;
    }
    return err;
}

enum vt_err
vt_visit_book_open(
    struct vt_sql *db, int64_t now, struct vt_visit_book **ret, struct vt_why *why)
{
    struct vt_visit_book *b = calloc(1, sizeof(*b));
    enum vt_err err;

    if (b == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    b->db = db;
    b->day = INT64_MIN;
    b->time = INT64_MIN;
    err = read_last(b, why);
    if (err == VT_OK)
        err = count_anonymous(b, vt_visit_day(now > b->time ? now : b->time), why);
    if (err != VT_OK) {
        vt_visit_book_free(b);
        return err;
    }
    *ret = b;
    return VT_OK;
}

void
vt_visit_book_free(struct vt_visit_book *b)
{
    free(b);
}

static enum vt_err
insert(struct vt_visit_book *b, const struct vt_visit_line *l, int64_t *day, int64_t *next,
    struct vt_why *why)
{
    const struct vt_visit *v = &l->visit;
    int64_t of = vt_visit_day(v->time);
    enum vt_err err;

    if (of != *day) {
        *day = of;
        *next = 0;
    }
    err = vt_sql_do(b->db, why,
        "INSERT INTO visit(day, leaf, time, source, blob, reviewer, salt, path, cost)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "iiiddsbsi", of, *next, v->time, &v->source, &v->blob,
        v->reviewer[0] == '\0' ? NOBODY : v->reviewer, (const void *)v->salt, sizeof(v->salt),
        v->path, (int64_t)l->cost);
    if (err == VT_OK)
        ++*next;
    return err;
}

/* Writes what waits and then `line`, in one transaction. */
static enum vt_err
write_all(
    struct vt_visit_book *b, const struct vt_visit_line *line, size_t count, struct vt_why *why)
{
    int64_t day = b->day;
    int64_t next = b->next;
    enum vt_err err;

    if (b->waiting + count == 0)
        return VT_OK;
    err = vt_sql_begin(b->db, why);
    if (err != VT_OK)
        return err;
    for (size_t i = 0; err == VT_OK && i < b->waiting; i++)
        err = insert(b, &b->line[i], &day, &next, why);
    for (size_t i = 0; err == VT_OK && i < count; i++)
        err = insert(b, &line[i], &day, &next, why);
    if (err == VT_OK)
        err = vt_sql_commit(b->db, why);
    if (err != VT_OK) {
        vt_sql_rollback(b->db);
        return err;
    }
    b->day = day;
    b->next = next;
    b->waiting = 0;
    return VT_OK;
}

enum vt_err
vt_visit_book_flush(struct vt_visit_book *b, struct vt_why *why)
{
    return write_all(b, NULL, 0, why);
}

static enum vt_err
add_waiting(struct vt_visit_book *b, const struct vt_visit_line *line, size_t count,
    int64_t time, struct vt_why *why)
{
    int64_t day = vt_visit_day(time);

    if (day != b->counted) {
        b->counted = day;
        b->anonymous = 0;
    }
    if (b->anonymous + count > VT_VISIT_ANONYMOUS_DAY_MAX)
        return vt_fail(why, VT_E_LIMIT,
            "today's record of openings without a login is full: log in, or fetch the archive");
    if (b->waiting + count > VT_VISIT_WAITING_MAX) {
        enum vt_err err = write_all(b, NULL, 0, why);

        if (err != VT_OK)
            return err;
    }
    memcpy(&b->line[b->waiting], line, count * sizeof(*line));
    b->waiting += count;
    b->anonymous += count;
    return VT_OK;
}

/* Whether a line can be a leaf: what was written and cannot be shown would spoil a whole day.
 */
static enum vt_err
check_line(const struct vt_visit *v, struct vt_why *why)
{
    struct vt_buf leaf = VT_BUF(VT_VISIT_LINE_MAX);
    enum vt_err err = vt_visit_put(&leaf, v, why);

    vt_buf_release(&leaf);
    return err;
}

enum vt_err
vt_visit_book_add(struct vt_visit_book *b, struct vt_visit_line *line, size_t count,
    int64_t now, struct vt_why *why)
{
    int64_t time = now > b->time ? now : b->time;
    enum vt_err err = VT_OK;

    for (size_t i = 0; err == VT_OK && i < count; i++) {
        line[i].visit.time = time;
        err = vt_random(line[i].visit.salt, sizeof(line[i].visit.salt), why);
        if (err == VT_OK)
            err = check_line(&line[i].visit, why);
    }
    if (err != VT_OK || count == 0)
        return err;
    if (line[0].visit.reviewer[0] == '\0')
        err = add_waiting(b, line, count, time, why);
    else
        err = write_all(b, line, count, why);
    if (err == VT_OK)
        b->time = time;
    return err;
}

enum vt_err
vt_visit_book_spent(
    struct vt_sql *db, const char *reviewer, int64_t since, int64_t *ret, struct vt_why *why)
{
    return vt_sql_count(db, 0, ret, why,
        "SELECT sum(cost) FROM visit WHERE reviewer=? AND day>=? AND time>?", "sii", reviewer,
        vt_visit_day(since), since);
}

enum vt_err
vt_visit_row(
    struct vt_sql_rows *r, struct vt_visit *ret, uint64_t *ret_leaf, struct vt_why *why)
{
    struct vt_visit v = {.time = vt_sql_int(r, 0)};
    const char *reviewer = vt_sql_text(r, 3);
    size_t len;
    const void *salt = vt_sql_bytes(r, 4, &len);

    if (!vt_sql_digest(r, 1, &v.source) || !vt_sql_digest(r, 2, &v.blob) ||
        len != sizeof(v.salt))
        return vt_fail(why, VT_E_STATE, "a line of the book of openings is damaged in desk.db");
    memcpy(v.salt, salt, len);
    if (strcmp(reviewer, NOBODY) != 0)
        (void)snprintf(v.reviewer, sizeof(v.reviewer), "%s", reviewer);
    (void)snprintf(v.path, sizeof(v.path), "%s", vt_sql_text(r, 5));
    *ret_leaf = (uint64_t)vt_sql_int(r, 6);
    *ret = v;
    return VT_OK;
}
