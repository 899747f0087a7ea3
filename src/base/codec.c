/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal, base64 (RFC 4648 sections 4 and 5) and UTF-8. */
#include "base/buf.h"
#include "base/text.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char b64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
vt_hex_encode(const void *data, size_t len, char *ret)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i++) {
        ret[2 * i] = hex_digits[p[i] >> 4];
        ret[2 * i + 1] = hex_digits[p[i] & 15];
    }
    ret[2 * len] = '\0';
}

void
vt_buf_put_hex(struct vt_buf *b, const void *data, size_t len)
{
    uint8_t *p;

    p = vt_buf_reserve(b, len > SIZE_MAX / 4 ? SIZE_MAX : 2 * len);
    if (p == NULL)
        return;
    vt_hex_encode(data, len, (char *)p);
    vt_buf_commit(b, 2 * len);
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* A decoder runs twice: once with ret NULL to check, then to write, so that
 * what does not decode leaves the output untouched. */
static bool
hex_run(const char *s, size_t len, uint8_t *ret)
{
    for (size_t i = 0; i < len; i += 2) {
        int hi = hex_value(s[i]);
        int lo = hex_value(s[i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        if (ret != NULL)
            ret[i / 2] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

bool
vt_hex_decode(const char *s, size_t len, uint8_t *ret, size_t ret_size, size_t *ret_len)
{
    if (len % 2 != 0 || len / 2 > ret_size || !hex_run(s, len, NULL))
        return false;
    (void)hex_run(s, len, ret);
    *ret_len = len / 2;
    return true;
}

void
vt_buf_put_b64(struct vt_buf *b, const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t out_len = len > SIZE_MAX / 4 ? SIZE_MAX : (len + 2) / 3 * 4;
    uint8_t *out = vt_buf_reserve(b, out_len);

    if (out == NULL)
        return;
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        unsigned v = (unsigned)p[i] << 16;
        v |= n > 1 ? (unsigned)p[i + 1] << 8 : 0;
        v |= n > 2 ? (unsigned)p[i + 2] : 0;
        *out++ = (uint8_t)b64_digits[v >> 18];
        *out++ = (uint8_t)b64_digits[v >> 12 & 63];
        *out++ = n > 1 ? (uint8_t)b64_digits[v >> 6 & 63] : '=';
        *out++ = n > 2 ? (uint8_t)b64_digits[v & 63] : '=';
    }
    vt_buf_commit(b, out_len);
}

static int
b64_value(char c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url ? '-' : '+'))
        return 62;
    if (c == (url ? '_' : '/'))
        return 63;
    return -1;
}

/* Decodes len digits, padding cut off; unused bits of the last must be zero. */
static bool
b64_run(const char *s, size_t len, bool url, uint8_t *ret)
{
    unsigned acc = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < len; i++) {
        int v = b64_value(s[i], url);
        if (v < 0)
            return false;
        acc = (acc << 6 | (unsigned)v) & 0xFFFFU;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        if (ret != NULL)
            *ret++ = (uint8_t)(acc >> bits);
    }
    return (acc & ((1U << bits) - 1)) == 0;
}

static bool
b64_decode(const char *s, size_t len, bool url, uint8_t *ret, size_t ret_size, size_t *ret_len)
{
    size_t digits = len;
    size_t out;

    if (len > 0 && len % 4 == 0) {
        digits -= s[len - 1] == '=';
        digits -= digits < len && s[len - 2] == '=';
    } else if (len > 0 && !url) {
        return false;
    }
    if (digits % 4 == 1)
        return false;
    out = digits / 4 * 3 + (digits % 4 > 0 ? digits % 4 - 1 : 0);
    if (out > ret_size || !b64_run(s, digits, url, NULL))
        return false;
    (void)b64_run(s, digits, url, ret);
    *ret_len = out;
    return true;
}

bool
vt_b64_decode(const char *s, size_t len, uint8_t *ret, size_t ret_size, size_t *ret_len)
{
    return b64_decode(s, len, false, ret, ret_size, ret_len);
}

bool
vt_b64url_decode(const char *s, size_t len, uint8_t *ret, size_t ret_size, size_t *ret_len)
{
    return b64_decode(s, len, true, ret, ret_size, ret_len);
}

bool
vt_utf8_valid(const void *data, size_t len)
{
    const unsigned char *p = data;

    while (len > 0) {
        unsigned code;
        size_t n = vt_text_char(p, len, &code);
        if (n == 0)
            return false;
        p += n;
        len -= n;
    }
    return true;
}
