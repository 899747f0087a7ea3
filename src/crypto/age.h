/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encrypted files in the age format (age-encryption.org/v1) for X25519
 * recipients, so that who receives one needs no software of ours: `age -d -i KEY`.
 *
 * Streamed: the payload is sealed in chunks of 64 KiB (ChaCha20-Poly1305), and a
 * file that is cut short is noticed.
 */
#ifndef VT_CRYPTO_AGE_H
#define VT_CRYPTO_AGE_H

#include "crypto/box.h"

struct vt_age; /* one file being written */

/* Writes the head to fd, which stays the caller's. 1 to 16 recipients. */
VT_MUST enum vt_err vt_age_new(
    int fd, const struct vt_box_public *to, size_t n, struct vt_age **ret, struct vt_why *why);
VT_MUST enum vt_err vt_age_put(
    struct vt_age *a, const void *data, size_t len, struct vt_why *why);
/* Writes the last chunk. Without it the file is cut short, and readers say so. */
VT_MUST enum vt_err vt_age_end(struct vt_age *a, struct vt_why *why);
/* Takes NULL. */
void vt_age_free(struct vt_age *a);

/* Decrypts from one descriptor to another. VT_E_REFUSED: not for this key.
 * VT_E_SIG: changed or cut short; what was written before is authentic, but the
 * caller must not use it as the whole. VT_E_SYNTAX, VT_E_LIMIT (head). */
VT_MUST enum vt_err vt_age_open(int from, const struct vt_box *key, int to, struct vt_why *why);

#endif
