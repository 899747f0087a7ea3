/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP/HTTP JSON: what becomes of a request, and which requests are refused.
 */
#include "report/otlp.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What was taken: "SUBJECT LINE\n" each. */
struct taken {
    struct vt_buf all;
    unsigned fail_at; /* this one fails, counted from 1; 0: none */
    enum vt_err fail_with;
    unsigned count;
};

static enum vt_err
take(void *ctx, const char *subject, const void *record, size_t len, struct vt_why *why)
{
    struct taken *t = ctx;

    if (++t->count == t->fail_at)
        return vt_fail(why, t->fail_with, "as asked");
    vt_buf_puts(&t->all, subject);
    vt_buf_puts(&t->all, " ");
    vt_buf_put(&t->all, record, len);
    vt_buf_puts(&t->all, "\n");
    return VT_OK;
}

static enum vt_err
parse(struct taken *t, const char *body, const char *field, const char *subject,
    struct vt_otlp_report *ret)
{
    const struct vt_otlp_opts o = {.subject = subject, .field = field, .take = take, .ctx = t};
    struct vt_why why = {{0}};
    size_t len = strlen(body);
    char *copy = malloc(len + 1);
    enum vt_err err;

    assert_non_null(copy);
    memcpy(copy, body, len);
    err = vt_otlp_parse(copy, len, &o, ret, &why);
    assert_int_equal(err == VT_OK, why.text[0] == '\0');
    free(copy);
    return err;
}

#define ONE(record)                                                                            \
    "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"host.name\",\"value\":{"     \
    "\"stringValue\":\"h1\"}}]},\"scopeLogs\":[{\"scope\":{\"name\":\"sensor\"},"              \
    "\"logRecords\":[" record "]}]}]}"

#define WHOLE                                                                                  \
    "{\"timeUnixNano\":\"1795428000123456789\",\"severityNumber\":9,\"severityText\":"         \
    "\"INFO\",\"body\":{\"stringValue\":\"it happened\"},\"attributes\":[{\"key\":\"user\","   \
    "\"value\":{\"stringValue\":\"dora\"}},{\"key\":\"n\",\"value\":{\"intValue\":\"-7\"}},"   \
    "{\"key\":\"ok\",\"value\":{\"boolValue\":true}},{\"key\":\"d\",\"value\":{"               \
    "\"doubleValue\":1.5}},{\"key\":\"list\",\"value\":{\"arrayValue\":{\"values\":["          \
    "{\"stringValue\":\"a\"},{\"intValue\":2}]}}},{\"key\":\"map\",\"value\":{"                \
    "\"kvlistValue\":{\"values\":[{\"key\":\"k\",\"value\":{\"bytesValue\":\"AAE=\"}}]}}}],"   \
    "\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"eee19b7ec3c1b174\","        \
    "\"flags\":1,\"someNewField\":{\"x\":[]}}"

static void
test_whole_record(void **state)
{
    struct taken t = {.all = VT_BUF(10000)};
    struct vt_otlp_report r;

    (void)state;
    assert_int_equal(parse(&t, ONE(WHOLE), "user", NULL, &r), VT_OK);
    assert_int_equal(r.records, 1);
    assert_int_equal(r.refused, 0);
    assert_string_equal(vt_buf_str(&t.all),
        "dora {\"time\":\"2026-11-23T10:00:00.123456789Z\",\"severity\":\"INFO\","
        "\"severity_number\":9,\"body\":\"it happened\",\"attributes\":{\"user\":\"dora\","
        "\"n\":-7,\"ok\":true,\"d\":1.5,\"list\":[\"a\",2],\"map\":{\"k\":\"AAE=\"}},"
        "\"resource\":{\"host.name\":\"h1\"},\"scope\":\"sensor\","
        "\"trace_id\":\"5b8efff798038103d269b633813fc60c\",\"span_id\":\"eee19b7ec3c1b174\"}"
        "\n");
    vt_buf_release(&t.all);
}

/* Where the subject may stand: attribute, body, resource, or nowhere. */
static void
test_subject(void **state)
{
    static const struct {
        const char *record;
        const char *field;
        const char *want;
    } rows[] = {
        {ONE("{\"attributes\":[{\"key\":\"user.name\",\"value\":{\"stringValue\":\"a\"}}]}"),
            "user.name", "a "},
        {ONE("{\"body\":{\"kvlistValue\":{\"values\":[{\"key\":\"user\",\"value\":{"
             "\"stringValue\":\"b\"}}]}}}"),
            "user", "b "},
        {ONE("{\"body\":{\"stringValue\":\"x\"}}"), "host.name", "h1 "},
        {ONE("{\"body\":{\"stringValue\":\"x\"}}"), "resource.host.name", "h1 "},
        {ONE("{\"body\":{\"stringValue\":\"x\"}}"), "body", "x "},
        {ONE("{\"body\":{\"stringValue\":\"x\"}}"), "user", "fallback "},
        {ONE("{\"body\":{\"stringValue\":\"x\"}}"), NULL, "fallback "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct taken t = {.all = VT_BUF(10000)};
        struct vt_otlp_report r;

        assert_int_equal(parse(&t, rows[i].record, rows[i].field, "fallback", &r), VT_OK);
        assert_memory_equal(vt_buf_str(&t.all), rows[i].want, strlen(rows[i].want));
        vt_buf_release(&t.all);
    }
}

static void
test_no_subject(void **state)
{
    struct taken t = {.all = VT_BUF(10000)};
    struct vt_otlp_report r;

    (void)state;
    assert_int_equal(
        parse(&t, ONE("{\"body\":{\"stringValue\":\"x\"}}," WHOLE), "user", NULL, &r), VT_OK);
    assert_int_equal(r.records, 1);
    assert_int_equal(r.refused, 1);
    assert_non_null(strstr(r.first_why.text, "user"));
    vt_buf_release(&t.all);
}

/* One record that is refused does not stop the others; a full spool does. */
static void
test_take_fails(void **state)
{
    struct taken t = {.all = VT_BUF(10000), .fail_at = 1, .fail_with = VT_E_SYNTAX};
    struct taken full = {.all = VT_BUF(10000), .fail_at = 2, .fail_with = VT_E_NOSPC};
    struct vt_otlp_report r;

    (void)state;
    assert_int_equal(parse(&t, ONE(WHOLE "," WHOLE), "user", NULL, &r), VT_OK);
    assert_int_equal(r.records, 1);
    assert_int_equal(r.refused, 1);
    assert_int_equal(
        parse(&full, ONE(WHOLE "," WHOLE "," WHOLE), "user", NULL, &r), VT_E_NOSPC);
    assert_int_equal(full.count, 2);
    vt_buf_release(&t.all);
    vt_buf_release(&full.all);
}

/* Nothing in it: that is a request too. */
static void
test_empty(void **state)
{
    static const char *const rows[] = {"{}", "{\"resourceLogs\":[]}", "{\"resourceLogs\":null}",
        "{\"resourceLogs\":[{}]}", "{\"resourceLogs\":[{\"scopeLogs\":[{}]}]}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[]}]}]}", "{\"other\":1}"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct taken t = {.all = VT_BUF(10000)};
        struct vt_otlp_report r;

        assert_int_equal(parse(&t, rows[i], "user", "s", &r), VT_OK);
        assert_int_equal(r.records + r.refused, 0);
        assert_int_equal(t.count, 0);
    }
}

static void
test_times(void **state)
{
    static const struct {
        const char *record;
        const char *want;
    } rows[] = {
        {"{\"timeUnixNano\":\"0\",\"observedTimeUnixNano\":\"1000000001\"}",
            "s {\"time\":\"1970-01-01T00:00:01.000000001Z\""},
        {"{\"timeUnixNano\":1795428000000000000}",
            "s {\"time\":\"2026-11-23T10:00:00.000000000Z\""},
        {"{\"observedTimeUnixNano\":\"9223372036854775807\"}",
            "s {\"time\":\"2262-04-11T23:47:16.854775807Z\""},
        {"{}", "s {\"resource\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct taken t = {.all = VT_BUF(10000)};
        struct vt_otlp_report r;
        char body[1000];

        (void)snprintf(body, sizeof body, ONE("%s"), rows[i].record);
        assert_int_equal(parse(&t, body, NULL, "s", &r), VT_OK);
        assert_memory_equal(vt_buf_str(&t.all), rows[i].want, strlen(rows[i].want));
        vt_buf_release(&t.all);
    }
}

static void
test_refused(void **state)
{
    static const char *const rows[] = {"", "[]", "null", "{\"resourceLogs\":{}}",
        "{\"resourceLogs\":[", "{\"resourceLogs\":[{\"scopeLogs\":7}]}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":\"x\"}]}]}", ONE("7"), ONE("null"),
        ONE("{\"timeUnixNano\":\"x\"}"), ONE("{\"timeUnixNano\":\"-1\"}"),
        ONE("{\"timeUnixNano\":\" 1\"}"), ONE("{\"timeUnixNano\":\"99999999999999999999\"}"),
        ONE("{\"timeUnixNano\":{}}"), ONE("{\"severityText\":{}}"), ONE("{\"body\":\"plain\"}"),
        ONE("{\"body\":{\"intValue\":1.5}}"), ONE("{\"body\":{\"stringValue\":{}}}"),
        ONE("{\"body\":{\"arrayValue\":{\"values\":{}}}}"),
        ONE("{\"attributes\":[{\"value\":{\"stringValue\":\"x\"}}]}"),
        ONE("{\"attributes\":[{\"key\":1}]}"), ONE("{\"attributes\":{}}"),
        ONE("{\"attributes\":[7]}")};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct taken t = {.all = VT_BUF(10000)};
        struct vt_otlp_report r;
        enum vt_err err = parse(&t, rows[i], "user", "s", &r);

        if (err != VT_E_SYNTAX)
            fail_msg("%s: %s", rows[i], vt_err_name(err));
        assert_int_equal(t.count, 0);
        vt_buf_release(&t.all);
    }
}

static void
test_depth(void **state)
{
    struct vt_buf b = VT_BUF(100000);
    struct vt_otlp_report r;

    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        struct taken t = {.all = VT_BUF(10000)};
        unsigned depth = VT_OTLP_DEPTH_MAX - 1 + extra;

        vt_buf_clear(&b);
        vt_buf_puts(&b, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":");
        for (unsigned i = 0; i < depth; i++)
            vt_buf_puts(&b, "{\"arrayValue\":{\"values\":[");
        vt_buf_puts(&b, "{\"intValue\":1}");
        for (unsigned i = 0; i < depth; i++)
            vt_buf_puts(&b, "]}}");
        vt_buf_puts(&b, "}]}]}]}");
        assert_int_equal(
            parse(&t, vt_buf_str(&b), NULL, "s", &r), extra == 0 ? VT_OK : VT_E_LIMIT);
        vt_buf_release(&t.all);
    }
    vt_buf_release(&b);
}

static size_t
gzip(const void *data, size_t len, void *ret, size_t size)
{
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();
    size_t used = 0;

    assert_true(a != NULL && e != NULL);
    archive_write_add_filter_gzip(a);
    archive_write_set_format_raw(a);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open_memory(a, ret, size, &used), ARCHIVE_OK);
    archive_entry_set_filetype(e, AE_IFREG);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, data, len), (la_ssize_t)len);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_entry_free(e);
    archive_write_free(a);
    return used;
}

static void
test_gzip(void **state)
{
    struct vt_buf out = VT_BUF(100000);
    struct vt_buf small = VT_BUF(1000);
    struct vt_why why = {{0}};
    uint8_t packed[20000];
    char *zeros = calloc(1, 50000);
    size_t n;

    (void)state;
    assert_non_null(zeros);
    n = gzip("hello", 5, packed, sizeof packed);
    assert_int_equal(vt_otlp_gunzip(packed, n, &out, &why), VT_OK);
    assert_string_equal(vt_buf_str(&out), "hello");
    for (size_t cut = 0; cut < n - 8; cut++) {
        struct vt_buf b = VT_BUF(1000);

        assert_int_equal(vt_otlp_gunzip(packed, cut, &b, &why), VT_E_SYNTAX);
        vt_buf_release(&b);
    }
    assert_int_equal(vt_otlp_gunzip("hello there", 11, &small, &why), VT_E_SYNTAX);
    /* It may not become more than was asked for. */
    n = gzip(zeros, 50000, packed, sizeof packed);
    assert_true(n < 1000);
    assert_int_equal(vt_otlp_gunzip(packed, n, &small, &why), VT_E_LIMIT);
    free(zeros);
    vt_buf_release(&out);
    vt_buf_release(&small);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_record),
        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_no_subject),
        cmocka_unit_test(test_take_fails),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_gzip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
