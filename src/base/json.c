/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

/* How many values the text can hold at the most: what opens, separates or names
 * one, outside of strings. */
static size_t
count_values(const char *p, size_t len)
{
    bool in_string = false;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (in_string && p[i] == '\\')
            i++;
        else if (p[i] == '"')
            in_string = !in_string;
        else if (!in_string && (p[i] == ',' || p[i] == '[' || p[i] == '{'))
            n++;
    }
    return n;
}

enum vt_err
vt_json_parse(const void *data, size_t len, const char *what, json_t **ret, struct vt_why *why)
{
    json_error_t e;
    json_t *v;

    if (count_values(data, len) > VT_JSON_VALUES_MAX)
        return vt_fail(why, VT_E_LIMIT, "%s: more than %u values", what, VT_JSON_VALUES_MAX);
    v = json_loadb(len > 0 ? data : "", len, JSON_REJECT_DUPLICATES, &e);
    if (v == NULL && json_error_code(&e) == json_error_out_of_memory)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", what);
    if (v == NULL)
        return vt_fail(why, VT_E_SYNTAX, "%s: not JSON: line %d, column %d: %s", what, e.line,
            e.column, e.text);
    *ret = v;
    return VT_OK;
}

static enum vt_err
get(const json_t *obj, const char *key, json_t **ret, struct vt_why *why)
{
    json_t *v = json_object_get(obj, key);

    if (!json_is_object(obj))
        return vt_fail(why, VT_E_SYNTAX, "not an object where \"%s\" is looked for", key);
    if (v == NULL)
        return vt_fail(why, VT_E_SYNTAX, "\"%s\" is missing", key);
    *ret = v;
    return VT_OK;
}

enum vt_err
vt_json_str(const json_t *obj, const char *key, const char **ret, struct vt_why *why)
{
    json_t *v = NULL;
    enum vt_err err = get(obj, key, &v, why);

    if (err != VT_OK)
        return err;
    if (!json_is_string(v))
        return vt_fail(why, VT_E_SYNTAX, "\"%s\" is not a string", key);
    *ret = json_string_value(v);
    return VT_OK;
}

enum vt_err
vt_json_int(const json_t *obj, const char *key, int64_t min, int64_t max, int64_t *ret,
    struct vt_why *why)
{
    json_t *v = NULL;
    enum vt_err err = get(obj, key, &v, why);
    int64_t n;

    if (err != VT_OK)
        return err;
    if (!json_is_integer(v))
        return vt_fail(why, VT_E_SYNTAX, "\"%s\" is not an integer", key);
    n = json_integer_value(v);
    if (n < min || n > max)
        return vt_fail(why, VT_E_SYNTAX, "\"%s\" is %lld, outside %lld to %lld", key,
            (long long)n, (long long)min, (long long)max);
    *ret = n;
    return VT_OK;
}

enum vt_err
vt_json_obj(const json_t *obj, const char *key, json_t **ret, struct vt_why *why)
{
    json_t *v = NULL;
    enum vt_err err = get(obj, key, &v, why);

    if (err != VT_OK)
        return err;
    if (!json_is_object(v))
        return vt_fail(why, VT_E_SYNTAX, "\"%s\" is not an object", key);
    *ret = v;
    return VT_OK;
}

enum vt_err
vt_json_arr(
    const json_t *obj, const char *key, size_t count_max, json_t **ret, struct vt_why *why)
{
    json_t *v = NULL;
    enum vt_err err = get(obj, key, &v, why);

    if (err != VT_OK)
        return err;
    if (!json_is_array(v))
        return vt_fail(why, VT_E_SYNTAX, "\"%s\" is not an array", key);
    if (json_array_size(v) > count_max)
        return vt_fail(why, VT_E_SYNTAX, "\"%s\" has %zu members, more than %zu", key,
            json_array_size(v), count_max);
    *ret = v;
    return VT_OK;
}

static enum vt_err put_value(const json_t *v, struct vt_buf *b, struct vt_why *why);

static void
put_string(const char *s, size_t len, struct vt_buf *b)
{
    vt_buf_put_u8(b, '"');
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '"' || s[i] == '\\')
            vt_buf_put_u8(b, '\\');
        vt_buf_put_u8(b, (uint8_t)s[i]);
    }
    vt_buf_put_u8(b, '"');
}

static int
by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum vt_err
put_object(const json_t *v, struct vt_buf *b, struct vt_why *why)
{
    size_t n = json_object_size(v);
    const char **keys = calloc(n + 1, sizeof *keys);
    const char *key;
    json_t *member;
    enum vt_err err = VT_OK;
    size_t i = 0;

    if (keys == NULL)
        return vt_fail(why, VT_E_NOMEM, "canonical JSON: out of memory");
    json_object_foreach((json_t *)(uintptr_t)v, key, member)
    {
        keys[i++] = key;
    }
    qsort(keys, n, sizeof *keys, by_bytes);
    vt_buf_put_u8(b, '{');
    for (i = 0; i < n && err == VT_OK; i++) {
        if (i > 0)
            vt_buf_put_u8(b, ',');
        put_string(keys[i], strlen(keys[i]), b);
        vt_buf_put_u8(b, ':');
        err = put_value(json_object_get(v, keys[i]), b, why);
    }
    vt_buf_put_u8(b, '}');
    free(keys);
    return err;
}

static enum vt_err
put_array(const json_t *v, struct vt_buf *b, struct vt_why *why)
{
    size_t n = json_array_size(v);

    vt_buf_put_u8(b, '[');
    for (size_t i = 0; i < n; i++) {
        enum vt_err err;
        if (i > 0)
            vt_buf_put_u8(b, ',');
        err = put_value(json_array_get(v, i), b, why);
        if (err != VT_OK)
            return err;
    }
    vt_buf_put_u8(b, ']');
    return VT_OK;
}

/* Recursion is bounded: the parser takes no deeper nesting than jansson's. */
static enum vt_err
put_value(const json_t *v, struct vt_buf *b, struct vt_why *why)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return put_object(v, b, why);
    case JSON_ARRAY:
        return put_array(v, b, why);
    case JSON_STRING:
        put_string(json_string_value(v), json_string_length(v), b);
        return VT_OK;
    case JSON_INTEGER:
        vt_buf_putf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        return VT_OK;
    case JSON_TRUE:
        vt_buf_puts(b, "true");
        return VT_OK;
    case JSON_FALSE:
        vt_buf_puts(b, "false");
        return VT_OK;
    case JSON_NULL:
        vt_buf_puts(b, "null");
        return VT_OK;
    case JSON_REAL:
    default:
        return vt_fail(why, VT_E_SYNTAX, "canonical JSON has no fractions or exponents");
    }
}

/* Undoes what was put since `len`, unless the buffer had failed before. */
static void
cut_back(struct vt_buf *b, size_t len)
{
    if (b->data == NULL)
        return;
    if (b->secret)
        explicit_bzero(b->data + len, b->len - len);
    b->len = len;
    b->data[len] = '\0';
}

enum vt_err
vt_json_canonical(const json_t *v, struct vt_buf *b, struct vt_why *why)
{
    size_t before = b->len;
    enum vt_err err = put_value(v, b, why);

    if (err == VT_OK)
        err = vt_buf_check(b, "canonical JSON", why);
    if (err != VT_OK)
        cut_back(b, before);
    return err;
}

static int
put_chunk(const char *data, size_t len, void *ctx)
{
    struct vt_buf *b = ctx;

    vt_buf_put(b, data, len);
    return b->err == VT_OK ? 0 : -1;
}

enum vt_err
vt_json_text(const json_t *v, bool pretty, struct vt_buf *b, struct vt_why *why)
{
    size_t flags = JSON_SORT_KEYS | JSON_ENCODE_ANY | (pretty ? JSON_INDENT(2) : JSON_COMPACT);
    size_t before = b->len;
    int failed = json_dump_callback(v, put_chunk, b, flags);
    enum vt_err err;

    vt_buf_puts(b, "\n");
    err = vt_buf_check(b, "JSON", why);
    if (err == VT_OK && failed != 0)
        err = vt_fail(why, VT_E_NOMEM, "JSON: out of memory, or a text in it is not UTF-8");
    if (err != VT_OK)
        cut_back(b, before);
    return err;
}
