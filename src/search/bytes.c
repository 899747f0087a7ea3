/* SPDX-License-Identifier: Apache-2.0 */
#include "search/bytes.h"

#include <stddef.h>

void
vt_bytes_add(struct vt_bytes *v, unsigned from, unsigned to)
{
    if (to >= 0x80)
        v->of[2] = v->of[3] = UINT64_MAX;
    for (unsigned c = from; c <= to && c < 0x80; c++)
        v->of[c / 64] |= UINT64_C(1) << (c % 64);
}

void
vt_bytes_join(struct vt_bytes *v, const struct vt_bytes *other)
{
    for (size_t i = 0; i < 4; i++)
        v->of[i] |= other->of[i];
}

static bool
is_of_kind(unsigned c, char kind)
{
    bool digit = c >= '0' && c <= '9';

    switch (kind) {
    case 'd':
        return digit;
    case 'w':
        return digit || c == '_' ||
               (c < 0x80 && vt_fold((uint8_t)c) >= 'a' && vt_fold((uint8_t)c) <= 'z');
    default:
        return c == ' ' || (c >= '\t' && c <= '\r');
    }
}

void
vt_bytes_add_kind(struct vt_bytes *v, char kind)
{
    bool is = kind >= 'a';

    for (unsigned c = 0; c <= 0x80; c++)
        if (is_of_kind(c, (char)vt_fold((uint8_t)kind)) == is)
            vt_bytes_add(v, c, c);
}

void
vt_bytes_add_cases(struct vt_bytes *v)
{
    bool beyond = vt_bytes_has(v, 0x80);

    for (unsigned c = 'a'; c <= 'z'; c++) {
        bool other = c == 'k' || c == 's';

        if (!(other && beyond) && !vt_bytes_has(v, (uint8_t)c) &&
            !vt_bytes_has(v, (uint8_t)(c ^ 0x20)))
            continue;
        vt_bytes_add(v, c, c);
        vt_bytes_add(v, c ^ 0x20, c ^ 0x20);
        if (other)
            vt_bytes_add(v, 0x80, 0x80);
    }
}
