/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a log's index: for each digest the entries that speak of it, as sorted runs with
 * Merkle roots that the log itself signs and logs. docs/formats/log-index.md.
 *
 * For the log's publisher thread, after each checkpoint that was published:
 *
 *     vt_log_index_published(ix, size of the published checkpoint)
 *     vt_log_index_advance(ix, that size, now, budget)      until it says that nothing is left
 *     if vt_log_index_due(ix):
 *         vt_log_writer_root(w, vt_log_index_size(ix)) -> root
 *         vt_log_index_note(ix, root, signer, buf)          add buf to the log, commit
 *         vt_log_index_logged(ix, its index in the log)
 *
 * A log that is frozen makes no more. One thread. Below 16 MiB of memory, whatever the log's
 * size. All of it can be derived anew: an error here is no reason to stop taking entries; try
 * again after a while.
 */
#ifndef VT_LOG_LOG_INDEX_H
#define VT_LOG_LOG_INDEX_H

#include "crypto/digest.h"

struct vt_log_index;
struct vt_signer;

struct vt_log_index_opts {
    uint64_t root_entries; /* so many new entries make a root due; 0: 4,096 */
    int64_t root_ms;       /* or that time and 256 entries; 0: 60,000 */
    int64_t pause_ms;      /* but never sooner after the last one; 0: 1,000; below 0: none */
    int64_t keep_ms;       /* how long a replaced root and its runs stay; 0: 600,000 */
};

/* Opens what is in `state_dir` (private, made when missing) and PUBLIC/index, or begins anew
 * when that is not whole. `origin` is the log's name; opts may be NULL. One process at a time:
 * the log's lock sees to that. VT_E_IO, VT_E_NOMEM. */
VT_MUST enum vt_err vt_log_index_open(const char *public_dir, const char *state_dir,
    const char *origin, const struct vt_log_index_opts *opts, struct vt_log_index **ret,
    struct vt_why *why);
void vt_log_index_free(struct vt_log_index *ix);

/* Works towards the next root, when one is due for a log of `upto` entries whose bundles are
 * written: reads entries, sorts, merges. Returns after about `budget` steps (an entry read or a
 * record merged: some 1 us each; 0: until all is done). *ret_more: there is more to do at once.
 * VT_E_DIGEST: a file is damaged; when it was one of the index, the index begins anew with the
 * next call. VT_E_NOSPC, VT_E_IO: nothing is lost, call again. */
VT_MUST enum vt_err vt_log_index_advance(struct vt_log_index *ix, uint64_t upto, int64_t now_ms,
    uint64_t budget, bool *ret_more, struct vt_why *why);

/* How many entries are indexed, in runs that a root could name; a multiple of 256. */
uint64_t vt_log_index_size(const struct vt_log_index *ix);
/* Whether a root of that size ought to be logged now. */
bool vt_log_index_due(const struct vt_log_index *ix);

/* Makes the runs durable (one syncfs), then signs the root of vt_log_index_size and appends the
 * entry to b. `root`: the log's own root at that size. Only when due: VT_E_STATE otherwise.
 * VT_E_DIGEST: the entries read are not those of `root`; the index begins anew. Errors of
 * vt_signer_sign. */
VT_MUST enum vt_err vt_log_index_note(struct vt_log_index *ix, const struct vt_digest *root,
    struct vt_signer *s, struct vt_buf *b, struct vt_why *why);
/* The entry that vt_log_index_note gave last is durable in the log at that index. `now_ms` is
 * of the same clock as vt_log_index_advance's. */
VT_MUST enum vt_err vt_log_index_logged(
    struct vt_log_index *ix, uint64_t index, int64_t now_ms, struct vt_why *why);
/* A checkpoint of `size` is published: names the roots that it covers in PUBLIC/index/latest,
 * and removes runs that nobody asks for any more. Cheap when nothing changed. */
VT_MUST enum vt_err vt_log_index_published(
    struct vt_log_index *ix, uint64_t size, int64_t now_ms, struct vt_why *why);

struct vt_policy;
/* Whether entry `index` of that log is an index root: a log of that origin in the policy has
 * signed it. Whether it is true is the audit's question. */
bool vt_log_index_is_root(const struct vt_policy *policy, const char *origin, uint64_t index,
    const void *entry, size_t len);

/*
 * For those who read a whole log: recomputes every run of every root that the log signed.
 * Fed with all entries in order. Keeps its runs in a folder of its own below `tmp_dir`, 40
 * bytes a key, which is removed by free; some 80 bytes an entry divided by 256 in memory.
 */
struct vt_log_index_audit;
/* The policy says with what keys the log of that origin signs. It must outlive the audit. */
VT_MUST enum vt_err vt_log_index_audit_new(const char *tmp_dir, const struct vt_policy *policy,
    const char *origin, struct vt_log_index_audit **ret, struct vt_why *why);
void vt_log_index_audit_free(struct vt_log_index_audit *a);
/* The next entry. VT_E_PROOF: it is a root that the log signed and that is false: which run,
 * and what is wrong. That is final. */
VT_MUST enum vt_err vt_log_index_audit_take(
    struct vt_log_index_audit *a, const void *entry, size_t len, struct vt_why *why);
/* How many roots were right. */
uint64_t vt_log_index_audit_roots(const struct vt_log_index_audit *a);

#endif
