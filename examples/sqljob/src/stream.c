/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM (2U * STREAM_LINE_MAX)

struct stream {
    int fd;
    const struct query *q;
    struct flat *flat;
    struct flat_value *value;
    char *buffer;
    size_t at; /* [at, end) was read and not given yet */
    size_t end;
    bool over;    /* the descriptor is at its end */
    bool started; /* rows can be read once */
    bool at_row;
    int failed; /* errno */
    int64_t row;
    uint64_t bad;
};

struct table {
    sqlite3_vtab base;
    struct stream *s;
};

struct stream *
stream_new(int fd, const struct query *q)
{
    const char *path[FLAT_PATHS_MAX];
    struct stream *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    for (size_t i = 0; i < q->column_count; i++)
        path[i] = q->path[i];
    s->fd = fd;
    s->q = q;
    s->flat = flat_new(path, q->column_count);
    s->value = calloc(q->column_count + 1, sizeof *s->value);
    s->buffer = malloc(ROOM);
    if (s->flat == NULL || s->value == NULL || s->buffer == NULL) {
        stream_free(s);
        return NULL;
    }
    return s;
}

void
stream_free(struct stream *s)
{
    if (s == NULL)
        return;
    flat_free(s->flat);
    free(s->value);
    free(s->buffer);
    free(s);
}

uint64_t
stream_bad(const struct stream *s)
{
    return s->bad;
}

/* More bytes behind those that are there. false: the end, or an error. */
static bool
fill(struct stream *s)
{
    if (s->at > 0) {
        memmove(s->buffer, s->buffer + s->at, s->end - s->at);
        s->end -= s->at;
        s->at = 0;
    }
    while (!s->over && s->end < ROOM) {
        ssize_t n = read(s->fd, s->buffer + s->end, ROOM - s->end);
        if (n > 0) {
            s->end += (size_t)n;
            return true;
        }
        if (n == 0 || errno != EINTR) {
            s->over = true;
            s->failed = n == 0 ? 0 : errno;
        }
    }
    return false;
}

/* The next line; only the last may lack its newline. A line that fills the buffer is given in
 * pieces, which are no JSON. */
static bool
next_line(struct stream *s, const char **ret, size_t *ret_len)
{
    size_t looked = 0;
    for (;;) {
        const char *p = s->buffer + s->at;
        const char *nl = memchr(p + looked, '\n', s->end - s->at - looked);
        looked = s->end - s->at;
        if (nl == NULL && fill(s))
            continue;
        *ret = s->buffer + s->at;
        *ret_len = nl != NULL ? (size_t)(nl - p) : s->end - s->at;
        if (nl == NULL && *ret_len == 0)
            return false;
        s->at += *ret_len + (nl != NULL);
        return true;
    }
}

static int
next_row(struct stream *s)
{
    const char *line;
    size_t len;
    s->at_row = next_line(s, &line, &len);
    if (!s->at_row)
        return s->failed != 0 ? SQLITE_IOERR : SQLITE_OK;
    s->row++;
    if (!flat_line(s->flat, line, len, s->value))
        s->bad++;
    return SQLITE_OK;
}

/*
 * What SQLite calls.
 */

static int
vt_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **ret,
    char **ret_why)
{
    struct stream *s = aux;
    (void)argc;
    (void)argv;
    (void)ret_why;
    sqlite3_str *sql = sqlite3_str_new(db);
    sqlite3_str_appendall(sql, "CREATE TABLE x(");
    for (size_t i = 0; i < s->q->column_count; i++)
        sqlite3_str_appendf(sql, "%s\"%w\"", i > 0 ? "," : "", s->q->name[i]);
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    struct table *t = sqlite3_malloc(sizeof *t);
    int rc = text != NULL && t != NULL ? sqlite3_declare_vtab(db, text) : SQLITE_NOMEM;
    sqlite3_free(text);
    if (rc != SQLITE_OK) {
        sqlite3_free(t);
        return rc;
    }
    *t = (struct table){.s = s};
    *ret = &t->base;
    return SQLITE_OK;
}

static int
vt_disconnect(sqlite3_vtab *t)
{
    sqlite3_free(t);
    return SQLITE_OK;
}

static int
vt_best_index(sqlite3_vtab *t, sqlite3_index_info *info)
{
    (void)t;
    info->estimatedCost = 1e12;
    info->estimatedRows = 10000000;
    return SQLITE_OK;
}

static int
vt_open(sqlite3_vtab *t, sqlite3_vtab_cursor **ret)
{
    (void)t;
    sqlite3_vtab_cursor *c = sqlite3_malloc(sizeof *c);
    if (c == NULL)
        return SQLITE_NOMEM;
    *c = (sqlite3_vtab_cursor){0};
    *ret = c;
    return SQLITE_OK;
}

static int
vt_close(sqlite3_vtab_cursor *c)
{
    sqlite3_free(c);
    return SQLITE_OK;
}

static struct stream *
stream_of(sqlite3_vtab_cursor *c)
{
    return ((struct table *)(void *)c->pVtab)->s;
}

static int
vt_filter(sqlite3_vtab_cursor *c, int number, const char *text, int argc, sqlite3_value **argv)
{
    struct stream *s = stream_of(c);
    (void)number;
    (void)text;
    (void)argc;
    (void)argv;
    if (s->started) {
        c->pVtab->zErrMsg = sqlite3_mprintf(
            "the query reads the events more than once: put a line `-- keep` at its head");
        return SQLITE_ERROR;
    }
    s->started = true;
    return next_row(s);
}

static int
vt_next(sqlite3_vtab_cursor *c)
{
    return next_row(stream_of(c));
}

static int
vt_eof(sqlite3_vtab_cursor *c)
{
    return !stream_of(c)->at_row;
}

/* Texts stay where they are until the next row, but SQLite may keep a value longer. */
static int
vt_column(sqlite3_vtab_cursor *c, sqlite3_context *ctx, int i)
{
    const struct flat_value *v = &stream_of(c)->value[i];
    switch (v->kind) {
    case FLAT_TEXT:
    case FLAT_JSON:
        sqlite3_result_text(ctx, v->text, (int)v->len, SQLITE_TRANSIENT);
        break;
    case FLAT_INTEGER:
        sqlite3_result_int64(ctx, v->integer);
        break;
    case FLAT_REAL:
        sqlite3_result_double(ctx, v->real);
        break;
    case FLAT_NULL:
        sqlite3_result_null(ctx);
        break;
    }
    return SQLITE_OK;
}

static int
vt_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *ret)
{
    *ret = stream_of(c)->row;
    return SQLITE_OK;
}

/* xCreate is left out: the table is there under the module's name, and no other can be made. */
static const sqlite3_module module = {.xConnect = vt_connect,
    .xBestIndex = vt_best_index,
    .xDisconnect = vt_disconnect,
    .xDestroy = vt_disconnect,
    .xOpen = vt_open,
    .xClose = vt_close,
    .xFilter = vt_filter,
    .xNext = vt_next,
    .xEof = vt_eof,
    .xColumn = vt_column,
    .xRowid = vt_rowid};

int
stream_register(struct stream *s, sqlite3 *db, const char *name)
{
    return sqlite3_create_module_v2(db, name, &module, s, NULL);
}
