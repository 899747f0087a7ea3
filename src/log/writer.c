/* SPDX-License-Identifier: Apache-2.0 */
/* The taking side, and what either side may ask. */
#include "log/writer.h"

#include "log/writer_held.h"

#include <stdlib.h>

void
vt_log_writer_free(struct vt_log_writer *w)
{
    if (w == NULL)
        return;
    vt_entries_free(w->entries);
    vt_wal_follow_free(w->follow);
    vt_derive_free(w->derive);
    vt_window_free(w->names);
    vt_wal_free(w->wal);
    vt_buf_release(&w->signed_note);
    vt_buf_release(&w->frozen_note);
    (void)pthread_mutex_destroy(&w->gate_mutex);
    if (w->locked)
        vt_lock_release(&w->lock);
    free(w);
}

uint64_t
vt_log_writer_size(const struct vt_log_writer *w)
{
    return vt_wal_count(w->wal);
}

uint64_t
vt_log_writer_derived(const struct vt_log_writer *w)
{
    return vt_derive_size(w->derive);
}

uint64_t
vt_log_writer_cut(const struct vt_log_writer *w)
{
    return w->cut;
}

bool
vt_log_writer_frozen(const struct vt_log_writer *w)
{
    return atomic_load(&w->gate) == VT_LOG_FROZEN;
}

bool
vt_log_writer_find(
    const struct vt_log_writer *w, const struct vt_digest *name, uint64_t *ret_index)
{
    return vt_window_find(w->names, name, ret_index);
}

static enum vt_err
refuse_closed(const struct vt_log_writer *w, struct vt_why *why)
{
    return vt_fail(
        why, VT_E_STATE, "the log %s is frozen: it takes no more entries", w->origin);
}

static bool
lags(const struct vt_log_writer *w)
{
    uint64_t bytes = w->taken_bytes + w->queued_bytes -
                     atomic_load_explicit(&w->derived_bytes, memory_order_relaxed);

    return vt_window_end(w->names) - vt_log_writer_derived(w) >= VT_LOG_LAG_MAX ||
           bytes >= VT_LOG_LAG_BYTES_MAX;
}

enum vt_err
vt_log_writer_add(struct vt_log_writer *w, const void *entry, size_t len,
    const struct vt_digest *name, uint64_t *ret_index, struct vt_why *why)
{
    enum vt_err err;

    if (atomic_load(&w->gate) != VT_LOG_OPEN)
        return refuse_closed(w, why);
    if (len > VT_WAL_RECORD_MAX)
        return vt_fail(why, VT_E_LIMIT, "an entry has at most %u bytes", VT_WAL_RECORD_MAX);
    if (vt_log_writer_find(w, name, ret_index))
        return VT_OK;
    if (lags(w))
        return vt_fail(why, VT_E_BUSY, "the log's tiles are too far behind: try again");
    err = vt_wal_put(w->wal, entry, (uint16_t)len, name, why);
    if (err != VT_OK)
        return err;
    *ret_index = vt_window_end(w->names);
    vt_window_put(w->names, name);
    w->queued_bytes += len;
    return VT_OK;
}

enum vt_err
vt_log_writer_commit(struct vt_log_writer *w, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (vt_wal_queued(w->wal) == 0)
        return VT_OK;
    (void)pthread_mutex_lock(&w->gate_mutex);
    if (atomic_load(&w->gate) == VT_LOG_OPEN) {
        err = vt_wal_commit(w->wal, why);
    } else {
        vt_wal_abandon(w->wal);
        err = refuse_closed(w, why);
    }
    (void)pthread_mutex_unlock(&w->gate_mutex);
    if (err == VT_OK)
        w->taken_bytes += w->queued_bytes;
    else
        vt_window_cut(w->names, vt_log_writer_size(w));
    w->queued_bytes = 0;
    return err;
}

enum vt_err
vt_log_writer_entry(
    struct vt_log_writer *w, uint64_t index, struct vt_buf *b, struct vt_why *why)
{
    if (index >= vt_log_writer_size(w))
        return vt_fail(why, VT_E_NOENT, "the log has no entry %llu", (unsigned long long)index);
    return vt_entries_get(w->entries, index, b, why);
}
