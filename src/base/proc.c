/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CLOSE_ONE_BY_ONE_MAX 65536

static void
close_from_to(unsigned first, unsigned last)
{
    if (first > last || close_range(first, last, 0) == 0)
        return;
    for (unsigned fd = first; fd <= last && fd < CLOSE_ONE_BY_ONE_MAX; fd++)
        (void)close((int)fd);
}

void
vt_proc_close_others(const int *keep)
{
    unsigned from = 3;

    for (;;) {
        int next = -1;
        for (int i = 0; keep != NULL && i < VT_PROC_KEEP_MAX && keep[i] >= 0; i++) {
            if ((unsigned)keep[i] >= from && (next < 0 || keep[i] < next))
                next = keep[i];
        }
        if (next < 0)
            break;
        if ((unsigned)next > from)
            close_from_to(from, (unsigned)next - 1);
        from = (unsigned)next + 1;
    }
    close_from_to(from, UINT_MAX);
}

/* A child starts with the default actions, except that an interrupt from the
 * terminal goes to the parent alone, who ends its children in order. */
static void
child_signals(void)
{
    static const int defaults[] = {
        SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGUSR1, SIGUSR2, SIGALRM};
    sigset_t none;

    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        (void)signal(defaults[i], SIG_DFL);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void
child_main(const char *name, int (*body)(int fd, void *ctx), void *ctx, const int *keep, int fd,
    pid_t parent)
{
    int kept[VT_PROC_KEEP_MAX + 2];
    size_t n = 0;
    int code;

    /* The parent may have died before the request to be killed with it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(127);
    (void)prctl(PR_SET_NAME, name);
    child_signals();
    kept[n++] = fd;
    for (size_t i = 0; keep != NULL && i < VT_PROC_KEEP_MAX - 1 && keep[i] >= 0; i++)
        kept[n++] = keep[i];
    kept[n] = -1;
    vt_proc_close_others(kept);
    code = body(fd, ctx);
    (void)fflush(stdout);
    (void)fflush(stderr);
    _exit(code);
}

enum vt_err
vt_proc_fork(const char *name, int (*body)(int fd, void *ctx), void *ctx, const int *keep,
    pid_t *ret_pid, int *ret_fd, struct vt_why *why)
{
    pid_t parent = getpid();
    int fds[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return vt_fail_errno(why, "%s: cannot make a socket pair", name);
    (void)fflush(stdout);
    (void)fflush(stderr);
    pid = fork();
    if (pid < 0) {
        enum vt_err err = vt_fail_errno(why, "%s: cannot start the process", name);
        (void)close(fds[0]);
        (void)close(fds[1]);
        return err;
    }
    if (pid == 0)
        child_main(name, body, ctx, keep, fds[1], parent);
    (void)close(fds[1]);
    *ret_pid = pid;
    *ret_fd = fds[0];
    return VT_OK;
}

/* Whether the child has ended (and was reaped, also by somebody else) by then. */
static bool
reaped_by(pid_t pid, int64_t deadline)
{
    const struct timespec nap = {.tv_nsec = 5000000};

    for (;;) {
        pid_t got = waitpid(pid, NULL, WNOHANG);
        if (got == pid || (got < 0 && errno != EINTR))
            return true;
        if (vt_clock_monotonic_ms() >= deadline)
            return false;
        (void)nanosleep(&nap, NULL);
    }
}

/* A child that serves a descriptor sees its end and leaves by itself; that gets
 * a quarter of the grace before SIGTERM is sent. */
void
vt_proc_stop(pid_t pid, int fd, int64_t grace_ms)
{
    int64_t began = vt_clock_monotonic_ms();

    if (fd >= 0)
        (void)close(fd);
    if (pid <= 0)
        return;
    if (fd >= 0 && reaped_by(pid, began + grace_ms / 4))
        return;
    (void)kill(pid, SIGTERM);
    if (reaped_by(pid, began + grace_ms))
        return;
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

void
vt_proc_harden(void)
{
    const struct rlimit none = {0};

    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
}

void
vt_proc_alone(int fd)
{
    const int keep[] = {fd, -1};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    vt_proc_harden();
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
    }
    vt_proc_close_others(keep);
}
