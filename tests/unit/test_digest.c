/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 as we reach it, against libcrypto's own way through EVP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/digest.h"

#include <openssl/evp.h>
#include <string.h>

#define LEN_MAX 600U

static uint8_t data[LEN_MAX];

static void
want(const void *p, size_t len, struct vt_digest *ret)
{
    assert_int_equal(EVP_Digest(p, len, ret->b, NULL, EVP_sha256(), NULL), 1);
}

static int
set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN_MAX; i++)
        data[i] = (uint8_t)(i * 131 + i / 256);
    return 0;
}

/* Every length over several blocks: the padding begins anywhere in one. */
static void
test_lengths(void **state)
{
    struct vt_digest is, should;
    (void)state;

    for (size_t len = 0; len <= LEN_MAX; len++) {
        want(data, len, &should);
        vt_digest_of(data, len, &is);
        assert_memory_equal(is.b, should.b, VT_DIGEST_SIZE);
    }
    vt_digest_of(NULL, 0, &is);
    want("", 0, &should);
    assert_memory_equal(is.b, should.b, VT_DIGEST_SIZE);
}

static void
test_slices(void **state)
{
    struct vt_digest is, should;
    (void)state;

    for (size_t len = 0; len <= 200; len++) {
        want(data, len, &should);
        for (size_t cut = 0; cut <= len; cut++) {
            const struct vt_slice v[] = {
                {data, cut}, {NULL, 0}, {data + cut, len - cut}, {"", 0}};
            vt_digest_of_slices(v, 4, &is);
            assert_memory_equal(is.b, should.b, VT_DIGEST_SIZE);
        }
    }
    vt_digest_of_slices(NULL, 0, &is);
    want("", 0, &should);
    assert_memory_equal(is.b, should.b, VT_DIGEST_SIZE);
}

/* Pieces whose lengths add up to more than there is are not joined on the stack. */
static void
test_many_slices(void **state)
{
    struct vt_slice v[LEN_MAX];
    struct vt_digest is, should;
    (void)state;

    for (size_t i = 0; i < LEN_MAX; i++)
        v[i] = (struct vt_slice){data + i, 1};
    for (size_t n = 100; n <= LEN_MAX; n += 7) {
        vt_digest_of_slices(v, n, &is);
        want(data, n, &should);
        assert_memory_equal(is.b, should.b, VT_DIGEST_SIZE);
    }
}

static void
pair_by_hand(
    uint8_t prefix, const struct vt_digest *l, const struct vt_digest *r, struct vt_digest *ret)
{
    uint8_t node[65] = {prefix};

    memcpy(node + 1, l->b, VT_DIGEST_SIZE);
    memcpy(node + 33, r->b, VT_DIGEST_SIZE);
    want(node, sizeof node, ret);
}

static void
test_pair(void **state)
{
    struct vt_digest l, r, is, should;
    (void)state;

    vt_digest_of("l", 1, &l);
    vt_digest_of("r", 1, &r);
    for (unsigned prefix = 0; prefix < 256; prefix++) {
        pair_by_hand((uint8_t)prefix, &l, &r, &should);
        vt_digest_pair((uint8_t)prefix, &l, &r, &is);
        assert_memory_equal(is.b, should.b, VT_DIGEST_SIZE);
    }
    pair_by_hand(1, &l, &r, &should);
    is = l;
    vt_digest_pair(1, &is, &r, &is);
    assert_memory_equal(is.b, should.b, VT_DIGEST_SIZE);
    is = r;
    vt_digest_pair(1, &l, &is, &is);
    assert_memory_equal(is.b, should.b, VT_DIGEST_SIZE);
}

static void
test_pairs(void **state)
{
    struct vt_digest row[256], is[129], should;
    (void)state;

    for (uint8_t i = 0;; i++) {
        vt_digest_of(&i, 1, &row[i]);
        if (i == 255)
            break;
    }
    for (size_t n = 0; n <= 128; n++) {
        memset(is, 0xee, sizeof is);
        vt_digest_pairs(1, row, n, is);
        for (size_t i = 0; i < n; i++) {
            pair_by_hand(1, &row[2 * i], &row[2 * i + 1], &should);
            assert_memory_equal(is[i].b, should.b, VT_DIGEST_SIZE);
        }
        assert_int_equal(is[n].b[0], 0xee);
    }
    vt_digest_pairs(1, row, 128, row);
    assert_memory_equal(row, is, 128 * sizeof row[0]);
}

/* Two in their turn do not mix, and each starts anew. */
static void
test_streams(void **state)
{
    struct vt_hasher *a = NULL, *b = NULL;
    struct vt_digest is, should;
    (void)state;

    assert_int_equal(vt_hasher_new(&a, NULL), VT_OK);
    assert_int_equal(vt_hasher_new(&b, NULL), VT_OK);
    for (size_t i = 0; i < 300; i++) {
        vt_hasher_put(a, data + i, 1);
        vt_hasher_put(b, data + 300 + i, 1);
    }
    vt_hasher_end(a, &is);
    want(data, 300, &should);
    assert_memory_equal(is.b, should.b, VT_DIGEST_SIZE);
    vt_hasher_end(b, &is);
    want(data + 300, 300, &should);
    assert_memory_equal(is.b, should.b, VT_DIGEST_SIZE);
    vt_hasher_end(a, &is);
    want("", 0, &should);
    assert_memory_equal(is.b, should.b, VT_DIGEST_SIZE);
    vt_hasher_free(a);
    vt_hasher_free(b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_many_slices),
        cmocka_unit_test(test_pair),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_streams),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
