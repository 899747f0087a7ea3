/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine log run
 */
#include "listen.h"

#include "base/log.h"
#include "log/serve.h"

enum { INTERVAL_MAX_MS = 3600 * 1000 };

int
vt_cmd_log_run(int argc, char **argv)
{
    struct vt_listen_cli l = {.format = NULL};
    struct vt_serve_opts run = {.how = &l.how};
    uint64_t interval_ms = 0;
    const struct vt_opt opts[] = {
        {"listen", 'l', VT_OPT_STR, "HOST:PORT", "where to listen; port 0 takes any free one",
            &run.listen, true},
        {"interval", 'i', VT_OPT_U64, "MS",
            "the least time between two checkpoints in milliseconds (100)", &interval_ms,
            false},
        {"compress", 'z', VT_OPT_FLAG, NULL,
            "make compressed forms of the log's bundles too, when it is idle", &run.compress,
            false},
        VT_LISTEN_OPTS(&l),
        {0},
    };
    struct vt_cmd c = {.name = "log run",
        .args = "HOME --listen HOST:PORT",
        .summary = "Runs a log of its own, for entries of any kind, until it is told to stop.",
        .details =
            "POST /add takes an entry and gives its index once it is durable; GET /proof/INDEX "
            "gives its proof. Writes the URL to HOME/run/url once it answers, and says what "
            "happens on standard error. SIGTERM or SIGINT ends it in good order; SIGHUP has it "
            "take HOME/policy again.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_home home;
    struct vt_why why = {.text = ""};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    vt_log_init("log", c.quiet ? VT_LOG_WARN : VT_LOG_INFO);
    err = vt_listen_cli_take(&l, &why);
    if (err == VT_OK && interval_ms > INTERVAL_MAX_MS)
        err = vt_fail(&why, VT_E_USAGE, "--interval: at most an hour");
    run.interval_ms = (int64_t)interval_ms;
    if (err == VT_OK)
        err = vt_home_open(c.argv[0], VT_HOME_LOG, &home, &why);
    if (err == VT_OK)
        err = vt_serve_run(&home, &run, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    c.quiet = true; /* it has said on standard error what there was to say */
    return vt_cmd_done(&c, json_pack("{s:s}", "result", "stopped"), "%s", "");
}
