/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/keeper_confine.h"

#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static const int refused[] = {
    SCMP_SYS(bpf),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(kcmp),
    SCMP_SYS(mount),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(ptrace),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
};

static int
refuse_calls(scmp_filter_ctx ctx, bool may_connect)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof refused / sizeof refused[0]; i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
    if (rc == 0 && !may_connect)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(connect), 0);
    return rc;
}

/* Every family but unix: the kernel looks at 32 bits of the argument, so does this. */
static int
refuse_families(scmp_filter_ctx ctx)
{
    const struct scmp_arg_cmp below = {
        .arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = UINT32_MAX, .datum_b = 0};
    int rc =
        seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, &below);

    for (uint64_t family = 1; rc == 0 && family < 64; family++) {
        const struct scmp_arg_cmp is = {
            .arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = UINT32_MAX, .datum_b = family};
        if (family != AF_UNIX)
            rc = seccomp_rule_add_array(
                ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, &is);
    }
    return rc;
}

enum vt_err
vt_keeper_confine(bool may_connect, struct vt_why *why)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    enum vt_err err = VT_OK;
    int rc;

    if (ctx == NULL)
        return vt_fail(why, VT_E_NOMEM, "keeper's system call filter: out of memory");
    rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno;
    if (rc == 0)
        rc = refuse_calls(ctx, may_connect);
    if (rc == 0)
        rc = refuse_families(ctx);
    if (rc == 0)
        rc = seccomp_load(ctx);
    if (rc != 0) {
        errno = -rc;
        err = vt_fail_errno(why, "keeper: cannot install its system call filter");
    }
    seccomp_release(ctx);
    return err;
}
