/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Box keys: X25519 key pairs (RFC 7748) that data is encrypted to.
 *
 * In text they are age's (age-encryption.org/v1): a public key is `age1...`,
 * bech32 of its 32 bytes with the prefix "age"; a private key file is an age
 * identity file (`AGE-SECRET-KEY-1...`, comment lines begin with '#'), so that
 * the age program opens what is exported to one. A file must be its owner's
 * alone, as crypto/secret.h says. A box key never signs, a signing key is never
 * used here.
 */
#ifndef VT_CRYPTO_BOX_H
#define VT_CRYPTO_BOX_H

#include "base/buf.h"

#define VT_BOX_SIZE 32
#define VT_BOX_TEXT_MAX 80 /* with the NUL */

struct vt_box_public {
    uint8_t b[VT_BOX_SIZE];
};

struct vt_box; /* a key pair; the private half in locked memory (crypto/locked.h) */

VT_MUST enum vt_err vt_box_new(struct vt_box **ret, struct vt_why *why);
/* From 32 bytes of private key, which are copied. */
VT_MUST enum vt_err vt_box_from_private(
    const uint8_t priv[VT_BOX_SIZE], struct vt_box **ret, struct vt_why *why);
/* Takes NULL; wipes. */
void vt_box_free(struct vt_box *k);
void vt_box_public(const struct vt_box *k, struct vt_box_public *ret);
/* The private half, to be split or wrapped; wipe what is copied. Valid until free. */
const uint8_t *vt_box_private(const struct vt_box *k);
/* X25519; VT_E_SYNTAX when the result is all zeros (a key of low order). */
VT_MUST enum vt_err vt_box_agree(const struct vt_box *k, const struct vt_box_public *other,
    uint8_t ret[VT_BOX_SIZE], struct vt_why *why);

/* Writes the identity file, which must not exist (VT_E_EXIST), with mode 0600. */
VT_MUST enum vt_err vt_box_save(const struct vt_box *k, const char *path, struct vt_why *why);
/* Reads the first identity of such a file. Errors of vt_secret_read; VT_E_SYNTAX. */
VT_MUST enum vt_err vt_box_load(const char *path, struct vt_box **ret, struct vt_why *why);

/* `age1...`, lower case. */
void vt_box_public_format(const struct vt_box_public *k, char ret[VT_BOX_TEXT_MAX]);
/* VT_E_SYNTAX: prefix, checksum, length or case is wrong. */
VT_MUST enum vt_err vt_box_public_parse(
    const char *s, size_t len, struct vt_box_public *ret, struct vt_why *why);

#endif
