/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an index knows of itself across restarts: STATE/index (docs/formats/log-index.md, Making
 * it). Private to src/log.
 */
#ifndef VT_LOG_LOG_INDEX_STATE_H
#define VT_LOG_LOG_INDEX_STATE_H

#include "log/log_index_note.h"

#define VT_INDEX_ROOTS_MAX 16U

/* A root that was logged. */
struct vt_index_root {
    uint64_t index; /* of its entry */
    uint64_t size;
    int64_t
        replaced_ms; /* when a newer one was published; 0: not yet, or not known. Not kept */
};

struct vt_index_state {
    uint64_t size;            /* entries that the runs are about */
    struct vt_frontier tree;  /* of their leaves; its size is that too */
    struct vt_index_run *run; /* in order; together they cover [0, size) */
    size_t run_count, run_cap;
    size_t root_count; /* oldest first */
    struct vt_index_root root[VT_INDEX_ROOTS_MAX];
};

void vt_index_state_release(struct vt_index_state *s);
/* Begins with nothing; keeps the memory. */
void vt_index_state_clear(struct vt_index_state *s);
/* Makes room for a run more. */
VT_MUST enum vt_err vt_index_state_room(struct vt_index_state *s, struct vt_why *why);

/* Fills a released or cleared *s. VT_E_NOENT; VT_E_SYNTAX: it is not as it was written, or is
 * another log's. */
VT_MUST enum vt_err vt_index_state_load(
    const char *path, const char *origin, struct vt_index_state *s, struct vt_why *why);
/* Replaces the file durably. */
VT_MUST enum vt_err vt_index_state_save(
    const char *path, const char *origin, const struct vt_index_state *s, struct vt_why *why);

#endif
