/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query file: SQL of one SELECT after lines that say what it is over.
 *
 *     -- columns: host, action=event.action, size=file.size
 *     -- measures: sum max
 *     -- keep
 *     -- noise: rows 20, bounds 1000 5        (for the aggregator; skipped here)
 *     SELECT host, action, count(*) AS n, max(size) AS largest FROM events GROUP BY 1, 2
 *
 * `columns` are names with the JSON path of each (the name itself, if none is given).
 * `measures` are how the last columns of the result are merged over cells; the columns before
 * are the row's key. `keep` holds the records in memory, for queries that read them more than
 * once.
 */
#ifndef SQLJOB_QUERY_H
#define SQLJOB_QUERY_H

#include "flatten.h"

#define QUERY_MAX (1024U * 1024U)
#define QUERY_NAME_MAX 63U
#define QUERY_MEASURES_MAX 16U

struct query {
    char *text; /* the whole file, NUL-terminated; owned */
    size_t column_count;
    char name[FLAT_PATHS_MAX][QUERY_NAME_MAX + 1];
    char path[FLAT_PATHS_MAX][FLAT_PATH_MAX + 1];
    size_t measure_count;
    char measure[QUERY_MEASURES_MAX][4]; /* sum, max, min */
    bool keep;
};

/* false, and why in one line. Release also then. */
bool query_read(const char *file, struct query *ret, char why[256]);
bool query_parse(char *text, struct query *ret, char why[256]); /* takes over the text */
void query_release(struct query *q);

#endif
