/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runs that are there cover [0, size) without gaps, but are at first not those that an
 * index of that size names: entries are read in the largest pieces that can be sorted at once,
 * and nothing is merged twice that one merge can do. While there are entries to read, 64 runs
 * that make up a larger one are merged, so that their number stays small; when all are read,
 * each run that the index names is merged from what there is of it.
 *
 * A merge's sources stay until STATE/index no longer names them, since after a crash that is
 * where we are. Then whatever neither the state nor a root names is swept away.
 */
#include "log/log_index_held.h"

#include "log/log_index_range.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROOT_ENTRIES = 4096,
    ROOT_MS = 60000,
    PAUSE_MS = 1000,
    KEEP_MS = 600000,
    STEP = 4096,           /* records merged between two looks at the budget */
    UNSWEPT_MAX = 4000000, /* records in files that the state need no longer name */
    GROUP = 3,             /* 4^3 runs are merged at once while entries are read */
};

static enum vt_err
set_up(struct vt_log_index *ix, const char *public_dir, const char *state_dir,
    const char *origin, struct vt_why *why)
{
    const struct vt_reader r = VT_READER(origin, strlen(origin));

    if (!vt_reader_cstr(&r, ix->origin, sizeof ix->origin))
        return vt_fail(why, VT_E_USAGE, "%s: too long for a log's name", origin);
    enum vt_err err = vt_path(ix->public_dir, why, "%s", public_dir);
    if (err == VT_OK)
        err = vt_path(ix->dir, why, "%s/index", public_dir);
    if (err == VT_OK)
        err = vt_path(ix->state_path, why, "%s/index", state_dir);
    if (err == VT_OK)
        err = vt_dir_make(state_dir, 0700, why);
    if (err == VT_OK)
        err = vt_dir_make(ix->dir, 0755, why);
    if (err == VT_OK)
        err = vt_index_open_disk(ix, why);
    if (err == VT_OK)
        err = vt_index_sort_new(&ix->sort, why);
    return err == VT_OK ? vt_index_recover(ix, why) : err;
}

static void
set_opts(struct vt_log_index *ix, const struct vt_log_index_opts *opts)
{
    struct vt_log_index_opts *o = &ix->opts;

    if (opts != NULL)
        *o = *opts;
    if (o->root_entries == 0)
        o->root_entries = ROOT_ENTRIES;
    if (o->root_ms == 0)
        o->root_ms = ROOT_MS;
    if (o->pause_ms == 0)
        o->pause_ms = PAUSE_MS;
    if (o->keep_ms == 0)
        o->keep_ms = KEEP_MS;
}

enum vt_err
vt_log_index_open(const char *public_dir, const char *state_dir, const char *origin,
    const struct vt_log_index_opts *opts, struct vt_log_index **ret, struct vt_why *why)
{
    struct vt_log_index *ix = calloc(1, sizeof *ix);

    if (ix == NULL)
        return vt_fail(why, VT_E_NOMEM, "the log's index: out of memory");
    set_opts(ix, opts);
    ix->sort_level = VT_INDEX_SORT_LEVEL;
    ix->latest_count = SIZE_MAX;
    ix->disk.fd = -1;
    enum vt_err err = set_up(ix, public_dir, state_dir, origin, why);
    if (err != VT_OK) {
        vt_log_index_free(ix);
        return vt_fail_in(why, err, "the log's index");
    }
    *ret = ix;
    return VT_OK;
}

void
vt_log_index_free(struct vt_log_index *ix)
{
    if (ix == NULL)
        return;
    vt_index_merge_free(ix->merge);
    vt_index_sort_free(ix->sort);
    vt_index_state_release(&ix->state);
    vt_disk_close(&ix->disk);
    free(ix);
}

/* --- Reading and merging. ------------------------------------------------------------ */

/* The runs [*ret_at, *ret_at + result) make up run (k, j). */
static size_t
parts_of(const struct vt_index_state *s, unsigned k, uint64_t j, size_t *ret_at)
{
    const uint64_t first = j * vt_index_run_length(k);
    size_t at = 0, n = 0;

    while (at < s->run_count && vt_index_run_first(&s->run[at]) < first)
        at++;
    while (at + n < s->run_count &&
           vt_index_run_first(&s->run[at + n]) - first < vt_index_run_length(k))
        n++;
    *ret_at = at;
    return n;
}

/* Begins to make run (k, j), or, when it has too many parts for one merge, one of its quarters.
 */
static enum vt_err
begin_merge(struct vt_log_index *ix, unsigned k, uint64_t j, struct vt_why *why)
{
    size_t at, n = parts_of(&ix->state, k, j, &at);

    while (n > VT_INDEX_MERGE_MAX) {
        size_t in_quarter;

        k--;
        for (j *= 4; (in_quarter = parts_of(&ix->state, k, j, &at)) < 2;)
            j++;
        n = in_quarter;
    }
    ix->merge_at = at;
    ix->merge_count = n;
    return vt_index_merge_new(ix->dir, &ix->state.run[at], n, k, j, &ix->merge, why);
}

/* Puts `run` in place of its parts. */
static void
replace_parts(struct vt_log_index *ix, const struct vt_index_run *run)
{
    struct vt_index_state *s = &ix->state;
    const size_t after = ix->merge_at + ix->merge_count;

    s->run[ix->merge_at] = *run;
    memmove(
        &s->run[ix->merge_at + 1], &s->run[after], (s->run_count - after) * sizeof s->run[0]);
    s->run_count -= ix->merge_count - 1;
    ix->unswept += run->count;
    ix->dirty = true;
}

static enum vt_err
go_on_merging(struct vt_log_index *ix, uint64_t steps, struct vt_why *why)
{
    struct vt_index_run run;
    bool done = false;
    enum vt_err err = vt_index_merge_step(ix->merge, steps, &done, &run, why);

    if (err == VT_OK && !done)
        return VT_OK;
    vt_index_merge_free(ix->merge);
    ix->merge = NULL;
    if (err != VT_OK)
        return err;
    replace_parts(ix, &run);
    return ix->unswept > UNSWEPT_MAX ? vt_index_settle(ix, why) : VT_OK;
}

/* Whether a run of the index has still to be merged, and which. */
static bool
find_unmade(const struct vt_log_index *ix, struct vt_index_run *ret)
{
    const struct vt_index_state *s = &ix->state;
    struct vt_index_run runs[VT_INDEX_RUNS_MAX];
    const size_t n = vt_index_runs(s->size, runs);

    for (size_t i = 0; i < n; i++) {
        if (i < s->run_count && s->run[i].k == runs[i].k)
            continue;
        *ret = runs[i];
        return true;
    }
    return false;
}

/* The same while there are entries to read: 64 runs of one size at the end, or what there is in
 * their place. */
static bool
find_group(const struct vt_log_index *ix, struct vt_index_run *ret)
{
    const uint64_t size = ix->state.size;
    size_t at;

    for (unsigned k = VT_INDEX_SORT_LEVEL + GROUP; k <= VT_INDEX_LEVEL_MAX; k += GROUP) {
        const uint64_t length = vt_index_run_length(k);

        if (size == 0 || size % length != 0)
            return false;
        *ret = (struct vt_index_run){.k = k, .j = size / length - 1};
        if (parts_of(&ix->state, ret->k, ret->j, &at) > 1)
            return true;
    }
    return false;
}

/* The largest run that begins where the index ends, is within the target, and can be sorted. */
static unsigned
next_level(const struct vt_log_index *ix)
{
    unsigned k = ix->sort_level;

    while (k > 0 && (ix->state.size % vt_index_run_length(k) != 0 ||
                        ix->target - ix->state.size < vt_index_run_length(k)))
        k--;
    return k;
}

/* Reads the bundles of a run, or as many as fit: *ret_k is what they make. */
static enum vt_err
read_entries(struct vt_log_index *ix, unsigned *ret_k, struct vt_why *why)
{
    const uint64_t first = ix->state.size / VT_INDEX_BLOCK;
    const uint64_t blocks = vt_index_run_length(*ret_k) / VT_INDEX_BLOCK;
    struct vt_tile bundle = {.level = VT_TILE_ENTRIES, .width = VT_TILE_WIDTH};
    char name[VT_TILE_PATH_MAX];
    char path[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    vt_index_sort_begin(ix->sort, ix->state.size);
    for (uint64_t i = 0; i < blocks && err == VT_OK; i++) {
        bundle.index = first + i;
        vt_tile_path(&bundle, name);
        err = vt_path(path, why, "%s/%s", ix->public_dir, name);
        if (err == VT_OK)
            err = vt_index_sort_bundle(ix->sort, path, why);
    }
    if (err == VT_OK)
        return VT_OK;
    if (err != VT_E_LIMIT || vt_index_sort_blocks(ix->sort) == 0)
        return err;
    while (vt_index_run_length(*ret_k) / VT_INDEX_BLOCK > vt_index_sort_blocks(ix->sort))
        (*ret_k)--;
    return VT_OK;
}

/* Makes the next run from entries. */
static enum vt_err
take_entries(struct vt_log_index *ix, unsigned k, struct vt_why *why)
{
    struct vt_index_state *s = &ix->state;
    const struct vt_index_record *records;
    struct vt_index_run run = {0};
    enum vt_err err = vt_index_state_room(s, why);

    if (err == VT_OK)
        err = read_entries(ix, &k, why);
    if (err != VT_OK)
        return err;
    const size_t blocks = (size_t)(vt_index_run_length(k) / VT_INDEX_BLOCK);
    run.k = k;
    run.j = s->size / vt_index_run_length(k);
    records = vt_index_sort_records(ix->sort, 0, blocks, &run.count);
    err = vt_index_run_write(ix->dir, &run, records, why);
    if (err != VT_OK)
        return err;
    for (size_t i = 0; i < blocks; i++)
        vt_range_append(&s->tree, 8, vt_index_sort_root(ix->sort, i));
    s->run[s->run_count++] = run;
    ix->dirty = true;
    s->size += vt_index_run_length(k);
    ix->sort_level = k;
    if (k < VT_INDEX_SORT_LEVEL && vt_index_sort_has_room(ix->sort, 3 * run.count))
        ix->sort_level = k + 1;
    return VT_OK;
}

bool
vt_index_is_made(const struct vt_log_index *ix)
{
    struct vt_index_run run;

    return ix->merge == NULL && ix->state.size == ix->target && !find_unmade(ix, &run);
}

uint64_t
vt_index_last_size(const struct vt_log_index *ix)
{
    return ix->state.root_count > 0 ? ix->state.root[ix->state.root_count - 1].size : 0;
}

/* Whether a root is due for a log of `upto` entries; then that becomes the target. */
static bool
set_target(struct vt_log_index *ix, uint64_t upto, int64_t now_ms)
{
    const uint64_t size = upto - upto % VT_INDEX_BLOCK;
    const int64_t since = now_ms - ix->root_at;

    if (size <= ix->target || size - vt_index_last_size(ix) < VT_INDEX_BLOCK)
        return false;
    if (ix->timed && since < ix->opts.pause_ms)
        return false;
    if (ix->timed && size - vt_index_last_size(ix) < ix->opts.root_entries &&
        since < ix->opts.root_ms)
        return false;
    ix->target = size;
    return true;
}

/* One piece of work. *steps: what it took. */
static enum vt_err
work(struct vt_log_index *ix, uint64_t *steps, struct vt_why *why)
{
    struct vt_index_run run;

    *steps = 0;
    if (ix->merge != NULL) {
        *steps = STEP;
        return go_on_merging(ix, STEP, why);
    }
    if (find_group(ix, &run))
        return begin_merge(ix, run.k, run.j, why);
    if (ix->state.size < ix->target) {
        const unsigned k = next_level(ix);

        *steps = vt_index_run_length(k);
        return take_entries(ix, k, why);
    }
    return find_unmade(ix, &run) ? begin_merge(ix, run.k, run.j, why) : VT_OK;
}

enum vt_err
vt_log_index_advance(struct vt_log_index *ix, uint64_t upto, int64_t now_ms, uint64_t budget,
    bool *ret_more, struct vt_why *why)
{
    enum vt_err err = vt_index_go_back(ix, why);
    uint64_t steps;

    if (err != VT_OK)
        return vt_fail_in(why, err, "the log's index");
    if (vt_index_is_made(ix) && !set_target(ix, upto, now_ms)) {
        *ret_more = false;
        return VT_OK;
    }
    for (uint64_t done = 0;
         err == VT_OK && !vt_index_is_made(ix) && (budget == 0 || done < budget); done += steps)
        err = work(ix, &steps, why);
    if (err == VT_E_DIGEST && vt_index_begin_anew(ix, NULL) != VT_OK)
        return vt_fail_in(why, VT_E_IO, "the log's index cannot begin anew");
    if (err != VT_OK)
        return vt_fail_in(why, err, "the log's index");
    *ret_more = !vt_index_is_made(ix);
    return VT_OK;
}
