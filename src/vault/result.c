/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/result.h"

#include "base/file.h"
#include "base/text.h"
#include "crypto/age.h"
#include "vault/aggregate_parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct vt_result {
    json_t *head;
    json_t *rows;
    size_t keys;
    size_t measures;
    char name[VT_KEYS_MAX + VT_MEASURES_MAX][VT_COLUMN_NAME_MAX + 1];
};

void
vt_result_free(struct vt_result *r)
{
    if (r == NULL)
        return;
    json_decref(r->head);
    json_decref(r->rows);
    free(r);
}

static enum vt_err
take_name(struct vt_result *r, size_t i, const json_t *names, const json_t *measures,
    struct vt_why *why)
{
    const json_t *given = json_array_get(names, i);
    if (json_array_size(names) > 0 && !json_is_string(given))
        return vt_fail(why, VT_E_SYNTAX, "a column's name is no text");
    if (given != NULL)
        (void)vt_text_clean(
            r->name[i], sizeof r->name[i], json_string_value(given), json_string_length(given));
    else if (i < r->keys)
        (void)snprintf(r->name[i], sizeof r->name[i], "key %zu", i + 1);
    else
        (void)snprintf(r->name[i], sizeof r->name[i], "%.8s %zu",
            json_string_value(json_array_get(measures, i - r->keys)), i - r->keys + 1);
    return VT_OK;
}

static enum vt_err
take_head(struct vt_result *r, struct vt_why *why)
{
    static const char *const number[] = {"rows", "threshold", "cells", "held_back", "epsilon"};
    const char *text = NULL;
    json_t *measures = NULL;
    json_t *names = NULL;
    int64_t n = 0;
    enum vt_err err = vt_json_str(r->head, "vitrine", &text, why);
    if (err == VT_OK && strcmp(text, "vault/result/v1") != 0)
        err = vt_fail(why, VT_E_SYNTAX, "not the result of a job");
    if (err == VT_OK)
        err = vt_json_str(r->head, "request", &text, why);
    for (size_t i = 0; err == VT_OK && i < sizeof number / sizeof number[0]; i++)
        err = vt_json_int(r->head, number[i], 0, INT64_MAX, &n, why);
    if (err == VT_OK)
        err = vt_json_int(r->head, "keys", 0, VT_KEYS_MAX, &n, why);
    r->keys = (size_t)n;
    if (err == VT_OK)
        err = vt_json_arr(r->head, "measures", VT_MEASURES_MAX, &measures, why);
    if (err == VT_OK)
        err = vt_json_arr(r->head, "names", VT_KEYS_MAX + VT_MEASURES_MAX, &names, why);
    r->measures = json_array_size(measures);
    for (size_t i = 0; err == VT_OK && i < r->measures; i++)
        if (!json_is_string(json_array_get(measures, i)))
            err = vt_fail(why, VT_E_SYNTAX, "a measure is no word");
    for (size_t i = 0; err == VT_OK && i < r->keys + r->measures; i++)
        err = take_name(r, i, names, measures, why);
    return err;
}

static enum vt_err
take_row(struct vt_result *r, const struct vt_reader *line, struct vt_why *why)
{
    json_t *v = NULL;
    enum vt_err err = vt_json_parse(line->p, line->left, "a row", &v, why);
    if (err != VT_OK)
        return err;
    bool good = json_is_array(v) && json_array_size(v) == r->keys + r->measures;
    for (size_t i = 0; good && i < r->keys + r->measures; i++)
        good = i < r->keys ? json_is_string(json_array_get(v, i))
                           : json_is_integer(json_array_get(v, i));
    if (!good || json_array_append(r->rows, v) != 0)
        err = vt_fail(why, VT_E_SYNTAX, "a row is not as the head says");
    json_decref(v);
    return err;
}

static enum vt_err
parse(struct vt_result *r, struct vt_reader *rd, struct vt_why *why)
{
    struct vt_reader line;
    if (!vt_reader_line(rd, &line))
        return vt_fail(why, VT_E_SYNTAX, "not the result of a job");
    enum vt_err err = vt_json_parse(line.p, line.left, "the result's head", &r->head, why);
    if (err == VT_OK)
        err = take_head(r, why);
    while (err == VT_OK && vt_reader_line(rd, &line))
        err = take_row(r, &line, why);
    if (err == VT_OK &&
        (rd->left > 0 || vt_result_number(r, "rows") != (json_int_t)json_array_size(r->rows)))
        err = vt_fail(why, VT_E_SYNTAX, "it has not as many rows as it says");
    return err;
}

enum vt_err
vt_result_parse(const void *data, size_t len, struct vt_result **ret, struct vt_why *why)
{
    struct vt_reader rd = VT_READER(data, len);
    struct vt_result *r = calloc(1, sizeof *r);
    if (r == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a result");
    r->rows = json_array();
    enum vt_err err = r->rows != NULL ? parse(r, &rd, why)
                                      : vt_fail(why, VT_E_NOMEM, "no memory for a result");
    if (err != VT_OK) {
        vt_result_free(r);
        return err;
    }
    *ret = r;
    return VT_OK;
}

/* Decrypts into memory. */
static enum vt_err
decrypt(int from, const struct vt_box *key, struct vt_buf *b, struct vt_why *why)
{
    struct stat st;
    size_t got = 0;
    int to = memfd_create("vitrine-result", MFD_CLOEXEC);
    if (to < 0)
        return vt_fail_errno(why, "memfd_create");
    enum vt_err err = vt_age_open(from, key, to, why);
    if (err == VT_OK && (fstat(to, &st) != 0 || lseek(to, 0, SEEK_SET) != 0))
        err = vt_fail_errno(why, "the result in memory");
    if (err == VT_OK) {
        uint8_t *p = vt_buf_reserve(b, (size_t)st.st_size);
        err = p != NULL ? vt_fd_read(to, p, (size_t)st.st_size, &got, why)
                        : vt_buf_check(b, "the result", why);
        if (err == VT_OK)
            vt_buf_commit(b, got);
    }
    (void)close(to);
    return err;
}

enum vt_err
vt_result_open(const char *path, const char *box, struct vt_result **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_RESULT_MAX);
    struct vt_box *key = NULL;
    b.secret = true;
    enum vt_err err = vt_box_load(box, &key, why);
    if (err != VT_OK)
        return err;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    err = fd >= 0 ? decrypt(fd, key, &b, why) : vt_fail_errno(why, "cannot be opened");
    if (err == VT_OK)
        err = vt_result_parse(b.data != NULL ? b.data : (const uint8_t *)"", b.len, ret, why);
    if (err != VT_OK)
        err = vt_fail_in(why, err, "%s", path);
    if (fd >= 0)
        (void)close(fd);
    vt_buf_release(&b);
    vt_box_free(key);
    return err;
}

size_t
vt_result_keys(const struct vt_result *r)
{
    return r->keys;
}

size_t
vt_result_columns(const struct vt_result *r)
{
    return r->keys + r->measures;
}

const char *
vt_result_name(const struct vt_result *r, size_t column)
{
    return r->name[column];
}

size_t
vt_result_rows(const struct vt_result *r)
{
    return json_array_size(r->rows);
}

const json_t *
vt_result_row(const struct vt_result *r, size_t i)
{
    return json_array_get(r->rows, i);
}

const char *
vt_result_request(const struct vt_result *r)
{
    return json_string_value(json_object_get(r->head, "request"));
}

json_int_t
vt_result_number(const struct vt_result *r, const char *name)
{
    return json_integer_value(json_object_get(r->head, name));
}

json_t *
vt_result_json(const struct vt_result *r)
{
    json_t *v = json_copy(r->head);
    if (v != NULL && (json_object_set_new(v, "row_count",
                          json_integer((json_int_t)json_array_size(r->rows))) != 0 ||
                         json_object_set(v, "rows", r->rows) != 0)) {
        json_decref(v);
        v = NULL;
    }
    return v;
}
