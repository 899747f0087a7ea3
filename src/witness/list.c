/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/list.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#define QPD_MAX ((1U << 31) - 1)

void
vt_witness_list_release(struct vt_witness_list *l)
{
    free(l->item);
    *l = (struct vt_witness_list){0};
}

enum vt_err
vt_witness_list_add(struct vt_witness_list *l, const char *origin, const struct vt_vkey *key,
    struct vt_why *why)
{
    struct vt_witness_follow *f;

    if (l->count == VT_WITNESS_FOLLOW_MAX)
        return vt_fail(why, VT_E_LIMIT, "more than %u keys of logs", VT_WITNESS_FOLLOW_MAX);
    if (l->count == l->room) {
        size_t room = l->room == 0 ? 16 : 2 * l->room;

        f = reallocarray(l->item, room, sizeof(*f));
        if (f == NULL)
            return vt_fail(why, VT_E_NOMEM, "witness: out of memory");
        l->item = f;
        l->room = room;
    }
    f = &l->item[l->count++];
    memset(f, 0, sizeof(*f));
    (void)!memccpy(f->origin, origin == NULL ? key->name : origin, '\0', sizeof(f->origin) - 1);
    f->key = *key;
    return VT_OK;
}

/* The file that is being read. */
struct parse {
    struct vt_witness_list *list;
    struct vt_reader r;
    size_t number; /* of the line taken last */
    bool has_line; /* line is one that was not used yet */
    struct vt_reader line;
    struct vt_why *why;
};

static enum vt_err
bad(const struct parse *p, const char *text)
{
    return vt_fail(p->why, VT_E_CONFIG, "line %zu: %s", p->number, text);
}

static struct vt_reader
trimmed(struct vt_reader s)
{
    while (s.left > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = VT_READER(s.p + 1, s.left - 1);
    while (s.left > 0 && (s.p[s.left - 1] == ' ' || s.p[s.left - 1] == '\t'))
        s.left--;
    return s;
}

/* The next line that says something, into p->line; *ret_end: there is none. */
static enum vt_err
next_line(struct parse *p, bool *ret_end)
{
    *ret_end = false;
    while (!p->has_line) {
        if (p->r.left == 0) {
            *ret_end = true;
            return VT_OK;
        }
        p->number++;
        if (!vt_reader_line(&p->r, &p->line))
            return bad(p, "no newline ends it");
        if (p->line.left > VT_WITNESS_LINE_MAX)
            return bad(p, "it is too long");
        p->line = trimmed(p->line);
        p->has_line = p->line.left > 0 && p->line.p[0] != '#';
    }
    return VT_OK;
}

static enum vt_err
parse_key(struct parse *p, struct vt_reader text, struct vt_vkey *ret)
{
    enum vt_err err = vt_vkey_parse((const char *)text.p, text.left, ret, p->why);

    if (err == VT_E_NOMEM)
        return err;
    return err == VT_OK ? VT_OK : vt_fail_in(p->why, VT_E_CONFIG, "line %zu", p->number);
}

/* The next line when it begins with that word and a space; *ret is the rest. */
static enum vt_err
take_word(struct parse *p, const char *word, bool *ret_there, struct vt_reader *ret)
{
    struct vt_reader line;
    bool end;
    enum vt_err err = next_line(p, &end);

    *ret_there = false;
    if (err != VT_OK || end)
        return err;
    line = p->line;
    if (vt_reader_skip(&line, word) && line.left > 0 &&
        (line.p[0] == ' ' || line.p[0] == '\t')) {
        *ret = trimmed(line);
        *ret_there = true;
        p->has_line = false;
    }
    return VT_OK;
}

static enum vt_err
need_word(struct parse *p, const char *word, struct vt_reader *ret)
{
    bool there = false;
    enum vt_err err = take_word(p, word, &there, ret);

    if (err == VT_OK && !there)
        err = vt_fail(p->why, VT_E_CONFIG, "line %zu: `%s` is missing", p->number, word);
    return err;
}

/* `origin ORIGIN` where it is there. */
static enum vt_err
parse_origin(struct parse *p, char ret[VT_KEY_NAME_MAX + 1])
{
    struct vt_reader text;
    bool there = false;
    enum vt_err err = take_word(p, "origin", &there, &text);

    if (err != VT_OK || !there)
        return err;
    for (size_t i = 0; i < text.left; i++)
        if (text.p[i] < 0x20)
            return bad(p, "the origin has a control character");
    if (!vt_reader_cstr(&text, ret, VT_KEY_NAME_MAX + 1))
        return bad(p, "the origin is too long");
    return VT_OK;
}

/* One log of a list of C2SP tlog-list. */
static enum vt_err
parse_item(struct parse *p)
{
    char origin[VT_KEY_NAME_MAX + 1] = "";
    struct vt_reader text;
    struct vt_vkey key;
    uint64_t qpd = 0;
    enum vt_err err = need_word(p, "vkey", &text);

    if (err == VT_OK)
        err = parse_key(p, text, &key);
    if (err == VT_OK)
        err = parse_origin(p, origin);
    if (err == VT_OK)
        err = need_word(p, "qpd", &text);
    if (err == VT_OK && (!vt_reader_decimal(&text, QPD_MAX, &qpd) || qpd == 0))
        err = bad(p, "`qpd` is no number of 1 to 2147483647");
    if (err == VT_OK)
        err = need_word(p, "contact", &text);
    if (err == VT_OK)
        err = vt_witness_list_add(p->list, origin[0] == '\0' ? NULL : origin, &key, p->why);
    return err;
}

static enum vt_err
parse_plain(struct parse *p)
{
    struct vt_vkey key;
    enum vt_err err = parse_key(p, p->line, &key);

    p->has_line = false;
    return err == VT_OK ? vt_witness_list_add(p->list, NULL, &key, p->why) : err;
}

enum vt_err
vt_witness_list_parse(
    struct vt_witness_list *l, const void *data, size_t len, struct vt_why *why)
{
    struct parse p = {.list = l, .r = VT_READER(data, len), .why = why};
    size_t count = l->count;
    bool is_list;
    bool end = false;
    enum vt_err err;

    if (len > VT_WITNESS_LIST_MAX)
        return vt_fail(
            why, VT_E_CONFIG, "a list of logs has at most %u bytes", VT_WITNESS_LIST_MAX);
    if (!vt_utf8_valid(data, len))
        return vt_fail(why, VT_E_CONFIG, "a list of logs is UTF-8");
    err = next_line(&p, &end);
    is_list = err == VT_OK && !end && vt_reader_is(&p.line, "logs/v0");
    if (is_list)
        p.has_line = false;
    while (err == VT_OK) {
        err = next_line(&p, &end);
        if (err != VT_OK || end)
            break;
        err = is_list ? parse_item(&p) : parse_plain(&p);
    }
    if (err != VT_OK)
        l->count = count;
    return err;
}

enum vt_err
vt_witness_list_load(struct vt_witness_list *l, const char *path, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_WITNESS_LIST_MAX);
    enum vt_err err;

    if (!vt_file_exists(path))
        return VT_OK;
    err = vt_file_read(path, &b, why);
    if (err == VT_OK) {
        err = vt_witness_list_parse(l, b.data, b.len, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", path);
    }
    vt_buf_release(&b);
    return err;
}
