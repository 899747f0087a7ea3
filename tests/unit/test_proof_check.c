/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs checked offline, and the seal in their `extra`. */
#include "note/proof_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ORIGIN "zurich.example/log"
#define WITNESS "witness-1.example"
#define SPARE "witness-2.example"

static const char entry[] = "the second of two leaves";

struct world {
    struct vt_policy *policy;
    struct vt_buf note;
    struct vt_tlog_proof proof;
};

static struct vt_key *
key_of(const char *name, enum vt_note_alg alg, uint8_t byte, struct vt_vkey *ret)
{
    struct vt_key *k = NULL;
    struct vt_pubkey pub;
    uint8_t seed[32];

    memset(seed, byte, sizeof seed);
    assert_int_equal(vt_key_from_seed(name, seed, &k, NULL), VT_OK);
    vt_key_public(k, &pub);
    assert_int_equal(vt_vkey_make(name, alg, &pub, ret, NULL), VT_OK);
    return k;
}

static void
cosign(struct vt_buf *note, size_t text_len, const char *name, uint8_t byte)
{
    struct vt_buf msg = VT_BUF(4096);
    struct vt_vkey v;
    struct vt_sig sig;
    struct vt_key *k = key_of(name, VT_NOTE_COSIG_ED25519, byte, &v);

    vt_cosig_message(&msg, 1700000000, note->data, text_len);
    assert_int_equal(vt_key_sign(k, msg.data, msg.len, &sig, NULL), VT_OK);
    vt_cosig_put(note, &v, 1700000000, &sig);
    vt_buf_release(&msg);
    vt_key_free(k);
}

static void
put_vkey(
    struct vt_buf *b, const char *line, const char *name, enum vt_note_alg alg, uint8_t byte)
{
    char text[VT_VKEY_TEXT_MAX];
    struct vt_vkey v;

    vt_key_free(key_of(name, alg, byte, &v));
    vt_vkey_format(&v, text);
    vt_buf_putf(b, "%s %s\n", line, text);
}

static int
setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct vt_checkpoint c = {.origin = ORIGIN, .size = 2};
    struct vt_buf policy = VT_BUF(VT_POLICY_MAX);
    struct vt_digest first, second;
    struct vt_vkey v;
    struct vt_sig sig;

    assert_non_null(w);
    w->note = VT_BUF(VT_NOTE_MAX);
    vt_merkle_leaf("the first", 9, &first);
    vt_merkle_leaf(entry, strlen(entry), &second);
    vt_merkle_node(&first, &second, &c.root);
    vt_checkpoint_put(&w->note, &c);
    size_t text_len = w->note.len;
    struct vt_key *log = key_of(ORIGIN, VT_NOTE_ED25519, 1, &v);
    assert_int_equal(vt_key_sign(log, w->note.data, text_len, &sig, NULL), VT_OK);
    vt_key_free(log);
    vt_buf_puts(&w->note, "\n");
    vt_note_put_sig(&w->note, ORIGIN, v.id, sig.b, sizeof sig.b);
    cosign(&w->note, text_len, WITNESS, 2);
    cosign(&w->note, text_len, SPARE, 3);

    put_vkey(&policy, "log", ORIGIN, VT_NOTE_ED25519, 1);
    put_vkey(&policy, "witness one", WITNESS, VT_NOTE_COSIG_ED25519, 2);
    put_vkey(&policy, "witness two", SPARE, VT_NOTE_COSIG_ED25519, 3);
    vt_buf_puts(&policy, "group any 1 one two\nquorum any\n");
    assert_int_equal(vt_policy_parse(policy.data, policy.len, &w->policy, NULL), VT_OK);
    vt_buf_release(&policy);

    w->proof.index = 1;
    w->proof.path.len = 1;
    w->proof.path.hash[0] = first;
    w->proof.checkpoint = w->note.data;
    w->proof.checkpoint_len = w->note.len;
    *state = w;
    return 0;
}

static int
teardown(void **state)
{
    struct world *w = *state;
    vt_policy_free(w->policy);
    vt_buf_release(&w->note);
    free(w);
    return 0;
}

static enum vt_err
check(const struct world *w, const struct vt_buf *b, const char *leaf)
{
    struct vt_checkpoint c;
    struct vt_why why = {0};
    uint64_t index = 99, time = 0;

    enum vt_err err = vt_tlog_proof_check(
        w->policy, b->data, b->len, leaf, strlen(leaf), &index, &c, &time, &why);
    assert_int_equal(index, err == VT_OK ? 1 : 99);
    if (err == VT_OK) {
        assert_int_equal(c.size, 2);
        assert_int_equal(time, 1700000000);
    }
    return err;
}

static void
test_sealed(void **state)
{
    struct world *w = *state;
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);

    assert_int_equal(vt_tlog_proof_put_sealed(&b, &w->proof, NULL), VT_OK);
    assert_int_equal(check(w, &b, entry), VT_OK);
    assert_int_equal(check(w, &b, "another leaf"), VT_E_PROOF);
    vt_buf_release(&b);
}

static void
test_without_extra(void **state)
{
    struct world *w = *state;
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);

    vt_tlog_proof_put(&b, &w->proof);
    assert_int_equal(check(w, &b, entry), VT_OK);
    vt_buf_release(&b);
}

static void
test_foreign_extra(void **state)
{
    struct world *w = *state;
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_tlog_proof p = w->proof;

    p.extra = (const uint8_t *)"Zm9yZWlnbg==";
    p.extra_len = 12;
    vt_tlog_proof_put(&b, &p);
    assert_int_equal(check(w, &b, entry), VT_E_SYNTAX);
    vt_buf_release(&b);
}

/* The spare witness's line among them: by C2SP's rules alone it could change. */
static void
test_every_byte(void **state)
{
    struct world *w = *state;
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);

    assert_int_equal(vt_tlog_proof_put_sealed(&b, &w->proof, NULL), VT_OK);
    for (size_t i = 0; i < b.len; i++) {
        static const uint8_t change[] = {0x01, 0x20, 0x80, 0xff};
        for (size_t k = 0; k < sizeof change; k++) {
            b.data[i] ^= change[k];
            if (check(w, &b, entry) == VT_OK)
                fail_msg("byte %zu changed by %02x was accepted", i, change[k]);
            b.data[i] ^= change[k];
        }
    }
    assert_int_equal(check(w, &b, entry), VT_OK);
    vt_buf_release(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sealed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_extra, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_extra, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_byte, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
