/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items: the form in which everything in a ring is written, read, added and moved.
 */
#include "vault/ring_held.h"

#include <string.h>

static void
put_text(struct vt_buf *b, const char *s)
{
    vt_buf_put_u8(b, (uint8_t)strlen(s));
    vt_buf_puts(b, s);
}

static void
put_type(struct vt_buf *b, enum vt_ring_type type)
{
    b->secret = true;
    vt_buf_put_u8(b, (uint8_t)type);
}

void
vt_ring_put_box(struct vt_buf *b, const struct vt_box *box)
{
    put_type(b, VT_RING_BOX);
    vt_buf_put(b, vt_box_private(box), VT_BOX_SIZE);
}

void
vt_ring_put_domain(struct vt_buf *b, const char *site, const char *region)
{
    put_type(b, VT_RING_DOMAIN);
    put_text(b, site);
    put_text(b, region);
}

void
vt_ring_put_epoch(struct vt_buf *b, const char *class_name, uint32_t day, const uint8_t key[32])
{
    put_type(b, key == NULL ? VT_RING_EPOCH_GONE : VT_RING_EPOCH);
    put_text(b, class_name);
    vt_buf_put_u32(b, day);
    if (key != NULL)
        vt_buf_put(b, key, 32);
}

void
vt_ring_put_subject(struct vt_buf *b, const uint8_t tag[VT_SUBJECT_SIZE], const uint8_t key[32])
{
    put_type(b, key == NULL ? VT_RING_SUBJECT_GONE : VT_RING_SUBJECT);
    vt_buf_put(b, tag, VT_SUBJECT_SIZE);
    if (key != NULL)
        vt_buf_put(b, key, 32);
}

void
vt_ring_put_used(struct vt_buf *b, const uint8_t tag[VT_SUBJECT_SIZE],
    const uint8_t segment[VT_SEGMENT_ID_SIZE])
{
    put_type(b, VT_RING_USED);
    vt_buf_put(b, tag, VT_SUBJECT_SIZE);
    vt_buf_put(b, segment, VT_SEGMENT_ID_SIZE);
}

void
vt_ring_put_away(struct vt_buf *b, bool away)
{
    put_type(b, VT_RING_AWAY);
    vt_buf_put_u8(b, away ? 1 : 0);
}

void
vt_ring_put_view(struct vt_buf *b, const struct vt_ledger_view *view)
{
    put_type(b, VT_RING_VIEW);
    vt_buf_put_u64(b, view->size);
    vt_buf_put(b, view->root.b, VT_DIGEST_SIZE);
}

void
vt_ring_put_policy(struct vt_buf *b, const void *doc, size_t len)
{
    put_type(b, VT_RING_POLICY);
    vt_buf_put_u32(b, (uint32_t)len);
    vt_buf_put(b, doc, len);
}

void
vt_ring_put_uses(
    struct vt_buf *b, const struct vt_digest *grant, uint64_t uses, int64_t expires)
{
    put_type(b, VT_RING_USES);
    vt_buf_put(b, grant->b, VT_DIGEST_SIZE);
    vt_buf_put_u64(b, uses);
    vt_buf_put_u64(b, expires < 0 ? 0 : (uint64_t)expires);
}

void
vt_ring_put_spent(struct vt_buf *b, const char *region, uint32_t day, uint64_t epsilon)
{
    put_type(b, VT_RING_SPENT);
    put_text(b, region);
    vt_buf_put_u32(b, day);
    vt_buf_put_u64(b, epsilon);
}

void
vt_ring_put_answer(struct vt_buf *b, const struct vt_digest *to, const void *data, size_t len)
{
    put_type(b, VT_RING_ANSWER);
    vt_buf_put(b, to->b, VT_DIGEST_SIZE);
    vt_buf_put_u32(b, (uint32_t)len);
    vt_buf_put(b, data, len);
}

void
vt_ring_put_forget(struct vt_buf *b, const struct vt_digest *to)
{
    put_type(b, VT_RING_FORGET);
    vt_buf_put(b, to->b, VT_DIGEST_SIZE);
}

static bool
take_text(struct vt_reader *r, char *ret, size_t size)
{
    struct vt_reader text = {0};
    uint8_t len;

    if (!vt_reader_u8(r, &len) || len == 0 || !vt_reader_take(r, len, &text.p))
        return false;
    text.left = len;
    return vt_reader_cstr(&text, ret, size);
}

static bool
take_class(struct vt_reader *r, struct vt_ring_item *it)
{
    memset(it->class_name, 0, sizeof it->class_name);
    return it->site[0] != '\0' && take_text(r, it->class_name, sizeof it->class_name) &&
           vt_reader_u32(r, &it->day);
}

static bool
take_tag(struct vt_reader *r, struct vt_ring_item *it)
{
    return it->site[0] != '\0' && vt_reader_take(r, VT_SUBJECT_SIZE, &it->id);
}

static bool
take_flag(struct vt_reader *r, struct vt_ring_item *it)
{
    uint8_t flag;

    if (it->site[0] == '\0' || !vt_reader_u8(r, &flag) || flag > 1)
        return false;
    it->n = flag;
    return true;
}

static bool
take_data(struct vt_reader *r, struct vt_ring_item *it)
{
    uint32_t len;

    if (!vt_reader_u32(r, &len) || !vt_reader_take(r, len, &it->data))
        return false;
    it->len = len;
    return true;
}

static bool
take_spent(struct vt_reader *r, struct vt_ring_item *it)
{
    char region[VT_REGION_MAX + 1];

    /* Its region is its own, not the domain's. */
    if (!take_text(r, region, sizeof region) || !vt_reader_u32(r, &it->day) ||
        !vt_reader_u64(r, &it->n))
        return false;
    memset(it->class_name, 0, sizeof it->class_name);
    memcpy(it->class_name, region, sizeof region);
    return true;
}

/* What follows the type. The domain of `it` is the one put last. */
static bool
take_body(struct vt_reader *r, struct vt_ring_item *it)
{
    switch (it->type) {
    case VT_RING_BOX:
        return vt_reader_take(r, 32, &it->key);
    case VT_RING_DOMAIN:
        return take_text(r, it->site, sizeof it->site) && vt_key_name_valid(it->site) &&
               take_text(r, it->region, sizeof it->region);
    case VT_RING_EPOCH:
        return take_class(r, it) && vt_reader_take(r, 32, &it->key);
    case VT_RING_EPOCH_GONE:
        return take_class(r, it);
    case VT_RING_SUBJECT:
        return take_tag(r, it) && vt_reader_take(r, 32, &it->key);
    case VT_RING_SUBJECT_GONE:
        return take_tag(r, it);
    case VT_RING_USED:
        return take_tag(r, it) && vt_reader_take(r, VT_SEGMENT_ID_SIZE, &it->segment);
    case VT_RING_AWAY:
        return take_flag(r, it);
    case VT_RING_VIEW:
        return vt_reader_u64(r, &it->n) && vt_reader_take(r, VT_DIGEST_SIZE, &it->key);
    case VT_RING_POLICY:
        return take_data(r, it) && it->len <= VT_DOC_MAX;
    case VT_RING_USES:
        return vt_reader_take(r, VT_DIGEST_SIZE, &it->id) && vt_reader_u64(r, &it->n) &&
               vt_reader_u64(r, &it->expires);
    case VT_RING_SPENT:
        return take_spent(r, it);
    case VT_RING_ANSWER:
        return vt_reader_take(r, VT_DIGEST_SIZE, &it->id) && take_data(r, it);
    case VT_RING_FORGET:
        return vt_reader_take(r, VT_DIGEST_SIZE, &it->id);
    case VT_RING_TYPE_COUNT:
        break;
    }
    return false;
}

enum vt_err
vt_ring_items_each(
    const void *data, size_t len, vt_ring_item_fn fn, void *ctx, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_ring_item it = {0};
    uint8_t type;

    while (r.left > 0) {
        enum vt_err err;
        it.id = it.key = it.segment = it.data = NULL;
        it.n = it.expires = 0;
        it.len = 0;
        if (!vt_reader_u8(&r, &type))
            break;
        it.type = (enum vt_ring_type)type;
        if (type == 0 || type >= VT_RING_TYPE_COUNT || !take_body(&r, &it))
            return vt_fail(
                why, VT_E_SYNTAX, "key ring: an item of type %u is misformed", (unsigned)type);
        err = fn(ctx, &it, why);
        if (err != VT_OK)
            return err;
    }
    return VT_OK;
}

static enum vt_err
check_moved(void *ctx, const struct vt_ring_item *it, struct vt_why *why)
{
    const char *region = ctx;

    switch (it->type) {
    case VT_RING_DOMAIN:
        if (strcmp(it->region, region) != 0 || strcmp(it->site, VT_RING_ANY_SITE) == 0)
            return vt_fail(why, VT_E_REFUSED, "keys of region %s came with those of %s",
                it->region, region);
        return VT_OK;
    case VT_RING_EPOCH:
    case VT_RING_EPOCH_GONE:
    case VT_RING_SUBJECT:
    case VT_RING_SUBJECT_GONE:
    case VT_RING_USED:
        return VT_OK;
    default:
        return vt_fail(why, VT_E_REFUSED,
            "what the other keeper sent holds an item of type %d, not keys alone",
            (int)it->type);
    }
}

enum vt_err
vt_ring_check_pack(const void *data, size_t len, const char *region, struct vt_why *why)
{
    char copy[VT_REGION_MAX + 1] = "";

    if (strlen(region) > VT_REGION_MAX)
        return vt_fail(why, VT_E_USAGE, "no such region");
    memcpy(copy, region, strlen(region) + 1);
    return vt_ring_items_each(data, len, check_moved, copy, why);
}
