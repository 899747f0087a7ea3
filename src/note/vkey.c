/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/signer.h"
#include "note/field.h"
#include "note/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PASSKEY_HEAD "\xff" VT_PASSKEY_ID /* and its NUL */
#define PASSKEY_HEAD_SIZE (sizeof PASSKEY_HEAD)
#define MLDSA_SIZE (1U + VT_MLDSA_PUBLIC_SIZE)
#define PASSKEY_SIZE (PASSKEY_HEAD_SIZE + VT_DIGEST_SIZE + VT_P256_PUBLIC_SIZE)

/* Whether a character of a key name is a space by Unicode's White_Space, or a
 * plus: those that the specification keeps out of names. */
static bool
name_char_bad(const struct vt_reader *r)
{
    static const char *const bad[] = {" ", "+", "\t", "\n", "\v", "\f", "\r", "\xc2\x85",
        "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
        "\xe2\x81\x9f", "\xe3\x80\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct vt_reader at = *r;
        if (vt_reader_skip(&at, bad[i]))
            return true;
    }
    /* U+2000 to U+200A */
    return r->left >= 3 && memcmp(r->p, "\xe2\x80", 2) == 0 && r->p[2] >= 0x80 &&
           r->p[2] <= 0x8a;
}

bool
vt_note_name_valid(const char *name, size_t len)
{
    struct vt_reader r = VT_READER(name, len);
    if (len == 0 || !vt_utf8_valid(name, len))
        return false;
    for (; r.left > 0; r.p++, r.left--) {
        if (*r.p < 0x20 || name_char_bad(&r))
            return false;
    }
    return true;
}

/* The first four bytes of SHA-256(name || 0A || key), big endian. */
static uint32_t
key_id(const char *name, const uint8_t *key, size_t len)
{
    const struct vt_slice v[] = {{name, strlen(name)}, {"\n", 1}, {key, len}};
    struct vt_digest d;
    uint32_t id = 0;

    vt_digest_of_slices(v, 3, &d);
    for (int i = 0; i < 4; i++)
        id = id << 8 | d.b[i];
    return id;
}

/* A passkey's part of a vkey: type, identifier, 00, hash of the RP ID, point. */
static void
put_passkey(uint8_t ret[PASSKEY_SIZE], const struct vt_passkey *p)
{
    memcpy(ret, PASSKEY_HEAD, PASSKEY_HEAD_SIZE);
    memcpy(ret + PASSKEY_HEAD_SIZE, p->rp.b, VT_DIGEST_SIZE);
    memcpy(ret + PASSKEY_HEAD_SIZE + VT_DIGEST_SIZE, p->point.b, VT_P256_PUBLIC_SIZE);
}

uint32_t
vt_vkey_id(const char *name, enum vt_note_alg alg, const struct vt_pubkey *pub)
{
    uint8_t key[1 + VT_PUBKEY_SIZE] = {(uint8_t)alg};

    memcpy(key + 1, pub->b, VT_PUBKEY_SIZE);
    return key_id(name, key, sizeof key);
}

static enum vt_err
check_name(const char *name, struct vt_why *why)
{
    size_t len = strlen(name);

    if (len > VT_KEY_NAME_MAX || !vt_note_name_valid(name, len))
        return vt_fail(why, VT_E_SYNTAX,
            "the key name `%s` is not 1 to %d bytes of UTF-8 without space and `+`", name,
            VT_KEY_NAME_MAX);
    return VT_OK;
}

enum vt_err
vt_vkey_make(const char *name, enum vt_note_alg alg, const struct vt_pubkey *pub,
    struct vt_vkey *ret, struct vt_why *why)
{
    struct vt_vkey k = {.alg = alg, .pub = *pub};

    if (alg != VT_NOTE_ED25519 && alg != VT_NOTE_COSIG_ED25519)
        return vt_fail(why, VT_E_SYNTAX,
            "a key of type %02x cannot be an Ed25519 key: give 01 or 04", (unsigned)alg);
    enum vt_err err = check_name(name, why);
    if (err != VT_OK)
        return err;
    memcpy(k.name, name, strlen(name) + 1);
    k.id = vt_vkey_id(name, alg, pub);
    *ret = k;
    return VT_OK;
}

enum vt_err
vt_vkey_make_passkey(
    const char *name, const struct vt_passkey *passkey, struct vt_vkey *ret, struct vt_why *why)
{
    struct vt_vkey k = {.alg = VT_NOTE_PASSKEY, .passkey = *passkey};
    const struct vt_slice point[] = {
        {PASSKEY_HEAD, PASSKEY_HEAD_SIZE}, {passkey->point.b, VT_P256_PUBLIC_SIZE}};
    uint8_t key[PASSKEY_SIZE];
    struct vt_digest hash;

    enum vt_err err = check_name(name, why);
    if (err != VT_OK)
        return err;
    if (!vt_p256_valid(&passkey->point))
        return vt_fail(why, VT_E_SYNTAX, "the passkey of `%s` is not a point of P-256", name);
    memcpy(k.name, name, strlen(name) + 1);
    put_passkey(key, passkey);
    k.id = key_id(name, key, sizeof key);
    vt_digest_of_slices(point, 2, &hash);
    memcpy(k.pub.b, hash.b, sizeof k.pub.b);
    *ret = k;
    return VT_OK;
}

enum vt_err
vt_vkey_make_mldsa(const char *name, const struct vt_mldsa_public *mldsa, struct vt_vkey *ret,
    struct vt_why *why)
{
    struct vt_vkey k = {.alg = VT_NOTE_COSIG_MLDSA44, .mldsa = mldsa};
    uint8_t key[MLDSA_SIZE] = {VT_NOTE_COSIG_MLDSA44};
    struct vt_digest hash;

    enum vt_err err = check_name(name, why);
    if (err != VT_OK)
        return err;
    memcpy(k.name, name, strlen(name) + 1);
    memcpy(key + 1, mldsa->b, sizeof mldsa->b);
    k.id = key_id(name, key, sizeof key);
    vt_digest_of(mldsa->b, sizeof mldsa->b, &hash);
    memcpy(k.pub.b, hash.b, sizeof k.pub.b);
    *ret = k;
    return VT_OK;
}

enum vt_err
vt_vkey_make_signer(
    const struct vt_signer *s, bool cosigner, struct vt_vkey *ret, struct vt_why *why)
{
    const struct vt_mldsa_public *mldsa = vt_signer_mldsa(s);
    const char *name = vt_signer_name(s);

    if (mldsa != NULL && !cosigner)
        return vt_fail(why, VT_E_USAGE, "`%s` is an ML-DSA-44 key: a cosigner's", name);
    if (mldsa != NULL)
        return vt_vkey_make_mldsa(name, mldsa, ret, why);
    return vt_vkey_make(name, cosigner ? VT_NOTE_COSIG_ED25519 : VT_NOTE_ED25519,
        vt_signer_public(s), ret, why);
}

static enum vt_err
parse_mldsa(
    const char *name, const struct vt_reader *b64, struct vt_vkey *ret, struct vt_why *why)
{
    const struct vt_mldsa_public *mldsa = NULL;
    uint8_t key[MLDSA_SIZE];
    enum vt_err err;

    if (!vt_field_b64(b64, key, sizeof key))
        return vt_fail(
            why, VT_E_SYNTAX, "a vkey of type 06 has %u bytes of key", VT_MLDSA_PUBLIC_SIZE);
    err = vt_mldsa_hold(key + 1, &mldsa, why);
    return err == VT_OK ? vt_vkey_make_mldsa(name, mldsa, ret, why) : err;
}

static enum vt_err
parse_ed25519(
    const char *name, const struct vt_reader *b64, struct vt_vkey *ret, struct vt_why *why)
{
    uint8_t key[1 + VT_PUBKEY_SIZE];
    struct vt_pubkey pub;

    if (!vt_field_b64(b64, key, sizeof key))
        return vt_fail(why, VT_E_SYNTAX, "an Ed25519 key has %d bytes, this one has %zu",
            VT_PUBKEY_SIZE, vt_field_b64_size(b64) - 1);
    memcpy(pub.b, key + 1, VT_PUBKEY_SIZE);
    return vt_vkey_make(name, (enum vt_note_alg)key[0], &pub, ret, why);
}

static enum vt_err
parse_passkey(
    const char *name, const struct vt_reader *b64, struct vt_vkey *ret, struct vt_why *why)
{
    uint8_t key[PASSKEY_SIZE];
    struct vt_passkey p;

    if (!vt_field_b64(b64, key, sizeof key) ||
        memcmp(key, PASSKEY_HEAD, PASSKEY_HEAD_SIZE) != 0)
        return vt_fail(why, VT_E_SYNTAX,
            "key type ff is known only as " VT_PASSKEY_ID ", with %zu bytes", sizeof key);
    memcpy(p.rp.b, key + PASSKEY_HEAD_SIZE, VT_DIGEST_SIZE);
    memcpy(p.point.b, key + PASSKEY_HEAD_SIZE + VT_DIGEST_SIZE, VT_P256_PUBLIC_SIZE);
    return vt_vkey_make_passkey(name, &p, ret, why);
}

/* The type byte and key at the end of a vkey. */
static enum vt_err
parse_key(
    const char *name, const struct vt_reader *b64, struct vt_vkey *ret, struct vt_why *why)
{
    const struct vt_reader head = VT_READER(b64->p, b64->left < 4 ? b64->left : 4);
    uint8_t first[3];

    if (vt_field_b64_size(b64) < 3 || !vt_field_b64(&head, first, sizeof first))
        return vt_fail(why, VT_E_SYNTAX, "the key of a vkey is not base64");
    switch (first[0]) {
    case VT_NOTE_ED25519:
    case VT_NOTE_COSIG_ED25519:
        return parse_ed25519(name, b64, ret, why);
    case VT_NOTE_PASSKEY:
        return parse_passkey(name, b64, ret, why);
    case VT_NOTE_COSIG_MLDSA44:
        return parse_mldsa(name, b64, ret, why);
    default:
        return vt_fail(
            why, VT_E_SYNTAX, "key type %02x is none of 01, 04, 06 and ff", first[0]);
    }
}

enum vt_err
vt_vkey_parse(const char *s, size_t len, struct vt_vkey *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(s, len), name, hex;
    char name_text[VT_KEY_NAME_MAX + 1];
    struct vt_vkey k = {.id = 0};
    uint8_t id[4];
    size_t id_len;

    if (!vt_reader_word(&r, '+', &name) || !vt_reader_word(&r, '+', &hex) || hex.left != 8 ||
        !vt_hex_decode((const char *)hex.p, hex.left, id, sizeof id, &id_len))
        return vt_fail(why, VT_E_SYNTAX,
            "a vkey is NAME+KEYID+KEY, the id 8 lower-case hex digits and the key base64");
    if (!vt_reader_cstr(&name, name_text, sizeof name_text))
        return vt_fail(
            why, VT_E_SYNTAX, "the name of a vkey has more than %d bytes", VT_KEY_NAME_MAX);
    enum vt_err err = parse_key(name_text, &r, &k, why);
    if (err != VT_OK)
        return err;
    if (k.id != ((uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3]))
        return vt_fail(why, VT_E_SYNTAX,
            "the key id of `%s` should be %08" PRIx32 ": the vkey was changed or mistyped",
            name_text, k.id);
    *ret = k;
    return VT_OK;
}

void
vt_vkey_format(const struct vt_vkey *k, char ret[VT_VKEY_TEXT_MAX])
{
    struct vt_buf b = VT_BUF(VT_VKEY_TEXT_MAX - 1);
    uint8_t key[MLDSA_SIZE] = {(uint8_t)k->alg};
    size_t len = 1 + VT_PUBKEY_SIZE;

    if (k->alg == VT_NOTE_PASSKEY) {
        put_passkey(key, &k->passkey);
        len = PASSKEY_SIZE;
    } else if (k->alg == VT_NOTE_COSIG_MLDSA44) {
        memcpy(key + 1, k->mldsa->b, VT_MLDSA_PUBLIC_SIZE);
        len = sizeof key;
    } else {
        memcpy(key + 1, k->pub.b, VT_PUBKEY_SIZE);
    }
    vt_buf_put_b64(&b, key, len);
    snprintf(ret, VT_VKEY_TEXT_MAX, "%s+%08" PRIx32 "+%s", k->name, k->id, vt_buf_str(&b));
    vt_buf_release(&b);
}
