/* SPDX-License-Identifier: Apache-2.0 */
/* The aggregator: what may leave a run, and what may not. */
#include "vault/aggregate.h"

#include "base/json.h"
#include "vault/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "{\"keys\":1,\"measures\":[\"sum\"]}\n"

static struct vt_aggregate *
aggregate(unsigned cells, uint32_t threshold)
{
    struct vt_aggregate_opts o = {.cells = cells, .threshold = threshold, .rows_max = 1000};
    struct vt_aggregate *a = NULL;
    struct vt_why why = {0};
    memset(o.request.b, 0xab, sizeof o.request.b);
    assert_int_equal(vt_aggregate_new(&o, &a, &why), VT_OK);
    return a;
}

static void
add(struct vt_aggregate *a, const char *output)
{
    struct vt_why why = {0};
    assert_int_equal(vt_aggregate_add(a, output, strlen(output), &why), VT_OK);
    assert_string_equal(why.text, "");
}

/* Ends, compares all rows with `want`, gives the sum. */
static struct vt_aggregate_sum
gives(struct vt_aggregate *a, const char *want)
{
    struct vt_aggregate_sum sum = {0};
    struct vt_why why = {0};
    struct vt_buf b = VT_BUF(VT_RESULT_MAX);
    assert_int_equal(vt_aggregate_put(a, &b, &sum, &why), VT_OK);
    const char *rows = strchr(vt_buf_str(&b), '\n');
    assert_non_null(rows);
    assert_string_equal(rows + 1, want);
    vt_buf_release(&b);
    vt_aggregate_free(a);
    return sum;
}

static void
test_threshold(void **state)
{
    (void)state;
    struct vt_aggregate *a = aggregate(6, 3);
    add(a, HEAD "[\"all\",1]\n[\"two\",5]\n");
    add(a, HEAD "[\"all\",2]\n[\"two\",6]\n");
    add(a, HEAD "[\"three\",1]\n[\"all\",4]\n");
    add(a, HEAD "[\"three\",1]\n[\"only\",9]\n");
    add(a, HEAD "[\"three\",1]\n");
    struct vt_aggregate_sum s = gives(a, "[\"all\",7]\n[\"three\",3]\n");
    assert_int_equal(s.rows, 2);
    assert_int_equal(s.held_back, 2);
    assert_int_equal(s.cells, 5);
}

/* A cell that gives a key often is still one cell. */
static void
test_one_cell_repeats(void **state)
{
    (void)state;
    struct vt_aggregate *a = aggregate(3, 2);
    add(a, HEAD "[\"x\",1]\n[\"x\",1]\n[\"x\",1]\n[\"y\",1]\n[\"y\",1]\n");
    add(a, HEAD "[\"y\",3]\n");
    assert_int_equal(gives(a, "[\"y\",5]\n").held_back, 1);
}

static void
test_merges(void **state)
{
    (void)state;
#define H "{\"keys\":2,\"measures\":[\"sum\",\"max\",\"min\"]}\n"
    struct vt_aggregate *a = aggregate(3, 2);
    add(a, H "[\"a\",\"b\",1,-7,3]\n");
    add(a, H "[\"a\",\"b\",2,-9,-3]\n");
    add(a, H "[\"ab\",\"\",2,1,3]\n");
    (void)gives(a, "[\"a\",\"b\",3,-7,-3]\n");
    /* sums stay at the end of what an integer holds, whatever comes later */
    a = aggregate(3, 2);
    add(a, HEAD "[\"a\",9223372036854775807]\n[\"b\",-9223372036854775808]\n");
    add(a, HEAD "[\"a\",1]\n[\"b\",-1]\n");
    add(a, HEAD "[\"a\",-5]\n[\"b\",5]\n");
    (void)gives(a, "[\"a\",9223372036854775807]\n[\"b\",-9223372036854775808]\n");
#undef H
}

/* Columns cannot run into each other, text is what it is, and order is by text. */
static void
test_keys(void **state)
{
    (void)state;
#define H "{\"keys\":2,\"measures\":[]}\n"
    struct vt_aggregate *a = aggregate(2, 2);
    add(a, H "[\"b\",\"\"]\n[\"a\",\"bc\"]\n[\"ab\",\"c\"]\n");
    add(a, H "[\"a\",\"bc\"]\n[\"b\",\"\"]\n[\"ab\",\"cc\"]\n[\"a\",\"b\"]\n");
    struct vt_aggregate_sum s = gives(a, "[\"a\",\"bc\"]\n[\"b\",\"\"]\n");
    assert_int_equal(s.rows, 2);
    /* two ways to write one letter */
    a = aggregate(2, 1);
    add(a, H "[\"\xc3\xa9\",\"\\u00e9\"]\n");
    add(a, H "[\"\xc3\xa9\",\"\xc3\xa9\"]\n");
    assert_int_equal(gives(a, "[\"\xc3\xa9\",\"\xc3\xa9\"]\n").rows, 1);
#undef H
}

static void
test_bad_cells_say_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "\n",
        "[]\n",
        "{}\n",
        "{\"keys\":1}\n",
        "{\"keys\":1,\"measures\":[\"avg\"]}\n",
        "{\"keys\":0,\"measures\":[]}\n",
        "{\"keys\":17,\"measures\":[]}\n",
        "{\"keys\":-1,\"measures\":[]}\n",
        "{\"keys\":1,\"measures\":[\"sum\"],\"more\":1}\n",
        "{\"keys\":1,\"measures\":[\"sum\"],\"names\":[\"a\"]}\n",
        "{\"keys\":1,\"measures\":[\"sum\"],\"names\":[\"a\",\"\"]}\n",
        "{\"keys\":1,\"keys\":1,\"measures\":[\"sum\"]}\n",
        "{\"keys\":1,\"measures\":[\"sum\"]}",
        HEAD "[\"a\",1]",
        HEAD "[\"a\",1]\n\n",
        HEAD "[\"a\"]\n",
        HEAD "[\"a\",1,1]\n",
        HEAD "[1,1]\n",
        HEAD "[\"a\",\"1\"]\n",
        HEAD "[\"a\",1.5]\n",
        HEAD "[\"a\",null]\n",
        HEAD "[\"a\",9223372036854775808]\n",
        HEAD "{\"a\":1}\n",
        HEAD "[\"a\",1] x\n",
        HEAD "[\"\xff\",1]\n",
        HEAD "[\"\\u0000\",1]\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct vt_aggregate *a = aggregate(4, 2);
        add(a, HEAD "[\"a\",1]\n");
        add(a, bad[i]);
        add(a, HEAD "[\"a\",1]\n");
        assert_int_equal(gives(a, "[\"a\",2]\n").held_back, 0);
    }
}

/* A head of its own is held to the threshold too, and cannot change the others' rows. */
static void
test_other_head(void **state)
{
    (void)state;
    struct vt_aggregate *a = aggregate(4, 2);
    add(a, "{\"keys\":1,\"measures\":[\"max\"]}\n[\"a\",100]\n");
    add(a, HEAD "[\"a\",1]\n");
    add(a, "{\"keys\":1,\"measures\":[\"sum\"],\"names\":[\"secret\",\"n\"]}\n[\"a\",1]\n");
    add(a, HEAD "[\"a\",1]\n");
    (void)gives(a, "[\"a\",2]\n");
    a = aggregate(2, 2);
    add(a, HEAD "[\"a\",1]\n");
    add(a, "{\"keys\":1,\"measures\":[\"min\"]}\n[\"a\",1]\n");
    (void)gives(a, "");
}

static void
test_first_line(void **state)
{
    (void)state;
    struct vt_aggregate *a = aggregate(4, 2);
    struct vt_aggregate_sum sum = {0};
    struct vt_why why = {0};
    struct vt_buf b = VT_BUF(VT_RESULT_MAX);
    add(a, "{\"keys\":1,\"measures\":[\"sum\"],\"names\":[\"who\",\"n\"]}\n[\"a\",1]\n");
    add(a, "{\"names\":[\"who\",\"n\"],\"measures\":[\"sum\"],\"keys\":1}\n[\"a\",1]\n[\"b\",1]"
           "\n");
    assert_int_equal(vt_aggregate_put(a, &b, &sum, &why), VT_OK);
    json_t *v = NULL;
    struct vt_reader r = VT_READER(b.data, b.len);
    struct vt_reader line;
    assert_true(vt_reader_line(&r, &line));
    assert_int_equal(vt_json_parse(line.p, line.left, "head", &v, &why), VT_OK);
    json_t *want = json_pack("{s:s, s:s+, s:i, s:[s], s:[ss], s:i, s:i, s:i, s:i, s:i}",
        "vitrine", "vault/result/v1", "request", "sha256:abababababababababababababababab",
        "abababababababababababababababab", "keys", 1, "measures", "sum", "names", "who", "n",
        "cells", 2, "threshold", 2, "epsilon", 0, "rows", 1, "held_back", 1);
    assert_non_null(want);
    assert_true(json_equal(v, want));
    json_decref(v);
    json_decref(want);
    vt_buf_release(&b);
    vt_aggregate_free(a);
}

/* What the aggregator writes, its reader takes; and nothing else. */
static void
test_result_is_read(void **state)
{
    (void)state;
    struct vt_aggregate *a = aggregate(2, 2);
    struct vt_aggregate_sum sum = {0};
    struct vt_result *r = NULL;
    struct vt_why why = {0};
    struct vt_buf b = VT_BUF(VT_RESULT_MAX);
    add(a, "{\"keys\":1,\"measures\":[\"sum\",\"min\"],\"names\":[\"w\",\"\\u001bn\",\"m\"]}\n"
           "[\"x\",1,7]\n[\"y\",1,1]\n");
    add(a, "{\"keys\":1,\"measures\":[\"sum\",\"min\"],\"names\":[\"w\",\"\\u001bn\",\"m\"]}\n"
           "[\"x\",2,5]\n[\"y\",1,1]\n");
    assert_int_equal(vt_aggregate_put(a, &b, &sum, &why), VT_OK);
    assert_int_equal(vt_result_parse(b.data, b.len, &r, &why), VT_OK);
    assert_int_equal(vt_result_rows(r), 2);
    assert_int_equal(vt_result_keys(r), 1);
    assert_int_equal(vt_result_columns(r), 3);
    assert_string_equal(vt_result_name(r, 1), "?n"); /* names cannot drive a terminal */
    assert_int_equal(json_integer_value(json_array_get(vt_result_row(r, 0), 2)), 5);
    assert_int_equal(vt_result_number(r, "threshold"), 2);
    json_t *v = vt_result_json(r);
    assert_int_equal(json_array_size(json_object_get(v, "rows")), 2);
    assert_int_equal(json_integer_value(json_object_get(v, "row_count")), 2);
    json_decref(v);
    vt_result_free(r);
    /* every cut is noticed */
    for (size_t len = 0; len < b.len; len++) {
        why.text[0] = '\0';
        assert_int_equal(vt_result_parse(b.data, len, &r, &why), VT_E_SYNTAX);
        assert_true(why.text[0] != '\0');
    }
    vt_buf_release(&b);
    vt_aggregate_free(a);
    /* without any head that enough cells gave */
    a = aggregate(2, 2);
    b = VT_BUF(VT_RESULT_MAX);
    assert_int_equal(vt_aggregate_put(a, &b, &sum, &why), VT_OK);
    assert_int_equal(vt_result_parse(b.data, b.len, &r, &why), VT_OK);
    assert_int_equal(vt_result_columns(r), 0);
    vt_result_free(r);
    vt_buf_release(&b);
    vt_aggregate_free(a);
}

/* How many rows one cell had of its own is told no closer than to a power of two. */
static void
test_held_back_is_coarse(void **state)
{
    (void)state;
    static const struct {
        int rows;
        uint64_t told;
    } c[] = {{0, 0}, {1, 1}, {2, 2}, {3, 4}, {4, 4}, {5, 8}, {129, 256}};
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        struct vt_aggregate *a = aggregate(2, 2);
        struct vt_buf b = VT_BUF(1U << 20);
        vt_buf_puts(&b, HEAD);
        for (int k = 0; k < c[i].rows; k++)
            vt_buf_putf(&b, "[\"%d\",1]\n", k);
        add(a, vt_buf_str(&b));
        vt_buf_release(&b);
        add(a, HEAD);
        assert_int_equal(gives(a, "").held_back, c[i].told);
    }
}

static void
test_failures(void **state)
{
    (void)state;
    struct vt_aggregate_sum sum = {0};
    struct vt_why why = {0};
    struct vt_buf b = VT_BUF(VT_RESULT_MAX);
    /* fewer than the threshold: silent */
    struct vt_aggregate *a = aggregate(6, 2);
    assert_int_equal(vt_aggregate_fail(a, VT_CELL_STATUS, 7, &why), VT_OK);
    assert_int_equal(vt_aggregate_fail(a, VT_CELL_STATUS, 8, &why), VT_OK);
    assert_int_equal(vt_aggregate_fail(a, VT_CELL_MEMORY, 0, &why), VT_OK);
    add(a, HEAD "[\"a\",1]\n");
    add(a, HEAD "[\"a\",1]\n");
    /* two different ones are one kind: status other than 0 */
    assert_int_equal(vt_aggregate_put(a, &b, &sum, &why), VT_E_CHILD);
    assert_non_null(strstr(why.text, "a status other than 0 in 2 or more cells"));
    assert_int_equal(b.len, 0);
    vt_aggregate_free(a);
    a = aggregate(6, 3);
    assert_int_equal(vt_aggregate_fail(a, VT_CELL_STATUS, 7, &why), VT_OK);
    assert_int_equal(vt_aggregate_fail(a, VT_CELL_STATUS, 8, &why), VT_OK);
    assert_int_equal(vt_aggregate_fail(a, VT_CELL_MEMORY, 0, &why), VT_OK);
    for (int i = 0; i < 3; i++)
        add(a, HEAD "[\"a\",1]\n");
    assert_int_equal(gives(a, "[\"a\",3]\n").cells, 6);
    /* the same status in enough cells is named */
    a = aggregate(3, 2);
    assert_int_equal(vt_aggregate_fail(a, VT_CELL_STATUS, 7, &why), VT_OK);
    assert_int_equal(vt_aggregate_fail(a, VT_CELL_STATUS, 7, &why), VT_OK);
    assert_int_equal(vt_aggregate_put(a, &b, &sum, &why), VT_E_CHILD);
    assert_non_null(strstr(why.text, "status 7"));
    vt_aggregate_free(a);
    /* so is bad output */
    a = aggregate(3, 2);
    add(a, "Traceback: alice");
    add(a, "Traceback: bob");
    assert_int_equal(vt_aggregate_put(a, &b, &sum, &why), VT_E_CHILD);
    assert_null(strstr(why.text, "alice"));
    assert_non_null(strstr(why.text, "form of rows"));
    vt_aggregate_free(a);
    vt_buf_release(&b);
}

static void
test_limits(void **state)
{
    (void)state;
    struct vt_why why = {0};
    struct vt_aggregate_opts o = {.cells = 2, .threshold = 1, .rows_max = 2};
    struct vt_aggregate *a = NULL;
    assert_int_equal(vt_aggregate_new(&o, &a, &why), VT_OK);
    add(a, HEAD "[\"a\",1]\n[\"b\",1]\n");
    add(a, HEAD
        "[\"c\",1]\n[\"d\",1]\n[\"e\",1]\n"); /* over rows_max: a failure, and told: k = 1 */
    struct vt_buf b = VT_BUF(VT_RESULT_MAX);
    struct vt_aggregate_sum sum = {0};
    assert_int_equal(vt_aggregate_add(a, HEAD, strlen(HEAD), &why), VT_E_STATE);
    assert_int_equal(vt_aggregate_fail(a, VT_CELL_TIME, 0, &why), VT_E_STATE);
    assert_int_equal(vt_aggregate_put(a, &b, &sum, &why), VT_E_CHILD);
    vt_aggregate_free(a);
    /* a result over its buffer is refused whole */
    a = aggregate(1, 1);
    add(a, HEAD "[\"a\",1]\n");
    struct vt_buf small = VT_BUF(16);
    assert_int_equal(vt_aggregate_put(a, &small, &sum, &why), VT_E_LIMIT);
    vt_aggregate_free(a);
    vt_buf_release(&small);
    vt_buf_release(&b);
    static const struct vt_aggregate_opts wrong[] = {
        {.cells = 0, .threshold = 1, .rows_max = 1},
        {.cells = 257, .threshold = 1, .rows_max = 1},
        {.cells = 2, .threshold = 0, .rows_max = 1},
        {.cells = 2, .threshold = 3, .rows_max = 1},
        {.cells = 2, .threshold = 1, .rows_max = 0},
        {.cells = 2, .threshold = 1, .rows_max = 1000001},
        {.cells = 2, .threshold = 1, .rows_max = 1, .epsilon = 100},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(vt_aggregate_new(&wrong[i], &a, &why), VT_E_USAGE);
}

/* Many keys, so that the table grows; every cell gives all of them. */
static void
test_many(void **state)
{
    (void)state;
    enum { KEYS = 5000 };
    struct vt_aggregate_opts o = {.cells = 3, .threshold = 3, .rows_max = 10000};
    struct vt_aggregate *a = NULL;
    struct vt_why why = {0};
    struct vt_aggregate_sum sum = {0};
    struct vt_buf b = VT_BUF(1U << 20);
    assert_int_equal(vt_aggregate_new(&o, &a, &why), VT_OK);
    for (int c = 0; c < 3; c++) {
        vt_buf_clear(&b);
        vt_buf_puts(&b, HEAD);
        for (int i = 0; i < KEYS; i++)
            vt_buf_putf(&b, "[\"key %d\",%d]\n", (i * 7919) % KEYS, i + c);
        add(a, vt_buf_str(&b));
    }
    vt_buf_clear(&b);
    assert_int_equal(vt_aggregate_put(a, &b, &sum, &why), VT_OK);
    assert_int_equal(sum.rows, KEYS);
    assert_int_equal(sum.held_back, 0);
    assert_non_null(strstr(vt_buf_str(&b), "[\"key 2919\",6]\n"));
    vt_buf_release(&b);
    vt_aggregate_free(a);
}

/* No randomness: every draw is of zeros and a one, so noise is 0 or known. */
static enum vt_err
bytes(void *ctx, void *ret, size_t len, struct vt_why *why)
{
    unsigned *n = ctx;
    (void)why;
    memset(ret, 0, len);
    /* The coin that ends a run of coins: 1/2 misses. */
    ((uint8_t *)ret)[len - 1] = (uint8_t)((*n)++ % 2);
    return VT_OK;
}

static void
test_noise_clips_and_counts(void **state)
{
    (void)state;
    unsigned n = 0;
    const struct vt_noise_source src = {.get = bytes, .ctx = &n};
    struct vt_aggregate_opts o = {.cells = 4,
        .threshold = 2,
        .rows_max = 1000,
        .epsilon = 1000,
        .bounds = {.rows = 2, .measure_count = 1, .bound = {10}},
        .noise = &src};
    struct vt_aggregate *a = NULL;
    struct vt_why why = {0};
    struct vt_aggregate_sum sum = {0};
    struct vt_buf b = VT_BUF(VT_RESULT_MAX);
    assert_int_equal(vt_aggregate_new(&o, &a, &why), VT_OK);
    add(a, HEAD "[\"a\",1000000]\n");
    add(a, HEAD "[\"a\",-1000000]\n");
    /* a third row is one too many: the cell has failed, alone, so silently */
    add(a, HEAD "[\"a\",1]\n[\"b\",1]\n[\"c\",1]\n");
    assert_int_equal(vt_aggregate_put(a, &b, &sum, &why), VT_OK);
    assert_int_equal(sum.rows, 1);
    const char *row = strstr(vt_buf_str(&b), "[\"a\",");
    assert_non_null(row);
    /* 10 + 0, and noise of scale 40 at the most some hundreds: not a million */
    long v = strtol(row + 5, NULL, 10);
    assert_in_range(v + 100000, 0, 200000);
    vt_aggregate_free(a);
    vt_buf_release(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threshold),
        cmocka_unit_test(test_one_cell_repeats),
        cmocka_unit_test(test_merges),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_bad_cells_say_nothing),
        cmocka_unit_test(test_other_head),
        cmocka_unit_test(test_first_line),
        cmocka_unit_test(test_result_is_read),
        cmocka_unit_test(test_held_back_is_coarse),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_noise_clips_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
