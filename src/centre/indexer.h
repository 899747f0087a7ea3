/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The indexer process of a site: follows the log and keeps the facts (centre/facts.h) and the
 * library (search/library.h) up to it; tells http of what is new. It reads the public folder,
 * and of sealed sources HOME/sealed/objects; writes HOME/centre/facts.db* and
 * HOME/centre/source/; has no key, no listening socket, and starts nothing but ctags.
 */
#ifndef VT_CENTRE_INDEXER_H
#define VT_CENTRE_INDEXER_H

#include "store/home.h"

struct vt_policy;

struct vt_indexer_opts {
    const struct vt_home *home;
    const struct vt_policy *policy;
};

/* Runs until fd closes (VT_OK); sends VT_ROOM_EVENT on it (centre/room.h). Facts of another
 * version, or of a log that is not the policy's, are made anew. */
VT_MUST enum vt_err vt_indexer_run(
    int fd, const struct vt_indexer_opts *opts, struct vt_why *why);

/* Takes in all there is and returns: for tests and for `vitrine centre index`. */
VT_MUST enum vt_err vt_indexer_once(const struct vt_indexer_opts *opts, struct vt_why *why);

#endif
