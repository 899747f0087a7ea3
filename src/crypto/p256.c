/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/p256.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#define CURVE "prime256v1"
#define SCALAR_SIZE 32U
#define DER_SEQUENCE 0x30
#define DER_INTEGER 0x02

/* libcrypto's key of an encoded point; NULL when it is not on the curve. */
static EVP_PKEY *
load(const uint8_t *point, size_t len)
{
    char group[] = CURVE;
    uint8_t copy[1 + 2 * SCALAR_SIZE];
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *pkey = NULL;

    memcpy(copy, point, len);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, len),
        OSSL_PARAM_construct_end(),
    };
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    if (pkey == NULL)
        ERR_clear_error();
    return pkey;
}

static bool
is_compressed(const struct vt_p256_public *pub)
{
    return pub->b[0] == 2 || pub->b[0] == 3;
}

bool
vt_p256_valid(const struct vt_p256_public *pub)
{
    EVP_PKEY *pkey = is_compressed(pub) ? load(pub->b, sizeof pub->b) : NULL;

    EVP_PKEY_free(pkey);
    return pkey != NULL;
}

enum vt_err
vt_p256_from_xy(
    const uint8_t x[32], const uint8_t y[32], struct vt_p256_public *ret, struct vt_why *why)
{
    uint8_t point[1 + 2 * SCALAR_SIZE] = {4}; /* uncompressed */
    EVP_PKEY *pkey;

    memcpy(point + 1, x, SCALAR_SIZE);
    memcpy(point + 1 + SCALAR_SIZE, y, SCALAR_SIZE);
    pkey = load(point, sizeof point);
    if (pkey == NULL)
        return vt_fail(why, VT_E_SYNTAX, "the public key is not a point of P-256");
    EVP_PKEY_free(pkey);
    ret->b[0] = 2 + (y[SCALAR_SIZE - 1] & 1);
    memcpy(ret->b + 1, x, SCALAR_SIZE);
    return VT_OK;
}

/* An INTEGER above zero of at most 256 bits, in its shortest form. */
static bool
take_integer(struct vt_reader *r)
{
    const uint8_t *p;
    uint8_t tag, len;

    if (!vt_reader_u8(r, &tag) || tag != DER_INTEGER || !vt_reader_u8(r, &len) || len == 0 ||
        len > SCALAR_SIZE + 1 || !vt_reader_take(r, len, &p) || (p[0] & 0x80) != 0)
        return false;
    if (p[0] == 0)
        return len > 1 && (p[1] & 0x80) != 0;
    return len <= SCALAR_SIZE;
}

static bool
is_canonical(const uint8_t *sig, size_t len)
{
    struct vt_reader r = VT_READER(sig, len);
    uint8_t tag, inside;

    return vt_reader_u8(&r, &tag) && tag == DER_SEQUENCE && vt_reader_u8(&r, &inside) &&
           inside == r.left && take_integer(&r) && take_integer(&r) && r.left == 0;
}

bool
vt_p256_verify(const struct vt_p256_public *pub, const struct vt_digest *hash,
    const uint8_t *sig, size_t sig_len)
{
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *ctx;
    bool ok;

    if (!is_compressed(pub) || sig_len > VT_P256_SIG_MAX || !is_canonical(sig, sig_len))
        return false;
    pkey = load(pub->b, sizeof pub->b);
    ctx = pkey != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;
    ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
         EVP_PKEY_verify(ctx, sig, sig_len, hash->b, sizeof hash->b) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    if (!ok)
        ERR_clear_error();
    return ok;
}
