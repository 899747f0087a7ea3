/* SPDX-License-Identifier: Apache-2.0 */
/* What searches in contents and in names have in common: which snapshots may be looked at, when
 * to end, and what a hit tells. For src/search/library*.c alone. */
#ifndef VT_SEARCH_LIBRARY_HITS_H
#define VT_SEARCH_LIBRARY_HITS_H

#include "search/library.h"

typedef enum vt_err vt_library_hit_fn(
    void *ctx, const struct vt_library_hit *h, struct vt_why *why);

struct vt_library_hits {
    struct vt_library *l;
    const struct vt_library_search *q;
    int64_t until_ms;
    uint64_t *open; /* the snapshots that may be looked at */
    size_t only;    /* the one of q->source in l->snap; SIZE_MAX: any */
    uint64_t *set;  /* of the hit at hand */
    struct vt_digest *source;
    size_t given;
    bool truncated;
    bool ended;
};

/* VT_E_NOENT: the library has no such source, or it is hidden. */
VT_MUST enum vt_err vt_library_hits_begin(struct vt_library_hits *h, struct vt_library *l,
    const struct vt_library_search *q, struct vt_why *why);
void vt_library_hits_end(struct vt_library_hits *h);
/* Whether the time is over; then h->ended and h->truncated are set. */
bool vt_library_hits_late(struct vt_library_hits *h);

/* A blob that was found: gives *hit, completed by its place, to fn, when it is in a snapshot
 * that may be looked at and under a path that q wants. */
VT_MUST enum vt_err vt_library_hits_blob(struct vt_library_hits *h, int64_t blob,
    struct vt_library_hit *hit, vt_library_hit_fn *fn, void *ctx, struct vt_why *why);
/* Gives *hit to fn, completed by the sources of h->set. */
VT_MUST enum vt_err vt_library_hits_give(struct vt_library_hits *h, struct vt_library_hit *hit,
    vt_library_hit_fn *fn, void *ctx, struct vt_why *why);

#endif
