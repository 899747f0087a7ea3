/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/session.h"

#include <string.h>

#define NOTED_S 30
#define INVITATION_KEPT_S (90 * 86400)

enum vt_err
vt_session_new(struct vt_sql *db, int64_t account, int64_t now,
    char ret_token[VT_ACCOUNT_TOKEN_TEXT], struct vt_why *why)
{
    char token[VT_ACCOUNT_TOKEN_TEXT] = "";
    struct vt_digest hash = {{0}};
    enum vt_err err = vt_token_new(token, why);

    if (err == VT_OK && !vt_token_hash(token, &hash))
        err = vt_fail(why, VT_E_CRYPTO, "a token that was just made is none");
    if (err == VT_OK)
        err = vt_sql_begin(db, why);
    if (err == VT_OK) {
        err = vt_sql_do(db, why,
            "DELETE FROM session WHERE hash IN (SELECT hash FROM session WHERE account=?"
            " ORDER BY last DESC LIMIT -1 OFFSET ?)",
            "ii", account, (int64_t)VT_SESSION_ACCOUNT_MAX - 1);
        if (err == VT_OK)
            err = vt_sql_do(db, why,
                "INSERT INTO session(hash, account, created, last) VALUES(?, ?, ?, ?)", "diii",
                &hash, account, now, now);
        if (err == VT_OK)
            err = vt_sql_commit(db, why);
        if (err != VT_OK)
            vt_sql_rollback(db);
    }
    if (err == VT_OK)
        memcpy(ret_token, token, sizeof(token));
    vt_wipe(token, sizeof(token));
    return err;
}

static enum vt_err
find_row(struct vt_sql *db, const struct vt_digest *hash, int64_t now, int64_t *ret_account,
    int64_t *ret_last, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err = vt_sql_query(db, &r, why,
        "SELECT account, last FROM session WHERE hash=? AND last>? AND created>?", "dii", hash,
        now - VT_SESSION_IDLE_S, now - VT_SESSION_WHOLE_S);

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && row) {
        *ret_account = vt_sql_int(r, 0);
        *ret_last = vt_sql_int(r, 1);
    }
    vt_sql_end(r);
    if (err == VT_OK && !row)
        return vt_fail(why, VT_E_NOENT, "this session is not known, or has ended");
    return err;
}

enum vt_err
vt_session_find(struct vt_sql *db, const char *token, int64_t now, struct vt_account *ret,
    struct vt_why *why)
{
    struct vt_digest hash;
    struct vt_account a;
    int64_t account = 0;
    int64_t last = 0;
    enum vt_err err;

    if (!vt_token_hash(token, &hash))
        return vt_fail(why, VT_E_NOENT, "this session is not known, or has ended");
    err = find_row(db, &hash, now, &account, &last, why);
    if (err == VT_OK)
        err = vt_account_by_id(db, account, &a, why);
    if (err == VT_OK && (a.revoked != 0 || a.cloned))
        err = vt_fail(why, VT_E_NOENT, "this session is not known, or has ended");
    if (err == VT_OK && now >= last + NOTED_S)
        err = vt_sql_do(db, why, "UPDATE session SET last=? WHERE hash=?", "id", now, &hash);
    if (err == VT_OK)
        *ret = a;
    return err;
}

enum vt_err
vt_session_end(struct vt_sql *db, const char *token, struct vt_why *why)
{
    struct vt_digest hash;

    if (!vt_token_hash(token, &hash))
        return VT_OK;
    return vt_sql_do(db, why, "DELETE FROM session WHERE hash=?", "d", &hash);
}

enum vt_err
vt_session_sweep(struct vt_sql *db, int64_t now, struct vt_why *why)
{
    enum vt_err err = vt_sql_do(db, why, "DELETE FROM session WHERE last<=? OR created<=?",
        "ii", now - VT_SESSION_IDLE_S, now - VT_SESSION_WHOLE_S);

    if (err != VT_OK)
        return err;
    return vt_sql_do(db, why, "DELETE FROM invitation WHERE expires<?", "i",
        now - (int64_t)INVITATION_KEPT_S);
}
