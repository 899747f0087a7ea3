/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/sandbox_filter.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAMILIES 64U /* socket families, and room for those to come */

/* Refused as not permitted. Namespaces, mounts and modules: a way out. Keys,
 * BPF, perf, userfaultfd, io_uring: kernel surface with a history. */
static const int refused[] = {
    SCMP_SYS(acct),
    SCMP_SYS(add_key),
    SCMP_SYS(bpf),
    SCMP_SYS(chroot),
    SCMP_SYS(delete_module),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(finit_module),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fspick),
    SCMP_SYS(init_module),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(kexec_load),
    SCMP_SYS(keyctl),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(mount),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(move_mount),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(open_tree),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(pivot_root),
    SCMP_SYS(quotactl),
    SCMP_SYS(quotactl_fd),
    SCMP_SYS(reboot),
    SCMP_SYS(request_key),
    SCMP_SYS(setns),
    SCMP_SYS(swapoff),
    SCMP_SYS(swapon),
    SCMP_SYS(syslog),
    SCMP_SYS(umount2),
    SCMP_SYS(unshare),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(vhangup),
};

/* Said not to exist, so that programs take their older way. Memory that belongs
 * to no process would pass the limit on memory; clone3 hides its flags from
 * this filter. */
static const int missing[] = {
    SCMP_SYS(clone3),
    SCMP_SYS(memfd_create),
    SCMP_SYS(memfd_secret),
    SCMP_SYS(shmget),
};

static int
refuse_list(scmp_filter_ctx ctx, const int *calls, size_t n, uint32_t action)
{
    for (size_t i = 0; i < n; i++) {
        int rc = seccomp_rule_add(ctx, action, calls[i], 0);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Refuses a call of which argument `arg` has just these bits under the mask. */
static int
refuse_if(
    scmp_filter_ctx ctx, int call, unsigned arg, uint64_t mask, uint64_t bits, uint32_t action)
{
    const struct scmp_arg_cmp when = {
        .arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = bits};
    return seccomp_rule_add_array(ctx, action, call, 1, &when);
}

static int
refuse_new_namespaces(scmp_filter_ctx ctx)
{
    static const uint64_t flags[] = {CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,
        CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof flags / sizeof flags[0]; i++)
        rc = refuse_if(ctx, SCMP_SYS(clone), 0, flags[i], flags[i], SCMP_ACT_ERRNO(EPERM));
    return rc;
}

/* Unix sockets and the loopback's Internet sockets, which test suites use, are
 * what remains. The kernel looks at 32 bits of the family, so does this. */
static int
refuse_sockets(scmp_filter_ctx ctx)
{
    int rc = 0;
    for (uint64_t family = 0; rc == 0 && family < FAMILIES; family++)
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
            rc = refuse_if(
                ctx, SCMP_SYS(socket), 0, UINT32_MAX, family, SCMP_ACT_ERRNO(EAFNOSUPPORT));
    return rc;
}

/* Typing into a terminal that somebody else reads. */
static int
refuse_typing(scmp_filter_ctx ctx)
{
    int rc = refuse_if(ctx, SCMP_SYS(ioctl), 1, UINT32_MAX, TIOCSTI, SCMP_ACT_ERRNO(EPERM));
    if (rc == 0)
        rc = refuse_if(ctx, SCMP_SYS(ioctl), 1, UINT32_MAX, TIOCLINUX, SCMP_ACT_ERRNO(EPERM));
    return rc;
}

static int
fill(scmp_filter_ctx ctx)
{
    int rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    if (rc == 0)
        rc = refuse_list(
            ctx, refused, sizeof refused / sizeof refused[0], SCMP_ACT_ERRNO(EPERM));
    if (rc == 0)
        rc = refuse_list(
            ctx, missing, sizeof missing / sizeof missing[0], SCMP_ACT_ERRNO(ENOSYS));
    if (rc == 0)
        rc = refuse_new_namespaces(ctx);
    if (rc == 0)
        rc = refuse_sockets(ctx);
    if (rc == 0)
        rc = refuse_typing(ctx);
    return rc;
}

enum vt_err
vt_sandbox_filter_new(int *ret_fd, struct vt_why *why)
{
    enum vt_err err = VT_OK;
    int fd = -1;
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (ctx == NULL)
        return vt_fail(why, VT_E_NOMEM, "system call filter: out of memory");
    int rc = fill(ctx);
    if (rc != 0) {
        errno = -rc;
        err = vt_fail_errno(why, "system call filter: libseccomp refused a rule");
        goto out;
    }
    fd = memfd_create("vitrine-filter", MFD_CLOEXEC);
    if (fd < 0) {
        err = vt_fail_errno(why, "system call filter: memfd_create");
        goto out;
    }
    rc = seccomp_export_bpf(ctx, fd);
    if (rc != 0 || lseek(fd, 0, SEEK_SET) != 0) {
        errno = rc != 0 ? -rc : errno;
        err = vt_fail_errno(why, "system call filter: cannot be written");
        goto out;
    }
    *ret_fd = fd;
    fd = -1; /* moved */
out:
    if (fd >= 0)
        (void)close(fd);
    seccomp_release(ctx);
    return err;
}
