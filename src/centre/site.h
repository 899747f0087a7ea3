/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's process group.
 *
 *     parent     holds the listening socket and the home's lock; starts the
 *                others, and all of them again when one dies
 *     signer     the log's key; signs checkpoints and nothing else
 *     log        the write-ahead log, tiles, witnesses; no listening socket
 *     tls-signer the listener's key, when it has one (http/tls_signer.h)
 *     signer-2   the Centre's key, when the home has one; signs entries
 *     desk       reviewers, comments, who opened what (centre/desk.h)
 *     indexer    facts and the library of sources (centre/indexer.h)
 *     herald     tells web hooks of what was logged (centre/herald.h); where there is a
 * Centre's key reader-1, reader-2   answer what is read (centre/reading_room.h) http parses
 * requests; no key; reads public/ and the page, nothing else
 *
 *     clients ─ http ═ log ═ signer        (═ a socket pair)
 *                    ═ desk ═ signer-2
 *                    ═ reader-1, reader-2, indexer
 *
 * The parent neither parses requests nor has a key. It keeps the listening
 * socket, so that connections made while the others start again wait and are
 * then answered.
 */
#ifndef VT_CENTRE_SITE_H
#define VT_CENTRE_SITE_H

#include "http/listen.h"
#include "store/home.h"

struct vt_site_opts {
    const char *listen;               /* HOST:PORT */
    const struct vt_listen_opts *how; /* TLS and lines for requests; or NULL */
    /* The folder of the built page; NULL: the first that there is of $VITRINE_WEB, the
     * installed one, and web/dist of the build tree that this program stands in; when there is
     * none the plain page is at /. */
    const char *web;
    /* What the page's address is for browsers: "https://centre.example". NULL:
     * http://localhost:PORT, or https:// there with TLS of its own. https without that means
     * that a proxy on this machine speaks for clients. */
    const char *origin;
    bool compress; /* make compressed forms of the log's full bundles */
};

/* Runs the site until SIGTERM or SIGINT (VT_OK). Writes HOME/run/url once it
 * answers, and HOME/public/policy from HOME/policy. On SIGHUP it takes the policy
 * again, and what it does with it: a wrong one is refused and the old one stays.
 * VT_E_CONFIG: there is no policy (the message says what to write) or it does not
 * name this site's log. VT_E_USAGE: an origin that is none, a page's folder without
 * index.html. VT_E_BUSY: the site runs already. VT_E_CHILD: its processes died more
 * than five times within a minute, or say that they cannot run. Waits for its own
 * children only by their ids; blocks SIGCHLD, SIGTERM, SIGINT and SIGHUP while it runs. */
VT_MUST enum vt_err vt_site_run(
    const struct vt_home *home, const struct vt_site_opts *opts, struct vt_why *why);

/* Has the site that runs on this home take its policy again, and waits until it answers with
 * it. VT_E_STATE: none runs. VT_E_CONFIG: the policy was refused (the message says why), and
 * the site goes on with the old one. VT_E_TIMEOUT: it does not answer within timeout_ms. */
VT_MUST enum vt_err vt_site_reload(
    const struct vt_home *home, int64_t timeout_ms, struct vt_why *why);

#endif
