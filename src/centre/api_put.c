/* SPDX-License-Identifier: Apache-2.0 */
/* Values and rows of answers. */
#include "base/clock.h"
#include "base/text.h"
#include "centre/api_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum vt_err
no_memory(struct vt_why *why)
{
    return vt_fail(why, VT_E_NOMEM, "out of memory for an answer");
}

json_t *
vt_api_text_n(const void *s, size_t len)
{
    json_t *v;
    char *clean;

    if (vt_utf8_valid(s, len))
        return json_stringn_nocheck(s, len);
    clean = malloc(len + 1);
    if (clean == NULL)
        return NULL;
    v = json_stringn_nocheck(clean, vt_text_clean(clean, len + 1, s, len));
    free(clean);
    return v;
}

json_t *
vt_api_text(const char *s)
{
    return vt_api_text_n(s, strlen(s));
}

json_t *
vt_api_text_or_null(const char *s)
{
    return s[0] == '\0' ? json_null() : vt_api_text(s);
}

json_t *
vt_api_digest(const struct vt_digest *d)
{
    char text[sizeof("sha256:") - 1 + VT_DIGEST_HEX_SIZE] = "sha256:";

    vt_digest_hex(d, text + strlen("sha256:"));
    return json_string_nocheck(text);
}

json_t *
vt_api_time(int64_t t)
{
    char text[VT_TIME_SIZE];

    if (t <= 0)
        return json_null();
    vt_time_format(t, text);
    return json_string_nocheck(text);
}

json_t *
vt_api_b64(const void *data, size_t len)
{
    struct vt_buf b = VT_BUF(VT_ROOM_ANSWER_MAX);
    json_t *v = NULL;

    vt_buf_put_b64(&b, data, len);
    if (b.err == VT_OK)
        v = json_stringn_nocheck(vt_buf_str(&b), b.len);
    vt_buf_release(&b);
    return v;
}

json_t *
vt_api_column_text(struct vt_sql_rows *r, int column)
{
    return vt_sql_is_null(r, column) ? json_null() : vt_api_text(vt_sql_text(r, column));
}

json_t *
vt_api_column_digest(struct vt_sql_rows *r, int column)
{
    struct vt_digest d;

    return vt_sql_digest(r, column, &d) ? vt_api_digest(&d) : json_null();
}

json_t *
vt_api_column_int(struct vt_sql_rows *r, int column)
{
    return vt_sql_is_null(r, column) ? json_null() : json_integer(vt_sql_int(r, column));
}

json_t *
vt_api_column_time(struct vt_sql_rows *r, int column)
{
    return vt_api_time(vt_sql_int(r, column));
}

enum vt_err
vt_api_set(json_t *o, const char *key, json_t *v, struct vt_why *why)
{
    return json_object_set_new(o, key, v) == 0 ? VT_OK : no_memory(why);
}

enum vt_err
vt_api_add(json_t *array, json_t *v, struct vt_why *why)
{
    return json_array_append_new(array, v) == 0 ? VT_OK : no_memory(why);
}

enum vt_err
vt_api_join(json_t *to, json_t *from, struct vt_why *why)
{
    int failed = from == NULL || json_object_update(to, from) != 0;

    json_decref(from);
    return failed ? no_memory(why) : VT_OK;
}

enum vt_err
vt_api_rows(struct vt_api_call *c, struct vt_sql_rows *rows, vt_api_row_fn *fn, json_t *array,
    struct vt_why *why)
{
    enum vt_err err = VT_OK;
    bool more = true;

    while (err == VT_OK) {
        json_t *v = NULL;

        err = vt_sql_step(rows, &more, why);
        if (err != VT_OK || !more)
            break;
        err = fn(c, rows, &v, why);
        if (err == VT_OK)
            err = vt_api_add(array, v, why);
    }
    vt_sql_end(rows);
    return err;
}

static json_t *
cursor_of(const json_t *item, const char *digest)
{
    int64_t index = json_integer_value(json_object_get(item, "index"));
    const char *d = digest == NULL ? NULL : json_string_value(json_object_get(item, digest));
    char text[VT_API_CURSOR_SIZE];

    if (d == NULL)
        (void)snprintf(text, sizeof(text), "%" PRId64, index);
    else
        (void)snprintf(text, sizeof(text), "%" PRId64 ".%s", index, d + strlen("sha256:"));
    return json_string(text);
}

enum vt_err
vt_api_list(struct vt_api_call *c, json_t *items, const struct vt_api_page *page,
    const char *digest, struct vt_why *why)
{
    size_t limit = (size_t)page->limit;
    json_t *next = NULL;

    if (json_array_size(items) > limit) {
        while (json_array_size(items) > limit)
            (void)json_array_remove(items, json_array_size(items) - 1);
        next = cursor_of(json_array_get(items, limit - 1), digest);
    } else {
        next = json_null();
    }
    c->out = json_pack("{s:o,s:o}", "items", items, "next", next);
    return c->out == NULL ? no_memory(why) : VT_OK;
}

enum vt_err
vt_api_link(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    (void)c; /* an entry that nobody can read has no kind */
    *ret = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "index", vt_api_column_int(r, 0), "kind",
        vt_api_text(vt_sql_is_null(r, 1) ? "unknown" : vt_sql_text(r, 1)), "signer",
        vt_api_column_text(r, 2), "key", vt_api_text(vt_sql_text(r, 3)), "organisation",
        vt_api_column_text(r, 4), "time", vt_api_column_time(r, 5), "statement",
        vt_api_column_digest(r, 6));
    return *ret == NULL ? no_memory(why) : VT_OK;
}
