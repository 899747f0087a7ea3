/* SPDX-License-Identifier: Apache-2.0 */
#include "log/names.h"

#include <stdlib.h>
#include <string.h>

struct vt_name_slot {
    struct vt_digest name;
    uint64_t index_plus_1; /* 0: empty */
};

void
vt_names_release(struct vt_names *t)
{
    free(t->slot);
    *t = (struct vt_names){0};
}

/* The slot of the name, or the empty one where it would go. */
static struct vt_name_slot *
slot_of(struct vt_name_slot *slot, uint64_t cap, const struct vt_digest *name)
{
    uint64_t i;

    memcpy(&i, name->b, sizeof(i));
    for (i &= cap - 1; slot[i].index_plus_1 != 0; i = (i + 1) & (cap - 1))
        if (memcmp(slot[i].name.b, name->b, VT_DIGEST_SIZE) == 0)
            break;
    return &slot[i];
}

static enum vt_err
grow(struct vt_names *t, struct vt_why *why)
{
    uint64_t cap = t->cap == 0 ? 1024 : t->cap * 2;
    struct vt_name_slot *slot;

    if (cap > SIZE_MAX / sizeof(*slot))
        return vt_fail(why, VT_E_NOMEM, "the log's names do not fit in memory");
    slot = calloc((size_t)cap, sizeof(*slot));
    if (slot == NULL)
        return vt_fail(why, VT_E_NOMEM, "the log's names do not fit in memory");
    for (uint64_t i = 0; i < t->cap; i++)
        if (t->slot[i].index_plus_1 != 0)
            *slot_of(slot, cap, &t->slot[i].name) = t->slot[i];
    free(t->slot);
    t->slot = slot;
    t->cap = cap;
    return VT_OK;
}

enum vt_err
vt_names_put(
    struct vt_names *t, const struct vt_digest *name, uint64_t index, struct vt_why *why)
{
    struct vt_name_slot *s;

    if (t->count * 3 >= t->cap * 2) {
        enum vt_err err = grow(t, why);

        if (err != VT_OK)
            return err;
    }
    s = slot_of(t->slot, t->cap, name);
    if (s->index_plus_1 == 0) {
        s->name = *name;
        s->index_plus_1 = index + 1;
        t->count++;
    }
    return VT_OK;
}

bool
vt_names_find(const struct vt_names *t, const struct vt_digest *name, uint64_t *ret_index)
{
    const struct vt_name_slot *s;

    if (t->cap == 0)
        return false;
    s = slot_of(t->slot, t->cap, name);
    if (s->index_plus_1 == 0)
        return false;
    *ret_index = s->index_plus_1 - 1;
    return true;
}
