/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file from which a witness knows after a crash what it has cosigned: a
 * base that was written whole, and batches appended to it, each durable when
 * vt_witness_journal_append returns (one write, one fdatasync).
 * docs/formats/witness.md has the format.
 */
#ifndef VT_WITNESS_JOURNAL_H
#define VT_WITNESS_JOURNAL_H

#include "base/buf.h"

#define VT_WITNESS_NOTE_MAX (64U * 1024U)          /* bytes of a record's note */
#define VT_WITNESS_BATCH_MAX (64U * 1024U * 1024U) /* of a batch's records */
#define VT_WITNESS_BATCHES_MAX                                                                 \
    (16U * 1024U * 1024U) /* of batches, before a new base is due                              \
                           */

struct vt_witness_journal;

struct vt_witness_record {
    uint64_t time; /* of the cosignature; 0: not known */
    const uint8_t *note;
    uint32_t note_len;
};

/* Is given each record of a file in order; the note is valid during the call. */
typedef enum vt_err vt_witness_record_fn(
    void *ctx, const struct vt_witness_record *r, struct vt_why *why);

/* All records that a new file begins with. next gives one after the other. */
struct vt_witness_base {
    uint64_t count;
    uint64_t bytes; /* of all records: VT_WITNESS_RECORD_HEAD and the note, each */
    void (*next)(void *ctx, struct vt_witness_record *ret);
    void *ctx;
};
#define VT_WITNESS_RECORD_HEAD 12U

/* Reads a file, which stays as it is; what a crash tore off its end, or somebody is just
 * appending, is passed over. VT_E_DIGEST: it is damaged. VT_E_NOENT. */
VT_MUST enum vt_err vt_witness_journal_read(
    const char *path, vt_witness_record_fn *fn, void *ctx, struct vt_why *why);
/* The same of bytes: *ret_end is where a torn tail begins, *ret_base where the base ends,
 * *ret_count the records after the base. No I/O. */
VT_MUST enum vt_err vt_witness_journal_scan(const void *data, size_t len,
    vt_witness_record_fn *fn, void *ctx, uint64_t *ret_base, uint64_t *ret_end,
    uint64_t *ret_count, struct vt_why *why);

/* Opens a file for appending and gives its records; a torn tail is cut off, *ret_cut bytes.
 * VT_E_DIGEST: it is damaged, and stays as it is. VT_E_NOENT. */
VT_MUST enum vt_err vt_witness_journal_open(const char *path, vt_witness_record_fn *fn,
    void *ctx, struct vt_witness_journal **ret, uint64_t *ret_cut, struct vt_why *why);
/* Makes or replaces a file, durably, by one of that base, and opens it. */
VT_MUST enum vt_err vt_witness_journal_new(const char *path, const struct vt_witness_base *base,
    struct vt_witness_journal **ret, struct vt_why *why);
/* Replaces the open file *j by a new one of that base. On failure *j is as it was, and unsure
 * when it is no longer the file of that name. */
VT_MUST enum vt_err vt_witness_journal_renew(
    struct vt_witness_journal **j, const struct vt_witness_base *base, struct vt_why *why);
void vt_witness_journal_free(struct vt_witness_journal *j);

/* Appends a record to a batch that is being put together, from an empty buffer on. */
void vt_witness_record_put(struct vt_buf *batch, const struct vt_witness_record *r);
/* Appends that batch of n records, at least one, durable when it returns; the buffer is spent.
 * On failure none is appended, and it is tried to cut away what was written; where that fails,
 * or fdatasync did, the journal is unsure and takes no more (VT_E_STATE). */
VT_MUST enum vt_err vt_witness_journal_append(
    struct vt_witness_journal *j, struct vt_buf *batch, uint32_t n, struct vt_why *why);

/* Whether it is not known what the disk holds. */
bool vt_witness_journal_unsure(const struct vt_witness_journal *j);
/* Whether a new file is due: its batches are longer than its base, and long. */
bool vt_witness_journal_is_long(const struct vt_witness_journal *j);

#endif
