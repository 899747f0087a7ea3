/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/box.h"

#include "base/file.h"
#include "crypto/bech32.h"
#include "crypto/digest.h"
#include "crypto/locked.h"
#include "crypto/secret.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 16384U
#define PUBLIC_PREFIX "age"
#define PRIVATE_PREFIX "age-secret-key-"

/* libcrypto gets a copy of the private half for the time of one operation only
 * and wipes it; between operations it is in locked memory alone. */
struct vt_box {
    struct vt_box_public pub;
    uint8_t *priv; /* VT_BOX_SIZE; locked */
};

/* Takes ownership of priv, which is locked. */
static enum vt_err
box_make(uint8_t *priv, struct vt_box **ret, struct vt_why *why)
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, priv, VT_BOX_SIZE);
    struct vt_box *k = calloc(1, sizeof *k);
    size_t len = VT_BOX_SIZE;
    enum vt_err err = VT_OK;

    if (k == NULL)
        err = vt_fail(why, VT_E_NOMEM, "key: out of memory");
    else if (pkey == NULL || EVP_PKEY_get_raw_public_key(pkey, k->pub.b, &len) != 1 ||
             len != VT_BOX_SIZE)
        err = vt_fail(why, VT_E_CRYPTO, "libcrypto cannot make an X25519 key");
    EVP_PKEY_free(pkey);
    if (err != VT_OK) {
        ERR_clear_error();
        free(k);
        vt_locked_free(priv);
        return err;
    }
    k->priv = priv;
    *ret = k;
    return VT_OK;
}

static enum vt_err
priv_new(uint8_t **ret, struct vt_why *why)
{
    void *p;
    enum vt_err err = vt_locked_new(VT_BOX_SIZE, &p, why);

    if (err == VT_OK)
        *ret = p;
    return err;
}

enum vt_err
vt_box_new(struct vt_box **ret, struct vt_why *why)
{
    uint8_t *priv;
    enum vt_err err = priv_new(&priv, why);

    if (err != VT_OK)
        return err;
    err = vt_random(priv, VT_BOX_SIZE, why);
    if (err != VT_OK) {
        vt_locked_free(priv);
        return err;
    }
    return box_make(priv, ret, why);
}

enum vt_err
vt_box_from_private(const uint8_t priv[VT_BOX_SIZE], struct vt_box **ret, struct vt_why *why)
{
    uint8_t *copy;
    enum vt_err err = priv_new(&copy, why);

    if (err != VT_OK)
        return err;
    memcpy(copy, priv, VT_BOX_SIZE);
    return box_make(copy, ret, why);
}

void
vt_box_free(struct vt_box *k)
{
    if (k == NULL)
        return;
    vt_locked_free(k->priv);
    free(k);
}

void
vt_box_public(const struct vt_box *k, struct vt_box_public *ret)
{
    *ret = k->pub;
}

const uint8_t *
vt_box_private(const struct vt_box *k)
{
    return k->priv;
}

/* With both halves given libcrypto need not compute the public one again, which
 * would cost as much as the agreement. */
static EVP_PKEY *
pkey_of(const struct vt_box *k)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
    struct vt_box_public pub = k->pub;
    OSSL_PARAM params[3];
    EVP_PKEY *pkey = NULL;

    params[0] =
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, k->priv, VT_BOX_SIZE);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, pub.b, VT_BOX_SIZE);
    params[2] = OSSL_PARAM_construct_end();
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

enum vt_err
vt_box_agree(const struct vt_box *k, const struct vt_box_public *other,
    uint8_t ret[VT_BOX_SIZE], struct vt_why *why)
{
    EVP_PKEY *mine = pkey_of(k);
    EVP_PKEY *peer =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, other->b, sizeof other->b);
    EVP_PKEY_CTX *ctx = mine != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL) : NULL;
    uint8_t shared[VT_BOX_SIZE];
    size_t len = sizeof shared;
    enum vt_err err = VT_OK;

    if (ctx == NULL || peer == NULL || EVP_PKEY_derive_init(ctx) != 1 ||
        EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) != 1)
        err = vt_fail(why, VT_E_CRYPTO, "libcrypto cannot agree on a key by X25519");
    else if (EVP_PKEY_derive(ctx, shared, &len) != 1 || len != sizeof shared)
        err = vt_fail(why, VT_E_SYNTAX,
            "a public key of low order, with which no secret is "
            "shared; its owner must make a new one");
    if (err == VT_OK)
        memcpy(ret, shared, sizeof shared);
    else
        ERR_clear_error();
    vt_wipe(shared, sizeof shared);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(mine);
    return err;
}

/* Files and text. */

enum vt_err
vt_box_save(const struct vt_box *k, const char *path, struct vt_why *why)
{
    struct vt_buf b = {.max = FILE_MAX, .secret = true};
    char text[VT_BECH32_TEXT_MAX];
    enum vt_err err;

    vt_box_public_format(&k->pub, text);
    vt_buf_putf(&b, "# public key: %s\n", text);
    vt_bech32_encode(PRIVATE_PREFIX, k->priv, text);
    for (char *p = text; *p != '\0'; p++)
        vt_buf_put_u8(&b, (uint8_t)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p));
    vt_buf_put_u8(&b, '\n');
    vt_wipe(text, sizeof text);
    err = vt_buf_check(&b, "identity file", why);
    if (err == VT_OK)
        err = vt_file_create(path, 0600, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

/* An identity is written in upper case, and age takes it in no other. */
static bool
parse_identity(const struct vt_reader *line, uint8_t ret[VT_BOX_SIZE])
{
    struct vt_reader r = *line;

    return vt_reader_skip(&r, "AGE-SECRET-KEY-") &&
           vt_bech32_decode(PRIVATE_PREFIX, (const char *)line->p, line->left, ret);
}

static enum vt_err
parse_file(const struct vt_buf *b, uint8_t ret[VT_BOX_SIZE], struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    struct vt_reader line;

    for (unsigned n = 1; vt_reader_word(&r, '\n', &line); n++) {
        if (line.left == 0 || line.p[0] == '#')
            continue;
        if (parse_identity(&line, ret))
            return VT_OK;
        return vt_fail(why, VT_E_SYNTAX,
            "line %u is no identity AGE-SECRET-KEY-1..., or one that was changed", n);
    }
    return vt_fail(why, VT_E_SYNTAX, "there is no identity AGE-SECRET-KEY-1... in it");
}

enum vt_err
vt_box_load(const char *path, struct vt_box **ret, struct vt_why *why)
{
    struct vt_buf b = {.max = FILE_MAX, .secret = true};
    uint8_t *priv = NULL;
    enum vt_err err = vt_secret_read(path, &b, why);

    if (err == VT_OK)
        err = priv_new(&priv, why);
    if (err == VT_OK) {
        err = parse_file(&b, priv, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", path);
    }
    if (err == VT_OK)
        err = box_make(priv, ret, why);
    else
        vt_locked_free(priv);
    vt_buf_release(&b);
    return err;
}

void
vt_box_public_format(const struct vt_box_public *k, char ret[VT_BOX_TEXT_MAX])
{
    vt_bech32_encode(PUBLIC_PREFIX, k->b, ret);
}

enum vt_err
vt_box_public_parse(const char *s, size_t len, struct vt_box_public *ret, struct vt_why *why)
{
    /* Bech32 may be in upper case too; a public key here has one form only. */
    if (len > 0 && s[0] == 'a' && vt_bech32_decode(PUBLIC_PREFIX, s, len, ret->b))
        return VT_OK;
    return vt_fail(why, VT_E_SYNTAX,
        "not a public key age1... of 62 lower-case characters, or one that was mistyped");
}
