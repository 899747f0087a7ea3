/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A digest over an installed folder: to notice, at the next update, that it is
 * no longer what was installed. It covers names, contents, link targets and
 * the owner's execute bit; not times and owners. docs/formats/install.md.
 */
#ifndef VT_UPDATE_TREESUM_H
#define VT_UPDATE_TREESUM_H

#include "crypto/digest.h"

/* Reads all of the folder. VT_E_NOENT, VT_E_IO, VT_E_REFUSED (something that is
 * neither folder, file nor link), VT_E_LIMIT (over 64 folders deep). */
VT_MUST enum vt_err vt_treesum(const char *dir, struct vt_digest *ret, struct vt_why *why);

#endif
