/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a program and waiting for it.
 *
 * The child leads a process group of its own, so that at a timeout, an
 * overflowing output or its own end all that it started goes too. Standard
 * input is a file in memory: no pipe to feed, none to break. The parent waits
 * in poll() on the pipes and on a pidfd; the child stays a zombie until its
 * group was killed, so that the number cannot name somebody else by then.
 */
#include "base/proc.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TAIL_MAX 4096U
#define TICK_MS 200
#define POLL_WITHOUT_PIDFD_MS 20
#define CHUNKS_AT_ONCE 64 /* so that a program that writes on and on meets its timeout */

struct run {
    const char *const *argv;
    const struct vt_proc_opts *o;
    pid_t pid;
    int pidfd;
    int in;         /* the child's standard input */
    int out[2];     /* pipe for standard output; -1 when not captured */
    int err[2];     /* pipe for standard error; -1 when it goes to log_fd */
    int started[2]; /* the child writes errno here when it cannot exec */
    char tail[TAIL_MAX];
    size_t tail_len;
};

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void
run_release(struct run *r)
{
    int *fds[] = {&r->pidfd, &r->in, &r->out[0], &r->out[1], &r->err[0], &r->err[1],
        &r->started[0], &r->started[1]};

    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        close_fd(fds[i]);
}

static enum vt_err
open_input(struct run *r, struct vt_why *why)
{
    enum vt_err err;

    if (r->o->input == NULL) {
        r->in = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return r->in >= 0 ? VT_OK : vt_fail_errno(why, "/dev/null: cannot open");
    }
    r->in = memfd_create("input", MFD_CLOEXEC);
    if (r->in < 0)
        return vt_fail_errno(why, "cannot make the input of a program");
    err = vt_fd_write(r->in, r->o->input, r->o->input_len, why);
    if (err == VT_OK && lseek(r->in, 0, SEEK_SET) != 0)
        err = vt_fail_errno(why, "cannot rewind the input of a program");
    return err;
}

static enum vt_err
open_pipes(struct run *r, struct vt_why *why)
{
    if ((r->o->output != NULL && pipe2(r->out, O_CLOEXEC) != 0) ||
        (r->o->log_fd == 0 && pipe2(r->err, O_CLOEXEC) != 0) ||
        pipe2(r->started, O_CLOEXEC) != 0)
        return vt_fail_errno(why, "cannot make a pipe");
    if (r->out[0] >= 0)
        (void)fcntl(r->out[0], F_SETFL, O_NONBLOCK);
    if (r->err[0] >= 0)
        (void)fcntl(r->err[0], F_SETFL, O_NONBLOCK);
    return VT_OK;
}

/* Puts fd at number `to` without close-on-exec. All three were opened before,
 * so a number from 0 to 2 among them is moved out of the way first. */
static bool
put_fd(int fd, int to)
{
    if (fd == to)
        return fcntl(fd, F_SETFD, 0) == 0;
    return dup2(fd, to) == to;
}

static bool
child_fds(const struct run *r)
{
    int in = fcntl(r->in, F_DUPFD_CLOEXEC, 3);
    int log = r->o->log_fd > 0 ? fcntl(r->o->log_fd, F_DUPFD_CLOEXEC, 3) : -1;
    int out = r->out[1] >= 0 ? fcntl(r->out[1], F_DUPFD_CLOEXEC, 3) : log;
    int err = r->err[1] >= 0 ? fcntl(r->err[1], F_DUPFD_CLOEXEC, 3) : log;

    if (out < 0)
        out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return in >= 0 && out >= 0 && err >= 0 && put_fd(in, 0) && put_fd(out, 1) && put_fd(err, 2);
}

static void
child_signals(void)
{
    sigset_t none;

    for (int s = 1; s < 32; s++)
        (void)signal(s, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void
child_exec(const struct run *r, pid_t parent)
{
    /* The descriptor that reports a failed exec must outlive child_fds. */
    int report = fcntl(r->started[1], F_DUPFD_CLOEXEC, 3);
    char *const *argv = (char *const *)(uintptr_t)r->argv;
    int e;

    (void)setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(127);
    child_signals();
    if (!child_fds(r) || (r->o->cwd != NULL && chdir(r->o->cwd) != 0))
        goto fail;
    /* Ours are closed at exec already; this is for what we ourselves inherited. */
    (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (r->o->prepare != NULL && !r->o->prepare(r->o->prepare_ctx))
        _exit(127);
    if (r->o->env != NULL)
        (void)execvpe(argv[0], argv, (char *const *)(uintptr_t)r->o->env);
    else
        (void)execvp(argv[0], argv);
fail:
    e = errno;
    ssize_t n = write(report, &e, sizeof e);
    (void)n;
    _exit(127);
}

/* Starts the child and waits until it runs the program or could not. */
static enum vt_err
start(struct run *r, struct vt_why *why)
{
    pid_t parent = getpid();
    int e = 0;
    size_t got = 0;
    enum vt_err err;

    r->pid = fork();
    if (r->pid < 0)
        return vt_fail_errno(why, "%s: cannot start a process", r->argv[0]);
    if (r->pid == 0)
        child_exec(r, parent);
    (void)setpgid(r->pid, r->pid);
    close_fd(&r->out[1]);
    close_fd(&r->err[1]);
    close_fd(&r->started[1]);
    r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
    err = vt_fd_read(r->started[0], &e, sizeof e, &got, NULL);
    if (err == VT_OK && got == sizeof e) {
        errno = e;
        (void)vt_fail_errno(why, "%s: cannot run it", r->argv[0]);
        return VT_E_CHILD;
    }
    return VT_OK;
}

static void
keep_tail(struct run *r, const char *data, size_t len)
{
    if (len >= TAIL_MAX) {
        memcpy(r->tail, data + len - TAIL_MAX, TAIL_MAX);
        r->tail_len = TAIL_MAX;
        return;
    }
    if (r->tail_len + len > TAIL_MAX) {
        size_t drop = r->tail_len + len - TAIL_MAX;
        memmove(r->tail, r->tail + drop, r->tail_len - drop);
        r->tail_len -= drop;
    }
    memcpy(r->tail + r->tail_len, data, len);
    r->tail_len += len;
}

/* Takes what a pipe holds now; closes it at its end. */
static enum vt_err
drain(struct run *r, int *fd, struct vt_buf *output, struct vt_why *why)
{
    char chunk[16384];

    for (int i = 0; *fd >= 0 && i < CHUNKS_AT_ONCE; i++) {
        ssize_t n = read(*fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return VT_OK;
        if (n <= 0) {
            close_fd(fd);
            return VT_OK;
        }
        if (output == NULL) {
            keep_tail(r, chunk, (size_t)n);
            continue;
        }
        vt_buf_put(output, chunk, (size_t)n);
        if (output->err != VT_OK)
            return vt_buf_check(output, r->argv[0], why);
    }
    return VT_OK;
}

static enum vt_err
drain_both(struct run *r, struct vt_why *why)
{
    enum vt_err err = drain(r, &r->out[0], r->o->output, why);

    return err == VT_OK ? drain(r, &r->err[0], NULL, why) : err;
}

/* Whether the child has ended; it stays a zombie. */
static bool
has_ended(const struct run *r)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == r->pid;
}

static void
nap(const struct run *r, int64_t left_ms)
{
    struct pollfd p[3] = {
        {.fd = r->out[0], .events = POLLIN},
        {.fd = r->err[0], .events = POLLIN},
        {.fd = r->pidfd, .events = POLLIN},
    };
    int64_t ms = r->o->tick != NULL ? TICK_MS : 60000;

    if (left_ms >= 0 && ms > left_ms)
        ms = left_ms;
    if (r->pidfd < 0 && ms > POLL_WITHOUT_PIDFD_MS)
        ms = POLL_WITHOUT_PIDFD_MS;
    (void)poll(p, 3, (int)ms);
}

static enum vt_err
supervise(struct run *r, struct vt_why *why)
{
    int64_t began = vt_clock_monotonic_ms();
    int64_t ticked = began;
    int64_t limit = r->o->timeout_ms;
    enum vt_err err;

    for (;;) {
        bool ended = has_ended(r);
        int64_t now = vt_clock_monotonic_ms();
        err = drain_both(r, why);
        if (err != VT_OK || ended)
            return err;
        if (limit > 0 && now - began >= limit)
            return vt_fail(why, VT_E_TIMEOUT, "%s: still running after %lld s, stopped",
                r->argv[0], (long long)(limit / 1000));
        if (r->o->tick != NULL && now - ticked >= TICK_MS) {
            ticked = now;
            err = r->o->tick(r->o->tick_ctx, why);
            if (err != VT_OK)
                return err;
        }
        nap(r, limit > 0 ? began + limit - now : -1);
    }
}

/* The last line that is not blank; ends the tail with a NUL. */
static const char *
last_line(struct run *r)
{
    size_t end = r->tail_len;
    size_t begin;

    while (end > 0 &&
           (r->tail[end - 1] == '\n' || r->tail[end - 1] == '\r' || r->tail[end - 1] == ' '))
        end--;
    begin = end;
    while (begin > 0 && r->tail[begin - 1] != '\n')
        begin--;
    r->tail[end < TAIL_MAX ? end : TAIL_MAX - 1] = '\0';
    return r->tail + begin;
}

static enum vt_err
judge(struct run *r, int status, struct vt_why *why)
{
    const char *line = last_line(r);
    const char *sep = line[0] != '\0' ? ": " : "";

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return VT_OK;
    if (WIFSIGNALED(status))
        return vt_fail(why, VT_E_CHILD, "%s: killed by signal %d%s%s", r->argv[0],
            WTERMSIG(status), sep, line);
    return vt_fail(
        why, VT_E_CHILD, "%s: exit status %d%s%s", r->argv[0], WEXITSTATUS(status), sep, line);
}

enum vt_err
vt_proc_run(const char *const *argv, const struct vt_proc_opts *opts, struct vt_why *why)
{
    const struct vt_proc_opts plain = {0};
    struct run r = {.argv = argv,
        .o = opts != NULL ? opts : &plain,
        .pid = -1,
        .pidfd = -1,
        .in = -1,
        .out = {-1, -1},
        .err = {-1, -1},
        .started = {-1, -1}};
    enum vt_err err;
    int status = 0;

    err = open_input(&r, why);
    if (err == VT_OK)
        err = open_pipes(&r, why);
    if (err == VT_OK)
        err = start(&r, why);
    if (err == VT_OK)
        err = supervise(&r, why);
    if (r.pid > 0) {
        (void)kill(-r.pid, SIGKILL);
        while (waitpid(r.pid, &status, 0) < 0 && errno == EINTR)
            continue;
        if (err == VT_OK)
            err = judge(&r, status, why);
    }
    run_release(&r);
    return err;
}
