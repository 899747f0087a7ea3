/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two threads meet here: the one that adds, and the one that sends. Under the
 * mutex are the batch that grows, the sealed one that waits for room in the
 * spool, and copies of what the sending thread knows. Sender and `known` are that
 * thread's alone once it runs.
 */
#include "report/reporter.h"

#include "base/clock.h"
#include "crypto/locked.h"
#include "report/batch.h"
#include "store/policy_file.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define RECORDS_FULL 1000U
#define PLAIN_FULL (512U * 1024U)
#define SUBJECT_MAX 1024U
/* A batch of few records is larger than they are. */
#define BATCH_EXTRA 4096U
enum { FLUSH_STEP_MS = 100 };

struct vt_reporter {
    struct vt_policy *trust;
    struct vt_spool *spool;
    struct vt_known *known;
    struct vt_sender *sender;
    uint8_t *secret; /* locked memory */
    uint8_t customer[VT_SUBJECT_SIZE];
    char region[VT_REGION_MAX + 1];
    char class_name[VT_WORD_MAX + 1];
    int64_t linger_ms;
    int wake_fd;
    pthread_t thread;
    bool running;
    pthread_mutex_t mutex; /* over all below */
    pthread_cond_t moved;
    bool stop;
    struct vt_known_facts facts;
    bool facts_new; /* the writer was made with others */
    struct vt_batch_writer *writer;
    struct vt_buf sealed; /* a batch for which there is no room yet */
    int64_t first_ms;     /* when the oldest record in the writer came */
    uint64_t records;
    uint64_t bytes;
    struct vt_sender_status sent;
};

static void
wake(const struct vt_reporter *r)
{
    const uint64_t one = 1;

    /* Full means that it is readable already. */
    if (write(r->wake_fd, &one, sizeof one) < 0)
        return;
}

/* ---- The batch that grows. The mutex is held. ---- */

static enum vt_err
new_writer(struct vt_reporter *r, struct vt_why *why)
{
    struct vt_batch_opts o = {.region = r->region,
        .site = r->facts.site,
        .class_name = r->class_name,
        .policy = r->facts.policy,
        .key = r->facts.key};
    struct vt_batch_writer *w = NULL;
    enum vt_err err;

    memcpy(o.customer, r->customer, sizeof o.customer);
    err = vt_batch_new(&o, &w, why);
    if (err != VT_OK)
        return err;
    vt_batch_free(r->writer);
    r->writer = w;
    r->facts_new = false;
    return VT_OK;
}

/* Puts the sealed batch into the spool. */
static enum vt_err
store(struct vt_reporter *r, struct vt_why *why)
{
    enum vt_err err;

    if (r->sealed.len == 0)
        return VT_OK;
    err = vt_spool_put(r->spool, r->sealed.data, r->sealed.len, why);
    if (err == VT_OK) {
        vt_buf_clear(&r->sealed);
        wake(r);
    }
    return err;
}

/* Ends the batch and stores it. */
static enum vt_err
seal(struct vt_reporter *r, struct vt_why *why)
{
    enum vt_err err = store(r, why);

    if (err != VT_OK || vt_batch_records(r->writer) == 0)
        return err;
    vt_batch_stamp(r->writer, (uint64_t)vt_clock_now(&vt_clock_system));
    err = vt_batch_end(r->writer, &r->sealed, why);
    return err == VT_OK ? store(r, why) : err;
}

static enum vt_err
add(struct vt_reporter *r, const uint8_t *tag, const void *record, size_t len,
    struct vt_why *why)
{
    enum vt_err err = store(r, why);

    if (err == VT_OK && r->facts_new && vt_batch_records(r->writer) == 0)
        err = new_writer(r, why);
    if (err == VT_OK)
        err = vt_batch_add(r->writer, tag, record, len, why);
    if (err == VT_E_BUSY) {
        vt_why_clear(why);
        err = seal(r, why);
        if (err == VT_OK)
            err = vt_batch_add(r->writer, tag, record, len, why);
    }
    if (err != VT_OK)
        return err;
    r->records++;
    r->bytes += len + 1;
    if (vt_batch_records(r->writer) == 1) {
        r->first_ms = vt_clock_monotonic_ms();
        if (r->linger_ms > 0)
            wake(r);
    }
    /* The record is taken: what the spool says now is told with the next. */
    if (vt_batch_records(r->writer) >= RECORDS_FULL || vt_batch_plain(r->writer) >= PLAIN_FULL)
        (void)!seal(r, NULL);
    return VT_OK;
}

enum vt_err
vt_reporter_add(struct vt_reporter *r, const char *subject, const void *record, size_t len,
    struct vt_why *why)
{
    uint8_t tag[VT_SUBJECT_SIZE];
    size_t n = strnlen(subject, SUBJECT_MAX + 1);
    enum vt_err err;

    if (n == 0 || n > SUBJECT_MAX)
        return vt_fail(why, VT_E_USAGE, "a subject's name is 1 to %u bytes", SUBJECT_MAX);
    vt_subject_tag(r->secret, subject, tag);
    (void)pthread_mutex_lock(&r->mutex);
    err = add(r, tag, record, len, why);
    (void)pthread_mutex_unlock(&r->mutex);
    return err;
}

enum vt_err
vt_reporter_seal(struct vt_reporter *r, struct vt_why *why)
{
    enum vt_err err;

    (void)pthread_mutex_lock(&r->mutex);
    err = seal(r, why);
    (void)pthread_mutex_unlock(&r->mutex);
    return err;
}

bool
vt_reporter_has_room(struct vt_reporter *r, size_t len)
{
    size_t waiting;

    (void)pthread_mutex_lock(&r->mutex);
    waiting = r->sealed.len + (size_t)vt_batch_plain(r->writer);
    (void)pthread_mutex_unlock(&r->mutex);
    return vt_spool_has_room(r->spool, waiting + len + len / 64 + BATCH_EXTRA);
}

/* ---- The thread that sends. ---- */

/* Seals a batch whose time has come; how long until the next, -1: there is none. */
static int64_t
seal_in_time(struct vt_reporter *r)
{
    int64_t left;

    if (r->linger_ms <= 0 || (vt_batch_records(r->writer) == 0 && r->sealed.len == 0))
        return -1;
    left = r->first_ms + r->linger_ms - vt_clock_monotonic_ms();
    if (left > 0 && r->sealed.len == 0)
        return left;
    /* Without room it is tried again a little later. */
    return seal(r, NULL) == VT_OK ? -1 : r->linger_ms;
}

static void
take_news(struct vt_reporter *r, const struct vt_sender_news *news)
{
    struct vt_known_facts f;

    vt_sender_status(r->sender, &r->sent);
    if (!news->known_changed || !vt_known_get(r->known, &f))
        return;
    if (f.serial != r->facts.serial || !vt_digest_eq(&f.policy, &r->facts.policy) ||
        memcmp(&f.key, &r->facts.key, sizeof f.key) != 0)
        r->facts_new = true;
    r->facts = f;
}

static void *
run(void *ctx)
{
    struct vt_reporter *r = ctx;
    struct vt_sender_news news;
    uint64_t count;
    int64_t wait_ms;
    bool stop = false;

    while (!stop) {
        (void)pthread_mutex_lock(&r->mutex);
        wait_ms = seal_in_time(r);
        (void)pthread_mutex_unlock(&r->mutex);
        vt_sender_turn(r->sender, r->wake_fd, wait_ms, &news);
        if (read(r->wake_fd, &count, sizeof count) < 0)
            count = 0; /* nothing woke it */
        (void)pthread_mutex_lock(&r->mutex);
        take_news(r, &news);
        stop = r->stop;
        (void)pthread_cond_broadcast(&r->moved);
        (void)pthread_mutex_unlock(&r->mutex);
    }
    return NULL;
}

/* Signals are the caller's: the thread takes none. */
static enum vt_err
start(struct vt_reporter *r, struct vt_why *why)
{
    sigset_t all, was;
    int rc;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &was);
    rc = pthread_create(&r->thread, NULL, run, r);
    (void)pthread_sigmask(SIG_SETMASK, &was, NULL);
    if (rc != 0)
        return vt_fail(why, VT_E_NOMEM, "no thread for the reporter: %s", strerror(rc));
    r->running = true;
    return VT_OK;
}

/* ---- Flushing. ---- */

static enum vt_err
is_flushed(struct vt_reporter *r, bool *ret, struct vt_why *why)
{
    struct vt_spool_status s;
    enum vt_err err;

    (void)pthread_mutex_lock(&r->mutex);
    err = seal(r, why);
    *ret = r->sealed.len == 0 && vt_batch_records(r->writer) == 0;
    (void)pthread_mutex_unlock(&r->mutex);
    vt_spool_status(r->spool, &s);
    *ret = *ret && s.batches == 0;
    /* Room may come as the spool is emptied. */
    return err == VT_E_NOSPC && s.batches > 0 ? VT_OK : err;
}

/* Waits until the sending thread has done something. */
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
fail_flush(struct vt_reporter *r, enum vt_err err, struct vt_why *why)
{
    struct vt_reporter_status s;

    vt_reporter_status(r, &s);
    if (err == VT_E_REFUSED)
        return vt_fail(why, err, "the vault refused %llu batches, which lie in the spool: %s",
            (unsigned long long)s.sender.refused, s.sender.last);
    return vt_fail(why, err, "%llu batches wait in the spool%s%s",
        (unsigned long long)s.spool.batches, s.sender.failures > 0 ? ": " : "",
        s.sender.failures > 0 ? s.sender.last : "");
}

enum vt_err
vt_reporter_flush(struct vt_reporter *r, int64_t timeout_ms, int stop_fd,
    void (*tick)(void *ctx), void *tick_ctx, struct vt_why *why)
{
    int64_t end = timeout_ms < 0 ? INT64_MAX : vt_clock_monotonic_ms() + timeout_ms;
    uint64_t refused;
    bool done = false;
    enum vt_err err;

    (void)pthread_mutex_lock(&r->mutex);
    refused = r->sent.refused;
    (void)pthread_mutex_unlock(&r->mutex);
    for (;;) {
        err = is_flushed(r, &done, why);
        if (err != VT_OK || done)
            break;
        if (vt_clock_monotonic_ms() >= end)
            return fail_flush(r, VT_E_TIMEOUT, why);
        if (!wait_step(r, stop_fd))
            return fail_flush(r, VT_E_BUSY, why);
        if (tick != NULL)
            tick(tick_ctx);
    }
    if (err != VT_OK)
        return err;
    (void)pthread_mutex_lock(&r->mutex);
    /* The spool was empty before the thread told what it did. */
    vt_why_clear(why);
    done = r->sent.refused == refused;
    (void)pthread_mutex_unlock(&r->mutex);
    return done ? VT_OK : fail_flush(r, VT_E_REFUSED, why);
}

void
vt_reporter_status(struct vt_reporter *r, struct vt_reporter_status *ret)
{
    *ret = (struct vt_reporter_status){0};
    (void)pthread_mutex_lock(&r->mutex);
    ret->records = r->records;
    ret->bytes = r->bytes;
    ret->unsealed = vt_batch_records(r->writer);
    ret->sender = r->sent;
    ret->known = r->facts;
    (void)pthread_mutex_unlock(&r->mutex);
    vt_spool_status(r->spool, &ret->spool);
}

/* ---- Beginning and end. ---- */

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

static enum vt_err
open_reporter(struct vt_reporter *r, const struct vt_reporter_opts *o, struct vt_why *why)
{
    enum vt_err err = open_parts(r, o, why);

    if (err != VT_OK)
        return err;
    /* vt_known_new saw to it that they fit. */
    memcpy(r->region, o->region, strlen(o->region) + 1);
    memcpy(r->class_name, o->class_name, strlen(o->class_name) + 1);
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->wake_fd < 0)
        return vt_fail_errno(why, "no event descriptor");
    err = take_secret(r, o, why);
    if (err == VT_OK)
        err = learn(r, why);
    if (err == VT_OK)
        err = new_writer(r, why);
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
    wake(r);
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
