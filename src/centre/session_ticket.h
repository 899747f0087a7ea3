/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets: the challenges of logins and registrations that are under way.
 *
 * A ticket is taken once, within five minutes, for what it was made for. They stand in this
 * process's memory alone: a stranger's asking for one writes nothing to disk, and whoever is
 * between the two steps when the process starts anew begins again. At most 1,024 at a time and
 * 8 of one client; one more makes the client's oldest, or the oldest of all, worthless.
 */
#ifndef VT_CENTRE_SESSION_TICKET_H
#define VT_CENTRE_SESSION_TICKET_H

#include "centre/account.h"

#define VT_TICKETS_MAX 1024U
#define VT_TICKETS_CLIENT_MAX 8U
#define VT_TICKET_S (5 * 60)
#define VT_CHALLENGE_SIZE 32U

enum vt_ticket_kind { VT_TICKET_REGISTER = 1, VT_TICKET_LOGIN };

struct vt_ticket {
    enum vt_ticket_kind kind; /* 0: the place is free */
    struct vt_digest hash;    /* of the token */
    struct vt_digest client;
    uint8_t challenge[VT_CHALLENGE_SIZE];
    struct vt_digest invitation;        /* registration: the invitation's hash */
    uint8_t user[VT_ACCOUNT_USER_SIZE]; /* registration: the user handle that was offered */
    int64_t made;
    uint64_t number; /* in the order of making */
};

struct vt_tickets {
    uint64_t made;
    struct vt_ticket ticket[VT_TICKETS_MAX];
};

/* Makes one; fills all of *t but kind and invitation, which the caller gives, and keeps a copy.
 * *ret_token is what names it. */
VT_MUST enum vt_err vt_ticket_new(struct vt_tickets *all, const char *client, int64_t now,
    struct vt_ticket *t, char ret_token[VT_ACCOUNT_TOKEN_TEXT], struct vt_why *why);
/* Takes it away, whatever the caller then makes of it. VT_E_NOENT: it is not known, was taken,
 * is too old, or of another kind. */
VT_MUST enum vt_err vt_ticket_take(struct vt_tickets *all, enum vt_ticket_kind kind,
    const char *token, int64_t now, struct vt_ticket *ret, struct vt_why *why);

#endif
