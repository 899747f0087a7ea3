/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which blobs of a shard may have a pattern.
 *
 * The pattern's terms become a tree whose `and` nodes have any number of branches. The branch
 * that can have the fewest blobs is worked out first, the others only leave out of it; and once
 * few blobs are left it is cheaper to look into those than to read more lists.
 */
#include "search/shard_form.h"
#include "search/shard_held.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FEW = 24 }; /* blobs that are looked into rather than thinned out further */

/* A list of numbers, rising. */
struct numbers {
    uint32_t *v;
    size_t count;
};

/* A node of the tree: a trigram's list, or branches from first on (each names the next). */
struct branch {
    enum vt_trigram_op op;
    uint32_t estimate; /* blobs at the most */
    struct vt_reader list;
    struct branch *first;
    struct branch *next;
    bool used; /* by evaluate_and */
};

struct match {
    const struct vt_shard *s;
    struct branch node[VT_PATTERN_TERMS_MAX];
    struct vt_why *why;
};

/* A row of the table of trigrams. */
static bool
row(const struct vt_shard *s, size_t place, uint32_t *ret_trigram, uint32_t *ret_count,
    uint64_t *ret_end)
{
    struct vt_reader r = VT_READER(s->trigrams + place * VT_SHARD_TRIGRAM, VT_SHARD_TRIGRAM);

    return vt_reader_u32(&r, ret_trigram) && vt_reader_u32(&r, ret_count) &&
           vt_reader_u64(&r, ret_end);
}

/* Finds a trigram's list: an empty one when no blob has it. */
static bool
find_list(const struct vt_shard *s, uint32_t trigram, uint32_t *ret_count, uint64_t *ret_begin,
    uint64_t *ret_end)
{
    size_t low = 0;
    size_t high = s->trigram_count;
    uint32_t at, ignored;

    *ret_count = 0;
    *ret_begin = *ret_end = s->lists;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const uint8_t *b = s->trigrams + mid * VT_SHARD_TRIGRAM;

        at = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (at == trigram)
            return row(s, mid, &at, ret_count, ret_end) &&
                   (mid == 0 || row(s, mid - 1, &at, &ignored, ret_begin));
        if (at < trigram)
            low = mid + 1;
        else
            high = mid;
    }
    return true;
}

static enum vt_err
damaged(const struct match *m)
{
    return vt_fail(
        m->why, VT_E_SYNTAX, "%s is damaged: remove it to have it made again", m->s->path);
}

static enum vt_err
leaf(struct match *m, struct branch *b, uint32_t trigram)
{
    uint64_t begin, end;

    if (!find_list(m->s, trigram, &b->estimate, &begin, &end) || begin < m->s->lists ||
        begin > end || end > m->s->trigrams_at || b->estimate > m->s->blob_count)
        return damaged(m);
    b->op = VT_TRIGRAM_HAS;
    b->list = VT_READER(m->s->data + begin, end - begin);
    return VT_OK;
}

/* Joins two branches under one of op; branches of the same op are taken over, not nested. */
static struct branch *
join(struct branch *b, enum vt_trigram_op op, struct branch *left, struct branch *right)
{
    struct branch *last = left;

    if (left->op == op) {
        for (last = left->first; last->next != NULL; last = last->next)
            ;
        last->next = right;
        b->first = left->first;
    } else {
        left->next = right;
        b->first = left;
    }
    b->op = op;
    if (op == VT_TRIGRAM_AND)
        b->estimate = left->estimate < right->estimate ? left->estimate : right->estimate;
    else
        b->estimate = left->estimate > UINT32_MAX - right->estimate
                          ? UINT32_MAX
                          : left->estimate + right->estimate;
    return b;
}

/* From postfix terms to a tree. */
static enum vt_err
grow(struct match *m, const struct vt_trigram_term *term, size_t count, struct branch **ret)
{
    struct branch *stack[VT_PATTERN_TERMS_MAX] = {NULL};
    size_t depth = 0;
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < count && err == VT_OK; i++) {
        struct branch *b = &m->node[i];

        if (term[i].op == VT_TRIGRAM_HAS) {
            err = leaf(m, b, term[i].trigram);
            stack[depth++] = b;
        } else {
            assert(depth >= 2);
            depth--;
            stack[depth - 1] = join(b, term[i].op, stack[depth - 1], stack[depth]);
        }
    }
    *ret = stack[0];
    return err;
}

/* The next number of a list; false at its end, or (then *ret_bad) where it is damaged. */
static inline bool
next_number(const struct vt_shard *s, struct vt_reader *r, uint32_t *last, bool *ret_bad)
{
    uint32_t step = 0;
    unsigned shift = 0;

    if (r->left == 0)
        return false;
    for (;;) {
        uint8_t b;

        if (r->left == 0 || shift > 28) {
            *ret_bad = true;
            return false;
        }
        b = *r->p++;
        r->left--;
        step |= (uint32_t)(b & 0x7f) << shift;
        if (b < 0x80)
            break;
        shift += 7;
    }
    if (step >= s->blob_count - *last) {
        *ret_bad = true;
        return false;
    }
    *last += step + 1; /* the number plus 1 */
    return true;
}

/* All numbers of a list. */
static enum vt_err
decode(const struct match *m, const struct branch *b, struct numbers *ret)
{
    struct vt_reader r = b->list;
    uint32_t last = 0;
    bool bad = false;

    ret->count = 0;
    while (ret->count < b->estimate && next_number(m->s, &r, &last, &bad))
        ret->v[ret->count++] = last - 1;
    return bad || ret->count != b->estimate ? damaged(m) : VT_OK;
}

/* Leaves in n only what the list has too. */
static enum vt_err
thin_by_list(const struct match *m, const struct branch *b, struct numbers *n)
{
    struct vt_reader r = b->list;
    uint32_t last = 0;
    size_t kept = 0;
    size_t at = 0;
    bool bad = false;

    while (at < n->count && next_number(m->s, &r, &last, &bad)) {
        while (at < n->count && n->v[at] < last - 1)
            at++;
        if (at < n->count && n->v[at] == last - 1)
            n->v[kept++] = n->v[at++];
    }
    n->count = kept;
    return bad ? damaged(m) : VT_OK;
}

static void
thin_by_numbers(struct numbers *n, const struct numbers *by)
{
    size_t kept = 0;

    for (size_t i = 0, j = 0; i < n->count && j < by->count;) {
        if (n->v[i] == by->v[j]) {
            n->v[kept++] = n->v[i++];
            j++;
        } else if (n->v[i] < by->v[j]) {
            i++;
        } else {
            j++;
        }
    }
    n->count = kept;
}

static enum vt_err evaluate(const struct match *m, struct branch *b, struct numbers *ret);

/* The branch not used yet that can have the fewest blobs; it is used then. NULL: none is left.
 */
static struct branch *
take_smallest(struct branch *first)
{
    struct branch *best = NULL;

    for (struct branch *b = first; b != NULL; b = b->next)
        if (!b->used && (best == NULL || b->estimate < best->estimate))
            best = b;
    if (best != NULL)
        best->used = true;
    return best;
}

static enum vt_err
evaluate_and(const struct match *m, struct branch *b, struct numbers *ret)
{
    struct numbers other = {.v = malloc(m->s->blob_count * sizeof(uint32_t) + 1)};
    enum vt_err err = other.v != NULL ? evaluate(m, take_smallest(b->first), ret)
                                      : vt_fail(m->why, VT_E_NOMEM, "out of memory");
    struct branch *next;

    while (err == VT_OK && ret->count > FEW && (next = take_smallest(b->first)) != NULL) {
        if (next->op == VT_TRIGRAM_HAS) {
            err = thin_by_list(m, next, ret);
        } else {
            err = evaluate(m, next, &other);
            if (err == VT_OK)
                thin_by_numbers(ret, &other);
        }
    }
    free(other.v);
    return err;
}

/* Unions go by a map of bits over the shard's blobs. */
static enum vt_err
evaluate_or(const struct match *m, struct branch *b, struct numbers *ret)
{
    uint64_t *map = calloc(m->s->blob_count / 64 + 1, sizeof(*map));
    enum vt_err err = map != NULL ? VT_OK : vt_fail(m->why, VT_E_NOMEM, "out of memory");

    for (struct branch *at = b->first; at != NULL && err == VT_OK; at = at->next) {
        err = evaluate(m, at, ret);
        for (size_t i = 0; i < ret->count && err == VT_OK; i++)
            map[ret->v[i] / 64] |= UINT64_C(1) << (ret->v[i] % 64);
    }
    ret->count = 0;
    for (uint32_t i = 0; i < m->s->blob_count && err == VT_OK; i++)
        if ((map[i / 64] >> (i % 64) & 1) != 0)
            ret->v[ret->count++] = i;
    free(map);
    return err;
}

static enum vt_err
evaluate(const struct match *m, struct branch *b, struct numbers *ret)
{
    ret->count = 0;
    switch (b->op) {
    case VT_TRIGRAM_AND:
        return evaluate_and(m, b, ret);
    case VT_TRIGRAM_OR:
        return evaluate_or(m, b, ret);
    case VT_TRIGRAM_HAS:
        break;
    }
    return decode(m, b, ret);
}

/* Nothing is known of the pattern: every indexed blob. */
static void
all_blobs(const struct vt_shard *s, struct numbers *ret)
{
    for (uint32_t i = 0; i < s->blob_count; i++) {
        struct vt_reader r =
            VT_READER(s->blobs + (size_t)i * VT_SHARD_BLOB + VT_SHARD_BLOB - 8, 4);
        uint32_t flags;

        if (vt_reader_u32(&r, &flags) && (flags & VT_SHARD_INDEXED) != 0)
            ret->v[ret->count++] = i;
    }
}

enum vt_err
vt_shard_candidates(const struct vt_shard *s, const struct vt_pattern *p,
    bool (*fn)(void *ctx, uint32_t number), void *ctx, struct vt_why *why)
{
    const struct vt_trigram_term *term;
    size_t count = vt_pattern_terms(p, &term);
    struct match *m = calloc(1, sizeof(*m));
    struct numbers n = {.v = malloc(s->blob_count * sizeof(uint32_t) + 1)};
    struct branch *root = NULL;
    enum vt_err err = VT_OK;

    if (m == NULL || n.v == NULL) {
        err = vt_fail(why, VT_E_NOMEM, "out of memory");
    } else if (count == 0) {
        all_blobs(s, &n);
    } else {
        m->s = s;
        m->why = why;
        err = grow(m, term, count, &root);
        if (err == VT_OK)
            err = evaluate(m, root, &n);
    }
    for (size_t i = 0; i < n.count && err == VT_OK; i++)
        if (!fn(ctx, n.v[i]))
            break;
    free(n.v);
    free(m);
    return err;
}
