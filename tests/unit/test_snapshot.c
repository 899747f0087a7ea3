/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assembly/gitpack.h"
#include "assembly/snapshot.h"
#include "base/file.h"
#include "store/unpack.h"

#include <git2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* libgit2 1.5 leaks a little whenever one of its patterns does not match. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
    return "leak:libpcre2\n";
}

static char top[VT_PATH_MAX];
static struct vt_store *store;

/* top/REST, in one of eight buffers that go round. */
static const char *
at(const char *rest)
{
    static char path[8][VT_PATH_MAX];
    static unsigned n;

    n = (n + 1) % 8;
    assert_int_equal(vt_path(path[n], NULL, "%s/%s", top, rest), VT_OK);
    return path[n];
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
    assert_int_equal(vt_file_replace(path, mode, text, strlen(text), NULL), VT_OK);
}

static void
make_files(const char *dir)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(path, NULL, "%s/part/deep", dir), VT_OK);
    assert_int_equal(vt_dir_make(path, 0755, NULL), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/part/deep/one.c", dir), VT_OK);
    write_file(path, "int one;\n", 0644);
    assert_int_equal(vt_path(path, NULL, "%s/part-two", dir), VT_OK);
    write_file(path, "two\n", 0644);
    assert_int_equal(vt_path(path, NULL, "%s/part/run", dir), VT_OK);
    write_file(path, "#!/bin/sh\n", 0755);
    assert_int_equal(vt_path(path, NULL, "%s/part/.tmp-kept", dir), VT_OK);
    write_file(path, "no name is left out\n", 0644);
    assert_int_equal(vt_path(path, NULL, "%s/link", dir), VT_OK);
    assert_int_equal(symlink("part/run", path), 0);
}

static void
commit_tree(git_repository *repo, const git_oid *id, const char *ref)
{
    git_signature *who = NULL;
    git_tree *tree = NULL;
    git_oid commit;

    assert_int_equal(git_signature_new(&who, "a", "a@example", 1, 0), 0);
    assert_int_equal(git_tree_lookup(&tree, repo, id), 0);
    assert_int_equal(
        git_commit_create(&commit, repo, ref, who, who, NULL, "m", tree, 0, NULL), 0);
    git_tree_free(tree);
    git_signature_free(who);
}

/* A checkout of the files, whose working copy was changed since. */
static void
make_checkout(void)
{
    git_repository *repo = NULL;
    git_oid tree;

    make_files(at("checkout"));
    assert_int_equal(git_repository_init(&repo, at("checkout"), 0), 0);
    assert_int_equal(vt_gitpack_import(repo, at("checkout"), NULL, &tree, NULL), VT_OK);
    commit_tree(repo, &tree, "HEAD");
    git_repository_free(repo);
    write_file(at("checkout/part-two"), "changed, not committed\n", 0644);
    write_file(at("checkout/new"), "not committed\n", 0644);
}

static int
set_up(void **state)
{
    (void)state;
    (void)git_libgit2_init();
    if (vt_dir_temp("/tmp", "test-snapshot", top, NULL) != VT_OK)
        return -1;
    assert_int_equal(vt_store_open_dir(at("objects"), &store, NULL), VT_OK);
    make_files(at("plain"));
    make_checkout();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    vt_store_free(store);
    (void)git_libgit2_shutdown();
    return vt_tree_remove(top, NULL) == VT_OK ? 0 : -1;
}

static enum vt_err
take(const char *source, const struct vt_snapshot_opts *opts, struct vt_statement_source *ret)
{
    struct vt_why why = {0};
    enum vt_err err =
        vt_snapshot_take(store, at("source.git"), at("work"), source, opts, ret, &why);

    assert_true((err == VT_OK) == (why.text[0] == '\0'));
    return err;
}

static void
folder_gives_its_files(void **state)
{
    struct vt_statement_source s;
    struct vt_statement_source again;
    char path[VT_DIGEST_HEX_SIZE + 4096];
    struct vt_buf b = VT_BUF(100);

    (void)state;
    assert_int_equal(take(at("plain"), NULL, &s), VT_OK);
    assert_int_equal(s.origin, VT_ORIGIN_DIRECTORY);
    assert_string_equal(s.git_commit, "");
    assert_int_equal(strlen(s.git_tree), 40);
    assert_int_equal(s.file_count, 5);
    assert_int_equal(take(at("plain"), NULL, &again), VT_OK);
    assert_memory_equal(&s, &again, sizeof s);
    assert_int_equal(vt_store_path(store, &s.archive, path, NULL), VT_OK);
    assert_int_equal(vt_dir_make(at("unpacked"), 0755, NULL), VT_OK);
    assert_int_equal(vt_unpack_tar_zst(path, at("unpacked"), NULL, NULL, NULL), VT_OK);
    assert_int_equal(vt_file_read(at("unpacked/part/deep/one.c"), &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), "int one;\n");
    assert_int_equal(access(at("unpacked/link"), X_OK), 0);
    vt_buf_release(&b);
}

/* The same files, by git and by folder: the same tree and archive. And the
 * folder packed without git gives that archive too. */
static void
checkout_gives_its_head(void **state)
{
    struct vt_statement_source plain;
    struct vt_statement_source s;
    struct vt_digest packed;

    (void)state;
    assert_int_equal(take(at("plain"), NULL, &plain), VT_OK);
    assert_int_equal(take(at("checkout"), NULL, &s), VT_OK);
    assert_int_equal(s.origin, VT_ORIGIN_GIT);
    assert_int_equal(strlen(s.git_commit), 40);
    assert_string_equal(s.git_tree, plain.git_tree);
    assert_true(vt_digest_eq(&s.archive, &plain.archive));
    assert_int_equal(
        vt_pack_folder(at("plain"), at("plain.tar.zst"), 0, NULL, NULL, NULL), VT_OK);
    assert_int_equal(vt_digest_of_file(at("plain.tar.zst"), &packed, NULL, NULL), VT_OK);
    assert_true(vt_digest_eq(&s.archive, &packed));
}

/* What git itself says of the tree. */
static void
tree_is_gits_own(void **state)
{
    struct vt_statement_source s;
    git_repository *repo = NULL;
    git_object *tree = NULL;
    char hex[GIT_OID_HEXSZ + 1];

    (void)state;
    assert_int_equal(take(at("checkout"), NULL, &s), VT_OK);
    assert_int_equal(git_repository_open(&repo, at("checkout")), 0);
    assert_int_equal(git_revparse_single(&tree, repo, "HEAD^{tree}"), 0);
    (void)git_oid_tostr(hex, sizeof hex, git_object_id(tree));
    assert_string_equal(hex, s.git_tree);
    git_object_free(tree);
    git_repository_free(repo);
}

static void
history_is_not_taken_over(void **state)
{
    struct vt_statement_source s;
    git_repository *repo = NULL;
    git_oid id;
    git_odb *odb = NULL;

    (void)state;
    assert_int_equal(take(at("checkout"), NULL, &s), VT_OK);
    assert_int_equal(git_repository_open_bare(&repo, at("source.git")), 0);
    assert_int_equal(git_repository_odb(&odb, repo), 0);
    assert_int_equal(git_oid_fromstr(&id, s.git_tree), 0);
    assert_int_equal(git_odb_exists(odb, &id), 1);
    assert_int_equal(git_oid_fromstr(&id, s.git_commit), 0);
    assert_int_equal(git_odb_exists(odb, &id), 0);
    git_odb_free(odb);
    git_repository_free(repo);
}

static void
part_of_a_source(void **state)
{
    const struct vt_snapshot_opts deep = {.subdir = "part/deep"};
    const struct vt_snapshot_opts none = {.subdir = "nowhere"};
    const struct vt_snapshot_opts file = {.subdir = "part-two"};
    const struct vt_snapshot_opts out = {.subdir = "../plain"};
    struct vt_statement_source git;
    struct vt_statement_source plain;

    (void)state;
    assert_int_equal(take(at("checkout"), &deep, &git), VT_OK);
    assert_int_equal(take(at("plain"), &deep, &plain), VT_OK);
    assert_string_equal(git.git_tree, plain.git_tree);
    assert_int_equal(git.file_count, 1);
    assert_int_equal(take(at("checkout"), &none, &git), VT_E_NOENT);
    assert_int_equal(take(at("plain"), &none, &git), VT_E_NOENT);
    assert_int_equal(take(at("checkout"), &file, &git), VT_E_NOENT);
    assert_int_equal(take(at("checkout"), &out, &git), VT_E_USAGE);
}

static void
url_is_fetched(void **state)
{
    const struct vt_snapshot_opts nope = {.ref = "nope"};
    const struct vt_snapshot_opts full = {.ref = "HEAD"};
    struct vt_statement_source checkout;
    struct vt_statement_source s;
    char url[VT_PATH_MAX];

    (void)state;
    assert_int_equal(vt_path(url, NULL, "file://%s", at("checkout")), VT_OK);
    assert_int_equal(take(at("checkout"), NULL, &checkout), VT_OK);
    assert_int_equal(take(url, NULL, &s), VT_OK);
    assert_string_equal(s.git_tree, checkout.git_tree);
    assert_string_equal(s.git_commit, checkout.git_commit);
    assert_true(vt_digest_eq(&s.archive, &checkout.archive));
    assert_int_equal(take(url, &full, &s), VT_OK);
    assert_int_equal(take(url, &nope, &s), VT_E_NOENT);
    assert_int_equal(take(at("checkout"), &full, &s), VT_E_USAGE);
}

static void
what_is_no_source_is_told(void **state)
{
    struct vt_statement_source s;
    char url[VT_PATH_MAX];

    (void)state;
    assert_int_equal(take("ftp://a.example/x", NULL, &s), VT_E_USAGE);
    assert_int_equal(take("./no/such/folder", NULL, &s), VT_E_USAGE);
    assert_int_equal(take("Not A Package", NULL, &s), VT_E_USAGE);
    assert_int_equal(vt_path(url, NULL, "file://%s", at("nothing")), VT_OK);
    assert_int_not_equal(take(url, NULL, &s), VT_OK);
    assert_int_equal(vt_dir_make(at("empty"), 0755, NULL), VT_OK);
    assert_int_equal(take(at("empty"), NULL, &s), VT_E_NOENT);
}

static void
checkout_without_a_commit_is_told(void **state)
{
    struct vt_statement_source s;
    git_repository *repo = NULL;

    (void)state;
    assert_int_equal(git_repository_init(&repo, at("young"), 0), 0);
    git_repository_free(repo);
    assert_int_equal(take(at("young"), NULL, &s), VT_E_NOENT);
}

static void
submodules_are_refused(void **state)
{
    struct vt_statement_source s;
    git_repository *repo = NULL;
    git_treebuilder *builder = NULL;
    git_oid id;
    char url[VT_PATH_MAX];

    (void)state;
    assert_int_equal(git_repository_init(&repo, at("super"), 0), 0);
    /* A submodule's entry names a commit that this repository need not have. */
    assert_int_equal(git_oid_fromstr(&id, "0123456789012345678901234567890123456789"), 0);
    assert_int_equal(git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 0), 0);
    assert_int_equal(git_treebuilder_new(&builder, repo, NULL), 0);
    assert_int_equal(
        git_treebuilder_insert(NULL, builder, "module", &id, GIT_FILEMODE_COMMIT), 0);
    assert_int_equal(git_treebuilder_write(&id, builder), 0);
    assert_int_equal(git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 1), 0);
    commit_tree(repo, &id, "HEAD");
    assert_int_equal(take(at("super"), NULL, &s), VT_E_REFUSED);
    assert_int_equal(vt_path(url, NULL, "file://%s", at("super")), VT_OK);
    assert_int_equal(take(url, NULL, &s), VT_E_REFUSED);
    git_treebuilder_free(builder);
    git_repository_free(repo);
}

static void
odd_files_are_refused(void **state)
{
    struct vt_statement_source s;

    (void)state;
    assert_int_equal(vt_dir_make(at("odd"), 0755, NULL), VT_OK);
    assert_int_equal(mkfifo(at("odd/pipe"), 0600), 0);
    assert_int_equal(take(at("odd"), NULL, &s), VT_E_REFUSED);
    assert_int_equal(unlink(at("odd/pipe")), 0);
    write_file(at("odd/a\\b"), "x", 0644);
    assert_int_equal(take(at("odd"), NULL, &s), VT_E_REFUSED);
}

static void
limits_hold(void **state)
{
    const struct vt_snapshot_opts opts[] = {
        {.limits = {.file_max = 9}},
        {.limits = {.size_max = 20}},
        {.limits = {.count_max = 4}},
    };
    struct vt_statement_source s;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof opts / sizeof opts[0]; i++) {
        assert_int_equal(take(at("plain"), &opts[i], &s), VT_E_LIMIT);
        assert_int_equal(take(at("checkout"), &opts[i], &s), VT_E_LIMIT);
    }
}

static enum vt_err
refuse_name(void *ctx, const char *name, struct vt_why *why)
{
    (void)ctx;
    return vt_fail(why, VT_E_STATE, "%s was left behind", name);
}

static void
nothing_is_left_behind(void **state)
{
    (void)state;
    assert_int_equal(vt_dir_each(at("work"), refuse_name, NULL, NULL), VT_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_gives_its_files),
        cmocka_unit_test(checkout_gives_its_head),
        cmocka_unit_test(tree_is_gits_own),
        cmocka_unit_test(history_is_not_taken_over),
        cmocka_unit_test(part_of_a_source),
        cmocka_unit_test(url_is_fetched),
        cmocka_unit_test(what_is_no_source_is_told),
        cmocka_unit_test(checkout_without_a_commit_is_told),
        cmocka_unit_test(submodules_are_refused),
        cmocka_unit_test(odd_files_are_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(nothing_is_left_behind),
    };

    return cmocka_run_group_tests_name("snapshot", tests, set_up, tear_down);
}
