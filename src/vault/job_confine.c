/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "vault/job_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>

/* Ways out of a process that holds plain text: other machines, other processes, the disk. */
static const int refused[] = {
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(bind),
    SCMP_SYS(connect),
    SCMP_SYS(creat),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(link),
    SCMP_SYS(linkat),
    SCMP_SYS(listen),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(mq_open),
    SCMP_SYS(msgget),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(openat2),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(ptrace),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(setxattr),
    SCMP_SYS(fsetxattr),
    SCMP_SYS(lsetxattr),
    SCMP_SYS(shmget),
    SCMP_SYS(socket),
    SCMP_SYS(socketpair),
    SCMP_SYS(symlink),
    SCMP_SYS(symlinkat),
    SCMP_SYS(truncate),
};

/* Opening for anything but reading, which looks like a file that one may not write; the flags
 * are argument `arg`. */
static int
refuse_writing(scmp_filter_ctx ctx, int call, unsigned arg)
{
    static const uint64_t bits[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof bits / sizeof bits[0]; i++) {
        const struct scmp_arg_cmp when = {
            .arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = bits[i], .datum_b = bits[i]};
        rc = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EACCES), call, 1, &when);
    }
    return rc;
}

enum vt_err
vt_job_confine(struct vt_why *why)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (ctx == NULL)
        return vt_fail(why, VT_E_NOMEM, "system call filter: out of memory");
    int rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    for (size_t i = 0; rc == 0 && i < sizeof refused / sizeof refused[0]; i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
    if (rc == 0)
        rc = refuse_writing(ctx, SCMP_SYS(open), 1);
    if (rc == 0)
        rc = refuse_writing(ctx, SCMP_SYS(openat), 2);
    if (rc == 0)
        rc = seccomp_load(ctx); /* sets no_new_privs */
    seccomp_release(ctx);
    if (rc == 0)
        return VT_OK;
    errno = -rc;
    (void)vt_fail_errno(why, "a process that reads users' data cannot be confined (seccomp)");
    return VT_E_STATE;
}

/* One line of heads, then a line for each. */
bool
vt_job_swap(void)
{
    struct vt_buf b = VT_BUF(65536);
    bool on = true;
    if (vt_file_read("/proc/swaps", &b, NULL) == VT_OK) {
        const char *nl = strchr(vt_buf_str(&b), '\n');
        on = nl != NULL && nl[1] != '\0';
    }
    vt_buf_release(&b);
    return on;
}
