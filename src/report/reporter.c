/* SPDX-License-Identifier: Apache-2.0 */
/* Adding records, and the thread that sends. */
#include "report/reporter_held.h"

#include "base/clock.h"

#include <string.h>
#include <unistd.h>

#define RECORDS_FULL 1000U
#define PLAIN_FULL (512U * 1024U)
#define SUBJECT_MAX 1024U
/* A batch of few records is larger than they are. */
#define BATCH_EXTRA 4096U

void
vt_reporter_wake(const struct vt_reporter *r)
{
    const uint64_t one = 1;

    /* Full means that it is readable already. */
    if (write(r->wake_fd, &one, sizeof one) < 0)
        return;
}

/* ---- The batch that grows. The mutex is held. ---- */

enum vt_err
vt_reporter_writer(struct vt_reporter *r, struct vt_why *why)
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
        vt_reporter_wake(r);
    }
    return err;
}

/* Ends the batch and stores it. */
enum vt_err
vt_reporter_put(struct vt_reporter *r, struct vt_why *why)
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
        err = vt_reporter_writer(r, why);
    if (err == VT_OK)
        err = vt_batch_add(r->writer, tag, record, len, why);
    if (err == VT_E_BUSY) {
        vt_why_clear(why);
        err = vt_reporter_put(r, why);
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
            vt_reporter_wake(r);
    }
    /* The record is taken: what the spool says now is told with the next. */
    if (vt_batch_records(r->writer) >= RECORDS_FULL || vt_batch_plain(r->writer) >= PLAIN_FULL)
        (void)!vt_reporter_put(r, NULL);
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
    err = vt_reporter_put(r, why);
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
    return vt_reporter_put(r, NULL) == VT_OK ? -1 : r->linger_ms;
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

void *
vt_reporter_run(void *ctx)
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
        r->turns++;
        stop = r->stop;
        (void)pthread_cond_broadcast(&r->moved);
        (void)pthread_mutex_unlock(&r->mutex);
    }
    return NULL;
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
