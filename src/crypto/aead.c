/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/aead_priv.h"

#include "crypto/digest.h"
#include "crypto/thread_ctx.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#define LEN_MAX (1024U * 1024U * 1024U) /* libcrypto counts in int */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *gcm; /* fetched once: the lookup costs more than a short message */
static EVP_CIPHER *chacha;

static void
fetch(void)
{
    gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    chacha = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    assert(gcm != NULL && chacha != NULL);
}

/* What one call works on. */
struct job {
    const EVP_CIPHER *cipher;
    const uint8_t *key;
    const uint8_t *nonce;
    const void *aad;
    size_t aad_len;
    const uint8_t *in; /* without the tag */
    size_t len;
    uint8_t *out;
};

static enum vt_err
check_len(const struct job *j, struct vt_why *why)
{
    if (j->len > LEN_MAX || j->aad_len > LEN_MAX)
        return vt_fail(why, VT_E_LIMIT, "cipher: a message of more than %u bytes", LEN_MAX);
    return VT_OK;
}

/* The message and what goes with it; with no length neither may be passed, for
 * libcrypto would take that as something else. */
static bool
update(EVP_CIPHER_CTX *ctx, const struct job *j)
{
    int n;

    if (j->aad_len > 0 && EVP_CipherUpdate(ctx, NULL, &n, j->aad, (int)j->aad_len) != 1)
        return false;
    return j->len == 0 ||
           (EVP_CipherUpdate(ctx, j->out, &n, j->in, (int)j->len) == 1 && n == (int)j->len);
}

static enum vt_err
seal(const struct job *j, struct vt_why *why)
{
    const struct vt_thread_ctx *c = vt_thread_ctx_get();
    uint8_t none[VT_AEAD_TAG_SIZE];
    int n;
    bool ok;
    enum vt_err err = check_len(j, why);

    if (err != VT_OK)
        return err;
    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "cipher: out of memory");
    ok = EVP_CipherInit_ex2(c->cipher, j->cipher, j->key, j->nonce, 1, NULL) == 1 &&
         update(c->cipher, j) && EVP_CipherFinal_ex(c->cipher, none, &n) == 1 && n == 0 &&
         EVP_CIPHER_CTX_ctrl(
             c->cipher, EVP_CTRL_AEAD_GET_TAG, VT_AEAD_TAG_SIZE, j->out + j->len) == 1;
    EVP_CIPHER_CTX_reset(c->cipher); /* wipes the key */
    if (!ok) {
        ERR_clear_error();
        return vt_fail(why, VT_E_CRYPTO, "cipher: libcrypto cannot seal");
    }
    return VT_OK;
}

/* Whether the message is authentic; what was written before that is known must
 * not be used. */
static bool
decrypt(EVP_CIPHER_CTX *ctx, const struct job *j, const uint8_t tag[VT_AEAD_TAG_SIZE])
{
    uint8_t want[VT_AEAD_TAG_SIZE]; /* libcrypto's argument is not const */
    uint8_t none[VT_AEAD_TAG_SIZE];
    int n;

    memcpy(want, tag, sizeof want);
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, VT_AEAD_TAG_SIZE, want) == 1 &&
           update(ctx, j) && EVP_CipherFinal_ex(ctx, none, &n) == 1 && n == 0;
}

static enum vt_err
open_sealed(struct job *j, size_t sealed_len, struct vt_why *why)
{
    const struct vt_thread_ctx *c = vt_thread_ctx_get();
    enum vt_err err;

    if (sealed_len < VT_AEAD_TAG_SIZE)
        return vt_fail(why, VT_E_SYNTAX, "a sealed message has %d bytes at least, not %zu",
            VT_AEAD_TAG_SIZE, sealed_len);
    j->len = sealed_len - VT_AEAD_TAG_SIZE;
    err = check_len(j, why);
    if (err != VT_OK)
        return err;
    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "cipher: out of memory");
    if (EVP_CipherInit_ex2(c->cipher, j->cipher, j->key, j->nonce, 0, NULL) != 1)
        err = vt_fail(why, VT_E_CRYPTO, "cipher: libcrypto cannot open");
    else if (!decrypt(c->cipher, j, j->in + j->len))
        err = vt_fail(why, VT_E_SIG, "a sealed message is not authentic for this key");
    EVP_CIPHER_CTX_reset(c->cipher);
    if (err != VT_OK) {
        ERR_clear_error();
        vt_wipe(j->out, j->len);
    }
    return err;
}

enum vt_err
vt_aead_seal(const uint8_t key[VT_AEAD_KEY_SIZE], const uint8_t nonce[VT_AEAD_NONCE_SIZE],
    const void *aad, size_t aad_len, const void *msg, size_t len, uint8_t *ret,
    struct vt_why *why)
{
    (void)pthread_once(&once, fetch);
    const struct job j = {gcm, key, nonce, aad, aad_len, msg, len, ret};
    return seal(&j, why);
}

enum vt_err
vt_aead_open(const uint8_t key[VT_AEAD_KEY_SIZE], const uint8_t nonce[VT_AEAD_NONCE_SIZE],
    const void *aad, size_t aad_len, const void *sealed, size_t len, uint8_t *ret,
    struct vt_why *why)
{
    (void)pthread_once(&once, fetch);
    struct job j = {gcm, key, nonce, aad, aad_len, sealed, 0, ret};
    return open_sealed(&j, len, why);
}

enum vt_err
vt_chacha_seal(const uint8_t key[VT_AEAD_KEY_SIZE], const uint8_t nonce[VT_AEAD_NONCE_SIZE],
    const void *msg, size_t len, uint8_t *ret, struct vt_why *why)
{
    (void)pthread_once(&once, fetch);
    const struct job j = {chacha, key, nonce, NULL, 0, msg, len, ret};
    return seal(&j, why);
}

enum vt_err
vt_chacha_open(const uint8_t key[VT_AEAD_KEY_SIZE], const uint8_t nonce[VT_AEAD_NONCE_SIZE],
    const void *sealed, size_t len, uint8_t *ret, struct vt_why *why)
{
    (void)pthread_once(&once, fetch);
    struct job j = {chacha, key, nonce, NULL, 0, sealed, 0, ret};
    return open_sealed(&j, len, why);
}
