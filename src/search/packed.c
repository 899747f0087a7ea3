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
    size_t most = r->left < 10 ? r->left : 10; /* 64 bits have no more bytes */
    uint64_t v = 0;

    for (size_t i = 0; i < most; i++) {
        uint8_t byte = r->p[i];

        if ((i == 9 && byte > 1) || (i > 0 && byte == 0))
            return false;
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            *ret = v;
            r->p += i + 1;
            r->left -= i + 1;
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
