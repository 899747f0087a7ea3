/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the trigrams of a text must be for an expression to match in it: a formula of "has this
 * trigram", and, or. Built from the bottom up while an expression is parsed; private to
 * src/search.
 *
 * A part of an expression is worth one of two things. Either it matches a few strings and
 * nothing else
 * (`exact`), and then its neighbours may still be joined to it, so that trigrams across the
 * joint are found; or only a formula is known of it. Formula 0 is true: nothing is known.
 *
 * All of it is sound: a text in which the expression matches satisfies the formula. It is
 * never more than that: a text may satisfy the formula without a match.
 */
#ifndef VT_SEARCH_FORMULA_H
#define VT_SEARCH_FORMULA_H

#include "search/bytes.h"
#include "search/pattern.h"

#define VT_FORMULA_NODES_MAX 8192U
#define VT_FORMULA_STRINGS_MAX 16U
#define VT_FORMULA_STRING_MAX 64U

/* A few strings; none twice. */
struct vt_strings {
    size_t count;
    struct {
        uint8_t len;
        uint8_t b[VT_FORMULA_STRING_MAX];
    } s[VT_FORMULA_STRINGS_MAX];
};

struct vt_part {
    bool exact;
    struct vt_bytes bytes;     /* what a match may be made of */
    struct vt_strings strings; /* exact */
    uint32_t formula;          /* otherwise */
    struct vt_strings need;    /* otherwise: a match has one of these; none: nothing is known */
    struct vt_bytes before;    /* and begins with no others than these, up to that one */
};

struct vt_formula_node {
    enum vt_trigram_op op;
    uint32_t trigram;
    uint32_t left, right; /* of AND and OR */
};

/* The nodes; [0] is true and is never looked at. */
struct vt_formulas {
    size_t count; /* begins at 1 */
    struct vt_formula_node node[VT_FORMULA_NODES_MAX];
};

static inline uint32_t
vt_trigram(const uint8_t *p)
{
    return (uint32_t)vt_fold(p[0]) << 16 | (uint32_t)vt_fold(p[1]) << 8 | vt_fold(p[2]);
}

/* The empty string, exactly: where a sequence begins. */
void vt_part_empty(struct vt_part *p);
/* One string of at most VT_FORMULA_STRING_MAX bytes, exactly. */
void vt_part_literal(struct vt_part *p, const uint8_t *b, size_t len);
/* Anything made of these. */
void vt_part_any(struct vt_part *p, const struct vt_bytes *of);
/* Parts that follow each other: what is known of those that are done, and the run of exact ones
 * that the next may still be joined to. */
struct vt_sequence {
    bool begun; /* something is done */
    uint32_t done;
    struct vt_bytes bytes;  /* that it may be made of */
    struct vt_strings need; /* the best of what is done */
    struct vt_bytes before; /* that */
    struct vt_part run;
};
void vt_sequence_begin(struct vt_sequence *s);
void vt_sequence_put(struct vt_formulas *f, struct vt_sequence *s, const struct vt_part *next);
void vt_sequence_end(struct vt_formulas *f, const struct vt_sequence *s, struct vt_part *ret);
/* *a or b. */
void vt_part_or(struct vt_formulas *f, struct vt_part *a, const struct vt_part *b);
/* *a at least once, as often as you like: it is no longer exact. */
void vt_part_repeat(struct vt_formulas *f, struct vt_part *a);
/* Strings of which every match has one: those whose shortest is the longest. None: nothing is
 * known. Every match has one of them, if not two, before which stand only bytes of *ret_before
 * (may be NULL). */
const struct vt_strings *vt_part_need(const struct vt_part *p, struct vt_bytes *ret_before);
/* The formula of a part, in postfix order. Returns the number of terms; 0 when nothing is
 * known, or when there would be more than `max`. */
size_t vt_part_terms(
    struct vt_formulas *f, const struct vt_part *p, struct vt_trigram_term *ret, size_t max);

#endif
