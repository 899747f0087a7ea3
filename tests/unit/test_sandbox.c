/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox, for real, over this machine's own root folder. */
#include "assembly/sandbox_bwrap.h"

#include "base/clock.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LOG_ROOM (256U * 1024U)

/* What one assembler-like process is to run, and what it tells. */
struct trial {
    char work[VT_PATH_MAX];
    const char *script;
    struct vt_recipe_limits limits;
    struct vt_surroundings around;
    struct vt_recipe_env env[4];
    size_t env_count;
    uint64_t log_max;
    const char *in;   /* standard input, or NULL */
    uint64_t out_max; /* standard output of its own, to WORK/stdout; 0: none */
};

struct told {
    enum vt_err err;
    struct vt_why why;
    struct vt_sandbox_result result;
    bool out_x; /* OUT/x was there afterwards */
};

static char base[VT_PATH_MAX];
static bool usable = true; /* this machine lets us make namespaces at all */

static struct trial
trial_of(const char *script)
{
    struct trial t = {.script = script,
        .limits = {.time_s = 60, .memory_mb = 1024, .processes = 128, .disk_mb = 64},
        .log_max = LOG_ROOM};
    vt_surroundings_normal(&t.around);
    struct vt_why why = {0};
    assert_int_equal(vt_dir_temp(base, "trial", t.work, &why), VT_OK);
    return t;
}

/* A pipe that holds the trial's input, or 0. */
static enum vt_err
feed(const struct trial *t, int *ret, struct vt_why *why)
{
    int in[2];
    *ret = 0;
    if (t->in == NULL)
        return VT_OK;
    if (pipe2(in, O_CLOEXEC) != 0)
        return vt_fail_errno(why, "pipe");
    *ret = in[0];
    enum vt_err err = vt_fd_write(in[1], t->in, strlen(t->in), why);
    (void)close(in[1]);
    return err;
}

static int
open_stdout(const struct trial *t)
{
    char path[VT_PATH_MAX];
    if (t->out_max == 0 || vt_path(path, NULL, "%s/stdout", t->work) != VT_OK)
        return 0;
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static enum vt_err
stage_and_run(const struct trial *t, struct told *told)
{
    struct vt_stage stage;
    struct vt_sandbox *s = NULL;
    struct vt_why *why = &told->why;
    char log[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    enum vt_err err = vt_stage_enter(t->work, "/", t->limits.disk_mb, &stage, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/hello.txt", stage.source);
    if (err == VT_OK)
        err = vt_file_create(path, 0644, "hello\n", 6, why);
    if (err == VT_OK)
        err = vt_stage_adopt(&stage, stage.source, VT_SANDBOX_EPOCH, why);
    if (err == VT_OK)
        err = vt_sandbox_bwrap_new(&stage, &s, why);
    if (err == VT_OK)
        err = vt_sandbox_prepare(s, stage.source, "/", why);
    if (err == VT_OK)
        err = vt_path(log, why, "%s/log", t->work);
    if (err != VT_OK)
        return err;
    struct vt_sandbox_job job = {.box = stage.box,
        .script = t->script,
        .subdir = "",
        .env = t->env,
        .env_count = t->env_count,
        .limits = t->limits,
        .deadline_ms = vt_clock_monotonic_ms() + (int64_t)t->limits.time_s * 1000,
        .log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644),
        .log_max = t->log_max,
        .out_fd = open_stdout(t),
        .out_max = t->out_max,
        .around = t->around};
    err = feed(t, &job.in_fd, why);
    if (err == VT_OK)
        err = vt_sandbox_run(s, &job, &told->result, why);
    if (err == VT_OK && job.in_fd != 0 && fcntl(job.in_fd, F_GETFD) != -1)
        err = vt_fail(why, VT_E_STATE, "standard input is still open here");
    if (err == VT_OK)
        err = vt_path(path, why, "%s/x", stage.out);
    told->out_x = err == VT_OK && access(path, F_OK) == 0;
    vt_sandbox_free(s);
    (void)close(job.log_fd);
    return err;
}

static int
body(int fd, void *ctx)
{
    struct told told = {0};
    told.err = stage_and_run(ctx, &told);
    return vt_fd_write(fd, &told, sizeof told, NULL) == VT_OK ? 0 : 1;
}

static struct told
run(struct trial *t)
{
    pid_t pid = 0;
    int fd = -1;
    struct told told = {0};
    size_t got = 0;
    struct vt_why why = {0};
    assert_int_equal(vt_proc_fork("trial", body, t, NULL, &pid, &fd, &why), VT_OK);
    assert_int_equal(vt_fd_read(fd, &told, sizeof told, &got, &why), VT_OK);
    assert_int_equal(got, sizeof told);
    vt_proc_stop(pid, fd, 5000);
    return told;
}

/* The whole log of a trial; the caller frees. */
static char *
log_of(const struct trial *t)
{
    struct vt_buf b = VT_BUF(LOG_ROOM);
    struct vt_why why = {0};
    char path[VT_PATH_MAX];
    assert_int_equal(vt_path(path, &why, "%s/log", t->work), VT_OK);
    assert_int_equal(vt_file_read(path, &b, &why), VT_OK);
    char *s = strdup(vt_buf_str(&b));
    vt_buf_release(&b);
    return s;
}

static void
wants_sandbox(void)
{
    if (!usable)
        skip();
}

/* Runs a script that must succeed and compares its whole output. */
static void
gives(const char *script, const char *want)
{
    wants_sandbox();
    struct trial t = trial_of(script);
    struct told told = run(&t);
    assert_string_equal(told.why.text, "");
    char *log = log_of(&t);
    assert_string_equal(log, want);
    assert_int_equal(told.result.status, 0);
    free(log);
}

static void
test_hello(void **state)
{
    (void)state;
    wants_sandbox();
    struct trial t = trial_of("cat hello.txt; pwd; echo $OUT; : > $OUT/x");
    struct told told = run(&t);
    assert_string_equal(told.why.text, "");
    assert_int_equal(told.err, VT_OK);
    assert_int_equal(told.result.status, 0);
    assert_int_equal(told.result.limit, VT_LIMIT_NONE);
    assert_true(told.out_x);
    char *log = log_of(&t);
    assert_string_equal(log, "hello\n/build/source\n/build/out\n");
    assert_int_equal(told.result.log_len, strlen(log));
    free(log);
    assert_non_null(strstr(told.result.isolation, "network"));
    assert_non_null(
        strstr(told.result.isolation, geteuid() == 0 ? "dropped-user" : "own-user"));
}

static void
test_environment_is_clean(void **state)
{
    (void)state;
    assert_int_equal(setenv("VT_LEAK", "secret", 1), 0);
    wants_sandbox();
    struct trial t = trial_of("env | grep -v -e '^PWD=' -e '^SHLVL=' -e '^_=' -e '^OLDPWD=' | "
                              "LC_ALL=C sort");
    t.around.jobs = 3;
    t.env[0] = (struct vt_recipe_env){.name = "A", .value = "b c"};
    t.env[1] = (struct vt_recipe_env){.name = "CFLAGS", .value = "-O1"};
    t.env_count = 2;
    struct told told = run(&t);
    assert_string_equal(told.why.text, "");
    char *log = log_of(&t);
    assert_string_equal(log,
        "A=b c\n"
        "CFLAGS=-O1 -ffile-prefix-map=/build/source=.\n"
        "CXXFLAGS=-g -O2 -ffile-prefix-map=/build/source=.\n"
        "DEB_BUILD_OPTIONS=parallel=3\n"
        "HOME=/build/home\n"
        "LC_ALL=C.UTF-8\n"
        "LOGNAME=builder\n"
        "MAKEFLAGS=-j3\n"
        "OUT=/build/out\n"
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        "PERL_HASH_SEED=0\n"
        "PYTHONHASHSEED=0\n"
        "SHELL=/bin/sh\n"
        "SOURCE_DATE_EPOCH=315619200\n"
        "TZ=UTC\n"
        "USER=builder\n");
    free(log);
    assert_int_equal(unsetenv("VT_LEAK"), 0);
}

static void
test_identity(void **state)
{
    (void)state;
    gives("uname -n; id -u; id -g; id -un; umask; cat /proc/sys/kernel/hostname",
        "vitrine\n1000\n1000\nbuilder\n0022\nvitrine\n");
    gives(
        "grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status "
        "| tr -d '\\t'",
        "CapInh:0000000000000000\nCapPrm:0000000000000000\nCapEff:0000000000000000\n"
        "CapBnd:0000000000000000\nCapAmb:0000000000000000\nNoNewPrivs:1\nSeccomp:2\n");
}

static void
test_no_descriptor_leaks(void **state)
{
    (void)state;
    gives("ls /proc/$$/fd", "0\n1\n2\n");
    gives("readlink /proc/$$/fd/0", "/dev/null\n");
}

static void
test_no_network(void **state)
{
    (void)state;
    gives("sed -e 1,2d -e 's/:.*//' -e 's/ //g' /proc/net/dev", "lo\n");
    gives("cat /proc/net/route | tail -n +2", "");
    gives("perl -e 'use Socket; socket(my $s, PF_INET, SOCK_STREAM, 0) or die; "
          "print connect($s, sockaddr_in(80, inet_aton(\"192.0.2.1\"))) ? \"yes\" : \"no $!\"'",
        "no Network is unreachable");
    gives("perl -e 'print socket(my $s, 16, 3, 0) ? \"yes\" : \"no $!\"'",
        "no Address family not supported by protocol");
#ifdef __x86_64__
    /* The kernel takes 32 bits of the family; the filter must too. */
    gives("perl -e 'print syscall(41, 0x100000010, 3, 0), \" \", $!+0'", "-1 97");
#endif
}

static void
test_only_the_stage_is_writable(void **state)
{
    (void)state;
    gives("for d in / /usr /etc /dev /proc/sys/kernel /run /var /sys /build; do"
          " if ( : > $d/vt-test ) 2>/dev/null; then echo writable $d; fi; done; "
          "for d in . $OUT $HOME /tmp /dev/shm; do : > $d/vt-test || echo $d; done; "
          ": > /dev/null",
        "");
    gives(
        "head -c1 /dev/zero | wc -c; awk '{print $2}' /proc/mounts | grep -c /oldroot || true",
        "1\n0\n");
}

static void
test_filter(void **state)
{
    (void)state;
    /* keyctl, unshare, mount, clone3, memfd_create by number on amd64. */
#ifdef __x86_64__
    gives("perl -e 'for my $n (250, 272, 165, 298, 435, 319, 425) {"
          " my $r = syscall($n, 0x10000000, 0, 0, 0, 0, 0); print \"$n \", $!+0, \"\\n\" if $r "
          "< 0 }'",
        "250 1\n272 1\n165 1\n298 1\n435 38\n319 38\n425 1\n");
    /* clone with CLONE_NEWUSER. */
    gives("perl -e 'print syscall(56, 0x10000011, 0, 0, 0, 0), \" \", $!+0'", "-1 1");
#endif
    gives("unshare -Ur true 2>/dev/null || echo refused", "refused\n");
}

static void
test_status(void **state)
{
    (void)state;
    wants_sandbox();
    struct trial t = trial_of("echo one; echo two >&2; exit 7");
    struct told told = run(&t);
    assert_int_equal(told.err, VT_OK);
    assert_int_equal(told.result.status, 7);
    assert_int_equal(told.result.limit, VT_LIMIT_NONE);
    assert_string_equal(told.result.tail, "one\ntwo\n");
    t = trial_of("false; echo not reached");
    told = run(&t);
    assert_int_equal(told.result.status, 1);
    t = trial_of("kill -SEGV $$");
    told = run(&t);
    assert_int_equal(told.result.status, 128 + SIGSEGV);
}

static void
test_tail(void **state)
{
    (void)state;
    wants_sandbox();
    struct trial t =
        trial_of("i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done; exit 1");
    struct told told = run(&t);
    assert_int_equal(strlen(told.result.tail), sizeof told.result.tail - 1);
    assert_non_null(strstr(told.result.tail, "line 299\n"));
    assert_null(strstr(told.result.tail, "line 1\n"));
}

/* What it wrote to its own standard output; the caller frees. */
static char *
stdout_of(const struct trial *t)
{
    struct vt_buf b = VT_BUF(1U << 20);
    struct vt_why why = {0};
    char path[VT_PATH_MAX];
    assert_int_equal(vt_path(path, &why, "%s/stdout", t->work), VT_OK);
    assert_int_equal(vt_file_read(path, &b, &why), VT_OK);
    char *s = strdup(vt_buf_str(&b));
    vt_buf_release(&b);
    return s;
}

/* Input and output of their own: nothing of them is in the log, nor the log in them. */
static void
test_input_and_output(void **state)
{
    (void)state;
    wants_sandbox();
    struct trial t = trial_of("tr a-z A-Z; echo to the log >&2; ls /proc/$$/fd");
    t.in = "one\ntwo\n";
    t.out_max = 1000;
    struct told told = run(&t);
    assert_string_equal(told.why.text, "");
    assert_int_equal(told.result.limit, VT_LIMIT_NONE);
    assert_int_equal(told.result.status, 0);
    char *log = log_of(&t);
    char *out = stdout_of(&t);
    assert_string_equal(log, "to the log\n");
    assert_string_equal(out, "ONE\nTWO\n0\n1\n2\n");
    assert_int_equal(told.result.out_len, strlen(out));
    assert_string_equal(told.result.tail, "to the log\n");
    free(log);
    free(out);
}

/* All of a long output arrives, also what was still in the pipe when the script ended. */
static void
test_long_output(void **state)
{
    (void)state;
    wants_sandbox();
    struct trial t = trial_of("head -c 600000 /dev/zero | tr '\\0' x");
    t.out_max = 600000;
    struct told told = run(&t);
    assert_string_equal(told.why.text, "");
    assert_int_equal(told.result.limit, VT_LIMIT_NONE);
    assert_int_equal(told.result.out_len, 600000);
    char *out = stdout_of(&t);
    assert_int_equal(strlen(out), 600000);
    free(out);
}

static void
meets(struct trial *t, enum vt_sandbox_limit want)
{
    wants_sandbox();
    struct told told = run(t);
    assert_string_equal(told.why.text, "");
    assert_string_equal(vt_sandbox_limit_name(told.result.limit), vt_sandbox_limit_name(want));
    assert_int_not_equal(told.result.status, 0);
}

static void
test_output_limit(void **state)
{
    (void)state;
    struct trial t = trial_of("cat /dev/zero");
    t.out_max = 100000;
    meets(&t, VT_LIMIT_OUTPUT);
    wants_sandbox();
    t = trial_of("printf 123456");
    t.out_max = 5;
    struct told told = run(&t);
    assert_int_equal(told.result.limit, VT_LIMIT_OUTPUT);
    char *out = stdout_of(&t);
    assert_string_equal(out, "12345");
    free(out);
}

static void
test_time(void **state)
{
    (void)state;
    struct trial t = trial_of("sleep 30 & sleep 30");
    t.limits.time_s = 1;
    int64_t began = vt_clock_monotonic_ms();
    meets(&t, VT_LIMIT_TIME);
    assert_true(vt_clock_monotonic_ms() - began < 10000);
    t = trial_of("while :; do echo on and on and on and on; done");
    t.limits.time_s = 1;
    t.log_max = UINT64_C(1) << 40;
    meets(&t, VT_LIMIT_TIME);
}

static void
test_disk(void **state)
{
    (void)state;
    struct trial t = trial_of("head -c 40m /dev/zero > a; head -c 40m /dev/zero > $OUT/b");
    meets(&t, VT_LIMIT_DISK);
    t = trial_of("head -c 80m /dev/zero > /tmp/a");
    meets(&t, VT_LIMIT_DISK);
    t = trial_of("head -c 80m /dev/zero > /dev/shm/a");
    meets(&t, VT_LIMIT_DISK);
    t = trial_of("perl -e 'for (1..100000) { open(my $f, q(>), qq(f$_)) or exit 1 }'");
    meets(&t, VT_LIMIT_DISK);
}

static void
test_memory(void **state)
{
    (void)state;
    struct trial t = trial_of("perl -e '$x = q(a) x 200000000; print length $x'");
    t.limits.memory_mb = 64;
    meets(&t, VT_LIMIT_MEMORY);
    /* Each below the limit, all together above it. */
    t = trial_of("for i in 1 2 3 4; do perl -e '$x = q(a) x 40000000; sleep 20' & done; wait");
    t.limits.memory_mb = 128;
    int64_t began = vt_clock_monotonic_ms();
    meets(&t, VT_LIMIT_MEMORY);
    assert_true(vt_clock_monotonic_ms() - began < 15000);
}

static void
test_processes(void **state)
{
    (void)state;
    struct trial t = trial_of("f() { sleep 20 & f; }; f");
    t.limits.processes = 32;
    t.limits.time_s = 10;
    meets(&t, VT_LIMIT_PROCESSES);
    t = trial_of("b() { b | b & }; b; sleep 3; exit 1");
    t.limits.processes = 32;
    meets(&t, VT_LIMIT_PROCESSES);
}

static void
test_log_limit(void **state)
{
    (void)state;
    struct trial t = trial_of("while :; do echo on and on; done");
    t.log_max = 10000;
    meets(&t, VT_LIMIT_LOG);
    char *log = log_of(&t);
    assert_int_equal(strlen(log), 10000);
    free(log);
}

static void
test_leftovers_end(void **state)
{
    (void)state;
    wants_sandbox();
    struct trial t = trial_of("(sleep 2; : > $OUT/x) & echo done");
    int64_t began = vt_clock_monotonic_ms();
    struct told told = run(&t);
    assert_int_equal(told.result.status, 0);
    assert_true(vt_clock_monotonic_ms() - began < 1900);
    assert_false(told.out_x);
}

static void
test_surroundings(void **state)
{
    (void)state;
    wants_sandbox();
    struct trial t =
        trial_of("pwd; echo $OUT $HOME $TZ $LC_ALL $VITRINE_VARIED; uname -n; id -u; "
                 "id -g; umask; nproc; uname -r | cut -c1-4; "
                 "cat /proc/self/personality");
    struct vt_surroundings *s = &t.around;
    (void)snprintf(s->work, sizeof s->work, "/varied/place/src");
    (void)snprintf(s->out, sizeof s->out, "/varied/o");
    (void)snprintf(s->home, sizeof s->home, "/varied/h");
    (void)snprintf(s->host, sizeof s->host, "varied");
    (void)snprintf(s->domain, sizeof s->domain, "example");
    (void)snprintf(s->tz, sizeof s->tz, "GMT+12");
    (void)snprintf(s->locale, sizeof s->locale, "C");
    (void)snprintf(s->extra, sizeof s->extra, "yes");
    s->uid = 4321;
    s->gid = 1234;
    s->umask = 077;
    s->cpus = 1;
    s->old_kernel = true;
    s->fixed_addresses = true;
    struct told told = run(&t);
    assert_string_equal(told.why.text, "");
    char *log = log_of(&t);
    assert_string_equal(log, "/varied/place/src\n/varied/o /varied/h GMT+12 C "
                             "yes\nvaried\n4321\n1234\n0077\n1\n2.6.\n"
                             "00060000\n");
    free(log);
}

static void
test_domain(void **state)
{
    (void)state;
    wants_sandbox();
    if (access("/etc/hosts", F_OK) != 0)
        skip(); /* there is nothing to cover */
    struct trial t = trial_of("awk '/varied/{print $1, $2, $3}' /etc/hosts");
    (void)snprintf(t.around.host, sizeof t.around.host, "varied");
    (void)snprintf(t.around.domain, sizeof t.around.domain, "example");
    (void)run(&t);
    char *log = log_of(&t);
    assert_string_equal(log, "127.0.1.1 varied.example varied\n");
    free(log);
}

static bool
alive(const char *word)
{
    char cmd[256];
    (void)snprintf(cmd, sizeof cmd,
        "grep -l -a -s %s /proc/[0-9]*/cmdline | grep -v -e self -e $$ "
        "| grep -q .",
        word);
    return system(cmd) == 0; /* NOLINT: a fixed command */
}

/* kill -9 of the process that runs the sandbox ends all that is in it. */
static void
test_dies_with_assembler(void **state)
{
    (void)state;
    wants_sandbox();
    if (access("/proc/self/cmdline", R_OK) != 0)
        skip(); /* a chroot without /proc: this test could not see */
    struct trial t = trial_of("sleep 9876.5432 & sleep 9876.5432");
    pid_t pid = 0;
    int fd = -1;
    struct vt_why why = {0};
    assert_int_equal(vt_proc_fork("trial", body, &t, NULL, &pid, &fd, &why), VT_OK);
    for (int i = 0; i < 100 && !alive("9876[.]5432"); i++)
        (void)usleep(50000);
    assert_true(alive("9876[.]5432"));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    for (int i = 0; i < 100 && alive("9876[.]5432"); i++)
        (void)usleep(50000);
    assert_false(alive("9876[.]5432"));
    (void)close(fd);
}

/* The same at any moment while the sandbox is being made. */
static void
test_dies_while_it_starts(void **state)
{
    (void)state;
    wants_sandbox();
    if (access("/proc/self/cmdline", R_OK) != 0)
        skip();
    for (unsigned i = 0; i < 24; i++) {
        struct trial t = trial_of("sleep 8765.4321 & sleep 8765.4321");
        pid_t pid = 0;
        int fd = -1;
        struct vt_why why = {0};
        assert_int_equal(vt_proc_fork("trial", body, &t, NULL, &pid, &fd, &why), VT_OK);
        (void)usleep(i * 2500);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        (void)close(fd);
    }
    for (int i = 0; i < 60 && alive("8765[.]4321"); i++)
        (void)usleep(50000);
    assert_false(alive("8765[.]4321"));
}

/* Nothing of a trial is on the disk or in the mount table afterwards. */
static void
test_leaves_nothing(void **state)
{
    (void)state;
    wants_sandbox();
    struct trial t = trial_of("echo x > $OUT/x");
    (void)run(&t);
    char path[VT_PATH_MAX];
    struct vt_why why = {0};
    assert_int_equal(vt_path(path, &why, "%s/box", t.work), VT_OK);
    assert_int_equal(rmdir(path), 0);
    FILE *f = fopen("/proc/self/mounts", "re");
    if (f == NULL)
        return; /* a chroot without /proc */
    char line[4096];
    while (fgets(line, sizeof line, f) != NULL)
        assert_null(strstr(line, t.work));
    (void)fclose(f);
}

static void
test_no_shell(void **state)
{
    (void)state;
    wants_sandbox();
    struct trial t = trial_of("true");
    (void)snprintf(t.around.work, sizeof t.around.work, "/proc/nowhere");
    struct told told = run(&t);
    assert_int_equal(told.err, VT_E_CHILD);
    assert_non_null(strstr(told.why.text, "bubblewrap could not"));
}

static int
setup(void **state)
{
    (void)state;
    struct vt_why why = {0};
    if (vt_dir_temp("/tmp", "vt-test-sandbox", base, &why) != VT_OK)
        return -1;
    struct trial t = trial_of("true");
    struct told told = run(&t);
    usable = told.err != VT_E_STATE;
    if (!usable)
        print_message("skipped: %s\n", told.why.text);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    struct vt_why why = {0};
    return vt_tree_remove(base, &why) == VT_OK ? 0 : -1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_environment_is_clean),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_no_descriptor_leaks),
        cmocka_unit_test(test_no_network),
        cmocka_unit_test(test_only_the_stage_is_writable),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_input_and_output),
        cmocka_unit_test(test_long_output),
        cmocka_unit_test(test_output_limit),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_disk),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_log_limit),
        cmocka_unit_test(test_leftovers_end),
        cmocka_unit_test(test_surroundings),
        cmocka_unit_test(test_domain),
        cmocka_unit_test(test_dies_with_assembler),
        cmocka_unit_test(test_dies_while_it_starts),
        cmocka_unit_test(test_leaves_nothing),
        cmocka_unit_test(test_no_shell),
    };
    return cmocka_run_group_tests_name("sandbox", tests, setup, teardown);
}
