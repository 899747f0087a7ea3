/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/gitpack.h"

#include "base/file.h"

#include <git2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 128U
#define ENTRIES_MAX 1000000U

enum vt_err
vt_gitpack_fail(struct vt_why *why, int code, const char *fmt, ...)
{
    const git_error *e = git_error_last();
    enum vt_err err = VT_E_IO;
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (code == GIT_ENOTFOUND)
        err = VT_E_NOENT;
    else if (code == GIT_EAUTH || code == GIT_ECERTIFICATE ||
             (e != NULL && (e->klass == GIT_ERROR_NET || e->klass == GIT_ERROR_HTTP ||
                               e->klass == GIT_ERROR_SSL)))
        err = VT_E_NET;
    return vt_fail(why, err, "%s: %s", text,
        e == NULL || e->message == NULL ? "git gives no reason" : e->message);
}

/* A tree's entries in byte order of their names; git's own order has folders as
 * if their names ended in a slash. */
struct sorted {
    git_tree *tree;
    size_t count;
    const git_tree_entry **entry;
};

static void
sorted_release(struct sorted *s)
{
    free(s->entry);
    git_tree_free(s->tree);
}

static int
entry_cmp(const void *a, const void *b)
{
    return strcmp(git_tree_entry_name(*(const git_tree_entry *const *)a),
        git_tree_entry_name(*(const git_tree_entry *const *)b));
}

static enum vt_err
sorted_open(git_repository *repo, const git_oid *id, const char *name, struct sorted *ret,
    struct vt_why *why)
{
    struct sorted s = {0};
    size_t i;
    int r = git_tree_lookup(&s.tree, repo, id);

    if (r != 0)
        return vt_gitpack_fail(why, r, "cannot read the folder \"%s\" of the git tree", name);
    s.count = git_tree_entrycount(s.tree);
    if (s.count > ENTRIES_MAX) {
        sorted_release(&s);
        return vt_fail(
            why, VT_E_LIMIT, "the folder \"%s\" has more than %u names", name, ENTRIES_MAX);
    }
    s.entry = calloc(s.count > 0 ? s.count : 1, sizeof(git_tree_entry *));
    if (s.entry == NULL) {
        sorted_release(&s);
        return vt_fail(why, VT_E_NOMEM, "no memory for the names of \"%s\"", name);
    }
    for (i = 0; i < s.count; i++)
        s.entry[i] = git_tree_entry_byindex(s.tree, i);
    qsort(s.entry, s.count, sizeof(git_tree_entry *), entry_cmp);
    *ret = s;
    return VT_OK;
}

static enum vt_err
fail_submodule(const char *name, struct vt_why *why)
{
    return vt_fail(why, VT_E_REFUSED,
        "%s is a submodule, whose files this tree does not hold: give a tree that holds all "
        "its "
        "files (git subtree, or a plain folder)",
        name);
}

struct packing {
    git_repository *repo;
    struct vt_pack *pack;
    struct vt_pack_limits limits;
};

static enum vt_err pack_tree(const struct packing *p, const git_oid *id, const char *name,
    unsigned depth, struct vt_why *why);

/* The length is asked for before the blob is read into memory. */
static enum vt_err
blob_open(const struct packing *p, const git_oid *id, const char *name, git_blob **ret,
    struct vt_why *why)
{
    uint64_t max = p->limits.file_max;
    git_odb *odb = NULL;
    git_object_t type;
    size_t len = 0;
    int r = git_repository_odb(&odb, p->repo);

    if (r == 0)
        r = git_odb_read_header(&len, &type, odb, id);
    git_odb_free(odb);
    if (r == 0 && len > max)
        return vt_fail(why, VT_E_LIMIT, "%s has %zu bytes, more than the %llu for one file",
            name, len, (unsigned long long)max);
    if (r == 0)
        r = git_blob_lookup(ret, p->repo, id);
    if (r != 0)
        return vt_gitpack_fail(why, r, "cannot read %s of the git tree", name);
    return VT_OK;
}

static enum vt_err
pack_link(const struct packing *p, const git_blob *blob, const char *name, struct vt_why *why)
{
    size_t len = (size_t)git_blob_rawsize(blob);
    struct vt_reader r = VT_READER(git_blob_rawcontent(blob), len);
    char target[VT_PATH_MAX];

    if (!vt_reader_cstr(&r, target, sizeof target))
        return vt_fail(why, VT_E_REFUSED, "the link %s has a target that cannot be", name);
    return vt_pack_link(p->pack, name, target, why);
}

static enum vt_err
pack_blob(const struct packing *p, const git_oid *id, git_filemode_t mode, const char *name,
    struct vt_why *why)
{
    git_blob *blob = NULL;
    enum vt_err err = blob_open(p, id, name, &blob, why);

    if (err != VT_OK)
        return err;
    if (mode == GIT_FILEMODE_LINK)
        err = pack_link(p, blob, name, why);
    else
        err = vt_pack_file(p->pack, name, mode == GIT_FILEMODE_BLOB_EXECUTABLE,
            git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob), why);
    git_blob_free(blob);
    return err;
}

static enum vt_err
pack_entry(const struct packing *p, const git_tree_entry *e, const char *name, unsigned depth,
    struct vt_why *why)
{
    git_filemode_t mode = git_tree_entry_filemode(e);
    enum vt_err err;

    if (mode == GIT_FILEMODE_COMMIT)
        return fail_submodule(name, why);
    if (mode != GIT_FILEMODE_TREE)
        return pack_blob(p, git_tree_entry_id(e), mode, name, why);
    err = vt_pack_dir(p->pack, name, why);
    return err == VT_OK ? pack_tree(p, git_tree_entry_id(e), name, depth + 1, why) : err;
}

static enum vt_err
pack_tree(const struct packing *p, const git_oid *id, const char *name, unsigned depth,
    struct vt_why *why)
{
    struct sorted s = {0};
    char path[VT_PATH_MAX];
    size_t i;
    enum vt_err err;

    if (depth > DEPTH_MAX)
        return vt_fail(why, VT_E_LIMIT, "%s is more than %u folders deep", name, DEPTH_MAX);
    if ((err = sorted_open(p->repo, id, name, &s, why)) != VT_OK)
        return err;
    for (i = 0; err == VT_OK && i < s.count; i++) {
        err = vt_path(path, why, "%s%s%s", name, name[0] == '\0' ? "" : "/",
            git_tree_entry_name(s.entry[i]));
        if (err == VT_OK)
            err = pack_entry(p, s.entry[i], path, depth, why);
    }
    sorted_release(&s);
    return err;
}

enum vt_err
vt_gitpack_tree(git_repository *repo, const git_oid *tree, const char *path,
    const struct vt_pack_limits *limits, struct vt_pack_count *ret, struct vt_why *why)
{
    struct packing p = {.repo = repo};
    enum vt_err err;

    vt_pack_limits_fill(&p.limits, limits);
    if ((err = vt_pack_new(path, 0, limits, &p.pack, why)) == VT_OK &&
        (err = pack_tree(&p, tree, "", 0, why)) == VT_OK)
        err = vt_pack_end(p.pack, ret, why);
    vt_pack_free(p.pack);
    return err;
}

/* Copies one object unless it is there. */
static enum vt_err
copy_object(git_odb *from, git_odb *to, const git_oid *id, struct vt_why *why)
{
    git_odb_object *o = NULL;
    git_oid written;
    int r;

    if (git_odb_exists(to, id) == 1)
        return VT_OK;
    r = git_odb_read(&o, from, id);
    if (r == 0)
        r = git_odb_write(&written, to, git_odb_object_data(o), git_odb_object_size(o),
            git_odb_object_type(o));
    git_odb_object_free(o);
    if (r != 0)
        return vt_gitpack_fail(why, r, "cannot copy an object of the git tree");
    return VT_OK;
}

struct copying {
    git_repository *repo;
    git_odb *from;
    git_odb *to;
    uint64_t count;
};

/* A tree is written after all that it names, so that one which is there is
 * whole; what stands below it is then not walked again. */
static enum vt_err
copy_tree(
    struct copying *c, const git_oid *id, const char *name, unsigned depth, struct vt_why *why)
{
    struct sorted s = {0};
    char path[VT_PATH_MAX];
    size_t i;
    enum vt_err err;

    if (depth > DEPTH_MAX)
        return vt_fail(why, VT_E_LIMIT, "%s is more than %u folders deep", name, DEPTH_MAX);
    if (git_odb_exists(c->to, id) == 1)
        return VT_OK;
    if ((err = sorted_open(c->repo, id, name, &s, why)) != VT_OK)
        return err;
    for (i = 0; err == VT_OK && i < s.count; i++) {
        git_filemode_t mode = git_tree_entry_filemode(s.entry[i]);

        err = vt_path(path, why, "%s%s%s", name, name[0] == '\0' ? "" : "/",
            git_tree_entry_name(s.entry[i]));
        if (err == VT_OK && mode == GIT_FILEMODE_COMMIT)
            err = fail_submodule(path, why);
        else if (err == VT_OK && mode == GIT_FILEMODE_TREE)
            err = copy_tree(c, git_tree_entry_id(s.entry[i]), path, depth + 1, why);
        else if (err == VT_OK)
            err = copy_object(c->from, c->to, git_tree_entry_id(s.entry[i]), why);
        if (err == VT_OK && ++c->count > ENTRIES_MAX)
            err = vt_fail(why, VT_E_LIMIT, "the tree has more than %u files", ENTRIES_MAX);
    }
    sorted_release(&s);
    return err == VT_OK ? copy_object(c->from, c->to, id, why) : err;
}

enum vt_err
vt_gitpack_copy(
    git_repository *from, git_repository *to, const git_oid *tree, struct vt_why *why)
{
    struct copying c = {.repo = from};
    enum vt_err err;
    int r = git_repository_odb(&c.from, from);

    if (r == 0)
        r = git_repository_odb(&c.to, to);
    if (r != 0)
        err = vt_gitpack_fail(why, r, "cannot open a git repository's objects");
    else
        err = copy_tree(&c, tree, "", 0, why);
    git_odb_free(c.from);
    git_odb_free(c.to);
    return err;
}
