/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blob's lines are cut wherever a reading begins or ends, so that between two cuts all
 * lines are alike (a run). For each signer the readings are laid over the runs from the newest
 * to the oldest, each run taking the first verdict that reaches it: `next` leads over runs that
 * have one already, so that each is visited once. Runs are then added up by organisation. With
 * n readings of s signers that is O(n log n + s * n).
 */
#include "review/coverage.h"

#include "merkle/tree.h"

#include <stdlib.h>
#include <string.h>

struct work {
    const struct vt_coverage_reading **by_signer; /* newest first, by organisation and signer */
    uint64_t *cut;                                /* rising; run i is [cut[i], cut[i + 1]) */
    size_t runs;
    size_t *next;     /* the first run from here on that the signer has no verdict of */
    uint8_t *ok;      /* run: some signer of this organisation says ok */
    uint8_t *concern; /* run: some signer of it has a concern */
    uint8_t *any;     /* run: covered by any organisation */
    uint64_t lines;
};

/* A blob without lines is one line that only readings of all of it reach. */
static uint64_t
line_count(const struct work *w)
{
    return w->lines == 0 ? 1 : w->lines;
}

/* What the reading reaches, from 0, end exclusive; false: nothing. */
static bool
reach(const struct work *w, const struct vt_coverage_reading *r, uint64_t *ret_from,
    uint64_t *ret_end)
{
    uint64_t end = r->from == 0 ? line_count(w) : r->to;

    if (r->from != 0 && (w->lines == 0 || r->from > w->lines || r->to < r->from))
        return false;
    *ret_from = r->from == 0 ? 0 : r->from - 1;
    *ret_end = end < line_count(w) ? end : line_count(w);
    return true;
}

static int
reading_cmp(const void *a, const void *b)
{
    const struct vt_coverage_reading *x = *(const struct vt_coverage_reading *const *)a;
    const struct vt_coverage_reading *y = *(const struct vt_coverage_reading *const *)b;
    int c = strcmp(x->organisation, y->organisation);

    if (c == 0)
        c = strcmp(x->signer, y->signer);
    return c != 0 ? c : (x < y) - (x > y); /* the later one stands further on in one array */
}

static int
u64_cmp(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void
make_runs(struct work *w, const struct vt_coverage_reading *reading, size_t count)
{
    uint64_t from, end;
    size_t n = 0, kept = 1;

    w->cut[n++] = 0;
    w->cut[n++] = line_count(w);
    for (size_t i = 0; i < count; i++) {
        if (!reach(w, &reading[i], &from, &end))
            continue;
        w->cut[n++] = from;
        w->cut[n++] = end;
    }
    qsort(w->cut, n, sizeof w->cut[0], u64_cmp);
    for (size_t i = 1; i < n; i++)
        if (w->cut[i] != w->cut[kept - 1])
            w->cut[kept++] = w->cut[i];
    w->runs = kept - 1;
}

static void
work_release(struct work *w)
{
    free(w->by_signer);
    free(w->cut);
    free(w->next);
    free(w->ok);
    free(w->concern);
    free(w->any);
}

static enum vt_err
work_init(
    struct work *w, const struct vt_coverage_reading *reading, size_t count, struct vt_why *why)
{
    if (count > SIZE_MAX / 2 - 2)
        return vt_fail(why, VT_E_LIMIT, "too many readings");
    w->by_signer = calloc(count + 1, sizeof(struct vt_coverage_reading *));
    w->cut = calloc(2 * count + 2, sizeof w->cut[0]);
    if (w->by_signer == NULL || w->cut == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for %zu readings", count);
    for (size_t i = 0; i < count; i++)
        w->by_signer[i] = &reading[i];
    if (count > 0)
        qsort(w->by_signer, count, sizeof(struct vt_coverage_reading *), reading_cmp);
    make_runs(w, reading, count);
    w->next = calloc(w->runs + 1, sizeof w->next[0]);
    w->ok = calloc(w->runs + 1, 1);
    w->concern = calloc(w->runs + 1, 1);
    w->any = calloc(w->runs + 1, 1);
    if (w->next == NULL || w->ok == NULL || w->concern == NULL || w->any == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for %zu readings", count);
    return VT_OK;
}

/* The run that begins at a cut. */
static size_t
run_at(const struct work *w, uint64_t cut)
{
    const uint64_t *at = bsearch(&cut, w->cut, w->runs + 1, sizeof w->cut[0], u64_cmp);

    return (size_t)(at - w->cut);
}

/* Where next leads to, with the way there made shorter. */
static size_t
free_run(struct work *w, size_t run)
{
    while (w->next[run] != run) {
        w->next[run] = w->next[w->next[run]];
        run = w->next[run];
    }
    return run;
}

/* The n readings of one signer. */
static void
lay_signer(struct work *w, const struct vt_coverage_reading *const *r, size_t n)
{
    uint64_t from, end;

    for (size_t i = 0; i <= w->runs; i++)
        w->next[i] = i;
    for (size_t i = 0; i < n; i++) {
        if (!reach(w, r[i], &from, &end))
            continue;
        size_t last = run_at(w, end);
        for (size_t run = free_run(w, run_at(w, from)); run < last; run = free_run(w, run)) {
            (r[i]->verdict == VT_VERDICT_OK ? w->ok : w->concern)[run] = 1;
            w->next[run] = run + 1;
        }
    }
}

/* Adds up an organisation's runs into the next place of *ret. */
static enum vt_err
add_organisation(
    struct work *w, const char *name, struct vt_coverage_blob *ret, struct vt_why *why)
{
    size_t covered = 0, at = ret->count;

    if (at == VT_COVERAGE_ORGANISATIONS_MAX)
        return vt_fail(why, VT_E_LIMIT, "more than %u organisations have read one file",
            VT_COVERAGE_ORGANISATIONS_MAX);
    ret->count++;
    ret->of[at].organisation = name;
    ret->of[at].lines = 0;
    ret->of[at].concern = false;
    for (size_t i = 0; i < w->runs; i++) {
        ret->of[at].concern = ret->of[at].concern || w->concern[i];
        if (!w->ok[i] || w->concern[i])
            continue;
        covered++;
        w->any[i] = 1;
        if (w->lines > 0)
            ret->of[at].lines += w->cut[i + 1] - w->cut[i];
    }
    ret->of[at].whole = covered == w->runs;
    return VT_OK;
}

static size_t
signer_end(const struct work *w, size_t i, size_t count)
{
    const struct vt_coverage_reading *r = w->by_signer[i];

    while (i < count && strcmp(w->by_signer[i]->organisation, r->organisation) == 0 &&
           strcmp(w->by_signer[i]->signer, r->signer) == 0)
        i++;
    return i;
}

static enum vt_err
add_all(struct work *w, size_t count, struct vt_coverage_blob *ret, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0, end; i < count && err == VT_OK; i = end) {
        const char *name = w->by_signer[i]->organisation;

        end = signer_end(w, i, count);
        lay_signer(w, w->by_signer + i, end - i);
        if (end < count && strcmp(w->by_signer[end]->organisation, name) == 0)
            continue;
        err = add_organisation(w, name, ret, why);
        memset(w->ok, 0, w->runs);
        memset(w->concern, 0, w->runs);
    }
    for (size_t i = 0; i < w->runs && w->lines > 0; i++)
        ret->lines += w->any[i] ? w->cut[i + 1] - w->cut[i] : 0;
    return err;
}

enum vt_err
vt_coverage_of(const struct vt_coverage_reading *reading, size_t count, uint64_t lines,
    struct vt_coverage_blob *ret, struct vt_why *why)
{
    struct vt_coverage_blob all = {.count = 0};
    struct work w = {.lines = lines};
    enum vt_err err = work_init(&w, reading, count, why);

    if (err == VT_OK)
        err = add_all(&w, count, &all, why);
    work_release(&w);
    if (err == VT_OK)
        *ret = all;
    return err;
}

static int
digest_cmp(const void *a, const void *b)
{
    return vt_digest_cmp(a, b);
}

void
vt_coverage_root(struct vt_digest *blob, size_t count, struct vt_digest *ret, size_t *ret_count)
{
    struct vt_frontier tree;
    struct vt_digest leaf;
    size_t kept = 0;

    vt_frontier_init(&tree);
    if (count > 1)
        qsort(blob, count, sizeof blob[0], digest_cmp);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && vt_digest_eq(&blob[kept - 1], &blob[i]))
            continue;
        blob[kept++] = blob[i];
        vt_merkle_leaf(blob[i].b, VT_DIGEST_SIZE, &leaf);
        vt_frontier_append(&tree, &leaf);
    }
    vt_frontier_root(&tree, ret);
    *ret_count = kept;
}
