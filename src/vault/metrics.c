/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/metrics.h"

#include "base/file.h"

#include <stdio.h>
#include <unistd.h>

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

uint64_t
vt_metrics_rss(void)
{
    struct vt_buf b = VT_BUF(4096);
    struct vt_reader r, word;
    uint64_t pages = 0;
    long page = sysconf(_SC_PAGESIZE);

    if (vt_file_read("/proc/self/statm", &b, NULL) == VT_OK) {
        r = VT_READER(b.data, b.len);
        if (!vt_reader_word(&r, ' ', &word) || !vt_reader_word(&r, ' ', &word) ||
            !vt_reader_decimal(&word, UINT32_MAX, &pages))
            pages = 0;
    }
    vt_buf_release(&b);
    return page > 0 ? pages * (uint64_t)page : 0;
}

static void
put(struct vt_buf *b, const char *name, const char *type, const char *help, uint64_t v)
{
    vt_buf_putf(b,
        "# HELP vitrine_vault_%s %s\n# TYPE vitrine_vault_%s %s\nvitrine_vault_%s %llu\n", name,
        help, name, type, name, (unsigned long long)v);
}

static void
put_refused(const struct vt_metrics *m, struct vt_buf *b)
{
    static const char name[] = "vitrine_vault_batches_refused_total";

    vt_buf_putf(b, "# HELP %s Batches not taken, by reason.\n# TYPE %s counter\n", name, name);
    for (unsigned r = VT_REFUSED_NONE + 1; r < VT_REFUSED_COUNT; r++)
        vt_buf_putf(b, "%s{reason=\"%s\"} %llu\n", name, refusals[r].name,
            (unsigned long long)m->refused[r]);
}

static void
put_sync_seconds(const struct vt_metrics *m, struct vt_buf *b)
{
    static const char name[] = "vitrine_vault_wal_sync_seconds_total";

    vt_buf_putf(b,
        "# HELP %s Time spent making batches durable.\n# TYPE %s counter\n%s %llu.%06llu\n",
        name, name, name, (unsigned long long)(m->sync_us / 1000000),
        (unsigned long long)(m->sync_us % 1000000));
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
    put(b, "store_resident_bytes", "gauge", "Memory of the store process.", vt_metrics_rss());
}
