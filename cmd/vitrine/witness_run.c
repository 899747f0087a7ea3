/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine witness run
 */
#include "listen.h"
#include "witness.h"

#include "base/log.h"
#include "http/server.h"
#include "witness/service.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct run {
    const struct vt_home *home;
    const char *address;
    struct vt_opt_list named;
    struct vt_listen_cli listen;
    uint64_t rate;
    uint64_t connections;
    uint64_t per_client;
    struct vt_witness *witness;
    struct vt_witness_serving serving;
};

/* A descriptor that is readable once one of two signals came (or the same twice). */
static enum vt_err
signal_fd(int a, int b, int *ret_fd, struct vt_why *why)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, a);
    (void)sigaddset(&set, b);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    *ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret_fd < 0 ? vt_fail_errno(why, "cannot wait for signals") : VT_OK;
}

static enum vt_err
gather(struct run *r, struct vt_witness_list *l, struct vt_why *why)
{
    enum vt_err err = vt_witness_gather(l, r->home, &r->named, why);

    if (err == VT_OK && l->count == 0)
        err = vt_fail(why, VT_E_USAGE,
            "which log? Give --log VKEY, or write keys of logs to %s/logs", r->home->dir);
    return err;
}

/* SIGHUP: what is followed is read again. Records stay; when it fails all stays as it is. */
static void
reload(void *ctx)
{
    struct signalfd_siginfo info;
    struct vt_witness_list l = {0};
    struct run *r = ctx;
    struct vt_why why = {0};
    enum vt_err err;

    while (read(r->serving.reload_fd, &info, sizeof(info)) > 0)
        continue;
    err = gather(r, &l, &why);
    if (err == VT_OK)
        err = vt_witness_follow(r->witness, l.item, l.count, &why);
    if (err == VT_OK) {
        vt_log(VT_LOG_INFO, "follows %zu logs",
            vt_witness_table_followed(vt_witness_logs(r->witness)));
    } else {
        vt_witness_metrics(r->witness)->reload_failures++;
        vt_log(VT_LOG_ERROR, "the logs stay what they were: %s", why.text);
    }
    vt_witness_list_release(&l);
}

static enum vt_err
open_witness(struct run *r, struct vt_why *why)
{
    struct vt_witness_list l = {0};
    char records[VT_PATH_MAX];
    char key[VT_PATH_MAX];
    char mldsa[VT_PATH_MAX];
    enum vt_err err = gather(r, &l, why);

    if (err == VT_OK)
        err = vt_home_path(r->home, records, why, "records");
    if (err == VT_OK)
        err = vt_home_key_path(r->home, "witness", key, why);
    if (err == VT_OK)
        err = vt_home_key_path(r->home, "witness-mldsa", mldsa, why);
    if (err == VT_OK)
        err = vt_witness_open(records, key, vt_file_exists(mldsa) ? mldsa : NULL, l.item,
            l.count, &vt_clock_system, &r->witness, why);
    vt_witness_list_release(&l);
    return err;
}

static enum vt_err
listen_and_serve(struct run *r, struct vt_why *why)
{
    struct vt_witness_serving *s = &r->serving;
    char url[VT_HTTP_URL_SIZE];
    enum vt_err err = vt_listen_open(r->address, s->how, &s->listen_fd, url, why);

    if (err == VT_OK)
        err = signal_fd(SIGTERM, SIGINT, &s->stop_fd, why);
    if (err == VT_OK)
        err = signal_fd(SIGHUP, SIGHUP, &s->reload_fd, why);
    /* It listens already: who connects from now on is answered. */
    if (err == VT_OK)
        err = vt_home_announce(r->home, "run", url, why);
    if (err != VT_OK)
        return err;
    vt_log(VT_LOG_INFO, "%s answers at %s for %zu logs", r->home->name, url,
        vt_witness_table_followed(vt_witness_logs(r->witness)));
    return vt_witness_serve_with(r->witness, s, why);
}

static enum vt_err
run(struct run *r, struct vt_why *why)
{
    struct vt_witness_serving *s = &r->serving;
    enum vt_err err;

    *s = (struct vt_witness_serving){.listen_fd = -1,
        .stop_fd = -1,
        .reload_fd = -1,
        .reload = reload,
        .ctx = r,
        .how = &r->listen.how,
        .rate_per_minute = (unsigned)r->rate,
        .connections = (unsigned)r->connections,
        .connections_per_client = (unsigned)r->per_client};
    err = open_witness(r, why);
    if (err == VT_OK)
        err = listen_and_serve(r, why);
    vt_witness_free(r->witness);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->stop_fd >= 0)
        close(s->stop_fd);
    if (s->reload_fd >= 0)
        close(s->reload_fd);
    return err;
}

static enum vt_err
check_limits(const struct run *r, struct vt_why *why)
{
    if (r->rate > 100000000)
        return vt_fail(why, VT_E_USAGE, "--rate: at most 100000000 a minute");
    if (r->connections == 0 || r->connections > 65536)
        return vt_fail(why, VT_E_USAGE, "--connections: 1 to 65536");
    if (r->per_client > 65536)
        return vt_fail(why, VT_E_USAGE, "--connections-per-client: at most 65536");
    return VT_OK;
}

int
vt_cmd_witness_run(int argc, char **argv)
{
    struct run r = {.rate = 60000, .connections = 1024, .per_client = 256};
    const struct vt_opt opts[] = {
        {"listen", 'l', VT_OPT_STR, "HOST:PORT", "where to listen; port 0 takes any free one",
            &r.address, true},
        {"log", 0, VT_OPT_LIST, "VKEY", "a log to witness; may be given several times",
            &r.named, false},
        {"rate", 0, VT_OPT_U64, "N", "requests a minute of one client; 0: any", &r.rate, false},
        {"connections", 0, VT_OPT_U64, "N", "connections at once", &r.connections, false},
        {"connections-per-client", 0, VT_OPT_U64, "N", "of one client; 0: any", &r.per_client,
            false},
        VT_LISTEN_OPTS(&r.listen),
        {0},
    };
    struct vt_cmd c = {.name = "witness run",
        .args = "HOME --listen HOST:PORT [--log VKEY]...",
        .summary = "Runs a witness: cosigns checkpoints of logs that only grow.",
        .details =
            "Follows the logs that --log, HOME/policy and HOME/logs name; SIGHUP has them "
            "read again. Speaks C2SP tlog-witness at URL/add-checkpoint; writes the URL "
            "to HOME/run/url. What a log signed against its own history is kept in "
            "HOME/records/evidence.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_home home;
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    r.home = &home;
    vt_log_init("witness", c.quiet ? VT_LOG_WARN : VT_LOG_INFO);
    err = vt_listen_cli_take(&r.listen, &why);
    if (err == VT_OK)
        err = check_limits(&r, &why);
    if (err == VT_OK)
        err = vt_home_open(c.argv[0], VT_HOME_WITNESS, &home, &why);
    if (err == VT_OK)
        err = run(&r, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    c.quiet = true;
    return vt_cmd_done(&c, json_pack("{s:s}", "result", "stopped"), "%s", "");
}
