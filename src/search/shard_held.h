/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shard as it is held open: for shard.c and shard_match.c.
 */
#ifndef VT_SEARCH_SHARD_HELD_H
#define VT_SEARCH_SHARD_HELD_H

#include "base/file.h"
#include "search/shard.h"

struct vt_shard {
    char path[VT_PATH_MAX];
    uint8_t *data; /* the file, mapped */
    size_t len;
    uint64_t lists; /* offset of the first list */
    const uint8_t *trigrams;
    uint64_t trigrams_at; /* its offset: where the last list ends at the latest */
    const uint8_t *blobs;
    const uint8_t *names;
    uint32_t trigram_count;
    uint32_t blob_count;
};

#endif
