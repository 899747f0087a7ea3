/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What language a file is written in, told from its name, else from its first line (#!).
 */
#ifndef VT_SEARCH_LANGUAGE_H
#define VT_SEARCH_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

/* `name` is the last part of its path; data is its first bytes (at least a line of them).
 * Returns a name that stays, "" when it is not known. */
const char *vt_language_of(const char *name, const void *data, size_t len);

/* Where a file of that language (as above) has its symbols from. */
enum vt_language_symbols {
    VT_LANGUAGE_PLAIN = 0, /* it has none: data, prose, or nobody knows */
    VT_LANGUAGE_CTAGS,
    VT_LANGUAGE_RULES, /* search/rules.h */
};
enum vt_language_symbols vt_language_symbols(const char *language);

#endif
