/* SPDX-License-Identifier: Apache-2.0 */
/* Noise: its distribution from a stream that is always the same, and its bounds. */
#include "vault/noise.h"

#include "crypto/digest.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* SHA-256 of a counter: statistics come out the same every time. */
struct stream {
    uint64_t counter;
    uint8_t left[VT_DIGEST_SIZE];
    size_t at;
    uint64_t taken;
};

static enum vt_err
from_stream(void *ctx, void *ret, size_t len, struct vt_why *why)
{
    struct stream *s = ctx;
    (void)why;
    for (size_t i = 0; i < len; i++) {
        if (s->at == 0) {
            struct vt_digest d;
            vt_digest_of(&s->counter, sizeof s->counter, &d);
            memcpy(s->left, d.b, sizeof s->left);
            s->counter++;
        }
        ((uint8_t *)ret)[i] = s->left[s->at];
        s->at = (s->at + 1) % sizeof s->left;
    }
    s->taken += len;
    return VT_OK;
}

static enum vt_err
from_nowhere(void *ctx, void *ret, size_t len, struct vt_why *why)
{
    int *good = ctx;
    if ((*good)-- <= 0)
        return vt_fail(why, VT_E_CRYPTO, "no randomness today");
    memset(ret, 0x5a, len);
    return VT_OK;
}

/* All zeros: a coin that always says yes. */
static enum vt_err
from_zeros(void *ctx, void *ret, size_t len, struct vt_why *why)
{
    (void)ctx;
    (void)why;
    memset(ret, 0, len);
    return VT_OK;
}

#define DRAWS 60000
#define NEAR 12 /* values -NEAR..NEAR have a bin each; beyond: two bins */

/* Chi-square against (1-q)/(1+q) q^|x|, q = exp(-den/num). 26 degrees of freedom: 99.99 %
 * lie below 62; the stream is fixed, so this either holds for ever or the sampler is wrong. */
static void
fits(uint64_t num, uint64_t den, uint64_t seed)
{
    struct stream st = {.counter = seed << 32U};
    const struct vt_noise_source src = {.get = from_stream, .ctx = &st};
    double count[2 * NEAR + 3] = {0};
    double q = exp(-(double)den / (double)num);
    double base = (1 - q) / (1 + q);
    double chi = 0;
    for (int i = 0; i < DRAWS; i++) {
        int64_t x = 0;
        assert_int_equal(vt_noise_laplace(&src, num, den, &x, NULL), VT_OK);
        count[x < -NEAR ? 0 : x > NEAR ? 2 * NEAR + 2 : x + NEAR + 1]++;
    }
    for (int x = -NEAR - 1; x <= NEAR + 1; x++) {
        double p = abs(x) > NEAR ? base * pow(q, NEAR + 1) / (1 - q) : base * pow(q, abs(x));
        double want = p * DRAWS;
        double got = count[x + NEAR + 1];
        if (want >= 5)
            chi += (got - want) * (got - want) / want;
        else
            assert_true(got < 30);
    }
    assert_true(chi < 62);
}

static void
test_distribution(void **state)
{
    (void)state;
    fits(1, 1, 1);
    fits(5, 1, 2);
    fits(3, 2, 3);
    fits(2000, 300, 4); /* a scale that is no whole number */
    fits(1, 3, 5);      /* narrower than one */
}

/* The mean of |x| of a wide one is near its scale, and both signs come alike. */
static void
test_wide(void **state)
{
    (void)state;
    struct stream st = {.counter = 99};
    const struct vt_noise_source src = {.get = from_stream, .ctx = &st};
    const uint64_t num = 1ULL << 50;
    double sum = 0;
    int minus = 0;
    for (int i = 0; i < 20000; i++) {
        int64_t x = 0;
        assert_int_equal(vt_noise_laplace(&src, num, 1, &x, NULL), VT_OK);
        sum += fabs((double)x);
        minus += x < 0;
    }
    assert_true(fabs(sum / 20000 / (double)num - 1) < 0.04);
    assert_in_range(minus, 9600, 10400);
}

static void
test_same_stream_same_noise(void **state)
{
    (void)state;
    struct stream a = {.counter = 7};
    struct stream b = {.counter = 7};
    const struct vt_noise_source sa = {.get = from_stream, .ctx = &a};
    const struct vt_noise_source sb = {.get = from_stream, .ctx = &b};
    for (int i = 0; i < 100; i++) {
        int64_t x = 1;
        int64_t y = 2;
        assert_int_equal(vt_noise_laplace(&sa, 400, 3, &x, NULL), VT_OK);
        assert_int_equal(vt_noise_laplace(&sb, 400, 3, &y, NULL), VT_OK);
        assert_int_equal(x, y);
    }
    assert_int_equal(a.taken, b.taken);
}

static void
test_refusals(void **state)
{
    (void)state;
    struct vt_why why = {0};
    int64_t x = 77;
    assert_int_equal(vt_noise_laplace(&vt_noise_random, 0, 1, &x, &why), VT_E_USAGE);
    assert_int_equal(vt_noise_laplace(&vt_noise_random, 1, 0, &x, &why), VT_E_USAGE);
    assert_int_equal(
        vt_noise_laplace(&vt_noise_random, (1ULL << 52) + 1, 1, &x, &why), VT_E_USAGE);
    assert_int_equal(
        vt_noise_laplace(&vt_noise_random, 1, (1ULL << 52) + 1, &x, &why), VT_E_USAGE);
    assert_int_equal(x, 77);
    assert_int_equal(vt_noise_laplace(&vt_noise_random, 1ULL << 52, 1, &x, &why), VT_OK);
}

/* A source that fails at any of its bytes ends the drawing and leaves ret alone. */
static void
test_source_fails(void **state)
{
    (void)state;
    for (int good = 0; good < 3; good++) {
        int left = good;
        int64_t x = 77;
        struct vt_why why = {0};
        const struct vt_noise_source src = {.get = from_nowhere, .ctx = &left};
        assert_int_equal(vt_noise_laplace(&src, 1ULL << 40, 1, &x, &why), VT_E_CRYPTO);
        assert_string_equal(why.text, "no randomness today");
        assert_int_equal(x, 77);
    }
}

static void
test_source_stuck(void **state)
{
    (void)state;
    int64_t x = 77;
    struct vt_why why = {0};
    const struct vt_noise_source src = {.get = from_zeros};
    assert_int_equal(vt_noise_laplace(&src, 8, 1, &x, &why), VT_E_CRYPTO);
    assert_int_equal(x, 77);
}

static enum vt_err
parse(const char *query, struct vt_noise_bounds *b)
{
    struct vt_why why = {0};
    enum vt_err err = vt_noise_bounds_parse(query, strlen(query), b, &why);
    assert_true((err == VT_OK) == (why.text[0] == '\0'));
    return err;
}

static void
test_bounds(void **state)
{
    (void)state;
    struct vt_noise_bounds b = {0};
    assert_int_equal(
        parse("-- columns: a\n-- noise: rows 20, bounds 1000 5\nSELECT 1\n", &b), VT_OK);
    assert_int_equal(b.rows, 20);
    assert_int_equal(b.measure_count, 2);
    assert_int_equal(b.bound[0], 1000);
    assert_int_equal(b.bound[1], 5);
    assert_int_equal(parse("-- noise: rows 10000, bounds 4294967296", &b), VT_OK);
    assert_int_equal(b.bound[0], 1ULL << 32);
}

static void
test_bounds_refused(void **state)
{
    (void)state;
    struct vt_noise_bounds b = {.rows = 3};
    static const char *const wrong[] = {
        "-- noise: ",
        "-- noise: rows 20",
        "-- noise: rows 20,",
        "-- noise: rows 20, bounds",
        "-- noise: rows 20, bounds ",
        "-- noise: rows 0, bounds 1",
        "-- noise: rows 10001, bounds 1",
        "-- noise: rows 1, bounds 0",
        "-- noise: rows 1, bounds 4294967297",
        "-- noise: rows 1, bounds 1  1",
        "-- noise: rows 1, bounds 1 ",
        "-- noise: rows -1, bounds 1",
        "-- noise: rows 1, bounds 01",
        "-- noise: rows 1, bounds 1, 1",
        "-- noise: rows 1, bounds 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "-- noise: rows 1, bounds 1\n-- noise: rows 1, bounds 1",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(parse(wrong[i], &b), VT_E_SYNTAX);
    assert_int_equal(parse("SELECT 1", &b), VT_E_NOENT);
    assert_int_equal(parse("", &b), VT_E_NOENT);
    assert_int_equal(parse(" -- noise: rows 1, bounds 1", &b), VT_E_NOENT);
    assert_int_equal(b.rows, 3);
}

static void
test_scale(void **state)
{
    (void)state;
    struct vt_noise_bounds b = {.rows = 20, .measure_count = 2, .bound = {1000, 5}};
    uint64_t num = 0;
    uint64_t den = 0;
    struct vt_why why = {0};
    /* 2 * 20 rows * 1000 * 2 measures / 0.5, in thousandths */
    assert_int_equal(vt_noise_scale(&b, 0, 500, &num, &den, &why), VT_OK);
    assert_int_equal(num / den, 160000);
    assert_int_equal(vt_noise_scale(&b, 1, 1000, &num, &den, &why), VT_OK);
    assert_int_equal(num / den, 400);
    assert_int_equal(vt_noise_scale(&b, 2, 500, &num, &den, &why), VT_E_USAGE);
    assert_int_equal(vt_noise_scale(&b, 0, 0, &num, &den, &why), VT_E_USAGE);
    assert_int_equal(vt_noise_scale(&b, 0, 100001, &num, &den, &why), VT_E_USAGE);
    b.rows = VT_NOISE_ROWS_MAX;
    b.bound[0] = VT_NOISE_BOUND_MAX;
    assert_int_equal(vt_noise_scale(&b, 0, 500, &num, &den, &why), VT_E_LIMIT);
    assert_int_equal(num / den, 400);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_same_stream_same_noise),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_source_fails),
        cmocka_unit_test(test_source_stuck),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_bounds_refused),
        cmocka_unit_test(test_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
