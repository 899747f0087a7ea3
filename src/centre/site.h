/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's process group.
 *
 *     parent   holds the listening socket and the home's lock; starts the
 *              others, and all of them again when one dies
 *     signer   the log's key; signs checkpoints and nothing else
 *     log      the write-ahead log, tiles, witnesses; no listening socket
 *     http     parses requests; no key; reads public/ and nothing else
 *
 *     clients ─ http ═ log ═ signer        (═ a socket pair)
 *
 * The parent neither parses requests nor has a key. It keeps the listening
 * socket, so that connections made while the others start again wait and are
 * then answered.
 */
#ifndef VT_CENTRE_SITE_H
#define VT_CENTRE_SITE_H

#include "store/home.h"

/* Runs the site until SIGTERM or SIGINT (VT_OK). Writes HOME/run/url once it
 * answers, and HOME/public/policy from HOME/policy. VT_E_CONFIG: there is no
 * policy (the message says what to write) or it does not name this site's log.
 * VT_E_BUSY: the site runs already. VT_E_CHILD: its processes died more than five
 * times within a minute, or say that they cannot run. Waits for its own children
 * only by their ids; blocks SIGCHLD, SIGTERM and SIGINT while it runs. */
VT_MUST enum vt_err vt_site_run(
    const struct vt_home *home, const char *listen_address, struct vt_why *why);

#endif
