/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Submitting to a site: docs/formats/site-http.md.
 */
#include "base/clock.h"
#include "http/client.h"
#include "log/gate.h"
#include "log/reader.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ANSWER_MAX = 4096, POLL_FIRST_MS = 20, POLL_MAX_MS = 500 };

/* A status that says no, as one of our errors. */
static enum vt_err
fail_status(
    int status, const char *url, const char *path, const struct vt_buf *b, struct vt_why *why)
{
    const char *text = vt_buf_str(b);
    enum vt_err err = VT_E_NET;

    if (status == 400)
        err = VT_E_SYNTAX;
    else if (status == 403)
        err = VT_E_UNKNOWN;
    else if (status == 409)
        err = VT_E_STATE;
    else if (status == 413)
        err = VT_E_LIMIT;
    else if (status == 422)
        err = VT_E_SIG;
    return vt_fail(why, err, "POST %s/%s: HTTP status %d: %.*s", url, path, status,
        (int)strcspn(text, "\r\n"), text);
}

static enum vt_err
post(struct vt_http *h, const char *url, const char *path, const void *data, size_t len,
    struct vt_buf *b, struct vt_why *why)
{
    int status = 0;
    enum vt_err err = vt_http_post(h, url, path, NULL, data, len, &status, b, why);

    if (err != VT_OK)
        return err;
    return status == 200 ? VT_OK : fail_status(status, url, path, b, why);
}

enum vt_err
vt_log_submit_object(struct vt_http *h, const char *url, const void *data, size_t len,
    struct vt_digest *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(ANSWER_MAX);
    struct vt_digest d;
    char hex[VT_DIGEST_HEX_SIZE];
    char line[8 + VT_DIGEST_HEX_SIZE];
    enum vt_err err = post(h, url, "objects", data, len, &b, why);

    if (err == VT_OK) {
        vt_digest_of(data, len, &d);
        vt_digest_hex(&d, hex);
        (void)snprintf(line, sizeof(line), "sha256:%s\n", hex);
        if (strcmp(vt_buf_str(&b), line) == 0)
            *ret = d;
        else
            err = vt_fail(why, VT_E_DIGEST, "POST %s/objects: it stored something else", url);
    }
    vt_buf_release(&b);
    return err;
}

/* What is answered with an index. */
static enum vt_err
post_indexed(struct vt_http *h, const char *url, const char *path, const void *data, size_t len,
    uint64_t *ret_index, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(ANSWER_MAX);
    enum vt_err err = post(h, url, path, data, len, &b, why);

    if (err == VT_OK) {
        struct vt_reader all = VT_READER(b.data, b.len);
        struct vt_reader line;

        if (!vt_reader_line(&all, &line) || all.left != 0 ||
            !vt_reader_decimal(&line, INT64_MAX, ret_index))
            err = vt_fail(why, VT_E_SYNTAX, "POST %s/%s: the answer is no index", url, path);
    }
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_log_submit_entry(struct vt_http *h, const char *url, const void *entry, size_t len,
    uint64_t *ret_index, struct vt_why *why)
{
    return post_indexed(h, url, "add", entry, len, ret_index, why);
}

enum vt_err
vt_log_submit_review(struct vt_http *h, const char *url, const struct vt_slice *document,
    const struct vt_slice *entry, uint64_t *ret_index, struct vt_why *why)
{
    struct vt_buf body = VT_BUF(VT_GATE_REVIEW_MAX);
    enum vt_err err;

    if (document->len > VT_GATE_REVIEW_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "a review document has at most %u bytes", VT_GATE_REVIEW_MAX);
    vt_buf_put_u32(&body, (uint32_t)document->len);
    vt_buf_put(&body, document->data, document->len);
    vt_buf_put(&body, entry->data, entry->len);
    err = vt_buf_check(&body, "a review", why);
    if (err == VT_OK)
        err = post_indexed(h, url, "review", body.data, body.len, ret_index, why);
    vt_buf_release(&body);
    return err;
}

static void
sleep_ms(int64_t ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};

    while (nanosleep(&ts, &ts) != 0)
        continue;
}

/* Whether the published checkpoint covers the index by now. */
static enum vt_err
covers(struct vt_http *h, const char *url, const struct vt_policy *policy, uint64_t index,
    bool *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_checkpoint c;
    uint64_t time;
    enum vt_err err = vt_http_get(h, url, "checkpoint", &b, why);

    if (err == VT_OK) {
        err = vt_policy_check_checkpoint(policy, b.data, b.len, &c, &time, why);
        if (err == VT_OK)
            *ret = c.size > index;
        else
            err = vt_fail_in(why, err, "the checkpoint of %s", url);
    }
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_log_wait_published(struct vt_http *h, const char *url, const struct vt_policy *policy,
    uint64_t index, int64_t timeout_ms, struct vt_why *why)
{
    int64_t end = vt_clock_monotonic_ms() + timeout_ms;
    int64_t pause = POLL_FIRST_MS;
    bool there = false;

    for (;;) {
        enum vt_err err = covers(h, url, policy, index, &there, why);

        if (err == VT_OK && there)
            return VT_OK;
        /* 404: a site that has published nothing yet. */
        if (err != VT_OK && err != VT_E_NOENT)
            return err;
        if (vt_clock_monotonic_ms() + pause > end)
            return vt_fail(why, VT_E_TIMEOUT,
                "%s published no checkpoint with entry %llu in %lld s: are its witnesses up?",
                url, (unsigned long long)index, (long long)(timeout_ms / 1000));
        sleep_ms(pause);
        pause = pause * 2 > POLL_MAX_MS ? POLL_MAX_MS : pause * 2;
    }
}
