/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a shard, for its writer and its reader: docs/formats/shard.md. Private to
 * src/search.
 *
 *     head     "VTS1", u32 0
 *     bytes    the blobs, one after the other
 *     lists    for each trigram the numbers of the blobs that have it, rising, each as the
 * difference to the one before (the first to -1) less 1, as a varint trigrams u32 trigram, u32
 * count, u64 end of its list; by trigram blobs    digest, u64 offset, u64 length, u32 flags,
 * u32 0; by number by name  u32 numbers of the blobs, by digest foot     u64 offset of lists,
 * trigrams, blobs, by name; u32 trigrams, u32 blobs; "VTS1", u32 0
 */
#ifndef VT_SEARCH_SHARD_FORM_H
#define VT_SEARCH_SHARD_FORM_H

#define VT_SHARD_MAGIC 0x56545331U /* "VTS1" */
#define VT_SHARD_HEAD 8U
#define VT_SHARD_FOOT 48U
#define VT_SHARD_TRIGRAM 16U
#define VT_SHARD_BLOB 56U
#define VT_SHARD_NAME 4U
#define VT_SHARD_INDEXED 1U /* flag of a blob */
#define VT_SHARD_TRIGRAMS_MAX (1U << 24)

#endif
