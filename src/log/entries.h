/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any durable entry of a log by its index: from its bundle where that is written, else from the
 * write-ahead log. Reading in order is cheap; any thread. Private to the writer.
 */
#ifndef VT_LOG_ENTRIES_H
#define VT_LOG_ENTRIES_H

#include "log/derive.h"
#include "log/wal.h"

struct vt_entries;

/* All three must outlive it. */
VT_MUST enum vt_err vt_entries_new(const char *public_dir, const struct vt_wal *wal,
    struct vt_derive *derive, struct vt_entries **ret, struct vt_why *why);
void vt_entries_free(struct vt_entries *e);

/* Appends the bytes. `index` is below vt_wal_count. */
VT_MUST enum vt_err vt_entries_get(
    struct vt_entries *e, uint64_t index, struct vt_buf *b, struct vt_why *why);

#endif
