/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spicy signatures (C2SP tlog-proof): an inclusion proof and the checkpoint it
 * leads to, in one text file. No I/O.
 */
#ifndef VT_NOTE_PROOF_H
#define VT_NOTE_PROOF_H

#include "merkle/tree.h"
#include "note/note.h"

struct vt_tlog_proof {
    uint64_t index;
    struct vt_proof path;
    const uint8_t *extra; /* base64 text as it stands, or NULL; points into the input */
    size_t extra_len;
    const uint8_t *checkpoint; /* the signed note; points into the input */
    size_t checkpoint_len;
};

/* VT_E_SYNTAX, VT_E_LIMIT. */
VT_MUST enum vt_err vt_tlog_proof_parse(
    const void *data, size_t len, struct vt_tlog_proof *ret, struct vt_why *why);
/* Appends the file. */
void vt_tlog_proof_put(struct vt_buf *b, const struct vt_tlog_proof *p);

#endif
