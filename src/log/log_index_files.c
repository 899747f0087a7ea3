/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index's files. Runs are written without an fsync; STATE/index is replaced after the file
 * system was synced, so what it names is whole after a crash. When that sync fails, nobody
 * knows what became of the runs since the one before: the index goes back to what STATE/index
 * says. Whatever neither it nor a root
 * names is swept away, but not before it is replaced: until then that is where a crash takes
 * us.
 */
#include "log/log_index_held.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whether a root or the state names the run. */
static bool
is_named(const struct vt_log_index *ix, unsigned k, uint64_t j)
{
    struct vt_index_run runs[VT_INDEX_RUNS_MAX];

    for (size_t i = 0; i < ix->state.run_count; i++) {
        if (ix->state.run[i].k == k && ix->state.run[i].j == j)
            return true;
    }
    for (size_t i = 0; i < ix->state.root_count; i++) {
        const size_t n = vt_index_runs(ix->state.root[i].size, runs);

        for (size_t r = 0; r < n; r++) {
            if (runs[r].k == k && runs[r].j == j)
                return true;
        }
    }
    return false;
}

struct sweep {
    const struct vt_log_index *ix;
    unsigned k;
};

static bool
number_of(const char *name, uint64_t max, uint64_t *ret)
{
    struct vt_reader r = VT_READER(name, strlen(name));

    return vt_reader_decimal(&r, max, ret);
}

static enum vt_err
sweep_file(void *ctx, const char *name, struct vt_why *why)
{
    const struct sweep *s = ctx;
    char path[VT_PATH_MAX];
    uint64_t j;

    if (number_of(name, INT64_MAX, &j) && is_named(s->ix, s->k, j))
        return VT_OK;
    enum vt_err err = vt_path(path, why, "%s/%u/%s", s->ix->dir, s->k, name);
    if (err == VT_OK && unlink(path) != 0 && errno != ENOENT)
        err = vt_fail_errno(why, "%s: cannot remove", path);
    return err;
}

static enum vt_err
sweep_level(void *ctx, const char *name, struct vt_why *why)
{
    struct sweep *s = ctx;
    char path[VT_PATH_MAX];
    uint64_t k;

    if (!number_of(name, VT_INDEX_LEVEL_MAX, &k))
        return VT_OK;
    s->k = (unsigned)k;
    enum vt_err err = vt_path(path, why, "%s/%s", s->ix->dir, name);
    return err == VT_OK ? vt_dir_each(path, sweep_file, s, why) : err;
}

/* Removes the files of runs that nobody names. */
static enum vt_err
sweep(struct vt_log_index *ix, struct vt_why *why)
{
    struct sweep s = {.ix = ix};
    enum vt_err err = vt_dir_each(ix->dir, sweep_level, &s, why);

    if (err == VT_OK)
        ix->unswept = 0;
    return err;
}

enum vt_err
vt_index_open_disk(struct vt_log_index *ix, struct vt_why *why)
{
    char below[sizeof "index/" + 10];
    enum vt_err err = vt_disk_open(&ix->disk, ix->public_dir, why);

    if (err == VT_OK)
        err = vt_disk_check(&ix->disk, "index", why);
    for (unsigned k = 0; k <= VT_INDEX_LEVEL_MAX && err == VT_OK; k++) {
        (void)snprintf(below, sizeof below, "index/%u", k);
        err = vt_disk_check(&ix->disk, below, why);
    }
    return err;
}

enum vt_err
vt_index_save(struct vt_log_index *ix, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (ix->lost)
        return vt_fail(why, VT_E_STATE, "its runs are not sure");
    if (ix->dirty)
        err = vt_disk_sync(&ix->disk, why);
    ix->lost = err != VT_OK;
    if (err == VT_OK)
        err = vt_index_state_save(ix->state_path, ix->origin, &ix->state, why);
    if (err == VT_OK)
        ix->dirty = false;
    return err;
}

enum vt_err
vt_index_settle(struct vt_log_index *ix, struct vt_why *why)
{
    enum vt_err err = vt_index_save(ix, why);

    return err == VT_OK ? sweep(ix, why) : err;
}

enum vt_err
vt_index_begin_anew(struct vt_log_index *ix, struct vt_why *why)
{
    vt_index_merge_free(ix->merge);
    ix->merge = NULL;
    vt_index_state_clear(&ix->state);
    ix->target = 0;
    ix->sort_level = VT_INDEX_SORT_LEVEL;
    ix->timed = false;
    ix->noted = 0;
    ix->dirty = false;
    ix->unswept = 0;
    ix->latest_count = SIZE_MAX;
    enum vt_err err = vt_index_state_save(ix->state_path, ix->origin, &ix->state, why);
    if (err == VT_OK)
        err = vt_tree_remove(ix->dir, why);
    if (err == VT_OK)
        err = vt_dir_make(ix->dir, 0755, why);
    if (err == VT_OK)
        ix->lost = false;
    return err;
}

/* What a crash left half written. */
static enum vt_err
remove_tmp(const struct vt_log_index *ix, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/" VT_INDEX_RUN_TMP, ix->dir);

    if (err == VT_OK && unlink(path) != 0 && errno != ENOENT)
        err = vt_fail_errno(why, "%s: cannot remove", path);
    return err;
}

enum vt_err
vt_index_recover(struct vt_log_index *ix, struct vt_why *why)
{
    struct vt_why what = {0};
    enum vt_err err = vt_index_state_load(ix->state_path, ix->origin, &ix->state, &what);

    for (size_t i = 0; i < ix->state.run_count && err == VT_OK; i++) {
        const struct vt_index_run *r = &ix->state.run[i];

        if (!vt_index_run_there(ix->dir, r))
            err = vt_fail(&what, VT_E_SYNTAX, "%s/%u/%llu is missing or cut", ix->dir, r->k,
                (unsigned long long)r->j);
    }
    if (err == VT_E_NOENT)
        return vt_index_begin_anew(ix, why);
    if (err == VT_E_SYNTAX || err == VT_E_LIMIT) {
        vt_log(VT_LOG_WARN, "the log's index is made anew: %s", what.text);
        return vt_index_begin_anew(ix, why);
    }
    if (err != VT_OK)
        return vt_fail(why, err, "%s", what.text);
    ix->target = ix->state.size;
    err = remove_tmp(ix, why);
    return err == VT_OK ? sweep(ix, why) : err;
}

enum vt_err
vt_index_go_back(struct vt_log_index *ix, struct vt_why *why)
{
    enum vt_err err;

    if (!ix->lost)
        return VT_OK;
    vt_index_merge_free(ix->merge);
    ix->merge = NULL;
    vt_index_state_clear(&ix->state);
    ix->target = 0;
    ix->noted = 0;
    ix->dirty = false;
    ix->unswept = 0;
    err = vt_index_recover(ix, why);
    ix->lost = err != VT_OK;
    return err;
}
