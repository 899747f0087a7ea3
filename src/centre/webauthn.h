/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passkeys at the door: what a browser hands over when a reviewer registers and logs in
 * (WebAuthn level 3, sections 7.1 and 7.2), verified by libfido2. ES256 only; user presence and
 * user verification are always demanded. No I/O; the caller keeps challenges and counters.
 *
 * Credentials come as the standard's RegistrationResponseJSON and AuthenticationResponseJSON:
 * bytes as base64url, members that we do not know passed over.
 */
#ifndef VT_CENTRE_WEBAUTHN_H
#define VT_CENTRE_WEBAUTHN_H

#include "base/json.h"
#include "crypto/digest.h"

#define VT_WEBAUTHN_RP_MAX 253U
#define VT_WEBAUTHN_CHALLENGE 32U
#define VT_WEBAUTHN_ID_MAX 1023U
#define VT_WEBAUTHN_USER_MAX 64U
#define VT_WEBAUTHN_CLIENT_MAX 1024U  /* bytes of clientDataJSON */
#define VT_WEBAUTHN_AUTHDATA_MAX 512U /* bytes of an assertion's authenticator data */
#define VT_WEBAUTHN_OBJECT_MAX 8192U  /* bytes of an attestation object */
#define VT_WEBAUTHN_SIG_MAX 128U

/* Whom passkeys are for. */
struct vt_webauthn_site {
    const char *origin;              /* such as "https://centre.example" */
    char rp[VT_WEBAUTHN_RP_MAX + 1]; /* its host: the RP ID */
};

/* origin must be https://HOST[:PORT], or http:// for a site on one's own machine; without a
 * path; it is kept by pointer. VT_E_CONFIG. */
VT_MUST enum vt_err vt_webauthn_site_init(
    struct vt_webauthn_site *s, const char *origin, struct vt_why *why);

/* Appends bytes in base64url without padding. */
void vt_webauthn_put_b64url(struct vt_buf *b, const void *data, size_t len);

struct vt_webauthn_credential {
    size_t id_len;
    uint8_t id[VT_WEBAUTHN_ID_MAX];
    uint8_t point[64]; /* x, y; a point of the curve */
    uint32_t counter;
};

/* Verifies a registration that answers the challenge. VT_E_SYNTAX: it does not parse;
 * VT_E_LIMIT; VT_E_REFUSED: another challenge, origin or RP ID, no user presence or
 * verification, another kind of key or attestation; VT_E_SIG: the attestation's signature. */
VT_MUST enum vt_err vt_webauthn_register(const struct vt_webauthn_site *site,
    const uint8_t challenge[VT_WEBAUTHN_CHALLENGE], const json_t *credential,
    struct vt_webauthn_credential *ret, struct vt_why *why);

/* A login as it was sent: nothing of it is verified yet. */
struct vt_webauthn_assertion {
    size_t id_len;
    uint8_t id[VT_WEBAUTHN_ID_MAX];
    size_t user_len; /* 0: none was sent */
    uint8_t user[VT_WEBAUTHN_USER_MAX];
    size_t client_len;
    uint8_t client[VT_WEBAUTHN_CLIENT_MAX];
    size_t authdata_len;
    uint8_t authdata[VT_WEBAUTHN_AUTHDATA_MAX];
    size_t sig_len;
    uint8_t sig[VT_WEBAUTHN_SIG_MAX];
};
/* VT_E_SYNTAX, VT_E_LIMIT. */
VT_MUST enum vt_err vt_webauthn_assertion_read(
    const json_t *credential, struct vt_webauthn_assertion *ret, struct vt_why *why);
/* Verifies it under the public key that the credential was registered with. *ret_counter: the
 * authenticator's; whether it went up is the caller's to see. VT_E_SYNTAX, VT_E_REFUSED as
 * above, VT_E_SIG. */
VT_MUST enum vt_err vt_webauthn_assertion_verify(const struct vt_webauthn_site *site,
    const uint8_t challenge[VT_WEBAUTHN_CHALLENGE], const struct vt_webauthn_assertion *a,
    const uint8_t point[64], uint32_t *ret_counter, struct vt_why *why);

#endif
