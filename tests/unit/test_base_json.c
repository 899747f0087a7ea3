/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded strict JSON, its getters, canonical and readable text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static json_t *
parse(const char *text)
{
    struct vt_why why = {0};
    json_t *v = NULL;

    if (vt_json_parse(text, strlen(text), "test", &v, &why) != VT_OK)
        fail_msg("%s: %s", text, why.text);
    return v;
}

static void
test_parse_refuses(void **state)
{
    static const char *const bad[] = {"", " ", "{", "[1,]", "{\"a\":1,\"a\":2}", "{\"a\":1}x",
        "{} {}", "1", "\"s\"", "null", "{'a':1}", "{a:1}", "[01]", "[1.]", "[\"\\u0000\"]",
        "[\"\\ud800\"]", "[\"\xff\"]", "[\"\xc0\x80\"]", "[NaN]", "[Infinity]", "[\"a\nb\"]",
        "// c\n{}", "[99999999999999999999]", "[1e999]", "\xef\xbb\xbf{}"};
    struct vt_why why;
    json_t *v = NULL;
    (void)state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        vt_why_clear(&why);
        assert_int_equal(vt_json_parse(bad[i], strlen(bad[i]), "doc", &v, &why), VT_E_SYNTAX);
        assert_null(v);
        assert_non_null(strstr(why.text, "doc: not JSON: line "));
    }
    assert_int_equal(vt_json_parse("{}\0", 3, "doc", &v, &why), VT_E_SYNTAX);
    assert_int_equal(vt_json_parse(NULL, 0, "doc", &v, &why), VT_E_SYNTAX);
    assert_null(v);
}

static void
test_parse_bounds_nesting(void **state)
{
    size_t n = 200000;
    char *deep = malloc(n);
    json_t *v = NULL;
    (void)state;

    assert_non_null(deep);
    memset(deep, '[', n);
    assert_int_equal(vt_json_parse(deep, n, "deep", &v, NULL), VT_E_SYNTAX);
    memset(deep, '[', 1000);
    memset(deep + 1000, ']', 1000);
    assert_int_equal(vt_json_parse(deep, 2000, "deep", &v, NULL), VT_OK);
    json_decref(v);
    free(deep);
}

static void
test_parse_bounds_the_number_of_values(void **state)
{
    size_t n = 3U << 20;
    char *wide = malloc(n);
    json_t *v = NULL;
    (void)state;

    assert_non_null(wide);
    for (size_t i = 0; i < n; i += 2)
        memcpy(wide + i, "1,", 2);
    wide[0] = '[';
    wide[1] = '1';
    memcpy(wide + n - 2, "1]", 2);
    assert_int_equal(vt_json_parse(wide, n, "wide", &v, NULL), VT_E_LIMIT);
    /* what stands in strings does not count */
    memset(wide, ',', n);
    memcpy(wide, "[\"\\\"", 4);
    memcpy(wide + n - 2, "\"]", 2);
    assert_int_equal(vt_json_parse(wide, n, "text", &v, NULL), VT_OK);
    json_decref(v);
    free(wide);
}

static void
test_getters(void **state)
{
    json_t *v = parse("{\"s\":\"x\",\"i\":-5,\"o\":{},\"a\":[1,2],\"r\":1.5,\"n\":null}");
    json_t *child = NULL;
    const char *s = "untouched";
    struct vt_why why;
    int64_t i = 0;
    (void)state;

    assert_int_equal(vt_json_str(v, "s", &s, &why), VT_OK);
    assert_string_equal(s, "x");
    assert_int_equal(vt_json_str(v, "i", &s, &why), VT_E_SYNTAX);
    assert_string_equal(why.text, "\"i\" is not a string");
    assert_int_equal(vt_json_str(v, "gone", &s, &why), VT_E_SYNTAX);
    assert_string_equal(why.text, "\"gone\" is missing");
    assert_string_equal(s, "x");
    assert_int_equal(vt_json_int(v, "i", -5, 5, &i, &why), VT_OK);
    assert_int_equal(i, -5);
    assert_int_equal(vt_json_int(v, "i", -4, 5, &i, &why), VT_E_SYNTAX);
    assert_string_equal(why.text, "\"i\" is -5, outside -4 to 5");
    assert_int_equal(vt_json_int(v, "r", 0, 5, &i, &why), VT_E_SYNTAX);
    assert_int_equal(vt_json_int(v, "n", 0, 5, &i, &why), VT_E_SYNTAX);
    assert_int_equal(vt_json_obj(v, "o", &child, &why), VT_OK);
    assert_int_equal(vt_json_obj(v, "a", &child, &why), VT_E_SYNTAX);
    assert_int_equal(vt_json_arr(v, "a", 2, &child, &why), VT_OK);
    assert_int_equal(vt_json_arr(v, "a", 1, &child, &why), VT_E_SYNTAX);
    assert_int_equal(vt_json_arr(v, "o", 9, &child, &why), VT_E_SYNTAX);
    assert_int_equal(vt_json_str(child, "s", &s, &why), VT_E_SYNTAX);
    assert_string_equal(why.text, "not an object where \"s\" is looked for");
    assert_int_equal(vt_json_str(NULL, "s", &s, NULL), VT_E_SYNTAX);
    json_decref(v);
}

static void
test_canonical(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } rows[] = {{"{}", "{}"}, {"[]", "[]"},
        {"[true, false, null, -0, 12]", "[true,false,null,0,12]"},
        {"{\"b\": 1, \"a\": {\"d\": [], \"c\": \"\"}}",
            "{\"a\":{\"c\":\"\",\"d\":[]},\"b\":1}"},
        {"[\"q\\\"b\\\\s\\/\\u00e9\\n\\t\"]", "[\"q\\\"b\\\\s/\xc3\xa9\n\t\"]"},
        {"{\"\xef\xbf\xbd\":1,\"\xf0\x90\x80\x80\":2,\"z\":3,\"Z\":4,\"\":5}",
            "{\"\":5,\"Z\":4,\"z\":3,\"\xef\xbf\xbd\":1,\"\xf0\x90\x80\x80\":2}"},
        {"[9223372036854775807,-9223372036854775808]",
            "[9223372036854775807,-9223372036854775808]"}};
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct vt_buf b = VT_BUF(4096);
        struct vt_why why = {0};
        json_t *v = parse(rows[i].in);
        assert_int_equal(vt_json_canonical(v, &b, &why), VT_OK);
        assert_string_equal(vt_buf_str(&b), rows[i].out);
        json_decref(v);
        vt_buf_release(&b);
    }
}

static void
test_canonical_failure_leaves_the_buffer(void **state)
{
    struct vt_buf b = VT_BUF(16);
    struct vt_why why;
    json_t *v = parse("[1, 2, {\"a\": 1.5}]");
    (void)state;

    vt_buf_puts(&b, "kept");
    assert_int_equal(vt_json_canonical(v, &b, &why), VT_E_SYNTAX);
    assert_string_equal(vt_buf_str(&b), "kept");
    json_decref(v);
    v = parse("[\"0123456789012345\"]");
    assert_int_equal(vt_json_canonical(v, &b, &why), VT_E_LIMIT);
    assert_int_equal(b.len, 4);
    json_decref(v);
    vt_buf_release(&b);
}

static void
test_text(void **state)
{
    struct vt_buf b = VT_BUF(64);
    json_t *v = parse("{\"b\":1,\"a\":[1.5]}");
    (void)state;

    assert_int_equal(vt_json_text(v, false, &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), "{\"a\":[1.5],\"b\":1}\n");
    vt_buf_clear(&b);
    assert_int_equal(vt_json_text(v, true, &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), "{\n  \"a\": [\n    1.5\n  ],\n  \"b\": 1\n}\n");
    vt_buf_release(&b);
    vt_buf_init(&b, 8);
    assert_int_equal(vt_json_text(v, false, &b, NULL), VT_E_LIMIT);
    assert_int_equal(b.len, 0);
    vt_buf_release(&b);
    json_decref(v);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_parse_bounds_nesting),
        cmocka_unit_test(test_parse_bounds_the_number_of_values),
        cmocka_unit_test(test_getters),
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_canonical_failure_leaves_the_buffer),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
