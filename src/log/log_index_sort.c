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

/* A file that is read through s->in. */
struct input {
    int fd;
    size_t at, held;
    bool ended; /* there is no more in the file */
};

/* Reads on: what is left moves to the front. */
static enum vt_err
refill(struct vt_index_sort *s, struct input *in, struct vt_why *why)
{
    const size_t left = in->held - in->at;
    size_t got = 0;

    memmove(s->in, s->in + in->at, left);
    enum vt_err err = vt_fd_read(in->fd, s->in + left, READ_BYTES - left, &got, why);
    if (err != VT_OK)
        return err;
    in->at = 0;
    in->held = left + got;
    in->ended = in->held < READ_BYTES;
    return VT_OK;
}

/* The next entry of a bundle, if all of it was read. */
static bool
next_entry(struct vt_index_sort *s, struct input *in, const uint8_t **ret, uint16_t *ret_len)
{
    struct vt_reader r = VT_READER(s->in + in->at, in->held - in->at);

    if (!vt_reader_u16(&r, ret_len) || !vt_reader_take(&r, *ret_len, ret))
        return false;
    in->at = in->held - r.left;
    return true;
}

/* The entries of a bundle, and nothing after them. */
static enum vt_err
take_bundle(struct vt_index_sort *s, int fd, struct vt_why *why)
{
    struct input in = {.fd = fd};
    const uint8_t *entry = NULL;
    uint16_t len = 0;
    enum vt_err err = VT_OK;

    for (unsigned i = 0; i < VT_INDEX_BLOCK; i++) {
        bool there = next_entry(s, &in, &entry, &len);

        if (!there && !in.ended) {
            err = refill(s, &in, why);
            if (err != VT_OK)
                return err;
            there = next_entry(s, &in, &entry, &len);
        }
        if (!there)
            return vt_fail(why, VT_E_DIGEST, "it ends before its entry %u does", i);
        if (!vt_index_sort_add(s, entry, len))
            return vt_fail(why, VT_E_LIMIT, "its records do not fit");
    }
    if (in.at == in.held && !in.ended)
        err = refill(s, &in, why);
    if (err == VT_OK && in.at < in.held)
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
vt_index_sort_records(struct vt_index_sort *s, size_t first, size_t blocks, uint64_t *ret_count)
{
    const size_t from = first > 0 ? s->end[first - 1] : 0;
    const struct vt_index_record *const record = &s->record[from];
    const size_t count = s->end[first + blocks - 1] - from;
    uint32_t begin = 0;

    assert(blocks > 0 && first + blocks <= vt_index_sort_blocks(s));
    memset(s->bucket, 0, sizeof s->bucket);
    for (size_t i = 0; i < count; i++)
        s->bucket[bucket_of(&record[i]) + 1]++;
    for (size_t i = 0; i < BUCKETS; i++)
        s->bucket[i + 1] += s->bucket[i];
    /* scattering moves each bucket's beginning to its end */
    for (size_t i = 0; i < count; i++)
        s->sorted[s->bucket[bucket_of(&record[i])]++] = record[i];
    for (size_t i = 0; i < BUCKETS; begin = s->bucket[i++]) {
        if (s->bucket[i] - begin > 1)
            qsort(&s->sorted[begin], s->bucket[i] - begin, sizeof s->sorted[0], record_cmp);
    }
    *ret_count = count;
    return s->sorted;
}

bool
vt_index_sort_has_room(const struct vt_index_sort *s, uint64_t records)
{
    return vt_index_sort_blocks(s) < VT_INDEX_SORT_BLOCKS && records <= CAP - s->count;
}
