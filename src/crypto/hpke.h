/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hybrid public key encryption (RFC 9180), base mode, one suite:
 * DHKEM(X25519, HKDF-SHA256) 0x0020, HKDF-SHA256 0x0001, AES-256-GCM 0x0002.
 *
 * A sender makes an encapsulated key `enc` for a recipient's public key and
 * then seals messages 0, 1, 2, ... in order. A recipient's context opens any
 * message by its number, so that one message of a batch can be opened without
 * the others. What a context needs to open (struct vt_hpke_secret) can be given
 * to another process without the private key. No I/O.
 */
#ifndef VT_CRYPTO_HPKE_H
#define VT_CRYPTO_HPKE_H

#include "crypto/box.h"

#define VT_HPKE_ENC_SIZE 32
#define VT_HPKE_TAG_SIZE 16 /* what sealing adds to a message */

/* AEAD key and base nonce of one encapsulation (RFC 9180 section 5.1). Secret. */
struct vt_hpke_secret {
    uint8_t key[32];
    uint8_t base_nonce[12];
};

/* SetupBaseS with a fresh ephemeral key. VT_E_CRYPTO; VT_E_SYNTAX for a public
 * key of low order. */
VT_MUST enum vt_err vt_hpke_send(const struct vt_box_public *to, const void *info,
    size_t info_len, uint8_t ret_enc[VT_HPKE_ENC_SIZE], struct vt_hpke_secret *ret,
    struct vt_why *why);
/* The same with the ephemeral key derived from `ikm` (DeriveKeyPair), for the
 * published vectors. */
VT_MUST enum vt_err vt_hpke_send_from(const struct vt_box_public *to, const void *info,
    size_t info_len, const uint8_t ikm[32], uint8_t ret_enc[VT_HPKE_ENC_SIZE],
    struct vt_hpke_secret *ret, struct vt_why *why);
/* SetupBaseR. VT_E_SYNTAX for an enc of low order. */
VT_MUST enum vt_err vt_hpke_receive(const struct vt_box *key,
    const uint8_t enc[VT_HPKE_ENC_SIZE], const void *info, size_t info_len,
    struct vt_hpke_secret *ret, struct vt_why *why);

/* Seals message `seq`; ret has room for len + VT_HPKE_TAG_SIZE and may not overlap
 * msg. A number may be used once only. */
VT_MUST enum vt_err vt_hpke_seal(const struct vt_hpke_secret *s, uint64_t seq, const void *aad,
    size_t aad_len, const void *msg, size_t len, uint8_t *ret, struct vt_why *why);
/* Opens message `seq`; ret has room for len - VT_HPKE_TAG_SIZE and may be `sealed`
 * itself. VT_E_SIG when it is not authentic (ret is then wiped). */
VT_MUST enum vt_err vt_hpke_open(const struct vt_hpke_secret *s, uint64_t seq, const void *aad,
    size_t aad_len, const void *sealed, size_t len, uint8_t *ret, struct vt_why *why);

/* One message for one recipient: enc || sealed, appended to b. */
VT_MUST enum vt_err vt_hpke_seal_to(struct vt_buf *b, const struct vt_box_public *to,
    const void *info, size_t info_len, const void *aad, size_t aad_len, const void *msg,
    size_t len, struct vt_why *why);
/* Opens that; appends to b, which the caller has marked secret where it must be. */
VT_MUST enum vt_err vt_hpke_open_from(struct vt_buf *b, const struct vt_box *key,
    const void *info, size_t info_len, const void *aad, size_t aad_len, const void *data,
    size_t len, struct vt_why *why);

#endif
