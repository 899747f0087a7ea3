/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A witness's journal. The first byte says how the rest is to be read: as it
 * is, or as the base of a file, or as a batch, whose heads and digests are made
 * for it, so that what is in them is reached.
 */
#include "crypto/digest.h"
#include "witness/journal.h"
#include "witness/records.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum vt_err
take(void *ctx, const struct vt_witness_record *r, struct vt_why *why)
{
    return vt_witness_table_load(ctx, r->time, r->note, r->note_len, why);
}

static void
put_sum(struct vt_buf *b, size_t from)
{
    struct vt_digest d;

    vt_digest_of(b->data + from, b->len - from, &d);
    vt_buf_put(b, d.b, sizeof(d.b));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_witness_table *t = NULL;
    struct vt_buf b = VT_BUF(1U << 20);
    uint64_t base = 0;
    uint64_t end = 0;
    uint64_t count = 0;
    size_t at;

    if (size < 2 || vt_witness_table_new(&t, NULL) != VT_OK)
        return 0;
    if (data[0] % 3 != 0) {
        bool in_base = data[0] % 3 == 1;

        vt_buf_putf(&b, "vitrine/witness-journal/v1\nbase %u %zu\n", in_base ? data[1] : 0U,
            in_base ? size - 2 : (size_t)0);
        if (in_base)
            vt_buf_put(&b, data + 2, size - 2);
        put_sum(&b, 0);
        at = b.len;
        if (!in_base) {
            vt_buf_puts(&b, "VWJ1");
            vt_buf_put_u32(&b, (uint32_t)(size - 2));
            vt_buf_put_u64(&b, 0);
            vt_buf_put_u32(&b, data[1]);
            vt_buf_put(&b, data + 2, size - 2);
            put_sum(&b, at);
        }
    } else {
        vt_buf_put(&b, data + 1, size - 1);
    }
    if (b.err == VT_OK &&
        vt_witness_journal_scan(b.data, b.len, take, t, &base, &end, &count, NULL) == VT_OK) {
        if (base > end || end > b.len)
            abort();
        for (size_t i = 0; i < vt_witness_table_count(t); i++)
            if (vt_witness_table_at(t, i)->note == NULL)
                abort();
    }
    vt_buf_release(&b);
    vt_witness_table_free(t);
    return 0;
}
