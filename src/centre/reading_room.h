/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader process of a site: answers the reading part of /api/v1 (docs/formats/centre-api.md)
 * from the facts and the library. Reads HOME/centre/ and HOME/public/; writes nothing (but
 * SQLite's shared memory beside the tables); has no key and no socket but the one to http.
 */
#ifndef VT_CENTRE_READING_ROOM_H
#define VT_CENTRE_READING_ROOM_H

#include "store/home.h"

struct vt_policy;

struct vt_reading_room_opts {
    const struct vt_home *home;
    const struct vt_policy *policy;
    const char *url; /* where the site answers, for links and commands */
};

/* Answers until fd closes: VT_OK. */
VT_MUST enum vt_err vt_reading_room_run(
    int fd, const struct vt_reading_room_opts *opts, struct vt_why *why);

#endif
