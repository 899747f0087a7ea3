/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting until all is acknowledged. */
#include "report/reporter_held.h"

#include "base/clock.h"

#include <poll.h>
#include <time.h>

enum { FLUSH_STEP_MS = 100 };

struct flush {
    bool empty;   /* nothing is in memory, nothing waits in the spool */
    bool refused; /* batches were laid aside that nobody has been told of */
    bool told;    /* the sending thread has said why */
};

static enum vt_err
look(struct vt_reporter *r, struct flush *ret, struct vt_why *why)
{
    struct vt_spool_status s;
    enum vt_err err;

    (void)pthread_mutex_lock(&r->mutex);
    err = vt_reporter_put(r, why);
    vt_spool_status(r->spool, &s);
    ret->empty = s.batches == 0 && r->sealed.len == 0 && vt_batch_records(r->writer) == 0;
    ret->refused = s.refused > r->refused_told;
    ret->told = r->sent.refused > r->sent_refused_told;
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
fail_refused(struct vt_reporter *r, struct vt_why *why)
{
    struct vt_reporter_status s;

    vt_reporter_status(r, &s);
    (void)pthread_mutex_lock(&r->mutex);
    r->refused_told = s.spool.refused;
    r->sent_refused_told = s.sender.refused;
    (void)pthread_mutex_unlock(&r->mutex);
    return vt_fail(why, VT_E_REFUSED, "%llu batches were refused and lie in the spool: %s",
        (unsigned long long)s.spool.refused, s.sender.last.text);
}

enum vt_err
vt_reporter_flush(struct vt_reporter *r, int64_t timeout_ms, int stop_fd,
    void (*tick)(void *ctx), void *tick_ctx, struct vt_why *why)
{
    int64_t end = timeout_ms < 0 ? INT64_MAX : vt_clock_monotonic_ms() + timeout_ms;
    struct flush f;
    enum vt_err err;

    for (;;) {
        err = look(r, &f, why);
        if (err != VT_OK)
            return err;
        if (f.empty && (!f.refused || f.told))
            break;
        if (vt_clock_monotonic_ms() >= end)
            return fail_waiting(r, VT_E_TIMEOUT, why);
        if (!wait_step(r, stop_fd))
            return fail_waiting(r, VT_E_BUSY, why);
        if (tick != NULL)
            tick(tick_ctx);
    }
    vt_why_clear(why);
    return f.refused ? fail_refused(r, why) : VT_OK;
}
