/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source snapshots: from whatever a person names as source to a git tree in
 * the site's bare repository and its deterministic archive in the store.
 *
 * A folder that is the root of a git checkout gives its HEAD, never the working
 * copy; any other folder its files. `https://`, `http://`, `git://` and `file://` URLs
 * are fetched. A bare word that is no folder is a Debian source
 * package, resolved with the machine's own apt in private state folders.
 */
#ifndef VT_ASSEMBLY_SNAPSHOT_H
#define VT_ASSEMBLY_SNAPSHOT_H

#include "attest/statement.h"
#include "base/progress.h"
#include "store/pack.h"
#include "store/store.h"

struct vt_snapshot_opts {
    const char *subdir; /* a part of the tree, or NULL for all of it */
    const char *ref;    /* git URL: branch, tag or full ref; NULL: the remote's HEAD */
    struct vt_pack_limits limits; /* zeros: the defaults */
    struct vt_progress *progress; /* or NULL */
};

/* Takes a snapshot of `source` into the bare repository `repo_dir` (made when
 * missing) and the store. Temporary files go below work_dir (made when missing)
 * and are removed again. opts may be NULL. The same source gives the same
 * *ret. VT_E_USAGE (source is nothing of the above), VT_E_NOENT (no such ref,
 * subdir or package), VT_E_REFUSED (submodule, device), VT_E_LIMIT, VT_E_NET,
 * VT_E_CHILD, VT_E_IO. */
VT_MUST enum vt_err vt_snapshot_take(struct vt_store *store, const char *repo_dir,
    const char *work_dir, const char *source, const struct vt_snapshot_opts *opts,
    struct vt_statement_source *ret, struct vt_why *why);

#endif
