/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/session_ticket.h"

#include <string.h>

/* A clock that was set back makes none older than it is. */
static bool
is_alive(const struct vt_ticket *t, int64_t now)
{
    return t->kind != 0 && now >= t->made && now < t->made + VT_TICKET_S;
}

/* The place for a new ticket: of the client's oldest when it has too many, else a free one,
 * else that of the oldest. */
static struct vt_ticket *
find_place(struct vt_tickets *all, const struct vt_digest *client, int64_t now)
{
    struct vt_ticket *own = NULL;
    struct vt_ticket *best = &all->ticket[0];
    size_t owned = 0;

    for (size_t i = 0; i < VT_TICKETS_MAX; i++) {
        struct vt_ticket *t = &all->ticket[i];

        if (!is_alive(t, now)) {
            t->kind = 0;
            t->number = 0;
        } else if (vt_digest_eq(&t->client, client)) {
            owned++;
            if (own == NULL || t->number < own->number)
                own = t;
        }
        if (t->number < best->number)
            best = t;
    }
    return owned >= VT_TICKETS_CLIENT_MAX ? own : best;
}

enum vt_err
vt_ticket_new(struct vt_tickets *all, const char *client, int64_t now, struct vt_ticket *t,
    char ret_token[VT_ACCOUNT_TOKEN_TEXT], struct vt_why *why)
{
    enum vt_err err = vt_random(t->challenge, sizeof(t->challenge), why);

    if (err == VT_OK)
        err = vt_random(t->user, sizeof(t->user), why);
    if (err == VT_OK)
        err = vt_token_new(ret_token, why);
    if (err == VT_OK && !vt_token_hash(ret_token, &t->hash))
        err = vt_fail(why, VT_E_CRYPTO, "a token that was just made is none");
    if (err != VT_OK)
        return err;
    vt_digest_of(client, strlen(client), &t->client);
    t->made = now;
    t->number = ++all->made;
    *find_place(all, &t->client, now) = *t;
    return VT_OK;
}

enum vt_err
vt_ticket_take(struct vt_tickets *all, enum vt_ticket_kind kind, const char *token, int64_t now,
    struct vt_ticket *ret, struct vt_why *why)
{
    struct vt_digest hash;
    bool ok = vt_token_hash(token, &hash);

    for (size_t i = 0; ok && i < VT_TICKETS_MAX; i++) {
        struct vt_ticket *t = &all->ticket[i];

        if (t->kind == 0 || !vt_digest_eq(&t->hash, &hash))
            continue;
        ok = is_alive(t, now) && t->kind == kind;
        if (ok)
            *ret = *t;
        *t = (struct vt_ticket){0};
        if (ok)
            return VT_OK;
    }
    return vt_fail(
        why, VT_E_NOENT, "this ticket is not known, was used, or is too old: begin again");
}
