/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a blob is: from the folders that hold it up to the tops of snapshots.
 *
 * The sets of snapshots that a folder is part of are kept, as bits, until the library is
 * refreshed, since the ways up from many blobs have most folders in common. A folder's number
 * is above those of all folders in it, so no way up is without an end.
 */
#include "search/library_held.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX (1U << 20) /* folders; then all is forgotten and begun again */

struct row {
    int64_t folder; /* 0: free */
    size_t at;      /* of its set, in words */
};

struct vt_library_where {
    size_t words; /* of one set */
    struct row *row;
    size_t row_cap; /* a power of 2 */
    size_t row_count;
    uint64_t *set;
    size_t set_len;
    size_t set_cap;
    uint64_t *answer;
};

void
vt_library_where_free(struct vt_library_where *w)
{
    if (w == NULL)
        return;
    free(w->row);
    free(w->set);
    free(w->answer);
    free(w);
}

static struct row *
slot(struct row *row, size_t cap, int64_t folder)
{
    size_t i = (size_t)((uint64_t)folder * 0x9e3779b97f4a7c15ULL >> 20) & (cap - 1);

    while (row[i].folder != 0 && row[i].folder != folder)
        i = (i + 1) & (cap - 1);
    return &row[i];
}

static bool
grow_rows(struct vt_library_where *w)
{
    size_t cap = w->row_cap == 0 ? 1024 : 2 * w->row_cap;
    struct row *fresh = calloc(cap, sizeof(*fresh));

    if (fresh == NULL)
        return false;
    for (size_t i = 0; i < w->row_cap; i++) {
        if (w->row[i].folder != 0)
            *slot(fresh, cap, w->row[i].folder) = w->row[i];
    }
    free(w->row);
    w->row = fresh;
    w->row_cap = cap;
    return true;
}

/* Room for one set more, all empty. */
static bool
grow_sets(struct vt_library_where *w)
{
    size_t cap = w->set_cap == 0 ? 1024 + w->words : 2 * w->set_cap;
    uint64_t *fresh;

    if (w->set_len + w->words > w->set_cap) {
        fresh = realloc(w->set, cap * sizeof(*fresh));
        if (fresh == NULL)
            return false;
        w->set = fresh;
        w->set_cap = cap;
    }
    memset(w->set + w->set_len, 0, w->words * sizeof(*w->set));
    return true;
}

static enum vt_err
begin(struct vt_library *l, struct vt_why *why)
{
    struct vt_library_where *w;

    if (l->where != NULL && l->where->row_count < KEPT_MAX)
        return VT_OK;
    vt_library_where_free(l->where);
    l->where = NULL;
    w = calloc(1, sizeof(*w));
    if (w != NULL) {
        w->words = l->snap_count / 64 + 1;
        w->answer = calloc(w->words, sizeof(*w->answer));
    }
    if (w == NULL || w->answer == NULL) {
        vt_library_where_free(w);
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", l->dir);
    }
    l->where = w;
    return VT_OK;
}

struct ids {
    int64_t *id;
    size_t count;
};

/* Reads a column of numbers whole: what follows asks again, one level up. */
static enum vt_err
parents(
    struct vt_library *l, const char *sql, int64_t child, struct ids *ret, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    size_t cap = 0;
    bool row = false;
    enum vt_err err = vt_sql_query(l->db, &r, why, sql, "i", child);

    *ret = (struct ids){0};
    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        if (ret->count == cap) {
            int64_t *fresh;

            cap = cap == 0 ? 16 : 2 * cap;
            fresh = realloc(ret->id, cap * sizeof(*fresh));
            if (fresh == NULL) {
                err = vt_fail(why, VT_E_NOMEM, "%s: out of memory", l->dir);
                break;
            }
            ret->id = fresh;
        }
        ret->id[ret->count++] = vt_sql_int(r, 0);
    }
    vt_sql_end(r);
    return err;
}

#define FOLDERS_OF_BLOB "SELECT folder FROM blob_in WHERE blob=? ORDER BY folder DESC"
#define FOLDERS_OF_FOLDER "SELECT parent FROM folder_in WHERE child=? ORDER BY parent DESC"

static enum vt_err folder_set(
    struct vt_library *l, int64_t folder, unsigned depth, size_t *ret, struct vt_why *why);

/* Adds the sets of some folders to the one at `to` in w->set, or to w->answer. */
static enum vt_err
join_sets(struct vt_library *l, const struct ids *of, int64_t above, unsigned depth, size_t to,
    bool answer, struct vt_why *why)
{
    struct vt_library_where *w = l->where;

    for (size_t i = 0; i < of->count; i++) {
        size_t from;
        enum vt_err err;

        if (of->id[i] <= above)
            return vt_fail(why, VT_E_SYNTAX, "%s: its folders are damaged", l->dir);
        err = folder_set(l, of->id[i], depth, &from, why);
        if (err != VT_OK)
            return err;
        for (size_t k = 0; k < w->words; k++)
            (answer ? w->answer : w->set + to)[k] |= w->set[from + k];
    }
    return VT_OK;
}

/* The place of a folder's set, which is made when it was not asked for before. */
static enum vt_err
folder_set(
    struct vt_library *l, int64_t folder, unsigned depth, size_t *ret, struct vt_why *why)
{
    struct vt_library_where *w = l->where;
    const struct row *have;
    struct ids up;
    enum vt_err err;
    size_t at;

    if (2 * w->row_count >= w->row_cap && !grow_rows(w))
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", l->dir);
    have = slot(w->row, w->row_cap, folder);
    if (have->folder == folder) {
        *ret = have->at;
        return VT_OK;
    }
    if (depth > VT_LIBRARY_PATH_MAX)
        return vt_fail(why, VT_E_SYNTAX, "%s: its folders lie too deep", l->dir);
    if (!grow_sets(w))
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", l->dir);
    at = w->set_len;
    w->set_len += w->words;
    for (size_t i = 0; i < l->snap_count; i++) {
        if (l->snap[i].folder == folder)
            w->set[at + i / 64] |= 1ULL << (i % 64);
    }
    err = parents(l, FOLDERS_OF_FOLDER, folder, &up, why);
    if (err == VT_OK)
        err = join_sets(l, &up, folder, depth + 1, at, false, why);
    free(up.id);
    if (err != VT_OK)
        return err;
    if (2 * w->row_count >= w->row_cap && !grow_rows(w))
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", l->dir);
    *slot(w->row, w->row_cap, folder) = (struct row){.folder = folder, .at = at};
    w->row_count++;
    *ret = at;
    return VT_OK;
}

enum vt_err
vt_library_where(
    struct vt_library *l, int64_t blob, const uint64_t **ret_set, struct vt_why *why)
{
    struct ids up;
    enum vt_err err = begin(l, why);

    if (err != VT_OK)
        return err;
    memset(l->where->answer, 0, l->where->words * sizeof(uint64_t));
    err = parents(l, FOLDERS_OF_BLOB, blob, &up, why);
    if (err == VT_OK)
        err = join_sets(l, &up, 0, 0, 0, true, why);
    free(up.id);
    if (err == VT_OK)
        *ret_set = l->where->answer;
    return err;
}

/* Paths are made from their ends: each step up puts a name before what is there. */
struct paths {
    struct vt_library *l;
    size_t at;
    char path[VT_LIBRARY_PATH_MAX + 1];
    struct vt_folder_entry e;
    bool (*fn)(void *ctx, const char *path, const struct vt_folder_entry *e);
    void *ctx;
    bool ended;
};

static enum vt_err up_from(struct paths *p, const struct ids *up, int64_t id, bool folder,
    size_t begin, struct vt_why *why);

/* The folder has the entry whose name now begins at `begin` of the path. */
static enum vt_err
step_up(struct paths *p, int64_t folder, size_t begin, struct vt_why *why)
{
    struct ids up = {0};
    enum vt_err err = VT_OK;

    if (p->l->snap[p->at].folder == folder)
        p->ended = !p->fn(p->ctx, p->path + begin, &p->e);
    if (!p->ended)
        err = parents(p->l, FOLDERS_OF_FOLDER, folder, &up, why);
    if (err == VT_OK && !p->ended)
        err = up_from(p, &up, folder, true, begin, why);
    free(up.id);
    return err;
}

/* Takes each name of the child `id` in one folder. */
static enum vt_err
names_in(struct paths *p, int64_t folder, int64_t id, bool is_folder, size_t begin,
    struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_LIBRARY_FOLDER_MAX);
    struct vt_reader r;
    enum vt_err err = vt_library_folder(p->l, folder, &b, why);

    r = VT_READER(b.data, b.len);
    while (err == VT_OK && !p->ended && r.left > 0) {
        struct vt_folder_entry e;
        size_t len;
        size_t more;

        err = vt_folder_next(&r, &e, why);
        if (err != VT_OK || e.id != id || e.kind == VT_LIBRARY_LINK ||
            (e.kind == VT_LIBRARY_FOLDER) != is_folder)
            continue;
        len = strlen(e.name);
        more = len + (is_folder ? 1 : 0);
        if (more > begin)
            continue;
        memcpy(p->path + begin - more, e.name, len);
        if (is_folder)
            p->path[begin - 1] = '/';
        else
            p->e = e;
        err = step_up(p, folder, begin - more, why);
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
up_from(struct paths *p, const struct ids *up, int64_t id, bool folder, size_t begin,
    struct vt_why *why)
{
    for (size_t i = 0; i < up->count && !p->ended; i++) {
        size_t set;
        enum vt_err err = folder_set(p->l, up->id[i], 0, &set, why);

        if (err == VT_OK && VT_LIBRARY_HAS(p->l->where->set + set, p->at))
            err = names_in(p, up->id[i], id, folder, begin, why);
        if (err != VT_OK)
            return err;
    }
    return VT_OK;
}

enum vt_err
vt_library_paths(struct vt_library *l, int64_t blob, size_t at,
    bool (*fn)(void *ctx, const char *path, const struct vt_folder_entry *e), void *ctx,
    struct vt_why *why)
{
    struct paths p = {.l = l, .at = at, .fn = fn, .ctx = ctx};
    struct ids up;
    enum vt_err err = begin(l, why);

    if (err != VT_OK)
        return err;
    err = parents(l, FOLDERS_OF_BLOB, blob, &up, why);
    if (err == VT_OK)
        err = up_from(&p, &up, blob, false, VT_LIBRARY_PATH_MAX, why);
    free(up.id);
    return err;
}
