/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Environments: the exact set of Debian packages that an assembly runs in.
 *
 * A manifest names every package with its version, architecture, size and
 * SHA-256; its own SHA-256 names the environment (docs/formats/environment.md).
 * The packages' files are objects of the store. A root folder is made from those
 * files alone, with no network, and kept under CACHE/env/HEX/root, where HEX is
 * the environment's digest.
 */
#ifndef VT_ASSEMBLY_ENVIRONMENT_H
#define VT_ASSEMBLY_ENVIRONMENT_H

#include "attest/statement.h"
#include "base/file.h"
#include "base/progress.h"
#include "store/store.h"

#define VT_ENVIRONMENT_MAX (1024U * 1024U) /* bytes of a manifest */

struct vt_environment {
    char distribution[VT_STATEMENT_WORD_SIZE]; /* "bookworm" */
    char arch[32];                             /* "amd64" */
    size_t count;                              /* 1 to VT_STATEMENT_PACKAGES_MAX */
    struct vt_package *package;                /* sorted by name, version and arch */
};

/* VT_E_SYNTAX with the line number; takes only the canonical form. */
VT_MUST enum vt_err vt_environment_parse(
    const void *data, size_t len, struct vt_environment **ret, struct vt_why *why);
void vt_environment_free(struct vt_environment *e);
/* Appends the canonical text; the packages must be sorted and distinct. */
void vt_environment_put(struct vt_buf *b, const struct vt_environment *e);

/* Reads a manifest from the store. */
VT_MUST enum vt_err vt_environment_load(struct vt_store *store, const struct vt_digest *digest,
    struct vt_environment **ret, struct vt_why *why);

/* Resolves package names and all they need, the essential packages included,
 * with the machine's apt configuration and package lists as they are, from
 * Debian's own archive only; downloads the packages (kept in cache_dir/deb) and
 * stores them and the manifest. Works for an ordinary user. VT_E_CONFIG (a
 * package that is not there, no Debian sources, no lists), VT_E_NET, VT_E_CHILD. */
VT_MUST enum vt_err vt_environment_resolve(struct vt_store *store, const char *const *names,
    size_t count, const char *cache_dir, struct vt_progress *progress, struct vt_digest *ret,
    struct vt_why *why);

/* Makes the root folder of an environment whose manifest and packages are all in
 * the store, or finds the one made before. *ret_path: a folder with bin, usr, ...
 * to be bound read-only; it belongs to the cache. *ret_root (may be NULL): the
 * digest of the root's tar, the same for every maker. Waits while another
 * process makes the same root. Takes some 20 s when it has to be made.
 * VT_E_NOENT (an object is missing), VT_E_DIGEST, VT_E_CHILD, VT_E_IO. */
VT_MUST enum vt_err vt_environment_root(struct vt_store *store, const struct vt_digest *digest,
    const char *cache_dir, struct vt_progress *progress, char ret_path[VT_PATH_MAX],
    struct vt_digest *ret_root, struct vt_why *why);

#endif
