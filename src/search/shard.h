/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shard: many blobs in one file, with a list for each trigram of the blobs that have it.
 * Written once, then only read, through mmap. docs/formats/shard.md is its page.
 */
#ifndef VT_SEARCH_SHARD_H
#define VT_SEARCH_SHARD_H

#include "crypto/digest.h"
#include "search/pattern.h"

#define VT_SHARD_BLOBS_MAX 262144U
#define VT_SHARD_BYTES_MAX                                                                     \
    (256U * 1024U * 1024U) /* of blobs; one larger blob may have its own */

struct vt_shard_writer;
/* Writes to `path`, which must not exist; nobody sees it before vt_shard_finish. */
VT_MUST enum vt_err vt_shard_writer_new(
    const char *path, struct vt_shard_writer **ret, struct vt_why *why);
/* Adds a blob; *ret_number is its number in the shard, from 0. indexed: whether searches look
 * into it. VT_E_LIMIT when the shard is full: finish it and begin another. */
VT_MUST enum vt_err vt_shard_add(struct vt_shard_writer *w, const struct vt_digest *blob,
    const void *data, size_t len, bool indexed, uint32_t *ret_number, struct vt_why *why);
/* Makes it durable under its path. The writer is used up, also on failure. */
VT_MUST enum vt_err vt_shard_finish(struct vt_shard_writer *w, struct vt_why *why);
/* Gives up: nothing is left on disk. Takes NULL. */
void vt_shard_writer_free(struct vt_shard_writer *w);

struct vt_shard;
/* VT_E_SYNTAX: it is damaged. What its head says is checked here, its lists and blobs when they
 * are read, so that opening costs nothing. */
VT_MUST enum vt_err vt_shard_open(const char *path, struct vt_shard **ret, struct vt_why *why);
void vt_shard_close(struct vt_shard *s);
uint32_t vt_shard_count(const struct vt_shard *s);
/* A blob by its number: its digest and its bytes, which stay until the shard is closed. */
VT_MUST bool vt_shard_blob(const struct vt_shard *s, uint32_t number, struct vt_digest *ret,
    const uint8_t **ret_data, size_t *ret_len);
/* The number of a blob. */
VT_MUST bool vt_shard_find(
    const struct vt_shard *s, const struct vt_digest *blob, uint32_t *ret_number);
/* Calls fn for each indexed blob that may have the pattern, in order of numbers; it may not
 * have it: vt_pattern_find says. fn returns false to end. */
VT_MUST enum vt_err vt_shard_candidates(const struct vt_shard *s, const struct vt_pattern *p,
    bool (*fn)(void *ctx, uint32_t number), void *ctx, struct vt_why *why);

#endif
