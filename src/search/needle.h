/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings to look for in much text, all of them in one pass. They are found by three of their
 * bytes, at places that are the same in each and where the rarest bytes of them stand: with
 * AVX2 that is a few instructions for 32 places of the text, whether there is one string or
 * sixteen (the way of Hyperscan's Teddy). Private to src/search.
 */
#ifndef VT_SEARCH_NEEDLE_H
#define VT_SEARCH_NEEDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VT_NEEDLES_MAX 16U

struct vt_needle {
    const uint8_t *b; /* borrowed */
    size_t len;       /* at least 1 */
};

/* The strings belong to eight groups, a bit each: a byte has a set of groups for each of the
 * three places, and a place of the text that has one in all three sets is looked at. */
struct vt_needles {
    size_t count; /* 0: none */
    bool fold;    /* A to Z and a to z are the same letters */
    struct vt_needle of[VT_NEEDLES_MAX];
    size_t least; /* length of the shortest */
    size_t at[3]; /* below it */
    /* Of one needle: its bytes there, and the bits that do not count in them. */
    uint8_t byte[3], either[3];
    uint8_t low[3][16], high[3][16]; /* groups by a byte's lower and upper half */
};

/* count: 1 to VT_NEEDLES_MAX. */
void vt_needles_init(struct vt_needles *n, const struct vt_needle *of, size_t count, bool fold);
/* The first place where one begins, or NULL. */
const uint8_t *vt_needles_find(const struct vt_needles *n, const uint8_t *data, size_t len);

#endif
