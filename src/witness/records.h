/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A witness's records: the table of logs, and the folder that holds what must
 * not be forgotten. Changes are staged in the table, one after the other, and
 * made durable together; only then may they be signed.
 *
 *     DIR/lock
 *     DIR/journal                  the newest cosigned checkpoints (journal.h); never missing
 *     DIR/evidence/HEX-SIZE-ROOT   checkpoints that a log signed and that contradict its
 * record, DIR/evidence/….record        and the record then
 */
#ifndef VT_WITNESS_RECORDS_H
#define VT_WITNESS_RECORDS_H

#include "witness/decide.h"

struct vt_witness_records;

/* Makes the folder of a witness that has cosigned nothing yet, with an empty journal.
 * VT_E_EXIST: there is such a folder, whatever is in it. */
VT_MUST enum vt_err vt_witness_records_make(const char *dir, struct vt_why *why);

/* Opens the folder, and follows these logs. Records of the older form are taken over.
 * VT_E_ROLLBACK: there is neither a journal nor a record of the older form, so that what was
 * cosigned is forgotten. VT_E_BUSY: another witness runs on it. VT_E_DIGEST, VT_E_SIG: a record
 * is damaged. And those of vt_witness_table_follow. */
VT_MUST enum vt_err vt_witness_records_open(const char *dir, const struct vt_witness_follow *v,
    size_t n, struct vt_witness_records **ret, struct vt_why *why);
void vt_witness_records_free(struct vt_witness_records *r);

struct vt_witness_table *vt_witness_records_table(const struct vt_witness_records *r);

/* Sets a log's record to the checkpoint of a verdict of status 200 with the time of its
 * cosignature, which is `now` or, when that is less, the time of the record before: *ret_time.
 * In the table from then on, and on disk after the commit. */
VT_MUST enum vt_err vt_witness_records_stage(struct vt_witness_records *r,
    const struct vt_witness_verdict *v, uint64_t now, uint64_t *ret_time, struct vt_why *why);
/* The same of the newest checkpoint itself, cosigned once more. */
VT_MUST enum vt_err vt_witness_records_stage_again(struct vt_witness_records *r,
    struct vt_witness_log *log, uint64_t now, uint64_t *ret_time, struct vt_why *why);
/* Makes all that is staged durable: one write, one fdatasync. On failure the logs are as they
 * were before. */
VT_MUST enum vt_err vt_witness_records_commit(struct vt_witness_records *r, struct vt_why *why);
size_t vt_witness_records_staged(const struct vt_witness_records *r);

/* What is done now and then: when the disk failed, it is tried again. */
void vt_witness_records_tick(struct vt_witness_records *r);
/* Whether the disk takes records, as far as is known. */
bool vt_witness_records_are_sound(const struct vt_witness_records *r);

/* Keeps the checkpoint of a verdict with doubt, and the record, for people to see: each once,
 * and of one log at most 16, of which 8 without proof. *ret_kept: it was not there before. */
VT_MUST enum vt_err vt_witness_records_evidence(struct vt_witness_records *r,
    const struct vt_witness_verdict *v, bool *ret_kept, struct vt_why *why);

/* Reads the records of a folder into a table, without taking it: also while a witness runs.
 * VT_E_ROLLBACK, VT_E_DIGEST as vt_witness_records_open. */
VT_MUST enum vt_err vt_witness_records_read(
    const char *dir, struct vt_witness_table *t, struct vt_why *why);

/* For the parts of it. */

/* Appends a note that was taken apart, with the signatures that are left on it. */
void vt_witness_note_put(struct vt_buf *b, const struct vt_note *note);
/* Takes one record of a journal into a table. */
VT_MUST enum vt_err vt_witness_table_load(struct vt_witness_table *t, uint64_t time,
    const uint8_t *note, size_t note_len, struct vt_why *why);
/* Counts the files of evidence of each log of the table. */
VT_MUST enum vt_err vt_witness_evidence_count(
    const char *dir, struct vt_witness_table *t, struct vt_why *why);
/* Reads records of the older form: files named by the SHA-256 of the origin. */
VT_MUST enum vt_err vt_witness_files_load(
    const char *dir, struct vt_witness_table *t, struct vt_why *why);
/* Removes them. */
VT_MUST enum vt_err vt_witness_files_remove(const char *dir, struct vt_why *why);

#endif
