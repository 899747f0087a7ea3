/* SPDX-License-Identifier: Apache-2.0 */
#include "note/frozen.h"

#include "base/clock.h"
#include "note/field.h"

#include <inttypes.h>
#include <string.h>

#define FIRST_LINE "vitrine/log-frozen/v1\n"
#define SUCCESSOR "successor "

static bool
is_plain(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] < 0x20 || p[i] == 0x7f)
            return false;
    return len > 0 && len <= VT_FROZEN_REASON_MAX && vt_utf8_valid(p, len);
}

bool
vt_frozen_reason_valid(const char *reason)
{
    return is_plain((const uint8_t *)reason, strlen(reason));
}

/* What it says of the tree: origin, size and root. */
static enum vt_err
parse_tree(struct vt_reader *r, struct vt_frozen *f, struct vt_why *why)
{
    struct vt_reader line;

    if (!vt_reader_skip(r, FIRST_LINE))
        return vt_fail(why, VT_E_SYNTAX, "not a final statement of a log of this version");
    if (!vt_reader_line(r, &line) || !vt_reader_cstr(&line, f->origin, sizeof f->origin) ||
        !vt_key_name_valid(f->origin))
        return vt_fail(why, VT_E_SYNTAX, "line 2 of a final statement is not an origin");
    if (!vt_reader_line(r, &line) || !vt_reader_decimal(&line, INT64_MAX, &f->size))
        return vt_fail(why, VT_E_SYNTAX, "line 3 of a final statement is not the log's size");
    if (!vt_reader_line(r, &line) || !vt_field_b64(&line, f->root.b, VT_DIGEST_SIZE))
        return vt_fail(why, VT_E_SYNTAX, "line 4 of a final statement is not the log's root");
    return VT_OK;
}

static enum vt_err
parse_rest(struct vt_reader *r, struct vt_frozen *f, struct vt_why *why)
{
    struct vt_reader line;
    char time[VT_TIME_SIZE];

    if (!vt_reader_line(r, &line) || !vt_reader_cstr(&line, time, sizeof time) ||
        !vt_time_parse(time, &f->time))
        return vt_fail(why, VT_E_SYNTAX, "line 5 of a final statement is not a time");
    if (!vt_reader_line(r, &line) || !is_plain(line.p, line.left) ||
        !vt_reader_cstr(&line, f->reason, sizeof f->reason))
        return vt_fail(why, VT_E_SYNTAX, "line 6 of a final statement is not a reason");
    if (r->left == 0)
        return VT_OK;
    if (!vt_reader_line(r, &line) || !vt_reader_skip(&line, SUCCESSOR) || r->left > 0)
        return vt_fail(why, VT_E_SYNTAX, "line 7 of a final statement is not a successor");
    f->has_successor = true;
    return vt_vkey_parse((const char *)line.p, line.left, &f->successor, why);
}

enum vt_err
vt_frozen_parse(const void *text, size_t len, struct vt_frozen *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(text, len);
    struct vt_frozen f = {0};
    enum vt_err err;

    if (len > VT_FROZEN_TEXT_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "a final statement has more than %u bytes", VT_FROZEN_TEXT_MAX);
    err = parse_tree(&r, &f, why);
    if (err == VT_OK)
        err = parse_rest(&r, &f, why);
    if (err == VT_OK)
        *ret = f;
    return err;
}

void
vt_frozen_put(struct vt_buf *b, const struct vt_frozen *f)
{
    char time[VT_TIME_SIZE];
    char vkey[VT_VKEY_TEXT_MAX];

    vt_time_format(f->time, time);
    vt_buf_putf(b, "%s%s\n%" PRIu64 "\n", FIRST_LINE, f->origin, f->size);
    vt_buf_put_b64(b, f->root.b, VT_DIGEST_SIZE);
    vt_buf_putf(b, "\n%s\n%s\n", time, f->reason);
    if (f->has_successor) {
        vt_vkey_format(&f->successor, vkey);
        vt_buf_putf(b, "%s%s\n", SUCCESSOR, vkey);
    }
}

enum vt_err
vt_frozen_open(const void *data, size_t len, const struct vt_vkey *log, struct vt_frozen *ret,
    struct vt_why *why)
{
    struct vt_frozen f;
    struct vt_note n;
    enum vt_err err = vt_note_parse(data, len, &n, why);

    if (err == VT_OK)
        err = vt_frozen_parse(n.text, n.text_len, &f, why);
    if (err != VT_OK)
        return err;
    if (strcmp(f.origin, log->name) != 0)
        return vt_fail(why, VT_E_UNKNOWN, "the final statement is of the log `%s`, not of `%s`",
            f.origin, log->name);
    err = vt_note_verify(&n, log, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "final statement of `%s`", f.origin);
    *ret = f;
    return VT_OK;
}
