/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/kdf.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#define BLOCK_SIZE 64U /* of SHA-256, which HMAC's key is padded to */
#define SLICES_MAX 15U
#define EXPAND_MAX (255U * VT_DIGEST_SIZE)

#define SCRYPT_N 32768U
#define SCRYPT_R 8U
#define SCRYPT_P 1U
/* 128 * N * r and a little; libcrypto refuses more than it is told. */
#define SCRYPT_MEM_MAX (40U * 1024U * 1024U)

/* H(key xor pad, pieces), both halves of HMAC. */
static void
hash_padded(const uint8_t key[BLOCK_SIZE], uint8_t pad, const struct vt_slice *v, size_t n,
    struct vt_digest *ret)
{
    struct vt_slice all[SLICES_MAX + 1];
    uint8_t padded[BLOCK_SIZE];

    assert(n <= SLICES_MAX);
    for (size_t i = 0; i < BLOCK_SIZE; i++)
        padded[i] = key[i] ^ pad;
    all[0] = (struct vt_slice){padded, sizeof padded};
    for (size_t i = 0; i < n; i++)
        all[i + 1] = v[i];
    vt_digest_of_slices(all, n + 1, ret);
    vt_wipe(padded, sizeof padded);
}

void
vt_hmac(
    const void *key, size_t key_len, const struct vt_slice *v, size_t n, struct vt_digest *ret)
{
    uint8_t block[BLOCK_SIZE] = {0};
    struct vt_digest inner;
    struct vt_slice last = {inner.b, sizeof inner.b};

    if (key_len > BLOCK_SIZE) {
        vt_digest_of(key, key_len, &inner);
        memcpy(block, inner.b, sizeof inner.b);
    } else if (key_len > 0) {
        memcpy(block, key, key_len);
    }
    hash_padded(block, 0x36, v, n, &inner);
    hash_padded(block, 0x5c, &last, 1, ret);
    vt_wipe(block, sizeof block);
    vt_wipe(&inner, sizeof inner);
}

void
vt_hkdf_extract(const void *salt, size_t salt_len, const struct vt_slice *ikm, size_t n,
    struct vt_digest *ret)
{
    /* An absent salt is 32 zeros, which HMAC's padding makes of none. */
    vt_hmac(salt, salt_len, ikm, n, ret);
}

void
vt_hkdf_expand(const struct vt_digest *prk, const struct vt_slice *info, size_t n, uint8_t *ret,
    size_t ret_len)
{
    struct vt_slice v[SLICES_MAX];
    struct vt_digest t;
    uint8_t count = 0;

    assert(ret_len <= EXPAND_MAX && n + 2 <= SLICES_MAX);
    v[0] = (struct vt_slice){t.b, 0};
    for (size_t i = 0; i < n; i++)
        v[i + 1] = info[i];
    v[n + 1] = (struct vt_slice){&count, 1};
    for (size_t at = 0; at < ret_len; at += VT_DIGEST_SIZE) {
        size_t left = ret_len - at;
        count++;
        vt_hmac(prk->b, sizeof prk->b, v, n + 2, &t);
        memcpy(ret + at, t.b, left < VT_DIGEST_SIZE ? left : VT_DIGEST_SIZE);
        v[0].len = sizeof t.b;
    }
    vt_wipe(&t, sizeof t);
}

void
vt_hkdf(const void *salt, size_t salt_len, const void *ikm, size_t ikm_len, const void *info,
    size_t info_len, uint8_t *ret, size_t ret_len)
{
    const struct vt_slice from = {ikm, ikm_len};
    const struct vt_slice about = {info, info_len};
    struct vt_digest prk;

    vt_hkdf_extract(salt, salt_len, &from, 1, &prk);
    vt_hkdf_expand(&prk, &about, 1, ret, ret_len);
    vt_wipe(&prk, sizeof prk);
}

enum vt_err
vt_scrypt(const void *passphrase, size_t len, const uint8_t salt[16], uint8_t ret[32],
    struct vt_why *why)
{
    uint8_t key[32];

    /* All that can fail for these numbers is the memory. */
    if (EVP_PBE_scrypt(passphrase, len, salt, 16, SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_MEM_MAX,
            key, sizeof key) != 1) {
        ERR_clear_error();
        return vt_fail(why, VT_E_NOMEM, "scrypt: no 32 MiB of memory for a passphrase");
    }
    memcpy(ret, key, sizeof key);
    vt_wipe(key, sizeof key);
    return VT_OK;
}
