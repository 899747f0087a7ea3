/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log: the one file from which everything public about the log
 * can be derived again. docs/formats/log.md is its page.
 *
 * Records are appended in batches; a batch is durable when vt_wal_append
 * returns (one fdatasync each), and the next is not begun before. So after a
 * crash at most the last batch is damaged, and nobody was told of it: it is cut
 * off. A damaged batch that a good one follows is damage to acknowledged
 * records: the file is refused and left as it is.
 */
#ifndef VT_LOG_WAL_H
#define VT_LOG_WAL_H

#include "crypto/digest.h"

#define VT_WAL_RECORD_MAX 65535U
#define VT_WAL_BATCH_MAX (16U * 1024U * 1024U) /* bytes of a batch's body */

struct vt_wal;

/* A record: the entry's bytes and the digest by which a duplicate is known. */
struct vt_wal_record {
    const void *data;
    uint16_t len;
    struct vt_digest name;
};

/* Opens the file, making it when missing, and calls fn for each record in
 * order with the file offset of its bytes. Cuts off a torn tail and tells how
 * many bytes that were. VT_E_DIGEST: damage in the middle. VT_E_CONFIG: the
 * file is another log's. Then the file is untouched. */
VT_MUST enum vt_err vt_wal_open(const char *path, const char *origin,
    enum vt_err (*fn)(
        void *ctx, const struct vt_wal_record *r, uint64_t offset, struct vt_why *why),
    void *ctx, struct vt_wal **ret, uint64_t *ret_cut, struct vt_why *why);
void vt_wal_free(struct vt_wal *w);

uint64_t vt_wal_count(const struct vt_wal *w);

/* Appends n records as one batch, durable when it returns; the file offset of
 * record i's bytes in ret_offsets[i]. When it fails nothing is appended; when
 * it cannot be known what the disk holds (a failed fdatasync), the WAL takes no
 * more (VT_E_STATE) until it is opened again. */
VT_MUST enum vt_err vt_wal_append(struct vt_wal *w, const struct vt_wal_record *records,
    uint32_t n, uint64_t *ret_offsets, struct vt_why *why);

/* Reads a record's bytes back. */
VT_MUST enum vt_err vt_wal_read(
    const struct vt_wal *w, uint64_t offset, void *ret, uint16_t len, struct vt_why *why);

#endif
