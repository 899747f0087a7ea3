/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching from git URLs, for snapshot.c only. */
#ifndef VT_ASSEMBLY_SNAPSHOT_FETCH_H
#define VT_ASSEMBLY_SNAPSHOT_FETCH_H

#include "assembly/snapshot.h"

#include <git2/oid.h>
#include <git2/types.h>

/* Fetches opts->ref (or the remote's HEAD) of the URL into the repository and
 * gives its commit. No redirect is followed, and no password is ever given.
 * VT_E_USAGE, VT_E_NOENT, VT_E_NET, VT_E_LIMIT. */
VT_MUST enum vt_err vt_snapshot_fetch(git_repository *repo, const char *url,
    const struct vt_snapshot_opts *opts, git_oid *ret, struct vt_why *why);

/* The tree of a folder within a tree. */
VT_MUST enum vt_err vt_snapshot_subtree(git_repository *repo, const git_oid *tree,
    const char *subdir, git_oid *ret, struct vt_why *why);

#endif
