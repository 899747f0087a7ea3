/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/account.h"

#include "note/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS                                                                                \
    "SELECT id, name, organisation, roles, user, point, credential, vkey, counter, cloned,"    \
    " since, revoked FROM account "

static const struct {
    unsigned role;
    const char *name;
} roles[] = {
    {VT_ROLE_READER, "reader"}, {VT_ROLE_REVIEWER, "reviewer"}, {VT_ROLE_LEAD, "lead"}};

unsigned
vt_role_parse(const char *word)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strcmp(roles[i].name, word) == 0)
            return roles[i].role;
    return 0;
}

const char *
vt_role_name(unsigned role)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (roles[i].role == role)
            return roles[i].name;
    return "";
}

bool
vt_organisation_valid(const char *s)
{
    size_t len = strlen(s);

    if (len == 0 || len > VT_ACCOUNT_ORGANISATION_MAX || !vt_utf8_valid(s, len))
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
            return false;
    return true;
}

/* Copies bytes of a column that must have exactly, or (exact false) at most, size bytes. */
static bool
take_bytes(struct vt_sql_rows *r, int column, void *ret, size_t size, size_t *ret_len)
{
    size_t len;
    const void *p = vt_sql_bytes(r, column, &len);

    if (len > size || (ret_len == NULL && len != size))
        return false;
    memcpy(ret, p, len);
    if (ret_len != NULL)
        *ret_len = len;
    return true;
}

static enum vt_err
take_row(struct vt_sql_rows *r, struct vt_account *ret, struct vt_why *why)
{
    struct vt_account a = {.id = vt_sql_int(r, 0),
        .roles = (unsigned)vt_sql_int(r, 3) & VT_ROLES_ALL,
        .counter = (uint32_t)vt_sql_int(r, 8),
        .cloned = vt_sql_int(r, 9) != 0,
        .since = vt_sql_int(r, 10),
        .revoked = vt_sql_int(r, 11)};

    (void)snprintf(a.name, sizeof(a.name), "%s", vt_sql_text(r, 1));
    (void)snprintf(a.organisation, sizeof(a.organisation), "%s", vt_sql_text(r, 2));
    (void)snprintf(a.vkey, sizeof(a.vkey), "%s", vt_sql_text(r, 7));
    if (!take_bytes(r, 4, a.user, sizeof(a.user), NULL) ||
        !take_bytes(r, 5, a.point, sizeof(a.point), NULL) ||
        !take_bytes(r, 6, a.credential, sizeof(a.credential), &a.credential_len))
        return vt_fail(why, VT_E_STATE, "the account %.128s is damaged in desk.db", a.name);
    *ret = a;
    return VT_OK;
}

/* The first row of a query, which is ended. */
static enum vt_err
take_one(struct vt_sql_rows *r, struct vt_account *ret, struct vt_why *why)
{
    bool row = false;
    enum vt_err err = vt_sql_step(r, &row, why);

    if (err == VT_OK && !row)
        err = vt_fail(why, VT_E_NOENT, "there is no such account");
    if (err == VT_OK)
        err = take_row(r, ret, why);
    vt_sql_end(r);
    return err;
}

enum vt_err
vt_account_by_id(struct vt_sql *db, int64_t id, struct vt_account *ret, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    enum vt_err err = vt_sql_query(db, &r, why, COLUMNS "WHERE id=?", "i", id);

    return err == VT_OK ? take_one(r, ret, why) : err;
}

enum vt_err
vt_account_by_name(
    struct vt_sql *db, const char *name, struct vt_account *ret, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    enum vt_err err =
        vt_sql_query(db, &r, why, COLUMNS "WHERE name=? AND revoked IS NULL", "s", name);

    return err == VT_OK ? take_one(r, ret, why) : err;
}

enum vt_err
vt_account_by_credential(struct vt_sql *db, const void *credential, size_t len,
    struct vt_account *ret, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    enum vt_err err = vt_sql_query(
        db, &r, why, COLUMNS "WHERE credential=? AND revoked IS NULL", "b", credential, len);

    return err == VT_OK ? take_one(r, ret, why) : err;
}

enum vt_err
vt_account_each(struct vt_sql *db, bool all,
    enum vt_err (*fn)(void *ctx, const struct vt_account *a, struct vt_why *why), void *ctx,
    struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct vt_account a;
    bool row = false;
    enum vt_err err = vt_sql_query(
        db, &r, why, COLUMNS "WHERE ? OR revoked IS NULL ORDER BY name, id", "i", (int64_t)all);

    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        err = take_row(r, &a, why);
        if (err == VT_OK)
            err = fn(ctx, &a, why);
    }
    vt_sql_end(r);
    return err;
}

static enum vt_err
end_sessions(struct vt_sql *db, int64_t id, struct vt_why *why)
{
    return vt_sql_do(db, why, "DELETE FROM session WHERE account=?", "i", id);
}

/* Ends a transaction by what came of it. */
static enum vt_err
settle(struct vt_sql *db, enum vt_err err, struct vt_why *why)
{
    if (err == VT_OK)
        err = vt_sql_commit(db, why);
    if (err != VT_OK)
        vt_sql_rollback(db);
    return err;
}

enum vt_err
vt_account_revoke(struct vt_sql *db, const char *name, int64_t now, struct vt_why *why)
{
    struct vt_account a;
    enum vt_err err = vt_sql_begin(db, why);

    if (err != VT_OK)
        return err;
    err = vt_account_by_name(db, name, &a, why);
    if (err == VT_OK)
        err = vt_sql_do(db, why, "UPDATE account SET revoked=? WHERE id=?", "ii", now, a.id);
    if (err == VT_OK)
        err = end_sessions(db, a.id, why);
    if (err == VT_OK)
        err = vt_sql_do(db, why, "DELETE FROM may WHERE name=?", "s", name);
    return settle(db, err, why);
}

enum vt_err
vt_account_count(struct vt_sql *db, int64_t id, uint32_t counter, struct vt_why *why)
{
    return vt_sql_do(
        db, why, "UPDATE account SET counter=? WHERE id=?", "ii", (int64_t)counter, id);
}

enum vt_err
vt_account_suspect(struct vt_sql *db, int64_t id, struct vt_why *why)
{
    enum vt_err err = vt_sql_begin(db, why);

    if (err != VT_OK)
        return err;
    err = vt_sql_do(db, why, "UPDATE account SET cloned=1 WHERE id=?", "i", id);
    if (err == VT_OK)
        err = end_sessions(db, id, why);
    return settle(db, err, why);
}

enum vt_err
vt_account_clear(struct vt_sql *db, const char *name, struct vt_why *why)
{
    struct vt_account a;
    enum vt_err err = vt_account_by_name(db, name, &a, why);

    if (err == VT_OK && !a.cloned)
        err = vt_fail(why, VT_E_STATE, "%s is not marked: there is nothing to clear", name);
    if (err != VT_OK)
        return err;
    return vt_sql_do(db, why, "UPDATE account SET cloned=0, counter=0 WHERE id=?", "i", a.id);
}

enum vt_err
vt_token_new(char ret[VT_ACCOUNT_TOKEN_TEXT], struct vt_why *why)
{
    uint8_t token[VT_ACCOUNT_TOKEN_SIZE];
    enum vt_err err = vt_random(token, sizeof(token), why);

    if (err == VT_OK)
        vt_hex_encode(token, sizeof(token), ret);
    vt_wipe(token, sizeof(token));
    return err;
}

bool
vt_token_hash(const char *text, struct vt_digest *ret)
{
    uint8_t token[VT_ACCOUNT_TOKEN_SIZE];
    size_t len = 0;
    bool ok =
        vt_hex_decode(text, strlen(text), token, sizeof(token), &len) && len == sizeof(token);

    if (ok)
        vt_digest_of(token, sizeof(token), ret);
    vt_wipe(token, sizeof(token));
    return ok;
}

static enum vt_err
check_invitation(struct vt_sql *db, const struct vt_invitation *i, struct vt_why *why)
{
    struct vt_account a;
    enum vt_err err;

    if (!vt_key_name_valid(i->name) || !vt_note_name_valid(i->name, strlen(i->name)) ||
        strcmp(i->name, "-") == 0)
        return vt_fail(why, VT_E_USAGE,
            "%.128s is no name of a key: 1 to %u printable characters without space, + and \"",
            i->name, VT_KEY_NAME_MAX);
    if (!vt_organisation_valid(i->organisation))
        return vt_fail(why, VT_E_USAGE,
            "an organisation has 1 to %u bytes without control characters",
            VT_ACCOUNT_ORGANISATION_MAX);
    if (i->roles == 0 || (i->roles & ~VT_ROLES_ALL) != 0)
        return vt_fail(why, VT_E_USAGE, "a role is reader, reviewer or lead");
    err = vt_account_by_name(db, i->name, &a, NULL);
    if (err == VT_OK)
        return vt_fail(why, VT_E_EXIST,
            "%s has an account: revoke it first, if its passkey is to be another", i->name);
    return err == VT_E_NOENT ? VT_OK : err;
}

enum vt_err
vt_invitation_new(struct vt_sql *db, const struct vt_invitation *i,
    char ret_token[VT_ACCOUNT_TOKEN_TEXT], struct vt_why *why)
{
    char token[VT_ACCOUNT_TOKEN_TEXT] = "";
    struct vt_digest hash = {{0}};
    enum vt_err err = check_invitation(db, i, why);

    if (err == VT_OK)
        err = vt_token_new(token, why);
    if (err == VT_OK && !vt_token_hash(token, &hash))
        err = vt_fail(why, VT_E_CRYPTO, "a token that was just made is none");
    if (err == VT_OK)
        err = vt_sql_begin(db, why);
    if (err == VT_OK) {
        err = vt_sql_do(
            db, why, "DELETE FROM invitation WHERE name=? AND used IS NULL", "s", i->name);
        if (err == VT_OK)
            err = vt_sql_do(db, why,
                "INSERT INTO invitation(hash, name, organisation, roles, expires)"
                " VALUES(?, ?, ?, ?, ?)",
                "dssii", &hash, i->name, i->organisation, (int64_t)i->roles, i->expires);
        err = settle(db, err, why);
    }
    if (err == VT_OK)
        memcpy(ret_token, token, sizeof(token));
    vt_wipe(token, sizeof(token));
    return err;
}

enum vt_err
vt_invitation_find(struct vt_sql *db, const struct vt_digest *hash, int64_t now,
    struct vt_invitation *ret, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct vt_invitation i = {0};
    bool row = false;
    enum vt_err err = vt_sql_query(db, &r, why,
        "SELECT name, organisation, roles, expires FROM invitation"
        " WHERE hash=? AND used IS NULL AND expires>?",
        "di", hash, now);

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && row) {
        (void)snprintf(i.name, sizeof(i.name), "%s", vt_sql_text(r, 0));
        (void)snprintf(i.organisation, sizeof(i.organisation), "%s", vt_sql_text(r, 1));
        i.roles = (unsigned)vt_sql_int(r, 2) & VT_ROLES_ALL;
        i.expires = vt_sql_int(r, 3);
        *ret = i;
    }
    vt_sql_end(r);
    if (err == VT_OK && !row)
        return vt_fail(why, VT_E_NOENT,
            "this invitation is not known, was used, or has expired: ask for another");
    return err;
}

static enum vt_err
insert_account(struct vt_sql *db, struct vt_account *a, struct vt_why *why)
{
    enum vt_err err = vt_sql_do(db, why,
        "INSERT INTO account(name, organisation, roles, user, credential, point, vkey,"
        " counter, since) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "ssibbbsii", a->name, a->organisation, (int64_t)a->roles, (const void *)a->user,
        sizeof(a->user), (const void *)a->credential, a->credential_len, (const void *)a->point,
        sizeof(a->point), a->vkey, (int64_t)a->counter, a->since);

    if (err == VT_E_EXIST)
        return vt_fail(why, err, "this name or this passkey has an account already");
    if (err == VT_OK)
        a->id = vt_sql_last(db);
    return err;
}

enum vt_err
vt_invitation_accept(struct vt_sql *db, const struct vt_digest *hash, int64_t now,
    struct vt_account *a, struct vt_why *why)
{
    struct vt_invitation i;
    struct vt_account made = *a;
    enum vt_err err = vt_sql_begin(db, why);

    if (err != VT_OK)
        return err;
    err = vt_invitation_find(db, hash, now, &i, why);
    if (err == VT_OK) {
        memcpy(made.name, i.name, sizeof(made.name));
        memcpy(made.organisation, i.organisation, sizeof(made.organisation));
        made.roles = i.roles;
        made.cloned = false;
        made.since = now;
        made.revoked = 0;
        err = vt_sql_do(db, why, "UPDATE invitation SET used=? WHERE hash=?", "id", now, hash);
    }
    if (err == VT_OK)
        err = insert_account(db, &made, why);
    err = settle(db, err, why);
    if (err == VT_OK)
        *a = made;
    return err;
}
