/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/service.h"

#include "base/file.h"
#include "base/log.h"
#include "witness/cosigner.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINES_KEPT_MAX (64U * 1024U * 1024U) /* bytes of all logs' lines in memory */
enum { SAY_MS = 10000 };

struct vt_witness {
    struct vt_witness_records *records;
    struct vt_witness_cosigner *cosigner[2]; /* Ed25519; ML-DSA or NULL */
    const struct vt_clock *clock;
    struct vt_witness_metrics metrics;
    struct vt_witness_cosign *cosign; /* room for VT_WITNESS_JOBS_MAX */
    int64_t said_ms;                  /* when a doubt that is not kept was last said */
};

static enum vt_err
start(struct vt_witness *w, const char *key_path, const char *mldsa_path, struct vt_why *why)
{
    enum vt_err err =
        vt_witness_cosigner_new(key_path, VT_NOTE_COSIG_ED25519, &w->cosigner[0], why);

    if (err == VT_OK && mldsa_path != NULL)
        err = vt_witness_cosigner_new(mldsa_path, VT_NOTE_COSIG_MLDSA44, &w->cosigner[1], why);
    return err;
}

enum vt_err
vt_witness_open(const char *dir, const char *key_path, const char *mldsa_path,
    const struct vt_witness_follow *logs, size_t log_count, const struct vt_clock *clock,
    struct vt_witness **ret, struct vt_why *why)
{
    struct vt_witness *w = calloc(1, sizeof(*w));
    enum vt_err err = VT_OK;

    if (w != NULL)
        w->cosign = calloc(VT_WITNESS_JOBS_MAX, sizeof(*w->cosign));
    if (w == NULL || w->cosign == NULL)
        err = vt_fail(why, VT_E_NOMEM, "witness: out of memory");
    /* The signers first: they are copies of this process, which is small still. */
    if (err == VT_OK) {
        w->clock = clock;
        err = start(w, key_path, mldsa_path, why);
    }
    if (err == VT_OK)
        err = vt_witness_records_open(dir, logs, log_count, &w->records, why);
    if (err != VT_OK) {
        vt_witness_free(w);
        return err;
    }
    *ret = w;
    return VT_OK;
}

enum vt_err
vt_witness_new(const char *dir, const char *key_path, const struct vt_vkey *logs,
    size_t log_count, const struct vt_clock *clock, struct vt_witness **ret, struct vt_why *why)
{
    struct vt_witness_follow *v = calloc(log_count + 1, sizeof(*v));
    enum vt_err err;

    if (v == NULL)
        return vt_fail(why, VT_E_NOMEM, "witness: out of memory");
    for (size_t i = 0; i < log_count; i++) {
        memcpy(v[i].origin, logs[i].name, sizeof(v[i].origin));
        v[i].key = logs[i];
    }
    err = vt_witness_open(dir, key_path, NULL, v, log_count, clock, ret, why);
    free(v);
    return err;
}

void
vt_witness_free(struct vt_witness *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < 2; i++)
        vt_witness_cosigner_free(w->cosigner[i]);
    vt_witness_records_free(w->records);
    free(w->cosign);
    free(w);
}

enum vt_err
vt_witness_follow(
    struct vt_witness *w, const struct vt_witness_follow *v, size_t n, struct vt_why *why)
{
    enum vt_err err = vt_witness_table_follow(vt_witness_records_table(w->records), v, n, why);

    if (err == VT_OK)
        w->metrics.reloads++;
    return err;
}

const struct vt_vkey *
vt_witness_key(const struct vt_witness *w)
{
    return vt_witness_cosigner_key(w->cosigner[0]);
}

const struct vt_vkey *
vt_witness_mldsa_key(const struct vt_witness *w)
{
    return w->cosigner[1] == NULL ? NULL : vt_witness_cosigner_key(w->cosigner[1]);
}

const struct vt_witness_table *
vt_witness_logs(const struct vt_witness *w)
{
    return vt_witness_records_table(w->records);
}

bool
vt_witness_is_sound(const struct vt_witness *w)
{
    return vt_witness_records_are_sound(w->records);
}

void
vt_witness_tick(struct vt_witness *w)
{
    vt_witness_records_tick(w->records);
}

struct vt_witness_metrics *
vt_witness_metrics(struct vt_witness *w)
{
    return &w->metrics;
}

uint64_t
vt_witness_restarts(const struct vt_witness *w)
{
    return vt_witness_cosigner_restarts(w->cosigner[0]) +
           (w->cosigner[1] == NULL ? 0 : vt_witness_cosigner_restarts(w->cosigner[1]));
}

void
vt_witness_job_init(struct vt_witness_job *job, const void *body, size_t len)
{
    *job = (struct vt_witness_job){
        .body = body, .len = len, .answer = VT_BUF(VT_NOTE_MAX), .own = VT_BUF(VT_NOTE_MAX)};
}

void
vt_witness_job_release(struct vt_witness_job *job)
{
    vt_buf_release(&job->answer);
    vt_buf_release(&job->own);
}

static void
answer(struct vt_witness_job *job, int status, const char *text)
{
    job->status = status;
    job->content_type = "text/plain; charset=utf-8";
    vt_buf_clear(&job->answer);
    vt_buf_puts(&job->answer, text);
}

static void
answer_failed(struct vt_witness_job *job)
{
    job->staged = false;
    job->retry_after_s = 1;
    answer(job, 503, "the witness cannot cosign now: try again\n");
}

/* Says it for each file that is kept, and now and then when none is. */
static void
say_doubt(struct vt_witness *w, const struct vt_witness_verdict *v, bool kept)
{
    int64_t now = vt_clock_monotonic_ms();

    if (!kept && now < w->said_ms)
        return;
    if (!kept)
        w->said_ms = now + SAY_MS;
    if (v->doubt == VT_WITNESS_SPLIT)
        vt_log(VT_LOG_ERROR, "SPLIT VIEW: the log %s signed two trees of %" PRIu64 " entries",
            v->checkpoint.origin, v->checkpoint.size);
    else
        vt_log(VT_LOG_WARN,
            "no proof that the tree of %" PRIu64 " entries of %s continues the record",
            v->checkpoint.size, v->checkpoint.origin);
}

static void
keep_evidence(struct vt_witness *w, const struct vt_witness_verdict *v)
{
    struct vt_why why = {0};
    bool kept = false;

    if (v->doubt == VT_WITNESS_SPLIT)
        w->metrics.splits++;
    else
        w->metrics.unproven++;
    if (vt_witness_records_evidence(w->records, v, &kept, &why) != VT_OK)
        vt_log(VT_LOG_ERROR, "evidence not kept: %s", why.text);
    w->metrics.evidence += kept;
    say_doubt(w, v, kept);
}

/* Whether that is the text of the log's newest checkpoint. */
static bool
is_newest(const struct vt_witness_log *log, const uint8_t *text, size_t len)
{
    return log->note != NULL && log->note_len > len && memcmp(log->note, text, len) == 0 &&
           log->note[len] == '\n';
}

/* To be signed when all that is staged is durable. */
static void
take_staged(struct vt_witness_job *job, struct vt_witness_log *log,
    const struct vt_checkpoint *c, const uint8_t *text, size_t text_len)
{
    job->staged = true;
    job->status = 200;
    job->content_type = "text/plain; charset=utf-8";
    job->log = log;
    job->checkpoint = *c;
    job->text = text;
    job->text_len = text_len;
}

/* A checkpoint that is to be cosigned. */
static void
begin_cosign(struct vt_witness *w, struct vt_witness_job *job,
    const struct vt_witness_verdict *v, uint64_t now)
{
    bool recorded = is_newest(v->log, v->note.text, v->note.text_len) && v->log->time >= now;
    struct vt_why why = {0};

    if (recorded && v->log->lines != NULL) {
        w->metrics.repeats++;
        answer(job, 200, v->log->lines);
        return;
    }
    job->time = v->log->time;
    if (now == 0 || (!recorded && vt_witness_records_stage(
                                      w->records, v, now, &job->time, &why) != VT_OK)) {
        vt_log(
            VT_LOG_ERROR, "no cosignature: %s", now == 0 ? "the clock is not set" : why.text);
        answer_failed(job);
        return;
    }
    take_staged(job, v->log, &v->checkpoint, v->note.text, v->note.text_len);
}

static void
begin_request(struct vt_witness *w, struct vt_witness_job *job, uint64_t now)
{
    struct vt_witness_verdict v;

    vt_witness_decide(vt_witness_logs(w), job->body, job->len, &v);
    job->log = v.log;
    if (v.doubt != VT_WITNESS_NO_DOUBT)
        keep_evidence(w, &v);
    if (v.status == 200) {
        begin_cosign(w, job, &v, now);
        return;
    }
    answer(job, v.status, v.status == 409 ? "" : v.why.text);
    if (v.status == 409) {
        job->content_type = "text/x.tlog.size";
        vt_buf_putf(&job->answer, "%" PRIu64, v.known);
    }
    vt_buf_puts(&job->answer, "\n");
}

/* The newest checkpoint of a log, once more: with the time of its record, so that whoever asks
 * writes nothing. In records of the older form the time is not known: then there is one. */
static void
begin_again(struct vt_witness *w, struct vt_witness_job *job, uint64_t now)
{
    struct vt_witness_log *log = job->again;
    struct vt_checkpoint c;
    struct vt_note note;
    struct vt_why why = {0};
    enum vt_err err;

    vt_buf_put(&job->own, log->note, log->note_len);
    err = now == 0 ? vt_fail(&why, VT_E_STATE, "the clock is not set")
                   : vt_buf_check(&job->own, "checkpoint", &why);
    if (err == VT_OK)
        err = vt_note_parse(job->own.data, job->own.len, &note, &why);
    if (err == VT_OK)
        err = vt_checkpoint_parse(note.text, note.text_len, &c, &why);
    job->time = log->time;
    if (err == VT_OK && log->time == 0)
        err = vt_witness_records_stage_again(w->records, log, now, &job->time, &why);
    if (err != VT_OK) {
        vt_log(VT_LOG_ERROR, "no cosignature: %s", why.text);
        answer_failed(job);
        return;
    }
    take_staged(job, log, &c, note.text, note.text_len);
    vt_buf_put(&job->answer, job->own.data, job->own.len);
}

/* What was decided upon a record that is not what it seemed is forgotten. */
static void
forget(struct vt_witness_job *job, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!job[i].staged)
            continue;
        for (size_t k = 0; k < n; k++)
            if (k != i && job[k].log == job[i].log && !job[k].staged)
                answer_failed(&job[k]);
    }
    for (size_t i = 0; i < n; i++)
        if (job[i].staged)
            answer_failed(&job[i]);
}

/* Makes what is staged durable. false: nothing may be signed. */
static bool
record(struct vt_witness *w, struct vt_witness_job *job, size_t n)
{
    size_t staged = vt_witness_records_staged(w->records);
    uint64_t begun = vt_clock_monotonic_us();
    struct vt_why why = {0};

    if (staged == 0)
        return true;
    if (vt_witness_records_commit(w->records, &why) != VT_OK) {
        w->metrics.sync_failures++;
        vt_log(VT_LOG_ERROR, "nothing is cosigned: %s", why.text);
        forget(job, n);
        return false;
    }
    vt_witness_metrics_sync(&w->metrics, staged, vt_clock_monotonic_us() - begun);
    return true;
}

/* Keeps the newest lines of a log at hand, where there is memory for those of all. */
static void
keep_lines(const struct vt_witness *w, struct vt_witness_job *job)
{
    size_t len = job->answer.len - job->lines_at;
    struct vt_witness_log *log = job->log;

    if (log->time != job->time || !is_newest(log, job->text, job->text_len) ||
        len > LINES_KEPT_MAX / (vt_witness_table_followed(vt_witness_logs(w)) + 1))
        return;
    free(log->lines);
    log->lines = strdup(vt_buf_str(&job->answer) + job->lines_at); /* or NULL: not at hand */
}

/* Signs what has been recorded. */
static void
cosign(struct vt_witness *w, struct vt_witness_job *job, size_t n)
{
    struct vt_witness_cosign *v = w->cosign;
    size_t m = 0;

    for (size_t i = 0; i < n; i++) {
        if (!job[i].staged)
            continue;
        job[i].lines_at = job[i].answer.len;
        v[m++] = (struct vt_witness_cosign){.checkpoint = &job[i].checkpoint,
            .text = job[i].text,
            .text_len = job[i].text_len,
            .time = job[i].time,
            .lines = &job[i].answer};
    }
    for (size_t i = 0; i < 2 && m > 0; i++)
        if (w->cosigner[i] != NULL)
            vt_witness_cosigner_sign(w->cosigner[i], v, m);
    m = 0;
    for (size_t i = 0; i < n; i++) {
        if (!job[i].staged)
            continue;
        if (v[m++].failed || job[i].answer.err != VT_OK)
            answer_failed(&job[i]);
        else
            keep_lines(w, &job[i]);
    }
}

void
vt_witness_process(struct vt_witness *w, struct vt_witness_job *job, size_t n)
{
    int64_t clock = vt_clock_now(w->clock);
    uint64_t now = clock < 0 ? 0 : (uint64_t)clock;

    for (size_t i = 0; i < n; i++) {
        if (job[i].again != NULL)
            begin_again(w, &job[i], now);
        else
            begin_request(w, &job[i], now);
    }
    if (record(w, job, n))
        cosign(w, job, n);
    for (size_t i = 0; i < n; i++)
        if (job[i].again == NULL)
            vt_witness_metrics_count(&w->metrics, job[i].status);
}

int
vt_witness_answer(struct vt_witness *w, const void *body, size_t len,
    const char **ret_content_type, struct vt_buf *b)
{
    struct vt_witness_job job;
    int status;

    vt_witness_job_init(&job, body, len);
    vt_witness_process(w, &job, 1);
    status = job.status;
    *ret_content_type = job.content_type;
    vt_buf_put(b, job.answer.data, job.answer.len);
    vt_witness_job_release(&job);
    return status;
}
