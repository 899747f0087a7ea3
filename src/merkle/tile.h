/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The geometry of C2SP tlog-tiles: which tile holds which hash, and what its
 * path is. Tiles are 256 hashes wide; tile level L holds the tree's levels
 * 8L to 8L+7, of which only level 8L is stored. No I/O.
 */
#ifndef VT_MERKLE_TILE_H
#define VT_MERKLE_TILE_H

#include "merkle/tree.h"

#define VT_TILE_WIDTH 256U
#define VT_TILE_LEVEL_MAX 7U
#define VT_TILE_PATH_MAX 80 /* with the NUL */
/* The tile level that stands for entry bundles in paths. */
#define VT_TILE_ENTRIES 255U

struct vt_tile {
    unsigned level; /* 0 to VT_TILE_LEVEL_MAX, or VT_TILE_ENTRIES */
    uint64_t index;
    unsigned width; /* 1 to 256; below 256 the tile is partial */
};

/* "tile/L/N[.p/W]" or "tile/entries/N[.p/W]", N in groups of three digits. */
void vt_tile_path(const struct vt_tile *t, char ret[VT_TILE_PATH_MAX]);
/* The opposite, strict. false: not a tile's path. */
VT_MUST bool vt_tile_parse(const char *path, struct vt_tile *ret);

/* How many hashes (or entries) a tile has in a tree of `size`: 256, fewer for
 * the last one, 0 when the tile does not exist. */
unsigned vt_tile_width(unsigned level, uint64_t index, uint64_t size);

/* The tile that holds, in a tree of `size`, what is needed for the complete
 * subtree (level, index): hashes [*ret_first, *ret_first + *ret_count) of the
 * tile hash up to it. */
void vt_tile_of(unsigned level, uint64_t index, uint64_t size, struct vt_tile *ret_tile,
    unsigned *ret_first, unsigned *ret_count);

/* The root of a run of 1 to 256 hashes whose count is a power of two. */
void vt_tile_fold(const struct vt_digest *hashes, unsigned count, struct vt_digest *ret);

#endif
