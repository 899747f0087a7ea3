/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The http process of a site: docs/formats/site-http.md.
 */
#ifndef VT_CENTRE_WEB_H
#define VT_CENTRE_WEB_H

#include "store/home.h"

struct vt_policy;

struct vt_web_opts {
    const struct vt_home *home;
    const char *public_dir;
    const struct vt_policy *policy;
    int listen_fd;
    int stop_fd; /* readable or closed: stop */
    int log_fd;  /* the channel to the log process (log/service.h) */
};

/* Serves until told to stop (VT_OK). An error when the log process is gone. */
VT_MUST enum vt_err vt_web_run(const struct vt_web_opts *opts, struct vt_why *why);

#endif
