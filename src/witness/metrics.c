/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/metrics.h"

#include <inttypes.h>
#include <stdio.h>

/* The answers that have a row of their own; the last is for others. */
static const int statuses[] = {200, 400, 403, 404, 405, 409, 413, 422, 429, 500, 503, 408, 0};
_Static_assert(sizeof(statuses) / sizeof(statuses[0]) ==
                   sizeof(((struct vt_witness_metrics *)0)->requests) / sizeof(uint64_t),
    "a row for each status");

/* Upper bounds but the last. */
static const unsigned batches[VT_WITNESS_BATCH_BUCKETS - 1] = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000};

void
vt_witness_metrics_count(struct vt_witness_metrics *m, int status)
{
    size_t i = 0;

    while (statuses[i] != 0 && statuses[i] != status)
        i++;
    m->requests[i]++;
}

void
vt_witness_metrics_sync(struct vt_witness_metrics *m, size_t n, uint64_t us)
{
    size_t i = 0;

    while (i < VT_WITNESS_BATCH_BUCKETS - 1 && n > batches[i])
        i++;
    m->batch[i]++;
    m->syncs++;
    m->cosignatures += n;
    vt_metric_observe(&m->sync, us);
}

static void
put(struct vt_buf *b, const char *name, const char *type, const char *help, uint64_t v)
{
    char whole[80];

    (void)snprintf(whole, sizeof(whole), "vitrine_witness_%s", name);
    vt_metric_one(b, whole, type, help, NULL, v);
}

static void
put_requests(const struct vt_witness_metrics *m, struct vt_buf *b)
{
    static const char name[] = "vitrine_witness_requests_total";
    char label[32];

    vt_metric_family(b, name, "counter", "Answers to add-checkpoint, by status.");
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i] == 0)
            (void)snprintf(label, sizeof(label), "status=\"other\"");
        else
            (void)snprintf(label, sizeof(label), "status=\"%d\"", statuses[i]);
        vt_metric_value(b, name, label, m->requests[i]);
    }
}

static void
put_batches(const struct vt_witness_metrics *m, struct vt_buf *b)
{
    static const char name[] = "vitrine_witness_batch_checkpoints";
    uint64_t below = 0;

    vt_metric_family(b, name, "histogram", "Checkpoints made durable by one fdatasync.");
    for (size_t i = 0; i < VT_WITNESS_BATCH_BUCKETS; i++) {
        below += m->batch[i];
        if (i < VT_WITNESS_BATCH_BUCKETS - 1)
            vt_buf_putf(b, "%s_bucket{le=\"%u\"} %" PRIu64 "\n", name, batches[i], below);
        else
            vt_buf_putf(b, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, below);
    }
    vt_buf_putf(
        b, "%s_sum %" PRIu64 "\n%s_count %" PRIu64 "\n", name, m->cosignatures, name, below);
}

/* One family of the logs that are followed: the first VT_WITNESS_METRIC_LOGS of them. */
static void
put_family(const struct vt_witness_table *t, const char *name, const char *help,
    uint64_t (*value)(const struct vt_witness_log *log), struct vt_buf *b)
{
    struct vt_buf label = VT_BUF(1024);
    size_t shown = 0;

    vt_metric_family(b, name, "gauge", help);
    for (size_t i = 0; i < vt_witness_table_count(t) && shown < VT_WITNESS_METRIC_LOGS; i++) {
        const struct vt_witness_log *log = vt_witness_table_at(t, i);

        if (log->keys.count == 0)
            continue;
        vt_buf_clear(&label);
        vt_metric_label(&label, "origin", log->origin);
        vt_metric_value(b, name, vt_buf_str(&label), value(log));
        shown++;
    }
    vt_buf_release(&label);
}

static uint64_t
size_of(const struct vt_witness_log *log)
{
    return log->size;
}

static uint64_t
time_of(const struct vt_witness_log *log)
{
    return log->time;
}

static uint64_t
evidence_of(const struct vt_witness_log *log)
{
    return log->evidence;
}

static void
put_logs(const struct vt_witness_table *t, struct vt_buf *b)
{
    put(b, "logs", "gauge", "Logs that are followed.", vt_witness_table_followed(t));
    put(b, "records", "gauge", "Logs that are known, followed or not.",
        vt_witness_table_count(t));
    put_family(
        t, "vitrine_witness_log_size", "Entries of a log when last cosigned.", size_of, b);
    put_family(t, "vitrine_witness_log_cosigned_timestamp_seconds",
        "Time of a log's newest cosignature.", time_of, b);
    put_family(t, "vitrine_witness_log_evidence",
        "Files about a log that signed against its own record.", evidence_of, b);
}

static void
put_sync(const struct vt_witness_metrics *m, struct vt_buf *b)
{
    static const char name[] = "vitrine_witness_sync_seconds";

    vt_metric_family(b, name, "histogram", "Time to make a batch durable.");
    vt_metric_histogram_put(b, name, NULL, &m->sync);
}

void
vt_witness_metrics_put(
    const struct vt_witness_metrics *m, const struct vt_witness_state *s, struct vt_buf *b)
{
    put_requests(m, b);
    put(b, "cosigned_total", "counter", "Checkpoints cosigned.", m->cosignatures);
    put(b, "repeated_total", "counter", "Requests that got the same second's lines again.",
        m->repeats);
    put(b, "splits_total", "counter", "Two trees of one size that a log signed.", m->splits);
    put(b, "unproven_total", "counter", "Trees that were not shown to continue the record.",
        m->unproven);
    put(b, "evidence_total", "counter", "Files of evidence kept.", m->evidence);
    put(b, "syncs_total", "counter", "Batches made durable.", m->syncs);
    put(b, "sync_failures_total", "counter", "Batches that the disk did not take.",
        m->sync_failures);
    put_sync(m, b);
    put_batches(m, b);
    put(b, "disk_sound", "gauge", "1 when the disk takes records.", s->sound ? 1 : 0);
    put(b, "signer_restarts_total", "counter", "Signer processes started again.", s->restarts);
    put(b, "reloads_total", "counter", "Times that the list of logs was read again.",
        m->reloads);
    put(b, "reload_failures_total", "counter", "Times that it could not be.",
        m->reload_failures);
    put(b, "resident_bytes", "gauge", "Memory of the process that serves.",
        vt_metric_resident());
    put_logs(s->table, b);
}
