/* SPDX-License-Identifier: Apache-2.0 */
/* Symbols of a snapshot, the history of a file, and the differences of two snapshots. */
#include "centre/api_parts.h"

#include <string.h>

#define NO_MEMORY "out of memory for an answer"
enum { DIFF_FILES_MAX = 20000 };

/* --- Symbols. --- */

static enum vt_err
take_symbol(void *ctx, const struct vt_library_symbol *s, struct vt_why *why)
{
    return vt_api_add(ctx,
        json_pack("{s:o,s:o,s:o,s:I,s:o,s:o}", "name", vt_api_text(s->name), "kind",
            vt_api_text(s->kind), "path", vt_api_text(s->path), "line", (json_int_t)s->line,
            "scope", vt_api_text_or_null(s->scope), "language", vt_api_text(s->language)),
        why);
}

enum vt_err
vt_api_symbols(struct vt_api_call *c, struct vt_why *why)
{
    char name[512] = "";
    struct vt_library *l = NULL;
    json_t *items;
    int64_t limit = 0;
    bool sealed;
    bool prefix;
    enum vt_err err = vt_api_limit_param(c, &limit);

    if (err != VT_OK)
        return err;
    prefix = vt_api_text_param(c, "prefix", name, sizeof(name), &err);
    if (err == VT_OK && vt_api_text_param(c, "name", name, sizeof(name), &err) == prefix)
        err = vt_api_fail(c, 400, "either `name` or `prefix` says which symbols");
    if (err == VT_OK && name[0] == '\0')
        err = vt_api_fail(c, 400, "the name is empty");
    if (err == VT_OK)
        err = vt_api_open_source(c, &l, &sealed, why);
    if (err != VT_OK)
        return err;
    items = json_array();
    err =
        vt_library_symbols(l, &c->digest, name, prefix, (size_t)limit, take_symbol, items, why);
    c->out = json_pack("{s:o}", "items", items);
    return err;
}

/* --- History. --- */

struct history {
    struct vt_api_call *c;
    json_t *items;
    bool any;
    struct vt_digest
        source; /* the next newer snapshot, while it is not yet known how it differs */
    struct vt_digest blob;
    bool has_blob;
};

/* Whether a snapshot is of the same product as the one that was asked about, and open. */
static enum vt_err
belongs(struct vt_api_call *c, const struct vt_digest *source, bool *ret, struct vt_why *why)
{
    int64_t same = 0;
    bool hidden = true;
    enum vt_err err = vt_sql_count(c->api->facts, 0, &same, why,
        "SELECT count(*) FROM source a JOIN source b ON a.name IS b.name"
        " WHERE a.source=? AND b.source=?",
        "dd", &c->digest, source);

    if (err == VT_OK)
        err = vt_api_hidden(c, source, &hidden, why);
    *ret = same > 0 && !hidden;
    return err;
}

static enum vt_err
put_history(struct history *h, const char *change, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    bool there = false;
    json_t *time = NULL;
    enum vt_err err = vt_sql_query(h->c->api->facts, &rows, why,
        "SELECT e.time FROM source s JOIN entry e ON e.idx=s.idx WHERE s.source=?", "d",
        &h->source);

    if (err == VT_OK)
        err = vt_sql_step(rows, &there, why);
    if (err == VT_OK)
        time = there ? vt_api_column_time(rows, 0) : json_null();
    vt_sql_end(rows);
    if (err != VT_OK)
        return err;
    return vt_api_add(h->items,
        json_pack("{s:o,s:o,s:o,s:o,s:s}", "source", vt_api_digest(&h->source), "label",
            vt_api_label(h->c, &h->source), "time", time, "blob",
            h->has_blob ? vt_api_digest(&h->blob) : json_null(), "change", change),
        why);
}

/* What the newer snapshot, which waits, is to this older one. Snapshots that never had it are
 * left out. */
static enum vt_err
end_snapshot(struct history *h, const struct vt_digest *older, struct vt_why *why)
{
    const char *change = "same";

    if (!h->any || (!h->has_blob && older == NULL))
        return VT_OK;
    if (!h->has_blob)
        change = "removed";
    else if (older == NULL)
        change = "added";
    else if (!vt_digest_eq(&h->blob, older))
        change = "changed";
    return put_history(h, change, why);
}

static enum vt_err
take_snapshot(
    void *ctx, const struct vt_digest *source, const struct vt_digest *blob, struct vt_why *why)
{
    struct history *h = ctx;
    bool mine = false;
    enum vt_err err = belongs(h->c, source, &mine, why);

    if (err != VT_OK || !mine)
        return err;
    err = end_snapshot(h, blob, why);
    h->any = true;
    h->source = *source;
    h->has_blob = blob != NULL;
    if (blob != NULL)
        h->blob = *blob;
    return err;
}

enum vt_err
vt_api_history(struct vt_api_call *c, struct vt_why *why)
{
    char path[VT_LIBRARY_PATH_MAX + 1];
    struct history h = {.c = c};
    struct vt_library *l = NULL;
    bool sealed;
    enum vt_err err = vt_api_path_param(c, false, path);

    if (err == VT_OK)
        err = vt_api_open_source(c, &l, &sealed, why);
    if (err != VT_OK)
        return err;
    h.items = json_array();
    c->out = json_pack("{s:o}", "items", h.items);
    err = vt_library_history(l, path, take_snapshot, &h, why);
    if (err == VT_OK)
        err = end_snapshot(&h, NULL, why);
    if (err == VT_OK && json_array_size(h.items) == 0)
        return vt_api_fail(c, 404, "no snapshot of this product has such a file");
    return err;
}

/* --- Differences. --- */

struct diff {
    json_t *items;
    json_t *lines; /* of the hunk under way; it belongs to items */
    bool truncated;
};

static enum vt_err
take_change(void *ctx, const struct vt_library_change *ch, struct vt_why *why)
{
    struct diff *d = ctx;

    if (json_array_size(d->items) >= DIFF_FILES_MAX) {
        d->truncated = true;
        return VT_OK;
    }
    return vt_api_add(d->items,
        json_pack("{s:o,s:s,s:o,s:o,s:I,s:I}", "path", vt_api_text(ch->path), "change",
            ch->change, "old_blob",
            ch->old_blob == NULL ? json_null() : vt_api_digest(ch->old_blob), "new_blob",
            ch->new_blob == NULL ? json_null() : vt_api_digest(ch->new_blob), "lines_added",
            (json_int_t)ch->lines_added, "lines_removed", (json_int_t)ch->lines_removed),
        why);
}

static enum vt_err
diff_all(struct vt_api_call *c, struct vt_library *l, const struct vt_digest *since,
    struct vt_why *why)
{
    struct diff d = {.items = json_array()};
    enum vt_err err = vt_library_compare(l, since, &c->digest, take_change, &d, why);

    c->out = json_pack("{s:o,s:o,s:b}", "since", vt_api_digest(since), "items", d.items,
        "truncated", d.truncated);
    return err;
}

static enum vt_err
take_line(void *ctx, const struct vt_library_line *line, struct vt_why *why)
{
    struct diff *d = ctx;
    char kind[2] = {line->kind, '\0'};

    if (line->kind == '@') {
        d->lines = json_array();
        return vt_api_add(d->items,
            json_pack("{s:I,s:I,s:I,s:I,s:o}", "old_start", (json_int_t)line->old_start,
                "old_lines", (json_int_t)line->old_lines, "new_start",
                (json_int_t)line->new_start, "new_lines", (json_int_t)line->new_lines, "lines",
                d->lines),
            why);
    }
    return vt_api_add(d->lines,
        json_pack("{s:s,s:o}", "kind", kind, "text", vt_api_text_n(line->text, line->len)),
        why);
}

struct found {
    struct vt_digest blob;
    bool there;
    bool text;
};

static enum vt_err
take_found(void *ctx, const struct vt_library_file *f, struct vt_why *why)
{
    struct found *found = ctx;

    (void)why;
    found->there = f->kind == VT_LIBRARY_FILE;
    found->text = f->text;
    found->blob = f->blob;
    return VT_OK;
}

/* A file that is not in the snapshot is no error here. */
static enum vt_err
find(struct vt_library *l, const struct vt_digest *source, const char *path, struct found *ret,
    struct vt_why *why)
{
    enum vt_err err = vt_library_find(l, source, path, take_found, ret, why);

    return err == VT_E_NOENT ? VT_OK : err;
}

static enum vt_err
diff_one(struct vt_api_call *c, struct vt_library *l, const struct vt_digest *since,
    const char *path, struct vt_why *why)
{
    struct diff d = {.items = NULL};
    struct found old = {.there = false};
    struct found new = {.there = false};
    bool binary;
    enum vt_err err = find(l, since, path, &old, why);

    if (err == VT_OK)
        err = find(l, &c->digest, path, &new, why);
    if (err != VT_OK)
        return err;
    if (!old.there && !new.there)
        return vt_api_fail(c, 404, "neither snapshot has such a file");
    binary = (old.there && !old.text) || (new.there && !new.text);
    d.items = json_array();
    if (!binary)
        err = vt_library_diff(
            l, old.there ? &old.blob : NULL, new.there ? &new.blob : NULL, take_line, &d, why);
    if (err == VT_E_STATE) {
        binary = true;
        err = VT_OK;
    }
    c->out = json_pack(
        "{s:o,s:b,s:o}", "path", vt_api_text(path), "binary", binary, "hunks", d.items);
    return err;
}

/* The other snapshot must be there and open too. */
static enum vt_err
check_since(struct vt_api_call *c, struct vt_library *l, const struct vt_digest *since,
    struct vt_why *why)
{
    struct vt_library_source s;
    bool hidden = true;
    enum vt_err err = vt_library_source(l, since, &s, why);

    if (err == VT_E_NOENT)
        return vt_api_fail(c, 404, "the snapshot that `since` names is not in the library");
    if (err == VT_OK)
        err = vt_api_hidden(c, since, &hidden, why);
    if (err == VT_OK && hidden)
        return vt_api_fail(c, 403, "the snapshot that `since` names is sealed");
    return err;
}

enum vt_err
vt_api_diff(struct vt_api_call *c, struct vt_why *why)
{
    char path[VT_LIBRARY_PATH_MAX + 1];
    struct vt_digest since;
    struct vt_library *l = NULL;
    bool sealed;
    enum vt_err err = VT_OK;

    if (!vt_api_digest_param(c, "since", &since, &err) && err == VT_OK)
        err = vt_api_fail(c, 400, "`since` is missing: say from which snapshot");
    if (err == VT_OK)
        err = vt_api_path_param(c, true, path);
    if (err == VT_OK)
        err = vt_api_open_source(c, &l, &sealed, why);
    if (err == VT_OK)
        err = check_since(c, l, &since, why);
    if (err != VT_OK)
        return err;
    return path[0] == '\0' ? diff_all(c, l, &since, why) : diff_one(c, l, &since, path, why);
}
