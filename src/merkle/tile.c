/* SPDX-License-Identifier: Apache-2.0 */
#include "merkle/tile.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TILE_HEIGHT 8U /* 2^8 hashes wide */

/* Appends to a path that has room for any tile's. */
__attribute__((format(printf, 3, 4))) static size_t
path_put(char *path, size_t at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(path + at, VT_TILE_PATH_MAX - at, fmt, ap);
    va_end(ap);
    assert(n >= 0 && (size_t)n < VT_TILE_PATH_MAX - at);
    return at + (size_t)n;
}

void
vt_tile_path(const struct vt_tile *t, char ret[VT_TILE_PATH_MAX])
{
    uint64_t unit = 1;
    size_t at;

    if (t->level == VT_TILE_ENTRIES)
        at = path_put(ret, 0, "tile/entries/");
    else
        at = path_put(ret, 0, "tile/%u/", t->level);
    while (t->index / unit >= 1000)
        unit *= 1000;
    for (; unit > 1; unit /= 1000)
        at = path_put(ret, at, "x%03u/", (unsigned)(t->index / unit % 1000));
    at = path_put(ret, at, "%03u", (unsigned)(t->index % 1000));
    if (t->width < VT_TILE_WIDTH)
        path_put(ret, at, ".p/%u", t->width);
}

static bool
parse_level(struct vt_reader *r, unsigned *ret)
{
    struct vt_reader word;
    uint64_t n;
    if (!vt_reader_word(r, '/', &word))
        return false;
    if (vt_reader_is(&word, "entries")) {
        *ret = VT_TILE_ENTRIES;
        return true;
    }
    if (!vt_reader_decimal(&word, VT_TILE_LEVEL_MAX, &n))
        return false;
    *ret = (unsigned)n;
    return true;
}

/* Three digits. */
static bool
parse_group(const uint8_t *p, uint64_t *index)
{
    unsigned n = 0;
    for (int i = 0; i < 3; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        n = n * 10 + (unsigned)(p[i] - '0');
    }
    return !__builtin_mul_overflow(*index, 1000, index) &&
           !__builtin_add_overflow(*index, n, index);
}

/* Groups of three digits, all but the last as "xNNN/". */
static bool
parse_index(struct vt_reader *r, uint64_t *ret)
{
    const uint8_t *p;
    uint64_t index = 0;
    while (vt_reader_skip(r, "x")) {
        if (!vt_reader_take(r, 3, &p) || !parse_group(p, &index) || !vt_reader_skip(r, "/"))
            return false;
    }
    if (!vt_reader_take(r, 3, &p) || !parse_group(p, &index))
        return false;
    *ret = index;
    return true;
}

bool
vt_tile_parse(const char *path, struct vt_tile *ret)
{
    struct vt_reader r = VT_READER(path, strlen(path));
    struct vt_tile t = {.width = VT_TILE_WIDTH};
    char again[VT_TILE_PATH_MAX];
    uint64_t width;

    if (!vt_reader_skip(&r, "tile/") || !parse_level(&r, &t.level) ||
        !parse_index(&r, &t.index))
        return false;
    if (r.left > 0) {
        if (!vt_reader_skip(&r, ".p/") || !vt_reader_decimal(&r, VT_TILE_WIDTH - 1, &width) ||
            width == 0)
            return false;
        t.width = (unsigned)width;
    }
    /* What would be written otherwise (such as with a group x000 too many) is
     * another name of the same tile, and not its path. */
    vt_tile_path(&t, again);
    if (strcmp(again, path) != 0)
        return false;
    *ret = t;
    return true;
}

unsigned
vt_tile_width(unsigned level, uint64_t index, uint64_t size)
{
    if (level == VT_TILE_ENTRIES)
        level = 0;
    assert(level <= VT_TILE_LEVEL_MAX);
    uint64_t hashes = size >> (level * TILE_HEIGHT);
    uint64_t full = hashes / VT_TILE_WIDTH;
    if (index < full)
        return VT_TILE_WIDTH;
    return index == full ? (unsigned)(hashes % VT_TILE_WIDTH) : 0;
}

void
vt_tile_of(unsigned level, uint64_t index, uint64_t size, struct vt_tile *ret_tile,
    unsigned *ret_first, unsigned *ret_count)
{
    assert(level < 64 && index < size >> level);
    unsigned below = level % TILE_HEIGHT; /* how far up from the stored hashes */
    uint64_t first = index << below;

    ret_tile->level = level / TILE_HEIGHT;
    ret_tile->index = first / VT_TILE_WIDTH;
    ret_tile->width = vt_tile_width(ret_tile->level, ret_tile->index, size);
    *ret_first = (unsigned)(first % VT_TILE_WIDTH);
    *ret_count = 1U << below;
}

void
vt_tile_fold(const struct vt_digest *hashes, unsigned count, struct vt_digest *ret)
{
    struct vt_digest row[VT_TILE_WIDTH / 2];

    assert(count >= 1 && count <= VT_TILE_WIDTH && (count & (count - 1)) == 0);
    for (unsigned n = count / 2; n > 0; n /= 2, hashes = row)
        vt_digest_pairs(0x01, hashes, n, row);
    *ret = hashes[0];
}
