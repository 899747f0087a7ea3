/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crew.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/proc.h"

#include <assert.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RESTARTS_MAX = 5, RESTART_WINDOW_MS = 60000, GRACE_MS = 4000, READY_MS = 20000 };

struct vt_crew {
    const struct vt_crew_opts *opts;
    int64_t grace_ms;
    unsigned started;
    pid_t pid[VT_CREW_MAX]; /* 0: not running */
    int fd[VT_CREW_MAX];    /* -1: closed */
    int64_t restarts[RESTARTS_MAX];
    size_t restart_count;
    int64_t awaited_until_ms; /* when it must answer; 0: it has */
};

int
vt_crew_end(enum vt_err err, const struct vt_why *why)
{
    if (err != VT_OK)
        vt_log(VT_LOG_ERROR, "%s", why->text);
    return vt_err_exit_code(err);
}

enum vt_err
vt_crew_start(struct vt_crew *c, int (*body)(int fd, void *ctx), void *ctx, const int *keep,
    int *ret_fd, struct vt_why *why)
{
    unsigned m = c->started;
    enum vt_err err;

    assert(m < c->opts->count);
    err = vt_proc_fork(c->opts->names[m], body, ctx, keep, &c->pid[m], &c->fd[m], why);
    if (err != VT_OK)
        return err;
    c->started++;
    *ret_fd = c->fd[m];
    return VT_OK;
}

static void
close_channels(struct vt_crew *c, unsigned count)
{
    for (unsigned m = 0; m < count; m++) {
        if (c->fd[m] >= 0)
            close(c->fd[m]);
        c->fd[m] = -1;
    }
}

/* Ends whoever still runs. Everything they do survives that. */
static void
stop_all(struct vt_crew *c)
{
    close_channels(c, c->opts->count);
    for (unsigned m = c->opts->count; m-- > 0;) {
        if (c->pid[m] > 0)
            vt_proc_stop(c->pid[m], -1, c->grace_ms);
        c->pid[m] = 0;
    }
}

static enum vt_err
start_all(struct vt_crew *c, struct vt_why *why)
{
    enum vt_err err;

    c->started = 0;
    err = c->opts->start(c->opts->ctx, c, why);
    if (err != VT_OK) {
        stop_all(c);
        return err;
    }
    assert(c->started == c->opts->count);
    /* From here on only the children hold the ends of what joins them. */
    close_channels(c, c->opts->count - 1);
    return VT_OK;
}

/* Waits until all have ended by themselves, for a while. */
static void
await_all(struct vt_crew *c)
{
    int64_t end = vt_clock_monotonic_ms() + c->grace_ms;
    bool running = true;

    while (running && vt_clock_monotonic_ms() < end) {
        running = false;
        for (unsigned m = 0; m < c->opts->count; m++) {
            if (c->pid[m] > 0 && waitpid(c->pid[m], NULL, WNOHANG) == c->pid[m])
                c->pid[m] = 0;
            running = running || c->pid[m] > 0;
        }
        if (running)
            (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

/* The last first; each of the others ends when its channel closes. */
static void
stop_in_order(struct vt_crew *c)
{
    close_channels(c, c->opts->count);
    await_all(c);
    stop_all(c);
}

/* What a child's end was. */
struct ending {
    unsigned member;
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
children_ended(struct vt_crew *c, struct ending *ret)
{
    int best = 0;

    for (int round = 0; round < 2; round++) {
        for (unsigned m = 0; m < c->opts->count; m++) {
            int status;

            if (c->pid[m] <= 0 || waitpid(c->pid[m], &status, WNOHANG) != c->pid[m])
                continue;
            c->pid[m] = 0;
            if (weight(status) > best) {
                *ret = (struct ending){.member = m, .status = status};
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
may_restart(struct vt_crew *c)
{
    int64_t now = vt_clock_monotonic_ms();
    int64_t *oldest = &c->restarts[c->restart_count % RESTARTS_MAX];

    if (c->restart_count >= RESTARTS_MAX && now - *oldest < RESTART_WINDOW_MS)
        return false;
    *oldest = now;
    c->restart_count++;
    return true;
}

static enum vt_err
restart(struct vt_crew *c, const struct ending *end, struct vt_why *why)
{
    const char *name = c->opts->names[end->member];
    int code = exit_code(end->status);

    stop_all(c);
    if (code == 1 || code == 2)
        return vt_fail(why, code == 2 ? VT_E_CONFIG : VT_E_REFUSED,
            "the %s process cannot run: its reason is in the log above", name);
    if (!may_restart(c))
        return vt_fail(why, VT_E_CHILD, "%s's processes died %d times within a minute",
            c->opts->what, RESTARTS_MAX + 1);
    if (code < 0)
        vt_log(VT_LOG_WARN, "the %s process was killed by signal %d: starting all again", name,
            WTERMSIG(end->status));
    else
        vt_log(VT_LOG_WARN, "the %s process ended with %d: starting all again", name, code);
    return start_all(c, why);
}

/* SIGHUP: what the members were started with is read again, and they with it. */
static enum vt_err
reload(struct vt_crew *c, struct vt_why *why)
{
    struct vt_why refused = {0};

    if (c->opts->reload(c->opts->ctx, &refused) != VT_OK) {
        vt_log(VT_LOG_ERROR, "nothing is changed: %s", refused.text);
        return VT_OK;
    }
    vt_log(VT_LOG_INFO, "starting all processes of %s again", c->opts->what);
    stop_in_order(c);
    c->awaited_until_ms = vt_clock_monotonic_ms() + READY_MS;
    return start_all(c, why);
}

/* While the service does not answer yet. */
static enum vt_err
await_answer(struct vt_crew *c, struct vt_why *why)
{
    if (c->opts->answers(c->opts->ctx)) {
        c->awaited_until_ms = 0;
        return c->opts->ready(c->opts->ctx, why);
    }
    if (vt_clock_monotonic_ms() > c->awaited_until_ms)
        return vt_fail(why, VT_E_TIMEOUT, "%s does not answer", c->opts->what);
    return VT_OK;
}

static enum vt_err
supervise(struct vt_crew *c, const sigset_t *signals, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    c->awaited_until_ms = vt_clock_monotonic_ms() + READY_MS;
    while (err == VT_OK) {
        bool ready = c->awaited_until_ms == 0;
        struct timespec wait = {.tv_sec = ready ? 1 : 0, .tv_nsec = ready ? 0 : 20000000};
        int sig = sigtimedwait(signals, NULL, &wait);
        struct ending end = {0};

        if (sig == SIGTERM || sig == SIGINT)
            break;
        if (sig == SIGHUP)
            err = reload(c, why);
        else if (children_ended(c, &end))
            err = restart(c, &end, why);
        else if (!ready)
            err = await_answer(c, why);
    }
    return err;
}

enum vt_err
vt_crew_run(const struct vt_crew_opts *opts, struct vt_why *why)
{
    struct vt_crew c = {
        .opts = opts, .grace_ms = opts->grace_ms > 0 ? opts->grace_ms : GRACE_MS};
    sigset_t signals;
    sigset_t before;
    enum vt_err err;

    assert(opts->count > 0 && opts->count <= VT_CREW_MAX);
    for (unsigned m = 0; m < VT_CREW_MAX; m++)
        c.fd[m] = -1;
    (void)signal(SIGCHLD, SIG_DFL); /* whoever started us may have ignored it */
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    if (opts->reload != NULL)
        (void)sigaddset(&signals, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &signals, &before);
    err = start_all(&c, why);
    if (err == VT_OK)
        err = supervise(&c, &signals, why);
    stop_in_order(&c);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return err;
}
