/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting until all is acknowledged. */
#include "report/reporter_held.h"

#include "base/clock.h"

#include <poll.h>
#include <time.h>

enum { FLUSH_STEP_MS = 100 };

struct flush {
    bool empty; /* nothing is in memory, nothing waits in the spool */
    /* The sending thread's turn when that was first seen: it has told what it did when it has
     * ended another. */
    bool seen;
    uint64_t turn;
    uint64_t refused; /* batches that lie aside of which nobody was told */
};

static enum vt_err
look(struct vt_reporter *r, struct flush *f, struct vt_why *why)
{
    struct vt_spool_status s;
    enum vt_err err;
    bool empty;

    (void)pthread_mutex_lock(&r->mutex);
    err = vt_reporter_put(r, why);
    vt_spool_status(r->spool, &s);
    empty = s.batches == 0 && r->sealed.len == 0 && vt_batch_records(r->writer) == 0;
    if (empty && !f->seen) {
        f->turn = r->turns;
        vt_reporter_wake(r);
    }
    f->empty = empty && f->seen && r->turns > f->turn;
    f->seen = empty;
    f->refused = s.refused > r->refused_told ? s.refused - r->refused_told : 0;
    (void)pthread_mutex_unlock(&r->mutex);
    /* Room may come as the spool is emptied. */
    return err == VT_E_NOSPC && s.batches > 0 ? VT_OK : err;
}

/* Waits until the sending thread has done something; false: stop_fd is readable. */
static bool
wait_step(struct vt_reporter *r, int stop_fd)
{
    struct pollfd p = {.fd = stop_fd, .events = POLLIN};
    struct timespec until;

    if (stop_fd >= 0 && poll(&p, 1, 0) > 0)
        return false;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)FLUSH_STEP_MS * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&r->mutex);
    (void)pthread_cond_timedwait(&r->moved, &r->mutex, &until);
    (void)pthread_mutex_unlock(&r->mutex);
    return true;
}

static enum vt_err
fail_waiting(struct vt_reporter *r, enum vt_err err, struct vt_why *why)
{
    struct vt_reporter_status s;

    vt_reporter_status(r, &s);
    return vt_fail(why, err, "%llu batches wait in the spool%s%s",
        (unsigned long long)s.spool.batches, s.sender.failures > 0 ? ": " : "",
        s.sender.failures > 0 ? s.sender.last.text : "");
}

static enum vt_err
fail_refused(struct vt_reporter *r, const struct flush *f, struct vt_why *why)
{
    struct vt_reporter_status s;

    vt_reporter_status(r, &s);
    (void)pthread_mutex_lock(&r->mutex);
    r->refused_told += f->refused;
    (void)pthread_mutex_unlock(&r->mutex);
    return vt_fail(why, VT_E_REFUSED, "%llu batches were refused and lie in the spool: %s",
        (unsigned long long)f->refused, s.sender.last.text);
}

enum vt_err
vt_reporter_flush(struct vt_reporter *r, int64_t timeout_ms, int stop_fd,
    void (*tick)(void *ctx), void *tick_ctx, struct vt_why *why)
{
    int64_t end = timeout_ms < 0 ? INT64_MAX : vt_clock_monotonic_ms() + timeout_ms;
    struct flush f = {0};
    enum vt_err err;

    for (;;) {
        err = look(r, &f, why);
        if (err != VT_OK)
            return err;
        if (f.empty)
            break;
        if (vt_clock_monotonic_ms() >= end)
            return fail_waiting(r, VT_E_TIMEOUT, why);
        if (!wait_step(r, stop_fd))
            return fail_waiting(r, VT_E_BUSY, why);
        if (tick != NULL)
            tick(tick_ctx);
    }
    vt_why_clear(why);
    return f.refused > 0 ? fail_refused(r, &f, why) : VT_OK;
}
