/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destroying keys: of a data subject under a grant, of days that are over, of a region that
 * another site has. Each answer is kept in the ring in the same step, so that who was killed
 * before it reached the ledger gets it again.
 */
#include "vault/keeper_state.h"

#include "base/log.h"
#include "ledger/record.h"

#include <stdlib.h>
#include <string.h>

static struct vt_buf
new_items(void)
{
    return (struct vt_buf){.max = VT_RING_ITEMS_MAX, .secret = true};
}

/* What is to be destroyed, gathered before it is. */
struct target {
    const struct vt_keeper_state *s;
    const char *region;            /* erasure, shred: of this region */
    const uint8_t *tag;            /* erasure: this subject alone */
    uint32_t today;                /* retention: epochs that were over before */
    struct vt_keeper_destroyed *d; /* listed here */
    size_t room;
    bool listed;
};

static bool
is_over(const struct target *t, const struct vt_ring_key *k)
{
    const struct vt_rule_class *c = vt_vault_policy_class(t->s->policy, k->class_name);

    return c != NULL && (uint64_t)k->day + c->retention_days < t->today;
}

static bool
choose(void *ctx, const struct vt_ring_key *k)
{
    const struct target *t = ctx;

    if (t->today != 0)
        return k->epoch && is_over(t, k);
    if (strcmp(k->region, t->region) != 0)
        return false;
    return t->tag == NULL || (!k->epoch && memcmp(k->tag, t->tag, VT_SUBJECT_SIZE) == 0);
}

/* Makes room for one commitment more. */
static enum vt_err
list_room(struct target *t, struct vt_why *why)
{
    size_t room = t->room == 0 ? 64 : t->room * 2;
    struct vt_digest *d;
    struct vt_epoch *e;

    if (t->d->count < t->room)
        return VT_OK;
    if (t->d->count >= VT_RING_LISTED_MAX)
        return vt_fail(why, VT_E_LIMIT, "more than %u keys to destroy at once; do it by parts",
            VT_RING_LISTED_MAX);
    d = reallocarray(t->d->commitment, room, sizeof *d);
    if (d == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    t->d->commitment = d;
    if (t->today != 0) {
        e = reallocarray(t->d->epoch, room, sizeof *e);
        if (e == NULL)
            return vt_fail(why, VT_E_NOMEM, "out of memory");
        t->d->epoch = e;
    }
    t->room = room;
    return VT_OK;
}

static enum vt_err
list_one(void *ctx, const struct vt_ring_key *k, struct vt_why *why)
{
    struct target *t = ctx;
    struct vt_epoch *e;
    enum vt_err err;

    if (!choose(t, k))
        return VT_OK;
    if (!t->listed) {
        t->d->count++;
        return VT_OK;
    }
    err = list_room(t, why);
    if (err != VT_OK)
        return err;
    vt_ring_commitment(k->key, &t->d->commitment[t->d->count]);
    if (t->d->epoch != NULL) {
        e = &t->d->epoch[t->d->count];
        memset(e, 0, sizeof *e);
        memcpy(e->region, k->region, strnlen(k->region, VT_REGION_MAX));
        memcpy(e->class_name, k->class_name, strnlen(k->class_name, VT_WORD_MAX));
        e->day = k->day;
    }
    t->d->count++;
    return VT_OK;
}

static int
by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, VT_DIGEST_SIZE);
}

/* Fills *d with what will have been destroyed; t->d is d. */
static enum vt_err
describe(struct vt_keeper_state *s, struct target *t, struct vt_why *why)
{
    enum vt_err err = vt_keeper_root(s, &t->d->ring_before, why);

    if (err == VT_OK)
        err = vt_ring_root(s->ring, choose, t, &t->d->ring_after, why);
    if (err == VT_OK)
        err = vt_ring_each(s->ring, list_one, t, why);
    t->d->generation_before = vt_ring_generation(s->ring);
    t->d->generation_after = t->d->generation_before + 1;
    if (err == VT_OK && t->listed && t->d->epoch == NULL && t->d->count > 1)
        qsort(t->d->commitment, t->d->count, sizeof *t->d->commitment, by_bytes);
    return err;
}

/* Writes the next generation without them and with the answer, to be found under `to`. */
static enum vt_err
destroy(struct vt_keeper_state *s, struct target *t, const struct vt_digest *to, bool forget,
    const struct vt_keeper_destroyed *told, struct vt_buf *items, struct vt_why *why)
{
    struct vt_buf answer = VT_BUF(VT_RING_ITEMS_MAX);
    enum vt_err err;

    vt_keeper_put_destroyed(&answer, told, t->listed);
    err = vt_buf_check(&answer, "account of destroyed keys", why);
    if (err == VT_OK) {
        vt_ring_put_answer(items, to, answer.data, answer.len);
        err = vt_ring_destroy(s->ring, choose, t, forget, items, why);
    }
    if (err == VT_OK)
        vt_log(VT_LOG_INFO, "destroyed %zu keys; the ring is of generation %llu", t->d->count,
            (unsigned long long)vt_ring_generation(s->ring));
    vt_buf_release(&answer);
    return err;
}

/* Gives an answer again. Root keys that could not be destroyed then must be gone before it is
 * said that they are. */
static enum vt_err
give_again(struct vt_keeper_state *s, const void *data, size_t len, struct vt_buf *b,
    struct vt_why *why)
{
    vt_buf_put(b, data, len);
    return vt_ring_settle(s->ring, why);
}

static enum vt_err
erase(struct vt_keeper_state *s, const struct vt_keeper_open *o, const struct vt_granted *g,
    const struct vt_ledger_view *view, struct vt_buf *b, enum vt_refusal *ret_refusal,
    struct vt_why *why)
{
    struct vt_keeper_destroyed d = {0};
    struct target t = {.s = s,
        .region = g->request.scope.region,
        .tag = o->subject + VT_SUBJECT_SIZE,
        .d = &d,
        .listed = true};
    struct vt_buf items = new_items();
    enum vt_err err;

    if (!vt_ring_has_subject(s->ring, t.region, t.tag)) {
        *ret_refusal = VT_REFUSAL_ERASED;
        return vt_fail(why, VT_E_NOENT, "there is no key of that data subject in %s", t.region);
    }
    err = describe(s, &t, why);
    /* So that keys which are on their way here do not bring it back. */
    vt_ring_put_domain(&items, VT_RING_ANY_SITE, t.region);
    vt_ring_put_subject(&items, t.tag, NULL);
    vt_ring_put_view(&items, view);
    vt_ring_put_uses(&items, &g->grant_doc, 1, g->request.expires);
    if (err == VT_OK)
        err = destroy(s, &t, &g->grant_doc, false, &d, &items, why);
    if (err == VT_OK)
        vt_keeper_put_destroyed(b, &d, true);
    vt_keeper_destroyed_release(&d);
    vt_buf_release(&items);
    return err;
}

static enum vt_err
refuse_mode(enum vt_refusal *ret, struct vt_why *why)
{
    *ret = VT_REFUSAL_SCOPE;
    return vt_fail(why, VT_E_REFUSED, "the request is not for the erasure of a data subject");
}

enum vt_err
vt_keeper_do_erase(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_granted *g = calloc(1, sizeof *g);
    struct vt_ledger_view view;
    struct vt_keeper_open o;
    const void *done;
    size_t len = 0;
    enum vt_err err;

    (void)channel;
    if (g == NULL)
        return vt_fail(why, VT_E_NOMEM, "erasure: out of memory");
    err = vt_keeper_take_open(body->data, body->len, &o, why);
    if (err == VT_OK)
        err = vt_keeper_granted(s, &o, g, &view, ret_refusal, why);
    if (err == VT_OK && (g->request.mode != VT_MODE_ERASURE || !g->request.scope.one_subject))
        err = refuse_mode(ret_refusal, why);
    if (err == VT_OK)
        err = vt_keeper_subject(&o, &g->request, ret_refusal, why);
    if (err != VT_OK) {
        free(g);
        return err;
    }
    vt_keeper_put_granted(b, g);
    done = vt_ring_answer(s->ring, &g->grant_doc, &len);
    if (done != NULL)
        err = give_again(s, done, len, b, why);
    else
        err = erase(s, &o, g, &view, b, ret_refusal, why);
    free(g);
    return err;
}

/* Retention's answer has no document to be found by: it waits under this name. */
static const struct vt_digest retirement = {"retirement"};

/* Joins what was told before and not acknowledged with what comes now. */
static enum vt_err
merge(const struct vt_keeper_destroyed *before, const struct vt_keeper_destroyed *now,
    struct vt_keeper_destroyed *ret, struct vt_why *why)
{
    size_t n = before->count + now->count;

    *ret = *now;
    ret->commitment = calloc(n + 1, sizeof *ret->commitment);
    ret->epoch = calloc(n + 1, sizeof *ret->epoch);
    if (ret->commitment == NULL || ret->epoch == NULL || n > VT_RING_LISTED_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "too many destroyed keys that the ledger has not been told");
    for (size_t i = 0; i < n; i++) {
        bool old = i < before->count;
        ret->commitment[i] = old ? before->commitment[i] : now->commitment[i - before->count];
        ret->epoch[i] = old ? before->epoch[i] : now->epoch[i - before->count];
    }
    ret->count = n;
    ret->generation_before = before->generation_before;
    ret->ring_before = before->ring_before;
    return VT_OK;
}

static enum vt_err
read_pending(
    const struct vt_keeper_state *s, struct vt_keeper_destroyed *ret, struct vt_why *why)
{
    size_t len = 0;
    const void *data = vt_ring_answer(s->ring, &retirement, &len);
    struct vt_reader r = VT_READER(data, len);

    return data == NULL ? VT_OK : vt_keeper_take_destroyed(&r, ret, why);
}

static enum vt_err
retire(struct vt_keeper_state *s, struct target *t, struct vt_buf *b, struct vt_why *why)
{
    struct vt_keeper_destroyed before = {0};
    struct vt_keeper_destroyed all = {0};
    struct vt_buf items = new_items();
    enum vt_err err = read_pending(s, &before, why);

    if (err == VT_OK && before.count > 0)
        err = merge(&before, t->d, &all, why);
    if (err == VT_OK)
        err = destroy(s, t, &retirement, false, before.count > 0 ? &all : t->d, &items, why);
    if (err == VT_OK)
        vt_keeper_put_destroyed(b, before.count > 0 ? &all : t->d, true);
    vt_keeper_destroyed_release(&before);
    vt_keeper_destroyed_release(&all);
    vt_buf_release(&items);
    return err;
}

enum vt_err
vt_keeper_do_retire(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_reader r = VT_READER(body->data, body->len);
    struct vt_keeper_destroyed d = {0};
    struct target t = {.s = s, .d = &d, .listed = true};
    const void *pending;
    size_t len = 0;
    enum vt_err err = vt_keeper_need_policy(s, why);

    (void)channel;
    (void)ret_refusal;
    if (err == VT_OK && (!vt_reader_u32(&r, &t.today) || r.left > 0 || t.today == 0))
        err = vt_fail(why, VT_E_SYNTAX, "a misformed request for retention");
    if (err == VT_OK)
        err = describe(s, &t, why);
    if (err != VT_OK)
        goto out;
    pending = vt_ring_answer(s->ring, &retirement, &len);
    if (d.count > 0) {
        err = retire(s, &t, b, why);
    } else if (pending != NULL) {
        err = give_again(s, pending, len, b, why);
    } else {
        d.generation_after = d.generation_before;
        vt_keeper_put_destroyed(b, &d, true);
        err = vt_ring_settle(s->ring, why);
    }
out:
    vt_keeper_destroyed_release(&d);
    return err;
}

enum vt_err
vt_keeper_do_retired(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_reader r = VT_READER(body->data, body->len);
    struct vt_keeper_destroyed d = {0};
    struct vt_buf items = new_items();
    uint64_t generation;
    enum vt_err err;

    (void)channel;
    (void)b;
    (void)ret_refusal;
    if (!vt_reader_u64(&r, &generation) || r.left > 0)
        return vt_fail(why, VT_E_SYNTAX, "a misformed request");
    err = read_pending(s, &d, why);
    if (err == VT_OK && d.count > 0 && d.generation_after <= generation) {
        vt_ring_put_forget(&items, &retirement);
        err = vt_ring_add(s->ring, &items, why);
    }
    vt_keeper_destroyed_release(&d);
    vt_buf_release(&items);
    return err;
}

/* The receipt must be the other site's, of a relocation under which keys were given, and of
 * the very inventory that the relocation named (docs/formats/keeper.md, "Answers"). */
static enum vt_err
check_receipt(const struct vt_keeper_state *s, const struct vt_fact *f, struct vt_receipt *ret,
    struct vt_why *why)
{
    struct vt_digest root = {0};
    struct vt_reader r;
    const void *given;
    size_t len = 0;
    enum vt_err err = vt_receipt_read(f->doc, ret, why);

    if (err == VT_OK && strcmp(ret->from, s->home.name) != 0)
        err = vt_fail(
            why, VT_E_REFUSED, "the receipt is for %s, not for %s", ret->from, s->home.name);
    if (err == VT_OK)
        err = vt_keeper_said_by(s, f, ret->to, why);
    if (err == VT_OK && vt_keeper_keeps(s, ret->region))
        err = vt_fail(why, VT_E_REFUSED,
            "region %s is kept here by the vault policy in force: its keys stay", ret->region);
    if (err != VT_OK)
        return err;
    given = vt_ring_answer(s->ring, &ret->relocation, &len);
    r = VT_READER(given, len);
    if (given == NULL || !vt_keeper_take_digest(&r, &root))
        return vt_fail(why, VT_E_REFUSED,
            "the receipt is of a relocation under which this keeper gave no keys");
    if (!vt_digest_eq(&root, &ret->root))
        return vt_fail(why, VT_E_DIGEST,
            "the other site has not what the relocation named: its inventory's root is "
            "another");
    return VT_OK;
}

static enum vt_err
shred(struct vt_keeper_state *s, const struct vt_fact *f, const struct vt_receipt *receipt,
    const struct vt_ledger_view *view, struct vt_buf *b, struct vt_why *why)
{
    struct vt_keeper_destroyed d = {0};
    struct target t = {.s = s, .region = receipt->region, .d = &d};
    struct vt_buf items = new_items();
    enum vt_err err = describe(s, &t, why);

    vt_ring_put_view(&items, view);
    if (err == VT_OK)
        err = destroy(s, &t, vt_doc_digest(f->doc), true, &d, &items, why);
    if (err == VT_OK)
        vt_keeper_put_destroyed(b, &d, false);
    vt_keeper_destroyed_release(&d);
    vt_buf_release(&items);
    return err;
}

enum vt_err
vt_keeper_do_shred(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_ledger_view view = *vt_ring_view(s->ring);
    struct vt_receipt receipt;
    struct vt_fact f = {0};
    const void *done;
    size_t len = 0;
    enum vt_err err = vt_keeper_need_policy(s, why);

    (void)channel;
    (void)ret_refusal;
    if (err == VT_OK)
        err = vt_keeper_fact(s, body->data, body->len, VT_ENTRY_RECEIPT, &f, &view, why);
    if (err != VT_OK)
        return err;
    done = vt_ring_answer(s->ring, vt_doc_digest(f.doc), &len);
    if (done != NULL) {
        err = give_again(s, done, len, b, why);
    } else {
        err = check_receipt(s, &f, &receipt, why);
        if (err == VT_OK)
            err = shred(s, &f, &receipt, &view, b, why);
    }
    vt_fact_release(&f);
    return err;
}
