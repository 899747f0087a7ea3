/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index's parts that need no files: keys of an entry, records, which runs an index of a
 * size has, and the note that logs its roots. docs/formats/log-index.md. Private to src/log.
 */
#ifndef VT_LOG_LOG_INDEX_NOTE_H
#define VT_LOG_LOG_INDEX_NOTE_H

#include "merkle/tile.h"

#define VT_INDEX_BLOCK 256U /* entries of the smallest run */
#define VT_INDEX_KEYS_MAX 66U
#define VT_INDEX_RECORD 40U    /* bytes */
#define VT_INDEX_PAGE 64U      /* records */
#define VT_INDEX_LEVEL_MAX 27U /* a run's k: 256 * 4^27 is 2^62 */
#define VT_INDEX_RUNS_MAX (3U * (VT_INDEX_LEVEL_MAX + 1U))
#define VT_INDEX_NOTE_MAX 16384U /* bytes of the entry */

/* The keys of an entry, each once; the first is the digest of the bytes. */
void vt_index_keys(
    const void *entry, size_t len, struct vt_digest ret[VT_INDEX_KEYS_MAX], size_t *ret_count);
bool vt_index_has_key(const void *entry, size_t len, const struct vt_digest *key);

struct vt_index_record {
    uint8_t b[VT_INDEX_RECORD];
};
void vt_index_record_put(
    struct vt_index_record *r, const struct vt_digest *key, uint64_t index);
uint64_t vt_index_record_index(const struct vt_index_record *r);

/* A run: which, how many records, and its root. */
struct vt_index_run {
    unsigned k;
    uint64_t j;
    uint64_t count;
    struct vt_digest root;
};
/* The entries [first, first + length) that run (k, j) is about. */
uint64_t vt_index_run_length(unsigned k);
uint64_t vt_index_run_first(const struct vt_index_run *r);
/* How many pages so many records have. */
uint64_t vt_index_pages(uint64_t count);
/* Where in a run's file of so many records the hashes of a tile level begin; of the level above
 * the last (VT_TILE_LEVEL_MAX + 1): the file's length. */
uint64_t vt_index_run_hashes(uint64_t count, unsigned level);

/* Which runs (k and j alone) the index of `size` has; size: a multiple of 256 below 2^63.
 * Returns their number. */
size_t vt_index_runs(uint64_t size, struct vt_index_run ret[VT_INDEX_RUNS_MAX]);

struct vt_index_note {
    uint64_t size;
    struct vt_digest root; /* of the log's tree at that size */
    size_t run_count;
    struct vt_index_run run[VT_INDEX_RUNS_MAX];
};

/* Whether the bytes begin like an index root of that log; its signature is another question. */
bool vt_index_note_is(const void *entry, size_t len, const char *origin);
/* Appends the text that is signed. */
void vt_index_note_put(struct vt_buf *b, const struct vt_index_note *n, const char *origin);
/* Parses the signed text. VT_E_SYNTAX. */
VT_MUST enum vt_err vt_index_note_parse(const void *text, size_t len, const char *origin,
    struct vt_index_note *ret, struct vt_why *why);

struct vt_policy;
/* Opens entry `index`: a log of that origin in the policy has signed it, and it is in form.
 * VT_E_UNKNOWN: no index root of this log. VT_E_SIG, VT_E_SYNTAX: signed by the log (or it says
 * so) and wrong. */
VT_MUST enum vt_err vt_index_note_open(const struct vt_policy *policy, const char *origin,
    uint64_t index, const void *entry, size_t len, struct vt_index_note *ret,
    struct vt_why *why);

#endif
