/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which entries the log has already: a hash table from an entry's name (a
 * digest) to its index. Open addressing; the names are digests, so their first
 * bytes spread well, and an attacker who grinds them gains a slow lookup only.
 */
#ifndef VT_LOG_NAMES_H
#define VT_LOG_NAMES_H

#include "crypto/digest.h"

struct vt_names {
    struct vt_name_slot *slot;
    uint64_t cap; /* a power of two, or 0 */
    uint64_t count;
};

void vt_names_release(struct vt_names *t);
/* Remembers a name; one that is there keeps its index. VT_E_NOMEM. */
VT_MUST enum vt_err vt_names_put(
    struct vt_names *t, const struct vt_digest *name, uint64_t index, struct vt_why *why);
VT_MUST bool vt_names_find(
    const struct vt_names *t, const struct vt_digest *name, uint64_t *ret_index);

#endif
