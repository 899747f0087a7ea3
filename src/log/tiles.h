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
#include "merkle/tile.h"

struct vt_tiles;

/* fetch must outlive it. */
VT_MUST enum vt_err vt_tiles_new(struct vt_fetch *fetch, uint64_t size,
    const struct vt_digest *root, struct vt_tiles **ret, struct vt_why *why);
void vt_tiles_free(struct vt_tiles *t);

/* The checked hash of a complete subtree. VT_E_PROOF: the log's tile does not
 * lead to the root. */
struct vt_hash_source vt_tiles_source(struct vt_tiles *t);

/* Entry `index`: checked against its leaf hash. Points into the cache, until
 * the next call. */
VT_MUST enum vt_err vt_tiles_entry(struct vt_tiles *t, uint64_t index, const uint8_t **ret,
    size_t *ret_len, struct vt_why *why);

#endif
