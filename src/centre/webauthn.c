/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/webauthn.h"

#include "centre/webauthn_cbor.h"
#include "crypto/p256.h"

#include <fido.h>
#include <fido/es256.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* Characters of base64url that n bytes may take, with padding. */
#define B64_MAX(n) (((n) + 2U) / 3U * 4U)

/* Bytes of the host at the beginning of s, which may be an IPv6 address in brackets. */
static size_t
host_length(const char *s)
{
    if (s[0] == '[')
        return s[strspn(s, "[0123456789abcdef:.")] == ']' ? strcspn(s, "]") + 1 : 0;
    return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.");
}

enum vt_err
vt_webauthn_site_init(struct vt_webauthn_site *s, const char *origin, struct vt_why *why)
{
    const char *host = strncmp(origin, "https://", 8) == 0  ? origin + 8
                       : strncmp(origin, "http://", 7) == 0 ? origin + 7
                                                            : "";
    size_t len = host_length(host);
    const char *port = host + len;

    if (len == 0 || len > VT_WEBAUTHN_RP_MAX ||
        (*port != '\0' && (*port != ':' || port[1] == '\0' ||
                              strspn(port + 1, "0123456789") != strlen(port + 1))))
        return vt_fail(why, VT_E_CONFIG,
            "%.300s is no origin: https:// (or http://), a host in lower case, and a port "
            "where it is another than usual",
            origin);
    s->origin = origin;
    memcpy(s->rp, host, len);
    s->rp[len] = '\0';
    return VT_OK;
}

void
vt_webauthn_put_b64url(struct vt_buf *b, const void *data, size_t len)
{
    size_t from = b->len;

    vt_buf_put_b64(b, data, len);
    if (b->err != VT_OK)
        return;
    while (b->len > from && b->data[b->len - 1] == '=')
        b->data[--b->len] = '\0';
    for (size_t i = from; i < b->len; i++) {
        if (b->data[i] == '+')
            b->data[i] = '-';
        if (b->data[i] == '/')
            b->data[i] = '_';
    }
}

/* A member of base64url into bytes of at most `size`. */
static enum vt_err
take_bytes(const json_t *obj, const char *name, uint8_t *ret, size_t size, size_t *ret_len,
    struct vt_why *why)
{
    const char *text = NULL;
    enum vt_err err = vt_json_str(obj, name, &text, why);

    if (err != VT_OK)
        return err;
    if (strlen(text) > B64_MAX(size))
        return vt_fail(why, VT_E_LIMIT, "%s is longer than %zu bytes", name, size);
    if (!vt_b64url_decode(text, strlen(text), ret, size, ret_len) || *ret_len == 0)
        return vt_fail(why, VT_E_SYNTAX, "%s is no base64url", name);
    return VT_OK;
}

/* The parts that both kinds of credential have: type, id (twice), response. */
static enum vt_err
take_head(const json_t *credential, uint8_t id[VT_WEBAUTHN_ID_MAX], size_t *ret_len,
    json_t **ret_response, struct vt_why *why)
{
    const char *type = NULL;
    const char *text = NULL;
    const char *raw = NULL;
    enum vt_err err = vt_json_str(credential, "type", &type, why);

    if (err == VT_OK)
        err = vt_json_str(credential, "id", &text, why);
    if (err == VT_OK)
        err = vt_json_str(credential, "rawId", &raw, why);
    if (err == VT_OK && (strcmp(type, "public-key") != 0 || strcmp(text, raw) != 0))
        err = vt_fail(why, VT_E_SYNTAX, "the credential's type or id is not what it must be");
    if (err == VT_OK)
        err = take_bytes(credential, "rawId", id, VT_WEBAUTHN_ID_MAX, ret_len, why);
    if (err == VT_OK)
        err = vt_json_obj(credential, "response", ret_response, why);
    return err;
}

static bool
is_challenge(const char *text, const uint8_t challenge[VT_WEBAUTHN_CHALLENGE])
{
    uint8_t got[VT_WEBAUTHN_CHALLENGE];
    size_t len = 0;

    return strlen(text) == 43 && vt_b64url_decode(text, 43, got, sizeof(got), &len) &&
           len == sizeof(got) && CRYPTO_memcmp(got, challenge, sizeof(got)) == 0;
}

static enum vt_err
check_client_members(const struct vt_webauthn_site *site, const char *type,
    const uint8_t challenge[VT_WEBAUTHN_CHALLENGE], const json_t *client, struct vt_why *why)
{
    const char *got = NULL;
    const json_t *cross = json_object_get(client, "crossOrigin");
    enum vt_err err = vt_json_str(client, "type", &got, why);

    if (err == VT_OK && strcmp(got, type) != 0)
        return vt_fail(why, VT_E_REFUSED, "the browser's answer is for something else than %s",
            strcmp(type, "webauthn.get") == 0 ? "a login" : "a registration");
    if (err == VT_OK)
        err = vt_json_str(client, "challenge", &got, why);
    if (err == VT_OK && !is_challenge(got, challenge))
        return vt_fail(why, VT_E_REFUSED, "the passkey answered another challenge than asked");
    if (err == VT_OK)
        err = vt_json_str(client, "origin", &got, why);
    if (err == VT_OK && strcmp(got, site->origin) != 0)
        return vt_fail(
            why, VT_E_REFUSED, "the passkey was used at %.200s, this is %s", got, site->origin);
    if (err == VT_OK && ((cross != NULL && !json_is_false(cross)) ||
                            json_object_get(client, "topOrigin") != NULL))
        return vt_fail(why, VT_E_REFUSED, "the passkey was used in a page within another's");
    return err;
}

/* clientDataJSON: type, challenge, origin (WebAuthn 7.1 steps 5 to 11, 7.2 steps 9 to 14). */
static enum vt_err
check_client(const struct vt_webauthn_site *site, const char *type,
    const uint8_t challenge[VT_WEBAUTHN_CHALLENGE], const uint8_t *data, size_t len,
    struct vt_why *why)
{
    json_t *client = NULL;
    enum vt_err err = vt_json_parse(data, len, "clientDataJSON", &client, why);

    if (err == VT_OK)
        err = check_client_members(site, type, challenge, client, why);
    json_decref(client);
    return err;
}

/* RP ID and flags (7.1 steps 14 to 17, 7.2 steps 15 to 17). */
static enum vt_err
check_authdata(
    const struct vt_webauthn_site *site, const struct vt_authdata *a, struct vt_why *why)
{
    struct vt_digest rp;

    vt_digest_of(site->rp, strlen(site->rp), &rp);
    if (memcmp(rp.b, a->rp_hash, sizeof(rp.b)) != 0)
        return vt_fail(why, VT_E_REFUSED, "the passkey is for another site than %s", site->rp);
    if ((a->flags & VT_AUTHDATA_UP) == 0)
        return vt_fail(why, VT_E_REFUSED, "nobody touched the authenticator");
    if ((a->flags & VT_AUTHDATA_UV) == 0)
        return vt_fail(why, VT_E_REFUSED,
            "the authenticator did not verify its user: use one with a PIN or biometrics");
    return VT_OK;
}

/* libfido2's view of a new credential: that it is for the site, and that its key is the one
 * that we read. */
static enum vt_err
parse_credential(const struct vt_webauthn_site *site, const struct vt_attestation *att,
    const struct vt_authdata *data, const struct vt_digest *client, struct vt_why *why)
{
    fido_cred_t *cred = fido_cred_new();
    enum vt_err err = VT_OK;

    if (cred == NULL)
        err = vt_fail(why, VT_E_NOMEM, "out of memory");
    else if (fido_cred_set_type(cred, COSE_ES256) != FIDO_OK ||
             fido_cred_set_rp(cred, site->rp, NULL) != FIDO_OK ||
             fido_cred_set_clientdata_hash(cred, client->b, sizeof(client->b)) != FIDO_OK ||
             fido_cred_set_authdata_raw(cred, att->authdata, att->authdata_len) != FIDO_OK ||
             fido_cred_pubkey_len(cred) != 64 ||
             memcmp(fido_cred_pubkey_ptr(cred), data->x, 32) != 0 ||
             memcmp(fido_cred_pubkey_ptr(cred) + 32, data->y, 32) != 0)
        err = vt_fail(why, VT_E_SYNTAX, "the new passkey's data do not parse");
    fido_cred_free(&cred);
    return err;
}

/* That its key is on the curve, and (self attestation, WebAuthn 8.2) that it signed. libfido2
 * verifies such a signature only without extensions that nobody asked for, which browsers add.
 */
static enum vt_err
verify_credential(const struct vt_attestation *att, const struct vt_authdata *data,
    const struct vt_digest *client, struct vt_why *why)
{
    const struct vt_slice parts[] = {
        {att->authdata, att->authdata_len}, {client->b, sizeof(client->b)}};
    struct vt_p256_public pub;
    struct vt_digest hash;

    if (vt_p256_from_xy(data->x, data->y, &pub, NULL) != VT_OK)
        return vt_fail(why, VT_E_REFUSED, "the new passkey's public key is no point of P-256");
    vt_digest_of_slices(parts, 2, &hash);
    if (att->self && !vt_p256_verify(&pub, &hash, att->sig, att->sig_len))
        return vt_fail(why, VT_E_SIG, "the new passkey's signature does not verify");
    return VT_OK;
}

struct registration {
    size_t client_len;
    uint8_t client[VT_WEBAUTHN_CLIENT_MAX];
    size_t object_len;
    uint8_t object[VT_WEBAUTHN_OBJECT_MAX];
};

static enum vt_err
take_registration(const json_t *credential, struct registration *g,
    struct vt_webauthn_credential *made, struct vt_why *why)
{
    json_t *response = NULL;
    enum vt_err err = take_head(credential, made->id, &made->id_len, &response, why);

    if (err == VT_OK)
        err = take_bytes(
            response, "clientDataJSON", g->client, sizeof(g->client), &g->client_len, why);
    if (err == VT_OK)
        err = take_bytes(
            response, "attestationObject", g->object, sizeof(g->object), &g->object_len, why);
    return err;
}

enum vt_err
vt_webauthn_register(const struct vt_webauthn_site *site,
    const uint8_t challenge[VT_WEBAUTHN_CHALLENGE], const json_t *credential,
    struct vt_webauthn_credential *ret, struct vt_why *why)
{
    struct registration g = {.client_len = 0};
    struct vt_webauthn_credential made = {0};
    struct vt_attestation att = {0};
    struct vt_authdata data = {0};
    struct vt_digest client;
    enum vt_err err = take_registration(credential, &g, &made, why);

    if (err == VT_OK)
        err = check_client(site, "webauthn.create", challenge, g.client, g.client_len, why);
    if (err == VT_OK)
        err = vt_attestation_read(g.object, g.object_len, &att, why);
    if (err == VT_OK)
        err = vt_authdata_read(att.authdata, att.authdata_len, &data, why);
    if (err == VT_OK && data.credential == NULL)
        err = vt_fail(why, VT_E_SYNTAX, "the registration has no new passkey in it");
    if (err == VT_OK)
        err = check_authdata(site, &data, why);
    if (err == VT_OK && (data.credential_len != made.id_len ||
                            memcmp(data.credential, made.id, made.id_len) != 0))
        err = vt_fail(why, VT_E_SYNTAX, "the new passkey has two ids");
    if (err != VT_OK)
        return err;
    vt_digest_of(g.client, g.client_len, &client);
    err = parse_credential(site, &att, &data, &client, why);
    if (err == VT_OK)
        err = verify_credential(&att, &data, &client, why);
    if (err != VT_OK)
        return err;
    memcpy(made.point, data.x, 32);
    memcpy(made.point + 32, data.y, 32);
    made.counter = data.counter;
    *ret = made;
    return VT_OK;
}

enum vt_err
vt_webauthn_assertion_read(
    const json_t *credential, struct vt_webauthn_assertion *ret, struct vt_why *why)
{
    struct vt_webauthn_assertion a = {0};
    json_t *response = NULL;
    const json_t *user;
    enum vt_err err = take_head(credential, a.id, &a.id_len, &response, why);

    if (err == VT_OK)
        err = take_bytes(
            response, "clientDataJSON", a.client, sizeof(a.client), &a.client_len, why);
    if (err == VT_OK)
        err = take_bytes(response, "authenticatorData", a.authdata, sizeof(a.authdata),
            &a.authdata_len, why);
    if (err == VT_OK)
        err = take_bytes(response, "signature", a.sig, sizeof(a.sig), &a.sig_len, why);
    if (err != VT_OK)
        return err;
    user = json_object_get(response, "userHandle");
    if (user != NULL && !json_is_null(user))
        err = take_bytes(response, "userHandle", a.user, sizeof(a.user), &a.user_len, why);
    if (err == VT_OK)
        *ret = a;
    return err;
}

static enum vt_err
verify_signature(const struct vt_webauthn_site *site, const struct vt_webauthn_assertion *a,
    const uint8_t point[64], struct vt_why *why)
{
    fido_assert_t *assert = fido_assert_new();
    es256_pk_t *pk = es256_pk_new();
    struct vt_digest client;
    enum vt_err err = VT_OK;

    vt_digest_of(a->client, a->client_len, &client);
    if (assert == NULL || pk == NULL)
        err = vt_fail(why, VT_E_NOMEM, "out of memory");
    else if (fido_assert_set_count(assert, 1) != FIDO_OK ||
             fido_assert_set_rp(assert, site->rp) != FIDO_OK ||
             fido_assert_set_clientdata_hash(assert, client.b, sizeof(client.b)) != FIDO_OK ||
             fido_assert_set_authdata_raw(assert, 0, a->authdata, a->authdata_len) != FIDO_OK ||
             fido_assert_set_sig(assert, 0, a->sig, a->sig_len) != FIDO_OK ||
             fido_assert_set_up(assert, FIDO_OPT_TRUE) != FIDO_OK ||
             fido_assert_set_uv(assert, FIDO_OPT_TRUE) != FIDO_OK ||
             es256_pk_from_ptr(pk, point, 64) != FIDO_OK)
        err = vt_fail(why, VT_E_SYNTAX, "the login's data do not parse");
    else if (fido_assert_verify(assert, 0, COSE_ES256, pk) != FIDO_OK)
        err = vt_fail(why, VT_E_SIG, "the passkey's signature does not verify");
    es256_pk_free(&pk);
    fido_assert_free(&assert);
    return err;
}

enum vt_err
vt_webauthn_assertion_verify(const struct vt_webauthn_site *site,
    const uint8_t challenge[VT_WEBAUTHN_CHALLENGE], const struct vt_webauthn_assertion *a,
    const uint8_t point[64], uint32_t *ret_counter, struct vt_why *why)
{
    struct vt_authdata data = {0};
    enum vt_err err =
        check_client(site, "webauthn.get", challenge, a->client, a->client_len, why);

    if (err == VT_OK)
        err = vt_authdata_read(a->authdata, a->authdata_len, &data, why);
    if (err == VT_OK && data.credential != NULL)
        err = vt_fail(why, VT_E_SYNTAX, "a login has no new passkey in it");
    if (err == VT_OK)
        err = check_authdata(site, &data, why);
    if (err == VT_OK)
        err = verify_signature(site, a, point, why);
    if (err == VT_OK)
        *ret_counter = data.counter;
    return err;
}
