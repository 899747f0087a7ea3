/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing while the desk goes on answering: a thread, since a record's way into the log
 * leads over the site's own http process, which may be waiting for the desk's answer.
 */
#include "base/log.h"
#include "centre/desk_db.h"
#include "centre/desk_room.h"
#include "centre/visit_publish.h"
#include "http/client.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { LOOK_S = 5, AGAIN_S = 60, CONNECT_MS = 5000, TOTAL_MS = 15000 };

struct vt_desk_publisher {
    struct vt_desk_opts opts;
    const struct vt_clock *clock;
    struct vt_sql *db;
    struct vt_http *http;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool stop;
};

/* Waits; true when it is time to stop. */
static bool
pause_for(struct vt_desk_publisher *p, int64_t seconds)
{
    int64_t end = vt_clock_monotonic_ms() + seconds * 1000;
    struct timespec until = {.tv_sec = end / 1000, .tv_nsec = (end % 1000) * 1000000};
    bool stop;
    int rc = 0;

    (void)pthread_mutex_lock(&p->lock);
    while (!p->stop && rc == 0)
        rc = pthread_cond_timedwait(&p->cond, &p->lock, &until);
    stop = p->stop;
    (void)pthread_mutex_unlock(&p->lock);
    return stop;
}

static enum vt_err
publish(struct vt_desk_publisher *p, struct vt_why *why)
{
    const struct vt_visit_publisher publisher = {.site = p->opts.home->name,
        .signer = p->opts.signer,
        .http = p->http,
        .url = p->opts.url};
    size_t count = 0;
    enum vt_err err =
        vt_visit_publish(p->db, &publisher, vt_clock_now(p->clock), false, &count, why);

    if (count > 0)
        vt_log(VT_LOG_INFO, "the record of %zu day%s of openings is in the log", count,
            count == 1 ? "" : "s");
    return err;
}

static void *
thread_main(void *ctx)
{
    struct vt_desk_publisher *p = ctx;
    int64_t wait = LOOK_S;

    while (!pause_for(p, wait)) {
        struct vt_why why = {0};

        wait = LOOK_S;
        if (publish(p, &why) != VT_OK) {
            vt_log(VT_LOG_WARN, "the record of openings is not in the log yet: %s", why.text);
            wait = AGAIN_S;
        }
    }
    return NULL;
}

static enum vt_err
start_thread(struct vt_desk_publisher *p, struct vt_why *why)
{
    sigset_t all, before;
    int rc;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&p->thread, NULL, thread_main, p);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        errno = rc;
        return vt_fail_errno(why, "cannot start the publishing thread");
    }
    p->running = true;
    return VT_OK;
}

enum vt_err
vt_desk_publisher_start(const struct vt_desk_opts *opts, const struct vt_clock *clock,
    struct vt_desk_publisher **ret, struct vt_why *why)
{
    const struct vt_http_limits limits = {
        .connect_ms = CONNECT_MS, .total_ms = TOTAL_MS, .pass = opts->pass};
    struct vt_desk_publisher *p = calloc(1, sizeof(*p));
    pthread_condattr_t attr;
    enum vt_err err;

    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    p->opts = *opts;
    p->clock = clock;
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&p->cond, &attr);
    (void)pthread_condattr_destroy(&attr);
    err = vt_desk_db_open(opts->home, &p->db, why);
    if (err == VT_OK)
        err = vt_http_new(&limits, &p->http, why);
    if (err == VT_OK)
        err = start_thread(p, why);
    if (err != VT_OK) {
        vt_desk_publisher_stop(p);
        return err;
    }
    *ret = p;
    return VT_OK;
}

void
vt_desk_publisher_stop(struct vt_desk_publisher *p)
{
    if (p == NULL)
        return;
    if (p->running) {
        (void)pthread_mutex_lock(&p->lock);
        p->stop = true;
        (void)pthread_cond_signal(&p->cond);
        (void)pthread_mutex_unlock(&p->lock);
        (void)pthread_join(p->thread, NULL);
    }
    vt_http_free(p->http);
    vt_sql_close(p->db);
    (void)pthread_cond_destroy(&p->cond);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}
