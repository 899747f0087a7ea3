/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A control group (cgroup v2) for one run, where this process may make one:
 * usually root on a machine whose top group hands out `memory` and `pids`.
 * Where not, rlimits and watching (sandbox_watch.h) hold the limits alone.
 */
#ifndef VT_ASSEMBLY_SANDBOX_CGROUP_H
#define VT_ASSEMBLY_SANDBOX_CGROUP_H

#include "assembly/sandbox.h"

struct vt_sandbox_cgroup {
    char path[VT_PATH_MAX]; /* "" when there is none */
};

/* Makes a group below the mount point `top` (NULL: the usual ones) with limits on
 * memory (the stage's pages count as well, so they are added) and processes.
 * False, and c->path "", where that is not possible. */
bool vt_sandbox_cgroup_make(
    struct vt_sandbox_cgroup *c, const char *top, const struct vt_recipe_limits *limits);
/* Moves a process into it; false when the kernel refuses: then the group is gone. */
bool vt_sandbox_cgroup_put(struct vt_sandbox_cgroup *c, pid_t pid);
/* The limit that the kernel enforced in it. */
enum vt_sandbox_limit vt_sandbox_cgroup_met(const struct vt_sandbox_cgroup *c);
/* Ends what is left in it and removes it. Harmless when there is none. */
void vt_sandbox_cgroup_remove(struct vt_sandbox_cgroup *c);

#endif
