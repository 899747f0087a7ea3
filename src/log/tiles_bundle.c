/* SPDX-License-Identifier: Apache-2.0 */
#include "log/tiles_bundle.h"

enum vt_err
vt_bundle_open(const void *data, size_t len, unsigned width, bool whole, struct vt_bundle *ret,
    struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);

    for (unsigned i = 0; i < width; i++) {
        const uint8_t *p;

        if (!vt_reader_u16(&r, &ret->len[i]) || !vt_reader_take(&r, ret->len[i], &p))
            return vt_fail(why, VT_E_PROOF, "cut short at the entry %u of %u", i, width);
        ret->at[i] = (uint32_t)(p - (const uint8_t *)data);
        vt_merkle_leaf(p, ret->len[i], &ret->leaf[i]);
    }
    if (whole && r.left > 0)
        return vt_fail(
            why, VT_E_PROOF, "%zu bytes follow the last of its %u entries", r.left, width);
    ret->width = width;
    return VT_OK;
}
