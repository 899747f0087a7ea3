/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes between the assembler and a script: an init of ours, the first
 * of a pid namespace that dies with the assembler, and its child, which takes on
 * the run's surroundings, gives up root and becomes bubblewrap.
 */
#ifndef VT_ASSEMBLY_SANDBOX_CHILD_H
#define VT_ASSEMBLY_SANDBOX_CHILD_H

#include "assembly/sandbox_args.h"
#include "assembly/stage.h"

struct vt_sandbox_child {
    const struct vt_stage *stage;
    const struct vt_surroundings *around;
    const struct vt_sandbox_fds *fds;
    int in;            /* becomes standard input; -1: /dev/null */
    int out;           /* becomes standard output; -1: the log */
    int log;           /* becomes standard error */
    int block_write;   /* the parent's end of fds->block */
    char *const *argv; /* of bwrap */
};

/* Forks the init, which waits for one byte on fds->block before it goes on;
 * bwrap waits for another. The init ends when bwrap does, and with it everything
 * in its namespace. What fails is said on `log`. -1 and errno. */
pid_t vt_sandbox_child_start(const struct vt_sandbox_child *c);

/* This process becomes VT_STAGE_UID for good; false when it may not. */
bool vt_sandbox_child_drop(void);

/* Sets the limits that each process inherits on the sandbox's first one. */
VT_MUST enum vt_err vt_sandbox_child_limit(
    bool drop, const struct vt_recipe_limits *limits, pid_t first, struct vt_why *why);

/* How many processors a script will have; 1 at least. */
unsigned vt_sandbox_processors(const struct vt_surroundings *s);

#endif
