/* SPDX-License-Identifier: Apache-2.0 */
#include "search/postings.h"

#include "search/formula.h"

#include <stdlib.h>
#include <string.h>

#define TRIGRAMS (1U << 24)
#define BLOCK 28U        /* bytes of a list in one block */
#define CHUNK (1U << 15) /* blocks that are allocated together: 1 MiB */
#define CHUNKS_MAX 8192U /* 8 GiB: far beyond what one shard can need */

struct block {
    uint32_t next; /* 0: none; else its number */
    uint8_t b[BLOCK];
};

struct list {
    uint32_t trigram;
    uint32_t count;
    uint32_t last; /* the newest number, plus 1 */
    uint32_t first;
    uint32_t at; /* the block that is being filled */
    uint32_t len;
};

struct vt_postings {
    uint32_t *slot; /* by trigram: its list's number plus 1 */
    uint64_t *seen; /* a bit for each trigram of the blob at hand */
    uint32_t *of;   /* those trigrams */
    size_t of_cap;
    struct list *list;
    size_t list_count;
    size_t list_cap;
    struct block *chunk[CHUNKS_MAX];
    size_t block_count; /* block 0 is not used */
};

enum vt_err
vt_postings_new(struct vt_postings **ret, struct vt_why *why)
{
    struct vt_postings *p = calloc(1, sizeof(*p));

    if (p != NULL) {
        p->slot = calloc(TRIGRAMS, sizeof(*p->slot));
        p->seen = calloc(TRIGRAMS / 64, sizeof(*p->seen));
        p->block_count = 1;
    }
    if (p == NULL || p->slot == NULL || p->seen == NULL) {
        vt_postings_free(p);
        return vt_fail(why, VT_E_NOMEM, "index: out of memory");
    }
    *ret = p;
    return VT_OK;
}

void
vt_postings_free(struct vt_postings *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < CHUNKS_MAX && p->chunk[i] != NULL; i++)
        free(p->chunk[i]);
    free(p->slot);
    free(p->seen);
    free(p->of);
    free(p->list);
    free(p);
}

static struct block *
block(const struct vt_postings *p, uint32_t number)
{
    return &p->chunk[number / CHUNK][number % CHUNK];
}

/* A new block's number; 0: out of memory. */
static uint32_t
block_new(struct vt_postings *p)
{
    size_t chunk = p->block_count / CHUNK;

    if (chunk >= CHUNKS_MAX)
        return 0;
    if (p->chunk[chunk] == NULL) {
        p->chunk[chunk] = malloc(CHUNK * sizeof(struct block));
        if (p->chunk[chunk] == NULL)
            return 0;
    }
    block(p, (uint32_t)p->block_count)->next = 0;
    return (uint32_t)p->block_count++;
}

static bool
put_byte(struct vt_postings *p, struct list *l, uint8_t b)
{
    if (l->len % BLOCK == 0) {
        uint32_t fresh = block_new(p);

        if (fresh == 0)
            return false;
        if (l->first == 0)
            l->first = fresh;
        else
            block(p, l->at)->next = fresh;
        l->at = fresh;
    }
    block(p, l->at)->b[l->len++ % BLOCK] = b;
    return true;
}

static struct list *
list_of(struct vt_postings *p, uint32_t trigram)
{
    if (p->slot[trigram] != 0)
        return &p->list[p->slot[trigram] - 1];
    if (p->list_count == p->list_cap) {
        size_t cap = p->list_cap == 0 ? 65536 : 2 * p->list_cap;
        struct list *grown = realloc(p->list, cap * sizeof(*grown));

        if (grown == NULL)
            return NULL;
        p->list = grown;
        p->list_cap = cap;
    }
    p->list[p->list_count] = (struct list){.trigram = trigram};
    p->slot[trigram] = (uint32_t)++p->list_count;
    return &p->list[p->list_count - 1];
}

static bool
note(struct vt_postings *p, uint32_t trigram, uint32_t number)
{
    struct list *l = list_of(p, trigram);
    uint32_t step;

    if (l == NULL)
        return false;
    for (step = number - l->last; step >= 0x80; step >>= 7)
        if (!put_byte(p, l, (uint8_t)(step | 0x80)))
            return false;
    l->last = number + 1;
    l->count++;
    return put_byte(p, l, (uint8_t)step);
}

/* The distinct trigrams of a blob into p->of. */
static size_t
distinct(struct vt_postings *p, const uint8_t *data, size_t len)
{
    uint32_t t = (uint32_t)vt_fold(data[0]) << 8 | vt_fold(data[1]);
    size_t n = 0;

    for (size_t i = 2; i < len; i++) {
        uint64_t bit;

        t = (t << 8 | vt_fold(data[i])) & (TRIGRAMS - 1);
        bit = UINT64_C(1) << (t % 64);
        if ((p->seen[t / 64] & bit) != 0)
            continue;
        p->seen[t / 64] |= bit;
        p->of[n++] = t;
    }
    for (size_t i = 0; i < n; i++)
        p->seen[p->of[i] / 64] = 0;
    return n;
}

enum vt_err
vt_postings_add(
    struct vt_postings *p, uint32_t number, const uint8_t *data, size_t len, struct vt_why *why)
{
    size_t most = len < TRIGRAMS ? len : TRIGRAMS;
    size_t n;

    if (len < 3)
        return VT_OK;
    if (p->of_cap < most) {
        uint32_t *grown = realloc(p->of, most * sizeof(*grown));

        if (grown == NULL)
            return vt_fail(why, VT_E_NOMEM, "index: out of memory");
        p->of = grown;
        p->of_cap = most;
    }
    n = distinct(p, data, len);
    for (size_t i = 0; i < n; i++)
        if (!note(p, p->of[i], number))
            return vt_fail(why, VT_E_NOMEM, "index: out of memory");
    return VT_OK;
}

enum vt_err
vt_postings_each(const struct vt_postings *p,
    enum vt_err (*fn)(void *ctx, uint32_t trigram, uint32_t count, uint32_t list, size_t len,
        struct vt_why *why),
    void *ctx, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (uint32_t t = 0; t < TRIGRAMS && err == VT_OK; t++) {
        if (p->slot[t] != 0) {
            const struct list *l = &p->list[p->slot[t] - 1];

            err = fn(ctx, t, l->count, p->slot[t] - 1, l->len, why);
        }
    }
    return err;
}

void
vt_postings_copy(const struct vt_postings *p, uint32_t list, uint8_t *ret)
{
    const struct list *l = &p->list[list];
    uint32_t at = l->first;

    for (size_t done = 0; done < l->len; done += BLOCK) {
        const struct block *b = block(p, at);

        memcpy(ret + done, b->b, l->len - done < BLOCK ? l->len - done : BLOCK);
        at = b->next;
    }
}
