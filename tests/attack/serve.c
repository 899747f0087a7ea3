/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mirror under an attacker's hand, for demonstrations and tests: serves a
 * folder's files over HTTP as they are, and knows nothing of what they mean.
 *
 *     serve FOLDER URL-FILE [HOST:PORT]
 *
 * The URL is written to URL-FILE when it answers. It ends on SIGTERM or SIGINT.
 */
#include "base/file.h"
#include "http/server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

static int
stop_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int
main(int argc, char **argv)
{
    struct vt_http_folder folders[] = {{.prefix = "/",
                                           .dir = argc > 1 ? argv[1] : NULL,
                                           .content_type = "application/octet-stream",
                                           .cache = "no-store"},
        {0}};
    struct vt_http_server_opts opts = {.folders = folders};
    struct vt_why why = {0};
    char url[128];
    int listen_fd = -1, stop_fd = stop_signals();

    if (argc < 3 || stop_fd < 0) {
        fputs("usage: serve FOLDER URL-FILE [HOST:PORT]\n", stderr);
        return 2;
    }
    if (vt_http_listen(argc > 3 ? argv[3] : "127.0.0.1:0", &listen_fd, url, &why) != VT_OK ||
        vt_file_replace(argv[2], 0644, url, strlen(url), &why) != VT_OK ||
        vt_http_serve(listen_fd, stop_fd, &opts, &why) != VT_OK) {
        fprintf(stderr, "serve: %s\n", why.text);
        return 3;
    }
    return 0;
}
