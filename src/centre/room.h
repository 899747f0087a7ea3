/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the http process of a site asks the processes behind it, and they answer:
 *
 *     desk     reviewers' sessions, comments, assignments, who opened what; writes
 *     readers  facts and sources; read only; two of them
 *
 * Messages over a stream socket pair (base/msg.h). http parses requests and knows nobody; it
 * has the desk say who asks (VT_ROOM_ADMIT) before a reader is asked for source, so that
 * everything that is opened is recorded first.
 *
 *     VT_ROOM_ADMIT   http to desk: may this be opened, and by whom?
 *                     answered by VT_ROOM_ANSWER, with `pass` set when it may
 *     VT_ROOM_ASK     http to desk or reader; answered by VT_ROOM_ANSWER
 *     VT_ROOM_EVENT   indexer to http: one server-sent event, its bytes ready to send
 *
 * Both sides encode and decode with the functions here; strings are bounded by the limits
 * below.
 */
#ifndef VT_CENTRE_ROOM_H
#define VT_CENTRE_ROOM_H

#include "base/msg.h"

#include <stdbool.h>

enum vt_room_msg {
    VT_ROOM_ADMIT = 1,
    VT_ROOM_ASK = 2,
    VT_ROOM_ANSWER = 3,
    VT_ROOM_EVENT = 4,
};

#define VT_ROOM_OPEN_MAX 64U /* questions to one process that are not answered yet */
#define VT_ROOM_PATH_MAX 1024U
#define VT_ROOM_QUERY_MAX 4096U
#define VT_ROOM_FIELD_MAX 512U
#define VT_ROOM_SEALED_MAX 8192U                /* bytes of vt_ask.sealed: 110 sources */
#define VT_ROOM_BODY_MAX (64U * 1024U)          /* of a POST */
#define VT_ROOM_ANSWER_MAX (8U * 1024U * 1024U) /* body of an answer */
#define VT_ROOM_MESSAGE_MAX (VT_ROOM_ANSWER_MAX + 64U * 1024U)
#define VT_ROOM_EVENT_MAX 16384U

/* A question. All strings NUL-terminated, never NULL; "" for what is not there. */
struct vt_ask {
    uint64_t number; /* given back in the answer */
    bool post;
    const char *path;  /* decoded and safe, from "/api/v1/" on */
    const char *query; /* as it was sent, after the `?` */
    const char *content_type;
    const char *if_none_match;
    const char *origin;  /* the Origin header */
    const char *session; /* the session cookie; for the desk alone */
    const char *client;  /* an opaque word for the client's address, for limits of rate */
    const char *who; /* for readers: the reviewer's name as the desk gave it, "" for anybody */
    const char *sealed; /* for readers: the sealed sources open to `who`: hex digests with a
                           space between two */
    const void *body;
    size_t body_len;
};

/* An answer. `pass` is for VT_ROOM_ADMIT: then who and sealed are to be handed on and the rest
 * is nothing. Strings as above; they point into the message when decoded. */
struct vt_answer {
    uint64_t number;
    bool pass;
    uint16_t status;
    uint16_t retry_after_s;
    const char *content_type; /* "application/json" */
    const char *cache;        /* Cache-Control */
    const char *etag;         /* with its quotes, or "" */
    const char *set_cookie;   /* the whole value, or "" */
    const char *disposition;  /* Content-Disposition, or "" */
    const char *csp;          /* Content-Security-Policy, or "" for the API's own */
    const char *who;
    const char *sealed;
    const void *body;
    size_t body_len;
};

/* Sends. VT_E_USAGE for what is over its limit, VT_E_IO when the other side is gone. */
VT_MUST enum vt_err vt_ask_send(
    int fd, enum vt_room_msg type, const struct vt_ask *a, struct vt_why *why);
VT_MUST enum vt_err vt_answer_send(int fd, const struct vt_answer *a, struct vt_why *why);

/* The bytes of the two, appended to b: for a sender that does not wait. */
VT_MUST enum vt_err vt_ask_put(struct vt_buf *b, const struct vt_ask *a, struct vt_why *why);
VT_MUST enum vt_err vt_answer_put(
    struct vt_buf *b, const struct vt_answer *a, struct vt_why *why);
/* An answer as vt_room_run presets it: 200, JSON, no-cache, number 0. */
void vt_answer_preset(struct vt_answer *ret);

/* Decodes what vt_msg_recv gave; everything points into b, which must stay. VT_E_SYNTAX. */
VT_MUST enum vt_err vt_ask_read(const struct vt_buf *b, struct vt_ask *ret, struct vt_why *why);
VT_MUST enum vt_err vt_answer_read(
    const struct vt_buf *b, struct vt_answer *ret, struct vt_why *why);

/* For the processes behind: receives questions from fd until it closes (VT_OK) and sends what
 * `answer` makes of each. ret is preset to 200, JSON, no-cache; its body is what answer put
 * into `body` (maximum VT_ROOM_ANSWER_MAX), which is emptied before each question. admit: the
 * question was VT_ROOM_ADMIT. `idle` (or NULL) is called about once a second between questions;
 * its error, as one of answer, ends the loop. */
struct vt_room_opts {
    enum vt_err (*answer)(void *ctx, bool admit, const struct vt_ask *ask,
        struct vt_answer *ret, struct vt_buf *body, struct vt_why *why);
    enum vt_err (*idle)(void *ctx, struct vt_why *why);
    void *ctx;
};
VT_MUST enum vt_err vt_room_run(int fd, const struct vt_room_opts *opts, struct vt_why *why);

/* The API's errors: status, code and message as docs/formats/centre-api.md says. Code follows
 * from the status; the answer's other parts are as preset, but number; 429 and 503 ask to wait
 * a second when retry_after_s is 0. What the message quotes is made harmless. */
void vt_answer_error(struct vt_answer *ret, struct vt_buf *body, int status, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));

/* One parameter of a query string, percent-decoded ("+" is a space): false when it is not
 * there. *ret_bad is set for one that is malformed, over ret_size, or not UTF-8. */
bool vt_query_get(
    const char *query, const char *name, char *ret, size_t ret_size, bool *ret_bad);
/* Whether all parameters are of `names` (ended by NULL), none twice. */
bool vt_query_only(const char *query, const char *const *names);

#endif
