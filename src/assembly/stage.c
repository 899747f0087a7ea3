/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BOX_SIZE "size=1m,nr_inodes=64,mode=0755"

static enum vt_err
write_proc(const char *path, const char *text, struct vt_why *why)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return vt_fail_errno(why, "%s", path);
    enum vt_err err = vt_fd_write(fd, text, strlen(text), why);
    (void)close(fd);
    return err == VT_OK ? err : vt_fail_in(why, err, "%s", path);
}

/* An ordinary user's way: all privileges within a user namespace that has one
 * user, this one. */
static enum vt_err
enter_as_user(struct vt_why *why)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        (void)vt_fail_errno(why,
            "this user may make no user namespace here (a chroot, or sysctl "
            "user.max_user_namespaces or kernel.unprivileged_userns_clone forbids it): run as "
            "root, or permit it");
        return VT_E_STATE;
    }
    char map[64];
    (void)snprintf(map, sizeof map, "%u %u 1\n", uid, uid);
    enum vt_err err = write_proc("/proc/self/setgroups", "deny\n", why);
    if (err == VT_OK)
        err = write_proc("/proc/self/uid_map", map, why);
    (void)snprintf(map, sizeof map, "%u %u 1\n", gid, gid);
    if (err == VT_OK)
        err = write_proc("/proc/self/gid_map", map, why);
    if (err == VT_OK && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        err = vt_fail_errno(why, "cannot keep mounts private");
    return err;
}

/* Makes the present root folder (`old`) the root of this mount namespace: binds
 * it onto `spot`, a folder named from there, and switches to that. */
static enum vt_err
pivot_to(int old, const char *spot, struct vt_why *why)
{
    /* Entering one's own mount namespace leads to its true root, out of a chroot:
     * only from there can mounts be made private, before any is made. */
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (self < 0)
        return vt_fail_errno(why, "pidfd_open");
    int rc = setns(self, CLONE_NEWNS);
    (void)close(self);
    if (rc != 0)
        return vt_fail_errno(why, "cannot enter the root of the mount namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return vt_fail_errno(why, "cannot keep mounts private");
    if (fchdir(old) != 0 || mount(".", spot, NULL, MS_BIND | MS_REC, NULL) != 0 ||
        chdir(spot) != 0)
        return vt_fail_errno(why, "cannot bind the root folder to %s", spot);
    if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0)
        return vt_fail_errno(why, "cannot switch to the new root");
    return VT_OK;
}

static enum vt_err
enter_as_root(const char *box, struct vt_why *why)
{
    char cwd[VT_PATH_MAX] = "/";
    if (getcwd(cwd, sizeof cwd) == NULL || cwd[0] != '/')
        (void)snprintf(cwd, sizeof cwd, "/");
    if (unshare(CLONE_NEWNS) != 0) {
        (void)vt_fail_errno(why, "root may make no mount namespace here (a container without "
                                 "CAP_SYS_ADMIN?): run where it may");
        return VT_E_STATE;
    }
    int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (old < 0)
        return vt_fail_errno(why, "/");
    enum vt_err err = pivot_to(old, box + 1, why);
    (void)close(old);
    if (err == VT_OK && chdir(cwd) != 0)
        err = vt_fail_errno(why, "%s", cwd);
    if (err == VT_OK && access("/proc/self/status", R_OK) != 0 &&
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        err = vt_fail_errno(why, "/proc is not mounted and cannot be");
    return err;
}

/* Whether VT_STAGE_UID is somebody in this process's user namespace. */
static bool
can_drop(void)
{
    FILE *f = fopen("/proc/self/uid_map", "re");
    if (f == NULL)
        return false;
    bool found = false;
    char line[128];
    while (!found && fgets(line, sizeof line, f) != NULL) {
        char *end = NULL;
        unsigned long inside = strtoul(line, &end, 10);
        (void)strtoul(end, &end, 10);
        unsigned long count = strtoul(end, &end, 10);
        found = VT_STAGE_UID >= inside && VT_STAGE_UID - inside < count;
    }
    (void)fclose(f);
    return found;
}

static enum vt_err
make_folder(const struct vt_stage *s, const char *name, mode_t mode, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/stage/%s", s->box, name);
    if (err != VT_OK)
        return err;
    if (mkdir(path, mode) != 0 || chmod(path, mode) != 0 ||
        (s->drop && chown(path, VT_STAGE_UID, VT_STAGE_UID) != 0))
        return vt_fail_errno(why, "%s", path);
    return VT_OK;
}

static enum vt_err
bind_root(const struct vt_stage *s, const char *root, struct vt_why *why)
{
    char at[VT_PATH_MAX];
    enum vt_err err = vt_path(at, why, "%s/root", s->box);
    if (err != VT_OK)
        return err;
    if (mkdir(at, 0755) != 0)
        return vt_fail_errno(why, "%s", at);
    if (mount(root, at, NULL, MS_BIND | MS_REC, NULL) != 0)
        return vt_fail_errno(why, "cannot bind the environment %s", root);
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    if (mount_setattr(AT_FDCWD, at, AT_RECURSIVE, &attr, sizeof attr) != 0)
        return vt_fail_errno(why, "cannot make the environment read-only");
    return VT_OK;
}

/* One inode for each 16 KiB, and some for the smallest stages. */
static enum vt_err
mount_stage(const struct vt_stage *s, uint32_t disk_mb, struct vt_why *why)
{
    char at[VT_PATH_MAX];
    enum vt_err err = vt_path(at, why, "%s/stage", s->box);
    if (err != VT_OK)
        return err;
    char opts[128];
    (void)snprintf(opts, sizeof opts, "size=%um,nr_inodes=%llu,mode=0755", disk_mb,
        (unsigned long long)disk_mb * 64 + 4096);
    if (mkdir(at, 0755) != 0 ||
        mount("vitrine-stage", at, "tmpfs", MS_NOSUID | MS_NODEV, opts) != 0)
        return vt_fail_errno(why, "cannot mount %u MiB at %s", disk_mb, at);
    static const struct {
        const char *name;
        mode_t mode;
    } folder[] = {
        {"source", 0755}, {"out", 0755}, {"home", 0755}, {"tmp", 01777}, {"shm", 01777}};
    for (size_t i = 0; err == VT_OK && i < sizeof folder / sizeof folder[0]; i++)
        err = make_folder(s, folder[i].name, folder[i].mode, why);
    return err;
}

static enum vt_err
absolute(const char *path, char ret[VT_PATH_MAX], struct vt_why *why)
{
    char *full = realpath(path, NULL);
    if (full == NULL)
        return vt_fail_errno(why, "%s", path);
    enum vt_err err = vt_path(ret, why, "%s", full);
    free(full);
    return err;
}

static enum vt_err
prepare_box(const char *work, struct vt_stage *s, struct vt_why *why)
{
    char full[VT_PATH_MAX];
    enum vt_err err = absolute(work, full, why);
    if (err == VT_OK)
        err = vt_path(s->box, why, "%s/box", full);
    if (err == VT_OK)
        err = vt_path(s->source, why, "%s/stage/source", s->box);
    if (err == VT_OK)
        err = vt_path(s->out, why, "%s/stage/out", s->box);
    if (err == VT_OK && mkdir(s->box, 0700) != 0 && errno != EEXIST)
        err = vt_fail_errno(why, "%s", s->box);
    return err;
}

enum vt_err
vt_stage_enter(const char *work, const char *root, uint32_t disk_mb, struct vt_stage *ret,
    struct vt_why *why)
{
    struct vt_stage s = {.user_ns = geteuid() != 0};
    char root_full[VT_PATH_MAX];
    enum vt_err err = absolute(root, root_full, why);
    if (err == VT_OK)
        err = prepare_box(work, &s, why);
    if (err == VT_OK)
        err = s.user_ns ? enter_as_user(why) : enter_as_root(s.box, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "sandbox");
    s.drop = !s.user_ns && can_drop();
    if (mount("vitrine-box", s.box, "tmpfs", MS_NOSUID | MS_NODEV, BOX_SIZE) != 0)
        return vt_fail_errno(why, "sandbox: cannot mount at %s", s.box);
    err = bind_root(&s, root_full, why);
    if (err == VT_OK)
        err = mount_stage(&s, disk_mb, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "sandbox");
    *ret = s;
    return VT_OK;
}

static enum vt_err
adopt_one(const struct vt_stage *s, const char *path, int64_t mtime, struct vt_why *why)
{
    const struct timespec times[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};
    if ((s->drop && lchown(path, VT_STAGE_UID, VT_STAGE_UID) != 0) ||
        utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) != 0)
        return vt_fail_errno(why, "%s", path);
    return VT_OK;
}

enum vt_err
vt_stage_adopt(const struct vt_stage *s, const char *dir, int64_t mtime, struct vt_why *why)
{
    char top[VT_PATH_MAX];
    enum vt_err err = vt_path(top, why, "%s", dir);
    if (err != VT_OK)
        return err;
    char *const tops[] = {top, NULL};
    FTS *fts = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (fts == NULL)
        return vt_fail_errno(why, "%s", dir);
    while (err == VT_OK) {
        errno = 0;
        FTSENT *e = fts_read(fts);
        if (e == NULL) {
            if (errno != 0)
                err = vt_fail_errno(why, "%s", dir);
            break;
        }
        if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS) {
            errno = e->fts_errno;
            err = vt_fail_errno(why, "%s", e->fts_path);
        } else if (e->fts_info != FTS_D) {
            err = adopt_one(s, e->fts_path, mtime, why);
        }
    }
    (void)fts_close(fts);
    return err;
}
