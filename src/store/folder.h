/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names in an open folder, sorted: what packing and snapshots walk by.
 * Unlike vt_dir_each it leaves no name out.
 */
#ifndef VT_STORE_FOLDER_H
#define VT_STORE_FOLDER_H

#include "base/err.h"

struct vt_folder {
    size_t count;
    char **name; /* in byte order, "." and ".." left out */
};

/* Reads the names of folder `dir` (its position moves); `what` names it in
 * messages. At most 1,000,000. On failure *ret is empty. */
VT_MUST enum vt_err vt_folder_read(
    struct vt_folder *ret, int dir, const char *what, struct vt_why *why);
void vt_folder_release(struct vt_folder *n);

#endif
