/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and words in few bytes, as the library keeps folders and symbols: a number is seven
 * bits a byte, lowest first, the top bit of each byte but the last set; a word is its bytes and
 * a NUL.
 */
#ifndef VT_SEARCH_PACKED_H
#define VT_SEARCH_PACKED_H

#include "base/buf.h"

void vt_packed_put_number(struct vt_buf *b, uint64_t v);
/* The word must not hold a NUL. */
void vt_packed_put_word(struct vt_buf *b, const char *word);

/* False at the end, or when what is there is none: more than 64 bits, surplus zeros. */
VT_MUST bool vt_packed_number(struct vt_reader *r, uint64_t *ret);
/* *ret points into what is read. */
VT_MUST bool vt_packed_word(struct vt_reader *r, const char **ret);

#endif
