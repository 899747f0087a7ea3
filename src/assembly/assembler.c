/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/assembler.h"

#include "assembly/sandbox_bwrap.h"
#include "assembly/stage.h"
#include "base/clock.h"
#include "base/msg.h"
#include "store/pack.h"
#include "store/store.h"
#include "store/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MESSAGE_MAX 4096U
#define STEP_SHOWN 120 /* characters of a step in a message */

struct assembler {
    const struct vt_assembly_job *job;
    const char *work;
    int fd;
    struct vt_stage stage;
    struct vt_store *store;
    struct vt_sandbox *sandbox;
    struct vt_statement_varied varied;
    char log_path[VT_PATH_MAX];
    int log_fd;
    uint64_t log_len;
    uint16_t step; /* from 1 */
    uint16_t steps;
    int64_t started;
    char isolation[192];
};

static enum vt_err
send_buf(int fd, uint16_t type, struct vt_buf *b, struct vt_why *why)
{
    enum vt_err err = vt_buf_check(b, "assembler's message", why);
    if (err == VT_OK)
        err = vt_msg_send(fd, type, b->data, b->len, why);
    vt_buf_release(b);
    return err;
}

static enum vt_err
tick(void *ctx, struct vt_why *why)
{
    const struct assembler *a = ctx;
    struct vt_buf b = VT_BUF(MESSAGE_MAX);
    vt_buf_put_u16(&b, a->step);
    vt_buf_put_u16(&b, a->steps);
    vt_buf_put_u64(&b, a->log_len);
    return send_buf(a->fd, VT_ASSEMBLER_TICK, &b, why);
}

static uint64_t
disk_bytes(const struct assembler *a)
{
    return (uint64_t)vt_recipe_limits(a->job->recipe)->disk_mb << 20;
}

static enum vt_err
find_source(const struct assembler *a, char ret[VT_DIGEST_HEX_SIZE + 4096], struct vt_why *why)
{
    struct vt_store *other = NULL;
    enum vt_err err = VT_E_NOENT;
    if (a->job->source_dir != NULL) {
        err = vt_store_open_dir(a->job->source_dir, &other, why);
        if (err == VT_OK)
            err = vt_store_path(other, &a->job->source, ret, why);
        vt_store_free(other);
    }
    return err == VT_E_NOENT ? vt_store_path(a->store, &a->job->source, ret, why) : err;
}

static enum vt_err
unpack_source(struct assembler *a, struct vt_why *why)
{
    char path[VT_DIGEST_HEX_SIZE + 4096];
    struct vt_digest had;
    enum vt_err err = find_source(a, path, why);
    if (err == VT_OK)
        err = vt_digest_of_file(path, &had, NULL, why);
    if (err == VT_OK && !vt_digest_eq(&had, &a->job->source))
        err = vt_fail(why, VT_E_DIGEST, "%s: its bytes are not those of its name", path);
    struct vt_unpack_opts opts = {.size_max = disk_bytes(a), .outward_links = true};
    if (err == VT_OK)
        err = vt_unpack_tar_zst(path, a->stage.source, &opts, NULL, why);
    if (err == VT_E_NOSPC || err == VT_E_LIMIT)
        err = vt_fail(why, VT_E_LIMIT,
            "the source does not fit into limits.disk_mb %u of the recipe: raise it",
            vt_recipe_limits(a->job->recipe)->disk_mb);
    return err == VT_OK ? err : vt_fail_in(why, err, "source");
}

static enum vt_err
check_subdir(const struct assembler *a, struct vt_why *why)
{
    const char *subdir = vt_recipe_subdir(a->job->recipe);
    char path[VT_PATH_MAX];
    struct stat st;
    enum vt_err err = vt_path(path, why, "%s/%s", a->stage.source, subdir);
    if (err == VT_OK && *subdir != '\0' && (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode)))
        err = vt_fail(
            why, VT_E_NOENT, "the source has no folder %s (subdir of the recipe)", subdir);
    return err;
}

static enum vt_err
open_log(struct assembler *a, struct vt_why *why)
{
    enum vt_err err = vt_path(a->log_path, why, "%s/log", a->work);
    if (err != VT_OK)
        return err;
    a->log_fd = open(a->log_path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    return a->log_fd >= 0 ? VT_OK : vt_fail_errno(why, "%s", a->log_path);
}

static enum vt_err
set_up(struct assembler *a, struct vt_why *why)
{
    const struct vt_assembly_job *job = a->job;
    enum vt_err err = open_log(a, why);
    if (err == VT_OK)
        err = vt_store_open_dir(job->store_dir, &a->store, why);
    if (err == VT_OK)
        err = vt_stage_enter(
            a->work, job->root, vt_recipe_limits(job->recipe)->disk_mb, &a->stage, why);
    /* Changing namespaces may have made the kernel forget this. */
    if (err == VT_OK && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        err = vt_fail_errno(why, "prctl");
    if (err == VT_OK)
        err = unpack_source(a, why);
    if (err == VT_OK)
        err = check_subdir(a, why);
    if (err == VT_OK)
        err = vt_sandbox_bwrap_new(&a->stage, &a->sandbox, why);
    if (err == VT_OK && job->vary != VT_VARY_NONE) {
        struct vt_sandbox *plain = a->sandbox;
        a->sandbox = NULL; /* moved */
        err = vt_sandbox_vary(plain, job->vary, &a->varied, &a->sandbox, why);
    }
    if (err == VT_OK)
        err = vt_sandbox_prepare(a->sandbox, a->stage.source, job->root, why);
    if (err == VT_OK)
        err = vt_stage_adopt(&a->stage, a->stage.source, VT_SANDBOX_EPOCH, why);
    return err;
}

/* One line of what came last: lines joined, trailing space cut. */
static void
one_line(const char *tail, char *ret, size_t size)
{
    size_t n = 0;
    while (*tail == '\n' || *tail == ' ')
        tail++;
    for (; *tail != '\0' && n + 4 < size; tail++) {
        if (*tail != '\n') {
            ret[n++] = *tail;
        } else if (tail[1] != '\0' && tail[1] != '\n') {
            memcpy(ret + n, " | ", 3);
            n += 3;
        }
    }
    ret[n] = '\0';
}

static enum vt_err
step_failed(const struct assembler *a, const char *step, const struct vt_sandbox_result *r,
    struct vt_why *why)
{
    const struct vt_recipe_limits *l = vt_recipe_limits(a->job->recipe);
    const uint32_t value[] = {[VT_LIMIT_TIME] = l->time_s,
        [VT_LIMIT_MEMORY] = l->memory_mb,
        [VT_LIMIT_PROCESSES] = l->processes,
        [VT_LIMIT_DISK] = l->disk_mb};
    char shown[STEP_SHOWN + 1];
    char last[sizeof r->tail + 64];
    one_line(step, shown, sizeof shown);
    one_line(r->tail, last, sizeof last);
    const char *said = last[0] != '\0' ? "; it wrote last: " : "";
    switch (r->limit) {
    case VT_LIMIT_NONE:
        return vt_fail(why, VT_E_CHILD, "step %u of %u (%s) failed with status %d%s%s", a->step,
            a->steps, shown, r->status, said, last);
    case VT_LIMIT_LOG:
        return vt_fail(why, VT_E_LIMIT, "step %u of %u (%s) wrote more than %u MiB of log%s%s",
            a->step, a->steps, shown, VT_SANDBOX_LOG_MAX >> 20, said, last);
    default:
        return vt_fail(why, VT_E_LIMIT,
            "step %u of %u (%s) met the limit %s %u of the recipe%s%s", a->step, a->steps,
            shown, vt_sandbox_limit_name(r->limit), value[r->limit], said, last);
    }
}

static enum vt_err
run_step(struct assembler *a, const char *step, int64_t deadline_ms, struct vt_why *why)
{
    const struct vt_recipe *recipe = a->job->recipe;
    struct vt_buf head = VT_BUF(VT_RECIPE_STEP_MAX + 64U);
    struct vt_sandbox_result r = {0};
    vt_buf_putf(&head, "+ step %u of %u: %s\n", a->step, a->steps, step);
    enum vt_err err = vt_buf_check(&head, "log", why);
    if (err == VT_OK)
        err = vt_fd_write(a->log_fd, head.data, head.len, why);
    a->log_len += head.len;
    vt_buf_release(&head);
    if (err == VT_OK)
        err = tick(a, why);
    if (err != VT_OK)
        return err;
    struct vt_sandbox_job job = {.box = a->stage.box,
        .script = step,
        .subdir = vt_recipe_subdir(recipe),
        .limits = *vt_recipe_limits(recipe),
        .deadline_ms = deadline_ms,
        .log_fd = a->log_fd,
        .log_max = a->log_len < VT_SANDBOX_LOG_MAX ? VT_SANDBOX_LOG_MAX - a->log_len : 0,
        .tick = tick,
        .tick_ctx = a};
    job.env = vt_recipe_env(recipe, &job.env_count);
    vt_surroundings_normal(&job.around);
    err = vt_sandbox_run(a->sandbox, &job, &r, why);
    if (err != VT_OK)
        return err;
    a->log_len += r.log_len;
    memcpy(a->isolation, r.isolation, sizeof a->isolation);
    return r.status == 0 && r.limit == VT_LIMIT_NONE ? VT_OK : step_failed(a, step, &r, why);
}

static enum vt_err
run_steps(struct assembler *a, struct vt_why *why)
{
    size_t count = 0;
    const char *const *step = vt_recipe_steps(a->job->recipe, &count);
    int64_t deadline_ms =
        vt_clock_monotonic_ms() + (int64_t)vt_recipe_limits(a->job->recipe)->time_s * 1000;
    enum vt_err err = VT_OK;
    a->steps = (uint16_t)count;
    for (size_t i = 0; err == VT_OK && i < count; i++) {
        a->step = (uint16_t)(i + 1);
        err = run_step(a, step[i], deadline_ms, why);
    }
    return err;
}

/* What an output names below OUT: a plain file or folder, reached through no
 * link. Nothing runs any more that could change it. */
static enum vt_err
look_at_output(const struct assembler *a, const struct vt_recipe_output *o, struct vt_why *why)
{
    struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
    struct stat st;
    int out = open(a->stage.out, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (out < 0)
        return vt_fail_errno(why, "%s", a->stage.out);
    int fd = (int)syscall(SYS_openat2, out, o->from, &how, sizeof how);
    enum vt_err err = VT_OK;
    if (fd < 0 || fstat(fd, &st) != 0)
        err = errno == ENOENT ? vt_fail(why, VT_E_NOENT, "is not there after the last step")
                              : vt_fail_errno(why, "cannot be taken (no links are followed)");
    else if (o->archive && !S_ISDIR(st.st_mode))
        err = vt_fail(why, VT_E_REFUSED, "is no folder, as a name in .tar.zst needs it");
    else if (!o->archive && !S_ISREG(st.st_mode))
        err = vt_fail(why, VT_E_REFUSED, "is not a plain file");
    else if (!o->archive && (st.st_mode & (S_ISUID | S_ISGID)) != 0)
        err = vt_fail(why, VT_E_REFUSED, "has a set-id bit");
    if (fd >= 0)
        (void)close(fd);
    (void)close(out);
    return err;
}

static enum vt_err
store_output(const struct assembler *a, const struct vt_recipe_output *o,
    struct vt_digest *digest, uint64_t *size, struct vt_why *why)
{
    char from[VT_PATH_MAX];
    char packed[VT_PATH_MAX];
    enum vt_err err = look_at_output(a, o, why);
    if (err == VT_OK)
        err = vt_path(from, why, "%s/%s", a->stage.out, o->from);
    if (err != VT_OK || !o->archive)
        return err == VT_OK ? vt_store_put_file(a->store, from, NULL, digest, size, why) : err;
    struct vt_pack_limits limits = {.size_max = disk_bytes(a)};
    err = vt_path(packed, why, "%s/packed", a->work);
    if (err == VT_OK)
        err = vt_pack_folder(from, packed, VT_SANDBOX_EPOCH, &limits, NULL, why);
    if (err == VT_OK)
        err = vt_store_put_file(a->store, packed, NULL, digest, size, why);
    return err;
}

static enum vt_err
give_output(const struct assembler *a, const struct vt_recipe_output *o, struct vt_why *why)
{
    struct vt_digest digest;
    uint64_t size = 0;
    enum vt_err err = store_output(a, o, &digest, &size, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "output %s (from %s)", o->name, o->from);
    struct vt_buf b = VT_BUF(MESSAGE_MAX);
    vt_buf_put_u16(&b, (uint16_t)strlen(o->name));
    vt_buf_puts(&b, o->name);
    vt_buf_put(&b, digest.b, sizeof digest.b);
    vt_buf_put_u64(&b, size);
    return send_buf(a->fd, VT_ASSEMBLER_OUTPUT, &b, why);
}

static enum vt_err
give_results(struct assembler *a, struct vt_why *why)
{
    size_t count = 0;
    const struct vt_recipe_output *o = vt_recipe_outputs(a->job->recipe, &count);
    struct vt_digest log;
    struct vt_buf b = VT_BUF(MESSAGE_MAX);
    enum vt_err err = VT_OK;
    for (size_t i = 0; err == VT_OK && i < count; i++)
        err = give_output(a, &o[i], why);
    for (size_t i = 0; err == VT_OK && i < a->varied.count; i++)
        err = vt_msg_send(
            a->fd, VT_ASSEMBLER_VARIED, a->varied.word[i], strlen(a->varied.word[i]), why);
    if (err == VT_OK)
        err = vt_store_put_file(a->store, a->log_path, NULL, &log, NULL, why);
    if (err != VT_OK)
        return err;
    vt_buf_put(&b, log.b, sizeof log.b);
    vt_buf_put_u64(&b, (uint64_t)a->started);
    vt_buf_put_u64(&b, (uint64_t)vt_clock_now(&vt_clock_system));
    vt_buf_puts(&b, a->isolation);
    return send_buf(a->fd, VT_ASSEMBLER_DONE, &b, why);
}

int
vt_assembler_main(int fd, void *ctx)
{
    const struct vt_assembler *given = ctx;
    struct vt_why why = {0};
    struct assembler a = {.job = given->job,
        .work = given->work,
        .fd = fd,
        .log_fd = -1,
        .started = vt_clock_now(&vt_clock_system)};
    enum vt_err err = set_up(&a, &why);
    if (err == VT_OK)
        err = run_steps(&a, &why);
    if (err == VT_OK)
        err = give_results(&a, &why);
    if (err != VT_OK) {
        struct vt_buf b = VT_BUF(MESSAGE_MAX);
        vt_buf_put_u32(&b, (uint32_t)-err);
        vt_buf_puts(&b, why.text);
        (void)!send_buf(fd, VT_ASSEMBLER_FAILED, &b, NULL);
    }
    vt_sandbox_free(a.sandbox);
    vt_store_free(a.store);
    if (a.log_fd >= 0)
        (void)close(a.log_fd);
    return err == VT_OK ? 0 : 1;
}
