/* SPDX-License-Identifier: Apache-2.0 */
#include "search/ctags.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILE_MS 10000
#define CPU_S 300U
#define MEMORY_MAX (1ULL << 30)
#define BYTES_OF_ONE (128U << 20) /* then another process takes over, with its limits anew */
#define ANSWER_MAX (1U << 20)

static const char *const names[] = {"ctags-universal", "universal-ctags", "ctags"};

struct vt_ctags {
    const char *program;
    bool sandbox;
    pid_t pid; /* 0: none runs */
    int fd;
    uint64_t bytes; /* that this process was given */
    unsigned failures;
    struct vt_buf in; /* what it said and was not taken yet */
};

static bool
says_word(const struct vt_buf *b, const char *word)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    struct vt_reader line;

    while (vt_reader_line(&r, &line)) {
        if (vt_reader_skip(&line, word) && vt_reader_skip(&line, " "))
            return true;
    }
    return false;
}

/* Whether `program` is one that can do what we need. */
static bool
is_usable(const char *program, bool *ret_sandbox)
{
    const char *argv[] = {program, "--options=NONE", "--list-features", NULL};
    static const char *const env[] = {"LC_ALL=C.UTF-8", NULL};
    struct vt_buf out = VT_BUF(65536);
    const struct vt_proc_opts opts = {
        .env = env, .cwd = "/", .output = &out, .timeout_ms = 20000};
    bool ok = vt_proc_run(argv, &opts, NULL) == VT_OK && says_word(&out, "interactive") &&
              says_word(&out, "json");

    *ret_sandbox = ok && says_word(&out, "sandbox");
    vt_buf_release(&out);
    return ok;
}

enum vt_err
vt_ctags_new(struct vt_ctags **ret, struct vt_why *why)
{
    struct vt_ctags *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for ctags");
    c->fd = -1;
    c->in = VT_BUF(ANSWER_MAX);
    for (size_t i = 0; c->program == NULL && i < sizeof names / sizeof names[0]; i++) {
        if (is_usable(names[i], &c->sandbox))
            c->program = names[i];
    }
    if (c->program == NULL) {
        vt_ctags_free(c);
        return vt_fail(why, VT_E_NOENT,
            "there is no Universal Ctags: install the package universal-ctags");
    }
    *ret = c;
    return VT_OK;
}

static void
end_process(struct vt_ctags *c)
{
    if (c->pid > 0) {
        (void)kill(c->pid, SIGKILL);
        vt_proc_stop(c->pid, c->fd, 0);
    }
    c->pid = 0;
    c->fd = -1;
    c->bytes = 0;
    vt_buf_clear(&c->in);
}

void
vt_ctags_free(struct vt_ctags *c)
{
    if (c == NULL)
        return;
    end_process(c);
    vt_buf_release(&c->in);
    free(c);
}

unsigned
vt_ctags_failures(const struct vt_ctags *c)
{
    return c->failures;
}

static bool
limit(__rlimit_resource_t what, rlim_t most)
{
    const struct rlimit r = {.rlim_cur = most, .rlim_max = most};

    return setrlimit(what, &r) == 0;
}

/* In the child: becomes ctags, with the channel as its input and output. */
static int
become(int fd, void *ctx)
{
    const struct vt_ctags *c = ctx;
    const char *argv[] = {c->program, "--options=NONE",
        c->sandbox ? "--_interactive=sandbox" : "--_interactive=default", "--fields=NKneZs",
        "--extras=-{anonymous}", NULL};
    static const char *const env[] = {"LC_ALL=C.UTF-8", NULL};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (null < 0 || chdir("/") != 0 || !limit(RLIMIT_CORE, 0) || !limit(RLIMIT_FSIZE, 0) ||
        !limit(RLIMIT_CPU, CPU_S) || !limit(RLIMIT_AS, MEMORY_MAX) ||
        !limit(RLIMIT_NOFILE, 16) || dup2(fd, 0) != 0 || dup2(fd, 1) != 1 || dup2(null, 2) != 2)
        return 127;
    vt_proc_close_others(NULL);
    (void)execvpe(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
    return 127;
}

static bool
start_process(struct vt_ctags *c)
{
    if (c->bytes > BYTES_OF_ONE)
        end_process(c);
    if (c->pid > 0)
        return true;
    if (vt_proc_fork("ctags", become, c, NULL, &c->pid, &c->fd, NULL) != VT_OK) {
        c->pid = 0;
        c->fd = -1;
        return false;
    }
    return fcntl(c->fd, F_SETFL, O_NONBLOCK) == 0;
}

/* What is sent for one file: a line of JSON, and the file. */
struct out {
    struct vt_reader part[2];
    unsigned at;
};

/* Sends what the channel takes now. False: it is broken. */
static bool
send_some(const struct vt_ctags *c, struct out *o)
{
    while (o->at < 2) {
        struct vt_reader *s = &o->part[o->at];
        ssize_t n = s->left > 0 ? send(c->fd, s->p, s->left, MSG_NOSIGNAL) : 0;

        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        s->p += n;
        s->left -= (size_t)n;
        if (s->left == 0)
            o->at++;
    }
    return true;
}

/* Takes the whole lines that were received. */
static enum vt_ctags_says
take_lines(struct vt_ctags *c, struct vt_symbols *s)
{
    struct vt_reader r = VT_READER(c->in.data, c->in.len);
    struct vt_reader line;
    enum vt_ctags_says says = VT_CTAGS_REMARK;

    while (says != VT_CTAGS_DONE && vt_reader_line(&r, &line)) {
        says = vt_ctags_line(line.p, line.left, s);
        if (says == VT_CTAGS_NONSENSE)
            return says;
    }
    if (r.left > VT_CTAGS_LINE_MAX || (says == VT_CTAGS_DONE && r.left > 0))
        return VT_CTAGS_NONSENSE;
    if (r.left > 0)
        memmove(c->in.data, r.p, r.left);
    c->in.len = r.left;
    return says;
}

/* Receives what there is. */
static enum vt_ctags_says
receive(struct vt_ctags *c, struct vt_symbols *s)
{
    for (;;) {
        uint8_t *room = vt_buf_reserve(&c->in, 65536);
        enum vt_ctags_says says;
        ssize_t n;

        if (room == NULL)
            return VT_CTAGS_NONSENSE;
        n = read(c->fd, room, 65536);
        if (n < 0 && errno == EAGAIN)
            return VT_CTAGS_REMARK;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return VT_CTAGS_NONSENSE;
        vt_buf_commit(&c->in, (size_t)n);
        says = take_lines(c, s);
        if (says == VT_CTAGS_DONE || says == VT_CTAGS_NONSENSE)
            return says;
    }
}

/* Sends the file and takes the answer. False: not to the end. */
static bool
converse(struct vt_ctags *c, struct out *o, struct vt_symbols *s)
{
    int64_t until = vt_clock_monotonic_ms() + FILE_MS;

    for (;;) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        int64_t left = until - vt_clock_monotonic_ms();
        enum vt_ctags_says says;

        if (!send_some(c, o))
            return false;
        if (o->at < 2)
            p.events |= POLLOUT;
        if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
            return false;
        if ((p.revents & (POLLIN | POLLHUP | POLLERR)) == 0)
            continue;
        says = receive(c, s);
        if (says == VT_CTAGS_NONSENSE)
            return false;
        if (says == VT_CTAGS_DONE)
            return o->at == 2;
    }
}

static enum vt_err
ask(const char *name, size_t len, struct vt_buf *ret, struct vt_why *why)
{
    json_t *obj = json_pack("{s:s, s:s, s:I}", "command", "generate-tags", "filename", name,
        "size", (json_int_t)len);
    enum vt_err err;

    if (obj == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory to ask ctags");
    err = vt_json_text(obj, false, ret, why);
    json_decref(obj);
    return err;
}

enum vt_err
vt_ctags_symbols(struct vt_ctags *c, const char *name, const void *data, size_t len,
    struct vt_symbols *s, struct vt_why *why)
{
    struct vt_buf head = VT_BUF(65536);
    enum vt_err err = ask(name, len, &head, why);

    if (err == VT_OK) {
        struct out o = {.part = {VT_READER(head.data, head.len), VT_READER(data, len)}};

        if (!start_process(c) || !converse(c, &o, s)) {
            end_process(c);
            vt_symbols_clear(s);
            c->failures++;
        }
        c->bytes += len;
    }
    vt_buf_release(&head);
    return err;
}
