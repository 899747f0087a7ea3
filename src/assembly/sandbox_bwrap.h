/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox as bubblewrap (the program `bwrap`) makes it: namespaces for user,
 * mounts, processes, network, IPC, host name and cgroups; no capability; the
 * filter of sandbox_filter.h; everything ends with the process that runs it.
 */
#ifndef VT_ASSEMBLY_SANDBOX_BWRAP_H
#define VT_ASSEMBLY_SANDBOX_BWRAP_H

#include "assembly/sandbox.h"
#include "assembly/stage.h"

/* Runs jobs on this stage, which is copied. VT_E_STATE when bwrap is not
 * installed. */
VT_MUST enum vt_err vt_sandbox_bwrap_new(
    const struct vt_stage *stage, struct vt_sandbox **ret, struct vt_why *why);

#endif
