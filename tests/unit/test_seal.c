/* SPDX-License-Identifier: Apache-2.0 */
#include "note/policy.h"
#include "note/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The vkey of a key made from a seed of one repeated byte. */
static void
put_vkey(struct vt_buf *b, const char *name, enum vt_note_alg alg, uint8_t byte)
{
    struct vt_why why = {0};
    struct vt_key *k = NULL;
    struct vt_pubkey pub;
    struct vt_vkey v;
    uint8_t seed[32];
    char text[VT_VKEY_TEXT_MAX];

    memset(seed, byte, sizeof seed);
    assert_int_equal(vt_key_from_seed(name, seed, &k, &why), VT_OK);
    vt_key_public(k, &pub);
    assert_int_equal(vt_vkey_make(name, alg, &pub, &v, &why), VT_OK);
    vt_vkey_format(&v, text);
    vt_buf_puts(b, text);
    vt_key_free(k);
}

static void
put_policy(struct vt_buf *b)
{
    vt_buf_puts(b, "# who counts\nlog ");
    put_vkey(b, "zurich.example/log", VT_NOTE_ED25519, 1);
    vt_buf_puts(b, " http://127.0.0.1:8700\nwitness w1 ");
    put_vkey(b, "witness-1.example", VT_NOTE_COSIG_ED25519, 2);
    vt_buf_puts(b, "\nwitness w2 ");
    put_vkey(b, "witness-2.example", VT_NOTE_COSIG_ED25519, 3);
    vt_buf_puts(b, "\ngroup w 1 w1 w2\nquorum w\n");
}

static enum vt_err
parse(const void *data, size_t len, struct vt_why *why)
{
    struct vt_policy *p = NULL;
    enum vt_err err = vt_policy_parse(data, len, &p, why);
    vt_policy_free(p);
    return err;
}

static void
sealed_policy(struct vt_buf *b)
{
    struct vt_buf plain = VT_BUF(VT_POLICY_MAX);
    struct vt_why why = {0};

    put_policy(&plain);
    assert_int_equal(vt_seal_put(b, plain.data, plain.len, &why), VT_OK);
    vt_buf_release(&plain);
}

static void
test_round_trip(void **state)
{
    struct vt_buf once = VT_BUF(VT_POLICY_MAX), twice = VT_BUF(VT_POLICY_MAX);
    struct vt_why why = {0};
    size_t body = 0;

    (void)state;
    sealed_policy(&once);
    assert_int_equal(vt_seal_check(once.data, once.len, &body, &why), VT_OK);
    assert_int_equal(body, once.len - strlen("seal sha256:\n") - 64);
    assert_int_equal(parse(once.data, once.len, &why), VT_OK);
    assert_int_equal(vt_seal_put(&twice, once.data, once.len, &why), VT_OK);
    assert_int_equal(once.len, twice.len);
    assert_memory_equal(once.data, twice.data, once.len);
    vt_buf_release(&once);
    vt_buf_release(&twice);
}

static void
test_every_single_byte(void **state)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    struct vt_why why = {0};

    (void)state;
    sealed_policy(&b);
    for (size_t i = 0; i < b.len; i++) {
        uint8_t was = b.data[i];
        for (unsigned v = 0; v < 256; v++) {
            if (v == was)
                continue;
            b.data[i] = (uint8_t)v;
            if (parse(b.data, b.len, &why) != VT_E_CONFIG)
                fail_msg("byte %zu: %02x for %02x was accepted", i, v, was);
        }
        b.data[i] = was;
    }
    assert_int_equal(parse(b.data, b.len, &why), VT_OK);
    vt_buf_release(&b);
}

static void
test_halves_demand_each_other(void **state)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    struct vt_why why = {0};
    size_t body = 0;

    (void)state;
    sealed_policy(&b);
    size_t head = strlen("sealed\n"), tail = strlen("seal sha256:\n") + 64;
    assert_int_equal(vt_seal_check(b.data + head, b.len - head, &body, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "`sealed` is gone"));
    assert_int_equal(vt_seal_check(b.data, b.len - tail, &body, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "seal sha256:..."));
    assert_int_equal(vt_seal_check(b.data + head, b.len - head - tail, &body, &why), VT_OK);
    assert_int_equal(body, b.len - head - tail);
    vt_buf_puts(&b, "quorum none\n");
    assert_int_equal(parse(b.data, b.len, &why), VT_E_CONFIG);
    vt_buf_release(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_single_byte),
        cmocka_unit_test(test_halves_demand_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
