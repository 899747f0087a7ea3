/* SPDX-License-Identifier: Apache-2.0 */
#include "base/msg.h"
#include "crypto/age.h"
#include "crypto/locked.h"
#include "vault/job_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * The gatherer. It reads all cells' outputs to their ends, then waits to be told which of them
 * count: what was read of a run that failed is wiped with it.
 */
struct gatherer {
    const struct vt_job_gather *given;
    int fd;
    struct vt_buf output[VT_CELLS_MAX];
    bool ended[VT_CELLS_MAX];
};

static enum vt_err
read_cell(struct gatherer *g, unsigned i, struct vt_why *why)
{
    uint8_t *p = vt_buf_reserve(&g->output[i], 16384);
    if (p == NULL)
        return vt_buf_check(&g->output[i], "a cell's output", why);
    ssize_t n = read(g->given->out[i], p, 16384);
    if (n > 0)
        vt_buf_commit(&g->output[i], (size_t)n);
    else if (n == 0)
        g->ended[i] = true;
    else if (errno != EINTR && errno != EAGAIN)
        return vt_fail_errno(why, "a cell's output");
    return VT_OK;
}

/* One look at all: 1 while any has not ended. */
static enum vt_err
read_some(struct gatherer *g, bool *ret_more, struct vt_why *why)
{
    struct pollfd p[VT_CELLS_MAX];
    bool more = false;
    for (unsigned i = 0; i < g->given->cells; i++) {
        p[i] = (struct pollfd){.fd = g->ended[i] ? -1 : g->given->out[i], .events = POLLIN};
        more = more || !g->ended[i];
    }
    *ret_more = more;
    if (!more)
        return VT_OK;
    if (poll(p, g->given->cells, -1) < 0 && errno != EINTR)
        return vt_fail_errno(why, "poll");
    enum vt_err err = VT_OK;
    for (unsigned i = 0; err == VT_OK && i < g->given->cells; i++)
        if (p[i].fd >= 0 && p[i].revents != 0)
            err = read_cell(g, i, why);
    return err;
}

static enum vt_err
read_all(struct gatherer *g, struct vt_why *why)
{
    bool more = true;
    enum vt_err err = VT_OK;
    for (unsigned i = 0; i < g->given->cells; i++) {
        /* Over what the sandbox lets through, by the room that reading asks for. */
        g->output[i] = VT_BUF(((size_t)g->given->job->limits.output_kb << 10U) + 32768U);
        g->output[i].secret = true;
    }
    while (err == VT_OK && more)
        err = read_some(g, &more, why);
    return err;
}

static enum vt_err
take_cells(struct gatherer *g, struct vt_aggregate *a, struct vt_reader *r, struct vt_why *why)
{
    uint16_t n = 0;
    enum vt_err err = VT_OK;
    if (!vt_reader_u16(r, &n) || n != g->given->cells)
        return vt_fail(why, VT_E_SYNTAX, "not what the gatherer is to be told");
    for (unsigned i = 0; err == VT_OK && i < n; i++) {
        uint8_t got = 0;
        uint8_t what = 0;
        uint32_t status = 0;
        if (!vt_reader_u8(r, &got) || !vt_reader_u8(r, &what) || !vt_reader_u32(r, &status))
            return vt_fail(why, VT_E_SYNTAX, "not what the gatherer is to be told");
        if (got != 0 && what == 0)
            err = vt_aggregate_add(a, g->output[i].data, g->output[i].len, why);
        else if (got != 0)
            err = vt_aggregate_fail(a, (enum vt_cell_failure)what, (int)status, why);
        vt_buf_release(&g->output[i]);
    }
    return err;
}

static enum vt_err
aggregate(struct gatherer *g, struct vt_reader *told, struct vt_buf *b,
    struct vt_aggregate_sum *ret, struct vt_why *why)
{
    const struct vt_job *job = g->given->job;
    struct vt_aggregate *a = NULL;
    struct vt_aggregate_opts opts = {.request = job->request,
        .cells = g->given->cells,
        .threshold = job->threshold,
        .rows_max = job->limits.rows,
        .epsilon = job->epsilon,
        .bounds = g->given->bounds,
        .noise = &vt_noise_random};
    enum vt_err err = vt_aggregate_new(&opts, &a, why);
    if (err == VT_OK)
        err = take_cells(g, a, told, why);
    if (err == VT_OK)
        err = vt_aggregate_put(a, b, ret, why);
    vt_aggregate_free(a);
    return err;
}

static enum vt_err
seal(const struct gatherer *g, const struct vt_buf *b, struct vt_why *why)
{
    struct vt_age *age = NULL;
    enum vt_err err = vt_age_new(g->given->sealed, &g->given->job->result_to, 1, &age, why);
    if (err == VT_OK)
        err = vt_age_put(age, b->data, b->len, why);
    if (err == VT_OK)
        err = vt_age_end(age, why);
    vt_age_free(age);
    return err;
}

static enum vt_err
gather(struct gatherer *g, struct vt_why *why)
{
    static const struct vt_msg_rule rules[] = {{VT_JOB_ENDED, VT_JOB_MESSAGE_MAX}, {0, 0}};
    struct vt_aggregate_sum sum = {0};
    struct vt_buf told = VT_BUF(VT_JOB_MESSAGE_MAX);
    struct vt_buf result = VT_BUF(VT_RESULT_MAX);
    struct vt_buf answer = VT_BUF(VT_JOB_MESSAGE_MAX);
    uint16_t type = 0;
    result.secret = true;
    enum vt_err err = vt_job_confine(why);
    if (err == VT_OK)
        err = read_all(g, why);
    if (err == VT_OK)
        err = vt_msg_recv(g->fd, rules, -1, &type, &told, why);
    struct vt_reader r = VT_READER(told.data, told.len);
    if (err == VT_OK)
        err = aggregate(g, &r, &result, &sum, why);
    if (err == VT_OK)
        err = seal(g, &result, why);
    vt_buf_release(&result);
    vt_buf_release(&told);
    if (err != VT_OK)
        return err;
    vt_buf_put_u64(&answer, sum.rows);
    vt_buf_put_u64(&answer, sum.held_back);
    vt_buf_put_u32(&answer, sum.cells);
    return vt_job_send(g->fd, VT_JOB_SEALED, &answer, why);
}

int
vt_job_gather_main(int fd, void *ctx)
{
    struct gatherer g = {.given = ctx, .fd = fd};
    struct vt_why why = {0};
    (void)vt_locked_process();
    enum vt_err err = gather(&g, &why);
    for (unsigned i = 0; i < g.given->cells; i++)
        vt_buf_release(&g.output[i]);
    if (err != VT_OK)
        vt_job_send_failed(fd, err, &why);
    return err == VT_OK ? 0 : 1;
}
