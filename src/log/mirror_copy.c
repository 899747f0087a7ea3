/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying: bundles in order, and from their leaves the tiles, until the right edge of the new
 * tree is reached.
 *
 * What DIR has beyond its checkpoint comes from a copy that was broken off. A crash of the
 * machine, or a write that failed, may have left such files in any state, so they are taken
 * only when what the disk has of them passes the same checks as what is fetched.
 */
#include "base/progress.h"
#include "log/mirror_parts.h"
#include "log/tile_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP ".tmp-mirror" /* the one file under way */

struct copy {
    struct vt_log_mirror *m;
    struct vt_tiles *tiles;
    struct vt_fetch_ahead *ahead;
    uint64_t size;
    uint64_t coming; /* the bundle after the last that is fetched ahead */
    struct vt_edge edge;
    struct vt_buf own; /* a bundle that DIR has */
    struct vt_bundle own_open;
    uint64_t bytes;
};

static struct vt_tile
bundle_tile(const struct copy *c, uint64_t n)
{
    return (struct vt_tile){
        .level = VT_TILE_ENTRIES, .index = n, .width = vt_tile_width(0, n, c->size)};
}

/* The next bundle that DIR has not. */
static bool
next_bundle(void *ctx, char ret[VT_FETCH_PATH_MAX])
{
    struct copy *c = ctx;

    for (;;) {
        struct vt_tile t = bundle_tile(c, c->coming);

        if (t.width == 0)
            return false;
        c->coming++;
        if (vt_tile_file_there(c->m->dir, &t))
            continue;
        vt_tile_path(&t, ret);
        return true;
    }
}

static enum vt_err
write_temp(const char *path, const void *data, size_t len, struct vt_why *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    enum vt_err err;

    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    err = vt_fd_write(fd, data, len, why);
    if (err == VT_OK && fchmod(fd, 0644) != 0)
        err = vt_fail_errno(why, "cannot set permissions");
    if (close(fd) != 0 && err == VT_OK)
        err = vt_fail_errno(why, "cannot close");
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s", path);
}

enum vt_err
vt_log_mirror_temp(const struct vt_log_mirror *m, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_path(ret, why, "%s/" TEMP, m->dir);
}

enum vt_err
vt_log_mirror_name(struct vt_log_mirror *m, const char *rel, struct vt_why *why)
{
    char temp[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    char *slash;
    enum vt_err err = vt_log_mirror_temp(m, temp, why);

    if (err == VT_OK)
        err = vt_path(path, why, "%s/%s", m->dir, rel);
    if (err != VT_OK)
        return err;
    if (rename(temp, path) == 0)
        return VT_OK;
    slash = strrchr(path, '/');
    *slash = '\0';
    err = vt_dir_make(path, 0755, why);
    *slash = '/';
    if (err == VT_OK && rename(temp, path) != 0)
        err = vt_fail_errno(why, "%s: cannot put the new file in place", path);
    return err;
}

enum vt_err
vt_log_mirror_put(
    struct vt_log_mirror *m, const char *rel, const void *data, size_t len, struct vt_why *why)
{
    char temp[VT_PATH_MAX];
    enum vt_err err = vt_log_mirror_temp(m, temp, why);

    if (err == VT_OK)
        err = write_temp(temp, data, len, why);
    return err == VT_OK ? vt_log_mirror_name(m, rel, why) : err;
}

/* What DIR has of it is to be read from the disk. */
static void
forget(const struct copy *c, const struct vt_tile *t)
{
    char path[VT_PATH_MAX];
    int fd = vt_tile_file_path(path, c->m->dir, t, NULL) == VT_OK
                 ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
                 : -1;

    if (fd < 0)
        return;
    vt_disk_forget(fd);
    (void)close(fd);
}

static enum vt_err
put_tile(void *ctx, const struct vt_tile *t, const struct vt_digest *hashes, struct vt_why *why)
{
    struct copy *c = ctx;
    struct vt_digest there[VT_TILE_WIDTH];
    char rel[VT_TILE_PATH_MAX];

    forget(c, t);
    if (vt_tile_file_hashes(c->m->dir, t, there, NULL) == VT_OK &&
        memcmp(there, hashes, t->width * sizeof(there[0])) == 0)
        return VT_OK;
    vt_tile_path(t, rel);
    return vt_log_mirror_put(c->m, rel, hashes, t->width * sizeof(*hashes), why);
}

/* Whether DIR has the bundle, sound. */
static bool
has_own(struct copy *c, const struct vt_tile *t)
{
    char path[VT_PATH_MAX];

    vt_buf_clear(&c->own);
    forget(c, t);
    return vt_tile_file_path(path, c->m->dir, t, NULL) == VT_OK &&
           vt_file_read(path, &c->own, NULL) == VT_OK &&
           vt_bundle_open(c->own.data, c->own.len, t->width, true, &c->own_open, NULL) ==
               VT_OK &&
           vt_tiles_check(c->tiles, t->index, &c->own_open, NULL) == VT_OK;
}

/* Fetches a bundle and gives it its name; of a full one that stands for a partial one only the
 * first entries. */
static enum vt_err
fetch_bundle(
    struct copy *c, const struct vt_tile *t, const struct vt_bundle **ret, struct vt_why *why)
{
    const uint8_t *data = NULL;
    char rel[VT_TILE_PATH_MAX];
    size_t len;
    enum vt_err err = vt_tiles_bundle(c->tiles, t->index, c->ahead, ret, &data, why);

    if (err != VT_OK)
        return err;
    len = (*ret)->at[t->width - 1] + (size_t)(*ret)->len[t->width - 1];
    c->bytes += len;
    vt_tile_path(t, rel);
    return vt_log_mirror_put(c->m, rel, data, len, why);
}

static enum vt_err
copy_bundle(struct copy *c, uint64_t n, struct vt_why *why)
{
    struct vt_tile t = bundle_tile(c, n);
    struct vt_tile leaves = {.level = 0, .index = n, .width = t.width};
    const struct vt_bundle *b = &c->own_open;
    struct vt_digest root;
    enum vt_err err = has_own(c, &t) ? VT_OK : fetch_bundle(c, &t, &b, why);

    if (err == VT_OK)
        err = put_tile(c, &leaves, b->leaf, why);
    if (err != VT_OK)
        return err;
    if (t.width == VT_TILE_WIDTH) {
        vt_tile_fold(b->leaf, VT_TILE_WIDTH, &root);
        return vt_edge_put(&c->edge, 1, &root, put_tile, c, why);
    }
    for (unsigned i = 0; i < t.width && err == VT_OK; i++)
        err = vt_edge_put(&c->edge, 0, &b->leaf[i], put_tile, c, why);
    return err;
}

/* The partial tiles above level 0, and with them the root once more. */
static enum vt_err
copy_edge(struct copy *c, const struct vt_checkpoint *got, struct vt_why *why)
{
    struct vt_digest root;
    enum vt_err err = VT_OK;

    for (unsigned l = 1; l <= VT_TILE_LEVEL_MAX && err == VT_OK; l++) {
        struct vt_tile t = vt_edge_tile(&c->edge, l);

        if (t.width > 0)
            err = put_tile(c, &t, c->edge.hash[l], why);
    }
    if (err == VT_OK)
        err = vt_edge_root(&c->edge, &root, why);
    if (err == VT_OK && !vt_digest_eq(&root, &got->root))
        err = vt_fail(
            why, VT_E_PROOF, "%s: the entries do not give the checkpoint's root", c->m->where);
    return err;
}

static enum vt_err
copy_all(struct copy *c, const struct vt_checkpoint *got, struct vt_why *why)
{
    struct vt_progress *p = c->m->progress;
    struct vt_hash_source src = vt_tiles_source(c->tiles);
    uint64_t first = c->m->has ? c->m->had.checkpoint.size / VT_TILE_WIDTH : 0;
    enum vt_err err = vt_edge_load(&c->edge, &src, first * VT_TILE_WIDTH, why);

    c->coming = first;
    if (p != NULL) {
        vt_progress_begin(p, "copying the log", got->size - first * VT_TILE_WIDTH);
        vt_progress_rate(p, "entries");
    }
    for (uint64_t n = first; n * VT_TILE_WIDTH < got->size && err == VT_OK; n++) {
        err = copy_bundle(c, n, why);
        if (p != NULL)
            vt_progress_set(p, (n - first) * VT_TILE_WIDTH);
    }
    if (err == VT_OK)
        err = copy_edge(c, got, why);
    if (err == VT_OK)
        err = vt_disk_sync(&c->m->disk, why);
    if (p != NULL)
        vt_progress_end(p);
    return err;
}

enum vt_err
vt_log_mirror_copy(struct vt_log_mirror *m, const struct vt_checkpoint *got,
    struct vt_tiles *tiles, uint64_t *ret_bytes, struct vt_why *why)
{
    struct copy *c = calloc(1, sizeof(*c));
    enum vt_err err;

    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "mirror: out of memory");
    c->m = m;
    c->tiles = tiles;
    c->size = got->size;
    vt_buf_init(&c->own, VT_BUNDLE_MAX);
    err = vt_fetch_ahead_new(m->fetch, next_bundle, c, &c->ahead, why);
    if (err == VT_OK)
        err = copy_all(c, got, why);
    if (err == VT_OK)
        *ret_bytes = c->bytes;
    vt_fetch_ahead_free(c->ahead);
    vt_buf_release(&c->own);
    free(c);
    return err;
}

enum vt_err
vt_log_mirror_drop_partials(
    struct vt_log_mirror *m, uint64_t old_size, uint64_t size, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX && err == VT_OK; l++)
        for (uint64_t n = (old_size >> (8 * l)) / VT_TILE_WIDTH;
             n < (size >> (8 * l)) / VT_TILE_WIDTH && err == VT_OK; n++) {
            err = vt_tile_file_drop_partials(m->dir, l, n, why);
            if (err == VT_OK && l == 0)
                err = vt_tile_file_drop_partials(m->dir, VT_TILE_ENTRIES, n, why);
        }
    return err;
}
