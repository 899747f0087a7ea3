/* SPDX-License-Identifier: Apache-2.0 */
/* Registering, logging in and out: the part "Reviewers" of docs/formats/centre-api.md. */
#include "base/log.h"
#include "centre/api_parts.h"
#include "centre/desk_room.h"
#include "centre/session.h"
#include "note/note.h"

#include <stdio.h>
#include <string.h>

enum { TIMEOUT_MS = VT_TICKET_S * 1000 };

static const struct vt_limit failures_client = {
    "failures of a client", VT_DESK_FAILURES, VT_DESK_FAILURES_S};
static const struct vt_limit failures_account = {
    "failures of an account", VT_DESK_FAILURES, VT_DESK_FAILURES_S};
static const struct vt_limit tickets_client = {
    "tickets of a client", VT_DESK_TICKETS, VT_DESK_FAILURES_S};

static enum vt_err
need_attempts(struct vt_desk_call *c, const struct vt_limit *limit, const char *who)
{
    uint32_t wait = 0;

    if (vt_limit_ok(&c->d->limits, limit, who, c->now, &wait))
        return VT_OK;
    c->ret->retry_after_s = (uint16_t)wait;
    return vt_desk_fail(c, 429, "too many attempts: come again in %u seconds", wait);
}

/* A login or registration that came to nothing. */
static enum vt_err
refuse(struct vt_desk_call *c, int status, const struct vt_why *why)
{
    vt_limit_count(&c->d->limits, &failures_client, c->ask->client, c->now);
    vt_log(VT_LOG_INFO, "refused at the door: %s", why->text);
    return vt_desk_fail_why(c, status, why);
}

/* An error about what was sent, or one of our own. */
static enum vt_err
refuse_or_fail(struct vt_desk_call *c, enum vt_err err, const struct vt_why *why)
{
    switch (err) {
    case VT_E_SYNTAX:
    case VT_E_LIMIT:
        return refuse(c, 400, why);
    case VT_E_EXIST:
        return refuse(c, 409, why);
    case VT_E_REFUSED:
    case VT_E_SIG:
    case VT_E_NOENT:
        return refuse(c, 422, why);
    default:
        return err;
    }
}

enum vt_err
vt_desk_get_session(struct vt_desk_call *c, struct vt_why *why)
{
    (void)why;
    c->out = json_pack("{s:o, s:s, s:s}", "reviewer",
        c->known ? vt_desk_reviewer(&c->who) : json_null(), "origin", c->d->site.origin, "rp",
        c->d->site.rp);
    return VT_OK;
}

static bool
in_policy(const struct vt_policy *policy, const char *vkey)
{
    const struct vt_policy_party *signer = NULL;
    size_t n = vt_policy_signers(policy, &signer);
    char text[VT_VKEY_TEXT_MAX];

    for (size_t i = 0; i < n; i++) {
        vt_vkey_format(&signer[i].key, text);
        if (strcmp(text, vkey) == 0)
            return true;
    }
    return false;
}

static enum vt_err
add_reviewer(void *ctx, const struct vt_account *a, struct vt_why *why)
{
    struct vt_desk_call *c = ctx;
    json_t *v = vt_desk_reviewer(a);
    enum vt_err err = vt_api_join(v,
        json_pack("{s:s, s:o, s:b}", "vkey", a->vkey, "since", vt_api_time(a->since),
            "in_policy", (int)in_policy(c->d->opts.policy, a->vkey)),
        why);

    if (err != VT_OK) {
        json_decref(v);
        return err;
    }
    return vt_api_add(json_object_get(c->out, "items"), v, why);
}

enum vt_err
vt_desk_get_reviewers(struct vt_desk_call *c, struct vt_why *why)
{
    c->out = json_pack("{s:[]}", "items");
    return vt_account_each(c->d->db, false, add_reviewer, c, why);
}

static json_t *
b64url_json(const void *data, size_t len)
{
    struct vt_buf b = VT_BUF(256);
    json_t *v;

    vt_webauthn_put_b64url(&b, data, len);
    v = b.err == VT_OK ? json_string(vt_buf_str(&b)) : NULL;
    vt_buf_release(&b);
    return v;
}

static enum vt_err
new_ticket(struct vt_desk_call *c, struct vt_ticket *t, char token[VT_ACCOUNT_TOKEN_TEXT],
    struct vt_why *why)
{
    vt_limit_count(&c->d->limits, &tickets_client, c->ask->client, c->now);
    return vt_ticket_new(&c->d->tickets, c->ask->client, c->now, t, token, why);
}

/* PublicKeyCredentialCreationOptionsJSON */
static json_t *
creation_options(
    struct vt_desk_call *c, const struct vt_invitation *i, const struct vt_ticket *t)
{
    return json_pack("{s:{s:s, s:s}, s:{s:o, s:s, s:s}, s:o, s:[{s:s, s:i}], s:i, s:[],"
                     " s:{s:s, s:b, s:s}, s:s}",
        "rp", "id", c->d->site.rp, "name", c->d->opts.home->name, "user", "id",
        b64url_json(t->user, sizeof(t->user)), "name", i->name, "displayName", i->name,
        "challenge", b64url_json(t->challenge, sizeof(t->challenge)), "pubKeyCredParams",
        "type", "public-key", "alg", -7, "timeout", TIMEOUT_MS, "excludeCredentials",
        "authenticatorSelection", "residentKey", "required", "requireResidentKey", 1,
        "userVerification", "required", "attestation", "none");
}

enum vt_err
vt_desk_register_begin(struct vt_desk_call *c, struct vt_why *why)
{
    static const char *const keys[] = {"invitation", NULL};
    struct vt_ticket t = {.kind = VT_TICKET_REGISTER};
    char token[VT_ACCOUNT_TOKEN_TEXT];
    struct vt_invitation i;
    const char *text = "";
    enum vt_err err = need_attempts(c, &failures_client, c->ask->client);

    if (err == VT_OK)
        err = need_attempts(c, &tickets_client, c->ask->client);
    if (err == VT_OK)
        err = vt_desk_only(c, keys);
    if (err == VT_OK)
        err = vt_desk_text(c, "invitation", &text);
    if (err != VT_OK)
        return err;
    if (!vt_token_hash(text, &t.invitation))
        err = vt_fail(why, VT_E_NOENT, "an invitation has 64 hex digits: take the whole link");
    else
        err = vt_invitation_find(c->d->db, &t.invitation, c->now, &i, why);
    if (err != VT_OK)
        return refuse_or_fail(c, err, why);
    err = new_ticket(c, &t, token, why);
    if (err == VT_OK)
        c->out =
            json_pack("{s:o, s:s}", "publicKey", creation_options(c, &i, &t), "ticket", token);
    return err;
}

/* The ticket and the credential of a second step. */
static enum vt_err
take_step(struct vt_desk_call *c, enum vt_ticket_kind kind, struct vt_ticket *ret,
    json_t **ret_credential, struct vt_why *why)
{
    static const char *const keys[] = {"ticket", "credential", NULL};
    const char *text = "";
    enum vt_err err = need_attempts(c, &failures_client, c->ask->client);

    if (err == VT_OK)
        err = vt_desk_only(c, keys);
    if (err == VT_OK)
        err = vt_desk_text(c, "ticket", &text);
    if (err != VT_OK)
        return err;
    err = vt_ticket_take(&c->d->tickets, kind, text, c->now, ret, why);
    if (err == VT_OK)
        err = vt_json_obj(c->in, "credential", ret_credential, why);
    return err == VT_OK ? VT_OK : refuse_or_fail(c, err, why);
}

static enum vt_err
begin_session(struct vt_desk_call *c, int64_t account, struct vt_why *why)
{
    char token[VT_ACCOUNT_TOKEN_TEXT];
    enum vt_err err = vt_session_new(c->d->db, account, c->now, token, why);

    if (err == VT_OK)
        vt_desk_set_cookie(c, token);
    vt_wipe(token, sizeof(token));
    return err;
}

/* The new account's key as signed notes and policies have it. */
static enum vt_err
make_vkey(
    struct vt_desk_call *c, const struct vt_ticket *t, struct vt_account *a, struct vt_why *why)
{
    struct vt_invitation i;
    struct vt_passkey key;
    struct vt_vkey vkey;
    enum vt_err err = vt_invitation_find(c->d->db, &t->invitation, c->now, &i, why);

    vt_digest_of(c->d->site.rp, strlen(c->d->site.rp), &key.rp);
    if (err == VT_OK)
        err = vt_p256_from_xy(a->point, a->point + 32, &key.point, why);
    if (err == VT_OK)
        err = vt_vkey_make_passkey(i.name, &key, &vkey, why);
    if (err == VT_OK)
        vt_vkey_format(&vkey, a->vkey);
    return err;
}

static enum vt_err
register_account(struct vt_desk_call *c, const struct vt_ticket *t, const json_t *credential,
    struct vt_account *a, struct vt_why *why)
{
    struct vt_webauthn_credential made;
    enum vt_err err = vt_webauthn_register(&c->d->site, t->challenge, credential, &made, why);

    if (err != VT_OK)
        return err;
    memcpy(a->user, t->user, sizeof(a->user));
    memcpy(a->point, made.point, sizeof(a->point));
    memcpy(a->credential, made.id, made.id_len);
    a->credential_len = made.id_len;
    a->counter = made.counter;
    err = make_vkey(c, t, a, why);
    if (err == VT_OK)
        err = vt_invitation_accept(c->d->db, &t->invitation, c->now, a, why);
    return err;
}

enum vt_err
vt_desk_register_finish(struct vt_desk_call *c, struct vt_why *why)
{
    struct vt_account a = {0};
    struct vt_ticket t;
    json_t *credential = NULL;
    enum vt_err err = take_step(c, VT_TICKET_REGISTER, &t, &credential, why);

    if (err != VT_OK)
        return err;
    err = register_account(c, &t, credential, &a, why);
    if (err != VT_OK)
        return refuse_or_fail(c, err, why);
    err = begin_session(c, a.id, why);
    if (err != VT_OK)
        return err;
    vt_log(VT_LOG_INFO, "%s of %s has an account", a.name, a.organisation);
    c->ret->status = 201;
    c->out = json_pack("{s:s, s:s, s:o}", "name", a.name, "vkey", a.vkey, "policy_line",
        json_sprintf("signer %.*s %s", (int)strcspn(a.name, "."), a.name, a.vkey));
    return VT_OK;
}

/* PublicKeyCredentialRequestOptionsJSON: no credentials are named, the passkey says who it is.
 */
enum vt_err
vt_desk_login_begin(struct vt_desk_call *c, struct vt_why *why)
{
    static const char *const keys[] = {NULL};
    struct vt_ticket t = {.kind = VT_TICKET_LOGIN};
    char token[VT_ACCOUNT_TOKEN_TEXT];
    enum vt_err err = need_attempts(c, &failures_client, c->ask->client);

    if (err == VT_OK)
        err = need_attempts(c, &tickets_client, c->ask->client);
    if (err == VT_OK)
        err = vt_desk_only(c, keys);
    if (err == VT_OK)
        err = new_ticket(c, &t, token, why);
    if (err == VT_OK)
        c->out = json_pack("{s:{s:o, s:i, s:s, s:[], s:s}, s:s}", "publicKey", "challenge",
            b64url_json(t.challenge, sizeof(t.challenge)), "timeout", TIMEOUT_MS, "rpId",
            c->d->site.rp, "allowCredentials", "userVerification", "required", "ticket", token);
    return err;
}

static enum vt_err
find_account(struct vt_desk_call *c, const struct vt_webauthn_assertion *assertion,
    struct vt_account *ret, struct vt_why *why)
{
    enum vt_err err =
        vt_account_by_credential(c->d->db, assertion->id, assertion->id_len, ret, why);

    if (err == VT_E_NOENT)
        return vt_fail(why, err, "this passkey has no account here");
    if (err == VT_OK && assertion->user_len != 0 &&
        (assertion->user_len != sizeof(ret->user) ||
            memcmp(assertion->user, ret->user, sizeof(ret->user)) != 0))
        return vt_fail(why, VT_E_REFUSED, "this passkey names another account than its own");
    return err;
}

/* After the signature: the mark, and the counter, which goes up unless the authenticator has
 * none (WebAuthn 7.2 step 22). */
static enum vt_err
check_counter(
    struct vt_desk_call *c, const struct vt_account *a, uint32_t counter, struct vt_why *why)
{
    struct vt_why told = {0};
    enum vt_err err;

    if (a->cloned)
        (void)vt_fail(&told, VT_E_REFUSED,
            "this passkey may have been copied: it is refused until the site clears it");
    else if (counter > a->counter || (counter == 0 && a->counter == 0))
        return vt_account_count(c->d->db, a->id, counter, why);
    else
        (void)vt_fail(&told, VT_E_REFUSED,
            "this passkey's counter went back: it may have been copied, and is refused until "
            "the site clears it");
    if (!a->cloned) {
        vt_log(VT_LOG_WARN, "%s: the counter of its passkey went from %u to %u", a->name,
            a->counter, counter);
        err = vt_account_suspect(c->d->db, a->id, why);
        if (err != VT_OK)
            return err;
    }
    return refuse(c, 403, &told);
}

static enum vt_err
log_in(struct vt_desk_call *c, const struct vt_ticket *t, const json_t *credential,
    struct vt_account *a, struct vt_why *why)
{
    struct vt_webauthn_assertion assertion;
    uint32_t counter = 0;
    enum vt_err err = vt_webauthn_assertion_read(credential, &assertion, why);

    if (err == VT_OK)
        err = find_account(c, &assertion, a, why);
    if (err != VT_OK)
        return refuse_or_fail(c, err, why);
    err = need_attempts(c, &failures_account, a->name);
    if (err != VT_OK)
        return err;
    err = vt_webauthn_assertion_verify(
        &c->d->site, t->challenge, &assertion, a->point, &counter, why);
    if (err != VT_OK) {
        vt_limit_count(&c->d->limits, &failures_account, a->name, c->now);
        return refuse_or_fail(c, err, why);
    }
    return check_counter(c, a, counter, why);
}

enum vt_err
vt_desk_login_finish(struct vt_desk_call *c, struct vt_why *why)
{
    struct vt_account a;
    struct vt_ticket t;
    json_t *credential = NULL;
    enum vt_err err = take_step(c, VT_TICKET_LOGIN, &t, &credential, why);

    if (err == VT_OK)
        err = log_in(c, &t, credential, &a, why);
    if (err == VT_OK)
        err = begin_session(c, a.id, why);
    if (err != VT_OK)
        return err;
    vt_limit_forget(&c->d->limits, &failures_account, a.name);
    c->out = json_pack("{s:o}", "reviewer", vt_desk_reviewer(&a));
    return VT_OK;
}

enum vt_err
vt_desk_logout(struct vt_desk_call *c, struct vt_why *why)
{
    static const char *const keys[] = {NULL};
    enum vt_err err = vt_desk_only(c, keys);

    if (err == VT_OK)
        err = vt_session_end(c->d->db, c->ask->session, why);
    if (err != VT_OK)
        return err;
    vt_desk_set_cookie(c, "");
    c->ret->status = 204;
    return VT_OK;
}
