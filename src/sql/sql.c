/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql.h"

#include "base/file.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT 96U /* statements of one connection */

struct vt_sql_rows {
    struct vt_sql *db;
    const char *sql; /* the literal's address is its name */
    sqlite3_stmt *stmt;
    bool busy;
};

struct vt_sql {
    sqlite3 *db;
    char path[VT_PATH_MAX];
    size_t count;
    struct vt_sql_rows *kept[KEPT];
    bool begun;
};

static enum vt_err
fail(const struct vt_sql *db, struct vt_why *why)
{
    int code = sqlite3_errcode(db->db);
    enum vt_err err = VT_E_IO;

    if (code == SQLITE_NOMEM)
        err = VT_E_NOMEM;
    else if (code == SQLITE_CONSTRAINT)
        err = VT_E_EXIST;
    else if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        err = VT_E_BUSY;
    else if (code == SQLITE_FULL)
        err = VT_E_NOSPC;
    else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        err = VT_E_SYNTAX;
    (void)vt_fail(why, err, "%s: %s", db->path, sqlite3_errmsg(db->db));
    return err;
}

static enum vt_err
script(struct vt_sql *db, const char *sql, struct vt_why *why)
{
    return sqlite3_exec(db->db, sql, NULL, NULL, NULL) == SQLITE_OK ? VT_OK : fail(db, why);
}

/* The writer leaves -wal and -shm in place when it closes (see sql.h), and gives back what a
 * large commit made of the first. */
static enum vt_err
begin_writing(struct vt_sql *db, struct vt_why *why)
{
    int on = 1;

    if (sqlite3_file_control(db->db, "main", SQLITE_FCNTL_PERSIST_WAL, &on) != SQLITE_OK)
        return fail(db, why);
    return script(db,
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=1048576;",
        why);
}

/* Makes the tables of a new file, and refuses a file of another version. */
static enum vt_err
take_version(struct vt_sql *db, enum vt_sql_mode mode, const char *schema, int version,
    struct vt_why *why)
{
    char set[64];
    int64_t have;
    enum vt_err err = vt_sql_count(db, 0, &have, why, "PRAGMA user_version", "");

    if (err != VT_OK)
        return err;
    if (have == version)
        return VT_OK;
    if (have == 0 && mode == VT_SQL_READ)
        return vt_fail(why, VT_E_NOENT, "%s: its tables are not made yet", db->path);
    if (have != 0)
        return vt_fail(why, VT_E_STATE, "%s has tables of version %lld, not %d", db->path,
            (long long)have, version);
    snprintf(set, sizeof(set), "PRAGMA user_version=%d", version);
    err = vt_sql_begin(db, why);
    if (err == VT_OK)
        err = script(db, schema, why);
    if (err == VT_OK)
        err = script(db, set, why);
    if (err == VT_OK)
        return vt_sql_commit(db, why);
    vt_sql_rollback(db);
    return err;
}

enum vt_err
vt_sql_open(const char *path, enum vt_sql_mode mode, const char *schema, int version,
    struct vt_sql **ret, struct vt_why *why)
{
    struct vt_sql *db = calloc(1, sizeof(*db));
    int flags = SQLITE_OPEN_NOMUTEX |
                (mode == VT_SQL_READ ? SQLITE_OPEN_READONLY
                                     : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    enum vt_err err = VT_OK;

    if (db == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", path);
    err = vt_path(db->path, why, "%s", path);
    if (err == VT_OK && mode == VT_SQL_READ && !vt_file_exists(path))
        err = vt_fail(why, VT_E_NOENT, "%s: there is no such file", path);
    if (err == VT_OK && sqlite3_open_v2(path, &db->db, flags, NULL) != SQLITE_OK)
        err = db->db == NULL ? vt_fail(why, VT_E_NOMEM, "%s: out of memory", path)
                             : fail(db, why);
    if (err == VT_OK) {
        sqlite3_extended_result_codes(db->db, 0);
        sqlite3_busy_timeout(db->db, 5000);
        sqlite3_limit(db->db, SQLITE_LIMIT_ATTACHED, 0);
        sqlite3_db_config(db->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(db->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    }
    /* A process that may write nothing sorts in memory. */
    if (err == VT_OK)
        err = script(db, "PRAGMA temp_store=MEMORY", why);
    if (err == VT_OK && mode == VT_SQL_WRITE)
        err = begin_writing(db, why);
    if (err == VT_OK)
        err = take_version(db, mode, schema, version, why);
    if (err != VT_OK) {
        vt_sql_close(db);
        return err;
    }
    *ret = db;
    return VT_OK;
}

void
vt_sql_close(struct vt_sql *db)
{
    if (db == NULL)
        return;
    for (size_t i = 0; i < db->count; i++) {
        sqlite3_finalize(db->kept[i]->stmt);
        free(db->kept[i]);
    }
    sqlite3_close(db->db);
    free(db);
}

/* The file itself goes last: until then it is what it was for who comes to remove it again. */
enum vt_err
vt_sql_remove(const char *path, struct vt_why *why)
{
    static const char *const ends[] = {"-shm", "-wal", ""};
    char name[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    for (size_t i = 0; err == VT_OK && i < sizeof ends / sizeof ends[0]; i++) {
        err = vt_path(name, why, "%s%s", path, ends[i]);
        if (err == VT_OK && unlink(name) != 0 && errno != ENOENT)
            err = vt_fail_errno(why, "cannot remove %s", name);
    }
    return err;
}

/* A statement that is not in use: a kept one, or a new one that is kept when there is room. */
static enum vt_err
statement(struct vt_sql *db, const char *sql, struct vt_sql_rows **ret, struct vt_why *why)
{
    struct vt_sql_rows *r;

    for (size_t i = 0; i < db->count; i++) {
        if (db->kept[i]->sql == sql && !db->kept[i]->busy) {
            *ret = db->kept[i];
            return VT_OK;
        }
    }
    r = calloc(1, sizeof(*r));
    if (r == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", db->path);
    r->db = db;
    r->sql = sql;
    if (sqlite3_prepare_v3(db->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &r->stmt, NULL) !=
        SQLITE_OK) {
        free(r);
        return fail(db, why);
    }
    if (db->count < KEPT)
        db->kept[db->count++] = r;
    *ret = r;
    return VT_OK;
}

static int
bind_one(sqlite3_stmt *stmt, int at, char type, va_list *ap)
{
    const struct vt_digest *d;
    const void *p;
    size_t len;

    switch (type) {
    case 's':
        return sqlite3_bind_text(stmt, at, va_arg(*ap, const char *), -1, SQLITE_STATIC);
    case 'i':
        return sqlite3_bind_int64(stmt, at, va_arg(*ap, int64_t));
    case 'f':
        return sqlite3_bind_double(stmt, at, va_arg(*ap, double));
    case 'd':
        d = va_arg(*ap, const struct vt_digest *);
        return d == NULL ? sqlite3_bind_null(stmt, at)
                         : sqlite3_bind_blob(stmt, at, d->b, sizeof(d->b), SQLITE_STATIC);
    case 'b':
        p = va_arg(*ap, const void *);
        len = va_arg(*ap, size_t);
        return sqlite3_bind_blob64(stmt, at, len == 0 ? "" : p, len, SQLITE_STATIC);
    default:
        return SQLITE_MISUSE;
    }
}

static enum vt_err
query(struct vt_sql *db, struct vt_sql_rows **ret, struct vt_why *why, const char *sql,
    const char *types, va_list *ap)
{
    struct vt_sql_rows *r = NULL;
    enum vt_err err = statement(db, sql, &r, why);

    if (r == NULL)
        return err;
    r->busy = true;
    for (int i = 0; types[i] != '\0'; i++) {
        if (bind_one(r->stmt, i + 1, types[i], ap) != SQLITE_OK) {
            err = fail(db, why);
            vt_sql_end(r);
            return err;
        }
    }
    *ret = r;
    return VT_OK;
}

enum vt_err
vt_sql_query(struct vt_sql *db, struct vt_sql_rows **ret, struct vt_why *why, const char *sql,
    const char *types, ...)
{
    va_list ap;
    enum vt_err err;

    va_start(ap, types);
    err = query(db, ret, why, sql, types, &ap);
    va_end(ap);
    return err;
}

enum vt_err
vt_sql_step(struct vt_sql_rows *r, bool *ret, struct vt_why *why)
{
    int code = sqlite3_step(r->stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return fail(r->db, why);
    *ret = code == SQLITE_ROW;
    return VT_OK;
}

void
vt_sql_end(struct vt_sql_rows *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->db->count; i++) {
        if (r->db->kept[i] != r)
            continue;
        sqlite3_reset(r->stmt);
        sqlite3_clear_bindings(r->stmt);
        r->busy = false;
        return;
    }
    sqlite3_finalize(r->stmt);
    free(r);
}

enum vt_err
vt_sql_do(struct vt_sql *db, struct vt_why *why, const char *sql, const char *types, ...)
{
    struct vt_sql_rows *r = NULL;
    bool row;
    va_list ap;
    enum vt_err err;

    va_start(ap, types);
    err = query(db, &r, why, sql, types, &ap);
    va_end(ap);
    if (r != NULL)
        err = vt_sql_step(r, &row, why);
    vt_sql_end(r);
    return err;
}

enum vt_err
vt_sql_count(struct vt_sql *db, int64_t otherwise, int64_t *ret, struct vt_why *why,
    const char *sql, const char *types, ...)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    va_list ap;
    enum vt_err err;

    va_start(ap, types);
    err = query(db, &r, why, sql, types, &ap);
    va_end(ap);
    if (r != NULL)
        err = vt_sql_step(r, &row, why);
    if (r != NULL && err == VT_OK)
        *ret = row && !vt_sql_is_null(r, 0) ? vt_sql_int(r, 0) : otherwise;
    vt_sql_end(r);
    return err;
}

const char *
vt_sql_text(struct vt_sql_rows *r, int column)
{
    const unsigned char *s = sqlite3_column_text(r->stmt, column);

    return s != NULL ? (const char *)s : "";
}

int64_t
vt_sql_int(struct vt_sql_rows *r, int column)
{
    return sqlite3_column_int64(r->stmt, column);
}

bool
vt_sql_is_null(struct vt_sql_rows *r, int column)
{
    return sqlite3_column_type(r->stmt, column) == SQLITE_NULL;
}

const void *
vt_sql_bytes(struct vt_sql_rows *r, int column, size_t *ret_len)
{
    const void *p = sqlite3_column_blob(r->stmt, column);

    *ret_len = (size_t)sqlite3_column_bytes(r->stmt, column);
    return p != NULL ? p : "";
}

bool
vt_sql_digest(struct vt_sql_rows *r, int column, struct vt_digest *ret)
{
    size_t len;
    const void *p = vt_sql_bytes(r, column, &len);

    if (len != sizeof(ret->b))
        return false;
    memcpy(ret->b, p, len);
    return true;
}

enum vt_err
vt_sql_begin(struct vt_sql *db, struct vt_why *why)
{
    enum vt_err err = script(db, "BEGIN IMMEDIATE", why);

    db->begun = db->begun || err == VT_OK;
    return err;
}

enum vt_err
vt_sql_commit(struct vt_sql *db, struct vt_why *why)
{
    enum vt_err err = script(db, "COMMIT", why);

    if (err == VT_OK)
        db->begun = false;
    return err;
}

void
vt_sql_rollback(struct vt_sql *db)
{
    if (db->begun)
        (void)sqlite3_exec(db->db, "ROLLBACK", NULL, NULL, NULL);
    db->begun = false;
}

int64_t
vt_sql_last(const struct vt_sql *db)
{
    return sqlite3_last_insert_rowid(db->db);
}
