/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions as people type them: docs/formats/search.md. Checks one, writes it anew
 * for PCRE2 with all that is literal escaped (so that nothing of PCRE2's own language can be
 * reached), and finds its condition on trigrams. Private to src/search.
 */
#ifndef VT_SEARCH_EXPRESSION_H
#define VT_SEARCH_EXPRESSION_H

#include "base/buf.h"
#include "search/formula.h"

/* What is known of an expression. */
struct vt_expression {
    bool caseless; /* it began with (?i) */
    bool one_line; /* no match has a newline in it */
    size_t term_count;
    struct vt_trigram_term term[VT_PATTERN_TERMS_MAX]; /* as vt_pattern_terms */
    /* Every match has one of these, in the very case unless caseless; none: nothing is known.
     * Each match has one before which it has only bytes of `before` (vt_part_need). */
    struct vt_strings need;
    struct vt_bytes before;
};

/* Appends what PCRE2 is to compile, to out. VT_E_USAGE with the place (counted in characters
 * from 1), VT_E_NOMEM. */
VT_MUST enum vt_err vt_expression_parse(
    const char *text, struct vt_buf *out, struct vt_expression *ret, struct vt_why *why);

#endif
