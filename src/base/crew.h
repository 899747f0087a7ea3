/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A crew: the processes that together are one service. The parent starts them,
 * starts all again when one dies (five times within a minute at most), and ends
 * them in good order on SIGTERM or SIGINT.
 *
 * A member that ends with exit code 1 or 2 says that it will not be better next
 * time: the crew ends. The last member to be started is the first to be told to
 * stop; each of the others ends when the channel that leads to it closes.
 */
#ifndef VT_BASE_CREW_H
#define VT_BASE_CREW_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define VT_CREW_MAX 12U

struct vt_crew;

struct vt_crew_opts {
    const char *what;         /* such as "the site", for messages */
    const char *const *names; /* of the members, in the order of their start */
    unsigned count;           /* at most VT_CREW_MAX */
    /* Starts all members by vt_crew_start. On failure those that run are ended. */
    enum vt_err (*start)(void *ctx, struct vt_crew *c, struct vt_why *why);
    /* Whether the service answers. Asked 50 times a second until it does. */
    bool (*answers)(void *ctx);
    /* Called when it does first, and again after each reload. An error ends the crew. */
    enum vt_err (*ready)(void *ctx, struct vt_why *why);
    /* Called on SIGHUP, or NULL, when that signal means what it always means. When it returns
     * VT_OK the members are ended in good order and started again; otherwise all stays as it
     * is. */
    enum vt_err (*reload)(void *ctx, struct vt_why *why);
    void *ctx;
    int64_t grace_ms; /* how long members have to end by themselves; 0: 4,000 */
};

/* For opts->start: starts the next member, as vt_proc_fork. *ret_fd is the parent's end of the
 * member's channel, for later members to be given by `keep`; the crew closes all of them when
 * `start` returns, but for the last member's: closing that one tells it to stop. */
VT_MUST enum vt_err vt_crew_start(struct vt_crew *c, int (*body)(int fd, void *ctx), void *ctx,
    const int *keep, int *ret_fd, struct vt_why *why);

/* Runs until told to stop (VT_OK). VT_E_CONFIG, VT_E_REFUSED: a member cannot run. VT_E_CHILD:
 * they died too often. VT_E_TIMEOUT: no answer within 20 s. */
VT_MUST enum vt_err vt_crew_run(const struct vt_crew_opts *opts, struct vt_why *why);

/* What a member's end means: logs the line, gives the exit code for its process. */
int vt_crew_end(enum vt_err err, const struct vt_why *why);

#endif
