/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning and end of a reporter. */
#include "report/reporter_held.h"

#include "crypto/locked.h"
#include "store/policy_file.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static enum vt_err
open_parts(struct vt_reporter *r, const struct vt_reporter_opts *o, struct vt_why *why)
{
    struct vt_known_opts known = {
        .dir = o->spool, .region = o->region, .class_name = o->class_name};
    struct vt_sender_opts sender = {.url = o->url, .url_count = o->url_count};
    enum vt_err err = vt_policy_load(o->policy, &r->trust, why);

    known.trust = r->trust;
    if (err == VT_OK)
        err = vt_spool_open(
            o->spool, o->spool_max == 0 ? VT_REPORTER_SPOOL_MAX : o->spool_max, &r->spool, why);
    if (err == VT_OK)
        err = vt_known_new(&known, &r->known, why);
    if (err != VT_OK)
        return err;
    sender.spool = r->spool;
    sender.known = r->known;
    return vt_sender_new(&sender, &r->sender, why);
}

static enum vt_err
take_secret(struct vt_reporter *r, const struct vt_reporter_opts *o, struct vt_why *why)
{
    void *p = NULL;
    enum vt_err err = vt_locked_new(VT_CUSTOMER_SECRET_SIZE, &p, why);

    if (err != VT_OK)
        return err;
    r->secret = p;
    memcpy(r->secret, o->secret, VT_CUSTOMER_SECRET_SIZE);
    vt_customer_tag(r->secret, o->customer, r->customer);
    return VT_OK;
}

/* What is known from before will do: a vault is asked only when it is nothing. */
static enum vt_err
learn(struct vt_reporter *r, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (!vt_known_get(r->known, &r->facts))
        err = vt_sender_fetch(r->sender, why);
    if (err == VT_OK && !vt_known_get(r->known, &r->facts))
        err = vt_fail(why, VT_E_STATE, "nothing is known of region %s", r->region);
    return err;
}

/* Signals are the caller's: the thread takes none. */
static enum vt_err
start(struct vt_reporter *r, struct vt_why *why)
{
    sigset_t all, was;
    int rc;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &was);
    rc = pthread_create(&r->thread, NULL, vt_reporter_run, r);
    (void)pthread_sigmask(SIG_SETMASK, &was, NULL);
    if (rc != 0)
        return vt_fail(why, VT_E_NOMEM, "no thread for the reporter: %s", strerror(rc));
    r->running = true;
    return VT_OK;
}

static enum vt_err
open_reporter(struct vt_reporter *r, const struct vt_reporter_opts *o, struct vt_why *why)
{
    struct vt_spool_status spool;
    enum vt_err err = open_parts(r, o, why);

    if (err != VT_OK)
        return err;
    /* vt_known_new saw to it that they fit. */
    memcpy(r->region, o->region, strlen(o->region) + 1);
    memcpy(r->class_name, o->class_name, strlen(o->class_name) + 1);
    vt_spool_status(r->spool, &spool);
    r->refused_told = spool.refused;
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->wake_fd < 0)
        return vt_fail_errno(why, "no event descriptor");
    err = take_secret(r, o, why);
    if (err == VT_OK)
        err = learn(r, why);
    if (err == VT_OK)
        err = vt_reporter_writer(r, why);
    return err == VT_OK ? start(r, why) : err;
}

static void
init_locks(struct vt_reporter *r)
{
    pthread_condattr_t a;

    (void)pthread_condattr_init(&a);
    (void)pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&r->moved, &a);
    (void)pthread_condattr_destroy(&a);
    (void)pthread_mutex_init(&r->mutex, NULL);
}

enum vt_err
vt_reporter_new(
    const struct vt_reporter_opts *opts, struct vt_reporter **ret, struct vt_why *why)
{
    struct vt_reporter *r;
    enum vt_err err;

    if (opts->customer[0] == '\0')
        return vt_fail(why, VT_E_USAGE, "a customer has a name");
    r = calloc(1, sizeof *r);
    if (r == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a reporter");
    r->wake_fd = -1;
    r->linger_ms = opts->linger_ms;
    r->sealed = VT_BUF(VT_BATCH_MAX);
    init_locks(r);
    err = open_reporter(r, opts, why);
    if (err != VT_OK) {
        vt_reporter_free(r);
        return err;
    }
    *ret = r;
    return VT_OK;
}

static void
stop(struct vt_reporter *r)
{
    (void)pthread_mutex_lock(&r->mutex);
    r->stop = true;
    (void)pthread_mutex_unlock(&r->mutex);
    vt_reporter_wake(r);
    (void)pthread_join(r->thread, NULL);
}

void
vt_reporter_free(struct vt_reporter *r)
{
    if (r == NULL)
        return;
    if (r->running)
        stop(r);
    vt_sender_free(r->sender);
    vt_known_free(r->known);
    vt_spool_close(r->spool);
    vt_policy_free(r->trust);
    vt_batch_free(r->writer);
    vt_locked_free(r->secret);
    vt_buf_release(&r->sealed);
    if (r->wake_fd >= 0)
        close(r->wake_fd);
    (void)pthread_cond_destroy(&r->moved);
    (void)pthread_mutex_destroy(&r->mutex);
    free(r);
}
