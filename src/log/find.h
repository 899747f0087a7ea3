/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searching a log by digest, with completeness: all entries about it, and a proof that up to a
 * checkpoint there are no others. docs/formats/log-index.md.
 *
 * What it rests on: the checkpoint; and, for entries below the size of the index root that was
 * used, that root, which the log signed and logged and which everybody who reads the log can
 * recompute (vt_log_index_audit_take). An index that hides an entry is signed evidence of it.
 */
#ifndef VT_LOG_FIND_H
#define VT_LOG_FIND_H

#include "log/reader.h"

/* An entry about the digest: verified to be in the tree. It points to what is valid during the
 * call only. An error of it ends the search. */
typedef enum vt_err vt_log_find_fn(
    void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why);

struct vt_log_find_result {
    struct vt_checkpoint checkpoint; /* complete up to its size */
    uint64_t time;                   /* that the witness quorum vouches for */
    uint64_t index_size;             /* entries for which an index root was used; 0: none */
    uint64_t index_entry;            /* of that root */
    uint64_t found;
};

struct vt_progress;
struct vt_log_find_opts {
    bool all;                     /* use no index: read everything */
    struct vt_buf *save;          /* appends the answer as a file; or NULL */
    struct vt_progress *progress; /* or NULL */
};
#define VT_LOG_FOUND_HEAD "vitrine/log-found/v1\n"
#define VT_LOG_FOUND_MAX (64U * 1024U * 1024U)       /* bytes of such a file */
#define VT_LOG_FOUND_PAGES_MAX (16U * 1024U * 1024U) /* of those in pages of runs */

/* Asks the log that `r` reads; `where` is its URL or folder. Calls fn for the entries in order;
 * what it was told holds only when this returns VT_OK. VT_E_PROOF: something that the log
 * serves is not what it signed, or its index names an entry that does not speak of the digest.
 * VT_E_LIMIT: too much to be saved. opts may be NULL. Cost: some requests a run, and
 * all entries after the index's newest root. */
VT_MUST enum vt_err vt_log_find(struct vt_log_reader *r, const char *where,
    const struct vt_digest *digest, const struct vt_log_find_opts *opts, vt_log_find_fn *fn,
    void *ctx, struct vt_log_find_result *ret, struct vt_why *why);

/* Checks such a file, without network, and gives the same. fn is called when all of it was
 * checked. VT_E_SYNTAX, VT_E_PROOF, VT_E_DIGEST (of another digest, or damaged), VT_E_SIG,
 * VT_E_UNKNOWN, VT_E_QUORUM. */
VT_MUST enum vt_err vt_log_find_check(const struct vt_policy *policy, const void *data,
    size_t len, const struct vt_digest *digest, vt_log_find_fn *fn, void *ctx,
    struct vt_log_find_result *ret, struct vt_why *why);

#endif
