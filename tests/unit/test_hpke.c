/* SPDX-License-Identifier: Apache-2.0 */
/* HPKE: the published vectors of our suite, and what must not open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "crypto/hpke.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS "tests/vectors/hpke/x25519-sha256-aes256gcm.json"

/* ---- published vectors ---- */

struct vectors {
    json_t *v;
    uint8_t info[64];
    size_t info_len;
    struct vt_box *recipient;
    struct vt_box_public to;
};

/* The bytes of a member in hex; returns how many. */
static size_t
bytes_of(json_t *o, const char *name, uint8_t *ret, size_t size)
{
    const char *hex = json_string_value(json_object_get(o, name));
    size_t len = 0;

    assert_non_null(hex);
    assert_true(vt_hex_decode(hex, strlen(hex), ret, size, &len));
    return len;
}

static void
assert_member(json_t *o, const char *name, const void *got, size_t len)
{
    uint8_t want[512];

    assert_int_equal(bytes_of(o, name, want, sizeof want), len);
    assert_memory_equal(got, want, len);
}

static bool
vectors_open(struct vectors *s)
{
    const char *root = getenv("VT_SOURCE_ROOT");
    struct vt_buf b = VT_BUF(1U << 20);
    char path[VT_PATH_MAX];
    uint8_t priv[32];

    if (root == NULL) {
        print_message("skipped: VT_SOURCE_ROOT is not set\n");
        return false;
    }
    assert_int_equal(vt_path(path, NULL, "%s/" VECTORS, root), VT_OK);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    s->v = json_loadb((const char *)b.data, b.len, 0, NULL);
    assert_non_null(s->v);
    vt_buf_release(&b);
    s->info_len = bytes_of(s->v, "info", s->info, sizeof s->info);
    assert_int_equal(bytes_of(s->v, "sk_r", priv, sizeof priv), 32);
    assert_int_equal(vt_box_from_private(priv, &s->recipient, NULL), VT_OK);
    vt_box_public(s->recipient, &s->to);
    assert_member(s->v, "pk_r", s->to.b, sizeof s->to.b);
    return true;
}

static void
vectors_close(struct vectors *s)
{
    json_decref(s->v);
    vt_box_free(s->recipient);
}

static void
test_vector_contexts(void **state)
{
    struct vectors s;
    struct vt_hpke_secret sent, received;
    uint8_t ikm[32], enc[VT_HPKE_ENC_SIZE];
    (void)state;

    if (!vectors_open(&s))
        return;
    assert_int_equal(bytes_of(s.v, "ikm_e", ikm, sizeof ikm), 32);
    assert_int_equal(
        vt_hpke_send_from(&s.to, s.info, s.info_len, ikm, enc, &sent, NULL), VT_OK);
    assert_member(s.v, "enc", enc, sizeof enc);
    assert_member(s.v, "key", sent.key, sizeof sent.key);
    assert_member(s.v, "base_nonce", sent.base_nonce, sizeof sent.base_nonce);
    assert_int_equal(
        vt_hpke_receive(s.recipient, enc, s.info, s.info_len, &received, NULL), VT_OK);
    assert_memory_equal(&sent, &received, sizeof sent);
    vectors_close(&s);
}

static void
test_vector_message(void **state)
{
    struct vectors s;
    struct vt_hpke_secret k;
    uint8_t enc[VT_HPKE_ENC_SIZE], aad[64], plain[64], sealed[128], got[128];
    size_t aad_len, len;
    json_t *m;
    (void)state;

    if (!vectors_open(&s))
        return;
    m = json_object_get(s.v, "message_0");
    aad_len = bytes_of(m, "aad", aad, sizeof aad);
    len = bytes_of(m, "plain", plain, sizeof plain);
    assert_int_equal(bytes_of(s.v, "enc", enc, sizeof enc), 32);
    assert_int_equal(vt_hpke_receive(s.recipient, enc, s.info, s.info_len, &k, NULL), VT_OK);
    assert_int_equal(vt_hpke_seal(&k, 0, aad, aad_len, plain, len, got, NULL), VT_OK);
    assert_member(m, "sealed", got, len + VT_HPKE_TAG_SIZE);
    len = bytes_of(m, "sealed", sealed, sizeof sealed);
    assert_int_equal(vt_hpke_open(&k, 0, aad, aad_len, sealed, len, got, NULL), VT_OK);
    assert_member(m, "plain", got, len - VT_HPKE_TAG_SIZE);
    vectors_close(&s);
}

/* 1,000 messages of lengths from 0 to 255, in one digest that is published. */
static void
test_vector_accumulated(void **state)
{
    static uint8_t source[1000 * 512];
    struct vectors s;
    struct vt_hpke_secret k;
    uint8_t enc[VT_HPKE_ENC_SIZE], sealed[255 + VT_HPKE_TAG_SIZE], back[255], sum[16];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const uint8_t *at = source;
    (void)state;

    if (!vectors_open(&s)) {
        EVP_MD_CTX_free(ctx);
        return;
    }
    assert_int_equal(EVP_DigestInit_ex(ctx, EVP_shake128(), NULL), 1);
    assert_int_equal(EVP_DigestFinalXOF(ctx, source, sizeof source), 1);
    assert_int_equal(bytes_of(s.v, "enc", enc, sizeof enc), 32);
    assert_int_equal(vt_hpke_receive(s.recipient, enc, s.info, s.info_len, &k, NULL), VT_OK);
    assert_int_equal(EVP_DigestInit_ex(ctx, EVP_shake128(), NULL), 1);
    for (json_int_t i = 0; i < json_integer_value(json_object_get(s.v, "messages")); i++) {
        size_t aad_len = *at++;
        const uint8_t *aad = at;
        at += aad_len;
        size_t len = *at++;
        const uint8_t *msg = at;
        at += len;
        assert_int_equal(
            vt_hpke_seal(&k, (uint64_t)i, aad, aad_len, msg, len, sealed, NULL), VT_OK);
        EVP_DigestUpdate(ctx, sealed, len + VT_HPKE_TAG_SIZE);
        assert_int_equal(vt_hpke_open(&k, (uint64_t)i, aad, aad_len, sealed,
                             len + VT_HPKE_TAG_SIZE, back, NULL),
            VT_OK);
        assert_memory_equal(back, msg, len);
    }
    assert_int_equal(EVP_DigestFinalXOF(ctx, sum, sizeof sum), 1);
    assert_member(s.v, "accumulated", sum, sizeof sum);
    EVP_MD_CTX_free(ctx);
    vectors_close(&s);
}

/* ---- what opens and what does not ---- */

struct pair {
    struct vt_box *key;
    struct vt_box_public pub;
};

static struct pair
pair_new(void)
{
    struct pair p = {.key = NULL};

    assert_int_equal(vt_box_new(&p.key, NULL), VT_OK);
    vt_box_public(p.key, &p.pub);
    return p;
}

/* A context depends on the key, on enc and on info. */
static void
test_contexts_differ(void **state)
{
    struct pair a = pair_new(), b = pair_new();
    struct vt_hpke_secret sent, again, got;
    uint8_t enc[VT_HPKE_ENC_SIZE], other[VT_HPKE_ENC_SIZE];
    (void)state;

    assert_int_equal(vt_hpke_send(&a.pub, "one", 3, enc, &sent, NULL), VT_OK);
    assert_int_equal(vt_hpke_receive(a.key, enc, "one", 3, &got, NULL), VT_OK);
    assert_memory_equal(&sent, &got, sizeof got);
    assert_int_equal(vt_hpke_send(&a.pub, "one", 3, other, &again, NULL), VT_OK);
    assert_memory_not_equal(enc, other, sizeof enc);
    assert_memory_not_equal(sent.key, again.key, sizeof again.key);
    assert_int_equal(vt_hpke_receive(b.key, enc, "one", 3, &got, NULL), VT_OK);
    assert_memory_not_equal(sent.key, got.key, sizeof got.key);
    assert_int_equal(vt_hpke_receive(a.key, enc, "two", 3, &got, NULL), VT_OK);
    assert_memory_not_equal(sent.key, got.key, sizeof got.key);
    assert_int_equal(vt_hpke_receive(a.key, enc, "", 0, &got, NULL), VT_OK);
    assert_memory_not_equal(sent.key, got.key, sizeof got.key);
    /* the high bit, which X25519 leaves out, is in the context */
    enc[31] ^= 0x80;
    assert_int_equal(vt_hpke_receive(a.key, enc, "one", 3, &got, NULL), VT_OK);
    assert_memory_not_equal(sent.key, got.key, sizeof got.key);
    vt_box_free(a.key);
    vt_box_free(b.key);
}

/* Points that give zeros whatever the private key (RFC 7748 section 6.1). */
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    /* the same with the bit that X25519 leaves out */
    "0100000000000000000000000000000000000000000000000000000000000080",
};

static void
test_low_order(void **state)
{
    struct pair a = pair_new();
    struct vt_box_public to;
    struct vt_hpke_secret s, before;
    uint8_t enc[VT_HPKE_ENC_SIZE];
    struct vt_buf b = VT_BUF(4096);
    struct vt_why why = {0};
    size_t len;
    (void)state;

    memset(&s, 0x77, sizeof s);
    before = s;
    memset(enc, 0x11, sizeof enc);
    for (size_t i = 0; i < sizeof low_order / sizeof low_order[0]; i++) {
        assert_true(vt_hex_decode(low_order[i], 64, to.b, sizeof to.b, &len));
        assert_int_equal(vt_hpke_send(&to, "x", 1, enc, &s, &why), VT_E_SYNTAX);
        assert_int_equal(vt_hpke_receive(a.key, to.b, "x", 1, &s, &why), VT_E_SYNTAX);
        assert_non_null(strstr(why.text, "low order"));
        assert_int_equal(vt_hpke_seal_to(&b, &to, "x", 1, NULL, 0, "m", 1, &why), VT_E_SYNTAX);
    }
    assert_memory_equal(&s, &before, sizeof s);
    assert_int_equal(enc[0], 0x11);
    assert_int_equal(b.len, 0);
    vt_buf_release(&b);
    vt_box_free(a.key);
}

static void
test_messages(void **state)
{
    static const uint64_t seqs[] = {0, 1, 2, 4, 255, 256, UINT32_MAX, UINT64_MAX};
    struct vt_hpke_secret k;
    uint8_t sealed[4][48], got[48];
    (void)state;

    memset(&k, 0x42, sizeof k);
    for (size_t i = 0; i < sizeof seqs / sizeof seqs[0]; i++) {
        uint8_t *c = sealed[i % 4];
        assert_int_equal(vt_hpke_seal(&k, seqs[i], "aad", 3, "message", 7, c, NULL), VT_OK);
        /* in place */
        memcpy(got, c, 23);
        assert_int_equal(vt_hpke_open(&k, seqs[i], "aad", 3, got, 23, got, NULL), VT_OK);
        assert_memory_equal(got, "message", 7);
        /* another number */
        assert_int_equal(vt_hpke_open(&k, seqs[i] ^ 1, "aad", 3, c, 23, got, NULL), VT_E_SIG);
        assert_int_equal(
            vt_hpke_open(&k, seqs[i] ^ (UINT64_C(1) << 63), "aad", 3, c, 23, got, NULL),
            VT_E_SIG);
        /* what was decrypted is gone */
        for (size_t at = 0; at < 7; at++)
            assert_int_equal(got[at], 0);
    }
}

/* One message for one recipient: each byte of it counts. */
static void
test_one_message(void **state)
{
    struct pair a = pair_new(), b = pair_new();
    struct vt_buf sealed = VT_BUF(256), got = {.max = 256, .secret = true};
    struct vt_why why = {0};
    (void)state;

    vt_buf_puts(&sealed, "head");
    assert_int_equal(
        vt_hpke_seal_to(&sealed, &a.pub, "info", 4, "aad", 3, "message", 7, NULL), VT_OK);
    const uint8_t *at = sealed.data + 4;
    size_t len = sealed.len - 4;
    assert_memory_equal(sealed.data, "head", 4);
    assert_int_equal(len, VT_HPKE_ENC_SIZE + 7 + VT_HPKE_TAG_SIZE);
    vt_buf_puts(&got, ">");
    assert_int_equal(vt_hpke_open_from(&got, a.key, "info", 4, "aad", 3, at, len, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&got), ">message");
    vt_buf_clear(&got);
    assert_int_equal(
        vt_hpke_open_from(&got, b.key, "info", 4, "aad", 3, at, len, &why), VT_E_SIG);
    assert_int_equal(
        vt_hpke_open_from(&got, a.key, "info", 3, "aad", 3, at, len, NULL), VT_E_SIG);
    assert_int_equal(
        vt_hpke_open_from(&got, a.key, "info", 4, "aad", 2, at, len, NULL), VT_E_SIG);
    for (size_t i = 0; i < len; i++) {
        sealed.data[4 + i] ^= 0x40;
        assert_int_equal(
            vt_hpke_open_from(&got, a.key, "info", 4, "aad", 3, at, len, NULL), VT_E_SIG);
        sealed.data[4 + i] ^= 0x40;
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(vt_hpke_open_from(&got, a.key, "info", 4, "aad", 3, at, cut, NULL),
            cut < VT_HPKE_ENC_SIZE + VT_HPKE_TAG_SIZE ? VT_E_SYNTAX : VT_E_SIG);
    assert_int_equal(got.len, 0);
    vt_buf_release(&sealed);
    vt_buf_release(&got);
    vt_box_free(a.key);
    vt_box_free(b.key);
}

/* Nothing at all is a message too; what has no room is refused whole. */
static void
test_edges(void **state)
{
    struct pair a = pair_new();
    struct vt_buf sealed = VT_BUF(64), small = VT_BUF(VT_HPKE_ENC_SIZE + VT_HPKE_TAG_SIZE),
                  got = {.max = 3, .secret = true};
    (void)state;

    assert_int_equal(
        vt_hpke_seal_to(&small, &a.pub, NULL, 0, NULL, 0, "1234", 4, NULL), VT_E_LIMIT);
    assert_int_equal(small.len, 0);
    vt_buf_clear(&small);
    assert_int_equal(vt_hpke_seal_to(&small, &a.pub, NULL, 0, NULL, 0, NULL, 0, NULL), VT_OK);
    assert_int_equal(
        vt_hpke_open_from(&got, a.key, NULL, 0, NULL, 0, small.data, small.len, NULL), VT_OK);
    assert_int_equal(got.len, 0);
    assert_int_equal(
        vt_hpke_seal_to(&sealed, &a.pub, NULL, 0, NULL, 0, "1234", 4, NULL), VT_OK);
    assert_int_equal(
        vt_hpke_open_from(&got, a.key, NULL, 0, NULL, 0, sealed.data, sealed.len, NULL),
        VT_E_LIMIT);
    assert_int_equal(got.len, 0);
    assert_int_equal(
        vt_hpke_seal_to(&sealed, &a.pub, NULL, 0, NULL, 0, "", SIZE_MAX, NULL), VT_E_LIMIT);
    vt_buf_release(&sealed);
    vt_buf_release(&small);
    vt_buf_release(&got);
    vt_box_free(a.key);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector_contexts),
        cmocka_unit_test(test_vector_message),
        cmocka_unit_test(test_vector_accumulated),
        cmocka_unit_test(test_contexts_differ),
        cmocka_unit_test(test_low_order),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_one_message),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
