/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns and shards. What matters most is that the index never hides a match: random texts
 * and random expressions are searched with it and without.
 */
#include "search/shard.h"

#include "base/file.h"
#include "search/formula.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXTS = 300, PATTERNS = 3000 };

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

static void
folder(char ret[VT_PATH_MAX])
{
    assert_int_equal(vt_dir_temp("/tmp", "vt-shard", ret, NULL), VT_OK);
}

/* ---------------------------------------------------------------- patterns */

static void
check_find(const char *text, enum vt_pattern_form form, const char *in, int from, int to)
{
    struct vt_pattern *p = NULL;
    struct vt_match m = {0, 0};
    struct vt_why why = {0};
    bool gave_up = false;

    if (vt_pattern_new(text, form, &p, &why) != VT_OK)
        fail_msg("%s: %s", text, why.text);
    assert_int_equal(
        vt_pattern_find(p, (const uint8_t *)in, strlen(in), 0, &m, &gave_up), from >= 0);
    assert_false(gave_up);
    if (from >= 0) {
        assert_int_equal(m.from, from);
        assert_int_equal(m.to, to);
    }
    vt_pattern_free(p);
}

static void
test_find(void **state)
{
    (void)state;
    check_find("main", VT_PATTERN_EXACT, "int main(void)", 4, 8);
    check_find("Main", VT_PATTERN_EXACT, "int main(void)", -1, 0);
    check_find("Main", VT_PATTERN_ICASE, "int main(void)", 4, 8);
    check_find("a.c", VT_PATTERN_ICASE, "abc a.C", 4, 7);
    check_find("m[ae]in\\(", VT_PATTERN_REGEX, "int main(void)", 4, 9);
    check_find("^b$", VT_PATTERN_REGEX, "a\nb\nc", 2, 3);
    check_find("a.b", VT_PATTERN_REGEX, "a\nb", -1, 0);
    check_find("a\\nb", VT_PATTERN_REGEX, "a\nb", 0, 3);
    check_find("(?i)KELVIN", VT_PATTERN_REGEX,
        "a \xe2\x84\xaa"
        "elvin",
        2, 10);
    check_find("x*", VT_PATTERN_REGEX, "abxxc", 2, 4); /* never an empty match */
    check_find("colou?r", VT_PATTERN_REGEX, "the color", 4, 9);
    check_find("{", VT_PATTERN_REGEX, "a {b}", 2, 3);
    check_find("a{,2}", VT_PATTERN_REGEX, "xa{,2}", 1, 6);
    check_find("[\\]x-]+", VT_PATTERN_REGEX, "ab]-x", 2, 5);
    check_find("\xc3\xa4.", VT_PATTERN_REGEX, "\xc3\xa4\xc3\xb6", 0, 4);
    check_find("\\Qa", VT_PATTERN_EXACT, "\\Qa", 0, 3);
    check_find("(*COMMIT)a", VT_PATTERN_EXACT, "(*COMMIT)a", 0, 10);
}

static void
test_refused(void **state)
{
    static const char *const bad[] = {"", "(", ")", "a)", "(a", "*", "a**", "a{2}{3}", "a+*",
        "a++", "[", "[]", "[^]", "[z-a]", "[[:alpha:]]", "(?=a)", "(?i:a)", "(?<x>a)",
        "(*COMMIT)a", "\\", "\\1", "\\x41", "\\Qa", "\\pL", "\\C", "\\K", "\\G", "\\A",
        "a{201}", "a{3,2}", "[a", "[\\", "[\\b]", "a|*", "\xff"};
    char deep[300];
    struct vt_pattern *p = NULL;
    struct vt_why why;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        vt_why_clear(&why);
        if (vt_pattern_new(bad[i], VT_PATTERN_REGEX, &p, &why) != VT_E_USAGE)
            fail_msg("`%s` was taken", bad[i]);
        assert_true(why.text[0] != '\0');
    }
    assert_int_equal(vt_pattern_new("ab\xc3\xa4(x", VT_PATTERN_REGEX, &p, &why), VT_E_USAGE);
    assert_non_null(strstr(why.text, "character 6"));
    memset(deep, '(', sizeof(deep));
    deep[sizeof(deep) - 1] = '\0';
    assert_int_equal(vt_pattern_new(deep, VT_PATTERN_REGEX, &p, &why), VT_E_USAGE);
    assert_null(p);
}

/* An expression that would take for ever gives up, and says so. */
static void
test_gives_up(void **state)
{
    struct vt_pattern *p = NULL;
    struct vt_match m;
    uint8_t text[4096];
    bool gave_up = false;

    (void)state;
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = 'c';
    assert_int_equal(vt_pattern_new("(a|aa)+$", VT_PATTERN_REGEX, &p, NULL), VT_OK);
    assert_false(vt_pattern_find(p, text, sizeof(text), 0, &m, &gave_up));
    assert_true(gave_up);
    vt_pattern_free(p);
}

/* How many terms there are for an expression: 0 means that all must be looked at. */
static size_t
terms_of(const char *text, enum vt_pattern_form form)
{
    struct vt_pattern *p = NULL;
    const struct vt_trigram_term *t;
    size_t n;

    assert_int_equal(vt_pattern_new(text, form, &p, NULL), VT_OK);
    n = vt_pattern_terms(p, &t);
    vt_pattern_free(p);
    return n;
}

static void
test_terms(void **state)
{
    (void)state;
    assert_int_equal(terms_of("ab", VT_PATTERN_EXACT), 0);
    assert_int_equal(terms_of("abc", VT_PATTERN_EXACT), 1);
    assert_int_equal(terms_of("abcd", VT_PATTERN_EXACT), 3);
    assert_int_equal(terms_of("abcd", VT_PATTERN_REGEX), 3);
    assert_int_equal(terms_of("ab.cd", VT_PATTERN_REGEX), 0);
    assert_int_equal(terms_of("abc.*def", VT_PATTERN_REGEX), 3);
    assert_int_equal(terms_of("abc|def", VT_PATTERN_REGEX), 3);
    assert_int_equal(terms_of("abc|d", VT_PATTERN_REGEX), 0);
    assert_int_equal(terms_of("(abc)?", VT_PATTERN_REGEX), 0);
    assert_int_equal(terms_of("(abc)+", VT_PATTERN_REGEX), 1);
    assert_true(terms_of("colou?r", VT_PATTERN_REGEX) > 3);
    assert_true(terms_of("f[ou]nc", VT_PATTERN_REGEX) > 3);
    assert_int_equal(terms_of("(?i)task", VT_PATTERN_REGEX), 0); /* s and k have other cases */
    assert_int_equal(terms_of("(?i)meta", VT_PATTERN_REGEX), 3);
}

/* ---------------------------------------------------------------- shards */

struct corpus {
    size_t count;
    char *text[TEXTS];
    size_t len[TEXTS];
    bool indexed[TEXTS];
};

static const char *const words[] = {"int", "main", "void", "struct", "return", "foo", "Foo",
    "bar", "color", "colour", "abc", "abcd", "ab", "k", "K", "\n", " ", "\t", "(", ")", "{",
    "}", ";", "\xc3\xa4", "\xe2\x84\xaa", "xyz", "zz", "_", "0", "42"};
#define WORDS (sizeof(words) / sizeof(words[0]))

static void
corpus_make(struct corpus *c)
{
    c->count = TEXTS;
    for (size_t i = 0; i < TEXTS; i++) {
        struct vt_buf b = VT_BUF(65536);
        size_t n = draw(40);

        for (size_t j = 0; j < n; j++)
            vt_buf_puts(&b, words[draw(WORDS)]);
        c->text[i] = strdup(vt_buf_str(&b));
        c->len[i] = b.len;
        c->indexed[i] = draw(10) > 0;
        vt_buf_release(&b);
    }
}

static void
corpus_free(struct corpus *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->text[i]);
}

static struct vt_shard *
shard_make(const char *path, const struct corpus *c)
{
    struct vt_shard_writer *w = NULL;
    struct vt_shard *s = NULL;
    uint32_t number;

    assert_int_equal(vt_shard_writer_new(path, &w, NULL), VT_OK);
    for (size_t i = 0; i < c->count; i++) {
        struct vt_digest d;

        vt_digest_of(c->text[i], c->len[i], &d);
        assert_int_equal(
            vt_shard_add(w, &d, c->text[i], c->len[i], c->indexed[i], &number, NULL), VT_OK);
        assert_int_equal(number, i);
    }
    assert_int_equal(vt_shard_finish(w, NULL), VT_OK);
    assert_int_equal(vt_shard_open(path, &s, NULL), VT_OK);
    return s;
}

struct seen {
    const struct corpus *c;
    bool candidate[TEXTS];
    size_t count;
    long last;
};

static bool
take(void *ctx, uint32_t number)
{
    struct seen *s = ctx;

    assert_true((long)number > s->last);
    assert_true(number < s->c->count);
    assert_true(s->c->indexed[number]);
    s->last = number;
    s->candidate[number] = true;
    s->count++;
    return true;
}

/* Everything that has the pattern is among the candidates. Returns how many candidates there
 * were. */
static size_t
check_sound(const struct vt_shard *s, const struct corpus *c, const char *text,
    enum vt_pattern_form form)
{
    struct vt_pattern *p = NULL;
    struct seen seen = {.c = c, .last = -1};
    struct vt_why why = {0};

    if (vt_pattern_new(text, form, &p, &why) != VT_OK)
        fail_msg("`%s`: %s", text, why.text);
    assert_int_equal(vt_shard_candidates(s, p, take, &seen, NULL), VT_OK);
    for (size_t i = 0; i < c->count; i++) {
        struct vt_match m;
        bool gave_up = false;

        if (c->indexed[i] && !seen.candidate[i] &&
            vt_pattern_find(p, (const uint8_t *)c->text[i], c->len[i], 0, &m, &gave_up))
            fail_msg("`%s` was not looked for in `%s`", text, c->text[i]);
    }
    vt_pattern_free(p);
    return seen.count;
}

static void
test_shard(void **state)
{
    struct corpus c;
    char dir[VT_PATH_MAX], path[VT_PATH_MAX];
    struct vt_shard *s;
    const uint8_t *data;
    struct vt_digest d, none = {{0}};
    uint32_t number;
    size_t len;

    (void)state;
    corpus_make(&c);
    folder(dir);
    assert_int_equal(vt_path(path, NULL, "%s/one.shard", dir), VT_OK);
    s = shard_make(path, &c);
    assert_int_equal(vt_shard_count(s), TEXTS);
    for (uint32_t i = 0; i < TEXTS; i++) {
        assert_true(vt_shard_blob(s, i, &d, &data, &len));
        assert_int_equal(len, c.len[i]);
        assert_memory_equal(data, c.text[i], len);
        assert_true(vt_shard_find(s, &d, &number));
        assert_true(number == i || c.len[number] == len); /* a text may stand twice */
    }
    assert_false(vt_shard_blob(s, TEXTS, &d, &data, &len));
    assert_false(vt_shard_find(s, &none, &number));
    assert_int_equal(check_sound(s, &c, "no such words", VT_PATTERN_EXACT), 0);
    assert_true(check_sound(s, &c, "struct", VT_PATTERN_EXACT) < TEXTS);
    assert_true(check_sound(s, &c, "a", VT_PATTERN_EXACT) > 200); /* all that are indexed */
    vt_shard_close(s);
    assert_int_equal(vt_tree_remove(dir, NULL), VT_OK);
    corpus_free(&c);
}

/* A random expression of the grammar, from the corpus's own words. */
static void
expression(struct vt_buf *b, unsigned depth)
{
    static const char *const atoms[] = {".", "[a-c]", "[^x]", "\\w", "\\s", "\\d", "[fF]",
        "\\(", "\\n", "^", "$", "\\b", "[k-m]"};
    static const char *const repeats[] = {"*", "+", "?", "{2}", "{1,3}", "{0,2}", "*?"};
    size_t n = 1 + draw(4);

    for (size_t i = 0; i < n; i++) {
        uint32_t what = draw(depth < 3 ? 10 : 7);

        if (what < 5) {
            const char *w = words[draw(WORDS)];

            vt_buf_puts(b, strchr("(){", *w) != NULL ? "abc" : w);
        } else if (what < 7) {
            vt_buf_puts(b, atoms[draw(sizeof(atoms) / sizeof(atoms[0]))]);
        } else {
            vt_buf_puts(b, "(");
            expression(b, depth + 1);
            if (draw(2) == 0) {
                vt_buf_puts(b, "|");
                expression(b, depth + 1);
            }
            vt_buf_puts(b, ")");
        }
        if (draw(4) == 0)
            vt_buf_puts(b, repeats[draw(sizeof(repeats) / sizeof(repeats[0]))]);
    }
}

/* Matches are the same ones with all short cuts as without: `[^\\w\\W]` matches nothing, but
 * nothing is known of it either, so that an expression with it as an alternative is simply run.
 */
static void
check_short_cuts(const struct corpus *c, const char *text)
{
    const char *rest = strncmp(text, "(?i)", 4) == 0 ? text + 4 : text;
    struct vt_buf b = VT_BUF(2 * VT_PATTERN_MAX);
    struct vt_pattern *p = NULL, *plain = NULL;

    vt_buf_putf(&b, "%.*s(?:%s)|[^\\w\\W]", (int)(rest - text), text, rest);
    if (b.len <= VT_PATTERN_MAX && vt_pattern_new(text, VT_PATTERN_REGEX, &p, NULL) == VT_OK &&
        vt_pattern_new(vt_buf_str(&b), VT_PATTERN_REGEX, &plain, NULL) == VT_OK) {
        for (size_t i = 0; i < c->count; i++) {
            struct vt_match m = {0, 0}, n = {0, 0};
            bool gave_up = false, found = true;

            for (int k = 0; k < 8 && found && !gave_up; k++) {
                const uint8_t *data = (const uint8_t *)c->text[i];

                found = vt_pattern_find(p, data, c->len[i], m.to, &m, &gave_up);
                if (vt_pattern_find(plain, data, c->len[i], n.to, &n, &gave_up) != found ||
                    (found && (m.from != n.from || m.to != n.to)))
                    fail_msg("`%s` in `%s`: %zu to %zu, not %zu to %zu", text, c->text[i],
                        m.from, m.to, n.from, n.to);
            }
        }
    }
    vt_pattern_free(p);
    vt_pattern_free(plain);
    vt_buf_release(&b);
}

static void
test_sound(void **state)
{
    struct corpus c;
    char dir[VT_PATH_MAX], path[VT_PATH_MAX];
    struct vt_shard *s;
    size_t tried = 0, thinned = 0;

    (void)state;
    corpus_make(&c);
    folder(dir);
    assert_int_equal(vt_path(path, NULL, "%s/one.shard", dir), VT_OK);
    s = shard_make(path, &c);
    for (size_t i = 0; i < PATTERNS; i++) {
        struct vt_buf b = VT_BUF(65536);
        struct vt_pattern *p = NULL;

        if (draw(4) == 0)
            vt_buf_puts(&b, "(?i)");
        expression(&b, 0);
        if (b.len <= VT_PATTERN_MAX &&
            vt_pattern_new(vt_buf_str(&b), VT_PATTERN_REGEX, &p, NULL) == VT_OK) {
            tried++;
            check_short_cuts(&c, vt_buf_str(&b));
            thinned += check_sound(s, &c, vt_buf_str(&b), VT_PATTERN_REGEX) < 200;
        }
        vt_pattern_free(p);
        vt_buf_release(&b);
    }
    /* The test would be worth nothing if all were refused, or nothing left out. */
    assert_true(tried > PATTERNS / 2);
    assert_true(thinned > tried / 5);
    for (size_t i = 0; i < WORDS; i++) {
        (void)check_sound(s, &c, words[i], VT_PATTERN_EXACT);
        (void)check_sound(s, &c, words[i], VT_PATTERN_ICASE);
    }
    vt_shard_close(s);
    assert_int_equal(vt_tree_remove(dir, NULL), VT_OK);
    corpus_free(&c);
}

/* A shard with one byte changed or cut short is refused or gives answers; it never goes astray.
 */
static void
test_damaged(void **state)
{
    struct corpus c;
    char dir[VT_PATH_MAX], path[VT_PATH_MAX], other[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(16 * 1024 * 1024);
    struct vt_pattern *p = NULL;
    size_t refused = 0, touched = 0;

    (void)state;
    corpus_make(&c);
    folder(dir);
    assert_int_equal(vt_path(path, NULL, "%s/one.shard", dir), VT_OK);
    assert_int_equal(vt_path(other, NULL, "%s/two.shard", dir), VT_OK);
    vt_shard_close(shard_make(path, &c));
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    assert_int_equal(vt_pattern_new("struct|colou?r", VT_PATTERN_REGEX, &p, NULL), VT_OK);
    for (size_t i = 0; i < 400; i++) {
        size_t at = i < 100 ? b.len - 1 - i : draw((uint32_t)b.len);
        size_t len = i % 10 == 9 ? at : b.len;
        struct vt_shard *s = NULL;
        FILE *f = fopen(other, "wb");

        assert_non_null(f);
        b.data[at] ^= (uint8_t)(1 + draw(255));
        assert_int_equal(fwrite(b.data, 1, len, f), len);
        assert_int_equal(fclose(f), 0);
        if (vt_shard_open(other, &s, NULL) == VT_OK) {
            struct seen seen = {.c = &c, .last = -1};
            struct vt_digest d;
            const uint8_t *data;
            size_t n;

            for (uint32_t j = 0; j < vt_shard_count(s); j++)
                if (vt_shard_blob(s, j, &d, &data, &n) && n > 0)
                    touched += data[0] + data[n - 1]; /* they are there to be read */
            memset(c.indexed, true, sizeof(c.indexed));
            refused += vt_shard_candidates(s, p, take, &seen, NULL) != VT_OK;
            vt_shard_close(s);
        } else {
            refused++;
        }
        vt_buf_clear(&b);
        assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    }
    assert_true(refused > 60);
    assert_true(touched > 0);
    vt_pattern_free(p);
    vt_buf_release(&b);
    assert_int_equal(vt_tree_remove(dir, NULL), VT_OK);
    corpus_free(&c);
}

static void
test_limits(void **state)
{
    struct vt_shard_writer *w = NULL;
    struct vt_shard *s = NULL;
    struct vt_digest d = {{1}};
    char dir[VT_PATH_MAX], path[VT_PATH_MAX];
    uint32_t number;
    struct vt_pattern *p = NULL;
    struct seen seen = {.last = -1};

    (void)state;
    folder(dir);
    assert_int_equal(vt_path(path, NULL, "%s/one.shard", dir), VT_OK);
    assert_int_equal(vt_shard_open(path, &s, NULL), VT_E_NOENT);
    assert_int_equal(vt_shard_writer_new(path, &w, NULL), VT_OK);
    vt_shard_writer_free(w);
    assert_false(vt_file_exists(path)); /* given up: nothing is left */
    assert_int_equal(vt_shard_writer_new(path, &w, NULL), VT_OK);
    assert_int_equal(vt_shard_finish(w, NULL), VT_OK); /* empty */
    assert_int_equal(vt_shard_open(path, &s, NULL), VT_OK);
    assert_int_equal(vt_shard_count(s), 0);
    assert_int_equal(vt_pattern_new("abc", VT_PATTERN_EXACT, &p, NULL), VT_OK);
    assert_int_equal(vt_shard_candidates(s, p, take, &seen, NULL), VT_OK);
    assert_int_equal(seen.count, 0);
    vt_pattern_free(p);
    vt_shard_close(s);
    assert_int_equal(vt_path(path, NULL, "%s/two.shard", dir), VT_OK);
    assert_int_equal(vt_shard_writer_new(path, &w, NULL), VT_OK);
    for (uint32_t i = 0; i < VT_SHARD_BLOBS_MAX; i++) {
        memcpy(d.b, &i, sizeof(i));
        assert_int_equal(vt_shard_add(w, &d, "a", 1, true, &number, NULL), VT_OK);
    }
    assert_int_equal(vt_shard_add(w, &d, "a", 1, true, &number, NULL), VT_E_LIMIT);
    assert_int_equal(vt_shard_finish(w, NULL), VT_OK);
    assert_int_equal(vt_shard_open(path, &s, NULL), VT_OK);
    assert_int_equal(vt_shard_count(s), VT_SHARD_BLOBS_MAX);
    vt_shard_close(s);
    assert_int_equal(vt_tree_remove(dir, NULL), VT_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_gives_up),
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_shard),
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
