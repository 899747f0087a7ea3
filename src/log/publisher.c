/* SPDX-License-Identifier: Apache-2.0 */
#include "log/publisher_parts.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/signer.h"
#include "merkle/tree.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BACKOFF_FIRST_MS = 500, BACKOFF_MAX_MS = 30000 };
/* How long the others are waited for once the quorum is there, and how long a
 * straggler may hold up the next checkpoint. Who was late n times in a row is waited for in
 * every 2^n-th round only, at least in every 64th. */
enum { GRACE_MS = 100, STRAGGLER_MS = 300, LATE_MAX = 6 };
/* The pause after a failure of our own disk or signer. */
enum { OWN_FAILURE_MS = 1000 };

/* What is public must be part of what the log holds; tells whether it also
 * satisfies the policy. */
static enum vt_err
check_published(struct vt_publisher *p, const char *public_note, size_t len,
    const struct vt_policy_party *log, struct vt_why *why)
{
    struct vt_checkpoint c;
    struct vt_note note;
    struct vt_digest root;
    uint64_t time;
    enum vt_err err = vt_checkpoint_open(public_note, len, &log->key, &note, &c, why);

    if (err != VT_OK)
        return vt_fail_in(why, err, "the published checkpoint");
    if (c.size > vt_log_writer_size(p->writer))
        return vt_fail(why, VT_E_ROLLBACK,
            "a checkpoint of %llu entries is published but the log holds %llu: put back the "
            "newest copy of its folder",
            (unsigned long long)c.size, (unsigned long long)vt_log_writer_size(p->writer));
    err = vt_log_writer_root(p->writer, c.size, &root, why);
    if (err == VT_OK && !vt_digest_eq(&root, &c.root))
        err = vt_fail(why, VT_E_DIGEST,
            "the published checkpoint's root is not that of the log's entries: put back a "
            "sound "
            "copy of its folder");
    if (err != VT_OK)
        return err;
    if (vt_policy_check_checkpoint(p->policy, public_note, len, &c, &time, NULL) == VT_OK) {
        p->published_any = true;
        p->published = c.size;
        p->published_ms = vt_clock_monotonic_ms();
    }
    return VT_OK;
}

static enum vt_err
load_published(struct vt_publisher *p, const struct vt_policy_party *log, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    enum vt_err err = vt_log_writer_read_published(p->writer, &b, why);

    if (err == VT_OK)
        err = check_published(p, vt_buf_str(&b), b.len, log, why);
    vt_buf_release(&b);
    return err == VT_E_NOENT ? VT_OK : err;
}

static enum vt_err
check_policy(
    const struct vt_publisher *p, const struct vt_policy_party **ret, struct vt_why *why)
{
    const char *origin = vt_signer_name(p->signer);
    const struct vt_policy_party *log = vt_policy_log(p->policy, origin);

    if (log == NULL)
        return vt_fail(why, VT_E_CONFIG, "the policy has no line `log` for %s", origin);
    if (!vt_pubkey_eq(&log->key.pub, vt_signer_public(p->signer)))
        return vt_fail(why, VT_E_CONFIG, "the policy names another key for the log %s", origin);
    *ret = log;
    return VT_OK;
}

static enum vt_err
set_up(struct vt_publisher *p, const struct vt_publisher_opts *opts, struct vt_why *why)
{
    const struct vt_policy_party *log = NULL;
    struct vt_http_limits limits = {0};
    enum vt_err err;

    if (opts != NULL)
        p->opts = *opts;
    if (p->opts.interval_ms <= 0)
        p->opts.interval_ms = 100;
    if (p->opts.witness_ms <= 0)
        p->opts.witness_ms = 8000;
    if (p->opts.refresh_s <= 0)
        p->opts.refresh_s = 3600;
    vt_ask_set_up(p);
    limits.connect_ms = p->opts.witness_ms;
    limits.total_ms = p->opts.witness_ms;
    err = check_policy(p, &log, why);
    if (err == VT_OK)
        err = load_published(p, log, why);
    if (err == VT_OK)
        err = vt_log_writer_check_frozen(p->writer, p->policy, why);
    if (err == VT_OK)
        err = vt_http_new(&limits, &p->http, why);
    return err;
}

enum vt_err
vt_publisher_new(struct vt_log_writer *w, const struct vt_policy *policy, struct vt_signer *s,
    const struct vt_publisher_opts *opts, struct vt_publisher **ret, struct vt_why *why)
{
    struct vt_publisher *p = calloc(1, sizeof(*p));
    enum vt_err err;

    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "log: out of memory");
    p->writer = w;
    p->policy = policy;
    p->signer = s;
    err = set_up(p, opts, why);
    if (err != VT_OK) {
        vt_publisher_free(p);
        return err;
    }
    *ret = p;
    return VT_OK;
}

static void
end_round(struct vt_publisher *p)
{
    vt_http_batch_free(p->batch);
    p->batch = NULL;
}

void
vt_publisher_free(struct vt_publisher *p)
{
    if (p == NULL)
        return;
    end_round(p);
    vt_http_free(p->http);
    vt_ask_release(p);
    free(p);
}

bool
vt_publisher_is_idle(const struct vt_publisher *p)
{
    return p->published_any && p->published == vt_log_writer_size(p->writer);
}

uint64_t
vt_publisher_size(const struct vt_publisher *p)
{
    return p->published;
}

static enum vt_err
begin_round(struct vt_publisher *p, struct vt_why *why)
{
    enum vt_err err = vt_log_writer_sign(p->writer, p->signer, why);

    p->began_ms = vt_clock_monotonic_ms();
    p->quorum_ms = 0;
    p->news = true; /* with `quorum none` there is nobody to wait for */
    p->numbers.rounds++;
    for (size_t k = 0; k < p->line_count; k++)
        p->line[k].there = false;
    p->calls = 0;
    for (size_t i = 0; i < p->n && err == VT_OK; i++) {
        p->ask[i].settled = vt_ask_is_left_out(p, i);
        if (p->ask[i].settled)
            continue;
        p->ask[i].tries = 1;
        p->ask[i].call = p->calls++;
        err = vt_ask_question(p, i, why);
    }
    if (err == VT_OK)
        err = vt_http_batch_new(p->http, p->call, p->calls, &p->batch, why);
    return err;
}

/* The signed note with the cosignatures that are there. */
static enum vt_err
put_note(struct vt_publisher *p, struct vt_buf *b, struct vt_why *why)
{
    size_t len;
    const void *note = vt_log_writer_signed_note(p->writer, &len);

    vt_buf_put(b, note, len);
    for (size_t k = 0; k < p->line_count; k++)
        if (p->line[k].there)
            vt_buf_put(b, p->line[k].text.data, p->line[k].text.len);
    return vt_buf_check(b, "checkpoint", why);
}

static void
published(struct vt_publisher *p, uint64_t size)
{
    p->news = false;
    p->published_any = true;
    p->published = size;
    p->published_ms = vt_clock_monotonic_ms();
    p->backoff_ms = 0;
    p->numbers.published_s = (int64_t)time(NULL);
}

/* Publishes when the quorum is there and nobody is worth waiting for. */
static enum vt_err
maybe_publish(struct vt_publisher *p, bool awaited, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    int64_t now = vt_clock_monotonic_ms();
    struct vt_checkpoint c;
    uint64_t time;
    enum vt_err err = put_note(p, &b, why);

    if (err == VT_OK &&
        vt_policy_check_checkpoint(p->policy, b.data, b.len, &c, &time, NULL) == VT_OK) {
        if (p->quorum_ms == 0)
            p->quorum_ms = now;
        if (!awaited || now - p->quorum_ms >= GRACE_MS) {
            err = vt_log_writer_publish(p->writer, b.data, b.len, why);
            if (err == VT_OK)
                published(p, c.size);
        }
    }
    vt_buf_release(&b);
    return err;
}

static void
round_failed(struct vt_publisher *p)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_why why = {0};
    struct vt_checkpoint c;
    uint64_t time;

    p->backoff_ms = p->backoff_ms == 0 ? BACKOFF_FIRST_MS : p->backoff_ms * 2;
    if (p->backoff_ms > BACKOFF_MAX_MS)
        p->backoff_ms = BACKOFF_MAX_MS;
    p->not_before_ms = vt_clock_monotonic_ms() + p->backoff_ms;
    p->numbers.missed++;
    if (put_note(p, &b, &why) != VT_OK ||
        vt_policy_check_checkpoint(p->policy, b.data, b.len, &c, &time, &why) != VT_OK)
        vt_log(VT_LOG_WARN, "checkpoint of %llu entries not published: %s",
            (unsigned long long)vt_log_writer_signed(p->writer)->size, why.text);
    vt_buf_release(&b);
}

/* Whether ask i is worth waiting for when the quorum is there without it. */
static bool
is_awaited(const struct vt_publisher *p, size_t i)
{
    unsigned late = p->ask[i].late < LATE_MAX ? p->ask[i].late : LATE_MAX;

    return !p->ask[i].settled && p->numbers.rounds % (1U << late) == 0;
}

/* Whoever has not answered by now holds up the next checkpoint. */
static void
leave_behind(struct vt_publisher *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->ask[i].settled)
            continue;
        if (is_awaited(p, i))
            p->ask[i].late++;
        for (size_t k = 0; k < p->line_count; k++)
            if (p->line[k].ask == i)
                p->numbers.witness[k].answers[VT_ANSWER_NONE]++;
    }
}

/* Deals with what the poll brought; ends the round when it is over. */
static enum vt_err
advance_round(struct vt_publisher *p, struct vt_why *why)
{
    int64_t now = vt_clock_monotonic_ms();
    bool all_settled = true;
    bool awaited = false;
    bool hurry;
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < p->n; i++) {
        if (!p->ask[i].settled && p->call[p->ask[i].call].done)
            vt_ask_take_answer(p, i);
        all_settled = all_settled && p->ask[i].settled;
        awaited = awaited || is_awaited(p, i);
    }
    if (p->news)
        err = maybe_publish(p, awaited, why);
    hurry = p->quorum_ms > 0 && !p->news && !vt_publisher_is_idle(p) &&
            now - p->began_ms >= p->opts.interval_ms &&
            (!awaited || now - p->quorum_ms > STRAGGLER_MS);
    if (err != VT_OK || all_settled || hurry) {
        if (all_settled && p->quorum_ms == 0)
            round_failed(p);
        if (hurry && !all_settled)
            leave_behind(p);
        end_round(p);
    }
    return err;
}

/* How long until a round is due; 0: now. */
static int64_t
due_in(const struct vt_publisher *p)
{
    int64_t now = vt_clock_monotonic_ms();
    int64_t at = p->began_ms + p->opts.interval_ms;

    if (vt_publisher_is_idle(p))
        at = p->published_ms + 1000 * p->opts.refresh_s;
    if (at < p->not_before_ms)
        at = p->not_before_ms;
    return at > now ? at - now : 0;
}

/* Whether tiles are to be written before the next checkpoint asks for them. */
static bool
is_behind(const struct vt_publisher *p)
{
    return vt_log_writer_size(p->writer) - vt_log_writer_derived(p->writer) >
           VT_PUBLISHER_BEHIND;
}

/* No round is under way: waits for the next, or begins it. */
static enum vt_err
step_between(struct vt_publisher *p, int fd, int timeout_ms, struct vt_why *why)
{
    struct pollfd pf = {.fd = fd, .events = POLLIN};
    int64_t due = due_in(p);

    if (due > 0 && is_behind(p) && vt_clock_monotonic_ms() >= p->not_before_ms)
        return vt_log_writer_derive(p->writer, why);
    if (due > 0) {
        (void)poll(&pf, 1, due < timeout_ms ? (int)due : timeout_ms);
        return VT_OK;
    }
    return begin_round(p, why);
}

/* How long to wait for answers at most. */
static int
wait_in_round(const struct vt_publisher *p, int timeout_ms)
{
    int64_t due = p->began_ms + p->opts.interval_ms - vt_clock_monotonic_ms();

    if (p->quorum_ms == 0)
        return timeout_ms;
    if (timeout_ms > GRACE_MS)
        timeout_ms = GRACE_MS;
    return due > 0 && due < timeout_ms ? (int)due : timeout_ms;
}

static enum vt_err
step(struct vt_publisher *p, int fd, int timeout_ms, struct vt_why *why)
{
    enum vt_err err = VT_OK;
    size_t left;

    if (p->batch == NULL)
        err = step_between(p, fd, timeout_ms, why);
    if (err != VT_OK || p->batch == NULL)
        return err;
    if (is_behind(p)) {
        err = vt_log_writer_derive(p->writer, why);
        timeout_ms = 0;
    }
    if (err == VT_OK)
        err = vt_http_batch_poll(p->batch, fd, wait_in_round(p, timeout_ms), &left, why);
    return err == VT_OK ? advance_round(p, why) : err;
}

enum vt_err
vt_publisher_step(struct vt_publisher *p, int fd, int timeout_ms, struct vt_why *why)
{
    enum vt_err err = step(p, fd, timeout_ms, why);

    if (err != VT_OK) {
        end_round(p);
        p->not_before_ms = vt_clock_monotonic_ms() + OWN_FAILURE_MS;
    }
    return err;
}

void
vt_publisher_numbers(const struct vt_publisher *p, struct vt_publisher_numbers *ret)
{
    *ret = p->numbers;
    ret->size = p->published;
}
