/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The assembler process, and the messages that it sends to the process that
 * started it. It takes none.
 *
 *     TICK    u16 step (from 1; 0: before the first), u16 steps, u64 bytes of log
 *     OUTPUT  u16 length, name; 32 bytes digest; u64 size
 *     VARIED  a word
 *     DONE    32 bytes digest of the log; u64 started, u64 finished; isolation
 *     FAILED  u32 the error's code, negated; text
 */
#ifndef VT_ASSEMBLY_ASSEMBLER_H
#define VT_ASSEMBLY_ASSEMBLER_H

#include "assembly/assembly.h"

enum {
    VT_ASSEMBLER_TICK = 1,
    VT_ASSEMBLER_OUTPUT,
    VT_ASSEMBLER_VARIED,
    VT_ASSEMBLER_DONE,
    VT_ASSEMBLER_FAILED,
};

/* What the process is given, in memory that it shares by being forked. */
struct vt_assembler {
    const struct vt_assembly_job *job;
    const char *work; /* this run's own folder */
};

/* The body of the process, for vt_proc_fork; ctx is a struct vt_assembler. */
int vt_assembler_main(int fd, void *ctx);

#endif
