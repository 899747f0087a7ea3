/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/recipe.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "vitrine: recipe/v1\nname: lantern\nversion: 1.0.0\npackages: [gcc, make]\n"
#define TAIL "steps:\n  - make\noutputs:\n  - {name: a.tar.zst, from: .}\n"

static enum vt_err
parse(const char *text, struct vt_recipe **ret, struct vt_why *why)
{
    return vt_recipe_parse(text, strlen(text), ret, why);
}

static void
refused(const char *text, const char *part)
{
    struct vt_recipe *r = NULL;
    struct vt_why why = {0};
    assert_int_equal(parse(text, &r, &why), VT_E_CONFIG);
    assert_null(r);
    if (strstr(why.text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, why.text);
}

static void
test_walkthrough(void **state)
{
    (void)state;
    static const char text[] =
        "vitrine: recipe/v1\n"
        "name: lantern\n"
        "version: 1.0.0\n"
        "packages: [gcc, libc6-dev, make]        # Debian packages\n"
        "subdir: examples/lantern\n"
        "steps:\n"
        "  - make\n"
        "  - make install DESTDIR=\"$OUT\"\n"
        "outputs:\n"
        "  - name: lantern-1.0.0.tar.zst\n"
        "    from: .\n"
        "  - name: notes.txt\n"
        "    from: doc/notes.txt\n"
        "limits: {time_s: 600, memory_mb: 1024, processes: 64, disk_mb: 512}\n"
        "env: {LANTERN_MODE: fast, EMPTY: ''}\n";
    struct vt_recipe *r = NULL;
    struct vt_why why = {0};
    assert_int_equal(parse(text, &r, &why), VT_OK);
    assert_string_equal(vt_recipe_name(r), "lantern");
    assert_string_equal(vt_recipe_version(r), "1.0.0");
    assert_string_equal(vt_recipe_subdir(r), "examples/lantern");
    size_t n = 0;
    const char *const *s = vt_recipe_packages(r, &n);
    assert_int_equal(n, 3);
    assert_string_equal(s[1], "libc6-dev");
    s = vt_recipe_steps(r, &n);
    assert_int_equal(n, 2);
    assert_string_equal(s[1], "make install DESTDIR=\"$OUT\"");
    const struct vt_recipe_output *o = vt_recipe_outputs(r, &n);
    assert_int_equal(n, 2);
    assert_string_equal(o[0].name, "lantern-1.0.0.tar.zst");
    assert_true(o[0].archive);
    assert_string_equal(o[1].from, "doc/notes.txt");
    assert_false(o[1].archive);
    const struct vt_recipe_limits *l = vt_recipe_limits(r);
    assert_int_equal(l->time_s, 600);
    assert_int_equal(l->memory_mb, 1024);
    assert_int_equal(l->processes, 64);
    assert_int_equal(l->disk_mb, 512);
    const struct vt_recipe_env *e = vt_recipe_env(r, &n);
    assert_int_equal(n, 2);
    assert_string_equal(e[0].name, "LANTERN_MODE");
    assert_string_equal(e[0].value, "fast");
    assert_string_equal(e[1].value, "");
    vt_recipe_free(r);
}

static void
test_defaults(void **state)
{
    (void)state;
    struct vt_recipe *r = NULL;
    struct vt_why why = {0};
    assert_int_equal(parse(HEAD TAIL, &r, &why), VT_OK);
    assert_string_equal(vt_recipe_subdir(r), "");
    const struct vt_recipe_limits *l = vt_recipe_limits(r);
    assert_int_equal(l->time_s, 1800);
    assert_int_equal(l->memory_mb, 2048);
    assert_int_equal(l->processes, 512);
    assert_int_equal(l->disk_mb, 4096);
    size_t n = 1;
    (void)vt_recipe_env(r, &n);
    assert_int_equal(n, 0);
    vt_recipe_free(r);
    vt_recipe_free(NULL);
}

static void
test_block_steps(void **state)
{
    (void)state;
    struct vt_recipe *r = NULL;
    struct vt_why why = {0};
    assert_int_equal(
        parse(HEAD "steps:\n  - |\n    a\n    b\noutputs: [{name: x, from: x}]\n", &r, &why),
        VT_OK);
    size_t n = 0;
    assert_string_equal(vt_recipe_steps(r, &n)[0], "a\nb\n");
    vt_recipe_free(r);
}

static void
test_structure(void **state)
{
    (void)state;
    refused("", "empty");
    refused("[]", "mapping");
    refused("a", "mapping");
    refused(HEAD TAIL "colour: red\n", "unknown key \"colour\"");
    refused(HEAD TAIL "colour: red\n", "line 9, column 1");
    refused(HEAD "name: twice\n" TAIL, "stands twice: name");
    refused(HEAD TAIL "---\nb: c\n", "one document");
    refused("%YAML 1.1\n---\n" HEAD TAIL, "directives");
    refused("vitrine: recipe/v2\n", "only recipe/v1");
    refused("name: a\nversion: 1\npackages: []\n" TAIL, "missing before this: vitrine");
    refused(HEAD "outputs: [{name: x, from: x}]\n", "missing before this: steps");
    refused(HEAD "steps: [a]\n", "missing before this: outputs");
    refused(HEAD "steps: []\noutputs: [{name: x, from: x}]\n", "steps is empty");
    refused(HEAD "steps: [a]\noutputs: []\n", "outputs is empty");
    refused(HEAD "steps: a\noutputs: []\n", "list");
    refused(HEAD "steps: [[a]]\n", "one value");
    refused(HEAD "steps: [a\n", "not YAML");
    refused("\xff\xfe", "UTF-8");
    refused(HEAD "? [a]\n: b\n" TAIL, "one value");
}

static void
test_no_second_meaning(void **state)
{
    (void)state;
    refused("vitrine: &a recipe/v1\n", "anchors");
    refused(HEAD "steps: &s [a]\n", "anchors");
    refused("vitrine: recipe/v1\nname: *a\n", "anchors");
    refused("vitrine: !!str recipe/v1\n", "tags");
    refused("vitrine: ! recipe/v1\n", "tags");
    refused(HEAD "steps: !x [a]\n", "tags");
    refused("!m\n" HEAD TAIL, "tags");
    refused("<<: {a: b}\n" HEAD TAIL, "unknown key \"<<\"");
}

static void
test_values(void **state)
{
    (void)state;
    refused("vitrine: recipe/v1\nname: a b\n", "line 2, column 7: name: only letters");
    refused("vitrine: recipe/v1\nname: .a\n", "name");
    refused("vitrine: recipe/v1\nname: ../a\n", "name");
    refused("vitrine: recipe/v1\nname: ''\n", "empty");
    refused("vitrine: recipe/v1\nversion: \"1\\0002\"\n", "version");
    refused("vitrine: recipe/v1\npackages: [GCC]\n", "Debian package");
    refused("vitrine: recipe/v1\npackages: [gcc, gcc]\n", "twice: gcc");
    refused("vitrine: recipe/v1\npackages: [--root=/]\n", "Debian package");
    refused("vitrine: recipe/v1\nsubdir: ../x\n", "subdir");
    refused("vitrine: recipe/v1\nsubdir: /x\n", "subdir");
    refused("vitrine: recipe/v1\nsteps: [\"a\\0b\"]\n", "control");
    refused("vitrine: recipe/v1\nsteps: [\"a\\eb\"]\n", "control");
    refused("vitrine: recipe/v1\noutputs: [{name: a, from: ../b}]\n", "from");
    refused("vitrine: recipe/v1\noutputs: [{name: a/b, from: b}]\n", "outputs");
    refused("vitrine: recipe/v1\noutputs: [{name: a}]\n", "missing before this: from");
    refused("vitrine: recipe/v1\noutputs: [{name: a, from: .}]\n", "only a name that ends in");
    refused("vitrine: recipe/v1\noutputs: [{name: .tar.zst, from: .}]\n", "outputs");
    refused("vitrine: recipe/v1\noutputs: [{name: a, from: b}, {name: a, from: c}]\n",
        "two have the name a");
}

static void
test_limits(void **state)
{
    (void)state;
    refused("vitrine: recipe/v1\nlimits: {time_s: 0}\n", "from 1 to 86400");
    refused("vitrine: recipe/v1\nlimits: {time_s: 1e3}\n", "whole number");
    refused("vitrine: recipe/v1\nlimits: {time_s: -1}\n", "whole number");
    refused("vitrine: recipe/v1\nlimits: {time_s: 007}\n", "whole number");
    refused("vitrine: recipe/v1\nlimits: {disk_mb: 99999999999999999999}\n", "disk_mb");
    refused("vitrine: recipe/v1\nlimits: {disk: 1}\n", "unknown key \"disk\"");
    refused("vitrine: recipe/v1\nlimits: 7\n", "mapping");
}

static void
test_env(void **state)
{
    (void)state;
    refused("vitrine: recipe/v1\nenv: {OUT: x}\n", "sets this variable itself: OUT");
    refused("vitrine: recipe/v1\nenv: {LC_CTYPE: x}\n", "itself");
    refused("vitrine: recipe/v1\nenv: {A=B: x}\n", "not the name");
    refused("vitrine: recipe/v1\nenv: {1A: x}\n", "not the name");
    refused("vitrine: recipe/v1\nenv: {A: x, A: y}\n", "twice: A");
    refused("vitrine: recipe/v1\nenv: {A: [x]}\n", "one value");
    refused("vitrine: recipe/v1\nenv: [A]\n", "mapping");
}

static void
test_too_much(void **state)
{
    (void)state;
    struct vt_buf b = VT_BUF(1U << 20);
    vt_buf_puts(&b, HEAD "steps:\n");
    for (unsigned i = 0; i <= VT_RECIPE_STEPS_MAX; i++)
        vt_buf_puts(&b, "  - a\n");
    refused(vt_buf_str(&b), "too long");
    vt_buf_clear(&b);
    vt_buf_puts(&b, HEAD "outputs:\n");
    for (unsigned i = 0; i <= VT_RECIPE_OUTPUTS_MAX; i++)
        vt_buf_putf(&b, "  - {name: f%u, from: f}\n", i);
    refused(vt_buf_str(&b), "too long");
    vt_buf_clear(&b);
    vt_buf_puts(&b, HEAD "env:\n");
    for (unsigned i = 0; i <= VT_RECIPE_ENV_MAX; i++)
        vt_buf_putf(&b, "  V%u: a\n", i);
    refused(vt_buf_str(&b), "too many");
    vt_buf_clear(&b);
    vt_buf_puts(&b, HEAD "steps: [\"");
    for (unsigned i = 0; i <= VT_RECIPE_STEP_MAX; i++)
        vt_buf_puts(&b, "a");
    vt_buf_puts(&b, "\"]\n");
    refused(vt_buf_str(&b), "too long");
    vt_buf_clear(&b);
    for (unsigned i = 0; i <= VT_RECIPE_MAX; i++)
        vt_buf_puts(&b, "#");
    refused(vt_buf_str(&b), "at most");
    vt_buf_clear(&b);
    for (unsigned i = 0; i < 20000; i++)
        vt_buf_puts(&b, "[");
    refused(vt_buf_str(&b), "mapping");
    vt_buf_release(&b);
}

static void
test_examples(void **state)
{
    (void)state;
    static const char *const path[] = {"examples/lantern/recipe.yaml",
        "examples/rules/recipe.yaml", "examples/zstd/recipe.yaml"};
    const char *root = getenv("VT_SOURCE_ROOT");
    if (root == NULL)
        skip();
    for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
        char full[VT_PATH_MAX];
        struct vt_buf b = VT_BUF(VT_RECIPE_MAX);
        struct vt_recipe *r = NULL;
        struct vt_why why = {0};
        assert_int_equal(vt_path(full, &why, "%s/%s", root, path[i]), VT_OK);
        if (vt_file_exists(full)) {
            assert_int_equal(vt_file_read(full, &b, &why), VT_OK);
            if (vt_recipe_parse(b.data, b.len, &r, &why) != VT_OK)
                fail_msg("%s: %s", path[i], why.text);
        }
        vt_recipe_free(r);
        vt_buf_release(&b);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walkthrough),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_block_steps),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_no_second_meaning),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_env),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_examples),
    };
    return cmocka_run_group_tests_name("recipe", tests, NULL, NULL);
}
