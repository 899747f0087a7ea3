/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the log process counts, and how it is told: docs/formats/log-metrics.md.
 */
#ifndef VT_LOG_METRICS_H
#define VT_LOG_METRICS_H

#include "base/metric.h"
#include "log/publisher.h"

/* What came of a request to add an entry. */
enum vt_add_result {
    VT_ADD_ADDED,
    VT_ADD_DUPLICATE,
    VT_ADD_REFUSED,
    VT_ADD_BUSY,
    VT_ADD_FROZEN,
    VT_ADD_FAILED,
    VT_ADD_COUNT
};

/* What became of a request that waited for a checkpoint. */
enum vt_await_result { VT_AWAIT_COVERED, VT_AWAIT_LATE, VT_AWAIT_ENDED, VT_AWAIT_COUNT };

/* Upper bounds of the buckets of batches: 1, 4, 16, ... 4,096, and above. */
#define VT_BATCH_BUCKETS 8U

/* Counted by the taking side. */
struct vt_log_numbers {
    uint64_t entries;
    uint64_t derived;
    bool frozen;
    uint64_t adds[VT_ADD_COUNT];
    uint64_t awaits[VT_AWAIT_COUNT];
    uint64_t queue;
    uint64_t awaiting;
    struct vt_metric_histogram commit;
    uint64_t batch[VT_BATCH_BUCKETS]; /* not cumulative */
    uint64_t batch_sum;
    uint64_t commit_failures;
    struct vt_metric_histogram publication;
};

/* Counts a batch that became durable. */
void vt_log_numbers_batch(struct vt_log_numbers *n, uint64_t entries, uint64_t us);

/* Appends all families; the last is the memory of processes, with this one's line. `labels` is
 * the label origin; now in seconds since 1970. */
void vt_log_numbers_put(const struct vt_log_numbers *n, const struct vt_publisher_numbers *p,
    const char *labels, int64_t now, struct vt_buf *b);

#endif
