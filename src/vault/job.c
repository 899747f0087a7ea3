/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/file.h"
#include "base/msg.h"
#include "base/proc.h"
#include "vault/job_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_SIZE (256 * 1024) /* asked for; less is fine */
#define WAIT_MS 200
#define GRACE_MS 10000 /* after the time limit, for what is killed then to be told */
#define CUSTOMERS_MAX (64U << 20U)
#define SEALED_MAX (VT_RESULT_MAX + (1U << 20U))

struct part {
    pid_t pid;
    int fd; /* -1: it has ended */
};

/* A run under way. Descriptors are -1 when closed. */
struct run {
    const struct vt_job *job;
    unsigned cells;
    struct vt_noise_bounds bounds;
    char work[VT_PATH_MAX];
    int64_t deadline_ms;
    struct part cell[VT_CELLS_MAX];
    struct part feeder;
    struct part gatherer;
    int in[VT_CELLS_MAX];  /* to write */
    int out[VT_CELLS_MAX]; /* to read */
    int customers;
    int sealed;
    bool cell_done[VT_CELLS_MAX];
    uint8_t cell_what[VT_CELLS_MAX];
    uint32_t cell_status[VT_CELLS_MAX];
    bool fed;
    unsigned fed_cells;
    bool done;
    struct vt_job_result result;
};

void
vt_job_limits_usual(struct vt_job_limits *ret)
{
    *ret = (struct vt_job_limits){.time_s = 3600,
        .memory_mb = 512,
        .processes = 64,
        .disk_mb = 128,
        .output_kb = 4096,
        .rows = 100000};
}

unsigned
vt_job_cells(uint32_t threshold)
{
    unsigned wide = threshold < 16 ? threshold * 4 : 64;
    return wide > threshold * 2 ? wide : threshold * 2;
}

void
vt_job_result_release(struct vt_job_result *r)
{
    vt_buf_release(&r->sealed);
    vt_buf_release(&r->customers);
}

void
vt_job_send_failed(int fd, enum vt_err err, const struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_JOB_MESSAGE_MAX);
    vt_buf_put_u32(&b, (uint32_t)-err);
    vt_buf_puts(&b, why->text);
    (void)!vt_job_send(fd, VT_JOB_FAILED, &b, NULL);
}

enum vt_err
vt_job_send(int fd, uint16_t type, struct vt_buf *b, struct vt_why *why)
{
    enum vt_err err = vt_buf_check(b, "a run's message", why);
    if (err == VT_OK)
        err = vt_msg_send(fd, type, b->data, b->len, why);
    vt_buf_release(b);
    return err;
}

/*
 * Starting.
 */

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static enum vt_err
start_cell(struct run *r, unsigned i, struct vt_why *why)
{
    int in[2];
    int out[2];
    char work[VT_PATH_MAX];
    enum vt_err err = vt_path(work, why, "%s/cell-%u", r->work, i);
    if (err == VT_OK && mkdir(work, 0700) != 0)
        err = vt_fail_errno(why, "%s", work);
    if (err != VT_OK)
        return err;
    if (pipe2(in, O_CLOEXEC) != 0)
        return vt_fail_errno(why, "a cell's pipe");
    r->in[i] = in[1];
    (void)fcntl(in[1], F_SETPIPE_SZ, PIPE_SIZE);
    if (pipe2(out, O_CLOEXEC) != 0) {
        err = vt_fail_errno(why, "a cell's pipe");
        (void)close(in[0]);
        return err;
    }
    r->out[i] = out[0];
    struct vt_job_cell given = {.job = r->job,
        .work = work,
        .cells = r->cells,
        .deadline_ms = r->deadline_ms,
        .in = in[0],
        .out = out[1]};
    const int keep[] = {in[0], out[1], -1};
    err = vt_proc_fork(
        "cell", vt_job_cell_main, &given, keep, &r->cell[i].pid, &r->cell[i].fd, why);
    (void)close(in[0]);
    (void)close(out[1]);
    return err;
}

/* The feeder alone writes records: this process closes its ends, so that a cell sees the end
 * of them when the feeder closes its own. */
static enum vt_err
start_feeder(struct run *r, struct vt_why *why)
{
    struct vt_job_feed given = {.job = r->job, .cells = r->cells, .customers = r->customers};
    int keep[VT_CELLS_MAX + 3];
    size_t n = 0;
    for (unsigned i = 0; i < r->cells; i++)
        keep[n++] = given.in[i] = r->in[i];
    keep[n++] = r->customers;
    keep[n++] = vt_keeper_fd(r->job->keeper);
    keep[n] = -1;
    enum vt_err err = vt_proc_fork(
        "feeder", vt_job_feed_main, &given, keep, &r->feeder.pid, &r->feeder.fd, why);
    for (unsigned i = 0; i < r->cells; i++)
        close_fd(&r->in[i]);
    return err;
}

static enum vt_err
start_gatherer(struct run *r, struct vt_why *why)
{
    struct vt_job_gather given = {
        .job = r->job, .cells = r->cells, .bounds = r->bounds, .sealed = r->sealed};
    int keep[VT_CELLS_MAX + 2];
    size_t n = 0;
    for (unsigned i = 0; i < r->cells; i++)
        keep[n++] = given.out[i] = r->out[i];
    keep[n++] = r->sealed;
    keep[n] = -1;
    enum vt_err err = vt_proc_fork(
        "gatherer", vt_job_gather_main, &given, keep, &r->gatherer.pid, &r->gatherer.fd, why);
    for (unsigned i = 0; i < r->cells; i++)
        close_fd(&r->out[i]);
    return err;
}

static enum vt_err
start(struct run *r, struct vt_why *why)
{
    enum vt_err err = vt_dir_temp(r->job->work_dir, "job", r->work, why);
    r->customers = memfd_create("vitrine-customers", MFD_CLOEXEC);
    r->sealed = memfd_create("vitrine-sealed", MFD_CLOEXEC);
    if (err == VT_OK && (r->customers < 0 || r->sealed < 0))
        err = vt_fail_errno(why, "memfd_create");
    for (unsigned i = 0; err == VT_OK && i < r->cells; i++)
        err = start_cell(r, i, why);
    if (err == VT_OK)
        err = start_feeder(r, why);
    return err == VT_OK ? start_gatherer(r, why) : err;
}

/*
 * Hearing.
 */

static enum vt_err
take_failed(struct vt_reader *body, const char *who, struct vt_why *why)
{
    uint32_t code = 0;
    char text[sizeof why->text];
    if (!vt_reader_u32(body, &code) || code == 0 || code > 1000 ||
        !vt_reader_cstr(body, text, sizeof text))
        return vt_fail(why, VT_E_CHILD, "the run's %s cannot say why it failed", who);
    return vt_fail(why, (enum vt_err) - (int)code, "%s", text);
}

static bool
read_counts(struct vt_reader *b, struct vt_scan_counts *c)
{
    const uint8_t *digest = NULL;
    if (!vt_reader_u64(b, &c->segments) || !vt_reader_u64(b, &c->blocks) ||
        !vt_reader_u64(b, &c->records) || !vt_reader_u64(b, &c->plain_bytes) ||
        !vt_reader_u64(b, &c->erased_blocks) || !vt_reader_u64(b, &c->subjects) ||
        !vt_reader_take(b, VT_DIGEST_SIZE, &digest))
        return false;
    memcpy(c->segments_digest.b, digest, VT_DIGEST_SIZE);
    return true;
}

static enum vt_err
take_fed(struct run *r, struct vt_reader *b, struct vt_why *why)
{
    uint16_t n = 0;
    if (!read_counts(b, &r->result.counts) || !vt_reader_u16(b, &n) || n > r->cells)
        return vt_fail(why, VT_E_CHILD, "the run's feeder speaks wrongly");
    r->fed_cells = n;
    r->fed = true;
    close_fd(&r->feeder.fd);
    return VT_OK;
}

static enum vt_err
hear_feeder(struct run *r, struct vt_why *why)
{
    static const struct vt_msg_rule rules[] = {
        {VT_JOB_TICK, 8}, {VT_JOB_FED, 256}, {VT_JOB_FAILED, VT_JOB_MESSAGE_MAX}, {0, 0}};
    struct vt_buf b = VT_BUF(VT_JOB_MESSAGE_MAX);
    uint16_t type = 0;
    uint64_t segments = 0;
    enum vt_err err = vt_msg_recv(r->feeder.fd, rules, GRACE_MS, &type, &b, why);
    struct vt_reader body = VT_READER(b.data, b.len);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_CHILD, "the process that reads segments died");
    else if (err == VT_OK && type == VT_JOB_FED)
        err = take_fed(r, &body, why);
    else if (err == VT_OK && type == VT_JOB_FAILED)
        err = take_failed(&body, "feeder", why);
    else if (err == VT_OK && vt_reader_u64(&body, &segments) && r->job->progress != NULL)
        vt_progress_set(r->job->progress, segments);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
hear_cell(struct run *r, unsigned i, struct vt_why *why)
{
    static const struct vt_msg_rule rules[] = {
        {VT_JOB_CELL, 5}, {VT_JOB_FAILED, VT_JOB_MESSAGE_MAX}, {0, 0}};
    struct vt_buf b = VT_BUF(VT_JOB_MESSAGE_MAX);
    uint16_t type = 0;
    enum vt_err err = vt_msg_recv(r->cell[i].fd, rules, GRACE_MS, &type, &b, why);
    struct vt_reader body = VT_READER(b.data, b.len);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_CHILD, "the process of a cell died");
    else if (err == VT_OK && type == VT_JOB_FAILED)
        err = take_failed(&body, "cell", why);
    else if (err == VT_OK && (!vt_reader_u8(&body, &r->cell_what[i]) ||
                                 !vt_reader_u32(&body, &r->cell_status[i])))
        err = vt_fail(why, VT_E_CHILD, "the process of a cell speaks wrongly");
    if (err == VT_OK) {
        r->cell_done[i] = true;
        close_fd(&r->cell[i].fd);
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
hear_gatherer(struct run *r, struct vt_why *why)
{
    static const struct vt_msg_rule rules[] = {
        {VT_JOB_SEALED, 20}, {VT_JOB_FAILED, VT_JOB_MESSAGE_MAX}, {0, 0}};
    struct vt_buf b = VT_BUF(VT_JOB_MESSAGE_MAX);
    uint16_t type = 0;
    uint32_t cells = 0;
    struct vt_aggregate_sum *sum = &r->result.sum;
    enum vt_err err = vt_msg_recv(r->gatherer.fd, rules, GRACE_MS, &type, &b, why);
    struct vt_reader body = VT_READER(b.data, b.len);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_CHILD, "the process that aggregates died");
    else if (err == VT_OK && type == VT_JOB_FAILED)
        err = take_failed(&body, "gatherer", why);
    else if (err == VT_OK &&
             (!vt_reader_u64(&body, &sum->rows) || !vt_reader_u64(&body, &sum->held_back) ||
                 !vt_reader_u32(&body, &cells)))
        err = vt_fail(why, VT_E_CHILD, "the process that aggregates speaks wrongly");
    sum->cells = cells;
    r->done = err == VT_OK;
    vt_buf_release(&b);
    return err;
}

/* Tells the gatherer what to count, when all segments were good and all cells have ended. */
static enum vt_err
tell_gatherer(struct run *r, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_JOB_MESSAGE_MAX);
    vt_buf_put_u16(&b, (uint16_t)r->cells);
    for (unsigned i = 0; i < r->cells; i++) {
        vt_buf_put_u8(&b, i < r->fed_cells);
        vt_buf_put_u8(&b, r->cell_what[i]);
        vt_buf_put_u32(&b, r->cell_status[i]);
    }
    return vt_job_send(r->gatherer.fd, VT_JOB_ENDED, &b, why);
}

/* Waits for whoever speaks first, and hears all who speak. */
static enum vt_err
hear(struct run *r, struct vt_why *why)
{
    struct pollfd p[VT_CELLS_MAX + 2];
    for (unsigned i = 0; i < r->cells; i++)
        p[i] = (struct pollfd){.fd = r->cell[i].fd, .events = POLLIN};
    p[r->cells] = (struct pollfd){.fd = r->feeder.fd, .events = POLLIN};
    p[r->cells + 1] = (struct pollfd){.fd = r->gatherer.fd, .events = POLLIN};
    if (poll(p, r->cells + 2, WAIT_MS) < 0)
        return errno == EINTR ? VT_OK : vt_fail_errno(why, "poll");
    enum vt_err err = VT_OK;
    if (p[r->cells].revents != 0)
        err = hear_feeder(r, why);
    for (unsigned i = 0; err == VT_OK && i < r->cells; i++)
        if (p[i].revents != 0)
            err = hear_cell(r, i, why);
    if (err == VT_OK && p[r->cells + 1].revents != 0)
        err = hear_gatherer(r, why);
    return err;
}

static bool
all_ended(const struct run *r)
{
    bool all = r->fed;
    for (unsigned i = 0; all && i < r->cells; i++)
        all = r->cell_done[i];
    return all;
}

static enum vt_err
serve(struct run *r, struct vt_why *why)
{
    bool told = false;
    enum vt_err err = VT_OK;
    while (err == VT_OK && !r->done) {
        err = hear(r, why);
        if (err == VT_OK && !told && vt_clock_monotonic_ms() > r->deadline_ms + GRACE_MS)
            err = vt_fail(why, VT_E_TIMEOUT, "the run took longer than %u s: raise --time",
                r->job->limits.time_s);
        if (err == VT_OK && !told && all_ended(r)) {
            err = tell_gatherer(r, why);
            told = true;
        }
    }
    return err;
}

/*
 * Ending.
 */

static enum vt_err
read_back(int fd, size_t max, struct vt_buf *b, const char *what, struct vt_why *why)
{
    struct stat st;
    size_t got = 0;
    vt_buf_init(b, max);
    if (fstat(fd, &st) != 0 || lseek(fd, 0, SEEK_SET) != 0)
        return vt_fail_errno(why, "%s", what);
    uint8_t *p = vt_buf_reserve(b, (size_t)st.st_size);
    if (p == NULL)
        return vt_buf_check(b, what, why);
    enum vt_err err = vt_fd_read(fd, p, (size_t)st.st_size, &got, why);
    if (err == VT_OK)
        vt_buf_commit(b, got);
    return err;
}

static void
stop(struct part *p)
{
    vt_proc_stop(p->pid, p->fd, 0);
    *p = (struct part){.fd = -1};
}

/* Whoever is left goes at once, the cells with all that runs in them. */
static void
finish(struct run *r)
{
    stop(&r->feeder);
    for (unsigned i = 0; i < r->cells; i++) {
        stop(&r->cell[i]);
        close_fd(&r->in[i]);
        close_fd(&r->out[i]);
    }
    stop(&r->gatherer);
    close_fd(&r->customers);
    close_fd(&r->sealed);
    if (r->work[0] != '\0')
        (void)!vt_tree_remove(r->work, NULL);
}

static enum vt_err
check(const struct vt_job *job, struct vt_noise_bounds *ret, struct vt_why *why)
{
    if (job->threshold < 1 || job->threshold > VT_JOB_THRESHOLD_MAX)
        return vt_fail(why, VT_E_CONFIG,
            "a threshold of %u cannot be shown by the cells of one machine: %u at the most",
            job->threshold, VT_JOB_THRESHOLD_MAX);
    if (job->artifact_len == 0 || job->artifact_len > VT_JOB_ARTIFACT_MAX)
        return vt_fail(why, VT_E_CONFIG, "a job's artifact has 1 byte to %u MiB",
            VT_JOB_ARTIFACT_MAX >> 20U);
    if (job->epsilon == 0)
        return VT_OK;
    return vt_noise_bounds_parse(
        job->query != NULL ? job->query : "", job->query_len, ret, why);
}

enum vt_err
vt_job_run(const struct vt_job *job, struct vt_job_result *ret, struct vt_why *why)
{
    struct vt_noise_bounds bounds = {0};
    enum vt_err err = check(job, &bounds, why);
    if (err != VT_OK)
        return err;
    struct run *r = calloc(1, sizeof *r);
    if (r == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a run");
    r->job = job;
    r->bounds = bounds;
    r->cells = vt_job_cells(job->threshold);
    r->deadline_ms = vt_clock_monotonic_ms() + (int64_t)job->limits.time_s * 1000;
    r->customers = r->sealed = r->feeder.fd = r->gatherer.fd = -1;
    for (unsigned i = 0; i < VT_CELLS_MAX; i++)
        r->cell[i].fd = r->in[i] = r->out[i] = -1;
    err = start(r, why);
    if (err == VT_OK)
        err = serve(r, why);
    if (err == VT_OK)
        err = read_back(r->sealed, SEALED_MAX, &r->result.sealed, "the sealed result", why);
    if (err == VT_OK)
        err = read_back(
            r->customers, CUSTOMERS_MAX, &r->result.customers, "the tree of customers", why);
    finish(r);
    r->result.swap = vt_job_swap();
    if (err == VT_OK)
        *ret = r->result;
    else
        vt_job_result_release(&r->result);
    free(r);
    return err;
}
