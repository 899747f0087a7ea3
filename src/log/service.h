/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log process: takes what was POSTed from the http process over a socket pair, lets in what
 * may enter, makes it durable, and publishes checkpoints meanwhile. It opens no listening
 * socket and has no key.
 *
 * Two threads. One takes messages, decides, appends and answers: all that has arrived becomes
 * durable with one fdatasync, while which what comes next waits in the socket. The other writes
 * tiles, has checkpoints signed and cosigned and publishes them. They share the writer by its
 * two sides (log/writer.h), and a mailbox.
 *
 * Messages to it carry u64 number, then
 *
 *     ADD      the entry
 *     AWAIT    u32 milliseconds, then the entry: answered when a published checkpoint covers it
 *     OBJECT   the object
 *     STAGED   u8 length and the role, then the signature
 *     REVIEW   a review document and its entry
 *     METRICS  nothing
 *
 * All but METRICS are answered with DONE: the number, u16 HTTP status, u16 seconds for
 * Retry-After, one line of text. An AWAIT whose time is over is answered 504 with the index: it
 * is in the log. METRICS is answered with NUMBERS: the number, u16 length of a label, that
 * label (`origin="…"`), and text in Prometheus' format, whose last family is
 * VT_SERVICE_RESIDENT, so that others may add a line to it.
 *
 * At most VT_SERVICE_OPEN_MAX may be unanswered. Neither side ever waits to write: what the
 * socket does not take stays in its line (base/msg_line.h), which is large enough for that many
 * answers. So neither can wait for the other that waits for it.
 */
#ifndef VT_LOG_SERVICE_H
#define VT_LOG_SERVICE_H

#include "base/msg.h"

#include <stdbool.h>

enum vt_service_msg {
    VT_SERVICE_ADD = 1,
    VT_SERVICE_OBJECT = 2,
    VT_SERVICE_STAGED = 3,
    VT_SERVICE_REVIEW = 4, /* POST /review: document and entry, docs/formats/review.md */
    VT_SERVICE_AWAIT = 5,
    VT_SERVICE_METRICS = 6,
    VT_SERVICE_DONE = 16,
    VT_SERVICE_NUMBERS = 17,
};
#define VT_SERVICE_OPEN_MAX 4096U
#define VT_SERVICE_TEXT_MAX 400    /* bytes of an answer's line */
#define VT_SERVICE_DONE_MAX 1024U  /* bytes of a DONE */
#define VT_SERVICE_AWAIT_MAX 2048U /* how many may await a checkpoint; more get 503 */
#define VT_SERVICE_AWAIT_MS 60000U /* the longest that is waited */
#define VT_SERVICE_BODY_MAX (8U * 1024U * 1024U + 256U)
#define VT_SERVICE_NUMBERS_MAX (512U * 1024U)
#define VT_SERVICE_RESIDENT "vitrine_log_resident_bytes"

struct vt_policy;
struct vt_signer;

struct vt_service_opts {
    const char *log_dir;    /* HOME/log */
    const char *public_dir; /* HOME/public: tiles, objects, staged metadata */
    const char *staged_dir; /* HOME/staged: signatures that came; NULL where open */
    const struct vt_policy *policy;
    struct vt_signer *signer; /* the log's key */
    /* Any entry of 1 to 65,535 bytes may enter, its name is its SHA-256, and OBJECT, STAGED and
     * REVIEW are answered 404. Otherwise log/gate.h decides. */
    bool open;
    int64_t interval_ms; /* least time between checkpoints; 0: 100 */
    bool compress;       /* full bundles, when there is nothing else to do: log/gzip.h */
};

/* Serves fd until it closes: VT_OK. An error is one after which the process
 * must be started anew. */
VT_MUST enum vt_err vt_service_run(
    int fd, const struct vt_service_opts *opts, struct vt_why *why);

#endif
