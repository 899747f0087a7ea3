/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The herald process of a site: tells those who asked (centre/hook.h) what the indexer has
 * found in the log, signed by the centre's key. docs/formats/web-hook.md.
 *
 * Each hook gets its events in their order, each at least once: what is not answered with 2xx
 * is sent again with growing pauses, and given up when it is a day old. How far each hook is
 * stands in HOME/centre/hooks.db. The herald reads HOME/centre/facts.db and hooks, speaks HTTP
 * to the hooks and to nobody else, follows no redirect, and listens to nothing.
 */
#ifndef VT_CENTRE_HERALD_H
#define VT_CENTRE_HERALD_H

#include "store/home.h"

struct vt_signer;

#define VT_HERALD_VERSION 1
#define VT_HERALD_FILE "centre/hooks.db" /* below the home */
/* id: SHA-256 of the hook's URL in hex; url: as others may see it, scheme and host alone; made,
 * seq: the newest event that is dealt with, of which facts; last: when one was delivered;
 * failed: attempts in a row that were not; dropped: how often events were given up; next: not
 * to be tried before; problem: why the newest attempt failed. Times are seconds since 1970. */
#define VT_HERALD_SCHEMA                                                                       \
    "CREATE TABLE hook(id TEXT PRIMARY KEY, url TEXT, made BLOB, seq INTEGER, last INTEGER,"   \
    " failed INTEGER, dropped INTEGER, next INTEGER, problem TEXT);"

struct vt_herald_opts {
    const struct vt_home *home;
    struct vt_signer *signer; /* the centre's key, for DSSE; NULL: a signer process of its own
                                 is started when there are hooks, from keys/centre.key */
    int64_t first_s;          /* the pause after a failure, doubled each time; 0: 5 s */
    int64_t most_s;           /* but at most this; 0: an hour */
    int64_t give_up_s;        /* 0: a day */
};

/* Runs until fd closes: VT_OK. */
VT_MUST enum vt_err vt_herald_run(
    int fd, const struct vt_herald_opts *opts, struct vt_why *why);

struct vt_herald;
VT_MUST enum vt_err vt_herald_new(
    const struct vt_herald_opts *opts, struct vt_herald **ret, struct vt_why *why);
void vt_herald_free(struct vt_herald *h);
/* Delivers what is due, until nothing is or stop_fd (or -1) is readable or closed. */
VT_MUST enum vt_err vt_herald_turn(struct vt_herald *h, int stop_fd, struct vt_why *why);

/* Sends a hook a `ping`, once, for whoever sets it up. VT_E_NET: no answer, or another than
 * 2xx. VT_E_NOENT: the home has no centre key. */
VT_MUST enum vt_err vt_herald_ping(
    const struct vt_herald_opts *opts, const char *url, struct vt_why *why);

#endif
