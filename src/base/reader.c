/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <string.h>

bool
vt_reader_take(struct vt_reader *r, size_t len, const uint8_t **ret)
{
    if (len > r->left)
        return false;
    *ret = r->p;
    if (len > 0)
        r->p += len;
    r->left -= len;
    return true;
}

static bool
take_be(struct vt_reader *r, size_t len, uint64_t *ret)
{
    const uint8_t *p;
    uint64_t v = 0;

    if (!vt_reader_take(r, len, &p))
        return false;
    for (size_t i = 0; i < len; i++)
        v = (v << 8) | p[i];
    *ret = v;
    return true;
}

bool
vt_reader_u8(struct vt_reader *r, uint8_t *ret)
{
    uint64_t v;

    if (!take_be(r, 1, &v))
        return false;
    *ret = (uint8_t)v;
    return true;
}

bool
vt_reader_u16(struct vt_reader *r, uint16_t *ret)
{
    uint64_t v;

    if (!take_be(r, 2, &v))
        return false;
    *ret = (uint16_t)v;
    return true;
}

bool
vt_reader_u32(struct vt_reader *r, uint32_t *ret)
{
    uint64_t v;

    if (!take_be(r, 4, &v))
        return false;
    *ret = (uint32_t)v;
    return true;
}

bool
vt_reader_u64(struct vt_reader *r, uint64_t *ret)
{
    return take_be(r, 8, ret);
}

/* Everything up to `sep`, which must be there. */
static bool
take_until(struct vt_reader *r, char sep, struct vt_reader *ret)
{
    const uint8_t *end;
    size_t len;

    if (r->left == 0)
        return false;
    end = memchr(r->p, (unsigned char)sep, r->left);
    if (end == NULL)
        return false;
    len = (size_t)(end - r->p);
    *ret = VT_READER(r->p, len);
    r->p += len + 1;
    r->left -= len + 1;
    return true;
}

bool
vt_reader_line(struct vt_reader *r, struct vt_reader *ret)
{
    return take_until(r, '\n', ret);
}

bool
vt_reader_word(struct vt_reader *r, char sep, struct vt_reader *ret)
{
    if (r->left == 0)
        return false;
    if (take_until(r, sep, ret))
        return true;
    *ret = *r;
    r->p += r->left;
    r->left = 0;
    return true;
}

bool
vt_reader_skip(struct vt_reader *r, const char *s)
{
    size_t len = strlen(s);

    if (len > r->left || (len > 0 && memcmp(r->p, s, len) != 0))
        return false;
    if (len > 0)
        r->p += len;
    r->left -= len;
    return true;
}

bool
vt_reader_is(const struct vt_reader *r, const char *s)
{
    size_t len = strlen(s);

    return len == r->left && (len == 0 || memcmp(r->p, s, len) == 0);
}

bool
vt_reader_decimal(struct vt_reader *r, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;

    if (r->left == 0 || (r->p[0] == '0' && r->left > 1))
        return false;
    for (size_t i = 0; i < r->left; i++) {
        unsigned d = (unsigned)r->p[i] - '0';
        if (d > 9 || v > (UINT64_MAX - d) / 10)
            return false;
        v = v * 10 + d;
    }
    if (v > max)
        return false;
    r->p += r->left;
    r->left = 0;
    *ret = v;
    return true;
}

bool
vt_reader_cstr(const struct vt_reader *r, char *ret, size_t size)
{
    if (r->left >= size)
        return false;
    if (r->left > 0) {
        if (memchr(r->p, 0, r->left) != NULL)
            return false;
        memcpy(ret, r->p, r->left);
    }
    ret[r->left] = '\0';
    return true;
}
