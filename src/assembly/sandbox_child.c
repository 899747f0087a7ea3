/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/sandbox_child.h"

#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES_MAX 4096U

/* The processors that the script will have, and how many they are. */
static unsigned
allowed(const struct vt_surroundings *s, cpu_set_t *ret)
{
    cpu_set_t all;
    CPU_ZERO(ret);
    if (sched_getaffinity(0, sizeof all, &all) != 0)
        return 1;
    unsigned n = 0;
    for (size_t i = 0; i < CPU_SETSIZE && (s->cpus == 0 || n < s->cpus); i++)
        if (CPU_ISSET(i, &all)) {
            CPU_SET(i, ret);
            n++;
        }
    return n > 0 ? n : 1;
}

unsigned
vt_sandbox_processors(const struct vt_surroundings *s)
{
    cpu_set_t set;
    return allowed(s, &set);
}

/* Each of these returns what failed, or NULL. */

static const char *
child_descriptors(const struct vt_sandbox_child *c)
{
    const int keep[] = {c->fds->status, c->fds->block, c->fds->filter, c->fds->passwd,
        c->fds->group, c->fds->hosts};
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(c->in >= 0 ? c->in : null, 0) != 0 ||
        dup2(c->out >= 0 ? c->out : c->log, 1) != 1 || dup2(c->log, 2) != 2)
        return "descriptors";
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        return "close_range";
    for (size_t i = 0; i < sizeof keep / sizeof keep[0]; i++)
        if (keep[i] >= 0 && fcntl(keep[i], F_SETFD, 0) != 0)
            return "fcntl";
    return NULL;
}

static const char *
child_surroundings(const struct vt_sandbox_child *c)
{
    const struct vt_surroundings *s = c->around;
    for (int sig = 1; sig < SIGRTMIN; sig++)
        (void)signal(sig, SIG_DFL);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)umask((mode_t)s->umask);
    cpu_set_t set;
    (void)allowed(s, &set);
    if (s->cpus != 0 && sched_setaffinity(0, sizeof set, &set) != 0)
        return "sched_setaffinity";
    unsigned long flags =
        (s->fixed_addresses ? ADDR_NO_RANDOMIZE : 0UL) | (s->old_kernel ? UNAME26 : 0UL);
    if (flags != 0 && personality(PER_LINUX | flags) < 0)
        return "personality";
    return NULL;
}

bool
vt_sandbox_child_drop(void)
{
    return setgroups(0, NULL) == 0 &&
           setresgid(VT_STAGE_UID, VT_STAGE_UID, VT_STAGE_UID) == 0 &&
           setresuid(VT_STAGE_UID, VT_STAGE_UID, VT_STAGE_UID) == 0;
}

static const char *
child_user(const struct vt_sandbox_child *c)
{
    /* In a mount namespace of the child's own: the parent's /tmp and /proc stay. */
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(c->stage->box, VT_SANDBOX_BOX_AT, NULL, MS_BIND | MS_REC, NULL) != 0 ||
        chdir("/") != 0)
        return "cannot bind the stage to " VT_SANDBOX_BOX_AT;
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        return "cannot mount /proc";
    if (c->stage->drop && !vt_sandbox_child_drop())
        return "cannot give up root";
    return NULL;
}

static _Noreturn void
become_bwrap(const struct vt_sandbox_child *c)
{
    const char *failed = child_descriptors(c);
    if (failed == NULL)
        failed = child_surroundings(c);
    if (failed == NULL)
        failed = child_user(c);
    if (failed == NULL) {
        (void)execvp(c->argv[0], c->argv);
        failed = "cannot run bwrap";
    }
    (void)dprintf(2, "%s: %s\n", failed, strerror(errno));
    _exit(127);
}

/* Everything below lives in this process's namespace, which the kernel empties
 * when it ends: when the script has, or with its parent, whatever stage the script is
 * in. bwrap's own way (a signal at its parent's death) has a gap at its start. */
static _Noreturn void
serve_as_init(const struct vt_sandbox_child *c)
{
    char go = 0;
    int status = 0;
    pid_t gone = 0;
    (void)close(c->block_write);
    (void)prctl(PR_SET_NAME, "sandbox");
    /* A parent that died before this closed the pipe, which is read after it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || read(c->fds->block, &go, 1) != 1)
        _exit(127);
    pid_t bwrap = fork();
    if (bwrap == 0)
        become_bwrap(c);
    vt_proc_close_others(NULL);
    while (bwrap > 0 && gone != bwrap) {
        gone = waitpid(-1, &status, 0);
        if (gone < 0 && errno != EINTR)
            break;
    }
    _exit(gone == bwrap && WIFEXITED(status) ? WEXITSTATUS(status) : 127);
}

pid_t
vt_sandbox_child_start(const struct vt_sandbox_child *c)
{
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_NEWPID, NULL, NULL, NULL, NULL);
    if (pid == 0)
        serve_as_init(c);
    return pid;
}

/* Limits that each process inherits from the first. Returns errno. */
static int
set_limits(const struct vt_recipe_limits *l, pid_t first)
{
    const struct {
        __rlimit_resource_t what;
        rlim_t max;
    } list[] = {
        {RLIMIT_CORE, 0},
        {RLIMIT_AS, (rlim_t)l->memory_mb << 20},
        {RLIMIT_NPROC, l->processes},
        {RLIMIT_FSIZE, (rlim_t)l->disk_mb << 20},
        {RLIMIT_NOFILE, FILES_MAX},
        {RLIMIT_MEMLOCK, 64U << 10},
        {RLIMIT_MSGQUEUE, 819200},
        {RLIMIT_NICE, 0},
        {RLIMIT_RTPRIO, 0},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct rlimit had;
        if (prlimit(first, list[i].what, NULL, &had) != 0)
            return errno;
        rlim_t max = had.rlim_max < list[i].max ? had.rlim_max : list[i].max;
        struct rlimit set = {.rlim_cur = max, .rlim_max = max};
        if (prlimit(first, list[i].what, &set, NULL) != 0)
            return errno;
    }
    return 0;
}

/* The kernel lets the same user set them; root only with a capability that
 * containers often lack: so root becomes that user for it, in a child. */
enum vt_err
vt_sandbox_child_limit(
    bool drop, const struct vt_recipe_limits *limits, pid_t first, struct vt_why *why)
{
    int failed = 0;
    if (!drop) {
        failed = set_limits(limits, first);
    } else {
        pid_t pid = fork();
        if (pid < 0)
            return vt_fail_errno(why, "sandbox: fork");
        if (pid == 0)
            _exit(vt_sandbox_child_drop() ? set_limits(limits, first) : EPERM);
        int status = 0;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
        failed = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
    }
    errno = failed;
    return failed == 0 ? VT_OK : vt_fail_errno(why, "sandbox: cannot limit its processes");
}
