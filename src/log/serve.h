/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log of its own, run from its home: docs/formats/log-http.md.
 *
 *     parent       holds the listening socket and the home's lock; starts the others, and all
 *                  of them again when one dies
 *     signer       the log's key; signs checkpoints and roots of the index
 *     log          the write-ahead log, tiles, witnesses (log/service.h)
 *     tls-signer   the listener's key, with TLS
 *     http         parses requests; no key; reads public/ and nothing else
 */
#ifndef VT_LOG_SERVE_H
#define VT_LOG_SERVE_H

#include "http/listen.h"
#include "note/checkpoint.h"
#include "store/home.h"

struct vt_policy;
struct vt_progress;

struct vt_serve_opts {
    const char *listen;               /* HOST:PORT */
    const struct vt_listen_opts *how; /* TLS, lines for requests; or NULL */
    int64_t interval_ms;              /* least time between checkpoints; 0: 100 */
    bool compress;                    /* make compressed forms of full bundles */
};

/* Makes a log's home with its key, whose name is `origin`, and a policy that names it and asks
 * for no witnesses. token: the URI of the PKCS#11 token that keeps the key, or NULL.
 * VT_E_EXIST, VT_E_CONFIG: vt_home_create; errors of vt_home_token_open. */
VT_MUST enum vt_err vt_serve_init(const char *dir, const char *origin, const char *token,
    struct vt_home *ret, struct vt_vkey *ret_key, struct vt_why *why);

/* Runs the log until SIGTERM or SIGINT (VT_OK). Writes HOME/run/url once it answers, and
 * HOME/public/policy from HOME/policy; on SIGHUP it takes the policy again. Errors as of
 * vt_site_run. */
VT_MUST enum vt_err vt_serve_run(
    const struct vt_home *home, const struct vt_serve_opts *opts, struct vt_why *why);

struct vt_serve_freeze_opts {
    const char *reason;              /* one line: vt_frozen_reason_valid */
    const struct vt_vkey *successor; /* the log that goes on, or NULL */
    int64_t timeout_ms;              /* for the witnesses */
    struct vt_progress *progress;    /* ticked meanwhile; or NULL */
};
/* Freezes the log of a home on which nothing runs: signs its last checkpoint and the final
 * statement, has the witnesses cosign it, and publishes both. What was done before is not done
 * again; the reason of a log that is frozen stays. VT_E_BUSY: it runs. VT_E_TIMEOUT: frozen,
 * but there was no quorum in time: to be called again. */
VT_MUST enum vt_err vt_serve_freeze(const struct vt_home *home,
    const struct vt_serve_freeze_opts *opts, struct vt_checkpoint *ret, struct vt_why *why);

/*
 * What a site does in the same way.
 */
/* Takes run/lock: one service runs on a home. VT_E_BUSY. */
VT_MUST enum vt_err vt_serve_lock(
    const struct vt_home *home, struct vt_lock *ret, struct vt_why *why);
/* Reads HOME/policy, which must name the home's own log with its key, copies it to
 * public/policy and puts it in the place of *policy, which is freed. VT_E_CONFIG. */
VT_MUST enum vt_err vt_serve_policy(
    const struct vt_home *home, struct vt_policy **policy, struct vt_why *why);
/* The body of a log's signer process. */
int vt_serve_signer(int fd, const char *key_path);

#endif
