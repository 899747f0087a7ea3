/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What key.c and key_file.c share and nobody else sees.
 */
#ifndef VT_CRYPTO_KEY_PRIV_H
#define VT_CRYPTO_KEY_PRIV_H

#include "crypto/key.h"

#include <openssl/evp.h>

struct vt_key {
    char name[VT_KEY_NAME_MAX + 1];
    enum vt_key_type type;
    struct vt_pubkey pub;
    const struct vt_mldsa_public *mldsa; /* by vt_mldsa_hold; NULL of another type */
    EVP_PKEY *pkey;                      /* or */
    struct vt_key_token *token;          /* the private half is in a token */
};

/* What is signed to see whose key it is; 32 random bytes follow. It begins as nothing that is
 * signed for a purpose does. */
#define VT_KEY_CHECK "vitrine/key-check/v1\n"
#define VT_KEY_NAME_BAD                                                                        \
    "key name \"%.140s\": must be 1 to %d printable characters without space, + and \""

/* The key of a file that names one in a token. */
VT_MUST enum vt_err vt_key_load_token(const char *name, const char *uri,
    const struct vt_pubkey *pub, struct vt_key **ret, struct vt_why *why);

/* A key of an Ed25519 or ML-DSA-44 private key; takes ownership of pkey in every case.
 * VT_E_CONFIG: it is of another type. */
VT_MUST enum vt_err vt_key_wrap(
    const char *name, EVP_PKEY *pkey, struct vt_key **ret, struct vt_why *why);

#endif
