/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in a token that wrap others, tried with SoftHSM2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/proc.h"
#include "crypto/pkcs11.h"
#include "crypto/pkcs11_priv.h"
#include "softhsm.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct vt_token *
token(void)
{
    struct vt_token *t = NULL;
    struct vt_why why = {0};

    write_file("pin", "123456\n", 0600);
    if (vt_token_open(uri, &t, &why) != VT_OK)
        fail_msg("%s", why.text);
    return t;
}

/* ---- keys ---- */

static void
test_keys(void **state)
{
    struct vt_token *t;
    struct vt_why why = {0};
    (void)state;

    if (!have_token())
        return;
    t = token();
    assert_int_equal(vt_token_key_find(t, "root-1", &why), VT_E_NOENT);
    assert_string_equal(why.text, "token `vault` has no key `root-1`");
    assert_int_equal(vt_token_key_destroy(t, "root-1", NULL), VT_OK);
    assert_int_equal(vt_token_key_new(t, "root-1", NULL), VT_OK);
    assert_int_equal(vt_token_key_find(t, "root-1", NULL), VT_OK);
    assert_int_equal(vt_token_key_find(t, "root-", NULL), VT_E_NOENT);
    assert_int_equal(vt_token_key_find(t, "root-11", NULL), VT_E_NOENT);
    assert_int_equal(vt_token_key_new(t, "root-1", &why), VT_E_EXIST);
    assert_int_equal(vt_token_key_new(t, "root-2", NULL), VT_OK);
    vt_token_free(t);
    /* they are there for the next session, and gone when destroyed */
    t = token();
    assert_int_equal(vt_token_key_find(t, "root-1", NULL), VT_OK);
    assert_int_equal(vt_token_key_destroy(t, "root-1", NULL), VT_OK);
    assert_int_equal(vt_token_key_find(t, "root-1", NULL), VT_E_NOENT);
    assert_int_equal(vt_token_key_find(t, "root-2", NULL), VT_OK);
    assert_int_equal(vt_token_key_destroy(t, "root-2", NULL), VT_OK);
    vt_token_free(t);
    vt_token_free(NULL);
}

static void
test_labels(void **state)
{
    char longest[65 + 1];
    struct vt_token *t;
    (void)state;

    if (!have_token())
        return;
    t = token();
    memset(longest, 'x', 65);
    longest[65] = '\0';
    static const char *const bad[] = {"", " ", "a b", "tab\t", "\xc3\xa9", "new\n"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(vt_token_key_new(t, bad[i], NULL), VT_E_USAGE);
        assert_int_equal(vt_token_key_find(t, bad[i], NULL), VT_E_USAGE);
        assert_int_equal(vt_token_key_destroy(t, bad[i], NULL), VT_E_USAGE);
    }
    assert_int_equal(vt_token_key_new(t, longest, NULL), VT_E_USAGE);
    longest[64] = '\0';
    assert_int_equal(vt_token_key_new(t, longest, NULL), VT_OK);
    assert_int_equal(vt_token_key_find(t, longest, NULL), VT_OK);
    assert_int_equal(vt_token_key_destroy(t, longest, NULL), VT_OK);
    vt_token_free(t);
}

/* Keys that somebody else made: one that may leave, a short one, one of two. */
static void
make_foreign(struct vt_token *t, const char *label, unsigned long size, bool extractable)
{
    struct ck_mechanism make = {CKM_AES_KEY_GEN, NULL, 0};
    unsigned char on = 1, may = extractable, hidden = !extractable;
    struct ck_attribute is[] = {
        {CKA_LABEL, vt_token_unconst(label), strlen(label)},
        {CKA_VALUE_LEN, &size, sizeof size},
        {CKA_TOKEN, &on, sizeof on},
        {CKA_SENSITIVE, &hidden, sizeof hidden},
        {CKA_EXTRACTABLE, &may, sizeof may},
        {CKA_ENCRYPT, &on, sizeof on},
    };
    ck_object_handle_t key;

    assert_int_equal(t->f->C_GenerateKey(t->session, &make, is, COUNT(is), &key), CKR_OK);
}

static void
test_foreign_keys(void **state)
{
    struct vt_buf b = VT_BUF(4096);
    struct vt_token *t;
    struct vt_why why = {0};
    (void)state;

    if (!have_token())
        return;
    t = token();
    make_foreign(t, "loose", 32, true);
    make_foreign(t, "short", 16, false);
    make_foreign(t, "twice", 32, false);
    make_foreign(t, "twice", 32, false);
    assert_int_equal(vt_token_key_find(t, "loose", &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "stays in the token"));
    assert_int_equal(vt_token_wrap(t, "loose", NULL, 0, "x", 1, &b, NULL), VT_E_REFUSED);
    assert_int_equal(vt_token_key_find(t, "short", NULL), VT_E_REFUSED);
    assert_int_equal(vt_token_key_find(t, "twice", &why), VT_E_STATE);
    assert_int_equal(vt_token_key_new(t, "twice", NULL), VT_E_EXIST);
    assert_int_equal(vt_token_key_destroy(t, "twice", NULL), VT_OK);
    assert_int_equal(vt_token_key_find(t, "twice", NULL), VT_E_NOENT);
    assert_int_equal(vt_token_key_destroy(t, "loose", NULL), VT_OK);
    assert_int_equal(vt_token_key_destroy(t, "short", NULL), VT_OK);
    assert_int_equal(b.len, 0);
    vt_token_free(t);
}

/* What we make never leaves: neither read nor wrapped under another key. */
static void
test_key_stays(void **state)
{
    struct vt_token *t;
    const char label[] = "stays";
    uint8_t value[64];
    (void)state;

    if (!have_token())
        return;
    t = token();
    assert_int_equal(vt_token_key_new(t, label, NULL), VT_OK);
    struct ck_attribute want = {CKA_LABEL, vt_token_unconst(label), strlen(label)};
    struct ck_attribute get = {CKA_VALUE, value, sizeof value};
    ck_object_handle_t key;
    unsigned long n = 0;
    assert_int_equal(t->f->C_FindObjectsInit(t->session, &want, 1), CKR_OK);
    assert_int_equal(t->f->C_FindObjects(t->session, &key, 1, &n), CKR_OK);
    assert_int_equal(t->f->C_FindObjectsFinal(t->session), CKR_OK);
    assert_int_equal(n, 1);
    assert_int_equal(
        t->f->C_GetAttributeValue(t->session, key, &get, 1), CKR_ATTRIBUTE_SENSITIVE);
    struct ck_mechanism wrap = {CKM_AES_KEY_WRAP, NULL, 0};
    unsigned long len = sizeof value;
    assert_int_not_equal(t->f->C_WrapKey(t->session, &wrap, key, key, value, &len), CKR_OK);
    assert_int_equal(vt_token_key_destroy(t, label, NULL), VT_OK);
    vt_token_free(t);
}

/* ---- wrapping ---- */

static void
test_wrap(void **state)
{
    static const size_t lens[] = {0, 1, 15, 16, 17, 32, 1000, 65536};
    static uint8_t data[65537];
    struct vt_token *t;
    (void)state;

    if (!have_token())
        return;
    t = token();
    memset(data, 'd', sizeof data);
    assert_int_equal(vt_token_key_new(t, "wrap", NULL), VT_OK);
    for (size_t i = 0; i < COUNT(lens); i++) {
        struct vt_buf one = VT_BUF(70000), two = VT_BUF(70000),
                      out = {.max = 70000, .secret = true};
        vt_buf_puts(&one, "head");
        assert_int_equal(vt_token_wrap(t, "wrap", "aad", 3, data, lens[i], &one, NULL), VT_OK);
        assert_int_equal(vt_token_wrap(t, "wrap", "aad", 3, data, lens[i], &two, NULL), VT_OK);
        assert_int_equal(one.len, 4 + 12 + lens[i] + 16);
        assert_memory_equal(one.data, "head", 4);
        assert_memory_not_equal(one.data + 4, two.data, 12); /* another nonce */
        vt_buf_puts(&out, ">");
        assert_int_equal(
            vt_token_unwrap(t, "wrap", "aad", 3, two.data, two.len, &out, NULL), VT_OK);
        assert_int_equal(out.len, 1 + lens[i]);
        assert_memory_equal(out.data + 1, data, lens[i]);
        vt_buf_release(&one);
        vt_buf_release(&two);
        vt_buf_release(&out);
    }
    struct vt_buf b = VT_BUF(100000);
    assert_int_equal(vt_token_wrap(t, "wrap", NULL, 0, data, 65537, &b, NULL), VT_E_LIMIT);
    assert_int_equal(vt_token_wrap(t, "none", NULL, 0, data, 1, &b, NULL), VT_E_NOENT);
    assert_int_equal(b.len, 0);
    assert_int_equal(vt_token_wrap(t, "wrap", NULL, 0, data, 5, &b, NULL), VT_OK);
    struct vt_buf small = VT_BUF(3);
    assert_int_equal(vt_token_wrap(t, "wrap", NULL, 0, data, 5, &small, NULL), VT_E_LIMIT);
    assert_int_equal(vt_token_key_destroy(t, "wrap", NULL), VT_OK);
    vt_buf_release(&b);
    vt_token_free(t);
}

static void
test_unwrap_refuses(void **state)
{
    struct vt_buf b = VT_BUF(4096), out = VT_BUF(4096);
    struct vt_token *t;
    struct vt_why why = {0};
    (void)state;

    if (!have_token())
        return;
    t = token();
    assert_int_equal(vt_token_key_new(t, "one", NULL), VT_OK);
    assert_int_equal(vt_token_key_new(t, "two", NULL), VT_OK);
    assert_int_equal(vt_token_wrap(t, "one", "aad", 3, "secret", 6, &b, NULL), VT_OK);
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 1;
        assert_int_equal(
            vt_token_unwrap(t, "one", "aad", 3, b.data, b.len, &out, &why), VT_E_SIG);
        b.data[i] ^= 1;
    }
    for (size_t len = 0; len < b.len; len++)
        assert_int_equal(
            vt_token_unwrap(t, "one", "aad", 3, b.data, len, &out, NULL), VT_E_SIG);
    assert_int_equal(vt_token_unwrap(t, "two", "aad", 3, b.data, b.len, &out, NULL), VT_E_SIG);
    assert_int_equal(vt_token_unwrap(t, "one", "aae", 3, b.data, b.len, &out, NULL), VT_E_SIG);
    assert_int_equal(vt_token_unwrap(t, "one", NULL, 0, b.data, b.len, &out, NULL), VT_E_SIG);
    assert_int_equal(
        vt_token_unwrap(t, "six", "aad", 3, b.data, b.len, &out, NULL), VT_E_NOENT);
    assert_int_equal(out.len, 0);
    assert_true(out.secret);
    /* the session is fit for use after each of them */
    assert_int_equal(vt_token_unwrap(t, "one", "aad", 3, b.data, b.len, &out, NULL), VT_OK);
    assert_memory_equal(out.data, "secret", 6);
    /* what was wrapped is lost with its key, also when the label is used again */
    assert_int_equal(vt_token_key_destroy(t, "one", NULL), VT_OK);
    assert_int_equal(
        vt_token_unwrap(t, "one", "aad", 3, b.data, b.len, &out, NULL), VT_E_NOENT);
    assert_int_equal(vt_token_key_new(t, "one", NULL), VT_OK);
    assert_int_equal(vt_token_unwrap(t, "one", "aad", 3, b.data, b.len, &out, NULL), VT_E_SIG);
    assert_int_equal(vt_token_key_destroy(t, "one", NULL), VT_OK);
    assert_int_equal(vt_token_key_destroy(t, "two", NULL), VT_OK);
    vt_buf_release(&b);
    vt_buf_release(&out);
    vt_token_free(t);
}

/* ---- opening ---- */

static void
test_pin(void **state)
{
    struct vt_token *t = NULL;
    struct vt_why why = {0};
    (void)state;

    if (!have_token())
        return;
    write_file("pin", "999999\n", 0600);
    assert_int_equal(vt_token_open(uri, &t, &why), VT_E_REFUSED);
    assert_null(t);
    assert_non_null(strstr(why.text, "token `vault` refuses the PIN"));
    assert_non_null(strstr(why.text, "it counts wrong PINs"));
    assert_null(strstr(why.text, "999999"));
    write_file("pin", "\n", 0600);
    assert_int_equal(vt_token_open(uri, &t, &why), VT_E_CONFIG);
    write_file("pin", "123456\n", 0644);
    assert_int_equal(vt_token_open(uri, &t, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "chmod 600"));
    assert_int_equal(setenv("VITRINE_PIN_FILE", in_dir("gone"), 1), 0);
    assert_int_equal(vt_token_open(uri, &t, &why), VT_E_NOENT);
    assert_int_equal(setenv("VITRINE_PIN_FILE", in_dir("pin"), 1), 0);
    vt_token_free(token());
}

/* In a session without a terminal there is nobody to ask. */
static int
without_terminal(int fd, void *ctx)
{
    struct vt_token *t = NULL;
    struct vt_why why = {0};

    (void)ctx;
    if (setsid() < 0 || unsetenv("VITRINE_PIN_FILE") != 0 ||
        vt_token_open(uri, &t, &why) != VT_E_CONFIG ||
        strstr(why.text, "VITRINE_PIN_FILE") == NULL)
        return 1;
    return write(fd, "k", 1) == 1 ? 0 : 1;
}

static void
test_no_terminal(void **state)
{
    uint8_t said = 0;
    size_t got = 0;
    pid_t pid;
    int fd;
    (void)state;

    if (!have_token())
        return;
    assert_int_equal(
        vt_proc_fork("no-terminal", without_terminal, NULL, NULL, &pid, &fd, NULL), VT_OK);
    assert_int_equal(vt_fd_read(fd, &said, 1, &got, NULL), VT_OK);
    vt_proc_stop(pid, fd, 20000);
    assert_int_equal(said, 'k');
}

static void
test_two_sessions(void **state)
{
    struct vt_token *a, *b;
    struct vt_buf w = VT_BUF(4096), out = VT_BUF(4096);
    (void)state;

    if (!have_token())
        return;
    a = token();
    b = token();
    assert_int_equal(vt_token_key_new(a, "shared", NULL), VT_OK);
    assert_int_equal(vt_token_wrap(b, "shared", NULL, 0, "x", 1, &w, NULL), VT_OK);
    vt_token_free(b);
    assert_int_equal(vt_token_unwrap(a, "shared", NULL, 0, w.data, w.len, &out, NULL), VT_OK);
    assert_int_equal(vt_token_key_destroy(a, "shared", NULL), VT_OK);
    vt_token_free(a);
    vt_buf_release(&w);
    vt_buf_release(&out);
}

static void
test_uris(void **state)
{
    static const char *const bad[] = {
        "",
        "vault",
        "/usr/lib/softhsm/libsofthsm2.so",
        "file:token=vault",
        "pkcs11:token=%zz",
        "pkcs11:colour=blue",
        "pkcs11:token=vault;object=key",
        "pkcs11:token=vault;type=secret-key",
        "pkcs11:token=vault;id=%01",
        "pkcs11:token=vault?pin-value=123456",
        "pkcs11:token=vault?pin-source=/tmp/pin",
        "pkcs11:token=vault?module-path=/nowhere/there/is/none.so",
    };
    char huge[5000];
    struct vt_token *t = NULL;
    struct vt_why why = {0};
    (void)state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        why.text[0] = '\0';
        if (vt_token_open(bad[i], &t, &why) != VT_E_CONFIG)
            fail_msg("%s: %s", bad[i], why.text);
        assert_true(why.text[0] != '\0');
        assert_null(strstr(why.text, "123456"));
    }
    memset(huge, 'a', sizeof huge - 1);
    memcpy(huge, "pkcs11:token=", 13);
    huge[sizeof huge - 1] = '\0';
    assert_int_equal(vt_token_open(huge, &t, &why), VT_E_CONFIG);
    assert_null(t);
}

static void
test_which_token(void **state)
{
    char other[VT_PATH_MAX];
    struct vt_token *t = NULL;
    struct vt_why why = {0};
    (void)state;

    if (!have_token())
        return;
    assert_int_equal(
        vt_path(other, NULL, "pkcs11:token=nothing?module-path=%s", module), VT_OK);
    assert_int_equal(vt_token_open(other, &t, &why), VT_E_NOENT);
    assert_int_equal(vt_path(other, NULL, "pkcs11:?module-path=%s", module), VT_OK);
    assert_int_equal(vt_token_open(other, &t, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "names 2 tokens"));
    assert_int_equal(vt_path(other, NULL, "pkcs11:token=other?module-path=%s", module), VT_OK);
    assert_int_equal(vt_token_open(other, &t, &why), VT_E_REFUSED); /* another PIN */
    assert_int_equal(
        vt_path(other, NULL, "pkcs11:manufacturer=nobody;token=vault?module-path=%s", module),
        VT_OK);
    assert_int_equal(vt_token_open(other, &t, &why), VT_E_NOENT);
    assert_null(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_foreign_keys),
        cmocka_unit_test(test_key_stays),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_unwrap_refuses),
        cmocka_unit_test(test_pin),
        cmocka_unit_test(test_no_terminal),
        cmocka_unit_test(test_two_sessions),
        cmocka_unit_test(test_uris),
        cmocka_unit_test(test_which_token),
    };
    return cmocka_run_group_tests(tests, softhsm_set_up, softhsm_tear_down);
}
