/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a log's processes share. Private to src/log/serve*.c.
 */
#ifndef VT_LOG_SERVE_PARTS_H
#define VT_LOG_SERVE_PARTS_H

#include "log/serve.h"

struct vt_serve {
    const struct vt_home *home;
    const struct vt_serve_opts *opts;
    struct vt_policy *policy;
    struct vt_lock lock;
    bool locked;
    bool reloading;
    int listen_fd;
    char url[VT_HTTP_URL_SIZE];
    char key_path[VT_PATH_MAX];
    char log_dir[VT_PATH_MAX];
    char public_dir[VT_PATH_MAX];
    /* While members are started: the ends that the next ones get. */
    int signer_fd;
    int log_fd;
    int tls_fd;
};

/* serve_http.c: the http process, until stop_fd is closed or the log process is gone. */
VT_MUST enum vt_err vt_serve_http(const struct vt_serve *s, int stop_fd, struct vt_why *why);

#endif
