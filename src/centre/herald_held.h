/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The herald as its parts share it. Private to src/centre/herald*.c.
 */
#ifndef VT_CENTRE_HERALD_HELD_H
#define VT_CENTRE_HERALD_HELD_H

#include "centre/herald.h"
#include "centre/hook.h"
#include "http/client.h"
#include "sql/sql.h"

#define VT_HERALD_DATA_MAX 8192U
#define VT_HERALD_MADE_SIZE 16U /* bytes of state.made */

/* An event as the facts have it. */
struct vt_herald_event {
    int64_t seq;
    char name[16]; /* "checkpoint", "entry", "ping" */
    char kind[32]; /* of an entry; else "" */
    int64_t at;
    struct vt_digest subject; /* what it is about: a statement, a tree's root, a URL */
    struct vt_buf data;       /* JSON */
};

/* One message on its way to one hook. */
struct vt_herald_letter {
    const struct vt_hook *hook;
    char id[VT_DIGEST_HEX_SIZE]; /* the hook's name in the table */
    int64_t failed;              /* attempts before this one */
    struct vt_herald_event event;
    struct vt_buf body; /* the envelope */
    char line[2][128];  /* headers */
    const char *lines[3];
};

struct vt_herald {
    const struct vt_herald_opts *opts;
    struct vt_signer *signer;
    struct vt_signer *own; /* the same, when it was started here */
    struct vt_http *http;
    struct vt_sql *db;
    struct vt_hooks hooks;
    int64_t hooks_changed_ns; /* of the file, as it was read; -1: not yet */
    bool said;                /* that there is no key */
    /* While it takes a turn. */
    struct vt_sql *facts;
    uint8_t made[VT_HERALD_MADE_SIZE];
    size_t count;
    struct vt_herald_letter letter[VT_HOOKS_MAX];
};

/* --- herald_letter.c --- */
/* Writes the envelope and the headers of a letter whose hook and event are set. `made` makes
 * its id differ from those of other facts. */
VT_MUST enum vt_err vt_herald_seal(
    const struct vt_herald *h, struct vt_herald_letter *l, struct vt_why *why);
void vt_herald_letter_release(struct vt_herald_letter *l);
/* The name of a hook in the table. */
void vt_herald_id(const char *url, char ret[VT_DIGEST_HEX_SIZE]);

/* --- herald_book.c: how far each hook is. --- */
VT_MUST enum vt_err vt_herald_open_book(struct vt_herald *h, struct vt_why *why);
/* Finds what is due to a hook: *ret_any, and then l's event. The hook's row is made when
 * missing: it hears of what comes from then on. */
VT_MUST enum vt_err vt_herald_due(struct vt_herald *h, const struct vt_hook *hook,
    struct vt_herald_letter *l, bool *ret_any, struct vt_why *why);
/* Writes down that it was delivered; or why not (problem), and when it is tried again: not
 * before `after_s` seconds. */
VT_MUST enum vt_err vt_herald_delivered(
    struct vt_herald *h, const struct vt_herald_letter *l, struct vt_why *why);
VT_MUST enum vt_err vt_herald_failed(struct vt_herald *h, const struct vt_herald_letter *l,
    const char *problem, int64_t after_s, struct vt_why *why);
/* Forgets hooks that are no longer in the file. */
VT_MUST enum vt_err vt_herald_prune(struct vt_herald *h, struct vt_why *why);

#endif
