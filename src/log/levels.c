/* SPDX-License-Identifier: Apache-2.0 */
#include "log/levels.h"

#include <stdlib.h>

void
vt_levels_release(struct vt_levels *v)
{
    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX; l++)
        free(v->level[l].hash);
    *v = (struct vt_levels){0};
}

static enum vt_err
make_room(struct vt_levels *v, unsigned l, struct vt_why *why)
{
    uint64_t cap = v->level[l].cap == 0 ? 1024 : v->level[l].cap * 2;
    struct vt_digest *p;

    if (v->level[l].count < v->level[l].cap)
        return VT_OK;
    if (cap > SIZE_MAX / sizeof(*p))
        return vt_fail(why, VT_E_NOMEM, "the log's tree does not fit in memory");
    p = realloc(v->level[l].hash, (size_t)cap * sizeof(*p));
    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "the log's tree does not fit in memory");
    v->level[l].hash = p;
    v->level[l].cap = cap;
    return VT_OK;
}

enum vt_err
vt_levels_append(struct vt_levels *v, const struct vt_digest *leaf, struct vt_why *why)
{
    struct vt_digest h = *leaf;

    /* Room everywhere first, so that a failure leaves nothing half done. */
    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX; l++) {
        enum vt_err err = make_room(v, l, why);

        if (err != VT_OK)
            return err;
    }
    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX; l++) {
        uint64_t n = v->level[l].count;

        v->level[l].hash[n] = h;
        v->level[l].count = n + 1;
        if ((n + 1) % VT_TILE_WIDTH != 0)
            break;
        vt_tile_fold(&v->level[l].hash[n + 1 - VT_TILE_WIDTH], VT_TILE_WIDTH, &h);
    }
    return VT_OK;
}

uint64_t
vt_levels_size(const struct vt_levels *v)
{
    return v->level[0].count;
}

static enum vt_err
get(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_levels *v = ctx;
    unsigned l = level / 8;
    unsigned count = 1U << (level % 8);
    uint64_t first = index << (level % 8);

    if (l > VT_TILE_LEVEL_MAX || first > v->level[l].count || count > v->level[l].count - first)
        return vt_fail(why, VT_E_NOENT, "the tree has no subtree %u/%llu yet", level,
            (unsigned long long)index);
    vt_tile_fold(&v->level[l].hash[first], count, ret);
    return VT_OK;
}

struct vt_hash_source
vt_levels_source(struct vt_levels *v)
{
    return (struct vt_hash_source){.get = get, .ctx = v};
}
