/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of blocks: for ingest, which seals them, and for a session, within its scope.
 */
#include "vault/keeper_state.h"

#include "crypto/locked.h"

#include <stdlib.h>
#include <string.h>

#define AHEAD_DAYS 2U /* how far the clocks of endpoints may be ahead */

/* What ingest asks for. */
struct sealing {
    const uint8_t *segment;
    char region[VT_REGION_MAX + 1];
    char class_name[VT_WORD_MAX + 1];
    uint32_t day;
    uint32_t first;
    uint32_t n;
    const uint8_t *subject; /* n tags */
    int domain;
};

static bool
take_sealing(const struct vt_buf *body, struct sealing *q)
{
    struct vt_reader r = VT_READER(body->data, body->len);

    return vt_reader_take(&r, VT_SEGMENT_ID_SIZE, &q->segment) &&
           vt_keeper_take_text(&r, q->region, sizeof q->region) &&
           vt_keeper_take_text(&r, q->class_name, sizeof q->class_name) &&
           vt_reader_u32(&r, &q->day) && vt_reader_u32(&r, &q->first) &&
           vt_reader_u32(&r, &q->n) && q->n > 0 && q->n <= VT_KEEPER_SUBJECTS_MAX &&
           q->first <= UINT32_MAX - q->n &&
           vt_reader_take(&r, (size_t)q->n * VT_SUBJECT_SIZE, &q->subject) && r.left == 0;
}

/* The region is this site's; or was until the policy changed, and its keys were not given away
 * yet: what was acknowledged before must still find its way into a segment. */
static enum vt_err
check_region(const struct vt_keeper_state *s, struct sealing *q, struct vt_why *why)
{
    bool keeps = vt_keeper_keeps(s, q->region);

    q->domain = vt_ring_domain(s->ring, s->home.name, q->region);
    if (vt_ring_domain_away(s->ring, q->domain))
        return vt_fail(why, keeps ? VT_E_STATE : VT_E_REFUSED,
            keeps ? "region %s is on its way back: its keys must be taken first"
                  : "region %s was handed over to another site",
            q->region);
    if (!keeps && q->domain < 0)
        return vt_fail(why, VT_E_REFUSED,
            "region %s is not kept at %s by the vault policy in force", q->region,
            s->home.name);
    return VT_OK;
}

static enum vt_err
check_day(const struct vt_keeper_state *s, const struct sealing *q, struct vt_why *why)
{
    const struct vt_rule_class *c = vt_vault_policy_class(s->policy, q->class_name);
    uint32_t today = vt_keeper_today();
    char day[11];

    vt_day_format(q->day, day);
    if (c == NULL)
        return vt_fail(
            why, VT_E_REFUSED, "the vault policy in force has no class %s", q->class_name);
    if ((uint64_t)q->day + c->retention_days < today ||
        vt_ring_epoch_gone(s->ring, q->domain, q->class_name, q->day))
        return vt_fail(why, VT_E_REFUSED, "%s of %s: the %lu days that %s is kept for are over",
            q->class_name, day, (unsigned long)c->retention_days, q->class_name);
    if (q->day > today + AHEAD_DAYS)
        return vt_fail(
            why, VT_E_REFUSED, "%s of %s: that day is yet to come", q->class_name, day);
    return VT_OK;
}

static int
by_tag(const void *a, const void *b)
{
    return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b, VT_SUBJECT_SIZE);
}

static void
put_new_key(struct vt_buf *items, const uint8_t *tag, const struct sealing *q, uint8_t *key,
    enum vt_err *err, struct vt_why *why)
{
    if (*err == VT_OK)
        *err = vt_random(key, 32, why);
    if (*err != VT_OK)
        return;
    if (tag == NULL)
        vt_ring_put_epoch(items, q->class_name, q->day, key);
    else
        vt_ring_put_subject(items, tag, key);
    vt_wipe(key, 32);
}

/* Items for all that is missing: each subject once, however often it is asked for. */
static enum vt_err
put_missing(const struct vt_keeper_state *s, const struct sealing *q, const uint8_t **tag,
    uint8_t *key, struct vt_buf *items, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (uint32_t i = 0; i < q->n; i++)
        tag[i] = q->subject + (size_t)i * VT_SUBJECT_SIZE;
    qsort(tag, q->n, sizeof *tag, by_tag);
    if (vt_ring_epoch(s->ring, q->domain, q->class_name, q->day) == NULL)
        put_new_key(items, NULL, q, key, &err, why);
    for (uint32_t i = 0; i < q->n && err == VT_OK; i++) {
        bool reborn = false;
        const uint8_t *there;
        if (i > 0 && memcmp(tag[i - 1], tag[i], VT_SUBJECT_SIZE) == 0)
            continue;
        there = vt_ring_subject_now(s->ring, q->domain, tag[i], &reborn);
        if (there == NULL)
            put_new_key(items, tag[i], q, key, &err, why);
        if (reborn && vt_ring_subject(s->ring, q->domain, tag[i], q->segment) == NULL)
            vt_ring_put_used(items, tag[i], q->segment);
    }
    return err;
}

static enum vt_err
make_missing(struct vt_keeper_state *s, struct sealing *q, struct vt_why *why)
{
    struct vt_buf items = {.max = VT_RING_ITEMS_MAX, .secret = true};
    const uint8_t **tag = calloc(q->n, sizeof *tag);
    size_t head;
    void *key = NULL;
    enum vt_err err;

    if (tag == NULL)
        return vt_fail(why, VT_E_NOMEM, "keys: out of memory");
    vt_ring_put_domain(&items, s->home.name, q->region);
    head = items.len;
    err = vt_locked_new(32, &key, why);
    if (err == VT_OK)
        err = put_missing(s, q, tag, key, &items, why);
    if (err == VT_OK && items.len > head)
        err = vt_ring_add(s->ring, &items, why);
    vt_locked_free(key);
    free(tag);
    vt_buf_release(&items);
    q->domain = vt_ring_domain(s->ring, s->home.name, q->region);
    return err;
}

enum vt_err
vt_keeper_do_seal_keys(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct sealing q = {0};
    const uint8_t *epoch;
    uint8_t key[32];
    enum vt_err err = vt_keeper_need_policy(s, why);

    (void)ret_refusal;
    if (err == VT_OK && channel != 0)
        err = vt_fail(why, VT_E_REFUSED,
            "keys to seal with go to the process that started this keeper alone");
    if (err == VT_OK && !take_sealing(body, &q))
        err = vt_fail(why, VT_E_SYNTAX, "a misformed request for keys");
    if (err == VT_OK)
        err = check_region(s, &q, why);
    if (err == VT_OK)
        err = check_day(s, &q, why);
    if (err == VT_OK)
        err = make_missing(s, &q, why);
    if (err != VT_OK)
        return err;
    epoch = vt_ring_epoch(s->ring, q.domain, q.class_name, q.day);
    for (uint32_t i = 0; i < q.n && epoch != NULL; i++) {
        const uint8_t *subject = vt_ring_subject(
            s->ring, q.domain, q.subject + (size_t)i * VT_SUBJECT_SIZE, q.segment);
        if (subject == NULL)
            break;
        vt_segment_block_key(epoch, subject, q.segment, q.first + i, key);
        vt_buf_put(b, key, sizeof key);
    }
    vt_wipe(key, sizeof key);
    if (b->err == VT_OK && b->len != (size_t)q.n * 32)
        return vt_fail(why, VT_E_STATE, "the key ring lost a key that it had just made");
    return VT_OK;
}

static struct vt_keeper_held *
find_session(struct vt_keeper_state *s, int channel, uint64_t id)
{
    for (size_t i = 0; id != 0 && i < VT_KEEPER_SESSIONS_MAX; i++)
        if (s->session[i].id == id && s->session[i].channel == channel)
            return &s->session[i];
    return NULL;
}

static bool
in_scope(const struct vt_scope *scope, const struct vt_segment_head *h)
{
    if (strcmp(scope->region, h->region) != 0 || h->day < scope->day_from ||
        h->day > scope->day_to)
        return false;
    for (size_t i = 0; i < scope->class_count; i++)
        if (strcmp(scope->class_name[i], h->class_name) == 0)
            return true;
    return false;
}

/* One segment's keys, as they are put together. */
struct opening {
    const struct vt_keeper_state *s;
    const struct vt_keeper_held *held;
    const struct vt_segment_head *head;
    int domain;
    const uint8_t *epoch;
    bool scope;
    bool *batch_open;
};

/* The state of block i: closed, open (with its key), or erased. */
enum { CLOSED, OPEN, ERASED };

static void
put_block(struct opening *o, uint32_t i, struct vt_buf *b)
{
    const struct vt_segment_block *block = &o->head->block[i];
    const uint8_t *subject = NULL;
    uint8_t key[32];

    if (!o->scope || (o->held->scope.one_subject &&
                         memcmp(block->row.subject, o->held->tag, VT_SUBJECT_SIZE) != 0)) {
        vt_buf_put_u8(b, CLOSED);
        return;
    }
    if (o->epoch != NULL)
        subject = vt_ring_subject(o->s->ring, o->domain, block->row.subject, o->head->id);
    if (subject == NULL) {
        vt_buf_put_u8(b, ERASED);
        return;
    }
    vt_segment_block_key(o->epoch, subject, o->head->id, i, key);
    vt_buf_put_u8(b, OPEN);
    vt_buf_put(b, key, sizeof key);
    vt_wipe(key, sizeof key);
    o->batch_open[block->batch] = true;
}

static const struct vt_box *
find_key(const struct vt_joined *j, const struct vt_digest *id)
{
    for (size_t i = 0; i < j->count; i++)
        if (vt_digest_eq(&j->key_id[i], id))
            return j->key[i];
    return NULL;
}

static enum vt_err
put_batch(const struct opening *o, uint32_t i, struct vt_buf *b, struct vt_why *why)
{
    const struct vt_batch_header *batch = &o->head->batch[i];
    const struct vt_box *key;
    struct vt_hpke_secret secret;
    uint8_t info[VT_BATCH_INFO_SIZE];
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err;

    vt_buf_put_u8(b, o->batch_open[i] ? 1 : 0);
    if (!o->batch_open[i])
        return VT_OK;
    key = find_key(&o->held->joined, &batch->key_id);
    if (key == NULL) {
        vt_digest_hex(&batch->key_id, hex);
        return vt_fail(why, VT_E_REFUSED,
            "a batch of %s is sealed to the region's key %.16s, of which too few shares came: "
            "ask "
            "for the days of one key at a time",
            o->head->region, hex);
    }
    vt_batch_info(batch, info);
    err = vt_hpke_receive(key, batch->enc, info, sizeof info, &secret, why);
    if (err == VT_OK) {
        vt_buf_put(b, secret.key, sizeof secret.key);
        vt_buf_put(b, secret.base_nonce, sizeof secret.base_nonce);
    }
    vt_wipe(&secret, sizeof secret);
    return err;
}

static enum vt_err
put_keys(struct opening *o, struct vt_buf *b, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    o->batch_open = calloc(o->head->batch_count, sizeof *o->batch_open);
    if (o->batch_open == NULL)
        return vt_fail(why, VT_E_NOMEM, "keys: out of memory");
    for (uint32_t i = 0; i < o->head->block_count; i++)
        put_block(o, i, b);
    for (uint32_t i = 0; i < o->head->batch_count && err == VT_OK; i++)
        err = put_batch(o, i, b, why);
    free(o->batch_open);
    return err;
}

enum vt_err
vt_keeper_do_open_keys(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_reader r = VT_READER(body->data, body->len);
    struct vt_segment_head head = {0};
    struct opening o = {.s = s, .head = &head};
    uint64_t id;
    enum vt_err err;

    (void)ret_refusal;
    if (!vt_reader_u64(&r, &id))
        return vt_fail(why, VT_E_SYNTAX, "a misformed request for a segment's keys");
    o.held = find_session(s, channel, id);
    if (o.held == NULL)
        return vt_fail(why, VT_E_STATE, "there is no such session, or it has expired");
    err = vt_segment_head_parse(r.p, r.left, &head, why);
    if (err != VT_OK)
        return err;
    o.scope = in_scope(&o.held->scope, &head);
    o.domain = vt_ring_domain(s->ring, head.site, head.region);
    o.epoch = vt_ring_epoch(s->ring, o.domain, head.class_name, head.day);
    err = put_keys(&o, b, why);
    vt_segment_head_release(&head);
    return err;
}
