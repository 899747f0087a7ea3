/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking away from a process what it does not need.
 */
#ifndef VT_BASE_CONFINE_H
#define VT_BASE_CONFINE_H

#include "base/err.h"

/* What may be done with what stands below a folder. */
enum {
    VT_CONFINE_READ = 1,  /* open files, list folders */
    VT_CONFINE_WRITE = 2, /* make, change, rename and remove files and folders; implies READ */
    VT_CONFINE_RUN = 4,   /* run programs; implies READ */
};

struct vt_confine_folder {
    const char *path; /* a folder, or one file */
    unsigned may;     /* VT_CONFINE_... */
};

#define VT_CONFINE_MAX 16U

/* From now on this process, and what it starts, may do no more with files than these n folders
 * (at most VT_CONFINE_MAX) permit (Landlock); what is open stays open. It may not get new
 * rights by running a program. VT_E_STATE when the kernel has no Landlock, VT_E_NOENT when a
 * folder is missing: the process is as it was. */
VT_MUST enum vt_err vt_confine(
    const struct vt_confine_folder *folders, size_t n, struct vt_why *why);

/* The same for one folder that may be read. */
VT_MUST enum vt_err vt_confine_to_reading(const char *dir, struct vt_why *why);

#endif
