/* SPDX-License-Identifier: Apache-2.0 */
#include "review/path.h"

#include "base/file.h"
#include "review/doc.h"

#include <string.h>

bool
vt_review_path_ok(const char *path)
{
    return strnlen(path, VT_REVIEW_PATH_MAX + 1) <= VT_REVIEW_PATH_MAX && vt_path_is_safe(path);
}

static bool
stands_for_itself(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("-._~/", c) != NULL);
}

void
vt_review_path_put(struct vt_buf *b, const char *path)
{
    for (const uint8_t *c = (const uint8_t *)path; *c != 0; c++) {
        if (stands_for_itself(*c))
            vt_buf_put_u8(b, *c);
        else
            vt_buf_putf(b, "%%%02X", *c);
    }
}

static bool
hex_digit(uint8_t c, unsigned *ret)
{
    if (c >= '0' && c <= '9')
        *ret = (unsigned)(c - '0');
    else if (c >= 'A' && c <= 'F')
        *ret = (unsigned)(c - 'A') + 10;
    else
        return false;
    return true;
}

/* The next byte of the path. */
static bool
take_byte(struct vt_reader *r, uint8_t *ret)
{
    const uint8_t *hex;
    unsigned high, low;

    if (!vt_reader_u8(r, ret))
        return false;
    if (*ret != '%')
        return stands_for_itself(*ret);
    if (!vt_reader_take(r, 2, &hex) || !hex_digit(hex[0], &high) || !hex_digit(hex[1], &low))
        return false;
    *ret = (uint8_t)(high << 4 | low);
    return *ret != 0 && !stands_for_itself(*ret);
}

bool
vt_review_path_take(const struct vt_reader *r, char *ret)
{
    struct vt_reader left = *r;
    char path[VT_REVIEW_PATH_MAX + 1];
    size_t len = 0;

    for (uint8_t c; left.left > 0; len++) {
        if (len == VT_REVIEW_PATH_MAX || !take_byte(&left, &c))
            return false;
        path[len] = (char)c;
    }
    path[len] = '\0';
    if (!vt_review_path_ok(path))
        return false;
    memcpy(ret, path, len + 1);
    return true;
}
