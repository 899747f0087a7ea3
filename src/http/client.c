/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include "http/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RETRY_FIRST_MS = 200, RETRY_MAX_MS = 5000 };

enum vt_err
vt_http_new(const struct vt_http_limits *limits, struct vt_http **ret, struct vt_why *why)
{
    struct vt_http *h = NULL;
    enum vt_err err = vt_transfer_start(why);

    if (err != VT_OK)
        return err;
    h = calloc(1, sizeof(*h));
    if (h == NULL)
        return vt_fail(why, VT_E_NOMEM, "HTTP client: out of memory");
    if (limits != NULL)
        h->limits = *limits;
    if (h->limits.connect_ms <= 0)
        h->limits.connect_ms = 10000;
    if (h->limits.total_ms <= 0)
        h->limits.total_ms = 600000;
    if (h->limits.rate_floor <= 0)
        h->limits.rate_floor = 100;
    h->easy = curl_easy_init();
    h->multi = curl_multi_init();
    if (h->easy == NULL || h->multi == NULL)
        err = vt_fail(why, VT_E_NOMEM, "HTTP client: libcurl gives no handle");
    if (err == VT_OK)
        err = vt_identity_load(h, why);
    if (err != VT_OK) {
        vt_http_free(h);
        return err;
    }
    *ret = h;
    return VT_OK;
}

void
vt_http_free(struct vt_http *h)
{
    if (h == NULL)
        return;
    curl_easy_cleanup(h->easy);
    curl_multi_cleanup(h->multi);
    vt_identity_release(h);
    free(h);
}

static void
pause_before_retry(unsigned tried)
{
    int64_t ms = RETRY_FIRST_MS;
    struct timespec ts;

    for (unsigned i = 0; i < tried && ms < RETRY_MAX_MS; i++)
        ms *= 2;
    if (ms > RETRY_MAX_MS)
        ms = RETRY_MAX_MS;
    ts.tv_sec = ms / 1000;
    ts.tv_nsec = (ms % 1000) * 1000000;
    while (nanosleep(&ts, &ts) != 0)
        continue;
}

/* Runs a transfer, again when that may help; t->reset puts its sink back. */
static enum vt_err
run(struct vt_http *h, struct vt_transfer *t, struct vt_why *why)
{
    enum vt_err err;

    for (unsigned tried = 0;; tried++) {
        CURLcode rc;

        err = vt_transfer_setup(t, h, h->easy, why);
        if (err != VT_OK)
            return err;
        rc = curl_easy_perform(h->easy);
        err = vt_transfer_finish(t, h->easy, rc, why);
        if (tried >= h->limits.retries || !vt_transfer_may_retry(t, err))
            return err;
        pause_before_retry(tried);
        err = vt_transfer_rewind(t, why);
        if (err != VT_OK)
            return err;
    }
}

enum vt_err
vt_http_get(
    struct vt_http *h, const char *base, const char *path, struct vt_buf *b, struct vt_why *why)
{
    struct vt_transfer t = {.base = base, .path = path, .fd = -1, .sink = b};
    enum vt_err err;

    if (vt_buf_check(b, "answer", why) != VT_OK)
        return b->err;
    t.sink_start = b->len;
    err = run(h, &t, why);
    if (err == VT_OK)
        err = vt_transfer_status_ok(&t, why);
    if (err != VT_OK)
        vt_transfer_cut_sink(&t);
    vt_transfer_release(&t);
    return err;
}

/* Takes 206, and 200 for a file that is just the range. */
static enum vt_err
range_ok(struct vt_transfer *t, uint64_t offset, size_t len, struct vt_why *why)
{
    const size_t got = t->sink->len - t->sink_start;

    if (got == len && (t->status == 206 || (t->status == 200 && offset == 0)))
        return VT_OK;
    if (t->status == 200 || t->status == 206)
        return vt_fail(why, VT_E_NET, "GET %s: asked for bytes %s and got %zu others", t->url,
            t->range, got);
    return vt_transfer_status_ok(t, why);
}

enum vt_err
vt_http_get_range(struct vt_http *h, const char *base, const char *path, uint64_t offset,
    size_t len, struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf part = VT_BUF(len > 65536 ? len : 65536);
    char range[48];
    struct vt_transfer t = {
        .base = base, .path = path, .range = range, .fd = -1, .sink = &part};
    enum vt_err err;

    (void)snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)offset,
        (unsigned long long)(offset + len - 1));
    err = run(h, &t, why);
    if (err == VT_OK)
        err = range_ok(&t, offset, len, why);
    if (err == VT_OK) {
        vt_buf_put(b, part.data, part.len);
        err = vt_buf_check(b, "answer", why);
    }
    vt_transfer_release(&t);
    vt_buf_release(&part);
    return err;
}

enum vt_err
vt_http_get_fd(struct vt_http *h, const char *base, const char *path, int fd, uint64_t len_max,
    void (*tick)(void *ctx, uint64_t done), void *tick_ctx, struct vt_digest *ret,
    uint64_t *ret_len, struct vt_why *why)
{
    struct vt_transfer t = {.base = base,
        .path = path,
        .fd = fd,
        .fd_start = lseek(fd, 0, SEEK_CUR),
        .len_max = len_max,
        .tick = tick,
        .tick_ctx = tick_ctx};
    enum vt_err err = vt_hasher_new(&t.hasher, why);

    if (err != VT_OK)
        return err;
    err = run(h, &t, why);
    if (err == VT_OK)
        err = vt_transfer_status_ok(&t, why);
    if (err == VT_OK) {
        vt_hasher_end(t.hasher, ret);
        *ret_len = t.done;
    }
    vt_transfer_release(&t);
    return err;
}

enum vt_err
vt_http_post(struct vt_http *h, const char *base, const char *path, const char *content_type,
    const void *body, size_t len, int *ret_status, struct vt_buf *b, struct vt_why *why)
{
    struct vt_transfer t = {.base = base,
        .path = path,
        .fd = -1,
        .post = true,
        .content_type = content_type,
        .body = body,
        .body_len = len,
        .sink = b};
    enum vt_err err;

    if (vt_buf_check(b, "answer", why) != VT_OK)
        return b->err;
    t.sink_start = b->len;
    err = run(h, &t, why);
    if (err == VT_OK)
        *ret_status = t.status;
    else
        vt_transfer_cut_sink(&t);
    vt_transfer_release(&t);
    return err;
}
