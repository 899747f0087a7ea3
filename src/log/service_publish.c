/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that publishes. It hears of new entries when it has said that it waits for them,
 * or is far behind; what it has done it leaves in the mailbox.
 */
#include "log/service_parts.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/signer.h"
#include "log/gzip.h"
#include "log/log_index.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    STEP_MS = 1000,
    FAILURES_MAX = 5,
    SAY_MS = 10000,
    INDEX_PAUSE_MS = 10000,
    GZIP_PAUSE_MS = 10000
};
/* How much the index does at once: some 20 ms. It waits while entries come, unless it is so far
 * behind. */
#define INDEX_BUDGET 20000U
#define INDEX_BEHIND 1048576U
/* How many bundles are compressed at once: some 30 ms, if no entry comes meanwhile. */
#define COMPRESS_BUDGET 16U

static void
signal_fd(int fd)
{
    uint64_t one = 1;

    /* The counter cannot be full, and an event that is there already is enough. */
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

static void
drain_fd(int fd)
{
    uint64_t n;

    while (read(fd, &n, sizeof n) < 0 && errno == EINTR)
        continue;
}

void
vt_publishing_tell(struct vt_publishing *p, uint64_t size)
{
    struct vt_mailbox *m = &p->mail;
    bool behind = size - vt_log_writer_derived(p->writer) > VT_PUBLISHER_BEHIND;
    bool wake;

    pthread_mutex_lock(&m->mutex);
    wake = !m->woken && ((m->wants_news && size > m->numbers.size) || behind ||
                            m->own_state == VT_OWN_DURABLE || m->own_state == VT_OWN_REFUSED);
    m->woken = m->woken || wake;
    pthread_mutex_unlock(&m->mutex);
    if (wake)
        signal_fd(m->to_publisher);
}

/* Says what was done, and what is wanted next. true: go on. */
static bool
report(struct vt_publishing *p, enum vt_err err, const struct vt_why *why)
{
    struct vt_mailbox *m = &p->mail;
    uint64_t before;
    bool stop;

    drain_fd(m->to_publisher);
    pthread_mutex_lock(&m->mutex);
    before = m->numbers.size;
    vt_publisher_numbers(p->publisher, &m->numbers);
    m->wants_news = vt_publisher_is_idle(p->publisher);
    m->woken = false;
    m->err = err;
    if (err != VT_OK)
        m->why = *why;
    stop = m->stop;
    pthread_mutex_unlock(&m->mutex);
    if (err != VT_OK || vt_publisher_size(p->publisher) != before)
        signal_fd(m->to_main);
    return err == VT_OK && !stop;
}

/* Publishes; failures of our own end the process when they go on, but for want of room. */
static enum vt_err
publish(struct vt_publishing *p, bool busy, struct vt_why *why)
{
    uint64_t before = vt_publisher_size(p->publisher);
    enum vt_err err =
        vt_publisher_step(p->publisher, p->mail.to_publisher, busy ? 0 : STEP_MS, why);
    int64_t now = vt_clock_monotonic_ms();

    if (err == VT_OK) {
        if (vt_publisher_size(p->publisher) != before || vt_publisher_is_idle(p->publisher))
            p->failures = 0;
        if (vt_publisher_size(p->publisher) != before && now - p->said_ms >= SAY_MS) {
            p->said_ms = now;
            vt_log(VT_LOG_INFO, "published a checkpoint of %llu entries",
                (unsigned long long)vt_publisher_size(p->publisher));
        }
        return VT_OK;
    }
    vt_log(VT_LOG_ERROR, "no checkpoint: %s", why->text);
    if (err == VT_E_NOSPC)
        return VT_OK;
    return ++p->failures >= FAILURES_MAX ? err : VT_OK;
}

/* What became of the root that was handed over. true: none is on its way. */
static bool
own_is_settled(struct vt_publishing *p, struct vt_why *why)
{
    struct vt_mailbox *m = &p->mail;
    uint64_t index = 0;
    int state;

    pthread_mutex_lock(&m->mutex);
    state = (int)m->own_state;
    index = m->own_index;
    if (state == VT_OWN_DURABLE || state == VT_OWN_REFUSED)
        m->own_state = VT_OWN_NONE;
    pthread_mutex_unlock(&m->mutex);
    if (state == VT_OWN_REFUSED)
        p->index_not_before_ms = vt_clock_monotonic_ms() + INDEX_PAUSE_MS;
    if (state == VT_OWN_DURABLE &&
        vt_log_index_logged(p->index, index, vt_clock_monotonic_ms(), why) != VT_OK)
        p->index_not_before_ms = vt_clock_monotonic_ms() + INDEX_PAUSE_MS;
    return state == VT_OWN_NONE || state == VT_OWN_DURABLE;
}

/* Hands the index's root to the other thread, to be an entry. */
static enum vt_err
hand_over(struct vt_publishing *p, struct vt_why *why)
{
    struct vt_mailbox *m = &p->mail;
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    struct vt_digest root;
    enum vt_err err = vt_log_writer_root(p->writer, vt_log_index_size(p->index), &root, why);

    if (err == VT_OK)
        err = vt_log_index_note(p->index, &root, p->opts->signer, &b, why);
    if (err == VT_OK)
        err = vt_buf_check(&b, "the index's root", why);
    if (err != VT_OK) {
        vt_buf_release(&b);
        return err;
    }
    pthread_mutex_lock(&m->mutex);
    vt_buf_release(&m->own);
    m->own = b; /* moved */
    m->own_state = VT_OWN_ASKED;
    pthread_mutex_unlock(&m->mutex);
    signal_fd(m->to_main);
    return VT_OK;
}

static enum vt_err
work_on_index(struct vt_publishing *p, bool *ret_more, struct vt_why *why)
{
    uint64_t size = vt_publisher_size(p->publisher);
    int64_t now = vt_clock_monotonic_ms();
    enum vt_err err = vt_log_index_published(p->index, size, now, why);

    if (err == VT_OK)
        err = vt_log_index_advance(p->index, size, now, INDEX_BUDGET, ret_more, why);
    if (err == VT_OK && !vt_log_writer_frozen(p->writer) && vt_log_index_due(p->index))
        err = hand_over(p, why);
    return err;
}

/* The index, when there is time for it. *ret_more: there is more to do at once. */
static void
tend_index(struct vt_publishing *p, bool *ret_more)
{
    struct vt_why why = {.text = ""};
    uint64_t size = vt_publisher_size(p->publisher);
    bool behind = size > vt_log_index_size(p->index) + INDEX_BEHIND;

    *ret_more = false;
    if (!own_is_settled(p, &why) || vt_clock_monotonic_ms() < p->index_not_before_ms ||
        (!behind && !vt_publisher_is_idle(p->publisher)))
        return;
    if (work_on_index(p, ret_more, &why) == VT_OK)
        return;
    *ret_more = false;
    p->index_not_before_ms = vt_clock_monotonic_ms() + INDEX_PAUSE_MS;
    vt_log(VT_LOG_WARN, "the index waits: %s", why.text);
}

/* Compressed bundles, when there is nothing else to do. An entry that comes ends that, before
 * the next bundle. */
static void
compress(struct vt_publishing *p, bool *ret_more)
{
    struct vt_why why = {.text = ""};

    if (p->gzip == NULL || !vt_publisher_is_idle(p->publisher) ||
        vt_clock_monotonic_ms() < p->gzip_not_before_ms)
        return;
    if (vt_log_gzip_step(p->gzip, vt_publisher_size(p->publisher), COMPRESS_BUDGET,
            p->mail.to_publisher, ret_more, &why) == VT_OK)
        return;
    *ret_more = false;
    p->gzip_not_before_ms = vt_clock_monotonic_ms() + GZIP_PAUSE_MS;
    vt_log(VT_LOG_WARN, "%s", why.text);
}

static void *
run(void *arg)
{
    struct vt_publishing *p = arg;
    struct vt_why why = {.text = ""};
    enum vt_err err = VT_OK;
    bool more = false;

    while (report(p, err, &why)) {
        err = publish(p, more, &why);
        more = false;
        /* After a failure of our own nobody knows what the disk holds. */
        if (err != VT_OK || p->failures > 0)
            continue;
        tend_index(p, &more);
        if (!more)
            compress(p, &more);
    }
    return NULL;
}

static enum vt_err
open_mailbox(struct vt_mailbox *m, struct vt_why *why)
{
    *m = (struct vt_mailbox){.to_main = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .to_publisher = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (m->to_main >= 0 && m->to_publisher >= 0 && pthread_mutex_init(&m->mutex, NULL) == 0)
        return VT_OK;
    if (m->to_main >= 0)
        close(m->to_main);
    if (m->to_publisher >= 0)
        close(m->to_publisher);
    return vt_fail_errno(why, "log: no descriptors for its threads");
}

static enum vt_err
open_index(struct vt_publishing *p, struct vt_why *why)
{
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_path(dir, why, "%s/index", p->opts->log_dir);

    if (err == VT_OK)
        err = vt_log_index_open(
            p->opts->public_dir, dir, vt_signer_name(p->opts->signer), NULL, &p->index, why);
    return err;
}

enum vt_err
vt_publishing_start(struct vt_publishing *p, struct vt_why *why)
{
    const struct vt_publisher_opts opts = {.interval_ms = p->opts->interval_ms};
    enum vt_err err = open_mailbox(&p->mail, why);
    int rc;

    p->mail_open = err == VT_OK;
    p->said_ms = -SAY_MS;
    if (err == VT_OK)
        err = vt_publisher_new(
            p->writer, p->opts->policy, p->opts->signer, &opts, &p->publisher, why);
    if (err == VT_OK)
        err = open_index(p, why);
    if (err == VT_OK && p->opts->compress)
        err = vt_log_gzip_new(p->opts->public_dir, &p->gzip, why);
    if (err != VT_OK)
        return err;
    vt_publisher_numbers(p->publisher, &p->mail.numbers);
    rc = pthread_create(&p->thread, NULL, run, p);
    if (rc != 0) {
        errno = rc;
        return vt_fail_errno(why, "log: no thread for publishing");
    }
    p->running = true;
    return VT_OK;
}

void
vt_publishing_stop(struct vt_publishing *p)
{
    if (p->running) {
        pthread_mutex_lock(&p->mail.mutex);
        p->mail.stop = true;
        pthread_mutex_unlock(&p->mail.mutex);
        signal_fd(p->mail.to_publisher);
        (void)pthread_join(p->thread, NULL);
        p->running = false;
    }
    vt_log_gzip_free(p->gzip);
    vt_log_index_free(p->index);
    vt_publisher_free(p->publisher);
    p->gzip = NULL;
    p->index = NULL;
    p->publisher = NULL;
    if (!p->mail_open)
        return;
    vt_buf_release(&p->mail.own);
    (void)pthread_mutex_destroy(&p->mail.mutex);
    close(p->mail.to_main);
    close(p->mail.to_publisher);
    p->mail_open = false;
}
