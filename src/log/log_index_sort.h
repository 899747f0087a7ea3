/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of the next entries, gathered a block (256 entries) at a time and sorted in
 * memory: how the smallest runs are made. Takes 8 MiB. Private to src/log.
 */
#ifndef VT_LOG_LOG_INDEX_SORT_H
#define VT_LOG_LOG_INDEX_SORT_H

#include "log/log_index_note.h"

/* The largest run that is sorted in memory: 65,536 entries. */
#define VT_INDEX_SORT_LEVEL 4U
#define VT_INDEX_SORT_BLOCKS 256U

struct vt_index_sort;

VT_MUST enum vt_err vt_index_sort_new(struct vt_index_sort **ret, struct vt_why *why);
void vt_index_sort_free(struct vt_index_sort *s);

/* Forgets all; the next entry is `first`, a multiple of 256. */
void vt_index_sort_begin(struct vt_index_sort *s, uint64_t first);
/* Adds the next entry. false: it does not fit, and the block that it is of is not there. At
 * least one block fits. */
VT_MUST bool vt_index_sort_add(struct vt_index_sort *s, const void *entry, size_t len);
/* Adds a block: the full bundle's file of entries. VT_E_LIMIT: it does not fit,
 * and is not there. After VT_E_DIGEST (it is damaged), VT_E_IO, VT_E_NOENT begin again. */
VT_MUST enum vt_err vt_index_sort_bundle(
    struct vt_index_sort *s, const char *path, struct vt_why *why);

/* How many blocks are complete; the root of one: of its 256 leaves. */
size_t vt_index_sort_blocks(const struct vt_index_sort *s);
const struct vt_digest *vt_index_sort_root(const struct vt_index_sort *s, size_t block);
/* The records of `blocks` blocks from `first` on, sorted; valid until the next call. */
const struct vt_index_record *vt_index_sort_records(
    struct vt_index_sort *s, size_t first, size_t blocks, uint64_t *ret_count);
/* Whether so many more records fit, and a block more. */
bool vt_index_sort_has_room(const struct vt_index_sort *s, uint64_t records);

#endif
