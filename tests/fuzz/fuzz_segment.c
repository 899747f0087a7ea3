/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a segment, of arbitrary bytes: refused with a reason, or all that it says of
 * itself holds.
 */
#include "must.h"
#include "vault/segment.h"

static void
check_head(const struct vt_segment_head *h, size_t len)
{
    uint64_t offset = VT_SEGMENT_PREFIX + len;
    uint64_t records = 0;
    uint64_t plain = 0;

    must(h->batch_count > 0 && h->batch_count <= VT_SEGMENT_BATCHES_MAX);
    must(h->block_count >= h->batch_count && h->block_count <= VT_SEGMENT_BLOCKS_MAX);
    for (uint32_t i = 0; i < h->block_count; i++) {
        const struct vt_segment_block *b = &h->block[i];

        must(b->offset == offset && b->batch < h->batch_count);
        must(b->block < h->batch[b->batch].block_count);
        must(b->stored_len == b->row.sealed_len + 16);
        must(i == 0 || memcmp(b[-1].row.subject, b->row.subject, VT_SUBJECT_SIZE) <= 0);
        offset += b->stored_len;
        records += b->row.records;
        plain += b->row.plain_len;
    }
    must(records == h->records && plain == h->plain_bytes);
    for (uint32_t i = 0; i < h->batch_count; i++)
        must(strcmp(h->batch[i].region, h->region) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_segment_head h = {0};
    struct vt_segment_row row;
    struct vt_why why = {{0}};
    enum vt_err err = vt_segment_head_parse(data, size, &h, &why);

    must_say(err, &why);
    if (err == VT_OK)
        check_head(&h, size);
    vt_segment_head_release(&h);
    if (vt_segment_row_parse(data, size, &row)) {
        struct vt_buf b = VT_BUF(VT_SEGMENT_ROW_SIZE);
        uint8_t *p = vt_buf_reserve(&b, VT_SEGMENT_ROW_SIZE);

        must(p != NULL);
        vt_segment_row_put(&row, p);
        vt_buf_commit(&b, VT_SEGMENT_ROW_SIZE);
        must_be(&b, data, size);
    }
    return 0;
}
