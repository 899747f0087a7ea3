/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder in which files are placed by paths that nobody trusts: every folder
 * on the way is opened (and made, when missing) without following links, so that
 * nothing is made outside. Paths are relative, with clean parts: the caller has
 * checked that none is empty, "." or "..".
 */
#ifndef VT_STORE_PLACE_H
#define VT_STORE_PLACE_H

#include "base/file.h"

struct vt_place {
    int root;
    int parent; /* the folder named by parent_name, open; -1: none yet */
    char parent_name[VT_PATH_MAX];
};

#define VT_PLACE_NONE ((struct vt_place){.root = -1, .parent = -1})

/* Opens the folder, which must be empty (VT_E_STATE). *p was VT_PLACE_NONE;
 * release it on failure too. */
VT_MUST enum vt_err vt_place_open(struct vt_place *p, const char *dir, struct vt_why *why);
void vt_place_release(struct vt_place *p);

/* The folder that `path` stands in, which p keeps open until its next call, and
 * the last part of the path. VT_E_REFUSED when a link or file is in the way. */
VT_MUST enum vt_err vt_place_parent(struct vt_place *p, const char *path, int *ret_dir,
    const char **ret_base, struct vt_why *why);
/* Makes the folder, of mode 0755; fine when it is there. */
VT_MUST enum vt_err vt_place_folder(struct vt_place *p, const char *path, struct vt_why *why);
/* Creates the file for writing, with that mode whatever the umask. It must be
 * new: VT_E_REFUSED. */
VT_MUST enum vt_err vt_place_create(
    struct vt_place *p, const char *path, mode_t mode, int *ret, struct vt_why *why);

#endif
