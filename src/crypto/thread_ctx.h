/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto's contexts that each thread makes once and uses again. For the
 * files of this folder alone.
 */
#ifndef VT_CRYPTO_THREAD_CTX_H
#define VT_CRYPTO_THREAD_CTX_H

#include <openssl/evp.h>

struct vt_thread_ctx {
    EVP_MD_CTX *sign;       /* reset after each use: it must not keep a key alive */
    EVP_CIPHER_CTX *cipher; /* likewise */
};

/* The calling thread's contexts, freed when it ends; NULL when there is no
 * memory for them. */
struct vt_thread_ctx *vt_thread_ctx_get(void);

#endif
