/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table that SQLite reads straight from a descriptor of JSON lines: a virtual table whose
 * rows exist once, while they pass. Nothing is stored, so memory does not grow with the
 * records.
 */
#ifndef SQLJOB_STREAM_H
#define SQLJOB_STREAM_H

#include "query.h"

#include <sqlite3.h>

#define STREAM_LINE_MAX (1024U * 1024U) /* a record; longer ones are cut into nothing */

struct stream;

/* Reads from fd, which stays the caller's. NULL: out of memory. */
struct stream *stream_new(int fd, const struct query *q);
void stream_free(struct stream *s);
/* Makes it known to the database as table `name`; s must outlive the database. */
int stream_register(struct stream *s, sqlite3 *db, const char *name);
/* Lines that held no JSON object: rows of NULLs. */
uint64_t stream_bad(const struct stream *s);

#endif
