/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine log serve: a mirror over HTTP.
 */
#include "listen.h"

#include "base/log.h"
#include "log/mirror.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* A descriptor that is readable once SIGTERM or SIGINT came. */
static enum vt_err
stop_signals(int *ret_fd, struct vt_why *why)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    *ret_fd = signalfd(-1, &set, SFD_CLOEXEC);
    return *ret_fd < 0 ? vt_fail_errno(why, "cannot wait for signals") : VT_OK;
}

static enum vt_err
serve(
    const char *dir, const char *address, const struct vt_listen_opts *how, struct vt_why *why)
{
    char url[VT_HTTP_URL_SIZE];
    int listen_fd = -1;
    int stop_fd = -1;
    enum vt_err err = VT_OK;

    if (access(dir, R_OK | X_OK) != 0)
        return vt_fail_errno(why, "%s", dir);
    err = vt_listen_open(address, how, &listen_fd, url, why);
    if (err == VT_OK)
        err = stop_signals(&stop_fd, why);
    if (err == VT_OK) {
        vt_log(VT_LOG_INFO, "%s is served at %s", dir, url);
        err = vt_log_mirror_serve(dir, how, listen_fd, stop_fd, why);
    }
    if (listen_fd >= 0)
        (void)close(listen_fd);
    if (stop_fd >= 0)
        (void)close(stop_fd);
    return err;
}

int
vt_cmd_log_serve(int argc, char **argv)
{
    struct vt_listen_cli listen = {0};
    const char *address = NULL;
    const struct vt_opt opts[] = {
        {"listen", 'l', VT_OPT_STR, "HOST:PORT", "where to listen; port 0 takes any free one",
            &address, true},
        VT_LISTEN_OPTS(&listen), {0}};
    struct vt_cmd c = {.name = "log serve",
        .args = "DIR --listen HOST:PORT",
        .summary = "Serves a mirror of a log, or any folder of a log's public files.",
        .details = "Nothing but DIR is read, and nothing is written. Any web server will do "
                   "instead.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    vt_log_init("mirror", c.quiet ? VT_LOG_WARN : VT_LOG_INFO);
    err = vt_listen_cli_take(&listen, &why);
    if (err == VT_OK)
        err = serve(c.argv[0], address, &listen.how, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    c.quiet = true;
    return vt_cmd_done(&c, json_pack("{s:s}", "result", "stopped"), "%s", "");
}
