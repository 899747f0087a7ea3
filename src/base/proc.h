/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child processes: programs that we run, and the parts of Vitrine that live in
 * address spaces of their own (signer, log, http, assembler).
 */
#ifndef VT_BASE_PROC_H
#define VT_BASE_PROC_H

#include "base/buf.h"

#include <sys/types.h>

struct vt_proc_opts {
    const char *const *env; /* NULL-terminated, or NULL to inherit */
    const char *cwd;        /* or NULL */
    const void *input;      /* fed to standard input; NULL: /dev/null */
    size_t input_len;
    struct vt_buf *output; /* standard output is appended; NULL: to log_fd or /dev/null */
    int log_fd;         /* standard error (and output) go here; 0: captured for messages only */
    int64_t timeout_ms; /* 0: no limit; then the whole process group is killed */
    /* Called about five times a second while the child runs, or NULL. A value
     * other than VT_OK kills the child and is returned. */
    enum vt_err (*tick)(void *ctx, struct vt_why *why);
    void *tick_ctx;
    /* Called in the child before exec, or NULL; false: the child exits 127. The
     * program inherits no descriptor above 2 but those whose close-on-exec flag
     * this clears. */
    bool (*prepare)(void *ctx);
    void *prepare_ctx;
};

/* Runs a program (argv[0] is looked up in PATH) and waits for it. VT_E_CHILD
 * when it cannot be started, exits other than 0 or dies; the message holds its
 * status and the last line it wrote to standard error (when captured).
 * VT_E_TIMEOUT. `opts` may be NULL. */
VT_MUST enum vt_err vt_proc_run(
    const char *const *argv, const struct vt_proc_opts *opts, struct vt_why *why);

/* Forks a part of Vitrine: `body` runs in the child with one end of a socket
 * pair, and its result is the exit code. The child gets SIGKILL when its
 * parent dies (or the thread that called: let one that stays call), and keeps no descriptor
 * above 2 but that end and those listed in keep (ended by -1; may be NULL). The caller owns
 * *ret_fd. */
VT_MUST enum vt_err vt_proc_fork(const char *name, int (*body)(int fd, void *ctx), void *ctx,
    const int *keep, pid_t *ret_pid, int *ret_fd, struct vt_why *why);

/* Closes fd (when not -1), asks the child to end, kills it after grace_ms, and
 * reaps it. */
void vt_proc_stop(pid_t pid, int fd, int64_t grace_ms);

/* Closes every descriptor above 2 but those in keep (ended by -1; may be NULL;
 * at most VT_PROC_KEEP_MAX). */
#define VT_PROC_KEEP_MAX 640
void vt_proc_close_others(const int *keep);

/* This process: no core dumps, not traceable by others of the same user. For
 * those that hold private keys. */
void vt_proc_harden(void);

/* The same and more, for a part of Vitrine that has a private key: no new privileges, nothing
 * left open but fd and standard error. */
void vt_proc_alone(int fd);

#endif
