/* SPDX-License-Identifier: Apache-2.0 */
/* Assemblies, for real, with this machine's own root folder as environment. */
#include "assembly/assembly.h"

#include "assembly/compare.h"
#include "base/clock.h"
#include "base/file.h"
#include "store/pack.h"
#include "store/store.h"
#include "store/unpack.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char base[VT_PATH_MAX];
static char store_dir[VT_PATH_MAX];
static char work_dir[VT_PATH_MAX];
static struct vt_store *store;
static struct vt_digest source;
static bool usable = true;

static const char *
in_base(const char *name)
{
    static char path[4][VT_PATH_MAX];
    static unsigned turn;
    struct vt_why why = {0};
    char *p = path[turn++ % 4];
    assert_int_equal(vt_path(p, &why, "%s/%s", base, name), VT_OK);
    return p;
}

static void
write_file(const char *name, const char *text)
{
    struct vt_why why = {0};
    assert_int_equal(vt_file_replace(in_base(name), 0644, text, strlen(text), &why), VT_OK);
}

static struct vt_recipe *
recipe_of(const char *rest)
{
    struct vt_buf b = VT_BUF(65536);
    struct vt_recipe *r = NULL;
    struct vt_why why = {0};
    vt_buf_putf(&b, "vitrine: recipe/v1\nname: thing\nversion: '1'\npackages: []\n%s", rest);
    if (vt_recipe_parse(b.data, b.len, &r, &why) != VT_OK)
        fail_msg("%s", why.text);
    vt_buf_release(&b);
    return r;
}

static enum vt_err
assemble(const char *recipe, enum vt_variation vary, struct vt_assembly_result *ret,
    struct vt_why *why)
{
    struct vt_recipe *r = recipe_of(recipe);
    struct vt_assembly_job job = {.store_dir = store_dir,
        .source = source,
        .recipe = r,
        .root = "/",
        .work_dir = work_dir,
        .vary = vary};
    enum vt_err err = vt_assembly_run(&job, ret, why);
    vt_recipe_free(r);
    return err;
}

static void
wants_sandbox(void)
{
    if (!usable)
        skip();
}

static void
must_assemble(const char *recipe, enum vt_variation vary, struct vt_assembly_result *ret)
{
    struct vt_why why = {0};
    if (assemble(recipe, vary, ret, &why) != VT_OK)
        fail_msg("%s", why.text);
}

static void
fails(const char *recipe, enum vt_err want, const char *part)
{
    wants_sandbox();
    struct vt_assembly_result res = {0};
    struct vt_why why = {0};
    assert_int_equal(assemble(recipe, VT_VARY_NONE, &res, &why), want);
    if (strstr(why.text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, why.text);
    assert_int_equal(res.output_count, 0);
}

static char *
object_text(const struct vt_digest *d)
{
    struct vt_buf b = VT_BUF(1U << 20);
    struct vt_why why = {0};
    assert_int_equal(vt_store_get(store, d, &b, &why), VT_OK);
    char *s = strdup(vt_buf_str(&b));
    vt_buf_release(&b);
    return s;
}

static void
test_outputs(void **state)
{
    (void)state;
    wants_sandbox();
    struct vt_assembly_result res = {0};
    int64_t began = vt_clock_now(&vt_clock_system);
    must_assemble(
        "subdir: sub\nsteps:\n"
        "  - mkdir -p $OUT/bin; cp inner.txt $OUT/bin/tool; chmod 755 $OUT/bin/tool\n"
        "  - cat ../top.txt > $OUT/one; echo said\n"
        "outputs:\n  - {name: all.tar.zst, from: bin}\n  - {name: one.txt, from: one}\n",
        VT_VARY_NONE, &res);
    assert_int_equal(res.output_count, 2);
    assert_string_equal(res.output[0].name, "all.tar.zst");
    assert_string_equal(res.output[1].name, "one.txt");
    assert_int_equal(res.output[1].size, 4);
    char *text = object_text(&res.output[1].digest);
    assert_string_equal(text, "top\n");
    free(text);
    text = object_text(&res.log);
    assert_non_null(
        strstr(text, "+ step 2 of 2: cat ../top.txt > $OUT/one; echo said\nsaid\n"));
    free(text);
    assert_true(res.started >= began && res.finished >= res.started);
    assert_non_null(strstr(res.isolation, "bubblewrap"));
    assert_int_equal(res.varied.count, 0);

    char path[VT_DIGEST_HEX_SIZE + 4096];
    struct vt_why why = {0};
    struct stat st;
    assert_int_equal(vt_store_path(store, &res.output[0].digest, path, &why), VT_OK);
    assert_int_equal(vt_dir_make(in_base("unpacked"), 0755, &why), VT_OK);
    assert_int_equal(vt_unpack_tar_zst(path, in_base("unpacked"), NULL, NULL, &why), VT_OK);
    assert_int_equal(stat(in_base("unpacked/tool"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
}

/* A recipe that depends on nothing but its inputs gives the same bytes however
 * its surroundings vary. */
static void
test_variation_gives_the_same(void **state)
{
    (void)state;
    wants_sandbox();
    static const char recipe[] = "steps:\n"
                                 "  - mkdir -p $OUT/lib; cp -r . $OUT/lib/src; date -u -d "
                                 "@$SOURCE_DATE_EPOCH > $OUT/date\n"
                                 "  - printf '%s\\n' * | sort > $OUT/list\n"
                                 "  - if command -v gcc >/dev/null; then echo 'int main(void) "
                                 "{ return __FILE__[0]; }' > m.c;"
                                 " gcc $CFLAGS -o $OUT/m \"$PWD/m.c\"; fi\n"
                                 "outputs:\n  - {name: all.tar.zst, from: .}\n";
    struct vt_assembly_result plain = {0};
    struct vt_assembly_result a = {0};
    struct vt_assembly_result b = {0};
    must_assemble(recipe, VT_VARY_NONE, &plain);
    must_assemble(recipe, VT_VARY_A, &a);
    must_assemble(recipe, VT_VARY_B, &b);
    assert_true(vt_digest_eq(&plain.output[0].digest, &a.output[0].digest));
    assert_true(vt_digest_eq(&plain.output[0].digest, &b.output[0].digest));
    assert_true(a.varied.count >= 14);
    assert_string_equal(a.varied.word[0], "environment-variable");
    assert_true(b.varied.count >= 14);
}

/* What a recipe must not depend on is found out by each of the sets. */
static void
test_variation_finds(void **state)
{
    (void)state;
    wants_sandbox();
    static const char *const leaks[] = {"pwd", "echo $HOME", "uname -n", "date +%z", "id -u",
        "id -un", "id -g", "umask", "echo $PATH", "echo $PYTHONHASHSEED", "echo $MAKEFLAGS",
        "env | grep ^VITRINE_VARIED || :", "ls -U", "echo $OUT",
        "perl -e 'print join q(,), keys %{{map {($_, 1)} 1..9}}'"};
    for (size_t i = 0; i < sizeof leaks / sizeof leaks[0]; i++) {
        char recipe[512];
        struct vt_assembly_result plain = {0};
        struct vt_assembly_result a = {0};
        struct vt_assembly_result b = {0};
        (void)snprintf(recipe, sizeof recipe,
            "steps:\n  - |\n    (%s) > $OUT/x\noutputs:\n  - {name: x, from: x}\n", leaks[i]);
        must_assemble(recipe, VT_VARY_NONE, &plain);
        must_assemble(recipe, VT_VARY_A, &a);
        must_assemble(recipe, VT_VARY_B, &b);
        if (vt_digest_eq(&plain.output[0].digest, &a.output[0].digest))
            fail_msg("set a does not vary: %s", leaks[i]);
        if (vt_digest_eq(&plain.output[0].digest, &b.output[0].digest))
            fail_msg("set b does not vary: %s", leaks[i]);
        if (vt_digest_eq(&a.output[0].digest, &b.output[0].digest))
            fail_msg("sets a and b vary alike: %s", leaks[i]);
    }
}

static void
test_failed_step(void **state)
{
    (void)state;
    fails("steps:\n  - echo first\n  - echo about to fail; echo bad >&2; exit 3\n"
          "outputs:\n  - {name: x, from: x}\n",
        VT_E_CHILD,
        "step 2 of 2 (echo about to fail; echo bad >&2; exit 3) failed with status 3; it wrote "
        "last: about to fail | bad");
    char *log = NULL;
    struct vt_buf b = VT_BUF(65536);
    struct vt_why why = {0};
    assert_int_equal(vt_file_read(in_base("work/failed.log"), &b, &why), VT_OK);
    log = strdup(vt_buf_str(&b));
    assert_non_null(strstr(log, "+ step 1 of 2: echo first\nfirst\n"));
    free(log);
    vt_buf_release(&b);
}

static void
test_limits(void **state)
{
    (void)state;
    fails("steps: ['head -c 40m /dev/zero > $OUT/x']\noutputs: [{name: x, from: x}]\n"
          "limits: {disk_mb: 16}\n",
        VT_E_LIMIT, "met the limit disk_mb 16");
    fails("steps: ['sleep 60']\noutputs: [{name: x, from: x}]\nlimits: {time_s: 1}\n",
        VT_E_LIMIT, "met the limit time_s 1");
    fails("steps: ['sleep 1', 'sleep 1']\noutputs: [{name: x, from: x}]\nlimits: {time_s: 1}\n",
        VT_E_LIMIT, "met the limit time_s 1");
}

static void
test_bad_outputs(void **state)
{
    (void)state;
    fails("steps: ['true']\noutputs: [{name: x, from: a/b}]\n", VT_E_NOENT,
        "output x (from a/b): is not there");
    fails("steps: ['ln -s /etc/passwd $OUT/x']\noutputs: [{name: x, from: x}]\n", VT_E_IO,
        "no links are followed");
    fails("steps: ['ln -s /etc $OUT/d']\noutputs: [{name: x, from: d/passwd}]\n", VT_E_IO,
        "no links are followed");
    fails("steps: ['ln -s / $OUT/d']\noutputs: [{name: x.tar.zst, from: d}]\n", VT_E_IO,
        "no links are followed");
    fails("steps: ['mkfifo $OUT/x']\noutputs: [{name: x, from: x}]\n", VT_E_REFUSED,
        "not a plain file");
    fails("steps: ['mkdir $OUT/x']\noutputs: [{name: x, from: x}]\n", VT_E_REFUSED,
        "not a plain file");
    fails("steps: ['echo > $OUT/x']\noutputs: [{name: x.tar.zst, from: x}]\n", VT_E_REFUSED,
        "no folder");
    fails("steps: ['echo > $OUT/x; chmod u+s $OUT/x']\noutputs: [{name: x, from: x}]\n",
        VT_E_REFUSED, "set-id");
    fails(
        "steps: ['mkfifo $OUT/x']\noutputs: [{name: x.tar.zst, from: .}]\n", VT_E_REFUSED, "x");
}

static void
test_bad_inputs(void **state)
{
    (void)state;
    wants_sandbox();
    static const char recipe[] = "steps: ['true']\noutputs: [{name: x, from: x}]\n";
    struct vt_digest good = source;
    struct vt_why why = {0};
    source.b[0] ^= 1;
    fails(recipe, VT_E_NOENT, "source");
    assert_int_equal(vt_store_put(store, "not an archive", 14, &source, &why), VT_OK);
    fails(recipe, VT_E_SYNTAX, "source");
    char path[VT_DIGEST_HEX_SIZE + 4096];
    assert_int_equal(vt_store_path(store, &source, path, &why), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, "changed", 7, &why), VT_OK);
    fails(recipe, VT_E_DIGEST, "source");
    source = good;
    fails("subdir: nowhere\nsteps: ['true']\noutputs: [{name: x, from: x}]\n", VT_E_NOENT,
        "no folder nowhere");
}

static unsigned
count_runs(void)
{
    unsigned n = 0;
    DIR *d = opendir(work_dir);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        n += strncmp(e->d_name, "run-", 4) == 0;
    if (d != NULL)
        (void)closedir(d);
    return n;
}

/* kill -9 of the command leaves a folder without a lock, which the next run
 * removes; nothing goes on running. */
static void
test_killed(void **state)
{
    (void)state;
    wants_sandbox();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct vt_assembly_result res;
        (void)!assemble(
            "steps: ['sleep 77']\noutputs: [{name: x, from: x}]\n", VT_VARY_NONE, &res, NULL);
        _exit(0);
    }
    for (int i = 0; i < 100 && count_runs() == 0; i++)
        (void)usleep(20000);
    (void)usleep(500000);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(count_runs(), 1);
    struct vt_assembly_result res = {0};
    must_assemble(
        "steps: ['echo > $OUT/x']\noutputs: [{name: x, from: x}]\n", VT_VARY_NONE, &res);
    assert_int_equal(count_runs(), 0);
}

/* A child of a process by its name, or 0. */
static pid_t
child_named(pid_t of, const char *name)
{
    char path[64];
    char comm[64];
    DIR *d = opendir("/proc");
    pid_t found = 0;
    for (const struct dirent *e; d != NULL && found == 0 && (e = readdir(d)) != NULL;) {
        (void)snprintf(path, sizeof path, "/proc/%.20s/stat", e->d_name);
        FILE *f = fopen(path, "re");
        int pid = 0;
        int parent = 0;
        if (f != NULL && fscanf(f, "%d (%63[^)]) %*c %d", &pid, comm, &parent) == 3 &&
            parent == of && strcmp(comm, name) == 0)
            found = pid;
        if (f != NULL)
            (void)fclose(f);
    }
    if (d != NULL)
        (void)closedir(d);
    return found;
}

/* kill -9 of the assembler process alone: the command says what to do. */
static void
test_killed_assembler(void **state)
{
    (void)state;
    wants_sandbox();
    if (access("/proc/self/stat", R_OK) != 0)
        skip(); /* a chroot without /proc: this test could not see */
    pid_t killer = fork();
    assert_true(killer >= 0);
    if (killer == 0) {
        (void)usleep(600000);
        pid_t pid = child_named(getppid(), "assembler");
        _exit(pid != 0 && kill(pid, SIGKILL) == 0 ? 0 : 1);
    }
    fails("steps: ['sleep 30']\noutputs: [{name: x, from: x}]\n", VT_E_CHILD,
        "the assembler process was killed");
    assert_int_equal(waitpid(killer, NULL, 0), killer);
    assert_int_equal(child_named(getpid(), "assembler"), 0);
    assert_int_equal(count_runs(), 0);
}

static void
test_variation_names(void **state)
{
    (void)state;
    enum vt_variation v = VT_VARY_NONE;
    assert_true(vt_variation_parse("a", &v));
    assert_int_equal(v, VT_VARY_A);
    assert_true(vt_variation_parse("b", &v));
    assert_int_equal(v, VT_VARY_B);
    assert_true(vt_variation_parse("none", &v));
    assert_int_equal(v, VT_VARY_NONE);
    assert_false(vt_variation_parse("c", &v));
    assert_int_equal(vt_variation_of("alpha.example"), VT_VARY_A);
    assert_int_equal(vt_variation_of("beta.example"), VT_VARY_B);
}

static void
test_compare(void **state)
{
    (void)state;
    struct vt_compare c;
    struct vt_why why = {0};
    write_file("a", "same bytes");
    write_file("b", "same bytes");
    assert_int_equal(vt_compare_files(in_base("a"), in_base("b"), &c, &why), VT_OK);
    assert_true(c.equal);
    assert_int_equal(c.size_a, 10);
    assert_int_equal(c.differing, 0);
    write_file("b", "sAme bYTes and more");
    assert_int_equal(vt_compare_files(in_base("a"), in_base("b"), &c, &why), VT_OK);
    assert_false(c.equal);
    assert_int_equal(c.first_offset, 1);
    assert_int_equal(c.differing, 3 + 9);
    assert_int_equal(c.ranges, 3);
    assert_int_equal(c.size_b, 19);
    write_file("b", "same");
    assert_int_equal(vt_compare_files(in_base("a"), in_base("b"), &c, &why), VT_OK);
    assert_int_equal(c.first_offset, 4);
    assert_int_equal(c.differing, 6);
    assert_int_equal(c.ranges, 1);
    json_t *v = NULL;
    assert_int_equal(vt_compare_report(&c, "aa", "bb", &v, &why), VT_OK);
    assert_int_equal(json_integer_value(json_object_get(v, "first_offset")), 4);
    json_decref(v);
    assert_int_equal(vt_compare_files(in_base("a"), in_base("none"), &c, &why), VT_E_NOENT);
}

/* Across the chunks that files are read in. */
static void
test_compare_long(void **state)
{
    (void)state;
    size_t len = 700000;
    char *text = calloc(1, len + 1);
    assert_non_null(text);
    memset(text, 'x', len);
    struct vt_compare c;
    struct vt_why why = {0};
    write_file("a", text);
    text[262143] = 'y';
    text[262144] = 'y';
    text[600000] = 'y';
    text[690000] = '\0';
    write_file("b", text);
    assert_int_equal(vt_compare_files(in_base("a"), in_base("b"), &c, &why), VT_OK);
    assert_int_equal(c.first_offset, 262143);
    assert_int_equal(c.differing, 3 + 10000);
    assert_int_equal(c.ranges, 3);
    free(text);
}

static int
setup(void **state)
{
    (void)state;
    struct vt_why why = {0};
    if (vt_dir_temp("/tmp", "vt-test-assembly", base, &why) != VT_OK)
        return -1;
    (void)snprintf(store_dir, sizeof store_dir, "%s", in_base("objects"));
    (void)snprintf(work_dir, sizeof work_dir, "%s", in_base("work"));
    assert_int_equal(vt_dir_make(in_base("tree/sub"), 0755, &why), VT_OK);
    write_file("tree/top.txt", "top\n");
    write_file("tree/other.txt", "other\n");
    write_file("tree/sub/inner.txt", "inner\n");
    assert_int_equal(vt_store_open_dir(store_dir, &store, &why), VT_OK);
    if (vt_pack_folder(in_base("tree"), in_base("tree.tar.zst"), VT_SANDBOX_EPOCH, NULL, NULL,
            &why) != VT_OK ||
        vt_store_put_file(store, in_base("tree.tar.zst"), NULL, &source, NULL, &why) != VT_OK)
        return -1;
    struct vt_assembly_result res;
    usable = assemble("steps: ['echo > $OUT/x']\noutputs: [{name: x, from: x}]\n", VT_VARY_NONE,
                 &res, &why) != VT_E_STATE;
    if (!usable)
        print_message("skipped: %s\n", why.text);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    struct vt_why why = {0};
    vt_store_free(store);
    return vt_tree_remove(base, &why) == VT_OK ? 0 : -1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_variation_gives_the_same),
        cmocka_unit_test(test_variation_finds),
        cmocka_unit_test(test_failed_step),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_bad_outputs),
        cmocka_unit_test(test_bad_inputs),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_killed_assembler),
        cmocka_unit_test(test_variation_names),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_compare_long),
    };
    return cmocka_run_group_tests_name("assembly", tests, setup, teardown);
}
