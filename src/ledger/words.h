/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a VT_VALUE_LINE value, and the forms that they have. For this
 * module only. No I/O.
 */
#ifndef VT_LEDGER_WORDS_H
#define VT_LEDGER_WORDS_H

#include "ledger/doc_rules.h"

#define VT_WORDS_MAX 40U

struct vt_words {
    char text[VT_DOC_VALUE_MAX + 1]; /* cut into words in place */
    size_t count;
    const char *word[VT_WORDS_MAX]; /* point into text: a copy of the struct is no good */
};

/* VT_E_LIMIT: more than VT_WORDS_MAX words, or too long. The words of w before are gone. */
VT_MUST enum vt_err vt_words_split(const char *value, struct vt_words *w, struct vt_why *why);

/* Copies word i, which must have that form, to ret (room for size bytes with the NUL).
 * VT_E_CONFIG: there is no such word, it has another form, or is too long. `what` names it. */
VT_MUST enum vt_err vt_words_get(const struct vt_words *w, size_t i, enum vt_value form,
    const char *what, char *ret, size_t size, struct vt_why *why);
/* A number from least to most. */
VT_MUST enum vt_err vt_words_number(const struct vt_words *w, size_t i, uint64_t least,
    uint64_t most, const char *what, uint64_t *ret, struct vt_why *why);
/* Exactly that many words. */
VT_MUST enum vt_err vt_words_exactly(const struct vt_words *w, size_t n, struct vt_why *why);

#endif
