/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle of arbitrary bytes, taken apart for so many entries: it is refused, or its entries
 * written again are its bytes.
 */
#include "log/tiles_bundle.h"
#include "must.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_buf again = VT_BUF(VT_BUNDLE_MAX);
    struct vt_why why = {0};
    struct vt_bundle b;
    unsigned width;
    bool whole;
    enum vt_err err;

    if (size < 2)
        return 0;
    width = 1U + data[0];
    whole = data[1] % 2 == 0;
    data += 2;
    size -= 2;
    err = vt_bundle_open(data, size, width, whole, &b, &why);
    must_say(err, &why);
    if (err != VT_OK)
        return 0;
    must(b.width == width);
    for (unsigned i = 0; i < width; i++) {
        struct vt_digest leaf;

        must(b.at[i] <= size && b.len[i] <= size - b.at[i]);
        vt_merkle_leaf(data + b.at[i], b.len[i], &leaf);
        must(vt_digest_eq(&leaf, &b.leaf[i]));
        vt_buf_put_u16(&again, b.len[i]);
        vt_buf_put(&again, data + b.at[i], b.len[i]);
    }
    must(again.len <= size && (!whole || again.len == size));
    must_be(&again, data, again.len);
    return 0;
}
