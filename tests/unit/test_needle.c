/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings found in text, against looking at every place; and scans of many texts, which give
 * the same in the same order with one thread and with several.
 */
#include "search/needle.h"

#include "base/buf.h"
#include "base/clock.h"
#include "search/bytes.h"
#include "search/library_scan.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXTS = 3000, MOST = 600 };

static uint64_t seed = 20261122;

/* A small generator (splitmix64): the same texts in every run. */
static uint32_t
draw(uint32_t below)
{
    uint64_t z = (seed += 0x9e3779b97f4a7c15U);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (uint32_t)((z ^ (z >> 31)) % below);
}

/* ---------------------------------------------------------------- needles */

static bool
is_at(const struct vt_needles *n, const uint8_t *at, size_t left)
{
    for (size_t i = 0; i < n->count; i++) {
        size_t k = 0;

        while (k < n->of[i].len && k < left &&
               (n->fold ? vt_fold(at[k]) == vt_fold(n->of[i].b[k]) : at[k] == n->of[i].b[k]))
            k++;
        if (k == n->of[i].len)
            return true;
    }
    return false;
}

/* A copy that ends where its memory does, so that a look beyond is found out. */
static void
check_text(const struct vt_needles *n, const uint8_t *text, size_t len)
{
    uint8_t *data = malloc(len + 1);
    size_t from = 0;

    assert_non_null(data);
    memcpy(data + 1, text, len);
    for (size_t at = 0; at < len; at++) {
        if (!is_at(n, data + 1 + at, len - at))
            continue;
        assert_ptr_equal(vt_needles_find(n, data + 1 + from, len - from), data + 1 + at);
        from = at + 1;
    }
    assert_null(vt_needles_find(n, data + 1 + from, len - from));
    free(data);
}

static void
random_bytes(uint8_t *b, size_t len, const char *of)
{
    for (size_t i = 0; i < len; i++)
        b[i] = (uint8_t)of[draw((uint32_t)strlen(of))];
}

/* Every length from 1 to 40, of one needle at every place of a text, its ends among them. */
static void
needles_stand_anywhere(void **state)
{
    uint8_t text[120];
    uint8_t b[40];

    (void)state;
    for (size_t len = 1; len <= sizeof(b); len++) {
        struct vt_needle one = {b, len};
        struct vt_needles n;

        random_bytes(b, len, "xyzXYZ({\xc3");
        for (int fold = 0; fold < 2; fold++) {
            vt_needles_init(&n, &one, 1, fold != 0);
            for (size_t at = 0; at + len <= sizeof(text); at++) {
                memset(text, b[draw((uint32_t)len)], sizeof(text));
                memcpy(text + at, b, len);
                check_text(&n, text, sizeof(text));
                check_text(&n, text, at + len);
                check_text(&n, text + at, len);
                check_text(&n, text + at, len - 1);
            }
        }
    }
}

/* Up to sixteen at once, of a few letters, so that they stand often, and nearly so. */
static void
many_needles_are_found(void **state)
{
    static const char *const letters[] = {"ab", "abAB", "abcdefgh \n", "kKsS@`[{\xc3\xa4"};
    uint8_t text[MOST];
    uint8_t b[VT_NEEDLES_MAX][40];

    (void)state;
    for (size_t turn = 0; turn < 4000; turn++) {
        struct vt_needle of[VT_NEEDLES_MAX];
        size_t count = 1 + draw(VT_NEEDLES_MAX);
        uint32_t longest = 1 + draw(turn % 2 == 0 ? 4 : 40);
        struct vt_needles n;

        for (size_t i = 0; i < count; i++) {
            of[i] = (struct vt_needle){b[i], 1 + draw(longest)};
            random_bytes(b[i], of[i].len, letters[turn % 4]);
        }
        vt_needles_init(&n, of, count, draw(2) == 0);
        random_bytes(text, sizeof(text), letters[turn % 4]);
        check_text(&n, text, draw(sizeof(text)));
    }
}

/* ---------------------------------------------------------------- scans */

struct texts {
    struct vt_scan_text of[TEXTS];
};

static void
texts_make(struct texts *t)
{
    static const char *const words[] = {
        "int ", "main(", "static ", "\n", "foo_bar(", "The end", "colour", "    ", "x = y;"};

    for (size_t i = 0; i < TEXTS; i++) {
        struct vt_buf b = VT_BUF(1U << 20);
        size_t count = draw(i % 50 == 0 ? 20000 : 300);

        for (size_t k = 0; k < count; k++)
            vt_buf_puts(&b, words[draw(sizeof(words) / sizeof(words[0]))]);
        if (draw(40) == 0)
            vt_buf_puts(&b, "needle");
        t->of[i] = (struct vt_scan_text){.blob = (int64_t)i, .data = b.data, .len = b.len};
        t->of[i].digest.b[0] = (uint8_t)i; /* the buffer is the text's now */
    }
}

static void
texts_free(struct texts *t)
{
    for (size_t i = 0; i < TEXTS; i++)
        free((void *)(uintptr_t)t->of[i].data);
}

/* What one thread would find, one text after the other. */
static void
check_found(const struct vt_pattern *p, const struct texts *t, size_t *at,
    const struct vt_scan_found *found)
{
    for (; *at < TEXTS; ++*at) {
        const struct vt_scan_text *text = &t->of[*at];
        size_t from = 0, count = 0;
        bool gave_up = false;
        struct vt_match m;

        while (count < VT_LIBRARY_MATCHES_MAX + VT_SCAN_MORE_MAX &&
               vt_pattern_find(p, text->data, text->len, from, &m, &gave_up)) {
            if (found == NULL)
                fail_msg("text %zu was not found", *at);
            if (count < found->match_count)
                assert_memory_equal(&found->match[count], &m, sizeof(m));
            from = m.to;
            count++;
        }
        if (count == 0)
            continue;
        assert_int_equal(found->text.blob, *at);
        assert_ptr_equal(found->text.data, text->data);
        assert_int_equal(found->match_count + found->more, count);
        ++*at;
        return;
    }
    assert_null(found);
}

/* Texts are put in a few at a time, as from shards; `most` results are taken out. */
static void
check_scan(const struct vt_pattern *p, const struct texts *t, unsigned threads, size_t most)
{
    const struct vt_scan_found *found;
    struct vt_scan *s = NULL;
    size_t put = 0, at = 0, given = 0;

    assert_int_equal(vt_scan_new(p, threads, INT64_MAX, &s, NULL), VT_OK);
    do {
        for (size_t i = draw(900); put < TEXTS && i > 0; i--)
            assert_int_equal(vt_scan_put(s, &t->of[put++], NULL), VT_OK);
        do {
            assert_int_equal(vt_scan_take(s, put == TEXTS, &found, NULL), VT_OK);
            if (found != NULL || put == TEXTS)
                check_found(p, t, &at, found);
        } while (found != NULL && ++given < most);
    } while (put < TEXTS && given < most);
    assert_false(vt_scan_late(s));
    assert_false(vt_scan_gave_up(s));
    vt_scan_free(s);
}

static void
scans_are_the_same_with_threads(void **state)
{
    static const char *const expressions[] = {
        "needle", "(foo|The)[_a-z]*\\(", "main\\(\\s*\\n", "colou?r", "nowhere", "(?i)THE\\b"};
    struct texts *t = calloc(1, sizeof(*t));

    (void)state;
    assert_non_null(t);
    texts_make(t);
    for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
        struct vt_pattern *p = NULL;

        assert_int_equal(vt_pattern_new(expressions[i], VT_PATTERN_REGEX, &p, NULL), VT_OK);
        for (unsigned threads = 0; threads <= VT_SCAN_THREADS_MAX; threads++) {
            check_scan(p, t, threads, SIZE_MAX);
            check_scan(p, t, threads, 1 + draw(60)); /* and ended early */
        }
        vt_pattern_free(p);
    }
    texts_free(t);
    free(t);
}

/* Time that is over ends a scan, also within one text; too many steps in a text are told. */
static void
scans_end(void **state)
{
    enum { LONG = 1 << 20 };
    uint8_t *data = malloc(LONG);
    struct vt_scan_text text = {.data = data, .len = LONG};
    const struct vt_scan_found *found;
    struct vt_pattern *p = NULL;
    struct vt_scan *s = NULL;

    (void)state;
    assert_non_null(data);
    memset(data, 'a', LONG);
    assert_int_equal(vt_pattern_new("aaa", VT_PATTERN_EXACT, &p, NULL), VT_OK);
    assert_int_equal(vt_scan_new(p, 2, vt_clock_monotonic_ms() - 1, &s, NULL), VT_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(vt_scan_put(s, &text, NULL), VT_OK);
    assert_int_equal(vt_scan_take(s, true, &found, NULL), VT_OK);
    assert_null(found);
    assert_true(vt_scan_late(s));
    vt_scan_free(s);
    vt_pattern_free(p);

    assert_int_equal(vt_pattern_new("(a|aa)+$|abc", VT_PATTERN_REGEX, &p, NULL), VT_OK);
    data[LONG - 1] = 'c';
    assert_int_equal(vt_scan_new(p, 2, INT64_MAX, &s, NULL), VT_OK);
    assert_int_equal(vt_scan_put(s, &text, NULL), VT_OK);
    assert_int_equal(vt_scan_take(s, true, &found, NULL), VT_OK);
    assert_null(found);
    assert_true(vt_scan_gave_up(s));
    assert_false(vt_scan_late(s));
    vt_scan_free(s);
    vt_pattern_free(p);
    free(data);
}

/* From its end on a twin gives up, where the pattern itself goes on. */
static void
twins_end(void **state)
{
    enum { LINES = 4000 };
    struct vt_buf b = VT_BUF(1U << 20);
    struct vt_pattern *p = NULL, *twin = NULL;
    struct vt_match m;
    bool gave_up = false;

    (void)state;
    for (int i = 0; i < LINES; i++)
        vt_buf_puts(&b, "needle\n");
    assert_int_equal(vt_pattern_new("needle[0-9]", VT_PATTERN_REGEX, &p, NULL), VT_OK);
    assert_int_equal(vt_pattern_twin(p, vt_clock_monotonic_ms() - 1, &twin, NULL), VT_OK);
    assert_false(vt_pattern_find(p, b.data, b.len, 0, &m, &gave_up));
    assert_false(gave_up);
    assert_false(vt_pattern_find(twin, b.data, b.len, 0, &m, &gave_up));
    assert_true(gave_up);
    vt_pattern_free(twin);
    vt_pattern_free(p);
    vt_buf_release(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needles_stand_anywhere),
        cmocka_unit_test(many_needles_are_found),
        cmocka_unit_test(scans_are_the_same_with_threads),
        cmocka_unit_test(scans_end),
        cmocka_unit_test(twins_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
