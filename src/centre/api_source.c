/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: which there are, and their files. */
#include "base/clock.h"
#include "centre/api_cover.h"
#include "centre/api_parts.h"

#include <stdio.h>
#include <string.h>

#define NO_MEMORY "out of memory for an answer"
/* A file that is shown takes its escaped length in an answer, beside its symbols. */
#define SHOWN_MAX (6U * 1024U * 1024U)

/* --- SOURCE. --- */

#define SOURCE_COLUMNS                                                                         \
    "s.source,s.tree,s.git_commit,s.origin,s.archive_size,s.files,s.idx,e.time,e.signer,"      \
    "s.sealed,EXISTS(SELECT 1 FROM shelf h WHERE h.source=s.source AND h.problem IS NULL)"

static enum vt_err
put_released(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    (void)c;
    *ret = json_pack("{s:o,s:o,s:o}", "artifact", vt_api_column_digest(r, 0), "product",
        vt_api_text(vt_sql_text(r, 1)), "version", vt_api_text(vt_sql_text(r, 2)));
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : VT_OK;
}

static enum vt_err
released_from(
    struct vt_api_call *c, const struct vt_digest *source, json_t *array, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT r.artifact,r.product,r.version FROM run a JOIN release r ON r.run=a.idx"
        " WHERE a.source=? GROUP BY r.artifact ORDER BY max(r.idx) DESC LIMIT 50",
        "d", source);

    return err == VT_OK ? vt_api_rows(c, rows, put_released, array, why) : err;
}

static enum vt_err
put_source(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    struct vt_library_source in = {0};
    struct vt_library *l = NULL;
    struct vt_digest source;
    json_t *releases = json_array();
    bool indexed = vt_sql_int(r, 10) != 0;
    enum vt_err err;

    if (!vt_sql_digest(r, 0, &source))
        err = vt_fail(why, VT_E_SYNTAX, "a source of the facts has no digest");
    else
        err = released_from(c, &source, releases, why);
    if (err != VT_OK) {
        json_decref(releases);
        return err;
    }
    if (!indexed || vt_api_library_try(c->api, &l, NULL) != VT_OK ||
        vt_library_source(l, &source, &in, NULL) != VT_OK) {
        in = (struct vt_library_source){.files = (uint64_t)vt_sql_int(r, 5)};
        c->passing = c->passing || indexed; /* it is there, but could not be read */
        indexed = false;
    }
    *ret = json_pack("{s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:o,s:o,s:o,s:b,s:b,s:o,s:o}", "source",
        vt_api_digest(&source), "tree", vt_api_text(vt_sql_text(r, 1)), "commit",
        vt_api_column_text(r, 2), "origin", vt_api_text(vt_sql_text(r, 3)), "archive_size",
        json_integer(vt_sql_int(r, 4)), "files", (json_int_t)in.files, "lines",
        (json_int_t)in.lines, "bytes", (json_int_t)in.bytes, "index",
        json_integer(vt_sql_int(r, 6)), "time", vt_api_column_time(r, 7), "signer",
        vt_api_column_text(r, 8), "sealed", vt_sql_int(r, 9) != 0, "indexed", indexed,
        "releases", releases, "label", vt_api_label(c, &source));
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : VT_OK;
}

enum vt_err
vt_api_sources(struct vt_api_call *c, struct vt_why *why)
{
    struct vt_api_page page;
    struct vt_sql_rows *rows = NULL;
    json_t *items;
    enum vt_err err = vt_api_page_param(c, &page);

    if (err == VT_OK)
        err = vt_sql_query(c->api->facts, &rows, why,
            "SELECT " SOURCE_COLUMNS " FROM source s JOIN entry e ON e.idx=s.idx"
            " WHERE s.idx<? ORDER BY s.idx DESC LIMIT ?",
            "ii", page.before, page.limit + 1);
    if (err != VT_OK)
        return err;
    items = json_array();
    err = vt_api_rows(c, rows, put_source, items, why);
    if (err == VT_OK)
        return vt_api_list(c, items, &page, NULL, why);
    json_decref(items);
    return err;
}

/* What a walk over files fills. */
struct walk {
    struct vt_api_call *c;
    const struct vt_api_cover *cover; /* NULL: not known */
    const char *folder;
    json_t *array;
    json_t *object;
    struct vt_digest blob;
    uint64_t size;
    bool text;
    enum vt_library_kind kind;
};

static enum vt_err
take_language(void *ctx, const struct vt_library_file *f, struct vt_why *why)
{
    struct walk *w = ctx;

    return vt_api_add(w->array,
        json_pack("{s:o,s:I,s:I}", "language", vt_api_text(f->language), "files",
            (json_int_t)f->files, "lines", (json_int_t)f->lines),
        why);
}

enum vt_err
vt_api_one_source(struct vt_api_call *c, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    struct walk w = {.c = c, .array = json_array()};
    struct vt_library_source in;
    struct vt_library *l = NULL;
    json_t *cover = NULL;
    bool there = false;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT " SOURCE_COLUMNS " FROM source s JOIN entry e ON e.idx=s.idx WHERE s.source=?",
        "d", &c->digest);

    if (err == VT_OK)
        err = vt_sql_step(rows, &there, why);
    if (err == VT_OK && there)
        err = put_source(c, rows, &c->out, why);
    vt_sql_end(rows);
    if (err == VT_OK && !there)
        err = vt_api_fail(c, 404, "the log has no such source");
    if (err == VT_OK)
        err = vt_api_cover_of(c, &c->digest, true, &cover, why);
    if (err == VT_OK && vt_api_library_try(c->api, &l, NULL) == VT_OK &&
        vt_library_source(l, &c->digest, &in, NULL) == VT_OK)
        err = vt_library_languages(l, &c->digest, take_language, &w, why);
    if (err == VT_OK)
        return vt_api_join(
            c->out, json_pack("{s:o,s:o}", "coverage", cover, "languages", w.array), why);
    json_decref(w.array);
    json_decref(cover);
    return err;
}

/* --- A folder. --- */

static json_t *
covered_in(const struct walk *w, const struct vt_library_file *f)
{
    const struct vt_api_cover_file *file;
    char path[VT_LIBRARY_PATH_MAX * 2 + 2];

    if (w->cover == NULL || f->kind == VT_LIBRARY_LINK)
        return json_null();
    (void)snprintf(
        path, sizeof(path), "%s%s%s", w->folder, w->folder[0] != '\0' ? "/" : "", f->name);
    if (f->kind == VT_LIBRARY_FOLDER)
        return json_integer((json_int_t)vt_api_cover_below(w->cover, path));
    file = vt_api_cover_find(w->cover, path);
    return json_integer(file == NULL ? 0 : __builtin_popcountll(file->whole));
}

static enum vt_err
take_entry(void *ctx, const struct vt_library_file *f, struct vt_why *why)
{
    static const char *const kinds[] = {
        [VT_LIBRARY_FILE] = "file", [VT_LIBRARY_FOLDER] = "dir", [VT_LIBRARY_LINK] = "link"};
    struct walk *w = ctx;
    bool file = f->kind == VT_LIBRARY_FILE;
    bool folder = f->kind == VT_LIBRARY_FOLDER;

    return vt_api_add(w->array,
        json_pack("{s:o,s:s,s:I,s:o,s:o,s:o,s:o}", "name", vt_api_text(f->name), "kind",
            kinds[f->kind], "size", (json_int_t)f->size, "blob",
            file ? vt_api_digest(&f->blob) : json_null(), "lines",
            file && f->text ? json_integer((json_int_t)f->lines) : json_null(), "covered",
            covered_in(w, f), "files",
            folder ? json_integer((json_int_t)f->files) : json_null()),
        why);
}

enum vt_err
vt_api_tree(struct vt_api_call *c, struct vt_why *why)
{
    char path[VT_LIBRARY_PATH_MAX + 1];
    struct walk w = {.c = c, .folder = path};
    struct vt_library *l = NULL;
    bool sealed;
    enum vt_err err = vt_api_path_param(c, true, path);

    if (err == VT_OK)
        err = vt_api_open_source(c, &l, &sealed, why);
    if (err == VT_OK && vt_api_cover(c, &c->digest, &w.cover, NULL) != VT_OK) {
        w.cover = NULL;
        c->passing = true;
    }
    if (err != VT_OK)
        return err;
    w.array = json_array();
    err = vt_library_tree(l, &c->digest, path, take_entry, &w, why);
    c->out = json_pack("{s:o,s:o}", "path", vt_api_text(path), "entries", w.array);
    if (err == VT_E_NOENT)
        return vt_api_fail(c, 404, "the snapshot has no such folder");
    return err == VT_OK && c->out == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : err;
}

/* --- A file. --- */

/* Bytes that a text takes as a JSON string. */
static uint64_t
escaped_len(const struct vt_buf *b)
{
    uint64_t n = 0;

    for (size_t i = 0; i < b->len; i++) {
        uint8_t ch = b->data[i];

        n += ch >= 0x20                 ? (ch == '"' || ch == '\\' ? 2U : 1U)
             : ch == '\n' || ch == '\t' ? 2U
                                        : 6U;
    }
    return n;
}

static enum vt_err
take_file(void *ctx, const struct vt_library_file *f, struct vt_why *why)
{
    struct walk *w = ctx;

    w->blob = f->blob;
    w->size = f->size;
    w->text = f->text;
    w->kind = f->kind;
    if (f->kind != VT_LIBRARY_FILE)
        return VT_OK;
    w->object = json_pack("{s:o,s:o,s:I,s:I,s:o}", "path", vt_api_text(f->name), "blob",
        vt_api_digest(&f->blob), "size", (json_int_t)f->size, "lines", (json_int_t)f->lines,
        "language", vt_api_text_or_null(f->language));
    return w->object == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : VT_OK;
}

/* Finds the one file that is asked about; 404. */
static enum vt_err
find_file(struct vt_api_call *c, struct vt_library *l, const char *path, struct walk *w,
    struct vt_why *why)
{
    enum vt_err err = vt_library_find(l, &c->digest, path, take_file, w, why);

    if (err == VT_E_NOENT || (err == VT_OK && w->kind != VT_LIBRARY_FILE))
        return vt_api_fail(c, 404, "the snapshot has no such file");
    return err;
}

static enum vt_err
put_text(struct vt_library *l, struct walk *w, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_LIBRARY_SHOWN_MAX);
    const char *encoding = w->size > VT_LIBRARY_SHOWN_MAX ? "too-large" : "binary";
    json_t *text = NULL;
    enum vt_err err = VT_OK;

    if (w->text) {
        err = vt_library_blob(l, &w->blob, &b, why);
        encoding = escaped_len(&b) > SHOWN_MAX ? "too-large" : "utf-8";
        if (err == VT_OK && encoding[0] == 'u')
            text = vt_api_text_n(vt_buf_str(&b), b.len);
    }
    if (err == VT_OK)
        err = vt_api_join(w->object,
            json_pack(
                "{s:s,s:o}", "encoding", encoding, "text", text == NULL ? json_null() : text),
            why);
    else
        json_decref(text);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
take_symbol(void *ctx, const struct vt_library_symbol *s, struct vt_why *why)
{
    struct walk *w = ctx;

    return vt_api_add(w->array,
        json_pack("{s:o,s:o,s:I,s:o,s:o}", "name", vt_api_text(s->name), "kind",
            vt_api_text(s->kind), "line", (json_int_t)s->line, "end",
            s->end == 0 ? json_null() : json_integer((json_int_t)s->end), "scope",
            vt_api_text_or_null(s->scope)),
        why);
}

static enum vt_err
put_symbols(struct vt_api_call *c, struct vt_library *l, const char *path, struct walk *w,
    struct vt_why *why)
{
    enum vt_err err;

    w->array = json_array();
    err = vt_library_symbols_of(l, &c->digest, path, take_symbol, w, why);
    if (err == VT_OK)
        return vt_api_set(w->object, "symbols", w->array, why);
    json_decref(w->array);
    return err;
}

static enum vt_err
put_reading(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    (void)c;
    *ret = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "reviewer",
        vt_api_text(vt_sql_text(r, 0)), "organisation", vt_api_text(vt_sql_text(r, 1)), "from",
        json_integer(vt_sql_int(r, 2)), "to", json_integer(vt_sql_int(r, 3)), "verdict",
        vt_api_text(vt_sql_text(r, 4)), "index", json_integer(vt_sql_int(r, 5)), "source",
        vt_api_column_digest(r, 6));
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : VT_OK;
}

/* Who has read these very bytes, in whichever snapshot. */
static enum vt_err
put_readings(struct vt_api_call *c, struct walk *w, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    json_t *array;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT v.reviewer,v.organisation,g.from_line,g.to_line,g.verdict,g.idx,v.source"
        " FROM reading g JOIN review v ON v.idx=g.idx WHERE g.blob=? AND v.kind='reading'"
        " ORDER BY g.idx DESC,g.from_line LIMIT 2000",
        "d", &w->blob);

    if (err != VT_OK)
        return err;
    array = json_array();
    err = vt_api_rows(c, rows, put_reading, array, why);
    if (err == VT_OK)
        return vt_api_set(w->object, "readings", array, why);
    json_decref(array);
    return err;
}

/* What stands across a sealed file: who has it before her, and since when. */
static json_t *
mark_of(const struct vt_api_call *c, bool sealed)
{
    char time[VT_TIME_SIZE];
    char text[VT_ROOM_FIELD_MAX + 64];

    if (!sealed)
        return json_null();
    vt_time_format(vt_clock_now(&vt_clock_system), time);
    (void)snprintf(text, sizeof(text), "opened by %s at %s", c->ask->who, time);
    return vt_api_text(text);
}

enum vt_err
vt_api_file(struct vt_api_call *c, struct vt_why *why)
{
    char path[VT_LIBRARY_PATH_MAX + 1];
    struct walk w = {.c = c};
    struct vt_library *l = NULL;
    bool sealed = false;
    enum vt_err err = vt_api_path_param(c, false, path);

    if (err == VT_OK)
        err = vt_api_open_source(c, &l, &sealed, why);
    if (err == VT_OK)
        err = find_file(c, l, path, &w, why);
    if (err == VT_OK)
        err = put_text(l, &w, why);
    if (err == VT_OK)
        err = put_symbols(c, l, path, &w, why);
    if (err == VT_OK)
        err = put_readings(c, &w, why);
    if (err == VT_OK)
        err = vt_api_set(w.object, "mark", mark_of(c, sealed), why);
    c->out = w.object;
    return err;
}

/* The last part of a path, as far as a header can hold it. */
static void
plain_name(const char *path, char ret[128])
{
    const char *name = strrchr(path, '/');
    size_t len = 0;

    for (name = name == NULL ? path : name + 1; *name != '\0' && len < 100; name++) {
        bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                     (*name >= '0' && *name <= '9') || strchr("._-+", *name) != NULL;

        ret[len++] = plain ? *name : '_';
    }
    ret[len] = '\0';
}

enum vt_err
vt_api_raw(struct vt_api_call *c, struct vt_why *why)
{
    char path[VT_LIBRARY_PATH_MAX + 1];
    char name[128];
    struct walk w = {.c = c};
    struct vt_library *l = NULL;
    bool sealed = false;
    enum vt_err err = vt_api_path_param(c, false, path);

    if (err == VT_OK)
        err = vt_api_open_source(c, &l, &sealed, why);
    if (err == VT_OK)
        err = find_file(c, l, path, &w, why);
    json_decref(w.object);
    if (err == VT_OK && w.size > VT_ROOM_ANSWER_MAX)
        return vt_api_fail(c, 413, "this file is too long to be sent alone: take the archive");
    if (err == VT_OK)
        err = vt_library_blob(l, &w.blob, c->body, why);
    if (err != VT_OK)
        return err;
    plain_name(path, name);
    (void)snprintf(
        c->api->disposition, sizeof(c->api->disposition), "attachment; filename=\"%s\"", name);
    c->answer->disposition = c->api->disposition;
    c->answer->content_type = "application/octet-stream";
    c->answer->csp = "sandbox";
    return VT_OK;
}
