/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log process: takes what was POSTed to the site from the http process
 * over a socket pair, lets in what log/gate.h permits, makes it durable, and
 * publishes checkpoints meanwhile. It opens no listening socket and has no key.
 *
 * Messages to it carry u64 number, then the POST's body (for VT_SERVICE_STAGED:
 * u8 length and the role before the body). It answers each with VT_SERVICE_DONE:
 * the number, u16 HTTP status, u16 seconds for Retry-After, one line of text.
 * At most VT_SERVICE_OPEN_MAX may be unanswered: their answers fit into the
 * socket's buffer, so this process can always write them and never waits for an
 * http process that waits to hand over a body.
 */
#ifndef VT_LOG_SERVICE_H
#define VT_LOG_SERVICE_H

#include "base/msg.h"

enum vt_service_msg {
    VT_SERVICE_ADD = 1,
    VT_SERVICE_OBJECT = 2,
    VT_SERVICE_STAGED = 3,
    VT_SERVICE_REVIEW = 4, /* POST /review: document and entry, docs/formats/review.md */
    VT_SERVICE_DONE = 16,
};
#define VT_SERVICE_OPEN_MAX 64U
#define VT_SERVICE_TEXT_MAX 400 /* bytes of an answer's line */
#define VT_SERVICE_BODY_MAX (8U * 1024U * 1024U + 256U)

struct vt_policy;
struct vt_signer;

struct vt_service_opts {
    const char *log_dir;    /* HOME/log */
    const char *public_dir; /* HOME/public: tiles, objects, staged metadata */
    const char *staged_dir; /* HOME/staged: signatures that came */
    const struct vt_policy *policy;
    struct vt_signer *signer; /* the log's key */
};

/* Serves fd until it closes: VT_OK. An error is one after which the process
 * must be started anew. */
VT_MUST enum vt_err vt_service_run(
    int fd, const struct vt_service_opts *opts, struct vt_why *why);

#endif
