/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "vault/aggregate_parts.h"

#include <stdlib.h>
#include <string.h>

/* A failure is told when as many cells had it as a row needs. */
static enum vt_err
tell_failures(const struct vt_aggregate *a, struct vt_why *why)
{
    for (unsigned s = 0; s < 256; s++)
        if (a->status[s] >= a->opts.threshold)
            return vt_fail(why, VT_E_CHILD, "the job ended with status %u in %u or more cells",
                s, a->opts.threshold);
    for (unsigned f = VT_CELL_STATUS; f < VT_CELL_FAILURE_COUNT; f++)
        if (a->failed[f] >= a->opts.threshold)
            return vt_fail(why, VT_E_CHILD, "the job met %s in %u or more cells",
                vt_cell_failure_name((enum vt_cell_failure)f), a->opts.threshold);
    return VT_OK;
}

/* The head that most cells gave, the first of equals; NULL when too few gave any. */
static const struct vt_rows_given *
head_of_most(const struct vt_aggregate *a)
{
    const struct vt_rows_given *best = NULL;

    for (size_t i = 0; i < a->head_count; i++)
        if (a->head[i].cells >= a->opts.threshold &&
            (best == NULL || a->head[i].cells > best->cells))
            best = &a->head[i];
    return best;
}

/* Counts tell a job's reader at most how large: one cell could count in them. */
static uint64_t
coarse(uint64_t n)
{
    return n <= 1 ? n : 1ULL << (64 - __builtin_clzll(n - 1));
}

static int
compare_rows(const void *x, const void *y, void *ctx)
{
    const struct vt_aggregate *a = ctx;
    const struct vt_merged *p = &a->row[*(const uint32_t *)x];
    const struct vt_merged *q = &a->row[*(const uint32_t *)y];
    struct vt_reader rp = VT_READER(a->keys.data + p->key, p->key_len);
    struct vt_reader rq = VT_READER(a->keys.data + q->key, q->key_len);
    uint32_t np;
    uint32_t nq;

    while (vt_reader_u32(&rp, &np) && vt_reader_u32(&rq, &nq)) {
        const uint8_t *sp = NULL;
        const uint8_t *sq = NULL;
        if (!vt_reader_take(&rp, np, &sp) || !vt_reader_take(&rq, nq, &sq))
            return 0;
        int c = memcmp(sp, sq, np < nq ? np : nq);
        if (c != 0 || np != nq)
            return c != 0 ? c : np < nq ? -1 : 1;
    }
    return 0;
}

/* The numbers of the rows to publish, sorted; freed by the caller. NULL: out of memory. */
static uint32_t *
select_rows(const struct vt_aggregate *a, const struct vt_rows_given *h, size_t *ret_count,
    uint64_t *ret_held)
{
    uint32_t *list = calloc(a->row_count + 1, sizeof *list);
    size_t n = 0;
    uint64_t held = 0;

    for (size_t i = 0; list != NULL && i < a->row_count; i++) {
        const struct vt_merged *m = &a->row[i];
        if (h == &a->head[m->head] && m->cells >= a->opts.threshold)
            list[n++] = (uint32_t)i;
        else
            held++;
    }
    if (list != NULL)
        qsort_r(list, n, sizeof *list, compare_rows, (void *)(uintptr_t)a);
    *ret_count = n;
    *ret_held = held;
    return list;
}

static enum vt_err
add_noise(const struct vt_aggregate *a, size_t i, int64_t *v, struct vt_why *why)
{
    uint64_t num = 0;
    uint64_t den = 0;
    int64_t x = 0;
    enum vt_err err = vt_noise_scale(&a->opts.bounds, i, a->opts.epsilon, &num, &den, why);
    if (err == VT_OK)
        err = vt_noise_laplace(a->opts.noise, num, den, &x, why);
    if (err == VT_OK && __builtin_add_overflow(*v, x, v))
        *v = x < 0 ? INT64_MIN : INT64_MAX;
    return err;
}

static enum vt_err
put_row(const struct vt_aggregate *a, const struct vt_merged *m, struct vt_buf *b,
    struct vt_why *why)
{
    struct vt_reader r = VT_READER(a->keys.data + m->key, m->key_len);
    json_t *row = json_array();
    enum vt_err err = VT_OK;
    uint32_t len;

    while (vt_reader_u32(&r, &len)) {
        const uint8_t *s = NULL;
        if (vt_reader_take(&r, len, &s))
            (void)json_array_append_new(row, json_stringn((const char *)s, len));
    }
    for (size_t i = 0; err == VT_OK && i < a->head[m->head].head.measures; i++) {
        int64_t v = m->measure[i];
        if (a->opts.epsilon != 0)
            err = add_noise(a, i, &v, why);
        (void)json_array_append_new(row, json_integer(v));
    }
    if (err == VT_OK)
        err = vt_json_text(row, false, b, why);
    json_decref(row);
    return err;
}

static enum vt_err
put_head(const struct vt_aggregate *a, const struct vt_rows_given *h,
    const struct vt_aggregate_sum *sum, struct vt_buf *b, struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    json_t *measures = json_array();
    json_t *names = json_array();
    size_t columns = h != NULL && h->head.named ? h->head.keys + h->head.measures : 0;
    vt_digest_hex(&a->opts.request, hex);
    for (size_t i = 0; h != NULL && i < h->head.measures; i++)
        (void)json_array_append_new(measures, json_string(vt_merge_name(h->head.merge[i])));
    for (size_t i = 0; i < columns; i++)
        (void)json_array_append_new(names, json_string(h->head.name[i]));
    json_t *v = json_pack("{s:s, s:o, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "vitrine",
        "vault/result/v1", "request", json_sprintf("sha256:%s", hex), "keys",
        (json_int_t)(h != NULL ? h->head.keys : 0), "measures", measures, "names", names,
        "cells", (json_int_t)sum->cells, "threshold", (json_int_t)a->opts.threshold, "epsilon",
        (json_int_t)a->opts.epsilon, "rows", (json_int_t)sum->rows, "held_back",
        (json_int_t)sum->held_back);
    enum vt_err err = v == NULL ? vt_fail(why, VT_E_NOMEM, "aggregator: out of memory")
                                : vt_json_text(v, false, b, why);
    json_decref(v);
    return err;
}

enum vt_err
vt_aggregate_put(
    struct vt_aggregate *a, struct vt_buf *b, struct vt_aggregate_sum *ret, struct vt_why *why)
{
    struct vt_aggregate_sum sum = {.cells = a->cells};
    const struct vt_rows_given *h = head_of_most(a);
    uint64_t held = 0;
    size_t n = 0;
    enum vt_err err = tell_failures(a, why);
    if (err != VT_OK)
        return err;
    uint32_t *list = select_rows(a, h, &n, &held);
    if (list == NULL)
        return vt_fail(why, VT_E_NOMEM, "aggregator: out of memory");
    sum.rows = n;
    sum.held_back = coarse(held);
    err = put_head(a, h, &sum, b, why);
    for (size_t i = 0; err == VT_OK && i < n; i++)
        err = put_row(a, &a->row[list[i]], b, why);
    if (err == VT_OK)
        err = vt_buf_check(b, "the result", why);
    free(list);
    if (err == VT_OK)
        *ret = sum;
    return err;
}
