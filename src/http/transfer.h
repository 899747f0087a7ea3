/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP transfer as libcurl sees it: what the blocking client and the batch
 * share. Private to src/http.
 */
#ifndef VT_HTTP_TRANSFER_H
#define VT_HTTP_TRANSFER_H

#include "http/client.h"

#include <curl/curl.h>

struct vt_http {
    struct vt_http_limits limits;
    struct vt_buf ca;   /* PEM; empty: those that the system trusts */
    struct vt_buf cert; /* of the client, PEM; empty: none */
    struct vt_buf key;
    struct curl_slist *pass; /* the header, or NULL */
    CURL *easy;              /* for one call after the other */
    CURLM *multi;            /* for batches, so that they too keep their connections */
};

struct vt_transfer {
    /* What to do. */
    const char *base;
    const char *path;  /* NULL: base is the whole URL */
    const char *range; /* of a GET, "FIRST-LAST"; NULL: all */
    bool post;
    const char *content_type; /* NULL: application/octet-stream */
    const char *const *lines; /* more headers of a POST, ended by NULL; or NULL */
    const void *body;
    size_t body_len;
    /* Where the answer goes: a buffer, or a file with its digest. */
    struct vt_buf *sink;
    size_t sink_start;
    int fd;
    off_t fd_start;
    uint64_t len_max;
    struct vt_hasher *hasher;
    void (*tick)(void *ctx, uint64_t done);
    void *tick_ctx;
    /* What came of it. */
    int status;
    unsigned retry_after_s;
    uint64_t done;
    enum vt_err sink_err;
    struct vt_why sink_why;
    char first_line[160]; /* of an answer that is an error, when it goes to a file */
    /* libcurl's. */
    char *url;
    struct curl_slist *headers;
    char curl_text[CURL_ERROR_SIZE];
    CURLcode rc;
};

/* Whom the client trusts, and who it is: read into h by its limits and the environment. */
VT_MUST enum vt_err vt_identity_load(struct vt_http *h, struct vt_why *why);
void vt_identity_release(struct vt_http *h);
/* Sets them on a handle, with the least version of TLS. h stays as it is while that is used. */
CURLcode vt_identity_set(const struct vt_http *h, CURL *easy);
/* What there is to say of a transfer that TLS ended; NULL: TLS did not. */
const char *vt_identity_hint(CURLcode rc);

/* Starts libcurl, once a process. */
VT_MUST enum vt_err vt_transfer_start(struct vt_why *why);
/* Sets all options of the handle. VT_E_USAGE for a URL that cannot be. */
VT_MUST enum vt_err vt_transfer_setup(
    struct vt_transfer *t, const struct vt_http *h, CURL *easy, struct vt_why *why);
/* Turns libcurl's result into ours; sets t->status. */
VT_MUST enum vt_err vt_transfer_finish(
    struct vt_transfer *t, CURL *easy, CURLcode rc, struct vt_why *why);
/* VT_OK for 200; VT_E_NOENT for 404; VT_E_NET otherwise. */
VT_MUST enum vt_err vt_transfer_status_ok(const struct vt_transfer *t, struct vt_why *why);
bool vt_transfer_may_retry(const struct vt_transfer *t, enum vt_err err);
/* Puts the sink back to where the transfer began. */
VT_MUST enum vt_err vt_transfer_rewind(struct vt_transfer *t, struct vt_why *why);
void vt_transfer_cut_sink(struct vt_transfer *t);
void vt_transfer_release(struct vt_transfer *t);

#endif
