/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a browser hands over at the door. The first byte says what the others are: JSON of a
 * registration or a login; an attestation object or authenticator data, as they stand and put
 * into JSON whose other parts are right, so that libfido2 gets them too.
 */
#include "centre/webauthn.h"
#include "centre/webauthn_cbor.h"

#include "must.h"

static const uint8_t challenge[VT_WEBAUTHN_CHALLENGE] = {1, 2, 3};
static struct vt_webauthn_site site;

static void
put_member(struct vt_buf *b, const char *name, const void *data, size_t len)
{
    vt_buf_putf(b, "\"%s\":\"", name);
    vt_webauthn_put_b64url(b, data, len);
    vt_buf_puts(b, "\"");
}

static void
put_client(struct vt_buf *b, const char *type)
{
    struct vt_buf client = VT_BUF(1024);

    vt_buf_putf(&client, "{\"type\":\"%s\",\"challenge\":\"", type);
    vt_webauthn_put_b64url(&client, challenge, sizeof(challenge));
    vt_buf_puts(&client, "\",\"origin\":\"https://a.example\"}");
    put_member(b, "clientDataJSON", client.data, client.len);
    vt_buf_release(&client);
}

static void
try_register(const void *text, size_t len)
{
    struct vt_webauthn_credential made;
    json_t *v = NULL;

    if (vt_json_parse(text, len, "credential", &v, NULL) != VT_OK)
        return;
    if (vt_webauthn_register(&site, challenge, v, &made, NULL) == VT_OK)
        must(made.id_len > 0);
    json_decref(v);
}

static void
try_login(const void *text, size_t len)
{
    static const uint8_t point[64] = {4};
    struct vt_webauthn_assertion a;
    uint32_t counter;
    json_t *v = NULL;

    if (vt_json_parse(text, len, "credential", &v, NULL) != VT_OK)
        return;
    /* Nobody can sign for a key that is no point of the curve. */
    if (vt_webauthn_assertion_read(v, &a, NULL) == VT_OK)
        must(
            vt_webauthn_assertion_verify(&site, challenge, &a, point, &counter, NULL) != VT_OK);
    json_decref(v);
}

static void
try_object(const uint8_t *data, size_t len)
{
    struct vt_buf b = VT_BUF(65536);
    struct vt_attestation att;
    struct vt_authdata a = {0};

    if (vt_attestation_read(data, len, &att, NULL) != VT_OK ||
        vt_authdata_read(att.authdata, att.authdata_len, &a, NULL) != VT_OK)
        return;
    vt_buf_puts(&b, "{\"type\":\"public-key\",");
    put_member(&b, "id", a.credential, a.credential != NULL ? a.credential_len : 0);
    vt_buf_puts(&b, ",");
    put_member(&b, "rawId", a.credential, a.credential != NULL ? a.credential_len : 0);
    vt_buf_puts(&b, ",\"response\":{");
    put_client(&b, "webauthn.create");
    vt_buf_puts(&b, ",");
    put_member(&b, "attestationObject", data, len);
    vt_buf_puts(&b, "}}");
    if (b.err == VT_OK)
        try_register(b.data, b.len);
    vt_buf_release(&b);
}

static void
try_authdata(const uint8_t *data, size_t len)
{
    struct vt_buf b = VT_BUF(65536);
    struct vt_authdata a;
    size_t sig = len > 80 ? 72 : len / 2;

    if (vt_authdata_read(data, len, &a, NULL) == VT_OK)
        must(a.credential_len <= len);
    vt_buf_puts(
        &b, "{\"type\":\"public-key\",\"id\":\"AAAA\",\"rawId\":\"AAAA\",\"response\":{");
    put_client(&b, "webauthn.get");
    vt_buf_puts(&b, ",");
    put_member(&b, "signature", data, sig);
    vt_buf_puts(&b, ",");
    put_member(&b, "authenticatorData", data + sig, len - sig);
    vt_buf_puts(&b, "}}");
    if (b.err == VT_OK)
        try_login(b.data, b.len);
    vt_buf_release(&b);
}

static void
try_cbor(const uint8_t *data, size_t len)
{
    struct vt_reader r = VT_READER(data, len);
    size_t left = r.left;

    while (vt_cbor_skip(&r)) {
        must(r.left < left);
        left = r.left;
    }
    must(r.left == left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (site.origin == NULL)
        must(vt_webauthn_site_init(&site, "https://a.example", NULL) == VT_OK);
    if (size == 0 || size > 16384)
        return 0;
    switch (data[0]) {
    case 'r':
        try_register(data + 1, size - 1);
        break;
    case 'l':
        try_login(data + 1, size - 1);
        break;
    case 'o':
        try_object(data + 1, size - 1);
        break;
    case 'a':
        try_authdata(data + 1, size - 1);
        break;
    default:
        try_cbor(data, size);
        break;
    }
    return 0;
}
