/* SPDX-License-Identifier: Apache-2.0 */
/* An archive of an environment's packages that apt can read; for
 * environment_root.c. */
#ifndef VT_ASSEMBLY_ENVIRONMENT_REPO_H
#define VT_ASSEMBLY_ENVIRONMENT_REPO_H

#include "assembly/environment.h"

/* Copies the packages out of the store into the new folder `dir`, verified, and
 * writes their index `Packages` from their own control files. VT_E_NOENT (an
 * object is missing), VT_E_DIGEST, VT_E_REFUSED (a file is not the package that
 * the manifest says), VT_E_SYNTAX. */
VT_MUST enum vt_err vt_environment_repo(struct vt_store *store,
    const struct vt_environment *env, const char *dir, struct vt_why *why);

#endif
