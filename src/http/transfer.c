/* SPDX-License-Identifier: Apache-2.0 */
#include "http/transfer.h"

#include "base/file.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RATE_WINDOW_S = 30, RETRY_AFTER_MAX_S = 86400 };
#define URL_MAX_BYTES 4096U

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_started;

static void
start_curl(void)
{
    curl_started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum vt_err
vt_transfer_start(struct vt_why *why)
{
    pthread_once(&curl_once, start_curl);
    if (curl_started != CURLE_OK)
        return vt_fail(
            why, VT_E_NET, "libcurl does not start: %s", curl_easy_strerror(curl_started));
    return VT_OK;
}

static bool
is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-._~/", c) != NULL;
}

/* base/path with the path percent-encoded, or base as it is. */
static enum vt_err
make_url(const struct vt_transfer *t, char **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(URL_MAX_BYTES);
    size_t len = strlen(t->base);
    enum vt_err err;

    if (strncmp(t->base, "http://", 7) != 0 && strncmp(t->base, "https://", 8) != 0)
        return vt_fail(why, VT_E_USAGE, "%s: not an http:// or https:// URL", t->base);
    while (t->path != NULL && len > 0 && t->base[len - 1] == '/')
        len--;
    vt_buf_put(&b, t->base, len);
    if (t->path != NULL)
        vt_buf_put_u8(&b, '/');
    for (const char *p = t->path; p != NULL && *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;

        if (c != '\0' && is_unreserved(c))
            vt_buf_put_u8(&b, c);
        else
            vt_buf_putf(&b, "%%%02X", c);
    }
    err = vt_buf_check(&b, "URL", why);
    if (err == VT_OK) {
        *ret = strdup(vt_buf_str(&b));
        if (*ret == NULL)
            err = vt_fail(why, VT_E_NOMEM, "URL: out of memory");
    }
    vt_buf_release(&b);
    return err;
}

/* Whether the URL's host is this machine: proxies are never asked for it. */
static bool
is_loopback(const char *base)
{
    static const char *const hosts[] = {"127.", "localhost", "[::1]"};
    const char *host = strstr(base, "://");

    if (host == NULL)
        return false;
    host += 3;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        if (strncmp(host, hosts[i], strlen(hosts[i])) == 0)
            return true;
    return false;
}

static size_t
sink_fail(struct vt_transfer *t, enum vt_err err)
{
    t->sink_err = err;
    return CURL_WRITEFUNC_ERROR;
}

/* An answer that is no 200 does not belong in the file: only its first line is
 * kept, for the message. */
static void
keep_first_line(struct vt_transfer *t, const char *data, size_t len)
{
    size_t have = strlen(t->first_line);

    for (size_t i = 0; i < len && have + 1 < sizeof(t->first_line) && data[i] != '\n'; i++)
        t->first_line[have++] = data[i];
    t->first_line[have] = '\0';
}

static size_t
sink_to_file(struct vt_transfer *t, const char *data, size_t len)
{
    enum vt_err err;

    if (len > t->len_max - t->done)
        return sink_fail(
            t, vt_fail(&t->sink_why, VT_E_LIMIT, "more than the %llu bytes expected",
                   (unsigned long long)t->len_max));
    err = vt_fd_write(t->fd, data, len, &t->sink_why);
    if (err != VT_OK)
        return sink_fail(t, err);
    vt_hasher_put(t->hasher, data, len);
    t->done += len;
    if (t->tick != NULL)
        t->tick(t->tick_ctx, t->done);
    return len;
}

static size_t
on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct vt_transfer *t = ctx;
    size_t len = size * count;

    if (t->status == 0) {
        /* Set by on_header before any of the body. */
        return sink_fail(t, vt_fail(&t->sink_why, VT_E_NET, "an answer without a status"));
    }
    if (t->sink == NULL && t->status != 200) {
        keep_first_line(t, data, len);
        t->done += len;
        return t->done > 65536 ? sink_fail(t, VT_E_NET) : len;
    }
    if (t->sink == NULL)
        return sink_to_file(t, data, len);
    vt_buf_put(t->sink, data, len);
    if (t->sink->err != VT_OK)
        return sink_fail(t, vt_buf_check(t->sink, "answer", &t->sink_why));
    t->done += len;
    return len;
}

static size_t
on_header(char *data, size_t size, size_t count, void *ctx)
{
    struct vt_transfer *t = ctx;
    size_t len = size * count;

    /* "HTTP/1.1 200 ..." or "HTTP/2 200": the last one stands (after 100). */
    if (len > 5 && memcmp(data, "HTTP/", 5) == 0) {
        const char *sp = memchr(data, ' ', len);
        size_t left = sp == NULL ? 0 : len - (size_t)(sp - data) - 1;

        t->status = 0;
        for (size_t i = 0; i < 3 && i < left && sp[1 + i] >= '0' && sp[1 + i] <= '9'; i++)
            t->status = t->status * 10 + (sp[1 + i] - '0');
    }
    return len;
}

/* Joins the first failure of a row of curl_easy_setopt calls. */
static void
join(CURLcode *all, CURLcode one)
{
    if (*all == CURLE_OK)
        *all = one;
}

static CURLcode
set_post(struct vt_transfer *t, const struct vt_http *h, CURL *e)
{
    char line[160];
    CURLcode rc = CURLE_OK;

    (void)snprintf(line, sizeof(line), "Content-Type: %s",
        t->content_type != NULL ? t->content_type : "application/octet-stream");
    t->headers = curl_slist_append(NULL, line);
    if (t->headers == NULL)
        return CURLE_OUT_OF_MEMORY;
    /* No "Expect: 100-continue" and its pause. */
    if (curl_slist_append(t->headers, "Expect:") == NULL)
        return CURLE_OUT_OF_MEMORY;
    if (h->pass != NULL && curl_slist_append(t->headers, h->pass->data) == NULL)
        return CURLE_OUT_OF_MEMORY;
    for (size_t i = 0; t->lines != NULL && t->lines[i] != NULL; i++) {
        if (curl_slist_append(t->headers, t->lines[i]) == NULL)
            return CURLE_OUT_OF_MEMORY;
    }
    join(&rc, curl_easy_setopt(e, CURLOPT_POST, 1L));
    join(&rc, curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_len));
    join(&rc, curl_easy_setopt(e, CURLOPT_POSTFIELDS, t->body_len == 0 ? "" : t->body));
    join(&rc, curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers));
    return rc;
}

static CURLcode
set_limits(CURL *e, const struct vt_http_limits *l)
{
    CURLcode rc = CURLE_OK;

    join(&rc, curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)l->connect_ms));
    join(&rc, curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)l->total_ms));
    join(&rc, curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)l->rate_floor));
    join(&rc, curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)RATE_WINDOW_S));
    join(&rc, curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https"));
    join(&rc, curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L));
    join(&rc, curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L));
    join(&rc, curl_easy_setopt(e, CURLOPT_USERAGENT, "vitrine"));
    return rc;
}

enum vt_err
vt_transfer_setup(struct vt_transfer *t, const struct vt_http *h, CURL *e, struct vt_why *why)
{
    CURLcode rc = CURLE_OK;
    enum vt_err err;

    vt_transfer_release(&(struct vt_transfer){.url = t->url, .headers = t->headers});
    t->url = NULL;
    t->headers = NULL;
    t->status = 0;
    t->retry_after_s = 0;
    t->sink_err = VT_OK;
    t->curl_text[0] = '\0';
    err = make_url(t, &t->url, why);
    if (err != VT_OK)
        return err;
    curl_easy_reset(e); /* keeps the open connections */
    join(&rc, curl_easy_setopt(e, CURLOPT_URL, t->url));
    join(&rc, set_limits(e, &h->limits));
    join(&rc, vt_identity_set(h, e));
    if (t->range != NULL)
        join(&rc, curl_easy_setopt(e, CURLOPT_RANGE, t->range));
    else if (h->limits.gzip)
        join(&rc, curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip"));
    if (is_loopback(t->base))
        join(&rc, curl_easy_setopt(e, CURLOPT_PROXY, ""));
    join(&rc, curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->curl_text));
    join(&rc, curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body));
    join(&rc, curl_easy_setopt(e, CURLOPT_WRITEDATA, t));
    join(&rc, curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header));
    join(&rc, curl_easy_setopt(e, CURLOPT_HEADERDATA, t));
    join(&rc, curl_easy_setopt(e, CURLOPT_PRIVATE, t));
    if (t->post)
        join(&rc, set_post(t, h, e));
    if (rc != CURLE_OK)
        return vt_fail(why, VT_E_USAGE, "%s: %s", t->url, curl_easy_strerror(rc));
    return VT_OK;
}

enum vt_err
vt_transfer_finish(struct vt_transfer *t, CURL *e, CURLcode rc, struct vt_why *why)
{
    const char *method = t->post ? "POST" : "GET";
    const char *hint = vt_identity_hint(rc);
    const char *text;
    long status = 0;
    curl_off_t after = 0;

    t->rc = rc;
    if (t->sink_err != VT_OK && (t->status == 200 || t->sink != NULL))
        return vt_fail(why, t->sink_err, "%s %s: %s", method, t->url, t->sink_why.text);
    if (rc == CURLE_OK || t->sink_err != VT_OK) {
        if (curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
            t->status = (int)status;
        if (curl_easy_getinfo(e, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
            t->retry_after_s = after > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : (unsigned)after;
        return VT_OK;
    }
    text = t->curl_text[0] != '\0' ? t->curl_text : curl_easy_strerror(rc);
    return vt_fail(why, rc == CURLE_OPERATION_TIMEDOUT ? VT_E_TIMEOUT : VT_E_NET, "%s %s: %s%s",
        method, t->url, text, hint != NULL ? hint : "");
}

enum vt_err
vt_transfer_status_ok(const struct vt_transfer *t, struct vt_why *why)
{
    const char *line = t->first_line;
    size_t len = strlen(line);

    if (t->status == 200)
        return VT_OK;
    if (t->sink != NULL) {
        line = vt_buf_str(t->sink) + t->sink_start;
        len = strcspn(line, "\r\n");
        if (len > 160)
            len = 160;
    }
    return vt_fail(why, t->status == 404 ? VT_E_NOENT : VT_E_NET,
        "GET %s: HTTP status %d%s%.*s", t->url, t->status, len > 0 ? ": " : "", (int)len, line);
}

bool
vt_transfer_may_retry(const struct vt_transfer *t, enum vt_err err)
{
    if (err == VT_OK)
        return t->status >= 502 && t->status <= 504;
    if (t->sink_err != VT_OK)
        return false;
    switch (t->rc) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

void
vt_transfer_cut_sink(struct vt_transfer *t)
{
    struct vt_buf *b = t->sink;

    if (b == NULL)
        return;
    b->err = VT_OK;
    if (b->len > t->sink_start) {
        b->len = t->sink_start;
        b->data[b->len] = 0;
    }
}

enum vt_err
vt_transfer_rewind(struct vt_transfer *t, struct vt_why *why)
{
    t->done = 0;
    t->first_line[0] = '\0';
    if (t->sink != NULL) {
        vt_transfer_cut_sink(t);
        return VT_OK;
    }
    if (t->fd_start < 0 || lseek(t->fd, t->fd_start, SEEK_SET) < 0 ||
        ftruncate(t->fd, t->fd_start) != 0)
        return vt_fail_errno(why, "%s: cannot begin the file anew", t->path);
    vt_hasher_free(t->hasher);
    t->hasher = NULL;
    return vt_hasher_new(&t->hasher, why);
}

void
vt_transfer_release(struct vt_transfer *t)
{
    free(t->url);
    t->url = NULL;
    curl_slist_free_all(t->headers);
    t->headers = NULL;
    vt_hasher_free(t->hasher);
    t->hasher = NULL;
}
