/* SPDX-License-Identifier: Apache-2.0 */
#include "log/mend.h"

#include "log/tile_file.h"
#include "log/tiles_bundle.h"

#include <inttypes.h>
#include <string.h>

struct mend {
    const char *dir;
    const struct vt_wal *wal;
    uint64_t size;
    struct vt_wal_follow *follow;
    struct vt_buf data; /* the file that is being made */
    struct vt_digest hash[VT_TILE_WIDTH];
    uint64_t mended;
};

static enum vt_err
wrong(const struct mend *m, const struct vt_tile *t, struct vt_why *why)
{
    char path[VT_TILE_PATH_MAX];

    vt_tile_path(t, path);
    return vt_fail(why, VT_E_DIGEST,
        "%s/%s is missing, and what would be put there is not in the tree that was signed: put "
        "back a sound copy of the log's folders",
        m->dir, path);
}

static enum vt_err
follow_from(struct mend *m, uint64_t index, struct vt_why *why)
{
    enum vt_err err;

    if (m->follow != NULL && vt_wal_follow_index(m->follow) == index)
        return VT_OK;
    vt_wal_follow_free(m->follow);
    m->follow = NULL;
    err = vt_wal_follow_new(m->wal, index, &m->follow, why);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_DIGEST,
            "%s/tile lacks the bundle of entry %" PRIu64
            ", and the write-ahead log has it no more: put it back from a mirror or a copy",
            m->dir, index);
    return err;
}

/* The entries from the write-ahead log, which must be those that the leaf hashes speak of. */
static enum vt_err
make_bundle(struct mend *m, const struct vt_tile *t, struct vt_why *why)
{
    struct vt_tile leaves = {.level = 0, .index = t->index, .width = t->width};
    bool known = vt_tile_file_there(m->dir, &leaves);
    enum vt_err err = follow_from(m, t->index * VT_TILE_WIDTH, why);

    if (err == VT_OK && known)
        err = vt_tile_file_hashes(m->dir, &leaves, m->hash, why);
    for (unsigned i = 0; i < t->width && err == VT_OK; i++) {
        struct vt_wal_record rec = {0};
        struct vt_digest leaf;

        err = vt_wal_follow_get(m->follow, &rec, why);
        if (err != VT_OK)
            break;
        vt_merkle_leaf(rec.data, rec.len, &leaf);
        if (known && !vt_digest_eq(&leaf, &m->hash[i]))
            return wrong(m, t, why);
        vt_buf_put_u16(&m->data, rec.len);
        vt_buf_put(&m->data, rec.data, rec.len);
        vt_wal_follow_step(m->follow);
    }
    return err == VT_OK ? vt_buf_check(&m->data, "entry bundle", why) : err;
}

static enum vt_err
hash_leaves(struct mend *m, const struct vt_tile *t, struct vt_why *why)
{
    struct vt_tile entries = {.level = VT_TILE_ENTRIES, .index = t->index, .width = t->width};
    struct vt_buf b = VT_BUF(VT_BUNDLE_MAX);
    struct vt_bundle bundle;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_tile_file_path(path, m->dir, &entries, why);

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_OK) {
        err = vt_bundle_open(b.data, b.len, t->width, true, &bundle, why);
        if (err != VT_OK)
            err = vt_fail_in(why, VT_E_DIGEST, "%s: remove it and start the log again", path);
    }
    if (err == VT_OK)
        memcpy(m->hash, bundle.leaf, t->width * sizeof bundle.leaf[0]);
    vt_buf_release(&b);
    return err;
}

/* A hash of this level is the root of a full tile of the one below. */
static enum vt_err
fold_below(struct mend *m, const struct vt_tile *t, struct vt_why *why)
{
    struct vt_digest below[VT_TILE_WIDTH];
    enum vt_err err = VT_OK;

    for (unsigned i = 0; i < t->width && err == VT_OK; i++) {
        struct vt_tile child = {.level = t->level - 1,
            .index = t->index * VT_TILE_WIDTH + i,
            .width = VT_TILE_WIDTH};

        err = vt_tile_file_hashes(m->dir, &child, below, why);
        if (err == VT_OK)
            vt_tile_fold(below, VT_TILE_WIDTH, &m->hash[i]);
    }
    return err;
}

/* Holds a full tile's root against the tile above, unless that is yet to be made: then it will
 * be held against the one above it. */
static enum vt_err
check_above(const struct mend *m, const struct vt_tile *t, struct vt_why *why)
{
    struct vt_tile up = {.level = t->level + 1, .index = t->index / VT_TILE_WIDTH};
    struct vt_digest above[VT_TILE_WIDTH];
    struct vt_digest root;
    enum vt_err err;

    if (t->width < VT_TILE_WIDTH || up.level > VT_TILE_LEVEL_MAX)
        return VT_OK;
    up.width = vt_tile_width(up.level, up.index, m->size);
    if (!vt_tile_file_there(m->dir, &up))
        return VT_OK;
    err = vt_tile_file_hashes(m->dir, &up, above, why);
    if (err != VT_OK)
        return err;
    vt_tile_fold(m->hash, VT_TILE_WIDTH, &root);
    return vt_digest_eq(&root, &above[t->index % VT_TILE_WIDTH]) ? VT_OK : wrong(m, t, why);
}

static enum vt_err
make_tile(struct mend *m, const struct vt_tile *t, struct vt_why *why)
{
    enum vt_err err = t->level == 0 ? hash_leaves(m, t, why) : fold_below(m, t, why);

    if (err == VT_OK)
        err = check_above(m, t, why);
    if (err != VT_OK)
        return err;
    vt_buf_put(&m->data, m->hash, t->width * sizeof m->hash[0]);
    return vt_buf_check(&m->data, "tile", why);
}

static enum vt_err
mend_tile(struct mend *m, const struct vt_tile *t, struct vt_why *why)
{
    enum vt_err err;

    if (vt_tile_file_there(m->dir, t))
        return VT_OK;
    vt_buf_clear(&m->data);
    err = t->level == VT_TILE_ENTRIES ? make_bundle(m, t, why) : make_tile(m, t, why);
    if (err == VT_OK)
        err = vt_tile_file_mend(m->dir, t, m->data.data, m->data.len, why);
    if (err == VT_OK)
        m->mended++;
    return err;
}

static enum vt_err
mend_level(struct mend *m, unsigned level, struct vt_why *why)
{
    struct vt_tile t = {.level = level};
    enum vt_err err = VT_OK;

    for (;;) {
        t.width = vt_tile_width(level, t.index, m->size);
        if (t.width == 0)
            return VT_OK;
        err = mend_tile(m, &t, why);
        if (err != VT_OK)
            return err;
        t.index++;
    }
}

enum vt_err
vt_mend_tiles(const char *dir, const struct vt_wal *wal, uint64_t size, uint64_t *ret_mended,
    struct vt_why *why)
{
    struct mend m = {.dir = dir, .wal = wal, .size = size, .data = VT_BUF(VT_BUNDLE_MAX)};
    enum vt_err err = mend_level(&m, VT_TILE_ENTRIES, why);

    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX && err == VT_OK; l++)
        err = mend_level(&m, l, why);
    if (err == VT_OK)
        *ret_mended = m.mended;
    vt_wal_follow_free(m.follow);
    vt_buf_release(&m.data);
    return err;
}
