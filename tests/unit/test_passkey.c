/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passkeys as keys of signed notes, by test vectors that a program of its own makes
 * (tests/vectors/passkey/make.py), and passports whose reviews they signed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keys.h"

#include "base/file.h"
#include "base/json.h"
#include "note/passport.h"

#include <stdlib.h>
#include <string.h>

#define VECTORS_MAX (1024U * 1024U)

static json_t *
read_vectors(const char *name)
{
    const char *root = getenv("VT_SOURCE_ROOT");
    struct vt_buf b = VT_BUF(VECTORS_MAX);
    char path[VT_PATH_MAX];
    json_t *v = NULL;

    assert_int_equal(
        vt_path(path, NULL, "%s/tests/vectors/%s", root == NULL ? "." : root, name), VT_OK);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    assert_int_equal(vt_json_parse(b.data, b.len, name, &v, NULL), VT_OK);
    vt_buf_release(&b);
    return v;
}

static const char *
str(const json_t *o, const char *key)
{
    const char *s = NULL;

    assert_int_equal(vt_json_str(o, key, &s, NULL), VT_OK);
    return s;
}

/* The cases, of which there must be that many at least. */
static json_t *
cases_of(const json_t *v, size_t least)
{
    json_t *cases = json_object_get(v, "cases");

    assert_true(json_array_size(cases) >= least);
    return cases;
}

static struct vt_vkey
vkey_of(const json_t *o)
{
    const char *text = str(o, "vkey");
    struct vt_vkey k;
    struct vt_why why = {{0}};

    if (vt_vkey_parse(text, strlen(text), &k, &why) != VT_OK)
        fail_msg("%s", why.text);
    return k;
}

static void
test_assertions(void **state)
{
    json_t *v = read_vectors("passkey/assertions.json"), *cases = cases_of(v, 60);
    struct vt_vkey key = vkey_of(v);
    (void)state;

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        const char *text = str(c, "note"), *result = str(c, "result");
        struct vt_why why = {{0}};
        struct vt_note n;
        enum vt_err want = strcmp(result, "ok") == 0        ? VT_OK
                           : strcmp(result, "unknown") == 0 ? VT_E_UNKNOWN
                                                            : VT_E_SIG;
        assert_int_equal(vt_note_parse(text, strlen(text), &n, NULL), VT_OK);
        enum vt_err err = vt_note_verify(&n, &key, &why);
        if (err != want)
            fail_msg("%s: %s: %s", str(c, "name"), vt_err_name(err), why.text);
        if (err == VT_E_SIG)
            assert_non_null(strstr(why.text, "does not verify"));
    }
    json_decref(v);
}

static void
test_vkeys(void **state)
{
    json_t *v = read_vectors("passkey/vkeys.json"), *cases = cases_of(v, 12);
    char text[VT_VKEY_TEXT_MAX];
    (void)state;

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        const char *vkey = str(c, "vkey");
        struct vt_why why = {{0}};
        struct vt_vkey k;
        enum vt_err err = vt_vkey_parse(vkey, strlen(vkey), &k, &why);

        if (err != (json_is_true(json_object_get(c, "good")) ? VT_OK : VT_E_SYNTAX))
            fail_msg("%s: %s: %s", str(c, "name"), vt_err_name(err), why.text);
        if (err != VT_OK)
            continue;
        assert_int_equal(k.alg, VT_NOTE_PASSKEY);
        vt_vkey_format(&k, text);
        assert_string_equal(text, vkey);
    }
    json_decref(v);
}

static void
test_longest_vkey(void **state)
{
    json_t *v = read_vectors("passkey/assertions.json");
    struct vt_vkey key = vkey_of(v), k, again;
    char name[VT_KEY_NAME_MAX + 2], text[VT_VKEY_TEXT_MAX];
    (void)state;

    memset(name, 'n', sizeof name);
    name[VT_KEY_NAME_MAX + 1] = '\0';
    assert_int_equal(vt_vkey_make_passkey(name, &key.passkey, &k, NULL), VT_E_SYNTAX);
    name[VT_KEY_NAME_MAX] = '\0';
    assert_int_equal(vt_vkey_make_passkey(name, &key.passkey, &k, NULL), VT_OK);
    vt_vkey_format(&k, text);
    assert_int_equal(vt_vkey_parse(text, strlen(text), &again, NULL), VT_OK);
    assert_memory_equal(&again.passkey, &k.passkey, sizeof k.passkey);
    json_decref(v);
}

/* A passkey is equal to itself under another name, and to no Ed25519 key. */
static void
test_passkey_is_no_ed25519_key(void **state)
{
    json_t *v = read_vectors("passkey/assertions.json");
    struct vt_vkey key = vkey_of(v), other, ed;
    struct vt_passkey p = key.passkey;
    struct vt_sig sig = {{0}};
    struct vt_pubkey zero = {{0}};
    (void)state;

    assert_int_equal(vt_vkey_make_passkey("other.example", &p, &other, NULL), VT_OK);
    assert_true(vt_pubkey_eq(&key.pub, &other.pub));
    p.rp.b[0] ^= 1;
    assert_int_equal(vt_vkey_make_passkey("other.example", &p, &other, NULL), VT_OK);
    assert_true(vt_pubkey_eq(&key.pub, &other.pub));
    assert_int_not_equal(key.id, other.id);
    assert_false(vt_pubkey_eq(&key.pub, &zero));
    ed = test_vkey("alice.example", VT_NOTE_ED25519, 1);
    assert_false(vt_pubkey_eq(&key.pub, &ed.pub));
    assert_false(vt_pubkey_verify(&key.pub, "text\n", 5, &sig));
    json_decref(v);
}

static void
test_kinds(void **state)
{
    json_t *v = read_vectors("passkey/entries.json"), *cases = cases_of(v, 24);
    (void)state;

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        const char *text = str(c, "entry");
        struct vt_vkey key = vkey_of(c);
        struct vt_why why = {{0}};
        struct vt_note n;
        struct vt_entry e;

        assert_int_equal(vt_entry_parse(text, strlen(text), &n, &e, NULL), VT_OK);
        enum vt_err err = vt_entry_verify(&e, &n, &key, &why);
        if (err != (strcmp(str(c, "result"), "ok") == 0 ? VT_OK : VT_E_SIG))
            fail_msg("%s: %s: %s", str(c, "name"), vt_err_name(err), why.text);
    }
    json_decref(v);
}

/* Each bit of an assertion counts but those that nobody signed: none. */
static void
test_every_bit(void **state)
{
    json_t *v = read_vectors("passkey/assertions.json"), *cases = cases_of(v, 60);
    const char *text = str(json_array_get(cases, 0), "note");
    uint8_t sig[VT_PASSKEY_SIG_MAX];
    struct vt_vkey key = vkey_of(v);
    struct vt_note n;
    size_t len = 0;
    (void)state;

    assert_int_equal(vt_note_parse(text, strlen(text), &n, NULL), VT_OK);
    assert_int_equal(vt_note_sig_bytes(&n.sig[0], sig, sizeof sig, &len, NULL), VT_OK);
    assert_int_equal(
        vt_passkey_verify(&key.passkey, n.text, n.text_len, sig, len, NULL), VT_OK);
    for (size_t i = 0; i < 8 * len; i++) {
        sig[i / 8] ^= (uint8_t)(1U << i % 8);
        struct vt_why why = {{0}};
        assert_int_equal(
            vt_passkey_verify(&key.passkey, n.text, n.text_len, sig, len, &why), VT_E_SIG);
        assert_int_not_equal(why.text[0], '\0');
        sig[i / 8] ^= (uint8_t)(1U << i % 8);
    }
    for (size_t i = 0; i < len; i++)
        assert_int_equal(
            vt_passkey_verify(&key.passkey, n.text, n.text_len, sig, i, NULL), VT_E_SIG);
    json_decref(v);
}

static void
test_put(void **state)
{
    static const uint8_t big[VT_PASSKEY_CLIENT_MAX + 1];
    struct vt_slice auth = {big, VT_PASSKEY_AUTH_MAX}, client = {big, VT_PASSKEY_CLIENT_MAX},
                    sig = {big, VT_P256_SIG_MAX};
    struct vt_buf b = VT_BUF(VT_PASSKEY_SIG_MAX);
    (void)state;

    assert_int_equal(vt_passkey_put(&b, &auth, &client, &sig, NULL), VT_OK);
    assert_int_equal(b.len, VT_PASSKEY_SIG_MAX);
    assert_int_equal(b.data[0] << 8 | b.data[1], VT_PASSKEY_AUTH_MAX);
    auth.len++;
    assert_int_equal(vt_passkey_put(&b, &auth, &client, &sig, NULL), VT_E_LIMIT);
    auth.len--;
    client.len++;
    assert_int_equal(vt_passkey_put(&b, &auth, &client, &sig, NULL), VT_E_LIMIT);
    client.len--;
    sig.len++;
    assert_int_equal(vt_passkey_put(&b, &auth, &client, &sig, NULL), VT_E_LIMIT);
    vt_buf_release(&b);
}

static void
test_points(void **state)
{
    json_t *v = read_vectors("passkey/assertions.json");
    struct vt_vkey key = vkey_of(v);
    struct vt_p256_public p;
    /* the curve's base point (FIPS 186-5): y is odd */
    static const uint8_t x[32] = {0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc,
        0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0,
        0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96};
    uint8_t y[32] = {0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a,
        0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6,
        0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
    (void)state;

    assert_true(vt_p256_valid(&key.passkey.point));
    assert_int_equal(vt_p256_from_xy(x, y, &p, NULL), VT_OK);
    assert_int_equal(p.b[0], 3);
    assert_memory_equal(p.b + 1, x, sizeof x);
    assert_true(vt_p256_valid(&p));
    y[31] ^= 1;
    assert_int_equal(vt_p256_from_xy(x, y, &p, NULL), VT_E_SYNTAX);
    p.b[0] = 4;
    assert_false(vt_p256_valid(&p));
    json_decref(v);
}

/* ---- passports ---- */

static enum vt_err
check_passport(const json_t *c, const struct vt_digest *artifact, struct vt_why *why)
{
    const char *text = str(c, "policy"), *file = str(c, "passport");
    struct vt_passport_report *report = calloc(1, sizeof *report);
    struct vt_policy *policy = NULL;
    struct vt_passport *p = NULL;
    enum vt_err err = vt_policy_parse(text, strlen(text), &policy, why);

    assert_non_null(report);
    if (err == VT_OK) {
        assert_int_equal(vt_passport_parse(file, strlen(file), &p, why), VT_OK);
        err = vt_passport_check(p, artifact, policy, report, why);
    }
    vt_passport_free(p);
    vt_policy_free(policy);
    free(report);
    return err;
}

static void
test_passports(void **state)
{
    json_t *v = read_vectors("passport/reviews.json"), *cases = cases_of(v, 25);
    static const struct {
        const char *result;
        enum vt_err err;
    } results[] = {{"ok", VT_OK}, {"quorum", VT_E_QUORUM}, {"refused", VT_E_REFUSED},
        {"signature", VT_E_SIG}, {"config", VT_E_CONFIG}};
    struct vt_digest artifact;
    (void)state;

    assert_true(vt_digest_from_hex(str(v, "artifact") + 7, 64, &artifact));
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        struct vt_why why = {{0}};
        enum vt_err err = check_passport(c, &artifact, &why);
        size_t r = 0;

        while (strcmp(results[r].result, str(c, "result")) != 0)
            assert_true(++r < sizeof results / sizeof results[0]);
        if (err != results[r].err || strstr(why.text, str(c, "says")) == NULL)
            fail_msg("%s: %s: %s", str(c, "name"), vt_err_name(err), why.text);
    }
    json_decref(v);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assertions),
        cmocka_unit_test(test_vkeys),
        cmocka_unit_test(test_longest_vkey),
        cmocka_unit_test(test_passkey_is_no_ed25519_key),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_passports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
