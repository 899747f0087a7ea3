/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqljob: one SELECT over JSON lines, as a job of Vitrine's vault.
 *
 *     sqljob [QUERY-FILE] < events.jsonl        the file is /work/query in a vault's cell
 *
 * Exit codes: 0 done, 2 the query cannot be used, 3 reading or writing failed.
 */
#include "query.h"
#include "stream.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_QUERY = 2, EXIT_WORLD = 3 };

static int
fail(int code, const char *what)
{
    (void)fprintf(stderr, "sqljob: %s\n", what);
    return code;
}

/* Reading only: no other table, file or extension, and nothing that changes anything. */
static int
authorize(void *ctx, int action, const char *a, const char *b, const char *db, const char *by)
{
    const bool *closed = ctx;
    (void)a;
    (void)db;
    (void)by;
    if (!*closed) /* our own preparations */
        return SQLITE_OK;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return b != NULL && strcmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    default:
        return SQLITE_DENY;
    }
}

/*
 * Writing rows.
 */

/* The length of the UTF-8 letter at p, or 0. */
static size_t
letter(const unsigned char *p, size_t left)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (n == 0 || n > left || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0U) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/* A JSON string; bytes that are no text become U+FFFD. */
static void
put_text(const unsigned char *s, size_t len)
{
    (void)putchar('"');
    for (size_t i = 0; i < len;) {
        size_t n = letter(s + i, len - i);
        if (n == 0 || s[i] == 0) {
            (void)fputs("\\ufffd", stdout);
            i++;
        } else if (s[i] == '"' || s[i] == '\\') {
            (void)printf("\\%c", s[i++]);
        } else if (s[i] < 0x20) {
            (void)printf("\\u%04x", s[i++]);
        } else {
            (void)fwrite(s + i, 1, n, stdout);
            i += n;
        }
    }
    (void)putchar('"');
}

static void
put_key(sqlite3_stmt *st, int i)
{
    const unsigned char *s = sqlite3_column_text(st, i);
    put_text(s != NULL ? s : (const unsigned char *)"",
        s != NULL ? (size_t)sqlite3_column_bytes(st, i) : 0);
}

/* A measure is an integer: NULL is what changes nothing when cells are merged, a real number is
 * rounded. */
static void
put_measure(sqlite3_stmt *st, int i, const char *merge)
{
    long long v = 0;
    double d;
    switch (sqlite3_column_type(st, i)) {
    case SQLITE_NULL:
        v = merge[2] == 'x' ? INT64_MIN : merge[2] == 'n' ? INT64_MAX : 0;
        break;
    case SQLITE_FLOAT:
        d = sqlite3_column_double(st, i);
        v = d >= 9223372036854775807.0    ? INT64_MAX
            : d <= -9223372036854775808.0 ? INT64_MIN
                                          : llround(d);
        break;
    default:
        v = sqlite3_column_int64(st, i);
        break;
    }
    (void)printf("%lld", v);
}

static void
put_head(const struct query *q, sqlite3_stmt *st)
{
    int columns = sqlite3_column_count(st);
    (void)printf("{\"keys\":%d,\"measures\":[", columns - (int)q->measure_count);
    for (size_t i = 0; i < q->measure_count; i++)
        (void)printf("%s\"%s\"", i > 0 ? "," : "", q->measure[i]);
    (void)printf("],\"names\":[");
    for (int i = 0; i < columns; i++) {
        const char *name = sqlite3_column_name(st, i);
        if (i > 0)
            (void)putchar(',');
        put_text((const unsigned char *)(name != NULL ? name : "?"),
            name != NULL ? strnlen(name, 120) : 1);
    }
    (void)printf("]}\n");
}

static void
put_row(const struct query *q, sqlite3_stmt *st)
{
    int columns = sqlite3_column_count(st);
    int keys = columns - (int)q->measure_count;
    (void)putchar('[');
    for (int i = 0; i < columns; i++) {
        if (i > 0)
            (void)putchar(',');
        if (i < keys)
            put_key(st, i);
        else
            put_measure(st, i, q->measure[i - keys]);
    }
    (void)printf("]\n");
}

/*
 * Running.
 */

static int
open_tables(const struct query *q, struct stream *s, sqlite3 *db)
{
    int rc = stream_register(s, db, q->keep ? "stream" : "events");
    if (rc == SQLITE_OK && q->keep)
        rc = sqlite3_exec(db, "CREATE TABLE events AS SELECT * FROM stream", NULL, NULL, NULL);
    /* A table that is read for the first time declares itself, which is no reading. */
    sqlite3_stmt *st = NULL;
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, "SELECT 1 FROM events", -1, &st, NULL);
    (void)sqlite3_finalize(st);
    return rc;
}

static int
prepare(const struct query *q, sqlite3 *db, sqlite3_stmt **ret)
{
    const char *rest = q->text;
    while (*ret == NULL && rest != NULL && *rest != '\0')
        if (sqlite3_prepare_v2(db, rest, -1, ret, &rest) != SQLITE_OK)
            return fail(EXIT_QUERY, sqlite3_errmsg(db));
    if (*ret == NULL || !sqlite3_stmt_readonly(*ret))
        return fail(EXIT_QUERY, "the query has no SELECT");
    sqlite3_stmt *more = NULL;
    while (more == NULL && rest != NULL && *rest != '\0')
        if (sqlite3_prepare_v2(db, rest, -1, &more, &rest) != SQLITE_OK)
            return fail(EXIT_QUERY, sqlite3_errmsg(db));
    (void)sqlite3_finalize(more);
    if (more != NULL)
        return fail(EXIT_QUERY, "the query has more than one statement");
    if (sqlite3_column_count(*ret) < (int)q->measure_count ||
        sqlite3_column_count(*ret) - (int)q->measure_count > 16)
        return fail(EXIT_QUERY, "the query must give up to 16 key columns, then the measures");
    return 0;
}

static int
run(const struct query *q, struct stream *s, sqlite3 *db, bool *closed, sqlite3_stmt **st)
{
    int rc = open_tables(q, s, db);
    if (rc != SQLITE_OK)
        return fail(rc == SQLITE_IOERR ? EXIT_WORLD : EXIT_QUERY, sqlite3_errmsg(db));
    *closed = true;
    int code = prepare(q, db, st);
    if (code != 0)
        return code;
    put_head(q, *st);
    while ((rc = sqlite3_step(*st)) == SQLITE_ROW)
        put_row(q, *st);
    if (rc != SQLITE_DONE)
        return fail(rc == SQLITE_IOERR ? EXIT_WORLD : EXIT_QUERY, sqlite3_errmsg(db));
    if (fflush(stdout) != 0)
        return fail(EXIT_WORLD, "standard output");
    if (stream_bad(s) > 0)
        (void)fprintf(stderr, "sqljob: %llu lines were no JSON objects\n",
            (unsigned long long)stream_bad(s));
    return 0;
}

int
main(int argc, char **argv)
{
    struct query q;
    char why[256] = "";
    bool closed = false;
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int code = EXIT_WORLD;
    if (argc > 2)
        return fail(EXIT_QUERY, "usage: sqljob [QUERY-FILE] < events.jsonl");
    if (!query_read(argc == 2 ? argv[1] : "/work/query", &q, why)) {
        query_release(&q);
        return fail(EXIT_QUERY, why);
    }
    static char out[1 << 16];
    (void)setvbuf(stdout, out, _IOFBF, sizeof out);
    struct stream *s = stream_new(STDIN_FILENO, &q);
    if (s == NULL ||
        sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA temp_store=MEMORY; PRAGMA journal_mode=OFF", NULL, NULL,
            NULL) != SQLITE_OK ||
        sqlite3_set_authorizer(db, authorize, &closed) != SQLITE_OK)
        (void)fail(code, "out of memory");
    else
        code = run(&q, s, db, &closed, &st);
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(db);
    stream_free(s);
    query_release(&q);
    return code;
}
