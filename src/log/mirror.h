/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mirror: a verified copy of a log's public files in a folder, which any web server may serve
 * and any reader may read. docs/formats/log-mirror.md is its page.
 *
 * A look fetches the checkpoint, holds it against the mirror's own, copies what is missing,
 * every file of it checked, and at last replaces the checkpoint. Killed anywhere the folder is
 * a mirror of the checkpoint that it has.
 */
#ifndef VT_LOG_MIRROR_H
#define VT_LOG_MIRROR_H

#include "base/file.h"
#include "note/policy.h"

struct vt_log_mirror;
struct vt_progress;

/* Opens DIR, or makes it, as a mirror of what is at `where` (a URL or a folder), and takes its
 * lock: VT_E_BUSY. A checkpoint that is there must be one that the policy accepts: errors of
 * vt_policy_check_checkpoint. The policy and progress (which may be NULL) must outlive it. */
VT_MUST enum vt_err vt_log_mirror_open(const char *where, const char *dir,
    const struct vt_policy *policy, struct vt_progress *progress, struct vt_log_mirror **ret,
    struct vt_why *why);
void vt_log_mirror_free(struct vt_log_mirror *m);

struct vt_log_mirror_seen {
    struct vt_checkpoint checkpoint; /* that the mirror has now */
    uint64_t time;                   /* that its witnesses vouch for; 0: none */
    uint64_t new_entries;            /* since the look before */
    uint64_t bytes;                  /* of bundles, that were fetched for them */
    bool is_frozen;                  /* the mirror has the log's final statement */
};

/* Looks once, and makes the mirror what the log is. VT_E_ROLLBACK: the server is behind.
 * VT_E_PROOF: the server's files are not those of its checkpoint; or the log broke its word,
 * and then vt_log_mirror_evidence says where the evidence is. VT_E_CONFIG: it is another log.
 * VT_E_NOENT, VT_E_LIMIT, VT_E_NET, VT_E_TIMEOUT, VT_E_IO, VT_E_NOSPC. After any of them the
 * mirror is as it was, but for sound files beyond its checkpoint; it may look again. */
VT_MUST enum vt_err vt_log_mirror_look(
    struct vt_log_mirror *m, struct vt_log_mirror_seen *ret, struct vt_why *why);
/* The folder with what the log signed against its own history, found by the last look; or NULL.
 */
const char *vt_log_mirror_evidence(const struct vt_log_mirror *m);

/* Serves DIR as a mirror until stop_fd is readable: docs/formats/log-mirror.md. how may be
 * NULL: plain HTTP. The socket stays open. From then on this process may do no more with files
 * than read DIR. */
struct vt_listen_opts;
VT_MUST enum vt_err vt_log_mirror_serve(const char *dir, const struct vt_listen_opts *how,
    int listen_fd, int stop_fd, struct vt_why *why);

#endif
