/* SPDX-License-Identifier: Apache-2.0 */
#include "search/formula.h"

#include <string.h>

#define TRUE 0U
/* Trigrams of one long string that are asked for: more of them leave out little more. */
#define OF_STRING_MAX 24U

/* A new node; TRUE when there is no room, which is sound. */
static uint32_t
node(struct vt_formulas *f, enum vt_trigram_op op, uint32_t trigram, uint32_t left,
    uint32_t right)
{
    if (f->count == VT_FORMULA_NODES_MAX)
        return TRUE;
    f->node[f->count] = (struct vt_formula_node){op, trigram, left, right};
    return (uint32_t)f->count++;
}

static uint32_t
both(struct vt_formulas *f, uint32_t a, uint32_t b)
{
    uint32_t n;

    if (a == TRUE || b == TRUE || a == b)
        return a == TRUE ? b : a;
    n = node(f, VT_TRIGRAM_AND, 0, a, b);
    return n == TRUE ? a : n; /* without room: one of the two conditions is still true */
}

static uint32_t
either(struct vt_formulas *f, uint32_t a, uint32_t b)
{
    return a == TRUE || b == TRUE ? TRUE : a == b ? a : node(f, VT_TRIGRAM_OR, 0, a, b);
}

/* All trigrams of a string, or some spread over it when it is long. */
static uint32_t
of_string(struct vt_formulas *f, const uint8_t *b, size_t len)
{
    size_t have = len < 3 ? 0 : len - 2;
    size_t wanted = have < OF_STRING_MAX ? have : OF_STRING_MAX;
    uint32_t all = TRUE;

    for (size_t i = 0; i < wanted; i++)
        all = both(f, all, node(f, VT_TRIGRAM_HAS, vt_trigram(b + i * have / wanted), 0, 0));
    return all;
}

static uint32_t
of_part(struct vt_formulas *f, const struct vt_part *p)
{
    uint32_t any;

    if (!p->exact)
        return p->formula;
    any = of_string(f, p->strings.s[0].b, p->strings.s[0].len);
    for (size_t i = 1; i < p->strings.count && any != TRUE; i++)
        any = either(f, any, of_string(f, p->strings.s[i].b, p->strings.s[i].len));
    return any;
}

void
vt_part_literal(struct vt_part *p, const uint8_t *b, size_t len)
{
    p->bytes = (struct vt_bytes){0};
    for (size_t i = 0; i < len; i++)
        vt_bytes_add(&p->bytes, b[i], b[i]);
    p->before = (struct vt_bytes){0};
    p->exact = true;
    p->formula = TRUE;
    p->strings.count = 1;
    p->strings.s[0].len = (uint8_t)len;
    memcpy(p->strings.s[0].b, b, len);
    p->need.count = 0;
}

void
vt_part_empty(struct vt_part *p)
{
    vt_part_literal(p, (const uint8_t *)"", 0);
}

void
vt_part_any(struct vt_part *p, const struct vt_bytes *of)
{
    p->bytes = *of;
    p->before = (struct vt_bytes){0};
    p->exact = false;
    p->strings.count = 0;
    p->need.count = 0;
    p->formula = TRUE;
}

/* Adds a string that is not there yet; false without room. */
static bool
strings_add(
    struct vt_strings *v, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    uint8_t joined[2 * VT_FORMULA_STRING_MAX];
    size_t len = a_len + b_len;

    memcpy(joined, a, a_len);
    memcpy(joined + a_len, b, b_len);
    for (size_t i = 0; i < v->count; i++)
        if (v->s[i].len == len && memcmp(v->s[i].b, joined, len) == 0)
            return true;
    if (v->count == VT_FORMULA_STRINGS_MAX || len > VT_FORMULA_STRING_MAX)
        return false;
    v->s[v->count].len = (uint8_t)len;
    memcpy(v->s[v->count++].b, joined, len);
    return true;
}

/* Each of a followed by each of b; false when those are too many or too long. */
static bool
strings_product(struct vt_strings *a, const struct vt_strings *b)
{
    struct vt_strings all = {0};

    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (!strings_add(&all, a->s[i].b, a->s[i].len, b->s[j].b, b->s[j].len))
                return false;
    *a = all;
    return true;
}

const struct vt_strings *
vt_part_need(const struct vt_part *p, struct vt_bytes *ret_before)
{
    static const struct vt_bytes nothing;

    if (ret_before != NULL)
        *ret_before = p->exact ? nothing : p->before;
    return p->exact ? &p->strings : &p->need;
}

/* The length of the shortest; 0 for none. */
static size_t
shortest(const struct vt_strings *v)
{
    size_t least = v->count == 0 ? 0 : SIZE_MAX;

    for (size_t i = 0; i < v->count; i++)
        if (v->s[i].len < least)
            least = v->s[i].len;
    return least;
}

/* What the run needs, if that is better than what is needed so far: all that is done may stand
 * before it. */
static void
keep_better(const struct vt_sequence *s, struct vt_strings *best, struct vt_bytes *before)
{
    struct vt_bytes of_run;
    const struct vt_strings *need = vt_part_need(&s->run, &of_run);

    if (shortest(need) <= shortest(best))
        return;
    *best = *need;
    *before = s->bytes;
    vt_bytes_join(before, &of_run);
}

void
vt_sequence_begin(struct vt_sequence *s)
{
    s->begun = false;
    s->done = TRUE;
    s->bytes = s->before = (struct vt_bytes){0};
    s->need.count = 0;
    vt_part_empty(&s->run);
}

void
vt_sequence_put(struct vt_formulas *f, struct vt_sequence *s, const struct vt_part *next)
{
    if (s->run.exact && next->exact && strings_product(&s->run.strings, &next->strings)) {
        vt_bytes_join(&s->run.bytes, &next->bytes);
        return;
    }
    s->done = both(f, s->done, of_part(f, &s->run));
    keep_better(s, &s->need, &s->before);
    vt_bytes_join(&s->bytes, &s->run.bytes);
    s->begun = true;
    s->run = *next;
}

void
vt_sequence_end(struct vt_formulas *f, const struct vt_sequence *s, struct vt_part *ret)
{
    *ret = s->run;
    if (s->begun) {
        ret->formula = both(f, s->done, of_part(f, &s->run));
        ret->need = s->need;
        ret->before = s->before;
        keep_better(s, &ret->need, &ret->before);
        vt_bytes_join(&ret->bytes, &s->bytes);
        ret->exact = false;
    }
}

/* All of both; false without room. */
static bool
strings_union(struct vt_strings *a, const struct vt_strings *b)
{
    struct vt_strings all = *a;

    for (size_t i = 0; i < b->count; i++)
        if (!strings_add(&all, b->s[i].b, b->s[i].len, (const uint8_t *)"", 0))
            return false;
    *a = all;
    return true;
}

void
vt_part_or(struct vt_formulas *f, struct vt_part *a, const struct vt_part *b)
{
    struct vt_bytes before, other_before;
    struct vt_strings need = *vt_part_need(a, &before);
    const struct vt_strings *other = vt_part_need(b, &other_before);
    uint32_t formula;

    vt_bytes_join(&a->bytes, &b->bytes);
    vt_bytes_join(&before, &other_before);
    if (a->exact && b->exact && strings_union(&a->strings, &b->strings))
        return;
    if (need.count == 0 || other->count == 0 || !strings_union(&need, other))
        need.count = 0;
    formula = of_part(f, a);
    a->formula = formula == TRUE ? TRUE : either(f, formula, of_part(f, b));
    a->need = need;
    a->before = before;
    a->exact = false;
}

void
vt_part_repeat(struct vt_formulas *f, struct vt_part *a)
{
    a->formula = of_part(f, a);
    if (a->exact)
        a->need = a->strings;
    a->exact = false;
}

/* Writes the node's terms after its operands'; false when there is no room. */
static bool
put(const struct vt_formulas *f, uint32_t n, struct vt_trigram_term *ret, size_t *count,
    size_t max)
{
    const struct vt_formula_node *at = &f->node[n];

    if (at->op != VT_TRIGRAM_HAS &&
        (!put(f, at->left, ret, count, max) || !put(f, at->right, ret, count, max)))
        return false;
    if (*count == max)
        return false;
    ret[(*count)++] = (struct vt_trigram_term){at->op, at->trigram};
    return true;
}

size_t
vt_part_terms(
    struct vt_formulas *f, const struct vt_part *p, struct vt_trigram_term *ret, size_t max)
{
    uint32_t n = of_part(f, p);
    size_t count = 0;

    return n != TRUE && put(f, n, ret, &count, max) ? count : 0;
}
