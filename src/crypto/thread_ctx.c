/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/thread_ctx.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void
ctx_free(void *p)
{
    struct vt_thread_ctx *c = p;

    if (c == NULL)
        return;
    EVP_MD_CTX_free(c->sign);
    EVP_CIPHER_CTX_free(c->cipher);
    free(c);
}

static void
make_key(void)
{
    int failed = pthread_key_create(&key, ctx_free);

    assert(failed == 0);
    (void)failed;
}

struct vt_thread_ctx *
vt_thread_ctx_get(void)
{
    struct vt_thread_ctx *c;

    (void)pthread_once(&once, make_key);
    c = pthread_getspecific(key);
    if (c != NULL)
        return c;
    c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->sign = EVP_MD_CTX_new();
    c->cipher = EVP_CIPHER_CTX_new();
    if (c->sign == NULL || c->cipher == NULL || pthread_setspecific(key, c) != 0) {
        ctx_free(c);
        return NULL;
    }
    return c;
}
