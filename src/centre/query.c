/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Query strings: NAME=VALUE with `&` between two. Names and values are percent-encoded; bytes
 * that a URL cannot have are refused with what they stand in.
 */
#include "centre/room.h"

#include <string.h>

static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The next character, decoded; false when it is none that may be. */
static bool
take_char(struct vt_reader *r, uint8_t *ret)
{
    uint8_t c;
    uint8_t high;
    uint8_t low;

    if (!vt_reader_u8(r, &c) || c <= ' ' || c == 0x7f)
        return false;
    if (c == '+')
        c = ' ';
    if (c == '%') {
        if (!vt_reader_u8(r, &high) || !vt_reader_u8(r, &low) || hex_digit(high) < 0 ||
            hex_digit(low) < 0)
            return false;
        c = (uint8_t)(hex_digit(high) * 16 + hex_digit(low));
    }
    *ret = c;
    return c != 0;
}

/* Decodes all of r; size counts the NUL. */
static bool
decode(struct vt_reader r, char *ret, size_t size)
{
    size_t len = 0;
    uint8_t c;

    while (r.left > 0) {
        if (!take_char(&r, &c) || len + 1 >= size)
            return false;
        ret[len++] = (char)c;
    }
    ret[len] = '\0';
    return vt_utf8_valid(ret, len);
}

/* Whether r, decoded, is `name`. */
static bool
is_name(struct vt_reader r, const char *name)
{
    char text[64];

    return decode(r, text, sizeof(text)) && strcmp(text, name) == 0;
}

/* The next parameter, split; false when there is none left. */
static bool
take_parameter(struct vt_reader *r, struct vt_reader *ret_name, struct vt_reader *ret_value)
{
    struct vt_reader part;

    if (!vt_reader_word(r, '&', &part))
        return false;
    if (!vt_reader_word(&part, '=', ret_name))
        *ret_name = part; /* empty */
    *ret_value = part;
    return true;
}

bool
vt_query_get(const char *query, const char *name, char *ret, size_t ret_size, bool *ret_bad)
{
    struct vt_reader r = VT_READER(query, strlen(query));
    struct vt_reader key;
    struct vt_reader value;
    char text[VT_ROOM_QUERY_MAX + 1];

    while (take_parameter(&r, &key, &value)) {
        if (!is_name(key, name))
            continue;
        if (!decode(value, text, ret_size < sizeof(text) ? ret_size : sizeof(text))) {
            *ret_bad = true;
            return false;
        }
        memcpy(ret, text, strlen(text) + 1);
        return true;
    }
    return false;
}

bool
vt_query_only(const char *query, const char *const *names)
{
    struct vt_reader r = VT_READER(query, strlen(query));
    struct vt_reader key;
    struct vt_reader value;
    uint64_t seen = 0;

    if (r.left > 0 && query[r.left - 1] == '&')
        return false;
    while (take_parameter(&r, &key, &value)) {
        size_t i = 0;

        while (names[i] != NULL && !is_name(key, names[i]))
            i++;
        if (names[i] == NULL || i >= 64 || (seen & (UINT64_C(1) << i)) != 0)
            return false;
        seen |= UINT64_C(1) << i;
    }
    return true;
}
