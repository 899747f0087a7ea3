/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, the bounded writer and reader, text codecs, the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
test_fail_writes_one_harmless_line(void **state)
{
    struct vt_why why = {0};
    (void)state;

    assert_int_equal(
        vt_fail(&why, VT_E_SYNTAX, "line %d: %s", 3, "a\nb\033[31m\x7f\t"), VT_E_SYNTAX);
    assert_string_equal(why.text, "line 3: a?b?[31m??");
    assert_int_equal(vt_fail(&why, VT_E_SYNTAX, "%s", "caf\xc3\xa9 \xc2\x9b \xe2\x80\xae \xff"),
        VT_E_SYNTAX);
    assert_string_equal(why.text, "caf\xc3\xa9 ? ? ?");
    assert_int_equal(vt_fail(NULL, VT_E_IO, "nobody reads this"), VT_E_IO);
    vt_why_clear(&why);
    assert_string_equal(why.text, "");
    vt_why_clear(NULL);
}

static void
test_fail_cuts_between_characters(void **state)
{
    char longer[3000];
    struct vt_why why;
    (void)state;

    for (size_t shift = 0; shift < 3; shift++) {
        memset(longer, 'x', shift);
        for (size_t i = shift; i + 3 < sizeof longer; i += 3)
            memcpy(longer + i, "\xe2\x82\xac", 4);
        (void)vt_fail(&why, VT_E_IO, "%s", longer);
        assert_true(strlen(why.text) > sizeof why.text - 4);
        assert_true(vt_utf8_valid(why.text, strlen(why.text)));
        assert_null(strchr(why.text, '?'));
    }
}

static void
test_fail_in_puts_the_place_before(void **state)
{
    struct vt_why why = {0};
    char longer[2000];
    (void)state;

    (void)vt_fail(&why, VT_E_SYNTAX, "not a number");
    assert_int_equal(vt_fail_in(&why, VT_E_SYNTAX, "%s:%d", "policy", 7), VT_E_SYNTAX);
    assert_string_equal(why.text, "policy:7: not a number");
    vt_why_clear(&why);
    (void)vt_fail_in(&why, VT_E_IO, "alone");
    assert_string_equal(why.text, "alone");
    /* its own text may be an argument */
    (void)vt_fail(&why, VT_E_IO, "(%s)", why.text);
    assert_string_equal(why.text, "(alone)");
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    (void)vt_fail_in(&why, VT_E_IO, "%s", longer);
    assert_int_equal(strlen(why.text), sizeof why.text - 1);
    assert_int_equal(vt_fail_in(NULL, VT_E_IO, "x"), VT_E_IO);
}

static void
test_fail_errno_picks_the_code(void **state)
{
    static const struct {
        int number;
        enum vt_err err;
    } rows[] = {{ENOENT, VT_E_NOENT}, {EEXIST, VT_E_EXIST}, {ENOSPC, VT_E_NOSPC},
        {EDQUOT, VT_E_NOSPC}, {ENOMEM, VT_E_NOMEM}, {ETIMEDOUT, VT_E_TIMEOUT},
        {EWOULDBLOCK, VT_E_BUSY}, {EACCES, VT_E_IO}, {EIO, VT_E_IO}};
    struct vt_why why;
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        errno = rows[i].number;
        assert_int_equal(vt_fail_errno(&why, "%s: cannot open", "f"), rows[i].err);
        assert_int_equal(errno, rows[i].number);
        assert_non_null(strstr(why.text, "f: cannot open: "));
        assert_non_null(strstr(why.text, strerror(rows[i].number)));
    }
}

static void
test_every_error_has_a_name_and_an_exit_code(void **state)
{
    (void)state;
    assert_string_equal(vt_err_name(VT_OK), "ok");
    assert_string_equal(vt_err_name(VT_E_QUORUM), "quorum");
    assert_string_equal(vt_err_name((enum vt_err) - 9999), "error");
    assert_int_equal(vt_err_exit_code((enum vt_err) - 9999), 3);
    assert_int_equal(vt_err_exit_code(VT_OK), 0);
    for (int e = VT_E_STATE; e <= VT_E_USAGE; e++)
        assert_int_equal(vt_err_exit_code((enum vt_err)e), 2);
    for (int e = VT_E_LIMIT; e <= VT_E_SYNTAX; e++)
        assert_int_equal(vt_err_exit_code((enum vt_err)e), 1);
    for (int e = VT_E_CRYPTO; e <= VT_E_IO; e++)
        assert_int_equal(vt_err_exit_code((enum vt_err)e), 3);
    for (int e = VT_E_UNKNOWN; e <= VT_E_REFUSED; e++)
        assert_int_equal(vt_err_exit_code((enum vt_err)e), 1);
    for (int e = VT_E_UNKNOWN; e < 0; e++) {
        if (strcmp(vt_err_name((enum vt_err)e), "error") == 0)
            continue;
        for (int other = VT_E_UNKNOWN; other < e; other++)
            assert_string_not_equal(
                vt_err_name((enum vt_err)e), vt_err_name((enum vt_err)other));
    }
}

static void
test_buf_grows_to_its_maximum_and_no_further(void **state)
{
    struct vt_buf b = VT_BUF(10);
    struct vt_why why;
    (void)state;

    assert_string_equal(vt_buf_str(&b), "");
    vt_buf_puts(&b, "12345");
    vt_buf_put(&b, "67890", 5);
    assert_int_equal(vt_buf_check(&b, "ten", &why), VT_OK);
    assert_string_equal(vt_buf_str(&b), "1234567890");
    vt_buf_put(&b, "", 0);
    vt_buf_put(&b, NULL, 0);
    assert_int_equal(b.err, VT_OK);
    vt_buf_put_u8(&b, 'x');
    assert_int_equal(vt_buf_check(&b, "ten", &why), VT_E_LIMIT);
    assert_string_equal(why.text, "ten: longer than the limit of 10 bytes");
    assert_string_equal(vt_buf_str(&b), "");
    assert_int_equal(b.len, 10);
    vt_buf_clear(&b);
    assert_int_equal(b.err, VT_OK);
    vt_buf_puts(&b, "again");
    assert_string_equal(vt_buf_str(&b), "again");
    vt_buf_release(&b);
    assert_null(b.data);
    vt_buf_release(&b);
}

static void
test_buf_errors_stick(void **state)
{
    struct vt_buf b = VT_BUF(4);
    (void)state;

    vt_buf_puts(&b, "ab");
    vt_buf_puts(&b, "too long");
    vt_buf_puts(&b, "c");
    vt_buf_putf(&b, "%d", 1);
    assert_null(vt_buf_reserve(&b, 1));
    vt_buf_commit(&b, 1);
    assert_int_equal(b.len, 2);
    assert_int_equal(vt_buf_check(&b, "b", NULL), VT_E_LIMIT);
    vt_buf_release(&b);
    vt_buf_init(&b, SIZE_MAX);
    assert_null(vt_buf_reserve(&b, SIZE_MAX));
    assert_int_equal(b.err, VT_E_LIMIT);
    vt_buf_release(&b);
    vt_buf_init(&b, 0);
    vt_buf_put(&b, "", 0);
    assert_int_equal(b.err, VT_OK);
    vt_buf_put_u8(&b, 0);
    assert_int_equal(b.err, VT_E_LIMIT);
    vt_buf_release(&b);
}

static void
test_buf_puts_numbers_big_endian(void **state)
{
    static const uint8_t want[] = {
        0x01, 0x23, 0x45, 0x01, 0x23, 0x45, 0x67, 1, 2, 3, 4, 5, 6, 7, 8};
    struct vt_buf b = VT_BUF(64);
    (void)state;

    vt_buf_put_u8(&b, 0x01);
    vt_buf_put_u16(&b, 0x2345);
    vt_buf_put_u32(&b, 0x01234567);
    vt_buf_put_u64(&b, UINT64_C(0x0102030405060708));
    assert_int_equal(b.len, sizeof want);
    assert_memory_equal(b.data, want, sizeof want);
    assert_int_equal(b.data[b.len], 0);
    vt_buf_clear(&b);
    vt_buf_putf(&b, "%s-%05u", "n", 42U);
    assert_string_equal(vt_buf_str(&b), "n-00042");
    vt_buf_release(&b);
}

static void
test_buf_reserve_and_commit(void **state)
{
    struct vt_buf b = VT_BUF(1000);
    uint8_t *p;
    (void)state;

    p = vt_buf_reserve(&b, 1000);
    assert_non_null(p);
    memset(p, 'z', 1000);
    vt_buf_commit(&b, 3);
    assert_string_equal(vt_buf_str(&b), "zzz");
    assert_non_null(vt_buf_reserve(&b, 997));
    assert_null(vt_buf_reserve(&b, 998));
    vt_buf_release(&b);
}

static void
test_secret_buf_is_wiped_when_cleared(void **state)
{
    struct vt_buf b = {.max = 4096, .secret = true};
    (void)state;

    vt_buf_puts(&b, "swordfish");
    for (int i = 0; i < 100; i++)
        vt_buf_puts(&b, "swordfish");
    vt_buf_clear(&b);
    for (size_t i = 0; i < b.cap; i++)
        assert_int_equal(b.data[i], 0);
    vt_buf_release(&b);
}

static void
test_reader_takes_nothing_beyond_the_end(void **state)
{
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7};
    struct vt_reader r = VT_READER(bytes, sizeof bytes);
    const uint8_t *p = NULL;
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 99;
    (void)state;

    assert_false(vt_reader_u64(&r, &u64));
    assert_int_equal(u64, 99);
    assert_true(vt_reader_u8(&r, &u8));
    assert_true(vt_reader_u16(&r, &u16));
    assert_true(vt_reader_u32(&r, &u32));
    assert_int_equal(u8, 1);
    assert_int_equal(u16, 0x0203);
    assert_int_equal(u32, 0x04050607);
    assert_int_equal(r.left, 0);
    assert_false(vt_reader_u8(&r, &u8));
    assert_false(vt_reader_u16(&r, &u16));
    assert_false(vt_reader_u32(&r, &u32));
    assert_true(vt_reader_take(&r, 0, &p));
    assert_false(vt_reader_take(&r, 1, &p));
    assert_false(vt_reader_take(&r, SIZE_MAX, &p));
    r = VT_READER(NULL, 0);
    assert_true(vt_reader_take(&r, 0, &p));
    assert_true(vt_reader_skip(&r, ""));
    assert_true(vt_reader_is(&r, ""));
    assert_false(vt_reader_skip(&r, "x"));
}

static void
test_reader_lines_and_words(void **state)
{
    struct vt_reader r = VT_READER("one\n\ntwo three", 14);
    struct vt_reader part = {0};
    char s[4];
    (void)state;

    assert_true(vt_reader_line(&r, &part));
    assert_true(vt_reader_is(&part, "one"));
    assert_false(vt_reader_is(&part, "on"));
    assert_false(vt_reader_is(&part, "ones"));
    assert_true(vt_reader_cstr(&part, s, sizeof s));
    assert_string_equal(s, "one");
    assert_false(vt_reader_cstr(&part, s, 3));
    assert_true(vt_reader_line(&r, &part));
    assert_int_equal(part.left, 0);
    assert_false(vt_reader_line(&r, &part));
    assert_int_equal(r.left, 9);
    assert_true(vt_reader_word(&r, ' ', &part));
    assert_true(vt_reader_is(&part, "two"));
    assert_true(vt_reader_word(&r, ' ', &part));
    assert_true(vt_reader_is(&part, "three"));
    assert_false(vt_reader_word(&r, ' ', &part));
    r = VT_READER("a\0b", 3);
    assert_false(vt_reader_cstr(&r, s, sizeof s));
    r = VT_READER("abc", 3);
    assert_false(vt_reader_skip(&r, "abd"));
    assert_true(vt_reader_skip(&r, "ab"));
    assert_true(vt_reader_is(&r, "c"));
}

static void
test_reader_decimal_is_strict(void **state)
{
    static const char *const bad[] = {"", "00", "01", "-1", "+1", " 1", "1 ", "1x", "0x1",
        "18446744073709551616", "99999999999999999999", "\xd9\xa1"};
    struct vt_reader r;
    uint64_t v = 7;
    (void)state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        r = VT_READER(bad[i], strlen(bad[i]));
        assert_false(vt_reader_decimal(&r, UINT64_MAX, &v));
        assert_int_equal(r.left, strlen(bad[i]));
        assert_int_equal(v, 7);
    }
    r = VT_READER("18446744073709551615", 20);
    assert_true(vt_reader_decimal(&r, UINT64_MAX, &v));
    assert_true(v == UINT64_MAX && r.left == 0);
    r = VT_READER("0", 1);
    assert_true(vt_reader_decimal(&r, 0, &v));
    assert_int_equal(v, 0);
    r = VT_READER("256", 3);
    assert_false(vt_reader_decimal(&r, 255, &v));
}

static void
test_hex(void **state)
{
    static const char *const bad[] = {"0", "0g", "AB", "a ", "0x", "012"};
    uint8_t out[4] = {0xEE, 0xEE, 0xEE, 0xEE};
    struct vt_buf b = VT_BUF(64);
    char text[9];
    size_t len = 99;
    (void)state;

    vt_hex_encode("\x00\xff\x1a\xb2", 4, text);
    assert_string_equal(text, "00ff1ab2");
    vt_buf_put_hex(&b, "\x01\x02", 2);
    assert_string_equal(vt_buf_str(&b), "0102");
    vt_buf_put_hex(&b, "", SIZE_MAX / 2);
    assert_int_equal(b.err, VT_E_LIMIT);
    vt_buf_release(&b);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(vt_hex_decode(bad[i], strlen(bad[i]), out, sizeof out, &len));
    assert_false(vt_hex_decode("0011223344", 10, out, sizeof out, &len));
    assert_false(vt_hex_decode("001g", 4, out, sizeof out, &len));
    assert_int_equal(out[0], 0xEE);
    assert_int_equal(len, 99);
    assert_true(vt_hex_decode("00ff1ab2", 8, out, sizeof out, &len));
    assert_int_equal(len, 4);
    assert_memory_equal(out, "\x00\xff\x1a\xb2", 4);
    assert_true(vt_hex_decode("", 0, out, 0, &len));
    assert_int_equal(len, 0);
}

/* RFC 4648 section 10. */
static void
test_base64_vectors(void **state)
{
    static const struct {
        const char *plain;
        const char *text;
    } rows[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    uint8_t out[8];
    size_t len = 0;
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct vt_buf b = VT_BUF(16);
        size_t plain = strlen(rows[i].plain);
        vt_buf_put_b64(&b, rows[i].plain, plain);
        assert_string_equal(vt_buf_str(&b), rows[i].text);
        assert_true(vt_b64_decode(rows[i].text, strlen(rows[i].text), out, plain, &len));
        assert_int_equal(len, plain);
        assert_memory_equal(out, rows[i].plain, plain);
        if (plain > 0)
            assert_false(
                vt_b64_decode(rows[i].text, strlen(rows[i].text), out, plain - 1, &len));
        vt_buf_release(&b);
    }
}

static void
test_base64_is_strict(void **state)
{
    static const char *const bad[] = {"Z", "Zg", "Zg=", "Zm9",
        "Zh==", "Zm9=", "Zg==Zg==", "====", "=", "==", "Z===", " Zg==", "Zg==\n", "Zm 9",
        "Zm9v=", "-_-_", "Zm9\xc3", "Z=g="};
    static const char *const bad_url[] = {"Z", "Zg=", "Zh", "Zm9=", "+/+/", "Zg===", "A"};
    static const char *const good_url[] = {"Zg", "Zg==", "Zm8", "Zm8=", "-_-_", ""};
    uint8_t out[16] = {0xEE};
    size_t len = 99;
    (void)state;

    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(vt_b64_decode(bad[i], strlen(bad[i]), out, sizeof out, &len));
    for (size_t i = 0; i < COUNT(bad_url); i++)
        assert_false(vt_b64url_decode(bad_url[i], strlen(bad_url[i]), out, sizeof out, &len));
    assert_int_equal(out[0], 0xEE);
    assert_int_equal(len, 99);
    for (size_t i = 0; i < COUNT(good_url); i++)
        assert_true(vt_b64url_decode(good_url[i], strlen(good_url[i]), out, sizeof out, &len));
    assert_true(vt_b64url_decode("-_8", 3, out, sizeof out, &len));
    assert_int_equal(len, 2);
    assert_memory_equal(out, "\xfb\xff", 2);
}

static void
test_utf8(void **state)
{
    static const char *const good[] = {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2",
        "\xc2\x41", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80",
        "\xff", "\xfe"};
    (void)state;

    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(vt_utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(vt_utf8_valid(bad[i], strlen(bad[i])));
    assert_true(vt_utf8_valid("a\0b", 3));
}

static void
test_text_clean_fits_any_size(void **state)
{
    char out[8];
    (void)state;

    assert_int_equal(vt_text_clean(out, 1, "abc", 3), 0);
    assert_string_equal(out, "");
    assert_int_equal(vt_text_clean(out, 3, "a\xe2\x82\xac", 4), 1);
    assert_string_equal(out, "a");
    assert_int_equal(vt_text_clean(out, sizeof out, "a\0b", 3), 3);
    assert_string_equal(out, "a?b");
}

static void
test_time_round_trip(void **state)
{
    static const struct {
        int64_t t;
        const char *text;
    } rows[] = {{0, "1970-01-01T00:00:00Z"}, {-1, "1969-12-31T23:59:59Z"},
        {951782400, "2000-02-29T00:00:00Z"}, {1735689599, "2024-12-31T23:59:59Z"},
        {4107542399, "2100-02-28T23:59:59Z"}, {2147483648, "2038-01-19T03:14:08Z"},
        {-62167219200, "0000-01-01T00:00:00Z"}, {253402300799, "9999-12-31T23:59:59Z"}};
    char text[VT_TIME_SIZE];
    int64_t t = 0;
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        vt_time_format(rows[i].t, text);
        assert_string_equal(text, rows[i].text);
        assert_true(vt_time_parse(rows[i].text, &t));
        assert_true(t == rows[i].t);
    }
    vt_time_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00Z");
    vt_time_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
}

static void
test_time_parse_is_strict(void **state)
{
    static const char *const bad[] = {"", "1970-01-01", "1970-01-01T00:00:00",
        "1970-01-01T00:00:00z", "1970-01-01t00:00:00Z", "1970-01-01 00:00:00Z",
        "1970-01-01T00:00:00+00:00", "1970-01-01T00:00:00.5Z", "1970-1-01T00:00:00Z",
        "1970-00-01T00:00:00Z", "1970-13-01T00:00:00Z", "1970-01-00T00:00:00Z",
        "1970-01-32T00:00:00Z", "2023-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
        "1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z", "2016-12-31T23:59:60Z",
        "-970-01-01T00:00:00Z", "1970-01-01T00:00:00Z ", " 970-01-01T00:00:00Z",
        "197a-01-01T00:00:00Z", "1970-01-01T00:00:0:Z", "10000-01-01T00:00:00Z"};
    int64_t t = 42;
    (void)state;

    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(vt_time_parse(bad[i], &t));
    assert_true(t == 42);
}

static void
test_clocks(void **state)
{
    struct vt_clock c = vt_clock_fixed(1234567890);
    int64_t a = vt_clock_monotonic_ms();
    (void)state;

    assert_true(vt_clock_now(&c) == 1234567890);
    assert_true(vt_clock_now(&vt_clock_system) > 1700000000);
    assert_true(vt_clock_monotonic_ms() >= a);
}

/* Runs fn with standard error in a file; returns what it wrote. */
static void
capture(void (*fn)(void), char *ret, size_t size)
{
    char path[] = "/tmp/vt-stderr-XXXXXX";
    int fd = mkstemp(path);
    int kept = dup(STDERR_FILENO);
    ssize_t n;

    assert_true(fd >= 0 && kept >= 0);
    (void)fflush(stderr);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    fn();
    (void)fflush(stderr);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    n = pread(fd, ret, size - 1, 0);
    assert_true(n >= 0);
    ret[n] = '\0';
    (void)close(fd);
    (void)close(kept);
    (void)unlink(path);
}

static void
log_some(void)
{
    char longer[5000];

    vt_log_init("tester", VT_LOG_INFO);
    vt_log(VT_LOG_INFO, "one %s", "evil\nERROR forged");
    vt_log(VT_LOG_DEBUG, "not shown");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    vt_log(VT_LOG_ERROR, "%s", longer);
}

static void
test_log_is_a_line_an_event(void **state)
{
    char text[8192];
    char *second;
    (void)state;

    capture(log_some, text, sizeof text);
    assert_non_null(strstr(text, "Z INFO tester one evil?ERROR forged\n"));
    assert_null(strstr(text, "not shown"));
    second = strchr(text, '\n') + 1;
    assert_non_null(strstr(second, " ERROR tester xxx"));
    assert_true(strlen(second) <= 2048);
    assert_ptr_equal(strchr(second, '\n'), second + strlen(second) - 1);
}

static void
progress_some(void)
{
    struct vt_progress p;

    vt_progress_init(&p, false);
    p.tty = false;
    vt_progress_begin(&p, "fetching", 10);
    vt_progress_set(&p, 5);
    vt_progress_end(&p);
    vt_progress_end(&p);
    vt_progress_init(&p, true);
    vt_progress_begin(&p, "quiet", 10);
    vt_progress_end(&p);
    p.quiet = false;
    p.tty = true;
    vt_progress_begin(&p, "bar", 4);
    p.drawn_ms -= 1000;
    vt_progress_set(&p, 2);
    p.drawn_ms -= 1000;
    vt_progress_set(&p, 9);
    p.total = 0;
    p.drawn_ms -= 1000;
    vt_progress_set(&p, 9);
    vt_progress_end(&p);
}

static void
test_progress(void **state)
{
    char text[4096];
    (void)state;

    capture(progress_some, text, sizeof text);
    assert_non_null(strstr(text, "fetching ...\nfetching "));
    assert_null(strstr(text, "quiet"));
    assert_non_null(strstr(text, "############............]  50%"));
    assert_non_null(strstr(text, "] 100%"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_writes_one_harmless_line),
        cmocka_unit_test(test_fail_cuts_between_characters),
        cmocka_unit_test(test_fail_in_puts_the_place_before),
        cmocka_unit_test(test_fail_errno_picks_the_code),
        cmocka_unit_test(test_every_error_has_a_name_and_an_exit_code),
        cmocka_unit_test(test_buf_grows_to_its_maximum_and_no_further),
        cmocka_unit_test(test_buf_errors_stick),
        cmocka_unit_test(test_buf_puts_numbers_big_endian),
        cmocka_unit_test(test_buf_reserve_and_commit),
        cmocka_unit_test(test_secret_buf_is_wiped_when_cleared),
        cmocka_unit_test(test_reader_takes_nothing_beyond_the_end),
        cmocka_unit_test(test_reader_lines_and_words),
        cmocka_unit_test(test_reader_decimal_is_strict),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64_vectors),
        cmocka_unit_test(test_base64_is_strict),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_text_clean_fits_any_size),
        cmocka_unit_test(test_time_round_trip),
        cmocka_unit_test(test_time_parse_is_strict),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_log_is_a_line_an_event),
        cmocka_unit_test(test_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
