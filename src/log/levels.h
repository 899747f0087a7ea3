/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's tree in memory: the hashes that tiles hold (tree levels 0, 8,
 * 16, ...), about 32 bytes an entry. From them come tiles, roots and proofs of
 * any size up to the present one, without reading anything back.
 */
#ifndef VT_LOG_LEVELS_H
#define VT_LOG_LEVELS_H

#include "merkle/tile.h"

struct vt_levels {
    struct {
        struct vt_digest *hash;
        uint64_t count;
        uint64_t cap;
    } level[VT_TILE_LEVEL_MAX + 1];
};

void vt_levels_release(struct vt_levels *v);
/* Appends a leaf hash, and what it completes above. VT_E_NOMEM: nothing is
 * appended. */
VT_MUST enum vt_err vt_levels_append(
    struct vt_levels *v, const struct vt_digest *leaf, struct vt_why *why);
uint64_t vt_levels_size(const struct vt_levels *v);
/* For proofs and roots; valid while v is. */
struct vt_hash_source vt_levels_source(struct vt_levels *v);

#endif
