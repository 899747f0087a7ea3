/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every kind of source first becomes a git tree in the bare repository; the
 * archive is then made of that tree, so that all kinds give the same bytes for
 * the same files.
 */
#include "assembly/snapshot.h"

#include "assembly/apt.h"
#include "assembly/gitpack.h"
#include "assembly/snapshot_fetch.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <git2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct taking {
    struct vt_store *store;
    const char *source;
    struct vt_snapshot_opts opts;
    git_repository *repo; /* the site's */
    char tmp[VT_PATH_MAX];
    git_oid tree;
    struct vt_statement_source result;
};

/* Without the check whose owner a repository is: a person named this one. Its
 * configuration can make libgit2 run nothing. */
static int
open_checkout(const char *path, git_repository **ret)
{
    int r;

    (void)git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    r = git_repository_open_ext(ret, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
    (void)git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 1);
    return r;
}

static enum vt_err
open_repo(const char *dir, git_repository **ret, struct vt_why *why)
{
    int r = git_repository_open_bare(ret, dir);

    if (r == GIT_ENOTFOUND)
        r = git_repository_init(ret, dir, 1);
    if (r != 0)
        return vt_gitpack_fail(why, r, "cannot open or make the repository %s", dir);
    return VT_OK;
}

/* The tree of `commit`, or of the folder opts.subdir in it. */
static enum vt_err
tree_of_commit(struct taking *t, git_repository *repo, const git_oid *commit, git_oid *ret,
    struct vt_why *why)
{
    git_commit *c = NULL;
    git_tree *tree = NULL;
    enum vt_err err = VT_OK;
    int r = git_commit_lookup(&c, repo, commit);

    if (r == 0)
        r = git_commit_tree(&tree, c);
    if (r != 0)
        err = vt_gitpack_fail(why, r, "cannot read the commit of %s", t->source);
    else if (t->opts.subdir != NULL)
        err = vt_snapshot_subtree(repo, git_tree_id(tree), t->opts.subdir, ret, why);
    else
        git_oid_cpy(ret, git_tree_id(tree));
    git_tree_free(tree);
    git_commit_free(c);
    if (err == VT_OK)
        (void)git_oid_tostr(t->result.git_commit, sizeof t->result.git_commit, commit);
    return err;
}

enum vt_err
vt_snapshot_subtree(git_repository *repo, const git_oid *tree, const char *subdir, git_oid *ret,
    struct vt_why *why)
{
    git_tree *top = NULL;
    git_tree_entry *e = NULL;
    enum vt_err err = VT_OK;
    int r = git_tree_lookup(&top, repo, tree);

    if (r == 0)
        r = git_tree_entry_bypath(&e, top, subdir);
    if (r != 0)
        err = vt_gitpack_fail(why, r, "the source has no folder %s", subdir);
    else if (git_tree_entry_filemode(e) != GIT_FILEMODE_TREE)
        err = vt_fail(why, VT_E_NOENT, "%s is no folder of the source", subdir);
    else
        git_oid_cpy(ret, git_tree_entry_id(e));
    git_tree_entry_free(e);
    git_tree_free(top);
    return err;
}

static enum vt_err
head_of(git_repository *checkout, const char *path, git_oid *ret, struct vt_why *why)
{
    git_object *head = NULL;
    int r = git_revparse_single(&head, checkout, "HEAD^{commit}");

    if (r == GIT_ENOTFOUND)
        return vt_fail(
            why, VT_E_NOENT, "%s is a git checkout without a commit: commit first", path);
    if (r != 0)
        return vt_gitpack_fail(why, r, "cannot read HEAD of %s", path);
    git_oid_cpy(ret, git_object_id(head));
    git_object_free(head);
    return VT_OK;
}

/* Only the tree is taken over, not the history with people's names in it. */
static enum vt_err
take_checkout(struct taking *t, git_repository *checkout, struct vt_why *why)
{
    git_oid commit;
    enum vt_err err;

    t->result.origin = VT_ORIGIN_GIT;
    if ((err = head_of(checkout, t->source, &commit, why)) != VT_OK ||
        (err = tree_of_commit(t, checkout, &commit, &t->tree, why)) != VT_OK)
        return err;
    return vt_gitpack_copy(checkout, t->repo, &t->tree, why);
}

static enum vt_err
import_folder(struct taking *t, const char *dir, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err;

    if (t->opts.subdir == NULL)
        return vt_gitpack_import(t->repo, dir, &t->opts.limits, &t->tree, why);
    err = vt_path(path, why, "%s/%s", dir, t->opts.subdir);
    return err == VT_OK ? vt_gitpack_import(t->repo, path, &t->opts.limits, &t->tree, why)
                        : err;
}

static enum vt_err
take_folder(struct taking *t, struct vt_why *why)
{
    git_repository *checkout = NULL;
    enum vt_err err;
    int r = open_checkout(t->source, &checkout);

    if (r == 0) {
        err = take_checkout(t, checkout, why);
        git_repository_free(checkout);
        return err;
    }
    if (r != GIT_ENOTFOUND)
        return vt_gitpack_fail(why, r, "cannot open the git checkout %s", t->source);
    t->result.origin = VT_ORIGIN_DIRECTORY;
    return import_folder(t, t->source, why);
}

static enum vt_err
take_url(struct taking *t, struct vt_why *why)
{
    git_oid commit;
    enum vt_err err;

    t->result.origin = VT_ORIGIN_GIT;
    err = vt_snapshot_fetch(t->repo, t->source, &t->opts, &commit, why);
    return err == VT_OK ? tree_of_commit(t, t->repo, &commit, &t->tree, why) : err;
}

static enum vt_err
take_debian(struct taking *t, struct vt_why *why)
{
    struct vt_apt *apt = NULL;
    char dir[VT_PATH_MAX];
    enum vt_err err;

    t->result.origin = VT_ORIGIN_DEBIAN;
    if (t->opts.progress != NULL)
        vt_progress_begin(t->opts.progress, "fetching the source package", 0);
    if ((err = vt_path(dir, why, "%s/tree", t->tmp)) == VT_OK &&
        (err = vt_apt_open(t->tmp, &apt, why)) == VT_OK)
        err = vt_apt_source_unpack(apt, t->source, dir, t->opts.progress, t->result.debian.name,
            t->result.debian.version, why);
    vt_apt_close(apt);
    if (t->opts.progress != NULL)
        vt_progress_end(t->opts.progress);
    return err == VT_OK ? import_folder(t, dir, why) : err;
}

static bool
is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static enum vt_err
take_tree(struct taking *t, struct vt_why *why)
{
    if (strstr(t->source, "://") != NULL)
        return take_url(t, why);
    if (is_folder(t->source))
        return take_folder(t, why);
    if (vt_package_name_valid(t->source))
        return take_debian(t, why);
    return vt_fail(why, VT_E_USAGE,
        "\"%s\" is no folder, no git URL (https://, http://, git://, file://) and no name of a "
        "Debian source package",
        t->source);
}

static enum vt_err
sync_repo(const struct taking *t, struct vt_why *why)
{
    int fd = open(git_repository_path(t->repo), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r;

    if (fd < 0)
        return vt_fail_errno(why, "cannot open the repository");
    r = syncfs(fd);
    (void)close(fd);
    return r == 0 ? VT_OK : vt_fail_errno(why, "cannot make the repository durable");
}

/* A commit of nobody and no time, the same for the same tree: what a reference
 * must lead to for other git programs to be content. */
static int
make_commit(const struct taking *t, git_oid *ret)
{
    git_signature *nobody = NULL;
    git_tree *tree = NULL;
    int r = git_signature_new(&nobody, "vitrine", "vitrine", 0, 0);

    if (r == 0)
        r = git_tree_lookup(&tree, t->repo, &t->tree);
    if (r == 0)
        r = git_commit_create(
            ret, t->repo, NULL, nobody, nobody, NULL, "Source snapshot\n", tree, 0, NULL);
    git_tree_free(tree);
    git_signature_free(nobody);
    return r;
}

/* A reference keeps the tree when the repository is tidied; before it stands,
 * all that it leads to is on the disk. */
static enum vt_err
keep_tree(const struct taking *t, struct vt_why *why)
{
    char name[64 + VT_GIT_ID_SIZE];
    git_reference *ref = NULL;
    git_oid commit;
    enum vt_err err;
    int r = make_commit(t, &commit);

    if (r == 0) {
        if ((err = sync_repo(t, why)) != VT_OK)
            return err;
        (void)snprintf(name, sizeof name, "refs/vitrine/tree/%s", t->result.git_tree);
        r = git_reference_create(&ref, t->repo, name, &commit, 1, NULL);
        git_reference_free(ref);
    }
    if (r != 0)
        return vt_gitpack_fail(why, r, "cannot keep the tree in the repository");
    return VT_OK;
}

static enum vt_err
store_archive(struct taking *t, struct vt_why *why)
{
    struct vt_pack_count count;
    char path[VT_PATH_MAX];
    enum vt_err err;

    if ((err = vt_path(path, why, "%s/source.tar.zst", t->tmp)) != VT_OK ||
        (err = vt_gitpack_tree(t->repo, &t->tree, path, &t->opts.limits, &count, why)) !=
            VT_OK ||
        (err = vt_store_put_file(
             t->store, path, NULL, &t->result.archive, &t->result.archive_size, why)) != VT_OK)
        return err;
    t->result.file_count = count.files;
    return VT_OK;
}

static enum vt_err
check_opts(const struct taking *t, struct vt_why *why)
{
    if (t->opts.subdir != NULL && !vt_path_is_safe(t->opts.subdir))
        return vt_fail(
            why, VT_E_USAGE, "\"%s\" is no relative path of a folder", t->opts.subdir);
    if (t->opts.ref != NULL && strstr(t->source, "://") == NULL)
        return vt_fail(why, VT_E_USAGE, "a ref can be named for a git URL only");
    return VT_OK;
}

static enum vt_err
take(struct taking *t, const char *repo_dir, const char *work_dir, struct vt_why *why)
{
    char real[PATH_MAX];
    enum vt_err err;

    if ((err = check_opts(t, why)) != VT_OK ||
        (err = vt_dir_make(work_dir, 0755, why)) != VT_OK)
        return err;
    if (realpath(work_dir, real) == NULL)
        return vt_fail_errno(why, "cannot find %s", work_dir);
    if ((err = vt_dir_temp(real, "source", t->tmp, why)) != VT_OK ||
        (err = open_repo(repo_dir, &t->repo, why)) != VT_OK ||
        (err = take_tree(t, why)) != VT_OK)
        return err;
    (void)git_oid_tostr(t->result.git_tree, sizeof t->result.git_tree, &t->tree);
    if (t->opts.progress != NULL)
        vt_progress_begin(t->opts.progress, "packing the source", 0);
    err = store_archive(t, why);
    if (t->opts.progress != NULL)
        vt_progress_end(t->opts.progress);
    return err == VT_OK ? keep_tree(t, why) : err;
}

enum vt_err
vt_snapshot_take(struct vt_store *store, const char *repo_dir, const char *work_dir,
    const char *source, const struct vt_snapshot_opts *opts, struct vt_statement_source *ret,
    struct vt_why *why)
{
    struct taking t = {.store = store, .source = source};
    enum vt_err err;
    int r;

    if (opts != NULL)
        t.opts = *opts;
    r = git_libgit2_init();
    if (r < 0)
        return vt_gitpack_fail(why, r, "cannot start libgit2");
    err = take(&t, repo_dir, work_dir, why);
    git_repository_free(t.repo);
    (void)git_libgit2_shutdown();
    if (t.tmp[0] != '\0' && vt_tree_remove(t.tmp, err == VT_OK ? why : NULL) != VT_OK &&
        err == VT_OK)
        err = VT_E_IO;
    if (err == VT_OK)
        *ret = t.result;
    return err;
}
