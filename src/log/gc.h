/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clearing up a log: what nobody needs any more once a checkpoint is published.
 * docs/formats/log.md, "Clearing up".
 *
 * Both go in small steps, and after a crash or a kill go on where they were.
 */
#ifndef VT_LOG_GC_H
#define VT_LOG_GC_H

#include "note/policy.h"

struct vt_progress;

struct vt_gc_freed {
    uint64_t size;  /* of the published checkpoint */
    uint64_t files; /* that were removed */
    uint64_t bytes;
    uint64_t kept; /* partial tiles whose full tile is missing */
    uint64_t upto; /* files that held entries below this one alone are gone (vt_gc_wal) */
};

/* Removes the partial tiles and bundles of PUBLIC that full ones have replaced in the published
 * checkpoint, which must be one that the policy accepts. Beside a running log: that one writes
 * tiles beyond its published checkpoint alone, and does not mind when a partial one is gone.
 * `log_dir` (HOME/log) gets the file `gc` with how far it is, and `gc.lock`: VT_E_BUSY. Errors
 * of vt_policy_check_checkpoint; VT_E_IO. progress may be NULL. */
VT_MUST enum vt_err vt_gc_partials(const char *log_dir, const char *public_dir,
    const struct vt_policy *policy, struct vt_progress *progress, struct vt_gc_freed *ret,
    struct vt_why *why);

/* Removes those files of the write-ahead log whose entries the published checkpoint covers and
 * whose bundles, read back, lead to it; not those with one of the newest VT_LOG_WINDOW entries.
 * Takes the log's lock: VT_E_BUSY when it runs. VT_E_PROOF, VT_E_NOENT: a bundle is not what
 * the checkpoint covers; nothing from there on is removed. */
VT_MUST enum vt_err vt_gc_wal(const char *log_dir, const char *public_dir,
    const struct vt_policy *policy, struct vt_progress *progress, struct vt_gc_freed *ret,
    struct vt_why *why);

#endif
