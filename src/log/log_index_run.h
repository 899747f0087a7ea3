/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs as files: written in one pass, read again and checked in one, merged. Nothing is
 * fsynced. docs/formats/log-index.md. Private to src/log.
 */
#ifndef VT_LOG_LOG_INDEX_RUN_H
#define VT_LOG_LOG_INDEX_RUN_H

#include "base/file.h"
#include "log/log_index_note.h"

/* What is being written, in DIR: one run at a time. A crash may leave it. */
#define VT_INDEX_RUN_TMP ".tmp-run"

/* DIR/K/J. */
VT_MUST enum vt_err vt_index_run_path(
    const char *dir, unsigned k, uint64_t j, char ret[VT_PATH_MAX], struct vt_why *why);
/* Whether the file is there with the length of so many records. */
bool vt_index_run_there(const char *dir, const struct vt_index_run *r);

/* The root of a run of these records, sorted already. */
void vt_index_run_root(
    const struct vt_index_record *records, uint64_t count, struct vt_digest *ret);
/* Writes the run's records, sorted already; fills run->root. run->count is known. On failure
 * there is no such file, or the one from before. */
VT_MUST enum vt_err vt_index_run_write(const char *dir, struct vt_index_run *run,
    const struct vt_index_record *records, struct vt_why *why);

/*
 * Merging runs of DIR, at most VT_INDEX_MERGE_MAX, into the one that they make up: in steps.
 * The sources stay. Each is hashed on the way and must have its root: VT_E_DIGEST.
 */
#define VT_INDEX_MERGE_MAX 128U
struct vt_index_merge;
VT_MUST enum vt_err vt_index_merge_new(const char *dir, const struct vt_index_run *source,
    size_t n, unsigned k, uint64_t j, struct vt_index_merge **ret, struct vt_why *why);
/* Breaks it off when it is not done; takes NULL. */
void vt_index_merge_free(struct vt_index_merge *m);
/* Moves up to `budget` records. *ret_done: the run is there, and *ret describes it. An error is
 * final: free it. */
VT_MUST enum vt_err vt_index_merge_step(struct vt_index_merge *m, uint64_t budget,
    bool *ret_done, struct vt_index_run *ret, struct vt_why *why);

#endif
