/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mending the public files of a log: those that a signed checkpoint covers and that are
 * missing, or have a length that they cannot have, are made again: bundles from the
 * write-ahead log, leaf hashes from bundles, the levels above from those below. Private to
 * src/log.
 */
#ifndef VT_LOG_MEND_H
#define VT_LOG_MEND_H

#include "log/wal.h"

/* Looks after every tile and bundle of a tree of `size` below `dir`. Each that is made again is
 * held against the tile above it, where that is there, and put in its place durably.
 * *ret_mended: how many. VT_E_DIGEST: it cannot be made again, or would be another. Cost: one
 * stat a file. */
VT_MUST enum vt_err vt_mend_tiles(const char *dir, const struct vt_wal *wal, uint64_t size,
    uint64_t *ret_mended, struct vt_why *why);

#endif
