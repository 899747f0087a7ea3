/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that came become the first rows of the inventory here. */
#include "vault/move_take.h"

#include <string.h>

#define MERGE_MAX 200U /* rows made durable in one answer */

/* The inventory here must be the first rows of those that come, or have them all before its
 * own. */
static enum vt_err
merge_some(const struct vt_move_taking *k, struct vt_inventory *rows, struct vt_inventory *here,
    bool *ret_all, struct vt_why *why)
{
    size_t n = vt_inventory_count(rows);
    size_t have = vt_inventory_count(here) < n ? vt_inventory_count(here) : n;
    size_t stop = have + MERGE_MAX < n ? have + MERGE_MAX : n;
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < have; i++) {
        if (memcmp(vt_inventory_row(rows, i)->id, vt_inventory_row(here, i)->id,
                VT_SEGMENT_ID_SIZE) != 0)
            return vt_fail(why, VT_E_STATE,
                "the inventory of %s at %s has other segments: it cannot be told apart from "
                "what comes",
                k->move.region, k->t->home->name);
    }
    for (size_t i = have; err == VT_OK && i < stop; i++)
        err = vt_inventory_add(here, vt_inventory_row(rows, i), why);
    *ret_all = stop == n;
    return err;
}

/* Rows whose segments were removed before are removed ones here too. */
static enum vt_err
merge_retired(const struct vt_move_taking *k, struct vt_inventory *rows, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_INVENTORY_MAX * VT_SEGMENT_ID_SIZE);
    struct vt_inventory *removed = NULL;
    enum vt_err err = vt_move_get(&k->move, "retired", &b, why);

    if (err == VT_OK)
        err = vt_retain_removed(k->t->home, k->move.region, &removed, why);
    for (size_t at = 0; err == VT_OK && at < b.len; at += VT_SEGMENT_ID_SIZE) {
        const struct vt_segment_row *row = vt_inventory_find(rows, b.data + at);

        if (row != NULL)
            err = vt_inventory_add(removed, row, why);
    }
    vt_inventory_free(removed);
    vt_buf_release(&b);
    return err;
}

/* After the clerk has read everything again: the rows go into the inventory. */
enum vt_err
vt_move_merge(struct vt_move_taking *k, struct vt_why *why)
{
    struct vt_inventory *rows = NULL;
    struct vt_inventory *here = NULL;
    char path[VT_PATH_MAX];
    bool all = false;
    enum vt_err err;

    if (!vt_move_has(&k->move, "checked") || vt_move_has(&k->move, "merged"))
        return VT_OK;
    if ((err = vt_move_path(&k->move, path, why, "rows")) == VT_OK &&
        (err = vt_inventory_open(path, &rows, why)) == VT_OK &&
        (err = k->t->inventory(k->t->ctx, k->move.region, &here, why)) == VT_OK &&
        (err = merge_some(k, rows, here, &all, why)) == VT_OK && all &&
        (err = merge_retired(k, rows, why)) == VT_OK &&
        (err = k->t->arrived(k->t->ctx, k->move.region, why)) == VT_OK)
        err = vt_move_put(&k->move, "merged", "", 0, why);
    vt_inventory_free(rows);
    return err;
}
