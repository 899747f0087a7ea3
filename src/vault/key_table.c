/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/key_table.h"

#include "crypto/digest.h"
#include "crypto/locked.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLAB_RECORDS 4096U
#define SLABS_MAX (VT_KEY_TABLE_MAX / SLAB_RECORDS + 1U)
#define ID_MAX 128U
#define LOCK_SPARE                                                                             \
    (256U * 1024U) /* of lockable memory, left to those who cannot do without                  \
                    */

struct slab {
    uint8_t *mem;
    bool locked;
};

struct vt_key_table {
    size_t id_size;
    size_t record; /* bytes of one */
    uint64_t seed;
    size_t count;
    size_t slab_count;
    struct slab *slab;
    uint32_t *index;   /* record number + 1; 0: free */
    size_t index_size; /* a power of two */
};

/* Plain memory that at least no core dump has. */
static void *
unlocked_new(size_t len)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    (void)madvise(p, len, MADV_DONTDUMP);
    return p;
}

/* Locked memory, but never the last of it: NULL. */
static void *
locked_new(size_t len)
{
    void *spare = NULL;
    void *p = NULL;

    if (vt_locked_new(len, &p, NULL) != VT_OK)
        return NULL;
    if (vt_locked_new(LOCK_SPARE, &spare, NULL) != VT_OK) {
        vt_locked_free(p);
        return NULL;
    }
    vt_locked_free(spare);
    return p;
}

static void
slab_free(struct slab *s, size_t len)
{
    if (s->locked) {
        vt_locked_free(s->mem);
        return;
    }
    vt_wipe(s->mem, len);
    (void)munmap(s->mem, len);
}

static size_t
slab_size(const struct vt_key_table *t)
{
    return t->record * SLAB_RECORDS;
}

static enum vt_err
add_slab(struct vt_key_table *t, struct vt_why *why)
{
    struct slab s = {0};
    struct slab *all;

    if (t->slab_count == SLABS_MAX)
        return vt_fail(why, VT_E_LIMIT, "key ring: more than %u keys", VT_KEY_TABLE_MAX);
    all = reallocarray(t->slab, t->slab_count + 1, sizeof *all);
    if (all == NULL)
        return vt_fail(why, VT_E_NOMEM, "key ring: out of memory");
    t->slab = all;
    s.mem = locked_new(slab_size(t));
    s.locked = s.mem != NULL;
    if (!s.locked)
        s.mem = unlocked_new(slab_size(t));
    if (s.mem == NULL)
        return vt_fail(why, VT_E_NOMEM, "key ring: out of memory");
    t->slab[t->slab_count++] = s;
    return VT_OK;
}

static uint8_t *
record_at(const struct vt_key_table *t, size_t i)
{
    return t->slab[i / SLAB_RECORDS].mem + (i % SLAB_RECORDS) * t->record;
}

static uint64_t
hash(const struct vt_key_table *t, const uint8_t *id)
{
    uint64_t h = t->seed;

    for (size_t at = 0; at < t->id_size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, id + at, t->id_size - at < 8 ? t->id_size - at : 8);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ (h >> 32);
}

/* Where the id is in the index, or the free place where it would be. */
static size_t
find(const struct vt_key_table *t, const uint8_t *id)
{
    size_t mask = t->index_size - 1;
    size_t at = (size_t)hash(t, id) & mask;

    while (t->index[at] != 0 && memcmp(record_at(t, t->index[at] - 1), id, t->id_size) != 0)
        at = (at + 1) & mask;
    return at;
}

static void
fill_index(struct vt_key_table *t)
{
    memset(t->index, 0, t->index_size * sizeof *t->index);
    for (size_t i = 0; i < t->count; i++)
        t->index[find(t, record_at(t, i))] = (uint32_t)(i + 1);
}

static enum vt_err
grow_index(struct vt_key_table *t, struct vt_why *why)
{
    size_t size = t->index_size == 0 ? 64 : t->index_size * 2;
    uint32_t *index = calloc(size, sizeof *index);

    if (index == NULL)
        return vt_fail(why, VT_E_NOMEM, "key ring: out of memory");
    free(t->index);
    t->index = index;
    t->index_size = size;
    fill_index(t);
    return VT_OK;
}

enum vt_err
vt_key_table_new(size_t id_size, bool keyed, struct vt_key_table **ret, struct vt_why *why)
{
    struct vt_key_table *t;
    enum vt_err err;

    assert(id_size > 0 && id_size <= ID_MAX);
    t = calloc(1, sizeof *t);
    if (t == NULL)
        return vt_fail(why, VT_E_NOMEM, "key ring: out of memory");
    t->id_size = id_size;
    t->record = id_size + (keyed ? VT_KEY_TABLE_KEY : 0);
    err = vt_random(&t->seed, sizeof t->seed, why);
    if (err == VT_OK)
        err = grow_index(t, why);
    if (err != VT_OK) {
        vt_key_table_free(t);
        return err;
    }
    *ret = t;
    return VT_OK;
}

void
vt_key_table_free(struct vt_key_table *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->slab_count; i++)
        slab_free(&t->slab[i], slab_size(t));
    free(t->slab);
    free(t->index);
    free(t);
}

/* What a record has after its id; NULL in a set. */
static uint8_t *
key_of(const struct vt_key_table *t, uint8_t *record)
{
    return t->record > t->id_size ? record + t->id_size : NULL;
}

enum vt_err
vt_key_table_put(
    struct vt_key_table *t, const uint8_t *id, const uint8_t *key, struct vt_why *why)
{
    size_t at = find(t, id);
    enum vt_err err = VT_OK;
    uint8_t *p;

    if (t->index[at] != 0) {
        const uint8_t *there = key_of(t, record_at(t, t->index[at] - 1));
        struct vt_digest a, b; /* 32 bytes compared in constant time */
        if (there == NULL)
            return VT_OK;
        memcpy(a.b, there, sizeof a.b);
        memcpy(b.b, key, sizeof b.b);
        if (!vt_digest_eq(&a, &b))
            err = vt_fail(why, VT_E_EXIST, "key ring: there is another key of that name");
        vt_wipe(&a, sizeof a);
        vt_wipe(&b, sizeof b);
        return err;
    }
    if (t->count == t->slab_count * SLAB_RECORDS)
        err = add_slab(t, why);
    if (err == VT_OK && t->count >= t->index_size / 4 * 3) {
        err = grow_index(t, why);
        at = find(t, id);
    }
    if (err != VT_OK)
        return err;
    p = record_at(t, t->count);
    memcpy(p, id, t->id_size);
    if (key_of(t, p) != NULL)
        memcpy(key_of(t, p), key, VT_KEY_TABLE_KEY);
    t->index[at] = (uint32_t)++t->count;
    return VT_OK;
}

bool
vt_key_table_has(const struct vt_key_table *t, const uint8_t *id)
{
    return t->index[find(t, id)] != 0;
}

const uint8_t *
vt_key_table_get(const struct vt_key_table *t, const uint8_t *id)
{
    uint32_t n = t->index[find(t, id)];

    return n == 0 ? NULL : key_of(t, record_at(t, n - 1));
}

size_t
vt_key_table_count(const struct vt_key_table *t)
{
    return t->count;
}

const uint8_t *
vt_key_table_at(const struct vt_key_table *t, size_t i, const uint8_t **ret_key)
{
    uint8_t *p;

    assert(i < t->count);
    p = record_at(t, i);
    if (ret_key != NULL)
        *ret_key = key_of(t, p);
    return p;
}

void
vt_key_table_drop(struct vt_key_table *t,
    bool (*fn)(void *ctx, const uint8_t *id, const uint8_t *key), void *ctx)
{
    size_t i = 0;

    while (i < t->count) {
        uint8_t *p = record_at(t, i);
        uint8_t *last = record_at(t, t->count - 1);
        if (!fn(ctx, p, key_of(t, p))) {
            i++;
            continue;
        }
        if (p != last)
            memcpy(p, last, t->record);
        vt_wipe(last, t->record);
        t->count--;
    }
    fill_index(t);
}

bool
vt_key_table_locked(const struct vt_key_table *t)
{
    for (size_t i = 0; i < t->slab_count; i++)
        if (!t->slab[i].locked)
            return false;
    return true;
}
