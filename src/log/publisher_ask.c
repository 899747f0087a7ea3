/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking witnesses: C2SP tlog-witness, client side.
 */
#include "log/publisher_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "merkle/tree.h"

#include <string.h>

/* Witnesses refuse bodies above 16 KiB; an answer is a few lines, of ML-DSA-44 some KiB each.
 */
enum { ASK_MAX = 16 * 1024, ANSWER_MAX = 64 * 1024, LINE_MAX_BYTES = 8192, SIG_MAX = 4096 };
enum { TRIES = 3 };
/* How long one that refuses is left out: twice as long each time. */
enum { REFUSED_FIRST_MS = 1000, REFUSED_DOUBLINGS = 6 };
/* The least time after which the same is said of a witness that cosigned meanwhile. */
enum { SAID_MS = 10000 };

const char *
vt_witness_answer_name(enum vt_witness_answer a)
{
    static const char *const names[VT_ANSWER_COUNT] = {
        "cosigned", "invalid", "400", "403", "404", "409", "422", "other", "none"};

    return (unsigned)a < VT_ANSWER_COUNT ? names[a] : "other";
}

static enum vt_witness_answer
answer_of_status(int status)
{
    switch (status) {
    case 400:
        return VT_ANSWER_400;
    case 403:
        return VT_ANSWER_403;
    case 404:
        return VT_ANSWER_404;
    case 409:
        return VT_ANSWER_409;
    case 422:
        return VT_ANSWER_422;
    default:
        return VT_ANSWER_OTHER;
    }
}

static size_t
find_or_add_url(struct vt_publisher *p, const char *url)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->ask[i].url, url) == 0)
            return i;
    p->ask[p->n] = (struct vt_ask){.url = url, .body = VT_BUF(ASK_MAX)};
    return p->n++;
}

void
vt_ask_set_up(struct vt_publisher *p)
{
    const struct vt_policy_party *w = NULL;
    size_t count = vt_policy_witnesses(p->policy, &w);

    for (size_t i = 0; i < count; i++) {
        if (w[i].url == NULL)
            continue;
        p->numbers.witness[p->line_count].name = w[i].name;
        p->line[p->line_count++] = (struct vt_ask_line){.witness = &w[i],
            .ask = find_or_add_url(p, w[i].url),
            .text = VT_BUF(LINE_MAX_BYTES)};
    }
    p->numbers.witness_count = p->line_count;
}

void
vt_ask_release(struct vt_publisher *p)
{
    for (size_t i = 0; i < p->n; i++) {
        vt_buf_release(&p->ask[i].body);
        vt_buf_release(
            &p->call[i].answer); /* there are no more calls than those who are asked */
    }
    for (size_t i = 0; i < p->line_count; i++)
        vt_buf_release(&p->line[i].text);
}

bool
vt_ask_is_left_out(const struct vt_publisher *p, size_t i)
{
    return p->backoff_ms == 0 && vt_clock_monotonic_ms() < p->ask[i].not_before_ms;
}

/* The body of an add-checkpoint request. */
enum vt_err
vt_ask_question(struct vt_publisher *p, size_t i, struct vt_why *why)
{
    struct vt_ask *a = &p->ask[i];
    struct vt_http_call *call = &p->call[a->call];
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
    call->base = a->url;
    call->path = "add-checkpoint";
    call->body = a->body.data;
    call->body_len = a->body.len;
    call->answer.max = ANSWER_MAX;
    return vt_buf_check(&a->body, "question to a witness", why);
}

/* The time that a line says, and whether it verifies. What this machine's libcrypto cannot
 * verify is kept when it has the form: it is for readers who can. */
static enum vt_err
judge_line(const struct vt_note *note, const struct vt_vkey *key, uint64_t *ret_time,
    struct vt_why *why)
{
    if (key->alg != VT_NOTE_COSIG_MLDSA44 || vt_mldsa_available(NULL) == VT_OK)
        return vt_cosig_verify(note, key, ret_time, why);
    for (size_t i = 0; i < note->sig_count; i++) {
        uint8_t sig[SIG_MAX];
        struct vt_reader r;
        size_t len = 0;

        if (!vt_note_sig_is(&note->sig[i], key))
            continue;
        if (vt_note_sig_bytes(&note->sig[i], sig, sizeof sig, &len, why) != VT_OK ||
            len != 8 + VT_MLDSA_SIG_SIZE)
            return vt_fail(why, VT_E_SYNTAX, "its line has another length");
        r = VT_READER(sig, len);
        return vt_reader_u64(&r, ret_time) ? VT_OK : VT_E_SYNTAX;
    }
    return vt_fail(why, VT_E_UNKNOWN, "there is no line of %s", key->name);
}

/* Takes the witness's own line when it verifies: other lines are nobody's that we asked. */
static enum vt_err
take_line(struct vt_publisher *p, size_t k, const struct vt_note *note, struct vt_why *why)
{
    struct vt_ask_line *l = &p->line[k];
    const struct vt_vkey *key = &l->witness->key;
    uint8_t sig[SIG_MAX];
    size_t len;
    uint64_t time = 0;
    enum vt_err err = judge_line(note, key, &time, why);

    if (err != VT_OK)
        return err;
    for (size_t i = 0; i < note->sig_count; i++) {
        if (!vt_note_sig_is(&note->sig[i], key))
            continue;
        err = vt_note_sig_bytes(&note->sig[i], sig, sizeof sig, &len, why);
        if (err != VT_OK)
            return err;
        vt_buf_clear(&l->text);
        vt_note_put_sig(&l->text, key->name, key->id, sig, len);
    }
    err = vt_buf_check(&l->text, "cosignature", why);
    l->there = err == VT_OK;
    if (l->there)
        p->numbers.witness[k].cosigned_s = (int64_t)time;
    return err;
}

/* Says why a witness did not cosign, once, until it is something else. */
static void
say(struct vt_ask_line *l, enum vt_witness_answer a, const char *text)
{
    if (a == l->said)
        return;
    l->said = a;
    l->said_ms = vt_clock_monotonic_ms();
    vt_log(VT_LOG_WARN, "witness %s did not cosign: %s", l->witness->name, text);
}

/* What was said of it does not hold any more. */
static void
unsay(struct vt_ask_line *l)
{
    if (l->said == VT_ANSWER_COSIGNED || vt_clock_monotonic_ms() - l->said_ms < SAID_MS)
        return;
    l->said = VT_ANSWER_COSIGNED;
    vt_log(VT_LOG_INFO, "witness %s cosigns again", l->witness->name);
}

/* It would answer the same to the next round: there is no hurry to hear that. */
static void
leave_out(struct vt_ask *a)
{
    a->not_before_ms = vt_clock_monotonic_ms() + ((int64_t)REFUSED_FIRST_MS << a->refused);
    if (a->refused < REFUSED_DOUBLINGS)
        a->refused++;
}

/* Counts an answer for all who answer by that URL; says it when it is their last. */
static void
count_answer(struct vt_publisher *p, size_t i, enum vt_witness_answer a, const char *text)
{
    for (size_t k = 0; k < p->line_count; k++) {
        if (p->line[k].ask != i)
            continue;
        p->numbers.witness[k].answers[a]++;
        if (text != NULL)
            say(&p->line[k], a, text);
    }
}

/* Status 200. *ret_any: a line is there that was not. */
static void
take_lines(struct vt_publisher *p, size_t i, bool *ret_any, struct vt_why *why)
{
    const struct vt_buf *answer = &p->call[p->ask[i].call].answer;
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_note note;
    size_t len;
    const void *signed_note = vt_log_writer_signed_note(p->writer, &len);
    enum vt_err err;

    vt_buf_put(&b, signed_note, len);
    vt_buf_put(&b, answer->data, answer->len);
    err = vt_buf_check(&b, "answer", why);
    if (err == VT_OK)
        err = vt_note_parse(b.data, b.len, &note, why);
    for (size_t k = 0; k < p->line_count; k++) {
        bool ok;

        if (p->line[k].ask != i)
            continue;
        ok = err == VT_OK && take_line(p, k, &note, why) == VT_OK;
        p->numbers.witness[k].answers[ok ? VT_ANSWER_COSIGNED : VT_ANSWER_INVALID]++;
        *ret_any = *ret_any || ok;
        if (ok)
            unsay(&p->line[k]);
        else
            say(&p->line[k], VT_ANSWER_INVALID, why->text);
    }
    vt_buf_release(&b);
}

/* 409: the witness tells what size it knows. Asks again from there. */
static bool
ask_again(struct vt_publisher *p, size_t i, struct vt_why *why)
{
    struct vt_ask *a = &p->ask[i];
    const struct vt_buf *answer = &p->call[a->call].answer;
    struct vt_reader all = VT_READER(answer->data, answer->len);
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
    return vt_ask_question(p, i, why) == VT_OK &&
           vt_http_batch_again(p->batch, a->call, why) == VT_OK;
}

static void
take_refusal(struct vt_publisher *p, size_t i, struct vt_why *why)
{
    const struct vt_http_call *c = &p->call[p->ask[i].call];
    enum vt_witness_answer a = answer_of_status(c->status);

    (void)vt_fail(why, VT_E_NET, "status %d: %.*s", c->status,
        (int)strcspn(vt_buf_str(&c->answer), "\r\n"), vt_buf_str(&c->answer));
    count_answer(p, i, a, why->text);
    if (a != VT_ANSWER_OTHER)
        leave_out(&p->ask[i]);
}

/* Status 409, which is no refusal when it tells from where to ask again. true: it was. */
static bool
take_size(struct vt_publisher *p, size_t i, struct vt_why *why)
{
    count_answer(p, i, VT_ANSWER_409, NULL);
    if (ask_again(p, i, why))
        return true;
    for (size_t k = 0; k < p->line_count; k++)
        if (p->line[k].ask == i)
            say(&p->line[k], VT_ANSWER_409, why->text);
    leave_out(&p->ask[i]);
    return false;
}

void
vt_ask_take_answer(struct vt_publisher *p, size_t i)
{
    struct vt_ask *a = &p->ask[i];
    const struct vt_http_call *c = &p->call[a->call];
    struct vt_why why = {0};
    bool any = false;

    if (c->err != VT_OK) {
        count_answer(p, i, VT_ANSWER_NONE, c->why.text);
    } else if (c->status == 409) {
        if (take_size(p, i, &why))
            return;
    } else if (c->status != 200) {
        take_refusal(p, i, &why);
    } else {
        take_lines(p, i, &any, &why);
        if (!any)
            leave_out(a);
    }
    if (any) {
        a->old_size = vt_log_writer_signed(p->writer)->size;
        a->late = 0;
        a->refused = 0;
        a->not_before_ms = 0;
        p->news = true;
    }
    a->settled = true;
}
