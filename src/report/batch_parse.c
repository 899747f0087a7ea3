/* SPDX-License-Identifier: Apache-2.0 */
#include "report/batch_parts.h"

#include <string.h>

static const char lower_word[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
static const char upper_word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

bool
vt_batch_region_valid(const char *s)
{
    size_t n = strlen(s);

    return n >= 2 && n <= VT_REGION_MAX && strspn(s, upper_word) == n;
}

bool
vt_batch_class_valid(const char *s)
{
    size_t n = strlen(s);

    return n >= 1 && n <= VT_WORD_MAX && strspn(s, lower_word) == n;
}

bool
vt_batch_record_valid(const void *record, size_t len)
{
    return len >= 1 && len <= VT_RECORD_MAX && memchr(record, '\n', len) == NULL;
}

void
vt_batch_aad(const struct vt_digest *header, uint32_t i, uint8_t ret[VT_BATCH_AAD_SIZE])
{
    memcpy(ret, header->b, VT_DIGEST_SIZE);
    ret[VT_DIGEST_SIZE] = (uint8_t)(i >> 24);
    ret[VT_DIGEST_SIZE + 1] = (uint8_t)(i >> 16);
    ret[VT_DIGEST_SIZE + 2] = (uint8_t)(i >> 8);
    ret[VT_DIGEST_SIZE + 3] = (uint8_t)i;
}

void
vt_batch_key_id(const struct vt_box_public *key, struct vt_digest *ret)
{
    vt_digest_of(key->b, sizeof key->b, ret);
}

void
vt_batch_info(const struct vt_batch_header *h, uint8_t ret[VT_BATCH_INFO_SIZE])
{
    static const char label[17] = "vitrine/batch/v1"; /* with its NUL */
    static const uint8_t zeros[VT_HPKE_ENC_SIZE];
    const uint8_t *count = h->rows - 2; /* the number of blocks, which follows enc */
    const uint8_t *end = h->bytes + h->bytes_len;
    const struct vt_slice v[] = {
        {h->bytes, (size_t)(count - h->bytes) - VT_HPKE_ENC_SIZE},
        {zeros, sizeof zeros},
        {count, (size_t)(end - count)},
    };
    struct vt_digest d;

    vt_digest_of_slices(v, sizeof v / sizeof v[0], &d);
    memcpy(ret, label, sizeof label);
    memcpy(ret + sizeof label, d.b, sizeof d.b);
}

static bool
take_text(struct vt_reader *r, char *ret, size_t size)
{
    struct vt_reader text;
    uint8_t n;

    if (!vt_reader_u8(r, &n) || !vt_reader_take(r, n, &text.p))
        return false;
    text.left = n;
    return vt_reader_cstr(&text, ret, size);
}

static bool
take_bytes(struct vt_reader *r, void *ret, size_t len)
{
    const uint8_t *p;

    if (!vt_reader_take(r, len, &p))
        return false;
    memcpy(ret, p, len);
    return true;
}

/* All of it up to the rows. */
static bool
take_head(struct vt_reader *r, struct vt_batch_header *h)
{
    return take_bytes(r, h->id, sizeof h->id) && vt_reader_u64(r, &h->created) &&
           take_text(r, h->region, sizeof h->region) && take_text(r, h->site, sizeof h->site) &&
           take_text(r, h->class_name, sizeof h->class_name) &&
           take_bytes(r, h->policy.b, sizeof h->policy.b) &&
           take_bytes(r, h->key_id.b, sizeof h->key_id.b) &&
           take_bytes(r, h->customer, sizeof h->customer) &&
           take_bytes(r, h->enc, sizeof h->enc) && vt_reader_u16(r, &h->block_count);
}

void
vt_batch_row(const struct vt_batch_header *h, size_t i, struct vt_block_row *ret)
{
    struct vt_reader r = VT_READER(h->rows + i * VT_BATCH_ROW_SIZE, VT_BATCH_ROW_SIZE);

    *ret = (struct vt_block_row){0};
    /* The header's parser saw to it that the row is there. */
    if (!take_bytes(&r, ret->subject, sizeof ret->subject) ||
        !vt_reader_u32(&r, &ret->records) || !vt_reader_u32(&r, &ret->plain_len) ||
        !vt_reader_u32(&r, &ret->sealed_len))
        *ret = (struct vt_block_row){0};
}

/* A record is a byte at least, and a newline. */
static bool
row_valid(const struct vt_block_row *row)
{
    return row->records >= 1 && row->plain_len <= VT_BLOCK_PLAIN_MAX &&
           row->plain_len / 2 >= row->records && row->sealed_len > VT_HPKE_TAG_SIZE &&
           row->sealed_len <= VT_BATCH_MAX;
}

static enum vt_err
check_rows(const struct vt_batch_header *h, struct vt_why *why)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < h->block_count; i++) {
        struct vt_block_row row;

        vt_batch_row(h, i, &row);
        if (!row_valid(&row))
            return vt_fail(why, VT_E_SYNTAX, "batch: block %zu has impossible lengths", i);
        sum += row.sealed_len;
    }
    if (sum > VT_BATCH_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "batch: its blocks are more than %u bytes", VT_BATCH_MAX);
    return VT_OK;
}

enum vt_err
vt_batch_header_parse(
    const void *data, size_t len, struct vt_batch_header *ret, struct vt_why *why)
{
    struct vt_batch_header h = {.bytes = data, .bytes_len = len};
    struct vt_reader r = VT_READER(data, len);
    enum vt_err err;

    if (len > VT_BATCH_HEADER_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "batch: a header of more than %u bytes", VT_BATCH_HEADER_MAX);
    if (!take_head(&r, &h))
        return vt_fail(why, VT_E_SYNTAX, "batch: the header does not parse");
    if (!vt_batch_region_valid(h.region) || !vt_batch_class_valid(h.class_name) ||
        !vt_key_name_valid(h.site))
        return vt_fail(why, VT_E_SYNTAX, "batch: no such region, site or class can be");
    if (h.block_count > VT_BATCH_BLOCKS_MAX)
        return vt_fail(why, VT_E_LIMIT, "batch: more than %u blocks", VT_BATCH_BLOCKS_MAX);
    if (h.block_count == 0 || r.left != (size_t)h.block_count * VT_BATCH_ROW_SIZE)
        return vt_fail(why, VT_E_SYNTAX, "batch: the header's rows are not what it says");
    h.rows = r.p;
    err = check_rows(&h, why);
    if (err == VT_OK)
        *ret = h;
    return err;
}

enum vt_err
vt_batch_parse(const void *data, size_t len, struct vt_batch_header *ret,
    const uint8_t **ret_blocks, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_batch_header h;
    const uint8_t *head;
    uint32_t head_len;
    enum vt_err err;

    if (len > VT_BATCH_MAX)
        return vt_fail(why, VT_E_LIMIT, "batch: more than %u bytes", VT_BATCH_MAX);
    if (!vt_reader_skip(&r, VT_BATCH_MAGIC))
        return vt_fail(
            why, VT_E_SYNTAX, "this is no batch: it does not begin with " VT_BATCH_MAGIC);
    if (!vt_reader_u32(&r, &head_len) || !vt_reader_take(&r, head_len, &head))
        return vt_fail(why, VT_E_SYNTAX, "batch: cut off in its header");
    err = vt_batch_header_parse(head, head_len, &h, why);
    if (err != VT_OK)
        return err;
    for (size_t i = 0; i < h.block_count; i++) {
        struct vt_block_row row;
        const uint8_t *block;

        vt_batch_row(&h, i, &row);
        if (!vt_reader_take(&r, row.sealed_len, &block))
            return vt_fail(why, VT_E_SYNTAX, "batch: cut off in block %zu", i);
    }
    if (r.left != 0)
        return vt_fail(why, VT_E_SYNTAX, "batch: %zu bytes after the last block", r.left);
    *ret_blocks = head + head_len;
    *ret = h;
    return VT_OK;
}
