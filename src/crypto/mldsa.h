/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ML-DSA-44 (FIPS 204), pure and with an empty context, by libcrypto. It is found by its name
 * when the program runs: libcrypto has it from 3.5 on, and one program serves both.
 */
#ifndef VT_CRYPTO_MLDSA_H
#define VT_CRYPTO_MLDSA_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define VT_MLDSA_PUBLIC_SIZE 1312U
#define VT_MLDSA_SIG_SIZE 2420U

struct vt_mldsa_public {
    uint8_t b[VT_MLDSA_PUBLIC_SIZE];
};

/* VT_OK when this process's libcrypto has it; VT_E_CRYPTO saying which version there is and
 * which it takes. */
VT_MUST enum vt_err vt_mldsa_available(struct vt_why *why);

/* The one copy of these bytes, which stays until the process ends, so that keys can be held and
 * copied by pointer, and compared by it. VT_E_LIMIT: 4,096 different keys are held. */
VT_MUST enum vt_err vt_mldsa_hold(const uint8_t public[VT_MLDSA_PUBLIC_SIZE],
    const struct vt_mldsa_public **ret, struct vt_why *why);

/* Whether sig is pub's signature over msg; false also where ML-DSA is not available. */
bool vt_mldsa_verify(const struct vt_mldsa_public *pub, const void *msg, size_t len,
    const void *sig, size_t sig_len);

#endif
