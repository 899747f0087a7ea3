/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The symbols of one file: gathered in any order, packed by line into few bytes.
 * docs/formats/library.md has the form.
 */
#ifndef VT_SEARCH_SYMBOLS_H
#define VT_SEARCH_SYMBOLS_H

#include "base/buf.h"

#define VT_SYMBOLS_MAX 20000U    /* of one file; more are left out */
#define VT_SYMBOLS_NAME_MAX 256U /* bytes; a longer one is left out */
#define VT_SYMBOLS_WORD_MAX 512U /* bytes of a kind or scope; the rest is cut off */

struct vt_symbol {
    const char *name;
    const char *kind;
    const char *scope; /* "" when it has none */
    uint64_t line;
    uint64_t end; /* 0: not known */
};

struct vt_symbols;
VT_MUST enum vt_err vt_symbols_new(struct vt_symbols **ret, struct vt_why *why);
void vt_symbols_free(struct vt_symbols *s);
/* Empties it, to be used again. */
void vt_symbols_clear(struct vt_symbols *s);
/* Copies one. Left out: those beyond the limits, of line 0, and with names that are empty, hold
 * control characters or are not UTF-8. VT_E_NOMEM. */
VT_MUST enum vt_err vt_symbols_put(
    struct vt_symbols *s, const struct vt_symbol *one, struct vt_why *why);
size_t vt_symbols_count(const struct vt_symbols *s);
/* Sorts them by line, in the order given within one, and appends their packed form. */
VT_MUST enum vt_err vt_symbols_pack(struct vt_symbols *s, struct vt_buf *b, struct vt_why *why);

/* Calls fn for each symbol of a packed form, by line; strings point into it. VT_E_SYNTAX: it
 * is damaged. fn's error ends it. */
VT_MUST enum vt_err vt_symbols_each(const void *data, size_t len,
    enum vt_err (*fn)(void *ctx, const struct vt_symbol *s, struct vt_why *why), void *ctx,
    struct vt_why *why);

#endif
