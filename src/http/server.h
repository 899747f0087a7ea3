/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server: thin glue over libmicrohttpd. It answers GET and HEAD from a
 * folder of public files and from handlers, and hands bounded POST bodies to
 * handlers. It knows nothing of keys or of the log.
 *
 * One thread, one loop. A handler answers at once, or keeps the exchange and
 * answers later, when what it waits for arrives on the watched descriptor; in
 * the meantime others are served.
 *
 * Limits: connections, header bytes (32 KiB), body bytes of each route, and
 * time. A connection must have sent its whole next request within timeout_s
 * (and a second more for every 16 KiB of body), and must take its answer at 4
 * KiB/s at least; it is closed otherwise.
 */
#ifndef VT_HTTP_SERVER_H
#define VT_HTTP_SERVER_H

#include "base/buf.h"

struct vt_http_request {
    const char *method;           /* "GET" (also for HEAD) or "POST" */
    const char *path;             /* decoded, begins with '/', checked safe */
    const char *content_type;     /* of a POST's body, as it was sent; "" when not said */
    const char *content_encoding; /* likewise */
    const void *body;
    size_t body_len;
};

struct vt_http_response {
    int status;               /* preset to 200 */
    const char *content_type; /* static string; preset to text/plain; charset=utf-8 */
    const char *cache;        /* static Cache-Control value, preset to "no-store" */
    const char *csp;          /* Content-Security-Policy; preset to "default-src 'none'" */
    unsigned retry_after_s;   /* 0: no such header */
    struct vt_buf body;       /* maximum 16 MiB */
};

/* A request whose answer is awaited. */
struct vt_http_exchange;

struct vt_http_route {
    const char *method;
    const char *path; /* exact, or a prefix when it ends in '/' */
    size_t body_max;  /* POST: larger bodies get 413 */
    void (*handle)(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs);
    /* In place of handle, for answers that take time: true when it has kept x,
     * which vt_http_answer must end once; false when it has filled rs. x stays
     * valid until then, also when the client has gone. */
    bool (*begin)(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
        struct vt_http_response *rs);
};

struct vt_http_folder {
    const char *prefix;       /* URL prefix, such as "/tile/"; or one file's whole path */
    const char *dir;          /* the folder whose files stand below it; or that one file */
    const char *content_type; /* static */
    const char *cache;        /* such as "public, max-age=31536000, immutable" */
};

struct vt_http_server_opts {
    const struct vt_http_route *routes;   /* ended by a NULL method; first match counts */
    const struct vt_http_folder *folders; /* ended by a NULL prefix; after routes; or NULL */
    void *ctx;
    unsigned connections_max; /* 0: 256 */
    unsigned timeout_s;       /* 0: 30; idle or slow connections end */
    /* Bytes that the bodies of all requests under way may take together; 0: no such bound. A
     * request for which there is no room gets 503 and is to come again. What a request takes is
     * what it says its length is, or the route's most when it does not say. */
    size_t bodies_max;
    /* When on_watch is not NULL it is called in this thread whenever watch_fd is
     * readable or closed. Another result than VT_OK ends the server with it. */
    int watch_fd;
    enum vt_err (*on_watch)(void *ctx, struct vt_why *why);
};

/* A listening TCP socket on "HOST:PORT" (numeric host or "localhost"; port 0:
 * any free one). *ret_url gets "http://HOST:PORT". For the parent process,
 * which keeps the port across restarts of the http process. */
VT_MUST enum vt_err vt_http_listen(
    const char *address, int *ret_fd, char ret_url[128], struct vt_why *why);

/* Serves on the listening socket until stop_fd is readable or closed, then ends
 * what is under way within two seconds. The socket stays open; SIGPIPE is
 * ignored in this process from then on. Handlers run
 * one at a time in this thread; files are sent by it too (sendfile). */
VT_MUST enum vt_err vt_http_serve(
    int listen_fd, int stop_fd, const struct vt_http_server_opts *opts, struct vt_why *why);

/* Ends an exchange that `begin` kept: status and one line of text. */
void vt_http_answer(struct vt_http_exchange *x, int status, const char *content_type,
    unsigned retry_after_s, const void *text, size_t len);

#endif
