/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a list of paths to folders: they are sorted, and a folder is a run of them with one
 * beginning. A folder whose packed entries the tables have already is that one; so what did not
 * change from one snapshot to the next is kept once.
 */
#include "search/library_add.h"

#include <stdlib.h>
#include <string.h>

static int
by_path(const void *x, const void *y, void *ctx)
{
    return strcmp(vt_adding_path(ctx, x), vt_adding_path(ctx, y));
}

/* Sorts the files, and refuses a path that stands twice. */
static enum vt_err
sort_files(struct vt_adding *a, struct vt_why *why)
{
    if (a->file_count > 1)
        qsort_r(a->file, a->file_count, sizeof *a->file, by_path, a);
    for (size_t i = 1; i < a->file_count; i++) {
        const char *path = vt_adding_path(a, &a->file[i]);

        if (strcmp(vt_adding_path(a, &a->file[i - 1]), path) == 0)
            return vt_fail(why, VT_E_SYNTAX, "the archive has %s twice", path);
    }
    return VT_OK;
}

static bool
is_file(const struct vt_adding *a, const char *path, size_t len)
{
    size_t low = 0;
    size_t high = a->file_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const char *have = vt_adding_path(a, &a->file[mid]);
        int order = strncmp(have, path, len);

        if (order == 0 && have[len] == '\0')
            return true;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

/* The number of the folder with these entries; new ones are put, with what leads up to them. */
static enum vt_err
put_folder(struct vt_adding *a, const struct vt_buf *b, int64_t *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    struct vt_digest digest;
    int64_t id = 0;
    enum vt_err err = vt_buf_check(b, "a folder", why);

    vt_digest_of(b->data, b->len, &digest);
    if (err == VT_OK)
        err = vt_sql_count(
            a->l->db, 0, &id, why, "SELECT id FROM folder WHERE digest=?", "d", &digest);
    *ret = id;
    if (err != VT_OK || id != 0)
        return err;
    err = vt_sql_do(a->l->db, why, "INSERT INTO folder(digest, data) VALUES(?, ?)", "db",
        &digest, (const void *)b->data, b->len);
    *ret = id = vt_sql_last(a->l->db);
    while (err == VT_OK && r.left > 0) {
        struct vt_folder_entry e;

        err = vt_folder_next(&r, &e, why);
        if (err == VT_OK && e.kind == VT_LIBRARY_FOLDER)
            err = vt_sql_do(a->l->db, why,
                "INSERT OR IGNORE INTO folder_in(child, parent) VALUES(?, ?)", "ii", e.id, id);
        else if (err == VT_OK && e.kind == VT_LIBRARY_FILE)
            err = vt_sql_do(a->l->db, why,
                "INSERT OR IGNORE INTO blob_in(blob, folder) VALUES(?, ?)", "ii", e.id, id);
    }
    return err;
}

static enum vt_err
put_file(struct vt_adding *a, const struct vt_adding_file *f, const char *name,
    struct vt_buf *b, struct vt_why *why)
{
    const struct vt_adding_blob *blob = &a->blob[f->blob];
    struct vt_folder_entry e = {.kind = VT_LIBRARY_FILE, .name = name};

    if (f->target != 0) {
        e.kind = VT_LIBRARY_LINK;
        e.target = (const char *)a->text.data + f->target;
    } else {
        if (blob->id == 0)
            return vt_fail(why, VT_E_STATE, "a file was not indexed");
        e.id = blob->id;
        e.size = blob->size;
        e.lines = blob->lines;
        e.text = blob->text;
        e.language = f->language;
        e.blob = blob->digest;
        a->total.lines += blob->lines;
        a->total.bytes += blob->size;
    }
    a->total.files++;
    vt_folder_put(b, &e);
    return VT_OK;
}

static enum vt_err make_folder(
    struct vt_adding *a, size_t from, size_t to, size_t base, int64_t *ret, struct vt_why *why);

/* The files of one folder within another: those from `from` on whose paths go on with the same
 * name and a slash. *ret_end: the first one after them. */
static enum vt_err
put_inner(struct vt_adding *a, size_t from, size_t to, size_t base, size_t name_len,
    struct vt_buf *b, size_t *ret_end, struct vt_why *why)
{
    const char *path = vt_adding_path(a, &a->file[from]);
    char name[VT_LIBRARY_PATH_MAX + 1];
    struct vt_folder_entry e = {.kind = VT_LIBRARY_FOLDER, .name = name};
    size_t len = base + name_len;
    size_t end = from + 1;
    enum vt_err err;

    while (end < to && strncmp(vt_adding_path(a, &a->file[end]), path, len + 1) == 0)
        end++;
    if (is_file(a, path, len))
        return vt_fail(
            why, VT_E_SYNTAX, "the archive has %.*s as a file and as a folder", (int)len, path);
    memcpy(name, path + base, name_len);
    name[name_len] = '\0';
    e.files = end - from;
    err = make_folder(a, from, end, len + 1, &e.id, why);
    if (err == VT_OK)
        vt_folder_put(b, &e);
    *ret_end = end;
    return err;
}

/* base: where names begin in the paths of this folder's files. */
static enum vt_err
make_folder(
    struct vt_adding *a, size_t from, size_t to, size_t base, int64_t *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_LIBRARY_FOLDER_MAX);
    enum vt_err err = VT_OK;

    while (err == VT_OK && from < to) {
        const char *name = vt_adding_path(a, &a->file[from]) + base;
        const char *slash = strchr(name, '/');

        if (slash != NULL)
            err = put_inner(a, from, to, base, (size_t)(slash - name), &b, &from, why);
        else
            err = put_file(a, &a->file[from++], name, &b, why);
    }
    if (err == VT_OK)
        err = put_folder(a, &b, ret, why);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_adding_folders(struct vt_adding *a, int64_t *ret_top, struct vt_why *why)
{
    enum vt_err err = sort_files(a, why);

    if (err == VT_OK)
        err = make_folder(a, 0, a->file_count, 0, ret_top, why);
    for (size_t i = 0; err == VT_OK && i < a->file_count; i++) {
        if (a->file[i].target == 0)
            err = vt_sql_do(a->l->db, why, "INSERT OR IGNORE INTO path(path) VALUES(?)", "s",
                vt_adding_path(a, &a->file[i]));
    }
    return err;
}

/* Languages are few, and each one's name is one address. */
struct tally {
    const char *language;
    int64_t files;
    int64_t lines;
};
#define TALLY_MAX 128U

static size_t
count_languages(const struct vt_adding *a, struct tally tally[TALLY_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < a->file_count; i++) {
        const struct vt_adding_file *f = &a->file[i];
        size_t k = 0;

        if (f->target != 0 || f->language[0] == '\0')
            continue;
        while (k < count && tally[k].language != f->language)
            k++;
        if (k == TALLY_MAX)
            continue;
        if (k == count)
            tally[count++] = (struct tally){.language = f->language};
        tally[k].files++;
        tally[k].lines += (int64_t)a->blob[f->blob].lines;
    }
    return count;
}

enum vt_err
vt_adding_snapshot(
    struct vt_adding *a, const struct vt_digest *source, int64_t top, struct vt_why *why)
{
    struct tally tally[TALLY_MAX];
    size_t count = count_languages(a, tally);
    enum vt_err err = vt_sql_do(a->l->db, why,
        "INSERT INTO snapshot(source, folder, files, lines, bytes) VALUES(?, ?, ?, ?, ?)",
        "diiii", source, top, (int64_t)a->total.files, (int64_t)a->total.lines,
        (int64_t)a->total.bytes);
    int64_t seq = vt_sql_last(a->l->db);

    for (size_t i = 0; err == VT_OK && i < count; i++)
        err = vt_sql_do(a->l->db, why,
            "INSERT OR REPLACE INTO language(seq, name, files, lines) VALUES(?, ?, ?, ?)",
            "isii", seq, tally[i].language, tally[i].files, tally[i].lines);
    return err;
}
