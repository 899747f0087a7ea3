/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items going into a ring in memory.
 */
#include "vault/ring_held.h"

#include <stdlib.h>
#include <string.h>

#define SPENT_MAX 100000U
#define USES_MAX 1000000U

/* One more element, zeroed, at the end of an array; NULL without memory or beyond the limit. */
static void *
push(void **array, size_t *count, size_t size, size_t max)
{
    void *all = *count >= max ? NULL : reallocarray(*array, *count + 1, size);

    if (all == NULL)
        return NULL;
    *array = all;
    memset((char *)all + *count * size, 0, size);
    return (char *)all + (*count)++ * size;
}

#define PUSH(array, count, max) push((void **)&(array), &(count), sizeof *(array), max)

static enum vt_err
no_room(struct vt_why *why)
{
    return vt_fail(why, VT_E_NOMEM, "key ring: out of memory, or over its limits");
}

static enum vt_err
need_domain(struct vt_ring *r, const struct vt_ring_item *it, int *ret, struct vt_why *why)
{
    struct vt_ring_domain *d;
    int n = vt_ring_domain(r, it->site, it->region);

    if (n < 0) {
        d = PUSH(r->domain, r->domain_count, VT_RING_DOMAINS_MAX);
        if (d == NULL)
            return no_room(why);
        memcpy(d->site, it->site, sizeof d->site);
        memcpy(d->region, it->region, sizeof d->region);
        n = (int)r->domain_count - 1;
    }
    *ret = n;
    return VT_OK;
}

enum vt_err
vt_ring_item_check(void *ring, const struct vt_ring_item *it, struct vt_why *why)
{
    const struct vt_ring *r = ring;
    int domain = it->site[0] == '\0' ? -1 : vt_ring_domain(r, it->site, it->region);
    const uint8_t *there = NULL;
    bool reborn;

    if (it->type == VT_RING_BOX && r->box != NULL)
        return vt_fail(why, VT_E_EXIST, "key ring: a second box key");
    if (it->type == VT_RING_EPOCH)
        there = vt_ring_epoch(r, domain, it->class_name, it->day);
    else if (it->type == VT_RING_SUBJECT)
        there = vt_ring_subject_now(r, domain, it->id, &reborn);
    if (there != NULL && !vt_digest_eq((const void *)there, (const void *)it->key))
        return vt_fail(why, VT_E_EXIST,
            "key ring: region %s has another key already for what is to be added", it->region);
    return VT_OK;
}

static enum vt_err
apply_key(struct vt_ring *r, const struct vt_ring_item *it, struct vt_why *why)
{
    uint8_t id[VT_RING_EPOCH_ID > VT_RING_USED_ID ? VT_RING_EPOCH_ID : VT_RING_USED_ID];
    int domain = -1;
    enum vt_err err = need_domain(r, it, &domain, why);

    if (err != VT_OK)
        return err;
    r->changes++;
    switch (it->type) {
    case VT_RING_EPOCH:
        vt_ring_epoch_id(domain, it->class_name, it->day, id);
        return vt_key_table_put(r->epochs, id, it->key, why);
    case VT_RING_EPOCH_GONE:
        vt_ring_epoch_id(domain, it->class_name, it->day, id);
        return vt_key_table_put(r->epochs_gone, id, NULL, why);
    case VT_RING_SUBJECT:
        vt_ring_subject_id(domain, it->id, id);
        return vt_key_table_put(r->subjects, id, it->key, why);
    case VT_RING_SUBJECT_GONE:
        vt_ring_subject_id(domain, it->id, id);
        return vt_key_table_put(r->subjects_gone, id, NULL, why);
    case VT_RING_USED:
        vt_ring_used_id(domain, it->id, it->segment, id);
        return vt_key_table_put(r->used, id, NULL, why);
    default:
        r->domain[domain].away = it->n != 0;
        return VT_OK;
    }
}

static enum vt_err
apply_uses(struct vt_ring *r, const struct vt_ring_item *it, struct vt_why *why)
{
    struct vt_ring_uses *u = vt_ring_find_uses(r, it->id);

    if (u == NULL) {
        u = PUSH(r->uses, r->uses_count, USES_MAX);
        if (u == NULL)
            return no_room(why);
        memcpy(u->grant.b, it->id, VT_DIGEST_SIZE);
    }
    u->uses = it->n;
    u->expires = it->expires;
    return VT_OK;
}

static enum vt_err
apply_spent(struct vt_ring *r, const struct vt_ring_item *it, struct vt_why *why)
{
    struct vt_ring_spent *s;

    for (size_t i = 0; i < r->spent_count; i++) {
        s = &r->spent[i];
        if (s->day == it->day && strcmp(s->region, it->class_name) == 0) {
            s->epsilon = s->epsilon > UINT64_MAX - it->n ? UINT64_MAX : s->epsilon + it->n;
            return VT_OK;
        }
    }
    s = PUSH(r->spent, r->spent_count, SPENT_MAX);
    if (s == NULL)
        return no_room(why);
    memcpy(s->region, it->class_name, sizeof s->region - 1);
    s->day = it->day;
    s->epsilon = it->n;
    return VT_OK;
}

static enum vt_err
copy_data(const uint8_t *data, size_t len, uint8_t **ret, size_t *ret_len, struct vt_why *why)
{
    uint8_t *copy = malloc(len + 1);

    if (copy == NULL)
        return no_room(why);
    memcpy(copy, data, len);
    vt_ring_free_data(*ret, *ret_len);
    *ret = copy;
    *ret_len = len;
    return VT_OK;
}

static enum vt_err
apply_answer(struct vt_ring *r, const struct vt_ring_item *it, struct vt_why *why)
{
    struct vt_ring_answer *a = vt_ring_find_answer(r, it->id);

    if (a == NULL) {
        a = PUSH(r->answer, r->answer_count, VT_RING_ANSWERS_MAX);
        if (a == NULL)
            return no_room(why);
        memcpy(a->to.b, it->id, VT_DIGEST_SIZE);
    }
    return copy_data(it->data, it->len, &a->data, &a->len, why);
}

static void
forget_answer(struct vt_ring *r, const uint8_t *to)
{
    struct vt_ring_answer *a = vt_ring_find_answer(r, to);

    if (a == NULL)
        return;
    vt_ring_free_data(a->data, a->len);
    *a = r->answer[--r->answer_count];
}

enum vt_err
vt_ring_item_apply(void *ring, const struct vt_ring_item *it, struct vt_why *why)
{
    struct vt_ring *r = ring;

    switch (it->type) {
    case VT_RING_BOX:
        return r->box != NULL ? VT_OK : vt_box_from_private(it->key, &r->box, why);
    case VT_RING_DOMAIN:
        return VT_OK;
    case VT_RING_VIEW:
        r->view.size = it->n;
        memcpy(r->view.root.b, it->key, VT_DIGEST_SIZE);
        return VT_OK;
    case VT_RING_POLICY:
        return copy_data(it->data, it->len, &r->policy, &r->policy_len, why);
    case VT_RING_USES:
        return apply_uses(r, it, why);
    case VT_RING_SPENT:
        return apply_spent(r, it, why);
    case VT_RING_ANSWER:
        return apply_answer(r, it, why);
    case VT_RING_FORGET:
        forget_answer(r, it->id);
        return VT_OK;
    default:
        return apply_key(r, it, why);
    }
}
