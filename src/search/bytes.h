/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes and sets of them, as an expression's parts are made of. Those beyond ASCII are in a set
 * all together or not at all: in a set of characters one of them may stand. Private to
 * src/search.
 */
#ifndef VT_SEARCH_BYTES_H
#define VT_SEARCH_BYTES_H

#include <stdbool.h>
#include <stdint.h>

struct vt_bytes {
    uint64_t of[4];
};

/* Bytes as they stand in the index: A to Z made a to z. */
static inline uint8_t
vt_fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static inline bool
vt_bytes_has(const struct vt_bytes *v, uint8_t c)
{
    return (v->of[c / 64] >> (c % 64) & 1) != 0;
}

/* Adds characters (or bytes), from one to another. */
void vt_bytes_add(struct vt_bytes *v, unsigned from, unsigned to);
/* Adds the characters of \d \w \s, or \D \W \S. */
void vt_bytes_add_kind(struct vt_bytes *v, char kind);
/* Adds the other cases of all letters: of k and s some are beyond ASCII. */
void vt_bytes_add_cases(struct vt_bytes *v);
void vt_bytes_join(struct vt_bytes *v, const struct vt_bytes *other);

#endif
