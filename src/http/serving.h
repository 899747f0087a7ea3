/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the HTTP server share. Private to src/http.
 *
 * A connection (struct vt_http_conn) is one TCP connection with its deadline; an
 * exchange is one request on it and its answer.
 */
#ifndef VT_HTTP_SERVING_H
#define VT_HTTP_SERVING_H

#include "http/server.h"
#include "http/tls.h"

#include <microhttpd.h>

#define VT_HTTP_BODY_MAX (16U * 1024U * 1024U)
#define VT_HTTP_PATH_MAX 1024U

struct vt_http_rates;
struct vt_http_cache;
struct vt_http_stream;

struct vt_http_server {
    const struct vt_http_server_opts *opts;
    struct MHD_Daemon *daemon;
    struct vt_http_conn *conns;
    struct vt_http_stream *streams;
    unsigned stream_count;
    struct vt_http_rates *rates; /* NULL: no route has one */
    struct vt_http_cache *cache;
    struct vt_tls *tls;               /* NULL: plain HTTP */
    uint8_t secret[32];               /* for the words of clients */
    struct vt_http_exchange *orphans; /* which handlers keep though their clients have gone */
    struct vt_http_exchange *spare;   /* that are over, for the next ones */
    size_t spare_count;
    size_t awaited;      /* exchanges that handlers keep */
    size_t bodies;       /* bytes that are set aside for bodies */
    int64_t sweep_ms;    /* when the next sweep is due */
    size_t lingering;    /* exchanges that are awaited without being suspended */
    unsigned idle_turns; /* since something happened last */
    bool resumed; /* connections that the next MHD_run takes up: there is no time to wait */
    bool stopping;
};

struct vt_http_conn {
    struct vt_http_server *server;
    struct vt_http_conn *prev;
    struct vt_http_conn *next;
    struct vt_http_exchange *awaiting; /* the exchange that a handler keeps, or NULL */
    int fd;
    int64_t deadline_ms;
    struct vt_tls_conn tls;
    char address[VT_HTTP_CLIENT_SIZE]; /* the client's word; "": not made yet */
};

struct vt_http_exchange {
    struct vt_http_server *server;
    struct vt_http_conn *conn; /* NULL: the client has gone, and a handler still keeps this */
    struct vt_http_exchange *prev; /* among the orphans */
    struct vt_http_exchange *next; /* likewise, or among the spare ones */
    struct MHD_Connection *connection;
    const struct vt_http_route *route; /* NULL: a file, or an error */
    const char *method;                /* as it was sent */
    struct vt_http_stream *stream;
    char *query; /* NULL: none */
    bool query_long;
    bool begun;
    bool get;
    bool too_large;
    uint64_t linger_us; /* until when it is awaited without being suspended; 0: it is not */
    bool suspended;     /* libmicrohttpd leaves the connection alone until it is resumed */
    bool answered;      /* by the handler: `response` is to be sent, or when NULL rs */
    uint64_t body_seen;
    size_t body_share; /* of server->bodies */
    struct vt_buf body;
    struct vt_http_response rs;
    struct MHD_Response *response;
    unsigned status; /* of the answer; 0: none was sent */
    uint64_t response_len;
    uint64_t began_us; /* when its first line was there; 0: no line is asked for */
    char client[VT_HTTP_CLIENT_SIZE];
    struct vt_http_request rq;
    char path[VT_HTTP_PATH_MAX]; /* the last, for it is not cleared */
};

int64_t vt_http_timeout_ms(const struct vt_http_server *s);

/* libmicrohttpd's callbacks. */
void *vt_http_on_uri(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result vt_http_on_request(void *cls, struct MHD_Connection *connection,
    const char *url, const char *method, const char *version, const char *data,
    size_t *data_len, void **state);
void vt_http_on_completed(void *cls, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode why);

/* Decodes a raw URL path: strict %XX, no NUL, no encoded '/', then
 * vt_path_is_safe and no part that begins with a dot ("/" alone is fine). */
VT_MUST bool vt_http_path_decode(const char *raw, char ret[VT_HTTP_PATH_MAX]);

/* Opens a regular file below a folder without following any link. `rel` is a
 * safe path. -1: there is none. */
int vt_http_open_below(const char *dir, const char *rel);

/* A request's header, "" when it is not there. */
const char *vt_http_header(const struct vt_http_exchange *x, const char *name);
/* Whether the end of the request's body is said once: a proxy might believe the other one. */
bool vt_http_length_is_clear(const struct vt_http_exchange *x);
/* The word for the client's address. */
const char *vt_http_client_word(struct vt_http_exchange *x);
void vt_http_word_of(const struct vt_http_server *s, const struct sockaddr *address,
    char ret[VT_HTTP_CLIENT_SIZE]);

/* Has libmicrohttpd take up an exchange that a handler has answered, or a stream. */
void vt_http_resume(struct vt_http_exchange *x);
/* A handler need not be waited for any more. */
void vt_http_awaited_no_more(struct vt_http_exchange *x);
/* x is suspended, answered or over. */
void vt_http_linger_no_more(struct vt_http_exchange *x);
/* The handler of one whose client has gone has answered. */
void vt_http_orphan_free(struct vt_http_exchange *x);
/* No handler will answer any more: frees what they keep of clients that have gone, and what is
 * kept for the next. */
void vt_http_exchanges_free(struct vt_http_server *s);

/* The line for a request that is over, where lines are asked for. */
void vt_http_log_request(struct vt_http_exchange *x);

/* Whether x->path belongs to a folder. */
bool vt_http_has_folder(const struct vt_http_exchange *x);
/* Answers from the folders; MHD_NO closes the connection. */
enum MHD_Result vt_http_send_file(struct vt_http_exchange *x);
/* Whether the client takes a coding, such as "br". */
bool vt_http_accepts(const struct vt_http_exchange *x, const char *coding);

/* rs as libmicrohttpd's response, 304 when the client has it; takes rs->body. *ret_status and
 * *ret_len are what goes with it. NULL: no memory. */
struct MHD_Response *vt_http_make(struct vt_http_exchange *x, struct vt_http_response *rs,
    unsigned *ret_status, uint64_t *ret_len);
/* Adds the headers of rs, and those that all answers carry. */
enum MHD_Result vt_http_add_headers(
    struct MHD_Response *response, const struct vt_http_response *rs);
/* Whether a GET is for what the client says that it has: vt_http_make gives 304. */
bool vt_http_client_has(const struct vt_http_exchange *x, const struct vt_http_response *rs);
/* Makes rs and queues it as the answer; takes rs->body. */
enum MHD_Result vt_http_send(struct vt_http_exchange *x, struct vt_http_response *rs);
enum MHD_Result vt_http_send_error(struct vt_http_exchange *x, int status, const char *text);
/* Queues a response (which is given up) and sets the time by which it must be taken. `len` are
 * its bytes. A shared one must stay as it is: it is never changed. */
enum MHD_Result vt_http_queue(struct vt_http_exchange *x, unsigned status,
    struct MHD_Response *response, uint64_t len, bool shared);

/* The streams' part of the sweep: pings, clients that are gone. */
void vt_http_streams_sweep(struct vt_http_server *s, int64_t now_ms);
/* Lets all streams end. */
void vt_http_streams_end(struct vt_http_server *s);
/* x is over: frees its stream and tells the owner. */
void vt_http_stream_over(struct vt_http_exchange *x);

/* Buckets of requests: a bounded table. */
VT_MUST enum vt_err vt_http_rates_new(struct vt_http_rates **ret, struct vt_why *why);
void vt_http_rates_free(struct vt_http_rates *r);
/* Takes one from the client's bucket of that rate (`which` is its row). false: *ret_wait_s
 * seconds are to pass before. */
bool vt_http_rates_take(struct vt_http_rates *r, const char *client, unsigned which,
    const struct vt_http_rate *rate, int64_t now_ms, unsigned *ret_wait_s);

/* Responses that are kept, by their path: a bounded table, the longest unused go first. */
VT_MUST enum vt_err vt_http_cache_new(struct vt_http_cache **ret, struct vt_why *why);
void vt_http_cache_free(struct vt_http_cache *c);
#define VT_HTTP_CACHE_FILE_MAX (256U * 1024U)
/* NULL: it has none. */
struct MHD_Response *vt_http_cache_get(
    struct vt_http_cache *c, const char *key, uint64_t *ret_len);
/* Keeps a response, whose reference is taken; false: it was not. */
bool vt_http_cache_put(
    struct vt_http_cache *c, const char *key, struct MHD_Response *response, uint64_t len);

#endif
