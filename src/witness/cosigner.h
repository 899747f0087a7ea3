/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One of a witness's keys, in a signer process of its own, which is started
 * again when it has died. Signs many checkpoints at once.
 */
#ifndef VT_WITNESS_COSIGNER_H
#define VT_WITNESS_COSIGNER_H

#include "note/checkpoint.h"

struct vt_witness_cosigner;

/* Starts the process for a key of that type: 04 or 06. VT_E_CONFIG: it is of another. */
VT_MUST enum vt_err vt_witness_cosigner_new(const char *key_path, enum vt_note_alg alg,
    struct vt_witness_cosigner **ret, struct vt_why *why);
void vt_witness_cosigner_free(struct vt_witness_cosigner *c);

const struct vt_vkey *vt_witness_cosigner_key(const struct vt_witness_cosigner *c);
/* How often its process was started again. */
uint64_t vt_witness_cosigner_restarts(const struct vt_witness_cosigner *c);

/* A checkpoint to cosign. */
struct vt_witness_cosign {
    const struct vt_checkpoint *checkpoint;
    const void *text; /* of its note */
    size_t text_len;
    uint64_t time;
    struct vt_buf *lines; /* the line is appended to it */
    bool failed;          /* set when it could not be signed; lines is as it was */
};

/* Signs those of the n that have not failed. When one of them is refused the others are signed
 * all the same. */
void vt_witness_cosigner_sign(
    struct vt_witness_cosigner *c, struct vt_witness_cosign *v, size_t n);

#endif
