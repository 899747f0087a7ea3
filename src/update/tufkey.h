/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys as TUF metadata states them, and checking signatures with them.
 *
 * A key object is {"keytype": T, "scheme": S, "keyval": {"public": P}}; its
 * keyid is the hex SHA-256 of the object's canonical JSON, unknown members
 * included, and is always recomputed. Read are Ed25519 (P is 64 hex digits),
 * ECDSA on P-256 with SHA-256 and RSA-PSS with SHA-256 of 2,048 to 8,192 bits
 * (P is a PEM public key). Keys of another kind are kept, for others may know
 * them, but verify nothing. Vitrine itself writes Ed25519 only. No I/O.
 * (TUF specification 1.0, sections 4.2 and 4.3; docs/formats/tuf.md)
 */
#ifndef VT_UPDATE_TUFKEY_H
#define VT_UPDATE_TUFKEY_H

#include "base/json.h"
#include "crypto/digest.h"
#include "crypto/key.h"

#define VT_TUF_SIG_MAX 1024U /* bytes of one signature: RSA of 8,192 bits */

enum vt_tuf_scheme {
    VT_TUF_ED25519 = 1,
    VT_TUF_ECDSA_P256,
    VT_TUF_RSA_PSS,
    VT_TUF_UNKNOWN, /* a key that we cannot use */
};

struct evp_pkey_st;

struct vt_tuf_key {
    char id[VT_DIGEST_HEX_SIZE];
    enum vt_tuf_scheme scheme;
    struct vt_digest value;   /* SHA-256 of the key itself: two ids of one key are told by it */
    struct vt_pubkey ed25519; /* for VT_TUF_ED25519 */
    struct evp_pkey_st *pkey; /* for ECDSA and RSA; owned */
};

/* Reads a key object and checks that `id` is its keyid. Release *ret with
 * vt_tuf_key_release. VT_E_SYNTAX, VT_E_LIMIT, VT_E_DIGEST (id of another key). */
VT_MUST enum vt_err vt_tuf_key_parse(
    const char *id, const json_t *obj, struct vt_tuf_key *ret, struct vt_why *why);
/* Harmless on a zeroed struct. */
void vt_tuf_key_release(struct vt_tuf_key *k);

/* Whether sig is the key's signature over msg. */
bool vt_tuf_key_verify(const struct vt_tuf_key *k, const void *msg, size_t len,
    const uint8_t *sig, size_t sig_len);

/* The key object of an Ed25519 key, for writing; the caller owns it. NULL when
 * there is no memory. */
json_t *vt_tuf_key_object(const struct vt_pubkey *pub);
/* Its keyid. */
VT_MUST enum vt_err vt_tuf_key_id(
    const struct vt_pubkey *pub, char ret[VT_DIGEST_HEX_SIZE], struct vt_why *why);

#endif
