/* SPDX-License-Identifier: Apache-2.0 */
/* Symbols and rules of snapshots. */
#include "search/library_held.h"
#include "search/symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT 10000U
#define PLACES_MAX 1000U /* of one name, to be sorted by path */

/* Gives the symbols of one blob, or those of one name, under a path. */
struct give {
    const char *name; /* NULL: all */
    const char *path;
    const char *language;
    size_t left;
    vt_library_symbol_fn *fn;
    void *ctx;
};

static enum vt_err
give_one(void *ctx, const struct vt_symbol *s, struct vt_why *why)
{
    struct give *g = ctx;
    const struct vt_library_symbol out = {
        .name = s->name,
        .kind = s->kind,
        .scope = s->scope,
        .path = g->path,
        .language = g->language,
        .line = s->line,
        .end = s->end,
    };

    if (g->left == 0 || (g->name != NULL && strcmp(g->name, s->name) != 0))
        return VT_OK;
    g->left--;
    return g->fn(g->ctx, &out, why);
}

static enum vt_err
give_blob(struct vt_library *l, int64_t blob, struct give *g, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    size_t len = 0;
    const void *data;
    enum vt_err err =
        vt_sql_query(l->db, &r, why, "SELECT data FROM symbols WHERE blob=?", "i", blob);

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && row) {
        data = vt_sql_bytes(r, 0, &len);
        err = vt_symbols_each(data, len, give_one, g, why);
    }
    vt_sql_end(r);
    return err;
}

enum vt_err
vt_library_symbols_of(struct vt_library *l, const struct vt_digest *source, const char *path,
    vt_library_symbol_fn *fn, void *ctx, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_LIBRARY_FOLDER_MAX);
    struct give g = {.path = path, .left = SIZE_MAX, .fn = fn, .ctx = ctx};
    const struct vt_library_snapshot *s;
    struct vt_folder_entry e = {.kind = VT_LIBRARY_FOLDER};
    enum vt_err err = vt_library_seek(l, source, &s, why);

    if (err == VT_OK)
        err = vt_library_walk_to(l, s->folder, path, &b, &e, why);
    if (err == VT_OK && e.kind == VT_LIBRARY_FILE) {
        g.language = e.language;
        err = give_blob(l, e.id, &g, why);
    }
    vt_buf_release(&b);
    return err;
}

/* The places of the symbols of one name: a path and a blob each. */
struct place {
    char *path;
    char language[48];
    int64_t blob;
};

struct places {
    struct place *place;
    size_t count;
    size_t max;
    int64_t blob; /* of which paths are told at the moment */
    bool failed;
};

static void
places_release(struct places *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->place[i].path);
    free(p->place);
    *p = (struct places){0};
}

static bool
take_place(void *ctx, const char *path, const struct vt_folder_entry *e)
{
    struct places *p = ctx;
    struct place *fresh = realloc(p->place, (p->count + 1) * sizeof(*fresh));

    if (fresh != NULL)
        p->place = fresh;
    if (fresh == NULL || (fresh[p->count].path = strdup(path)) == NULL) {
        p->failed = true;
        return false;
    }
    (void)snprintf(
        fresh[p->count].language, sizeof fresh[p->count].language, "%s", e->language);
    fresh[p->count++].blob = p->blob;
    return p->count < p->max;
}

static int
by_path(const void *a, const void *b)
{
    return strcmp(((const struct place *)a)->path, ((const struct place *)b)->path);
}

static enum vt_err
give_places(struct vt_library *l, const char *name, struct places *p, struct give *g,
    struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (p->count > 0)
        qsort(p->place, p->count, sizeof *p->place, by_path);
    for (size_t i = 0; err == VT_OK && i < p->count && g->left > 0; i++) {
        g->name = name;
        g->path = p->place[i].path;
        g->language = p->place[i].language;
        err = give_blob(l, p->place[i].blob, g, why);
    }
    g->name = NULL;
    places_release(p);
    return err;
}

/* Takes the paths of a blob in the snapshot, if it has it. */
static enum vt_err
add_places(struct vt_library *l, int64_t blob, size_t at, struct places *p, struct vt_why *why)
{
    const uint64_t *set;
    enum vt_err err;

    if (p->count >= p->max)
        return VT_OK;
    err = vt_library_where(l, blob, &set, why);
    if (err != VT_OK || !VT_LIBRARY_HAS(set, at))
        return err;
    p->blob = blob;
    err = vt_library_paths(l, blob, at, take_place, p, why);
    if (err == VT_OK && p->failed)
        err = vt_fail(why, VT_E_NOMEM, "no memory for symbols");
    return err;
}

static enum vt_err
query_names(struct vt_library *l, const char *name, bool prefix, struct vt_buf *b,
    struct vt_sql_rows **ret, struct vt_why *why)
{
    enum vt_err err;

    vt_buf_puts(b, name);
    if (prefix)
        vt_buf_puts(b, "\xf4\x8f\xbf\xbf"); /* the last character there is */
    err = vt_buf_check(b, "a symbol's name", why);
    if (err != VT_OK)
        return err;
    return vt_sql_query(l->db, ret, why,
        "SELECT name, blob FROM symbol WHERE name BETWEEN ? AND ? ORDER BY name, blob", "ss",
        name, vt_buf_str(b));
}

static enum vt_err
each_name(
    struct vt_library *l, struct vt_sql_rows *r, size_t at, struct give *g, struct vt_why *why)
{
    char name[VT_SYMBOLS_NAME_MAX + 1] = "";
    struct places p = {0};
    bool row = true;
    enum vt_err err = VT_OK;

    while (err == VT_OK && g->left > 0 && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        if (strcmp(name, vt_sql_text(r, 0)) != 0) {
            err = give_places(l, name, &p, g, why);
            (void)snprintf(name, sizeof name, "%s", vt_sql_text(r, 0));
        }
        p.max = PLACES_MAX;
        if (err == VT_OK)
            err = add_places(l, vt_sql_int(r, 1), at, &p, why);
    }
    if (err == VT_OK)
        err = give_places(l, name, &p, g, why);
    places_release(&p);
    return err;
}

enum vt_err
vt_library_symbols(struct vt_library *l, const struct vt_digest *source, const char *name,
    bool prefix, size_t limit, vt_library_symbol_fn *fn, void *ctx, struct vt_why *why)
{
    struct give g = {.left = limit == 0 || limit > LIMIT ? LIMIT : limit, .fn = fn, .ctx = ctx};
    struct vt_buf last = VT_BUF(VT_SYMBOLS_NAME_MAX + 8);
    const struct vt_library_snapshot *s;
    struct vt_sql_rows *r = NULL;
    enum vt_err err = vt_library_seek(l, source, &s, why);

    if (err == VT_OK && strlen(name) > VT_SYMBOLS_NAME_MAX)
        return VT_OK;
    if (err == VT_OK)
        err = query_names(l, name, prefix, &last, &r, why);
    if (err == VT_OK)
        err = each_name(l, r, (size_t)(s - l->snap), &g, why);
    vt_sql_end(r);
    vt_buf_release(&last);
    return err;
}
