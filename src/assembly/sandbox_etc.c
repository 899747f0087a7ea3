/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of /etc that are other in a sandbox than in the environment's root.
 */
#include "assembly/sandbox_args.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* An anonymous file with this content, at its beginning. */
static enum vt_err
content(const char *text, int *ret, struct vt_why *why)
{
    int fd = memfd_create("vitrine-etc", MFD_CLOEXEC);
    if (fd < 0)
        return vt_fail_errno(why, "sandbox: memfd_create");
    enum vt_err err = vt_fd_write(fd, text, strlen(text), why);
    if (err == VT_OK && lseek(fd, 0, SEEK_SET) != 0)
        err = vt_fail_errno(why, "sandbox: lseek");
    if (err != VT_OK) {
        (void)close(fd);
        return err;
    }
    *ret = fd;
    return VT_OK;
}

enum vt_err
vt_sandbox_etc(const char *box, const struct vt_surroundings *s, struct vt_sandbox_fds *ret,
    struct vt_why *why)
{
    char text[1024];
    enum vt_err err = VT_OK;
    (void)snprintf(text, sizeof text,
        "root:x:0:0:root:/root:/bin/sh\n%s:x:%u:%u::%s:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        s->user, s->uid, s->gid, s->home);
    if (vt_sandbox_root_has_etc(box, "passwd"))
        err = content(text, &ret->passwd, why);
    (void)snprintf(
        text, sizeof text, "root:x:0:\n%s:x:%u:\nnogroup:x:65534:\n", s->user, s->gid);
    if (err == VT_OK && vt_sandbox_root_has_etc(box, "group"))
        err = content(text, &ret->group, why);
    (void)snprintf(text, sizeof text,
        "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s%s%s%s%s\n", s->host,
        s->domain[0] != '\0' ? "." : "", s->domain, s->domain[0] != '\0' ? " " : "",
        s->domain[0] != '\0' ? s->host : "");
    if (err == VT_OK && vt_sandbox_root_has_etc(box, "hosts"))
        err = content(text, &ret->hosts, why);
    return err;
}
