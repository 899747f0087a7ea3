/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader's tiles: fetched, checked against a checkpoint's root, and cached.
 * Private to src/log.
 *
 * How a tile is checked. The partial tiles on the right edge hold, together,
 * every complete subtree that the tree of that size is made of: their hashes
 * must give the root. A full tile's root is one hash of the tile above it,
 * which is checked first in the same way, up to a tile on the right edge. So
 * each hash that is given out leads to the checkpoint.
 */
#ifndef VT_LOG_TILES_H
#define VT_LOG_TILES_H

#include "log/fetch.h"
#include "log/tiles_bundle.h"
#include "log/tiles_edge.h"

struct vt_tiles;

/* fetch must outlive it. */
VT_MUST enum vt_err vt_tiles_new(struct vt_fetch *fetch, uint64_t size,
    const struct vt_digest *root, struct vt_tiles **ret, struct vt_why *why);
void vt_tiles_free(struct vt_tiles *t);

/* The checked hash of a complete subtree. VT_E_PROOF: the log's tile does not
 * lead to the root. */
struct vt_hash_source vt_tiles_source(struct vt_tiles *t);

/* The checked right edge; valid while t is. */
VT_MUST enum vt_err vt_tiles_edge(
    struct vt_tiles *t, const struct vt_edge **ret, struct vt_why *why);

/* Whether bundle n is that of the tree. Of a full one the leaves must fold to a checked hash of
 * level 8, so that no tile of level 0 is fetched but to name the wrong entry. VT_E_PROOF. */
VT_MUST enum vt_err vt_tiles_check(
    struct vt_tiles *t, uint64_t n, const struct vt_bundle *b, struct vt_why *why);
/* Bundle n, checked; n * 256 is below the size. Fetched through `ahead`, when not NULL. Points
 * into the cache, until the next call. */
VT_MUST enum vt_err vt_tiles_bundle(struct vt_tiles *t, uint64_t n,
    struct vt_fetch_ahead *ahead, const struct vt_bundle **ret, const uint8_t **ret_data,
    struct vt_why *why);
/* Entry `index`, checked; likewise. VT_E_NOENT beyond the size. */
VT_MUST enum vt_err vt_tiles_entry(struct vt_tiles *t, uint64_t index, const uint8_t **ret,
    size_t *ret_len, struct vt_why *why);

/* What the above fetch, unchecked, for those who check in another way. A tile's or bundle's
 * file, appended; when a partial one is gone, since the log has grown, the full one, which
 * begins with the same bytes (then *ret_whole is false). `ahead` may be NULL. */
VT_MUST enum vt_err vt_tiles_fetch(const struct vt_tile *tile, struct vt_fetch *f,
    struct vt_fetch_ahead *ahead, struct vt_buf *b, bool *ret_whole, struct vt_why *why);
/* The tile's hashes. VT_E_PROOF: it has another length. */
VT_MUST enum vt_err vt_tiles_hashes(const struct vt_tile *tile, struct vt_fetch *f,
    struct vt_fetch_ahead *ahead, struct vt_digest *ret, struct vt_why *why);

#endif
