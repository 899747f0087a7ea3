/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/desk_db.h"

#include "base/file.h"
#include "centre/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* In `may` an empty source stands for all of them. A visit's day counts from 1970, its leaf
 * from 0 in that day; cost: how many openings of sealed source it counts for. A record without
 * idx is not in the log yet. */
#define SCHEMA                                                                                 \
    "CREATE TABLE setting(name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;"               \
    "CREATE TABLE account(id INTEGER PRIMARY KEY, name TEXT NOT NULL,"                         \
    " organisation TEXT NOT NULL, roles INTEGER NOT NULL, user BLOB NOT NULL,"                 \
    " credential BLOB NOT NULL UNIQUE, point BLOB NOT NULL, vkey TEXT NOT NULL,"               \
    " counter INTEGER NOT NULL, cloned INTEGER NOT NULL DEFAULT 0, since INTEGER NOT NULL,"    \
    " revoked INTEGER);"                                                                       \
    "CREATE UNIQUE INDEX account_name ON account(name) WHERE revoked IS NULL;"                 \
    "CREATE TABLE invitation(hash BLOB PRIMARY KEY, name TEXT NOT NULL,"                       \
    " organisation TEXT NOT NULL, roles INTEGER NOT NULL, expires INTEGER NOT NULL,"           \
    " used INTEGER) WITHOUT ROWID;"                                                            \
    "CREATE INDEX invitation_name ON invitation(name);"                                        \
    "CREATE TABLE session(hash BLOB PRIMARY KEY, account INTEGER NOT NULL,"                    \
    " created INTEGER NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID;"                         \
    "CREATE INDEX session_account ON session(account, last);"                                  \
    "CREATE TABLE comment(id INTEGER PRIMARY KEY, source BLOB NOT NULL, path TEXT NOT NULL,"   \
    " blob BLOB NOT NULL, line INTEGER NOT NULL, text TEXT NOT NULL,"                          \
    " account INTEGER NOT NULL, at INTEGER NOT NULL, resolved INTEGER NOT NULL DEFAULT 0,"     \
    " removed INTEGER NOT NULL DEFAULT 0);"                                                    \
    "CREATE INDEX comment_source ON comment(source, path);"                                    \
    "CREATE INDEX comment_account ON comment(account, at);"                                    \
    "CREATE TABLE assignment(id INTEGER PRIMARY KEY, source BLOB NOT NULL,"                    \
    " path TEXT NOT NULL, reviewer TEXT NOT NULL, by TEXT NOT NULL, at INTEGER NOT NULL,"      \
    " done INTEGER NOT NULL DEFAULT 0);"                                                       \
    "CREATE INDEX assignment_reviewer ON assignment(reviewer, done);"                          \
    "CREATE TABLE may(source BLOB, name TEXT, at INTEGER NOT NULL,"                            \
    " PRIMARY KEY(name, source)) WITHOUT ROWID;"                                               \
    "CREATE TABLE visit(day INTEGER, leaf INTEGER, time INTEGER NOT NULL,"                     \
    " source BLOB NOT NULL, blob BLOB NOT NULL, reviewer TEXT NOT NULL, salt BLOB NOT NULL,"   \
    " path TEXT NOT NULL, cost INTEGER NOT NULL, PRIMARY KEY(day, leaf)) WITHOUT ROWID;"       \
    "CREATE INDEX visit_reviewer ON visit(reviewer, day, time, cost)"                          \
    " WHERE reviewer<>'-';"                                                                    \
    "CREATE TABLE record(no INTEGER PRIMARY KEY, day INTEGER NOT NULL,"                        \
    " leaves INTEGER NOT NULL, reviewers INTEGER NOT NULL, anonymous INTEGER NOT NULL,"        \
    " root BLOB NOT NULL, made INTEGER NOT NULL, document BLOB NOT NULL, entry BLOB NOT NULL," \
    " idx INTEGER);"                                                                           \
    "CREATE INDEX record_day ON record(day, leaves);" /* complete subtrees of a day's record   \
                                                         from level 8 up, for proofs */        \
    "CREATE TABLE node(day INTEGER, level INTEGER, number INTEGER, hash BLOB NOT NULL,"        \
    " PRIMARY KEY(day, level, number)) WITHOUT ROWID;"

/* So that SQLite, which takes the mode of what is there, makes nothing for others to read. */
static enum vt_err
make_private(const char *path, struct vt_why *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    /* One that is there is never opened here: to close it again would take away the locks that
     * SQLite has on it for another connection of this process (POSIX locks are of processes).
     */
    if (fd < 0 && errno == EEXIST)
        return VT_OK;
    if (fd < 0)
        return vt_fail_errno(why, "cannot make %s", path);
    close(fd);
    return VT_OK;
}

enum vt_err
vt_desk_db_open(const struct vt_home *home, struct vt_sql **ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(home, path, why, "centre");

    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_home_path(home, path, why, VT_DESK_FILE);
    if (err == VT_OK)
        err = make_private(path, why);
    if (err != VT_OK)
        return err;
    return vt_sql_open(path, VT_SQL_WRITE, SCHEMA, VT_DESK_VERSION, ret, why);
}

enum vt_err
vt_desk_db_setting(
    struct vt_sql *db, const char *name, int64_t otherwise, int64_t *ret, struct vt_why *why)
{
    return vt_sql_count(
        db, otherwise, ret, why, "SELECT value FROM setting WHERE name=?", "s", name);
}

enum vt_err
vt_desk_db_set(struct vt_sql *db, const char *name, int64_t value, struct vt_why *why)
{
    return vt_sql_do(
        db, why, "INSERT OR REPLACE INTO setting(name, value) VALUES(?, ?)", "si", name, value);
}

enum vt_err
vt_desk_db_set_origin(struct vt_sql *db, const char *origin, struct vt_why *why)
{
    return vt_sql_do(db, why,
        "INSERT INTO setting(name, value) VALUES('origin', ?1)"
        " ON CONFLICT(name) DO UPDATE SET value=?1 WHERE value<>?1",
        "s", origin);
}

enum vt_err
vt_desk_db_origin(struct vt_sql *db, char *ret, size_t size, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err =
        vt_sql_query(db, &r, why, "SELECT value FROM setting WHERE name='origin'", "");

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && !row)
        err = vt_fail(why, VT_E_NOENT,
            "the site has not run yet, so what its page's address is for browsers is not "
            "known");
    if (err == VT_OK && strlen(vt_sql_text(r, 0)) >= size)
        err = vt_fail(why, VT_E_LIMIT, "the origin in desk.db is too long");
    if (err == VT_OK)
        memcpy(ret, vt_sql_text(r, 0), strlen(vt_sql_text(r, 0)) + 1);
    vt_sql_end(r);
    return err;
}
