/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server: thin glue over libmicrohttpd. It answers GET and HEAD from a
 * folder of public files and from handlers, and hands bounded POST bodies to
 * handlers. It knows nothing of keys or of the log.
 *
 * One thread, one loop. A handler answers at once, or keeps the exchange and
 * answers later, when what it waits for arrives on a watched descriptor; in
 * the meantime others are served. Or it makes the exchange a stream of
 * server-sent events, to which bytes are added from the loop.
 *
 * What every answer has: If-None-Match is compared in one place, so that
 * whoever gives an ETag gets 304 for nothing; headers that forbid guessing of
 * types, framing, referrers and use by other origins.
 *
 * Limits: connections, header bytes (32 KiB), query bytes, body bytes of each
 * route, streams and what waits in each, requests of one client where asked
 * for, and time. A connection must have sent its whole next request within
 * timeout_s (and a second more for every 16 KiB of body), and must take its
 * answer at 4 KiB/s at least; it is closed otherwise.
 */
#ifndef VT_HTTP_SERVER_H
#define VT_HTTP_SERVER_H

#include "base/buf.h"
#include "http/listen.h"

#define VT_HTTP_QUERY_MAX 4096U
#define VT_HTTP_CLIENT_SIZE 17 /* 16 hex digits and NUL */

/* Strings are NUL-terminated and "" when the request has none. All of it stays valid as long as
 * the exchange, but that headers may become "" when the client has gone meanwhile. */
struct vt_http_request {
    const char *method;           /* "GET" (also for HEAD) or "POST" */
    const char *path;             /* decoded, begins with '/', checked safe */
    const char *query;            /* what follows the '?', as it was sent */
    const char *content_type;     /* of a POST's body, as it was sent */
    const char *content_encoding; /* likewise */
    const char *origin;
    const char *cookie; /* the Cookie header: see vt_http_cookie */
    const char *if_none_match;
    const char *prefer; /* RFC 7240 */
    const char *client; /* a word for the client's address, for limits; another at each start */
    const char
        *client_name; /* of the certificate that it showed, when it was accepted; or "" */
    const void *body;
    size_t body_len;
};

/* Strings must be valid until the handler returns, or vt_http_reply does. NULL or "": no such
 * header. */
struct vt_http_response {
    int status;               /* preset to 200 */
    const char *content_type; /* preset to text/plain; charset=utf-8 */
    const char *cache;        /* Cache-Control, preset to "no-store" */
    const char *csp;          /* Content-Security-Policy; preset to VT_HTTP_CSP_NONE */
    const char *etag;         /* with its quotes */
    const char *set_cookie;
    const char *location;
    const char *disposition; /* Content-Disposition */
    const char *encoding;    /* Content-Encoding */
    const char *vary;
    const char *allow;      /* for 405 */
    unsigned retry_after_s; /* 0: no such header */
    bool for_all;           /* pages of other origins may fetch it */
    struct vt_buf body;     /* maximum 16 MiB */
};

#define VT_HTTP_CSP_NONE "default-src 'none'; frame-ancestors 'none'"

/* A request whose answer is awaited, or a stream. */
struct vt_http_exchange;

struct vt_http_route {
    const char *method;
    const char *path; /* exact, or a prefix when it ends in '/' */
    size_t body_max;  /* POST: larger bodies get 413 */
    void (*handle)(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs);
    /* In place of handle, for answers that take time: true when it has kept x,
     * which vt_http_answer or vt_http_reply must end once, or vt_http_stream begin; false when
     * it has filled rs. x stays valid until then, also when the client has gone. */
    bool (*begin)(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
        struct vt_http_response *rs);
};

struct vt_http_folder {
    const char *prefix; /* URL prefix, such as "/tile/"; or one file's whole path */
    const char *dir;    /* the folder whose files stand below it; or that one file */
    const char
        *content_type; /* static; NULL: by the file's ending, for pages and what they use */
    const char *cache; /* such as "public, max-age=31536000, immutable" */
    const char *csp;   /* NULL: VT_HTTP_CSP_NONE */
    bool one;  /* whatever is below the prefix is the one file `dir`; of "/": that alone */
    bool etag; /* has one, of inode, size and time: for files that change */
    bool precompressed; /* FILE.br or FILE.gz is sent instead when it is there and accepted */
    bool for_all;       /* pages of other origins may fetch it */
    bool keep;          /* files never change: small ones may be kept in memory */
};

/* How often one client may ask for something: `burst` at once, then per_minute. What is over
 * gets 429 with Retry-After. A row's path is as a route's; the first that matches counts. */
struct vt_http_rate {
    const char *method;
    const char *path;
    unsigned per_minute;
    unsigned burst;
};

/* What only clients may have that show a certificate, where a CA of clients is given: others
 * get 403. A row's path is as a route's. */
struct vt_http_guard {
    const char *method;
    const char *path;
};

/* A descriptor of the loop. The owner may change fd and write whenever it is called. */
struct vt_http_watch {
    int fd;     /* -1: none now */
    bool write; /* also when it takes bytes */
    /* Called when fd can be read, is closed, or (write) takes bytes. Another result than VT_OK
     * ends the server with it. */
    enum vt_err (*ready)(void *ctx, struct vt_why *why);
    void *ctx;
};
#define VT_HTTP_WATCH_MAX 8U

struct vt_http_server_opts {
    const struct vt_http_route *routes;   /* ended by a NULL method; first match counts */
    const struct vt_http_folder *folders; /* ended by a NULL prefix; after routes; or NULL */
    const struct vt_http_rate *rates;     /* ended by a NULL method; or NULL */
    const struct vt_http_guard *guards;   /* ended by a NULL method; or NULL */
    struct vt_http_watch *watches;
    size_t watch_count; /* at most VT_HTTP_WATCH_MAX */
    void *ctx;
    const struct vt_listen_opts *how; /* TLS and lines for requests; or NULL */
    /* The channel to a TLS signer (http/tls_signer.h), which the server closes. 0: where `how`
     * has TLS the server starts one, and another when it dies: in processes of one thread. */
    int tls_fd;
    unsigned connections_max;        /* 0: 256 */
    unsigned connections_per_client; /* 0: no such bound */
    /* New connections of one client a minute, half of them at once; 0: 1,200 with TLS, whose
     * beginning costs much, else no such bound. */
    unsigned connections_per_minute;
    /* Bytes of memory of a connection, for the headers of a request and of its answer; 0:
     * 32 KiB. All of it is cleared for each request, so that less is faster. */
    size_t memory;
    unsigned timeout_s;          /* 0: 30; idle or slow connections end */
    unsigned streams_max;        /* 0: 64 */
    unsigned streams_per_client; /* 0: no such bound */
    const char *ping; /* sent on each stream every 15 s; NULL: a comment, ": ping\n\n" */
    /* Connections from this machine are a proxy's, which says in the last word of
     * X-Forwarded-For for whom. */
    bool forwarded;
    /* Bytes that the bodies of all requests under way may take together; 0: no such bound. A
     * request for which there is no room gets 503 and is to come again. What a request takes is
     * what it says its length is, or the route's most when it does not say. */
    size_t bodies_max;
    /* Called for an answer that the server makes by itself, before it is sent: it may give it
     * another form. `path` as far as it could be decoded. Or NULL. */
    void (*on_error)(void *ctx, const char *path, struct vt_http_response *rs);
    /* Called about twice a second. Or NULL. */
    void (*tick)(void *ctx);
    /* Called at the end of each turn of the loop, when handlers have begun with all requests
     * that had come: for what is better done to many at once. It may answer any. Or NULL. */
    void (*turned)(void *ctx);
    /* A stream has ended: x is no more. Needed where streams begin. */
    void (*on_stream_end)(void *ctx, struct vt_http_exchange *x);
};

/* A listening TCP socket on "HOST:PORT" (numeric host or "localhost"; port 0:
 * any free one). *ret_url gets "http://HOST:PORT". For the parent process,
 * which keeps the port across restarts of the http process. */
VT_MUST enum vt_err vt_http_listen(
    const char *address, int *ret_fd, char ret_url[VT_HTTP_URL_SIZE], struct vt_why *why);

/* Serves on the listening socket until stop_fd is readable or closed, then ends
 * what is under way within two seconds. The socket stays open; SIGPIPE is
 * ignored in this process from then on. Handlers run
 * one at a time in this thread; files are sent by it too (sendfile). */
VT_MUST enum vt_err vt_http_serve(
    int listen_fd, int stop_fd, const struct vt_http_server_opts *opts, struct vt_why *why);

/* A response as it is preset. */
void vt_http_response_init(struct vt_http_response *rs);

/* Ends an exchange that `begin` kept: status and one line of text. */
void vt_http_answer(struct vt_http_exchange *x, int status, const char *content_type,
    unsigned retry_after_s, const void *text, size_t len);
/* The same with a whole response, whose body is taken (rs->body is empty afterwards). */
void vt_http_reply(struct vt_http_exchange *x, struct vt_http_response *rs);

/* Makes an exchange that `begin` is to keep a stream of server-sent events which begins with
 * `text`. false: there are too many; begin answers otherwise. */
VT_MUST bool vt_http_stream(struct vt_http_exchange *x, const char *text);
/* Adds to a stream. When more waits than a client may be behind (64 KiB) it is ended instead.
 * x stays valid until on_stream_end, which is never called from here. */
void vt_http_stream_put(struct vt_http_exchange *x, const void *data, size_t len);

/* The value of one cookie in a Cookie header: false when it is not there, there twice, or too
 * long for ret (size with the NUL). */
bool vt_http_cookie(const char *header, const char *name, char *ret, size_t size);
/* Whether a path is what a route's or rate's pattern says: exactly, or below it when that ends
 * in '/'. */
bool vt_http_path_matches(const char *pattern, const char *path);
/* Whether an If-None-Match header has the tag, compared weakly. */
bool vt_http_etag_matches(const char *header, const char *etag);

#endif
