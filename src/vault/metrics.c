/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/metrics.h"

#include "base/metric.h"

#include <stdio.h>

static const struct {
    const char *name;
    int status;
} refusals[VT_REFUSED_COUNT] = {
    [VT_REFUSED_NONE] = {"none", 200},
    [VT_REFUSED_FORM] = {"form", 400},
    [VT_REFUSED_SIZE] = {"size", 413},
    [VT_REFUSED_REGION] = {"region", 421},
    [VT_REFUSED_SITE] = {"site", 421},
    [VT_REFUSED_KEY] = {"key", 421},
    [VT_REFUSED_CLASS] = {"class", 421},
    [VT_REFUSED_POLICY] = {"policy", 421},
    [VT_REFUSED_READY] = {"not-ready", 503},
    [VT_REFUSED_FULL] = {"full", 503},
    [VT_REFUSED_DISK] = {"disk", 503},
};

const char *
vt_refused_name(enum vt_refused r)
{
    return (unsigned)r < VT_REFUSED_COUNT ? refusals[r].name : "none";
}

int
vt_refused_status(enum vt_refused r)
{
    return (unsigned)r < VT_REFUSED_COUNT ? refusals[r].status : 503;
}

static void
put(struct vt_buf *b, const char *name, const char *type, const char *help, uint64_t v)
{
    char whole[80];

    (void)snprintf(whole, sizeof whole, "vitrine_vault_%s", name);
    vt_metric_one(b, whole, type, help, NULL, v);
}

static void
put_refused(const struct vt_metrics *m, struct vt_buf *b)
{
    static const char name[] = "vitrine_vault_batches_refused_total";

    vt_metric_family(b, name, "counter", "Batches not taken, by reason.");
    for (unsigned r = VT_REFUSED_NONE + 1; r < VT_REFUSED_COUNT; r++)
        vt_buf_putf(b, "%s{reason=\"%s\"} %llu\n", name, refusals[r].name,
            (unsigned long long)m->refused[r]);
}

static void
put_sync_seconds(const struct vt_metrics *m, struct vt_buf *b)
{
    static const char name[] = "vitrine_vault_wal_sync_seconds_total";

    vt_metric_family(b, name, "counter", "Time spent making batches durable.");
    vt_metric_seconds(b, name, NULL, m->sync_us);
}

void
vt_metrics_put(const struct vt_metrics *m, struct vt_buf *b)
{
    put(b, "batches_accepted_total", "counter", "Batches acknowledged.", m->batches);
    put(b, "records_accepted_total", "counter", "Records in them.", m->records);
    put(b, "bytes_accepted_total", "counter", "Bytes of them, sealed.", m->bytes);
    put(b, "batches_duplicate_total", "counter", "Batches that had been taken before.",
        m->duplicates);
    put_refused(m, b);
    put(b, "wal_syncs_total", "counter", "Groups of batches made durable.", m->syncs);
    put_sync_seconds(m, b);
    put(b, "segments_packed_total", "counter", "Segments made.", m->segments);
    put(b, "segment_bytes_total", "counter", "Bytes of them.", m->segment_bytes);
    put(b, "pack_failures_total", "counter", "Times that packing failed, to be tried again.",
        m->pack_failures);
    put(b, "shares_accepted_total", "counter", "Sealed shares stored.", m->shares);
    put(b, "move_posts_total", "counter", "Posts of relocations.", m->moves);
    put(b, "wal_bytes", "gauge", "Bytes of batches that are not in a segment yet.",
        m->wal_bytes);
    put(b, "wal_files", "gauge", "Write-ahead files.", m->wal_files);
    put(b, "wal_batches", "gauge", "Batches in them.", m->wal_batches);
    put(b, "known_batches", "gauge", "Batches in segments, known by id.", m->known_batches);
    put(b, "queue", "gauge", "Requests taken and not answered yet.", m->queue);
    put(b, "ready", "gauge", "1 when a vault policy is in force here.", m->ready ? 1 : 0);
    put(b, "store_resident_bytes", "gauge", "Memory of the store process.",
        vt_metric_resident());
}
