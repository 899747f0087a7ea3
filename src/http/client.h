/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP client: thin glue over libcurl with limits on size, time and rate.
 *
 * It speaks http and https only, follows no redirect (nothing is fetched from
 * where nobody named), and takes proxies from the environment as curl does,
 * but never for this machine itself.
 *
 * https is TLS 1.2 at least, with a certificate that is valid for the URL's host and was signed
 * by an authority that the system trusts, or by one of the file that $VITRINE_CA_FILE names:
 * those alone then. $VITRINE_CLIENT_CERT and $VITRINE_CLIENT_KEY name the certificate by which
 * this client shows who it is, to servers that ask.
 */
#ifndef VT_HTTP_CLIENT_H
#define VT_HTTP_CLIENT_H

#include "crypto/digest.h"

struct vt_http; /* a client with its kept-alive connections; one thread */

struct vt_http_limits {
    int64_t connect_ms; /* 0: 10,000 */
    int64_t total_ms;   /* 0: 600,000 */
    int64_t
        rate_floor; /* bytes/s averaged over 30 s below which a transfer is refused; 0: 100 */
    const char *ca_file;     /* PEM; NULL: $VITRINE_CA_FILE, or the system's */
    const char *client_cert; /* PEM, a chain; NULL: $VITRINE_CLIENT_CERT, or none */
    const char *client_key;  /* PEM, private as key files are; NULL: $VITRINE_CLIENT_KEY */
    unsigned retries;        /* how often a failed connection or 502..504 is tried again, with
                                growing pauses (0.2 s, 0.4 s, ... at most 5 s) */
    /* Not NULL: for the service that this process is a part of. Its certificate is not looked
     * at, since its name is another than the address's; none is shown, no file is read, and the
     * pass is (http/listen.h), unless it is "". */
    const char *pass;
    bool gzip; /* answers may come compressed; limits count what they are unpacked */
};

/* limits may be NULL. The files are read now. VT_E_CONFIG: one of certificate and key without
 * the other, or what is wrong with a file. */
VT_MUST enum vt_err vt_http_new(
    const struct vt_http_limits *limits, struct vt_http **ret, struct vt_why *why);
void vt_http_free(struct vt_http *h);

/* GET base/path. Appends the body to b, whose maximum bounds it (VT_E_LIMIT as
 * soon as it is passed). 404 is VT_E_NOENT, other statuses VT_E_NET with the
 * status and the first line of the answer. base is http:// or https://; path
 * is relative and not yet percent-encoded. On failure b is as it was. */
VT_MUST enum vt_err vt_http_get(struct vt_http *h, const char *base, const char *path,
    struct vt_buf *b, struct vt_why *why);

/* The same of the `len` bytes from `offset` on (len > 0), which are all in the file. VT_E_NET
 * also when the server sends other bytes than those: it knows no ranges, or the file is
 * shorter. */
VT_MUST enum vt_err vt_http_get_range(struct vt_http *h, const char *base, const char *path,
    uint64_t offset, size_t len, struct vt_buf *b, struct vt_why *why);

/* GET to a file descriptor with at most len_max bytes; the digest of what was
 * written in *ret, its length in *ret_len. tick, when not NULL, is told how far
 * it is. The file is written from its present position; when a transfer is
 * tried again, it is cut back to there first. */
VT_MUST enum vt_err vt_http_get_fd(struct vt_http *h, const char *base, const char *path,
    int fd, uint64_t len_max, void (*tick)(void *ctx, uint64_t done), void *tick_ctx,
    struct vt_digest *ret, uint64_t *ret_len, struct vt_why *why);

/* POST base/path. *ret_status gets the HTTP status whatever it is; the answer's
 * body is appended to b. VT_E_NET only when there was no answer. */
VT_MUST enum vt_err vt_http_post(struct vt_http *h, const char *base, const char *path,
    const char *content_type, const void *body, size_t len, int *ret_status, struct vt_buf *b,
    struct vt_why *why);

/* One of several requests made at once, POSTs unless `get` is set: the caller fills base, path,
 * body and answer.max, and releases answer. */
struct vt_http_call {
    const char *base;
    const char *path;           /* NULL: base is the whole URL, with its query */
    const char *content_type;   /* NULL: text/plain; charset=utf-8 */
    const char *const *headers; /* more lines "NAME: VALUE", ended by NULL; or NULL */
    const void *body;
    size_t body_len;
    bool get; /* a GET: no body, no headers */
    int status;
    unsigned retry_after_s; /* what the answer asks for, at most a day; 0: nothing */
    struct vt_buf answer;
    enum vt_err err;
    struct vt_why why;
    bool done; /* ended, in one way or the other */
};
/* Several POSTs at once (witnesses): each element is filled as by vt_http_post,
 * `err` with what came of it. Returns when all have ended. Not retried. */
VT_MUST enum vt_err vt_http_post_all(
    struct vt_http *h, struct vt_http_call *calls, size_t n, struct vt_why *why);

/*
 * The same without waiting, for a process that has other work meanwhile. The
 * calls must stay in place until vt_http_batch_free, which breaks off those
 * that have not ended.
 */
struct vt_http_batch;
VT_MUST enum vt_err vt_http_batch_new(struct vt_http *h, struct vt_http_call *calls, size_t n,
    struct vt_http_batch **ret, struct vt_why *why);
/* Waits until something happens, fd (or -1) is readable, or timeout_ms have
 * passed; marks the calls that have ended. *ret_left: how many have not. */
VT_MUST enum vt_err vt_http_batch_poll(
    struct vt_http_batch *b, int fd, int timeout_ms, size_t *ret_left, struct vt_why *why);
/* Makes call i, which has ended, once more with what it now says. */
VT_MUST enum vt_err vt_http_batch_again(struct vt_http_batch *b, size_t i, struct vt_why *why);
void vt_http_batch_free(struct vt_http_batch *b);

#endif
