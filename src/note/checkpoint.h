/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints (C2SP tlog-checkpoint) and cosignatures (C2SP tlog-cosignature).
 * No I/O.
 */
#ifndef VT_NOTE_CHECKPOINT_H
#define VT_NOTE_CHECKPOINT_H

#include "note/note.h"

/* Bytes of a checkpoint's text at the most, extension lines included. */
#define VT_CHECKPOINT_TEXT_MAX 4096U

struct vt_checkpoint {
    char origin[VT_KEY_NAME_MAX + 1];
    uint64_t size;
    struct vt_digest root;
};

/* Parses the body of a checkpoint (a note's text). Extension lines are
 * accepted and ignored. VT_E_SYNTAX, VT_E_LIMIT. */
VT_MUST enum vt_err vt_checkpoint_parse(
    const void *text, size_t len, struct vt_checkpoint *ret, struct vt_why *why);
/* Appends the body: origin, size, root; no extension lines. */
void vt_checkpoint_put(struct vt_buf *b, const struct vt_checkpoint *c);

/* Parses a signed checkpoint and verifies the log's own signature: its key's
 * name must be the origin. *ret_note points into data. VT_E_SYNTAX,
 * VT_E_UNKNOWN, VT_E_SIG. */
VT_MUST enum vt_err vt_checkpoint_open(const void *data, size_t len, const struct vt_vkey *log,
    struct vt_note *ret_note, struct vt_checkpoint *ret, struct vt_why *why);

/* The message that an Ed25519 cosigner signs: "cosignature/v1\ntime T\n" and
 * the note's text. Appended to b. */
void vt_cosig_message(struct vt_buf *b, uint64_t time, const void *text, size_t text_len);
/* Appends a cosignature line for signature `sig` made at `time`. */
void vt_cosig_put(
    struct vt_buf *b, const struct vt_vkey *k, uint64_t time, const struct vt_sig *sig);

/* The message that an ML-DSA-44 cosigner named `name` signs of a whole tree; extension lines
 * are no part of it. Appended to b. */
void vt_cosig_subtree_message(
    struct vt_buf *b, const char *name, uint64_t time, const struct vt_checkpoint *c);
/* Signs as cosigner k, of type 04 or 06, what the text of a note says (c as parsed from it),
 * and appends the line. s signs kind VT_SIGN_COSIGNATURE for type 04, VT_SIGN_SUBTREE for type
 * 06. Errors of vt_signer_sign; VT_E_USAGE: k is not the signer's. */
VT_MUST enum vt_err vt_cosig_sign(struct vt_signer *s, const struct vt_vkey *k, uint64_t time,
    const struct vt_checkpoint *c, const void *text, size_t text_len, struct vt_buf *b,
    struct vt_why *why);

/* Finds and verifies the cosignature of k (type 04 or 06). When k
 * cosigned several times, all must verify and *ret_time is the latest.
 * VT_E_UNKNOWN when there is none, VT_E_SIG when there is one that fails, VT_E_CRYPTO when
 * there is one of type 06 and no ML-DSA. */
VT_MUST enum vt_err vt_cosig_verify(
    const struct vt_note *n, const struct vt_vkey *k, uint64_t *ret_time, struct vt_why *why);
/* The same where a verifier of k's public key was made before (NULL: none was). */
VT_MUST enum vt_err vt_cosig_verify_with(const struct vt_note *n, const struct vt_vkey *k,
    struct vt_verifier *v, uint64_t *ret_time, struct vt_why *why);

#endif
