/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/mldsa.h"

#include "crypto/mldsa_priv.h"
#include "crypto/verifier.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MAX 4096U

bool
vt_mldsa_is_there(void)
{
    EVP_SIGNATURE *s = EVP_SIGNATURE_fetch(NULL, VT_MLDSA_NAME, NULL);
    bool there = s != NULL;

    EVP_SIGNATURE_free(s);
    if (!there)
        ERR_clear_error();
    return there;
}

enum vt_err
vt_mldsa_available(struct vt_why *why)
{
    if (vt_mldsa_is_there())
        return VT_OK;
    return vt_fail(why, VT_E_CRYPTO,
        VT_MLDSA_NAME " is not available: libcrypto %s; it needs 3.5",
        OpenSSL_version(OPENSSL_VERSION_STRING));
}

EVP_PKEY *
vt_mldsa_pkey(const struct vt_mldsa_public *pub)
{
    EVP_PKEY *k =
        EVP_PKEY_new_raw_public_key_ex(NULL, VT_MLDSA_NAME, NULL, pub->b, sizeof pub->b);

    if (k == NULL)
        ERR_clear_error();
    return k;
}

/* Keys that are held: few, so a list is searched; it never gets shorter. */
struct held {
    struct held *next;
    struct vt_mldsa_public pub;
};
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static struct held *held_first;
static unsigned held_count;

static const struct vt_mldsa_public *
find_held(const uint8_t *public)
{
    for (const struct held *h = held_first; h != NULL; h = h->next) {
        if (memcmp(h->pub.b, public, VT_MLDSA_PUBLIC_SIZE) == 0)
            return &h->pub;
    }
    return NULL;
}

static enum vt_err
hold_new(const uint8_t *public, const struct vt_mldsa_public **ret, struct vt_why *why)
{
    struct held *h;

    if (held_count == HELD_MAX)
        return vt_fail(why, VT_E_LIMIT,
            "more than %u different ML-DSA-44 keys; none more is taken before a restart",
            HELD_MAX);
    h = malloc(sizeof *h);
    if (h == NULL)
        return vt_fail(why, VT_E_NOMEM, "ML-DSA-44 key: out of memory");
    memcpy(h->pub.b, public, VT_MLDSA_PUBLIC_SIZE);
    h->next = held_first;
    held_first = h;
    held_count++;
    *ret = &h->pub;
    return VT_OK;
}

enum vt_err
vt_mldsa_hold(const uint8_t public[VT_MLDSA_PUBLIC_SIZE], const struct vt_mldsa_public **ret,
    struct vt_why *why)
{
    const struct vt_mldsa_public *found;
    enum vt_err err = VT_OK;

    (void)pthread_mutex_lock(&held_lock);
    found = find_held(public);
    if (found == NULL)
        err = hold_new(public, &found, why);
    (void)pthread_mutex_unlock(&held_lock);
    if (err == VT_OK)
        *ret = found;
    return err;
}

bool
vt_mldsa_verify(const struct vt_mldsa_public *pub, const void *msg, size_t len, const void *sig,
    size_t sig_len)
{
    struct vt_verifier *v = NULL;
    bool ok = vt_verifier_new_mldsa(pub, &v, NULL) == VT_OK &&
              vt_verifier_check(v, msg, len, sig, sig_len);

    vt_verifier_free(v);
    return ok;
}
