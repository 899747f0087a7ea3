/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the http process share. Private to src/centre/web*.c.
 */
#ifndef VT_CENTRE_WEB_PARTS_H
#define VT_CENTRE_WEB_PARTS_H

#include "base/msg_line.h"
#include "centre/room.h"
#include "centre/web.h"
#include "http/server.h"
#include "log/add.h"
#include "log/proof_file.h"

#define VT_API_PATH "/api/v1/"

/* A question that a process behind has not answered yet. */
struct vt_web_question {
    struct vt_http_exchange *x; /* NULL: given up, and its answer is thrown away */
    const struct vt_http_request *rq;
    uint64_t number; /* 0: free */
    bool admit;
    int64_t deadline_ms;
};

/* A process behind. */
struct vt_web_room {
    struct vt_web *web;
    const char *name;
    struct vt_msg_line *line; /* NULL: it is gone */
    struct vt_http_watch *watch;
    struct vt_web_question open[VT_ROOM_OPEN_MAX];
    size_t open_count;
};

#define VT_WEB_STREAMS_MAX 64U

struct vt_web {
    const struct vt_web_opts *opts;
    struct vt_page *page;
    struct vt_proof_file *proofs;
    struct vt_add *add; /* to the log */
    /* To the rooms. */
    struct vt_web_room desk;
    struct vt_web_room reader[VT_WEB_READERS];
    struct vt_msg_line *events;
    struct vt_http_exchange *streams[VT_WEB_STREAMS_MAX];
    size_t stream_count;
    uint64_t next_number;
    struct vt_buf message; /* the one that came last */
    struct vt_http_watch watches[3 + VT_WEB_READERS];
};

/* --- web_log.c: POSTs to the log process, and what is asked of it. --- */
bool vt_web_post_entry(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs);
bool vt_web_post_object(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs);
bool vt_web_post_review(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs);
bool vt_web_post_signature(void *ctx, const struct vt_http_request *rq,
    struct vt_http_exchange *x, struct vt_http_response *rs);
bool vt_web_get_metrics(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs);
void vt_web_get_proof(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs);

/* --- web_room.c: questions to the processes behind. --- */
VT_MUST enum vt_err vt_web_room_open(struct vt_web *w, struct vt_web_room *r, const char *name,
    int fd, struct vt_http_watch *watch, struct vt_why *why);
/* Asks; who and sealed as the desk gave them, "" when nobody did. false: it is gone or has too
 * many questions. */
bool vt_web_room_ask(struct vt_web_room *r, enum vt_room_msg type,
    const struct vt_http_request *rq, struct vt_http_exchange *x, const char *who,
    const char *sealed);
/* Asks one of the readers. */
bool vt_web_ask_reader(struct vt_web *w, const struct vt_http_request *rq,
    struct vt_http_exchange *x, const char *who, const char *sealed);
/* Gives questions up that have waited too long. */
void vt_web_rooms_tick(struct vt_web *w);

/* --- web_api.c: what is below /api/v1. --- */
bool vt_web_api_get(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs);
bool vt_web_api_post(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs);
/* Fills rs from an answer, whose strings must stay as long as rs is used. */
void vt_web_api_fill(struct vt_http_response *rs, const struct vt_answer *a);
/* Fills rs with an error in the API's form. */
void vt_web_api_error(struct vt_http_response *rs, int status, const char *text);
/* For struct vt_http_server_opts: errors below /api/v1 have the API's form. */
void vt_web_api_on_error(void *ctx, const char *path, struct vt_http_response *rs);

/* --- web_event.c: server-sent events. --- */
VT_MUST enum vt_err vt_web_events_open(
    struct vt_web *w, struct vt_http_watch *watch, struct vt_why *why);
bool vt_web_events_begin(
    struct vt_web *w, struct vt_http_exchange *x, struct vt_http_response *rs);
void vt_web_events_on_end(void *ctx, struct vt_http_exchange *x);

/* --- web_files.c: what is served from folders. --- */
struct vt_web_files;
/* The table of public/ and, when there is one, of the built page. VT_E_NOMEM, VT_E_LIMIT. */
VT_MUST enum vt_err vt_web_files_new(
    const struct vt_web_opts *opts, struct vt_web_files **ret, struct vt_why *why);
void vt_web_files_free(struct vt_web_files *f);
const struct vt_http_folder *vt_web_files_folders(const struct vt_web_files *f);

#endif
