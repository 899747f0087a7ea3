/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of a job: the one way in which plain text is read. docs/formats/job.md is the page.
 *
 *     this process           starts the others, hears counts, gets a sealed result
 *      ├ feeder              keys and plain text: reads the segments, hands each record to
 *      │                     the cell of its data subject; no network, opens nothing for
 * writing ├ cell 0 .. C-1       each runs the job in a sandbox of its own; sees the records of
 *      │                     its subjects and nothing else; no network
 *      └ gatherer            reads what the cells wrote, aggregates, seals the result; likewise
 *
 * Every cell has the records of subjects that no other cell sees, so a row of output that k
 * cells gave has k distinct subjects behind it (vault/aggregate.h). Plain text goes through
 * pipes only.
 */
#ifndef VT_VAULT_JOB_H
#define VT_VAULT_JOB_H

#include "base/progress.h"
#include "vault/aggregate.h"
#include "vault/scan.h"

#define VT_JOB_ARTIFACT_MAX (256U << 20U)
#define VT_JOB_QUERY_MAX (1U << 20U)
#define VT_JOB_THRESHOLD_MAX 128U /* distinct cells that one machine can run */

struct vt_job_limits {
    uint32_t time_s;    /* of the whole run */
    uint32_t memory_mb; /* of each cell, as are the following */
    uint32_t processes;
    uint32_t disk_mb;   /* in memory: the artifact and temporary files */
    uint32_t output_kb; /* written to standard output */
    uint32_t rows;
};
/* 1 h, 512 MiB, 64 processes, 128 MiB, 4 MiB, 100,000 rows. */
void vt_job_limits_usual(struct vt_job_limits *ret);

struct vt_job {
    const struct vt_home *home;
    struct vt_keeper *keeper; /* with the session open; not to be used by others meanwhile */
    uint64_t session;
    struct vt_digest request; /* the signed document */
    struct vt_scope scope;
    uint32_t threshold; /* 1 to VT_JOB_THRESHOLD_MAX */
    uint64_t epsilon;   /* thousandths; the query must then have its line `-- noise:` */
    struct vt_box_public result_to;
    const void *artifact; /* an executable file, or a .tar.zst with bin/job */
    size_t artifact_len;
    const void *query; /* or NULL */
    size_t query_len;
    const char *root;     /* the environment's root folder */
    const char *work_dir; /* exists; a folder below it for this run is made and removed */
    struct vt_job_limits limits;
    struct vt_progress *progress; /* or NULL */
};

struct vt_job_result {
    struct vt_scan_counts counts;
    struct vt_aggregate_sum sum;
    struct vt_buf sealed;    /* an age file; vt_job_result_release */
    struct vt_buf customers; /* vt_customers_put; likewise */
    bool swap; /* this machine has swap, to which the memory of a job may be written */
};
void vt_job_result_release(struct vt_job_result *r);

/* How many cells a run with that threshold has: at least twice as many, 64 at most where that
 * is enough. */
unsigned vt_job_cells(uint32_t threshold);

/* Runs it. Nothing of it is left, on success or failure, but *ret. VT_E_CHILD: the job failed
 * in enough cells to be told. VT_E_TIMEOUT: it took longer than limits.time_s. VT_E_DIGEST,
 * VT_E_SIG: a segment is not what the inventory says: nothing comes out then. VT_E_STATE: no
 * sandbox can be made here. VT_E_CONFIG, VT_E_SYNTAX, VT_E_NOENT: threshold, noise line or
 * artifact cannot be used. Errors of vt_scan_run. */
VT_MUST enum vt_err vt_job_run(
    const struct vt_job *job, struct vt_job_result *ret, struct vt_why *why);

#endif
