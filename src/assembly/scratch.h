/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where root folders are made: in memory when there is plenty, because making
 * one is some ten thousand small files, and where users of other numbers may
 * enter, because an ordinary user makes it under subordinate numbers.
 */
#ifndef VT_ASSEMBLY_SCRATCH_H
#define VT_ASSEMBLY_SCRATCH_H

#include "base/file.h"

struct vt_scratch {
    char dir[VT_PATH_MAX];
};

/* Makes an empty folder of mode 0755 whose path has no blanks, on a file system
 * with `room` bytes when there is one. `owner` is a path that only one process at a time works
 * for: what a killed maker left behind for the same owner is removed first. */
VT_MUST enum vt_err vt_scratch_make(
    struct vt_scratch *s, const char *owner, uint64_t room, struct vt_why *why);
void vt_scratch_remove(struct vt_scratch *s);

/* For vt_proc_opts.prepare: makes fsync and its like do nothing in the child,
 * when this process may filter system calls (else the work is slower). Nothing
 * in a scratch folder has to outlive a crash. Always true. */
bool vt_scratch_no_sync(void *ctx);

#endif
