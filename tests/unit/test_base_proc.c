/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes and the messages between processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/crew.h"
#include "base/file.h"
#include "base/msg.h"
#include "base/msg_line.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static enum vt_err
shell(const char *script, const struct vt_proc_opts *opts, struct vt_why *why)
{
    const char *const argv[] = {"sh", "-c", script, NULL};

    return vt_proc_run(argv, opts, why);
}

static void
test_run_captures_output(void **state)
{
    struct vt_buf out = VT_BUF(1U << 20);
    struct vt_proc_opts o = {.output = &out};
    struct vt_why why = {0};
    (void)state;

    assert_int_equal(shell("echo one; echo two >&2; echo three", &o, &why), VT_OK);
    assert_string_equal(vt_buf_str(&out), "one\nthree\n");
    assert_int_equal(shell("echo four", &o, &why), VT_OK);
    assert_string_equal(vt_buf_str(&out), "one\nthree\nfour\n");
    vt_buf_clear(&out);
    assert_int_equal(shell("head -c 300000 /dev/zero", &o, &why), VT_OK);
    assert_int_equal(out.len, 300000);
    vt_buf_release(&out);
    assert_int_equal(shell("true", NULL, NULL), VT_OK);
}

static void
test_run_feeds_input(void **state)
{
    struct vt_buf out = VT_BUF(1U << 22);
    struct vt_proc_opts o = {.output = &out, .input = "hello\n", .input_len = 6};
    char *big = malloc(2000000);
    (void)state;

    assert_int_equal(shell("cat", &o, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&out), "hello\n");
    /* one that does not read its input breaks nothing */
    assert_non_null(big);
    memset(big, 'x', 2000000);
    o.input = big;
    o.input_len = 2000000;
    assert_int_equal(shell("true", &o, NULL), VT_OK);
    vt_buf_clear(&out);
    assert_int_equal(shell("wc -c", &o, NULL), VT_OK);
    assert_int_equal(atoi(vt_buf_str(&out)), 2000000);
    free(big);
    vt_buf_clear(&out);
    o.input = NULL;
    assert_int_equal(shell("wc -c", &o, NULL), VT_OK);
    assert_int_equal(atoi(vt_buf_str(&out)), 0);
    vt_buf_release(&out);
}

static void
test_run_tells_why_it_failed(void **state)
{
    const char *const missing[] = {"vitrine-no-such-program", NULL};
    struct vt_proc_opts o = {.cwd = "/no/such/folder"};
    struct vt_why why = {0};
    (void)state;

    assert_int_equal(
        shell("echo first >&2; echo 'the reason' >&2; echo >&2; exit 7", NULL, &why),
        VT_E_CHILD);
    assert_string_equal(why.text, "sh: exit status 7: the reason");
    assert_int_equal(shell("exit 1", NULL, &why), VT_E_CHILD);
    assert_string_equal(why.text, "sh: exit status 1");
    assert_int_equal(shell("kill -9 $$", NULL, &why), VT_E_CHILD);
    assert_string_equal(why.text, "sh: killed by signal 9");
    assert_int_equal(vt_proc_run(missing, NULL, &why), VT_E_CHILD);
    assert_non_null(strstr(why.text, "vitrine-no-such-program: cannot run it"));
    assert_int_equal(shell("true", &o, &why), VT_E_CHILD);
    /* a long stream of errors keeps its end */
    assert_int_equal(
        shell("i=0; while [ $i -lt 2000 ]; do echo line $i >&2; i=$((i+1)); done; exit 3", NULL,
            &why),
        VT_E_CHILD);
    assert_string_equal(why.text, "sh: exit status 3: line 1999");
    assert_int_equal(
        shell("head -c 9000 /dev/zero | tr '\\0' x >&2; exit 3", NULL, &why), VT_E_CHILD);
    assert_int_equal(shell("printf 'evil\\033[2J' >&2; exit 3", NULL, &why), VT_E_CHILD);
    assert_string_equal(why.text, "sh: exit status 3: evil?[2J");
}

static bool
refuse(void *ctx)
{
    (void)ctx;
    return false;
}

static bool
set_priority(void *ctx)
{
    return setpriority(PRIO_PROCESS, 0, *(const int *)ctx) == 0;
}

static void
test_run_options(void **state)
{
    static const char *const env[] = {"ONLY=this", "PATH=/usr/bin:/bin", NULL};
    struct vt_buf out = VT_BUF(65536);
    int nice = 7;
    struct vt_proc_opts o = {.output = &out, .env = env, .cwd = "/"};
    struct vt_why why;
    (void)state;

    assert_int_equal(shell("echo $ONLY$HOME; pwd", &o, &why), VT_OK);
    assert_string_equal(vt_buf_str(&out), "this\n/\n");
    vt_buf_clear(&out);
    o.prepare = set_priority;
    o.prepare_ctx = &nice;
    assert_int_equal(shell("cut -d ' ' -f 19 < /proc/self/stat", &o, &why), VT_OK);
    assert_string_equal(vt_buf_str(&out), "7\n");
    o.prepare = refuse;
    assert_int_equal(shell("true", &o, &why), VT_E_CHILD);
    assert_string_equal(why.text, "sh: exit status 127");
    vt_buf_release(&out);
}

static void
test_run_leaks_no_descriptor(void **state)
{
    struct vt_buf out = VT_BUF(65536);
    struct vt_proc_opts o = {.output = &out};
    (void)state;

    assert_int_equal(shell("ls /proc/$$/fd", &o, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&out), "0\n1\n2\n");
    vt_buf_release(&out);
}

static void
test_run_logs_to_a_descriptor(void **state)
{
    char path[] = "/tmp/vt-log-XXXXXX";
    int fd = mkstemp(path);
    struct vt_proc_opts o = {.log_fd = fd};
    struct vt_buf b = VT_BUF(4096);
    struct vt_why why;
    (void)state;

    assert_true(fd > 2);
    assert_int_equal(shell("echo out; echo err >&2; exit 2", &o, &why), VT_E_CHILD);
    assert_string_equal(why.text, "sh: exit status 2");
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), "out\nerr\n");
    vt_buf_release(&b);
    (void)close(fd);
    (void)unlink(path);
}

static void
test_run_stops_what_overflows(void **state)
{
    struct vt_buf out = VT_BUF(1000);
    struct vt_proc_opts o = {.output = &out};
    struct vt_why why;
    (void)state;

    assert_int_equal(shell("cat /dev/zero", &o, &why), VT_E_LIMIT);
    vt_buf_release(&out);
}

/* Whether a process is gone, or soon will be. */
static bool
gone(pid_t pid)
{
    for (int i = 0; i < 200; i++) {
        char path[64];
        struct vt_buf b = VT_BUF(4096);
        bool is_gone;
        (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        is_gone =
            vt_file_read(path, &b, NULL) != VT_OK || strstr(vt_buf_str(&b), ") Z") != NULL;
        vt_buf_release(&b);
        if (is_gone)
            return true;
        (void)usleep(10000);
    }
    return false;
}

static void
test_run_timeout_kills_the_group(void **state)
{
    struct vt_buf out = VT_BUF(1000);
    struct vt_proc_opts o = {.output = &out, .timeout_ms = 300};
    struct vt_why why;
    int64_t began = vt_clock_monotonic_ms();
    (void)state;

    assert_int_equal(shell("sleep 60 & echo $!; wait", &o, &why), VT_E_TIMEOUT);
    assert_true(vt_clock_monotonic_ms() - began < 10000);
    assert_true(atoi(vt_buf_str(&out)) > 1);
    assert_true(gone(atoi(vt_buf_str(&out))));
    vt_buf_clear(&out);
    /* one that writes without end meets it too */
    out.max = SIZE_MAX;
    o.output = NULL;
    assert_int_equal(shell("yes >&2", &o, &why), VT_E_TIMEOUT);
    vt_buf_release(&out);
}

static void
test_run_leaves_no_stragglers(void **state)
{
    struct vt_buf out = VT_BUF(1000);
    struct vt_proc_opts o = {.output = &out, .timeout_ms = 20000};
    int64_t began = vt_clock_monotonic_ms();
    (void)state;

    assert_int_equal(shell("sleep 60 & echo $!", &o, NULL), VT_OK);
    assert_true(vt_clock_monotonic_ms() - began < 10000);
    assert_true(gone(atoi(vt_buf_str(&out))));
    vt_buf_release(&out);
}

static enum vt_err
tick(void *ctx, struct vt_why *why)
{
    int *left = ctx;

    return --*left > 0 ? VT_OK : vt_fail(why, VT_E_STATE, "told to stop");
}

static void
test_run_ticks(void **state)
{
    int left = 3;
    struct vt_proc_opts o = {.tick = tick, .tick_ctx = &left};
    struct vt_why why;
    int64_t began = vt_clock_monotonic_ms();
    (void)state;

    assert_int_equal(shell("sleep 60", &o, &why), VT_E_STATE);
    assert_string_equal(why.text, "told to stop");
    assert_int_equal(left, 0);
    assert_in_range((uintmax_t)(vt_clock_monotonic_ms() - began), 500, 20000);
}

/* Children of vt_proc_fork. */

static int
echo_body(int fd, void *ctx)
{
    char c;

    while (read(fd, &c, 1) == 1) {
        if (write(fd, &c, 1) != 1)
            return 1;
    }
    return *(const int *)ctx;
}

static void
test_fork_speaks_over_its_descriptor(void **state)
{
    int code = 5;
    pid_t pid = 0;
    int fd = -1;
    int status = 0;
    char c = 0;
    (void)state;

    assert_int_equal(vt_proc_fork("echo", echo_body, &code, NULL, &pid, &fd, NULL), VT_OK);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(read(fd, &c, 1), 1);
    assert_int_equal(c, 'x');
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    (void)close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 5);
}

/* Sends the numbers of its open descriptors. */
static int
count_body(int fd, void *ctx)
{
    uint8_t open_fds[64] = {0};

    (void)ctx;
    for (int i = 0; i < 64; i++)
        open_fds[i] = fcntl(i, F_GETFD) >= 0;
    return vt_fd_write(fd, open_fds, sizeof open_fds, NULL) == VT_OK ? 0 : 1;
}

static void
test_fork_keeps_only_what_it_is_told(void **state)
{
    int a = fcntl(STDERR_FILENO, F_DUPFD, 40);
    int b = fcntl(STDERR_FILENO, F_DUPFD, 50);
    int c = fcntl(STDERR_FILENO, F_DUPFD, 45);
    const int keep[] = {b, a, -1};
    uint8_t open_fds[64] = {0};
    pid_t pid = 0;
    int fd = -1;
    size_t n = 0;
    unsigned count = 0;
    (void)state;

    assert_true(a == 40 && b == 50 && c == 45);
    assert_int_equal(vt_proc_fork("count", count_body, NULL, keep, &pid, &fd, NULL), VT_OK);
    assert_int_equal(vt_fd_read(fd, open_fds, sizeof open_fds, &n, NULL), VT_OK);
    assert_int_equal(n, sizeof open_fds);
    vt_proc_stop(pid, fd, 1000);
    assert_true(open_fds[40] && open_fds[50] && !open_fds[45]);
    for (size_t i = 3; i < 64; i++)
        count += open_fds[i];
    assert_int_equal(count, 3);
    (void)close(a);
    (void)close(b);
    (void)close(c);
}

static int
stubborn_body(int fd, void *ctx)
{
    (void)ctx;
    (void)signal(SIGTERM, SIG_IGN);
    if (vt_fd_write(fd, "r", 1, NULL) != VT_OK)
        return 1;
    for (;;)
        (void)pause();
}

static void
test_stop_kills_the_stubborn(void **state)
{
    pid_t pid = 0;
    int fd = -1;
    char c;
    int64_t began;
    (void)state;

    assert_int_equal(
        vt_proc_fork("stubborn", stubborn_body, NULL, NULL, &pid, &fd, NULL), VT_OK);
    assert_int_equal(read(fd, &c, 1), 1);
    began = vt_clock_monotonic_ms();
    vt_proc_stop(pid, fd, 200);
    assert_in_range((uintmax_t)(vt_clock_monotonic_ms() - began), 190, 10000);
    assert_int_equal(kill(pid, 0), -1);
    vt_proc_stop(-1, -1, 0);
}

static void
test_child_dies_with_its_parent(void **state)
{
    int report[2];
    pid_t parent;
    pid_t grandchild = 0;
    int status;
    (void)state;

    assert_int_equal(pipe(report), 0);
    parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        pid_t pid = 0;
        int fd = -1;
        char c;
        if (vt_proc_fork("stubborn", stubborn_body, NULL, NULL, &pid, &fd, NULL) != VT_OK ||
            read(fd, &c, 1) != 1 || write(report[1], &pid, sizeof pid) != (ssize_t)sizeof pid)
            _exit(1);
        _exit(0);
    }
    assert_int_equal(read(report[0], &grandchild, sizeof grandchild), sizeof grandchild);
    assert_int_equal(waitpid(parent, &status, 0), parent);
    assert_int_equal(status, 0);
    assert_true(gone(grandchild));
    (void)close(report[0]);
    (void)close(report[1]);
}

static int
harden_body(int fd, void *ctx)
{
    struct rlimit core = {1, 1};
    uint8_t answer[2];

    (void)ctx;
    vt_proc_harden();
    (void)getrlimit(RLIMIT_CORE, &core);
    answer[0] = (uint8_t)prctl(PR_GET_DUMPABLE);
    answer[1] = core.rlim_cur == 0 && core.rlim_max == 0;
    return vt_fd_write(fd, answer, sizeof answer, NULL) == VT_OK ? 0 : 1;
}

static void
test_harden(void **state)
{
    uint8_t answer[2] = {9, 9};
    pid_t pid = 0;
    int fd = -1;
    size_t n = 0;
    (void)state;

    assert_int_equal(vt_proc_fork("hard", harden_body, NULL, NULL, &pid, &fd, NULL), VT_OK);
    assert_int_equal(vt_fd_read(fd, answer, sizeof answer, &n, NULL), VT_OK);
    vt_proc_stop(pid, fd, 1000);
    assert_int_equal(n, 2);
    assert_int_equal(answer[0], 0);
    assert_int_equal(answer[1], 1);
}

/* Messages. */

static const struct vt_msg_rule rules[] = {{1, 0}, {2, 5}, {3, 1U << 20}, {0, 0}};

struct pair {
    int a;
    int b;
};

static struct pair
pair_new(void)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}

static void
test_messages_round_trip(void **state)
{
    struct pair p = pair_new();
    struct vt_buf b = VT_BUF(1U << 20);
    uint16_t type = 0;
    struct vt_why why;
    (void)state;

    assert_int_equal(vt_msg_send(p.a, 1, NULL, 0, &why), VT_OK);
    assert_int_equal(vt_msg_send(p.a, 2, "hello", 5, &why), VT_OK);
    vt_buf_puts(&b, "former");
    assert_int_equal(vt_msg_recv(p.b, rules, 1000, &type, &b, &why), VT_OK);
    assert_int_equal(type, 1);
    assert_int_equal(b.len, 0);
    assert_int_equal(vt_msg_recv(p.b, rules, -1, &type, &b, &why), VT_OK);
    assert_int_equal(type, 2);
    assert_string_equal(vt_buf_str(&b), "hello");
    assert_int_equal(vt_msg_recv(p.b, rules, 20, &type, &b, &why), VT_E_TIMEOUT);
    (void)close(p.a);
    assert_int_equal(vt_msg_recv(p.b, rules, 1000, &type, &b, &why), VT_E_NOENT);
    assert_int_equal(type, 2);
    assert_int_equal(vt_msg_send(p.b, 1, NULL, 0, &why), VT_E_IO);
    (void)close(p.b);
    vt_buf_release(&b);
}

/* One side sends more than a socket holds while the other one answers with as much. */
struct duplex {
    int fd;
    uint8_t *body;
    unsigned received;
};
enum { DUPLEX = 1 << 20, DUPLEX_ROUNDS = 4 };

static enum vt_err
on_duplex(void *ctx, struct vt_why *why)
{
    struct duplex *d = ctx;
    struct vt_buf b = VT_BUF(DUPLEX);
    uint16_t type;
    enum vt_err err = vt_msg_recv(d->fd, rules, 10000, &type, &b, why);

    if (err == VT_OK && (b.len != DUPLEX || memcmp(b.data, d->body, DUPLEX) != 0))
        err = vt_fail(why, VT_E_SYNTAX, "another body");
    d->received += err == VT_OK;
    vt_buf_release(&b);
    return err;
}

static enum vt_err
duplex_side(int fd)
{
    struct duplex d = {.fd = fd, .body = malloc(DUPLEX)};
    struct vt_msg_piece v[3];
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < DUPLEX; i++)
        d.body[i] = (uint8_t)(i * 31);
    v[0] = (struct vt_msg_piece){d.body, 1};
    v[1] = (struct vt_msg_piece){NULL, 0};
    v[2] = (struct vt_msg_piece){d.body + 1, DUPLEX - 1};
    for (unsigned i = 0; i < DUPLEX_ROUNDS && err == VT_OK; i++)
        err = vt_msg_send_pieces(fd, 3, v, 3, on_duplex, &d, NULL);
    while (err == VT_OK && d.received < DUPLEX_ROUNDS)
        err = on_duplex(&d, NULL);
    free(d.body);
    return err;
}

/* Sends before it has taken anything, and then an answer to each. */
static int
duplex_main(int fd, void *ctx)
{
    struct vt_buf b = VT_BUF(DUPLEX);
    enum vt_err err = VT_OK;
    uint16_t type;

    (void)ctx;
    for (size_t i = 0; i < DUPLEX; i++)
        vt_buf_put_u8(&b, (uint8_t)(i * 31));
    for (unsigned i = 0; i < DUPLEX_ROUNDS && err == VT_OK; i++) {
        err = vt_msg_send(fd, 3, b.data, b.len, NULL);
        if (err == VT_OK)
            err = vt_msg_recv(fd, rules, 10000, &type, &b, NULL);
    }
    vt_buf_release(&b);
    return err == VT_OK ? 0 : 1;
}

static void
test_messages_both_ways(void **state)
{
    pid_t pid;
    int fd, status;

    (void)state;
    assert_int_equal(vt_proc_fork("duplex", duplex_main, NULL, NULL, &pid, &fd, NULL), VT_OK);
    assert_int_equal(duplex_side(fd), VT_OK);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    (void)close(fd);
}

/* The crew: started again when a member dies, not when it says that it cannot run. */
struct crew_world {
    int code[2]; /* what the first and later lives of the member end with; -1: it stays */
    unsigned lives;
    int ready;
    int reloads; /* that are to come */
    bool refuses;
    int refused;
};

static int
member_main(int fd, void *ctx)
{
    struct crew_world *w = ctx;
    char c;
    int code = w->code[w->lives > 1 ? 1 : 0];

    if (code >= 0)
        return code;
    while (read(fd, &c, 1) > 0)
        continue;
    return 0;
}

static enum vt_err
crew_start(void *ctx, struct vt_crew *c, struct vt_why *why)
{
    struct crew_world *w = ctx;
    int fd;

    w->lives++;
    return vt_crew_start(c, member_main, w, NULL, &fd, why);
}

static bool
crew_answers(void *ctx)
{
    struct crew_world *w = ctx;

    return w->code[w->lives > 1 ? 1 : 0] < 0;
}

/* Ready: that is enough, unless it is to be reloaded. */
static enum vt_err
crew_ready(void *ctx, struct vt_why *why)
{
    struct crew_world *w = ctx;

    (void)why;
    w->ready++;
    (void)raise(w->reloads-- > 0 ? SIGHUP : SIGTERM);
    return VT_OK;
}

static enum vt_err
crew_reload(void *ctx, struct vt_why *why)
{
    struct crew_world *w = ctx;

    if (!w->refuses)
        return VT_OK;
    w->refused++;
    (void)raise(SIGTERM);
    return vt_fail(why, VT_E_CONFIG, "it is wrong");
}

static enum vt_err
crew_run(struct crew_world *w, struct vt_why *why)
{
    static const char *const names[] = {"member"};
    const struct vt_crew_opts opts = {.what = "the crew",
        .names = names,
        .count = 1,
        .start = crew_start,
        .answers = crew_answers,
        .ready = crew_ready,
        .reload = crew_reload,
        .ctx = w};

    return vt_crew_run(&opts, why);
}

static void
test_crew(void **state)
{
    struct crew_world well = {.code = {-1, -1}};
    struct crew_world once = {.code = {3, -1}};
    struct crew_world never = {.code = {3, 3}};
    struct crew_world wrong = {.code = {2, -1}};
    struct crew_world again = {.code = {-1, -1}, .reloads = 7};
    struct crew_world refused = {.code = {-1, -1}, .reloads = 1, .refuses = true};
    struct vt_why why;

    (void)state;
    assert_int_equal(crew_run(&well, &why), VT_OK);
    assert_int_equal(well.lives, 1);
    assert_int_equal(well.ready, 1);
    assert_int_equal(crew_run(&once, &why), VT_OK);
    assert_int_equal(once.lives, 2);
    assert_int_equal(crew_run(&never, &why), VT_E_CHILD);
    assert_int_equal(never.lives, 6);
    assert_int_equal(crew_run(&wrong, &why), VT_E_CONFIG);
    assert_int_equal(wrong.lives, 1);
    assert_non_null(strstr(why.text, "member"));
    /* Reloads are no deaths, however many there are. */
    assert_int_equal(crew_run(&again, &why), VT_OK);
    assert_int_equal(again.lives, 8);
    assert_int_equal(again.ready, 8);
    assert_int_equal(crew_run(&refused, &why), VT_OK);
    assert_int_equal(refused.lives, 1);
    assert_int_equal(refused.refused, 1);
}

static void
take_one(struct vt_msg_line *l, struct vt_buf *b, uint16_t type, const char *body)
{
    bool got = false;
    uint16_t has = 0;

    assert_int_equal(vt_msg_line_take(l, &got, &has, b, NULL), VT_OK);
    assert_int_equal(got, body != NULL);
    if (body == NULL)
        return;
    assert_int_equal(has, type);
    assert_string_equal(vt_buf_str(b), body);
}

/* Messages come in pieces of one byte; what is not there is not waited for. */
static void
test_line_takes_what_is_there(void **state)
{
    static const char bytes[] = "\0\0\0\2\0\1\0\0\0\7\0\2hello\0\0\0\3\0\2x";
    struct pair p = pair_new();
    struct vt_msg_line *l = NULL;
    struct vt_buf b = VT_BUF(1U << 20);
    struct vt_why why = {0};
    uint16_t type = 77;
    bool got = true;
    (void)state;

    assert_int_equal(vt_msg_line_new(p.b, rules, 100, &l, NULL), VT_OK);
    take_one(l, &b, 0, NULL);
    for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
        assert_int_equal(vt_fd_write(p.a, bytes + i, 1, NULL), VT_OK);
        take_one(l, &b, i == 5 ? 1 : 2,
            i == 5                   ? ""
            : i == 16                ? "hello"
            : i == sizeof(bytes) - 2 ? "x"
                                     : NULL);
    }
    assert_int_equal(vt_fd_write(p.a, bytes, 3, NULL), VT_OK);
    (void)close(p.a);
    assert_int_equal(vt_msg_line_take(l, &got, &type, &b, &why), VT_E_SYNTAX);
    vt_msg_line_free(l);
    (void)close(p.b);
    vt_buf_release(&b);
}

/* Reading ahead, what comes in one piece is had one by one, and large bodies whole. */
static void
test_line_reads_ahead(void **state)
{
    static const char bytes[] = "\0\0\0\7\0\2hello\0\0\0\2\0\1\0\0\0\3\0\2x\0\0";
    static uint8_t body[700000];
    struct pair p = pair_new();
    struct vt_msg_line *out = NULL;
    struct vt_msg_line *l = NULL;
    struct vt_buf b = VT_BUF(1U << 20);
    struct vt_why why = {0};
    uint16_t type = 0;
    bool got = false;
    (void)state;

    memset(body, 'b', sizeof(body));
    assert_int_equal(vt_msg_line_new(p.b, rules, 100, &l, NULL), VT_OK);
    assert_int_equal(vt_msg_line_new(p.a, rules, 2 * sizeof(body), &out, NULL), VT_OK);
    vt_msg_line_read_ahead(l);
    assert_int_equal(vt_fd_write(p.a, bytes, sizeof(bytes) - 1, NULL), VT_OK);
    take_one(l, &b, 2, "hello");
    take_one(l, &b, 1, "");
    take_one(l, &b, 2, "x");
    take_one(l, &b, 0, NULL);
    assert_int_equal(vt_fd_write(p.a, "\0\2\0\1", 4, NULL), VT_OK);
    take_one(l, &b, 1, "");
    /* What is added is not sent before it is flushed. */
    assert_int_equal(
        vt_msg_line_add(out, 3, &(struct vt_msg_piece){body, sizeof(body)}, 1, NULL), VT_OK);
    assert_true(vt_msg_line_waits(out));
    take_one(l, &b, 0, NULL);
    while (!got) {
        assert_int_equal(vt_msg_line_flush(out, NULL), VT_OK);
        assert_int_equal(vt_msg_line_take(l, &got, &type, &b, NULL), VT_OK);
    }
    assert_int_equal(type, 3);
    assert_int_equal(b.len, sizeof(body));
    assert_memory_equal(b.data, body, sizeof(body));
    assert_int_equal(vt_fd_write(p.a, bytes, 14, NULL), VT_OK);
    (void)close(p.a);
    take_one(l, &b, 2, "hello");
    assert_int_equal(vt_msg_line_take(l, &got, &type, &b, &why), VT_E_SYNTAX);
    vt_msg_line_free(l);
    vt_msg_line_free(out);
    (void)close(p.b);
    vt_buf_release(&b);
}

/* Receives a message at fd while the line at the other end is flushed. */
static uint16_t
drain_one(int fd, struct vt_msg_line *sender, struct vt_buf *b)
{
    struct vt_msg_line *l = NULL;
    uint16_t type = 0;
    bool got = false;

    assert_int_equal(vt_msg_line_new(fd, rules, 100, &l, NULL), VT_OK);
    while (!got) {
        assert_int_equal(vt_msg_line_flush(sender, NULL), VT_OK);
        assert_int_equal(vt_msg_line_take(l, &got, &type, b, NULL), VT_OK);
    }
    vt_msg_line_free(l);
    return type;
}

/* Who sends too much hears so, and nothing of it is lost or sent by halves. */
static void
test_line_queues_within_bounds(void **state)
{
    static const uint8_t body[40000];
    struct pair p = pair_new();
    struct vt_msg_line *l = NULL;
    struct vt_buf b = VT_BUF(1U << 20);
    struct vt_why why = {0};
    enum vt_err err = VT_OK;
    unsigned sent = 0;
    uint16_t type = 0;
    bool got = true;
    (void)state;

    assert_int_equal(vt_msg_line_new(p.a, rules, 100000, &l, NULL), VT_OK);
    while (err == VT_OK && sent < 1000) {
        const struct vt_msg_piece v[2] = {{body, 10000}, {body, 30000}};

        err = vt_msg_line_put(l, 3, v, 2, &why);
        sent += err == VT_OK ? 1 : 0;
    }
    assert_int_equal(err, VT_E_BUSY);
    assert_true(vt_msg_line_waits(l));
    for (unsigned i = 0; i < sent; i++) {
        assert_int_equal(drain_one(p.b, l, &b), 3);
        assert_int_equal(b.len, sizeof(body));
    }
    assert_false(vt_msg_line_waits(l));
    (void)close(p.b);
    assert_int_equal(vt_msg_line_put(l, 1, &(struct vt_msg_piece){NULL, 0}, 1, &why), VT_E_IO);
    assert_int_equal(vt_msg_line_take(l, &got, &type, &b, &why), VT_E_NOENT);
    vt_msg_line_free(l);
    (void)close(p.a);
    vt_buf_release(&b);
}

struct raw {
    const char *bytes;
    size_t len;
    enum vt_err want;
};

static void
test_messages_outside_the_table_are_refused(void **state)
{
    static const struct raw rows[] = {
        {"\0\0\0\2\0\4", 6, VT_E_SYNTAX},         /* a type that nobody takes */
        {"\0\0\0\2\0\0", 6, VT_E_SYNTAX},         /* the table's end */
        {"\0\0\0\3\0\1x", 7, VT_E_SYNTAX},        /* a body where none may be */
        {"\0\0\0\10\0\2abcdef", 12, VT_E_SYNTAX}, /* a byte too many */
        {"\377\377\377\377\0\3", 6, VT_E_SYNTAX}, /* four gigabytes */
        {"\0\0\0\1\0\1", 6, VT_E_SYNTAX},         /* shorter than a type */
        {"\0\0\0\0\0\1", 6, VT_E_SYNTAX},
        {"\0\0\0", 3, VT_E_SYNTAX},         /* ends in the header */
        {"\0\0\0\6\0\2ab", 8, VT_E_SYNTAX}, /* ends in the body */
        {"", 0, VT_E_NOENT},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair p = pair_new();
        struct vt_buf b = VT_BUF(1U << 20);
        struct vt_why why = {0};
        uint16_t type = 77;
        assert_int_equal(vt_fd_write(p.a, rows[i].bytes, rows[i].len, NULL), VT_OK);
        (void)close(p.a);
        assert_int_equal(vt_msg_recv(p.b, rules, 1000, &type, &b, &why), rows[i].want);
        assert_int_equal(type, 77);
        assert_true(why.text[0] != '\0');
        (void)close(p.b);
        vt_buf_release(&b);
    }
}

static void
test_message_larger_than_the_buffer(void **state)
{
    struct pair p = pair_new();
    struct vt_buf b = VT_BUF(3);
    uint16_t type = 0;
    (void)state;

    assert_int_equal(vt_msg_send(p.a, 2, "hello", 5, NULL), VT_OK);
    assert_int_equal(vt_msg_recv(p.b, rules, 1000, &type, &b, NULL), VT_E_LIMIT);
    (void)close(p.a);
    (void)close(p.b);
    vt_buf_release(&b);
}

/* Sends a large message in small pieces. */
static int
drip_body(int fd, void *ctx)
{
    char *body = malloc(1U << 20);

    (void)ctx;
    if (body == NULL || vt_fd_write(fd, "\0\20\0\2\0", 5, NULL) != VT_OK)
        return 1;
    (void)usleep(20000);
    if (vt_fd_write(fd, "\3", 1, NULL) != VT_OK)
        return 1;
    memset(body, 'd', 1U << 20);
    if (vt_fd_write(fd, body, 7, NULL) != VT_OK)
        return 1;
    (void)usleep(20000);
    return vt_fd_write(fd, body, (1U << 20) - 7, NULL) == VT_OK ? 0 : 1;
}

static int
stall_body(int fd, void *ctx)
{
    (void)ctx;
    if (vt_fd_write(fd, "\0\0\0\7\0\2ab", 8, NULL) != VT_OK)
        return 1;
    for (;;)
        (void)pause();
}

static void
test_messages_that_drip_or_stall(void **state)
{
    struct vt_buf b = VT_BUF(1U << 20);
    uint16_t type = 0;
    pid_t pid = 0;
    int fd = -1;
    (void)state;

    assert_int_equal(vt_proc_fork("drip", drip_body, NULL, NULL, &pid, &fd, NULL), VT_OK);
    assert_int_equal(vt_msg_recv(fd, rules, 20000, &type, &b, NULL), VT_OK);
    assert_int_equal(type, 3);
    assert_int_equal(b.len, 1U << 20);
    assert_int_equal(b.data[(1U << 20) - 1], 'd');
    vt_proc_stop(pid, fd, 1000);
    assert_int_equal(vt_proc_fork("stall", stall_body, NULL, NULL, &pid, &fd, NULL), VT_OK);
    assert_int_equal(vt_msg_recv(fd, rules, 100, &type, &b, NULL), VT_E_TIMEOUT);
    vt_proc_stop(pid, fd, 100);
    vt_buf_release(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_captures_output),
        cmocka_unit_test(test_run_feeds_input),
        cmocka_unit_test(test_run_tells_why_it_failed),
        cmocka_unit_test(test_run_options),
        cmocka_unit_test(test_run_leaks_no_descriptor),
        cmocka_unit_test(test_run_logs_to_a_descriptor),
        cmocka_unit_test(test_run_stops_what_overflows),
        cmocka_unit_test(test_run_timeout_kills_the_group),
        cmocka_unit_test(test_run_leaves_no_stragglers),
        cmocka_unit_test(test_run_ticks),
        cmocka_unit_test(test_fork_speaks_over_its_descriptor),
        cmocka_unit_test(test_fork_keeps_only_what_it_is_told),
        cmocka_unit_test(test_stop_kills_the_stubborn),
        cmocka_unit_test(test_child_dies_with_its_parent),
        cmocka_unit_test(test_harden),
        cmocka_unit_test(test_messages_round_trip),
        cmocka_unit_test(test_messages_both_ways),
        cmocka_unit_test(test_crew),
        cmocka_unit_test(test_line_takes_what_is_there),
        cmocka_unit_test(test_line_reads_ahead),
        cmocka_unit_test(test_line_queues_within_bounds),
        cmocka_unit_test(test_messages_outside_the_table_are_refused),
        cmocka_unit_test(test_message_larger_than_the_buffer),
        cmocka_unit_test(test_messages_that_drip_or_stall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
