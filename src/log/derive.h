/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deriving the public files of a log (C2SP tlog-tiles) from the tree in memory
 * and the entries in the WAL. Private to src/log.
 */
#ifndef VT_LOG_DERIVE_H
#define VT_LOG_DERIVE_H

#include "log/levels.h"

struct vt_derive {
    const char *dir; /* the public folder */
    struct vt_levels *levels;
    /* Appends entry `index`'s bytes to b. */
    enum vt_err (*entry)(void *ctx, uint64_t index, struct vt_buf *b, struct vt_why *why);
    void *ctx;
};

/* Writes every tile and bundle that a tree of `size` has and a tree of
 * `old_size` has not, each durably, lower levels first. With old_size 0 only
 * files that are missing are written (they never change). Partial tiles of a
 * tile that filled up are removed when the next one has filled up too. */
VT_MUST enum vt_err vt_derive_tiles(
    const struct vt_derive *d, uint64_t old_size, uint64_t size, struct vt_why *why);

#endif
