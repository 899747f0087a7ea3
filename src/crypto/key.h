/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 keys (RFC 8032) and the files that private keys live in.
 *
 * A key file is PKCS#8 PEM, encrypted under a passphrase when one is given
 * (PBES2 with scrypt and AES-256-CBC), after one line `name: NAME`. Any PEM
 * reader skips that line, so `openssl pkey -in FILE` reads the file. Or it names a
 * key in a PKCS#11 token: docs/formats/key.md. It must
 * be a regular file of this user with no permission for others (mode 0600 or
 * 0400); anything else is refused.
 */
#ifndef VT_CRYPTO_KEY_H
#define VT_CRYPTO_KEY_H

#include "base/buf.h"

#define VT_PUBKEY_SIZE 32
#define VT_SIG_SIZE 64
#define VT_KEY_NAME_MAX 128 /* bytes, NUL not counted */

struct vt_pubkey {
    uint8_t b[VT_PUBKEY_SIZE];
};

struct vt_sig {
    uint8_t b[VT_SIG_SIZE];
};

struct vt_mldsa_public;
struct vt_token; /* crypto/pkcs11.h */

struct vt_key; /* a private key with its name */

enum vt_key_type {
    VT_KEY_ED25519 = 1,
    VT_KEY_MLDSA44 = 2, /* crypto/mldsa.h: for cosignatures alone */
};

/* Whether a key name may be used: 1 to VT_KEY_NAME_MAX printable ASCII
 * characters without space, '+' and '"'. */
bool vt_key_name_valid(const char *name);

VT_MUST enum vt_err vt_key_new(const char *name, struct vt_key **ret, struct vt_why *why);
/* An ML-DSA-44 key. VT_E_CRYPTO where there is none (vt_mldsa_available). */
VT_MUST enum vt_err vt_key_new_mldsa(const char *name, struct vt_key **ret, struct vt_why *why);
/* An Ed25519 key that a PKCS#11 token makes and keeps (vt_token_open_signing; the token must
 * outlive the key), under the label that its URI gives with `object`, else under the key's
 * name. VT_E_EXIST: there is a key with that label; VT_E_USAGE: a name that cannot be a label;
 * VT_E_IO. */
VT_MUST enum vt_err vt_key_new_in_token(
    const char *name, struct vt_token *t, struct vt_key **ret, struct vt_why *why);
/* The same of a key that is there already. VT_E_NOENT; VT_E_REFUSED: it could leave the token,
 * or may not sign. */
VT_MUST enum vt_err vt_key_in_token(
    const char *name, struct vt_token *t, struct vt_key **ret, struct vt_why *why);
/* From a 32-byte seed, for tests with published keys. */
VT_MUST enum vt_err vt_key_from_seed(
    const char *name, const uint8_t seed[32], struct vt_key **ret, struct vt_why *why);
/* Takes NULL; wipes. */
void vt_key_free(struct vt_key *k);
/* The same of a new key whose file could not be written: one that a token made is destroyed
 * there. */
void vt_key_discard(struct vt_key *k);

/* Writes a key file that must not exist (VT_E_EXIST). passphrase may be NULL, and must be for a
 * key in a token, of which the file holds the place (VT_E_USAGE). */
VT_MUST enum vt_err vt_key_save(
    const struct vt_key *k, const char *path, const char *passphrase, struct vt_why *why);
/* Reads a key file. When it is encrypted and passphrase is NULL: VT_E_CONFIG
 * saying so. Wrong passphrase: VT_E_REFUSED. A key in a token stays there: the token is opened,
 * with errors of vt_token_open_signing and vt_key_in_token, and VT_E_CONFIG when its key is not
 * the one that the file names. No process forks with such a key. */
VT_MUST enum vt_err vt_key_load(
    const char *path, const char *passphrase, struct vt_key **ret, struct vt_why *why);

/* Whether a key file is encrypted, without opening it. */
VT_MUST enum vt_err vt_key_file_encrypted(const char *path, bool *ret, struct vt_why *why);

const char *vt_key_name(const struct vt_key *k);
enum vt_key_type vt_key_type(const struct vt_key *k);
/* Of an ML-DSA key the SHA-256 of its public key: nobody has an Ed25519 key for that. */
void vt_key_public(const struct vt_key *k, struct vt_pubkey *ret);
/* The public key of an ML-DSA key; NULL of another. */
const struct vt_mldsa_public *vt_key_mldsa(const struct vt_key *k);
/* An Ed25519 signature; VT_E_USAGE with a key of another type. */
VT_MUST enum vt_err vt_key_sign(const struct vt_key *k, const void *msg, size_t len,
    struct vt_sig *ret, struct vt_why *why);

/* A signature of the key's own type, VT_SIG_SIZE or VT_MLDSA_SIG_SIZE bytes, appended to b. */
VT_MUST enum vt_err vt_key_sign_long(
    const struct vt_key *k, const void *msg, size_t len, struct vt_buf *b, struct vt_why *why);

/* Whether sig is pub's signature over msg. */
bool vt_pubkey_verify(
    const struct vt_pubkey *pub, const void *msg, size_t len, const struct vt_sig *sig);
bool vt_pubkey_eq(const struct vt_pubkey *a, const struct vt_pubkey *b);

#endif
