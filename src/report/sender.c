/* SPDX-License-Identifier: Apache-2.0 */
#include "report/sender.h"

#include "base/clock.h"
#include "crypto/digest.h"
#include "http/client.h"
#include "report/batch.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_FILE "url"
enum {
    PAUSE_FIRST_MS = 500,
    PAUSE_MAX_MS = 60000,
    FETCH_EVERY_MS = 3600000, /* a policy may change without a vault saying so */
    STEP_MAX_MS = 1000,       /* of one wait while a call is under way */
    ANSWER_MAX = 65536,
};

struct vt_sender {
    struct vt_spool *spool;
    struct vt_known *known;
    char url[VT_SENDER_URLS_MAX + 1][VT_SENDER_URL_MAX]; /* the last: as an answer named it */
    size_t url_count;                                    /* of those given */
    size_t at;                                           /* the one in use */
    char site[VT_KEY_NAME_MAX + 1];                      /* whose vault it is taken for */
    struct vt_http *posts;
    struct vt_http *gets;
    struct vt_http_batch *under_way; /* NULL: nothing is being sent */
    struct vt_http_call call;
    struct vt_buf body;
    uint64_t seq;
    int64_t not_before_ms; /* monotonic */
    int64_t fetched_ms;
    unsigned misdirected; /* 421s in a row */
    struct vt_sender_status status;
};

static bool
url_ok(const char *s)
{
    return (strncmp(s, "http://", 7) == 0 || strncmp(s, "https://", 8) == 0) &&
           strlen(s) < VT_SENDER_URL_MAX && strpbrk(s, " \t\r\n\"'<>") == NULL;
}

/* ---- The vault's address, as an answer named it before. ---- */

static enum vt_err
save_url(struct vt_sender *s, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char line[VT_SENDER_URL_MAX + VT_KEY_NAME_MAX + 4];
    enum vt_err err = vt_spool_path(s->spool, URL_FILE, path, why);

    (void)snprintf(line, sizeof line, "%s %s\n", s->site, s->url[s->url_count]);
    return err == VT_OK ? vt_file_replace(path, 0600, line, strlen(line), why) : err;
}

/* It counts while the policy still says that site. */
static void
load_url(struct vt_sender *s)
{
    struct vt_buf b = VT_BUF(VT_SENDER_URL_MAX + VT_KEY_NAME_MAX + 4);
    struct vt_reader r, line, site;
    char path[VT_PATH_MAX];
    char url[VT_SENDER_URL_MAX];

    if (vt_spool_path(s->spool, URL_FILE, path, NULL) == VT_OK &&
        vt_file_read(path, &b, NULL) == VT_OK) {
        r = VT_READER(b.data, b.len);
        if (vt_reader_line(&r, &line) && vt_reader_word(&line, ' ', &site) &&
            vt_reader_is(&site, s->site) && vt_reader_cstr(&line, url, sizeof url) &&
            url_ok(url)) {
            memcpy(s->url[s->url_count], url, sizeof url);
            s->at = s->url_count;
        }
    }
    vt_buf_release(&b);
}

static void
look_at_known(struct vt_sender *s)
{
    struct vt_known_facts f;

    if (vt_known_get(s->known, &f))
        memcpy(s->site, f.site, sizeof s->site);
}

enum vt_err
vt_sender_new(const struct vt_sender_opts *opts, struct vt_sender **ret, struct vt_why *why)
{
    static const struct vt_http_limits posts = {.connect_ms = 10000, .total_ms = 120000};
    static const struct vt_http_limits gets = {.connect_ms = 5000, .total_ms = 10000};
    struct vt_sender *s;
    enum vt_err err = VT_OK;

    if (opts->url_count == 0 || opts->url_count > VT_SENDER_URLS_MAX)
        return vt_fail(
            why, VT_E_USAGE, "1 to %u URLs of vaults are needed", VT_SENDER_URLS_MAX);
    for (size_t i = 0; i < opts->url_count; i++)
        if (!url_ok(opts->url[i]))
            return vt_fail(why, VT_E_USAGE, "%s: not an http:// or https:// URL", opts->url[i]);
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a sender");
    s->spool = opts->spool;
    s->known = opts->known;
    s->body = VT_BUF(VT_BATCH_MAX);
    s->url_count = opts->url_count;
    for (size_t i = 0; i < opts->url_count; i++)
        memcpy(s->url[i], opts->url[i], strlen(opts->url[i]) + 1);
    look_at_known(s);
    load_url(s);
    s->fetched_ms = vt_clock_monotonic_ms();
    err = vt_http_new(&posts, &s->posts, why);
    if (err == VT_OK)
        err = vt_http_new(&gets, &s->gets, why);
    if (err != VT_OK) {
        vt_sender_free(s);
        return err;
    }
    *ret = s;
    return VT_OK;
}

void
vt_sender_free(struct vt_sender *s)
{
    if (s == NULL)
        return;
    vt_http_batch_free(s->under_way);
    vt_http_free(s->posts);
    vt_http_free(s->gets);
    vt_buf_release(&s->call.answer);
    vt_buf_release(&s->body);
    free(s);
}

void
vt_sender_status(const struct vt_sender *s, struct vt_sender_status *ret)
{
    *ret = s->status;
    memcpy(ret->url, s->url[s->at], sizeof ret->url);
}

enum vt_err
vt_sender_fetch(struct vt_sender *s, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < s->url_count; i++) {
        vt_why_clear(why);
        err = vt_known_fetch(s->known, s->gets, s->url[i], why);
        if (err == VT_OK) {
            s->at = i;
            s->fetched_ms = vt_clock_monotonic_ms();
            look_at_known(s);
            return VT_OK;
        }
    }
    return err;
}

/* ---- Pauses. ---- */

static void
note_failure(struct vt_sender *s, const struct vt_why *why)
{
    s->status.last = *why;
    s->status.failures++;
}

static void
pause_for(struct vt_sender *s, unsigned retry_after_s)
{
    int64_t ms = PAUSE_FIRST_MS;
    uint16_t chance = 0;

    for (unsigned i = 1; i < s->status.failures && ms < PAUSE_MAX_MS; i++)
        ms *= 2;
    if (ms > PAUSE_MAX_MS)
        ms = PAUSE_MAX_MS;
    if (vt_random(&chance, sizeof chance, NULL) == VT_OK)
        ms -= ms * chance / (2 * 65536);
    if (ms < (int64_t)retry_after_s * 1000)
        ms = (int64_t)retry_after_s * 1000 + chance / 256;
    s->not_before_ms = vt_clock_monotonic_ms() + ms;
}

static void
fail_and_pause(struct vt_sender *s, const struct vt_why *why, unsigned retry_after_s)
{
    note_failure(s, why);
    pause_for(s, retry_after_s);
}

/* ---- What becomes of a batch. ---- */

static void
lay_aside(struct vt_sender *s, const struct vt_why *reason, struct vt_sender_news *news)
{
    struct vt_why why = {{0}};

    if (vt_spool_refuse(s->spool, s->seq, &why) != VT_OK) {
        fail_and_pause(s, &why, 0);
        return;
    }
    s->status.last = *reason;
    s->status.refused++;
    news->moved = true;
}

/* ---- A region that moved. ---- */

/* The address at the end of "... at URL". A vault reached by TLS names none without. */
static bool
named_url(const struct vt_sender *s, char ret[VT_SENDER_URL_MAX])
{
    struct vt_reader r = VT_READER(s->call.answer.data, s->call.answer.len);
    struct vt_reader line;
    char text[VT_SENDER_URL_MAX + 512];
    const char *at = NULL;

    if ((!vt_reader_line(&r, &line) && !vt_reader_word(&r, '\n', &line)) ||
        !vt_reader_cstr(&line, text, sizeof text))
        return false;
    for (const char *p = strstr(text, " at http"); p != NULL; p = strstr(p + 1, " at http"))
        at = p + 4;
    if (at == NULL || !url_ok(at) ||
        (strncmp(s->url[s->at], "https:", 6) == 0 && strncmp(at, "https:", 6) != 0))
        return false;
    memcpy(ret, at, strlen(at) + 1);
    return true;
}

/* Fetches from the vault in use (*ret_own then), else from any other that answers. */
static enum vt_err
fetch_again(struct vt_sender *s, bool *ret_own, struct vt_why *why)
{
    enum vt_err err = vt_known_fetch(s->known, s->gets, s->url[s->at], why);

    *ret_own = err == VT_OK;
    for (size_t i = 0; i < s->url_count && err != VT_OK; i++)
        if (i != s->at) {
            vt_why_clear(why);
            err = vt_known_fetch(s->known, s->gets, s->url[i], why);
        }
    s->fetched_ms = vt_clock_monotonic_ms();
    return err;
}

static void
take_named_url(struct vt_sender *s, const char *url, struct vt_why *why)
{
    memcpy(s->url[s->url_count], url, strlen(url) + 1);
    s->at = s->url_count;
    if (save_url(s, why) != VT_OK)
        note_failure(s, why);
}

/* Whether the batch was made under a policy or key that is over: the vault says so, and its own
 * policy is the newest that is known. Policies never go back, so no vault will take it. */
static bool
is_over(const struct vt_sender *s, const struct vt_known_facts *f)
{
    struct vt_reader r = VT_READER(s->call.answer.data, s->call.answer.len);
    struct vt_batch_header h;
    struct vt_digest key;
    const uint8_t *blocks;

    if (vt_batch_parse(s->body.data, s->body.len, &h, &blocks, NULL) != VT_OK)
        return false;
    vt_batch_key_id(&f->key, &key);
    return (vt_reader_skip(&r, "policy:") && !vt_digest_eq(&h.policy, &f->policy)) ||
           (vt_reader_skip(&r, "key:") && !vt_digest_eq(&h.key_id, &key));
}

/* Each of the others is tried at once, and then all again after a pause. */
static void
try_another(struct vt_sender *s, const struct vt_why *why)
{
    s->at = s->at >= s->url_count ? 0 : (s->at + 1) % s->url_count;
    if (s->misdirected++ < s->url_count && s->url_count > 1)
        return;
    s->misdirected = 0;
    fail_and_pause(s, why, s->call.retry_after_s);
}

/* 421: the vault in use does not keep the region, or not under what the batch was made by. */
static void
redirect(struct vt_sender *s, const struct vt_why *answer, struct vt_sender_news *news)
{
    char url[VT_SENDER_URL_MAX];
    struct vt_known_facts f = {0};
    struct vt_why why = {{0}};
    bool own, moved;

    if (fetch_again(s, &own, &why) != VT_OK) {
        fail_and_pause(s, &why, s->call.retry_after_s);
        return;
    }
    news->known_changed = true;
    moved = vt_known_get(s->known, &f) && strcmp(f.site, s->site) != 0;
    look_at_known(s);
    if (own && is_over(s, &f))
        lay_aside(s, answer, news);
    else if (moved && named_url(s, url))
        take_named_url(s, url, &why);
    else
        try_another(s, answer);
}

/* ---- Answers. ---- */

static uint64_t
records_of(const struct vt_buf *batch)
{
    struct vt_batch_header h;
    const uint8_t *blocks;
    uint64_t n = 0;

    if (vt_batch_parse(batch->data, batch->len, &h, &blocks, NULL) != VT_OK)
        return 0;
    for (size_t i = 0; i < h.block_count; i++) {
        struct vt_block_row row;

        vt_batch_row(&h, i, &row);
        n += row.records;
    }
    return n;
}

static void
acknowledged(struct vt_sender *s, struct vt_sender_news *news)
{
    struct vt_why why = {{0}};

    if (vt_spool_drop(s->spool, s->seq, &why) != VT_OK) {
        fail_and_pause(s, &why, 0);
        return;
    }
    s->status.batches++;
    s->status.bytes += s->body.len;
    s->status.records += records_of(&s->body);
    s->status.failures = 0;
    s->misdirected = 0;
    news->moved = true;
}

static void
say_answer(const struct vt_sender *s, struct vt_why *why)
{
    const char *line = vt_buf_str(&s->call.answer);
    size_t len = strcspn(line, "\r\n");

    (void)vt_fail(why, VT_E_NET, "%s answers %d%s%.*s", s->url[s->at], s->call.status,
        len > 0 ? ": " : "", len > 200 ? 200 : (int)len, line);
}

static void
answered(struct vt_sender *s, struct vt_sender_news *news)
{
    struct vt_why why = {{0}};

    if (s->call.err != VT_OK) {
        fail_and_pause(s, &s->call.why, 0);
        return;
    }
    say_answer(s, &why);
    switch (s->call.status) {
    case 200:
        acknowledged(s, news);
        break;
    case 421:
        redirect(s, &why, news);
        break;
    case 400:
    case 413:
    case 422:
        lay_aside(s, &why, news);
        break;
    default:
        fail_and_pause(s, &why, s->call.retry_after_s);
        break;
    }
}

/* ---- Turns. ---- */

static void
end_call(struct vt_sender *s)
{
    vt_http_batch_free(s->under_way);
    s->under_way = NULL;
    vt_buf_release(&s->call.answer);
}

/* Begins to send the first that waits. */
static void
begin(struct vt_sender *s, struct vt_sender_news *news)
{
    struct vt_batch_header h;
    const uint8_t *blocks;
    struct vt_why why = {{0}};
    enum vt_err err = vt_spool_first(s->spool, &s->seq, &s->body, &why);

    if (err == VT_E_NOENT)
        return;
    if (err == VT_OK)
        err = vt_batch_parse(s->body.data, s->body.len, &h, &blocks, &why);
    if (err == VT_E_SYNTAX || err == VT_E_LIMIT) {
        lay_aside(s, &why, news); /* the disk spoilt it */
        return;
    }
    s->call = (struct vt_http_call){.base = s->url[s->at],
        .path = VT_SENDER_BATCHES_PATH,
        .content_type = "application/octet-stream",
        .body = s->body.data,
        .body_len = s->body.len,
        .answer = VT_BUF(ANSWER_MAX)};
    if (err == VT_OK)
        err = vt_http_batch_new(s->posts, &s->call, 1, &s->under_way, &why);
    if (err != VT_OK)
        fail_and_pause(s, &why, 0);
}

static void
refresh(struct vt_sender *s, struct vt_sender_news *news)
{
    struct vt_why why = {{0}};

    if (vt_clock_monotonic_ms() - s->fetched_ms < FETCH_EVERY_MS)
        return;
    s->fetched_ms = vt_clock_monotonic_ms();
    if (vt_known_fetch(s->known, s->gets, s->url[s->at], &why) == VT_OK)
        news->known_changed = true;
    else
        s->status.last = why;
}

/* The least of the two; -1 is for ever. */
static int64_t
sooner(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

static void
wait_idle(const struct vt_sender *s, int wake_fd, int64_t wait_ms)
{
    struct pollfd p = {.fd = wake_fd, .events = POLLIN};
    int64_t pause = s->not_before_ms - vt_clock_monotonic_ms();
    struct vt_spool_status waiting;

    vt_spool_status(s->spool, &waiting);
    if (waiting.batches > 0)
        wait_ms = sooner(wait_ms, pause > 0 ? pause : 0);
    wait_ms = sooner(wait_ms, FETCH_EVERY_MS);
    (void)poll(&p, 1, (int)wait_ms);
}

static void
wait_answer(struct vt_sender *s, int wake_fd, int64_t wait_ms, struct vt_sender_news *news)
{
    struct vt_why why = {{0}};
    size_t left = 1;

    if (vt_http_batch_poll(
            s->under_way, wake_fd, (int)sooner(wait_ms, STEP_MAX_MS), &left, &why) != VT_OK) {
        end_call(s);
        fail_and_pause(s, &why, 0);
        return;
    }
    if (left > 0)
        return;
    answered(s, news);
    end_call(s);
}

void
vt_sender_turn(struct vt_sender *s, int wake_fd, int64_t wait_ms, struct vt_sender_news *ret)
{
    *ret = (struct vt_sender_news){0};
    refresh(s, ret);
    if (s->under_way == NULL && vt_clock_monotonic_ms() >= s->not_before_ms)
        begin(s, ret);
    if (s->under_way != NULL)
        wait_answer(s, wake_fd, wait_ms, ret);
    else if (!ret->moved)
        wait_idle(s, wake_fd, wait_ms);
}
