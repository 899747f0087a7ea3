/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a witness answers to add-checkpoint (C2SP tlog-witness). No I/O: the
 * record of each log is given, and the verdict says what to record and what to
 * answer. docs/formats/witness.md has the table.
 */
#ifndef VT_WITNESS_DECIDE_H
#define VT_WITNESS_DECIDE_H

#include "note/checkpoint.h"

/* A log that the witness follows, and the newest checkpoint of it that was
 * cosigned; size 0 when there was none. */
struct vt_witness_log {
    struct vt_vkey key; /* its name is the origin */
    uint64_t size;
    struct vt_digest root; /* the empty tree's at first */
};

/* What a checkpoint that the log signed says against the record. */
enum vt_witness_doubt {
    VT_WITNESS_NO_DOUBT,
    VT_WITNESS_UNPROVEN, /* no proof that it continues the record: perhaps a bad request */
    VT_WITNESS_SPLIT,    /* two trees of one size: proof that the log misbehaves */
};

struct vt_witness_verdict {
    int status;     /* 200, 400, 403, 404, 409 or 422 */
    size_t log;     /* the log's number, when the origin is known */
    uint64_t known; /* 409: the size to answer with */
    enum vt_witness_doubt doubt;
    struct vt_checkpoint checkpoint; /* when it was parsed */
    const uint8_t *note;             /* the checkpoint as sent; points into the body */
    size_t note_len;
    const uint8_t *text; /* what is cosigned: the note's text; points into the body */
    size_t text_len;
    struct vt_why why; /* one line for every status but 200 */
};

/* Decides on a request body. Never changes the logs: a 200 is to be recorded,
 * durably, before it is answered. */
void vt_witness_decide(const struct vt_witness_log *logs, size_t log_count, const void *body,
    size_t len, struct vt_witness_verdict *ret);

#endif
