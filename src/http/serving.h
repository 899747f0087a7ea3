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

#include <microhttpd.h>

#define VT_HTTP_BODY_MAX (16U * 1024U * 1024U)
#define VT_HTTP_PATH_MAX 1024U

struct vt_http_server {
    const struct vt_http_server_opts *opts;
    struct MHD_Daemon *daemon;
    struct vt_http_conn *conns;
    size_t awaited; /* exchanges that handlers keep */
    size_t bodies;  /* bytes that are set aside for bodies */
    bool stopping;
};

struct vt_http_conn {
    struct vt_http_server *server;
    struct vt_http_conn *prev;
    struct vt_http_conn *next;
    struct vt_http_exchange *awaiting; /* the exchange that a handler keeps, or NULL */
    int fd;
    int64_t deadline_ms;
};

struct vt_http_exchange {
    struct vt_http_conn *conn;
    struct MHD_Connection *connection;
    const struct vt_http_route *route; /* NULL: a file, or an error */
    char path[VT_HTTP_PATH_MAX];
    bool get;
    bool too_large;
    bool answered; /* by vt_http_answer */
    uint64_t body_seen;
    size_t body_share; /* of server->bodies */
    struct vt_buf body;
    struct vt_http_response rs;
};

int64_t vt_http_timeout_ms(const struct vt_http_server *s);

/* libmicrohttpd's callbacks. */
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

/* Whether x->path belongs to a folder. */
bool vt_http_has_folder(const struct vt_http_exchange *x);
/* Answers from the folders; MHD_NO closes the connection. */
enum MHD_Result vt_http_send_file(struct vt_http_exchange *x);
/* Queues rs as the answer. */
enum MHD_Result vt_http_send(struct vt_http_exchange *x, const struct vt_http_response *rs);
enum MHD_Result vt_http_send_error(struct vt_http_exchange *x, int status, const char *text);
/* Adds the headers that all answers carry, queues, releases the response. */
enum MHD_Result vt_http_queue(struct vt_http_exchange *x, unsigned status,
    struct MHD_Response *response, const char *content_type, const char *cache, const char *csp,
    uint64_t len);

#endif
