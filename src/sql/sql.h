/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables: SQLite, as much of it as the Centre needs, in the house's terms.
 *
 * One struct vt_sql is one connection, for one thread. None may be open when a process is
 * forked that opens tables itself: the child would take the parent's locks for its own. Nor may
 * anything else in a process open a file of tables: closing it again drops SQLite's locks on
 * it, and two writers then spoil it. Statements are kept by the address of their text, so give
 * string literals: the second use of a text costs no compilation. A query is one vt_sql_query,
 * vt_sql_step until there is no row, vt_sql_end.
 *
 * Readers need write nothing, so that their processes can be confined to reading. The journal
 * is a write-ahead log, whose two files (-wal, -shm) a writer leaves in place when it closes:
 * a reader that may not write opens them as they are, with a writer beside it or none, also
 * after one was killed (tests/unit/test_sql.c). With a rollback journal a reader would have to
 * wait for each commit, and would fail after a writer's death until the next one has come.
 */
#ifndef VT_SQL_SQL_H
#define VT_SQL_SQL_H

#include "base/buf.h"
#include "crypto/digest.h"

#include <stdbool.h>

struct vt_sql;
struct vt_sql_rows; /* a query under way; ended by vt_sql_end */

enum vt_sql_mode {
    VT_SQL_READ,  /* the file must be there; waits up to 5 s for a writer */
    VT_SQL_WRITE, /* made when missing, with `schema`; one writer at a time */
};

/* Opens a file of tables. schema: SQL that makes all tables, run when the file is new; version:
 * its number, 1 and up, kept in the file (user_version). VT_E_STATE for a file of another
 * version: a writer who can make the tables again removes it first (vt_sql_remove).
 * VT_E_NOENT (read): no file, or its tables are not made yet. VT_E_SYNTAX: not such a file, or
 * damaged. VT_E_IO. Writing is durable at each commit (WAL, synchronous FULL). */
VT_MUST enum vt_err vt_sql_open(const char *path, enum vt_sql_mode mode, const char *schema,
    int version, struct vt_sql **ret, struct vt_why *why);
void vt_sql_close(struct vt_sql *db);
/* Removes a file of tables with what belongs to it; fine when it is not there. Nobody may be
 * writing it. Readers keep what they have open, and see the next file when they open again. */
VT_MUST enum vt_err vt_sql_remove(const char *path, struct vt_why *why);

/* Errors of what follows: VT_E_IO, VT_E_NOMEM, VT_E_NOSPC, VT_E_EXIST (a constraint),
 * VT_E_BUSY (another writer), VT_E_SYNTAX (the file is damaged). */

/* Begins a query. types has one letter for each `?` in order, with its argument:
 *     s const char * (NULL: null)   i int64_t   f double
 *     d const struct vt_digest * (as 32 bytes; NULL: null)   b const void *, size_t
 * Strings and bytes must stay until vt_sql_end. */
VT_MUST enum vt_err vt_sql_query(struct vt_sql *db, struct vt_sql_rows **ret,
    struct vt_why *why, const char *sql, const char *types, ...);
/* *ret: whether there is a row (or another one). */
VT_MUST enum vt_err vt_sql_step(struct vt_sql_rows *r, bool *ret, struct vt_why *why);
/* Ends it; takes NULL. */
void vt_sql_end(struct vt_sql_rows *r);

/* A statement without rows, from query to end. */
VT_MUST enum vt_err vt_sql_do(
    struct vt_sql *db, struct vt_why *why, const char *sql, const char *types, ...);
/* The first column of the first row, `otherwise` when there is none. */
VT_MUST enum vt_err vt_sql_count(struct vt_sql *db, int64_t otherwise, int64_t *ret,
    struct vt_why *why, const char *sql, const char *types, ...);

/* Columns of the row at hand, from 0; valid until the next step. Text is "" and a count 0 for
 * null. */
const char *vt_sql_text(struct vt_sql_rows *r, int column);
int64_t vt_sql_int(struct vt_sql_rows *r, int column);
bool vt_sql_is_null(struct vt_sql_rows *r, int column);
const void *vt_sql_bytes(struct vt_sql_rows *r, int column, size_t *ret_len);
/* False when the column does not hold 32 bytes. */
VT_MUST bool vt_sql_digest(struct vt_sql_rows *r, int column, struct vt_digest *ret);

VT_MUST enum vt_err vt_sql_begin(struct vt_sql *db, struct vt_why *why);
VT_MUST enum vt_err vt_sql_commit(struct vt_sql *db, struct vt_why *why);
/* Takes back what was done since begin; nothing when there was none. */
void vt_sql_rollback(struct vt_sql *db);
/* The row id of the last insert. */
int64_t vt_sql_last(const struct vt_sql *db);

#endif
