/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of log/log_index.h share: an index that is open. For log_index*.c alone.
 */
#ifndef VT_LOG_LOG_INDEX_HELD_H
#define VT_LOG_LOG_INDEX_HELD_H

#include "base/file.h"
#include "crypto/key.h"
#include "log/disk.h"
#include "log/log_index.h"
#include "log/log_index_run.h"
#include "log/log_index_sort.h"
#include "log/log_index_state.h"

struct vt_log_index {
    char public_dir[VT_PATH_MAX];
    char dir[VT_PATH_MAX]; /* PUBLIC/index */
    char state_path[VT_PATH_MAX];
    char origin[VT_KEY_NAME_MAX + 1];
    struct vt_log_index_opts opts;
    struct vt_index_state state;
    struct vt_disk disk;
    bool dirty;       /* it has runs that may not be durable */
    bool lost;        /* making them so failed */
    uint64_t unswept; /* records in files that it need no longer name */
    struct vt_index_sort *sort;
    unsigned sort_level;          /* what fitted last time */
    struct vt_index_merge *merge; /* of the runs [merge_at, merge_at + merge_count) */
    size_t merge_at, merge_count;
    uint64_t target; /* the size that is worked towards, until its runs are there */
    uint64_t noted;  /* the size of the root that was signed last; 0: none */
    bool timed;      /* whether root_at says when the last root was logged */
    int64_t root_at;
    size_t latest_count; /* what PUBLIC/index/latest says; SIZE_MAX: not known */
    uint64_t latest[VT_INDEX_ROOTS_MAX];
};

/* Opens ix->disk. VT_E_CONFIG: the runs are not where one sync reaches them. */
VT_MUST enum vt_err vt_index_open_disk(struct vt_log_index *ix, struct vt_why *why);
/* Reads the state, or begins anew when there is none that is whole. */
VT_MUST enum vt_err vt_index_recover(struct vt_log_index *ix, struct vt_why *why);
/* Nothing is indexed, and no file says otherwise. */
VT_MUST enum vt_err vt_index_begin_anew(struct vt_log_index *ix, struct vt_why *why);
/* What is in memory is there after a crash. */
VT_MUST enum vt_err vt_index_save(struct vt_log_index *ix, struct vt_why *why);
/* The same, and what is not named any more goes. */
VT_MUST enum vt_err vt_index_settle(struct vt_log_index *ix, struct vt_why *why);
/* When a sync failed: goes back to what was saved last. */
VT_MUST enum vt_err vt_index_go_back(struct vt_log_index *ix, struct vt_why *why);

/* Whether the runs are those of an index of the size that was worked towards. */
bool vt_index_is_made(const struct vt_log_index *ix);
/* The size of the last root that was logged. */
uint64_t vt_index_last_size(const struct vt_log_index *ix);

#endif
