/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ML-DSA-44 as this folder's files reach it in libcrypto.
 */
#ifndef VT_CRYPTO_MLDSA_PRIV_H
#define VT_CRYPTO_MLDSA_PRIV_H

#include "crypto/mldsa.h"

#include <openssl/evp.h>

#define VT_MLDSA_NAME "ML-DSA-44"
#define VT_MLDSA_OID "2.16.840.1.101.3.4.3.17" /* of its keys in PKCS#8: RFC 9881 */

bool vt_mldsa_is_there(void);
/* libcrypto's public key of these bytes; NULL where there is no ML-DSA. */
EVP_PKEY *vt_mldsa_pkey(const struct vt_mldsa_public *pub);

#endif
