/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "search/pattern.h"

#include "search/expression.h"
#include "search/needle.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

/* Steps of matching in one text, and bytes of stack for it: what sane expressions come nowhere
 * near. */
enum { STEPS_MAX = 2000000, STACK_START = 32 * 1024, STACK_MAX = 512 * 1024 };

struct vt_pattern {
    struct vt_expression e;          /* of a literal its terms alone */
    uint8_t literal[VT_PATTERN_MAX]; /* of VT_PATTERN_EXACT; code is NULL then */
    size_t needle_count;
    struct vt_needle needle[VT_FORMULA_STRINGS_MAX]; /* the literal, or what e.need has */
    pcre2_code *code;
    pcre2_match_data *found;
    pcre2_match_context *limits;
    pcre2_jit_stack *stack;
};

static enum vt_err
compile(
    struct vt_pattern *p, const char *text, size_t len, uint32_t options, struct vt_why *why)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    PCRE2_UCHAR said[128] = "";
    int code = 0;
    PCRE2_SIZE at;

    if (context == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    p->code = pcre2_compile((PCRE2_SPTR)text, len, options, &code, &at, context);
    pcre2_compile_context_free(context);
    if (p->code == NULL) {
        (void)pcre2_get_error_message(code, said, sizeof(said));
        return vt_fail(
            why, VT_E_USAGE, "the expression cannot be used: %s", (const char *)said);
    }
    (void)pcre2_jit_compile(
        p->code, PCRE2_JIT_COMPLETE); /* without it matching is only slower */
    p->found = pcre2_match_data_create_from_pattern(p->code, NULL);
    p->limits = pcre2_match_context_create(NULL);
    p->stack = pcre2_jit_stack_create(STACK_START, STACK_MAX, NULL);
    if (p->found == NULL || p->limits == NULL || p->stack == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    (void)pcre2_set_match_limit(p->limits, STEPS_MAX);
    (void)pcre2_set_heap_limit(p->limits, STACK_MAX / 1024);
    pcre2_jit_stack_assign(p->limits, NULL, p->stack);
    return VT_OK;
}

/* A literal's trigrams: any of its cases has the same, because they are folded. */
static void
literal_terms(struct vt_pattern *p, const uint8_t *text, size_t len)
{
    size_t have = len < 3 ? 0 : len - 2;

    for (size_t i = 0; i < have && p->e.term_count + 2 <= VT_PATTERN_TERMS_MAX; i++) {
        p->e.term[p->e.term_count++] =
            (struct vt_trigram_term){VT_TRIGRAM_HAS, vt_trigram(text + i)};
        if (i > 0)
            p->e.term[p->e.term_count++] = (struct vt_trigram_term){VT_TRIGRAM_AND, 0};
    }
}

static enum vt_err
take_literal(struct vt_pattern *p, const char *text, size_t len, enum vt_pattern_form form,
    struct vt_why *why)
{
    literal_terms(p, (const uint8_t *)text, len);
    if (form == VT_PATTERN_ICASE)
        return compile(p, text, len, PCRE2_LITERAL | PCRE2_CASELESS, why);
    memcpy(p->literal, text, len);
    vt_needle_init(&p->needle[0], p->literal, len);
    p->needle_count = 1;
    return VT_OK;
}

/* Strings of two bytes and less stand nearly everywhere: looking for them first is no help. */
static void
take_needles(struct vt_pattern *p)
{
    for (size_t i = 0; i < p->e.need.count; i++) {
        if (p->e.need.s[i].len < 3) {
            p->needle_count = 0;
            return;
        }
        vt_needle_init(&p->needle[i], p->e.need.s[i].b, p->e.need.s[i].len);
        p->needle_count = i + 1;
    }
}

static enum vt_err
take_expression(struct vt_pattern *p, const char *text, struct vt_why *why)
{
    struct vt_buf out = VT_BUF(8 * VT_PATTERN_MAX);
    enum vt_err err = vt_expression_parse(text, &out, &p->e, why);
    ;

    if (err == VT_OK)
        take_needles(p);
    if (err == VT_OK)
        err = compile(p, vt_buf_str(&out), out.len,
            PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |
                (p->e.caseless ? PCRE2_CASELESS : 0),
            why);
    vt_buf_release(&out);
    return err;
}

enum vt_err
vt_pattern_new(
    const char *text, enum vt_pattern_form form, struct vt_pattern **ret, struct vt_why *why)
{
    size_t len = strlen(text);
    struct vt_pattern *p;
    enum vt_err err;

    if (len == 0 || len > VT_PATTERN_MAX || !vt_utf8_valid(text, len))
        return vt_fail(
            why, VT_E_USAGE, "what to search for is text of 1 to %u bytes", VT_PATTERN_MAX);
    p = calloc(1, sizeof(*p));
    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    err = form == VT_PATTERN_REGEX ? take_expression(p, text, why)
                                   : take_literal(p, text, len, form, why);
    if (err != VT_OK) {
        vt_pattern_free(p);
        return err;
    }
    *ret = p;
    return VT_OK;
}

void
vt_pattern_free(struct vt_pattern *p)
{
    if (p == NULL)
        return;
    pcre2_match_data_free(p->found);
    pcre2_match_context_free(p->limits);
    pcre2_jit_stack_free(p->stack);
    pcre2_code_free(p->code);
    free(p);
}

static bool
find_literal(const struct vt_pattern *p, const uint8_t *data, size_t len, size_t from,
    struct vt_match *ret)
{
    const uint8_t *at = vt_needle_find(&p->needle[0], data + from, len - from);

    if (at == NULL)
        return false;
    ret->from = (size_t)(at - data);
    ret->to = ret->from + p->needle[0].len;
    return true;
}

/* Runs the expression over data from `from` on. */
static bool
run(const struct vt_pattern *p, const uint8_t *data, size_t len, size_t from,
    struct vt_match *ret, bool *ret_gave_up)
{
    int code = pcre2_match(p->code, data, len, from, PCRE2_NOTEMPTY, p->found, p->limits);
    const PCRE2_SIZE *v;

    if (code < 0) {
        *ret_gave_up = *ret_gave_up || code != PCRE2_ERROR_NOMATCH;
        return false;
    }
    v = pcre2_get_ovector_pointer(p->found);
    ret->from = v[0];
    ret->to = v[1];
    return v[1] > v[0];
}

/* Where the needles are next, as far as it had to be found out: none begins before `upto`, one
 * at `at` unless that is NULL. So each byte is looked at once a needle, however many lines
 * there are. */
struct places {
    struct {
        const uint8_t *at;
        const uint8_t *upto;
    } of[VT_FORMULA_STRINGS_MAX];
};

static void
places_begin(struct places *v, const struct vt_pattern *p, const uint8_t *data)
{
    for (size_t i = 0; i < p->needle_count; i++) {
        v->of[i].at = NULL;
        v->of[i].upto = data;
    }
}

/* The first needle at or after `from`; NULL: no match can be there. */
static const uint8_t *
places_next(
    struct places *v, const struct vt_pattern *p, const uint8_t *from, const uint8_t *end)
{
    const uint8_t *first = NULL;

    for (size_t i = 0; i < p->needle_count; i++) {
        const struct vt_needle *n = &p->needle[i];
        const uint8_t *limit = first == NULL ? end : first + n->len - 1;

        limit = limit > end ? end : limit;
        if (v->of[i].at != NULL && v->of[i].at < from)
            v->of[i].at = NULL;
        if (v->of[i].upto < from)
            v->of[i].upto = from;
        if (v->of[i].at == NULL && v->of[i].upto < limit) {
            v->of[i].at = vt_needle_find(n, v->of[i].upto, (size_t)(limit - v->of[i].upto));
            if (v->of[i].at != NULL)
                v->of[i].upto = v->of[i].at;
            else if (first == NULL)
                v->of[i].upto = end;
            else
                v->of[i].upto = first;
        }
        if (v->of[i].at != NULL && (first == NULL || v->of[i].at < first))
            first = v->of[i].at;
    }
    return first;
}

/* An expression of which no match has a newline in it: only lines with a needle are looked at.
 * A line alone is the same to it as that line in its text. */
static bool
find_in_lines(const struct vt_pattern *p, const uint8_t *data, size_t len, size_t from,
    struct vt_match *ret, bool *ret_gave_up)
{
    const uint8_t *end = data + len;
    const uint8_t *at;
    struct places v;

    places_begin(&v, p, data + from);
    while (from < len && (at = places_next(&v, p, data + from, end)) != NULL) {
        const uint8_t *begin = memrchr(data, '\n', (size_t)(at - data));
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        size_t offset;

        begin = begin == NULL ? data : begin + 1;
        stop = stop == NULL ? end : stop;
        offset = (size_t)(begin - data);
        if (run(p, begin, (size_t)(stop - begin), from > offset ? from - offset : 0, ret,
                ret_gave_up)) {
            ret->from += offset;
            ret->to += offset;
            return true;
        }
        from = (size_t)(stop - data) + 1;
    }
    return false;
}

/* Whether there is a needle at all. */
static bool
may_match(const struct vt_pattern *p, const uint8_t *data, size_t len)
{
    struct places v;

    if (p->needle_count == 0)
        return true;
    places_begin(&v, p, data);
    return places_next(&v, p, data, data + len) != NULL;
}

bool
vt_pattern_find(const struct vt_pattern *p, const uint8_t *data, size_t len, size_t from,
    struct vt_match *ret, bool *ret_gave_up)
{
    if (from >= len)
        return false;
    if (p->code == NULL)
        return find_literal(p, data, len, from, ret);
    if (p->needle_count > 0 && p->e.one_line)
        return find_in_lines(p, data, len, from, ret, ret_gave_up);
    if (!may_match(p, data + from, len - from))
        return false;
    return run(p, data, len, from, ret, ret_gave_up);
}

size_t
vt_pattern_terms(const struct vt_pattern *p, const struct vt_trigram_term **ret)
{
    *ret = p->e.term;
    return p->e.term_count;
}
