/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the signer in this process and the two ends of a signer process share. The messages
 * between the latter are in docs/formats/signer.md.
 */
#ifndef VT_CRYPTO_SIGNER_PRIV_H
#define VT_CRYPTO_SIGNER_PRIV_H

#include "crypto/signer.h"

#define VT_SIGNER_MESSAGE_MAX (8U << 20) /* bytes to sign */
#define VT_SIGNER_TEXT_MAX 1024U         /* bytes of an error's text */

enum {
    VT_SIGNER_GET_PUBLIC = 1,
    VT_SIGNER_SIGN = 2,
    VT_SIGNER_PUBLIC = 3,
    VT_SIGNER_SIGNATURE = 4,
    VT_SIGNER_FAILED = 5,
    VT_SIGNER_PUBLIC_LONG = 6,    /* of an ML-DSA-44 key */
    VT_SIGNER_SIGNATURE_LONG = 7, /* by one */
};

/* Whether a key may sign that: a message of the form of its kind, and an ML-DSA key trees
 * alone, which no other key signs so. VT_E_REFUSED. */
VT_MUST enum vt_err vt_sign_permitted(const struct vt_key *k, enum vt_sign_kind kind,
    const void *msg, size_t len, struct vt_why *why);

#endif
