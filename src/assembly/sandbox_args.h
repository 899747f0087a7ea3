/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of bubblewrap for a job: what is mounted where, and the whole
 * environment that a script sees (docs/formats/sandbox.md).
 */
#ifndef VT_ASSEMBLY_SANDBOX_ARGS_H
#define VT_ASSEMBLY_SANDBOX_ARGS_H

#include "assembly/sandbox.h"

/* Where the child that becomes bwrap has the box: a place that the scripts' user
 * can reach wherever the home lies. */
#define VT_SANDBOX_BOX_AT "/tmp"

/* Descriptors that bwrap is given by number; -1: not given. */
struct vt_sandbox_fds {
    int status; /* takes JSON lines */
    int block;  /* is waited for before the script starts */
    int filter;
    int passwd; /* contents of files of /etc */
    int group;
    int hosts;
};

struct vt_args {
    size_t count;
    bool failed;      /* out of memory, or too many */
    char *item[1024]; /* NULL-terminated */
};

/* Fills *ret, which the caller releases also after a failure. Reads the top of
 * the environment's root. */
VT_MUST enum vt_err vt_sandbox_args(const struct vt_sandbox_job *job,
    const struct vt_sandbox_fds *fds, unsigned jobs, struct vt_args *ret, struct vt_why *why);
void vt_args_release(struct vt_args *a);

/* Whether the environment has this regular file in /etc, to be covered. */
bool vt_sandbox_root_has_etc(const char *box, const char *name);

/* Opens passwd, group and hosts as they are in those surroundings, each as an anonymous file
 * that the caller closes (also after a failure), and only where the root has one to be covered.
 */
VT_MUST enum vt_err vt_sandbox_etc(const char *box, const struct vt_surroundings *s,
    struct vt_sandbox_fds *ret, struct vt_why *why);

#endif
