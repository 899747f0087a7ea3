/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the desk process; for the files desk*.c alone, and for tests, which ask it
 * without a process of its own. desk.c has the process and the table of what is answered;
 * desk_call.c what all answers share; desk_login.c, desk_talk.c, desk_visits.c the answers;
 * desk_admit.c what may be opened; desk_publish.c the thread that publishes each day's record.
 */
#ifndef VT_CENTRE_DESK_ROOM_H
#define VT_CENTRE_DESK_ROOM_H

#include "base/clock.h"
#include "base/json.h"
#include "centre/account.h"
#include "centre/desk.h"
#include "centre/room.h"
#include "centre/session_limit.h"
#include "centre/session_ticket.h"
#include "centre/visit_book.h"
#include "centre/webauthn.h"
#include "note/policy.h"
#include "search/library.h"

#define VT_DESK_FAILURES 10U        /* of logins and registrations, per client or account */
#define VT_DESK_FAILURES_S 600U     /* within that time */
#define VT_DESK_TICKETS 60U         /* begun by one client within that time */
#define VT_DESK_OPENINGS_DAY 50000U /* of one client without a session within a day */
#define VT_DESK_SEALED_MINUTE 60    /* openings of sealed source, unless the operator says */
#define VT_DESK_SEALED_DAY 2000

struct vt_desk_room {
    struct vt_desk_opts opts;
    const struct vt_clock *clock;
    struct vt_webauthn_site site;
    bool secure; /* https: cookies are Secure */
    struct vt_sql *db;
    struct vt_library *library; /* NULL: there is none yet */
    struct vt_visit_book *book;
    struct vt_tickets tickets;
    struct vt_limits limits;
    int64_t swept;
    /* What an answer points to until it is sent. */
    struct vt_buf sealed;
    char who[VT_KEY_NAME_MAX + 1];
    char cookie[256];
    char etag[40];
};

/* home, policy, origin, url, signer and clock of opts are borrowed. VT_E_CONFIG: the origin;
 * VT_E_STATE: desk.db is of another version. */
VT_MUST enum vt_err vt_desk_room_new(
    const struct vt_desk_opts *opts, struct vt_desk_room **ret, struct vt_why *why);
/* Writes what waits. */
void vt_desk_room_free(struct vt_desk_room *d);
/* As struct vt_room_opts has them. */
VT_MUST enum vt_err vt_desk_room_answer(void *ctx, bool admit, const struct vt_ask *ask,
    struct vt_answer *ret, struct vt_buf *body, struct vt_why *why);
VT_MUST enum vt_err vt_desk_room_idle(void *ctx, struct vt_why *why);

/* One question. */
struct vt_desk_call {
    struct vt_desk_room *d;
    const struct vt_ask *ask;
    struct vt_answer *ret;
    struct vt_buf *body;
    int64_t now;
    int64_t id;   /* the number at the end of its path */
    json_t *in;   /* a POST's body: an object */
    json_t *out;  /* the answer, when it is an object */
    bool refused; /* the answer is an error, and made already */
    bool known;   /* a session: of `who` */
    struct vt_account who;
};

/* Answers with an error of the API; gives VT_E_REFUSED, for `return vt_desk_fail(...)`. */
enum vt_err vt_desk_fail(struct vt_desk_call *c, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Turns an error about what was sent into such an answer: `status` with the line of why. */
enum vt_err vt_desk_fail_why(struct vt_desk_call *c, int status, const struct vt_why *why);
/* As in base/err.h: an analyser must be told that they never return VT_OK. */
#if defined(__clang_analyzer__) && !defined(VT_CENTRE_DESK_CALL_C)
#define vt_desk_fail(...) vt_fail_known(vt_desk_fail(__VA_ARGS__), VT_E_REFUSED)
#define vt_desk_fail_why(...) vt_fail_known(vt_desk_fail_why(__VA_ARGS__), VT_E_REFUSED)
#endif

/* Finds out whose session it is, when there is one. */
VT_MUST enum vt_err vt_desk_find_session(struct vt_desk_call *c, struct vt_why *why);
/* 401 without a session; 403 without one of the roles (0: any). */
VT_MUST enum vt_err vt_desk_need(struct vt_desk_call *c, unsigned roles);
/* Sets the cookie; "" ends it. */
void vt_desk_set_cookie(struct vt_desk_call *c, const char *token);

/* Members of the POST's body: 400 when they are not as they must be. */
VT_MUST enum vt_err vt_desk_text(struct vt_desk_call *c, const char *key, const char **ret);
VT_MUST enum vt_err vt_desk_digest(
    struct vt_desk_call *c, const char *key, struct vt_digest *ret);
/* A path of a snapshot; empty only when `top`. */
VT_MUST enum vt_err vt_desk_path(
    struct vt_desk_call *c, bool top, char ret[VT_REVIEW_PATH_MAX + 1]);
/* Exactly these members (ended by NULL). */
VT_MUST enum vt_err vt_desk_only(struct vt_desk_call *c, const char *const *keys);

/* Parameters of the query. *ret_there (or NULL: it must be). */
VT_MUST enum vt_err vt_desk_query_text(
    struct vt_desk_call *c, const char *name, char *ret, size_t size, bool *ret_there);
VT_MUST enum vt_err vt_desk_query_digest(
    struct vt_desk_call *c, const char *name, struct vt_digest *ret, bool *ret_there);

/* Whether a source may be shown to who asks: 403 when it is sealed and not open to them. */
VT_MUST enum vt_err vt_desk_may_see(struct vt_desk_call *c, const struct vt_digest *source,
    bool *ret_sealed, struct vt_why *why);
/* The library with what was added meanwhile; 503 when there is none yet. */
VT_MUST enum vt_err vt_desk_library(
    struct vt_desk_call *c, struct vt_library **ret, struct vt_why *why);
/* What a path is in a snapshot. *ret_there false: not in it, or the snapshot is not indexed. */
struct vt_desk_file {
    enum vt_library_kind kind;
    struct vt_digest blob;
    uint64_t lines;
};
VT_MUST enum vt_err vt_desk_find_file(struct vt_desk_call *c, const struct vt_digest *source,
    const char *path, bool *ret_there, struct vt_desk_file *ret, struct vt_why *why);

/* {name, organisation, roles} */
json_t *vt_desk_reviewer(const struct vt_account *a);

/* May it be opened? Records it, sets ret->pass, who and sealed. */
VT_MUST enum vt_err vt_desk_admit(struct vt_desk_call *c, struct vt_why *why);

typedef enum vt_err vt_desk_fn(struct vt_desk_call *c, struct vt_why *why);
vt_desk_fn vt_desk_get_session;
vt_desk_fn vt_desk_get_reviewers;
vt_desk_fn vt_desk_register_begin;
vt_desk_fn vt_desk_register_finish;
vt_desk_fn vt_desk_login_begin;
vt_desk_fn vt_desk_login_finish;
vt_desk_fn vt_desk_logout;
vt_desk_fn vt_desk_get_comments;
vt_desk_fn vt_desk_post_comment;
vt_desk_fn vt_desk_change_comment;
vt_desk_fn vt_desk_get_assignments;
vt_desk_fn vt_desk_post_assignment;
vt_desk_fn vt_desk_change_assignment;
vt_desk_fn vt_desk_get_visits;
vt_desk_fn vt_desk_get_days;

/* The thread that publishes the records of days that are over; it has a connection of its own.
 */
struct vt_desk_publisher;
VT_MUST enum vt_err vt_desk_publisher_start(const struct vt_desk_opts *opts,
    const struct vt_clock *clock, struct vt_desk_publisher **ret, struct vt_why *why);
/* Waits until what it is at has ended, 20 seconds at the most. Takes NULL. */
void vt_desk_publisher_stop(struct vt_desk_publisher *p);

#endif
