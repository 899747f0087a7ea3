/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of detection databases, languages, and what ctags says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/proc.h"
#include "search/ctags.h"
#include "search/language.h"
#include "search/packed.h"
#include "search/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct got {
    struct vt_rule rule[16];
    size_t count;
};

static enum vt_err
take(void *ctx, const struct vt_rule *rule, struct vt_why *why)
{
    struct got *g = ctx;

    (void)why;
    if (g->count == 16)
        return VT_E_LIMIT;
    g->rule[g->count++] = *rule;
    return VT_OK;
}

static struct got
rules_of(const char *text)
{
    struct got g = {0};

    assert_int_equal(vt_rules_each(text, strlen(text), take, &g, NULL), VT_OK);
    return g;
}

static void
same(const char *a, const char *b, bool want)
{
    struct got x = rules_of(a);
    struct got y = rules_of(b);

    assert_int_equal(x.count, 1);
    assert_int_equal(y.count, 1);
    assert_int_equal(vt_digest_eq(&x.rule[0].text, &y.rule[0].text), want);
}

static void
rules_are_found(void **state)
{
    struct got g = rules_of("import \"pe\"\n"
                            "include \"other.yar\"\n"
                            "// rule no1 { condition: true }\n"
                            "/* rule no2 { condition: true } */\n"
                            "rule one : tag other {\n"
                            "  meta: about = \"rule no3 { }}} \\\" }\"\n"
                            "  strings:\n"
                            "    $a = { 4D 5A ?? [2-4] ( 00 | 01 ) /* } */ // }\n"
                            "    }\n"
                            "    $b = /a\\/}\\{[\"]rule no4 {/ nocase\n"
                            "    $c = \"}\" wide\n"
                            "  condition: $a and #b > 1 and filesize < 10KB\n"
                            "}\n"
                            "private global rule _two{condition:true}rule three\n"
                            "{ condition: one }\n");

    (void)state;
    assert_int_equal(g.count, 3);
    assert_string_equal(g.rule[0].name, "one");
    assert_int_equal(g.rule[0].line, 5);
    assert_int_equal(g.rule[0].end, 13);
    assert_string_equal(g.rule[1].name, "_two");
    assert_int_equal(g.rule[1].line, 14);
    assert_int_equal(g.rule[1].end, 14);
    assert_string_equal(g.rule[2].name, "three");
    assert_int_equal(g.rule[2].line, 14);
    assert_int_equal(g.rule[2].end, 15);
}

static void
layout_does_not_count(void **state)
{
    static const char plain[] =
        "rule r { strings: $a = \"x y\" condition: $a and not all of them }";

    (void)state;
    same(plain,
        "rule\tr // why\n{\n strings:\n  $a=\"x y\"\n condition:\r\n  $a and/**/not all of "
        "them\n}\n",
        true);
    same(plain, "rule r { strings: $a = \"x  y\" condition: $a and not all of them }", false);
    same(plain, "rule r { strings: $a = \"x y\" condition: $a andnot all of them }", false);
    same(plain, "rule s { strings: $a = \"x y\" condition: $a and not all of them }", false);
    same(plain, "private rule r { strings: $a = \"x y\" condition: $a and not all of them }",
        false);
    same("rule r { strings: $a = { 4D 5A } condition: $a }",
        "rule r { strings: $a = {4D5A} condition: $a }", true);
    same("rule r { strings: $a = { 4D 5A } condition: $a }",
        "rule r { strings: $a = { 4D 5B } condition: $a }", false);
    same("rule r { strings: $a = /a b/ condition: $a }",
        "rule r { strings: $a = /ab/ condition: $a }", false);
}

/* What does not read gives what came before, and never more. */
static void
broken_files_end_early(void **state)
{
    static const char *const none[] = {"", "rule", "rule ", "rule r", "rule r {", "rule r }",
        "rule 1r { condition: true }", "rule $r { condition: true }", "rule { }", "/*", "//",
        "/", "\"", "rule r { condition: \"", "rule r { strings: $a = { 4D } ", "xrule r { }",
        "rulex r { }", "\\"};
    char name[200];
    char text[400];

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(rules_of(none[i]).count, 0);
    assert_int_equal(rules_of("rule a { condition: true } rule b { ").count, 1);
    assert_int_equal(
        rules_of("rule a { condition: true } rule b \" {}\n rule c { x }").count, 2);
    memset(name, 'n', sizeof name);
    name[VT_RULES_NAME_MAX] = '\0';
    (void)snprintf(text, sizeof text, "rule %s { condition: true }", name);
    assert_int_equal(rules_of(text).count, 1);
    (void)snprintf(text, sizeof text, "rule %sn { condition: true }", name);
    assert_int_equal(rules_of(text).count, 0);
}

static enum vt_err
refuse(void *ctx, const struct vt_rule *rule, struct vt_why *why)
{
    (void)rule;
    ++*(int *)ctx;
    return vt_fail(why, VT_E_NOSPC, "enough");
}

static void
an_error_ends_it(void **state)
{
    static const char text[] = "rule a { x } rule b { x }";
    struct vt_why why = {0};
    int calls = 0;

    (void)state;
    assert_int_equal(vt_rules_each(text, strlen(text), refuse, &calls, &why), VT_E_NOSPC);
    assert_int_equal(calls, 1);
    assert_string_equal(why.text, "enough");
}

static void
languages_are_told(void **state)
{
    static const struct {
        const char *name, *first, *language;
    } is[] = {{"a.c", "", "C"}, {"a.h", "", "C"}, {"a.tar.c", "", "C"}, {"a.C", "", "C++"},
        {"Makefile", "", "Make"}, {"Makefile.am", "", "Make"}, {"makefile.c", "", "C"},
        {"CMakeLists.txt", "", "CMake"}, {"a.txt", "", "Text"}, {"noending", "", ""},
        {"a.unheard-of", "", ""}, {"a", "#!/bin/sh\n", "Shell"},
        {"a", "#! /usr/bin/env python3.11\nx", "Python"},
        {"a", "#!/usr/bin/env -S FOO=bar perl -w\n", "Perl"}, {"a", "#!", ""},
        {"a", "#!/usr/bin/nobody-knows", ""}, {"a", "#!/bin/bash", "Shell"},
        {"a", "#!/bin/bash\r\n", "Shell"}, {"a", "/* #!/bin/sh */", ""},
        {"a.yar", "#!/bin/sh\n", "YARA"}, {"x.yara", "", "YARA"}, {".c", "", "C"},
        {"c", "", ""}, {"a.", "", ""}, {"", "", ""}, {"#python", "", ""}, {".", "", ""}};

    (void)state;
    for (size_t i = 0; i < sizeof is / sizeof is[0]; i++) {
        const char *got = vt_language_of(is[i].name, is[i].first, strlen(is[i].first));

        if (strcmp(got, is[i].language) != 0)
            fail_msg("%s: %s, not %s", is[i].name, got, is[i].language);
    }
    assert_int_equal(vt_language_symbols("C"), VT_LANGUAGE_CTAGS);
    assert_int_equal(vt_language_symbols("YARA"), VT_LANGUAGE_RULES);
    assert_int_equal(vt_language_symbols("JSON"), VT_LANGUAGE_PLAIN);
    assert_int_equal(vt_language_symbols(""), VT_LANGUAGE_PLAIN);
    assert_int_equal(vt_language_symbols("no such"), VT_LANGUAGE_PLAIN);
}

static void
numbers_are_packed(void **state)
{
    static const uint64_t is[] = {
        0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX};
    static const char *const wrong[] = {"", "\x80", "\x80\x00", "\xff\x80\x00",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"};
    static const size_t len[] = {0, 1, 2, 3, 10, 11};
    struct vt_buf b = VT_BUF(64);
    const char *word = NULL;
    struct vt_reader r;
    uint64_t v = 7;

    (void)state;
    for (size_t i = 0; i < sizeof is / sizeof is[0]; i++) {
        vt_buf_clear(&b);
        vt_packed_put_number(&b, is[i]);
        vt_packed_put_word(&b, "word");
        r = VT_READER(b.data, b.len);
        assert_true(vt_packed_number(&r, &v) && v == is[i]);
        assert_true(vt_packed_word(&r, &word));
        assert_string_equal(word, "word");
        assert_int_equal(r.left, 0);
        assert_false(vt_packed_word(&r, &word));
    }
    for (size_t i = 0; i < sizeof len / sizeof len[0]; i++) {
        r = VT_READER(wrong[i], len[i]);
        assert_false(vt_packed_number(&r, &v));
        assert_int_equal(r.left, len[i]);
    }
    r = VT_READER("abc", 3);
    assert_false(vt_packed_word(&r, &word));
    vt_buf_release(&b);
}

struct seen {
    char text[4096];
    int count;
};

static enum vt_err
see(void *ctx, const struct vt_symbol *s, struct vt_why *why)
{
    struct seen *x = ctx;
    size_t at = strlen(x->text);

    (void)why;
    x->count++;
    (void)snprintf(x->text + at, sizeof x->text - at, "%s %s %s %u %u\n", s->name, s->kind,
        s->scope, (unsigned)s->line, (unsigned)s->end);
    return VT_OK;
}

static void
unpack(struct vt_symbols *s, struct seen *ret)
{
    struct vt_buf b = VT_BUF(1U << 24);

    memset(ret, 0, sizeof *ret);
    assert_int_equal(vt_symbols_pack(s, &b, NULL), VT_OK);
    assert_int_equal(vt_symbols_each(b.data, b.len, see, ret, NULL), VT_OK);
    /* No part of it is a whole that says more. */
    for (size_t cut = 0; cut < b.len; cut++) {
        struct seen part = {0};

        (void)!vt_symbols_each(b.data, cut, see, &part, NULL);
        assert_true(part.count <= ret->count);
    }
    vt_buf_release(&b);
}

static enum vt_ctags_says
says(struct vt_symbols *s, const char *line)
{
    return vt_ctags_line(line, strlen(line), s);
}

static void
answers_of_ctags_are_read(void **state)
{
    struct vt_symbols *s = NULL;
    struct seen x;

    (void)state;
    assert_int_equal(vt_symbols_new(&s, NULL), VT_OK);
    assert_int_equal(says(s, "{\"_type\":\"program\",\"name\":\"x\"}"), VT_CTAGS_REMARK);
    assert_int_equal(
        says(s, "{\"_type\": \"tag\", \"name\": \"x\", \"language\": \"C\", \"line\": "
                "3, \"kind\": \"member\", \"scope\": \"p\", \"scopeKind\": "
                "\"struct\", \"end\": 4}"),
        VT_CTAGS_TAG);
    assert_int_equal(
        says(
            s, "{\"_type\":\"tag\",\"name\":\"f\",\"line\":1,\"kind\":\"function\",\"end\":0}"),
        VT_CTAGS_TAG);
    assert_int_equal(
        says(s, "{\"_type\":\"completed\",\"command\":\"generate-tags\"}"), VT_CTAGS_DONE);
    unpack(s, &x);
    assert_string_equal(x.text, "f function  1 0\nx member struct:p 3 4\n");
    assert_int_equal(
        says(s, "{\"_type\":\"error\",\"message\":\"m\",\"fatal\":false}"), VT_CTAGS_REMARK);
    assert_int_equal(
        says(s, "{\"_type\":\"error\",\"message\":\"m\",\"fatal\":true}"), VT_CTAGS_NONSENSE);
    assert_int_equal(says(s, "[]"), VT_CTAGS_REMARK);
    assert_int_equal(says(s, "{\"_type\":7}"), VT_CTAGS_REMARK);
    assert_int_equal(says(s, ""), VT_CTAGS_NONSENSE);
    assert_int_equal(says(s, "{\"_type\":\"tag\""), VT_CTAGS_NONSENSE);
    assert_int_equal(says(s, "{\"_type\":\"tag\",\"_type\":\"tag\"}"), VT_CTAGS_NONSENSE);
    vt_symbols_free(s);
}

/* What a hostile ctags may say without effect. */
static void
hostile_symbols_are_left_out(void **state)
{
    static const char *const none[] = {"{\"_type\":\"tag\"}",
        "{\"_type\":\"tag\",\"name\":\"\",\"line\":1}", "{\"_type\":\"tag\",\"name\":\"a\"}",
        "{\"_type\":\"tag\",\"name\":\"a\",\"line\":0}",
        "{\"_type\":\"tag\",\"name\":\"a\",\"line\":-1}",
        "{\"_type\":\"tag\",\"name\":\"a\",\"line\":99999999999}",
        "{\"_type\":\"tag\",\"name\":\"a\\u0007\",\"line\":1}",
        "{\"_type\":\"tag\",\"name\":[\"a\"],\"line\":1}"};
    char line[VT_CTAGS_LINE_MAX + 100];
    struct vt_symbols *s = NULL;
    struct vt_symbol one = {.name = "n", .kind = "k\n\x1b", .scope = "", .line = 1, .end = 0};
    char name[VT_SYMBOLS_NAME_MAX + 2];
    struct seen x;

    (void)state;
    assert_int_equal(vt_symbols_new(&s, NULL), VT_OK);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_int_equal(says(s, none[i]), VT_CTAGS_TAG);
        assert_int_equal(vt_symbols_count(s), 0);
    }
    memset(line, ' ', sizeof line);
    assert_int_equal(vt_ctags_line(line, sizeof line, s), VT_CTAGS_NONSENSE);
    memset(name, 'n', sizeof name);
    name[VT_SYMBOLS_NAME_MAX + 1] = '\0';
    one.name = name;
    assert_int_equal(vt_symbols_put(s, &one, NULL), VT_OK);
    assert_int_equal(vt_symbols_count(s), 0);
    name[VT_SYMBOLS_NAME_MAX] = '\0';
    assert_int_equal(vt_symbols_put(s, &one, NULL), VT_OK);
    assert_int_equal(vt_symbols_count(s), 1);
    one.name = "two";
    one.end = 0;
    one.line = 5;
    one.end = 4; /* before it begins */
    assert_int_equal(vt_symbols_put(s, &one, NULL), VT_OK);
    unpack(s, &x);
    assert_non_null(strstr(x.text, " k??  1 0\n"));
    assert_non_null(strstr(x.text, "two k??  5 0\n"));
    one.line = one.end = 7;
    for (unsigned i = 0; i < VT_SYMBOLS_MAX + 10; i++)
        assert_int_equal(vt_symbols_put(s, &one, NULL), VT_OK);
    assert_int_equal(vt_symbols_count(s), VT_SYMBOLS_MAX);
    vt_symbols_clear(s);
    assert_int_equal(vt_symbols_count(s), 0);
    vt_symbols_free(s);
}

static struct vt_ctags *
ctags_or_skip(void)
{
    struct vt_ctags *c = NULL;

    if (vt_ctags_new(&c, NULL) != VT_OK) {
        print_message("no Universal Ctags here: skipped\n");
        skip();
    }
    return c;
}

static void
ctags_is_asked(void **state)
{
    static const char c_text[] = "struct p {\n int x;\n};\nint\nf(int a)\n{\n return a;\n}\n";
    struct vt_ctags *c = ctags_or_skip();
    struct vt_symbols *s = NULL;
    struct seen x;

    (void)state;
    assert_int_equal(vt_symbols_new(&s, NULL), VT_OK);
    for (int i = 0; i < 3; i++) {
        vt_symbols_clear(s);
        assert_int_equal(vt_ctags_symbols(c, "a.c", c_text, strlen(c_text), s, NULL), VT_OK);
        unpack(s, &x);
        assert_non_null(strstr(x.text, "p struct  1 3\n"));
        assert_non_null(strstr(x.text, "x member struct:p 2 "));
        assert_non_null(strstr(x.text, "f function  5 8\n"));
        assert_int_equal(x.count, 3);
    }
    vt_symbols_clear(s);
    assert_int_equal(vt_ctags_symbols(c, "nothing.c", "", 0, s, NULL), VT_OK);
    assert_int_equal(vt_symbols_count(s), 0);
    /* Names that are more than names. */
    assert_int_equal(
        vt_ctags_symbols(c, "\"},{\"\\n--x\x01.py", "def g(): 1\n", 11, s, NULL), VT_OK);
    unpack(s, &x);
    assert_non_null(strstr(x.text, "g function"));
    assert_int_equal(vt_ctags_failures(c), 0);
    vt_symbols_free(s);
    vt_ctags_free(c);
}

/* A program that is no ctags, found first: it says what it should to be taken, then `does`. */
static void
with_impostor(const char *does)
{
    char dir[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    char script[1024];
    char before[4096];
    struct vt_ctags *c = NULL;
    struct vt_symbols *s = NULL;

    (void)snprintf(before, sizeof before, "%s", getenv("PATH"));
    assert_int_equal(vt_dir_temp("/tmp", "test-rules", dir, NULL), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/ctags-universal", dir), VT_OK);
    (void)snprintf(script, sizeof script,
        "#!/bin/sh\ncase \"$*\" in *list-features*) echo 'interactive  x'; echo 'json  x'; "
        "exit;; esac\n%s\n",
        does);
    assert_int_equal(vt_file_replace(path, 0755, script, strlen(script), NULL), VT_OK);
    assert_int_equal(setenv("PATH", dir, 1), 0);
    assert_int_equal(vt_ctags_new(&c, NULL), VT_OK);
    assert_int_equal(vt_symbols_new(&s, NULL), VT_OK);
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(vt_ctags_symbols(c, "a.c", "int x;\n", 7, s, NULL), VT_OK);
        assert_int_equal(vt_symbols_count(s), 0);
        assert_int_equal(vt_ctags_failures(c), i);
    }
    vt_symbols_free(s);
    vt_ctags_free(c);
    assert_int_equal(setenv("PATH", before, 1), 0);
    assert_int_equal(vt_tree_remove(dir, NULL), VT_OK);
}

static void
impostors_are_ended(void **state)
{
    (void)state;
    with_impostor("exit 0");
    with_impostor("echo nonsense; read x");
    with_impostor("echo '{\"_type\":\"tag\",\"name\":\"a\",\"line\":1}'; exit 0");
    with_impostor("printf '{\"_type\":\"completed\"}\\nmore\\n'; read x");
    with_impostor("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done");
    with_impostor("while :; do printf aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done");
}

static void
no_ctags_is_told(void **state)
{
    char before[4096];
    struct vt_ctags *c = NULL;
    struct vt_why why = {0};

    (void)state;
    (void)snprintf(before, sizeof before, "%s", getenv("PATH"));
    assert_int_equal(setenv("PATH", "/nonexistent", 1), 0);
    assert_int_equal(vt_ctags_new(&c, &why), VT_E_NOENT);
    assert_non_null(strstr(why.text, "universal-ctags"));
    assert_null(c);
    assert_int_equal(setenv("PATH", before, 1), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_found),
        cmocka_unit_test(layout_does_not_count),
        cmocka_unit_test(broken_files_end_early),
        cmocka_unit_test(an_error_ends_it),
        cmocka_unit_test(languages_are_told),
        cmocka_unit_test(numbers_are_packed),
        cmocka_unit_test(answers_of_ctags_are_read),
        cmocka_unit_test(hostile_symbols_are_left_out),
        cmocka_unit_test(ctags_is_asked),
        cmocka_unit_test(impostors_are_ended),
        cmocka_unit_test(no_ctags_is_told),
    };

    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
