/* SPDX-License-Identifier: Apache-2.0 */
#include "review/visit.h"

#include "base/clock.h"
#include "note/field.h"
#include "review/doc_rules.h"
#include "review/path.h"

#include <string.h>

#define NOBODY "-"

enum vt_err
vt_visit_put(struct vt_buf *b, const struct vt_visit *v, struct vt_why *why)
{
    char time[VT_TIME_SIZE];

    if (v->reviewer[0] != '\0' && !vt_review_name_ok(v->reviewer))
        return vt_fail(why, VT_E_USAGE, "`%s` cannot be a reviewer's name", v->reviewer);
    if (!vt_review_path_ok(v->path))
        return vt_fail(why, VT_E_USAGE, "a snapshot cannot have the path `%s`", v->path);
    vt_time_format(v->time, time);
    vt_buf_putf(b, "%s ", time);
    vt_field_put_digest(b, &v->source);
    vt_buf_put_u8(b, ' ');
    vt_field_put_digest(b, &v->blob);
    vt_buf_putf(b, " %s ", v->reviewer[0] == '\0' ? NOBODY : v->reviewer);
    vt_buf_put_hex(b, v->salt, sizeof v->salt);
    vt_buf_put_u8(b, ' ');
    vt_review_path_put(b, v->path);
    return vt_buf_check(b, "a visit", why);
}

static bool
take_time(struct vt_reader *r, int64_t *ret)
{
    char text[VT_TIME_SIZE];
    struct vt_reader word;

    return vt_reader_word(r, ' ', &word) && vt_reader_cstr(&word, text, sizeof text) &&
           vt_time_parse(text, ret);
}

static bool
take_digest(struct vt_reader *r, struct vt_digest *ret)
{
    struct vt_reader word;

    return vt_reader_word(r, ' ', &word) && vt_field_digest(&word, ret);
}

static bool
take_reviewer(struct vt_reader *r, char ret[VT_KEY_NAME_MAX + 1])
{
    struct vt_reader word;

    if (!vt_reader_word(r, ' ', &word) || !vt_reader_cstr(&word, ret, VT_KEY_NAME_MAX + 1))
        return false;
    if (strcmp(ret, NOBODY) != 0)
        return vt_review_name_ok(ret);
    ret[0] = '\0';
    return true;
}

static bool
take_salt(struct vt_reader *r, uint8_t ret[VT_VISIT_SALT_SIZE])
{
    struct vt_reader word;
    size_t len;

    return vt_reader_word(r, ' ', &word) &&
           vt_hex_decode((const char *)word.p, word.left, ret, VT_VISIT_SALT_SIZE, &len) &&
           len == VT_VISIT_SALT_SIZE;
}

enum vt_err
vt_visit_parse(const void *data, size_t len, struct vt_visit *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_visit v = {.time = 0};

    if (!take_time(&r, &v.time) || !take_digest(&r, &v.source) || !take_digest(&r, &v.blob) ||
        !take_reviewer(&r, v.reviewer) || !take_salt(&r, v.salt) ||
        !vt_review_path_take(&r, v.path))
        return vt_fail(why, VT_E_SYNTAX,
            "a line of the record of openings is not `TIME SOURCE BLOB REVIEWER SALT PATH`");
    *ret = v;
    return VT_OK;
}
