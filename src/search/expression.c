/* SPDX-License-Identifier: Apache-2.0 */
#include "search/expression.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32, REPEAT_MAX = 200, CLASS_EXPAND_MAX = 8 };

struct parser {
    const char *text;
    const char *at;
    struct vt_buf *out;
    struct vt_formulas formulas;
    bool caseless;
    bool newlines; /* something in it may match one */
    unsigned depth;
    struct vt_why *why;
};

static enum vt_err parse_or(struct parser *p, struct vt_part *ret);

static enum vt_err
wrong(const struct parser *p, const char *what)
{
    size_t place = 1;

    for (const char *s = p->text; s < p->at; s++)
        place += ((unsigned char)*s & 0xc0) != 0x80;
    return vt_fail(
        p->why, VT_E_USAGE, "the expression is wrong at character %zu: %s", place, what);
}

static void
put_literal(struct parser *p, const char *s, size_t len)
{
    if (len == 1 && strchr("\\^$.[]|()?*+{}-/#&~ \t\n!\"%',:;<=>@_`", *s) != NULL) {
        if (*s == '\n')
            vt_buf_puts(p->out, "\\n");
        else if (*s == '_') /* a word character: it needs no escape and may have none */
            vt_buf_puts(p->out, "_");
        else
            vt_buf_putf(p->out, "\\%c", *s);
    } else {
        vt_buf_put(p->out, s, len);
    }
}

/* Whether a character's other cases are of other bytes than folding knows: K (the Kelvin sign)
 * and long s have them, and all beyond ASCII may. */
static bool
fold_unsure(const struct parser *p, unsigned code)
{
    return p->caseless && (code >= 0x80 || strchr("kKsS", (int)code) != NULL);
}

static void
literal_part(
    const struct parser *p, unsigned code, const char *s, size_t len, struct vt_part *ret)
{
    struct vt_bytes of = {0};

    vt_bytes_add(&of, code, code);
    if (fold_unsure(p, code))
        vt_part_any(ret, &of);
    else
        vt_part_literal(ret, (const uint8_t *)s, len);
}

/* The character that a backslash and c stand for, or -1: c is no such escape. */
static int
escaped(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    default:
        return c > ' ' && c < 0x7f && strchr("_", c) == NULL &&
                       !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                           (c >= 'a' && c <= 'z'))
                   ? c
                   : -1;
    }
}

/* A backslash outside of a class. */
static enum vt_err
parse_escape(struct parser *p, struct vt_part *ret)
{
    char c = p->at[1];
    int code = escaped(c);
    char one = (char)code;

    p->newlines = p->newlines || (c != '\0' && strchr("DWsn", c) != NULL);
    if (c != '\0' && strchr("dDwWsS", c) != NULL) {
        struct vt_bytes of = {0};

        vt_buf_putf(p->out, "\\%c", c);
        vt_bytes_add_kind(&of, c);
        vt_part_any(ret, &of);
    } else if (c == 'b' || c == 'B') {
        vt_buf_putf(p->out, "\\%c", c);
        vt_part_empty(ret);
    } else if (code >= 0) {
        put_literal(p, &one, 1);
        literal_part(p, (unsigned)code, &one, 1, ret);
    } else {
        return wrong(p, "a backslash stands before d, w, s, b, n, t, r or a sign");
    }
    p->at += 2;
    return VT_OK;
}

/* One character of a class, or one of \d \w \s (*ret_code is -1 then), written out. */
static enum vt_err
class_item(struct parser *p, int *ret_code, size_t *ret_len)
{
    unsigned code;
    size_t len = vt_text_char((const unsigned char *)p->at, strlen(p->at), &code);

    if (*p->at == '\\') {
        *ret_len = 2;
        if (p->at[1] != '\0' && strchr("dDwWsS", p->at[1]) != NULL) {
            *ret_code = -1;
            return VT_OK;
        }
        *ret_code = escaped(p->at[1]);
        return *ret_code >= 0
                   ? VT_OK
                   : wrong(p, "a backslash in [] stands before d, w, s, n, t, r or a sign");
    }
    if (*p->at == '[')
        return wrong(p, "a [ within [] wants a backslash before it");
    *ret_code = (int)code;
    *ret_len = len;
    return VT_OK;
}

static void
put_class_char(struct parser *p, int code, const char *s, size_t len)
{
    char one = (char)code;

    if (*s == '\\')
        put_literal(p, &one, 1);
    else
        put_literal(p, s, len);
}

/* The characters that a class has so far, when they are few. */
struct members {
    bool few;
    size_t count;
    uint8_t c[CLASS_EXPAND_MAX];
    struct vt_bytes of; /* all of them */
};

static void
members_add(struct members *m, const struct parser *p, int from, int to)
{
    m->few =
        m->few && from >= 0 && to < 0x80 && (size_t)(to - from) < CLASS_EXPAND_MAX - m->count;
    for (int c = from; m->few && c <= to; c++) {
        m->few = !fold_unsure(p, (unsigned)c);
        m->c[m->count++] = (uint8_t)c;
    }
}

/* An item and, after a `-`, the end of its range. */
static enum vt_err
parse_class_range(struct parser *p, struct members *m)
{
    const char *s = p->at;
    int from = 0, to = 0;
    size_t len = 0;
    enum vt_err err = class_item(p, &from, &len);

    if (err != VT_OK)
        return err;
    if (from < 0) {
        vt_buf_put(p->out, s, 2);
        p->newlines = p->newlines || strchr("DWs", s[1]) != NULL;
        vt_bytes_add_kind(&m->of, s[1]);
        m->few = false;
        p->at += len;
        return VT_OK;
    }
    put_class_char(p, from, s, len);
    p->at += len;
    to = from;
    if (p->at[0] == '-' && p->at[1] != ']' && p->at[1] != '\0') {
        s = ++p->at;
        err = class_item(p, &to, &len);
        if (err != VT_OK)
            return err;
        if (to < from)
            return wrong(p, "the range ends before it begins");
        vt_buf_puts(p->out, "-");
        put_class_char(p, to, s, len);
        p->at += len;
    }
    p->newlines = p->newlines || (from <= '\n' && to >= '\n');
    vt_bytes_add(&m->of, (unsigned)from, (unsigned)to);
    members_add(m, p, from, to);
    return VT_OK;
}

static void
class_part(struct parser *p, const struct members *m, bool negated, struct vt_part *ret)
{
    struct vt_bytes of = m->of;

    if (negated) {
        for (size_t i = 0; i < 2; i++)
            of.of[i] = ~of.of[i];
        vt_bytes_add(&of, 0x80, 0x80); /* some of those are in it still */
    }
    if (negated || !m->few) {
        vt_part_any(ret, &of);
        return;
    }
    vt_part_literal(ret, m->c, 1);
    for (size_t i = 1; i < m->count; i++) {
        struct vt_part one;

        vt_part_literal(&one, m->c + i, 1);
        vt_part_or(&p->formulas, ret, &one);
    }
}

static enum vt_err
parse_class(struct parser *p, struct vt_part *ret)
{
    struct members m = {.few = true};
    bool negated = *++p->at == '^';
    enum vt_err err = VT_OK;

    vt_buf_puts(p->out, negated ? "[^" : "[");
    p->at += negated;
    p->newlines = p->newlines || negated;
    if (*p->at == ']')
        return wrong(p, "[] is empty; a ] within it wants a backslash before it");
    while (*p->at != ']' && *p->at != '\0' && err == VT_OK)
        err = parse_class_range(p, &m);
    if (err != VT_OK)
        return err;
    if (*p->at == '\0')
        return wrong(p, "a [ has no ]");
    p->at++;
    vt_buf_puts(p->out, "]");
    class_part(p, &m, negated, ret);
    return VT_OK;
}

static enum vt_err
parse_group(struct parser *p, struct vt_part *ret)
{
    enum vt_err err;

    p->at++;
    if (*p->at == '?' && p->at[1] != ':')
        return wrong(p, "after ( there may stand ?: but no other of the (? forms");
    if (*p->at == '?')
        p->at += 2;
    if (++p->depth > DEPTH_MAX)
        return wrong(p, "too many groups within groups");
    vt_buf_puts(p->out, "(?:");
    err = parse_or(p, ret);
    if (err != VT_OK)
        return err;
    if (*p->at != ')')
        return wrong(p, "a ( has no )");
    p->at++;
    p->depth--;
    vt_buf_puts(p->out, ")");
    return VT_OK;
}

static enum vt_err
parse_char(struct parser *p, struct vt_part *ret)
{
    unsigned code;
    size_t len = vt_text_char((const unsigned char *)p->at, strlen(p->at), &code);

    p->newlines = p->newlines || code == '\n';
    put_literal(p, p->at, len);
    literal_part(p, code, p->at, len, ret);
    p->at += len;
    return VT_OK;
}

static enum vt_err
parse_atom(struct parser *p, struct vt_part *ret)
{
    static const struct vt_bytes not_newline = {
        {~(UINT64_C(1) << '\n'), UINT64_MAX, UINT64_MAX, UINT64_MAX}};

    switch (*p->at) {
    case '\\':
        return parse_escape(p, ret);
    case '[':
        return parse_class(p, ret);
    case '(':
        return parse_group(p, ret);
    case '.':
        vt_buf_putf(p->out, "%c", *p->at++);
        vt_part_any(ret, &not_newline);
        return VT_OK;
    case '^':
    case '$':
        vt_buf_putf(p->out, "%c", *p->at++);
        vt_part_empty(ret);
        return VT_OK;
    case '*':
    case '+':
    case '?':
        return wrong(p, "there is nothing to repeat");
    default:
        return parse_char(p, ret);
    }
}

/* "{m}", "{m,}", "{m,n}": their length; 0: it is no such thing, and the { a literal. most: -1
 * for no bound. */
static size_t
braces(const char *s, long *ret_least, long *ret_most)
{
    char *end;

    if (s[0] != '{' || s[1] < '0' || s[1] > '9')
        return 0;
    *ret_least = *ret_most = strtol(s + 1, &end, 10);
    if (*end == ',') {
        *ret_most = -1;
        end++;
        if (*end >= '0' && *end <= '9')
            *ret_most = strtol(end, &end, 10);
    }
    return *end == '}' ? (size_t)(end + 1 - s) : 0;
}

/* What a part is worth when it stands from least to most times. */
static void
repeated(struct parser *p, struct vt_part *part, long least, long most)
{
    struct vt_part empty;
    struct vt_bytes of;

    if (least == 0 && most == 1) {
        vt_part_empty(&empty);
        vt_part_or(&p->formulas, part, &empty);
    } else if (least == 0) {
        of = part->bytes;
        vt_part_any(part, &of);
    } else if (least != 1 || most != 1) {
        vt_part_repeat(&p->formulas, part);
    }
}

static enum vt_err
parse_repeat(struct parser *p, struct vt_part *ret)
{
    const char *s;
    long least = 1;
    long most = 1;
    size_t len;
    enum vt_err err = parse_atom(p, ret);

    if (err != VT_OK)
        return err;
    s = p->at;
    if (*s == '*' || *s == '+' || *s == '?') {
        least = *s == '+';
        most = *s == '?' ? 1 : -1;
        len = 1;
    } else {
        len = braces(s, &least, &most);
    }
    if (len == 0)
        return VT_OK;
    if (least > REPEAT_MAX || most > REPEAT_MAX || (most >= 0 && most < least))
        return wrong(p, "a number in {} is over 200, or they stand the wrong way round");
    vt_buf_put(p->out, s, len);
    p->at += len;
    if (*p->at == '?')
        vt_buf_putf(p->out, "%c", *p->at++);
    if (*p->at == '*' || *p->at == '+' || *p->at == '?' ||
        braces(p->at, &(long){0}, &(long){0}) > 0)
        return wrong(p, "two signs of repetition follow each other");
    repeated(p, ret, least, most);
    return VT_OK;
}

/* Parts are large, and groups within groups are parsed by recursion: they live on the heap. */
struct sequence {
    struct vt_sequence all;
    struct vt_part part;
};

static enum vt_err
parse_sequence(struct parser *p, struct vt_part *ret)
{
    struct sequence *s = malloc(sizeof(*s));
    enum vt_err err = VT_OK;

    if (s == NULL)
        return vt_fail(p->why, VT_E_NOMEM, "out of memory");
    vt_sequence_begin(&s->all);
    while (err == VT_OK && *p->at != '\0' && *p->at != '|' && *p->at != ')') {
        err = parse_repeat(p, &s->part);
        if (err == VT_OK)
            vt_sequence_put(&p->formulas, &s->all, &s->part);
    }
    vt_sequence_end(&p->formulas, &s->all, ret);
    free(s);
    return err;
}

static enum vt_err
parse_or(struct parser *p, struct vt_part *ret)
{
    struct vt_part *part = malloc(sizeof(*part));
    enum vt_err err =
        part != NULL ? parse_sequence(p, ret) : vt_fail(p->why, VT_E_NOMEM, "out of memory");

    while (err == VT_OK && *p->at == '|') {
        vt_buf_putf(p->out, "%c", *p->at++);
        err = parse_sequence(p, part);
        if (err == VT_OK)
            vt_part_or(&p->formulas, ret, part);
    }
    free(part);
    return err;
}

enum vt_err
vt_expression_parse(
    const char *text, struct vt_buf *out, struct vt_expression *ret, struct vt_why *why)
{
    struct parser *p = calloc(1, sizeof(*p));
    struct vt_part *part = malloc(sizeof(*part));
    enum vt_err err;

    if (p == NULL || part == NULL) {
        err = vt_fail(why, VT_E_NOMEM, "out of memory");
        goto out;
    }
    *p = (struct parser){.text = text, .at = text, .out = out, .why = why};
    p->formulas.count = 1;
    p->caseless = strncmp(text, "(?i)", 4) == 0;
    if (p->caseless)
        p->at += 4;
    err = parse_or(p, part);
    if (err == VT_OK && *p->at != '\0')
        err = wrong(p, "a ) has no (");
    if (err == VT_OK)
        err = vt_buf_check(out, "expression", why);
    if (err == VT_OK) {
        ret->caseless = p->caseless;
        ret->one_line = !p->newlines;
        ret->need = *vt_part_need(part, &ret->before);
        if (p->caseless)
            vt_bytes_add_cases(&ret->before);
        ret->term_count = vt_part_terms(&p->formulas, part, ret->term, VT_PATTERN_TERMS_MAX);
    }
out:
    free(part);
    free(p);
    return err;
}
