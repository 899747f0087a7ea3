/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/sandbox_bwrap.h"

#include "assembly/sandbox_args.h"
#include "assembly/sandbox_cgroup.h"
#include "assembly/sandbox_child.h"
#include "assembly/sandbox_filter.h"
#include "assembly/sandbox_watch.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENDING_MS 2000
#define LOOK_MS 200
#define STATUS_MAX 4096U
#define LOG_CHUNKS 64U

struct bwrap {
    struct vt_stage stage;
};

/* One run: this process's ends of everything. -1 when closed. */
struct run {
    const struct bwrap *b;
    const struct vt_sandbox_job *job;
    struct vt_sandbox_fds child;
    int child_log; /* the child's end; log is ours */
    int log;
    int in; /* the child's, until it has it */
    int child_out;
    int out;
    int status;
    int block;
    pid_t pid;           /* bwrap; 0: none, or reaped */
    int pid_fd;          /* of it */
    struct vt_buf lines; /* of the status pipe, not used up yet */
    bool started;        /* the script was let go */
    bool exited;         /* the script's end was reported */
    struct vt_sandbox_watch watch;
    struct vt_sandbox_cgroup cgroup;
    bool killed;
    int64_t looked_ms;
    struct vt_sandbox_result result;
};

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* Standard output of its own: through this process, which counts it. */
static enum vt_err
open_out(struct run *r, struct vt_why *why)
{
    int out[2];
    if (r->job->out_fd == 0)
        return VT_OK;
    if (pipe2(out, O_CLOEXEC) != 0)
        return vt_fail_errno(why, "sandbox: pipe");
    r->out = out[0];
    r->child_out = out[1];
    return fcntl(r->out, F_SETFL, O_NONBLOCK) == 0 ? VT_OK
                                                   : vt_fail_errno(why, "sandbox: fcntl");
}

static enum vt_err
open_ends(struct run *r, struct vt_why *why)
{
    int log[2];
    int status[2];
    int block[2];
    if (pipe2(log, O_CLOEXEC) != 0)
        return vt_fail_errno(why, "sandbox: pipe");
    r->log = log[0];
    r->child_log = log[1];
    if (pipe2(status, O_CLOEXEC) != 0)
        return vt_fail_errno(why, "sandbox: pipe");
    r->status = status[0];
    r->child.status = status[1];
    if (pipe2(block, O_CLOEXEC) != 0)
        return vt_fail_errno(why, "sandbox: pipe");
    r->block = block[1];
    r->child.block = block[0];
    if (fcntl(r->log, F_SETFL, O_NONBLOCK) != 0 || fcntl(r->status, F_SETFL, O_NONBLOCK) != 0)
        return vt_fail_errno(why, "sandbox: fcntl");
    enum vt_err err = open_out(r, why);
    if (err == VT_OK)
        err = vt_sandbox_filter_new(&r->child.filter, why);
    return err == VT_OK ? vt_sandbox_etc(r->b->stage.box, &r->job->around, &r->child, why)
                        : err;
}

static void
close_child_ends(struct run *r)
{
    close_fd(&r->child_log);
    close_fd(&r->in);
    close_fd(&r->child_out);
    close_fd(&r->child.status);
    close_fd(&r->child.block);
    close_fd(&r->child.filter);
    close_fd(&r->child.passwd);
    close_fd(&r->child.group);
    close_fd(&r->child.hosts);
}

static enum vt_err
start(struct run *r, struct vt_why *why)
{
    struct vt_args args = {0};
    const struct vt_surroundings *s = &r->job->around;
    unsigned jobs = s->jobs != 0 ? s->jobs : vt_sandbox_processors(s);
    enum vt_err err = vt_sandbox_args(r->job, &r->child, jobs, &args, why);
    if (err != VT_OK)
        goto out;
    const struct vt_sandbox_child child = {.stage = &r->b->stage,
        .around = s,
        .fds = &r->child,
        .in = r->in,
        .out = r->child_out,
        .log = r->child_log,
        .block_write = r->block,
        .argv = args.item};
    pid_t pid = vt_sandbox_child_start(&child);
    if (pid < 0) {
        err = vt_fail_errno(why, "sandbox: cannot make a pid namespace");
        goto out;
    }
    r->pid = pid;
    r->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    close_child_ends(r);
    if (r->pid_fd < 0) {
        err = vt_fail_errno(why, "sandbox: pidfd_open");
        goto out;
    }
    if (vt_sandbox_cgroup_make(&r->cgroup, NULL, &r->job->limits))
        (void)vt_sandbox_cgroup_put(&r->cgroup, pid);
    err = vt_fd_write(r->block, "g", 1, why);
out:
    vt_args_release(&args);
    return err;
}

/* The init takes all others of its namespace with it. */
static void
kill_run(struct run *r)
{
    r->killed = true;
    if (r->pid > 0)
        (void)kill(r->pid, SIGKILL);
}

static void
over(struct run *r, enum vt_sandbox_limit limit)
{
    if (r->result.limit == VT_LIMIT_NONE)
        r->result.limit = limit;
    kill_run(r);
}

/* Whether bwrap has ended, or does so now: then what it could not do is told by its end. */
static bool
has_ended(const struct run *r)
{
    struct pollfd p = {.fd = r->pid_fd, .events = POLLIN};
    return poll(&p, 1, ENDING_MS) == 1;
}

/* bwrap's first report names the namespace of the process that all of the script
 * will descend from. It waits for us; bound it and let it go. It may be gone by then, when
 * something of the sandbox could not be made. */
static enum vt_err
take_first(struct run *r, uint64_t pid_ns, struct vt_why *why)
{
    pid_t first = vt_sandbox_watch_name(&r->watch, pid_ns);
    enum vt_err err =
        first == 0 ? vt_fail(why, VT_E_CHILD, "sandbox: its first process is gone")
                   : vt_sandbox_child_limit(r->b->stage.drop, &r->job->limits, first, why);
    if (err == VT_OK)
        err = vt_fd_write(r->block, "g", 1, why);
    r->started = err == VT_OK;
    if (err != VT_OK && has_ended(r))
        err = VT_OK;
    close_fd(&r->block);
    return err;
}

static enum vt_err
take_status_line(struct run *r, const char *line, size_t len, struct vt_why *why)
{
    json_t *v = NULL;
    int64_t n = 0;
    enum vt_err err = vt_json_parse(line, len, "bwrap's status", &v, why);
    if (err != VT_OK)
        return err;
    if (json_object_get(v, "pid-namespace") != NULL && !r->started) {
        err = vt_json_int(v, "pid-namespace", 1, INT64_MAX, &n, why);
        if (err == VT_OK)
            err = take_first(r, (uint64_t)n, why);
    } else if (json_object_get(v, "exit-code") != NULL) {
        err = vt_json_int(v, "exit-code", 0, 255, &n, why);
        if (err == VT_OK) {
            r->result.status = (int)n;
            r->exited = true;
        }
    }
    json_decref(v);
    return err;
}

static enum vt_err
read_status(struct run *r, struct vt_why *why)
{
    char chunk[1024];
    ssize_t n;
    while (r->status >= 0 && (n = read(r->status, chunk, sizeof chunk)) != -1) {
        if (n == 0) {
            close_fd(&r->status);
            break;
        }
        vt_buf_put(&r->lines, chunk, (size_t)n);
    }
    enum vt_err err = vt_buf_check(&r->lines, "bwrap's status", why);
    if (err != VT_OK)
        return err;
    struct vt_reader rd = VT_READER(r->lines.data, r->lines.len);
    struct vt_reader line;
    while (err == VT_OK && vt_reader_line(&rd, &line))
        err = take_status_line(r, (const char *)line.p, line.left, why);
    size_t used = r->lines.len - rd.left;
    if (used > 0) {
        memmove(r->lines.data, r->lines.data + used, rd.left);
        r->lines.len = rd.left;
    }
    return err;
}

static void
keep_tail(struct vt_sandbox_result *res, const char *data, size_t len)
{
    size_t room = sizeof res->tail - 1;
    size_t had = strlen(res->tail);
    if (len > room) {
        data += len - room;
        len = room;
    }
    if (had + len > room) {
        size_t drop = had + len - room;
        memmove(res->tail, res->tail + drop, had - drop);
        had -= drop;
    }
    memcpy(res->tail + had, data, len);
    for (size_t i = had; i < had + len; i++)
        if (res->tail[i] == '\0')
            res->tail[i] = ' ';
    res->tail[had + len] = '\0';
}

/* Hands on what is there to `to`, which takes `max` bytes in all. Not for ever: a script
 * that never stops writing still meets its time. */
static enum vt_err
pump(struct run *r, int *from, int to, uint64_t max, uint64_t *total,
    enum vt_sandbox_limit limit, struct vt_why *why)
{
    char chunk[16384];
    for (unsigned i = 0; *from >= 0 && i < LOG_CHUNKS; i++) {
        ssize_t n = read(*from, chunk, sizeof chunk);
        if (n < 0)
            break;
        if (n == 0) {
            close_fd(from);
            break;
        }
        size_t len = (size_t)n;
        bool too_much = len > max - *total;
        if (too_much)
            len = (size_t)(max - *total);
        enum vt_err err = vt_fd_write(to, chunk, len, why);
        if (err != VT_OK)
            return vt_fail_in(why, err, "the run's %s", vt_sandbox_limit_name(limit));
        *total += len;
        if (limit == VT_LIMIT_LOG)
            keep_tail(&r->result, chunk, len);
        if (too_much) {
            over(r, limit);
            close_fd(from);
        }
    }
    return VT_OK;
}

static enum vt_err
read_log(struct run *r, struct vt_why *why)
{
    return pump(
        r, &r->log, r->job->log_fd, r->job->log_max, &r->result.log_len, VT_LIMIT_LOG, why);
}

static enum vt_err
read_out(struct run *r, struct vt_why *why)
{
    return pump(
        r, &r->out, r->job->out_fd, r->job->out_max, &r->result.out_len, VT_LIMIT_OUTPUT, why);
}

static enum vt_err
look(struct run *r, struct vt_why *why)
{
    int64_t now = vt_clock_monotonic_ms();
    if (now >= r->job->deadline_ms)
        over(r, VT_LIMIT_TIME);
    if (now - r->looked_ms < (r->job->look_ms != 0 ? r->job->look_ms : LOOK_MS))
        return VT_OK;
    r->looked_ms = now;
    if (vt_sandbox_watch_look(&r->watch) == VT_LIMIT_MEMORY)
        over(r, VT_LIMIT_MEMORY);
    return r->job->tick != NULL ? r->job->tick(r->job->tick_ctx, why) : VT_OK;
}

/* Serves the run until bwrap has ended. */
static enum vt_err
serve(struct run *r, struct vt_why *why)
{
    for (;;) {
        struct pollfd p[4] = {{.fd = r->pid_fd, .events = POLLIN},
            {.fd = r->status, .events = POLLIN},
            {.fd = r->killed ? -1 : r->log, .events = POLLIN},
            {.fd = r->killed ? -1 : r->out, .events = POLLIN}};
        if (poll(p, 4, LOOK_MS) < 0 && errno != EINTR)
            return vt_fail_errno(why, "sandbox: poll");
        enum vt_err err = read_status(r, why);
        if (err == VT_OK)
            err = read_log(r, why);
        if (err == VT_OK)
            err = read_out(r, why);
        if (err == VT_OK)
            err = look(r, why);
        if (err != VT_OK || (p[0].revents & POLLIN) != 0)
            return err;
    }
}

/* Ends what still runs and waits: only then may anybody look at what it wrote. */
static void
finish(struct run *r)
{
    if (r->pid > 0) {
        kill_run(r);
        while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        r->pid = 0;
    }
    vt_sandbox_cgroup_remove(&r->cgroup);
}

static void
say_isolation(const struct run *r, char *ret, size_t size)
{
    (void)snprintf(ret, size,
        "bubblewrap user mount pid network ipc uts cgroup seccomp no-capabilities %s %s",
        r->b->stage.drop ? "dropped-user" : "own-user",
        r->cgroup.path[0] != '\0' ? "memory-cgroup" : "memory-watched");
}

/* What came of a run whose bwrap has ended by itself or was killed for a limit. */
static enum vt_err
conclude(struct run *r, struct vt_why *why)
{
    if (r->result.limit != VT_LIMIT_NONE) {
        r->result.status = 128 + SIGKILL;
        return VT_OK;
    }
    if (!r->exited) {
        enum vt_sandbox_limit met = vt_sandbox_cgroup_met(&r->cgroup);
        if (r->started && met != VT_LIMIT_NONE) {
            r->result.limit = met;
            r->result.status = 128 + SIGKILL;
            return VT_OK;
        }
        return vt_fail(why, VT_E_CHILD, "sandbox: bubblewrap could not run the script: %s",
            r->result.tail[0] != '\0' ? r->result.tail : "it says nothing");
    }
    if (r->result.status != 0) {
        (void)vt_sandbox_watch_look(&r->watch); /* the disk, as it was left */
        r->result.limit = vt_sandbox_cgroup_met(&r->cgroup);
        if (r->result.limit == VT_LIMIT_NONE)
            r->result.limit = vt_sandbox_watch_met(&r->watch, r->result.tail);
    }
    return VT_OK;
}

static enum vt_err
bwrap_run(void *impl, const struct vt_sandbox_job *job, struct vt_sandbox_result *ret,
    struct vt_why *why)
{
    struct run r = {.b = impl,
        .job = job,
        .child = {-1, -1, -1, -1, -1, -1},
        .child_log = -1,
        .log = -1,
        .in = job->in_fd != 0 ? job->in_fd : -1,
        .child_out = -1,
        .out = -1,
        .status = -1,
        .block = -1,
        .pid_fd = -1,
        .lines = VT_BUF(STATUS_MAX)};
    char stage[VT_PATH_MAX];
    enum vt_err err = vt_path(stage, why, "%s/stage", r.b->stage.box);
    vt_sandbox_watch_init(&r.watch, stage, &job->limits);
    if (err == VT_OK)
        err = open_ends(&r, why);
    if (err == VT_OK)
        err = start(&r, why);
    if (err == VT_OK)
        err = serve(&r, why);
    if (err == VT_OK) {
        say_isolation(&r, r.result.isolation, sizeof r.result.isolation);
        err = conclude(&r, why);
    }
    bool ended = !r.killed;
    finish(&r);
    if (err == VT_OK && ended)
        err = read_log(&r, why);
    while (err == VT_OK && ended && r.out >= 0)
        err = read_out(&r, why);
    if (err == VT_OK)
        *ret = r.result;
    close_child_ends(&r);
    close_fd(&r.log);
    close_fd(&r.out);
    close_fd(&r.status);
    close_fd(&r.block);
    close_fd(&r.pid_fd);
    vt_buf_release(&r.lines);
    return err;
}

enum vt_err
vt_sandbox_bwrap_new(const struct vt_stage *stage, struct vt_sandbox **ret, struct vt_why *why)
{
    static const struct vt_sandbox_ops ops = {.run = bwrap_run, .free = free};
    static const char *const argv[] = {"bwrap", "--version", NULL};
    struct vt_why inner = {0};
    if (vt_proc_run(argv, NULL, &inner) != VT_OK)
        return vt_fail(why, VT_E_STATE,
            "bubblewrap is not installed or does not run (install the package bubblewrap): %s",
            inner.text);
    struct bwrap *b = calloc(1, sizeof *b);
    if (b == NULL)
        return vt_fail(why, VT_E_NOMEM, "sandbox: out of memory");
    b->stage = *stage;
    return vt_sandbox_make(&ops, b, ret, why);
}
