/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of a snapshot's files in another one: two walks side by side, in the order of
 * paths. A folder that both have in common is one row of the tables, and is not entered.
 */
#include "search/library_held.h"

#include <string.h>

/* Lines are counted in texts of at most this, until so many bytes were looked at: a person who
 * compares two products with all their files sees the files at least. */
#define COUNTED_MAX (1U << 20)
#define COUNTED_IN_ALL (48U << 20)

typedef enum vt_err change_fn(void *ctx, const struct vt_library_change *c, struct vt_why *why);

struct compare {
    struct vt_library *l;
    struct vt_buf path;
    unsigned depth;
    uint64_t counted;
    change_fn *fn;
    void *ctx;
};

/* One side: a folder's entries, and the one at hand; has: there is one. */
struct side {
    struct vt_buf b;
    struct vt_reader r;
    struct vt_folder_entry e;
    bool has;
};

static enum vt_err
side_next(struct side *s, struct vt_why *why)
{
    s->has = s->r.left > 0;
    return s->has ? vt_folder_next(&s->r, &s->e, why) : VT_OK;
}

/* folder 0: there is none on this side. */
static enum vt_err
side_begin(struct vt_library *l, struct side *s, int64_t folder, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    *s = (struct side){.b = VT_BUF(VT_LIBRARY_FOLDER_MAX)};
    if (folder != 0)
        err = vt_library_folder(l, folder, &s->b, why);
    s->r = VT_READER(s->b.data, s->b.len);
    return err == VT_OK ? side_next(s, why) : err;
}

/* Order of entries: a folder's name has a slash after it. */
static int
by_name(const struct vt_folder_entry *a, const struct vt_folder_entry *b)
{
    const unsigned char *x = (const unsigned char *)a->name;
    const unsigned char *y = (const unsigned char *)b->name;
    int end_x = a->kind == VT_LIBRARY_FOLDER ? '/' : 0;
    int end_y = b->kind == VT_LIBRARY_FOLDER ? '/' : 0;

    while (*x != 0 && *x == *y) {
        x++;
        y++;
    }
    return (*x != 0 ? *x : end_x) - (*y != 0 ? *y : end_y);
}

static bool
is_countable(const struct vt_folder_entry *e)
{
    return e != NULL && e->kind == VT_LIBRARY_FILE && e->text && e->size <= COUNTED_MAX;
}

static enum vt_err
count_lines(struct compare *c, const struct vt_folder_entry *was,
    const struct vt_folder_entry *is, struct vt_library_change *change, struct vt_why *why)
{
    struct vt_digest d;
    const uint8_t *old_data;
    const uint8_t *new_data;
    size_t old_len = 0;
    size_t new_len = 0;
    enum vt_err err;

    if (was == NULL || is == NULL) {
        change->lines_added = is != NULL && is->text ? is->lines : 0;
        change->lines_removed = was != NULL && was->text ? was->lines : 0;
        return VT_OK;
    }
    if (!is_countable(was) || !is_countable(is) || c->counted > COUNTED_IN_ALL)
        return VT_OK;
    err = vt_library_bytes(c->l, was->id, &d, &old_data, &old_len, why);
    if (err == VT_OK)
        err = vt_library_bytes(c->l, is->id, &d, &new_data, &new_len, why);
    c->counted += old_len + new_len;
    return err == VT_OK ? vt_library_count_lines(c->l, old_data, old_len, new_data, new_len,
                              &change->lines_added, &change->lines_removed, why)
                        : err;
}

static const struct vt_digest *
blob_of(const struct vt_folder_entry *e)
{
    return e != NULL && e->kind == VT_LIBRARY_FILE ? &e->blob : NULL;
}

static bool
is_same(const struct vt_folder_entry *a, const struct vt_folder_entry *b)
{
    return a->kind == b->kind &&
           (a->kind == VT_LIBRARY_LINK ? strcmp(a->target, b->target) == 0 : a->id == b->id);
}

/* A file or link that is on one side, or on both and not the same. */
static enum vt_err
tell(struct compare *c, const struct vt_folder_entry *was, const struct vt_folder_entry *is,
    struct vt_why *why)
{
    struct vt_library_change change = {
        .change = was == NULL  ? "added"
                  : is == NULL ? "removed"
                               : "changed",
        .old_blob = blob_of(was),
        .new_blob = blob_of(is),
    };
    size_t base = c->path.len;
    enum vt_err err = count_lines(c, was, is, &change, why);

    vt_buf_puts(&c->path, is != NULL ? is->name : was->name);
    change.path = vt_buf_str(&c->path);
    if (err == VT_OK)
        err = vt_buf_check(&c->path, "a path", why);
    if (err == VT_OK)
        err = c->fn(c->ctx, &change, why);
    c->path.len = base;
    return err;
}

static enum vt_err compare_folders(
    struct compare *c, int64_t was, int64_t is, struct vt_why *why);

/* One name, on one side or both. */
static enum vt_err
compare_one(struct compare *c, const struct vt_folder_entry *was,
    const struct vt_folder_entry *is, struct vt_why *why)
{
    const struct vt_folder_entry *some = is != NULL ? is : was;
    size_t base = c->path.len;
    enum vt_err err;

    if (was != NULL && is != NULL && is_same(was, is))
        return VT_OK;
    if (some->kind != VT_LIBRARY_FOLDER)
        return tell(c, was, is, why);
    vt_buf_puts(&c->path, some->name);
    vt_buf_puts(&c->path, "/");
    err = compare_folders(c, was != NULL ? was->id : 0, is != NULL ? is->id : 0, why);
    c->path.len = base;
    return err;
}

static enum vt_err
compare_folders(struct compare *c, int64_t was, int64_t is, struct vt_why *why)
{
    struct side a;
    struct side b = {.b = VT_BUF(0)};
    enum vt_err err = side_begin(c->l, &a, was, why);

    if (err == VT_OK)
        err = side_begin(c->l, &b, is, why);
    if (err == VT_OK && ++c->depth > VT_LIBRARY_PATH_MAX)
        err = vt_fail(why, VT_E_SYNTAX, "the library's folders lie too deep");
    while (err == VT_OK && (a.has || b.has)) {
        int order = !a.has ? 1 : !b.has ? -1 : by_name(&a.e, &b.e);

        err = compare_one(c, order <= 0 ? &a.e : NULL, order >= 0 ? &b.e : NULL, why);
        if (err == VT_OK && order <= 0)
            err = side_next(&a, why);
        if (err == VT_OK && order >= 0)
            err = side_next(&b, why);
    }
    c->depth--;
    vt_buf_release(&a.b);
    vt_buf_release(&b.b);
    return err;
}

enum vt_err
vt_library_compare(struct vt_library *l, const struct vt_digest *from,
    const struct vt_digest *to,
    enum vt_err (*fn)(void *ctx, const struct vt_library_change *c, struct vt_why *why),
    void *ctx, struct vt_why *why)
{
    struct compare c = {.l = l, .path = VT_BUF(VT_PATH_MAX), .fn = fn, .ctx = ctx};
    const struct vt_library_snapshot *a = NULL;
    const struct vt_library_snapshot *b = NULL;
    enum vt_err err = vt_library_seek(l, from, &a, why);

    if (err == VT_OK)
        err = vt_library_seek(l, to, &b, why);
    if (err == VT_OK && a->folder != b->folder)
        err = compare_folders(&c, a->folder, b->folder, why);
    vt_buf_release(&c.path);
    return err;
}
