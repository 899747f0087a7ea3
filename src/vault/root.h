/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root key of a ring: what wraps the key that a generation of the ring is sealed under.
 * Each generation has a root key of its own; when it is over, that key is destroyed, and
 * with it every copy of the ring made in that generation. A seam: the key is a file in the
 * ring's folder, or it is in a PKCS#11 token and never leaves it. docs/formats/ring.md.
 */
#ifndef VT_VAULT_ROOT_H
#define VT_VAULT_ROOT_H

#include "base/buf.h"
#include "vault/keeper.h"

#define VT_ROOT_KEY_SIZE 32U      /* what is wrapped */
#define VT_ROOT_WRAPPED_MAX 4096U /* bytes of a wrapped key */
#define VT_ROOT_URI_MAX 1024U

struct vt_root; /* where the root keys of one ring are */

struct vt_root_ops {
    enum vt_err (*make)(void *impl, uint64_t generation, struct vt_why *why);
    enum vt_err (*wrap)(void *impl, uint64_t generation, const void *aad, size_t aad_len,
        const uint8_t *key, struct vt_buf *b, struct vt_why *why);
    enum vt_err (*unwrap)(void *impl, uint64_t generation, const void *aad, size_t aad_len,
        const void *wrapped, size_t len, uint8_t *ret, struct vt_why *why);
    enum vt_err (*sweep)(void *impl, uint64_t keep, struct vt_why *why);
    void (*free)(void *impl);
};
/* For the two implementations. Takes ownership of impl in every case. */
VT_MUST enum vt_err vt_root_make_seam(
    const struct vt_root_ops *ops, void *impl, struct vt_root **ret, struct vt_why *why);

/* Files `root-GENERATION` in `dir`, encrypted under the passphrase when it is not NULL. */
VT_MUST enum vt_err vt_root_file_new(
    const char *dir, const char *passphrase, struct vt_root **ret, struct vt_why *why);
/* The same for a ring that is there: asks for the passphrase (crypto/secret.h) when the file of
 * that generation is encrypted. VT_E_NOENT: that root key is gone. */
VT_MUST enum vt_err vt_root_file_open(
    const char *dir, uint64_t generation, struct vt_root **ret, struct vt_why *why);
/* AES keys labelled vitrine-NAME-GENERATION in the token that `uri` names. */
VT_MUST enum vt_err vt_root_token_open(
    const char *uri, const char *name, struct vt_root **ret, struct vt_why *why);
/* Takes NULL. */
void vt_root_free(struct vt_root *r);

/* Makes the root key of a generation; durable. One that a killed run left is replaced: no ring
 * was sealed by it. */
VT_MUST enum vt_err vt_root_make(struct vt_root *r, uint64_t generation, struct vt_why *why);
/* Wraps a key of VT_ROOT_KEY_SIZE bytes, bound to aad; appended to b. VT_E_NOENT: that root
 * key is gone. */
VT_MUST enum vt_err vt_root_wrap(struct vt_root *r, uint64_t generation, const void *aad,
    size_t aad_len, const uint8_t key[VT_ROOT_KEY_SIZE], struct vt_buf *b, struct vt_why *why);
/* VT_E_NOENT: that root key is gone. VT_E_SIG: not wrapped by it, or changed. */
VT_MUST enum vt_err vt_root_unwrap(struct vt_root *r, uint64_t generation, const void *aad,
    size_t aad_len, const void *wrapped, size_t len, uint8_t ret[VT_ROOT_KEY_SIZE],
    struct vt_why *why);
/* Destroys the root keys of all generations but `keep`; durable. */
VT_MUST enum vt_err vt_root_sweep(struct vt_root *r, uint64_t keep, struct vt_why *why);

#endif
