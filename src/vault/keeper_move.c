/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region's keys on their way from one site's keeper to the other's: sealed by HPKE to the box
 * key that the policy names, for one relocation document, piece by piece.
 */
#include "vault/keeper_state.h"

#include "base/log.h"
#include "crypto/locked.h"
#include "ledger/record.h"

#include <stdlib.h>
#include <string.h>

static const char move_label[] = "vitrine/move/v1"; /* its NUL is part of the info */

void
vt_keeper_move_end(struct vt_keeper_move *m)
{
    vt_locked_free(m->secret);
    *m = (struct vt_keeper_move){0};
}

static enum vt_err
move_begin(struct vt_keeper_move *m, const char *region, const struct vt_digest *relocation,
    struct vt_why *why)
{
    void *p = NULL;
    enum vt_err err;

    vt_keeper_move_end(m);
    err = vt_locked_new(sizeof *m->secret, &p, why);
    if (err != VT_OK)
        return err;
    m->secret = p;
    m->relocation = *relocation;
    memcpy(m->region, region, strlen(region) + 1);
    return VT_OK;
}

static void
info_of(const struct vt_digest *relocation, uint8_t ret[sizeof move_label + VT_DIGEST_SIZE])
{
    memcpy(ret, move_label, sizeof move_label);
    memcpy(ret + sizeof move_label, relocation->b, VT_DIGEST_SIZE);
}

/* Whether the evidence is of a relocation that the policy in force wants, said by its first
 * site. *ret_doc: the document's digest. */
static enum vt_err
check_relocation(struct vt_keeper_state *s, const void *evidence, size_t len,
    struct vt_relocation *ret, struct vt_digest *ret_doc, struct vt_ledger_view *view,
    struct vt_why *why)
{
    const struct vt_rule_region *region;
    struct vt_fact f = {0};
    enum vt_err err = vt_keeper_need_policy(s, why);

    *view = *vt_ring_view(s->ring);
    if (err == VT_OK)
        err = vt_keeper_fact(s, evidence, len, VT_ENTRY_RELOCATION, &f, view, why);
    if (err == VT_OK)
        err = vt_relocation_read(f.doc, ret, why);
    if (err == VT_OK)
        err = vt_keeper_said_by(s, &f, ret->from, why);
    if (err == VT_OK) {
        region = vt_vault_policy_region(s->policy, ret->region);
        if (region == NULL || strcmp(region->site, ret->to) != 0)
            err = vt_fail(why, VT_E_REFUSED,
                "the vault policy in force does not place region %s at %s", ret->region,
                ret->to);
        *ret_doc = *vt_doc_digest(f.doc);
    }
    vt_fact_release(&f);
    return err;
}

/* From now on nothing is sealed for the region here. What was named is remembered, to be
 * compared with the receipt. */
static enum vt_err
mark_given(struct vt_keeper_state *s, const struct vt_relocation *q,
    const struct vt_digest *doc, const struct vt_ledger_view *view, struct vt_why *why)
{
    struct vt_buf items = {.max = 4096, .secret = true};
    size_t len = 0;
    enum vt_err err = VT_OK;

    vt_ring_put_view(&items, view);
    vt_ring_put_domain(&items, s->home.name, q->region);
    vt_ring_put_away(&items, true);
    if (vt_ring_answer(s->ring, doc, &len) == NULL) {
        vt_ring_put_answer(&items, doc, q->root.b, VT_DIGEST_SIZE);
        err = vt_ring_add(s->ring, &items, why);
    }
    vt_buf_release(&items);
    return err;
}

enum vt_err
vt_keeper_do_give(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_keeper_move *m = &s->move[channel];
    uint8_t info[sizeof move_label + VT_DIGEST_SIZE];
    uint8_t enc[VT_HPKE_ENC_SIZE];
    const struct vt_rule_party *to;
    struct vt_ledger_view view;
    struct vt_relocation q;
    struct vt_digest doc;
    enum vt_err err = check_relocation(s, body->data, body->len, &q, &doc, &view, why);

    (void)ret_refusal;
    if (err != VT_OK)
        return err;
    if (strcmp(q.from, s->home.name) != 0)
        return vt_fail(why, VT_E_REFUSED, "the relocation is from %s, not from here", q.from);
    to = vt_vault_policy_keeper(s->policy, q.to);
    if (to == NULL)
        return vt_fail(
            why, VT_E_REFUSED, "the vault policy in force has no keeper of %s", q.to);
    err = mark_given(s, &q, &doc, &view, why);
    if (err == VT_OK)
        err = move_begin(m, q.region, &doc, why);
    info_of(&doc, info);
    if (err == VT_OK)
        err = vt_hpke_send(&to->box, info, sizeof info, enc, m->secret, why);
    if (err != VT_OK) {
        vt_keeper_move_end(m);
        return err;
    }
    m->giving = true;
    m->changes = vt_ring_changes(s->ring);
    vt_buf_put(b, enc, sizeof enc);
    return VT_OK;
}

static enum vt_err
seal_piece(struct vt_keeper_move *m, const struct vt_buf *items, bool last, struct vt_buf *b,
    struct vt_why *why)
{
    const uint8_t aad = last ? 1 : 0;
    size_t len = items->len + VT_HPKE_TAG_SIZE;
    uint8_t *p;
    enum vt_err err;

    vt_buf_put_u8(b, aad);
    p = vt_buf_reserve(b, len);
    if (p == NULL)
        return vt_buf_check(b, "a region's keys", why);
    err = vt_hpke_seal(m->secret, m->seq, &aad, 1, items->data, items->len, p, why);
    if (err != VT_OK)
        return err;
    m->seq++;
    vt_buf_commit(b, len);
    return VT_OK;
}

enum vt_err
vt_keeper_do_give_more(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_keeper_move *m = &s->move[channel];
    struct vt_buf items = {
        .max = VT_KEEPER_PIECE_MAX + VT_KEEPER_PIECE_SLACK / 2, .secret = true};
    bool more = false;
    enum vt_err err;

    (void)body;
    (void)ret_refusal;
    if (!m->giving)
        return vt_fail(why, VT_E_STATE, "no keys are being given");
    if (m->changes != vt_ring_changes(s->ring)) {
        vt_keeper_move_end(m);
        return vt_fail(why, VT_E_STATE, "the ring changed while keys were given: begin again");
    }
    err = vt_ring_pack(s->ring, m->region, &m->at, VT_KEEPER_PIECE_MAX, &items, &more, why);
    if (err == VT_OK)
        err = seal_piece(m, &items, !more, b, why);
    if (err != VT_OK || !more)
        vt_keeper_move_end(m);
    vt_buf_release(&items);
    return err;
}

/* Keys that were taken once are not taken again: some of them may have been destroyed since.
 * What is remembered is the answer: root, u64 keys. */
#define TAKEN_SIZE (VT_DIGEST_SIZE + 8U)
static const void *
taken_before(const struct vt_keeper_state *s, const struct vt_digest *doc)
{
    size_t len = 0;
    const void *p = vt_ring_answer(s->ring, doc, &len);

    return len == TAKEN_SIZE ? p : NULL;
}

enum vt_err
vt_keeper_do_take(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_keeper_move *m = &s->move[channel];
    struct vt_reader r = VT_READER(body->data, body->len);
    uint8_t info[sizeof move_label + VT_DIGEST_SIZE];
    struct vt_buf items = {.max = 4096, .secret = true};
    struct vt_ledger_view view;
    struct vt_relocation q;
    struct vt_digest doc;
    const uint8_t *enc;
    enum vt_err err;

    (void)b;
    (void)ret_refusal;
    if (!vt_reader_take(&r, VT_HPKE_ENC_SIZE, &enc))
        return vt_fail(why, VT_E_SYNTAX, "a misformed offer of keys");
    err = check_relocation(s, r.p, r.left, &q, &doc, &view, why);
    if (err == VT_OK && strcmp(q.to, s->home.name) != 0)
        err = vt_fail(why, VT_E_REFUSED, "the relocation is to %s, not to here", q.to);
    if (err == VT_OK)
        err = move_begin(m, q.region, &doc, why);
    info_of(&doc, info);
    if (err == VT_OK)
        err = vt_hpke_receive(vt_ring_box(s->ring), enc, info, sizeof info, m->secret, why);
    vt_ring_put_view(&items, &view);
    if (err == VT_OK)
        err = vt_ring_add(s->ring, &items, why);
    if (err == VT_OK)
        m->taking = true;
    else
        vt_keeper_move_end(m);
    vt_buf_release(&items);
    return err;
}

static bool
other_region(void *ctx, const struct vt_ring_key *k)
{
    return strcmp(k->region, ctx) != 0;
}

struct count {
    const char *region;
    uint64_t keys;
};

static enum vt_err
count_key(void *ctx, const struct vt_ring_key *k, struct vt_why *why)
{
    struct count *c = ctx;

    (void)why;
    c->keys += strcmp(k->region, c->region) == 0;
    return VT_OK;
}

/* All of it is here: the region may be sealed for again, and it is remembered. */
static enum vt_err
finish_taking(
    struct vt_keeper_state *s, struct vt_keeper_move *m, struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf items = {.max = 4096, .secret = true};
    struct vt_buf answer = VT_BUF(TAKEN_SIZE);
    struct count c = {.region = m->region};
    struct vt_digest root;
    enum vt_err err = vt_ring_root(s->ring, other_region, m->region, &root, why);

    if (err == VT_OK)
        err = vt_ring_each(s->ring, count_key, &c, why);
    if (err == VT_OK) {
        vt_keeper_put_digest(&answer, &root);
        vt_buf_put_u64(&answer, c.keys);
        err = vt_buf_check(&answer, "account of keys taken", why);
    }
    vt_ring_put_domain(&items, s->home.name, m->region);
    vt_ring_put_away(&items, false);
    if (err == VT_OK) {
        vt_ring_put_answer(&items, &m->relocation, answer.data, answer.len);
        err = vt_ring_add(s->ring, &items, why);
    }
    if (err == VT_OK) {
        vt_buf_put(b, answer.data, answer.len);
        vt_log(VT_LOG_INFO, "took the keys of region %s", m->region);
    }
    vt_buf_release(&answer);
    vt_buf_release(&items);
    return err;
}

static enum vt_err
take_piece(struct vt_keeper_state *s, struct vt_keeper_move *m, const struct vt_buf *body,
    struct vt_why *why)
{
    size_t len = body->len - 1;
    struct vt_buf plain = {.max = VT_KEEPER_PIECE_MAX + VT_KEEPER_PIECE_SLACK, .secret = true};
    struct vt_buf items = {.max = VT_RING_ITEMS_MAX, .secret = true};
    uint8_t *p = vt_buf_reserve(&plain, len);
    enum vt_err err = vt_buf_check(&plain, "a region's keys", why);

    if (err == VT_OK)
        err = vt_hpke_open(m->secret, m->seq, body->data, 1, body->data + 1, len, p, why);
    if (err == VT_OK) {
        vt_buf_commit(&plain, len - VT_HPKE_TAG_SIZE);
        m->seq++;
        err = vt_ring_unpack(s->ring, plain.data, plain.len, m->region, &items, why);
    }
    if (err == VT_OK)
        err = vt_ring_add(s->ring, &items, why);
    vt_buf_release(&plain);
    vt_buf_release(&items);
    return err;
}

enum vt_err
vt_keeper_do_take_more(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_keeper_move *m = &s->move[channel];
    const void *before;
    bool last;
    enum vt_err err = VT_OK;

    (void)ret_refusal;
    if (!m->taking)
        return vt_fail(why, VT_E_STATE, "no keys are being taken");
    if (body->len < 1 + VT_HPKE_TAG_SIZE || body->data[0] > 1)
        return vt_fail(why, VT_E_SYNTAX, "a misformed piece of keys");
    last = body->data[0] == 1;
    before = taken_before(s, &m->relocation);
    if (before != NULL) {
        if (last)
            vt_buf_put(b, before, TAKEN_SIZE);
    } else {
        err = take_piece(s, m, body, why);
        if (err == VT_OK && last)
            err = finish_taking(s, m, b, why);
    }
    if (err != VT_OK || last)
        vt_keeper_move_end(m);
    return err;
}
