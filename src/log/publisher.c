/* SPDX-License-Identifier: Apache-2.0 */
#include "log/publisher.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/signer.h"
#include "http/client.h"
#include "merkle/tree.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* Witnesses refuse bodies above 16 KiB; an answer is a few lines. */
enum { ASK_MAX = 16 * 1024, ANSWER_MAX = 64 * 1024 };
enum { BACKOFF_FIRST_MS = 500, BACKOFF_MAX_MS = 30000 };
/* How long the others are waited for once the quorum is there, and how long a
 * straggler may hold up the next checkpoint. */
enum { GRACE_MS = 100, STRAGGLER_MS = 300 };
/* The pause after a failure of our own disk or signer. */
enum { OWN_FAILURE_MS = 1000 };
enum { TRIES = 3 };

struct ask {
    const struct vt_policy_party *witness;
    uint64_t old_size; /* what the witness is believed to know */
    unsigned tries;
    bool settled; /* its answer of this round was dealt with */
    bool cosigned;
    uint64_t time;
    struct vt_buf line;
    struct vt_buf body;
};

struct vt_publisher {
    struct vt_log_writer *writer;
    const struct vt_policy *policy;
    struct vt_signer *signer;
    struct vt_publisher_opts opts;
    struct vt_http *http;
    struct ask ask[VT_POLICY_PARTIES_MAX];
    struct vt_http_call call[VT_POLICY_PARTIES_MAX];
    size_t n;
    struct vt_http_batch *batch; /* a round is under way */
    int64_t began_ms;
    int64_t quorum_ms; /* when the quorum was there; 0: not yet */
    bool news;         /* cosignatures not published yet */
    bool published_any;
    uint64_t published;
    int64_t published_ms;
    int64_t not_before_ms;
    int64_t backoff_ms;
};

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
    const struct vt_policy_party *w = NULL;
    struct vt_http_limits limits = {0};
    size_t count = vt_policy_witnesses(p->policy, &w);
    enum vt_err err;

    if (opts != NULL)
        p->opts = *opts;
    if (p->opts.interval_ms <= 0)
        p->opts.interval_ms = 100;
    if (p->opts.witness_ms <= 0)
        p->opts.witness_ms = 8000;
    if (p->opts.refresh_s <= 0)
        p->opts.refresh_s = 3600;
    for (size_t i = 0; i < count; i++)
        if (w[i].url != NULL)
            p->ask[p->n++] =
                (struct ask){.witness = &w[i], .line = VT_BUF(4096), .body = VT_BUF(ASK_MAX)};
    limits.connect_ms = p->opts.witness_ms;
    limits.total_ms = p->opts.witness_ms;
    err = check_policy(p, &log, why);
    if (err == VT_OK)
        err = load_published(p, log, why);
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
    for (size_t i = 0; i < p->n; i++) {
        vt_buf_release(&p->ask[i].line);
        vt_buf_release(&p->ask[i].body);
        vt_buf_release(&p->call[i].answer);
    }
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

/* The body of an add-checkpoint request. */
static enum vt_err
make_question(struct vt_publisher *p, size_t i, struct vt_why *why)
{
    struct ask *a = &p->ask[i];
    const struct vt_checkpoint *c = vt_log_writer_signed(p->writer);
    struct vt_proof proof = {0};
    size_t note_len;
    const void *note = vt_log_writer_signed_note(p->writer, &note_len);
    enum vt_err err = VT_OK;

    if (a->old_size > 0 && a->old_size < c->size)
        err = vt_log_writer_prove(p->writer, a->old_size, c->size, &proof, why);
    if (err != VT_OK)
        return err;
    vt_buf_clear(&a->body);
    vt_buf_putf(&a->body, "old %llu\n", (unsigned long long)a->old_size);
    for (size_t k = 0; k < proof.len; k++) {
        vt_buf_put_b64(&a->body, proof.hash[k].b, VT_DIGEST_SIZE);
        vt_buf_puts(&a->body, "\n");
    }
    vt_buf_puts(&a->body, "\n");
    vt_buf_put(&a->body, note, note_len);
    p->call[i].base = a->witness->url;
    p->call[i].path = "add-checkpoint";
    p->call[i].body = a->body.data;
    p->call[i].body_len = a->body.len;
    p->call[i].answer.max = ANSWER_MAX;
    return vt_buf_check(&a->body, "question to a witness", why);
}

static enum vt_err
begin_round(struct vt_publisher *p, struct vt_why *why)
{
    enum vt_err err = vt_log_writer_sign(p->writer, p->signer, why);

    p->began_ms = vt_clock_monotonic_ms();
    p->quorum_ms = 0;
    p->news = true; /* with `quorum none` there is nobody to wait for */
    for (size_t i = 0; i < p->n && err == VT_OK; i++) {
        p->ask[i].settled = false;
        p->ask[i].cosigned = false;
        p->ask[i].tries = 1;
        err = make_question(p, i, why);
    }
    if (err == VT_OK)
        err = vt_http_batch_new(p->http, p->call, p->n, &p->batch, why);
    return err;
}

/* Takes the witness's own valid cosignature from its answer: other lines are
 * nobody's that we asked. */
static bool
take_cosignature(struct vt_publisher *p, size_t i, struct vt_why *why)
{
    struct ask *a = &p->ask[i];
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_note note;
    uint8_t sig[256];
    size_t sig_len;
    size_t len;
    const void *signed_note = vt_log_writer_signed_note(p->writer, &len);
    bool ok = false;

    vt_buf_put(&b, signed_note, len);
    vt_buf_put(&b, p->call[i].answer.data, p->call[i].answer.len);
    if (vt_buf_check(&b, "answer", why) != VT_OK ||
        vt_note_parse(b.data, b.len, &note, why) != VT_OK ||
        vt_cosig_verify(&note, &a->witness->key, &a->time, why) != VT_OK)
        goto out;
    for (size_t k = 0; k < note.sig_count && !ok; k++) {
        const struct vt_note_sig *s = &note.sig[k];

        if (s->id != a->witness->key.id || s->name_len != strlen(a->witness->key.name) ||
            memcmp(s->name, a->witness->key.name, s->name_len) != 0 ||
            vt_note_sig_bytes(s, sig, sizeof(sig), &sig_len, why) != VT_OK)
            continue;
        vt_buf_clear(&a->line);
        vt_note_put_sig(&a->line, a->witness->key.name, s->id, sig, sig_len);
        ok = a->line.err == VT_OK;
    }
out:
    vt_buf_release(&b);
    return ok;
}

/* 409: the witness tells what size it knows. Asks again from there. */
static bool
ask_again(struct vt_publisher *p, size_t i, struct vt_why *why)
{
    struct ask *a = &p->ask[i];
    struct vt_reader all = VT_READER(p->call[i].answer.data, p->call[i].answer.len);
    struct vt_reader line;
    uint64_t size;

    if (!vt_reader_line(&all, &line) || all.left != 0 ||
        !vt_reader_decimal(&line, INT64_MAX, &size)) {
        (void)vt_fail(why, VT_E_SYNTAX, "status 409 without a size");
        return false;
    }
    if (size > vt_log_writer_signed(p->writer)->size) {
        (void)vt_fail(why, VT_E_ROLLBACK,
            "it has cosigned %llu entries but this log holds fewer: was an old copy put back?",
            (unsigned long long)size);
        return false;
    }
    a->old_size = size;
    if (a->tries++ >= TRIES) {
        (void)vt_fail(why, VT_E_STATE, "it keeps naming other sizes");
        return false;
    }
    return make_question(p, i, why) == VT_OK && vt_http_batch_again(p->batch, i, why) == VT_OK;
}

static void
take_answer(struct vt_publisher *p, size_t i)
{
    struct ask *a = &p->ask[i];
    struct vt_http_call *c = &p->call[i];
    struct vt_why why = {0};

    if (c->err != VT_OK) {
        why = c->why;
    } else if (c->status == 409) {
        if (ask_again(p, i, &why))
            return;
    } else if (c->status != 200) {
        (void)vt_fail(&why, VT_E_NET, "status %d: %.*s", c->status,
            (int)strcspn(vt_buf_str(&c->answer), "\r\n"), vt_buf_str(&c->answer));
    } else if (take_cosignature(p, i, &why)) {
        a->cosigned = true;
        a->old_size = vt_log_writer_signed(p->writer)->size;
        p->news = true;
    }
    a->settled = true;
    if (!a->cosigned)
        vt_log(VT_LOG_WARN, "witness %s did not cosign: %s", a->witness->name, why.text);
}

/* The signed note with the cosignatures that are there. */
static enum vt_err
put_note(struct vt_publisher *p, struct vt_buf *b, struct vt_why *why)
{
    size_t len;
    const void *note = vt_log_writer_signed_note(p->writer, &len);

    vt_buf_put(b, note, len);
    for (size_t i = 0; i < p->n; i++)
        if (p->ask[i].cosigned)
            vt_buf_put(b, p->ask[i].line.data, p->ask[i].line.len);
    return vt_buf_check(b, "checkpoint", why);
}

/* Publishes when the quorum is there and nobody is worth waiting for. */
static enum vt_err
maybe_publish(struct vt_publisher *p, bool all_settled, struct vt_why *why)
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
        if (all_settled || now - p->quorum_ms >= GRACE_MS) {
            err = vt_log_writer_publish(p->writer, b.data, b.len, why);
            if (err == VT_OK) {
                p->news = false;
                p->published_any = true;
                p->published = c.size;
                p->published_ms = now;
                p->backoff_ms = 0;
            }
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
    if (put_note(p, &b, &why) != VT_OK ||
        vt_policy_check_checkpoint(p->policy, b.data, b.len, &c, &time, &why) != VT_OK)
        vt_log(VT_LOG_WARN, "checkpoint of %llu entries not published: %s",
            (unsigned long long)vt_log_writer_signed(p->writer)->size, why.text);
    vt_buf_release(&b);
}

/* Deals with what the poll brought; ends the round when it is over. */
static enum vt_err
advance_round(struct vt_publisher *p, struct vt_why *why)
{
    int64_t now = vt_clock_monotonic_ms();
    bool all_settled = true;
    bool hurry;
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < p->n; i++) {
        if (p->call[i].done && !p->ask[i].settled)
            take_answer(p, i);
        all_settled = all_settled && p->ask[i].settled;
    }
    if (p->news)
        err = maybe_publish(p, all_settled, why);
    hurry = p->quorum_ms > 0 && !p->news && now - p->quorum_ms > STRAGGLER_MS &&
            !vt_publisher_is_idle(p);
    if (err != VT_OK || all_settled || hurry) {
        if (all_settled && p->quorum_ms == 0)
            round_failed(p);
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

enum vt_err
vt_publisher_step(struct vt_publisher *p, int fd, int timeout_ms, struct vt_why *why)
{
    enum vt_err err;
    size_t left;

    if (p->batch == NULL) {
        struct pollfd pf = {.fd = fd, .events = POLLIN};
        int64_t due = due_in(p);

        if (due > 0) {
            (void)poll(&pf, 1, due < timeout_ms ? (int)due : timeout_ms);
            return VT_OK;
        }
        err = begin_round(p, why);
        if (err != VT_OK) {
            end_round(p);
            p->not_before_ms = vt_clock_monotonic_ms() + OWN_FAILURE_MS;
            return err;
        }
    }
    if (p->quorum_ms > 0 && timeout_ms > GRACE_MS)
        timeout_ms = GRACE_MS;
    err = vt_http_batch_poll(p->batch, fd, timeout_ms, &left, why);
    if (err == VT_OK)
        err = advance_round(p, why);
    return err;
}
