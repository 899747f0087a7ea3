/* SPDX-License-Identifier: Apache-2.0 */
#include "log/metrics.h"

#include "log/service.h"

#include <stdio.h>

static const char *const add_names[VT_ADD_COUNT] = {
    "added", "duplicate", "refused", "busy", "frozen", "failed"};
static const char *const await_names[VT_AWAIT_COUNT] = {"covered", "late", "ended"};

void
vt_log_numbers_batch(struct vt_log_numbers *n, uint64_t entries, uint64_t us)
{
    size_t i = 0;

    while (i < VT_BATCH_BUCKETS - 1 && entries > (1ULL << (2 * i)))
        i++;
    n->batch[i]++;
    n->batch_sum += entries;
    vt_metric_observe(&n->commit, us);
}

/* A family of one value without a sign that is greater than 0. */
static void
put(struct vt_buf *b, const char *name, const char *type, const char *help, const char *labels,
    uint64_t v)
{
    char whole[80];

    (void)snprintf(whole, sizeof whole, "vitrine_log_%s", name);
    vt_metric_one(b, whole, type, help, labels, v);
}

/* A counter with a label that has a few fixed values. */
static void
put_by(struct vt_buf *b, const char *name, const char *help, const char *labels,
    const char *label, const char *const *values, const uint64_t *v, size_t n)
{
    struct vt_buf all = VT_BUF(2048);

    vt_metric_family(b, name, "counter", help);
    for (size_t i = 0; i < n; i++) {
        vt_buf_clear(&all);
        vt_buf_puts(&all, labels);
        vt_metric_label(&all, label, values[i]);
        vt_metric_value(b, name, vt_buf_str(&all), v[i]);
    }
    vt_buf_release(&all);
}

static void
put_histogram(struct vt_buf *b, const char *name, const char *help, const char *labels,
    const struct vt_metric_histogram *h)
{
    vt_metric_family(b, name, "histogram", help);
    vt_metric_histogram_put(b, name, labels, h);
}

static void
put_batches(struct vt_buf *b, const char *labels, const struct vt_log_numbers *n)
{
    static const char name[] = "vitrine_log_commit_entries";
    uint64_t below = 0;

    vt_metric_family(b, name, "histogram", "Entries in a batch.");
    for (size_t i = 0; i < VT_BATCH_BUCKETS; i++) {
        char le[16] = "+Inf";

        if (i < VT_BATCH_BUCKETS - 1)
            (void)snprintf(le, sizeof le, "%llu", 1ULL << (2 * i));
        below += n->batch[i];
        vt_buf_putf(
            b, "%s_bucket{%s,le=\"%s\"} %llu\n", name, labels, le, (unsigned long long)below);
    }
    vt_buf_putf(b, "%s_sum{%s} %llu\n%s_count{%s} %llu\n", name, labels,
        (unsigned long long)n->batch_sum, name, labels, (unsigned long long)below);
}

static void
put_ages(
    struct vt_buf *b, const char *labels, const struct vt_publisher_numbers *p, int64_t now)
{
    static const char age[] = "vitrine_log_checkpoint_age_seconds";
    int64_t s = now > p->published_s ? now - p->published_s : 0;

    vt_metric_family(
        b, age, "gauge", "Seconds since the checkpoint was published; -1 without one.");
    vt_buf_putf(b, "%s{%s} %lld\n", age, labels, p->published_s == 0 ? -1LL : (long long)s);
}

static void
put_answers(struct vt_buf *b, const char *labels, const struct vt_publisher_numbers *p)
{
    static const char name[] = "vitrine_log_witness_answers_total";
    struct vt_buf all = VT_BUF(4096);

    vt_metric_family(b, name, "counter", "Answers of witnesses.");
    for (size_t i = 0; i < p->witness_count; i++)
        for (unsigned a = 0; a < VT_ANSWER_COUNT; a++) {
            vt_buf_clear(&all);
            vt_buf_puts(&all, labels);
            vt_metric_label(&all, "witness", p->witness[i].name);
            vt_metric_label(&all, "answer", vt_witness_answer_name((enum vt_witness_answer)a));
            vt_metric_value(b, name, vt_buf_str(&all), p->witness[i].answers[a]);
        }
    vt_buf_release(&all);
}

static void
put_witnesses(
    struct vt_buf *b, const char *labels, const struct vt_publisher_numbers *p, int64_t now)
{
    static const char name[] = "vitrine_log_witness_cosigned_age_seconds";
    struct vt_buf all = VT_BUF(4096);

    put_answers(b, labels, p);
    vt_metric_family(b, name, "gauge", "Seconds since a witness's last cosignature.");
    for (size_t i = 0; i < p->witness_count; i++) {
        if (p->witness[i].cosigned_s == 0)
            continue;
        vt_buf_clear(&all);
        vt_buf_puts(&all, labels);
        vt_metric_label(&all, "witness", p->witness[i].name);
        vt_metric_value(b, name, vt_buf_str(&all),
            now > p->witness[i].cosigned_s ? (uint64_t)(now - p->witness[i].cosigned_s) : 0);
    }
    vt_buf_release(&all);
}

static void
put_adds(struct vt_buf *b, const char *labels, const struct vt_log_numbers *n)
{
    put_by(b, "vitrine_log_adds_total", "Requests to add an entry, by what came of them.",
        labels, "result", add_names, n->adds, VT_ADD_COUNT);
    put_by(b, "vitrine_log_await_total", "Requests that waited for a witnessed checkpoint.",
        labels, "result", await_names, n->awaits, VT_AWAIT_COUNT);
    put(b, "queue", "gauge", "Entries taken and not durable yet.", labels, n->queue);
    put(b, "awaiting", "gauge", "Requests that await a checkpoint.", labels, n->awaiting);
    put_histogram(
        b, "vitrine_log_commit_seconds", "Making a batch durable.", labels, &n->commit);
    put_batches(b, labels, n);
    put(b, "commit_failures_total", "counter", "Batches that could not be made durable.",
        labels, n->commit_failures);
    put_histogram(b, "vitrine_log_publication_seconds",
        "From durable to covered by a published checkpoint.", labels, &n->publication);
}

void
vt_log_numbers_put(const struct vt_log_numbers *n, const struct vt_publisher_numbers *p,
    const char *labels, int64_t now, struct vt_buf *b)
{
    struct vt_buf all = VT_BUF(2048);

    put(b, "entries", "gauge", "Durable entries.", labels, n->entries);
    put(b, "derived_entries", "gauge", "Entries whose tiles are written.", labels, n->derived);
    put(b, "checkpoint_entries", "gauge", "Size of the published checkpoint.", labels, p->size);
    put_ages(b, labels, p, now);
    put(b, "frozen", "gauge", "1 once the log is frozen.", labels, n->frozen ? 1 : 0);
    put_adds(b, labels, n);
    put(b, "rounds_total", "counter", "Checkpoints for which witnesses were asked.", labels,
        p->rounds);
    put(b, "rounds_missed_total", "counter", "Rounds that found no quorum.", labels, p->missed);
    put_witnesses(b, labels, p, now);
    vt_buf_puts(&all, labels);
    vt_metric_label(&all, "process", "log");
    vt_metric_one(b, VT_SERVICE_RESIDENT, "gauge", "Memory that processes hold.",
        vt_buf_str(&all), vt_metric_resident());
    vt_buf_release(&all);
}
