/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdbool.h>
#include <string.h>

/* The value of a multi-byte character whose lead byte says how long it is. */
static bool
tail_decode(const unsigned char *p, size_t len, unsigned *code)
{
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0U) != 0x80U)
            return false;
        *code = (*code << 6) | (p[i] & 0x3FU);
    }
    return true;
}

size_t
vt_text_char(const unsigned char *p, size_t left, unsigned *ret_code)
{
    static const unsigned least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len;
    unsigned code;

    if (left == 0)
        return 0;
    if (p[0] < 0x80) {
        *ret_code = p[0];
        return 1;
    }
    if ((p[0] & 0xE0U) == 0xC0U) {
        len = 2;
        code = p[0] & 0x1FU;
    } else if ((p[0] & 0xF0U) == 0xE0U) {
        len = 3;
        code = p[0] & 0x0FU;
    } else if ((p[0] & 0xF8U) == 0xF0U) {
        len = 4;
        code = p[0] & 0x07U;
    } else {
        return 0;
    }
    if (left < len || !tail_decode(p, len, &code))
        return 0;
    if (code < least[len] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *ret_code = code;
    return len;
}

static bool
is_harmless(unsigned code)
{
    if (code < 0x20 || (code >= 0x7F && code < 0xA0))
        return false;
    if (code >= 0x2028 && code <= 0x202E) /* line separators, embeddings, overrides */
        return false;
    return !(code >= 0x2066 && code <= 0x2069) && code != 0x200E && code != 0x200F;
}

size_t
vt_text_clean(char *ret, size_t size, const char *src, size_t len)
{
    size_t out = 0;

    for (size_t i = 0; i < len;) {
        unsigned code = 0;
        size_t n = vt_text_char((const unsigned char *)src + i, len - i, &code);
        bool keep = n > 0 && is_harmless(code);
        size_t put = keep ? n : 1;
        if (put >= size - out)
            break;
        if (keep)
            memcpy(ret + out, src + i, n);
        else
            ret[out] = '?';
        out += put;
        i += n > 0 ? n : 1;
    }
    ret[out] = '\0';
    return out;
}
