/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus' text format (version 0.0.4), as services put it together for GET /metrics.
 *
 * A family is a name with its HELP and TYPE lines, then one line for each set of labels. Labels
 * are given as they stand between the braces, without them, such as `origin="x",status="200"`;
 * make their values with vt_metric_label, which escapes. "" or NULL: none.
 */
#ifndef VT_BASE_METRIC_H
#define VT_BASE_METRIC_H

#include "base/buf.h"

#define VT_METRIC_TYPE "text/plain; version=0.0.4; charset=utf-8" /* of the answer */

void vt_metric_family(struct vt_buf *b, const char *name, const char *type, const char *help);
void vt_metric_value(struct vt_buf *b, const char *name, const char *labels, uint64_t value);
/* A value in seconds that is counted in microseconds. */
void vt_metric_seconds(struct vt_buf *b, const char *name, const char *labels, uint64_t us);
/* A family of one value: all three lines. */
void vt_metric_one(struct vt_buf *b, const char *name, const char *type, const char *help,
    const char *labels, uint64_t value);
/* Appends NAME="VALUE" to labels, after a comma where there are some; VALUE escaped. */
void vt_metric_label(struct vt_buf *labels, const char *name, const char *value);

/* How long things took: counts in buckets of 0.5 ms, 1, 2.5, 5, 10, 25, 50, 100, 250, 500 ms,
 * 1 s, 2.5, 5, 10 and above. One thread. */
#define VT_METRIC_BUCKETS 15U
struct vt_metric_histogram {
    uint64_t bucket[VT_METRIC_BUCKETS]; /* not cumulative; the last is what is above 10 s */
    uint64_t sum_us;
    uint64_t count;
};
void vt_metric_observe(struct vt_metric_histogram *h, uint64_t us);
/* Its lines, without HELP and TYPE (type "histogram"). */
void vt_metric_histogram_put(struct vt_buf *b, const char *name, const char *labels,
    const struct vt_metric_histogram *h);

/* Bytes of memory that this process holds (resident); 0: not known. */
uint64_t vt_metric_resident(void);
/* For a process that will soon open no files any more: keeps open what tells that. */
void vt_metric_resident_prepare(void);

#endif
