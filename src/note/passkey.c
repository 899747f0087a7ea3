/* SPDX-License-Identifier: Apache-2.0 */
#include "note/passkey.h"

#include <string.h>

#define USER_PRESENT 0x01U
#define USER_VERIFIED 0x04U

#define CLIENT_BEFORE "{\"type\":\"webauthn.get\",\"challenge\":\""
#define CLIENT_AFTER "\",\"origin\":\""
#define CHALLENGE_LEN 43U /* base64url of 32 bytes, unpadded */

struct assertion {
    struct vt_reader auth;
    struct vt_reader client;
    struct vt_reader sig;
};

static bool
take_part(struct vt_reader *r, struct vt_reader *ret)
{
    const uint8_t *p;
    uint16_t len;

    if (!vt_reader_u16(r, &len) || !vt_reader_take(r, len, &p))
        return false;
    *ret = VT_READER(p, len);
    return true;
}

static enum vt_err
split(const uint8_t *sig, size_t len, struct assertion *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(sig, len);
    struct assertion a;

    if (!take_part(&r, &a.auth) || !take_part(&r, &a.client))
        return vt_fail(why, VT_E_SIG, "the passkey's signature is cut short");
    if (a.auth.left < VT_PASSKEY_AUTH_MIN || a.auth.left > VT_PASSKEY_AUTH_MAX)
        return vt_fail(why, VT_E_SIG, "authenticator data has %u to %u bytes, not %zu",
            VT_PASSKEY_AUTH_MIN, VT_PASSKEY_AUTH_MAX, a.auth.left);
    if (a.client.left > VT_PASSKEY_CLIENT_MAX)
        return vt_fail(why, VT_E_SIG, "client data has at most %u bytes, not %zu",
            VT_PASSKEY_CLIENT_MAX, a.client.left);
    a.sig = r;
    *ret = a;
    return VT_OK;
}

/* The RP ID's hash, and the flags behind it. */
static enum vt_err
check_auth(struct vt_reader auth, const struct vt_passkey *k, struct vt_why *why)
{
    struct vt_digest rp;
    const uint8_t *hash;
    uint8_t flags;

    if (!vt_reader_take(&auth, sizeof rp.b, &hash) || !vt_reader_u8(&auth, &flags))
        return vt_fail(why, VT_E_SIG, "authenticator data is cut short");
    memcpy(rp.b, hash, sizeof rp.b);
    if (!vt_digest_eq(&rp, &k->rp))
        return vt_fail(why, VT_E_SIG, "the passkey was used for another site than its own");
    if ((flags & USER_PRESENT) == 0)
        return vt_fail(why, VT_E_SIG, "the authenticator did not ask for its user's presence");
    if ((flags & USER_VERIFIED) == 0)
        return vt_fail(why, VT_E_SIG, "the authenticator did not verify its user");
    return VT_OK;
}

/* The one place of the client data that counts is found without parsing JSON: browsers
 * write these members first, in this order and form. */
static enum vt_err
check_client(const struct vt_reader *client, const void *text, size_t len, struct vt_why *why)
{
    struct vt_reader r = *client;
    uint8_t said[VT_DIGEST_SIZE];
    struct vt_digest is, challenge;
    const uint8_t *c;
    size_t said_len;

    if (!vt_reader_skip(&r, CLIENT_BEFORE) || !vt_reader_take(&r, CHALLENGE_LEN, &c) ||
        !vt_reader_skip(&r, CLIENT_AFTER))
        return vt_fail(why, VT_E_SIG,
            "the client data does not begin with the type webauthn.get, a challenge of 32 "
            "bytes and the origin");
    if (!vt_b64url_decode((const char *)c, CHALLENGE_LEN, said, sizeof said, &said_len) ||
        said_len != sizeof said)
        return vt_fail(why, VT_E_SIG, "the client data's challenge is not base64url");
    memcpy(challenge.b, said, sizeof said);
    vt_digest_of(text, len, &is);
    if (!vt_digest_eq(&challenge, &is))
        return vt_fail(why, VT_E_SIG, "the passkey signed another text");
    return VT_OK;
}

enum vt_err
vt_passkey_verify(const struct vt_passkey *k, const void *text, size_t text_len,
    const uint8_t *sig, size_t sig_len, struct vt_why *why)
{
    struct vt_digest client, message;
    struct assertion a = {.auth = {NULL, 0}};
    enum vt_err err = split(sig, sig_len, &a, why);

    if (err == VT_OK)
        err = check_auth(a.auth, k, why);
    if (err == VT_OK)
        err = check_client(&a.client, text, text_len, why);
    if (err != VT_OK)
        return err;
    vt_digest_of(a.client.p, a.client.left, &client);
    const struct vt_slice signed_bytes[] = {
        {a.auth.p, a.auth.left}, {client.b, sizeof client.b}};
    vt_digest_of_slices(signed_bytes, 2, &message);
    if (!vt_p256_verify(&k->point, &message, a.sig.p, a.sig.left))
        return vt_fail(why, VT_E_SIG, "the passkey's ECDSA signature does not verify");
    return VT_OK;
}

enum vt_err
vt_passkey_put(struct vt_buf *b, const struct vt_slice *auth, const struct vt_slice *client,
    const struct vt_slice *sig, struct vt_why *why)
{
    if (auth->len > VT_PASSKEY_AUTH_MAX || client->len > VT_PASSKEY_CLIENT_MAX ||
        sig->len > VT_P256_SIG_MAX)
        return vt_fail(why, VT_E_LIMIT, "a passkey's signature is longer than one may be");
    vt_buf_put_u16(b, (uint16_t)auth->len);
    vt_buf_put(b, auth->data, auth->len);
    vt_buf_put_u16(b, (uint16_t)client->len);
    vt_buf_put(b, client->data, client->len);
    vt_buf_put(b, sig->data, sig->len);
    return vt_buf_check(b, "a passkey's signature", why);
}
