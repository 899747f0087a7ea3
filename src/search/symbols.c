/* SPDX-License-Identifier: Apache-2.0 */
#include "search/symbols.h"

#include "base/text.h"
#include "search/packed.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (64U << 20)
#define WORDS_LOOKED 32U /* the last words: kinds and scopes come in runs */

/* Strings are places in `text`, each ended by a NUL. */
struct one {
    uint32_t name;
    uint32_t kind; /* index of a word */
    uint32_t scope;
    uint32_t order;
    uint64_t line;
    uint64_t end;
};

struct vt_symbols {
    struct vt_buf text;
    struct one one[VT_SYMBOLS_MAX];
    uint32_t count;
    uint32_t word[2 * VT_SYMBOLS_MAX];
    uint32_t words;
};

enum vt_err
vt_symbols_new(struct vt_symbols **ret, struct vt_why *why)
{
    struct vt_symbols *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for symbols");
    s->text = VT_BUF(TEXT_MAX);
    *ret = s;
    return VT_OK;
}

void
vt_symbols_free(struct vt_symbols *s)
{
    if (s == NULL)
        return;
    vt_buf_release(&s->text);
    free(s);
}

void
vt_symbols_clear(struct vt_symbols *s)
{
    vt_buf_clear(&s->text);
    s->count = 0;
    s->words = 0;
}

size_t
vt_symbols_count(const struct vt_symbols *s)
{
    return s->count;
}

static bool
name_ok(const char *name)
{
    size_t len = strnlen(name, VT_SYMBOLS_NAME_MAX + 1);

    if (len == 0 || len > VT_SYMBOLS_NAME_MAX || !vt_utf8_valid(name, len))
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return false;
    }
    return true;
}

/* The index of a word, which is added when it is not among the last ones. */
static uint32_t
word_of(struct vt_symbols *s, const char *raw)
{
    char word[VT_SYMBOLS_WORD_MAX + 1];
    size_t len = vt_text_clean(word, sizeof word, raw, strlen(raw));
    uint32_t from = s->words > WORDS_LOOKED ? s->words - WORDS_LOOKED : 0;

    for (uint32_t i = s->words; i-- > from;) {
        if (strcmp((const char *)s->text.data + s->word[i], word) == 0)
            return i;
    }
    s->word[s->words] = (uint32_t)s->text.len;
    vt_buf_put(&s->text, word, len + 1);
    return s->words++;
}

enum vt_err
vt_symbols_put(struct vt_symbols *s, const struct vt_symbol *one, struct vt_why *why)
{
    struct one *o = &s->one[s->count];

    if (s->count == VT_SYMBOLS_MAX || one->line == 0 || !name_ok(one->name))
        return VT_OK;
    o->name = (uint32_t)s->text.len;
    vt_buf_put(&s->text, one->name, strlen(one->name) + 1);
    if (s->text.err == VT_OK)
        o->kind = word_of(s, one->kind);
    if (s->text.err == VT_OK)
        o->scope = word_of(s, one->scope);
    if (s->text.err != VT_OK)
        return vt_buf_check(&s->text, "symbols", why);
    o->order = s->count++;
    o->line = one->line;
    o->end = one->end >= one->line ? one->end : 0;
    return VT_OK;
}

static int
by_line(const void *a, const void *b)
{
    const struct one *x = a;
    const struct one *y = b;

    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

enum vt_err
vt_symbols_pack(struct vt_symbols *s, struct vt_buf *b, struct vt_why *why)
{
    uint64_t line = 0;

    qsort(s->one, s->count, sizeof s->one[0], by_line);
    vt_packed_put_number(b, s->words);
    for (uint32_t i = 0; i < s->words; i++)
        vt_packed_put_word(b, (const char *)s->text.data + s->word[i]);
    for (uint32_t i = 0; i < s->count; i++) {
        const struct one *o = &s->one[i];

        vt_packed_put_number(b, o->line - line);
        vt_packed_put_number(b, o->end == 0 ? 0 : o->end - o->line + 1);
        vt_packed_put_number(b, o->kind);
        vt_packed_put_number(b, o->scope);
        vt_packed_put_word(b, (const char *)s->text.data + o->name);
        line = o->line;
    }
    return vt_buf_check(b, "symbols", why);
}

/* One symbol after the line of the last one. */
static bool
take_one(struct vt_reader *r, const char *const *word, uint64_t words, uint64_t *line,
    struct vt_symbol *ret)
{
    uint64_t more;
    uint64_t span;
    uint64_t kind;
    uint64_t scope;

    if (!vt_packed_number(r, &more) || !vt_packed_number(r, &span) ||
        !vt_packed_number(r, &kind) || !vt_packed_number(r, &scope) ||
        !vt_packed_word(r, &ret->name) || kind >= words || scope >= words)
        return false;
    *line += more;
    ret->line = *line;
    ret->end = span == 0 ? 0 : *line + span - 1;
    ret->kind = word[kind];
    ret->scope = word[scope];
    return true;
}

static bool
take_words(struct vt_reader *r, const char ***ret, uint64_t *ret_count)
{
    const char **word;
    uint64_t count;

    if (!vt_packed_number(r, &count) || count > 2 * VT_SYMBOLS_MAX || count > r->left ||
        (word = calloc(count + 1, sizeof *word)) == NULL)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!vt_packed_word(r, &word[i])) {
            free(word);
            return false;
        }
    }
    *ret = word;
    *ret_count = count;
    return true;
}

enum vt_err
vt_symbols_each(const void *data, size_t len,
    enum vt_err (*fn)(void *ctx, const struct vt_symbol *s, struct vt_why *why), void *ctx,
    struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    const char **word = NULL;
    uint64_t words = 0;
    uint64_t line = 0;
    enum vt_err err = VT_OK;

    if (!take_words(&r, &word, &words))
        return vt_fail(why, VT_E_SYNTAX, "the library's symbols of a file are damaged");
    while (err == VT_OK && r.left > 0) {
        struct vt_symbol s;

        if (!take_one(&r, word, words, &line, &s))
            err = vt_fail(why, VT_E_SYNTAX, "the library's symbols of a file are damaged");
        else
            err = fn(ctx, &s, why);
    }
    free(word);
    return err;
}
