/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch of arbitrary bytes is refused with a reason, or its blocks lie where its
 * rows say, within it; and a block of arbitrary bytes that somebody sealed well is
 * refused or has the records that its row says.
 */
#include "must.h"

#include "report/batch.h"

static void
parse(const uint8_t *data, size_t size)
{
    struct vt_batch_header h;
    struct vt_why why = {{0}};
    const uint8_t *blocks;
    enum vt_err err = vt_batch_parse(data, size, &h, &blocks, &why);
    uint64_t sum = 0;

    must_say(err, &why);
    if (err != VT_OK)
        return;
    for (size_t i = 0; i < h.block_count; i++) {
        struct vt_block_row row;

        vt_batch_row(&h, i, &row);
        must(row.records > 0 && row.plain_len <= VT_BLOCK_PLAIN_MAX);
        sum += row.sealed_len;
    }
    must(blocks > data && sum == (uint64_t)(data + size - blocks));
}

/* The first bytes are the row's lengths, the rest is what is sealed. */
static void
open_block(const uint8_t *data, size_t size)
{
    static const struct vt_hpke_secret secret = {.key = {1}};
    static const struct vt_digest header = {{2}};
    static struct vt_batch_scratch *scratch;
    struct vt_reader r = VT_READER(data, size);
    struct vt_block_row row = {0};
    uint8_t aad[VT_DIGEST_SIZE + 4] = {2};
    struct vt_why why = {{0}};
    uint8_t *sealed;
    uint8_t *plain;
    uint16_t plain_len;
    uint8_t records;
    size_t lines = 0;

    if (!vt_reader_u8(&r, &records) || !vt_reader_u16(&r, &plain_len) || r.left == 0)
        return;
    row.records = records;
    row.plain_len = plain_len;
    row.sealed_len = (uint32_t)r.left + VT_HPKE_TAG_SIZE;
    sealed = malloc(row.sealed_len);
    plain = malloc(plain_len + 1U);
    must(sealed != NULL && plain != NULL);
    must(vt_hpke_seal(&secret, 0, aad, sizeof aad, r.p, r.left, sealed, NULL) == VT_OK);
    if (vt_batch_open_block(&secret, &header, 0, &row, sealed, row.sealed_len, plain, &scratch,
            &why) == VT_OK) {
        for (size_t i = 0; i < plain_len; i++)
            lines += plain[i] == '\n';
        must(lines == records && plain[plain_len - 1] == '\n');
    }
    free(sealed);
    free(plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse(data, size);
    open_block(data, size);
    return 0;
}
