/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A public key made ready: what libcrypto needs to verify with it is made once, which saves a
 * tenth of the time and most of the allocations of vt_pubkey_verify. May be used by several
 * threads at once.
 */
#ifndef VT_CRYPTO_VERIFIER_H
#define VT_CRYPTO_VERIFIER_H

#include "crypto/key.h"
#include "crypto/mldsa.h"

struct vt_verifier;

/* Of an Ed25519 key. VT_E_NOMEM, VT_E_CRYPTO. */
VT_MUST enum vt_err vt_verifier_new(
    const struct vt_pubkey *pub, struct vt_verifier **ret, struct vt_why *why);
/* Of an ML-DSA-44 key. VT_E_CRYPTO also where there is no ML-DSA. */
VT_MUST enum vt_err vt_verifier_new_mldsa(
    const struct vt_mldsa_public *pub, struct vt_verifier **ret, struct vt_why *why);
/* Takes NULL. */
void vt_verifier_free(struct vt_verifier *v);

/* Whether the bytes are the key's signature over msg. Allocates nothing itself. */
bool vt_verifier_check(
    struct vt_verifier *v, const void *msg, size_t len, const void *sig, size_t sig_len);

#endif
