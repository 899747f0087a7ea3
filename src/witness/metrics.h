/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a witness counts: docs/formats/witness-metrics.md. One thread.
 */
#ifndef VT_WITNESS_METRICS_H
#define VT_WITNESS_METRICS_H

#include "base/metric.h"
#include "witness/table.h"

#define VT_WITNESS_METRIC_LOGS 1000U /* logs that have lines of their own */
#define VT_WITNESS_BATCH_BUCKETS 12U

struct vt_witness_metrics {
    uint64_t requests[13]; /* by status: vt_witness_metrics_count */
    uint64_t cosignatures; /* checkpoints cosigned */
    uint64_t repeats;      /* requests that got the lines of the same second again */
    uint64_t splits;
    uint64_t unproven;
    uint64_t evidence; /* files kept */
    uint64_t syncs;
    uint64_t sync_failures;
    struct vt_metric_histogram sync;
    uint64_t batch[VT_WITNESS_BATCH_BUCKETS]; /* checkpoints made durable by one sync */
    uint64_t reloads;
    uint64_t reload_failures;
};

/* Counts an answer to add-checkpoint. */
void vt_witness_metrics_count(struct vt_witness_metrics *m, int status);
/* Counts a sync of n checkpoints. */
void vt_witness_metrics_sync(struct vt_witness_metrics *m, size_t n, uint64_t us);

struct vt_witness_state {
    const struct vt_witness_table *table;
    bool sound;        /* the disk takes records */
    uint64_t restarts; /* of signers */
};
/* The whole answer to GET /metrics. */
void vt_witness_metrics_put(
    const struct vt_witness_metrics *m, const struct vt_witness_state *s, struct vt_buf *b);

#endif
