/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a witness answers to add-checkpoint (C2SP tlog-witness). No I/O: the
 * record of each log is given, and the verdict says what to record and what to
 * answer. docs/formats/witness.md has the table.
 */
#ifndef VT_WITNESS_DECIDE_H
#define VT_WITNESS_DECIDE_H

#include "witness/table.h"

/* What a checkpoint that the log signed says against the record. */
enum vt_witness_doubt {
    VT_WITNESS_NO_DOUBT,
    VT_WITNESS_UNPROVEN, /* no proof that it continues the record: perhaps a bad request */
    VT_WITNESS_SPLIT,    /* two trees of one size: proof that the log misbehaves */
};

struct vt_witness_verdict {
    int status;                 /* 200, 400, 403, 404, 409 or 422 */
    struct vt_witness_log *log; /* the log, when the origin is one that is followed */
    uint64_t known;             /* 409: the size to answer with */
    enum vt_witness_doubt doubt;
    struct vt_checkpoint checkpoint; /* when it was parsed */
    /* The checkpoint as sent, with the signatures of the log's keys alone, each line once, once
     * they were found good; points into the body. What else was signed onto it is none of ours,
     * and would let a stranger fill the disk. */
    struct vt_note note;
    struct vt_why why; /* one line for every status but 200 */
};

/* Decides on a request body. Never changes a log: a 200 is to be recorded,
 * durably, before it is answered. */
void vt_witness_decide(const struct vt_witness_table *t, const void *body, size_t len,
    struct vt_witness_verdict *ret);

/* Keeps of a note the lines of the log's keys, each once, and verifies them. VT_E_SIG: one is
 * false; VT_E_UNKNOWN: there is none. The note is spent then. */
VT_MUST enum vt_err vt_witness_check_note(
    const struct vt_witness_log *log, struct vt_note *note, struct vt_why *why);

#endif
