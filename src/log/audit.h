/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The full audit of a log, over HTTP or of a folder: every entry is hashed, every tile on every
 * level is compared with what the entries give, partial ones of the checkpoint's size too, and
 * the root is that of the checkpoint. It asks nothing of the tiles; so an error is named where
 * it stands, by file and entry.
 *
 * Threads take units of bundles one after the other; what they find is put together in order.
 * Memory is bounded whatever the log's size: see VT_LOG_AUDIT_THREADS_MAX.
 */
#ifndef VT_LOG_AUDIT_H
#define VT_LOG_AUDIT_H

#include "log/reader.h"

struct vt_progress;

/* Each takes a bundle, and over the network VT_FETCH_AHEAD_BYTES. */
#define VT_LOG_AUDIT_THREADS_MAX 64U

struct vt_log_audit_opts {
    unsigned threads;             /* 0: one a processor */
    struct vt_progress *progress; /* or NULL */
    /* Where the roots of the log's index are made anew (log_index.h): a folder for temporary
     * files; NULL: they are not. That reads the log a second time. */
    const char *index_tmp;
};

struct vt_log_audit {
    struct vt_checkpoint checkpoint;
    uint64_t cosigned_time;              /* as vt_log_reader_cosigned_time */
    uint64_t known[VT_ENTRY_KIND_COUNT]; /* of Vitrine's kinds, by signers of the policy */
    uint64_t strangers;                  /* of Vitrine's kinds, by nobody in the policy */
    uint64_t unread;                     /* no entry of Vitrine's, or a false signature */
    uint64_t bytes;                      /* of entries */
    uint64_t tiles;                      /* files of hashes that were compared */
    uint64_t compressed;                 /* bundles of a folder whose .gz was compared */
    uint64_t index_roots;                /* that the log signed and that were right */
    bool is_frozen;                      /* there is a final statement, and it is kept */
    struct vt_frozen frozen;             /* which */
};

/* `where` is a URL or a folder. opts may be NULL. Errors of vt_log_reader_open and
 * vt_log_reader_frozen; VT_E_PROOF: a file is not what the entries give, or they do not give
 * the root; VT_E_NOENT: a file is missing. The message names the first of them. */
VT_MUST enum vt_err vt_log_audit(const char *where, const struct vt_policy *policy,
    const struct vt_log_audit_opts *opts, struct vt_log_audit *ret, struct vt_why *why);

#endif
