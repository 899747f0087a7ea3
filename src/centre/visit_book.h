/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The book of openings: who opened what, line by line, in desk.db. docs/formats/visits.md.
 *
 * A reviewer's opening is durable when vt_visit_book_add returns; so are then all that came
 * before it. Anybody else's stands in memory until vt_visit_book_flush, which is called every
 * second. Lines count from 0 on each day (UTC), and time never goes back in the book: a clock
 * that was set back writes the last line's time until it has caught up.
 */
#ifndef VT_CENTRE_VISIT_BOOK_H
#define VT_CENTRE_VISIT_BOOK_H

#include "review/visit.h"
#include "sql/sql.h"

#define VT_VISIT_WAITING_MAX 1024U          /* lines in memory */
#define VT_VISIT_ANONYMOUS_DAY_MAX 1000000U /* lines of a day that are nobody's */
#define VT_VISIT_SEARCH                                                                        \
    "?search" /* the path of a search: its blob is the question's digest                       \
               */
#define VT_DAY_S 86400

struct vt_visit_book;

VT_MUST enum vt_err vt_visit_book_open(
    struct vt_sql *db, int64_t now, struct vt_visit_book **ret, struct vt_why *why);
/* Does not flush. */
void vt_visit_book_free(struct vt_visit_book *b);

/* An opening: the time and the salt are filled in by the book. cost: of how many openings of
 * sealed source it counts for (0: public source). */
struct vt_visit_line {
    struct vt_visit visit;
    uint32_t cost;
};
/* Writes `count` openings (1 or 2) of one reader. VT_E_LIMIT: as many lines of nobody's as one
 * day may have; VT_E_IO, VT_E_BUSY. Nothing was written then, and nothing may be opened. */
VT_MUST enum vt_err vt_visit_book_add(struct vt_visit_book *b, struct vt_visit_line *line,
    size_t count, int64_t now, struct vt_why *why);
VT_MUST enum vt_err vt_visit_book_flush(struct vt_visit_book *b, struct vt_why *why);

/* What a reviewer's openings of sealed source cost since a time, today and the day before at
 * the most. */
VT_MUST enum vt_err vt_visit_book_spent(
    struct vt_sql *db, const char *reviewer, int64_t since, int64_t *ret, struct vt_why *why);

/* A day counts from 1970. */
int64_t vt_visit_day(int64_t time);
void vt_visit_day_format(int64_t day, char ret[11]);
VT_MUST bool vt_visit_day_parse(const char *s, int64_t *ret);

/* The columns of `visit` in the order in which vt_visit_row takes them. */
#define VT_VISIT_COLUMNS "time, source, blob, reviewer, salt, path, leaf"
VT_MUST enum vt_err vt_visit_row(
    struct vt_sql_rows *r, struct vt_visit *ret, uint64_t *ret_leaf, struct vt_why *why);

#endif
