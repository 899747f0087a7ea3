/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "search/pattern.h"

#include "search/expression.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

/* Steps of matching in one text, and bytes of stack for it: what sane expressions come nowhere
 * near. */
enum { STEPS_MAX = 2000000, STACK_START = 32 * 1024, STACK_MAX = 512 * 1024 };

struct vt_pattern {
    size_t term_count;
    struct vt_trigram_term term[VT_PATTERN_TERMS_MAX];
    uint8_t literal[VT_PATTERN_MAX]; /* of VT_PATTERN_EXACT; code is NULL then */
    size_t literal_len;
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

    for (size_t i = 0; i < have && p->term_count + 2 <= VT_PATTERN_TERMS_MAX; i++) {
        p->term[p->term_count++] =
            (struct vt_trigram_term){VT_TRIGRAM_HAS, vt_trigram(text + i)};
        if (i > 0)
            p->term[p->term_count++] = (struct vt_trigram_term){VT_TRIGRAM_AND, 0};
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
    p->literal_len = len;
    return VT_OK;
}

static enum vt_err
take_expression(struct vt_pattern *p, const char *text, struct vt_why *why)
{
    struct vt_buf out = VT_BUF(8 * VT_PATTERN_MAX);
    bool caseless = false;
    enum vt_err err = vt_expression_parse(text, &out, &caseless, p->term, &p->term_count, why);

    if (err == VT_OK)
        err = compile(p, vt_buf_str(&out), out.len,
            PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |
                (caseless ? PCRE2_CASELESS : 0),
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
    const uint8_t *at = memmem(data + from, len - from, p->literal, p->literal_len);

    if (at == NULL)
        return false;
    ret->from = (size_t)(at - data);
    ret->to = ret->from + p->literal_len;
    return true;
}

bool
vt_pattern_find(const struct vt_pattern *p, const uint8_t *data, size_t len, size_t from,
    struct vt_match *ret, bool *ret_gave_up)
{
    const PCRE2_SIZE *v;
    int code;

    if (from >= len)
        return false;
    if (p->code == NULL)
        return find_literal(p, data, len, from, ret);
    code = pcre2_match(p->code, data, len, from, PCRE2_NOTEMPTY, p->found, p->limits);
    if (code < 0) {
        *ret_gave_up = *ret_gave_up || code != PCRE2_ERROR_NOMATCH;
        return false;
    }
    v = pcre2_get_ovector_pointer(p->found);
    ret->from = v[0];
    ret->to = v[1];
    return v[1] > v[0];
}

size_t
vt_pattern_terms(const struct vt_pattern *p, const struct vt_trigram_term **ret)
{
    *ret = p->term;
    return p->term_count;
}
