/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking logged roots. Which sizes they will be of is not known before they come, so every
 * run that any index can name is made, smallest first, four into one as soon as there are four,
 * and its root is remembered. A root that comes is then compared with what is remembered.
 */
#include "log/log_index.h"

#include "log/log_index_range.h"
#include "log/log_index_run.h"
#include "log/log_index_sort.h"
#include "note/policy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MERGED = 4 };

/* The runs (k, 0), (k, 1), ... */
struct level {
    struct made {
        uint64_t count;
        struct vt_digest root;
    } * run;
    size_t count, cap;
};

struct vt_log_index_audit {
    char dir[VT_PATH_MAX];
    const struct vt_policy *policy;
    char origin[VT_KEY_NAME_MAX + 1];
    uint64_t size;
    uint64_t roots;
    enum vt_err broken; /* what an earlier call failed with */
    struct vt_index_sort *sort;
    uint64_t sorted_from; /* the first block that is in memory; all before are in files */
    struct vt_frontier tree;
    struct vt_digest *log_root; /* of the log at sizes 256, 512, ... */
    size_t log_root_cap;
    struct level level[VT_INDEX_LEVEL_MAX + 1];
};

enum vt_err
vt_log_index_audit_new(const char *tmp_dir, const struct vt_policy *policy, const char *origin,
    struct vt_log_index_audit **ret, struct vt_why *why)
{
    const struct vt_reader r = VT_READER(origin, strlen(origin));
    struct vt_log_index_audit *a = calloc(1, sizeof *a);
    enum vt_err err;

    if (a == NULL)
        return vt_fail(why, VT_E_NOMEM, "checking the log's index: out of memory");
    a->policy = policy;
    vt_frontier_init(&a->tree);
    if (!vt_reader_cstr(&r, a->origin, sizeof a->origin))
        err = vt_fail(why, VT_E_USAGE, "%s: too long for a log's name", origin);
    else
        err = vt_dir_temp(tmp_dir, "vitrine-index", a->dir, why);
    if (err == VT_OK)
        err = vt_index_sort_new(&a->sort, why);
    if (err != VT_OK) {
        vt_log_index_audit_free(a);
        return err;
    }
    *ret = a;
    return VT_OK;
}

void
vt_log_index_audit_free(struct vt_log_index_audit *a)
{
    if (a == NULL)
        return;
    if (a->dir[0] != '\0')
        (void)!vt_tree_remove(a->dir, NULL);
    vt_index_sort_free(a->sort);
    for (size_t k = 0; k <= VT_INDEX_LEVEL_MAX; k++)
        free(a->level[k].run);
    free(a->log_root);
    free(a);
}

uint64_t
vt_log_index_audit_roots(const struct vt_log_index_audit *a)
{
    return a->roots;
}

/* Makes room in an array for element n. */
static enum vt_err
room(void **array, size_t *cap, size_t n, size_t size, struct vt_why *why)
{
    const size_t more = *cap > 0 ? 2 * *cap : 1024;
    void *p;

    if (n < *cap)
        return VT_OK;
    p = reallocarray(*array, more, size);
    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "checking the log's index: out of memory");
    *array = p;
    *cap = more;
    return VT_OK;
}

/* Remembers a run, unless it is remembered. */
static enum vt_err
remember(struct vt_log_index_audit *a, const struct vt_index_run *run, struct vt_why *why)
{
    struct level *l = &a->level[run->k];
    void *p = l->run;

    assert(run->j <= l->count);
    if (run->j < l->count)
        return VT_OK;
    enum vt_err err = room(&p, &l->cap, l->count, sizeof *l->run, why);
    l->run = p;
    if (err == VT_OK)
        l->run[l->count++] = (struct made){run->count, run->root};
    return err;
}

/* The root of the log at the end of the block that was added. */
static enum vt_err
remember_root(struct vt_log_index_audit *a, struct vt_why *why)
{
    const size_t n = (size_t)(a->tree.size / VT_INDEX_BLOCK) - 1;
    void *p = a->log_root;
    enum vt_err err = room(&p, &a->log_root_cap, n, sizeof *a->log_root, why);

    a->log_root = p;
    if (err == VT_OK)
        vt_frontier_root(&a->tree, &a->log_root[n]);
    return err;
}

/* The files of the runs (k, 4 j) to (k, 4 j + 3) become that of (k + 1, j). */
static enum vt_err
merge_four(struct vt_log_index_audit *a, unsigned k, uint64_t j, struct vt_why *why)
{
    struct vt_index_merge *m = NULL;
    struct vt_index_run part[MERGED];
    struct vt_index_run whole = {0};
    char path[VT_PATH_MAX];
    bool done = false;

    for (size_t i = 0; i < MERGED; i++) {
        const struct made *made = &a->level[k].run[j * MERGED + i];

        part[i] = (struct vt_index_run){k, j * MERGED + i, made->count, made->root};
    }
    enum vt_err err = vt_index_merge_new(a->dir, part, MERGED, k + 1, j, &m, why);
    if (err == VT_OK)
        err = vt_index_merge_step(m, UINT64_MAX, &done, &whole, why);
    vt_index_merge_free(m);
    for (size_t i = 0; i < MERGED && err == VT_OK; i++) {
        err = vt_index_run_path(a->dir, k, part[i].j, path, why);
        if (err == VT_OK && unlink(path) != 0)
            err = vt_fail_errno(why, "%s: cannot remove", path);
    }
    return err == VT_OK ? remember(a, &whole, why) : err;
}

static uint64_t
blocks_of(unsigned k)
{
    return vt_index_run_length(k) / VT_INDEX_BLOCK;
}

/* The largest run that begins at block `at` and ends at `end` or before. */
static unsigned
level_at(uint64_t at, uint64_t end)
{
    unsigned k = 0;

    while (at % blocks_of(k + 1) == 0 && at + blocks_of(k + 1) <= end)
        k++;
    return k;
}

/* The sorted records of a run that is in memory. */
static const struct vt_index_record *
sort_run(struct vt_log_index_audit *a, struct vt_index_run *run)
{
    const uint64_t first = run->j * blocks_of(run->k) - a->sorted_from;

    return vt_index_sort_records(
        a->sort, (size_t)first, (size_t)blocks_of(run->k), &run->count);
}

/* Writes all blocks in memory to files. */
static enum vt_err
flush(struct vt_log_index_audit *a, struct vt_why *why)
{
    const uint64_t end = a->tree.size / VT_INDEX_BLOCK;
    enum vt_err err = VT_OK;

    for (uint64_t at = a->sorted_from; at < end && err == VT_OK;) {
        struct vt_index_run run = {.k = level_at(at, end)};
        const struct vt_index_record *records;

        run.j = at / blocks_of(run.k);
        records = sort_run(a, &run);
        err = vt_index_run_write(a->dir, &run, records, why);
        if (err == VT_OK)
            err = remember(a, &run, why);
        for (; err == VT_OK && run.j % MERGED == MERGED - 1; run.k++, run.j /= MERGED)
            err = merge_four(a, run.k, run.j / MERGED, why);
        at += blocks_of(level_at(at, end));
    }
    a->sorted_from = end;
    vt_index_sort_begin(a->sort, a->tree.size);
    return err;
}

/* Block `block` is complete: so are the runs that it is the last of. */
static enum vt_err
take_runs(struct vt_log_index_audit *a, uint64_t block, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (unsigned k = 0; (block + 1) % blocks_of(k) == 0 && err == VT_OK; k++) {
        struct vt_index_run run = {.k = k, .j = block / blocks_of(k)};
        const struct vt_index_record *records;

        if (run.j * blocks_of(k) < a->sorted_from)
            return flush(a, why);
        records = sort_run(a, &run);
        vt_index_run_root(records, run.count, &run.root);
        err = remember(a, &run, why);
    }
    return err;
}

static enum vt_err
take_block(struct vt_log_index_audit *a, struct vt_why *why)
{
    const uint64_t block = a->tree.size / VT_INDEX_BLOCK;

    vt_range_append(&a->tree, 8, vt_index_sort_root(a->sort, (size_t)(block - a->sorted_from)));
    enum vt_err err = remember_root(a, why);
    if (err == VT_OK)
        err = take_runs(a, block, why);
    if (err == VT_OK && !vt_index_sort_has_room(a->sort, VT_INDEX_BLOCK * VT_INDEX_KEYS_MAX))
        err = flush(a, why);
    return err;
}

/* Compares what the root of entry `index` says with what is remembered. */
static enum vt_err
check_note(const struct vt_log_index_audit *a, uint64_t index, const struct vt_index_note *n,
    struct vt_why *why)
{
    const size_t block = (size_t)(n->size / VT_INDEX_BLOCK) - 1;

    if (!vt_digest_eq(&n->root, &a->log_root[block]))
        return vt_fail(why, VT_E_PROOF,
            "entry %llu, an index root signed by %s, is false: at size %llu the log has "
            "another root",
            (unsigned long long)index, a->origin, (unsigned long long)n->size);
    for (size_t i = 0; i < n->run_count; i++) {
        const struct vt_index_run *r = &n->run[i];
        const struct made *m = &a->level[r->k].run[r->j];

        if (r->count == m->count && vt_digest_eq(&r->root, &m->root))
            continue;
        return vt_fail(why, VT_E_PROOF,
            "entry %llu, an index root signed by %s, is false: its run %u %llu has %s; entries "
            "%llu to %llu may be hidden from those who ask the index. Keep the entry and its "
            "proof as evidence",
            (unsigned long long)index, a->origin, r->k, (unsigned long long)r->j,
            r->count == m->count ? "another root" : "another number of records",
            (unsigned long long)vt_index_run_first(r),
            (unsigned long long)(vt_index_run_first(r) + vt_index_run_length(r->k) - 1));
    }
    return VT_OK;
}

/* An entry that the log signed as a root must be a true one; what others signed says nothing.
 */
static enum vt_err
check_entry(struct vt_log_index_audit *a, const void *entry, size_t len, struct vt_why *why)
{
    struct vt_index_note n;
    struct vt_why what = {0};
    enum vt_err err;

    if (!vt_index_note_is(entry, len, a->origin))
        return VT_OK;
    err = vt_index_note_open(a->policy, a->origin, a->size, entry, len, &n, &what);
    if (err == VT_E_UNKNOWN || err == VT_E_SIG)
        return VT_OK;
    if (err != VT_OK)
        return vt_fail(
            why, VT_E_PROOF, "an index root signed by %s is false: %s", a->origin, what.text);
    err = check_note(a, a->size, &n, why);
    a->roots += err == VT_OK;
    return err;
}

enum vt_err
vt_log_index_audit_take(
    struct vt_log_index_audit *a, const void *entry, size_t len, struct vt_why *why)
{
    enum vt_err err = a->broken;

    if (err != VT_OK)
        return vt_fail(why, err, "checking the log's index failed before");
    err = check_entry(a, entry, len, why);
    if (err == VT_OK && !vt_index_sort_add(a->sort, entry, len))
        err =
            vt_fail(why, VT_E_LIMIT, "entry %llu: too many keys", (unsigned long long)a->size);
    a->size += err == VT_OK;
    if (err == VT_OK && a->size % VT_INDEX_BLOCK == 0)
        err = take_block(a, why);
    a->broken = err;
    return err;
}
