/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/segment.h"

#include "crypto/aead.h"
#include "crypto/kdf.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MIN 4U /* bytes that each batch takes in a head at the least */
#define BLOCK_SIZE 10U

static const char key_label[] = "vitrine/segment/v1"; /* its NUL is part of the info */

void
vt_segment_block_key(const uint8_t epoch_key[32], const uint8_t subject_key[32],
    const uint8_t id[VT_SEGMENT_ID_SIZE], uint32_t i, uint8_t ret[32])
{
    struct vt_buf info = VT_BUF(sizeof key_label + VT_SEGMENT_ID_SIZE + 4);

    vt_buf_put(&info, key_label, sizeof key_label);
    vt_buf_put(&info, id, VT_SEGMENT_ID_SIZE);
    vt_buf_put_u32(&info, i);
    vt_hkdf(epoch_key, 32, subject_key, 32, info.data, info.len, ret, 32);
    vt_buf_release(&info);
}

void
vt_segment_row_put(const struct vt_segment_row *r, uint8_t ret[VT_SEGMENT_ROW_SIZE])
{
    const uint64_t n[3] = {r->records, r->plain_bytes, r->size};

    memcpy(ret, r->id, VT_SEGMENT_ID_SIZE);
    memcpy(ret + VT_SEGMENT_ID_SIZE, r->root.b, VT_DIGEST_SIZE);
    ret += VT_SEGMENT_ID_SIZE + VT_DIGEST_SIZE;
    for (size_t i = 0; i < 3; i++)
        for (unsigned byte = 0; byte < 8; byte++)
            *ret++ = (uint8_t)(n[i] >> (56 - 8 * byte));
}

bool
vt_segment_row_parse(const uint8_t *p, size_t len, struct vt_segment_row *ret)
{
    struct vt_reader r = VT_READER(p, len);
    struct vt_segment_row row;
    const uint8_t *id;
    const uint8_t *root;

    if (len != VT_SEGMENT_ROW_SIZE || !vt_reader_take(&r, VT_SEGMENT_ID_SIZE, &id) ||
        !vt_reader_take(&r, VT_DIGEST_SIZE, &root) || !vt_reader_u64(&r, &row.records) ||
        !vt_reader_u64(&r, &row.plain_bytes) || !vt_reader_u64(&r, &row.size))
        return false;
    memcpy(row.id, id, VT_SEGMENT_ID_SIZE);
    memcpy(row.root.b, root, VT_DIGEST_SIZE);
    *ret = row;
    return true;
}

static bool
take_word(struct vt_reader *r, char *ret, size_t size)
{
    struct vt_reader word = {0};
    uint8_t len;

    if (!vt_reader_u8(r, &len) || len == 0 || !vt_reader_take(r, len, &word.p))
        return false;
    word.left = len;
    return vt_reader_cstr(&word, ret, size);
}

/* What stands before the batches. */
static enum vt_err
parse_fields(struct vt_reader *r, struct vt_segment_head *h, struct vt_why *why)
{
    const uint8_t *id;
    const uint8_t *policy;

    if (!vt_reader_take(r, VT_SEGMENT_ID_SIZE, &id) || !vt_reader_u64(r, &h->created) ||
        !take_word(r, h->region, sizeof h->region) || !take_word(r, h->site, sizeof h->site) ||
        !take_word(r, h->class_name, sizeof h->class_name) || !vt_reader_u32(r, &h->day) ||
        !vt_reader_take(r, VT_DIGEST_SIZE, &policy) || !vt_reader_u32(r, &h->batch_count) ||
        !vt_reader_u32(r, &h->block_count) || !vt_reader_u64(r, &h->records) ||
        !vt_reader_u64(r, &h->plain_bytes))
        return vt_fail(why, VT_E_SYNTAX, "a segment's head is cut short or misformed");
    memcpy(h->id, id, VT_SEGMENT_ID_SIZE);
    memcpy(h->policy.b, policy, VT_DIGEST_SIZE);
    if (!vt_key_name_valid(h->site))
        return vt_fail(why, VT_E_SYNTAX, "a segment's head names no site");
    if (h->batch_count > VT_SEGMENT_BATCHES_MAX || h->block_count > VT_SEGMENT_BLOCKS_MAX)
        return vt_fail(why, VT_E_LIMIT, "a segment of %lu batches and %lu blocks",
            (unsigned long)h->batch_count, (unsigned long)h->block_count);
    if (h->batch_count == 0 || h->block_count == 0 || h->batch_count > r->left / BATCH_MIN ||
        h->block_count > r->left / BLOCK_SIZE)
        return vt_fail(why, VT_E_SYNTAX, "a segment's head counts what it does not hold");
    return VT_OK;
}

static enum vt_err
parse_batches(struct vt_reader *r, struct vt_segment_head *h, struct vt_why *why)
{
    uint64_t blocks = 0;

    for (uint32_t i = 0; i < h->batch_count; i++) {
        struct vt_batch_header *b = &h->batch[i];
        const uint8_t *bytes;
        uint32_t len;
        enum vt_err err;

        if (!vt_reader_u32(r, &len) || !vt_reader_take(r, len, &bytes))
            return vt_fail(why, VT_E_SYNTAX, "a segment's head is cut short at batch %lu",
                (unsigned long)i);
        err = vt_batch_header_parse(bytes, len, b, why);
        if (err != VT_OK)
            return vt_fail_in(why, err, "batch %lu of a segment", (unsigned long)i);
        if (strcmp(b->region, h->region) != 0 || strcmp(b->class_name, h->class_name) != 0)
            return vt_fail(why, VT_E_SYNTAX, "a segment of %s %s holds a batch of %s %s",
                h->region, h->class_name, b->region, b->class_name);
        vt_digest_of(b->bytes, b->bytes_len, &h->batch_digest[i]);
        blocks += b->block_count;
    }
    if (blocks != h->block_count)
        return vt_fail(why, VT_E_SYNTAX, "a segment's batches have %llu blocks, not %lu",
            (unsigned long long)blocks, (unsigned long)h->block_count);
    return VT_OK;
}

/* By subject, then by arrival: so each block stands there once. */
static bool
in_order(const struct vt_segment_block *a, const struct vt_segment_block *b)
{
    int c = memcmp(a->row.subject, b->row.subject, VT_SUBJECT_SIZE);

    if (c != 0)
        return c < 0;
    return a->batch < b->batch || (a->batch == b->batch && a->block < b->block);
}

static enum vt_err
parse_block(struct vt_reader *r, const struct vt_segment_head *h, struct vt_segment_block *ret,
    struct vt_why *why)
{
    if (!vt_reader_u32(r, &ret->batch) || !vt_reader_u16(r, &ret->block) ||
        !vt_reader_u32(r, &ret->stored_len) || ret->batch >= h->batch_count ||
        ret->block >= h->batch[ret->batch].block_count)
        return vt_fail(
            why, VT_E_SYNTAX, "a segment names a block that none of its batches has");
    vt_batch_row(&h->batch[ret->batch], ret->block, &ret->row);
    if (ret->row.sealed_len > VT_BATCH_MAX ||
        ret->stored_len != ret->row.sealed_len + VT_AEAD_TAG_SIZE)
        return vt_fail(why, VT_E_SYNTAX, "a stored block has another length than its seal");
    return VT_OK;
}

static enum vt_err
parse_blocks(
    struct vt_reader *r, struct vt_segment_head *h, uint64_t offset, struct vt_why *why)
{
    uint64_t records = 0;
    uint64_t plain = 0;

    for (uint32_t i = 0; i < h->block_count; i++) {
        struct vt_segment_block *b = &h->block[i];
        enum vt_err err = parse_block(r, h, b, why);

        if (err != VT_OK)
            return err;
        if (i > 0 && !in_order(b - 1, b))
            return vt_fail(why, VT_E_SYNTAX, "a segment's blocks are not in their order");
        b->offset = offset;
        offset += b->stored_len;
        records += b->row.records;
        plain += b->row.plain_len;
    }
    if (r->left > 0)
        return vt_fail(why, VT_E_SYNTAX, "a segment's head has bytes too many");
    if (records != h->records || plain != h->plain_bytes)
        return vt_fail(why, VT_E_SYNTAX, "a segment's records do not add up");
    return VT_OK;
}

static bool
allocate(struct vt_segment_head *h)
{
    h->batch = calloc(h->batch_count, sizeof *h->batch);
    h->batch_digest = calloc(h->batch_count, sizeof *h->batch_digest);
    h->block = calloc(h->block_count, sizeof *h->block);
    return h->batch != NULL && h->batch_digest != NULL && h->block != NULL;
}

enum vt_err
vt_segment_head_parse(
    const void *data, size_t len, struct vt_segment_head *ret, struct vt_why *why)
{
    struct vt_segment_head h = {0};
    struct vt_reader r = VT_READER(data, len);
    enum vt_err err;

    if (len > VT_SEGMENT_HEAD_MAX)
        return vt_fail(why, VT_E_LIMIT, "a segment's head of %zu bytes", len);
    err = parse_fields(&r, &h, why);
    if (err == VT_OK && !allocate(&h))
        err = vt_fail(why, VT_E_NOMEM, "a segment's head: out of memory");
    if (err == VT_OK)
        err = parse_batches(&r, &h, why);
    if (err == VT_OK)
        err = parse_blocks(&r, &h, VT_SEGMENT_PREFIX + len, why);
    if (err != VT_OK) {
        vt_segment_head_release(&h);
        return err;
    }
    vt_digest_of(data, len, &h.digest);
    *ret = h;
    return VT_OK;
}

void
vt_segment_head_release(struct vt_segment_head *h)
{
    free(h->batch);
    free(h->batch_digest);
    free(h->block);
    h->batch = NULL;
    h->batch_digest = NULL;
    h->block = NULL;
}
