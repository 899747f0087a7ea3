/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives of git trees, and git trees of folders: the two directions between
 * a snapshot's tree and its bytes. A folder and the git tree made of it give
 * the same archive, unless the folder holds empty folders, which git has not.
 */
#ifndef VT_ASSEMBLY_GITPACK_H
#define VT_ASSEMBLY_GITPACK_H

#include "store/pack.h"

#include <git2/oid.h>
#include <git2/types.h>

/* Packs a git tree into the archive file `path` (see store/pack.h). A submodule
 * is VT_E_REFUSED, naming its path. */
VT_MUST enum vt_err vt_gitpack_tree(git_repository *repo, const git_oid *tree, const char *path,
    const struct vt_pack_limits *limits, struct vt_pack_count *ret, struct vt_why *why);

/* Copies a tree with all below it, but no history, from one repository to
 * another. Submodules are VT_E_REFUSED. */
VT_MUST enum vt_err vt_gitpack_copy(
    git_repository *from, git_repository *to, const git_oid *tree, struct vt_why *why);

/* Writes what is below `dir` as blobs and trees into the repository. Folders
 * named .git and empty folders are left out; devices, sockets and pipes are
 * VT_E_REFUSED; set-id bits are dropped, as git does. */
VT_MUST enum vt_err vt_gitpack_import(git_repository *repo, const char *dir,
    const struct vt_pack_limits *limits, git_oid *ret, struct vt_why *why);

/* As vt_fail, with the code and the text of libgit2's last error. */
enum vt_err vt_gitpack_fail(struct vt_why *why, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
