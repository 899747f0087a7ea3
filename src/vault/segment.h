/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments: immutable files of sealed blocks of one region, class and day,
 * grouped by data subject. docs/formats/segment.md.
 *
 *     u8[4] "VTS1", u32 head length, head, stored blocks, u8[32] root
 *     head: u8[16] id, u64 created, u8 n ‖ region, u8 n ‖ site, u8 n ‖ class, u32 day,
 *           u8[32] policy, u32 batches, u32 blocks, u64 records, u64 plain bytes,
 *           then batches: u32 length ‖ batch header as it came,
 *           then blocks: u32 batch, u16 block of that batch, u32 stored length
 *
 * A stored block is the endpoint's sealed block, sealed once more by the site:
 * AES-256-GCM with a nonce of zeros and a key of its own,
 *
 *     key_i = HKDF-SHA256(salt = epoch key, ikm = subject key,
 *                         info = "vitrine/segment/v1" ‖ 0 ‖ segment id ‖ u32 i)
 *
 * and associated data SHA-256(head) ‖ u32 i; so it can be opened neither without
 * the region's shared key (inside) nor after its subject's or its epoch's key
 * was destroyed (outside). `site` is where the segment was made and stays the
 * same when it moves. Leaf 0 of the Merkle tree (RFC 6962) is the head, leaf 1 + i is
 * stored block i: everybody can check the root, who can read nothing.
 * Blocks stand sorted by subject, then in the order of arrival.
 */
#ifndef VT_VAULT_SEGMENT_H
#define VT_VAULT_SEGMENT_H

#include "merkle/tree.h"
#include "report/batch.h"

#define VT_SEGMENT_ID_SIZE 16
#define VT_SEGMENT_HEAD_MAX (16U * 1024U * 1024U)
#define VT_SEGMENT_BATCHES_MAX 65536U
#define VT_SEGMENT_BLOCKS_MAX 262144U
#define VT_SEGMENT_MAX (32U * 1024U * 1024U) /* bytes of a file: one POST moves it */
#define VT_SEGMENT_MAGIC "VTS1"
#define VT_SEGMENT_PREFIX 8U /* bytes before the head */

struct vt_segment_head {
    uint8_t id[VT_SEGMENT_ID_SIZE];
    uint64_t created;
    char region[VT_REGION_MAX + 1];
    char site[VT_KEY_NAME_MAX + 1];
    char class_name[VT_WORD_MAX + 1];
    uint32_t day;
    struct vt_digest policy;
    uint32_t batch_count;
    uint32_t block_count;
    uint64_t records;
    uint64_t plain_bytes;
    struct vt_digest digest; /* SHA-256 of the head's bytes */
    /* Arrays owned by the head; vt_segment_head_release. */
    struct vt_batch_header *batch;  /* points into the head's bytes */
    struct vt_digest *batch_digest; /* SHA-256 of each batch header */
    struct vt_segment_block {
        uint32_t batch;
        uint16_t block;
        uint32_t stored_len;
        uint64_t offset; /* in the file */
        struct vt_block_row row;
    } * block;
};

/* Parses the head's bytes (without magic and length), strictly; they must outlive
 * *ret. VT_E_SYNTAX, VT_E_LIMIT, VT_E_NOMEM. */
VT_MUST enum vt_err vt_segment_head_parse(
    const void *data, size_t len, struct vt_segment_head *ret, struct vt_why *why);
void vt_segment_head_release(struct vt_segment_head *h);

/* The key of block i from its epoch's and its subject's key. */
void vt_segment_block_key(const uint8_t epoch_key[32], const uint8_t subject_key[32],
    const uint8_t id[VT_SEGMENT_ID_SIZE], uint32_t i, uint8_t ret[32]);

/* A row of a region's inventory (vault/inventory.h): what the Merkle tree of
 * segments has as leaf, 72 bytes: id, root, u64 records, u64 plain bytes, u64 file size. */
struct vt_segment_row {
    uint8_t id[VT_SEGMENT_ID_SIZE];
    struct vt_digest root;
    uint64_t records;
    uint64_t plain_bytes;
    uint64_t size;
};
#define VT_SEGMENT_ROW_SIZE 72U
void vt_segment_row_put(const struct vt_segment_row *r, uint8_t ret[VT_SEGMENT_ROW_SIZE]);
VT_MUST bool vt_segment_row_parse(const uint8_t *p, size_t len, struct vt_segment_row *ret);

/* Reads a whole file once with bounded memory (its head and one block), checks
 * form and root. `want` is the row that the file must give; with NULL it only
 * reports. ret may be NULL. VT_E_DIGEST, VT_E_SYNTAX, VT_E_LIMIT, VT_E_IO. */
VT_MUST enum vt_err vt_segment_check(const char *path, const struct vt_segment_row *want,
    struct vt_segment_row *ret, struct vt_why *why);

/* Reading block by block, in order: each block's leaf is hashed as it is read,
 * and vt_segment_read_end says whether the whole was the segment with that root.
 * Nothing of a segment may leave the reader's process before that. */
struct vt_segment_reader;
VT_MUST enum vt_err vt_segment_open(
    const char *path, struct vt_segment_reader **ret, struct vt_why *why);
const struct vt_segment_head *vt_segment_head(const struct vt_segment_reader *r);
const void *vt_segment_head_bytes(const struct vt_segment_reader *r, size_t *ret_len);
/* The next block's stored bytes (in a buffer of the reader, valid and writable until the
 * next call); NULL *ret at the end. */
VT_MUST enum vt_err vt_segment_next(
    struct vt_segment_reader *r, uint8_t **ret, size_t *ret_len, struct vt_why *why);
/* VT_E_STATE when blocks are left, VT_E_DIGEST when the root is another, or not the one that
 * the file ends with. root NULL: only the latter. */
VT_MUST enum vt_err vt_segment_read_end(
    struct vt_segment_reader *r, const struct vt_digest *root, struct vt_why *why);
void vt_segment_close(struct vt_segment_reader *r);

#endif
