/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A string to look for in much text: by its rarest byte, which memchr finds at the speed of
 * memory. Private to src/search.
 */
#ifndef VT_SEARCH_NEEDLE_H
#define VT_SEARCH_NEEDLE_H

#include <stddef.h>
#include <stdint.h>

struct vt_needle {
    const uint8_t *b; /* borrowed */
    size_t len;       /* at least 1 */
    size_t rare;      /* where in it the byte is that stands least often in source */
};

void vt_needle_init(struct vt_needle *n, const uint8_t *b, size_t len);
/* The first place, or NULL. */
const uint8_t *vt_needle_find(const struct vt_needle *n, const uint8_t *data, size_t len);

#endif
