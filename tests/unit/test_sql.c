/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: what they keep, what they refuse, and readers that may write nothing while a writer
 * commits, ends, dies and comes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/confine.h"
#include "base/file.h"
#include "base/proc.h"
#include "sql/sql.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCHEMA "CREATE TABLE t(n INTEGER PRIMARY KEY, s TEXT, f REAL, d BLOB, b BLOB);"
#define COUNT "SELECT count(*) FROM t"

static char top[VT_PATH_MAX];
static char path[VT_PATH_MAX];

static int
set_up(void **state)
{
    (void)state;
    return vt_dir_temp("/tmp", "test-sql", top, NULL) == VT_OK &&
                   vt_path(path, NULL, "%s/t.db", top) == VT_OK
               ? 0
               : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    return vt_tree_remove(top, NULL) == VT_OK ? 0 : -1;
}

static struct vt_sql *
opened(enum vt_sql_mode mode)
{
    struct vt_sql *db = NULL;
    struct vt_why why = {0};

    if (vt_sql_open(path, mode, SCHEMA, 1, &db, &why) != VT_OK)
        fail_msg("%s", why.text);
    return db;
}

static int64_t
count(struct vt_sql *db)
{
    int64_t n = -1;

    assert_int_equal(vt_sql_count(db, -2, &n, NULL, COUNT, ""), VT_OK);
    return n;
}

static void
add(struct vt_sql *db, int64_t n)
{
    assert_int_equal(vt_sql_do(db, NULL, "INSERT INTO t(n, s) VALUES(?, 'x')", "i", n), VT_OK);
}

static void
keeps_what_it_is_given(void **state)
{
    struct vt_sql *db = opened(VT_SQL_WRITE);
    struct vt_sql_rows *r = NULL;
    struct vt_digest d;
    struct vt_digest got;
    size_t len = 0;
    bool row = false;

    (void)state;
    vt_digest_of("abc", 3, &d);
    assert_int_equal(vt_sql_do(db, NULL, "INSERT INTO t VALUES(?, ?, ?, ?, ?)", "isfdb",
                         (int64_t)7, "gr\xc3\xbc\xc3\x9f", 2.5, &d, "\0\1", (size_t)2),
        VT_OK);
    assert_int_equal(vt_sql_last(db), 7);
    assert_int_equal(vt_sql_do(db, NULL, "INSERT INTO t VALUES(?, ?, ?, ?, ?)", "isfdb",
                         (int64_t)8, NULL, 0.0, NULL, NULL, (size_t)0),
        VT_OK);
    assert_int_equal(vt_sql_query(db, &r, NULL, "SELECT * FROM t ORDER BY n", ""), VT_OK);
    assert_int_equal(vt_sql_step(r, &row, NULL), VT_OK);
    assert_true(row);
    assert_int_equal(vt_sql_int(r, 0), 7);
    assert_string_equal(vt_sql_text(r, 1), "gr\xc3\xbc\xc3\x9f");
    assert_string_equal(vt_sql_text(r, 2), "2.5");
    assert_true(vt_sql_digest(r, 3, &got));
    assert_true(vt_digest_eq(&got, &d));
    assert_memory_equal(vt_sql_bytes(r, 4, &len), "\0\1", 2);
    assert_int_equal(len, 2);
    assert_false(vt_sql_digest(r, 4, &got));
    assert_int_equal(vt_sql_step(r, &row, NULL), VT_OK);
    assert_true(row && vt_sql_is_null(r, 1) && vt_sql_is_null(r, 3));
    assert_string_equal(vt_sql_text(r, 1), "");
    assert_false(vt_sql_is_null(r, 4));
    (void)vt_sql_bytes(r, 4, &len);
    assert_int_equal(len, 0);
    assert_int_equal(vt_sql_step(r, &row, NULL), VT_OK);
    assert_false(row);
    vt_sql_end(r);
    vt_sql_end(NULL);
    vt_sql_close(db);
    vt_sql_close(NULL);
}

static void
keeps_statements(void **state)
{
    static const char one[] = "SELECT n FROM t WHERE n > ? ORDER BY n";
    struct vt_sql *db = opened(VT_SQL_WRITE);
    struct vt_sql_rows *a = NULL;
    struct vt_sql_rows *b = NULL;
    struct vt_sql_rows *c = NULL;
    bool row = false;

    (void)state;
    add(db, 1);
    add(db, 2);
    assert_int_equal(vt_sql_query(db, &a, NULL, one, "i", (int64_t)0), VT_OK);
    assert_int_equal(vt_sql_step(a, &row, NULL), VT_OK);
    /* The same text while the first is under way is another query. */
    assert_int_equal(vt_sql_query(db, &b, NULL, one, "i", (int64_t)1), VT_OK);
    assert_ptr_not_equal(a, b);
    assert_int_equal(vt_sql_step(b, &row, NULL), VT_OK);
    assert_int_equal(vt_sql_int(b, 0), 2);
    assert_int_equal(vt_sql_int(a, 0), 1);
    vt_sql_end(b);
    vt_sql_end(a);
    assert_int_equal(vt_sql_query(db, &c, NULL, one, "i", (int64_t)5), VT_OK);
    assert_true(c == a || c == b);
    assert_int_equal(vt_sql_step(c, &row, NULL), VT_OK);
    assert_false(row);
    vt_sql_end(c);
    vt_sql_close(db);
}

/* More texts than are kept: those beyond work as well. */
static void
takes_more_statements_than_it_keeps(void **state)
{
    static char text[200][64];
    struct vt_sql *db = opened(VT_SQL_WRITE);
    int64_t n = 0;

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 200; i++) {
            (void)snprintf(text[i], sizeof text[i], "SELECT %d", i);
            assert_int_equal(vt_sql_count(db, -1, &n, NULL, text[i], ""), VT_OK);
            assert_int_equal(n, i);
        }
    }
    vt_sql_close(db);
}

static void
says_what_is_wrong(void **state)
{
    struct vt_sql *db = opened(VT_SQL_WRITE);
    struct vt_sql_rows *r = NULL;
    struct vt_why why = {0};
    int64_t n = 42;

    (void)state;
    assert_int_equal(vt_sql_do(db, &why, "SELEC 1", ""), VT_E_IO);
    assert_non_null(strstr(why.text, path));
    assert_non_null(strstr(why.text, "syntax error"));
    add(db, 1);
    assert_int_equal(
        vt_sql_do(db, &why, "INSERT INTO t(n) VALUES(?)", "i", (int64_t)1), VT_E_EXIST);
    assert_int_equal(vt_sql_query(db, &r, &why, "SELECT 1", "q"), VT_E_IO);
    assert_null(r);
    assert_int_equal(vt_sql_count(db, 9, &n, &why, "SELECT * FROM nowhere", ""), VT_E_IO);
    assert_int_equal(n, 42);
    assert_int_equal(vt_sql_count(db, 9, &n, &why, "SELECT n FROM t WHERE n=3", ""), VT_OK);
    assert_int_equal(n, 9);
    assert_int_equal(
        vt_sql_count(db, 9, &n, &why, "SELECT s FROM t WHERE s IS NULL", ""), VT_OK);
    assert_int_equal(n, 9);
    vt_sql_close(db);
}

static void
commits_and_takes_back(void **state)
{
    struct vt_sql *db = opened(VT_SQL_WRITE);
    struct vt_sql *other = opened(VT_SQL_READ);

    (void)state;
    vt_sql_rollback(db);
    assert_int_equal(vt_sql_begin(db, NULL), VT_OK);
    assert_int_equal(vt_sql_begin(db, NULL), VT_E_IO);
    add(db, 1);
    assert_int_equal(count(other), 0);
    vt_sql_rollback(db);
    assert_int_equal(count(db), 0);
    assert_int_equal(vt_sql_begin(db, NULL), VT_OK);
    add(db, 1);
    assert_int_equal(vt_sql_commit(db, NULL), VT_OK);
    assert_int_equal(vt_sql_commit(db, NULL), VT_E_IO);
    vt_sql_rollback(db);
    assert_int_equal(count(other), 1);
    assert_int_equal(vt_sql_do(other, NULL, "DELETE FROM t", ""), VT_E_IO);
    vt_sql_close(other);
    vt_sql_close(db);
}

static void
refuses_other_files(void **state)
{
    struct vt_sql *db = NULL;
    struct vt_why why = {0};
    char junk[4096];

    (void)state;
    assert_int_equal(vt_sql_open(path, VT_SQL_READ, SCHEMA, 1, &db, &why), VT_E_NOENT);
    vt_sql_close(opened(VT_SQL_WRITE));
    assert_int_equal(vt_sql_open(path, VT_SQL_READ, SCHEMA, 2, &db, &why), VT_E_STATE);
    assert_int_equal(vt_sql_open(path, VT_SQL_WRITE, SCHEMA, 2, &db, &why), VT_E_STATE);
    vt_sql_close(opened(VT_SQL_READ));
    memset(junk, 'j', sizeof junk);
    assert_int_equal(vt_file_replace(path, 0644, junk, sizeof junk, NULL), VT_OK);
    assert_int_equal(vt_sql_open(path, VT_SQL_READ, SCHEMA, 1, &db, &why), VT_E_SYNTAX);
    assert_int_equal(vt_sql_open(path, VT_SQL_WRITE, SCHEMA, 1, &db, &why), VT_E_SYNTAX);
    /* Made, but without tables: a writer was just about to. */
    assert_int_equal(vt_file_replace(path, 0644, "", 0, NULL), VT_OK);
    assert_int_equal(vt_sql_open(path, VT_SQL_READ, SCHEMA, 1, &db, &why), VT_E_NOENT);
    assert_int_equal(vt_sql_open(path, VT_SQL_WRITE, "CREATE nonsense", 1, &db, &why), VT_E_IO);
    assert_null(db);
    vt_sql_close(opened(VT_SQL_WRITE));
}

/* A reader keeps what it has open; both see the right tables. */
static void
is_made_again(void **state)
{
    struct vt_sql *db = opened(VT_SQL_WRITE);
    struct vt_sql *old;
    struct vt_sql *fresh;

    (void)state;
    add(db, 1);
    vt_sql_close(db);
    old = opened(VT_SQL_READ);
    assert_int_equal(count(old), 1);
    assert_int_equal(vt_sql_remove(path, NULL), VT_OK);
    assert_int_equal(vt_sql_remove(path, NULL), VT_OK);
    db = opened(VT_SQL_WRITE);
    add(db, 5);
    add(db, 6);
    fresh = opened(VT_SQL_READ);
    assert_int_equal(count(fresh), 2);
    assert_int_equal(count(old), 1);
    vt_sql_close(fresh);
    vt_sql_close(old);
    vt_sql_close(db);
}

/* A reader's process: opens the tables when told 'o', closes them when told 'c', else tells
 * how many rows it sees (255: it failed). */
static int
reader_body(int fd, void *ctx)
{
    struct vt_sql *db = NULL;
    struct vt_why why = {0};
    enum vt_err err;
    int64_t n = 0;
    uint8_t told;
    char ask;

    (void)ctx;
    err = vt_confine_to_reading(top, &why);
    if (err == VT_OK && open(path, O_RDWR | O_CLOEXEC) >= 0)
        return 1;
    while (read(fd, &ask, 1) == 1) {
        err = VT_OK;
        n = 0;
        if (ask == 'o')
            err = vt_sql_open(path, VT_SQL_READ, SCHEMA, 1, &db, &why);
        else if (ask == 'c') {
            vt_sql_close(db);
            db = NULL;
        } else
            err = vt_sql_count(db, 0, &n, &why, COUNT, "");
        if (err != VT_OK)
            (void)fprintf(stderr, "reader: %s\n", why.text);
        told = err == VT_OK ? (uint8_t)n : 255;
        if (write(fd, &told, 1) != 1)
            return 1;
    }
    vt_sql_close(db);
    return 0;
}

struct reader {
    pid_t pid;
    int fd;
};

static uint8_t
ask(const struct reader *r, char what)
{
    uint8_t told = 254;

    assert_int_equal(write(r->fd, &what, 1), 1);
    assert_int_equal(read(r->fd, &told, 1), 1);
    return told;
}

static struct reader
reader_start(void)
{
    struct reader r;

    assert_int_equal(
        vt_proc_fork("reader", reader_body, NULL, NULL, &r.pid, &r.fd, NULL), VT_OK);
    return r;
}

/* A writer's process: adds row N when told N; dies when the socket ends, as by SIGKILL within
 * a transaction. */
static int
writer_body(int fd, void *ctx)
{
    struct vt_sql *db = NULL;
    uint8_t n;

    (void)ctx;
    if (vt_sql_open(path, VT_SQL_WRITE, SCHEMA, 1, &db, NULL) != VT_OK)
        return 1;
    while (read(fd, &n, 1) == 1) {
        if (vt_sql_do(db, NULL, "INSERT INTO t(n) VALUES(?)", "i", (int64_t)n) != VT_OK ||
            write(fd, &n, 1) != 1)
            return 1;
    }
    if (vt_sql_begin(db, NULL) != VT_OK ||
        vt_sql_do(db, NULL, "INSERT INTO t(n) VALUES(200)", "") != VT_OK)
        return 1;
    (void)kill(getpid(), SIGKILL);
    return 1;
}

static void
writer_dies(uint8_t n)
{
    uint8_t told = 0;
    int status = 0;
    pid_t pid;
    int fd;

    assert_int_equal(vt_proc_fork("writer", writer_body, NULL, NULL, &pid, &fd, NULL), VT_OK);
    assert_int_equal(write(fd, &n, 1), 1);
    assert_int_equal(read(fd, &told, 1), 1);
    assert_int_equal(told, n);
    assert_int_equal(close(fd), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

/* Readers that are there before, while and after a writer is. */
static void
readers_need_write_nothing(void **state)
{
    struct reader old = reader_start();
    struct reader r = reader_start();
    struct vt_sql *db = opened(VT_SQL_WRITE);

    (void)state;
    assert_int_equal(ask(&old, 'o'), 0);
    add(db, 1);
    assert_int_equal(ask(&old, '?'), 1);
    vt_sql_close(db); /* no writer any more */
    assert_int_equal(ask(&old, '?'), 1);
    assert_int_equal(ask(&r, 'o'), 0);
    assert_int_equal(ask(&r, '?'), 1);
    db = opened(VT_SQL_WRITE); /* again one */
    add(db, 2);
    assert_int_equal(ask(&old, '?'), 2);
    assert_int_equal(ask(&r, '?'), 2);
    vt_sql_close(db);
    writer_dies(3);
    assert_int_equal(ask(&old, '?'), 3);
    assert_int_equal(ask(&r, '?'), 3);
    assert_int_equal(ask(&r, 'c'), 0);
    assert_int_equal(ask(&r, 'o'), 0);
    assert_int_equal(ask(&r, '?'), 3);
    db = opened(VT_SQL_WRITE); /* which recovers */
    assert_int_equal(count(db), 3);
    add(db, 4);
    assert_int_equal(ask(&old, '?'), 4);
    assert_int_equal(ask(&r, '?'), 4);
    vt_sql_close(db);
    vt_proc_stop(old.pid, old.fd, 4000);
    vt_proc_stop(r.pid, r.fd, 4000);
}

/* Readers that are asked on and on while a writer begins, commits much and ends. */
static void
readers_never_fail(void **state)
{
    struct reader r = reader_start();
    struct reader again = reader_start();
    uint8_t seen = 0;

    (void)state;
    vt_sql_close(opened(VT_SQL_WRITE));
    assert_int_equal(ask(&r, 'o'), 0);
    for (int64_t i = 1; i <= 40; i++) {
        struct vt_sql *db = opened(VT_SQL_WRITE);

        assert_int_equal(ask(&again, 'o'), 0);
        assert_int_equal(vt_sql_begin(db, NULL), VT_OK);
        add(db, i);
        assert_int_equal(vt_sql_do(db, NULL, "UPDATE t SET b=zeroblob(200000)", ""), VT_OK);
        assert_int_equal(ask(&r, '?'), i - 1);
        assert_int_equal(vt_sql_commit(db, NULL), VT_OK);
        seen = ask(&again, '?');
        assert_int_equal(seen, i);
        if (i % 3 == 0)
            assert_int_equal(vt_sql_do(db, NULL, "PRAGMA wal_checkpoint(TRUNCATE)", ""), VT_OK);
        vt_sql_close(db);
        assert_int_equal(ask(&r, '?'), i);
        assert_int_equal(ask(&again, 'c'), 0);
    }
    vt_proc_stop(r.pid, r.fd, 4000);
    vt_proc_stop(again.pid, again.fd, 4000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_what_it_is_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_statements, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_more_statements_than_it_keeps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_what_is_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(commits_and_takes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_other_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_made_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_need_write_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_never_fail, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("sql", tests, NULL, NULL);
}
