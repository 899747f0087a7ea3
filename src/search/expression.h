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

/* Appends what PCRE2 is to compile, to out; *ret_caseless: it began with (?i). terms: as
 * vt_pattern_terms, room for VT_PATTERN_TERMS_MAX. VT_E_USAGE with the place (counted in
 * characters from 1), VT_E_NOMEM. */
VT_MUST enum vt_err vt_expression_parse(const char *text, struct vt_buf *out,
    bool *ret_caseless, struct vt_trigram_term *terms, size_t *ret_terms, struct vt_why *why);

#endif
