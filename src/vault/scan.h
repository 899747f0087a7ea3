/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scanning: reads the segments of a grant's scope, and gives out plain text block by
 * block: read, leaf hashed, outer seal opened, inner seal opened, decompressed, records
 * counted. For the process that feeds a job, which has no network. Memory is bounded by one
 * segment head, one block, and its keys.
 */
#ifndef VT_VAULT_SCAN_H
#define VT_VAULT_SCAN_H

#include "vault/inventory.h"
#include "vault/keeper.h"

struct vt_scan_counts {
    uint64_t segments;
    uint64_t blocks;
    uint64_t records;
    uint64_t plain_bytes;
    uint64_t erased_blocks;           /* in scope, their subjects erased */
    uint64_t subjects;                /* distinct */
    struct vt_digest segments_digest; /* SHA-256 over the rows (72 bytes each) of the segments
                                         read, in order */
};

/* Called for each block in scope, with its records each ended by a newline. */
typedef enum vt_err (*vt_scan_fn)(void *ctx, const struct vt_segment_head *head,
    const struct vt_block_row *row, const uint8_t *batch_customer, const void *plain,
    size_t len, struct vt_why *why);

/* Scans all segments of the session's scope that the region's inventory at `home` names.
 * A segment whose root is not the inventory's ends it with VT_E_DIGEST: what was
 * given out before must then be thrown away by the caller. */
VT_MUST enum vt_err vt_scan_run(const struct vt_home *home, struct vt_keeper *keeper,
    uint64_t session, const struct vt_scope *scope, vt_scan_fn fn, void *ctx,
    struct vt_scan_counts *ret, struct vt_why *why);

#endif
