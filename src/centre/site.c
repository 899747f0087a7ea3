/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/site.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/proc.h"
#include "centre/web.h"
#include "crypto/signer.h"
#include "http/client.h"
#include "http/server.h"
#include "log/service.h"
#include "note/policy.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RESTARTS_MAX = 5, RESTART_WINDOW_MS = 60000, GRACE_MS = 4000, READY_MS = 20000 };
enum { PROBE_MS = 300 };
enum member { SIGNER, LOG, HTTP, MEMBERS };

static const char *const member_names[MEMBERS] = {"signer", "log", "http"};

struct site {
    const struct vt_home *home;
    struct vt_policy *policy;
    struct vt_lock lock;
    bool locked;
    int listen_fd;
    char url[128];
    char key_path[VT_PATH_MAX];
    char log_dir[VT_PATH_MAX];
    char public_dir[VT_PATH_MAX];
    char staged_dir[VT_PATH_MAX];
    /* While children are started: the ends that the next one gets. */
    int signer_fd;
    int log_fd;
    pid_t pid[MEMBERS]; /* 0: not running */
    int http_fd;        /* closing it stops the http process; -1 */
    int64_t restarts[RESTARTS_MAX];
    size_t restart_count;
};

/* What a child's end means: 0 fine, 1 and 2 will not be better next time. */
static int
child_end(enum vt_err err, const struct vt_why *why)
{
    if (err != VT_OK)
        vt_log(VT_LOG_ERROR, "%s", why->text);
    return vt_err_exit_code(err);
}

static int
signer_main(int fd, void *ctx)
{
    struct site *s = ctx;

    vt_log_init("signer", VT_LOG_INFO);
    return vt_signer_serve(fd, s->key_path, VT_SIGN_BIT(VT_SIGN_CHECKPOINT));
}

static int
log_main(int fd, void *ctx)
{
    struct site *s = ctx;
    struct vt_service_opts opts = {.log_dir = s->log_dir,
        .public_dir = s->public_dir,
        .staged_dir = s->staged_dir,
        .policy = s->policy};
    struct vt_why why = {0};
    enum vt_err err;

    vt_log_init("log", VT_LOG_INFO);
    err = vt_signer_attach(s->signer_fd, &opts.signer, &why);
    if (err == VT_OK)
        err = vt_service_run(fd, &opts, &why);
    vt_signer_free(opts.signer);
    return child_end(err, &why);
}

static int
http_main(int fd, void *ctx)
{
    struct site *s = ctx;
    struct vt_web_opts opts = {.home = s->home,
        .public_dir = s->public_dir,
        .policy = s->policy,
        .listen_fd = s->listen_fd,
        .stop_fd = fd,
        .log_fd = s->log_fd};
    struct vt_why why = {0};

    vt_log_init("http", VT_LOG_INFO);
    return child_end(vt_web_run(&opts, &why), &why);
}

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Ends whoever still runs. Everything they do survives that. */
static void
stop_all(struct site *s)
{
    close_fd(&s->http_fd);
    close_fd(&s->signer_fd);
    close_fd(&s->log_fd);
    for (int m = MEMBERS - 1; m >= 0; m--) {
        if (s->pid[m] > 0)
            vt_proc_stop(s->pid[m], -1, GRACE_MS);
        s->pid[m] = 0;
    }
}

static enum vt_err
start_all(struct site *s, struct vt_why *why)
{
    enum vt_err err =
        vt_proc_fork("signer", signer_main, s, NULL, &s->pid[SIGNER], &s->signer_fd, why);

    if (err == VT_OK) {
        int keep[] = {s->signer_fd, -1};

        err = vt_proc_fork("log", log_main, s, keep, &s->pid[LOG], &s->log_fd, why);
    }
    if (err == VT_OK) {
        int keep[] = {s->listen_fd, s->log_fd, -1};

        err = vt_proc_fork("http", http_main, s, keep, &s->pid[HTTP], &s->http_fd, why);
    }
    /* From here on only the children hold the ends of what joins them. */
    close_fd(&s->signer_fd);
    close_fd(&s->log_fd);
    if (err != VT_OK)
        stop_all(s);
    return err;
}

/* Waits until all have ended by themselves, for a while. */
static void
await_all(struct site *s, int64_t ms)
{
    int64_t end = vt_clock_monotonic_ms() + ms;
    bool running = true;

    while (running && vt_clock_monotonic_ms() < end) {
        running = false;
        for (int m = 0; m < MEMBERS; m++) {
            if (s->pid[m] > 0 && waitpid(s->pid[m], NULL, WNOHANG) == s->pid[m])
                s->pid[m] = 0;
            running = running || s->pid[m] > 0;
        }
        if (running)
            (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

/* http first; the log ends when its channel closes, the signer after the log. */
static void
stop_in_order(struct site *s)
{
    close_fd(&s->http_fd);
    await_all(s, GRACE_MS);
    stop_all(s);
}

/* What a child's end was: worst first. */
struct ending {
    enum member member;
    int status;
};

static int
exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* How much an end tells: who cannot go on says so with 1 or 2; who was killed
 * is the cause; who fails or just ends follows another. */
static int
weight(int status)
{
    int code = exit_code(status);

    if (code == 1 || code == 2)
        return 4;
    return code < 0 ? 3 : code > 0 ? 2 : 1;
}

/* Reaps who has ended. When one ends the others often follow, so the end that
 * tells most is given. */
static bool
children_ended(struct site *s, struct ending *ret)
{
    int best = 0;

    for (int round = 0; round < 2; round++) {
        for (int m = 0; m < MEMBERS; m++) {
            int status;

            if (s->pid[m] <= 0 || waitpid(s->pid[m], &status, WNOHANG) != s->pid[m])
                continue;
            s->pid[m] = 0;
            if (weight(status) > best) {
                *ret = (struct ending){.member = (enum member)m, .status = status};
                best = weight(status);
            }
        }
        if (best > 0 && round == 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    return best > 0;
}

/* Whether a restart is within what is permitted. */
static bool
may_restart(struct site *s)
{
    int64_t now = vt_clock_monotonic_ms();
    int64_t *oldest = &s->restarts[s->restart_count % RESTARTS_MAX];

    if (s->restart_count >= RESTARTS_MAX && now - *oldest < RESTART_WINDOW_MS)
        return false;
    *oldest = now;
    s->restart_count++;
    return true;
}

static enum vt_err
restart(struct site *s, const struct ending *end, struct vt_why *why)
{
    const char *name = member_names[end->member];
    int code = exit_code(end->status);

    stop_all(s);
    if (code == 1 || code == 2)
        return vt_fail(why, code == 2 ? VT_E_CONFIG : VT_E_REFUSED,
            "the %s process cannot run: its reason is in the log above", name);
    if (!may_restart(s))
        return vt_fail(why, VT_E_CHILD, "the site's processes died %d times within a minute",
            RESTARTS_MAX + 1);
    if (code < 0)
        vt_log(VT_LOG_WARN, "the %s process was killed by signal %d: starting all again", name,
            WTERMSIG(end->status));
    else
        vt_log(VT_LOG_WARN, "the %s process ended with %d: starting all again", name, code);
    return start_all(s, why);
}

/* Whether the http process answers. */
static bool
answers(struct site *s)
{
    struct vt_http_limits limits = {.connect_ms = PROBE_MS, .total_ms = PROBE_MS};
    struct vt_buf b = VT_BUF(4096);
    struct vt_http *h = NULL;
    bool ok = vt_http_new(&limits, &h, NULL) == VT_OK &&
              vt_http_get(h, s->url, "healthz", &b, NULL) == VT_OK;

    vt_http_free(h);
    vt_buf_release(&b);
    return ok;
}

static enum vt_err
supervise(struct site *s, const sigset_t *signals, struct vt_why *why)
{
    int64_t give_up = vt_clock_monotonic_ms() + READY_MS;
    bool ready = false;
    enum vt_err err = VT_OK;

    while (err == VT_OK) {
        struct timespec wait = {.tv_sec = ready ? 1 : 0, .tv_nsec = ready ? 0 : 20000000};
        int sig = sigtimedwait(signals, NULL, &wait);
        struct ending end = {0};

        if (sig == SIGTERM || sig == SIGINT)
            break;
        if (children_ended(s, &end)) {
            err = restart(s, &end, why);
        } else if (!ready && answers(s)) {
            ready = true;
            err = vt_home_announce(s->home, "run", s->url, why);
            if (err == VT_OK)
                vt_log(VT_LOG_INFO, "%s answers at %s", s->home->name, s->url);
        } else if (!ready && vt_clock_monotonic_ms() > give_up) {
            err = vt_fail(why, VT_E_TIMEOUT, "the site does not answer at %s", s->url);
        }
    }
    return err;
}

/* The message for whoever starts a site before writing its policy. */
static enum vt_err
no_policy(const struct site *s, const char *path, struct vt_why *why)
{
    struct vt_vkey key;
    char text[VT_VKEY_TEXT_MAX];
    enum vt_err err = vt_home_vkey(s->home, "log", &key, why);

    if (err != VT_OK)
        return err;
    vt_vkey_format(&key, text);
    return vt_fail(why, VT_E_CONFIG,
        "%s is missing: write the policy there, beginning with `log %s`, then its witnesses, "
        "signers, groups, `quorum` and `require` lines",
        path, text);
}

/* Reads the policy and makes it public. */
static enum vt_err
take_policy(struct site *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    const struct vt_policy_party *log;
    char path[VT_PATH_MAX];
    char copy[VT_PATH_MAX];
    struct vt_vkey key;
    enum vt_err err = vt_home_path(s->home, path, why, "policy");

    if (err == VT_OK)
        err = vt_home_path(s->home, copy, why, "public/policy");
    if (err != VT_OK)
        return err;
    if (!vt_file_exists(path))
        return no_policy(s, path, why);
    err = vt_file_read(path, &b, why);
    if (err == VT_OK) {
        err = vt_policy_parse(b.data, b.len, &s->policy, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", path);
    }
    if (err == VT_OK)
        err = vt_home_vkey(s->home, "log", &key, why);
    if (err == VT_OK) {
        log = vt_policy_log(s->policy, key.name);
        if (log == NULL || !vt_pubkey_eq(&log->key.pub, &key.pub))
            err = vt_fail(why, VT_E_CONFIG,
                "%s does not name this site's own log with its key: add the line `log` with "
                "what keys/log.vkey holds",
                path);
    }
    if (err == VT_OK)
        err = vt_file_replace(copy, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
prepare(struct site *s, const char *listen_address, struct vt_why *why)
{
    static const char *const folders[] = {"public/objects", "public/tile",
        "public/tuf/metadata", "public/tuf/targets", "public/passports", "public/staged"};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(s->home, path, why, "run");

    if (err == VT_OK)
        err = vt_dir_make(path, 0755, why);
    if (err == VT_OK)
        err = vt_home_path(s->home, path, why, "run/lock");
    if (err == VT_OK)
        err = vt_lock_take(&s->lock, path, s->home->dir, why);
    if (err != VT_OK)
        return err;
    s->locked = true;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && err == VT_OK; i++) {
        err = vt_home_path(s->home, path, why, "%s", folders[i]);
        if (err == VT_OK)
            err = vt_dir_make(path, 0755, why);
    }
    if (err == VT_OK)
        err = vt_home_key_path(s->home, "log", s->key_path, why);
    if (err == VT_OK)
        err = vt_home_path(s->home, s->log_dir, why, "log");
    if (err == VT_OK)
        err = vt_home_path(s->home, s->public_dir, why, "public");
    if (err == VT_OK)
        err = vt_home_path(s->home, s->staged_dir, why, "staged");
    if (err == VT_OK)
        err = take_policy(s, why);
    if (err == VT_OK)
        err = vt_http_listen(listen_address, &s->listen_fd, s->url, why);
    return err;
}

enum vt_err
vt_site_run(const struct vt_home *home, const char *listen_address, struct vt_why *why)
{
    struct site s = {
        .home = home, .listen_fd = -1, .signer_fd = -1, .log_fd = -1, .http_fd = -1};
    sigset_t signals;
    sigset_t before;
    enum vt_err err;

    (void)signal(SIGCHLD, SIG_DFL); /* whoever started us may have ignored it */
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, &before);
    err = prepare(&s, listen_address, why);
    if (err == VT_OK)
        err = start_all(&s, why);
    if (err == VT_OK)
        err = supervise(&s, &signals, why);
    stop_in_order(&s);
    if (s.locked)
        vt_home_withdraw(home, "run");
    close_fd(&s.listen_fd);
    vt_policy_free(s.policy);
    if (s.locked)
        vt_lock_release(&s.lock);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return err;
}
