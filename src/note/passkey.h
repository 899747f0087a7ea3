/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passkeys as keys of signed notes: a WebAuthn credential (ES256) of a reviewer, whose
 * assertion is a signature over a note's text. docs/formats/review.md "Signatures by passkeys";
 * Web Authentication level 2, sections 6.3.3, 7.2 and 5.8.1.2. No I/O.
 */
#ifndef VT_NOTE_PASSKEY_H
#define VT_NOTE_PASSKEY_H

#include "crypto/p256.h"

/* What stands in a vkey after the type byte ff, before a zero byte. */
#define VT_PASSKEY_ID "vitrine/webauthn-es256/v1"
#define VT_PASSKEY_AUTH_MIN 37U /* bytes of authenticator data */
#define VT_PASSKEY_AUTH_MAX 512U
#define VT_PASSKEY_CLIENT_MAX 1024U /* bytes of client data */
#define VT_PASSKEY_SIG_MAX                                                                     \
    (2U + VT_PASSKEY_AUTH_MAX + 2U + VT_PASSKEY_CLIENT_MAX + VT_P256_SIG_MAX)

struct vt_passkey {
    struct vt_digest rp; /* SHA-256 of the RP ID */
    struct vt_p256_public point;
};

/* Checks the bytes of a signature line (without the key id) over a note's text. VT_E_SIG
 * saying which rule they break. */
VT_MUST enum vt_err vt_passkey_verify(const struct vt_passkey *k, const void *text,
    size_t text_len, const uint8_t *sig, size_t sig_len, struct vt_why *why);

/* Appends the bytes of a signature line from the parts of an assertion; verifies nothing.
 * VT_E_LIMIT: longer than a signature may be. */
VT_MUST enum vt_err vt_passkey_put(struct vt_buf *b, const struct vt_slice *auth,
    const struct vt_slice *client, const struct vt_slice *sig, struct vt_why *why);

#endif
