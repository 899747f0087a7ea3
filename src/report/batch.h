/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches: what an endpoint sends. Records of one class, grouped by data subject
 * into blocks, each block compressed (zstd) and sealed (HPKE) to the region's public
 * key, whose private half exists only in shares. docs/formats/batch.md. No I/O.
 *
 *     u8[4] "VTB1", u32 header length, header, blocks one after the other
 *     header: u8[16] id, u64 created, u8 n ‖ region, u8 n ‖ site, u8 n ‖ class,
 *             u8[32] policy, u8[32] key id, u8[16] customer, u8[32] enc, u16 blocks, then for
 *             each: u8[16] subject, u32 records, u32 plain length, u32 sealed length
 *
 * Block i is message i of the HPKE context with the info of vt_batch_info, and
 * associated data SHA-256(header) ‖ u32 i: so region, site, policy and
 * customer cannot be changed by anybody on the way. The key id is SHA-256 of the
 * region's public key. A record is 1 byte to 1 MiB without newline; a block's plain text is its
 * records, each followed by a newline. Big endian throughout.
 */
#ifndef VT_REPORT_BATCH_H
#define VT_REPORT_BATCH_H

#include "crypto/digest.h"
#include "crypto/hpke.h"
#include "ledger/grant.h"

#define VT_BATCH_MAX (8U * 1024U * 1024U) /* bytes of a batch */
#define VT_BATCH_HEADER_MAX (64U * 1024U)
#define VT_BATCH_BLOCKS_MAX 1024U
#define VT_BLOCK_PLAIN_MAX (16U * 1024U * 1024U) /* bytes of a block before compression */
#define VT_RECORD_MAX (1024U * 1024U)

struct vt_block_row {
    uint8_t subject[VT_SUBJECT_SIZE];
    uint32_t records;
    uint32_t plain_len;
    uint32_t sealed_len; /* HPKE tag included */
};

struct vt_batch_header {
    uint8_t id[16];
    uint64_t created; /* seconds since 1970, by the endpoint's clock: for information */
    char region[VT_REGION_MAX + 1];
    char site[VT_KEY_NAME_MAX + 1];
    char class_name[VT_WORD_MAX + 1];
    struct vt_digest policy; /* the vault policy that the endpoint knew */
    struct vt_digest key_id;
    uint8_t customer[VT_SUBJECT_SIZE];
    uint8_t enc[VT_HPKE_ENC_SIZE];
    uint16_t block_count;
    const uint8_t *rows;  /* still encoded; vt_batch_row takes them apart */
    const uint8_t *bytes; /* the whole header as it stands in the batch */
    size_t bytes_len;
};
#define VT_BATCH_ROW_SIZE 28U

/* Takes a header apart, strictly. VT_E_SYNTAX, VT_E_LIMIT. Points into data. */
VT_MUST enum vt_err vt_batch_header_parse(
    const void *data, size_t len, struct vt_batch_header *ret, struct vt_why *why);
/* A whole batch: the blocks' lengths add up. *ret_blocks: the first block. */
VT_MUST enum vt_err vt_batch_parse(const void *data, size_t len, struct vt_batch_header *ret,
    const uint8_t **ret_blocks, struct vt_why *why);
void vt_batch_row(const struct vt_batch_header *h, size_t i, struct vt_block_row *ret);
void vt_batch_key_id(const struct vt_box_public *key, struct vt_digest *ret);
/* The HPKE info of a batch, for who sets up a context (vt_hpke_receive): label and digest of
 * the header with zeros for enc. So a context's secret is of exactly this header: it cannot be
 * had under a header that says another class, policy or subject. */
#define VT_BATCH_INFO_SIZE (17U + VT_DIGEST_SIZE)
void vt_batch_info(const struct vt_batch_header *h, uint8_t ret[VT_BATCH_INFO_SIZE]);

/* A subject's or customer's tag: the first 16 bytes of HMAC-SHA256(secret, label
 * ‖ 0 ‖ name), label "vitrine/subject/v1" or "vitrine/customer/v1". The customer's
 * secret (32 bytes) is known to its endpoints and to nobody at the site. */
void vt_subject_tag(const uint8_t secret[32], const char *name, uint8_t ret[VT_SUBJECT_SIZE]);
void vt_customer_tag(const uint8_t secret[32], const char *name, uint8_t ret[VT_SUBJECT_SIZE]);

/* Making one. Records are copied, grouped by subject in order of first sight. A
 * writer takes 4 MiB of records with their newlines, 65,536 records and
 * VT_BATCH_BLOCKS_MAX subjects at most, so that what it makes is always a batch. */
#define VT_BATCH_PLAIN_MAX (4U * 1024U * 1024U)
#define VT_BATCH_RECORDS_MAX 65536U
struct vt_batch_opts {
    const char *region;
    const char *site;
    const char *class_name;
    struct vt_digest policy;
    struct vt_box_public key;
    uint8_t customer[VT_SUBJECT_SIZE];
    uint64_t created;
    int level; /* of zstd; 0: 3 */
};
struct vt_batch_writer;
/* Copies *opts. VT_E_USAGE: a region, site or class that cannot be; VT_E_NOMEM. */
VT_MUST enum vt_err vt_batch_new(
    const struct vt_batch_opts *opts, struct vt_batch_writer **ret, struct vt_why *why);
/* Another `created` for the batches that end from now on. */
void vt_batch_stamp(struct vt_batch_writer *w, uint64_t created);
/* VT_E_BUSY: full, nothing was added: end this one. VT_E_SYNTAX: no such record. */
VT_MUST enum vt_err vt_batch_add(struct vt_batch_writer *w,
    const uint8_t subject[VT_SUBJECT_SIZE], const void *record, size_t len, struct vt_why *why);
uint64_t vt_batch_records(const struct vt_batch_writer *w);
/* Bytes of the records added, with a newline each. */
uint64_t vt_batch_plain(const struct vt_batch_writer *w);
/* Compresses, seals and appends the batch to b; VT_E_USAGE when it is empty. The
 * writer is then empty again; every batch gets an id and an enc of its own. On failure
 * writer and b are as they were. */
VT_MUST enum vt_err vt_batch_end(
    struct vt_batch_writer *w, struct vt_buf *b, struct vt_why *why);
void vt_batch_free(struct vt_batch_writer *w);

/* Opens one block with the batch's secret: verifies, decrypts in place, decompresses
 * to ret (room for row->plain_len) and checks the number of records. VT_E_SIG, VT_E_SYNTAX:
 * ret is wiped then. `sealed` is wiped in any case.
 * `scratch` keeps a decompression context between calls; start with NULL, free with
 * vt_batch_scratch_free. */
struct vt_batch_scratch;
VT_MUST enum vt_err vt_batch_open_block(const struct vt_hpke_secret *s,
    const struct vt_digest *header_digest, uint32_t i, const struct vt_block_row *row,
    uint8_t *sealed, size_t len, uint8_t *ret, struct vt_batch_scratch **scratch,
    struct vt_why *why);
void vt_batch_scratch_free(struct vt_batch_scratch *s);

#endif
