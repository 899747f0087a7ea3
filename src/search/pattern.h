/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is searched for: a literal, the same whatever its case (ASCII), or a regular expression;
 * and the trigrams that any text with it must have, by which an index leaves out most of what
 * has it not.
 *
 * Expressions have the grammar of docs/formats/search.md: literals, classes, ., *, +, ?, {m,n},
 * |, groups, ^ and $ (of a line), \b \d \w \s and escapes; no back references and no
 * look-around. PCRE2 does the matching, of one line or several, with limits on its steps, so
 * that no expression can hold a process.
 */
#ifndef VT_SEARCH_PATTERN_H
#define VT_SEARCH_PATTERN_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VT_PATTERN_MAX 512U /* bytes */

enum vt_pattern_form { VT_PATTERN_EXACT = 1, VT_PATTERN_ICASE, VT_PATTERN_REGEX };

struct vt_pattern;
struct vt_match {
    size_t from, to; /* bytes; to > from */
};

/* VT_E_USAGE: empty, over VT_PATTERN_MAX, not UTF-8, or no expression; the message says where.
 */
VT_MUST enum vt_err vt_pattern_new(
    const char *text, enum vt_pattern_form form, struct vt_pattern **ret, struct vt_why *why);
void vt_pattern_free(struct vt_pattern *p);

/* The same pattern for another thread, or for a search with an end: a pattern is for one thread
 * at a time. From until_ms (of the monotonic clock) on it gives up. p must stay as long. */
VT_MUST enum vt_err vt_pattern_twin(
    const struct vt_pattern *p, int64_t until_ms, struct vt_pattern **ret, struct vt_why *why);

/* Finds the first match at or after `from`; false when there is none. *ret_gave_up is set when
 * the expression took too many steps in this text, which then counts as without it. */
bool vt_pattern_find(const struct vt_pattern *p, const uint8_t *data, size_t len, size_t from,
    struct vt_match *ret, bool *ret_gave_up);

/* The condition on trigrams: a formula in postfix order over folded trigrams (three bytes, A to
 * Z made a to z, as a number below 2^24). Empty: it says nothing, all must be looked at. */
enum vt_trigram_op { VT_TRIGRAM_HAS = 1, VT_TRIGRAM_AND, VT_TRIGRAM_OR };
struct vt_trigram_term {
    enum vt_trigram_op op;
    uint32_t trigram;
};
#define VT_PATTERN_TERMS_MAX 512U
size_t vt_pattern_terms(const struct vt_pattern *p, const struct vt_trigram_term **ret);

#endif
