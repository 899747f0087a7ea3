/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/aggregate.h"

#include "vault/aggregate_parts.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_MIN 1024U
#define KEYS_SIZE_MAX (1U << 30U) /* bytes of all keys */

static const char *const failures[] = {
    [VT_CELL_STATUS] = "a status other than 0",
    [VT_CELL_TIME] = "its limit on time",
    [VT_CELL_MEMORY] = "its limit on memory",
    [VT_CELL_OUTPUT_SIZE] = "its limit on output",
    [VT_CELL_LIMIT] = "a limit of the sandbox",
    [VT_CELL_OUTPUT] = "output that is not of the form of rows",
};

const char *
vt_cell_failure_name(enum vt_cell_failure f)
{
    return f >= VT_CELL_STATUS && f < VT_CELL_FAILURE_COUNT ? failures[f] : "unknown";
}

static bool
opts_valid(const struct vt_aggregate_opts *o)
{
    return o->cells >= 1 && o->cells <= VT_CELLS_MAX && o->threshold >= 1 &&
           o->threshold <= o->cells && o->rows_max >= 1 && o->rows_max <= VT_CELL_ROWS_MAX &&
           (o->epsilon == 0 ||
               (o->noise != NULL && o->bounds.rows > 0 && o->bounds.measure_count > 0));
}

enum vt_err
vt_aggregate_new(
    const struct vt_aggregate_opts *opts, struct vt_aggregate **ret, struct vt_why *why)
{
    if (!opts_valid(opts))
        return vt_fail(why, VT_E_USAGE, "aggregator: options that cannot be");
    struct vt_aggregate *a = calloc(1, sizeof *a);
    if (a == NULL)
        return vt_fail(why, VT_E_NOMEM, "aggregator: out of memory");
    a->opts = *opts;
    if (a->opts.epsilon != 0 && a->opts.rows_max > a->opts.bounds.rows)
        a->opts.rows_max = a->opts.bounds.rows;
    a->keys = VT_BUF(KEYS_SIZE_MAX);
    a->key = VT_BUF(2 * VT_ROW_MAX);
    a->cell = VT_BUF(KEYS_SIZE_MAX);
    a->keys.secret = a->key.secret = a->cell.secret = true;
    *ret = a;
    return VT_OK;
}

void
vt_aggregate_free(struct vt_aggregate *a)
{
    if (a == NULL)
        return;
    vt_buf_release(&a->keys);
    vt_buf_release(&a->key);
    vt_buf_release(&a->cell);
    if (a->row != NULL)
        vt_wipe(a->row, a->row_room * sizeof *a->row);
    free(a->row);
    free(a->slot);
    free(a);
}

/*
 * The table.
 */

static uint64_t
hash(uint32_t head, const uint8_t *key, size_t len)
{
    uint64_t h = 14695981039346656037ULL ^ head;

    for (size_t i = 0; i < len; i++)
        h = (h ^ key[i]) * 1099511628211ULL;
    return h ^ h >> 32U;
}

/* The slot where that key is, or would be. */
static size_t
find_slot(const struct vt_aggregate *a, uint32_t head, const uint8_t *key, size_t len)
{
    size_t i = hash(head, key, len) & (a->slot_count - 1);

    for (; a->slot[i] != 0; i = (i + 1) & (a->slot_count - 1)) {
        const struct vt_merged *m = &a->row[a->slot[i] - 1];
        if (m->head == head && m->key_len == len &&
            memcmp(a->keys.data + m->key, key, len) == 0)
            break;
    }
    return i;
}

static enum vt_err
grow_rows(struct vt_aggregate *a, struct vt_why *why)
{
    size_t room = a->row_room == 0 ? TABLE_MIN : a->row_room * 2;
    struct vt_merged *row = calloc(room, sizeof *row);

    if (row == NULL)
        return vt_fail(why, VT_E_NOMEM, "aggregator: out of memory");
    if (a->row != NULL) {
        memcpy(row, a->row, a->row_count * sizeof *row);
        vt_wipe(a->row, a->row_room * sizeof *row);
    }
    free(a->row);
    a->row = row;
    a->row_room = room;
    return VT_OK;
}

/* Twice as many slots as there is room for rows, at least. */
static enum vt_err
grow(struct vt_aggregate *a, struct vt_why *why)
{
    enum vt_err err = grow_rows(a, why);
    if (err != VT_OK)
        return err;
    uint32_t *slot = calloc(a->row_room * 2, sizeof *slot);
    if (slot == NULL)
        return vt_fail(why, VT_E_NOMEM, "aggregator: out of memory");
    free(a->slot);
    a->slot = slot;
    a->slot_count = a->row_room * 2;
    for (size_t i = 0; i < a->row_count; i++) {
        const struct vt_merged *m = &a->row[i];
        a->slot[find_slot(a, m->head, a->keys.data + m->key, m->key_len)] = (uint32_t)i + 1;
    }
    return VT_OK;
}

static void
merge_measure(struct vt_merged *m, size_t i, enum vt_merge how, int64_t v)
{
    int64_t *had = &m->measure[i];

    if ((how == VT_MERGE_MAX && v > *had) || (how == VT_MERGE_MIN && v < *had))
        *had = v;
    else if (how == VT_MERGE_SUM && !m->over[i] && __builtin_add_overflow(*had, v, had)) {
        *had = v < 0 ? INT64_MIN : INT64_MAX;
        m->over[i] = true;
    }
}

static enum vt_err
add_row(struct vt_aggregate *a, uint32_t head, const uint8_t *key, size_t len,
    const int64_t *measure, struct vt_why *why)
{
    const struct vt_rows_head *h = &a->head[head].head;
    enum vt_err err = a->row_count == a->row_room ? grow(a, why) : VT_OK;
    if (err != VT_OK)
        return err;
    size_t slot = find_slot(a, head, key, len);
    if (a->slot[slot] == 0) {
        struct vt_merged *m = &a->row[a->row_count];
        *m = (struct vt_merged){.key = a->keys.len, .key_len = (uint32_t)len, .head = head};
        vt_buf_put(&a->keys, key, len);
        err = vt_buf_check(&a->keys, "aggregator", why);
        if (err != VT_OK)
            return err;
        memcpy(m->measure, measure, h->measures * sizeof *measure);
        a->slot[slot] = (uint32_t)++a->row_count;
    } else {
        struct vt_merged *m = &a->row[a->slot[slot] - 1];
        for (size_t i = 0; i < h->measures; i++)
            merge_measure(m, i, h->merge[i], measure[i]);
    }
    struct vt_merged *m = &a->row[a->slot[slot] - 1];
    m->cells += m->last_cell != a->cells;
    m->last_cell = a->cells;
    return VT_OK;
}

/*
 * One cell.
 */

static enum vt_err
take_head(
    struct vt_aggregate *a, const struct vt_reader *line, uint32_t *ret, struct vt_why *why)
{
    struct vt_rows_head h;
    enum vt_err err = vt_rows_head_parse(line->p, line->left, &h, why);
    if (err != VT_OK)
        return err;
    if (a->opts.epsilon != 0 && h.measures != a->opts.bounds.measure_count)
        return vt_fail(why, VT_E_SYNTAX, "the query states bounds for %zu measures, not %zu",
            a->opts.bounds.measure_count, h.measures);
    for (uint32_t i = 0; i < a->head_count; i++)
        if (vt_rows_head_eq(&a->head[i].head, &h)) {
            *ret = i;
            return VT_OK;
        }
    if (a->head_count == VT_CELLS_MAX)
        return vt_fail(why, VT_E_LIMIT, "too many different heads");
    a->head[a->head_count].head = h;
    *ret = (uint32_t)a->head_count++;
    return VT_OK;
}

static int64_t
clip(const struct vt_aggregate *a, size_t i, int64_t v)
{
    if (a->opts.epsilon == 0)
        return v;
    if (v < 0)
        return 0;
    return (uint64_t)v > a->opts.bounds.bound[i] ? (int64_t)a->opts.bounds.bound[i] : v;
}

static enum vt_err
read_row(
    struct vt_aggregate *a, uint32_t head, const struct vt_reader *line, struct vt_why *why)
{
    struct vt_row row;
    const struct vt_rows_head *h = &a->head[head].head;
    enum vt_err err = vt_row_parse(h, line->p, line->left, &a->key, &row, why);
    if (err != VT_OK)
        return err;
    vt_buf_put_u32(&a->cell, (uint32_t)row.key_len);
    vt_buf_put(&a->cell, row.key, row.key_len);
    for (size_t i = 0; i < h->measures; i++)
        vt_buf_put_u64(&a->cell, (uint64_t)clip(a, i, row.measure[i]));
    return vt_buf_check(&a->cell, "aggregator", why);
}

/* Reads all of a cell's output into a->cell. */
static enum vt_err
read_cell(struct vt_aggregate *a, const void *output, size_t len, uint32_t *ret_head,
    struct vt_why *why)
{
    struct vt_reader r = VT_READER(output, len);
    struct vt_reader line;
    uint32_t rows = 0;

    if (!vt_reader_line(&r, &line))
        return vt_fail(why, VT_E_SYNTAX, "no head line");
    enum vt_err err = take_head(a, &line, ret_head, why);
    while (err == VT_OK && vt_reader_line(&r, &line)) {
        if (++rows > a->opts.rows_max)
            return vt_fail(why, VT_E_LIMIT, "more than %u rows", a->opts.rows_max);
        err = read_row(a, *ret_head, &line, why);
    }
    if (err == VT_OK && r.left > 0)
        err = vt_fail(why, VT_E_SYNTAX, "the last line does not end");
    return err;
}

static enum vt_err
merge_cell(struct vt_aggregate *a, uint32_t head, struct vt_why *why)
{
    struct vt_reader r = VT_READER(a->cell.data, a->cell.len);
    enum vt_err err = VT_OK;
    uint32_t len;

    while (err == VT_OK && vt_reader_u32(&r, &len)) {
        const uint8_t *key = NULL;
        int64_t measure[VT_MEASURES_MAX] = {0};
        bool whole = vt_reader_take(&r, len, &key);
        for (size_t i = 0; whole && i < a->head[head].head.measures; i++) {
            uint64_t v = 0;
            whole = vt_reader_u64(&r, &v);
            measure[i] = (int64_t)v;
        }
        err = whole ? add_row(a, head, key, len, measure, why)
                    : vt_fail(why, VT_E_STATE, "aggregator: lost its place");
    }
    return err;
}

static enum vt_err
next_cell(struct vt_aggregate *a, struct vt_why *why)
{
    if (a->cells == a->opts.cells)
        return vt_fail(why, VT_E_STATE, "aggregator: more than %u cells", a->opts.cells);
    a->cells++;
    return VT_OK;
}

enum vt_err
vt_aggregate_add(struct vt_aggregate *a, const void *output, size_t len, struct vt_why *why)
{
    struct vt_why inner = {0}; /* never told: it may hold what the job wrote */
    uint32_t head = 0;
    enum vt_err err = next_cell(a, why);
    if (err != VT_OK)
        return err;
    vt_buf_clear(&a->cell);
    err = read_cell(a, output, len, &head, &inner);
    vt_wipe(&inner, sizeof inner);
    if (err == VT_E_NOMEM)
        return vt_fail(why, err, "aggregator: out of memory");
    if (err != VT_OK) {
        a->failed[VT_CELL_OUTPUT]++;
        return VT_OK;
    }
    a->head[head].cells++;
    return merge_cell(a, head, why);
}

enum vt_err
vt_aggregate_fail(
    struct vt_aggregate *a, enum vt_cell_failure f, int status, struct vt_why *why)
{
    if (f < VT_CELL_STATUS || f >= VT_CELL_FAILURE_COUNT)
        return vt_fail(why, VT_E_USAGE, "aggregator: no such failure");
    enum vt_err err = next_cell(a, why);
    if (err != VT_OK)
        return err;
    a->failed[f]++;
    if (f == VT_CELL_STATUS)
        a->status[(unsigned)status & 0xffU]++;
    return VT_OK;
}
