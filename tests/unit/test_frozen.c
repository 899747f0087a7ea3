/* SPDX-License-Identifier: Apache-2.0 */
/* The final statement of a log: written, read, and refused when it is anything else. */
#include "note/frozen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ORIGIN "zurich.example/log"

static const char root_b64[] = "JuepCLEeDgtaydy1MBABTLXvSvOXbV6jWV1IpMD7cYs=";

static struct vt_key *
key_of(const char *name, uint8_t byte, struct vt_vkey *ret)
{
    uint8_t seed[32] = {byte};
    struct vt_key *k = NULL;
    struct vt_pubkey pub;

    assert_int_equal(vt_key_from_seed(name, seed, &k, NULL), VT_OK);
    vt_key_public(k, &pub);
    assert_int_equal(vt_vkey_make(name, VT_NOTE_ED25519, &pub, ret, NULL), VT_OK);
    return k;
}

static struct vt_frozen
example(void)
{
    struct vt_frozen f = {.origin = ORIGIN, .size = 3, .time = 1760000000};
    size_t len;

    assert_true(vt_b64_decode(root_b64, strlen(root_b64), f.root.b, sizeof f.root.b, &len));
    memcpy(f.reason, "moved to another key", 21);
    return f;
}

static void
test_text(void **state)
{
    static const char want[] =
        "vitrine/log-frozen/v1\n" ORIGIN "\n3\nJuepCLEeDgtaydy1MBABTLXvSvOXbV6jWV1IpMD7cYs=\n"
        "2025-10-09T08:53:20Z\nmoved to another key\n";
    struct vt_frozen f = example();
    struct vt_frozen got;
    struct vt_vkey next;
    struct vt_key *k = key_of("next.example/log", 2, &next);
    struct vt_buf b = VT_BUF(4096);

    (void)state;
    vt_frozen_put(&b, &f);
    assert_string_equal(vt_buf_str(&b), want);
    assert_int_equal(vt_frozen_parse(b.data, b.len, &got, NULL), VT_OK);
    assert_string_equal(got.origin, ORIGIN);
    assert_int_equal(got.size, 3);
    assert_true(vt_digest_eq(&got.root, &f.root));
    assert_int_equal(got.time, f.time);
    assert_string_equal(got.reason, f.reason);
    assert_false(got.has_successor);
    f.has_successor = true;
    f.successor = next;
    vt_buf_clear(&b);
    vt_frozen_put(&b, &f);
    assert_int_equal(vt_frozen_parse(b.data, b.len, &got, NULL), VT_OK);
    assert_true(got.has_successor);
    assert_string_equal(got.successor.name, "next.example/log");
    assert_int_equal(got.successor.id, next.id);
    vt_buf_release(&b);
    vt_key_free(k);
}

static void
test_what_is_refused(void **state)
{
#define H "vitrine/log-frozen/v1\n"
#define R "JuepCLEeDgtaydy1MBABTLXvSvOXbV6jWV1IpMD7cYs=\n"
#define T "2025-10-09T08:53:20Z\n"
    static const char *const bad[] = {"", "vitrine/log-frozen/v2\no\n1\n" R T "r\n", H,
        H "\n1\n" R T "r\n", H "a b\n1\n" R T "r\n", H "o\n01\n" R T "r\n",
        H "o\n-1\n" R T "r\n", H "o\n9223372036854775808\n" R T "r\n", H "o\n1\nAAAA\n" T "r\n",
        H "o\n1\n" R "r\n", H "o\n1\n" R "2025-10-09 08:53:20Z\nr\n", H "o\n1\n" R T,
        H "o\n1\n" R T "\n", H "o\n1\n" R T "a\tb\n", H "o\n1\n" R T "r",
        H "o\n1\n" R T "\xff\n", H "o\n1\n" R T "r\nsuccessor \n",
        H "o\n1\n" R T "r\nsuccessor x+00000000+AA==\n", H "o\n1\n" R T "r\nanything\n",
        H "o\n1\n" R T "r\n\n"};
    struct vt_frozen got = {.size = 77};
    char *big = malloc(VT_FROZEN_TEXT_MAX + 2);
    char reason[VT_FROZEN_REASON_MAX + 2];

    (void)state;
    assert_non_null(big);
    assert_int_equal(
        vt_frozen_parse(H "o\n1\n" R T "r\n", strlen(H "o\n1\n" R T "r\n"), &got, NULL), VT_OK);
    got.size = 77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (vt_frozen_parse(bad[i], strlen(bad[i]), &got, NULL) != VT_E_SYNTAX)
            fail_msg("number %zu: %s", i, bad[i]);
    memset(big, 'a', VT_FROZEN_TEXT_MAX + 1);
    assert_int_equal(vt_frozen_parse(big, VT_FROZEN_TEXT_MAX + 1, &got, NULL), VT_E_LIMIT);
    assert_int_equal(got.size, 77);
    free(big);
    memset(reason, 'r', sizeof reason);
    reason[VT_FROZEN_REASON_MAX + 1] = '\0';
    assert_false(vt_frozen_reason_valid(reason));
    reason[VT_FROZEN_REASON_MAX] = '\0';
    assert_true(vt_frozen_reason_valid(reason));
    assert_false(vt_frozen_reason_valid(""));
    assert_false(vt_frozen_reason_valid("a\x7f"));
#undef H
#undef R
#undef T
}

static void
test_signature(void **state)
{
    struct vt_frozen f = example();
    struct vt_frozen got = {.size = 77};
    struct vt_vkey log;
    struct vt_vkey other;
    struct vt_vkey other_name;
    struct vt_key *k = key_of(ORIGIN, 1, &log);
    struct vt_key *k2 = key_of(ORIGIN, 2, &other);
    struct vt_key *k3 = key_of("other.example/log", 1, &other_name);
    struct vt_buf b = VT_BUF(4096);
    struct vt_sig sig;

    (void)state;
    vt_frozen_put(&b, &f);
    assert_int_equal(vt_key_sign(k, b.data, b.len, &sig, NULL), VT_OK);
    vt_buf_puts(&b, "\n");
    vt_note_put_sig(&b, ORIGIN, log.id, sig.b, sizeof sig.b);
    assert_int_equal(vt_frozen_open(b.data, b.len, &other, &got, NULL), VT_E_UNKNOWN);
    assert_int_equal(vt_frozen_open(b.data, b.len, &other_name, &got, NULL), VT_E_UNKNOWN);
    assert_int_equal(vt_frozen_open(b.data, b.len - 1, &log, &got, NULL), VT_E_SYNTAX);
    assert_int_equal(got.size, 77);
    assert_int_equal(vt_frozen_open(b.data, b.len, &log, &got, NULL), VT_OK);
    assert_int_equal(got.size, 3);
    b.data[strlen("vitrine/log-frozen/v1\n" ORIGIN "\n")] = '4';
    assert_int_equal(vt_frozen_open(b.data, b.len, &log, &got, NULL), VT_E_SIG);
    assert_int_equal(got.size, 3);
    vt_buf_release(&b);
    vt_key_free(k);
    vt_key_free(k2);
    vt_key_free(k3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_signature),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
