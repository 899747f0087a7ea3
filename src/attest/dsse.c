/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/dsse.h"

#include "crypto/signer.h"

#include <stdlib.h>
#include <string.h>

void
vt_dsse_pae(struct vt_buf *b, const char *type, const void *body, size_t len)
{
    vt_buf_putf(b, "DSSEv1 %zu %s %zu ", strlen(type), type, len);
    vt_buf_put(b, body, len);
}

static enum vt_err
put_envelope(struct vt_buf *b, const void *body, size_t len, const struct vt_pubkey *pub,
    const struct vt_sig *sig, struct vt_why *why)
{
    struct vt_digest keyid;

    vt_digest_of(pub->b, sizeof pub->b, &keyid);
    vt_buf_puts(b, "{\"payload\":\"");
    vt_buf_put_b64(b, body, len);
    vt_buf_puts(b, "\",\"payloadType\":\"" VT_DSSE_INTOTO "\",\"signatures\":[{\"keyid\":\"");
    vt_buf_put_hex(b, keyid.b, sizeof keyid.b);
    vt_buf_puts(b, "\",\"sig\":\"");
    vt_buf_put_b64(b, sig->b, sizeof sig->b);
    vt_buf_puts(b, "\"}]}\n");
    return vt_buf_check(b, "the envelope", why);
}

enum vt_err
vt_dsse_sign(
    struct vt_buf *b, const void *body, size_t len, struct vt_signer *s, struct vt_why *why)
{
    struct vt_buf pae = VT_BUF(VT_DSSE_MAX);
    struct vt_sig sig;
    enum vt_err err;

    vt_dsse_pae(&pae, VT_DSSE_INTOTO, body, len);
    err = vt_buf_check(&pae, "the statement to sign", why);
    if (err != VT_OK)
        goto out;
    err = vt_signer_sign(s, VT_SIGN_DSSE, pae.data, pae.len, &sig, why);
    if (err != VT_OK)
        goto out;
    err = put_envelope(b, body, len, vt_signer_public(s), &sig, why);
out:
    vt_buf_release(&pae);
    return err;
}

static bool
has_url_alphabet(const char *s, size_t len)
{
    return memchr(s, '-', len) != NULL || memchr(s, '_', len) != NULL;
}

/* Either alphabet, with padding or (URL-safe only) without, as DSSE has it. */
static bool
decode_b64(const char *s, uint8_t *ret, size_t ret_size, size_t *ret_len)
{
    size_t len = strlen(s);

    if (has_url_alphabet(s, len))
        return vt_b64url_decode(s, len, ret, ret_size, ret_len);
    return vt_b64_decode(s, len, ret, ret_size, ret_len) ||
           vt_b64url_decode(s, len, ret, ret_size, ret_len);
}

static enum vt_err
decode_payload(const char *text, struct vt_buf *payload, struct vt_why *why)
{
    size_t room = strlen(text) / 4 * 3 + 3;
    uint8_t *p;
    size_t len;

    vt_buf_init(payload, VT_DSSE_MAX);
    p = vt_buf_reserve(payload, room);
    if (p == NULL)
        return vt_buf_check(payload, "the envelope's payload", why);
    if (!decode_b64(text, p, room, &len))
        return vt_fail(why, VT_E_SYNTAX, "the envelope's payload is not base64");
    vt_buf_commit(payload, len);
    return VT_OK;
}

/* The keyid is a hint only, so every signature is tried with the one key. */
static enum vt_err
check_sigs(
    json_t *sigs, const struct vt_buf *pae, const struct vt_pubkey *pub, struct vt_why *why)
{
    struct vt_sig sig;
    const char *text;
    json_t *one;
    size_t i;
    size_t len;
    bool found = false;

    if (json_array_size(sigs) == 0)
        return vt_fail(why, VT_E_SYNTAX, "the envelope has no signature");
    json_array_foreach(sigs, i, one)
    {
        if (vt_json_str(one, "sig", &text, why) != VT_OK)
            return vt_fail_in(why, VT_E_SYNTAX, "the envelope's signature %zu", i);
        if (!decode_b64(text, sig.b, sizeof sig.b, &len) || len != sizeof sig.b)
            continue; /* of another algorithm: somebody else's */
        if (vt_pubkey_verify(pub, pae->data, pae->len, &sig))
            found = true;
    }
    if (!found)
        return vt_fail(why, VT_E_SIG, "no signature of the envelope is by the expected key");
    return VT_OK;
}

static enum vt_err
open_parsed(
    json_t *root, const struct vt_pubkey *pub, struct vt_buf *payload, struct vt_why *why)
{
    struct vt_buf body = VT_BUF(VT_DSSE_MAX);
    struct vt_buf pae = VT_BUF(VT_DSSE_MAX + 128);
    const char *type;
    const char *text;
    json_t *sigs;
    enum vt_err err;

    if ((err = vt_json_str(root, "payloadType", &type, why)) != VT_OK ||
        (err = vt_json_str(root, "payload", &text, why)) != VT_OK ||
        (err = vt_json_arr(root, "signatures", VT_DSSE_SIGS_MAX, &sigs, why)) != VT_OK)
        goto out;
    if (strcmp(type, VT_DSSE_INTOTO) != 0) {
        err = vt_fail(
            why, VT_E_SYNTAX, "the envelope holds \"%s\", not an in-toto statement", type);
        goto out;
    }
    if ((err = decode_payload(text, &body, why)) != VT_OK)
        goto out;
    vt_dsse_pae(&pae, type, body.data, body.len);
    if ((err = vt_buf_check(&pae, "the envelope's payload", why)) != VT_OK ||
        (err = check_sigs(sigs, &pae, pub, why)) != VT_OK)
        goto out;
    vt_buf_put(payload, body.data, body.len);
    err = vt_buf_check(payload, "the envelope's payload", why);
out:
    vt_buf_release(&body);
    vt_buf_release(&pae);
    return err;
}

enum vt_err
vt_dsse_open(const void *data, size_t len, const struct vt_pubkey *pub, struct vt_buf *payload,
    struct vt_why *why)
{
    json_t *root = NULL;
    enum vt_err err;

    if (len > VT_DSSE_MAX)
        return vt_fail(why, VT_E_LIMIT, "the envelope is longer than %u bytes", VT_DSSE_MAX);
    err = vt_json_parse(data, len, "envelope", &root, why);
    if (err != VT_OK)
        return err;
    err = open_parsed(root, pub, payload, why);
    json_decref(root);
    return err;
}
