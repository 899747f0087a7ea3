/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The http process of a site: docs/formats/site-http.md. It parses the network, knows nobody
 * and has no key; what it cannot answer from files it asks the log, the desk and the readers.
 */
#ifndef VT_CENTRE_WEB_H
#define VT_CENTRE_WEB_H

#include "http/listen.h"
#include "store/home.h"

#include <stdbool.h>

struct vt_policy;

#define VT_WEB_READERS 2U

struct vt_web_opts {
    const struct vt_home *home;
    const char *public_dir;
    const char *web_dir; /* the built page; NULL: there is none, and the plain page is at / */
    const struct vt_policy *policy;
    const struct vt_listen_opts *how; /* or NULL */
    int tls_fd;                       /* the channel to the TLS signer, where `how` has TLS */
    bool forwarded; /* behind a proxy on this machine, as struct vt_http_server_opts has it */
    int listen_fd;
    int stop_fd; /* readable or closed: stop */
    int log_fd;  /* the channel to the log process (log/service.h) */
    /* Channels to the processes behind (centre/room.h); -1: there is none, and what it would
     * answer is 503. */
    int desk_fd;
    int reader_fd[VT_WEB_READERS];
    int indexer_fd;
};

/* Serves until told to stop (VT_OK). An error when the log process is gone; without one of the
 * others the rest goes on. */
VT_MUST enum vt_err vt_web_run(const struct vt_web_opts *opts, struct vt_why *why);

#endif
