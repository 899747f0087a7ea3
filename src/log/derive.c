/* SPDX-License-Identifier: Apache-2.0 */
#include "log/derive.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BUNDLE_MAX (VT_TILE_WIDTH * (2U + 65535U))

static enum vt_err
put_bundle(
    const struct vt_derive *d, const struct vt_tile *t, struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf one = VT_BUF(65535);
    enum vt_err err = VT_OK;

    for (unsigned i = 0; i < t->width && err == VT_OK; i++) {
        vt_buf_clear(&one);
        err = d->entry(d->ctx, t->index * VT_TILE_WIDTH + i, &one, why);
        if (err == VT_OK)
            err = vt_buf_check(&one, "entry", why);
        vt_buf_put_u16(b, (uint16_t)one.len);
        vt_buf_put(b, one.data, one.len);
    }
    vt_buf_release(&one);
    return err;
}

static void
put_hashes(const struct vt_derive *d, const struct vt_tile *t, struct vt_buf *b)
{
    const struct vt_digest *h = &d->levels->level[t->level].hash[t->index * VT_TILE_WIDTH];

    for (unsigned i = 0; i < t->width; i++)
        vt_buf_put(b, h[i].b, VT_DIGEST_SIZE);
}

/* Makes the folders above a file below d->dir. */
static enum vt_err
make_parents(const char *path, struct vt_why *why)
{
    char parent[VT_PATH_MAX];
    char *slash;
    enum vt_err err = vt_path(parent, why, "%s", path);

    if (err != VT_OK)
        return err;
    slash = strrchr(parent, '/');
    if (slash == NULL)
        return VT_OK;
    *slash = '\0';
    return vt_file_exists(parent) ? VT_OK : vt_dir_make(parent, 0755, why);
}

static enum vt_err
tile_file(const struct vt_derive *d, const struct vt_tile *t, char ret[VT_PATH_MAX],
    struct vt_why *why)
{
    char rel[VT_TILE_PATH_MAX];

    vt_tile_path(t, rel);
    return vt_path(ret, why, "%s/%s", d->dir, rel);
}

/* Whether the file is there with a length that it may have. */
static bool
is_there(const char *path, const struct vt_tile *t)
{
    struct stat st;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    return t->level == VT_TILE_ENTRIES ? st.st_size > 0
                                       : st.st_size == (off_t)t->width * VT_DIGEST_SIZE;
}

static enum vt_err
write_tile(
    const struct vt_derive *d, const struct vt_tile *t, bool missing_only, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(BUNDLE_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = tile_file(d, t, path, why);

    if (err != VT_OK || (missing_only && is_there(path, t)))
        return err;
    if (t->level == VT_TILE_ENTRIES)
        err = put_bundle(d, t, &b, why);
    else
        put_hashes(d, t, &b);
    if (err == VT_OK)
        err = vt_buf_check(&b, "tile", why);
    if (err == VT_OK)
        err = make_parents(path, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

/* Readers of an older checkpoint may still want a tile's partial forms when it
 * has just filled up; they are gone for good once its successor has. */
static enum vt_err
drop_partials(const struct vt_derive *d, unsigned level, uint64_t index, struct vt_why *why)
{
    struct vt_tile t = {.level = level, .index = index, .width = VT_TILE_WIDTH};
    char path[VT_PATH_MAX];
    enum vt_err err = tile_file(d, &t, path, why);

    if (err != VT_OK || strlen(path) + 3 > sizeof(path))
        return err;
    memcpy(path + strlen(path), ".p", 3);
    return vt_file_exists(path) ? vt_tree_remove(path, why) : VT_OK;
}

/* One level: the tiles from the one that held old_count's end. */
static enum vt_err
write_level(const struct vt_derive *d, unsigned level, uint64_t old_count, uint64_t count,
    bool missing_only, struct vt_why *why)
{
    uint64_t first = old_count / VT_TILE_WIDTH;
    enum vt_err err = VT_OK;

    if (count == old_count)
        return VT_OK;
    for (uint64_t n = first; n * VT_TILE_WIDTH < count && err == VT_OK; n++) {
        uint64_t left = count - n * VT_TILE_WIDTH;
        struct vt_tile t = {.level = level, .index = n};

        t.width = left < VT_TILE_WIDTH ? (unsigned)left : VT_TILE_WIDTH;
        err = write_tile(d, &t, missing_only, why);
        if (err == VT_OK && t.width == VT_TILE_WIDTH && n > 0)
            err = drop_partials(d, level, n - 1, why);
    }
    return err;
}

enum vt_err
vt_derive_tiles(const struct vt_derive *d, uint64_t old_size, uint64_t size, struct vt_why *why)
{
    bool missing_only = old_size == 0;
    enum vt_err err = write_level(d, VT_TILE_ENTRIES, old_size, size, missing_only, why);

    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX && err == VT_OK; l++) {
        uint64_t old_count = old_size >> (8 * l);
        uint64_t count = size >> (8 * l);

        err = write_level(d, l, old_count, count, missing_only, why);
    }
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "deriving the log's tiles");
}
