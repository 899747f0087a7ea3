/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/ring_held.h"

#include "crypto/locked.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

void
vt_ring_free_data(void *data, size_t len)
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
        vt_ring_free_data(r->answer[i].data, r->answer[i].len);
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

void
vt_ring_used_id(
    int domain, const uint8_t *tag, const uint8_t *segment, uint8_t ret[VT_RING_USED_ID])
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

struct vt_ring_uses *
vt_ring_find_uses(const struct vt_ring *r, const uint8_t *grant)
{
    for (size_t i = 0; i < r->uses_count; i++)
        if (memcmp(r->uses[i].grant.b, grant, VT_DIGEST_SIZE) == 0)
            return &r->uses[i];
    return NULL;
}

uint64_t
vt_ring_uses(const struct vt_ring *r, const struct vt_digest *grant)
{
    const struct vt_ring_uses *u = vt_ring_find_uses(r, grant->b);

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

struct vt_ring_answer *
vt_ring_find_answer(const struct vt_ring *r, const uint8_t *to)
{
    for (size_t i = 0; i < r->answer_count; i++)
        if (memcmp(r->answer[i].to.b, to, VT_DIGEST_SIZE) == 0)
            return &r->answer[i];
    return NULL;
}

const void *
vt_ring_answer(const struct vt_ring *r, const struct vt_digest *to, size_t *ret_len)
{
    const struct vt_ring_answer *a = vt_ring_find_answer(r, to->b);

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
    vt_ring_used_id(domain, tag, segment, id);
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
