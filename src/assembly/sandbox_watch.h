/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching what a sandbox uses, a few times a second: its memory (all of its
 * processes together, also where there is no cgroup), their number and the space
 * left on its stage; and saying which limit a failed run met.
 */
#ifndef VT_ASSEMBLY_SANDBOX_WATCH_H
#define VT_ASSEMBLY_SANDBOX_WATCH_H

#include "assembly/sandbox.h"

struct vt_sandbox_watch {
    uint64_t pid_ns; /* inode of the sandbox's pid namespace; 0: not known yet */
    const char *stage;
    struct vt_recipe_limits limits;
    uint64_t memory_peak; /* bytes */
    unsigned processes_peak;
    bool disk_full;
};

/* `stage` is kept by pointer. */
void vt_sandbox_watch_init(
    struct vt_sandbox_watch *w, const char *stage, const struct vt_recipe_limits *limits);
/* Names the sandbox by the inode of its pid namespace, in which there is one
 * process yet; returns that, or 0 when there is none. */
pid_t vt_sandbox_watch_name(struct vt_sandbox_watch *w, uint64_t pid_ns);
/* Looks; VT_LIMIT_MEMORY when the run must be ended. Costs a scan of /proc. */
enum vt_sandbox_limit vt_sandbox_watch_look(struct vt_sandbox_watch *w);
/* Which limit a run met that failed and whose output ended in `tail`. */
enum vt_sandbox_limit vt_sandbox_watch_met(const struct vt_sandbox_watch *w, const char *tail);

#endif
