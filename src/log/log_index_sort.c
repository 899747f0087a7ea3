/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys are digests, so records fall evenly into buckets by their first bits: one pass to count,
 * one to scatter, and a small sort in each bucket. Keys that somebody chose to fall into one
 * bucket cost an ordinary sort.
 */
#include "log/log_index_sort.h"

#include "base/file.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CAP = 104857, /* records in 4 MiB: twice, for scattering */
    BUCKET_BITS = 12,
    BUCKETS = 1 << BUCKET_BITS,
    READ_BYTES = 128 * 1024, /* any entry fits */
};
_Static_assert(CAP >= VT_INDEX_BLOCK * VT_INDEX_KEYS_MAX, "a block fits");

struct vt_index_sort {
    uint64_t first;
    size_t entries;
    size_t count; /* records */
    struct vt_digest leaf[VT_INDEX_BLOCK];
    struct vt_digest root[VT_INDEX_SORT_BLOCKS];
    size_t end[VT_INDEX_SORT_BLOCKS]; /* records up to the end of that block */
    uint32_t bucket[BUCKETS + 1];
    uint8_t in[READ_BYTES];
    struct vt_index_record record[CAP];
    struct vt_index_record sorted[CAP];
};

enum vt_err
vt_index_sort_new(struct vt_index_sort **ret, struct vt_why *why)
{
    struct vt_index_sort *s = malloc(sizeof *s);

    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "the log's index: out of memory");
    vt_index_sort_begin(s, 0);
    *ret = s;
    return VT_OK;
}

void
vt_index_sort_free(struct vt_index_sort *s)
{
    free(s);
}

void
vt_index_sort_begin(struct vt_index_sort *s, uint64_t first)
{
    s->first = first;
    s->entries = 0;
    s->count = 0;
}

/* Forgets the block that is not complete. */
static void
drop_part(struct vt_index_sort *s)
{
    const size_t blocks = s->entries / VT_INDEX_BLOCK;

    s->entries = blocks * VT_INDEX_BLOCK;
    s->count = blocks > 0 ? s->end[blocks - 1] : 0;
}

bool
vt_index_sort_add(struct vt_index_sort *s, const void *entry, size_t len)
{
    const size_t block = s->entries / VT_INDEX_BLOCK;
    struct vt_digest keys[VT_INDEX_KEYS_MAX];
    size_t n;

    vt_index_keys(entry, len, keys, &n);
    if (block == VT_INDEX_SORT_BLOCKS || n > CAP - s->count) {
        drop_part(s);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        vt_index_record_put(&s->record[s->count++], &keys[i], s->first + s->entries);
    vt_merkle_leaf(entry, len, &s->leaf[s->entries++ % VT_INDEX_BLOCK]);
    if (s->entries % VT_INDEX_BLOCK == 0) {
        vt_tile_fold(s->leaf, VT_INDEX_BLOCK, &s->root[block]);
        s->end[block] = s->count;
    }
    return true;
}

/* Reads on: what is left moves to the front. *held: bytes that are there. */
static enum vt_err
refill(struct vt_index_sort *s, int fd, size_t *at, size_t *held, struct vt_why *why)
{
    const size_t left = *held - *at;
    size_t got = 0;

    memmove(s->in, s->in + *at, left);
    enum vt_err err = vt_fd_read(fd, s->in + left, READ_BYTES - left, &got, why);
    if (err != VT_OK)
        return err;
    *at = 0;
    *held = left + got;
    return VT_OK;
}

/* The entries of a bundle, and nothing after them. */
static enum vt_err
take_bundle(struct vt_index_sort *s, int fd, struct vt_why *why)
{
    size_t at = 0, held = 0;

    for (unsigned i = 0; i < VT_INDEX_BLOCK; i++) {
        const uint8_t *entry = NULL;
        uint16_t len = 0;

        if (held - at < 2 + UINT16_MAX) {
            enum vt_err err = refill(s, fd, &at, &held, why);
            if (err != VT_OK)
                return err;
        }
        struct vt_reader r = VT_READER(s->in + at, held - at);
        if (!vt_reader_u16(&r, &len) || !vt_reader_take(&r, len, &entry))
            return vt_fail(why, VT_E_DIGEST, "it ends before its entry %u does", i);
        if (!vt_index_sort_add(s, entry, len))
            return vt_fail(why, VT_E_LIMIT, "its records do not fit");
        at = held - r.left;
    }
    enum vt_err err = refill(s, fd, &at, &held, why);
    if (err == VT_OK && held > 0)
        err = vt_fail(why, VT_E_DIGEST, "it has more than %u entries", VT_INDEX_BLOCK);
    return err;
}

enum vt_err
vt_index_sort_bundle(struct vt_index_sort *s, const char *path, struct vt_why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    assert(s->entries % VT_INDEX_BLOCK == 0);
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    enum vt_err err = take_bundle(s, fd, why);
    (void)close(fd);
    if (err == VT_OK)
        return VT_OK;
    return vt_fail_in(why, err, "%s", path);
}

size_t
vt_index_sort_blocks(const struct vt_index_sort *s)
{
    return s->entries / VT_INDEX_BLOCK;
}

const struct vt_digest *
vt_index_sort_root(const struct vt_index_sort *s, size_t block)
{
    assert(block < vt_index_sort_blocks(s));
    return &s->root[block];
}

static inline unsigned
bucket_of(const struct vt_index_record *r)
{
    return (unsigned)(r->b[0] << 8 | r->b[1]) >> (16 - BUCKET_BITS);
}

static int
record_cmp(const void *a, const void *b)
{
    return memcmp(a, b, VT_INDEX_RECORD);
}

const struct vt_index_record *
vt_index_sort_records(struct vt_index_sort *s, size_t blocks, uint64_t *ret_count)
{
    uint32_t begin = 0;

    assert(blocks > 0 && blocks <= vt_index_sort_blocks(s));
    s->entries = blocks * VT_INDEX_BLOCK;
    s->count = s->end[blocks - 1];
    memset(s->bucket, 0, sizeof s->bucket);
    for (size_t i = 0; i < s->count; i++)
        s->bucket[bucket_of(&s->record[i]) + 1]++;
    for (size_t i = 0; i < BUCKETS; i++)
        s->bucket[i + 1] += s->bucket[i];
    /* scattering moves each bucket's beginning to its end */
    for (size_t i = 0; i < s->count; i++)
        s->sorted[s->bucket[bucket_of(&s->record[i])]++] = s->record[i];
    for (size_t i = 0; i < BUCKETS; begin = s->bucket[i++]) {
        if (s->bucket[i] - begin > 1)
            qsort(&s->sorted[begin], s->bucket[i] - begin, sizeof s->sorted[0], record_cmp);
    }
    *ret_count = s->count;
    return s->sorted;
}

bool
vt_index_sort_has_room(const struct vt_index_sort *s)
{
    return s->count <= CAP / 4;
}
