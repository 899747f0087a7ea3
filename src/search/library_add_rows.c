/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs and files of a snapshot that is being added, and the rows of blobs. */
#include "search/library_add.h"
#include "search/symbols.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 1000000U
#define NAMES_TEXT_MAX (48U << 20)

void
vt_adding_release(struct vt_adding *a)
{
    vt_work_free(a->work);
    while (a->later != NULL) {
        struct vt_job *j = a->later;

        a->later = j->next;
        vt_job_free(j);
    }
    vt_buf_release(&a->text);
    vt_buf_release(&a->names.text);
    free(a->names.name);
    free(a->file);
    free(a->blob);
    free(a->slot);
}

static size_t *
slot_of(size_t *slot, size_t cap, const struct vt_adding_blob *blob, const struct vt_digest *d)
{
    uint64_t hash;
    size_t i;

    memcpy(&hash, d->b, sizeof hash);
    for (i = (size_t)hash & (cap - 1); slot[i] != 0; i = (i + 1) & (cap - 1)) {
        if (memcmp(&blob[slot[i] - 1].digest, d, sizeof *d) == 0)
            break;
    }
    return &slot[i];
}

static enum vt_err
make_room(struct vt_adding *a, struct vt_why *why)
{
    size_t cap = a->blob_cap == 0 ? 4096 : 2 * a->blob_cap;
    struct vt_adding_blob *blob;
    size_t *slot;

    if (a->blob_count < a->blob_cap)
        return VT_OK;
    blob = realloc(a->blob, cap * sizeof(*blob));
    if (blob != NULL)
        a->blob = blob;
    slot = calloc(2 * cap, sizeof(*slot));
    if (blob == NULL || slot == NULL) {
        free(slot);
        return vt_fail(why, VT_E_NOMEM, "no memory to add a source");
    }
    for (size_t i = 0; i < a->blob_count; i++)
        *slot_of(slot, 2 * cap, a->blob, &a->blob[i].digest) = i + 1;
    free(a->slot);
    a->slot = slot;
    a->slot_cap = 2 * cap;
    a->blob_cap = cap;
    return VT_OK;
}

/* What the tables know of a blob. */
static enum vt_err
read_blob(struct vt_adding *a, struct vt_adding_blob *b, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err = vt_sql_query(a->l->db, &r, why,
        "SELECT id, lines, text, looked FROM blob WHERE digest=?", "d", &b->digest);

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && row) {
        b->id = vt_sql_int(r, 0);
        b->lines = (uint64_t)vt_sql_int(r, 1);
        b->text = vt_sql_int(r, 2) != 0;
        b->looked = !vt_sql_is_null(r, 3);
    }
    vt_sql_end(r);
    return err;
}

enum vt_err
vt_adding_blob(struct vt_adding *a, const struct vt_digest *digest, uint64_t size, size_t *ret,
    bool *ret_new, struct vt_why *why)
{
    struct vt_adding_blob b = {.digest = *digest, .size = size};
    enum vt_err err = make_room(a, why);
    size_t *slot;

    if (err != VT_OK)
        return err;
    slot = slot_of(a->slot, a->slot_cap, a->blob, digest);
    *ret_new = false;
    if (*slot == 0) {
        if ((err = read_blob(a, &b, why)) != VT_OK)
            return err;
        *ret_new = b.id == 0;
        a->blob[a->blob_count++] = b;
        *slot = a->blob_count;
    }
    *ret = *slot - 1;
    return VT_OK;
}

enum vt_err
vt_adding_file(struct vt_adding *a, const char *path, const char *target, size_t blob,
    const char *language, struct vt_why *why)
{
    struct vt_adding_file *f;

    if (a->file_count == a->file_cap) {
        size_t cap = a->file_cap == 0 ? 4096 : 2 * a->file_cap;
        struct vt_adding_file *fresh = realloc(a->file, cap * sizeof(*fresh));

        if (fresh == NULL)
            return vt_fail(why, VT_E_NOMEM, "no memory to add a source");
        a->file = fresh;
        a->file_cap = cap;
    }
    if (a->text.len == 0)
        vt_buf_put_u8(&a->text, 0);
    f = &a->file[a->file_count++];
    *f = (struct vt_adding_file){.path = a->text.len, .blob = blob, .language = language};
    vt_buf_put(&a->text, path, strlen(path) + 1);
    if (target != NULL) {
        f->target = a->text.len;
        vt_buf_put(&a->text, target, strlen(target) + 1);
    }
    return vt_buf_check(&a->text, "the paths of a source", why);
}

static int
by_name(const void *x, const void *y, void *ctx)
{
    const struct vt_adding_name *a = x;
    const struct vt_adding_name *b = y;
    const char *text = ctx;
    int order = strcmp(text + a->name, text + b->name);

    return order != 0 ? order : (a->blob > b->blob) - (a->blob < b->blob);
}

/* In the order of the table, so that its pages are written once. */
enum vt_err
vt_adding_put_names(struct vt_adding *a, struct vt_why *why)
{
    struct vt_adding_names *n = &a->names;
    enum vt_err err = VT_OK;

    if (n->count > 0)
        qsort_r(n->name, n->count, sizeof *n->name, by_name, n->text.data);
    for (size_t i = 0; err == VT_OK && i < n->count; i++) {
        if (i > 0 && by_name(&n->name[i - 1], &n->name[i], n->text.data) == 0)
            continue;
        err = vt_sql_do(a->l->db, why, "INSERT OR IGNORE INTO symbol(name, blob) VALUES(?, ?)",
            "si", (const char *)n->text.data + n->name[i].name, n->name[i].blob);
    }
    n->count = 0;
    vt_buf_clear(&n->text);
    return err;
}

struct naming {
    struct vt_adding *a;
    int64_t blob;
};

static enum vt_err
take_name(void *ctx, const struct vt_symbol *s, struct vt_why *why)
{
    const struct naming *g = ctx;
    struct vt_adding_names *n = &g->a->names;

    if (n->name == NULL && (n->name = calloc(NAMES_MAX, sizeof *n->name)) == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for symbols");
    if (n->count == NAMES_MAX || n->text.len > NAMES_TEXT_MAX) {
        enum vt_err err = vt_adding_put_names(g->a, why);

        if (err != VT_OK)
            return err;
    }
    n->name[n->count++] = (struct vt_adding_name){.name = n->text.len, .blob = g->blob};
    vt_buf_put(&n->text, s->name, strlen(s->name) + 1);
    return vt_buf_check(&n->text, "symbols", why);
}

static enum vt_err
put_rules(struct vt_adding *a, const struct vt_job *j, int64_t blob, struct vt_why *why)
{
    struct vt_reader r = VT_READER(j->rules.data, j->rules.len);
    struct vt_reader name;
    const uint8_t *text;
    int64_t at = 0;
    enum vt_err err = VT_OK;

    while (err == VT_OK && vt_reader_word(&r, '\0', &name) &&
           vt_reader_take(&r, VT_DIGEST_SIZE, &text))
        err = vt_sql_do(a->l->db, why,
            "INSERT OR IGNORE INTO rule(blob, at, name, text) VALUES(?, ?, ?, ?)", "iisb", blob,
            at++, (const char *)name.p, text, (size_t)VT_DIGEST_SIZE);
    return err;
}

static enum vt_err
put_symbols(struct vt_adding *a, const struct vt_job *j, int64_t blob, struct vt_why *why)
{
    struct naming g = {.a = a, .blob = blob};
    enum vt_err err = VT_OK;

    if (!j->store)
        err = vt_sql_do(
            a->l->db, why, "UPDATE blob SET looked=? WHERE id=?", "si", j->language, blob);
    if (err == VT_OK && j->packed.len > 0)
        err =
            vt_sql_do(a->l->db, why, "INSERT OR REPLACE INTO symbols(blob, data) VALUES(?, ?)",
                "ib", blob, (const void *)j->packed.data, j->packed.len);
    if (err == VT_OK && j->packed.len > 0)
        err = vt_symbols_each(j->packed.data, j->packed.len, take_name, &g, why);
    return err == VT_OK ? put_rules(a, j, blob, why) : err;
}

enum vt_err
vt_adding_put(struct vt_adding *a, struct vt_job *j, struct vt_why *why)
{
    struct vt_adding_blob *b = &a->blob[j->known];
    enum vt_err err = VT_OK;

    if (j->store) {
        b->id = j->blob;
        b->text = j->text;
        b->lines = j->lines;
        err = vt_sql_do(a->l->db, why,
            "INSERT INTO blob(id, digest, size, lines, text, looked) VALUES(?, ?, ?, ?, ?, ?)",
            "idiiis", b->id, &b->digest, (int64_t)b->size, (int64_t)b->lines, (int64_t)b->text,
            j->symbols ? j->language : NULL);
    }
    return err == VT_OK && j->symbols ? put_symbols(a, j, b->id, why) : err;
}

enum vt_err
vt_adding_put_large(struct vt_adding *a, struct vt_adding_blob *b, struct vt_why *why)
{
    b->id = VT_LIBRARY_LARGE + a->large++;
    return vt_sql_do(a->l->db, why,
        "INSERT INTO blob(id, digest, size, lines, text, looked) VALUES(?, ?, ?, 0, 0, NULL)",
        "idi", b->id, &b->digest, (int64_t)b->size);
}
