/* SPDX-License-Identifier: Apache-2.0 */
/* Ciphers, key derivation, shared secrets, and memory that keeps them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "crypto/aead_priv.h"
#include "crypto/kdf.h"
#include "crypto/locked.h"
#include "crypto/shamir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN true
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN false
#endif

static size_t
from_hex(const char *hex, uint8_t *ret, size_t size)
{
    size_t len = 0;

    assert_true(vt_hex_decode(hex, strlen(hex), ret, size, &len));
    return len;
}

static void
assert_hex(const uint8_t *got, size_t len, const char *hex)
{
    uint8_t want[1024];

    assert_int_equal(from_hex(hex, want, sizeof want), len);
    assert_memory_equal(got, want, len);
}

/* ---- ciphers ---- */

#define KEY2 "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define PLAIN                                                                                  \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                         \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"

/* The GCM submission's test cases 13 to 16. */
static const struct {
    const char *key, *nonce, *aad, *plain, *sealed;
} gcm[] = {
    {"0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000", "", "00000000000000000000000000000000",
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {KEY2, "cafebabefacedbaddecaf888", "", PLAIN "1aafd255",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
        "b094dac5d93471bdec1a502270e3cc6c"},
    {KEY2, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", PLAIN,
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static void
test_gcm_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(gcm); i++) {
        uint8_t key[32], nonce[12], aad[64], plain[128], sealed[128], back[128];
        size_t aad_len = from_hex(gcm[i].aad, aad, sizeof aad);
        size_t len = from_hex(gcm[i].plain, plain, sizeof plain);
        from_hex(gcm[i].key, key, sizeof key);
        from_hex(gcm[i].nonce, nonce, sizeof nonce);
        assert_int_equal(
            vt_aead_seal(key, nonce, aad, aad_len, plain, len, sealed, NULL), VT_OK);
        assert_hex(sealed, len + VT_AEAD_TAG_SIZE, gcm[i].sealed);
        assert_int_equal(
            vt_aead_open(key, nonce, aad, aad_len, sealed, len + 16, back, NULL), VT_OK);
        assert_memory_equal(back, plain, len);
    }
}

typedef enum vt_err (*aead_fn)(const uint8_t *key, const uint8_t *nonce, const void *aad,
    size_t aad_len, const void *in, size_t len, uint8_t *ret, struct vt_why *why);

/* The other cipher has no additional data. */
static enum vt_err
chacha_seal(const uint8_t *key, const uint8_t *nonce, const void *aad, size_t aad_len,
    const void *in, size_t len, uint8_t *ret, struct vt_why *why)
{
    (void)aad;
    (void)aad_len;
    return vt_chacha_seal(key, nonce, in, len, ret, why);
}

static enum vt_err
chacha_open(const uint8_t *key, const uint8_t *nonce, const void *aad, size_t aad_len,
    const void *in, size_t len, uint8_t *ret, struct vt_why *why)
{
    (void)aad;
    (void)aad_len;
    return vt_chacha_open(key, nonce, in, len, ret, why);
}

/* Every bit counts, nothing comes out of what is false, and in place works. */
static void
check_cipher(aead_fn seal, aead_fn open)
{
    uint8_t key[32] = {1}, nonce[12] = {2}, msg[40], sealed[56], got[56];
    struct vt_why why = {0};

    memset(msg, 'm', sizeof msg);
    assert_int_equal(seal(key, nonce, "a", 1, msg, 40, sealed, NULL), VT_OK);
    for (size_t i = 0; i < 56 * 8; i++) {
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
        memset(got, 0x55, sizeof got);
        assert_int_equal(open(key, nonce, "a", 1, sealed, 56, got, &why), VT_E_SIG);
        for (size_t k = 0; k < 40; k++)
            assert_int_equal(got[k], 0);
        assert_int_equal(got[40], 0x55); /* and not a byte more */
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    key[31] ^= 1;
    assert_int_equal(open(key, nonce, "a", 1, sealed, 56, got, NULL), VT_E_SIG);
    key[31] ^= 1;
    nonce[11] ^= 1;
    assert_int_equal(open(key, nonce, "a", 1, sealed, 56, got, NULL), VT_E_SIG);
    nonce[11] ^= 1;
    for (size_t len = 0; len < 56; len++)
        assert_int_equal(open(key, nonce, "a", 1, sealed, len, got, NULL),
            len < 16 ? VT_E_SYNTAX : VT_E_SIG);
    memcpy(got, sealed, sizeof got);
    assert_int_equal(open(key, nonce, "a", 1, got, 56, got, NULL), VT_OK);
    assert_memory_equal(got, msg, 40);
    assert_int_equal(seal(key, nonce, "a", 1, got, 40, got, NULL), VT_OK);
    assert_memory_equal(got, sealed, 56);
    assert_int_equal(seal(key, nonce, "a", 1, msg, (1U << 30) + 1, got, &why), VT_E_LIMIT);
    assert_int_equal(open(key, nonce, "a", 1, msg, (1U << 30) + 17, got, &why), VT_E_LIMIT);
}

static void
test_ciphers(void **state)
{
    uint8_t key[32] = {1}, nonce[12] = {2}, sealed[24], got[24];
    (void)state;

    check_cipher(vt_aead_seal, vt_aead_open);
    check_cipher(chacha_seal, chacha_open);
    assert_int_equal(vt_aead_seal(key, nonce, "a", 1, "message", 7, sealed, NULL), VT_OK);
    assert_int_equal(vt_aead_open(key, nonce, "b", 1, sealed, 23, got, NULL), VT_E_SIG);
    assert_int_equal(vt_aead_open(key, nonce, NULL, 0, sealed, 23, got, NULL), VT_E_SIG);
    assert_int_equal(
        vt_aead_seal(key, nonce, "a", (1U << 30) + 1, "", 0, sealed, NULL), VT_E_LIMIT);
}

/* Threads have contexts of their own. */
static void *
seal_much(void *arg)
{
    uint8_t key[32], nonce[12] = {0}, buf[256 + 16];

    memset(key, *(const uint8_t *)arg, sizeof key);
    for (unsigned i = 0; i < 2000; i++) {
        memset(buf, (int)i, 256);
        memcpy(nonce, &i, sizeof i);
        if (vt_aead_seal(key, nonce, &i, sizeof i, buf, 256, buf, NULL) != VT_OK ||
            vt_aead_open(key, nonce, &i, sizeof i, buf, 272, buf, NULL) != VT_OK ||
            buf[255] != (uint8_t)i)
            return arg;
    }
    return NULL;
}

static void
test_cipher_threads(void **state)
{
    pthread_t t[4];
    uint8_t seed[4] = {1, 2, 3, 4};
    void *bad;
    (void)state;

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, seal_much, &seed[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(t[i], &bad), 0);
        assert_null(bad);
    }
}

/* ---- key derivation ---- */

/* RFC 4231 test cases 1, 2, 3, 6 and 7; longer keys are hashed. */
static void
test_hmac(void **state)
{
    uint8_t key[131], data[50];
    struct vt_digest d;
    struct vt_slice v[3];
    (void)state;

    memset(key, 0x0b, 20);
    v[0] = (struct vt_slice){"Hi There", 8};
    vt_hmac(key, 20, v, 1, &d);
    assert_hex(d.b, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    v[0] = (struct vt_slice){"what do ya ", 11};
    v[1] = (struct vt_slice){"", 0};
    v[2] = (struct vt_slice){"want for nothing?", 17};
    vt_hmac("Jefe", 4, v, 3, &d);
    assert_hex(d.b, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    memset(data, 0xdd, sizeof data);
    v[0] = (struct vt_slice){data, sizeof data};
    vt_hmac(key, 20, v, 1, &d);
    assert_hex(d.b, 32, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    v[0] = (struct vt_slice){"Test Using Larger Than Block-Size Key - Hash Key First", 54};
    vt_hmac(key, 131, v, 1, &d);
    assert_hex(d.b, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    vt_hmac(NULL, 0, NULL, 0, &d);
    assert_hex(d.b, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* RFC 5869 test cases 1 to 3. */
static void
test_hkdf(void **state)
{
    uint8_t ikm[80], salt[80], info[80], okm[255 * 32];
    (void)state;

    memset(ikm, 0x0b, 22);
    for (unsigned i = 0; i < 13; i++)
        salt[i] = (uint8_t)i;
    for (unsigned i = 0; i < 10; i++)
        info[i] = (uint8_t)(0xf0 + i);
    vt_hkdf(salt, 13, ikm, 22, info, 10, okm, 42);
    assert_hex(okm, 42,
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    for (unsigned i = 0; i < 80; i++) {
        ikm[i] = (uint8_t)i;
        salt[i] = (uint8_t)(0x60 + i);
        info[i] = (uint8_t)(0xb0 + i);
    }
    vt_hkdf(salt, 80, ikm, 80, info, 80, okm, 82);
    assert_hex(okm, 82,
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb4"
        "1c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
    memset(ikm, 0x0b, 22);
    vt_hkdf(NULL, 0, ikm, 22, NULL, 0, okm, 42);
    assert_hex(okm, 42,
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
    /* a longer output begins like a shorter one */
    uint8_t more[255 * 32];
    vt_hkdf(salt, 80, ikm, 22, "x", 1, more, sizeof more);
    for (size_t len = 0; len < 100; len++) {
        memset(okm, 0, sizeof okm);
        vt_hkdf(salt, 80, ikm, 22, "x", 1, okm, len);
        assert_memory_equal(okm, more, len);
        assert_int_equal(okm[len], 0);
    }
}

static void
test_scrypt(void **state)
{
    uint8_t salt[16], a[32], b[32];
    (void)state;

    /* computed with Python's hashlib */
    for (unsigned i = 0; i < 16; i++)
        salt[i] = (uint8_t)i;
    assert_int_equal(vt_scrypt("passphrase", 10, salt, a, NULL), VT_OK);
    assert_hex(a, 32, "c33cd79268a91336ca24637ffc8e0a884f9c149e8600705d7b9ccde346b299e3");
    salt[0] ^= 1;
    assert_int_equal(vt_scrypt("passphrase", 10, salt, b, NULL), VT_OK);
    assert_memory_not_equal(a, b, 32);
}

/* ---- shared secrets ---- */

/* The slow reference: multiplication of polynomials over bits, then division. */
static uint8_t
slow_mul(uint8_t a, uint8_t b)
{
    unsigned product = 0;

    for (unsigned i = 0; i < 8; i++) {
        if ((b >> i & 1) != 0)
            product ^= (unsigned)a << i;
    }
    for (unsigned i = 15; i >= 8; i--) {
        if ((product >> i & 1) != 0)
            product ^= 0x11bU << (i - 8);
    }
    return (uint8_t)product;
}

static uint8_t product_of[256][256];
static uint8_t inverse_of[256];

static void
make_tables(void)
{
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            product_of[a][b] = slow_mul((uint8_t)a, (uint8_t)b);
            if (product_of[a][b] == 1)
                inverse_of[a] = (uint8_t)b;
        }
    }
    /* FIPS 197 section 4.2, and an inverse of its S-box */
    assert_int_equal(product_of[0x57][0x83], 0xc1);
    assert_int_equal(product_of[0x57][0x13], 0xfe);
    assert_int_equal(inverse_of[0x53], 0xca);
}

/* Two shares at a and b: what each counts for takes every value there is, and so
 * do the bytes, so every product and every quotient is tried. */
static void
test_field(void **state)
{
    (void)state;
    make_tables();
    for (unsigned a = 1; a < 256; a++) {
        for (unsigned b = 1; b < 256; b++) {
            uint8_t got[VT_SHARE_SECRET_SIZE];
            if (a == b)
                continue;
            uint8_t down = inverse_of[a ^ b];
            uint8_t wa = product_of[b][down], wb = product_of[a][down];
            for (unsigned y = 0; y < 256; y += 32) {
                struct vt_share v[2] = {{.x = (uint8_t)a}, {.x = (uint8_t)b}};
                for (unsigned i = 0; i < 32; i++) {
                    v[0].y[i] = (uint8_t)(y + i);
                    v[1].y[i] = (uint8_t)(b * 7 + i);
                }
                assert_int_equal(vt_shamir_join(v, 2, got, NULL), VT_OK);
                for (unsigned i = 0; i < 32; i++) {
                    if (got[i] != (product_of[wa][v[0].y[i]] ^ product_of[wb][v[1].y[i]]))
                        fail_msg("shares %u and %u, byte %u", a, b, y + i);
                }
            }
        }
    }
}

/* Polynomials of the reference, at any places, of any degree. */
static void
test_join_reference(void **state)
{
    (void)state;
    make_tables();
    for (unsigned m = 1; m <= VT_SHARES_MAX; m++) {
        uint8_t c[VT_SHARES_MAX], x[255], got[VT_SHARE_SECRET_SIZE];
        struct vt_share v[VT_SHARES_MAX];
        assert_int_equal(vt_random(c, sizeof c, NULL), VT_OK);
        for (unsigned i = 0; i < 255; i++)
            x[i] = (uint8_t)(1 + (i * 101 + m) % 255); /* each once */
        for (unsigned i = 0; i < m; i++) {
            uint8_t y = 0;
            for (unsigned k = m; k-- > 0;)
                y = product_of[y][x[i]] ^ c[k];
            v[i].x = x[i];
            memset(v[i].y, y, sizeof v[i].y);
        }
        assert_int_equal(vt_shamir_join(v, m, got, NULL), VT_OK);
        for (size_t i = 0; i < sizeof got; i++)
            assert_int_equal(got[i], c[0]);
    }
}

static void
new_secret(uint8_t ret[VT_SHARE_SECRET_SIZE])
{
    assert_int_equal(vt_random(ret, VT_SHARE_SECRET_SIZE, NULL), VT_OK);
}

/* All subsets of 3 of 5, in all orders of joining that a mask gives. */
static void
test_subsets(void **state)
{
    uint8_t secret[VT_SHARE_SECRET_SIZE], got[VT_SHARE_SECRET_SIZE];
    struct vt_share v[5], some[5];
    (void)state;

    new_secret(secret);
    assert_int_equal(vt_shamir_split(secret, 3, 5, v, NULL), VT_OK);
    for (unsigned mask = 1; mask < 32; mask++) {
        unsigned n = 0;
        for (unsigned i = 5; i-- > 0;) {
            assert_int_equal(v[i].x, i + 1);
            if ((mask >> i & 1) != 0)
                some[n++] = v[i];
        }
        assert_int_equal(vt_shamir_join(some, n, got, NULL), VT_OK);
        if (n >= 3)
            assert_memory_equal(got, secret, sizeof got);
        else
            assert_memory_not_equal(got, secret, sizeof got);
    }
    v[1].y[7] ^= 1; /* a wrong share gives another secret */
    assert_int_equal(vt_shamir_join(v, 3, got, NULL), VT_OK);
    assert_memory_not_equal(got, secret, sizeof got);
}

static void
test_all_sizes(void **state)
{
    uint8_t secret[VT_SHARE_SECRET_SIZE], got[VT_SHARE_SECRET_SIZE];
    struct vt_share v[VT_SHARES_MAX];
    (void)state;

    for (unsigned n = 1; n <= VT_SHARES_MAX; n++) {
        unsigned m = 1 + n * 37 % n;
        for (unsigned k = 0; k < 2; k++, m = n) {
            new_secret(secret);
            assert_int_equal(vt_shamir_split(secret, m, n, v, NULL), VT_OK);
            assert_int_equal(vt_shamir_join(v + n - m, m, got, NULL), VT_OK);
            assert_memory_equal(got, secret, sizeof got);
        }
    }
    new_secret(secret);
    assert_int_equal(vt_shamir_split(secret, 1, 3, v, NULL), VT_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_memory_equal(v[i].y, secret, sizeof secret);
}

static void
test_share_errors(void **state)
{
    uint8_t secret[VT_SHARE_SECRET_SIZE] = {0}, got[VT_SHARE_SECRET_SIZE] = {9};
    struct vt_share v[VT_SHARES_MAX + 1] = {{.x = 0}};
    struct vt_why why = {0};
    (void)state;

    assert_int_equal(vt_shamir_split(secret, 0, 3, v, NULL), VT_E_USAGE);
    assert_int_equal(vt_shamir_split(secret, 4, 3, v, &why), VT_E_USAGE);
    assert_int_equal(vt_shamir_split(secret, 0, 0, v, NULL), VT_E_USAGE);
    assert_int_equal(vt_shamir_split(secret, 2, VT_SHARES_MAX + 1, v, NULL), VT_E_USAGE);
    assert_int_equal(v[0].x, 0);
    assert_int_equal(vt_shamir_split(secret, 2, 4, v, NULL), VT_OK);
    assert_int_equal(vt_shamir_join(v, 0, got, NULL), VT_E_USAGE);
    assert_int_equal(vt_shamir_join(v, VT_SHARES_MAX + 1, got, NULL), VT_E_USAGE);
    v[2].x = v[0].x;
    assert_int_equal(vt_shamir_join(v, 3, got, &why), VT_E_USAGE);
    assert_non_null(strstr(why.text, "share 1 is there twice"));
    v[1].x = 0;
    assert_int_equal(vt_shamir_join(v, 2, got, NULL), VT_E_USAGE);
    assert_int_equal(got[0], 9);
}

/* How far counts are from equal: about 255 with a deviation of 23 for 256 cells. */
static double
spread(const unsigned cells[256], unsigned total)
{
    double each = total / 256.0, sum = 0;

    for (unsigned i = 0; i < 256; i++)
        sum += (cells[i] - each) * (cells[i] - each) / each;
    return sum;
}

/* m - 1 shares of one secret, split again and again, are evenly spread: one byte
 * of either, what two have to do with each other, and what neighbouring bytes
 * have; so they tell nothing. (An odd chance of 1 in 10^20 to fail.) */
static void
test_fewer_tell_nothing(void **state)
{
    unsigned first[256] = {0}, second[256] = {0}, both[256] = {0}, next[256] = {0}, total = 0;
    uint8_t secret[VT_SHARE_SECRET_SIZE];
    struct vt_share v[3];
    (void)state;

    memset(secret, 'S', sizeof secret);
    for (unsigned i = 0; i < 2048; i++) {
        assert_int_equal(vt_shamir_split(secret, 3, 3, v, NULL), VT_OK);
        for (unsigned at = 0; at < VT_SHARE_SECRET_SIZE; at++, total++) {
            first[v[0].y[at]]++;
            second[v[1].y[at]]++;
            both[(v[0].y[at] >> 4) << 4 | v[1].y[at] >> 4]++;
            next[v[2].y[at] ^ v[2].y[(at + 1) % VT_SHARE_SECRET_SIZE]]++;
        }
    }
    assert_true(spread(first, total) < 255 + 10 * 23);
    assert_true(spread(second, total) < 255 + 10 * 23);
    assert_true(spread(both, total) < 255 + 10 * 23);
    assert_true(spread(next, total) < 255 + 10 * 23);
}

/* ---- memory ---- */

static void *
locked(size_t len)
{
    struct vt_why why = {0};
    void *p = NULL;

    if (vt_locked_new(len, &p, &why) != VT_OK)
        fail_msg("%s", why.text);
    return p;
}

static void
test_locked_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, 32, 63, 64, 65, 1023, 1024, 1025, 4095, 4096, 4097};
    uint8_t *p[COUNT(sizes)];
    (void)state;

    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT(sizes); i++) {
            p[i] = locked(sizes[i]);
            assert_int_equal((uintptr_t)p[i] % 16, 0);
            for (size_t at = 0; at < sizes[i]; at++)
                assert_int_equal(p[i][at], 0);
            memset(p[i], (int)i + 1, sizes[i]);
        }
        for (size_t i = 0; i < COUNT(sizes); i++) {
            for (size_t at = 0; at < sizes[i]; at++)
                assert_int_equal(p[i][at], (int)i + 1);
            vt_locked_free(p[i]);
        }
    }
    vt_locked_free(NULL);
}

/* Hundreds of small things, freed and made again in no order. */
static void
test_locked_many(void **state)
{
    struct {
        uint8_t *p;
        size_t len;
    } v[300] = {{NULL, 0}};
    unsigned seed = 12345;
    (void)state;

    for (unsigned i = 0; i < 6000; i++) {
        seed = seed * 1103515245U + 12345U;
        size_t at = (seed >> 8) % COUNT(v);
        if (v[at].p != NULL) {
            for (size_t k = 0; k < v[at].len; k++)
                assert_int_equal(v[at].p[k], (uint8_t)at);
            vt_locked_free(v[at].p);
            v[at].p = NULL;
            continue;
        }
        v[at].len = 1 + (seed >> 20) % 100;
        v[at].p = locked(v[at].len);
        for (size_t k = 0; k < v[at].len; k++)
            assert_int_equal(v[at].p[k], 0);
        memset(v[at].p, (uint8_t)at, v[at].len);
    }
    for (size_t i = 0; i < COUNT(v); i++)
        vt_locked_free(v[i].p);
}

static void
test_locked_too_much(void **state)
{
    void *p = &p;
    struct vt_why why = {0};
    (void)state;

    assert_int_equal(vt_locked_new((64U << 20) + 1, &p, &why), VT_E_NOMEM);
    assert_int_equal(vt_locked_new(SIZE_MAX, &p, &why), VT_E_NOMEM);
    assert_ptr_equal(p, &p);
}

/* Runs body in a child of its own; the result is how it ended. */
static int
in_child(int (*body)(void *arg), void *arg)
{
    pid_t pid;
    int status = 0;

    (void)fflush(stdout);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit none = {0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGSEGV, SIG_DFL); /* not a sanitizer's */
        (void)signal(SIGBUS, SIG_DFL);
        _exit(body(arg));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int
touch(void *arg)
{
    *(volatile uint8_t *)arg = 1;
    return 0;
}

static bool
faults(void *p)
{
    int status = in_child(touch, p);

    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static int
touch_both_ends(void *arg)
{
    uint8_t *p = locked(4096);

    p[0] = p[4095] = 1;
    *(volatile uint8_t *)(p + (*(int *)arg < 0 ? -1 : 4096)) = 1;
    return 0;
}

static void
test_locked_guards(void **state)
{
    int below = -1, above = 1;
    int status;
    (void)state;

    status = in_child(touch_both_ends, &below);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    status = in_child(touch_both_ends, &above);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static int
free_and_make(void *arg)
{
    uint8_t *p;

    vt_locked_free(arg); /* the parent's: nothing of it is here */
    p = locked(32);
    memset(p, 7, 32);
    vt_locked_free(p);
    return p != NULL ? 0 : 1;
}

static void
test_locked_child(void **state)
{
    uint8_t *small = locked(32), *large = locked(8192);
    (void)state;

    memset(small, 5, 32);
    assert_true(faults(small));
    assert_true(faults(large));
    assert_int_equal(in_child(free_and_make, small), 0);
    assert_int_equal(in_child(free_and_make, large), 0);
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(small[i], 5);
    vt_locked_free(small);
    vt_locked_free(large);
}

/* The flags that the kernel shows for the mapping that p is in. */
static void
flags_of(const void *p, char ret[256])
{
    FILE *f = fopen("/proc/self/smaps", "re");
    char line[512];
    bool in = false;

    assert_non_null(f);
    ret[0] = '\0';
    while (fgets(line, sizeof line, f) != NULL) {
        uintptr_t from, to;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            in = (uintptr_t)p >= from && (uintptr_t)p < to;
        else if (in && strncmp(line, "VmFlags:", 8) == 0)
            (void)snprintf(ret, 256, "%.240s", line);
    }
    (void)fclose(f);
}

static void
test_locked_flags(void **state)
{
    uint8_t *p[] = {locked(32), locked(100000)};
    char flags[256];
    (void)state;

    for (size_t i = 0; i < COUNT(p); i++) {
        flags_of(p[i], flags);
        if (flags[0] == '\0') {
            print_message("skipped: this kernel shows no flags of mappings\n");
        } else {
            assert_non_null(strstr(flags, " dd")); /* not dumped */
            assert_non_null(strstr(flags, " dc")); /* not copied by fork */
            if (!UNDER_ASAN)                       /* which locks nothing */
                assert_non_null(strstr(flags, " lo"));
        }
        vt_locked_free(p[i]);
    }
}

/* ---- an ordinary user's limit ---- */

static void
become_ordinary(rlim_t soft, rlim_t hard)
{
    const struct rlimit l = {soft, hard};

    if (setrlimit(RLIMIT_MEMLOCK, &l) != 0 ||
        (geteuid() == 0 &&
            (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)))
        _exit(99);
}

static int
fill_limit(void *arg)
{
    struct vt_why why = {0};
    void *p[64] = {NULL};
    void *large = NULL;
    size_t n = 0;
    enum vt_err err = VT_OK;

    (void)arg;
    become_ordinary(16384, 65536);
    while (n < COUNT(p) && err == VT_OK)
        err = vt_locked_new(8192, &p[n++], &why);
    if (err != VT_E_NOMEM || n != 65536 / 8192 + 1)
        return 1;
    if (strstr(why.text, "ulimit -l") == NULL || strstr(why.text, "65536") == NULL)
        return 2;
    vt_locked_free(p[0]); /* and what is given back can be had again */
    if (vt_locked_new(4096, &p[0], &why) != VT_OK)
        return 3;
    for (unsigned i = 0; i < 64; i++) { /* one page holds this many keys */
        void *k;
        if (vt_locked_new(32, &k, &why) != VT_OK)
            return 4;
    }
    if (vt_locked_new(32, &large, &why) != VT_E_NOMEM)
        return 5;
    return 0;
}

static void
test_locked_limit(void **state)
{
    (void)state;
    if (UNDER_ASAN) {
        print_message("skipped: the sanitizer locks no memory\n");
        return;
    }
    assert_int_equal(in_child(fill_limit, NULL), 0);
}

/* Below a limit a process goes on: secrets locked, memory to be had. */
static int
process_below_limit(void *arg)
{
    struct vt_why why = {0};
    void *p;
    char *m;

    (void)arg;
    become_ordinary(65536, 65536);
    if (vt_locked_process() || prctl(PR_GET_DUMPABLE) != 0)
        return 1;
    if (vt_locked_new(8192, &p, &why) != VT_OK)
        return 2;
    m = mmap(NULL, 1U << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED)
        return 3;
    memset(m, 1, 1U << 24);
    return 0;
}

static int
process_without_limit(void *arg)
{
    char flags[256];
    char *m;

    (void)arg;
    if (!vt_locked_process())
        return 98; /* as an ordinary user */
    m = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED || prctl(PR_GET_DUMPABLE) != 0)
        return 1;
    flags_of(m, flags);
    return flags[0] == '\0' || strstr(flags, " lo") != NULL ? 0 : 2;
}

static void
test_locked_process(void **state)
{
    int status;
    (void)state;

    if (UNDER_ASAN) {
        print_message("skipped: the sanitizer locks no memory\n");
        return;
    }
    assert_int_equal(in_child(process_below_limit, NULL), 0);
    status = in_child(process_without_limit, NULL);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 98)
        print_message("skipped: this user may not lock a whole process\n");
    else
        assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gcm_vectors),
        cmocka_unit_test(test_ciphers),
        cmocka_unit_test(test_cipher_threads),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_hkdf),
        cmocka_unit_test(test_scrypt),
        cmocka_unit_test(test_field),
        cmocka_unit_test(test_join_reference),
        cmocka_unit_test(test_subsets),
        cmocka_unit_test(test_all_sizes),
        cmocka_unit_test(test_share_errors),
        cmocka_unit_test(test_fewer_tell_nothing),
        cmocka_unit_test(test_locked_sizes),
        cmocka_unit_test(test_locked_many),
        cmocka_unit_test(test_locked_too_much),
        cmocka_unit_test(test_locked_guards),
        cmocka_unit_test(test_locked_child),
        cmocka_unit_test(test_locked_flags),
        cmocka_unit_test(test_locked_limit),
        cmocka_unit_test(test_locked_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
