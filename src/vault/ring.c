/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/ring_held.h"

#include "crypto/locked.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPENT_MAX 100000U
#define USES_MAX 1000000U

static enum vt_err
make_tables(struct vt_ring *r, struct vt_why *why)
{
    enum vt_err err = vt_key_table_new(VT_RING_EPOCH_ID, true, &r->epochs, why);

    if (err == VT_OK)
        err = vt_key_table_new(VT_RING_EPOCH_ID, false, &r->epochs_gone, why);
    if (err == VT_OK)
        err = vt_key_table_new(VT_RING_SUBJECT_ID, true, &r->subjects, why);
    if (err == VT_OK)
        err = vt_key_table_new(VT_RING_SUBJECT_ID, false, &r->subjects_gone, why);
    if (err == VT_OK)
        err = vt_key_table_new(VT_RING_USED_ID, false, &r->used, why);
    return err;
}

enum vt_err
vt_ring_new(const char *dir, const char *name, struct vt_ring **ret, struct vt_why *why)
{
    struct vt_ring *r = calloc(1, sizeof *r);
    void *key = NULL;
    enum vt_err err;

    if (r == NULL)
        return vt_fail(why, VT_E_NOMEM, "key ring: out of memory");
    r->append_fd = -1;
    r->lock.fd = -1;
    err = vt_path(r->dir, why, "%s", dir);
    if (err == VT_OK && !vt_key_name_valid(name))
        err = vt_fail(why, VT_E_USAGE, "key ring: no such name");
    if (err == VT_OK) {
        memcpy(r->name, name, strlen(name) + 1);
        err = vt_locked_new(VT_ROOT_KEY_SIZE, &key, why);
        r->key = key;
    }
    if (err == VT_OK)
        err = make_tables(r, why);
    if (err != VT_OK) {
        vt_ring_free(r);
        return err;
    }
    *ret = r;
    return VT_OK;
}

static void
free_data(void *data, size_t len)
{
    if (data != NULL)
        vt_wipe(data, len);
    free(data);
}

void
vt_ring_free(struct vt_ring *r)
{
    if (r == NULL)
        return;
    vt_key_table_free(r->epochs);
    vt_key_table_free(r->epochs_gone);
    vt_key_table_free(r->subjects);
    vt_key_table_free(r->subjects_gone);
    vt_key_table_free(r->used);
    vt_box_free(r->box);
    for (size_t i = 0; i < r->answer_count; i++)
        free_data(r->answer[i].data, r->answer[i].len);
    free(r->answer);
    free(r->domain);
    free(r->uses);
    free(r->spent);
    free(r->policy);
    vt_root_free(r->root);
    vt_locked_free(r->key);
    if (r->append_fd >= 0)
        (void)close(r->append_fd);
    if (r->lock.fd >= 0)
        vt_lock_release(&r->lock);
    free(r);
}

/* Ids of records: the domain's number first, so that all of them begin alike. */
void
vt_ring_epoch_id(
    int domain, const char *class_name, uint32_t day, uint8_t ret[VT_RING_EPOCH_ID])
{
    memset(ret, 0, VT_RING_EPOCH_ID);
    ret[0] = (uint8_t)((unsigned)domain >> 8);
    ret[1] = (uint8_t)domain;
    for (unsigned i = 0; i < 4; i++)
        ret[2 + i] = (uint8_t)(day >> (24 - 8 * i));
    memcpy(ret + 6, class_name, strnlen(class_name, VT_WORD_MAX));
}

void
vt_ring_subject_id(int domain, const uint8_t *tag, uint8_t ret[VT_RING_SUBJECT_ID])
{
    ret[0] = (uint8_t)((unsigned)domain >> 8);
    ret[1] = (uint8_t)domain;
    memcpy(ret + 2, tag, VT_SUBJECT_SIZE);
}

static void
used_id(int domain, const uint8_t *tag, const uint8_t *segment, uint8_t ret[VT_RING_USED_ID])
{
    vt_ring_subject_id(domain, tag, ret);
    memcpy(ret + VT_RING_SUBJECT_ID, segment, VT_SEGMENT_ID_SIZE);
}

void
vt_ring_key_of(const struct vt_ring *r, bool epoch, const uint8_t *id, const uint8_t *key,
    struct vt_ring_key *ret)
{
    const struct vt_ring_domain *d;

    *ret = (struct vt_ring_key){.epoch = epoch, .domain = id[0] << 8 | id[1], .key = key};
    d = &r->domain[ret->domain];
    ret->site = d->site;
    ret->region = d->region;
    if (!epoch) {
        ret->tag = id + 2;
        return;
    }
    for (unsigned i = 0; i < 4; i++)
        ret->day = ret->day << 8 | id[2 + i];
    ret->class_name = (const char *)id + 6;
}

uint64_t
vt_ring_generation(const struct vt_ring *r)
{
    return r->generation;
}

enum vt_root_kind
vt_ring_root_kind(const struct vt_ring *r)
{
    return r->kind;
}

const struct vt_box *
vt_ring_box(const struct vt_ring *r)
{
    return r->box;
}

const struct vt_ledger_view *
vt_ring_view(const struct vt_ring *r)
{
    return &r->view;
}

const void *
vt_ring_policy(const struct vt_ring *r, size_t *ret_len)
{
    *ret_len = r->policy_len;
    return r->policy;
}

uint64_t
vt_ring_changes(const struct vt_ring *r)
{
    return r->changes;
}

bool
vt_ring_locked(const struct vt_ring *r)
{
    return vt_key_table_locked(r->epochs) && vt_key_table_locked(r->subjects);
}

void
vt_ring_counts(const struct vt_ring *r, uint64_t *ret_epochs, uint64_t *ret_subjects)
{
    *ret_epochs = vt_key_table_count(r->epochs);
    *ret_subjects = vt_key_table_count(r->subjects);
}

static struct vt_ring_uses *
find_uses(const struct vt_ring *r, const uint8_t *grant)
{
    for (size_t i = 0; i < r->uses_count; i++)
        if (memcmp(r->uses[i].grant.b, grant, VT_DIGEST_SIZE) == 0)
            return &r->uses[i];
    return NULL;
}

uint64_t
vt_ring_uses(const struct vt_ring *r, const struct vt_digest *grant)
{
    const struct vt_ring_uses *u = find_uses(r, grant->b);

    return u == NULL ? 0 : u->uses;
}

uint64_t
vt_ring_spent(const struct vt_ring *r, const char *region, uint32_t from)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < r->spent_count; i++)
        if (r->spent[i].day >= from && strcmp(r->spent[i].region, region) == 0)
            sum =
                sum > UINT64_MAX - r->spent[i].epsilon ? UINT64_MAX : sum + r->spent[i].epsilon;
    return sum;
}

static struct vt_ring_answer *
find_answer(const struct vt_ring *r, const uint8_t *to)
{
    for (size_t i = 0; i < r->answer_count; i++)
        if (memcmp(r->answer[i].to.b, to, VT_DIGEST_SIZE) == 0)
            return &r->answer[i];
    return NULL;
}

const void *
vt_ring_answer(const struct vt_ring *r, const struct vt_digest *to, size_t *ret_len)
{
    const struct vt_ring_answer *a = find_answer(r, to->b);

    if (a == NULL)
        return NULL;
    *ret_len = a->len;
    return a->data;
}

int
vt_ring_domain(const struct vt_ring *r, const char *site, const char *region)
{
    for (size_t i = 0; i < r->domain_count; i++)
        if (strcmp(r->domain[i].region, region) == 0 && strcmp(r->domain[i].site, site) == 0)
            return (int)i;
    return -1;
}

bool
vt_ring_domain_away(const struct vt_ring *r, int domain)
{
    return domain >= 0 && (size_t)domain < r->domain_count && r->domain[domain].away;
}

const uint8_t *
vt_ring_epoch(const struct vt_ring *r, int domain, const char *class_name, uint32_t day)
{
    uint8_t id[VT_RING_EPOCH_ID];

    if (domain < 0)
        return NULL;
    vt_ring_epoch_id(domain, class_name, day, id);
    return vt_key_table_get(r->epochs, id);
}

bool
vt_ring_epoch_gone(const struct vt_ring *r, int domain, const char *class_name, uint32_t day)
{
    uint8_t id[VT_RING_EPOCH_ID];

    if (domain < 0)
        return false;
    vt_ring_epoch_id(domain, class_name, day, id);
    return vt_key_table_has(r->epochs_gone, id);
}

const uint8_t *
vt_ring_subject_now(
    const struct vt_ring *r, int domain, const uint8_t tag[VT_SUBJECT_SIZE], bool *ret_reborn)
{
    uint8_t id[VT_RING_SUBJECT_ID];

    *ret_reborn = false;
    if (domain < 0)
        return NULL;
    vt_ring_subject_id(domain, tag, id);
    *ret_reborn = vt_key_table_has(r->subjects_gone, id);
    return vt_key_table_get(r->subjects, id);
}

const uint8_t *
vt_ring_subject(const struct vt_ring *r, int domain, const uint8_t tag[VT_SUBJECT_SIZE],
    const uint8_t segment[VT_SEGMENT_ID_SIZE])
{
    uint8_t id[VT_RING_USED_ID];
    bool reborn;
    const uint8_t *key = vt_ring_subject_now(r, domain, tag, &reborn);

    if (key == NULL || !reborn)
        return key;
    used_id(domain, tag, segment, id);
    return vt_key_table_has(r->used, id) ? key : NULL;
}

bool
vt_ring_has_subject(
    const struct vt_ring *r, const char *region, const uint8_t tag[VT_SUBJECT_SIZE])
{
    bool reborn;

    for (size_t i = 0; i < r->domain_count; i++)
        if (strcmp(r->domain[i].region, region) == 0 &&
            vt_ring_subject_now(r, (int)i, tag, &reborn) != NULL)
            return true;
    return false;
}

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
        used_id(domain, it->id, it->segment, id);
        return vt_key_table_put(r->used, id, NULL, why);
    default:
        r->domain[domain].away = it->n != 0;
        return VT_OK;
    }
}

static enum vt_err
apply_uses(struct vt_ring *r, const struct vt_ring_item *it, struct vt_why *why)
{
    struct vt_ring_uses *u = find_uses(r, it->id);

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
    free_data(*ret, *ret_len);
    *ret = copy;
    *ret_len = len;
    return VT_OK;
}

static enum vt_err
apply_answer(struct vt_ring *r, const struct vt_ring_item *it, struct vt_why *why)
{
    struct vt_ring_answer *a = find_answer(r, it->id);

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
    struct vt_ring_answer *a = find_answer(r, to);

    if (a == NULL)
        return;
    free_data(a->data, a->len);
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
