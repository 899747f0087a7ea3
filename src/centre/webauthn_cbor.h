/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of CBOR (RFC 8949) as a WebAuthn registration has, and not more: items of definite
 * length, in their shortest form, without tags and floating point, at most four deep. Whoever
 * sends something longer to say than its bytes are is refused before memory is taken for it.
 *
 * And the two structures in it: the attestation object (WebAuthn level 3, section 6.5) and the
 * authenticator data (section 6.1). Nothing is copied: what is given out points into the bytes.
 */
#ifndef VT_CENTRE_WEBAUTHN_CBOR_H
#define VT_CENTRE_WEBAUTHN_CBOR_H

#include "base/buf.h"

enum vt_cbor_major {
    VT_CBOR_UINT = 0,
    VT_CBOR_NEGATIVE = 1, /* -1 - value */
    VT_CBOR_BYTES = 2,
    VT_CBOR_TEXT = 3,
    VT_CBOR_ARRAY = 4,
    VT_CBOR_MAP = 5,
    VT_CBOR_SIMPLE = 7, /* false, true, null */
};

/* One item's head; of strings their bytes, of arrays and maps how many items or pairs follow.
 */
struct vt_cbor {
    enum vt_cbor_major major;
    uint64_t value;
    const uint8_t *data; /* strings: value bytes */
};

/* Takes one head (and a string's bytes). */
VT_MUST bool vt_cbor_take(struct vt_reader *r, struct vt_cbor *ret);
/* Steps over one whole item. */
VT_MUST bool vt_cbor_skip(struct vt_reader *r);

#define VT_AUTHDATA_MIN 37U
#define VT_AUTHDATA_UP 0x01U
#define VT_AUTHDATA_UV 0x04U
#define VT_AUTHDATA_AT 0x40U
#define VT_AUTHDATA_ED 0x80U

struct vt_authdata {
    const uint8_t *rp_hash; /* 32 bytes */
    uint8_t flags;
    uint32_t counter;
    const uint8_t *credential; /* NULL: none is attested */
    size_t credential_len;     /* 1 to 1,023 */
    const uint8_t *x;          /* of its ES256 key, 32 bytes */
    const uint8_t *y;
};

/* All of data is authenticator data, as its flags say. VT_E_SYNTAX; VT_E_REFUSED: the key is
 * not ES256. */
VT_MUST enum vt_err vt_authdata_read(
    const void *data, size_t len, struct vt_authdata *ret, struct vt_why *why);

struct vt_attestation {
    bool self; /* "packed", signed by the credential itself; else "none" */
    const uint8_t *authdata;
    size_t authdata_len;
    const uint8_t *sig;
    size_t sig_len;
};

/* All of data is an attestation object of the format "none", or "packed" without certificates
 * and with ES256. VT_E_SYNTAX; VT_E_REFUSED: of another format. */
VT_MUST enum vt_err vt_attestation_read(
    const void *data, size_t len, struct vt_attestation *ret, struct vt_why *why);

#endif
