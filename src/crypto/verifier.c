/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/verifier.h"

#include "crypto/mldsa_priv.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

struct vt_verifier {
    EVP_PKEY *pkey;
    size_t sig_size;
    pthread_mutex_t lock; /* of ctx, and never waited for */
    EVP_MD_CTX *ctx;      /* begun with pkey, and begun again without naming it */
};

static enum vt_err
make(EVP_PKEY *pkey, size_t sig_size, struct vt_verifier **ret, struct vt_why *why)
{
    struct vt_verifier *v = calloc(1, sizeof *v);
    enum vt_err err = VT_OK;

    if (v == NULL || pthread_mutex_init(&v->lock, NULL) != 0) {
        free(v);
        EVP_PKEY_free(pkey);
        return vt_fail(why, VT_E_NOMEM, "verifying: out of memory");
    }
    v->pkey = pkey;
    v->sig_size = sig_size;
    v->ctx = EVP_MD_CTX_new();
    if (v->ctx == NULL)
        err = vt_fail(why, VT_E_NOMEM, "verifying: out of memory");
    else if (EVP_DigestVerifyInit(v->ctx, NULL, NULL, NULL, pkey) != 1)
        err = vt_fail(why, VT_E_CRYPTO, "libcrypto cannot verify with a public key");
    if (err != VT_OK) {
        ERR_clear_error();
        vt_verifier_free(v);
        return err;
    }
    *ret = v;
    return VT_OK;
}

enum vt_err
vt_verifier_new(const struct vt_pubkey *pub, struct vt_verifier **ret, struct vt_why *why)
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub->b, sizeof pub->b);

    if (pkey == NULL)
        return vt_fail(why, VT_E_CRYPTO, "libcrypto cannot hold an Ed25519 public key");
    return make(pkey, VT_SIG_SIZE, ret, why);
}

enum vt_err
vt_verifier_new_mldsa(
    const struct vt_mldsa_public *pub, struct vt_verifier **ret, struct vt_why *why)
{
    enum vt_err err = vt_mldsa_available(why);
    EVP_PKEY *pkey;

    if (err != VT_OK)
        return err;
    pkey = vt_mldsa_pkey(pub);
    if (pkey == NULL)
        return vt_fail(why, VT_E_CRYPTO, "libcrypto cannot hold an ML-DSA-44 public key");
    return make(pkey, VT_MLDSA_SIG_SIZE, ret, why);
}

void
vt_verifier_free(struct vt_verifier *v)
{
    if (v == NULL)
        return;
    EVP_MD_CTX_free(v->ctx);
    EVP_PKEY_free(v->pkey);
    (void)pthread_mutex_destroy(&v->lock);
    free(v);
}

/* With a context of its own, for who comes while another thread verifies. */
static bool
check_apart(
    const struct vt_verifier *v, const void *msg, size_t len, const void *sig, size_t sig_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, v->pkey) == 1 &&
              EVP_DigestVerify(ctx, sig, sig_len, msg, len) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

/* What libcrypto notes about a signature that does not verify is of no use. */
bool
vt_verifier_check(
    struct vt_verifier *v, const void *msg, size_t len, const void *sig, size_t sig_len)
{
    bool ok;

    if (sig_len != v->sig_size)
        return false;
    if (pthread_mutex_trylock(&v->lock) == 0) {
        ok = EVP_DigestVerifyInit(v->ctx, NULL, NULL, NULL, NULL) == 1 &&
             EVP_DigestVerify(v->ctx, sig, sig_len, msg, len) == 1;
        (void)pthread_mutex_unlock(&v->lock);
    } else {
        ok = check_apart(v, msg, len, sig, sig_len);
    }
    if (!ok)
        ERR_clear_error();
    return ok;
}
