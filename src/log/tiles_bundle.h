/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry bundles (C2SP tlog-tiles): entries one after the other, each after its length in two
 * bytes. Taking one apart gives the places and the leaf hashes of its entries. Nothing is
 * copied. Private to src/log.
 */
#ifndef VT_LOG_TILES_BUNDLE_H
#define VT_LOG_TILES_BUNDLE_H

#include "merkle/tile.h"

#define VT_BUNDLE_MAX (VT_TILE_WIDTH * (2U + 65535U)) /* bytes of a bundle */

struct vt_bundle {
    unsigned width;
    uint32_t at[VT_TILE_WIDTH]; /* where an entry's bytes begin */
    uint16_t len[VT_TILE_WIDTH];
    struct vt_digest leaf[VT_TILE_WIDTH];
};

/* Takes the first `width` entries (1 to 256) of a bundle's bytes, of which there are at most
 * VT_BUNDLE_MAX; with `whole` nothing may follow them. VT_E_PROOF, saying which entry of it is
 * cut short; *ret is then undefined. */
VT_MUST enum vt_err vt_bundle_open(const void *data, size_t len, unsigned width, bool whole,
    struct vt_bundle *ret, struct vt_why *why);

#endif
