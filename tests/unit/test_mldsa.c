/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ML-DSA-44 keys and cosignatures. What needs no ML-DSA is tried everywhere; the rest where
 * libcrypto has it (tests/e2e/mldsa runs this in a Debian 13), and else that it says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/proc.h"
#include "crypto/signer.h"
#include "note/policy.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ORIGIN "log.example"
#define WITNESS "witness.example"
#define TIME 1767225600

static char dir[64];
static bool there;
static char missing[128]; /* what is said where there is none */

static int
set_up(void **state)
{
    (void)state;
    there = vt_mldsa_available(NULL) == VT_OK;
    (void)snprintf(missing, sizeof missing,
        "ML-DSA-44 is not available: libcrypto %s; it needs 3.5",
        OpenSSL_version(OPENSSL_VERSION_STRING));
    print_message("ML-DSA-44: %s\n", there ? "available" : missing);
    strcpy(dir, "/tmp/vt-mldsa-XXXXXX");
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

/* A public key that nobody has. */
static const struct vt_mldsa_public *
public_of(unsigned n)
{
    const struct vt_mldsa_public *p = NULL;
    uint8_t b[VT_MLDSA_PUBLIC_SIZE];

    for (size_t i = 0; i < sizeof b; i++)
        b[i] = (uint8_t)(i * 7 + n + (n >> 8) * i);
    assert_int_equal(vt_mldsa_hold(b, &p, NULL), VT_OK);
    assert_memory_equal(p->b, b, sizeof b);
    return p;
}

static struct vt_checkpoint
tree(void)
{
    struct vt_checkpoint c = {.origin = ORIGIN, .size = 0x0102030405};

    memset(c.root.b, 0xaa, sizeof c.root.b);
    return c;
}

/* ---- everywhere ---- */

static void
test_hold(void **state)
{
    const struct vt_mldsa_public *a = public_of(1), *b = public_of(2);
    (void)state;

    assert_ptr_equal(public_of(1), a);
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(public_of(2), b);
}

static void
test_vkey(void **state)
{
    char text[VT_VKEY_TEXT_MAX], again[VT_VKEY_TEXT_MAX];
    uint8_t whole[1 + VT_MLDSA_PUBLIC_SIZE] = {6};
    const struct vt_mldsa_public *p = public_of(3);
    const struct vt_slice id[] = {{WITNESS "\n", sizeof WITNESS}, {whole, sizeof whole}};
    struct vt_digest d;
    struct vt_vkey k, parsed;
    (void)state;

    memcpy(whole + 1, p->b, sizeof p->b);
    vt_digest_of_slices(id, 2, &d);
    assert_int_equal(vt_vkey_make_mldsa(WITNESS, p, &k, NULL), VT_OK);
    assert_int_equal(k.alg, VT_NOTE_COSIG_MLDSA44);
    assert_int_equal(
        k.id, (uint32_t)d.b[0] << 24 | (uint32_t)d.b[1] << 16 | (uint32_t)d.b[2] << 8 | d.b[3]);
    vt_digest_of(p->b, sizeof p->b, &d);
    assert_memory_equal(k.pub.b, d.b, sizeof d.b);
    vt_vkey_format(&k, text);
    assert_int_equal(vt_vkey_parse(text, strlen(text), &parsed, NULL), VT_OK);
    assert_ptr_equal(parsed.mldsa, p);
    assert_int_equal(parsed.id, k.id);
    vt_vkey_format(&parsed, again);
    assert_string_equal(again, text);
    assert_int_equal(vt_vkey_parse(text, strlen(text) - 4, &parsed, NULL), VT_E_SYNTAX);
    text[strlen(WITNESS) + 1] ^= 1; /* the key id */
    assert_int_equal(vt_vkey_parse(text, strlen(text), &parsed, NULL), VT_E_SYNTAX);
    assert_int_equal(vt_vkey_make_mldsa("a b", p, &k, NULL), VT_E_SYNTAX);
}

/* The longest name that there can be fits. */
static void
test_vkey_longest(void **state)
{
    char name[VT_KEY_NAME_MAX + 2], text[VT_VKEY_TEXT_MAX];
    struct vt_vkey k, parsed;
    (void)state;

    memset(name, 'n', sizeof name);
    name[VT_KEY_NAME_MAX + 1] = '\0';
    assert_int_equal(vt_vkey_make_mldsa(name, public_of(4), &k, NULL), VT_E_SYNTAX);
    name[VT_KEY_NAME_MAX] = '\0';
    assert_int_equal(vt_vkey_make_mldsa(name, public_of(4), &k, NULL), VT_OK);
    vt_vkey_format(&k, text);
    assert_true(strlen(text) < VT_VKEY_TEXT_MAX - 1);
    assert_int_equal(vt_vkey_parse(text, strlen(text), &parsed, NULL), VT_OK);
    assert_string_equal(parsed.name, name);
}

/* Byte for byte as C2SP tlog-cosignature has it. */
#define HEAD "subtree/v1\n\0"
#define NAME_PART "\017witness.example"
#define TIME_PART "\0\0\0\0\x69\x55\xb9\0"
#define ORIGIN_PART "\013log.example"
#define START "\0\0\0\0\0\0\0\0"
#define END "\0\0\0\1\2\3\4\5"
#define ROOT32                                                                                 \
    "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"                         \
    "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
#define MESSAGE HEAD NAME_PART TIME_PART ORIGIN_PART START END ROOT32

static void
test_message(void **state)
{
    static const char want[] = MESSAGE;
    const struct vt_checkpoint c = tree();
    char name[VT_KEY_NAME_MAX + 2];
    struct vt_buf b = VT_BUF(1024);
    (void)state;

    vt_cosig_subtree_message(&b, WITNESS, TIME, &c);
    assert_int_equal(b.len, sizeof want - 1);
    assert_memory_equal(b.data, want, b.len);
    memset(name, 'n', sizeof name);
    name[VT_KEY_NAME_MAX + 1] = '\0';
    vt_cosig_subtree_message(&b, name, TIME, &c);
    assert_int_equal(b.err, VT_E_LIMIT);
    vt_buf_release(&b);
}

static void
test_form(void **state)
{
#define BYTES(s)                                                                               \
    {                                                                                          \
        s, sizeof(s) - 1                                                                       \
    }
    static const struct {
        const char *msg;
        size_t len;
    } bad[] = {
        BYTES(""),
        BYTES(HEAD),
        BYTES("subtree/v1\n" NAME_PART TIME_PART ORIGIN_PART START END ROOT32),
        BYTES("subtree/v2\n\0" NAME_PART TIME_PART ORIGIN_PART START END ROOT32),
        BYTES(HEAD "\017witness.exampl2" TIME_PART ORIGIN_PART START END ROOT32),
        BYTES(HEAD "\016witness.exampl" TIME_PART ORIGIN_PART START END ROOT32),
        BYTES(HEAD "\0" TIME_PART ORIGIN_PART START END ROOT32),
        BYTES(HEAD NAME_PART TIME_PART "\0" START END ROOT32),
        BYTES(HEAD NAME_PART "\x80\0\0\0\0\0\0\0" ORIGIN_PART START END ROOT32),
        BYTES(HEAD NAME_PART TIME_PART ORIGIN_PART "\0\0\0\0\0\0\0\1" END ROOT32),
        BYTES(HEAD NAME_PART TIME_PART ORIGIN_PART START "\x80\0\0\0\0\0\0\0" ROOT32),
        BYTES(MESSAGE "\0"),
        {MESSAGE, sizeof MESSAGE - 2},
        BYTES("cosignature/v1\ntime 5\n"),
    };
    (void)state;

    assert_true(vt_sign_form_ok(VT_SIGN_SUBTREE, WITNESS, MESSAGE, sizeof MESSAGE - 1));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (vt_sign_form_ok(VT_SIGN_SUBTREE, WITNESS, bad[i].msg, bad[i].len))
            fail_msg("form %zu was taken", i);
    }
    for (int kind = 1; kind <= VT_SIGN_LOG_INDEX; kind++)
        assert_true(vt_sign_form_ok((enum vt_sign_kind)kind, WITNESS, MESSAGE,
                        sizeof MESSAGE - 1) == (kind == VT_SIGN_SUBTREE));
}

/* An Ed25519 key makes no cosignatures of that kind, whatever it is asked. */
static void
test_not_by_ed25519(void **state)
{
    struct vt_buf b = VT_BUF(4096);
    struct vt_signer *s = NULL;
    struct vt_key *k = NULL;
    struct vt_vkey v;
    struct vt_sig sig;
    (void)state;

    assert_int_equal(vt_key_new(WITNESS, &k, NULL), VT_OK);
    assert_int_equal(vt_signer_from_key(k, &s, NULL), VT_OK);
    assert_null(vt_signer_mldsa(s));
    assert_int_equal(
        vt_signer_sign(s, VT_SIGN_SUBTREE, MESSAGE, sizeof MESSAGE - 1, &sig, NULL),
        VT_E_REFUSED);
    assert_int_equal(
        vt_signer_sign_long(s, VT_SIGN_SUBTREE, MESSAGE, sizeof MESSAGE - 1, &b, NULL),
        VT_E_REFUSED);
    assert_int_equal(vt_vkey_make_signer(s, false, &v, NULL), VT_OK);
    assert_int_equal(v.alg, VT_NOTE_ED25519);
    assert_int_equal(vt_vkey_make_signer(s, true, &v, NULL), VT_OK);
    assert_int_equal(v.alg, VT_NOTE_COSIG_ED25519);
    assert_int_equal(b.len, 0);
    vt_signer_free(s);
    vt_buf_release(&b);
}

/* ---- policies ---- */

static void
put_mldsa_key(struct vt_buf *b, const char *name, unsigned n)
{
    char text[VT_VKEY_TEXT_MAX];
    struct vt_vkey k;

    assert_int_equal(vt_vkey_make_mldsa(name, public_of(n), &k, NULL), VT_OK);
    vt_vkey_format(&k, text);
    vt_buf_puts(b, text);
}

static void
put_key(struct vt_buf *b, const char *name, enum vt_note_alg alg)
{
    char text[VT_VKEY_TEXT_MAX];
    struct vt_pubkey pub;
    struct vt_key *k = NULL;
    struct vt_vkey v;

    assert_int_equal(vt_key_new(name, &k, NULL), VT_OK);
    vt_key_public(k, &pub);
    assert_int_equal(vt_vkey_make(name, alg, &pub, &v, NULL), VT_OK);
    vt_vkey_format(&v, text);
    vt_buf_puts(b, text);
    vt_key_free(k);
}

/* @a, @b: witnesses' Ed25519 keys; @A, @B: their ML-DSA keys. */
static enum vt_err
parse(const char *text, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(65536);
    struct vt_policy *p = NULL;
    enum vt_err err;

    for (; *text != '\0'; text++) {
        if (*text != '@') {
            vt_buf_put_u8(&b, (uint8_t)*text);
            continue;
        }
        text++;
        if (*text < 'a')
            put_mldsa_key(&b, *text == 'A' ? "a.example" : "b.example", (unsigned)*text);
        else
            put_key(&b, *text == 'a' ? "a.example" : "b.example", VT_NOTE_COSIG_ED25519);
    }
    err = vt_policy_parse(b.data, b.len, &p, why);
    vt_policy_free(p);
    vt_buf_release(&b);
    return err;
}

static void
test_two_keys_count_once(void **state)
{
    static const char *const good[] = {
        "witness a @a\nwitness A @A\ngroup one any a A\nquorum one\n",
        ("witness a @a\nwitness A @A\ngroup one 1 A a\nwitness b @b\ngroup two 2 one b\n"
         "quorum two\n"),
        "witness a @a\nwitness A @A\nwitness b @b\ngroup g all a b\nquorum g\n",
        "witness a @a\nwitness B @B\ngroup g any a B\nquorum g\n",
        "witness a @a\nwitness A @A\nquorum a\n",
        "witness A @A\nquorum none\n",
    };
    static const char *const bad[] = {
        "witness a @a\nwitness A @A\ngroup g 2 a A\nquorum g\n",
        "witness A @A\nwitness a @a\nwitness b @b\ngroup g 2 A a b\nquorum g\n",
        ("witness a @a\nwitness A @A\nwitness b @b\ngroup g any a b\ngroup h any A g\n"
         "quorum h\n"),
    };
    struct vt_why why = {0};
    (void)state;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (parse(good[i], &why) != VT_OK)
            fail_msg("%s: %s", good[i], why.text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (parse(bad[i], &why) != VT_E_CONFIG)
            fail_msg("taken: %s", bad[i]);
        assert_non_null(strstr(why.text, "two keys of one witness"));
    }
    assert_int_equal(parse("log @A\nquorum none\n", &why), VT_E_CONFIG);
    assert_int_equal(parse("signer A @A\nquorum none\n", &why), VT_E_CONFIG);
    assert_int_equal(
        parse("witness A @A\nwitness B @A\nquorum none\n", &why), VT_E_CONFIG); /* one key */
}

/* ---- where there is none ---- */

#define SEED_KEY                                                                               \
    "name: " WITNESS "\n-----BEGIN PRIVATE KEY-----\n"                                         \
    "MDQCAQAwCwYJYIZIAWUDBAMRBCKAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZ\nGhscHR4f\n"             \
    "-----END PRIVATE KEY-----\n"

static void
test_said_where_there_is_none(void **state)
{
    static const char note_text[] = ORIGIN "\n4328719365\n"
                                           "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=\n";
    uint8_t raw[8 + VT_MLDSA_SIG_SIZE] = {0};
    struct vt_buf b = VT_BUF(65536);
    struct vt_key *k = NULL;
    struct vt_why why = {0};
    struct vt_vkey v;
    struct vt_note n;
    uint64_t time;
    (void)state;

    if (there)
        return;
    assert_int_equal(vt_mldsa_available(&why), VT_E_CRYPTO);
    assert_string_equal(why.text, missing);
    assert_int_equal(vt_key_new_mldsa(WITNESS, &k, &why), VT_E_CRYPTO);
    assert_string_equal(why.text, missing);
    assert_int_equal(
        vt_file_replace(in_dir("seed.key"), 0600, SEED_KEY, strlen(SEED_KEY), NULL), VT_OK);
    assert_int_equal(vt_key_load(in_dir("seed.key"), NULL, &k, &why), VT_E_CRYPTO);
    assert_non_null(strstr(why.text, missing));
    assert_null(k);
    assert_int_equal(parse("witness A @A\nquorum A\n", &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "quorum cannot be met here"));
    assert_non_null(strstr(why.text, missing));
    /* a line of a known key, which may be right or wrong */
    assert_int_equal(vt_vkey_make_mldsa(WITNESS, public_of(9), &v, NULL), VT_OK);
    vt_buf_puts(&b, note_text);
    vt_buf_puts(&b, "\n");
    vt_note_put_sig(&b, v.name, v.id, raw, sizeof raw);
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
    assert_int_equal(vt_cosig_verify(&n, &v, &time, &why), VT_E_CRYPTO);
    assert_non_null(strstr(why.text, missing));
    vt_buf_release(&b);
}

/* ---- where there is one ---- */

static struct vt_key *
new_key(const char *name)
{
    struct vt_key *k = NULL;
    struct vt_why why = {0};

    if (vt_key_new_mldsa(name, &k, &why) != VT_OK)
        fail_msg("%s", why.text);
    return k;
}

static void
test_key(void **state)
{
    static const char *const passphrases[] = {NULL, "open sesame"};
    struct vt_key *k, *again = NULL;
    struct vt_buf sig = VT_BUF(8192);
    struct vt_sig short_sig;
    struct vt_why why = {0};
    (void)state;

    if (!there)
        return;
    k = new_key(WITNESS);
    assert_int_equal(vt_key_type(k), VT_KEY_MLDSA44);
    assert_int_equal(vt_key_sign(k, "m", 1, &short_sig, &why), VT_E_USAGE);
    for (size_t i = 0; i < 2; i++) {
        const char *path = in_dir(i == 0 ? "plain.key" : "sealed.key");
        assert_int_equal(vt_key_save(k, path, passphrases[i], NULL), VT_OK);
        if (vt_key_load(path, passphrases[i], &again, &why) != VT_OK)
            fail_msg("%s", why.text);
        assert_string_equal(vt_key_name(again), WITNESS);
        assert_ptr_equal(vt_key_mldsa(again), vt_key_mldsa(k));
        vt_buf_clear(&sig);
        assert_int_equal(vt_key_sign_long(again, "message", 7, &sig, NULL), VT_OK);
        assert_int_equal(sig.len, VT_MLDSA_SIG_SIZE);
        assert_true(vt_mldsa_verify(vt_key_mldsa(k), "message", 7, sig.data, sig.len));
        assert_false(vt_mldsa_verify(vt_key_mldsa(k), "messagf", 7, sig.data, sig.len));
        assert_false(vt_mldsa_verify(vt_key_mldsa(k), "message", 7, sig.data, sig.len - 1));
        vt_key_free(again);
    }
    vt_key_free(k);
    vt_buf_release(&sig);
}

/* A key of a seed, which another program wrote. */
static void
test_seed_key(void **state)
{
    struct vt_key *k = NULL;
    struct vt_why why = {0};
    char hex[2 * 32 + 1];
    (void)state;

    if (!there)
        return;
    assert_int_equal(
        vt_file_replace(in_dir("seed.key"), 0600, SEED_KEY, strlen(SEED_KEY), NULL), VT_OK);
    if (vt_key_load(in_dir("seed.key"), NULL, &k, &why) != VT_OK)
        fail_msg("%s", why.text);
    /* RFC 9881, appendix C: the public key of the seed 000102...1f, its beginning */
    vt_hex_encode(vt_key_mldsa(k)->b, 32, hex);
    assert_string_equal(
        hex, "d7b2b47254aae0db45e7930d4a98d2c97d8f1397d1789dafa17024b316e9bec9");
    vt_key_free(k);
}

/* Another program finds our signature good. */
static void
test_openssl_verifies(void **state)
{
    char key[VT_PATH_MAX], pub[VT_PATH_MAX], sig_path[VT_PATH_MAX], msg[VT_PATH_MAX];
    const char *const public[] = {"openssl", "pkey", "-in", key, "-pubout", "-out", pub, NULL};
    const char *const verify[] = {"openssl", "pkeyutl", "-verify", "-pubin", "-inkey", pub,
        "-rawin", "-in", msg, "-sigfile", sig_path, NULL};
    struct vt_buf sig = VT_BUF(8192);
    struct vt_why why = {0};
    struct vt_key *k;
    (void)state;

    if (!there)
        return;
    k = new_key(WITNESS);
    assert_int_equal(vt_key_save(k, in_dir("o.key"), NULL, NULL), VT_OK);
    assert_int_equal(vt_key_sign_long(k, MESSAGE, sizeof MESSAGE - 1, &sig, NULL), VT_OK);
    assert_int_equal(vt_file_replace(in_dir("o.sig"), 0600, sig.data, sig.len, NULL), VT_OK);
    assert_int_equal(
        vt_file_replace(in_dir("o.msg"), 0600, MESSAGE, sizeof MESSAGE - 1, NULL), VT_OK);
    strcpy(key, in_dir("o.key"));
    strcpy(pub, in_dir("o.pub"));
    strcpy(sig_path, in_dir("o.sig"));
    strcpy(msg, in_dir("o.msg"));
    if (vt_proc_run(public, NULL, &why) != VT_OK || vt_proc_run(verify, NULL, &why) != VT_OK)
        fail_msg("%s", why.text);
    vt_key_free(k);
    vt_buf_release(&sig);
}

/* A checkpoint with the cosignatures of one witness by both of its keys. */
struct world {
    struct vt_buf policy;
    struct vt_buf note;
    size_t text_len;
    struct vt_checkpoint c;
    struct vt_vkey both[2]; /* 04, 06 */
    size_t line[2];         /* where their lines begin */
};

static struct vt_signer *
signer(struct vt_key *k)
{
    struct vt_signer *s = NULL;
    struct vt_why why = {0};

    if (vt_signer_from_key(k, &s, &why) != VT_OK)
        fail_msg("%s", why.text);
    return s;
}

static void
put_log(struct world *w)
{
    char text[VT_VKEY_TEXT_MAX];
    struct vt_key *k = NULL;
    struct vt_signer *s;
    struct vt_vkey v;
    struct vt_sig sig;

    assert_int_equal(vt_key_new(ORIGIN, &k, NULL), VT_OK);
    s = signer(k);
    assert_int_equal(vt_vkey_make_signer(s, false, &v, NULL), VT_OK);
    vt_vkey_format(&v, text);
    vt_buf_putf(&w->policy, "log %s\n", text);
    vt_checkpoint_put(&w->note, &w->c);
    w->text_len = w->note.len;
    assert_int_equal(
        vt_signer_sign(s, VT_SIGN_CHECKPOINT, w->note.data, w->note.len, &sig, NULL), VT_OK);
    vt_buf_puts(&w->note, "\n");
    vt_note_put_sig(&w->note, v.name, v.id, sig.b, sizeof sig.b);
    vt_signer_free(s);
}

static struct world
world(void)
{
    struct world w = {.policy = VT_BUF(65536), .note = VT_BUF(65536), .c = tree()};
    struct vt_key *ed = NULL;
    char text[VT_VKEY_TEXT_MAX];
    struct vt_signer *s[2];
    struct vt_why why = {0};

    put_log(&w);
    assert_int_equal(vt_key_new(WITNESS, &ed, NULL), VT_OK);
    s[0] = signer(ed);
    s[1] = signer(new_key(WITNESS));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(vt_vkey_make_signer(s[i], true, &w.both[i], NULL), VT_OK);
        vt_vkey_format(&w.both[i], text);
        vt_buf_putf(&w.policy, "witness w%zu %s\n", i, text);
        w.line[i] = w.note.len;
        if (vt_cosig_sign(s[i], &w.both[i], TIME + i, &w.c, w.note.data, w.text_len, &w.note,
                &why) != VT_OK)
            fail_msg("%s", why.text);
    }
    assert_int_equal(
        vt_cosig_sign(s[0], &w.both[1], TIME, &w.c, w.note.data, w.text_len, &w.note, NULL),
        VT_E_USAGE); /* not its key */
    assert_int_equal(vt_vkey_make_signer(s[1], false, &w.both[1], NULL), VT_E_USAGE);
    vt_signer_free(s[0]);
    vt_signer_free(s[1]);
    return w;
}

static void
free_world(struct world *w)
{
    vt_buf_release(&w->policy);
    vt_buf_release(&w->note);
}

static void
test_cosignature(void **state)
{
    struct world w;
    struct vt_note n;
    uint64_t time = 0;
    struct vt_why why = {0};
    (void)state;

    if (!there)
        return;
    w = world();
    assert_int_equal(vt_note_parse(w.note.data, w.note.len, &n, NULL), VT_OK);
    assert_int_equal(n.sig_count, 3);
    for (size_t i = 0; i < 2; i++) {
        if (vt_cosig_verify(&n, &w.both[i], &time, &why) != VT_OK)
            fail_msg("%s", why.text);
        assert_int_equal(time, TIME + i);
    }
    /* whatever is changed in the line of type 06: the time, the signature */
    const size_t at[] = {w.line[1] + 32, w.line[1] + 60, w.line[1] + 1000, w.note.len - 8};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        uint8_t *p = &w.note.data[at[i]], was = *p;
        *p = was == 'A' ? 'B' : 'A';
        assert_int_equal(vt_note_parse(w.note.data, w.note.len, &n, NULL), VT_OK);
        enum vt_err err = vt_cosig_verify(&n, &w.both[1], &time, NULL);
        assert_true(err == VT_E_SIG);
        assert_int_equal(vt_cosig_verify(&n, &w.both[0], &time, NULL), VT_OK);
        *p = was;
    }
    /* an extension line is no part of what type 06 says, the size is */
    w.note.data[sizeof ORIGIN] = '5';
    assert_int_equal(vt_note_parse(w.note.data, w.note.len, &n, NULL), VT_OK);
    assert_int_equal(vt_cosig_verify(&n, &w.both[1], &time, NULL), VT_E_SIG);
    free_world(&w);
}

static enum vt_err
check(const struct world *w, const char *quorum, uint64_t *ret_time, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(65536);
    struct vt_policy *p = NULL;
    struct vt_checkpoint c;
    enum vt_err err;

    vt_buf_put(&b, w->policy.data, w->policy.len);
    vt_buf_puts(&b, quorum);
    if (vt_policy_parse(b.data, b.len, &p, why) != VT_OK)
        fail_msg("%s", why->text);
    err = vt_policy_check_checkpoint(p, w->note.data, w->note.len, &c, ret_time, why);
    vt_policy_free(p);
    vt_buf_release(&b);
    return err;
}

static void
test_policy(void **state)
{
    uint64_t time = 0;
    struct vt_why why = {0};
    struct world w;
    (void)state;

    if (!there)
        return;
    w = world();
    assert_int_equal(check(&w, "quorum w1\n", &time, &why), VT_OK);
    assert_int_equal(time, TIME + 1);
    assert_int_equal(check(&w, "group one any w0 w1\nquorum one\n", &time, &why), VT_OK);
    assert_int_equal(time, TIME + 1);
    /* a false line of type 06 refuses the checkpoint, though the other would do */
    w.note.data[w.note.len - 8] = w.note.data[w.note.len - 8] == 'A' ? 'B' : 'A';
    assert_int_equal(check(&w, "group one any w0 w1\nquorum one\n", &time, &why), VT_E_SIG);
    w.note.len = w.line[1];
    assert_int_equal(check(&w, "group one any w0 w1\nquorum one\n", &time, &why), VT_OK);
    assert_int_equal(time, TIME);
    assert_int_equal(check(&w, "quorum w1\n", &time, &why), VT_E_QUORUM);
    free_world(&w);
}

static void
test_signer_process(void **state)
{
    const struct vt_slice msg = {MESSAGE, sizeof MESSAGE - 1};
    struct vt_signer *s = NULL;
    struct vt_buf sig = VT_BUF(8192);
    struct vt_sig short_sig;
    struct vt_why why = {0};
    struct vt_key *k;
    (void)state;

    if (!there)
        return;
    k = new_key(WITNESS);
    assert_int_equal(vt_key_save(k, in_dir("s.key"), NULL, NULL), VT_OK);
    if (vt_signer_spawn(in_dir("s.key"), VT_SIGN_BIT(VT_SIGN_SUBTREE), &s, &why) != VT_OK)
        fail_msg("%s", why.text);
    assert_string_equal(vt_signer_name(s), WITNESS);
    assert_ptr_equal(vt_signer_mldsa(s), vt_key_mldsa(k));
    vt_buf_puts(&sig, "before");
    for (unsigned i = 0; i < 20; i++) {
        sig.len = 6;
        if (vt_signer_sign_long(s, VT_SIGN_SUBTREE, msg.data, msg.len, &sig, &why) != VT_OK)
            fail_msg("%s", why.text);
        assert_int_equal(sig.len, 6 + VT_MLDSA_SIG_SIZE);
        assert_true(
            vt_mldsa_verify(vt_key_mldsa(k), msg.data, msg.len, sig.data + 6, sig.len - 6));
    }
    sig.len = 6;
    assert_int_equal(vt_signer_sign_long(s, VT_SIGN_SUBTREE, "x", 1, &sig, &why), VT_E_REFUSED);
    assert_int_equal(vt_signer_sign_long(s, VT_SIGN_COSIGNATURE, msg.data, msg.len, &sig, &why),
        VT_E_REFUSED);
    assert_int_equal(sig.len, 6);
    assert_int_equal(
        vt_signer_sign(s, VT_SIGN_SUBTREE, msg.data, msg.len, &short_sig, &why), VT_E_REFUSED);
    assert_int_equal(
        vt_signer_sign_all(s, VT_SIGN_SUBTREE, &msg, 1, &short_sig, &why), VT_E_REFUSED);
    vt_signer_free(s);
    vt_key_free(k);
    vt_buf_release(&sig);
}

/* ---- the end: the table of keys is bounded ---- */

static void
test_too_many(void **state)
{
    const struct vt_mldsa_public *p = NULL, *known = public_of(1);
    uint8_t b[VT_MLDSA_PUBLIC_SIZE] = {0};
    struct vt_why why = {0};
    enum vt_err err = VT_OK;
    (void)state;

    for (uint32_t i = 0; i < 5000 && err == VT_OK; i++) {
        memcpy(b, &i, sizeof i);
        err = vt_mldsa_hold(b, &p, &why);
    }
    assert_int_equal(err, VT_E_LIMIT);
    assert_non_null(strstr(why.text, "4096"));
    assert_ptr_equal(public_of(1), known);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_vkey),
        cmocka_unit_test(test_vkey_longest),
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_not_by_ed25519),
        cmocka_unit_test(test_two_keys_count_once),
        cmocka_unit_test(test_said_where_there_is_none),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_seed_key),
        cmocka_unit_test(test_openssl_verifies),
        cmocka_unit_test(test_cosignature),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_signer_process),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
