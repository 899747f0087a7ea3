/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys made ready to verify with: as right as vt_pubkey_verify, also in threads, and policies
 * that are checked by them take no memory of ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/verifier.h"
#include "note/policy.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WITNESSES 5

/* ---- counting what is taken of the heap: by our objects, which the linker wraps ---- */

static _Atomic unsigned long taken;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *
__wrap_malloc(size_t size)
{
    taken++;
    return __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
    taken++;
    return __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
    taken++;
    return __real_realloc(p, size);
}

/* ---- verifiers ---- */

struct signed_msg {
    struct vt_pubkey pub;
    char msg[100];
    struct vt_sig sig;
};

static struct signed_msg
make(uint8_t byte)
{
    struct vt_key *k = NULL;
    struct signed_msg m;

    assert_int_equal(vt_key_new("k.example", &k, NULL), VT_OK);
    vt_key_public(k, &m.pub);
    memset(m.msg, byte, sizeof m.msg);
    assert_int_equal(vt_key_sign(k, m.msg, sizeof m.msg, &m.sig, NULL), VT_OK);
    vt_key_free(k);
    return m;
}

static void
test_right_and_wrong(void **state)
{
    struct signed_msg a = make(1), b = make(2);
    struct vt_verifier *v = NULL;
    (void)state;

    assert_int_equal(vt_verifier_new(&a.pub, &v, NULL), VT_OK);
    for (unsigned again = 0; again < 3; again++) {
        assert_true(vt_verifier_check(v, a.msg, sizeof a.msg, a.sig.b, VT_SIG_SIZE));
        assert_false(vt_verifier_check(v, a.msg, sizeof a.msg - 1, a.sig.b, VT_SIG_SIZE));
        assert_false(vt_verifier_check(v, a.msg, sizeof a.msg, a.sig.b, VT_SIG_SIZE - 1));
        assert_false(vt_verifier_check(v, a.msg, sizeof a.msg, a.sig.b, 0));
        assert_false(vt_verifier_check(v, b.msg, sizeof b.msg, a.sig.b, VT_SIG_SIZE));
        assert_false(vt_verifier_check(v, b.msg, sizeof b.msg, b.sig.b, VT_SIG_SIZE));
        for (size_t i = 0; i < VT_SIG_SIZE; i++) {
            struct vt_sig bad = a.sig;
            bad.b[i] ^= 0x20;
            assert_false(vt_verifier_check(v, a.msg, sizeof a.msg, bad.b, VT_SIG_SIZE));
        }
    }
    vt_verifier_free(v);
    vt_verifier_free(NULL);
}

struct shared {
    struct vt_verifier *v;
    const struct signed_msg *m;
};

/* Right ones and wrong ones in turn: none may get another's answer. */
static void *
verify_often(void *ctx)
{
    const struct shared *s = ctx;
    struct vt_sig bad = s->m->sig;

    bad.b[9] ^= 1;
    for (unsigned i = 0; i < 200; i++) {
        if (!vt_verifier_check(s->v, s->m->msg, sizeof s->m->msg, s->m->sig.b, VT_SIG_SIZE) ||
            vt_verifier_check(s->v, s->m->msg, sizeof s->m->msg, bad.b, VT_SIG_SIZE))
            return NULL;
    }
    return ctx;
}

static void
test_in_threads(void **state)
{
    struct signed_msg m = make(3);
    struct shared s = {.m = &m};
    pthread_t t[4];
    void *ok = NULL;
    (void)state;

    assert_int_equal(vt_verifier_new(&m.pub, &s.v, NULL), VT_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, verify_often, &s), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(t[i], &ok), 0);
        assert_ptr_equal(ok, &s);
    }
    vt_verifier_free(s.v);
}

/* ---- policies ---- */

struct world {
    struct vt_policy *policy;
    struct vt_buf note; /* a checkpoint that the log and all witnesses signed */
    struct vt_buf poor; /* one witness too few */
};

static void
put_key(struct vt_buf *b, const struct vt_key *k, enum vt_note_alg alg, struct vt_vkey *ret)
{
    char text[VT_VKEY_TEXT_MAX];
    struct vt_pubkey pub;

    vt_key_public(k, &pub);
    assert_int_equal(vt_vkey_make(vt_key_name(k), alg, &pub, ret, NULL), VT_OK);
    vt_vkey_format(ret, text);
    vt_buf_putf(b, "%s\n", text);
}

static void
sign_as_log(struct world *w, struct vt_buf *policy)
{
    const struct vt_checkpoint c = {.origin = "log.example", .size = 42};
    struct vt_key *k = NULL;
    struct vt_vkey v;
    struct vt_sig sig;

    assert_int_equal(vt_key_new("log.example", &k, NULL), VT_OK);
    vt_buf_puts(policy, "log ");
    put_key(policy, k, VT_NOTE_ED25519, &v);
    vt_checkpoint_put(&w->note, &c);
    assert_int_equal(vt_key_sign(k, w->note.data, w->note.len, &sig, NULL), VT_OK);
    vt_buf_puts(&w->note, "\n");
    vt_note_put_sig(&w->note, v.name, v.id, sig.b, sizeof sig.b);
    vt_key_free(k);
}

static void
sign_as_witness(struct world *w, struct vt_buf *policy, unsigned i, size_t text_len)
{
    struct vt_buf msg = VT_BUF(8192);
    char name[32];
    struct vt_key *k = NULL;
    struct vt_vkey v;
    struct vt_sig sig;

    (void)snprintf(name, sizeof name, "w%u.example", i);
    assert_int_equal(vt_key_new(name, &k, NULL), VT_OK);
    vt_buf_putf(policy, "witness w%u ", i);
    put_key(policy, k, VT_NOTE_COSIG_ED25519, &v);
    vt_cosig_message(&msg, 1767225600 + i, w->note.data, text_len);
    assert_int_equal(vt_key_sign(k, msg.data, msg.len, &sig, NULL), VT_OK);
    vt_cosig_put(&w->note, &v, 1767225600 + i, &sig);
    vt_buf_release(&msg);
    vt_key_free(k);
}

static struct world
world(void)
{
    struct world w = {.note = VT_BUF(65536), .poor = VT_BUF(65536)};
    struct vt_buf policy = VT_BUF(65536);
    struct vt_why why = {0};
    size_t text_len;

    sign_as_log(&w, &policy);
    text_len = (size_t)((uint8_t *)strstr(vt_buf_str(&w.note), "\n\n") - w.note.data) + 1;
    for (unsigned i = 0; i < WITNESSES; i++) {
        if (i == WITNESSES - 2)
            vt_buf_put(&w.poor, w.note.data, w.note.len);
        sign_as_witness(&w, &policy, i, text_len);
    }
    vt_buf_puts(&policy, "group a all w0 w1\ngroup b 2 w2 w3 w4\ngroup c all a b\nquorum c\n");
    if (vt_policy_parse(policy.data, policy.len, &w.policy, &why) != VT_OK)
        fail_msg("%s", why.text);
    vt_buf_release(&policy);
    return w;
}

static void
free_world(struct world *w)
{
    vt_policy_free(w->policy);
    vt_buf_release(&w->note);
    vt_buf_release(&w->poor);
}

static void
test_policy_takes_no_memory(void **state)
{
    struct world w = world();
    struct vt_checkpoint c;
    struct vt_why why = {0};
    struct vt_note note;
    uint64_t time = 0;
    (void)state;

    assert_true(taken > 0); /* the linker did wrap */
    for (unsigned i = 0; i < 4; i++) {
        taken = i == 0 ? taken : 0; /* a thread's first check may take some */
        if (vt_policy_check_checkpoint(w.policy, w.note.data, w.note.len, &c, &time, &why) !=
            VT_OK)
            fail_msg("%s", why.text);
        assert_int_equal(c.size, 42);
        assert_int_equal(time, 1767225600); /* of w0: group a takes all */
        assert_int_equal(
            vt_policy_check_log(w.policy, w.note.data, w.note.len, &note, &c, &why), VT_OK);
        assert_int_equal(vt_policy_check_quorum(w.policy, &note, &time, &why), VT_OK);
        assert_int_equal(
            vt_policy_check_checkpoint(w.policy, w.poor.data, w.poor.len, &c, &time, &why),
            VT_E_QUORUM);
        w.note.data[3] ^= 1;
        assert_int_not_equal(
            vt_policy_check_checkpoint(w.policy, w.note.data, w.note.len, &c, &time, &why),
            VT_OK);
        w.note.data[3] ^= 1;
    }
    assert_int_equal(taken, 0);
    free_world(&w);
}

struct check {
    const struct world *w;
};

static void *
check_often(void *ctx)
{
    const struct check *k = ctx;
    struct vt_checkpoint c;
    uint64_t time;

    for (unsigned i = 0; i < 40; i++) {
        if (vt_policy_check_checkpoint(
                k->w->policy, k->w->note.data, k->w->note.len, &c, &time, NULL) != VT_OK)
            return NULL;
    }
    return ctx;
}

static void
test_policy_in_threads(void **state)
{
    struct world w = world();
    struct check k = {&w};
    pthread_t t[3];
    void *ok = NULL;
    (void)state;

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, check_often, &k), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(t[i], &ok), 0);
        assert_ptr_equal(ok, &k);
    }
    free_world(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_and_wrong),
        cmocka_unit_test(test_in_threads),
        cmocka_unit_test(test_policy_takes_no_memory),
        cmocka_unit_test(test_policy_in_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
