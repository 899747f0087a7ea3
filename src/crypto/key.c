/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"
#include "crypto/key_priv.h"
#include "crypto/key_token.h"
#include "crypto/mldsa_priv.h"
#include "crypto/thread_ctx.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

bool
vt_key_name_valid(const char *name)
{
    size_t len = strnlen(name, VT_KEY_NAME_MAX + 1);

    if (len == 0 || len > VT_KEY_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '+' || name[i] == '"')
            return false;
    }
    return true;
}

/* The public half of an ML-DSA key, and its digest in the place of an Ed25519 one. */
static enum vt_err
take_mldsa(struct vt_key *k, EVP_PKEY *pkey, struct vt_why *why)
{
    uint8_t public[VT_MLDSA_PUBLIC_SIZE];
    size_t len = sizeof public;
    struct vt_digest d;
    enum vt_err err;

    if (EVP_PKEY_get_raw_public_key(pkey, public, &len) != 1 || len != sizeof public)
        return vt_fail(why, VT_E_CRYPTO, "libcrypto does not give its public half");
    err = vt_mldsa_hold(public, &k->mldsa, why);
    if (err != VT_OK)
        return err;
    vt_digest_of(public, sizeof public, &d);
    memcpy(k->pub.b, d.b, sizeof k->pub.b);
    k->type = VT_KEY_MLDSA44;
    return VT_OK;
}

static enum vt_err
take_public(struct vt_key *k, EVP_PKEY *pkey, struct vt_why *why)
{
    size_t len = sizeof k->pub.b;

    if (EVP_PKEY_is_a(pkey, VT_MLDSA_NAME) == 1)
        return take_mldsa(k, pkey, why);
    if (EVP_PKEY_get_id(pkey) != EVP_PKEY_ED25519)
        return vt_fail(why, VT_E_CONFIG, "holds a key of another type than Ed25519");
    if (EVP_PKEY_get_raw_public_key(pkey, k->pub.b, &len) != 1 || len != sizeof k->pub.b)
        return vt_fail(why, VT_E_CRYPTO, "libcrypto does not give its public half");
    k->type = VT_KEY_ED25519;
    return VT_OK;
}

enum vt_err
vt_key_wrap(const char *name, EVP_PKEY *pkey, struct vt_key **ret, struct vt_why *why)
{
    struct vt_key *k = calloc(1, sizeof *k);
    enum vt_err err = VT_OK;

    if (k == NULL)
        err = vt_fail(why, VT_E_NOMEM, "key: out of memory");
    else if (!vt_key_name_valid(name))
        err = vt_fail(why, VT_E_USAGE, VT_KEY_NAME_BAD, name, VT_KEY_NAME_MAX);
    else if ((err = take_public(k, pkey, why)) != VT_OK)
        err = vt_fail_in(why, err, "key %s", name);
    if (err != VT_OK) {
        free(k);
        EVP_PKEY_free(pkey);
        return err;
    }
    memcpy(k->name, name, strlen(name) + 1);
    k->pkey = pkey;
    *ret = k;
    return VT_OK;
}

enum vt_err
vt_key_from_seed(
    const char *name, const uint8_t seed[32], struct vt_key **ret, struct vt_why *why)
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);

    if (pkey == NULL)
        return vt_fail(why, VT_E_CRYPTO, "libcrypto cannot make an Ed25519 key");
    return vt_key_wrap(name, pkey, ret, why);
}

enum vt_err
vt_key_new(const char *name, struct vt_key **ret, struct vt_why *why)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    if (pkey == NULL)
        return vt_fail(why, VT_E_CRYPTO, "libcrypto cannot make an Ed25519 key");
    return vt_key_wrap(name, pkey, ret, why);
}

enum vt_err
vt_key_new_mldsa(const char *name, struct vt_key **ret, struct vt_why *why)
{
    enum vt_err err = vt_mldsa_available(why);
    EVP_PKEY *pkey;

    if (err != VT_OK)
        return err;
    pkey = EVP_PKEY_Q_keygen(NULL, NULL, VT_MLDSA_NAME);
    if (pkey == NULL)
        return vt_fail(why, VT_E_CRYPTO, "libcrypto cannot make an ML-DSA-44 key");
    return vt_key_wrap(name, pkey, ret, why);
}

void
vt_key_free(struct vt_key *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_free(k->pkey); /* libcrypto wipes the private half */
    vt_key_token_free(k->token);
    free(k);
}

void
vt_key_discard(struct vt_key *k)
{
    if (k != NULL && k->token != NULL)
        vt_key_token_destroy(k->token);
    vt_key_free(k);
}

const char *
vt_key_name(const struct vt_key *k)
{
    return k->name;
}

void
vt_key_public(const struct vt_key *k, struct vt_pubkey *ret)
{
    *ret = k->pub;
}

enum vt_key_type
vt_key_type(const struct vt_key *k)
{
    return k->type;
}

const struct vt_mldsa_public *
vt_key_mldsa(const struct vt_key *k)
{
    return k->mldsa;
}

/* A signature of exactly that size. */
static enum vt_err
sign(const struct vt_key *k, const void *msg, size_t len, uint8_t *ret, size_t size,
    struct vt_why *why)
{
    const struct vt_thread_ctx *c = vt_thread_ctx_get();
    size_t got = size;
    bool ok;

    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "key %s: out of memory", k->name);
    ok = EVP_DigestSignInit(c->sign, NULL, NULL, NULL, k->pkey) == 1 &&
         EVP_DigestSign(c->sign, ret, &got, msg, len) == 1 && got == size;
    EVP_MD_CTX_reset(c->sign);
    if (ok)
        return VT_OK;
    ERR_clear_error();
    return vt_fail(why, VT_E_CRYPTO, "key %s: libcrypto cannot sign", k->name);
}

enum vt_err
vt_key_sign(
    const struct vt_key *k, const void *msg, size_t len, struct vt_sig *ret, struct vt_why *why)
{
    struct vt_sig sig;
    enum vt_err err;

    if (k->type != VT_KEY_ED25519)
        return vt_fail(why, VT_E_USAGE,
            "key %s: is an ML-DSA-44 key, which makes cosignatures of trees alone", k->name);
    err = k->token != NULL ? vt_key_token_sign(k->token, msg, len, &sig, why)
                           : sign(k, msg, len, sig.b, sizeof sig.b, why);
    if (err != VT_OK)
        return k->token != NULL ? vt_fail_in(why, err, "key %s", k->name) : err;
    *ret = sig;
    return VT_OK;
}

enum vt_err
vt_key_sign_long(
    const struct vt_key *k, const void *msg, size_t len, struct vt_buf *b, struct vt_why *why)
{
    uint8_t long_sig[VT_MLDSA_SIG_SIZE];
    struct vt_sig sig;
    enum vt_err err;

    if (k->type == VT_KEY_MLDSA44) {
        err = sign(k, msg, len, long_sig, sizeof long_sig, why);
        if (err == VT_OK)
            vt_buf_put(b, long_sig, sizeof long_sig);
    } else {
        err = vt_key_sign(k, msg, len, &sig, why);
        if (err == VT_OK)
            vt_buf_put(b, sig.b, sizeof sig.b);
    }
    return err == VT_OK ? vt_buf_check(b, "a signature", why) : err;
}

/* What libcrypto notes about a signature that does not verify is of no use. */
bool
vt_pubkey_verify(
    const struct vt_pubkey *pub, const void *msg, size_t len, const struct vt_sig *sig)
{
    const struct vt_thread_ctx *c = vt_thread_ctx_get();
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub->b, sizeof pub->b);
    bool ok = false;

    if (pkey != NULL && c != NULL && EVP_DigestVerifyInit(c->sign, NULL, NULL, NULL, pkey) == 1)
        ok = EVP_DigestVerify(c->sign, sig->b, sizeof sig->b, msg, len) == 1;
    if (c != NULL)
        EVP_MD_CTX_reset(c->sign);
    EVP_PKEY_free(pkey);
    if (!ok)
        ERR_clear_error();
    return ok;
}

bool
vt_pubkey_eq(const struct vt_pubkey *a, const struct vt_pubkey *b)
{
    return CRYPTO_memcmp(a->b, b->b, VT_PUBKEY_SIZE) == 0;
}
