/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YARA's lexical rules, as far as they tell where a rule begins and ends. White space and
 * comments stand between tokens; a token is a word ($a, #a, 0x10, 10KB are words), a string in
 * quotation marks, a regular expression between slashes, or one other character. A slash begins
 * a comment or an expression, never a division (that is a backslash). A hexadecimal string is a
 * brace within a rule's braces; between its digits white space does not count.
 *
 * A rule is its modifiers, `rule`, its name, and all up to the brace that closes it.
 */
#include "search/rules.h"

#include <string.h>

struct lexer {
    struct vt_reader r;
    uint64_t line;
};

enum token_kind { END = 0, WORD, TEXT, OTHER };
struct token {
    enum token_kind kind;
    const uint8_t *p;
    size_t len;
    uint64_t line;
};

static bool
is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '$';
}

/* Steps over n bytes, and counts their lines. */
static void
step(struct lexer *l, size_t n)
{
    const uint8_t *p;

    if (n > l->r.left)
        n = l->r.left;
    if (!vt_reader_take(&l->r, n, &p))
        return;
    for (size_t i = 0; i < n; i++)
        l->line += p[i] == '\n';
}

static uint8_t
peek(const struct lexer *l, size_t at)
{
    return at < l->r.left ? l->r.p[at] : 0;
}

/* The length of a comment that begins here, 0 when none does. One without an end goes to the
 * end of the file. */
static size_t
comment_len(const struct lexer *l)
{
    const uint8_t *at;
    size_t n = 2;

    if (peek(l, 0) != '/' || l->r.left < 2)
        return 0;
    if (peek(l, 1) == '/') {
        at = memchr(l->r.p, '\n', l->r.left);
        return at != NULL ? (size_t)(at - l->r.p) : l->r.left;
    }
    if (peek(l, 1) != '*')
        return 0;
    while (n < l->r.left && !(l->r.p[n] == '*' && peek(l, n + 1) == '/'))
        n++;
    return n + 2;
}

static void
skip_blank(struct lexer *l)
{
    for (;;) {
        size_t n = 0;

        while (n < l->r.left && l->r.p[n] <= ' ')
            n++;
        if (n == 0)
            n = comment_len(l);
        if (n == 0)
            return;
        step(l, n);
    }
}

/* The length of what stands between two of `mark`, these included. A backslash takes the next
 * character along; a newline ends it, since neither may hold one. */
static size_t
between_len(const struct lexer *l, uint8_t mark)
{
    size_t n = 1;

    while (n < l->r.left && l->r.p[n] != mark && l->r.p[n] != '\n')
        n += l->r.p[n] == '\\' && peek(l, n + 1) != '\n' ? 2 : 1;
    if (n < l->r.left && l->r.p[n] == mark)
        n++;
    return n < l->r.left ? n : l->r.left;
}

static struct token
next(struct lexer *l)
{
    struct token t = {0};

    skip_blank(l);
    t.line = l->line;
    t.p = l->r.p;
    if (l->r.left == 0)
        return t;
    t.kind = OTHER;
    t.len = 1;
    if (is_word(t.p[0])) {
        t.kind = WORD;
        while (t.len < l->r.left && is_word(t.p[t.len]))
            t.len++;
    } else if (t.p[0] == '"' || t.p[0] == '/') {
        t.kind = TEXT;
        t.len = between_len(l, t.p[0]);
    }
    step(l, t.len);
    return t;
}

static bool
token_is(const struct token *t, const char *word)
{
    return t->kind != END && t->len == strlen(word) && memcmp(t->p, word, t->len) == 0;
}

/* A rule's text as it is digested: its tokens, with one space between two words, but within a
 * hexadecimal string none. */
struct text {
    struct vt_buf b;
    bool word; /* the last token was one */
};

static void
text_put(struct text *x, const struct token *t, bool hex)
{
    if (t->kind == WORD && x->word && !hex)
        vt_buf_put_u8(&x->b, ' ');
    vt_buf_put(&x->b, t->p, t->len);
    x->word = t->kind == WORD;
}

/* The rest of a rule after its name. False when the file ends before it does. */
static bool
take_body(struct lexer *l, struct text *x, uint64_t *ret_end)
{
    size_t depth = 0;

    for (;;) {
        struct token t = next(l);

        if (t.kind == END)
            return false;
        text_put(x, &t, depth > 1);
        if (token_is(&t, "{"))
            depth++;
        if (!token_is(&t, "}"))
            continue;
        if (depth <= 1) {
            *ret_end = t.line;
            return depth == 1;
        }
        depth--;
    }
}

static bool
take_name(const struct token *t, struct vt_rule *ret)
{
    if (t->kind != WORD || t->len > VT_RULES_NAME_MAX || t->p[0] == '$' ||
        (t->p[0] >= '0' && t->p[0] <= '9'))
        return false;
    memcpy(ret->name, t->p, t->len);
    ret->name[t->len] = '\0';
    ret->line = t->line;
    return true;
}

enum vt_err
vt_rules_each(const void *data, size_t len,
    enum vt_err (*fn)(void *ctx, const struct vt_rule *rule, struct vt_why *why), void *ctx,
    struct vt_why *why)
{
    struct lexer l = {.r = VT_READER(data, len), .line = 1};
    struct text x = {.b = VT_BUF(2 * len + 1)};
    enum vt_err err = VT_OK;
    struct token t;

    while (err == VT_OK && (t = next(&l)).kind != END) {
        struct vt_rule rule;

        if (token_is(&t, "private") || token_is(&t, "global")) {
            text_put(&x, &t, false);
            continue;
        }
        if (token_is(&t, "rule")) {
            text_put(&x, &t, false);
            t = next(&l);
            text_put(&x, &t, false);
            if (take_name(&t, &rule) && take_body(&l, &x, &rule.end) &&
                (err = vt_buf_check(&x.b, "the text of a rule", why)) == VT_OK) {
                vt_digest_of(x.b.data, x.b.len, &rule.text);
                err = fn(ctx, &rule, why);
            }
        }
        vt_buf_clear(&x.b);
        x.word = false;
    }
    vt_buf_release(&x.b);
    return err;
}
