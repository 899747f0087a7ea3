/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The right edge of a tree: of each tile level the hashes of the last, partial tile. Enough to
 * append whole tiles and to know the root. Private to src/log.
 */
#ifndef VT_LOG_TILES_EDGE_H
#define VT_LOG_TILES_EDGE_H

#include "merkle/tile.h"

/* 64 KiB; begin with zeroes. */
struct vt_edge {
    uint64_t size; /* leaves */
    struct vt_digest hash[VT_TILE_LEVEL_MAX + 1][VT_TILE_WIDTH];
};

/* The partial tile of a level: width 0 when there is none. */
struct vt_tile vt_edge_tile(const struct vt_edge *e, unsigned level);
/* The root of all that it has. VT_E_USAGE: 2^63 leaves or more. */
VT_MUST enum vt_err vt_edge_root(
    const struct vt_edge *e, struct vt_digest *ret, struct vt_why *why);

/* Appends the hash of 256^level leaves; the levels below must be empty. Calls full, lowest
 * first, for each tile that it completes; its error is returned, and the edge is then of no
 * more use. */
VT_MUST enum vt_err vt_edge_put(struct vt_edge *e, unsigned level, const struct vt_digest *hash,
    enum vt_err (*full)(
        void *ctx, const struct vt_tile *t, const struct vt_digest *hashes, struct vt_why *why),
    void *ctx, struct vt_why *why);
/* Makes it that of the first `size` leaves of a tree whose hashes src gives. */
VT_MUST enum vt_err vt_edge_load(
    struct vt_edge *e, const struct vt_hash_source *src, uint64_t size, struct vt_why *why);

#endif
