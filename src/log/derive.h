/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree's side of a log's writer: takes entries in order, keeps the right edge of the tree
 * in memory (of each tile level the hashes of the tile that is not full yet) and the bundle
 * that is not full yet, and writes the public files of C2SP tlog-tiles. Private to src/log.
 *
 * Full tiles and bundles are written when they fill up, partial ones when a checkpoint is to be
 * signed; none of them is durable before vt_derive_sync. Older hashes are read back from tile
 * files, each checked against the tile above it up to the right edge. One thread, but for
 * vt_derive_size and vt_derive_entry.
 */
#ifndef VT_LOG_DERIVE_H
#define VT_LOG_DERIVE_H

#include "base/buf.h"
#include "merkle/tile.h"

struct vt_derive;

/* An empty tree whose files are below `dir`, which is there. */
VT_MUST enum vt_err vt_derive_new(const char *dir, struct vt_derive **ret, struct vt_why *why);
void vt_derive_free(struct vt_derive *d);

/* Goes on from a tree whose files are all there (log/mend.h): reads its right edge.
 * VT_E_DIGEST: the files do not give the root. */
VT_MUST enum vt_err vt_derive_load(
    struct vt_derive *d, uint64_t size, const struct vt_digest *root, struct vt_why *why);

/* How many entries were added. Any thread. */
uint64_t vt_derive_size(const struct vt_derive *d);
/* Adds the next entry; writes what it fills up. On failure it is not added. */
VT_MUST enum vt_err vt_derive_add(
    struct vt_derive *d, const void *entry, uint16_t len, struct vt_why *why);
/* Writes the partial tiles of the present size, but those that a tree of old_size has too. */
VT_MUST enum vt_err vt_derive_partials(
    struct vt_derive *d, uint64_t old_size, struct vt_why *why);
/* Makes all files durable. When it fails it is not known which of them are: nothing more is
 * taken then (VT_E_STATE). */
VT_MUST enum vt_err vt_derive_sync(struct vt_derive *d, struct vt_why *why);
/* Removes the partial forms of tiles that a tree of old_size had begun, where the tile after
 * them is full. */
VT_MUST enum vt_err vt_derive_drop_partials(
    const struct vt_derive *d, uint64_t old_size, struct vt_why *why);

/* For proofs and roots of any size up to vt_derive_size. VT_E_DIGEST: a tile is damaged. */
struct vt_hash_source vt_derive_source(struct vt_derive *d);

/* Appends the bytes of entry `index`, when it is in the bundle that is not full yet. VT_E_NOENT
 * otherwise. Any thread. */
VT_MUST enum vt_err vt_derive_entry(
    struct vt_derive *d, uint64_t index, struct vt_buf *b, struct vt_why *why);

#endif
