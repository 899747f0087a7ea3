/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hpke.h"

#include "crypto/aead.h"
#include "crypto/kdf.h"

#include <string.h>

_Static_assert(VT_HPKE_TAG_SIZE == VT_AEAD_TAG_SIZE, "a sealed message is the cipher's");
_Static_assert(VT_HPKE_ENC_SIZE == VT_BOX_SIZE, "what is sent along is a public key");

/* What each derivation is bound to: the KEM alone, or the whole suite. */
struct suite {
    uint8_t id[10];
    size_t len;
};
static const struct suite kem = {{'K', 'E', 'M', 0x00, 0x20}, 5};
static const struct suite hpke = {{'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0x00, 0x02}, 10};

/* RFC 9180 section 4. */
static void
labeled_extract(const struct suite *s, const void *salt, size_t salt_len, const char *label,
    const void *ikm, size_t ikm_len, struct vt_digest *ret)
{
    const struct vt_slice v[] = {
        {"HPKE-v1", 7}, {s->id, s->len}, {label, strlen(label)}, {ikm, ikm_len}};

    vt_hkdf_extract(salt, salt_len, v, 4, ret);
}

static void
labeled_expand(const struct suite *s, const struct vt_digest *prk, const char *label,
    const void *info, size_t info_len, uint8_t *ret, size_t ret_len)
{
    const uint8_t len[2] = {(uint8_t)(ret_len >> 8), (uint8_t)ret_len};
    const struct vt_slice v[] = {
        {len, 2}, {"HPKE-v1", 7}, {s->id, s->len}, {label, strlen(label)}, {info, info_len}};

    vt_hkdf_expand(prk, v, 5, ret, ret_len);
}

/* ExtractAndExpand of section 4.1: the shared secret of a Diffie-Hellman value. */
static void
kem_secret(const uint8_t dh[VT_BOX_SIZE], const uint8_t enc[VT_HPKE_ENC_SIZE],
    const struct vt_box_public *to, struct vt_digest *ret)
{
    uint8_t context[VT_HPKE_ENC_SIZE + VT_BOX_SIZE];
    struct vt_digest prk;

    memcpy(context, enc, VT_HPKE_ENC_SIZE);
    memcpy(context + VT_HPKE_ENC_SIZE, to->b, VT_BOX_SIZE);
    labeled_extract(&kem, NULL, 0, "eae_prk", dh, VT_BOX_SIZE, &prk);
    labeled_expand(&kem, &prk, "shared_secret", context, sizeof context, ret->b, sizeof ret->b);
    vt_wipe(&prk, sizeof prk);
}

/* KeySchedule of section 5.1 in base mode, where psk and psk_id are empty. */
static void
key_schedule(const struct vt_digest *shared, const void *info, size_t info_len,
    struct vt_hpke_secret *ret)
{
    uint8_t context[1 + 2 * VT_DIGEST_SIZE] = {0}; /* mode 0 */
    struct vt_digest h, secret;

    labeled_extract(&hpke, NULL, 0, "psk_id_hash", NULL, 0, &h);
    memcpy(context + 1, h.b, sizeof h.b);
    labeled_extract(&hpke, NULL, 0, "info_hash", info, info_len, &h);
    memcpy(context + 1 + VT_DIGEST_SIZE, h.b, sizeof h.b);
    labeled_extract(&hpke, shared->b, sizeof shared->b, "secret", NULL, 0, &secret);
    labeled_expand(&hpke, &secret, "key", context, sizeof context, ret->key, sizeof ret->key);
    labeled_expand(&hpke, &secret, "base_nonce", context, sizeof context, ret->base_nonce,
        sizeof ret->base_nonce);
    vt_wipe(&secret, sizeof secret);
}

/* From one's own private half and the other's public one to the context; enc and
 * to are the sender's and the recipient's public halves. */
static enum vt_err
set_up(const struct vt_box *mine, const struct vt_box_public *other,
    const uint8_t enc[VT_HPKE_ENC_SIZE], const struct vt_box_public *to, const void *info,
    size_t info_len, struct vt_hpke_secret *ret, struct vt_why *why)
{
    uint8_t dh[VT_BOX_SIZE];
    struct vt_digest shared;
    enum vt_err err = vt_box_agree(mine, other, dh, why);

    if (err != VT_OK)
        return err;
    kem_secret(dh, enc, to, &shared);
    key_schedule(&shared, info, info_len, ret);
    vt_wipe(dh, sizeof dh);
    vt_wipe(&shared, sizeof shared);
    return VT_OK;
}

/* Takes ownership of the ephemeral key. */
static enum vt_err
send_with(struct vt_box *ephemeral, const struct vt_box_public *to, const void *info,
    size_t info_len, uint8_t ret_enc[VT_HPKE_ENC_SIZE], struct vt_hpke_secret *ret,
    struct vt_why *why)
{
    struct vt_box_public enc;
    enum vt_err err;

    vt_box_public(ephemeral, &enc);
    err = set_up(ephemeral, to, enc.b, to, info, info_len, ret, why);
    if (err == VT_OK)
        memcpy(ret_enc, enc.b, sizeof enc.b);
    vt_box_free(ephemeral);
    return err;
}

enum vt_err
vt_hpke_send(const struct vt_box_public *to, const void *info, size_t info_len,
    uint8_t ret_enc[VT_HPKE_ENC_SIZE], struct vt_hpke_secret *ret, struct vt_why *why)
{
    struct vt_box *ephemeral;
    enum vt_err err = vt_box_new(&ephemeral, why);

    if (err != VT_OK)
        return err;
    return send_with(ephemeral, to, info, info_len, ret_enc, ret, why);
}

enum vt_err
vt_hpke_send_from(const struct vt_box_public *to, const void *info, size_t info_len,
    const uint8_t ikm[32], uint8_t ret_enc[VT_HPKE_ENC_SIZE], struct vt_hpke_secret *ret,
    struct vt_why *why)
{
    struct vt_box *ephemeral;
    struct vt_digest prk;
    uint8_t priv[VT_BOX_SIZE];
    enum vt_err err;

    labeled_extract(&kem, NULL, 0, "dkp_prk", ikm, 32, &prk); /* DeriveKeyPair, 7.1.3 */
    labeled_expand(&kem, &prk, "sk", NULL, 0, priv, sizeof priv);
    err = vt_box_from_private(priv, &ephemeral, why);
    vt_wipe(priv, sizeof priv);
    vt_wipe(&prk, sizeof prk);
    if (err != VT_OK)
        return err;
    return send_with(ephemeral, to, info, info_len, ret_enc, ret, why);
}

enum vt_err
vt_hpke_receive(const struct vt_box *key, const uint8_t enc[VT_HPKE_ENC_SIZE], const void *info,
    size_t info_len, struct vt_hpke_secret *ret, struct vt_why *why)
{
    struct vt_box_public from, to;

    memcpy(from.b, enc, sizeof from.b);
    vt_box_public(key, &to);
    return set_up(key, &from, enc, &to, info, info_len, ret, why);
}

/* ComputeNonce of section 5.2: the number, big endian, over the end of the base. */
static void
nonce_of(const struct vt_hpke_secret *s, uint64_t seq, uint8_t ret[VT_AEAD_NONCE_SIZE])
{
    memcpy(ret, s->base_nonce, VT_AEAD_NONCE_SIZE);
    for (unsigned i = 0; i < 8; i++)
        ret[VT_AEAD_NONCE_SIZE - 1 - i] ^= (uint8_t)(seq >> 8 * i);
}

enum vt_err
vt_hpke_seal(const struct vt_hpke_secret *s, uint64_t seq, const void *aad, size_t aad_len,
    const void *msg, size_t len, uint8_t *ret, struct vt_why *why)
{
    uint8_t nonce[VT_AEAD_NONCE_SIZE];

    nonce_of(s, seq, nonce);
    return vt_aead_seal(s->key, nonce, aad, aad_len, msg, len, ret, why);
}

enum vt_err
vt_hpke_open(const struct vt_hpke_secret *s, uint64_t seq, const void *aad, size_t aad_len,
    const void *sealed, size_t len, uint8_t *ret, struct vt_why *why)
{
    uint8_t nonce[VT_AEAD_NONCE_SIZE];

    nonce_of(s, seq, nonce);
    return vt_aead_open(s->key, nonce, aad, aad_len, sealed, len, ret, why);
}

enum vt_err
vt_hpke_seal_to(struct vt_buf *b, const struct vt_box_public *to, const void *info,
    size_t info_len, const void *aad, size_t aad_len, const void *msg, size_t len,
    struct vt_why *why)
{
    size_t whole = VT_HPKE_ENC_SIZE + len + VT_HPKE_TAG_SIZE;
    struct vt_hpke_secret s;
    uint8_t *p;
    enum vt_err err;

    if (whole < len)
        return vt_fail(why, VT_E_LIMIT, "a message of %zu bytes is too long to seal", len);
    p = vt_buf_reserve(b, whole);
    if (p == NULL)
        return vt_buf_check(b, "a sealed message", why);
    err = vt_hpke_send(to, info, info_len, p, &s, why);
    if (err != VT_OK)
        return err;
    err = vt_hpke_seal(&s, 0, aad, aad_len, msg, len, p + VT_HPKE_ENC_SIZE, why);
    vt_wipe(&s, sizeof s);
    if (err == VT_OK)
        vt_buf_commit(b, whole);
    return err;
}

enum vt_err
vt_hpke_open_from(struct vt_buf *b, const struct vt_box *key, const void *info, size_t info_len,
    const void *aad, size_t aad_len, const void *data, size_t len, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_hpke_secret s;
    const uint8_t *enc;
    uint8_t *p;
    enum vt_err err;

    if (!vt_reader_take(&r, VT_HPKE_ENC_SIZE, &enc) || r.left < VT_HPKE_TAG_SIZE)
        return vt_fail(why, VT_E_SYNTAX, "a sealed message has %d bytes at least, not %zu",
            VT_HPKE_ENC_SIZE + VT_HPKE_TAG_SIZE, len);
    p = vt_buf_reserve(b, r.left - VT_HPKE_TAG_SIZE);
    if (p == NULL)
        return vt_buf_check(b, "an opened message", why);
    err = vt_hpke_receive(key, enc, info, info_len, &s, why);
    if (err != VT_OK)
        return err;
    err = vt_hpke_open(&s, 0, aad, aad_len, r.p, r.left, p, why);
    vt_wipe(&s, sizeof s);
    if (err == VT_OK)
        vt_buf_commit(b, r.left - VT_HPKE_TAG_SIZE);
    return err;
}
