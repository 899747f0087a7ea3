/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child process that becomes bubblewrap: it takes on the surroundings of the
 * run and gives up root.
 */
#ifndef VT_ASSEMBLY_SANDBOX_CHILD_H
#define VT_ASSEMBLY_SANDBOX_CHILD_H

#include "assembly/sandbox_args.h"
#include "assembly/stage.h"

struct vt_sandbox_child {
    const struct vt_stage *stage;
    const struct vt_surroundings *around;
    const struct vt_sandbox_fds *fds;
    int log;           /* becomes standard output and error */
    char *const *argv; /* of bwrap */
    pid_t parent;
};

/* In the child: waits for one byte on fds->block, then becomes bwrap. What fails
 * is said on `log`, with exit status 127. */
_Noreturn void vt_sandbox_child_main(const struct vt_sandbox_child *c);

/* This process becomes VT_STAGE_UID for good; false when it may not. */
bool vt_sandbox_child_drop(void);

/* Sets the limits that each process inherits on the sandbox's first one. */
VT_MUST enum vt_err vt_sandbox_child_limit(
    bool drop, const struct vt_recipe_limits *limits, pid_t first, struct vt_why *why);

/* How many processors a script will have; 1 at least. */
unsigned vt_sandbox_processors(const struct vt_surroundings *s);

#endif
