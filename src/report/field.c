/* SPDX-License-Identifier: Apache-2.0 */
#include "report/field.h"

#include "base/json.h"

#include <string.h>

static void
skip_space(struct vt_reader *r)
{
    while (r->left > 0 && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r' || *r->p == '\n')) {
        r->p++;
        r->left--;
    }
}

static bool
skip_byte(struct vt_reader *r, char c)
{
    skip_space(r);
    if (r->left == 0 || *r->p != (uint8_t)c)
        return false;
    r->p++;
    r->left--;
    return true;
}

/* A string, its quotes included, without looking at what its escapes mean. */
static bool
take_string(struct vt_reader *r, struct vt_reader *ret)
{
    skip_space(r);
    if (r->left == 0 || *r->p != '"')
        return false;
    for (size_t i = 1; i < r->left; i++) {
        if (r->p[i] == '\\') {
            i++;
        } else if (r->p[i] == '"') {
            *ret = VT_READER(r->p, i + 1);
            r->p += i + 1;
            r->left -= i + 1;
            return true;
        }
    }
    return false;
}

/* A number, true, false or null, up to what ends it. */
static bool
take_plain(struct vt_reader *r, struct vt_reader *ret)
{
    size_t n = 0;

    while (n < r->left && strchr("-+.", r->p[n]) != NULL && r->p[n] != '\0')
        n++;
    while (n < r->left &&
           ((r->p[n] >= '0' && r->p[n] <= '9') || (r->p[n] >= 'a' && r->p[n] <= 'z') ||
               (r->p[n] >= 'A' && r->p[n] <= 'Z') || r->p[n] == '.' || r->p[n] == '-' ||
               r->p[n] == '+'))
        n++;
    if (n == 0)
        return false;
    *ret = VT_READER(r->p, n);
    r->p += n;
    r->left -= n;
    return true;
}

/* An object or array: to the bracket that closes the first. */
static bool
take_nested(struct vt_reader *r, struct vt_reader *ret)
{
    const uint8_t *begin = r->p;
    struct vt_reader text;
    unsigned depth = 0;

    do {
        if (r->left == 0)
            return false;
        if (*r->p == '"') {
            if (!take_string(r, &text))
                return false;
            continue;
        }
        if (*r->p == '{' || *r->p == '[')
            depth++;
        else if (*r->p == '}' || *r->p == ']')
            depth--;
        r->p++;
        r->left--;
    } while (depth > 0 && depth <= VT_FIELD_DEPTH_MAX);
    *ret = VT_READER(begin, (size_t)(r->p - begin));
    return depth == 0;
}

static bool
take_value(struct vt_reader *r, struct vt_reader *ret)
{
    skip_space(r);
    if (r->left == 0)
        return false;
    if (*r->p == '"')
        return take_string(r, ret);
    return *r->p == '{' || *r->p == '[' ? take_nested(r, ret) : take_plain(r, ret);
}

/* The string's text; false: it does not fit, is no JSON string, or has a NUL. */
static bool
decode_string(const struct vt_reader *s, char *ret, size_t size)
{
    struct vt_reader inner = VT_READER(s->p + 1, s->left - 2);
    json_t *v = NULL;
    bool ok;

    if (memchr(inner.p, '\\', inner.left) == NULL)
        return vt_utf8_valid(inner.p, inner.left) && vt_reader_cstr(&inner, ret, size);
    v = json_loadb((const char *)s->p, s->left, JSON_DECODE_ANY, NULL);
    ok = json_is_string(v) && json_string_length(v) < size;
    if (ok)
        memcpy(ret, json_string_value(v), json_string_length(v) + 1);
    json_decref(v);
    return ok;
}

/* Whether a member's name is that; names with escapes are compared decoded. */
static bool
name_is(const struct vt_reader *name, const char *want, size_t len)
{
    char text[VT_FIELD_PATH_MAX + 1];

    if (memchr(name->p, '\\', name->left) == NULL)
        return name->left == len + 2 && memcmp(name->p + 1, want, len) == 0;
    return decode_string(name, text, sizeof text) && strlen(text) == len &&
           memcmp(text, want, len) == 0;
}

/* The first member of that name. */
static bool
find_member(const struct vt_reader *object, const char *want, size_t len, struct vt_reader *ret)
{
    struct vt_reader r = *object;
    struct vt_reader name, value;

    if (!skip_byte(&r, '{'))
        return false;
    do {
        if (!take_string(&r, &name) || !skip_byte(&r, ':') || !take_value(&r, &value))
            return false;
        if (name_is(&name, want, len)) {
            *ret = value;
            return true;
        }
    } while (skip_byte(&r, ','));
    return false;
}

/* The longest name first, then what remains of the path below a shorter one. */
static bool
find_path(const struct vt_reader *object, const char *path, struct vt_reader *ret)
{
    struct vt_reader at = *object;
    size_t len = strlen(path);

    while (len > 0) {
        if (find_member(&at, path, len, ret)) {
            if (path[len] == '\0')
                return true;
            at = *ret;
            path += len + 1;
            len = strlen(path);
            continue;
        }
        do
            len--;
        while (len > 0 && path[len] != '.');
    }
    return false;
}

static bool
is_integer(const struct vt_reader *v)
{
    size_t i = v->left > 0 && v->p[0] == '-' ? 1 : 0;

    if (i == v->left)
        return false;
    for (; i < v->left; i++)
        if (v->p[i] < '0' || v->p[i] > '9')
            return false;
    return true;
}

bool
vt_field_of_json(
    const void *event, size_t len, const char *path, char ret[VT_SUBJECT_NAME_MAX + 1])
{
    struct vt_reader r = VT_READER(event, len);
    char text[VT_SUBJECT_NAME_MAX + 1];
    struct vt_reader value;

    skip_space(&r);
    if (!find_path(&r, path, &value))
        return false;
    if (*value.p == '"') {
        if (!decode_string(&value, text, sizeof text) || text[0] == '\0')
            return false;
    } else if (!is_integer(&value) || !vt_reader_cstr(&value, text, sizeof text)) {
        return false;
    }
    memcpy(ret, text, strlen(text) + 1);
    return true;
}
