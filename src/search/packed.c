/* SPDX-License-Identifier: Apache-2.0 */
#include "search/packed.h"

#include <string.h>

void
vt_packed_put_number(struct vt_buf *b, uint64_t v)
{
    for (; v > 0x7f; v >>= 7)
        vt_buf_put_u8(b, (uint8_t)(v & 0x7f) | 0x80);
    vt_buf_put_u8(b, (uint8_t)v);
}

void
vt_packed_put_word(struct vt_buf *b, const char *word)
{
    vt_buf_put(b, word, strlen(word) + 1);
}

bool
vt_packed_number(struct vt_reader *r, uint64_t *ret)
{
    struct vt_reader at = *r;
    uint64_t v = 0;
    uint8_t byte = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (!vt_reader_u8(&at, &byte) || (shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            return false;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *ret = v;
            *r = at;
            return true;
        }
    }
    return false;
}

bool
vt_packed_word(struct vt_reader *r, const char **ret)
{
    const uint8_t *end = r->left > 0 ? memchr(r->p, 0, r->left) : NULL;
    const uint8_t *word;

    if (end == NULL || !vt_reader_take(r, (size_t)(end - r->p) + 1, &word))
        return false;
    *ret = (const char *)word;
    return true;
}
