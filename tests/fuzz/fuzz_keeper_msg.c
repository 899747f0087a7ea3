/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said on a keeper's channel, of arbitrary bytes; the first says which form. What is
 * taken is written again as it came.
 */
#include "vault/keeper_msg.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must_be(const struct vt_buf *b, const uint8_t *data, size_t size)
{
    if (b->err != VT_OK || b->len != size || (size > 0 && memcmp(b->data, data, size) != 0))
        abort();
}

static void
try_open(const uint8_t *data, size_t size)
{
    struct vt_buf b = VT_BUF(VT_KEEPER_OPEN_MAX);
    struct vt_keeper_open o;

    if (vt_keeper_take_open(data, size, &o, NULL) == VT_OK) {
        vt_keeper_put_open(&b, &o);
        must_be(&b, data, size);
    }
    vt_buf_release(&b);
}

static void
try_granted(const uint8_t *data, size_t size)
{
    static struct vt_granted g;
    struct vt_buf b = VT_BUF(VT_KEEPER_ANSWER_MAX);
    struct vt_reader r = VT_READER(data, size);

    memset(&g, 0, sizeof g);
    if (vt_keeper_take_granted(&r, &g)) {
        vt_keeper_put_granted(&b, &g);
        must_be(&b, data, size - r.left);
    }
    vt_buf_release(&b);
}

static void
try_destroyed(const uint8_t *data, size_t size)
{
    struct vt_buf b = VT_BUF(VT_KEEPER_ANSWER_MAX);
    struct vt_reader r = VT_READER(data, size);
    struct vt_keeper_destroyed d = {0};

    if (vt_keeper_take_destroyed(&r, &d, NULL) == VT_OK) {
        vt_keeper_put_destroyed(&b, &d, true);
        must_be(&b, data, size - r.left);
    }
    vt_keeper_destroyed_release(&d);
    vt_buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum vt_refusal refusal = VT_REFUSAL_NONE;

    if (size == 0)
        return 0;
    switch (data[0] % 4) {
    case 0:
        try_open(data + 1, size - 1);
        break;
    case 1:
        try_granted(data + 1, size - 1);
        break;
    case 2:
        try_destroyed(data + 1, size - 1);
        break;
    default:
        if (vt_keeper_take_failure(data + 1, size - 1, &refusal, NULL) == VT_OK ||
            refusal >= VT_REFUSAL_COUNT)
            abort();
        break;
    }
    return 0;
}
