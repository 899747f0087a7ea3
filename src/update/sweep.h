/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clearing away what interrupted runs left: names that begin with ".tmp-".
 */
#ifndef VT_UPDATE_SWEEP_H
#define VT_UPDATE_SWEEP_H

#include "base/file.h"

/* Removes temporary files and folders in the folder `dir` and in those up to
 * `depth` below it; links are not followed. Fine when dir is not there. */
VT_MUST enum vt_err vt_sweep(const char *dir, unsigned depth, struct vt_why *why);

#endif
