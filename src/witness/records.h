/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A witness's records on disk: for each log the newest checkpoint that was
 * cosigned, as a signed note with the log's signature, in a file named by the
 * SHA-256 of the origin. Written durably before the cosignature leaves.
 *
 *     DIR/lock
 *     DIR/HEX                 the record
 *     DIR/evidence/HEX-SIZE-ROOT  checkpoints that the log signed and that contradict it
 */
#ifndef VT_WITNESS_RECORDS_H
#define VT_WITNESS_RECORDS_H

#include "witness/decide.h"

#define VT_WITNESS_LOGS_MAX 64U

struct vt_witness_records;

/* Opens (or makes) the folder for these logs, each origin once. VT_E_BUSY:
 * another witness runs on it. VT_E_CONFIG: an origin twice, too many. VT_E_SIG
 * and others: a record is damaged. */
VT_MUST enum vt_err vt_witness_records_open(const char *dir, const struct vt_vkey *keys,
    size_t count, struct vt_witness_records **ret, struct vt_why *why);
void vt_witness_records_free(struct vt_witness_records *r);

size_t vt_witness_records_logs(
    const struct vt_witness_records *r, const struct vt_witness_log **ret);

/* Records the checkpoint of a verdict of status 200; durable when it returns.
 * On failure the record is as it was. */
VT_MUST enum vt_err vt_witness_records_keep(
    struct vt_witness_records *r, const struct vt_witness_verdict *v, struct vt_why *why);
/* Keeps a checkpoint that contradicts the record, for people to see: each
 * once, at most 1,000, the rest are not kept. */
VT_MUST enum vt_err vt_witness_records_evidence(
    struct vt_witness_records *r, const struct vt_witness_verdict *v, struct vt_why *why);

#endif
