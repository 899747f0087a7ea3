/* SPDX-License-Identifier: Apache-2.0 */
/* Folders and paths of snapshots. */
#include "search/library_held.h"

#include <string.h>

enum vt_err
vt_library_folder(struct vt_library *l, int64_t folder, struct vt_buf *b, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    size_t len = 0;
    const void *data;
    enum vt_err err =
        vt_sql_query(l->db, &r, why, "SELECT data FROM folder WHERE id=?", "i", folder);

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && !row)
        err = vt_fail(why, VT_E_SYNTAX, "%s: a folder is missing", l->dir);
    if (err == VT_OK) {
        data = vt_sql_bytes(r, 0, &len);
        vt_buf_clear(b);
        vt_buf_put(b, data, len);
        err = vt_buf_check(b, "a folder", why);
    }
    vt_sql_end(r);
    return err;
}

/* Takes the first part off a path. */
static size_t
first_part(const char *path)
{
    const char *slash = strchr(path, '/');

    return slash != NULL ? (size_t)(slash - path) : strlen(path);
}

enum vt_err
vt_library_walk_to(struct vt_library *l, int64_t top, const char *path, struct vt_buf *b,
    struct vt_folder_entry *ret, struct vt_why *why)
{
    struct vt_folder_entry e = {
        .kind = VT_LIBRARY_FOLDER, .id = top, .name = "", .language = "", .target = ""};
    enum vt_err err = VT_OK;

    while (err == VT_OK && path[0] != '\0') {
        size_t len = first_part(path);

        if (e.kind != VT_LIBRARY_FOLDER)
            err = vt_fail(why, VT_E_NOENT, "%s is no folder", e.name);
        if (err == VT_OK)
            err = vt_library_folder(l, e.id, b, why);
        if (err == VT_OK)
            err = vt_folder_find(b, path, len, &e, why);
        path += len;
        if (path[0] == '/' && *++path == '\0')
            err = vt_fail(why, VT_E_NOENT, "a path does not end in a slash");
    }
    if (err == VT_OK)
        *ret = e;
    return err;
}

void
vt_library_trail_init(struct vt_library_trail *t, const char *path)
{
    memset(t, 0, sizeof *t);
    t->path = path;
    t->b = VT_BUF(VT_LIBRARY_FOLDER_MAX);
}

void
vt_library_trail_release(struct vt_library_trail *t)
{
    vt_buf_release(&t->b);
}

/* Looks for the first part of `path` in t->folder[depth]. *ret_rest: what follows it; NULL when
 * the walk has ended. */
static enum vt_err
trail_step(struct vt_library *l, struct vt_library_trail *t, size_t depth, const char *path,
    const char **ret_rest, struct vt_why *why)
{
    size_t len = first_part(path);
    enum vt_err err = vt_library_folder(l, t->folder[depth], &t->b, why);

    *ret_rest = NULL;
    if (err == VT_OK)
        err = vt_folder_find(&t->b, path, len, &t->found, why);
    if (err == VT_E_NOENT) {
        vt_why_clear(why);
        return VT_OK;
    }
    if (err != VT_OK)
        return err;
    if (path[len] == '\0')
        t->has = t->found.kind != VT_LIBRARY_FOLDER;
    else if (t->found.kind == VT_LIBRARY_FOLDER)
        *ret_rest = path + len + 1;
    return VT_OK;
}

enum vt_err
vt_library_trail_next(struct vt_library *l, struct vt_library_trail *t,
    const struct vt_library_snapshot *s, struct vt_why *why)
{
    const size_t depth_max = sizeof t->folder / sizeof t->folder[0];
    const char *path = t->path;
    int64_t folder = s->folder;
    enum vt_err err = VT_OK;

    for (size_t depth = 0; err == VT_OK && path != NULL && depth < depth_max; depth++) {
        if (t->folder[depth] == folder)
            return VT_OK; /* the rest of the way is the last one's */
        memset(&t->folder[depth], 0, (depth_max - depth) * sizeof t->folder[0]);
        t->folder[depth] = folder;
        t->has = false;
        err = trail_step(l, t, depth, path, &path, why);
        folder = t->found.id;
    }
    return err;
}

enum vt_err
vt_library_find(struct vt_library *l, const struct vt_digest *source, const char *path,
    vt_library_fn *fn, void *ctx, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_LIBRARY_FOLDER_MAX);
    const struct vt_library_snapshot *s;
    struct vt_folder_entry e;
    enum vt_err err = vt_library_seek(l, source, &s, why);

    if (err == VT_OK)
        err = vt_library_walk_to(l, s->folder, path, &b, &e, why);
    if (err == VT_OK) {
        struct vt_library_file f = vt_folder_file(&e, path);

        if (path[0] == '\0')
            f.files = s->total.files;
        err = fn(ctx, &f, why);
    }
    vt_buf_release(&b);
    return err;
}

/* One pass over a folder: its folders, or all else. */
static enum vt_err
each_of(const struct vt_buf *b, bool folders, vt_library_fn *fn, void *ctx, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    enum vt_err err = VT_OK;

    while (err == VT_OK && r.left > 0) {
        struct vt_folder_entry e;

        err = vt_folder_next(&r, &e, why);
        if (err == VT_OK && (e.kind == VT_LIBRARY_FOLDER) == folders) {
            struct vt_library_file f = vt_folder_file(&e, e.name);

            err = fn(ctx, &f, why);
        }
    }
    return err;
}

enum vt_err
vt_library_tree(struct vt_library *l, const struct vt_digest *source, const char *path,
    vt_library_fn *fn, void *ctx, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_LIBRARY_FOLDER_MAX);
    const struct vt_library_snapshot *s;
    struct vt_folder_entry e;
    enum vt_err err = vt_library_seek(l, source, &s, why);

    if (err == VT_OK)
        err = vt_library_walk_to(l, s->folder, path, &b, &e, why);
    if (err == VT_OK && e.kind != VT_LIBRARY_FOLDER)
        err = vt_fail(why, VT_E_NOENT, "%s is no folder", path);
    if (err == VT_OK)
        err = vt_library_folder(l, e.id, &b, why);
    if (err == VT_OK)
        err = each_of(&b, true, fn, ctx, why);
    if (err == VT_OK)
        err = each_of(&b, false, fn, ctx, why);
    vt_buf_release(&b);
    return err;
}

/* A walk over all below a folder; `path` holds the way so far. */
struct walk {
    struct vt_library *l;
    struct vt_buf path;
    unsigned depth;
    vt_library_fn *fn;
    void *ctx;
};

static enum vt_err
walk_folder(struct walk *w, int64_t folder, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_LIBRARY_FOLDER_MAX);
    size_t base = w->path.len;
    struct vt_reader r;
    enum vt_err err = vt_library_folder(w->l, folder, &b, why);

    if (err == VT_OK && ++w->depth > VT_LIBRARY_PATH_MAX)
        err = vt_fail(why, VT_E_SYNTAX, "the library's folders lie too deep");
    r = VT_READER(b.data, b.len);
    while (err == VT_OK && r.left > 0) {
        struct vt_folder_entry e;

        err = vt_folder_next(&r, &e, why);
        if (err != VT_OK)
            break;
        vt_buf_puts(&w->path, e.name);
        if (e.kind == VT_LIBRARY_FOLDER) {
            vt_buf_puts(&w->path, "/");
            err = walk_folder(w, e.id, why);
        } else if ((err = vt_buf_check(&w->path, "a path", why)) == VT_OK) {
            struct vt_library_file f = vt_folder_file(&e, vt_buf_str(&w->path));

            err = w->fn(w->ctx, &f, why);
        }
        w->path.len = base;
    }
    w->depth--;
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_library_files(struct vt_library *l, const struct vt_digest *source, vt_library_fn *fn,
    void *ctx, struct vt_why *why)
{
    struct walk w = {.l = l, .path = VT_BUF(VT_PATH_MAX), .fn = fn, .ctx = ctx};
    const struct vt_library_snapshot *s;
    enum vt_err err = vt_library_seek(l, source, &s, why);

    if (err == VT_OK)
        err = walk_folder(&w, s->folder, why);
    vt_buf_release(&w.path);
    return err;
}

enum vt_err
vt_library_languages(struct vt_library *l, const struct vt_digest *source, vt_library_fn *fn,
    void *ctx, struct vt_why *why)
{
    const struct vt_library_snapshot *s;
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err = vt_library_seek(l, source, &s, why);

    if (err == VT_OK)
        err = vt_sql_query(l->db, &r, why,
            "SELECT name, files, lines FROM language WHERE seq=?"
            " ORDER BY lines DESC, files DESC, name",
            "i", s->seq);
    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        struct vt_library_file f = {.kind = VT_LIBRARY_FILE, .target = ""};

        f.name = f.language = vt_sql_text(r, 0);
        f.files = (uint64_t)vt_sql_int(r, 1);
        f.lines = (uint64_t)vt_sql_int(r, 2);
        err = fn(ctx, &f, why);
    }
    vt_sql_end(r);
    return err;
}

enum vt_err
vt_library_history(struct vt_library *l, const char *path,
    enum vt_err (*fn)(void *ctx, const struct vt_digest *source,
        const struct vt_digest *blob_or_null, struct vt_why *why),
    void *ctx, struct vt_why *why)
{
    struct vt_library_trail t;
    enum vt_err err = VT_OK;

    vt_library_trail_init(&t, path);
    for (size_t i = l->snap_count; err == VT_OK && i-- > 0;) {
        err = vt_library_trail_next(l, &t, &l->snap[i], why);
        if (err == VT_OK)
            err = fn(ctx, &l->snap[i].source,
                t.has && t.found.kind == VT_LIBRARY_FILE ? &t.found.blob : NULL, why);
    }
    vt_library_trail_release(&t);
    return err;
}
