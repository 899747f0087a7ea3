/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper as its callers see it: keys leave it for what a proven grant covers, once it is
 * counted, and for nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keeper_world.h"

#include "base/msg.h"
#include "base/proc.h"
#include "crypto/aead.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct keeper_world k;

static int
set_up(void **state)
{
    (void)state;
    kw_init(&k);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    kw_release(&k);
    return 0;
}

static const enum lw_party access_by[] = {LW_DORA, LW_SAM, LW_SUE};
static const enum lw_party dpo[] = {LW_DAN};

/* ---- segments ---- */

#define SUBJECTS 3
static const uint8_t segment_id[VT_SEGMENT_ID_SIZE] = {0x5e};

/* One batch to EU with one record of each subject, and a head for a segment of it. */
struct sealed {
    struct vt_buf batch;
    struct vt_buf head;
    const uint8_t *blocks;
    struct vt_batch_header header;
    uint8_t subject[SUBJECTS][VT_SUBJECT_SIZE]; /* sorted: kw_tag is the last */
};

static void
put_word(struct vt_buf *b, const char *s)
{
    vt_buf_put_u8(b, (uint8_t)strlen(s));
    vt_buf_puts(b, s);
}

static void
make_sealed(struct sealed *s, const char *site, uint32_t day, const struct vt_box_public *key,
    const uint8_t id[VT_SEGMENT_ID_SIZE])
{
    struct vt_batch_opts o = {.region = "EU",
        .site = site,
        .class_name = KW_CLASS,
        .policy = *vt_vault_policy_digest(k.ledger.policy),
        .key = *key,
        .created = 5};
    struct vt_batch_writer *w = NULL;
    struct vt_why why = {0};
    uint64_t plain = 0;

    s->batch = VT_BUF(VT_BATCH_MAX);
    s->head = VT_BUF(VT_SEGMENT_HEAD_MAX);
    memset(s->subject, 0, sizeof s->subject);
    lw_must(vt_batch_new(&o, &w, &why), &why);
    for (uint8_t i = 0; i < SUBJECTS; i++) {
        s->subject[i][0] = (uint8_t)(6 + i);
        lw_must(vt_batch_add(w, s->subject[i], "{\"secret\":1}", 12, &why), &why);
    }
    lw_must(vt_batch_end(w, &s->batch, &why), &why);
    vt_batch_free(w);
    lw_must(vt_batch_parse(s->batch.data, s->batch.len, &s->header, &s->blocks, &why), &why);
    vt_buf_put(&s->head, id, VT_SEGMENT_ID_SIZE);
    vt_buf_put_u64(&s->head, 5);
    put_word(&s->head, "EU");
    put_word(&s->head, site);
    put_word(&s->head, KW_CLASS);
    vt_buf_put_u32(&s->head, day);
    vt_buf_put(&s->head, o.policy.b, VT_DIGEST_SIZE);
    vt_buf_put_u32(&s->head, 1);
    vt_buf_put_u32(&s->head, SUBJECTS);
    vt_buf_put_u64(&s->head, SUBJECTS);
    for (size_t i = 0; i < SUBJECTS; i++) {
        struct vt_block_row row;
        vt_batch_row(&s->header, i, &row);
        plain += row.plain_len;
    }
    vt_buf_put_u64(&s->head, plain);
    vt_buf_put_u32(&s->head, (uint32_t)s->header.bytes_len);
    vt_buf_put(&s->head, s->header.bytes, s->header.bytes_len);
    for (uint16_t i = 0; i < SUBJECTS; i++) {
        struct vt_block_row row;
        vt_batch_row(&s->header, i, &row);
        vt_buf_put_u32(&s->head, 0);
        vt_buf_put_u16(&s->head, i);
        vt_buf_put_u32(&s->head, row.sealed_len + VT_AEAD_TAG_SIZE);
    }
}

static void
release_sealed(struct sealed *s)
{
    vt_buf_release(&s->batch);
    vt_buf_release(&s->head);
}

static enum vt_err
seal_keys(int site, const struct sealed *s, uint32_t day, const uint8_t *id, uint8_t (*ret)[32])
{
    return vt_keeper_seal_keys(
        k.keeper[site], id, "EU", KW_CLASS, day, 0, s->subject, SUBJECTS, ret, NULL);
}

struct opened {
    struct vt_block_key block[SUBJECTS];
    struct vt_batch_key batch[1];
};

static enum vt_err
open_keys(int site, uint64_t session, const struct sealed *s, struct opened *ret)
{
    return vt_keeper_open_keys(k.keeper[site], session, s->head.data, s->head.len, ret->block,
        SUBJECTS, ret->batch, 1, NULL);
}

static enum vt_err
begin(struct kw_case *c, int site, uint64_t *ret, enum vt_refusal *ret_refusal)
{
    static struct vt_granted granted;
    struct vt_why why = {0};
    enum vt_err err =
        vt_keeper_session(k.keeper[site], &c->open, ret, &granted, ret_refusal, &why);

    if (err == VT_OK) {
        assert_memory_equal(
            &granted.request_doc, &k.ledger.item[c->index[0]].digest, VT_DIGEST_SIZE);
        assert_memory_equal(
            &granted.grant_doc, &k.ledger.item[c->index[c->count - 1]].digest, VT_DIGEST_SIZE);
        assert_string_equal(granted.request.requester, "carol.example");
    } else {
        assert_true(why.text[0] != '\0');
    }
    return err;
}

static void
must_begin(struct kw_case *c, int site, uint64_t *ret)
{
    static struct vt_granted granted;
    enum vt_refusal refusal;
    struct vt_why why = {0};

    if (vt_keeper_session(k.keeper[site], &c->open, ret, &granted, &refusal, &why) != VT_OK)
        fail_msg("%s: %s", vt_refusal_name(refusal), why.text);
    assert_int_equal(refusal, VT_REFUSAL_NONE);
}

static void
must_refuse(struct kw_case *c, int site, enum vt_refusal want)
{
    enum vt_refusal refusal = VT_REFUSAL_NONE;
    uint64_t session = 0;

    assert_int_not_equal(begin(c, site, &session, &refusal), VT_OK);
    if (refusal != want)
        fail_msg("refused for %s, not %s", vt_refusal_name(refusal), vt_refusal_name(want));
    assert_int_equal(session, 0);
}

/* ---- the tests ---- */

static void
test_opens_what_was_granted(void **state)
{
    struct vt_request r = kw_request(&k, VT_MODE_ACCESS);
    struct vt_batch_scratch *scratch = NULL;
    uint8_t sealed_with[SUBJECTS][32], plain[64];
    struct vt_digest header;
    struct vt_why why = {0};
    struct opened o;
    struct sealed s;
    struct kw_case c;
    uint64_t session = 0;
    size_t at = 0;

    (void)state;
    make_sealed(&s, "zurich.example", k.day, &k.eu, segment_id);
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, sealed_with), VT_OK);
    kw_ask(&k, &c, &r, access_by, 3, KW_ZURICH);
    must_begin(&c, KW_ZURICH, &session);
    assert_int_equal(kw_status(&k, KW_ZURICH).sessions, 1);
    assert_int_equal(open_keys(KW_ZURICH, session, &s, &o), VT_OK);
    assert_true(o.batch[0].open);
    vt_digest_of(s.header.bytes, s.header.bytes_len, &header);
    for (uint32_t i = 0; i < SUBJECTS; i++) {
        struct vt_block_row row;
        assert_true(o.block[i].open);
        assert_false(o.block[i].erased);
        assert_memory_equal(o.block[i].key, sealed_with[i], 32);
        vt_batch_row(&s.header, i, &row);
        lw_must(vt_batch_open_block(&o.batch[0].secret, &header, i, &row,
                    s.batch.data + (size_t)(s.blocks - s.batch.data) + at, row.sealed_len,
                    plain, &scratch, &why),
            &why);
        assert_memory_equal(plain, "{\"secret\":1}\n", 13);
        at += row.sealed_len;
    }
    assert_int_equal(vt_keeper_end(k.keeper[KW_ZURICH], session, &why), VT_OK);
    assert_int_equal(vt_keeper_end(k.keeper[KW_ZURICH], session, &why), VT_E_STATE);
    assert_int_equal(open_keys(KW_ZURICH, session, &s, &o), VT_E_STATE);
    assert_int_equal(kw_status(&k, KW_ZURICH).sessions, 0);
    vt_batch_scratch_free(scratch);
    kw_case_release(&c);
    release_sealed(&s);
}

static void
test_outside_of_the_scope(void **state)
{
    struct vt_request r = kw_request(&k, VT_MODE_ACCESS);
    uint8_t keys[SUBJECTS][32];
    struct opened o;
    struct sealed s, late;
    struct kw_case c;
    uint64_t session = 0;

    (void)state;
    r.scope.day_to = k.day - 1;
    make_sealed(&s, "zurich.example", k.day, &k.eu, segment_id);
    make_sealed(&late, "zurich.example", k.day - 1, &k.eu, segment_id);
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, keys), VT_OK);
    kw_ask(&k, &c, &r, access_by, 3, KW_ZURICH);
    must_begin(&c, KW_ZURICH, &session);
    assert_int_equal(open_keys(KW_ZURICH, session, &s, &o), VT_OK);
    for (size_t i = 0; i < SUBJECTS; i++)
        assert_false(o.block[i].open || o.block[i].erased);
    assert_false(o.batch[0].open);
    /* A day of the scope whose keys were never made. */
    assert_int_equal(open_keys(KW_ZURICH, session, &late, &o), VT_OK);
    for (size_t i = 0; i < SUBJECTS; i++)
        assert_true(o.block[i].erased && !o.block[i].open);
    assert_false(o.batch[0].open);
    kw_case_release(&c);
    release_sealed(&s);
    release_sealed(&late);
}

static void
test_one_subject_only(void **state)
{
    struct vt_request r = kw_request(&k, VT_MODE_EXPORT);
    static const uint8_t other[32] = {7, [16] = 9};
    uint8_t keys[SUBJECTS][32];
    const uint8_t *opening;
    struct opened o;
    struct sealed s;
    struct kw_case c;
    uint64_t session = 0;

    (void)state;
    make_sealed(&s, "zurich.example", k.day, &k.eu, segment_id);
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, keys), VT_OK);
    kw_ask(&k, &c, &r, dpo, 1, KW_ZURICH);
    opening = c.open.subject;
    c.open.subject = other;
    must_refuse(&c, KW_ZURICH, VT_REFUSAL_SCOPE);
    c.open.subject = NULL;
    must_refuse(&c, KW_ZURICH, VT_REFUSAL_SCOPE);
    c.open.subject = opening;
    must_begin(&c, KW_ZURICH, &session);
    assert_int_equal(open_keys(KW_ZURICH, session, &s, &o), VT_OK);
    for (size_t i = 0; i < SUBJECTS; i++)
        assert_int_equal(o.block[i].open, memcmp(s.subject[i], kw_tag, VT_SUBJECT_SIZE) == 0);
    assert_true(o.batch[0].open);
    kw_case_release(&c);
    release_sealed(&s);
}

static void
test_refuses(void **state)
{
    struct vt_request r = kw_request(&k, VT_MODE_ACCESS);
    uint8_t keys[SUBJECTS][32];
    struct vt_buf kept;
    struct sealed s;
    struct kw_case c;
    uint64_t session = 0;

    (void)state;
    make_sealed(&s, "zurich.example", k.day, &k.eu, segment_id);
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, keys), VT_OK);
    kw_ask(&k, &c, &r, access_by, 3, KW_ZURICH);
    /* no passport, that of nothing, a changed one */
    c.open.passport = NULL;
    must_refuse(&c, KW_ZURICH, VT_REFUSAL_JOB);
    c.open.passport = "x";
    c.open.passport_len = 1;
    must_refuse(&c, KW_ZURICH, VT_REFUSAL_JOB);
    kw_show(&k, &c, KW_ZURICH);
    c.passport.data[c.passport.len / 2] ^= 1;
    must_refuse(&c, KW_ZURICH, VT_REFUSAL_JOB);
    c.passport.data[c.passport.len / 2] ^= 1;
    /* shares: none, and one too few */
    c.open.shares_len = 0;
    must_refuse(&c, KW_ZURICH, VT_REFUSAL_SHARES);
    c.open.shares_len = c.shares.len / 3 * 2;
    must_refuse(&c, KW_ZURICH, VT_REFUSAL_SHARES);
    c.open.shares_len = c.shares.len;
    /* the supervisor did not cosign */
    k.ledger.cosigns[LW_SUPERVISOR] = false;
    kw_show(&k, &c, KW_ZURICH);
    must_refuse(&c, KW_ZURICH, VT_REFUSAL_SUPERVISOR);
    k.ledger.cosigns[LW_SUPERVISOR] = true;
    /* nothing that is evidence */
    kw_show(&k, &c, KW_ZURICH);
    c.open.evidence_len -= 1;
    must_refuse(&c, KW_ZURICH, VT_REFUSAL_LEDGER);
    c.open.evidence_len += 1;
    /* any approval missing */
    kept = c.evidence;
    c.evidence =
        lw_evidence(&k.ledger, (size_t[]){c.index[0], c.index[1], c.index[2], c.index[4]}, 4,
            (size_t)kw_status(&k, KW_ZURICH).ledger_size);
    c.open.evidence = c.evidence.data;
    c.open.evidence_len = c.evidence.len;
    assert_int_not_equal(begin(&c, KW_ZURICH, &session, &(enum vt_refusal){0}), VT_OK);
    vt_buf_release(&c.evidence);
    c.evidence = kept;
    kw_show(&k, &c, KW_ZURICH);
    /* the other site's keeper */
    must_refuse(&c, KW_FRANKFURT, VT_REFUSAL_SCOPE);
    /* and as it should be; then it is spent, also for a keeper that starts anew */
    must_begin(&c, KW_ZURICH, &session);
    must_refuse(&c, KW_ZURICH, VT_REFUSAL_SPENT);
    kw_reopen(&k, KW_ZURICH);
    kw_show(&k, &c, KW_ZURICH);
    must_refuse(&c, KW_ZURICH, VT_REFUSAL_SPENT);
    kw_case_release(&c);
    release_sealed(&s);
}

static void
test_expired(void **state)
{
    struct vt_request r = kw_request(&k, VT_MODE_EXPORT);
    struct kw_case c;

    (void)state;
    r.made = k.now - 7200;
    r.expires = k.now - 3600;
    kw_ask(&k, &c, &r, dpo, 1, KW_ZURICH);
    must_refuse(&c, KW_ZURICH, VT_REFUSAL_EXPIRED);
    kw_case_release(&c);
}

static void
test_budget(void **state)
{
    struct vt_request r = kw_request(&k, VT_MODE_ACCESS);
    struct kw_case c[3];
    uint64_t session;

    (void)state;
    r.epsilon = 400;
    for (size_t i = 0; i < 3; i++) {
        r.id[1] = (uint8_t)i;
        kw_ask(&k, &c[i], &r, access_by, 3, KW_ZURICH);
    }
    kw_show(&k, &c[0], KW_ZURICH);
    c[0].open.epsilon_spent = 601; /* the caller knows of more than the keeper */
    must_refuse(&c[0], KW_ZURICH, VT_REFUSAL_BUDGET);
    c[0].open.epsilon_spent = 600;
    must_begin(&c[0], KW_ZURICH, &session);
    kw_reopen(&k, KW_ZURICH);
    kw_show(&k, &c[1], KW_ZURICH);
    must_begin(&c[1], KW_ZURICH, &session);
    kw_show(&k, &c[2], KW_ZURICH);
    must_refuse(&c[2], KW_ZURICH, VT_REFUSAL_BUDGET);
    for (size_t i = 0; i < 3; i++)
        kw_case_release(&c[i]);
}

/* Another tree than the one seen: neither a fork of it nor one without its end. */
static void
test_forked_ledger(void **state)
{
    struct vt_request r = kw_request(&k, VT_MODE_EXPORT);
    uint8_t keys[SUBJECTS][32];
    uint64_t session, seen;
    struct sealed s;
    struct kw_case c, d;

    (void)state;
    make_sealed(&s, "zurich.example", k.day, &k.eu, segment_id);
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, keys), VT_OK);
    kw_ask(&k, &c, &r, dpo, 1, KW_ZURICH);
    must_begin(&c, KW_ZURICH, &session);
    seen = kw_status(&k, KW_ZURICH).ledger_size;
    assert_int_equal(seen, k.ledger.count);
    /* The log forgets its last three entries and says others. */
    for (size_t i = 0; i < 3; i++) {
        struct lw_item *item = &k.ledger.item[--k.ledger.count];
        vt_buf_release(&item->doc);
        vt_buf_release(&item->entry);
    }
    r.id[5] = 1;
    kw_ask(&k, &d, &r, dpo, 1, KW_ZURICH);
    assert_int_equal(k.ledger.count, seen);
    must_refuse(&d, KW_ZURICH, VT_REFUSAL_LEDGER);
    r.id[5] = 2;
    kw_case_release(&d);
    kw_ask(&k, &d, &r, dpo, 1, KW_ZURICH);
    must_refuse(&d, KW_ZURICH, VT_REFUSAL_LEDGER);
    kw_case_release(&c);
    kw_case_release(&d);
    release_sealed(&s);
}

static void
test_policy(void **state)
{
    struct vt_digest first = *vt_vault_policy_digest(k.ledger.policy);
    struct vt_digest wrong = {{1}};
    struct vt_keeper_status s = kw_status(&k, KW_ZURICH);
    struct vt_box_public pub;
    struct vt_buf shares = VT_BUF(VT_SHARES_FILE_MAX);
    struct vt_why why = {0};
    struct vt_buf e;
    size_t stranger;

    (void)state;
    assert_memory_equal(&s.policy, &first, sizeof first);
    assert_int_equal(kw_take_policy(&k, KW_ZURICH, &why), VT_OK); /* the same again */
    kw_say_policy(&k, kw_policy_doc(&k, 2, &wrong, KW_ZURICH, 30));
    assert_int_equal(kw_take_policy(&k, KW_ZURICH, &why), VT_E_REFUSED);
    kw_say_policy(&k, kw_policy_doc(&k, 1, NULL, KW_ZURICH, 31));
    assert_int_equal(kw_take_policy(&k, KW_ZURICH, &why), VT_E_ROLLBACK);
    /* by somebody who may not */
    stranger = lw_say(&k.ledger, kw_policy_doc(&k, 2, &first, KW_ZURICH, 30), LW_STRANGER);
    e = kw_evidence(&k, KW_ZURICH, &stranger, 1);
    assert_int_equal(
        vt_keeper_set_policy(k.keeper[KW_ZURICH], e.data, e.len, &why), VT_E_QUORUM);
    vt_buf_release(&e);
    kw_say_policy(&k, kw_policy_doc(&k, 2, &first, KW_ZURICH, 30));
    assert_int_equal(kw_take_policy(&k, KW_ZURICH, &why), VT_OK);
    kw_reopen(&k, KW_ZURICH);
    s = kw_status(&k, KW_ZURICH);
    assert_memory_equal(&s.policy, vt_vault_policy_digest(k.ledger.policy), VT_DIGEST_SIZE);
    assert_int_equal(
        vt_keeper_region_new(k.keeper[KW_ZURICH], "US", &pub, &shares, &why), VT_E_REFUSED);
    assert_int_equal(
        vt_keeper_region_new(k.keeper[KW_ZURICH], "XX", &pub, &shares, &why), VT_E_REFUSED);
    assert_int_equal(shares.len, 0);
    vt_buf_release(&shares);
}

static void
test_sealing(void **state)
{
    static const uint8_t other_id[VT_SEGMENT_ID_SIZE] = {0x0f};
    uint8_t a[SUBJECTS][32], b[SUBJECTS][32];
    struct vt_keeper_status s;
    struct sealed x;

    (void)state;
    make_sealed(&x, "zurich.example", k.day, &k.eu, segment_id);
    assert_int_equal(seal_keys(KW_ZURICH, &x, k.day, segment_id, a), VT_OK);
    s = kw_status(&k, KW_ZURICH);
    assert_int_equal(s.epochs, 1);
    assert_int_equal(s.subjects, SUBJECTS);
    assert_int_equal(seal_keys(KW_ZURICH, &x, k.day, segment_id, b), VT_OK);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(seal_keys(KW_ZURICH, &x, k.day, other_id, b), VT_OK);
    assert_memory_not_equal(a[0], b[0], 32);
    assert_memory_not_equal(b[0], b[1], 32);
    kw_reopen(&k, KW_ZURICH);
    assert_int_equal(seal_keys(KW_ZURICH, &x, k.day, segment_id, b), VT_OK);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(seal_keys(KW_ZURICH, &x, k.day - 31, segment_id, b), VT_E_REFUSED);
    assert_int_equal(seal_keys(KW_ZURICH, &x, k.day - 30, segment_id, b), VT_OK);
    assert_int_equal(seal_keys(KW_ZURICH, &x, k.day + 9, segment_id, b), VT_E_REFUSED);
    assert_int_equal(seal_keys(KW_FRANKFURT, &x, k.day, segment_id, b), VT_E_REFUSED);
    assert_int_equal(vt_keeper_seal_keys(k.keeper[KW_ZURICH], segment_id, "EU", "other", k.day,
                         0, x.subject, SUBJECTS, b, NULL),
        VT_E_REFUSED);
    assert_int_equal(vt_keeper_seal_keys(k.keeper[KW_ZURICH], segment_id, "EU", KW_CLASS, k.day,
                         0, x.subject, 0, b, NULL),
        VT_E_USAGE);
    release_sealed(&x);
}

static void
test_erasure(void **state)
{
    struct vt_request r = kw_request(&k, VT_MODE_ERASURE);
    struct vt_request ask = kw_request(&k, VT_MODE_ACCESS);
    static const uint8_t later[VT_SEGMENT_ID_SIZE] = {0x77};
    static struct vt_granted granted;
    struct vt_keeper_destroyed d = {0}, again = {0};
    struct vt_keeper_status before;
    uint8_t keys[SUBJECTS][32], fresh[SUBJECTS][32];
    enum vt_refusal refusal;
    struct vt_why why = {0};
    struct sealed s, t;
    struct opened o;
    struct kw_case c, q;
    uint64_t session;

    (void)state;
    make_sealed(&s, "zurich.example", k.day, &k.eu, segment_id);
    make_sealed(&t, "zurich.example", k.day, &k.eu, later);
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, keys), VT_OK);
    before = kw_status(&k, KW_ZURICH);
    kw_ask(&k, &c, &r, dpo, 1, KW_ZURICH);
    must_refuse(&c, KW_ZURICH, VT_REFUSAL_SCOPE); /* it opens nothing */
    lw_must(vt_keeper_erase(k.keeper[KW_ZURICH], &c.open, &d, &granted, &refusal, &why), &why);
    assert_int_equal(d.count, 1);
    assert_int_equal(d.generation_before, before.generation);
    assert_int_equal(d.generation_after, before.generation + 1);
    assert_memory_equal(&d.ring_before, &before.ring_root, VT_DIGEST_SIZE);
    before = kw_status(&k, KW_ZURICH);
    assert_int_equal(before.generation, d.generation_after);
    assert_memory_equal(&d.ring_after, &before.ring_root, VT_DIGEST_SIZE);
    assert_int_equal(before.subjects, SUBJECTS - 1);
    /* Given again, also after a restart: the same answer, and nothing more is done. */
    kw_reopen(&k, KW_ZURICH);
    kw_show(&k, &c, KW_ZURICH);
    lw_must(
        vt_keeper_erase(k.keeper[KW_ZURICH], &c.open, &again, &granted, &refusal, &why), &why);
    assert_int_equal(again.count, 1);
    assert_int_equal(again.generation_after, d.generation_after);
    assert_memory_equal(again.commitment, d.commitment, VT_DIGEST_SIZE);
    assert_int_equal(kw_status(&k, KW_ZURICH).generation, d.generation_after);
    free(again.commitment);
    /* What comes later has another key; the old block stays erased. */
    assert_int_equal(seal_keys(KW_ZURICH, &t, k.day, later, fresh), VT_OK);
    kw_ask(&k, &q, &ask, access_by, 3, KW_ZURICH);
    must_begin(&q, KW_ZURICH, &session);
    assert_int_equal(open_keys(KW_ZURICH, session, &s, &o), VT_OK);
    assert_true(o.block[0].open && o.block[1].open);
    assert_true(o.block[2].erased && !o.block[2].open);
    assert_int_equal(open_keys(KW_ZURICH, session, &t, &o), VT_OK);
    assert_true(o.block[2].open);
    assert_memory_equal(o.block[2].key, fresh[2], 32);
    free(d.commitment);
    kw_case_release(&c);
    kw_case_release(&q);
    release_sealed(&s);
    release_sealed(&t);
}

static void
test_erases_nothing_unknown(void **state)
{
    struct vt_request r = kw_request(&k, VT_MODE_ERASURE);
    static struct vt_granted granted;
    struct vt_keeper_destroyed d = {0};
    enum vt_refusal refusal;
    struct vt_why why = {0};
    struct kw_case c;

    (void)state;
    kw_ask(&k, &c, &r, dpo, 1, KW_ZURICH);
    assert_int_equal(
        vt_keeper_erase(k.keeper[KW_ZURICH], &c.open, &d, &granted, &refusal, &why),
        VT_E_NOENT);
    assert_int_equal(refusal, VT_REFUSAL_ERASED);
    assert_int_equal(kw_status(&k, KW_ZURICH).generation, 1);
    kw_case_release(&c);
}

static void
test_retention(void **state)
{
    uint8_t keys[SUBJECTS][32];
    struct vt_keeper_destroyed d = {0};
    struct vt_keeper *z = k.keeper[KW_ZURICH];
    struct vt_why why = {0};
    struct sealed s;

    (void)state;
    make_sealed(&s, "zurich.example", k.day, &k.eu, segment_id);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(seal_keys(KW_ZURICH, &s, k.day - i, segment_id, keys), VT_OK);
    lw_must(vt_keeper_retire(z, k.day, &d, &why), &why);
    assert_int_equal(d.count, 0);
    free(d.commitment);
    free(d.epoch);
    /* day - 2 is over first */
    lw_must(vt_keeper_retire(z, k.day + 29, &d, &why), &why);
    assert_int_equal(d.count, 1);
    assert_int_equal(d.epoch[0].day, k.day - 2);
    assert_string_equal(d.epoch[0].region, "EU");
    assert_string_equal(d.epoch[0].class_name, KW_CLASS);
    assert_int_equal(d.generation_after, 2);
    free(d.commitment);
    free(d.epoch);
    /* Not acknowledged: told again, with what is new. */
    kw_reopen(&k, KW_ZURICH);
    z = k.keeper[KW_ZURICH];
    lw_must(vt_keeper_retire(z, k.day + 29, &d, &why), &why);
    assert_int_equal(d.count, 1);
    assert_int_equal(d.generation_after, 2);
    free(d.commitment);
    free(d.epoch);
    lw_must(vt_keeper_retire(z, k.day + 30, &d, &why), &why);
    assert_int_equal(d.count, 2);
    assert_int_equal(d.generation_before, 1);
    assert_int_equal(d.generation_after, 3);
    free(d.commitment);
    free(d.epoch);
    lw_must(vt_keeper_retired(z, 2, &why), &why); /* an older one: not this */
    lw_must(vt_keeper_retire(z, k.day + 30, &d, &why), &why);
    assert_int_equal(d.count, 2);
    free(d.commitment);
    free(d.epoch);
    lw_must(vt_keeper_retired(z, 3, &why), &why);
    lw_must(vt_keeper_retire(z, k.day + 30, &d, &why), &why);
    assert_int_equal(d.count, 0);
    assert_int_equal(kw_status(&k, KW_ZURICH).epochs, 1);
    /* A destroyed epoch is not made again, though its day is not over by today's clock. */
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day - 2, segment_id, keys), VT_E_REFUSED);
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, keys), VT_OK);
    free(d.commitment);
    free(d.epoch);
    release_sealed(&s);
}

/* ---- relocation ---- */

static size_t
say_relocation(enum lw_party from, enum lw_party to)
{
    struct vt_relocation r = {.region = "EU",
        .policy = *vt_vault_policy_digest(k.ledger.policy),
        .segments = 1,
        .root = {{0x11}},
        .made = k.now};
    struct vt_doc *d = NULL;
    struct vt_why why = {0};

    (void)snprintf(r.from, sizeof r.from, "%s", lw_names[from]);
    (void)snprintf(r.to, sizeof r.to, "%s", lw_names[to]);
    lw_must(vt_relocation_doc(&r, &d, &why), &why);
    return lw_say(&k.ledger, d, from);
}

static size_t
say_receipt(size_t relocation, uint8_t root, enum lw_party by)
{
    struct vt_receipt r = {.relocation = k.ledger.item[relocation].digest,
        .region = "EU",
        .from = "zurich.example",
        .to = "frankfurt.example",
        .segments = 1,
        .root = {{root}},
        .made = k.now};
    struct vt_doc *d = NULL;
    struct vt_why why = {0};

    lw_must(vt_receipt_doc(&r, &d, &why), &why);
    return lw_say(&k.ledger, d, by);
}

static enum vt_err
give(size_t relocation, struct vt_buf *ret)
{
    struct vt_buf e = kw_evidence(&k, KW_ZURICH, &relocation, 1);
    enum vt_err err = vt_keeper_give(k.keeper[KW_ZURICH], e.data, e.len, ret, NULL);

    vt_buf_release(&e);
    return err;
}

static enum vt_err
take(size_t relocation, const struct vt_buf *sealed, struct vt_digest *root)
{
    struct vt_buf e = kw_evidence(&k, KW_FRANKFURT, &relocation, 1);
    uint64_t keys = 0;
    enum vt_err err = vt_keeper_take(
        k.keeper[KW_FRANKFURT], e.data, e.len, sealed->data, sealed->len, root, &keys, NULL);

    if (err == VT_OK)
        assert_true(keys >= SUBJECTS);
    vt_buf_release(&e);
    return err;
}

static enum vt_err
shred(size_t receipt, struct vt_keeper_destroyed *ret)
{
    struct vt_buf e = kw_evidence(&k, KW_ZURICH, &receipt, 1);
    enum vt_err err = vt_keeper_shred(k.keeper[KW_ZURICH], e.data, e.len, ret, NULL);

    vt_buf_release(&e);
    return err;
}

static void
move_policy(void)
{
    struct vt_digest previous = *vt_vault_policy_digest(k.ledger.policy);
    struct vt_why why = {0};

    kw_say_policy(&k, kw_policy_doc(&k, vt_vault_policy_serial(k.ledger.policy) + 1, &previous,
                          KW_FRANKFURT, 30));
    for (int i = 0; i < KW_SITES; i++)
        lw_must(kw_take_policy(&k, i, &why), &why);
}

static void
test_relocation(void **state)
{
    struct vt_request ask;
    uint8_t keys[SUBJECTS][32], b[SUBJECTS][32];
    struct vt_buf sealed = VT_BUF(1U << 24), other = VT_BUF(1U << 24);
    struct vt_keeper_destroyed d = {0};
    struct vt_digest root, again;
    struct sealed s;
    struct opened o;
    struct kw_case c;
    uint64_t session;
    size_t early, move, wrong, receipt;

    (void)state;
    make_sealed(&s, "zurich.example", k.day, &k.eu, segment_id);
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, keys), VT_OK);
    early = say_relocation(LW_ZURICH, LW_FRANKFURT);
    assert_int_equal(give(early, &sealed), VT_E_REFUSED); /* the policy leaves it here */
    assert_int_equal(sealed.len, 0);
    move_policy();
    /* What was acknowledged before still finds keys, until they are given. */
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, b), VT_OK);
    assert_memory_equal(keys, b, sizeof b);
    wrong = say_relocation(LW_FRANKFURT, LW_ZURICH);
    assert_int_equal(give(wrong, &sealed), VT_E_REFUSED);
    move = say_relocation(LW_ZURICH, LW_FRANKFURT);
    assert_int_equal(give(move, &sealed), VT_OK);
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, b), VT_E_REFUSED);
    assert_int_equal(give(move, &other), VT_OK); /* done again */
    receipt = say_receipt(move, 0x11, LW_STRANGER);
    assert_int_equal(shred(receipt, &d), VT_E_REFUSED);
    /* Changed, cut, or for another relocation: nothing is taken. */
    other.data[other.len - 1] ^= 1;
    assert_int_equal(take(move, &other, &root), VT_E_SIG);
    other.data[other.len - 1] ^= 1;
    other.len--;
    assert_int_not_equal(take(move, &other, &root), VT_OK);
    assert_int_equal(take(early, &sealed, &root), VT_E_SIG);
    assert_int_equal(kw_status(&k, KW_FRANKFURT).subjects, 0);
    assert_int_equal(take(move, &sealed, &root), VT_OK);
    assert_int_equal(take(move, &sealed, &again), VT_OK);
    assert_memory_equal(&root, &again, sizeof root);
    assert_int_equal(kw_status(&k, KW_FRANKFURT).subjects, SUBJECTS);
    /* The new site opens the old site's segment by the old shares. */
    ask = kw_request(&k, VT_MODE_ACCESS);
    kw_ask(&k, &c, &ask, access_by, 3, KW_FRANKFURT);
    must_begin(&c, KW_FRANKFURT, &session);
    assert_int_equal(open_keys(KW_FRANKFURT, session, &s, &o), VT_OK);
    for (size_t i = 0; i < SUBJECTS; i++)
        assert_memory_equal(o.block[i].key, keys[i], 32);
    /* Shredding: by the right receipt alone. */
    wrong = say_receipt(move, 0x12, LW_FRANKFURT);
    assert_int_equal(shred(wrong, &d), VT_E_DIGEST);
    wrong = say_receipt(early, 0x11, LW_FRANKFURT);
    assert_int_equal(shred(wrong, &d), VT_E_REFUSED);
    assert_int_equal(kw_status(&k, KW_ZURICH).subjects, SUBJECTS);
    receipt = say_receipt(move, 0x11, LW_FRANKFURT);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(shred(receipt, &d), VT_OK);
        assert_int_equal(d.count, SUBJECTS + 1);
        assert_null(d.commitment);
        assert_int_equal(d.generation_after, 2);
    }
    assert_int_equal(kw_status(&k, KW_ZURICH).subjects, 0);
    assert_int_equal(kw_status(&k, KW_ZURICH).epochs, 0);
    kw_case_release(&c);
    release_sealed(&s);
    vt_buf_release(&sealed);
    vt_buf_release(&other);
}

/* A subject erased at the new site while its key is on the way stays erased. */
static void
test_erased_on_the_way(void **state)
{
    struct vt_request r;
    static struct vt_granted granted;
    uint8_t keys[SUBJECTS][32];
    struct vt_buf sealed = VT_BUF(1U << 24);
    struct vt_keeper_destroyed d = {0};
    enum vt_refusal refusal;
    struct vt_why why = {0};
    struct vt_digest root;
    struct sealed s;
    struct kw_case c;
    size_t move;

    (void)state;
    make_sealed(&s, "zurich.example", k.day, &k.eu, segment_id);
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, keys), VT_OK);
    move_policy();
    move = say_relocation(LW_ZURICH, LW_FRANKFURT);
    assert_int_equal(give(move, &sealed), VT_OK);
    assert_int_equal(seal_keys(KW_FRANKFURT, &s, k.day, segment_id, keys), VT_OK);
    r = kw_request(&k, VT_MODE_ERASURE);
    kw_ask(&k, &c, &r, dpo, 1, KW_FRANKFURT);
    lw_must(
        vt_keeper_erase(k.keeper[KW_FRANKFURT], &c.open, &d, &granted, &refusal, &why), &why);
    assert_int_equal(take(move, &sealed, &root), VT_OK);
    assert_int_equal(kw_status(&k, KW_FRANKFURT).subjects, 2 * (SUBJECTS - 1));
    free(d.commitment);
    kw_case_release(&c);
    release_sealed(&s);
    vt_buf_release(&sealed);
}

/* ---- copies ---- */

static void
test_copy_and_restore(void **state)
{
    struct vt_request r = kw_request(&k, VT_MODE_ERASURE);
    static struct vt_granted granted;
    uint8_t keys[SUBJECTS][32], b[SUBJECTS][32];
    struct vt_buf old = VT_BUF(1U << 24), newer = VT_BUF(1U << 24);
    struct vt_keeper_destroyed d = {0};
    enum vt_refusal refusal;
    struct vt_why why = {0};
    char path[VT_PATH_MAX];
    struct sealed s;
    struct kw_case c;

    (void)state;
    make_sealed(&s, "zurich.example", k.day, &k.eu, segment_id);
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, keys), VT_OK);
    lw_must(vt_keeper_copy(k.keeper[KW_ZURICH], &old, &why), &why);
    kw_ask(&k, &c, &r, dpo, 1, KW_ZURICH);
    lw_must(vt_keeper_erase(k.keeper[KW_ZURICH], &c.open, &d, &granted, &refusal, &why), &why);
    lw_must(vt_keeper_copy(k.keeper[KW_ZURICH], &newer, &why), &why);
    vt_keeper_close(k.keeper[KW_ZURICH]);
    k.keeper[KW_ZURICH] = NULL;
    assert_int_equal(
        vt_keeper_restore(&k.home[KW_ZURICH], old.data, old.len, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "generation 1"));
    lw_must(vt_home_path(&k.home[KW_ZURICH], path, &why, "vault/ring/snapshot"), &why);
    assert_int_equal(unlink(path), 0);
    lw_must(vt_keeper_restore(&k.home[KW_ZURICH], newer.data, newer.len, &why), &why);
    kw_open(&k, KW_ZURICH);
    assert_int_equal(kw_status(&k, KW_ZURICH).subjects, SUBJECTS - 1);
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, b), VT_OK);
    assert_memory_equal(keys[0], b[0], 32);
    assert_memory_not_equal(keys[2], b[2], 32);
    free(d.commitment);
    kw_case_release(&c);
    release_sealed(&s);
    vt_buf_release(&old);
    vt_buf_release(&newer);
}

/* ---- channels ---- */

struct listening {
    const struct vt_home *home;
    int listen_fd;
};

static int
serve_listening(int fd, void *ctx)
{
    const struct listening *l = ctx;

    return vt_keeper_serve(fd, l->listen_fd, l->home);
}

static int
listen_at(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_true(strlen(path) < sizeof a.sun_path);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%.100s", path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static int
raw_connection(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(a.sun_path, sizeof a.sun_path, "%.100s", path);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* A keeper for many: one client that is silent, one that says half a message of the largest
 * size, one that talks nonsense; the others are served, and none uses another's session. */
static void
test_channels(void **state)
{
    struct vt_request r = kw_request(&k, VT_MODE_EXPORT);
    static const uint8_t half[] = {0, 0x80, 0, 0, 0, 7, 1, 2, 3};
    static const uint8_t nonsense[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct listening l = {.home = &k.home[KW_ZURICH]};
    struct vt_keeper *attached = NULL, *second = NULL;
    uint8_t keys[SUBJECTS][32];
    struct vt_why why = {0};
    int kept[2] = {-1, -1};
    char dir[VT_PATH_MAX], path[VT_PATH_MAX];
    int silent, partial, wrong, fd = -1;
    struct kw_case c;
    struct sealed s;
    struct opened o;
    uint64_t session;
    char byte;
    pid_t pid = -1;

    (void)state;
    make_sealed(&s, "zurich.example", k.day, &k.eu, segment_id);
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, keys), VT_OK);
    kw_ask(&k, &c, &r, dpo, 1, KW_ZURICH);
    vt_keeper_close(k.keeper[KW_ZURICH]);
    k.keeper[KW_ZURICH] = NULL;
    lw_must(vt_home_path(l.home, dir, &why, "vault/run"), &why);
    lw_must(vt_dir_make(dir, 0700, &why), &why);
    lw_must(vt_path(path, &why, "%s/keeper.sock", dir), &why);
    l.listen_fd = listen_at(path);
    kept[0] = l.listen_fd;
    lw_must(vt_proc_fork("keeper", serve_listening, &l, kept, &pid, &fd, &why), &why);
    (void)close(l.listen_fd);
    lw_must(vt_keeper_attach(fd, &attached, &why), &why);
    silent = raw_connection(path);
    partial = raw_connection(path);
    assert_int_equal(write(partial, half, sizeof half), sizeof half);
    wrong = raw_connection(path);
    assert_int_equal(write(wrong, nonsense, sizeof nonsense), sizeof nonsense);
    assert_int_equal(read(wrong, &byte, 1), 0); /* it is closed on */
    kw_open(&k, KW_ZURICH);                     /* finds the one that listens */
    /* Only who started it is given keys to seal with. */
    assert_int_equal(seal_keys(KW_ZURICH, &s, k.day, segment_id, keys), VT_E_REFUSED);
    lw_must(vt_keeper_open(&k.home[KW_ZURICH], &second, &why), &why);
    must_begin(&c, KW_ZURICH, &session);
    assert_int_equal(open_keys(KW_ZURICH, session, &s, &o), VT_OK);
    assert_true(o.block[2].open);
    assert_int_equal(vt_keeper_open_keys(second, session, s.head.data, s.head.len, o.block,
                         SUBJECTS, o.batch, 1, &why),
        VT_E_STATE);
    assert_false(o.block[2].open);
    assert_int_equal(vt_keeper_end(second, session, &why), VT_E_STATE);
    /* A session ends with its channel. */
    vt_keeper_close(k.keeper[KW_ZURICH]);
    k.keeper[KW_ZURICH] = second;
    assert_int_equal(kw_status(&k, KW_ZURICH).sessions, 0);
    (void)close(silent);
    (void)close(partial);
    (void)close(wrong);
    vt_keeper_close(attached); /* the keeper ends with the channel it was started with */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    kw_case_release(&c);
    release_sealed(&s);
}

static void
test_no_vault(void **state)
{
    struct vt_home h = k.home[KW_ZURICH];
    struct vt_keeper *none = NULL;
    struct vt_box_public box;

    (void)state;
    assert_int_equal(vt_keeper_init(&h, VT_ROOT_FILE, NULL, NULL, &box, NULL), VT_E_BUSY);
    vt_keeper_close(k.keeper[KW_ZURICH]);
    k.keeper[KW_ZURICH] = NULL;
    assert_int_equal(vt_keeper_init(&h, VT_ROOT_FILE, NULL, NULL, &box, NULL), VT_E_EXIST);
    (void)snprintf(h.dir, sizeof h.dir, "%.4000s/nowhere", k.dir);
    assert_int_equal(vt_keeper_open(&h, &none, NULL), VT_E_STATE);
    assert_null(none);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_opens_what_was_granted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_outside_of_the_scope, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_subject_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expired, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_budget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forked_ledger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_policy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sealing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_erasure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_erases_nothing_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_retention, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_relocation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_erased_on_the_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_copy_and_restore, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_channels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_vault, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
