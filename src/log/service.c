/* SPDX-License-Identifier: Apache-2.0 */
#include "log/service.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/signer.h"
#include "log/service_parts.h"
#include "store/store.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEP_MS = 1000 };
/* Answers that wait to be sent: all that may be asked for, and some metrics. */
#define LINE_MAX_BYTES (VT_SERVICE_OPEN_MAX * VT_SERVICE_DONE_MAX + 4U * 1024U * 1024U)

/* Most answers are made here, so nothing is formatted or allocated for one. */
static enum vt_err
answer_bytes(struct vt_service *s, uint64_t number, int status, const char *text, size_t len,
    struct vt_why *why)
{
    uint16_t retry_s = status == 503 ? 1 : 0;
    uint8_t head[12];
    const struct vt_msg_piece v[3] = {{head, sizeof head}, {text, len}, {"\n", 1}};

    if (s->gone)
        return VT_OK;
    for (unsigned i = 0; i < 8; i++)
        head[i] = (uint8_t)(number >> (56 - 8 * i));
    head[8] = (uint8_t)(status >> 8);
    head[9] = (uint8_t)status;
    head[10] = (uint8_t)(retry_s >> 8);
    head[11] = (uint8_t)retry_s;
    return vt_msg_line_add(s->line, VT_SERVICE_DONE, v, 3, why);
}

enum vt_err
vt_service_answer(
    struct vt_service *s, uint64_t number, int status, const char *text, struct vt_why *why)
{
    return answer_bytes(s, number, status, text, strnlen(text, VT_SERVICE_TEXT_MAX), why);
}

/* An index, as most answers are. */
static enum vt_err
answer_index(
    struct vt_service *s, uint64_t number, int status, uint64_t index, struct vt_why *why)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + index % 10);
        index /= 10;
    } while (index > 0);
    return answer_bytes(s, number, status, digits + at, sizeof digits - at, why);
}

/* One whose entry is durable: is told, or goes on to wait. */
static enum vt_err
committed_one(struct vt_service *s, const struct vt_waiting *w, struct vt_why *why)
{
    s->numbers.adds[w->duplicate ? VT_ADD_DUPLICATE : VT_ADD_ADDED]++;
    if (w->wait_ms == 0)
        return answer_index(s, w->number, 200, w->index, why);
    if (w->index < s->published.size) {
        s->numbers.awaits[VT_AWAIT_COVERED]++;
        return answer_index(s, w->number, 200, w->index, why);
    }
    s->waits.awaiting[s->waits.awaiting_count] = *w;
    s->waits.awaiting[s->waits.awaiting_count++].until_ms =
        vt_clock_monotonic_ms() + w->wait_ms;
    return VT_OK;
}

/* The publisher's own entry was among them. */
static void
own_committed(struct vt_service *s, bool durable)
{
    struct vt_mailbox *m = &s->publishing.mail;

    pthread_mutex_lock(&m->mutex);
    if (m->own_state == VT_OWN_QUEUED)
        m->own_state = durable ? VT_OWN_DURABLE : VT_OWN_REFUSED;
    pthread_mutex_unlock(&m->mutex);
}

static void
count_commit(struct vt_service *s, uint64_t began_us, bool done)
{
    uint64_t now = vt_clock_monotonic_us();

    if (!done) {
        s->numbers.commit_failures++;
        return;
    }
    s->numbers.entries = vt_log_writer_size(s->writer);
    if (s->numbers.queue == 0)
        return; /* there was nothing new among them */
    vt_log_numbers_batch(&s->numbers, s->numbers.queue, now - began_us);
    vt_waits_mark(&s->waits, s->numbers.entries, now);
}

enum vt_err
vt_service_commit(struct vt_service *s, struct vt_why *why)
{
    uint64_t began = vt_clock_monotonic_us();
    struct vt_why text = {.text = ""};
    enum vt_err done = vt_log_writer_commit(s->writer, &text);
    enum vt_err err = VT_OK;

    count_commit(s, began, done == VT_OK);
    own_committed(s, done == VT_OK);
    for (size_t i = 0; i < s->waits.queued_count && err == VT_OK; i++) {
        const struct vt_waiting *w = &s->waits.queued[i];

        if (done == VT_OK) {
            err = committed_one(s, w, why);
        } else {
            s->numbers.adds[VT_ADD_FAILED]++;
            err = vt_service_answer(s, w->number, 503, text.text, why);
        }
    }
    s->waits.queued_count = 0;
    s->waits.asked = 0;
    s->numbers.queue = 0;
    vt_publishing_tell(&s->publishing, s->numbers.entries);
    if (done != VT_OK)
        vt_log(VT_LOG_ERROR, "entries not taken: %s", text.text);
    if (done == VT_E_STATE || done == VT_E_IO)
        return vt_fail(why, done, "%s", text.text);
    return err;
}

/* Takes what has arrived, up to a batch. VT_E_NOENT: there will be no more. */
static enum vt_err
take_messages(struct vt_service *s, struct vt_why *why)
{
    enum vt_err err = VT_OK;
    bool got = true;
    uint16_t type;

    while (err == VT_OK && got && s->waits.queued_count < VT_SERVICE_OPEN_MAX) {
        err = vt_msg_line_take(s->line, &got, &type, &s->message, why);
        if (err == VT_OK && got) {
            err = vt_service_take(s, type, &s->message, why);
            if (err == VT_E_NOENT)
                err = VT_E_IO; /* that one is the line's own */
        }
    }
    return err;
}

/* Queues an entry of the log's own. */
static void
queue_own(struct vt_service *s, struct vt_mailbox *m)
{
    struct vt_why why = {.text = ""};
    struct vt_digest name;

    vt_digest_of(m->own.data, m->own.len, &name);
    if (vt_log_writer_add(s->writer, m->own.data, m->own.len, &name, &m->own_index, &why) !=
        VT_OK) {
        vt_log(VT_LOG_DEBUG, "an entry of the log's own was not taken: %s", why.text);
        m->own_state = VT_OWN_REFUSED;
        return;
    }
    if (m->own_index >= s->numbers.entries + s->numbers.queue)
        s->numbers.queue++;
    m->own_state = VT_OWN_QUEUED;
}

/* What the publisher says. */
static enum vt_err
hear_publisher(struct vt_service *s, bool *ret_own, struct vt_why *why)
{
    struct vt_mailbox *m = &s->publishing.mail;
    enum vt_err err;
    uint64_t n;

    while (read(m->to_main, &n, sizeof n) < 0 && errno == EINTR)
        continue;
    pthread_mutex_lock(&m->mutex);
    s->published = m->numbers;
    err = m->err;
    if (err != VT_OK && why != NULL)
        *why = m->why;
    if (m->own_state == VT_OWN_ASKED && err == VT_OK)
        queue_own(s, m);
    *ret_own = m->own_state == VT_OWN_QUEUED;
    pthread_mutex_unlock(&m->mutex);
    vt_waits_published(
        &s->waits, s->published.size, vt_clock_monotonic_us(), &s->numbers.publication);
    return err;
}

/* Answers those who wait no longer. */
static enum vt_err
answer_awaiting(struct vt_service *s, struct vt_why *why)
{
    int64_t now = s->waits.awaiting_count > 0 ? vt_clock_monotonic_ms() : 0;
    enum vt_err err = VT_OK;
    size_t kept = 0;

    for (size_t i = 0; i < s->waits.awaiting_count; i++) {
        struct vt_waiting w = s->waits.awaiting[i];
        bool covered = w.index < s->published.size;

        if (err != VT_OK || (!covered && w.until_ms > now)) {
            s->waits.awaiting[kept++] = w;
            continue;
        }
        s->numbers.awaits[covered ? VT_AWAIT_COVERED : VT_AWAIT_LATE]++;
        err = answer_index(s, w.number, covered ? 200 : 504, w.index, why);
    }
    s->waits.awaiting_count = kept;
    return err;
}

/* Sends answers. Who is gone needs none. */
static enum vt_err
flush(struct vt_service *s, struct vt_why *why)
{
    enum vt_err err = s->gone ? VT_OK : vt_msg_line_flush(s->line, why);

    if (err == VT_E_IO) {
        s->gone = true;
        return VT_OK;
    }
    return err;
}

static void
wait_for_something(struct vt_service *s)
{
    bool full = s->waits.queued_count == VT_SERVICE_OPEN_MAX;
    struct pollfd p[2] = {{.fd = s->fd, .events = full ? 0 : POLLIN},
        {.fd = s->publishing.mail.to_main, .events = POLLIN}};

    if (!s->gone && vt_msg_line_waits(s->line))
        p[0].events |= POLLOUT;
    (void)poll(p, 2, vt_waits_next(&s->waits, vt_clock_monotonic_ms(), STEP_MS));
}

/* Until there are no more messages (*ret_received is then the reason), or an error. */
static enum vt_err
turn(struct vt_service *s, enum vt_err *ret_received, struct vt_why *why)
{
    struct vt_why end = {.text = ""};
    bool own = false;
    enum vt_err err;

    wait_for_something(s);
    err = hear_publisher(s, &own, why);
    if (err == VT_OK)
        *ret_received = take_messages(s, &end);
    if (err == VT_OK && (s->waits.queued_count > 0 || own))
        err = vt_service_commit(s, why);
    if (err == VT_OK)
        err = answer_awaiting(s, why);
    if (err == VT_OK)
        err = flush(s, why);
    if (err == VT_OK && *ret_received != VT_OK && why != NULL)
        *why = end;
    return err;
}

static enum vt_err
open_log(struct vt_service *s, struct vt_why *why)
{
    const char *origin = vt_signer_name(s->opts->signer);
    struct vt_buf label = VT_BUF(sizeof(s->label) - 1);
    enum vt_err err =
        vt_log_writer_open(s->opts->log_dir, s->opts->public_dir, origin, &s->writer, why);

    vt_metric_label(&label, "origin", origin);
    if (err == VT_OK)
        err = vt_buf_check(&label, "the log's name", why);
    if (err == VT_OK) {
        memcpy(s->label, vt_buf_str(&label), label.len + 1);
        s->numbers.entries = vt_log_writer_size(s->writer);
        vt_log(VT_LOG_INFO, "the log %s has %llu entries", origin,
            (unsigned long long)s->numbers.entries);
        if (vt_log_writer_cut(s->writer) > 0)
            vt_log(VT_LOG_WARN, "cut off %llu bytes of entries that nobody was told of",
                (unsigned long long)vt_log_writer_cut(s->writer));
    }
    vt_buf_release(&label);
    return err;
}

static enum vt_err
open_all(struct vt_service *s, struct vt_why *why)
{
    char objects[VT_PATH_MAX];
    enum vt_err err = vt_path(objects, why, "%s/objects", s->opts->public_dir);

    if (err == VT_OK && !s->opts->open)
        err = vt_store_open_dir(objects, &s->store, why);
    if (err == VT_OK)
        err = vt_waits_init(&s->waits, why);
    if (err == VT_OK)
        err = vt_msg_line_new(s->fd, vt_service_rules, LINE_MAX_BYTES, &s->line, why);
    if (err == VT_OK)
        err = open_log(s, why);
    if (err == VT_OK && !s->opts->open)
        err = vt_gate_sources_new(s->writer, &s->sources, why);
    if (err == VT_OK) {
        vt_msg_line_read_ahead(s->line);
        s->publishing.opts = s->opts;
        s->publishing.writer = s->writer;
        err = vt_publishing_start(&s->publishing, why);
    }
    return err;
}

static void
close_all(struct vt_service *s)
{
    vt_publishing_stop(&s->publishing);
    vt_gate_sources_free(s->sources);
    vt_log_writer_free(s->writer);
    vt_store_free(s->store);
    vt_msg_line_free(s->line);
    vt_waits_release(&s->waits);
    vt_buf_release(&s->message);
}

enum vt_err
vt_service_run(int fd, const struct vt_service_opts *opts, struct vt_why *why)
{
    struct vt_service *s = calloc(1, sizeof *s);
    enum vt_err received = VT_OK;
    enum vt_err err;

    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "log: out of memory");
    s->opts = opts;
    s->fd = fd;
    vt_buf_init(&s->message, VT_SERVICE_BODY_MAX);
    err = open_all(s, why);
    while (err == VT_OK && received == VT_OK) {
        err = turn(s, &received, why);
        /* What the disk holds is not known any more: whoever starts this again finds out. */
        if (err == VT_E_STATE)
            err = VT_E_IO;
    }
    close_all(s);
    free(s);
    if (err == VT_OK && received != VT_E_NOENT) /* NOENT: the channel's clean end */
        err = received;
    return err;
}
