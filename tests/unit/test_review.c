/* SPDX-License-Identifier: Apache-2.0 */
/* Review documents: one way to write each, what is refused, and what their entries must say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "review/doc.h"
#include "review/path.h"
#include "review/visit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define READING "vitrine/review/reading/v1\n"
#define REVIEW "vitrine/review/review/v1\n"
#define OBJECTION "vitrine/review/objection/v1\n"
#define VISITS "vitrine/review/visits/v1\n"
#define SOURCE "source " C "\n"
#define REVIEWER "reviewer alice.example\n"
#define MADE "made 2026-11-22T10:00:00Z\n"
#define WHO SOURCE REVIEWER MADE
#define COUNTS "log-size 12\nfiles 30\ncovered 30\n"
#define ROOT "root " A "\n"
#define DAY "site zurich.example\nday 2026-11-22\n"
#define TOTALS DAY "visits 120\nanonymous 100\nreviewers 2\n"

static const char *const good[] = {
    READING WHO "file " A " ok all src/main.c\n",
    READING WHO "file " A " concern 10-42 src/read%20me.c\n",
    READING WHO "file " A " ok 1-9 a\nfile " A " concern 10-10 a\nfile " A
                " ok 11-2147483647 a\nfile " B " ok all a-b\nfile " C " ok all a/b\n",
    READING WHO "file " A " ok all %C3%A9%25%2B~x\n",
    REVIEW WHO COUNTS ROOT,
    REVIEW WHO "log-size 0\nfiles 0\ncovered 0\n" ROOT,
    REVIEW WHO "log-size 9223372036854775807\nfiles 9223372036854775807\ncovered 1\n" ROOT,
    OBJECTION WHO "code backdoor\nfile " A " concern 10-42 src/main.c\n",
    OBJECTION WHO "code other\n",
    VISITS TOTALS "source " A " visits 90\nsource " B " visits 30\n" ROOT MADE,
    VISITS DAY "visits 0\nanonymous 0\nreviewers 0\n" ROOT MADE,
};

static enum vt_err
parse(const char *text, struct vt_review *ret, struct vt_why *why)
{
    return vt_review_parse(text, strlen(text), ret, why);
}

static void
test_one_way(void **state)
{
    struct vt_buf b = VT_BUF(VT_REVIEW_MAX);
    struct vt_review r;
    struct vt_why why = {{0}};
    (void)state;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        enum vt_err err = parse(good[i], &r, &why);
        if (err != VT_OK)
            fail_msg("%zu: %s", i, why.text);
        vt_buf_clear(&b);
        assert_int_equal(vt_review_put(&b, &r, &why), VT_OK);
        assert_string_equal(vt_buf_str(&b), good[i]);
        vt_review_release(&r);
    }
    vt_buf_release(&b);
}

static void
test_fields(void **state)
{
    struct vt_review r;
    struct vt_digest a, c;
    (void)state;

    memset(&a, 0xaa, sizeof a);
    memset(&c, 0xcc, sizeof c);
    assert_int_equal(parse(good[1], &r, NULL), VT_OK);
    assert_int_equal(r.kind, VT_ENTRY_READING);
    assert_true(vt_digest_eq(&r.source, &c));
    assert_string_equal(r.reviewer, "alice.example");
    assert_int_equal(r.made, 1795341600);
    assert_int_equal(r.file_count, 1);
    assert_true(vt_digest_eq(&r.file[0].blob, &a));
    assert_int_equal(r.file[0].verdict, VT_VERDICT_CONCERN);
    assert_int_equal(r.file[0].from, 10);
    assert_int_equal(r.file[0].to, 42);
    assert_string_equal(r.file[0].path, "src/read me.c");
    vt_review_release(&r);
    assert_int_equal(parse(good[4], &r, NULL), VT_OK);
    assert_int_equal(r.log_size, 12);
    assert_int_equal(r.files, 30);
    assert_int_equal(r.covered, 30);
    assert_true(vt_digest_eq(&r.root, &a));
    vt_review_release(&r);
    assert_int_equal(parse(good[9], &r, NULL), VT_OK);
    assert_string_equal(r.site, "zurich.example");
    assert_string_equal(r.day, "2026-11-22");
    assert_int_equal(r.visits, 120);
    assert_int_equal(r.anonymous, 100);
    assert_int_equal(r.reviewers, 2);
    assert_int_equal(r.visited_count, 2);
    assert_int_equal(r.visited[1].visits, 30);
    vt_review_release(&r);
}

static const struct {
    const char *text;
    const char *says;
} bad[] = {
    {"", "begins with"},
    {"vitrine/review/reading/v2\n" WHO "file " A " ok all a\n", "begins with"},
    {"vitrine/review/reading/v1/\n" WHO "file " A " ok all a\n", "begins with"},
    {"vitrine/review/release/v1\n" WHO, "begins with"},
    {"vitrine/review/reading/v1", "begins with"},
    {READING WHO, "1 to 4096 files"},
    {READING WHO "file " A " ok all a", "goes on"},
    {READING WHO "file " A " ok all a\n\n", "goes on"},
    {READING WHO "file " A " ok all a\nfile\n", "goes on"},
    {READING SOURCE MADE REVIEWER "file " A " ok all a\n", "first the lines"},
    {READING WHO "code other\nfile " A " ok all a\n", "goes on"},
    {READING SOURCE "reviewer a b\n" MADE "file " A " ok all a\n", "reviewer's name"},
    {READING SOURCE "reviewer -\n" MADE "file " A " ok all a\n", "reviewer's name"},
    {READING SOURCE "reviewer \n" MADE "file " A " ok all a\n", "reviewer's name"},
    {READING SOURCE "reviewer a+b\n" MADE "file " A " ok all a\n", "reviewer's name"},
    {READING SOURCE REVIEWER "made 2026-11-22T10:00:00\nfile " A " ok all a\n", "first the"},
    {READING WHO "file " A " fine all a\n", "verdict"},
    {READING WHO "file " A " ok  all a\n", "file line 1"},
    {READING WHO "file " A " ok all a b\n", "file line 1"},
    {READING WHO "file " A " ok all \n", "file line 1"},
    {READING WHO "file " A " ok 0-4 a\n", "file line 1"},
    {READING WHO "file " A " ok 4 a\n", "file line 1"},
    {READING WHO "file " A " ok 4- a\n", "file line 1"},
    {READING WHO "file " A " ok 04-5 a\n", "file line 1"},
    {READING WHO "file " A " ok 5-4 a\n", "lines of file 1"},
    {READING WHO "file " A " ok 1-2147483648 a\n", "file line 1"},
    {READING WHO "file " A " ok all %41\n", "file line 1"},
    {READING WHO "file " A " ok all %c3%a9\n", "file line 1"},
    {READING WHO "file " A " ok all %C3\n", "file line 1"},
    {READING WHO "file " A " ok all a%\n", "file line 1"},
    {READING WHO "file " A " ok all a%2\n", "file line 1"},
    {READING WHO "file " A " ok all a%00\n", "file line 1"},
    {READING WHO "file " A " ok all a%0A\n", "file line 1"},
    {READING WHO "file " A " ok all /a\n", "file line 1"},
    {READING WHO "file " A " ok all ../a\n", "file line 1"},
    {READING WHO "file " A " ok all a//b\n", "file line 1"},
    {READING WHO "file " A " ok all a+b\n", "file line 1"},
    {READING WHO "file " A " ok all b\nfile " B " ok all a\n", "out of order"},
    {READING WHO "file " A " ok all a/b\nfile " B " ok all a-b\n", "out of order"},
    {READING WHO "file " A " ok all a\nfile " A " ok all a\n", "out of order"},
    {READING WHO "file " A " ok 5-9 a\nfile " A " ok 1-2 a\n", "out of order"},
    {READING WHO "file " A " ok 1-5 a\nfile " A " concern 5-9 a\n", "twice"},
    {READING WHO "file " A " ok all a\nfile " A " concern 5-9 a\n", "twice"},
    {READING WHO "file " A " ok 1-5 a\nfile " A " ok 3-4 b\n", "twice"},
    {READING WHO "file " A " ok 1-5 a\nfile " B " ok 6-9 a\n", "two digests"},
    {REVIEW WHO "log-size 1\nfiles 3\ncovered 4\n" ROOT, "at most all"},
    {REVIEW WHO "log-size 01\nfiles 3\ncovered 3\n" ROOT, "after `made`"},
    {REVIEW WHO "log-size 9223372036854775808\nfiles 3\ncovered 3\n" ROOT, "after `made`"},
    {REVIEW WHO COUNTS, "after `made`"},
    {REVIEW WHO COUNTS ROOT "file " A " ok all a\n", "only readings"},
    {OBJECTION WHO, "the line code"},
    {OBJECTION WHO "code vulnerable\n", "the code of"},
    {OBJECTION WHO "code sixteenbytesword\n", "the line code"},
    {OBJECTION WHO "code other\nfile " A " ok all a\n", "another verdict"},
    {VISITS TOTALS "source " A " visits 90\nsource " B " visits 29\n" ROOT MADE, "add up"},
    {VISITS TOTALS "source " A " visits 90\nsource " B " visits 31\n" ROOT MADE, "add up"},
    {VISITS TOTALS "source " A " visits 120\nsource " B " visits 0\n" ROOT MADE, "add up"},
    {VISITS TOTALS "source " B " visits 90\nsource " A " visits 30\n" ROOT MADE,
        "out of order"},
    {VISITS TOTALS "source " A " visits 90\nsource " A " visits 30\n" ROOT MADE,
        "out of order"},
    {VISITS TOTALS "source " A " 120\n" ROOT MADE, "source line 1"},
    {VISITS DAY "visits 9\nanonymous 10\nreviewers 0\nsource " A " visits 9\n" ROOT MADE,
        "more visitors"},
    {VISITS DAY "visits 9\nanonymous 8\nreviewers 2\nsource " A " visits 9\n" ROOT MADE,
        "more visitors"},
    {VISITS
        "site zurich.example\nday 2026-11-31\nvisits 0\nanonymous 0\nreviewers 0\n" ROOT MADE,
        "a day such"},
    {VISITS "site zurich.example\nday 2026-1-3\nvisits 0\nanonymous 0\nreviewers 0\n" ROOT MADE,
        "a day such"},
    {VISITS DAY "visits 0\nanonymous 0\nreviewers 0\n" MADE ROOT, "root and made"},
};

static void
test_refused(void **state)
{
    struct vt_review r;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct vt_why why = {{0}};
        enum vt_err err = parse(bad[i].text, &r, &why);

        if (err != VT_E_SYNTAX || strstr(why.text, bad[i].says) == NULL)
            fail_msg("%zu: %s: %s", i, vt_err_name(err), why.text);
    }
}

/* Every single byte of a document that is changed or left out is noticed, or gives another
 * document that is written in one way too. */
static void
test_every_byte(void **state)
{
    struct vt_buf b = VT_BUF(VT_REVIEW_MAX);
    struct vt_review r;
    char text[1024];
    (void)state;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        size_t len = strlen(good[i]);
        assert_true(len < sizeof text);
        for (size_t at = 0; at < len; at++) {
            memcpy(text, good[i], len);
            text[at] ^= (char)(1 + at % 127);
            if (vt_review_parse(text, len, &r, NULL) != VT_OK)
                continue;
            vt_buf_clear(&b);
            assert_int_equal(vt_review_put(&b, &r, NULL), VT_OK);
            assert_int_equal(b.len, len);
            assert_memory_equal(b.data, text, len);
            vt_review_release(&r);
        }
        assert_int_not_equal(vt_review_parse(good[i], len - 1, &r, NULL), VT_OK);
    }
    vt_buf_release(&b);
}

static void
start(struct vt_review *r, enum vt_entry_kind kind)
{
    *r = (struct vt_review){.kind = kind, .made = 1795341600, .reviewer = "alice.example"};
    memset(&r->source, 0xcc, sizeof r->source);
}

static void
test_put_sorts(void **state)
{
    struct vt_buf b = VT_BUF(VT_REVIEW_MAX);
    struct vt_digest x, y;
    struct vt_review r;
    (void)state;

    memset(&x, 0xaa, sizeof x);
    memset(&y, 0xbb, sizeof y);
    start(&r, VT_ENTRY_READING);
    assert_int_equal(vt_review_add(&r, &y, VT_VERDICT_OK, 0, 0, "z z", NULL), VT_OK);
    assert_int_equal(vt_review_add(&r, &x, VT_VERDICT_OK, 7, 9, "a", NULL), VT_OK);
    assert_int_equal(vt_review_add(&r, &x, VT_VERDICT_CONCERN, 1, 6, "a", NULL), VT_OK);
    assert_int_equal(vt_review_put(&b, &r, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b),
        READING WHO "file " A " concern 1-6 a\nfile " A " ok 7-9 a\nfile " B " ok all z%20z\n");
    vt_review_release(&r);
    vt_buf_release(&b);
}

static void
expect_unputtable(struct vt_review *r, const char *says)
{
    struct vt_buf b = VT_BUF(VT_REVIEW_MAX);
    struct vt_why why = {{0}};

    assert_int_equal(vt_review_put(&b, r, &why), VT_E_USAGE);
    if (strstr(why.text, says) == NULL)
        fail_msg("%s", why.text);
    assert_int_equal(b.len, 0);
    vt_review_release(r);
    vt_buf_release(&b);
}

static void
test_put_refuses(void **state)
{
    struct vt_digest x;
    struct vt_review r;
    (void)state;

    memset(&x, 0xaa, sizeof x);
    start(&r, VT_ENTRY_READING);
    expect_unputtable(&r, "1 to 4096");
    start(&r, VT_ENTRY_SOURCE);
    expect_unputtable(&r, "not a kind");
    start(&r, VT_ENTRY_READING);
    assert_int_equal(vt_review_add(&r, &x, VT_VERDICT_OK, 0, 0, "../a", NULL), VT_OK);
    expect_unputtable(&r, "cannot have that path");
    start(&r, VT_ENTRY_READING);
    assert_int_equal(vt_review_add(&r, &x, (enum vt_verdict)7, 0, 0, "a", NULL), VT_OK);
    expect_unputtable(&r, "no verdict");
    start(&r, VT_ENTRY_REVIEW);
    r.made = INT64_MAX;
    expect_unputtable(&r, "years");
    start(&r, VT_ENTRY_REVIEW);
    r.reviewer[0] = '\0';
    expect_unputtable(&r, "reviewer's name");
    start(&r, VT_ENTRY_REVIEW);
    memset(r.reviewer, 'a', sizeof r.reviewer); /* no end */
    expect_unputtable(&r, "reviewer's name");
    start(&r, VT_ENTRY_OBJECTION);
    memset(r.code, 'a', sizeof r.code);
    expect_unputtable(&r, "the code");
    start(&r, VT_ENTRY_REVIEW);
    r.files = 1;
    r.covered = 2;
    expect_unputtable(&r, "at most all");
}

static void
test_limits(void **state)
{
    struct vt_buf b = VT_BUF(2 * VT_REVIEW_MAX);
    struct vt_why why = {{0}};
    struct vt_digest x = {{0}};
    struct vt_review r;
    char path[VT_REVIEW_PATH_MAX + 2];
    (void)state;

    start(&r, VT_ENTRY_READING);
    for (unsigned i = 0; i < VT_REVIEW_FILES_MAX; i++) {
        (void)snprintf(path, sizeof path, "d/%05u", i);
        x.b[0] = (uint8_t)i;
        x.b[1] = (uint8_t)(i >> 8);
        assert_int_equal(vt_review_add(&r, &x, VT_VERDICT_OK, 0, 0, path, &why), VT_OK);
    }
    assert_int_equal(vt_review_add(&r, &x, VT_VERDICT_OK, 0, 0, "e", &why), VT_E_LIMIT);
    assert_int_equal(vt_review_put(&b, &r, &why), VT_OK);
    vt_review_release(&r);
    assert_int_equal(vt_review_parse(b.data, b.len, &r, &why), VT_OK);
    assert_int_equal(r.file_count, VT_REVIEW_FILES_MAX);
    vt_review_release(&r);
    vt_buf_puts(&b, "file " A " ok all e\n");
    assert_int_equal(vt_review_parse(b.data, b.len, &r, &why), VT_E_LIMIT);
    vt_buf_clear(&b);
    vt_buf_puts(&b, READING WHO);
    while (b.len <= VT_REVIEW_MAX)
        vt_buf_puts(&b, "file " A " ok all e\n");
    assert_int_equal(vt_review_parse(b.data, b.len, &r, &why), VT_E_LIMIT);
    /* 1,024 bytes of a path, and one more */
    vt_buf_clear(&b);
    memset(path, 'a', sizeof path);
    path[VT_REVIEW_PATH_MAX] = '\0';
    vt_buf_putf(&b, READING WHO "file " A " ok all %s\n", path);
    assert_int_equal(vt_review_parse(b.data, b.len, &r, &why), VT_OK);
    vt_review_release(&r);
    vt_buf_clear(&b);
    vt_buf_putf(&b, READING WHO "file " A " ok all %sa\n", path);
    assert_int_equal(vt_review_parse(b.data, b.len, &r, &why), VT_E_SYNTAX);
    vt_buf_release(&b);
}

static void
test_entries(void **state)
{
    struct vt_digest document = {{1}}, other = {{2}};
    struct vt_review r;
    struct vt_entry e, changed;
    struct vt_why why = {{0}};
    (void)state;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(parse(good[i], &r, NULL), VT_OK);
        const char *name =
            r.kind == VT_ENTRY_VISITS ? "zurich.example/centre" : "alice.example";
        assert_int_equal(vt_review_entry(&r, &document, &e, &why), VT_OK);
        assert_int_equal(e.kind, r.kind);
        assert_int_equal(vt_entry_check(&e, &why), VT_OK);
        assert_int_equal(vt_review_matches(&r, &document, &e, name, &why), VT_OK);
        assert_int_equal(vt_review_matches(&r, &other, &e, name, &why), VT_E_DIGEST);
        assert_int_equal(
            vt_review_matches(&r, &document, &e, "mallory.example", &why), VT_E_DIGEST);
        changed = e;
        changed.subject[0].digest.b[0] ^= 1;
        assert_int_equal(vt_review_matches(&r, &document, &changed, name, &why), VT_E_DIGEST);
        changed = e;
        changed.kind = r.kind == VT_ENTRY_READING ? VT_ENTRY_REVIEW : VT_ENTRY_READING;
        assert_int_equal(vt_review_matches(&r, &document, &changed, name, &why), VT_E_DIGEST);
        vt_review_release(&r);
    }
    assert_int_equal(parse(good[9], &r, NULL), VT_OK);
    assert_int_equal(vt_review_entry(&r, &document, &e, &why), VT_OK);
    assert_int_equal(vt_review_matches(&r, &document, &e, "zurich.example", &why), VT_E_DIGEST);
    assert_int_equal(
        vt_review_matches(&r, &document, &e, "zurich.example/", &why), VT_E_DIGEST);
    assert_int_equal(
        vt_review_matches(&r, &document, &e, "zurich.examples/x", &why), VT_E_DIGEST);
    vt_review_release(&r);
}

#define SALT "000102030405060708090a0b0c0d0e0f"
#define T "2026-11-22T10:00:00Z "

static void
test_visit(void **state)
{
    static const char *const lines[] = {T A " " B " - " SALT " src/main.c",
        T A " " B " alice.example " SALT " src/read%20me.c"};
    static const char *const wrong[] = {"", T A " " B " - " SALT, T A " " B " - " SALT " ",
        T A " " B " - " SALT " a\n", T A " " B "  " SALT " a", T A " " B " - " SALT "00 a",
        T A " " B " - 00 a", "2026 " A " " B " - " SALT " a", T A " x - " SALT " a",
        T A " " B " a+b " SALT " a", T A " " B " - " SALT " a b", T A " " B " - " SALT " ../a"};
    struct vt_buf b = VT_BUF(VT_VISIT_LINE_MAX);
    struct vt_visit v;
    (void)state;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(vt_visit_parse(lines[i], strlen(lines[i]), &v, NULL), VT_OK);
        vt_buf_clear(&b);
        assert_int_equal(vt_visit_put(&b, &v, NULL), VT_OK);
        assert_string_equal(vt_buf_str(&b), lines[i]);
    }
    assert_string_equal(v.path, "src/read me.c");
    assert_string_equal(v.reviewer, "alice.example");
    assert_int_equal(v.salt[15], 15);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(vt_visit_parse(wrong[i], strlen(wrong[i]), &v, NULL), VT_E_SYNTAX);
    (void)snprintf(v.reviewer, sizeof v.reviewer, "-");
    assert_int_equal(vt_visit_put(&b, &v, NULL), VT_E_USAGE);
    v.reviewer[0] = '\0';
    (void)snprintf(v.path, sizeof v.path, "a/../b");
    assert_int_equal(vt_visit_put(&b, &v, NULL), VT_E_USAGE);
    vt_buf_release(&b);
}

/* The longest line there can be fits its limit. */
static void
test_longest_visit(void **state)
{
    struct vt_buf b = VT_BUF(VT_VISIT_LINE_MAX);
    struct vt_visit v = {.time = 0}, again;
    (void)state;

    memset(v.reviewer, 'r', VT_KEY_NAME_MAX);
    memset(v.path, ' ', VT_REVIEW_PATH_MAX);
    assert_int_equal(vt_visit_put(&b, &v, NULL), VT_OK);
    assert_int_equal(vt_visit_parse(b.data, b.len, &again, NULL), VT_OK);
    assert_string_equal(again.path, v.path);
    vt_buf_release(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_way),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_put_sorts),
        cmocka_unit_test(test_put_refuses),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_visit),
        cmocka_unit_test(test_longest_visit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
