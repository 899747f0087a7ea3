/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What writing (age.c) and reading (age_open.c) have in common. A file is a
 * head of lines, 16 bytes of nonce, and chunks.
 */
#ifndef VT_CRYPTO_AGE_PRIV_H
#define VT_CRYPTO_AGE_PRIV_H

#include "crypto/aead_priv.h"
#include "crypto/box.h"
#include "crypto/digest.h"

#define VT_AGE_VERSION "age-encryption.org/v1"
#define VT_AGE_FILE_KEY 16U
#define VT_AGE_NONCE 16U
#define VT_AGE_CHUNK (64U * 1024U)
#define VT_AGE_SEALED (VT_AGE_CHUNK + VT_AEAD_TAG_SIZE)
#define VT_AGE_WRAPPED (VT_AGE_FILE_KEY + VT_AEAD_TAG_SIZE)
#define VT_AGE_MAC_MARK "---" /* what the MAC covers ends with it */

/* The key that wraps the file key for one recipient. `mine` is either side's. */
VT_MUST enum vt_err vt_age_wrap_key(const struct vt_box *mine,
    const struct vt_box_public *other, const struct vt_box_public *share,
    const struct vt_box_public *recipient, uint8_t ret[VT_AEAD_KEY_SIZE], struct vt_why *why);
/* HMAC over the head up to and with VT_AGE_MAC_MARK. */
void vt_age_mac(const uint8_t file_key[VT_AGE_FILE_KEY], const void *head, size_t len,
    struct vt_digest *ret);
void vt_age_payload_key(const uint8_t file_key[VT_AGE_FILE_KEY],
    const uint8_t nonce[VT_AGE_NONCE], uint8_t ret[VT_AEAD_KEY_SIZE]);
/* The nonce of a chunk: eleven bytes of number, one that is 1 for the last. */
void vt_age_chunk_nonce(uint64_t number, bool last, uint8_t ret[VT_AEAD_NONCE_SIZE]);

#endif
