/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TUF client: runs the workflow of vt_trust over a mirror, and keeps what
 * is trusted in a folder, each file durably and only after it was checked:
 *
 *     root.json            the newest trusted root
 *     root_history/N.root.json
 *     timestamp.json snapshot.json targets.json CHANNEL.json
 *
 * A failure or a crash at any point leaves a folder from which the next update
 * goes on, with no version lower than before.
 */
#ifndef VT_UPDATE_CLIENT_H
#define VT_UPDATE_CLIENT_H

#include "update/mirror.h"
#include "update/trust.h"

#define VT_TUF_ROTATIONS_MAX 256U /* newer roots taken in one update */

struct vt_tuf_client_opts {
    const struct vt_mirror *mirror;
    const char *dir;  /* the folder of trusted metadata; made when missing */
    const void *root; /* a root that the user trusts, or NULL when dir has one */
    size_t root_len;
    int64_t now;                      /* seconds since 1970 at which the update began */
    const struct vt_tuf_names *names; /* or NULL; must outlive *ret */
};

/* Brings the metadata up to date, down to the channel's. When it fails,
 * nothing that it fetched and refused is kept. VT_E_CONFIG: the given root is
 * not one of the line that the folder was begun with, or there is none. Errors
 * of vt_trust, of the mirror, VT_E_LIMIT (endless data), of the folder. */
VT_MUST enum vt_err vt_tuf_client_update(const struct vt_tuf_client_opts *opts,
    const char *channel, struct vt_trust **ret, struct vt_why *why);

#endif
