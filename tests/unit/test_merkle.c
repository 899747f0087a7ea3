/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree against the published vectors (transparency-dev/merkle), against a
 * brute-force tree written straight from RFC 6962's definition, and at sizes
 * where arithmetic would overflow.
 */
#include "base/file.h"
#include "merkle/tile.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* ---- the definition ---- */

#define LEAVES 130

static struct vt_digest leaves[LEAVES];

static void
make_leaves(void)
{
    for (unsigned i = 0; i < LEAVES; i++) {
        char text[16];
        int n = snprintf(text, sizeof text, "leaf %u", i);
        vt_merkle_leaf(text, (size_t)n, &leaves[i]);
    }
}

/* MTH(D[lo:hi]) */
static void
definition(uint64_t lo, uint64_t hi, struct vt_digest *ret)
{
    struct vt_digest left, right;
    uint64_t k = 1;
    if (hi == lo) {
        vt_digest_of("", 0, ret);
        return;
    }
    if (hi - lo == 1) {
        *ret = leaves[lo];
        return;
    }
    while (k * 2 < hi - lo)
        k *= 2;
    definition(lo, lo + k, &left);
    definition(lo + k, hi, &right);
    vt_merkle_node(&left, &right, ret);
}

/* PATH(m, D[lo:hi]) */
static void
definition_path(uint64_t m, uint64_t lo, uint64_t hi, struct vt_proof *ret)
{
    uint64_t k = 1;
    if (hi - lo == 1) {
        ret->len = 0;
        return;
    }
    while (k * 2 < hi - lo)
        k *= 2;
    if (m < lo + k) {
        definition_path(m, lo, lo + k, ret);
        definition(lo + k, hi, &ret->hash[ret->len++]);
    } else {
        definition_path(m, lo + k, hi, ret);
        definition(lo, lo + k, &ret->hash[ret->len++]);
    }
}

/* SUBPROOF(m, D[lo:hi], whole) */
static void
definition_subproof(uint64_t m, uint64_t lo, uint64_t hi, bool whole, struct vt_proof *ret)
{
    uint64_t k = 1;
    if (m == hi - lo) {
        ret->len = 0;
        if (!whole)
            definition(lo, hi, &ret->hash[ret->len++]);
        return;
    }
    while (k * 2 < hi - lo)
        k *= 2;
    if (m <= k) {
        definition_subproof(m, lo, lo + k, whole, ret);
        definition(lo + k, hi, &ret->hash[ret->len++]);
    } else {
        definition_subproof(m - k, lo + k, hi, false, ret);
        definition(lo, lo + k, &ret->hash[ret->len++]);
    }
}

/* A source of hashes over the leaves; the tree it may be asked for has *ctx
 * leaves. */
static enum vt_err
get_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    const uint64_t *size = ctx;
    (void)why;
    assert_true(level < 64);
    assert_true((index + 1) << level <= *size);
    definition(index << level, (index + 1) << level, ret);
    return VT_OK;
}

static void
assert_proof_equal(const struct vt_proof *a, const struct vt_proof *b)
{
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->hash, b->hash, a->len * sizeof a->hash[0]);
}

/* ---- hashing ---- */

static void
assert_hex(const struct vt_digest *d, const char *hex)
{
    char got[VT_DIGEST_HEX_SIZE];
    vt_digest_hex(d, got);
    assert_string_equal(got, hex);
}

static void
test_hashing(void **state)
{
    struct vt_digest d, e;
    (void)state;
    vt_merkle_empty(&d);
    assert_hex(&d, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    vt_merkle_leaf(NULL, 0, &d);
    assert_hex(&d, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    /* RFC 6962's well-known second leaf, and the root of the two */
    vt_merkle_leaf("\x00", 1, &e);
    vt_merkle_node(&d, &e, &d);
    assert_hex(&d, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
}

/* A leaf of every length is the hash of its bytes after a zero. */
static void
test_leaves_of_every_length(void **state)
{
    static uint8_t bytes[1301];
    struct vt_digest want, got;

    (void)state;
    for (size_t i = 1; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    for (size_t n = 0; n < 1300; n++) {
        struct vt_hasher *h = NULL;

        assert_int_equal(vt_hasher_new(&h, NULL), VT_OK);
        vt_hasher_put(h, bytes, n + 1);
        vt_hasher_end(h, &want);
        vt_hasher_free(h);
        vt_merkle_leaf(bytes + 1, n, &got);
        assert_true(vt_digest_eq(&want, &got));
    }
}

static void
test_frontier_and_root(void **state)
{
    struct vt_frontier f;
    struct vt_digest want, got;
    (void)state;
    vt_frontier_init(&f);
    for (uint64_t n = 0; n <= LEAVES; n++) {
        struct vt_hash_source src = {get_hash, &n};
        definition(0, n, &want);
        vt_frontier_root(&f, &got);
        assert_true(vt_digest_eq(&want, &got));
        assert_int_equal(vt_merkle_root(&src, n, &got, NULL), VT_OK);
        assert_true(vt_digest_eq(&want, &got));
        assert_int_equal(f.size, n);
        if (n < LEAVES)
            vt_frontier_append(&f, &leaves[n]);
    }
}

/* ---- proofs ---- */

static void
spoil_and_expect_refusal_inclusion(
    uint64_t i, uint64_t n, const struct vt_proof *proof, const struct vt_digest *root)
{
    struct vt_proof bad = *proof;
    if (proof->len > 0) {
        bad.hash[(i + n) % proof->len].b[i % 32] ^= 0x10;
        assert_int_equal(
            vt_merkle_check_inclusion(i, n, &leaves[i], &bad, root, NULL), VT_E_PROOF);
        bad = *proof;
        bad.len--;
        assert_int_equal(
            vt_merkle_check_inclusion(i, n, &leaves[i], &bad, root, NULL), VT_E_PROOF);
    }
    bad = *proof;
    bad.len++;
    assert_int_equal(vt_merkle_check_inclusion(i, n, &leaves[i], &bad, root, NULL), VT_E_PROOF);
    assert_int_equal(
        vt_merkle_check_inclusion(i, n, &leaves[(i + 1) % LEAVES], proof, root, NULL),
        VT_E_PROOF);
    assert_int_equal(
        vt_merkle_check_inclusion(i + 1, n, &leaves[i], proof, root, NULL), VT_E_PROOF);
}

static void
test_inclusion_all(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= LEAVES; n += n < 40 ? 1 : 9) {
        struct vt_hash_source src = {get_hash, &n};
        struct vt_digest root;
        definition(0, n, &root);
        for (uint64_t i = 0; i < n; i++) {
            struct vt_proof want, got;
            definition_path(i, 0, n, &want);
            assert_int_equal(vt_merkle_prove_inclusion(&src, i, n, &got, NULL), VT_OK);
            assert_proof_equal(&want, &got);
            assert_int_equal(
                vt_merkle_check_inclusion(i, n, &leaves[i], &got, &root, NULL), VT_OK);
            spoil_and_expect_refusal_inclusion(i, n, &got, &root);
        }
    }
}

static void
test_consistency_all(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= LEAVES; n += n < 40 ? 1 : 9) {
        struct vt_hash_source src = {get_hash, &n};
        struct vt_digest root, old;
        definition(0, n, &root);
        for (uint64_t m = 1; m <= n; m++) {
            struct vt_proof want, got;
            definition(0, m, &old);
            definition_subproof(m, 0, n, true, &want);
            assert_int_equal(vt_merkle_prove_consistency(&src, m, n, &got, NULL), VT_OK);
            assert_proof_equal(&want, &got);
            assert_int_equal(vt_merkle_check_consistency(m, n, &old, &root, &got, NULL), VT_OK);
            if (m == n)
                continue;
            assert_int_equal(
                vt_merkle_check_consistency(m, n, &root, &old, &got, NULL), VT_E_PROOF);
            got.hash[m % got.len].b[m % 32] ^= 1;
            assert_int_equal(
                vt_merkle_check_consistency(m, n, &old, &root, &got, NULL), VT_E_PROOF);
            got.len--;
            assert_int_equal(
                vt_merkle_check_consistency(m, n, &old, &root, &got, NULL), VT_E_PROOF);
        }
    }
}

static void
test_consistency_from_nothing(void **state)
{
    struct vt_digest empty, root;
    struct vt_proof p = {0};
    uint64_t n = 5;
    struct vt_hash_source src = {get_hash, &n};
    (void)state;
    vt_merkle_empty(&empty);
    definition(0, 5, &root);
    assert_int_equal(vt_merkle_check_consistency(0, 5, &empty, &root, &p, NULL), VT_OK);
    assert_int_equal(vt_merkle_check_consistency(0, 0, &empty, &empty, &p, NULL), VT_OK);
    assert_int_equal(vt_merkle_check_consistency(0, 0, &empty, &root, &p, NULL), VT_E_PROOF);
    assert_int_equal(vt_merkle_check_consistency(0, 5, &root, &root, &p, NULL), VT_E_PROOF);
    assert_int_equal(vt_merkle_check_consistency(6, 5, &root, &root, &p, NULL), VT_E_PROOF);
    p.len = 1;
    assert_int_equal(vt_merkle_check_consistency(0, 5, &empty, &root, &p, NULL), VT_E_PROOF);
    assert_int_equal(vt_merkle_prove_consistency(&src, 0, 5, &p, NULL), VT_OK);
    assert_int_equal(p.len, 0);
    assert_int_equal(vt_merkle_prove_consistency(&src, 6, 5, &p, NULL), VT_E_USAGE);
    assert_int_equal(vt_merkle_prove_inclusion(&src, 5, 5, &p, NULL), VT_E_USAGE);
}

/* The proof of a subtree by its definition: down from the root to it. */
static void
definition_subtree(
    uint64_t start, uint64_t end, uint64_t lo, uint64_t hi, bool whole, struct vt_proof *ret)
{
    uint64_t k = 1;
    if (start == lo && end == hi) {
        ret->len = 0;
        if (!whole)
            definition(lo, hi, &ret->hash[ret->len++]);
        return;
    }
    while (k * 2 < hi - lo)
        k *= 2;
    if (end <= lo + k) {
        definition_subtree(start, end, lo, lo + k, whole, ret);
        definition(lo + k, hi, &ret->hash[ret->len++]);
    } else if (start >= lo + k) {
        definition_subtree(start, end, lo + k, hi, whole, ret);
        definition(lo, lo + k, &ret->hash[ret->len++]);
    } else {
        definition_subtree(lo + k, end, lo + k, hi, false, ret);
        definition(lo, lo + k, &ret->hash[ret->len++]);
    }
}

static bool
is_subtree(uint64_t start, uint64_t end)
{
    uint64_t unit = 1;
    while (unit < end - start)
        unit *= 2;
    return start % unit == 0;
}

static void
test_subtrees_all(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 70; n += n < 20 ? 1 : 10) {
        struct vt_digest root, sub;
        definition(0, n, &root);
        for (uint64_t end = 1; end <= n; end++) {
            for (uint64_t start = 0; start < end; start++) {
                struct vt_proof p = {0};
                definition(start, end, &sub);
                if (!is_subtree(start, end)) {
                    assert_int_equal(vt_merkle_check_subtree_consistency(
                                         start, end, n, &sub, &root, &p, NULL),
                        VT_E_PROOF);
                    continue;
                }
                definition_subtree(start, end, 0, n, true, &p);
                assert_int_equal(
                    vt_merkle_check_subtree_consistency(start, end, n, &sub, &root, &p, NULL),
                    VT_OK);
                sub.b[0] ^= 1;
                assert_int_equal(
                    vt_merkle_check_subtree_consistency(start, end, n, &sub, &root, &p, NULL),
                    VT_E_PROOF);
            }
        }
    }
}

static enum vt_err
get_nothing(
    void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    uint64_t *calls = ctx;
    (void)level;
    (void)index;
    (void)ret;
    if (*calls == 0)
        return vt_fail(why, VT_E_IO, "the tile is gone");
    (*calls)--;
    return VT_OK;
}

static void
test_source_failure_leaves_output(void **state)
{
    struct vt_proof p = {.len = 7};
    struct vt_digest d = {{9}};
    struct vt_why why = {{0}};
    (void)state;
    for (uint64_t ok = 0; ok < 3; ok++) {
        uint64_t calls = ok;
        struct vt_hash_source src = {get_nothing, &calls};
        assert_int_equal(vt_merkle_prove_inclusion(&src, 5, 11, &p, &why), VT_E_IO);
        calls = ok;
        assert_int_equal(vt_merkle_prove_consistency(&src, 6, 11, &p, &why), VT_E_IO);
        calls = ok;
        assert_int_equal(vt_merkle_root(&src, 11, &d, &why), VT_E_IO);
        assert_int_equal(p.len, 7);
        assert_int_equal(d.b[0], 9);
        assert_string_equal(why.text, "the tile is gone");
    }
}

/* ---- sizes near 2^63: every complete subtree has the same made-up hash ---- */

static enum vt_err
get_level(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    const uint64_t *size = ctx;
    (void)why;
    assert_true(level < 63);
    assert_true(index < *size >> level);
    memset(ret->b, 0, sizeof ret->b);
    vt_merkle_leaf("x", 1, ret);
    for (unsigned l = 0; l < level; l++)
        vt_merkle_node(ret, ret, ret);
    return VT_OK;
}

static void
test_huge_sizes(void **state)
{
    const uint64_t max = INT64_MAX;
    const uint64_t sizes[] = {
        max, max - 1, UINT64_C(1) << 62, (UINT64_C(1) << 62) + 1, UINT64_C(0x5555555555555555)};
    struct vt_digest leaf, root, old;
    struct vt_proof p;
    (void)state;
    vt_merkle_leaf("x", 1, &leaf);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        uint64_t n = sizes[s];
        const uint64_t at[] = {0, 1, n / 3, n / 2, n - 2, n - 1};
        struct vt_hash_source src = {get_level, &n};
        assert_int_equal(vt_merkle_root(&src, n, &root, NULL), VT_OK);
        for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
            assert_int_equal(vt_merkle_prove_inclusion(&src, at[i], n, &p, NULL), VT_OK);
            assert_int_equal(
                vt_merkle_check_inclusion(at[i], n, &leaf, &p, &root, NULL), VT_OK);
            uint64_t m = at[i] + 1;
            struct vt_hash_source part = {get_level, &m};
            assert_int_equal(vt_merkle_root(&part, m, &old, NULL), VT_OK);
            assert_int_equal(vt_merkle_prove_consistency(&src, m, n, &p, NULL), VT_OK);
            assert_int_equal(vt_merkle_check_consistency(m, n, &old, &root, &p, NULL), VT_OK);
        }
    }
    p = (struct vt_proof){0};
    assert_int_equal(vt_merkle_check_inclusion(0, max + 1, &leaf, &p, &root, NULL), VT_E_PROOF);
    assert_int_equal(
        vt_merkle_check_inclusion(UINT64_MAX, UINT64_MAX, &leaf, &p, &root, NULL), VT_E_PROOF);
    assert_int_equal(
        vt_merkle_check_consistency(1, max + 1, &leaf, &root, &p, NULL), VT_E_PROOF);
    assert_int_equal(
        vt_merkle_check_subtree_inclusion(0, 0, UINT64_MAX, &leaf, &p, &root, NULL),
        VT_E_PROOF);
    assert_int_equal(vt_merkle_check_subtree_consistency(
                         UINT64_MAX - 1, UINT64_MAX, UINT64_MAX, &leaf, &root, &p, NULL),
        VT_E_PROOF);
    p.len = SIZE_MAX; /* a caller's count is never trusted */
    assert_int_equal(vt_merkle_check_inclusion(0, 1, &leaf, &p, &leaf, NULL), VT_E_PROOF);
    uint64_t big = max + 1;
    struct vt_hash_source src = {get_level, &big};
    assert_int_equal(vt_merkle_prove_inclusion(&src, 0, big, &p, NULL), VT_E_USAGE);
    assert_int_equal(vt_merkle_prove_consistency(&src, 1, big, &p, NULL), VT_E_USAGE);
    assert_int_equal(vt_merkle_root(&src, big, &root, NULL), VT_E_USAGE);
}

/* ---- tiles ---- */

static void
assert_path(unsigned level, uint64_t index, unsigned width, const char *path)
{
    const struct vt_tile t = {level, index, width};
    struct vt_tile back;
    char got[VT_TILE_PATH_MAX];
    vt_tile_path(&t, got);
    assert_string_equal(got, path);
    assert_true(vt_tile_parse(got, &back));
    assert_int_equal(back.level, level);
    assert_int_equal(back.index, index);
    assert_int_equal(back.width, width);
}

static void
test_tile_paths(void **state)
{
    struct vt_tile t = {1, 2, 3};
    const char *const bad[] = {"", "tile", "tile/", "tile/0", "tile/0/", "tile/0/1",
        "tile/0/0001", "tile/0/x001", "tile/0/x001/", "tile/0/x000/001", "tile/0/001/001",
        "tile/0/x01/001", "tile/0/X001/001", "tile/0/001.p/0", "tile/0/001.p/256",
        "tile/0/001.p/01", "tile/0/001.p/", "tile/0/001.p", "tile/0/001.p/1/", "tile/8/001",
        "tile/00/001", "tile/-1/001", "tile/255/001", "tile/entry/001", "tile/entries",
        "/tile/0/001", "tile/0/001 ", "tile/0/+01", "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999", "tile/0/..", "tile//001"};
    (void)state;
    assert_path(0, 0, 256, "tile/0/000");
    assert_path(7, 999, 1, "tile/7/999.p/1");
    assert_path(3, 1000, 256, "tile/3/x001/000");
    assert_path(0, 1234067, 255, "tile/0/x001/x234/067.p/255");
    assert_path(VT_TILE_ENTRIES, 5, 8, "tile/entries/005.p/8");
    assert_path(
        VT_TILE_ENTRIES, UINT64_MAX, 256, "tile/entries/x018/x446/x744/x073/x709/x551/615");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(vt_tile_parse(bad[i], &t));
    assert_int_equal(t.index, 2);
}

static void
test_tile_widths(void **state)
{
    (void)state;
    /* the specification's example: a tree of 70,000 */
    assert_int_equal(vt_tile_width(0, 272, 70000), 256);
    assert_int_equal(vt_tile_width(0, 273, 70000), 112);
    assert_int_equal(vt_tile_width(0, 274, 70000), 0);
    assert_int_equal(vt_tile_width(VT_TILE_ENTRIES, 273, 70000), 112);
    assert_int_equal(vt_tile_width(1, 0, 70000), 256);
    assert_int_equal(vt_tile_width(1, 1, 70000), 17);
    assert_int_equal(vt_tile_width(2, 0, 70000), 1);
    assert_int_equal(vt_tile_width(3, 0, 70000), 0);
    assert_int_equal(vt_tile_width(0, 0, 256), 256);
    assert_int_equal(vt_tile_width(1, 0, 256), 1);
    assert_int_equal(vt_tile_width(0, 1, 256), 0);
    assert_int_equal(vt_tile_width(0, 0, 0), 0);
    assert_int_equal(vt_tile_width(7, 0, INT64_MAX), 127);
}

static void
test_tile_of(void **state)
{
    struct vt_tile t;
    unsigned first, count;
    (void)state;
    vt_tile_of(0, 300, 70000, &t, &first, &count);
    assert_true(t.level == 0 && t.index == 1 && t.width == 256 && first == 44 && count == 1);
    vt_tile_of(3, 8749, 70000, &t, &first, &count); /* leaves 69992 to 69999 */
    assert_true(t.level == 0 && t.index == 273 && t.width == 112 && first == 104 && count == 8);
    vt_tile_of(8, 272, 70000, &t, &first, &count);
    assert_true(t.level == 1 && t.index == 1 && t.width == 17 && first == 16 && count == 1);
    vt_tile_of(16, 0, 70000, &t, &first, &count);
    assert_true(t.level == 2 && t.index == 0 && t.width == 1 && first == 0 && count == 1);
}

/* Any complete subtree out of tiles is the one by definition. */
static void
test_tile_fold(void **state)
{
    (void)state;
    for (unsigned level = 0; level < 8; level++) {
        for (uint64_t index = 0; (index + 1) << level <= LEAVES; index++) {
            struct vt_digest want, got;
            struct vt_tile t;
            unsigned first, count;
            vt_tile_of(level, index, LEAVES, &t, &first, &count);
            assert_int_equal(t.level, 0);
            assert_true(first + count <= t.width);
            vt_tile_fold(&leaves[t.index * VT_TILE_WIDTH + first], count, &got);
            definition(index << level, (index + 1) << level, &want);
            assert_true(vt_digest_eq(&want, &got));
        }
    }
}

/* ---- the published vectors ---- */

struct vector {
    char *text;
    unsigned no_hashes; /* values of a length that SHA-256 does not have */
};

/* What follows `"key":`, or NULL. */
static const char *
field(const struct vector *v, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(v->text, quoted);
    if (at == NULL)
        return NULL;
    at += strlen(quoted);
    return at + strspn(at, " \n");
}

static uint64_t
number(const struct vector *v, const char *key)
{
    const char *at = field(v, key);
    uint64_t n;
    assert_non_null(at);
    struct vt_reader r = VT_READER(at, strspn(at, "0123456789"));
    assert_true(vt_reader_decimal(&r, UINT64_MAX, &n));
    return n;
}

/* A quoted base64 string. Some vectors have values that are no SHA-256 hash;
 * another hash stands for each of them, as wrong as they are; those for empty values are equal
 * to none. */
static const char *
hash(struct vector *v, const char *at, struct vt_digest *ret)
{
    uint8_t bytes[64];
    size_t len;
    assert_int_equal(*at, '"');
    size_t n = strcspn(at + 1, "\"");
    assert_true(vt_b64_decode(at + 1, n, bytes, sizeof bytes, &len));
    if (len == VT_DIGEST_SIZE) {
        memcpy(ret->b, bytes, VT_DIGEST_SIZE);
    } else {
        vt_merkle_leaf(bytes, len, ret);
        v->no_hashes++;
        ret->b[0] = (uint8_t)(len > 0 ? 0 : v->no_hashes);
    }
    return at + n + 2;
}

static void
proof(struct vector *v, struct vt_proof *ret)
{
    const char *at = field(v, "proof");
    assert_non_null(at);
    ret->len = 0;
    while (*at != ']' && *at != 'n') {
        at += strspn(at, "[, \n");
        if (*at != '"')
            continue;
        assert_true(ret->len < VT_PROOF_MAX);
        at = hash(v, at, &ret->hash[ret->len++]);
        at += strspn(at, ", \n");
    }
}

static enum vt_err
run_inclusion(struct vector *v)
{
    struct vt_digest root, leaf;
    struct vt_proof p;
    hash(v, field(v, "root"), &root);
    hash(v, field(v, "leafHash"), &leaf);
    proof(v, &p);
    return vt_merkle_check_inclusion(
        number(v, "leafIdx"), number(v, "treeSize"), &leaf, &p, &root, NULL);
}

static enum vt_err
run_subtree_inclusion(struct vector *v)
{
    struct vt_digest root, leaf;
    struct vt_proof p;
    hash(v, field(v, "root"), &root);
    hash(v, field(v, "leafHash"), &leaf);
    proof(v, &p);
    return vt_merkle_check_subtree_inclusion(
        number(v, "leafIdx"), number(v, "start"), number(v, "end"), &leaf, &p, &root, NULL);
}

static enum vt_err
run_consistency(struct vector *v)
{
    struct vt_digest old_root, new_root;
    struct vt_proof p;
    hash(v, field(v, "root1"), &old_root);
    hash(v, field(v, "root2"), &new_root);
    proof(v, &p);
    uint64_t size1 = number(v, "size1");
    /* From an empty tree nothing is compared with the new root, so here a root
     * that cannot be read is what refuses. */
    if (size1 == 0 && v->no_hashes > 0)
        return VT_E_SYNTAX;
    return vt_merkle_check_consistency(
        size1, number(v, "size2"), &old_root, &new_root, &p, NULL);
}

static enum vt_err
run_subtree_consistency(struct vector *v)
{
    struct vt_digest sub, root;
    struct vt_proof p;
    hash(v, field(v, "root1"), &sub);
    hash(v, field(v, "root2"), &root);
    proof(v, &p);
    return vt_merkle_check_subtree_consistency(
        number(v, "start"), number(v, "end"), number(v, "size"), &sub, &root, &p, NULL);
}

struct tally {
    enum vt_err (*run)(struct vector *v);
    unsigned files;
    unsigned passed;
};

static void
run_file(const char *path, struct tally *t)
{
    struct vt_buf b = VT_BUF(65536);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    struct vector v = {.text = (char *)b.data};
    const char *want = field(&v, "wantErr");
    assert_non_null(want);
    bool refused = t->run(&v) != VT_OK;
    t->files++;
    if (refused == (strncmp(want, "true", 4) == 0))
        t->passed++;
    else
        print_error("%s: %s\n", path, refused ? "refused" : "accepted");
    vt_buf_release(&b);
}

static void
run_folder(const char *path, struct tally *t)
{
    DIR *d = opendir(path);
    struct dirent *e;
    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        char child[VT_PATH_MAX];
        struct stat st;
        size_t len = strlen(e->d_name);
        if (e->d_name[0] == '.')
            continue;
        assert_int_equal(vt_path(child, NULL, "%s/%s", path, e->d_name), VT_OK);
        assert_int_equal(stat(child, &st), 0);
        if (S_ISDIR(st.st_mode))
            run_folder(child, t);
        else if (len > 5 && strcmp(e->d_name + len - 5, ".json") == 0)
            run_file(child, t);
    }
    closedir(d);
}

static void
run_vectors(const char *name, enum vt_err (*run)(struct vector *v), unsigned least)
{
    struct tally t = {.run = run};
    char path[VT_PATH_MAX];
    const char *shared = getenv("VT_SHARED");
    if (shared == NULL)
        shared = "../shared";
    assert_int_equal(vt_path(path, NULL, "%s/vectors/merkle/testdata/%s", shared, name), VT_OK);
    if (!vt_file_exists(path)) {
        print_message("skipped: there is no %s\n", path);
        skip();
    }
    run_folder(path, &t);
    print_message("%s: %u of %u vectors\n", name, t.passed, t.files);
    assert_int_equal(t.passed, t.files);
    assert_true(t.files >= least);
}

static void
test_vectors_inclusion(void **state)
{
    (void)state;
    run_vectors("inclusion", run_inclusion, 98);
}

static void
test_vectors_consistency(void **state)
{
    (void)state;
    run_vectors("consistency", run_consistency, 98);
}

static void
test_vectors_subtree_inclusion(void **state)
{
    (void)state;
    run_vectors("subtreeinclusion", run_subtree_inclusion, 204);
}

static void
test_vectors_subtree_consistency(void **state)
{
    (void)state;
    run_vectors("subtreeconsistency", run_subtree_consistency, 118);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashing),
        cmocka_unit_test(test_leaves_of_every_length),
        cmocka_unit_test(test_frontier_and_root),
        cmocka_unit_test(test_inclusion_all),
        cmocka_unit_test(test_consistency_all),
        cmocka_unit_test(test_consistency_from_nothing),
        cmocka_unit_test(test_subtrees_all),
        cmocka_unit_test(test_source_failure_leaves_output),
        cmocka_unit_test(test_huge_sizes),
        cmocka_unit_test(test_tile_paths),
        cmocka_unit_test(test_tile_widths),
        cmocka_unit_test(test_tile_of),
        cmocka_unit_test(test_tile_fold),
        cmocka_unit_test(test_vectors_inclusion),
        cmocka_unit_test(test_vectors_consistency),
        cmocka_unit_test(test_vectors_subtree_inclusion),
        cmocka_unit_test(test_vectors_subtree_consistency),
    };
    make_leaves();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
