/* SPDX-License-Identifier: Apache-2.0 */
#include "log/window.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 16
#define SIZE_LIMIT (1U << 24)

struct slot {
    uint8_t name[NAME_SIZE];
    uint32_t older; /* the next in the chain: a slot's number plus 1, or 0 */
};

/* A chain has its newest entry first: the entry that is forgotten for its age is the last of
 * its chain, one that is cut off the first. */
struct vt_window {
    struct slot *slot;
    uint32_t *chain; /* a slot's number plus 1, or 0 */
    uint32_t size;
    unsigned bits; /* 2^bits chains */
    uint64_t secret[2];
    uint64_t first; /* the entries [first, end) are there */
    uint64_t end;
};

enum vt_err
vt_window_new(uint32_t size, uint64_t first, struct vt_window **ret, struct vt_why *why)
{
    struct vt_window *t = calloc(1, sizeof *t);
    enum vt_err err;

    assert(size > 0 && size <= SIZE_LIMIT);
    if (t == NULL)
        return vt_fail(why, VT_E_NOMEM, "the names of entries: out of memory");
    *t = (struct vt_window){.size = size, .bits = 1, .first = first, .end = first};
    while (1U << t->bits < size)
        t->bits++;
    t->slot = calloc(size, sizeof *t->slot);
    t->chain = calloc((size_t)1 << t->bits, sizeof *t->chain);
    err = vt_random(t->secret, sizeof t->secret, why);
    if (err == VT_OK && (t->slot == NULL || t->chain == NULL))
        err = vt_fail(why, VT_E_NOMEM, "the names of entries: out of memory");
    if (err != VT_OK) {
        vt_window_free(t);
        return err;
    }
    t->secret[0] |= 1;
    t->secret[1] |= 1;
    *ret = t;
    return VT_OK;
}

void
vt_window_free(struct vt_window *t)
{
    if (t == NULL)
        return;
    free(t->slot);
    free(t->chain);
    free(t);
}

uint64_t
vt_window_end(const struct vt_window *t)
{
    return t->end;
}

static uint32_t *
chain_of(const struct vt_window *t, const uint8_t name[NAME_SIZE])
{
    uint64_t half[2];

    memcpy(half, name, NAME_SIZE);
    return &t->chain[(half[0] * t->secret[0] + half[1] * t->secret[1]) >> (64 - t->bits)];
}

static void
forget_oldest(struct vt_window *t)
{
    uint32_t oldest = (uint32_t)(t->first % t->size);
    uint32_t *link = chain_of(t, t->slot[oldest].name);

    while (*link != oldest + 1)
        link = &t->slot[*link - 1].older;
    *link = 0;
    t->first++;
}

void
vt_window_put(struct vt_window *t, const struct vt_digest *name)
{
    uint32_t at = (uint32_t)(t->end % t->size);
    uint32_t *chain;

    if (t->end - t->first == t->size)
        forget_oldest(t);
    chain = chain_of(t, name->b);
    memcpy(t->slot[at].name, name->b, NAME_SIZE);
    t->slot[at].older = *chain;
    *chain = at + 1;
    t->end++;
}

bool
vt_window_find(const struct vt_window *t, const struct vt_digest *name, uint64_t *ret_index)
{
    uint32_t newest = (uint32_t)((t->end + t->size - 1) % t->size);

    for (uint32_t link = *chain_of(t, name->b); link != 0; link = t->slot[link - 1].older) {
        uint32_t at = link - 1;

        if (memcmp(t->slot[at].name, name->b, NAME_SIZE) != 0)
            continue;
        *ret_index = t->end - 1 - (newest >= at ? newest - at : newest + t->size - at);
        return true;
    }
    return false;
}

void
vt_window_cut(struct vt_window *t, uint64_t end)
{
    while (t->end > end && t->end > t->first) {
        struct slot *s = &t->slot[(t->end - 1) % t->size];

        *chain_of(t, s->name) = s->older;
        t->end--;
    }
}
