/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage of an assembly: mount points that only one process and its children
 * see, so that they vanish with it however it ends, and whose size is bounded
 * by the kernel.
 *
 *     WORK/box/root       the environment's root, read-only
 *     WORK/box/stage      a tmpfs of the recipe's disk limit with
 *         source/ out/ home/ tmp/ shm/
 *
 * Root enters a mount namespace of its own, whose root it makes the present
 * root folder: also inside a chroot, where the kernel otherwise refuses user
 * namespaces to everybody. An ordinary user enters a user namespace first.
 */
#ifndef VT_ASSEMBLY_STAGE_H
#define VT_ASSEMBLY_STAGE_H

#include "base/file.h"

/* The user that scripts run as, outside, when Vitrine is run by root: a number
 * that Debian gives to nobody. */
#define VT_STAGE_UID 59417U

struct vt_stage {
    char box[VT_PATH_MAX];    /* WORK/box */
    char source[VT_PATH_MAX]; /* box/stage/source, and so on */
    char out[VT_PATH_MAX];
    bool drop;    /* scripts run as VT_STAGE_UID, which owns the stage */
    bool user_ns; /* this process is in a user namespace of its own */
};

/* Moves this process, which must have one thread and should be a fork made for
 * it, to a mount namespace of its own and mounts the stage below `work`, an
 * existing folder; `root` is the environment's root folder. Afterwards absolute
 * paths mean what they meant. VT_E_STATE when the kernel does not permit it,
 * with what to do; VT_E_IO. A failure leaves the process to be ended. */
VT_MUST enum vt_err vt_stage_enter(const char *work, const char *root, uint32_t disk_mb,
    struct vt_stage *ret, struct vt_why *why);

/* Gives `dir` (a path of the stage) and what is below it to the scripts' user,
 * and the time `mtime` (seconds since 1970) to all of it. Links are not followed. */
VT_MUST enum vt_err vt_stage_adopt(
    const struct vt_stage *s, const char *dir, int64_t mtime, struct vt_why *why);

#endif
