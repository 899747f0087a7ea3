/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit's threads. Private to src/log.
 *
 * A unit is a run of bundles. Units are claimed in order, worked on at the same time, and put
 * together in order again by the main thread. An error has the unit where it was found; no
 * unit beyond it is begun, and all before it are finished, so that what is reported is the
 * first error of the log whatever the number of threads.
 */
#ifndef VT_LOG_AUDIT_WORK_H
#define VT_LOG_AUDIT_WORK_H

#include "log/audit.h"
#include "log/tiles.h"

#include <pthread.h>

enum { VT_AUDIT_UNIT_MAX = 128, VT_AUDIT_RING = 256 };

/* What became of a unit: the hash of each full bundle. */
struct vt_audit_unit {
    bool ready;
    unsigned count;
    struct vt_digest hash[VT_AUDIT_UNIT_MAX];
};

struct vt_audit_work {
    /* Set before the threads begin. */
    const char *where;
    const struct vt_policy *policy;
    uint64_t size;
    struct vt_digest root;
    uint64_t per_unit; /* bundles */
    uint64_t units;
    /* Under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t next;  /* the unit to be claimed */
    uint64_t taken; /* units that were put together */
    uint64_t bundles_done;
    struct vt_audit_unit ring[VT_AUDIT_RING];
    uint64_t bad; /* the unit of the first error; UINT64_MAX: none */
    enum vt_err err;
    struct vt_why why;
    struct vt_log_audit sum;
    /* Of the last bundle, when it is partial. */
    unsigned tail;
    struct vt_digest leaf[VT_TILE_WIDTH];
};

/* A thread's body; arg is the work. */
void *vt_audit_thread(void *arg);
/* Recomputes the index's roots, which the reader's entries name. *ret_roots: how many were
 * right. VT_E_PROOF: one is false. */
VT_MUST enum vt_err vt_audit_index(struct vt_log_reader *r,
    const struct vt_log_audit_opts *opts, uint64_t *ret_roots, struct vt_why *why);
/* Notes an error found in that unit. */
void vt_audit_fail(
    struct vt_audit_work *w, uint64_t unit, enum vt_err err, const struct vt_why *why);

#endif
