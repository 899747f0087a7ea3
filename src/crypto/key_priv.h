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
    EVP_PKEY *pkey;
};

/* A key of an Ed25519 or ML-DSA-44 private key; takes ownership of pkey in every case.
 * VT_E_CONFIG: it is of another type. */
VT_MUST enum vt_err vt_key_wrap(
    const char *name, EVP_PKEY *pkey, struct vt_key **ret, struct vt_why *why);

#endif
