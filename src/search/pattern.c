/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "search/pattern.h"

#include "base/clock.h"
#include "search/expression.h"
#include "search/needle.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

/* Steps of matching in one text, and bytes of stack for it: what sane expressions come nowhere
 * near. */
enum { STEPS_MAX = 2000000, STACK_START = 32 * 1024, STACK_MAX = 512 * 1024 };
enum { LOOK_AT_CLOCK = 16 }; /* runs of the expression */

struct vt_pattern {
    struct vt_expression e;          /* of a literal its terms alone */
    uint8_t literal[VT_PATTERN_MAX]; /* unless it is an expression: code is NULL then */
    struct vt_needles needles;       /* the literal, or what e.need has */
    int64_t until_ms; /* on the monotonic clock; INT64_MAX: as long as it takes */
    bool is_twin;     /* code is another's */
    pcre2_code *code;
    pcre2_match_data *found;
    pcre2_match_context *limits;
    pcre2_jit_stack *stack;
};

/* What running the code takes: one thread's. */
static enum vt_err
make_ready(struct vt_pattern *p, struct vt_why *why)
{
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
    return make_ready(p, why);
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

static void
take_literal(struct vt_pattern *p, const char *text, size_t len, bool fold)
{
    struct vt_needle whole = {p->literal, len};

    literal_terms(p, (const uint8_t *)text, len);
    memcpy(p->literal, text, len);
    vt_needles_init(&p->needles, &whole, 1, fold);
}

/* Strings of two bytes and less stand nearly everywhere: looking for them first is no help. */
static void
take_needles(struct vt_pattern *p)
{
    struct vt_needle needle[VT_FORMULA_STRINGS_MAX];

    for (size_t i = 0; i < p->e.need.count; i++) {
        if (p->e.need.s[i].len < 3)
            return;
        needle[i] = (struct vt_needle){p->e.need.s[i].b, p->e.need.s[i].len};
    }
    if (p->e.need.count > 0)
        vt_needles_init(&p->needles, needle, p->e.need.count, p->e.caseless);
}

static enum vt_err
take_expression(struct vt_pattern *p, const char *text, struct vt_why *why)
{
    struct vt_buf out = VT_BUF(8 * VT_PATTERN_MAX);
    enum vt_err err = vt_expression_parse(text, &out, &p->e, why);

    if (err == VT_OK)
        take_needles(p);
    if (err == VT_OK)
        err = compile(p, vt_buf_str(&out), out.len,
            PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |
                PCRE2_USE_OFFSET_LIMIT | (p->e.caseless ? PCRE2_CASELESS : 0),
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
    enum vt_err err = VT_OK;

    if (len == 0 || len > VT_PATTERN_MAX || !vt_utf8_valid(text, len))
        return vt_fail(
            why, VT_E_USAGE, "what to search for is text of 1 to %u bytes", VT_PATTERN_MAX);
    p = calloc(1, sizeof(*p));
    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    p->until_ms = INT64_MAX;
    if (form == VT_PATTERN_REGEX)
        err = take_expression(p, text, why);
    else
        take_literal(p, text, len, form == VT_PATTERN_ICASE);
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
    if (!p->is_twin)
        pcre2_code_free(p->code);
    free(p);
}

enum vt_err
vt_pattern_twin(
    const struct vt_pattern *p, int64_t until_ms, struct vt_pattern **ret, struct vt_why *why)
{
    struct vt_pattern *twin = malloc(sizeof(*twin));
    enum vt_err err = VT_OK;

    if (twin == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    *twin = *p; /* its needles are the other's */
    twin->is_twin = true;
    twin->until_ms = until_ms;
    twin->found = NULL;
    twin->limits = NULL;
    twin->stack = NULL;
    if (twin->code != NULL)
        err = make_ready(twin, why);
    if (err != VT_OK) {
        vt_pattern_free(twin);
        return err;
    }
    *ret = twin;
    return VT_OK;
}

static bool
find_literal(const struct vt_pattern *p, const uint8_t *data, size_t len, size_t from,
    struct vt_match *ret)
{
    const uint8_t *at = vt_needles_find(&p->needles, data + from, len - from);

    if (at == NULL)
        return false;
    ret->from = (size_t)(at - data);
    ret->to = ret->from + p->needles.of[0].len;
    return true;
}

/* Runs the expression over data: the first match that begins from `from` to `upto`. */
static bool
run(const struct vt_pattern *p, const uint8_t *data, size_t len, size_t from, size_t upto,
    struct vt_match *ret, bool *ret_gave_up)
{
    int code;
    const PCRE2_SIZE *v;

    (void)pcre2_set_offset_limit(p->limits, upto);
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

/* The first place where a match that has a needle at `at` may begin. */
static size_t
reach_back(const struct vt_pattern *p, const uint8_t *data, size_t from, size_t at)
{
    size_t begin = at;

    while (begin > from && vt_bytes_has(&p->e.before, data[begin - 1]))
        begin--;
    while (begin < at && (data[begin] & 0xc0) == 0x80) /* within a character */
        begin++;
    return begin;
}

static bool
is_late(const struct vt_pattern *p, unsigned runs)
{
    return runs % LOOK_AT_CLOCK == 0 && p->until_ms != INT64_MAX &&
           vt_clock_monotonic_ms() >= p->until_ms;
}

static size_t
line_end(const uint8_t *data, size_t len, size_t at)
{
    const uint8_t *newline = memchr(data + at, '\n', len - at);

    return newline == NULL ? len : (size_t)(newline - data);
}

/* Every match has a needle: the expression is run about one after the other. From where one
 * ends in vain the next need not be looked at again: had a match begun there, it would have
 * reached the former needle through the same bytes. */
static bool
find_by_needles(const struct vt_pattern *p, const uint8_t *data, size_t len, size_t from,
    struct vt_match *ret, bool *ret_gave_up)
{
    const uint8_t *place;
    size_t stop = from; /* of what is looked at: where the line ends */

    for (unsigned runs = 1; from < len; runs++) {
        bool gave_up = is_late(p, runs);
        size_t at;

        place = vt_needles_find(&p->needles, data + from, len - from);
        if (place == NULL)
            return false;
        at = (size_t)(place - data);
        if (at >= stop)
            stop = p->e.one_line ? line_end(data, len, at) : len;
        if (!gave_up && run(p, data, stop, reach_back(p, data, from, at), at, ret, &gave_up))
            return true;
        if (gave_up) {
            *ret_gave_up = true;
            return false;
        }
        from = at + 1;
    }
    return false;
}

bool
vt_pattern_find(const struct vt_pattern *p, const uint8_t *data, size_t len, size_t from,
    struct vt_match *ret, bool *ret_gave_up)
{
    if (from >= len)
        return false;
    if (p->code == NULL)
        return find_literal(p, data, len, from, ret);
    if (p->needles.count > 0)
        return find_by_needles(p, data, len, from, ret, ret_gave_up);
    return run(p, data, len, from, PCRE2_UNSET, ret, ret_gave_up);
}

size_t
vt_pattern_terms(const struct vt_pattern *p, const struct vt_trigram_term **ret)
{
    *ret = p->e.term;
    return p->e.term_count;
}
