/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed notes (C2SP signed-note): a text that ends in a newline, a blank
 * line, and signature lines `— NAME BASE64(key id || signature)`.
 *
 * Parsing copies nothing: a struct vt_note points into the caller's bytes,
 * which must outlive it. No I/O.
 */
#ifndef VT_NOTE_NOTE_H
#define VT_NOTE_NOTE_H

#include "crypto/digest.h"
#include "crypto/key.h"
#include "crypto/verifier.h"
#include "note/passkey.h"

#define VT_NOTE_MAX (1024U * 1024U) /* bytes of a note, signatures included */
#define VT_NOTE_SIGS_MAX 64U

/* Signature types, the byte that key ids and vkeys carry. */
enum vt_note_alg {
    VT_NOTE_ED25519 = 0x01,
    VT_NOTE_COSIG_ED25519 = 0x04,
    VT_NOTE_COSIG_MLDSA44 = 0x06, /* verified where libcrypto has it: crypto/mldsa.h */
    VT_NOTE_PASSKEY = 0xff,       /* a type of our own: note/passkey.h */
};

struct vt_signer; /* crypto/signer.h */

/* A verifier key: `NAME+hex8(key id)+base64(alg || public key)`. */
struct vt_vkey {
    char name[VT_KEY_NAME_MAX + 1];
    enum vt_note_alg alg;
    uint32_t id;
    /* Of a passkey a hash of its point, of an ML-DSA key the SHA-256 of its public key: no
     * Ed25519 signature is by it, since nobody has its private half, and two are equal only
     * when the keys are. */
    struct vt_pubkey pub;
    struct vt_passkey passkey;           /* zero unless alg is PASSKEY */
    const struct vt_mldsa_public *mldsa; /* by vt_mldsa_hold; NULL unless alg is MLDSA44 */
};
#define VT_VKEY_TEXT_MAX 1896 /* with the NUL; what is not ML-DSA fits 272 */

/* SHA-256(name || 0x0A || alg || pub)[0..3], big endian. Not for passkeys. */
uint32_t vt_vkey_id(const char *name, enum vt_note_alg alg, const struct vt_pubkey *pub);
/* Fills all of *ret. VT_E_SYNTAX for a bad name. */
VT_MUST enum vt_err vt_vkey_make(const char *name, enum vt_note_alg alg,
    const struct vt_pubkey *pub, struct vt_vkey *ret, struct vt_why *why);
/* The same for a passkey. VT_E_SYNTAX also when the point is not on the curve. */
VT_MUST enum vt_err vt_vkey_make_passkey(const char *name, const struct vt_passkey *passkey,
    struct vt_vkey *ret, struct vt_why *why);
/* The same for an ML-DSA-44 key (vt_mldsa_hold). Can be made, read, written and compared
 * everywhere, and verifies where ML-DSA is available. */
VT_MUST enum vt_err vt_vkey_make_mldsa(const char *name, const struct vt_mldsa_public *mldsa,
    struct vt_vkey *ret, struct vt_why *why);
/* The vkey of what signs, as a signer's or a cosigner's key: type 06 of an ML-DSA key, else 04
 * or 01. VT_E_SYNTAX for a bad name, VT_E_USAGE: an ML-DSA key is a cosigner's. */
VT_MUST enum vt_err vt_vkey_make_signer(
    const struct vt_signer *s, bool cosigner, struct vt_vkey *ret, struct vt_why *why);
/* VT_E_SYNTAX; also when the id is not the key's, or the type is another. */
VT_MUST enum vt_err vt_vkey_parse(
    const char *s, size_t len, struct vt_vkey *ret, struct vt_why *why);
void vt_vkey_format(const struct vt_vkey *k, char ret[VT_VKEY_TEXT_MAX]);

struct vt_note_sig {
    const char *name; /* not NUL-terminated */
    size_t name_len;
    uint32_t id;
    const char *b64; /* the base64 text of id || signature, still encoded */
    size_t b64_len;
};

struct vt_note {
    const uint8_t *text; /* the signed text with its last newline */
    size_t text_len;
    size_t sig_count;
    struct vt_note_sig sig[VT_NOTE_SIGS_MAX];
};

/* Takes a note apart; checks form only. A note has at least one signature line
 * and at most VT_NOTE_SIGS_MAX. VT_E_SYNTAX, VT_E_LIMIT. */
VT_MUST enum vt_err vt_note_parse(
    const void *data, size_t len, struct vt_note *ret, struct vt_why *why);

/* Decodes the signature bytes (without the key id) of a line; VT_E_SYNTAX when
 * they are more than ret_size. */
VT_MUST enum vt_err vt_note_sig_bytes(const struct vt_note_sig *sig, uint8_t *ret,
    size_t ret_size, size_t *ret_len, struct vt_why *why);

/* Whether the line is of that key: name and key id are its own. */
bool vt_note_sig_is(const struct vt_note_sig *sig, const struct vt_vkey *k);

/* Finds the key's line and verifies it (no cosigners' keys). What a passkey may sign is
 * another question: vt_entry_verify. VT_E_UNKNOWN when there is no line of that key, VT_E_SIG
 * when there is one and it fails: then the note must be refused, whoever else signed. */
VT_MUST enum vt_err vt_note_verify(
    const struct vt_note *n, const struct vt_vkey *k, struct vt_why *why);
/* The same where a verifier of k's public key was made before (NULL: none was). */
VT_MUST enum vt_err vt_note_verify_with(const struct vt_note *n, const struct vt_vkey *k,
    struct vt_verifier *v, struct vt_why *why);

/* Appends `— NAME BASE64\n` for signature bytes. */
void vt_note_put_sig(
    struct vt_buf *b, const char *name, uint32_t id, const void *sig, size_t sig_len);

#endif
