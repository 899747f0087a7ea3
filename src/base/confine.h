/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking away from a process what it does not need.
 */
#ifndef VT_BASE_CONFINE_H
#define VT_BASE_CONFINE_H

#include "base/err.h"

/* From now on this process may open files for reading below `dir` only, and
 * write, make or run none (Landlock). VT_E_STATE when the kernel has no
 * Landlock: the process is as it was. */
VT_MUST enum vt_err vt_confine_to_reading(const char *dir, struct vt_why *why);

#endif
