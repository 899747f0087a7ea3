/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A software authenticator and the browser around it, for tests: makes passkeys on P-256 and
 * the credentials' JSON forms, with everything that an attacker could turn. CBOR is written by
 * hand.
 */
#ifndef VT_TESTS_AUTHENTICATOR_H
#define VT_TESTS_AUTHENTICATOR_H

#include "centre/webauthn.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

struct authenticator {
    EVP_PKEY *key;
    uint8_t id[32];
    uint8_t user[32];
    uint32_t counter;
    /* What the browser and the authenticator say. */
    const char *origin;
    const char *rp;
    const char *type; /* NULL: as it must be */
    const char *more; /* further members of the client data, such as `,"crossOrigin":true` */
    uint8_t flags;    /* of the authenticator data, AT and ED aside */
    bool self;        /* attestation "packed" by itself; else "none" */
    bool extension;   /* with an extension's output */
    bool no_user;     /* no userHandle */
};

static inline void
authenticator_init(struct authenticator *a, const char *origin, const char *rp)
{
    *a = (struct authenticator){
        .key = EVP_EC_gen("P-256"), .origin = origin, .rp = rp, .flags = 0x05};
    assert_non_null(a->key);
    assert_int_equal(vt_random(a->id, sizeof(a->id), NULL), VT_OK);
}

static inline void
authenticator_release(struct authenticator *a)
{
    EVP_PKEY_free(a->key);
    a->key = NULL;
}

static inline void
authenticator_point(const struct authenticator *a, uint8_t ret[64])
{
    uint8_t point[65];
    size_t len = 0;

    assert_int_equal(
        EVP_PKEY_get_octet_string_param(a->key, "encoded-pub-key", point, sizeof(point), &len),
        1);
    assert_int_equal(len, 65);
    assert_int_equal(point[0], 4);
    memcpy(ret, point + 1, 64);
}

static inline size_t
authenticator_sign(
    const struct authenticator *a, const void *msg, size_t len, uint8_t *ret, size_t size)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t n = size;

    assert_non_null(ctx);
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, a->key), 1);
    assert_int_equal(EVP_DigestSign(ctx, ret, &n, msg, len), 1);
    EVP_MD_CTX_free(ctx);
    return n;
}

/* A COSE key: {1: 2, 3: -7, -1: 1, -2: x, -3: y} */
static inline void
authenticator_put_cose(const struct authenticator *a, struct vt_buf *b)
{
    static const uint8_t head[] = {0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01};
    uint8_t point[64];

    authenticator_point(a, point);
    vt_buf_put(b, head, sizeof(head));
    vt_buf_put(b, "\x21\x58\x20", 3);
    vt_buf_put(b, point, 32);
    vt_buf_put(b, "\x22\x58\x20", 3);
    vt_buf_put(b, point + 32, 32);
}

static inline void
authenticator_put_authdata(const struct authenticator *a, bool attested, struct vt_buf *b)
{
    static const uint8_t aaguid[16] = {0};
    struct vt_digest rp;

    vt_digest_of(a->rp, strlen(a->rp), &rp);
    vt_buf_put(b, rp.b, sizeof(rp.b));
    vt_buf_put_u8(b, (uint8_t)(a->flags | (attested ? 0x40 : 0) | (a->extension ? 0x80 : 0)));
    vt_buf_put_u32(b, a->counter);
    if (attested) {
        vt_buf_put(b, aaguid, sizeof(aaguid));
        vt_buf_put_u16(b, sizeof(a->id));
        vt_buf_put(b, a->id, sizeof(a->id));
        authenticator_put_cose(a, b);
    }
    if (a->extension) /* {"credProtect": 2} */
        vt_buf_put(b,
            "\xa1\x6b"
            "credProtect\x02",
            14);
}

static inline void
authenticator_put_client(
    const struct authenticator *a, const char *type, const char *challenge, struct vt_buf *b)
{
    vt_buf_putf(b, "{\"type\":\"%s\",\"challenge\":\"%s\",\"origin\":\"%s\"%s}",
        a->type != NULL ? a->type : type, challenge, a->origin,
        a->more != NULL ? a->more : ",\"crossOrigin\":false");
}

static inline json_t *
authenticator_b64url(const void *data, size_t len)
{
    struct vt_buf b = VT_BUF(65536);
    json_t *v;

    vt_webauthn_put_b64url(&b, data, len);
    v = json_string(vt_buf_str(&b));
    assert_non_null(v);
    vt_buf_release(&b);
    return v;
}

static inline void
authenticator_put_bytes(struct vt_buf *b, const void *data, size_t len)
{
    if (len < 256) {
        vt_buf_put_u8(b, 0x58);
        vt_buf_put_u8(b, (uint8_t)len);
    } else {
        vt_buf_put_u8(b, 0x59);
        vt_buf_put_u16(b, (uint16_t)len);
    }
    vt_buf_put(b, data, len);
}

/* {"fmt": ..., "attStmt": ..., "authData": ...} */
static inline void
authenticator_put_object(
    const struct authenticator *a, const struct vt_buf *client, struct vt_buf *b)
{
    struct vt_buf data = VT_BUF(4096);
    struct vt_digest hash;
    uint8_t sig[80];
    size_t n;

    authenticator_put_authdata(a, true, &data);
    vt_buf_put_u8(b, 0xa3);
    if (a->self) {
        struct vt_buf signed_ = VT_BUF(4096);

        vt_digest_of(client->data, client->len, &hash);
        vt_buf_put(&signed_, data.data, data.len);
        vt_buf_put(&signed_, hash.b, sizeof(hash.b));
        n = authenticator_sign(a, signed_.data, signed_.len, sig, sizeof(sig));
        vt_buf_release(&signed_);
        vt_buf_put(b,
            "\x63"
            "fmt\x66"
            "packed\x67"
            "attStmt\xa2\x63"
            "alg\x26\x63"
            "sig",
            29);
        authenticator_put_bytes(b, sig, n);
    } else {
        vt_buf_put(b,
            "\x63"
            "fmt\x64"
            "none\x67"
            "attStmt\xa0",
            18);
    }
    vt_buf_put(b,
        "\x68"
        "authData",
        9);
    authenticator_put_bytes(b, data.data, data.len);
    assert_int_equal(b->err, VT_OK);
    vt_buf_release(&data);
}

/* RegistrationResponseJSON */
static inline json_t *
authenticator_create(struct authenticator *a, const char *challenge)
{
    struct vt_buf client = VT_BUF(4096);
    struct vt_buf object = VT_BUF(4096);
    json_t *v;

    a->counter++;
    authenticator_put_client(a, "webauthn.create", challenge, &client);
    authenticator_put_object(a, &client, &object);
    v = json_pack("{s:o, s:o, s:s, s:{s:o, s:o, s:[s]}, s:{}, s:s}", "id",
        authenticator_b64url(a->id, sizeof(a->id)), "rawId",
        authenticator_b64url(a->id, sizeof(a->id)), "type", "public-key", "response",
        "clientDataJSON", authenticator_b64url(client.data, client.len), "attestationObject",
        authenticator_b64url(object.data, object.len), "transports", "internal",
        "clientExtensionResults", "authenticatorAttachment", "platform");
    assert_non_null(v);
    vt_buf_release(&client);
    vt_buf_release(&object);
    return v;
}

/* AuthenticationResponseJSON */
static inline json_t *
authenticator_get(struct authenticator *a, const char *challenge)
{
    struct vt_buf client = VT_BUF(4096);
    struct vt_buf data = VT_BUF(4096);
    struct vt_buf all = VT_BUF(8192);
    struct vt_digest hash;
    uint8_t sig[80];
    size_t n;
    json_t *response;
    json_t *v;

    a->counter++;
    authenticator_put_client(a, "webauthn.get", challenge, &client);
    authenticator_put_authdata(a, false, &data);
    vt_digest_of(client.data, client.len, &hash);
    vt_buf_put(&all, data.data, data.len);
    vt_buf_put(&all, hash.b, sizeof(hash.b));
    n = authenticator_sign(a, all.data, all.len, sig, sizeof(sig));
    response = json_pack("{s:o, s:o, s:o}", "clientDataJSON",
        authenticator_b64url(client.data, client.len), "authenticatorData",
        authenticator_b64url(data.data, data.len), "signature", authenticator_b64url(sig, n));
    assert_non_null(response);
    if (!a->no_user)
        (void)json_object_set_new(
            response, "userHandle", authenticator_b64url(a->user, sizeof(a->user)));
    v = json_pack("{s:o, s:o, s:s, s:o, s:{}}", "id",
        authenticator_b64url(a->id, sizeof(a->id)), "rawId",
        authenticator_b64url(a->id, sizeof(a->id)), "type", "public-key", "response", response,
        "clientExtensionResults");
    assert_non_null(v);
    vt_buf_release(&client);
    vt_buf_release(&data);
    vt_buf_release(&all);
    return v;
}

#endif
