/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reviewers' accounts and the invitations that they come from.
 *
 * An account is a name (that of the key with which its holder signs entries), an organisation,
 * roles, and one passkey. A name belongs to one account at a time; when that one was revoked
 * the name may be invited again. An invitation is a random token, kept as its hash, and makes
 * one account.
 */
#ifndef VT_CENTRE_ACCOUNT_H
#define VT_CENTRE_ACCOUNT_H

#include "crypto/key.h"
#include "note/note.h"
#include "sql/sql.h"

enum {
    VT_ROLE_READER = 1,   /* may log in, and open sealed source that is open to it */
    VT_ROLE_REVIEWER = 2, /* may also comment, and be assigned */
    VT_ROLE_LEAD = 4,     /* may also assign, and settle others' comments */
};
#define VT_ROLES_ALL 7U

#define VT_ACCOUNT_ORGANISATION_MAX 64U /* bytes */
#define VT_ACCOUNT_CREDENTIAL_MAX 1023U /* bytes of a credential id (WebAuthn) */
#define VT_ACCOUNT_USER_SIZE 32U        /* bytes of the user handle that authenticators keep */
#define VT_ACCOUNT_POINT_SIZE 64U       /* P-256, x then y */
#define VT_ACCOUNT_TOKEN_SIZE 32U /* random bytes of an invitation's or a session's token */
#define VT_ACCOUNT_TOKEN_TEXT 65U /* their 64 hex digits and NUL */

struct vt_account {
    int64_t id;
    char name[VT_KEY_NAME_MAX + 1];
    char organisation[VT_ACCOUNT_ORGANISATION_MAX + 1];
    unsigned roles; /* VT_ROLE_... joined by or */
    uint8_t user[VT_ACCOUNT_USER_SIZE];
    uint8_t point[VT_ACCOUNT_POINT_SIZE];
    size_t credential_len;
    uint8_t credential[VT_ACCOUNT_CREDENTIAL_MAX];
    char vkey[VT_VKEY_TEXT_MAX];
    uint32_t counter; /* of signatures, as the authenticator last said */
    bool cloned;      /* the counter went back: no login until it is cleared */
    int64_t since;
    int64_t revoked; /* 0: it is not */
};

/* Role names: "reader", "reviewer", "lead"; 0 for another word. */
unsigned vt_role_parse(const char *word);
/* The name of one role. */
const char *vt_role_name(unsigned role);

/* Whether an organisation's name may be used: 1 to 64 bytes of UTF-8 without control
 * characters. */
bool vt_organisation_valid(const char *s);

/* Finds an account; revoked ones too by its id, else not. VT_E_NOENT. */
VT_MUST enum vt_err vt_account_by_id(
    struct vt_sql *db, int64_t id, struct vt_account *ret, struct vt_why *why);
VT_MUST enum vt_err vt_account_by_name(
    struct vt_sql *db, const char *name, struct vt_account *ret, struct vt_why *why);
VT_MUST enum vt_err vt_account_by_credential(struct vt_sql *db, const void *credential,
    size_t len, struct vt_account *ret, struct vt_why *why);
/* Calls fn for each account, by name; revoked ones too when `all`. fn's error ends it. */
VT_MUST enum vt_err vt_account_each(struct vt_sql *db, bool all,
    enum vt_err (*fn)(void *ctx, const struct vt_account *a, struct vt_why *why), void *ctx,
    struct vt_why *why);

/* No login any more, its sessions end, and what was open to its name is closed. VT_E_NOENT. */
VT_MUST enum vt_err vt_account_revoke(
    struct vt_sql *db, const char *name, int64_t now, struct vt_why *why);
/* Notes a signature's counter. */
VT_MUST enum vt_err vt_account_count(
    struct vt_sql *db, int64_t id, uint32_t counter, struct vt_why *why);
/* The counter went back: marks the account and ends its sessions. */
VT_MUST enum vt_err vt_account_suspect(struct vt_sql *db, int64_t id, struct vt_why *why);
/* Takes the mark away, after which any counter will do once. VT_E_NOENT; VT_E_STATE: it has
 * none. */
VT_MUST enum vt_err vt_account_clear(struct vt_sql *db, const char *name, struct vt_why *why);

struct vt_invitation {
    char name[VT_KEY_NAME_MAX + 1];
    char organisation[VT_ACCOUNT_ORGANISATION_MAX + 1];
    unsigned roles;
    int64_t expires;
};

/* A random token, as text. */
VT_MUST enum vt_err vt_token_new(char ret[VT_ACCOUNT_TOKEN_TEXT], struct vt_why *why);
/* Its hash; false when the text is no token. */
VT_MUST bool vt_token_hash(const char *text, struct vt_digest *ret);

/* Makes an invitation; older ones for the name are no longer taken. VT_E_USAGE: the name, the
 * organisation or the roles cannot be. VT_E_EXIST: there is an account of that name. */
VT_MUST enum vt_err vt_invitation_new(struct vt_sql *db, const struct vt_invitation *i,
    char ret_token[VT_ACCOUNT_TOKEN_TEXT], struct vt_why *why);
/* VT_E_NOENT: none of ours, used, or expired; in the same words. */
VT_MUST enum vt_err vt_invitation_find(struct vt_sql *db, const struct vt_digest *hash,
    int64_t now, struct vt_invitation *ret, struct vt_why *why);
/* Uses an invitation up and makes its account, of which user, point, credential and vkey are
 * given; fills the rest of *a. VT_E_NOENT as above; VT_E_EXIST: the name or the credential has
 * an account. */
VT_MUST enum vt_err vt_invitation_accept(struct vt_sql *db, const struct vt_digest *hash,
    int64_t now, struct vt_account *a, struct vt_why *why);

#endif
