/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of the newest entries, by which a duplicate is known: a ring of fixed size, and a
 * hash table of chains through it. An entry's place in the ring follows from its index, so a
 * slot holds 16 bytes of the name and a link; memory does not grow.
 *
 * Names are digests whose first bytes anybody may choose by trying: chains are picked with a
 * secret multiplier, so that nobody can make one long.
 */
#ifndef VT_LOG_WINDOW_H
#define VT_LOG_WINDOW_H

#include "crypto/digest.h"

struct vt_window;

/* Room for the names of `size` entries (1 to 2^24), the first of which has index `first`. */
VT_MUST enum vt_err vt_window_new(
    uint32_t size, uint64_t first, struct vt_window **ret, struct vt_why *why);
void vt_window_free(struct vt_window *t);

/* The index that the next name gets. */
uint64_t vt_window_end(const struct vt_window *t);
/* Adds the name of the next entry; the oldest is forgotten when there is no more room. */
void vt_window_put(struct vt_window *t, const struct vt_digest *name);
/* The newest entry of that name. Compares 16 bytes. */
VT_MUST bool vt_window_find(
    const struct vt_window *t, const struct vt_digest *name, uint64_t *ret_index);
/* Forgets the names of entries `end` and above. */
void vt_window_cut(struct vt_window *t, uint64_t end);

#endif
