/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write-ahead files of the vault: batches that were acknowledged and are not in
 * a segment yet. docs/formats/vault-wal.md is the page.
 *
 * Batches are appended in groups; a group is durable when vt_bwal_commit returns (one
 * fdatasync), and only then are its senders told. After a crash at most the
 * last group is damaged, and nobody was told of it: it is not read. A damaged group that a
 * good one follows is damage to acknowledged batches: the file is refused. What
 * endpoints send cannot look like a group, since each begins with 16 random bytes that the file
 * has of its own.
 *
 * A file is written by one process from its beginning to its end and never
 * appended to later. It is read to make segments of it, and then removed.
 */
#ifndef VT_VAULT_BWAL_H
#define VT_VAULT_BWAL_H

#include "crypto/digest.h"

#define VT_BWAL_BATCH_MAX (8U * 1024U * 1024U)
#define VT_BWAL_FILE_MAX (96U * 1024U * 1024U)
#define VT_BWAL_RECORDS_MAX 1000000U

struct vt_bwal;

struct vt_bwal_record {
    uint64_t arrived; /* seconds since 1970 */
    const uint8_t *batch;
    size_t len; /* 1 to VT_BWAL_BATCH_MAX */
};

/* Makes the file, which must be new (VT_E_EXIST); durable when it returns. `policy` is the
 * vault policy that its batches arrive under. */
VT_MUST enum vt_err vt_bwal_create(
    const char *path, const struct vt_digest *policy, struct vt_bwal **ret, struct vt_why *why);
/* Closes it; what was not committed is gone. Takes NULL. */
void vt_bwal_free(struct vt_bwal *w);
/* Adds a batch to the group. When it fails (VT_E_NOSPC, VT_E_IO, VT_E_LIMIT) the group is as it
 * was before. */
VT_MUST enum vt_err vt_bwal_append(
    struct vt_bwal *w, const struct vt_bwal_record *r, struct vt_why *why);
/* Makes the group durable. When it fails none of its batches is there, or it cannot be
 * known (VT_E_STATE from then on): read the file anew. Fine when the group is empty. */
VT_MUST enum vt_err vt_bwal_commit(struct vt_bwal *w, struct vt_why *why);
uint64_t vt_bwal_size(const struct vt_bwal *w);  /* bytes, the open group included */
uint32_t vt_bwal_count(const struct vt_bwal *w); /* batches, likewise */

/* A file read as a whole: all batches of good groups, in their order. */
struct vt_bwal_file;
/* VT_E_DIGEST: damage to what was acknowledged; the file is left as it is. */
VT_MUST enum vt_err vt_bwal_open(
    const char *path, struct vt_bwal_file **ret, struct vt_why *why);
void vt_bwal_close(struct vt_bwal_file *f);
size_t vt_bwal_records(const struct vt_bwal_file *f);
/* Valid until vt_bwal_close. */
const struct vt_bwal_record *vt_bwal_record(const struct vt_bwal_file *f, size_t i);
const struct vt_digest *vt_bwal_policy(const struct vt_bwal_file *f);
/* Bytes of the file, and of them those of a torn last group. */
uint64_t vt_bwal_bytes(const struct vt_bwal_file *f, uint64_t *ret_torn);

#endif
