/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP client: thin glue over libcurl with limits on size, time and rate.
 */
#ifndef VT_HTTP_CLIENT_H
#define VT_HTTP_CLIENT_H

#include "crypto/digest.h"

struct vt_http; /* a client with its kept-alive connections; one thread */

struct vt_http_limits {
    int64_t connect_ms;   /* 0: 10,000 */
    int64_t total_ms;     /* 0: 600,000 */
    int64_t rate_floor;   /* bytes/s averaged over 30 s below which a transfer is refused; 0: 100 */
    unsigned retries;     /* how often a failed connection or 502..504 is tried again, with
                             growing pauses (0.2 s, 0.4 s, ...) */
};

/* limits may be NULL. */
VT_MUST enum vt_err vt_http_new(const struct vt_http_limits *limits, struct vt_http **ret,
    struct vt_why *why);
void vt_http_free(struct vt_http *h);

/* GET base/path. Appends the body to b, whose maximum bounds it (VT_E_LIMIT as
 * soon as it is passed). 404 is VT_E_NOENT, other statuses VT_E_NET with the
 * status and the first line of the answer. base is http:// or https://. */
VT_MUST enum vt_err vt_http_get(struct vt_http *h, const char *base, const char *path,
    struct vt_buf *b, struct vt_why *why);

/* GET to a file descriptor with at most len_max bytes; the digest of what was
 * written in *ret, its length in *ret_len. tick, when not NULL, is told how far
 * it is. */
VT_MUST enum vt_err vt_http_get_fd(struct vt_http *h, const char *base, const char *path, int fd,
    uint64_t len_max, void (*tick)(void *ctx, uint64_t done), void *tick_ctx,
    struct vt_digest *ret, uint64_t *ret_len, struct vt_why *why);

/* POST base/path. *ret_status gets the HTTP status whatever it is; the answer's
 * body is appended to b. VT_E_NET only when there was no answer. */
VT_MUST enum vt_err vt_http_post(struct vt_http *h, const char *base, const char *path,
    const char *content_type, const void *body, size_t len, int *ret_status, struct vt_buf *b,
    struct vt_why *why);

/* Several POSTs at once (witnesses): each element is filled as by vt_http_post,
 * `err` with what came of it. Returns when all have ended. */
struct vt_http_call {
    const char *base;
    const char *path;
    const void *body;
    size_t body_len;
    int status;
    struct vt_buf answer;
    enum vt_err err;
    struct vt_why why;
};
VT_MUST enum vt_err vt_http_post_all(struct vt_http *h, struct vt_http_call *calls, size_t n,
    struct vt_why *why);

#endif
