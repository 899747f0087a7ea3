/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/sandbox_bwrap.h"
#include "assembly/stage.h"
#include "store/unpack.h"
#include "vault/job_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE "/work"
#define LOOK_MS_EACH 20U /* more cells look more seldom: each look walks /proc */

struct cell {
    const struct vt_job_cell *given;
    struct vt_stage stage;
    struct vt_sandbox *sandbox;
};

static bool
is_archive(const struct vt_job *job)
{
    static const uint8_t zstd[4] = {0x28, 0xb5, 0x2f, 0xfd};
    return job->artifact_len >= sizeof zstd && memcmp(job->artifact, zstd, sizeof zstd) == 0;
}

static enum vt_err
place_file(const struct cell *c, const char *name, mode_t mode, const void *data, size_t len,
    struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/%s", c->stage.source, name);
    return err == VT_OK ? vt_file_create(path, mode, data, len, why) : err;
}

static enum vt_err
place_artifact(const struct cell *c, struct vt_why *why)
{
    const struct vt_job *job = c->given->job;
    struct vt_unpack_opts opts = {
        .size_max = (uint64_t)job->limits.disk_mb << 20U, .outward_links = true};
    char path[VT_PATH_MAX];
    struct stat st;
    enum vt_err err = vt_path(path, why, "%s/bin", c->stage.source);
    if (err != VT_OK)
        return err;
    if (!is_archive(job)) {
        if (mkdir(path, 0755) != 0)
            return vt_fail_errno(why, "%s", path);
        return place_file(c, "bin/job", 0755, job->artifact, job->artifact_len, why);
    }
    err = vt_unpack_tar_zst_mem(
        job->artifact, job->artifact_len, c->stage.source, &opts, NULL, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/bin/job", c->stage.source);
    if (err == VT_OK && (lstat(path, &st) != 0 || !S_ISREG(st.st_mode)))
        err = vt_fail(why, VT_E_NOENT, "the artifact has no file bin/job");
    return err;
}

static enum vt_err
set_up(struct cell *c, struct vt_why *why)
{
    const struct vt_job *job = c->given->job;
    enum vt_err err =
        vt_stage_enter(c->given->work, job->root, job->limits.disk_mb, &c->stage, why);
    /* Changing namespaces may have made the kernel forget this. */
    if (err == VT_OK && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        err = vt_fail_errno(why, "prctl");
    if (err == VT_OK)
        err = place_artifact(c, why);
    if (err == VT_OK && job->query != NULL)
        err = place_file(c, "query", 0444, job->query, job->query_len, why);
    if (err == VT_E_NOSPC)
        err = vt_fail(why, VT_E_LIMIT,
            "the artifact and its query do not fit into %u MiB: raise --disk",
            job->limits.disk_mb);
    if (err == VT_OK)
        err = vt_stage_adopt(&c->stage, c->stage.source, VT_SANDBOX_EPOCH, why);
    if (err == VT_OK)
        err = vt_sandbox_bwrap_new(&c->stage, &c->sandbox, why);
    if (err == VT_OK)
        err = vt_sandbox_prepare(c->sandbox, c->stage.source, job->root, why);
    return err == VT_OK ? err : vt_fail_in(why, err, "the job");
}

/* What the job writes to its standard error may be plain text: nobody sees it. */
static enum vt_err
run(const struct cell *c, struct vt_sandbox_result *ret, struct vt_why *why)
{
    const struct vt_job_limits *l = &c->given->job->limits;
    struct vt_why inner = {0};
    struct vt_sandbox_job job = {.box = c->stage.box,
        .script = "exec " PLACE "/bin/job",
        .subdir = "",
        .limits = {.time_s = l->time_s,
            .memory_mb = l->memory_mb,
            .processes = l->processes,
            .disk_mb = l->disk_mb},
        .deadline_ms = c->given->deadline_ms,
        .log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC),
        .log_max = UINT64_MAX,
        .in_fd = c->given->in,
        .out_fd = c->given->out,
        .out_max = (uint64_t)l->output_kb << 10U,
        .look_ms = 200 + LOOK_MS_EACH * c->given->cells};
    if (job.log_fd < 0)
        return vt_fail_errno(why, "/dev/null");
    vt_surroundings_normal(&job.around);
    (void)snprintf(job.around.work, sizeof job.around.work, PLACE);
    enum vt_err err = vt_sandbox_run(c->sandbox, &job, ret, &inner);
    (void)close(job.log_fd);
    if (err != VT_OK)
        err = vt_fail(why, err,
            "a cell's sandbox could not be run: does the environment have "
            "/bin/sh, and is bubblewrap allowed here?");
    vt_wipe(&inner, sizeof inner);
    return err;
}

static uint8_t
failure_of(const struct vt_sandbox_result *r)
{
    switch (r->limit) {
    case VT_LIMIT_NONE:
        return r->status != 0 ? VT_CELL_STATUS : 0;
    case VT_LIMIT_TIME:
        return VT_CELL_TIME;
    case VT_LIMIT_MEMORY:
        return VT_CELL_MEMORY;
    case VT_LIMIT_OUTPUT:
        return VT_CELL_OUTPUT_SIZE;
    default:
        return VT_CELL_LIMIT;
    }
}

int
vt_job_cell_main(int fd, void *ctx)
{
    struct cell c = {.given = ctx};
    struct vt_sandbox_result r = {0};
    struct vt_why why = {0};
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0}); /* rows pass through here */
    enum vt_err err = set_up(&c, &why);
    if (err == VT_OK)
        err = run(&c, &r, &why);
    if (err == VT_OK) {
        struct vt_buf b = VT_BUF(VT_JOB_MESSAGE_MAX);
        vt_buf_put_u8(&b, failure_of(&r));
        vt_buf_put_u32(&b, (uint32_t)r.status);
        err = vt_job_send(fd, VT_JOB_CELL, &b, &why);
    }
    vt_wipe(&r, sizeof r);
    if (err != VT_OK)
        vt_job_send_failed(fd, err, &why);
    vt_sandbox_free(c.sandbox);
    return err == VT_OK ? 0 : 1;
}
