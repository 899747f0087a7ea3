/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/aggregate_parts.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

static const char *const merges[] = {
    [VT_MERGE_SUM] = "sum", [VT_MERGE_MAX] = "max", [VT_MERGE_MIN] = "min"};

const char *
vt_merge_name(enum vt_merge m)
{
    return merges[m];
}

bool
vt_rows_head_eq(const struct vt_rows_head *a, const struct vt_rows_head *b)
{
    bool same = a->keys == b->keys && a->measures == b->measures && a->named == b->named;

    for (size_t i = 0; same && i < a->measures; i++)
        same = a->merge[i] == b->merge[i];
    for (size_t i = 0; same && a->named && i < a->keys + a->measures; i++)
        same = strcmp(a->name[i], b->name[i]) == 0;
    return same;
}

static enum vt_err
take_measures(const json_t *list, struct vt_rows_head *h, struct vt_why *why)
{
    h->measures = json_array_size(list);
    for (size_t i = 0; i < h->measures; i++) {
        const char *word = json_string_value(json_array_get(list, i));
        for (unsigned m = VT_MERGE_SUM; word != NULL && m <= VT_MERGE_MIN; m++)
            if (strcmp(word, merges[m]) == 0)
                h->merge[i] = (enum vt_merge)m;
        if (h->merge[i] == 0)
            return vt_fail(why, VT_E_SYNTAX, "a measure must be sum, max or min");
    }
    return VT_OK;
}

static enum vt_err
take_names(const json_t *list, struct vt_rows_head *h, struct vt_why *why)
{
    if (json_array_size(list) != h->keys + h->measures)
        return vt_fail(why, VT_E_SYNTAX, "there must be one name a column");
    for (size_t i = 0; i < h->keys + h->measures; i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (s == NULL || *s == '\0' || strlen(s) > VT_COLUMN_NAME_MAX)
            return vt_fail(
                why, VT_E_SYNTAX, "a name must have 1 to %u bytes", VT_COLUMN_NAME_MAX);
        (void)snprintf(h->name[i], sizeof h->name[i], "%s", s);
    }
    h->named = true;
    return VT_OK;
}

static enum vt_err
take_head(const json_t *v, struct vt_rows_head *h, struct vt_why *why)
{
    int64_t keys = 0;
    json_t *list = NULL;
    bool named = json_object_get(v, "names") != NULL;
    enum vt_err err = vt_json_int(v, "keys", 0, VT_KEYS_MAX, &keys, why);
    if (err == VT_OK && json_object_size(v) != (named ? 3U : 2U))
        err = vt_fail(why, VT_E_SYNTAX, "the head has members that nobody knows");
    h->keys = (size_t)keys;
    if (err == VT_OK)
        err = vt_json_arr(v, "measures", VT_MEASURES_MAX, &list, why);
    if (err == VT_OK)
        err = take_measures(list, h, why);
    if (err == VT_OK && h->keys + h->measures == 0)
        err = vt_fail(why, VT_E_SYNTAX, "the rows have no column");
    if (err == VT_OK && named) {
        err = vt_json_arr(v, "names", VT_KEYS_MAX + VT_MEASURES_MAX, &list, why);
        if (err == VT_OK)
            err = take_names(list, h, why);
    }
    return err;
}

enum vt_err
vt_rows_head_parse(const void *line, size_t len, struct vt_rows_head *ret, struct vt_why *why)
{
    struct vt_rows_head h = {0};
    json_t *v = NULL;
    enum vt_err err = len > VT_ROW_MAX
                          ? vt_fail(why, VT_E_LIMIT, "a line is over %u bytes", VT_ROW_MAX)
                          : vt_json_parse(line, len, "the job's head", &v, why);
    if (err == VT_OK)
        err = take_head(v, &h, why);
    json_decref(v);
    if (err == VT_OK)
        *ret = h;
    return err;
}

static enum vt_err
take_row(const struct vt_rows_head *h, const json_t *v, struct vt_buf *key, struct vt_row *ret,
    struct vt_why *why)
{
    if (!json_is_array(v) || json_array_size(v) != h->keys + h->measures)
        return vt_fail(why, VT_E_SYNTAX, "a row must have %zu columns", h->keys + h->measures);
    for (size_t i = 0; i < h->keys; i++) {
        const json_t *s = json_array_get(v, i);
        if (!json_is_string(s))
            return vt_fail(why, VT_E_SYNTAX, "a key column must be a string");
        vt_buf_put_u32(key, (uint32_t)json_string_length(s));
        vt_buf_put(key, json_string_value(s), json_string_length(s));
    }
    for (size_t i = 0; i < h->measures; i++) {
        const json_t *n = json_array_get(v, h->keys + i);
        if (!json_is_integer(n))
            return vt_fail(why, VT_E_SYNTAX, "a measure must be an integer");
        ret->measure[i] = json_integer_value(n);
    }
    return vt_buf_check(key, "a row's key", why);
}

enum vt_err
vt_row_parse(const struct vt_rows_head *h, const void *line, size_t len, struct vt_buf *key,
    struct vt_row *ret, struct vt_why *why)
{
    struct vt_row row = {0};
    json_t *v = NULL;
    enum vt_err err = len > VT_ROW_MAX
                          ? vt_fail(why, VT_E_LIMIT, "a line is over %u bytes", VT_ROW_MAX)
                          : vt_json_parse(line, len, "a row", &v, why);
    vt_buf_clear(key);
    if (err == VT_OK)
        err = take_row(h, v, key, &row, why);
    json_decref(v);
    if (err != VT_OK)
        return err;
    row.key = key->data;
    row.key_len = key->len;
    *ret = row;
    return VT_OK;
}
