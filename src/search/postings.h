/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists of a shard while it is being written: for each trigram the numbers of the blobs
 * that have it, as they will stand in the file. Some 1.3 bytes a number, in small blocks, so
 * that a list grows without being moved. Private to src/search.
 */
#ifndef VT_SEARCH_POSTINGS_H
#define VT_SEARCH_POSTINGS_H

#include "base/buf.h"

struct vt_postings;

VT_MUST enum vt_err vt_postings_new(struct vt_postings **ret, struct vt_why *why);
void vt_postings_free(struct vt_postings *p);
/* Notes all trigrams of a blob; numbers must rise. VT_E_NOMEM, then the postings are spoilt. */
VT_MUST enum vt_err vt_postings_add(struct vt_postings *p, uint32_t number, const uint8_t *data,
    size_t len, struct vt_why *why);
/* Calls fn for each trigram in rising order, with the length of its list. `list` may be given
 * to vt_postings_copy, which writes the list to ret. */
VT_MUST enum vt_err vt_postings_each(const struct vt_postings *p,
    enum vt_err (*fn)(void *ctx, uint32_t trigram, uint32_t count, uint32_t list, size_t len,
        struct vt_why *why),
    void *ctx, struct vt_why *why);
void vt_postings_copy(const struct vt_postings *p, uint32_t list, uint8_t *ret);

#endif
