/* SPDX-License-Identifier: Apache-2.0 */
/* Box keys: agreement, their text, their files, and age's view of both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/proc.h"
#include "crypto/bech32.h"
#include "crypto/box.h"
#include "crypto/digest.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char dir[64];

static int
set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/vt-box-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    return vt_tree_remove(dir, NULL) != VT_OK;
}

static const char *
in_dir(const char *name)
{
    static char paths[4][VT_PATH_MAX];
    static unsigned next;
    char *p = paths[next++ % 4];

    assert_int_equal(vt_path(p, NULL, "%s/%s", dir, name), VT_OK);
    return p;
}

static void
from_hex(const char *hex, uint8_t ret[32])
{
    size_t len = 0;

    assert_true(vt_hex_decode(hex, 64, ret, 32, &len));
    assert_int_equal(len, 32);
}

static struct vt_box *
box_of(const char *hex)
{
    struct vt_box *k = NULL;
    uint8_t priv[32];

    from_hex(hex, priv);
    assert_int_equal(vt_box_from_private(priv, &k, NULL), VT_OK);
    return k;
}

/* ---- keys ---- */

/* RFC 7748 section 6.1. */
#define ALICE_PRIVATE "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
#define ALICE_PUBLIC "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
#define BOB_PRIVATE "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define BOB_PUBLIC "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define SHARED "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"

static void
assert_hex(const uint8_t got[32], const char *hex)
{
    uint8_t want[32];

    from_hex(hex, want);
    assert_memory_equal(got, want, 32);
}

static void
test_agreement(void **state)
{
    struct vt_box *alice = box_of(ALICE_PRIVATE), *bob = box_of(BOB_PRIVATE);
    struct vt_box_public a, b;
    uint8_t got[32];
    (void)state;

    vt_box_public(alice, &a);
    vt_box_public(bob, &b);
    assert_hex(a.b, ALICE_PUBLIC);
    assert_hex(b.b, BOB_PUBLIC);
    assert_hex(vt_box_private(alice), ALICE_PRIVATE);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(vt_box_agree(alice, &b, got, NULL), VT_OK);
        assert_hex(got, SHARED);
        assert_int_equal(vt_box_agree(bob, &a, got, NULL), VT_OK);
        assert_hex(got, SHARED);
    }
    memset(&b, 0, sizeof b);
    memset(got, 9, sizeof got);
    assert_int_equal(vt_box_agree(alice, &b, got, NULL), VT_E_SYNTAX);
    assert_int_equal(got[0], 9);
    vt_box_free(alice);
    vt_box_free(bob);
    vt_box_free(NULL);
}

static void
test_new_keys_differ(void **state)
{
    struct vt_box *k[8];
    struct vt_box_public pub[COUNT(k)];
    (void)state;

    for (size_t i = 0; i < COUNT(k); i++) {
        assert_int_equal(vt_box_new(&k[i], NULL), VT_OK);
        vt_box_public(k[i], &pub[i]);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(pub[i].b, pub[j].b, 32);
            assert_memory_not_equal(vt_box_private(k[i]), vt_box_private(k[j]), 32);
        }
    }
    for (size_t i = 0; i < COUNT(k); i++)
        vt_box_free(k[i]);
}

/* ---- text ---- */

/* Made with age-keygen. */
#define AGE_PUBLIC "age1xqfuxsqqflfpj9k60423t3hnz2mptfkkd3gg7r66rtkq8pq06s4qyt6e9k"
#define AGE_IDENTITY                                                                           \
    "AGE-SECRET-KEY-1GMD7E55RZCPNX59Y8KKQXJZQFU2Z2MMJMS4ESENW033CCN74MYKS7WAM9J"

static void
test_public_text(void **state)
{
    struct vt_box_public k, before;
    struct vt_why why = {0};
    char text[VT_BOX_TEXT_MAX], bad[VT_BOX_TEXT_MAX];
    const size_t len = strlen(AGE_PUBLIC);
    (void)state;

    assert_int_equal(vt_box_public_parse(AGE_PUBLIC, len, &k, NULL), VT_OK);
    vt_box_public_format(&k, text);
    assert_string_equal(text, AGE_PUBLIC);
    before = k;
    /* any one character changed, any length cut, either case */
    for (size_t i = 0; i < len; i++) {
        strcpy(bad, AGE_PUBLIC);
        bad[i] = bad[i] == 'q' ? 'p' : 'q';
        assert_int_equal(vt_box_public_parse(bad, len, &k, &why), VT_E_SYNTAX);
        strcpy(bad, AGE_PUBLIC);
        bad[i] = (char)toupper((unsigned char)bad[i]);
        if (strcmp(bad, AGE_PUBLIC) != 0)
            assert_int_equal(vt_box_public_parse(bad, len, &k, &why), VT_E_SYNTAX);
        bad[i] = '\0';
        assert_int_equal(vt_box_public_parse(bad, len, &k, &why), VT_E_SYNTAX);
        assert_int_equal(vt_box_public_parse(AGE_PUBLIC, i, &k, &why), VT_E_SYNTAX);
    }
    for (size_t i = 0; i < len; i++)
        bad[i] = (char)toupper((unsigned char)AGE_PUBLIC[i]);
    assert_int_equal(vt_box_public_parse(bad, len, &k, &why), VT_E_SYNTAX);
    assert_int_equal(vt_box_public_parse(AGE_PUBLIC " ", len + 1, &k, &why), VT_E_SYNTAX);
    assert_int_equal(
        vt_box_public_parse(AGE_IDENTITY, strlen(AGE_IDENTITY), &k, &why), VT_E_SYNTAX);
    assert_memory_equal(&k, &before, sizeof k);
    assert_null(strstr(why.text, "SECRET"));
}

/* Two characters swapped or changed are noticed as well (BIP 173: up to four). */
static void
test_checksum(void **state)
{
    struct vt_box_public k;
    char bad[VT_BOX_TEXT_MAX];
    const size_t len = strlen(AGE_PUBLIC);
    (void)state;

    for (size_t i = 4; i < len; i++) {
        for (size_t j = i + 1; j < len; j++) {
            strcpy(bad, AGE_PUBLIC);
            bad[i] = AGE_PUBLIC[j];
            bad[j] = AGE_PUBLIC[i];
            assert_int_equal(vt_box_public_parse(bad, len, &k, NULL),
                bad[i] == bad[j] ? VT_OK : VT_E_SYNTAX);
        }
    }
}

/* A valid checksum over padding that is not zero: 52 groups hold 260 bits. */
static void
test_padding(void **state)
{
    static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    uint8_t data[VT_BECH32_DATA] = {0}, back[VT_BECH32_DATA];
    char text[VT_BECH32_TEXT_MAX], good[VT_BECH32_TEXT_MAX];
    (void)state;

    vt_bech32_encode("age", data, good);
    assert_true(vt_bech32_decode("age", good, strlen(good), back));
    assert_memory_equal(data, back, sizeof data);
    /* The last group is at 4 + 51; of all checksums for a last group of 1 (bits
     * of padding alone) one is right, and it may not be taken either. The code is
     * linear: the difference to the checksum of zeros is the remainder of x^6. */
    strcpy(text, good);
    text[4 + 51] = alphabet[1];
    static const uint32_t generator[] = {
        0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    uint32_t sum = 1;
    for (unsigned i = 0; i < 6; i++) {
        uint32_t top = sum >> 25;
        sum = (sum & 0x1ffffff) << 5;
        for (unsigned b = 0; b < 5; b++)
            sum ^= (top >> b & 1) != 0 ? generator[b] : 0;
    }
    for (unsigned i = 0; i < 6; i++) {
        char *c = &text[4 + 52 + i];
        *c = alphabet[(unsigned)(strchr(alphabet, *c) - alphabet) ^ (sum >> 5 * (5 - i) & 31)];
    }
    assert_false(vt_bech32_decode("age", text, strlen(text), back));
    /* the same word with the last bit that counts is fine: the checksum is right */
    data[31] = 1;
    vt_bech32_encode("age", data, good);
    assert_true(vt_bech32_decode("age", good, strlen(good), back));
    assert_memory_equal(data, back, sizeof data);
}

/* ---- files ---- */

static void
write_file(const char *name, const char *text, mode_t mode)
{
    (void)unlink(in_dir(name));
    assert_int_equal(vt_file_create(in_dir(name), mode, text, strlen(text), NULL), VT_OK);
}

static void
test_save_and_load(void **state)
{
    struct vt_box *k = NULL, *back = NULL;
    struct vt_box_public a, b;
    struct stat st;
    (void)state;

    assert_int_equal(vt_box_new(&k, NULL), VT_OK);
    assert_int_equal(vt_box_save(k, in_dir("key"), NULL), VT_OK);
    assert_int_equal(stat(in_dir("key"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(vt_box_load(in_dir("key"), &back, NULL), VT_OK);
    assert_memory_equal(vt_box_private(k), vt_box_private(back), VT_BOX_SIZE);
    vt_box_public(k, &a);
    vt_box_public(back, &b);
    assert_memory_equal(a.b, b.b, sizeof a.b);
    assert_int_equal(vt_box_save(back, in_dir("key"), NULL), VT_E_EXIST);
    vt_box_free(back);
    back = NULL;
    assert_int_equal(vt_box_load(in_dir("key"), &back, NULL), VT_OK);
    vt_box_free(back);
    vt_box_free(k);
}

static const struct {
    const char *text;
    enum vt_err err;
} files[] = {
    {AGE_IDENTITY "\n", VT_OK},
    {AGE_IDENTITY, VT_OK},
    {"# created: today\n# public key: " AGE_PUBLIC "\n" AGE_IDENTITY "\n", VT_OK},
    {"\n\n# one\n\n" AGE_IDENTITY "\nwhat follows is not read\n", VT_OK},
    {"", VT_E_SYNTAX},
    {"\n", VT_E_SYNTAX},
    {"# " AGE_IDENTITY "\n", VT_E_SYNTAX},
    {" " AGE_IDENTITY "\n", VT_E_SYNTAX},
    {AGE_IDENTITY " \n", VT_E_SYNTAX},
    {AGE_IDENTITY "\r\n", VT_E_SYNTAX},
    {AGE_PUBLIC "\n", VT_E_SYNTAX},
    {"garbage\n" AGE_IDENTITY "\n", VT_E_SYNTAX},
    {"AGE-SECRET-KEY-1GMD7E55RZCPNX59Y8KKQXJZQFU2Z2MMJMS4ESENW033CCN74MYKS7WAM9K\n",
        VT_E_SYNTAX},
    {"age-secret-key-1gmd7e55rzcpnx59y8kkqxjzqfu2z2mmjms4esenw033ccn74myks7wam9j\n",
        VT_E_SYNTAX},
    {"AGE-SECRET-KEY-1gmd7e55rzcpnx59y8kkqxjzqfu2z2mmjms4esenw033ccn74myks7wam9j\n",
        VT_E_SYNTAX},
    {"AGE-SECRET-KEY-1\n", VT_E_SYNTAX},
};

static void
test_files(void **state)
{
    struct vt_box *k = NULL;
    struct vt_box_public pub;
    char text[VT_BOX_TEXT_MAX];
    (void)state;

    for (size_t i = 0; i < COUNT(files); i++) {
        struct vt_why why = {0};
        write_file("key", files[i].text, 0600);
        if (vt_box_load(in_dir("key"), &k, &why) != files[i].err)
            fail_msg("file %zu: %s", i, why.text);
        if (files[i].err == VT_OK) {
            vt_box_public(k, &pub);
            vt_box_public_format(&pub, text);
            assert_string_equal(text, AGE_PUBLIC);
            vt_box_free(k);
            k = NULL;
        } else { /* says which file and nothing of what is in it */
            assert_non_null(strstr(why.text, dir));
            assert_null(strstr(why.text, "MD7E55"));
            assert_null(strstr(why.text, "md7e55"));
        }
        assert_null(k);
    }
}

static void
test_files_of_others(void **state)
{
    struct vt_box *k = NULL;
    struct vt_why why = {0};
    struct vt_buf b = VT_BUF(20000);
    (void)state;

    assert_int_equal(vt_box_load(in_dir("gone"), &k, &why), VT_E_NOENT);
    write_file("key", AGE_IDENTITY "\n", 0640);
    assert_int_equal(vt_box_load(in_dir("key"), &k, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "chmod 600"));
    assert_int_equal(symlink("key", in_dir("link")), 0);
    assert_int_equal(vt_box_load(in_dir("link"), &k, &why), VT_E_CONFIG);
    while (b.len <= 16384)
        vt_buf_puts(&b, "# long\n");
    write_file("key", vt_buf_str(&b), 0600);
    assert_int_equal(vt_box_load(in_dir("key"), &k, &why), VT_E_LIMIT);
    assert_null(k);
    vt_buf_release(&b);
    (void)unlink(in_dir("link"));
}

/* ---- age ---- */

static bool
have(const char *program)
{
    const char *const argv[] = {program, "--version", NULL};

    if (vt_proc_run(argv, NULL, NULL) == VT_OK)
        return true;
    print_message("skipped: %s is not installed (scripts/setup test installs it)\n", program);
    return false;
}

static void
test_age_keygen(void **state)
{
    const char *const make[] = {"age-keygen", "-o", in_dir("age.key"), NULL};
    const char *const show[] = {"age-keygen", "-y", NULL, NULL};
    const char *argv[COUNT(show)];
    struct vt_buf out = VT_BUF(4096);
    const struct vt_proc_opts opts = {.output = &out};
    struct vt_box *k = NULL;
    struct vt_box_public pub;
    char text[VT_BOX_TEXT_MAX];
    (void)state;

    if (!have("age-keygen"))
        return;
    /* theirs, read by us */
    assert_int_equal(vt_proc_run(make, NULL, NULL), VT_OK);
    assert_int_equal(vt_box_load(in_dir("age.key"), &k, NULL), VT_OK);
    memcpy(argv, show, sizeof argv);
    argv[2] = in_dir("age.key");
    assert_int_equal(vt_proc_run(argv, &opts, NULL), VT_OK);
    vt_box_public(k, &pub);
    vt_box_public_format(&pub, text);
    assert_memory_equal(out.data, text, strlen(text));
    vt_box_free(k);
    /* ours, read by them */
    vt_buf_clear(&out);
    assert_int_equal(vt_box_new(&k, NULL), VT_OK);
    (void)unlink(in_dir("our.key"));
    assert_int_equal(vt_box_save(k, in_dir("our.key"), NULL), VT_OK);
    argv[2] = in_dir("our.key");
    assert_int_equal(vt_proc_run(argv, &opts, NULL), VT_OK);
    vt_box_public(k, &pub);
    vt_box_public_format(&pub, text);
    assert_int_equal(out.len, strlen(text) + 1);
    assert_memory_equal(out.data, text, strlen(text));
    vt_box_free(k);
    vt_buf_release(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agreement),
        cmocka_unit_test(test_new_keys_differ),
        cmocka_unit_test(test_public_text),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_save_and_load),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_files_of_others),
        cmocka_unit_test(test_age_keygen),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
