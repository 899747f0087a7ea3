/* SPDX-License-Identifier: Apache-2.0 */
#include "flatten.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct flat {
    size_t count;
    size_t len[FLAT_PATHS_MAX];
    char path[FLAT_PATHS_MAX][FLAT_PATH_MAX + 1];
    char *scratch; /* unescaped texts of one line: never longer than the line */
    size_t scratch_room;
    size_t scratch_len;
};

/* Which paths go on in an object, and from where on. */
struct level {
    uint32_t mask;
    uint8_t at[FLAT_PATHS_MAX];
};

struct cursor {
    const char *p;
    const char *end;
};

struct flat *
flat_new(const char *const *path, size_t count)
{
    if (count > FLAT_PATHS_MAX)
        return NULL;
    struct flat *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->count = count;
    for (size_t i = 0; i < count; i++) {
        f->len[i] = strlen(path[i]);
        if (f->len[i] == 0 || f->len[i] > FLAT_PATH_MAX) {
            free(f);
            return NULL;
        }
        memcpy(f->path[i], path[i], f->len[i]);
    }
    return f;
}

void
flat_free(struct flat *f)
{
    if (f == NULL)
        return;
    free(f->scratch);
    free(f);
}

static void
blanks(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\r' || *c->p == '\n'))
        c->p++;
}

static bool
take(struct cursor *c, char what)
{
    blanks(c);
    if (c->p == c->end || *c->p != what)
        return false;
    c->p++;
    return true;
}

/* Steps over a string whose first quote was taken; tells what stood in it and whether some of
 * it is escaped. */
static bool
string(struct cursor *c, const char **ret, size_t *ret_len, bool *ret_escaped)
{
    const char *began = c->p;
    bool escaped = false;
    for (;;) {
        const char *q = memchr(c->p, '"', (size_t)(c->end - c->p));
        if (q == NULL)
            return false;
        const char *b = memchr(c->p, '\\', (size_t)(q - c->p));
        if (b == NULL) {
            *ret = began;
            *ret_len = (size_t)(q - began);
            *ret_escaped = escaped;
            c->p = q + 1;
            return true;
        }
        escaped = true;
        if (c->end - b < 2)
            return false;
        c->p = b + 2;
    }
}

/* Steps over an object or list whose first bracket was taken. */
static bool
skip_nested(struct cursor *c)
{
    unsigned depth = 1;
    while (depth > 0) {
        if (c->p == c->end || depth > FLAT_DEPTH_MAX)
            return false;
        char ch = *c->p++;
        const char *s;
        size_t n;
        bool escaped;
        if (ch == '"' && !string(c, &s, &n, &escaped))
            return false;
        if (ch == '{' || ch == '[')
            depth++;
        else if (ch == '}' || ch == ']')
            depth--;
    }
    return true;
}

static bool
word_char(char ch)
{
    return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
           ch == '+' || ch == '-' || ch == '.';
}

static size_t
hex4(const char *p, const char *end, unsigned *ret)
{
    unsigned v = 0;
    if (end - p < 4)
        return 0;
    for (int i = 0; i < 4; i++) {
        char ch = p[i];
        unsigned d = ch >= '0' && ch <= '9'   ? (unsigned)(ch - '0')
                     : ch >= 'a' && ch <= 'f' ? (unsigned)(ch - 'a' + 10)
                     : ch >= 'A' && ch <= 'F' ? (unsigned)(ch - 'A' + 10)
                                              : 16U;
        if (d == 16)
            return 0;
        v = v << 4U | d;
    }
    *ret = v;
    return 4;
}

static size_t
put_utf8(char *ret, unsigned code)
{
    if (code == 0 || (code >= 0xd800 && code < 0xe000))
        code = 0xfffd; /* no text, and half a letter */
    if (code < 0x80) {
        ret[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        ret[0] = (char)(0xc0U | code >> 6U);
        ret[1] = (char)(0x80U | (code & 0x3fU));
        return 2;
    }
    if (code < 0x10000) {
        ret[0] = (char)(0xe0U | code >> 12U);
        ret[1] = (char)(0x80U | (code >> 6U & 0x3fU));
        ret[2] = (char)(0x80U | (code & 0x3fU));
        return 3;
    }
    ret[0] = (char)(0xf0U | code >> 18U);
    ret[1] = (char)(0x80U | (code >> 12U & 0x3fU));
    ret[2] = (char)(0x80U | (code >> 6U & 0x3fU));
    ret[3] = (char)(0x80U | (code & 0x3fU));
    return 4;
}

/* \uXXXX, or two of them that make one letter; p stands after the u. Writes at most as many
 * bytes as were read. */
static const char *
unescape_code(const char *p, const char *end, char *to, size_t *n)
{
    unsigned code = 0;
    unsigned low = 0;
    size_t used = hex4(p, end, &code);
    if (used == 0)
        return NULL;
    p += used;
    if (code >= 0xd800 && code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
        hex4(p + 2, end, &low) == 4 && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10U) + (low - 0xdc00);
        p += 6;
    }
    *n += put_utf8(to + *n, code);
    return p;
}

static bool
unescape(struct flat *f, const char *s, size_t len, const char **ret, size_t *ret_len)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *end = s + len;
    char *out = f->scratch + f->scratch_len;
    size_t n = 0;
    while (s < end) {
        if (*s != '\\') {
            out[n++] = *s++;
            continue;
        }
        if (++s == end)
            return false;
        const char *known = *s != '\0' ? strchr(from, *s) : NULL;
        if (known != NULL) {
            out[n++] = to[known - from];
            s++;
        } else if (*s != 'u' || (s = unescape_code(s + 1, end, out, &n)) == NULL) {
            return false;
        }
    }
    f->scratch_len += n;
    *ret = out;
    *ret_len = n;
    return true;
}

/* A number, true, false or null. */
static bool
literal(struct cursor *c, struct flat_value *ret)
{
    char text[64];
    const char *began = c->p;
    while (c->p < c->end && word_char(*c->p))
        c->p++;
    size_t n = (size_t)(c->p - began);
    if (n == 0 || n >= sizeof text)
        return false;
    memcpy(text, began, n);
    text[n] = '\0';
    bool yes = strcmp(text, "true") == 0;
    *ret = (struct flat_value){.kind = FLAT_INTEGER, .integer = yes};
    if (yes || strcmp(text, "false") == 0)
        return true;
    if (strcmp(text, "null") == 0) {
        ret->kind = FLAT_NULL;
        return true;
    }
    char *end = NULL;
    errno = 0;
    if (strpbrk(text, ".eE") == NULL)
        ret->integer = strtoll(text, &end, 10);
    if (end == NULL || errno != 0) {
        ret->kind = FLAT_REAL;
        ret->real = strtod(text, &end);
    }
    return end == text + n;
}

static bool
value(struct flat *f, struct cursor *c, struct flat_value *ret)
{
    const char *began = c->p;
    bool escaped = false;
    struct flat_value v = {.kind = FLAT_TEXT};
    if (c->p == c->end)
        return false;
    if (*c->p == '"') {
        c->p++;
        if (!string(c, &v.text, &v.len, &escaped) ||
            (escaped && !unescape(f, v.text, v.len, &v.text, &v.len)))
            return false;
    } else if (*c->p == '{' || *c->p == '[') {
        c->p++;
        if (!skip_nested(c))
            return false;
        v = (struct flat_value){
            .kind = FLAT_JSON, .text = began, .len = (size_t)(c->p - began)};
    } else if (!literal(c, &v)) {
        return false;
    }
    *ret = v;
    return true;
}

static bool
skip_value(struct cursor *c)
{
    const char *s;
    size_t n;
    bool escaped;
    if (c->p == c->end)
        return false;
    char ch = *c->p;
    if (ch == '"' || ch == '{' || ch == '[') {
        c->p++;
        return ch == '"' ? string(c, &s, &n, &escaped) : skip_nested(c);
    }
    while (c->p < c->end && word_char(*c->p))
        c->p++;
    return true;
}

/* Which of the level's paths go on with this key (*next), and which end with it. */
static uint32_t
match(const struct flat *f, const struct level *l, const char *key, size_t len,
    struct level *next)
{
    uint32_t ends = 0;
    next->mask = 0;
    if (len == 0)
        return 0;
    for (uint32_t left = l->mask; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);
        size_t at = l->at[i];
        if (f->len[i] - at < len || memcmp(f->path[i] + at, key, len) != 0)
            continue;
        if (at + len == f->len[i]) {
            ends |= 1U << i;
        } else if (f->path[i][at + len] == '.' && at + len + 1 < f->len[i]) {
            next->mask |= 1U << i;
            next->at[i] = (uint8_t)(at + len + 1);
        }
    }
    return ends;
}

/* An object whose brace was taken. Depth is that of the wanted paths, so bounded by them. */
static bool
object(struct flat *f, struct cursor *c, const struct level *l, struct flat_value *ret)
{
    struct level next;
    if (take(c, '}'))
        return true;
    do {
        const char *key;
        size_t len;
        bool escaped = false;
        if (!take(c, '"') || !string(c, &key, &len, &escaped) ||
            (escaped && !unescape(f, key, len, &key, &len)) || !take(c, ':'))
            return false;
        blanks(c);
        uint32_t ends = match(f, l, key, len, &next);
        struct cursor after = *c;
        bool stepped = ends != 0;
        if (stepped) {
            struct flat_value v;
            if (!value(f, &after, &v))
                return false;
            for (; ends != 0; ends &= ends - 1)
                ret[__builtin_ctz(ends)] = v;
        }
        if (next.mask != 0 && c->p < c->end && *c->p == '{') {
            c->p++;
            if (!object(f, c, &next, ret))
                return false;
        } else if (stepped) {
            *c = after;
        } else if (!skip_value(c)) {
            return false;
        }
    } while (take(c, ','));
    return take(c, '}');
}

bool
flat_line(struct flat *f, const char *line, size_t len, struct flat_value *ret)
{
    struct cursor c = {line, line + len};
    struct level top = {.mask = (uint32_t)((1ULL << f->count) - 1)};
    memset(ret, 0, f->count * sizeof *ret);
    /* A key and a value may each be unescaped twice over, at the most. */
    if (f->scratch_room < 2 * len + 16) {
        char *p = realloc(f->scratch, 2 * len + 16);
        if (p == NULL)
            return false;
        f->scratch = p;
        f->scratch_room = 2 * len + 16;
    }
    f->scratch_len = 0;
    bool good = take(&c, '{') && object(f, &c, &top, ret);
    blanks(&c);
    if (!good || c.p != c.end) {
        memset(ret, 0, f->count * sizeof *ret);
        return false;
    }
    return true;
}
