/* SPDX-License-Identifier: Apache-2.0 */
/* Coverage against the page's rules written down line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "merkle/tree.h"
#include "review/coverage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK VT_VERDICT_OK
#define CONCERN VT_VERDICT_CONCERN
#define MANY 40
#define LINES_MAX 30

static void
test_worked(void **state)
{
    const struct vt_coverage_reading r[] = {
        {1, "alice", "north", OK, 1, 10},
        {2, "bob", "south", OK, 5, 20},
        {3, "adam", "north", OK, 11, 20},
        {4, "adam", "north", CONCERN, 4, 4},
    };
    struct vt_coverage_blob c;
    (void)state;

    assert_int_equal(vt_coverage_of(r, 3, 20, &c, NULL), VT_OK);
    assert_int_equal(c.count, 2);
    assert_string_equal(c.of[0].organisation, "north");
    assert_int_equal(c.of[0].lines, 20);
    assert_true(c.of[0].whole);
    assert_false(c.of[0].concern);
    assert_string_equal(c.of[1].organisation, "south");
    assert_int_equal(c.of[1].lines, 16);
    assert_false(c.of[1].whole);
    assert_int_equal(c.lines, 20);
    /* a colleague's concern uncovers one line, for north alone */
    assert_int_equal(vt_coverage_of(r, 4, 20, &c, NULL), VT_OK);
    assert_int_equal(c.of[0].lines, 19);
    assert_false(c.of[0].whole);
    assert_true(c.of[0].concern);
    assert_int_equal(c.lines, 19);
}

static void
test_concern_is_taken_back_by_its_signer(void **state)
{
    const struct vt_coverage_reading r[] = {
        {1, "alice", "north", OK, 0, 0},
        {2, "adam", "north", CONCERN, 0, 0},
        {3, "alice", "north", OK, 0, 0},
        {4, "adam", "north", OK, 1, 3},
    };
    struct vt_coverage_blob c;
    (void)state;

    assert_int_equal(vt_coverage_of(r, 3, 3, &c, NULL), VT_OK);
    assert_int_equal(c.of[0].lines, 0);
    assert_true(c.of[0].concern);
    assert_int_equal(vt_coverage_of(r, 4, 3, &c, NULL), VT_OK);
    assert_true(c.of[0].whole);
    assert_false(c.of[0].concern);
    assert_int_equal(vt_coverage_of(r, 4, 4, &c, NULL), VT_OK);
    assert_int_equal(c.of[0].lines, 3);
    assert_true(c.of[0].concern);
}

static void
test_without_lines(void **state)
{
    const struct vt_coverage_reading r[] = {
        {1, "alice", "north", OK, 1, VT_REVIEW_LINE_MAX},
        {2, "alice", "north", OK, 0, 0},
        {3, "alice", "north", CONCERN, 1, 1},
        {4, "bob", "south", CONCERN, 0, 0},
    };
    struct vt_coverage_blob c;
    (void)state;

    assert_int_equal(vt_coverage_of(r, 1, 0, &c, NULL), VT_OK);
    assert_int_equal(c.count, 1);
    assert_false(c.of[0].whole);
    assert_int_equal(vt_coverage_of(r, 4, 0, &c, NULL), VT_OK);
    assert_true(c.of[0].whole);
    assert_false(c.of[0].concern);
    assert_int_equal(c.of[0].lines, 0);
    assert_false(c.of[1].whole);
    assert_true(c.of[1].concern);
    assert_int_equal(c.lines, 0);
    assert_int_equal(vt_coverage_of(NULL, 0, 7, &c, NULL), VT_OK);
    assert_int_equal(c.count, 0);
    assert_int_equal(c.lines, 0);
}

static void
test_lines_beyond_the_last(void **state)
{
    const struct vt_coverage_reading r[] = {
        {1, "alice", "north", OK, 2, VT_REVIEW_LINE_MAX},
        {2, "alice", "north", CONCERN, 4, 9},
        {3, "alice", "north", OK, 1, 1},
    };
    struct vt_coverage_blob c;
    (void)state;

    assert_int_equal(vt_coverage_of(r, 3, 3, &c, NULL), VT_OK);
    assert_true(c.of[0].whole);
    assert_false(c.of[0].concern);
    assert_int_equal(c.lines, 3);
}

static void
test_too_many_organisations(void **state)
{
    struct vt_coverage_reading r[VT_COVERAGE_ORGANISATIONS_MAX + 1];
    char name[VT_COVERAGE_ORGANISATIONS_MAX + 1][8];
    struct vt_coverage_blob c = {.lines = 77};
    struct vt_why why = {{0}};
    (void)state;

    for (unsigned i = 0; i <= VT_COVERAGE_ORGANISATIONS_MAX; i++) {
        (void)snprintf(name[i], sizeof name[i], "o%u", i);
        r[i] = (struct vt_coverage_reading){i, name[i], name[i], OK, 0, 0};
    }
    assert_int_equal(
        vt_coverage_of(r, VT_COVERAGE_ORGANISATIONS_MAX + 1, 5, &c, &why), VT_E_LIMIT);
    assert_int_equal(c.lines, 77);
    assert_int_equal(vt_coverage_of(r, VT_COVERAGE_ORGANISATIONS_MAX, 5, &c, &why), VT_OK);
    assert_int_equal(c.count, VT_COVERAGE_ORGANISATIONS_MAX);
}

/* ---- an oracle: each line of each signer ---- */

static const char *const signers[] = {"a", "b", "c", "d", "e"};
static const char *const organisations[] = {"x", "x", "y", "z", "z"};
#define SIGNERS 5

static unsigned
dice(uint64_t *seed, unsigned sides)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)((*seed >> 33) % sides);
}

/* The verdict that stands of a signer on a line (from 1), 0: none. */
static int
standing(const struct vt_coverage_reading *r, size_t n, const char *signer, unsigned line)
{
    int verdict = 0;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(r[i].signer, signer) == 0 &&
            (r[i].from == 0 || (line >= r[i].from && line <= r[i].to)))
            verdict = (int)r[i].verdict;
    }
    return verdict;
}

/* Whether the organisation covers the line; adds to *concern. */
static bool
covers(const struct vt_coverage_reading *r, size_t n, const char *organisation, unsigned line,
    bool *concern)
{
    bool ok = false, worried = false;

    for (unsigned s = 0; s < SIGNERS; s++) {
        if (strcmp(organisations[s], organisation) != 0)
            continue;
        int verdict = standing(r, n, signers[s], line);
        ok = ok || verdict == (int)OK;
        worried = worried || verdict == (int)CONCERN;
    }
    *concern = *concern || worried;
    return ok && !worried;
}

static void
check_against_oracle(const struct vt_coverage_reading *r, size_t n, unsigned lines)
{
    static const char *const all[] = {"x", "y", "z"};
    bool any[LINES_MAX + 1] = {false};
    struct vt_coverage_blob c;
    size_t at = 0, total = 0;

    assert_int_equal(vt_coverage_of(r, n, lines, &c, NULL), VT_OK);
    for (unsigned o = 0; o < 3; o++) {
        bool present = false, concern = false;
        unsigned covered = 0;
        for (size_t i = 0; i < n; i++)
            present = present || strcmp(r[i].organisation, all[o]) == 0;
        if (!present)
            continue;
        for (unsigned line = 1; line <= lines; line++) {
            bool is = covers(r, n, all[o], line, &concern);
            any[line] = any[line] || is;
            covered += is;
        }
        assert_true(at < c.count);
        assert_string_equal(c.of[at].organisation, all[o]);
        assert_int_equal(c.of[at].lines, covered);
        assert_int_equal(c.of[at].whole, covered == lines);
        assert_int_equal(c.of[at].concern, concern);
        at++;
    }
    assert_int_equal(at, c.count);
    for (unsigned line = 1; line <= lines; line++)
        total += any[line];
    assert_int_equal(c.lines, total);
}

static void
test_oracle(void **state)
{
    struct vt_coverage_reading r[MANY];
    uint64_t seed = 20261122;
    (void)state;

    for (unsigned round = 0; round < 4000; round++) {
        unsigned lines = 1 + dice(&seed, LINES_MAX), n = dice(&seed, MANY + 1);
        for (unsigned i = 0; i < n; i++) {
            unsigned s = dice(&seed, SIGNERS), from = dice(&seed, lines + 4);
            r[i] = (struct vt_coverage_reading){.index = i,
                .signer = signers[s],
                .organisation = organisations[s],
                .verdict = dice(&seed, 4) == 0 ? CONCERN : OK,
                .from = from,
                .to = from == 0 ? 0 : from + dice(&seed, 9)};
        }
        check_against_oracle(r, n, lines);
    }
}

static void
test_root(void **state)
{
    struct vt_digest blob[5] = {{{3}}, {{1}}, {{3}}, {{2}}, {{1}}}, leaf[3], node, want, root;
    size_t count;
    (void)state;

    for (unsigned i = 0; i < 3; i++) {
        struct vt_digest d = {{(uint8_t)(i + 1)}};
        vt_merkle_leaf(d.b, sizeof d.b, &leaf[i]);
    }
    vt_merkle_node(&leaf[0], &leaf[1], &node);
    vt_merkle_node(&node, &leaf[2], &want);
    vt_coverage_root(blob, 5, &root, &count);
    assert_int_equal(count, 3);
    assert_true(vt_digest_eq(&root, &want));
    assert_int_equal(blob[0].b[0], 1);
    assert_int_equal(blob[2].b[0], 3);
    vt_coverage_root(NULL, 0, &root, &count);
    vt_merkle_empty(&want);
    assert_int_equal(count, 0);
    assert_true(vt_digest_eq(&root, &want));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked),
        cmocka_unit_test(test_concern_is_taken_back_by_its_signer),
        cmocka_unit_test(test_without_lines),
        cmocka_unit_test(test_lines_beyond_the_last),
        cmocka_unit_test(test_too_many_organisations),
        cmocka_unit_test(test_oracle),
        cmocka_unit_test(test_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
