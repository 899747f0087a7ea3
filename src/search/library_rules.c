/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a detection database, from the tables. */
#include "search/library_held.h"

#include <stdlib.h>
#include <string.h>

/* Names and paths are places in `text`, each ended by a NUL. */
struct rule {
    size_t name;
    size_t path;
    struct vt_digest digest;
};

struct rules {
    struct vt_library *l;
    struct vt_buf text;
    struct rule *rule;
    size_t count;
    size_t cap;
};

static enum vt_err
put_rule(struct rules *all, struct vt_sql_rows *r, size_t path, struct vt_why *why)
{
    struct rule *one;
    const char *name = vt_sql_text(r, 0);

    if (all->count == all->cap) {
        size_t cap = all->cap == 0 ? 1024 : 2 * all->cap;
        struct rule *fresh = realloc(all->rule, cap * sizeof(*fresh));

        if (fresh == NULL)
            return vt_fail(why, VT_E_NOMEM, "no memory for rules");
        all->rule = fresh;
        all->cap = cap;
    }
    one = &all->rule[all->count++];
    one->path = path;
    one->name = all->text.len;
    vt_buf_put(&all->text, name, strlen(name) + 1);
    if (!vt_sql_digest(r, 1, &one->digest))
        return vt_fail(why, VT_E_SYNTAX, "%s: a rule has no digest", all->l->dir);
    return vt_buf_check(&all->text, "rules", why);
}

static enum vt_err
take_file(void *ctx, const struct vt_library_file *f, struct vt_why *why)
{
    struct rules *all = ctx;
    struct vt_sql_rows *r = NULL;
    size_t path = all->text.len;
    bool row = false;
    enum vt_err err;

    if (f->kind != VT_LIBRARY_FILE || strcmp(f->language, "YARA") != 0)
        return VT_OK;
    vt_buf_put(&all->text, f->name, strlen(f->name) + 1);
    err = vt_sql_query(all->l->db, &r, why,
        "SELECT r.name, r.text FROM blob b JOIN rule r ON r.blob=b.id WHERE b.digest=?"
        " ORDER BY r.at",
        "d", &f->blob);
    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row)
        err = put_rule(all, r, path, why);
    vt_sql_end(r);
    return err;
}

static int
by_name(const void *a, const void *b, void *ctx)
{
    const char *text = ctx;
    const struct rule *x = a;
    const struct rule *y = b;
    int order = strcmp(text + x->name, text + y->name);

    if (order == 0)
        order = strcmp(text + x->path, text + y->path);
    return order != 0 ? order : (x->name > y->name) - (x->name < y->name);
}

enum vt_err
vt_library_rules(struct vt_library *l, const struct vt_digest *source,
    enum vt_err (*fn)(void *ctx, const char *name, const char *path,
        const struct vt_digest *text, struct vt_why *why),
    void *ctx, struct vt_why *why)
{
    struct rules all = {.l = l, .text = VT_BUF(512U << 20)};
    enum vt_err err = vt_library_files(l, source, take_file, &all, why);

    if (err == VT_OK && all.count > 0)
        qsort_r(all.rule, all.count, sizeof *all.rule, by_name, all.text.data);
    for (size_t i = 0; err == VT_OK && i < all.count; i++) {
        const char *text = (const char *)all.text.data;

        err =
            fn(ctx, text + all.rule[i].name, text + all.rule[i].path, &all.rule[i].digest, why);
    }
    free(all.rule);
    vt_buf_release(&all.text);
    return err;
}
