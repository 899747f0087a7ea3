/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes, verifier keys, checkpoints, cosignatures, tlog-proofs, entries. */
#include "note/checkpoint.h"
#include "note/entry.h"
#include "note/proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "keys.h"

#define DASH "\xe2\x80\x94 "
/* 5 bytes: the key id aabbccdd and one byte of signature */
#define SIG5 "qrvM3QA="

/* A published note of golang.org/x/mod/sumdb/note, signed by another program. */
#define NEUMANN_VKEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define NEUMANN_TEXT                                                                           \
    "If you think cryptography is the answer to your problem,\n"                               \
    "then you don't know what your problem is.\n"
#define NEUMANN_SIG                                                                            \
    DASH "PeterNeumann "                                                                       \
         "x08go/ZJkuBS9UG/"                                                                    \
         "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnA"          \
         "M=\n"

static enum vt_err
parse(const char *s, struct vt_note *n)
{
    return vt_note_parse(s, strlen(s), n, NULL);
}

/* ---- notes ---- */

static void
test_note_parse(void **state)
{
    struct vt_note n;
    (void)state;
    assert_int_equal(
        parse("a\n\nb\n\n" DASH "x.example/k " SIG5 "\n" DASH "y " SIG5 "\n", &n), VT_OK);
    assert_int_equal(n.text_len, 5);
    assert_memory_equal(n.text, "a\n\nb\n", 5);
    assert_int_equal(n.sig_count, 2);
    assert_int_equal(n.sig[0].name_len, 11);
    assert_memory_equal(n.sig[0].name, "x.example/k", 11);
    assert_int_equal(n.sig[0].id, 0xaabbccdd);
    assert_int_equal(n.sig[0].b64_len, 8);
    /* a text of one empty line; characters beyond ASCII; DEL is no control
     * character below 0x20 */
    assert_int_equal(parse("\n\n" DASH "x " SIG5 "\n", &n), VT_OK);
    assert_int_equal(n.text_len, 1);
    assert_int_equal(parse("\xc3\xa8\x7f\n\n" DASH "\xc3\xa8 " SIG5 "\n", &n), VT_OK);
    /* a signature line in the text is text */
    assert_int_equal(parse(DASH "x " SIG5 "\n\n" DASH "y " SIG5 "\n", &n), VT_OK);
    assert_int_equal(n.sig_count, 1);
    assert_memory_equal(n.sig[0].name, "y", 1);
}

static void
test_note_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "\n",
        "\n\n",
        "a",
        "a\n",
        "a\n\n",
        "a\n\n\n",
        "\n" DASH "x " SIG5 "\n",
        "a\n" DASH "x " SIG5 "\n",
        "a\n\n" DASH "x " SIG5,
        "a\n\n" DASH "x " SIG5 "\n\n",
        "a\n\n" DASH "x " SIG5 "\nb\n",
        "a\n\n" DASH "x " SIG5 " \n",
        "a\n\n" DASH "x  " SIG5 "\n",
        "a\n\n" DASH " " SIG5 "\n",
        "a\n\n" DASH SIG5 "\n",
        "a\n\n" DASH "x\n",
        "a\n\n" DASH "x \n",
        "a\n\n- x " SIG5 "\n",
        "a\n\n\xe2\x80\x94x " SIG5 "\n",
        " a\n\n " DASH "x " SIG5 "\n",
        "a\n\n" DASH "x+y " SIG5 "\n",
        "a\n\n" DASH "x\xc2\xa0y " SIG5 "\n",
        "a\n\n" DASH "x\xe2\x80\x83y " SIG5 "\n",
        "a\n\n" DASH "x\xe3\x80\x80y " SIG5 "\n",
        "a\n\n" DASH "x\xc2\x85y " SIG5 "\n",
        "a\n\n" DASH "x qrvM3Q==\n", /* a key id and no signature */
        "a\n\n" DASH "x qrvM3QA\n",  /* padding is missing */
        "a\n\n" DASH "x qrvM3QB=\n", /* stray bits */
        "a\n\n" DASH "x qrvM3Q==AAAA\n",
        "a\n\n" DASH "x qrvM-QA=\n",
        "a\tb\n\n" DASH "x " SIG5 "\n",
        "a\r\n\n" DASH "x " SIG5 "\n",
        "a\x1b\n\n" DASH "x " SIG5 "\n",
        "a\xff\n\n" DASH "x " SIG5 "\n",
        "a\xc0\xaf\n\n" DASH "x " SIG5 "\n",
        "a\xed\xa0\x80\n\n" DASH "x " SIG5 "\n",
        "a\n\n" DASH "x\xff " SIG5 "\n",
    };
    struct vt_note n = {.sig_count = 77};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (parse(bad[i], &n) != VT_E_SYNTAX)
            fail_msg("accepted: %s", bad[i]);
    }
    assert_int_equal(vt_note_parse("a\0b\n\n" DASH "x " SIG5 "\n", 20, &n, NULL), VT_E_SYNTAX);
    assert_int_equal(n.sig_count, 77);
}

static void
test_note_limits(void **state)
{
    struct vt_buf b = VT_BUF(2 * VT_NOTE_MAX);
    struct vt_note n;
    (void)state;
    vt_buf_puts(&b, "a\n\n");
    for (unsigned i = 0; i < VT_NOTE_SIGS_MAX; i++)
        vt_buf_putf(&b, DASH "key-%u " SIG5 "\n", i);
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
    assert_int_equal(n.sig_count, VT_NOTE_SIGS_MAX);
    vt_buf_puts(&b, DASH "one-more " SIG5 "\n");
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_E_LIMIT);
    while (b.len <= VT_NOTE_MAX)
        vt_buf_puts(&b, DASH "one-more " SIG5 "\n");
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_E_LIMIT);
    vt_buf_release(&b);
}

static void
test_note_verify_foreign(void **state)
{
    struct vt_vkey k;
    struct vt_note n;
    (void)state;
    assert_int_equal(vt_vkey_parse(NEUMANN_VKEY, strlen(NEUMANN_VKEY), &k, NULL), VT_OK);
    assert_int_equal(parse(NEUMANN_TEXT "\n" NEUMANN_SIG, &n), VT_OK);
    assert_int_equal(vt_note_verify(&n, &k, NULL), VT_OK);
    /* signatures by unknown keys are passed over, before and after */
    assert_int_equal(
        parse(NEUMANN_TEXT "\n" DASH "PeterNeumann " SIG5 "\n" NEUMANN_SIG DASH "x " SIG5 "\n",
            &n),
        VT_OK);
    assert_int_equal(vt_note_verify(&n, &k, NULL), VT_OK);
    /* another text under it */
    assert_int_equal(parse("If\n\n" NEUMANN_SIG, &n), VT_OK);
    assert_int_equal(vt_note_verify(&n, &k, NULL), VT_E_SIG);
}

static void
test_note_verify_own(void **state)
{
    static const char text[] = "one\ntwo\n";
    struct vt_vkey k = test_vkey("a.example", VT_NOTE_ED25519, 1);
    struct vt_vkey other_key = test_vkey("a.example", VT_NOTE_ED25519, 2);
    struct vt_vkey other_name = test_vkey("b.example", VT_NOTE_ED25519, 1);
    struct vt_vkey cosigner = test_vkey("a.example", VT_NOTE_COSIG_ED25519, 1);
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_why why = {{0}};
    struct vt_note n;
    (void)state;
    vt_buf_puts(&b, text);
    vt_buf_puts(&b, "\n");
    test_put_sig(&b, "a.example", 1, text, strlen(text));
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
    assert_int_equal(vt_note_verify(&n, &k, NULL), VT_OK);
    assert_int_equal(vt_note_verify(&n, &other_key, NULL), VT_E_UNKNOWN);
    assert_int_equal(vt_note_verify(&n, &other_name, NULL), VT_E_UNKNOWN);
    assert_int_equal(vt_note_verify(&n, &cosigner, NULL), VT_E_USAGE);
    /* two lines of one key: one that fails refuses the note */
    vt_note_put_sig(&b, "a.example", k.id, "0123", 4);
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
    assert_int_equal(vt_note_verify(&n, &k, &why), VT_E_SIG);
    assert_non_null(strstr(why.text, "a.example"));
    vt_buf_release(&b);
}

static void
test_sig_bytes(void **state)
{
    uint8_t got[64];
    size_t len = 99;
    struct vt_note n;
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    (void)state;
    vt_buf_puts(&b, "a\n\n");
    for (size_t size = 1; size <= 9; size++)
        vt_note_put_sig(&b, "k", 0x01020304, "abcdefghi", size);
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
    for (size_t i = 0; i < n.sig_count; i++) {
        assert_int_equal(n.sig[i].id, 0x01020304);
        assert_int_equal(vt_note_sig_bytes(&n.sig[i], got, sizeof got, &len, NULL), VT_OK);
        assert_int_equal(len, i + 1);
        assert_memory_equal(got, "abcdefghi", len);
    }
    len = 99;
    assert_int_equal(vt_note_sig_bytes(&n.sig[8], got, 8, &len, NULL), VT_E_SYNTAX);
    assert_int_equal(len, 99);
    assert_int_equal(vt_note_sig_bytes(&n.sig[8], got, 9, &len, NULL), VT_OK);
    vt_buf_release(&b);
    b = VT_BUF(20); /* what does not fit is an error, and no half a line */
    vt_note_put_sig(&b, "k", 1, got, sizeof got);
    assert_int_equal(vt_buf_check(&b, "note", NULL), VT_E_LIMIT);
    vt_buf_release(&b);
}

/* ---- verifier keys ---- */

static void
test_vkey_round_trip(void **state)
{
    static const char go[] =
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    struct vt_vkey k;
    char text[VT_VKEY_TEXT_MAX];
    (void)state;
    assert_int_equal(vt_vkey_parse(go, strlen(go), &k, NULL), VT_OK);
    assert_string_equal(k.name, "sum.golang.org");
    assert_int_equal(k.id, 0x033de0ae);
    assert_int_equal(k.alg, VT_NOTE_ED25519);
    vt_vkey_format(&k, text);
    assert_string_equal(text, go);
    struct vt_vkey c = test_vkey("witness.example/w1", VT_NOTE_COSIG_ED25519, 7);
    vt_vkey_format(&c, text);
    assert_int_equal(vt_vkey_parse(text, strlen(text), &k, NULL), VT_OK);
    assert_int_equal(k.alg, VT_NOTE_COSIG_ED25519);
    assert_true(vt_pubkey_eq(&k.pub, &c.pub));
    assert_int_equal(k.id, c.id);
}

static void
test_vkey_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "+",
        "++",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a30+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW=",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAAAA",
        "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AQ==",
    };
    static const char mldsa[] = "w.example+00000000+BgAA";
    struct vt_vkey k = {.id = 5};
    struct vt_why why = {{0}};
    char name[VT_KEY_NAME_MAX + 2];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (vt_vkey_parse(bad[i], strlen(bad[i]), &k, NULL) != VT_E_SYNTAX)
            fail_msg("accepted: %s", bad[i]);
    }
    assert_int_equal(vt_vkey_parse(mldsa, strlen(mldsa), &k, &why), VT_E_SYNTAX);
    assert_non_null(strstr(why.text, "type 06 has 1312 bytes"));
    assert_int_equal(k.id, 5);
    memset(name, 'n', sizeof name);
    name[VT_KEY_NAME_MAX + 1] = '\0';
    assert_int_equal(vt_vkey_make(name, VT_NOTE_ED25519, &k.pub, &k, NULL), VT_E_SYNTAX);
    name[VT_KEY_NAME_MAX] = '\0';
    assert_int_equal(vt_vkey_make(name, VT_NOTE_ED25519, &k.pub, &k, NULL), VT_OK);
    assert_int_equal(vt_vkey_make("a", VT_NOTE_COSIG_MLDSA44, &k.pub, &k, NULL), VT_E_SYNTAX);
    assert_int_equal(vt_vkey_make("", VT_NOTE_ED25519, &k.pub, &k, NULL), VT_E_SYNTAX);
    assert_int_equal(vt_vkey_make("a\nb", VT_NOTE_ED25519, &k.pub, &k, NULL), VT_E_SYNTAX);
}

/* ---- checkpoints ---- */

#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="

static void
test_checkpoint_text(void **state)
{
    static const char text[] = "example.com/behind-the-sofa\n20852163\n" ROOT "\n";
    struct vt_checkpoint c;
    struct vt_buf b = VT_BUF(1000);
    (void)state;
    assert_int_equal(vt_checkpoint_parse(text, strlen(text), &c, NULL), VT_OK);
    assert_string_equal(c.origin, "example.com/behind-the-sofa");
    assert_int_equal(c.size, 20852163);
    vt_checkpoint_put(&b, &c);
    assert_string_equal(vt_buf_str(&b), text);
    vt_buf_release(&b);
    /* extension lines are passed over; an origin may have spaces */
    static const char more[] = "go.sum database tree\n0\n" ROOT "\nx\ny z\n";
    assert_int_equal(vt_checkpoint_parse(more, strlen(more), &c, NULL), VT_OK);
    assert_string_equal(c.origin, "go.sum database tree");
    assert_int_equal(c.size, 0);
}

static void
test_checkpoint_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "o",
        "o\n",
        "o\n1\n",
        "o\n1\n" ROOT,
        "\n1\n" ROOT "\n",
        "o\n\n" ROOT "\n",
        "o\n01\n" ROOT "\n",
        "o\n+1\n" ROOT "\n",
        "o\n-1\n" ROOT "\n",
        "o\n1 \n" ROOT "\n",
        "o\n0x1\n" ROOT "\n",
        "o\n9223372036854775808\n" ROOT "\n",
        "o\n18446744073709551617\n" ROOT "\n",
        "o\n1\nAAAA\n",
        "o\n1\n\n",
        "o\n1\n" ROOT "=\n",
        "o\n1\n" ROOT " \n",
        "o\n1\n" ROOT "\n\n",
        "o\n1\n" ROOT "\nx\n\n",
        "o\n1\n" ROOT "\nx",
        "o\x01\n1\n" ROOT "\n",
        "o\xff\n1\n" ROOT "\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
    };
    struct vt_checkpoint c = {.size = 3};
    struct vt_buf b = VT_BUF(10000);
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (vt_checkpoint_parse(bad[i], strlen(bad[i]), &c, NULL) != VT_E_SYNTAX)
            fail_msg("accepted: %s", bad[i]);
    }
    for (int i = 0; i < VT_KEY_NAME_MAX + 1; i++)
        vt_buf_puts(&b, "o");
    vt_buf_puts(&b, "\n1\n" ROOT "\n");
    assert_int_equal(vt_checkpoint_parse(b.data, b.len, &c, NULL), VT_E_SYNTAX);
    assert_int_equal(vt_checkpoint_parse(b.data + 1, b.len - 1, &c, NULL), VT_OK);
    while (b.len <= VT_CHECKPOINT_TEXT_MAX + 1)
        vt_buf_puts(&b, "extension\n");
    assert_int_equal(vt_checkpoint_parse(b.data + 1, b.len - 1, &c, NULL), VT_E_LIMIT);
    vt_buf_release(&b);
}

#define LOG_TEXT "a.example/log\n5\n" ROOT "\n"

static void
test_checkpoint_open(void **state)
{
    struct vt_vkey log = test_vkey("a.example/log", VT_NOTE_ED25519, 1);
    struct vt_vkey new_log = test_vkey("a.example/log", VT_NOTE_ED25519, 2);
    struct vt_vkey other = test_vkey("b.example/log", VT_NOTE_ED25519, 1);
    struct vt_buf b = VT_BUF(10000);
    struct vt_checkpoint c;
    struct vt_note n;
    (void)state;
    vt_buf_puts(&b, LOG_TEXT "\n");
    test_put_sig(&b, "a.example/log", 1, LOG_TEXT, strlen(LOG_TEXT));
    assert_int_equal(vt_checkpoint_open(b.data, b.len, &log, &n, &c, NULL), VT_OK);
    assert_int_equal(c.size, 5);
    assert_int_equal(n.text_len, strlen(LOG_TEXT));
    assert_int_equal(vt_checkpoint_open(b.data, b.len, &new_log, &n, &c, NULL), VT_E_UNKNOWN);
    assert_int_equal(vt_checkpoint_open(b.data, b.len, &other, &n, &c, NULL), VT_E_UNKNOWN);
    b.data[strlen("a.example/log\n")] = '6';
    assert_int_equal(vt_checkpoint_open(b.data, b.len, &log, &n, &c, NULL), VT_E_SIG);
    assert_int_equal(vt_checkpoint_open(b.data, b.len - 1, &log, &n, &c, NULL), VT_E_SYNTAX);
    vt_buf_release(&b);
}

static void
test_cosignatures(void **state)
{
    struct vt_vkey w = test_vkey("w.example", VT_NOTE_COSIG_ED25519, 3);
    struct vt_vkey same_key_01 = test_vkey("w.example", VT_NOTE_ED25519, 3);
    struct vt_buf b = VT_BUF(10000);
    struct vt_note n;
    uint64_t time = 1;
    (void)state;
    vt_cosig_message(&b, 1679315147, LOG_TEXT, strlen(LOG_TEXT));
    assert_string_equal(vt_buf_str(&b), "cosignature/v1\ntime 1679315147\n" LOG_TEXT);
    vt_buf_clear(&b);
    vt_buf_puts(&b, LOG_TEXT "\n");
    test_put_sig(&b, "a.example/log", 1, LOG_TEXT, strlen(LOG_TEXT));
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
    assert_int_equal(vt_cosig_verify(&n, &w, &time, NULL), VT_E_UNKNOWN);
    assert_int_equal(vt_cosig_verify(&n, &same_key_01, &time, NULL), VT_E_USAGE);
    test_put_cosig(&b, "w.example", 3, 1679315147, LOG_TEXT, strlen(LOG_TEXT));
    test_put_cosig(&b, "w.example", 3, 1679315100, LOG_TEXT, strlen(LOG_TEXT));
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
    assert_int_equal(vt_cosig_verify(&n, &w, &time, NULL), VT_OK);
    assert_int_equal(time, 1679315147);
    /* a cosignature is no note signature, and the other way round */
    assert_int_equal(vt_note_verify(&n, &same_key_01, NULL), VT_E_UNKNOWN);
    /* a third one over another tree */
    test_put_cosig(&b, "w.example", 3, 1679315200, "x\n", 2);
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
    assert_int_equal(vt_cosig_verify(&n, &w, &time, NULL), VT_E_SIG);
    assert_int_equal(time, 1679315147);
    vt_buf_release(&b);
}

static void
test_cosignatures_malformed(void **state)
{
    struct vt_vkey w = test_vkey("w.example", VT_NOTE_COSIG_ED25519, 3);
    uint8_t raw[73] = {0};
    const size_t lengths[] = {1, 8, 64, 71, 73};
    struct vt_note n;
    uint64_t time = 1;
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct vt_buf b = VT_BUF(10000);
        vt_buf_puts(&b, LOG_TEXT "\n");
        vt_note_put_sig(&b, "w.example", w.id, raw, lengths[i]);
        assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
        assert_int_equal(vt_cosig_verify(&n, &w, &time, NULL), VT_E_SIG);
        vt_buf_release(&b);
    }
    /* a time that the specification forbids, though rightly signed */
    struct vt_buf b = VT_BUF(10000);
    vt_buf_puts(&b, LOG_TEXT "\n");
    test_put_cosig(&b, "w.example", 3, UINT64_C(1) << 63, LOG_TEXT, strlen(LOG_TEXT));
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
    assert_int_equal(vt_cosig_verify(&n, &w, &time, NULL), VT_E_SIG);
    vt_buf_release(&b);
    /* a text longer than any checkpoint's */
    b = VT_BUF(20000);
    for (unsigned i = 0; i <= VT_CHECKPOINT_TEXT_MAX; i++)
        vt_buf_puts(&b, "x");
    vt_buf_puts(&b, "\n\n");
    size_t len = b.len - 1;
    char *text = malloc(len);
    assert_non_null(text);
    memcpy(text, b.data, len);
    test_put_cosig(&b, "w.example", 3, 5, text, len);
    free(text);
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
    assert_int_equal(vt_cosig_verify(&n, &w, &time, NULL), VT_E_SIG);
    vt_buf_release(&b);
}

/* ---- tlog-proofs ---- */

#define H1 "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"
#define H2 "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n"
#define HEAD "c2sp.org/tlog-proof@v1\n"

static void
test_proof_round_trip(void **state)
{
    static const char *const good[] = {
        HEAD "extra YWdl\nindex 73894\n" H1 H2 "\n" LOG_TEXT "\nsig\n",
        HEAD "index 0\n\nx\n",
    };
    struct vt_buf b = VT_BUF(10000);
    struct vt_tlog_proof p;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(vt_tlog_proof_parse(good[i], strlen(good[i]), &p, NULL), VT_OK);
        vt_buf_clear(&b);
        vt_tlog_proof_put(&b, &p);
        assert_string_equal(vt_buf_str(&b), good[i]);
    }
    assert_int_equal(p.index, 0);
    assert_int_equal(p.path.len, 0);
    assert_null(p.extra);
    assert_int_equal(vt_tlog_proof_parse(good[0], strlen(good[0]), &p, NULL), VT_OK);
    assert_int_equal(p.index, 73894);
    assert_int_equal(p.path.len, 2);
    assert_int_equal(p.path.hash[0].b[0], 0x81);
    assert_int_equal(p.extra_len, 4);
    assert_memory_equal(p.checkpoint, "a.example/log\n", 14);
    vt_buf_release(&b);
}

static void
test_proof_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "c2sp.org/tlog-proof@v1",
        HEAD,
        "c2sp.org/tlog-proof@v2\nindex 0\n\nx\n",
        HEAD "index 0\n",
        HEAD "index 0\n\n",
        HEAD "index 0\n" H1,
        HEAD "index 0\n" H1 "x\n",
        HEAD "index\n\nx\n",
        HEAD "index 00\n\nx\n",
        HEAD "index -1\n\nx\n",
        HEAD "index 9223372036854775808\n\nx\n",
        HEAD "index 0 \n\nx\n",
        HEAD "Index 0\n\nx\n",
        HEAD "extra \nindex 0\n\nx\n",
        HEAD "extra\nindex 0\n\nx\n",
        HEAD "extra A\nindex 0\n\nx\n",
        HEAD "extra YWdl\nextra YWdl\nindex 0\n\nx\n",
        HEAD "index 0\nextra YWdl\n\nx\n",
        HEAD "index 0\nAAAA\n\nx\n",
        HEAD "index 0\n" H1 " \nx\n",
        HEAD "index 0\r\n\nx\n",
    };
    struct vt_tlog_proof p = {.index = 4};
    struct vt_buf b = VT_BUF(10000);
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (vt_tlog_proof_parse(bad[i], strlen(bad[i]), &p, NULL) != VT_E_SYNTAX)
            fail_msg("accepted: %s", bad[i]);
    }
    vt_buf_puts(&b, HEAD "index 0\n");
    for (int i = 0; i < VT_PROOF_MAX + 1; i++)
        vt_buf_puts(&b, H1);
    vt_buf_puts(&b, "\nx\n");
    assert_int_equal(vt_tlog_proof_parse(b.data, b.len, &p, NULL), VT_E_LIMIT);
    vt_buf_release(&b);
    b = VT_BUF(VT_NOTE_MAX + 1);
    while (b.len <= VT_NOTE_MAX)
        vt_buf_puts(&b, "x");
    assert_int_equal(vt_tlog_proof_parse(b.data, b.len, &p, NULL), VT_E_LIMIT);
    vt_buf_release(&b);
    assert_int_equal(p.index, 4);
}

/* ---- entries ---- */

static struct vt_digest
digest(uint8_t byte)
{
    struct vt_digest d;
    memset(d.b, byte, sizeof d.b);
    return d;
}

static void
add(struct vt_entry *e, enum vt_subject_role role, uint8_t byte)
{
    struct vt_digest d = digest(byte);
    assert_int_equal(vt_entry_add(e, role, &d, NULL), VT_OK);
}

static struct vt_entry
mismatch(void)
{
    struct vt_entry e = {.kind = VT_ENTRY_MISMATCH, .statement = digest(0x99)};
    add(&e, VT_SUBJECT_SOURCE, 0x55);
    add(&e, VT_SUBJECT_REBUILT, 0x44);
    add(&e, VT_SUBJECT_RECIPE, 0x33);
    add(&e, VT_SUBJECT_ARTIFACT, 0x22);
    add(&e, VT_SUBJECT_ARTIFACT, 0x11);
    add(&e, VT_SUBJECT_ARTIFACT, 0x22);
    add(&e, VT_SUBJECT_ENVIRONMENT, 0x00);
    return e;
}

#define HEX8(d) d d d d d d d d
#define HEX64(d) HEX8(d d d d d d d d)
#define DIGEST(d) "sha256:" HEX64(d)
#define MISMATCH_TEXT                                                                          \
    "vitrine/entry/v1\n"                                                                       \
    "kind mismatch\n"                                                                          \
    "subject artifact " DIGEST(                                                                \
        "1") "\n"                                                                              \
             "subject artifact " DIGEST(                                                       \
                 "2") "\n"                                                                     \
                      "subject environment " DIGEST(                                           \
                          "0") "\n"                                                            \
                               "subject rebuilt " DIGEST(                                      \
                                   "4") "\n"                                                   \
                                        "subject recipe " DIGEST(                              \
                                            "3") "\n"                                          \
                                                 "subject source " DIGEST(                     \
                                                     "5") "\n"                                 \
                                                          "statement " DIGEST("9") "\n"

static void
test_entry_text(void **state)
{
    struct vt_entry e = mismatch();
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    struct vt_digest d = digest(0x22);
    (void)state;
    assert_int_equal(e.subject_count, 6);
    assert_int_equal(vt_entry_check(&e, NULL), VT_OK);
    vt_entry_put_text(&b, &e);
    assert_string_equal(vt_buf_str(&b), MISMATCH_TEXT);
    vt_buf_release(&b);
    assert_true(vt_entry_has(&e, VT_SUBJECT_ARTIFACT, &d));
    assert_false(vt_entry_has(&e, VT_SUBJECT_SOURCE, &d));
    assert_null(vt_entry_one(&e, VT_SUBJECT_ARTIFACT)); /* there are two */
    assert_null(vt_entry_one(&e, VT_SUBJECT_METADATA));
    assert_int_equal(vt_entry_one(&e, VT_SUBJECT_RECIPE)->b[0], 0x33);
}

static void
test_entry_sign_and_parse(void **state)
{
    struct vt_entry e = mismatch(), back;
    struct vt_signer *s = NULL;
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    struct vt_vkey k = test_vkey("beta.example/rebuilder", VT_NOTE_ED25519, 4);
    struct vt_note n;
    (void)state;
    assert_int_equal(
        vt_signer_from_key(test_key("beta.example/rebuilder", 4), &s, NULL), VT_OK);
    assert_int_equal(vt_entry_sign(&b, &e, s, NULL), VT_OK);
    assert_int_equal(vt_entry_parse(b.data, b.len, &n, &back, NULL), VT_OK);
    assert_int_equal(back.kind, VT_ENTRY_MISMATCH);
    assert_int_equal(back.subject_count, e.subject_count);
    assert_memory_equal(back.subject, e.subject, e.subject_count * sizeof e.subject[0]);
    assert_true(vt_digest_eq(&back.statement, &e.statement));
    assert_int_equal(vt_note_verify(&n, &k, NULL), VT_OK);
    b.data[strlen("vitrine/entry/v1\nkind mismatch\nsubject artifact sha256:")] = '0';
    assert_int_equal(vt_entry_parse(b.data, b.len, &n, &back, NULL), VT_OK);
    assert_int_equal(vt_note_verify(&n, &k, NULL), VT_E_SIG);
    /* an entry that its kind forbids is not signed, and nothing is appended */
    vt_buf_clear(&b);
    e.kind = VT_ENTRY_SOURCE;
    assert_int_equal(vt_entry_sign(&b, &e, s, NULL), VT_E_SYNTAX);
    assert_int_equal(b.len, 0);
    vt_signer_free(s);
    vt_buf_release(&b);
}

#define SIGNED(text) text "\n" DASH "x " SIG5 "\n"
#define SOURCE_HEAD "vitrine/entry/v1\nkind source\n"
#define SOURCE_LINE "subject source " DIGEST("5") "\n"
#define STATEMENT_LINE "statement " DIGEST("9") "\n"

static void
test_entry_refused(void **state)
{
    static const char *const bad[] = {
        SIGNED("x\n"),
        SIGNED(SOURCE_HEAD),
        SIGNED(SOURCE_HEAD SOURCE_LINE),
        SIGNED(SOURCE_HEAD STATEMENT_LINE),
        SIGNED(SOURCE_HEAD SOURCE_LINE STATEMENT_LINE "x\n"),
        SIGNED(SOURCE_HEAD SOURCE_LINE STATEMENT_LINE STATEMENT_LINE),
        SIGNED(SOURCE_HEAD STATEMENT_LINE SOURCE_LINE),
        SIGNED(SOURCE_HEAD SOURCE_LINE SOURCE_LINE STATEMENT_LINE),
        SIGNED(SOURCE_HEAD SOURCE_LINE "subject source " DIGEST("6") "\n" STATEMENT_LINE),
        SIGNED(SOURCE_HEAD "subject recipe " DIGEST("6") "\n" SOURCE_LINE STATEMENT_LINE),
        SIGNED(SOURCE_HEAD "subject Source " DIGEST("5") "\n" STATEMENT_LINE),
        SIGNED(SOURCE_HEAD "subject  source " DIGEST("5") "\n" STATEMENT_LINE),
        SIGNED(SOURCE_HEAD "subject source  " DIGEST("5") "\n" STATEMENT_LINE),
        SIGNED(SOURCE_HEAD "subject source " DIGEST("5") " \n" STATEMENT_LINE),
        SIGNED(SOURCE_HEAD "subject source " DIGEST("A") "\n" STATEMENT_LINE),
        SIGNED(SOURCE_HEAD "subject source sha256:55\n" STATEMENT_LINE),
        SIGNED(SOURCE_HEAD "subject source sha512:" HEX64("5") "\n" STATEMENT_LINE),
        SIGNED(SOURCE_HEAD "subject source\n" STATEMENT_LINE),
        SIGNED("vitrine/entry/v2\nkind source\n" SOURCE_LINE STATEMENT_LINE),
        SIGNED("vitrine/entry/v1\nkind sources\n" SOURCE_LINE STATEMENT_LINE),
        SIGNED("vitrine/entry/v1\nkind \n" SOURCE_LINE STATEMENT_LINE),
        SIGNED("vitrine/entry/v1\n" SOURCE_LINE STATEMENT_LINE),
        SIGNED("\n" SOURCE_HEAD SOURCE_LINE STATEMENT_LINE),
        SIGNED(SOURCE_HEAD SOURCE_LINE STATEMENT_LINE) DASH "y " SIG5 "\n",
        SOURCE_HEAD SOURCE_LINE STATEMENT_LINE,
    };
    static const char good[] = SIGNED(SOURCE_HEAD SOURCE_LINE STATEMENT_LINE);
    struct vt_entry e = {.subject_count = 9};
    struct vt_note n;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (vt_entry_parse(bad[i], strlen(bad[i]), &n, &e, NULL) != VT_E_SYNTAX)
            fail_msg("accepted: %s", bad[i]);
    }
    assert_int_equal(e.subject_count, 9);
    assert_int_equal(vt_entry_parse(good, strlen(good), &n, &e, NULL), VT_OK);
}

/* For each kind: taking any of its roles away, or adding any that it has not,
 * or doubling one that it has once, makes it wrong. */
static void
test_entry_kinds(void **state)
{
    /* by role: 0 none, 1 one, 2 some, 3 any number */
    static const unsigned needs[VT_ENTRY_KIND_COUNT][VT_SUBJECT_ROLE_COUNT] = {
        /*                         artifact environment metadata recipe source rebuilt */
        [VT_ENTRY_SOURCE] = {0, 0, 0, 0, 0, 1, 0},
        [VT_ENTRY_ENVIRONMENT] = {0, 0, 1, 0, 0, 0, 0},
        [VT_ENTRY_ASSEMBLY] = {0, 2, 1, 0, 1, 1, 0},
        [VT_ENTRY_REBUILD] = {0, 2, 1, 0, 1, 1, 0},
        [VT_ENTRY_MISMATCH] = {0, 2, 1, 0, 1, 1, 2},
        [VT_ENTRY_RELEASE] = {0, 2, 0, 1, 0, 0, 0},
        /* policy key request grant relocation receipt inventory */
        [VT_ENTRY_VAULT_POLICY] = {[VT_SUBJECT_POLICY] = 1},
        [VT_ENTRY_VAULT_KEY] = {[VT_SUBJECT_POLICY] = 1, 1},
        [VT_ENTRY_REQUEST] = {[VT_SUBJECT_POLICY] = 1},
        [VT_ENTRY_APPROVAL] = {[VT_SUBJECT_REQUEST] = 1},
        [VT_ENTRY_GRANT] = {[VT_SUBJECT_POLICY] = 1, 0, 1},
        [VT_ENTRY_REFUSAL] = {[VT_SUBJECT_REQUEST] = 1},
        [VT_ENTRY_RUN] = {[VT_SUBJECT_ARTIFACT] = 3, [VT_SUBJECT_REQUEST] = 1, 1},
        [VT_ENTRY_INVENTORY] = {[VT_SUBJECT_INVENTORY] = 1},
        [VT_ENTRY_ERASURE] = {[VT_SUBJECT_KEY] = 2, 1, 1},
        [VT_ENTRY_RETENTION] = {[VT_SUBJECT_POLICY] = 1, 3},
        [VT_ENTRY_RELOCATION] = {[VT_SUBJECT_POLICY] = 1, 0, 0, 0, 0, 0, 1},
        [VT_ENTRY_RECEIPT] = {[VT_SUBJECT_RELOCATION] = 1, 0, 1},
        [VT_ENTRY_SHRED] = {[VT_SUBJECT_RECEIPT] = 1, 1},
        [VT_ENTRY_READING] = {[VT_SUBJECT_SOURCE] = 1},
        [VT_ENTRY_REVIEW] = {[VT_SUBJECT_SOURCE] = 1},
        [VT_ENTRY_OBJECTION] = {[VT_SUBJECT_SOURCE] = 1},
        [VT_ENTRY_VISITS] = {[VT_SUBJECT_VISITS] = 1},
    };
    (void)state;
    for (unsigned kind = 1; kind < VT_ENTRY_KIND_COUNT; kind++) {
        for (unsigned role = 0; role < VT_SUBJECT_ROLE_COUNT; role++) {
            for (unsigned count = 0; count < 3; count++) {
                struct vt_entry e = {.kind = (enum vt_entry_kind)kind};
                for (unsigned r = 1; r < VT_SUBJECT_ROLE_COUNT; r++) {
                    unsigned n = r == role ? count : needs[kind][r] % 3 > 0;
                    for (unsigned i = 0; i < n; i++)
                        add(&e, (enum vt_subject_role)r, (uint8_t)i);
                }
                static const bool fits[4][3] = {{true, false, false}, {false, true, false},
                    {false, true, true}, {true, true, true}};
                bool good = role == 0 || fits[needs[kind][role]][count];
                assert_int_equal(vt_entry_check(&e, NULL), good ? VT_OK : VT_E_SYNTAX);
            }
        }
        enum vt_entry_kind back;
        const char *name = vt_entry_kind_name((enum vt_entry_kind)kind);
        assert_true(vt_entry_kind_parse(name, strlen(name), &back));
        assert_int_equal(back, kind);
        assert_false(vt_entry_kind_parse(name, strlen(name) - 1, &back));
    }
    assert_null(vt_entry_kind_name((enum vt_entry_kind)0));
    assert_null(vt_entry_kind_name(VT_ENTRY_KIND_COUNT));
    assert_null(vt_subject_role_name((enum vt_subject_role)0));
    assert_null(vt_subject_role_name(VT_SUBJECT_ROLE_COUNT));
}

static void
test_entry_limits(void **state)
{
    struct vt_entry e = {.kind = VT_ENTRY_RELEASE};
    struct vt_digest d = digest(0);
    struct vt_buf b = VT_BUF(200000);
    struct vt_note n;
    (void)state;
    for (unsigned i = 0; i < VT_ENTRY_SUBJECTS_MAX; i++)
        add(&e, VT_SUBJECT_ARTIFACT, (uint8_t)(i + 1));
    assert_int_equal(vt_entry_add(&e, VT_SUBJECT_METADATA, &d, NULL), VT_E_LIMIT);
    d = digest(1);
    assert_int_equal(vt_entry_add(&e, VT_SUBJECT_ARTIFACT, &d, NULL), VT_OK);
    assert_int_equal(e.subject_count, VT_ENTRY_SUBJECTS_MAX);
    vt_entry_put_text(&b, &e);
    vt_buf_puts(&b, "\n" DASH "x " SIG5 "\n");
    assert_int_equal(
        vt_entry_parse(b.data, b.len, &n, &e, NULL), VT_E_SYNTAX); /* no metadata */
    vt_buf_clear(&b);
    vt_buf_puts(&b, "vitrine/entry/v1\nkind release\n");
    for (unsigned i = 0; i < VT_ENTRY_SUBJECTS_MAX + 1; i++) {
        d = digest((uint8_t)i);
        vt_buf_puts(&b, "subject artifact sha256:");
        vt_buf_put_hex(&b, d.b, sizeof d.b);
        vt_buf_puts(&b, "\n");
    }
    vt_buf_puts(&b, STATEMENT_LINE "\n" DASH "x " SIG5 "\n");
    assert_int_equal(vt_entry_parse(b.data, b.len, &n, &e, NULL), VT_E_LIMIT);
    while (b.len <= VT_ENTRY_MAX)
        vt_buf_puts(&b, "x");
    assert_int_equal(vt_entry_parse(b.data, b.len, &n, &e, NULL), VT_E_LIMIT);
    vt_buf_release(&b);
    e.subject_count = VT_ENTRY_SUBJECTS_MAX + 1; /* a caller's struct is not trusted */
    assert_int_equal(vt_entry_check(&e, NULL), VT_E_LIMIT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_note_parse),
        cmocka_unit_test(test_note_refused),
        cmocka_unit_test(test_note_limits),
        cmocka_unit_test(test_note_verify_foreign),
        cmocka_unit_test(test_note_verify_own),
        cmocka_unit_test(test_sig_bytes),
        cmocka_unit_test(test_vkey_round_trip),
        cmocka_unit_test(test_vkey_refused),
        cmocka_unit_test(test_checkpoint_text),
        cmocka_unit_test(test_checkpoint_refused),
        cmocka_unit_test(test_checkpoint_open),
        cmocka_unit_test(test_cosignatures),
        cmocka_unit_test(test_cosignatures_malformed),
        cmocka_unit_test(test_proof_round_trip),
        cmocka_unit_test(test_proof_refused),
        cmocka_unit_test(test_entry_text),
        cmocka_unit_test(test_entry_sign_and_parse),
        cmocka_unit_test(test_entry_refused),
        cmocka_unit_test(test_entry_kinds),
        cmocka_unit_test(test_entry_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
