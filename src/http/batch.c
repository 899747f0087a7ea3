/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several requests at once over one libcurl multi handle.
 */
#include "http/transfer.h"

#include <stdlib.h>
#include <string.h>

struct vt_http_batch {
    struct vt_http *http;
    CURLM *multi; /* the client's */
    struct vt_http_call *calls;
    struct vt_transfer *transfers;
    CURL **easy;
    size_t n;
    size_t left;
};

static void
call_ended(struct vt_http_batch *b, size_t i, enum vt_err err)
{
    struct vt_http_call *c = &b->calls[i];

    c->err = err;
    c->status = err == VT_OK ? b->transfers[i].status : 0;
    c->retry_after_s = err == VT_OK ? b->transfers[i].retry_after_s : 0;
    c->done = true;
    b->left--;
}

static enum vt_err
begin_call(struct vt_http_batch *b, size_t i, struct vt_why *why)
{
    struct vt_http_call *c = &b->calls[i];
    struct vt_transfer *t = &b->transfers[i];
    enum vt_err err;

    *t = (struct vt_transfer){.base = c->base,
        .path = c->path,
        .fd = -1,
        .post = !c->get,
        .content_type = c->content_type != NULL ? c->content_type : "text/plain; charset=utf-8",
        .lines = c->headers,
        .body = c->body,
        .body_len = c->body_len,
        .sink = &c->answer};
    c->status = 0;
    c->done = false;
    vt_why_clear(&c->why);
    vt_buf_clear(&c->answer);
    if (b->easy[i] == NULL)
        b->easy[i] = curl_easy_init();
    if (b->easy[i] == NULL)
        return vt_fail(why, VT_E_NOMEM, "HTTP client: libcurl gives no handle");
    err = vt_transfer_setup(t, b->http, b->easy[i], &c->why);
    if (err != VT_OK) {
        call_ended(b, i, err); /* a bad URL spoils this call alone */
        return VT_OK;
    }
    if (curl_multi_add_handle(b->multi, b->easy[i]) != CURLM_OK)
        return vt_fail(why, VT_E_NET, "HTTP client: libcurl takes no more calls");
    return VT_OK;
}

enum vt_err
vt_http_batch_new(struct vt_http *h, struct vt_http_call *calls, size_t n,
    struct vt_http_batch **ret, struct vt_why *why)
{
    struct vt_http_batch *b = calloc(1, sizeof(*b));
    enum vt_err err = VT_OK;

    if (b == NULL)
        return vt_fail(why, VT_E_NOMEM, "HTTP client: out of memory");
    b->http = h;
    b->calls = calls;
    b->n = n;
    b->left = n;
    b->multi = h->multi;
    b->transfers = calloc(n + 1, sizeof(*b->transfers));
    b->easy = calloc(n + 1, sizeof(*b->easy));
    if (b->transfers == NULL || b->easy == NULL)
        err = vt_fail(why, VT_E_NOMEM, "HTTP client: out of memory");
    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = begin_call(b, i, why);
    if (err != VT_OK) {
        vt_http_batch_free(b);
        return err;
    }
    *ret = b;
    return VT_OK;
}

/* Takes the results that libcurl has ready. */
static void
collect(struct vt_http_batch *b)
{
    CURLMsg *m;
    int queued;

    while ((m = curl_multi_info_read(b->multi, &queued)) != NULL) {
        if (m->msg != CURLMSG_DONE)
            continue;
        for (size_t i = 0; i < b->n; i++) {
            if (b->easy[i] != m->easy_handle || b->calls[i].done)
                continue;
            call_ended(b, i,
                vt_transfer_finish(
                    &b->transfers[i], b->easy[i], m->data.result, &b->calls[i].why));
            break;
        }
    }
}

enum vt_err
vt_http_batch_poll(
    struct vt_http_batch *b, int fd, int timeout_ms, size_t *ret_left, struct vt_why *why)
{
    struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};
    CURLMcode rc;
    int running;

    rc = curl_multi_perform(b->multi, &running);
    if (rc == CURLM_OK) {
        collect(b);
        if (b->left > 0) {
            rc = curl_multi_poll(
                b->multi, fd < 0 ? NULL : &extra, fd < 0 ? 0 : 1, timeout_ms, NULL);
            if (rc == CURLM_OK)
                rc = curl_multi_perform(b->multi, &running);
            collect(b);
        }
    }
    if (rc != CURLM_OK)
        return vt_fail(why, VT_E_NET, "HTTP client: %s", curl_multi_strerror(rc));
    *ret_left = b->left;
    return VT_OK;
}

enum vt_err
vt_http_batch_again(struct vt_http_batch *b, size_t i, struct vt_why *why)
{
    if (!b->calls[i].done)
        return vt_fail(why, VT_E_STATE, "HTTP client: the call is under way");
    if (b->easy[i] != NULL)
        curl_multi_remove_handle(b->multi, b->easy[i]);
    vt_transfer_release(&b->transfers[i]);
    b->left++;
    return begin_call(b, i, why);
}

void
vt_http_batch_free(struct vt_http_batch *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->n && b->easy != NULL && b->transfers != NULL; i++) {
        if (b->easy[i] != NULL) {
            curl_multi_remove_handle(b->multi, b->easy[i]);
            curl_easy_cleanup(b->easy[i]);
        }
        vt_transfer_release(&b->transfers[i]);
    }
    free(b->transfers);
    free(b->easy);
    free(b);
}

enum vt_err
vt_http_post_all(struct vt_http *h, struct vt_http_call *calls, size_t n, struct vt_why *why)
{
    struct vt_http_batch *b = NULL;
    size_t left = n;
    enum vt_err err = vt_http_batch_new(h, calls, n, &b, why);

    while (err == VT_OK && left > 0)
        err = vt_http_batch_poll(b, -1, 1000, &left, why);
    vt_http_batch_free(b);
    return err;
}
