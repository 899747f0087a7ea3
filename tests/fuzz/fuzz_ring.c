/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring's forms of arbitrary bytes. By the first byte: the head of a snapshot; items, which
 * are refused or go into a ring, out of it by its dump, and into another one that is the same;
 * records of an append file, none of which is authentic; keys from another site.
 */
#include "vault/ring_held.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vt_ring *
new_ring(void)
{
    struct vt_ring *r = NULL;

    if (vt_ring_new("/nowhere", "zurich.example", &r, NULL) != VT_OK)
        abort();
    return r;
}

static enum vt_err
copy_piece(void *ctx, const struct vt_buf *items, bool last, struct vt_why *why)
{
    (void)last;
    return vt_ring_items_each(items->data, items->len, vt_ring_item_apply, ctx, why);
}

static enum vt_err
add_item(void *ctx, const struct vt_ring_item *it, struct vt_why *why)
{
    enum vt_err err = vt_ring_item_check(ctx, it, why);

    return err == VT_OK ? vt_ring_item_apply(ctx, it, why) : err;
}

static void
try_items(const uint8_t *data, size_t size)
{
    struct vt_ring *r = new_ring();
    struct vt_ring *copy;
    struct vt_digest a, b;

    if (vt_ring_items_each(data, size, add_item, r, NULL) == VT_OK) {
        copy = new_ring();
        if (vt_ring_dump(r, NULL, NULL, copy_piece, copy, NULL) != VT_OK ||
            vt_ring_root(r, NULL, NULL, &a, NULL) != VT_OK ||
            vt_ring_root(copy, NULL, NULL, &b, NULL) != VT_OK || !vt_digest_eq(&a, &b) ||
            vt_key_table_count(r->used) != vt_key_table_count(copy->used) ||
            vt_key_table_count(r->subjects_gone) != vt_key_table_count(copy->subjects_gone) ||
            r->answer_count != copy->answer_count || r->view.size != copy->view.size)
            abort();
        vt_ring_free(copy);
    }
    vt_ring_free(r);
}

static void
try_unpack(const uint8_t *data, size_t size)
{
    struct vt_buf out = {.max = VT_RING_ITEMS_MAX, .secret = true};
    struct vt_ring *r = new_ring();

    if (vt_ring_unpack(r, data, size, "EU", &out, NULL) == VT_OK &&
        vt_ring_check_pack(out.data, out.len, "EU", NULL) != VT_OK)
        abort();
    vt_buf_release(&out);
    vt_ring_free(r);
}

static void
try_records(const uint8_t *data, size_t size)
{
    struct vt_ring *r = new_ring();
    size_t whole = 0;

    if (vt_ring_records_read(r, data, size, true, &whole, NULL) == VT_OK && whole != 0)
        abort(); /* nobody has the key */
    vt_ring_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_ring_head h;

    if (size == 0)
        return 0;
    switch (data[0] % 4) {
    case 0:
        if (vt_ring_head_parse(data + 1, size - 1, &h, NULL) == VT_OK &&
            (h.len > size - 1 || h.wrapped + h.wrapped_len != data + 1 + h.len))
            abort();
        break;
    case 1:
        try_items(data + 1, size - 1);
        break;
    case 2:
        try_records(data + 1, size - 1);
        break;
    default:
        try_unpack(data + 1, size - 1);
        break;
    }
    return 0;
}
