/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/scratch.h"

#include "base/proc.h"
#include "crypto/digest.h"

#include <errno.h>
#include <linux/magic.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MEMINFO_MAX 65536U

/* MemAvailable of /proc/meminfo in bytes; 0 when it is not told. */
static uint64_t
memory_available(void)
{
    struct vt_buf b = VT_BUF(MEMINFO_MAX);
    struct vt_reader line;
    struct vt_reader r;
    struct vt_reader number;
    uint64_t kib = 0;

    if (vt_file_read("/proc/meminfo", &b, NULL) == VT_OK) {
        r = VT_READER(b.data, b.len);
        while (vt_reader_line(&r, &line)) {
            if (!vt_reader_skip(&line, "MemAvailable:"))
                continue;
            while (vt_reader_skip(&line, " "))
                continue;
            if (!vt_reader_word(&line, ' ', &number) ||
                !vt_reader_decimal(&number, UINT64_MAX / 1024, &kib))
                kib = 0;
        }
    }
    vt_buf_release(&b);
    return kib * 1024;
}

static bool
has_room(const char *dir, uint64_t room)
{
    struct statvfs st;

    return statvfs(dir, &st) == 0 && access(dir, W_OK | X_OK) == 0 &&
           (uint64_t)st.f_bavail * st.f_frsize >= room;
}

/* Memory must hold it twice: builds run beside. */
static bool
memory_has_room(const char *dir, uint64_t room)
{
    struct statfs st;

    return statfs(dir, &st) == 0 && st.f_type == TMPFS_MAGIC && has_room(dir, room) &&
           memory_available() / 2 >= room;
}

static const char *
choose_parent(uint64_t room)
{
    if (memory_has_room("/dev/shm", room))
        return "/dev/shm";
    if (has_room("/var/tmp", room))
        return "/var/tmp";
    return "/tmp";
}

/* Removes a tree that a killed maker may have left under subordinate numbers,
 * which only root in a namespace that has them may remove. */
static enum vt_err
remove_all(const char *dir, struct vt_why *why)
{
    const char *argv[] = {
        "unshare", "--user", "--map-auto", "--map-root-user", "rm", "-rf", "--", dir, NULL};

    if (vt_tree_remove(dir, why) == VT_OK)
        return VT_OK;
    return vt_proc_run(argv, NULL, why);
}

/* Makes the folder unless somebody else's stands there. */
static bool
make_own(const char *dir)
{
    struct stat st;

    if (lstat(dir, &st) == 0 &&
        (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || remove_all(dir, NULL) != VT_OK))
        return false;
    return mkdir(dir, 0700) == 0;
}

enum vt_err
vt_scratch_make(struct vt_scratch *s, const char *owner, uint64_t room, struct vt_why *why)
{
    const char *parent = choose_parent(room);
    char hex[VT_DIGEST_HEX_SIZE];
    char dir[VT_PATH_MAX];
    struct vt_digest d;
    enum vt_err err;

    vt_digest_of(owner, strlen(owner), &d);
    vt_digest_hex(&d, hex);
    if ((err = vt_path(dir, why, "%s/vitrine-%u-%.16s", parent, (unsigned)geteuid(), hex)) !=
        VT_OK)
        return err;
    if (!make_own(dir) && (err = vt_dir_temp(parent, "vitrine", dir, why)) != VT_OK)
        return err;
    if (chmod(dir, 0755) != 0)
        return vt_fail_errno(why, "cannot open %s to others", dir);
    memcpy(s->dir, dir, sizeof dir);
    return VT_OK;
}

void
vt_scratch_remove(struct vt_scratch *s)
{
    if (s->dir[0] != '\0' && remove_all(s->dir, NULL) != VT_OK)
        s->dir[0] = '\0'; /* the next maker tries again */
    s->dir[0] = '\0';
}

bool
vt_scratch_no_sync(void *ctx)
{
    static const int calls[] = {SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync),
        SCMP_SYS(syncfs), SCMP_SYS(msync), SCMP_SYS(sync_file_range)};
    scmp_filter_ctx filter;
    size_t i;
    bool ok = true;

    (void)ctx;
    if (geteuid() != 0 || (filter = seccomp_init(SCMP_ACT_ALLOW)) == NULL)
        return true;
    /* Without the no-new-privileges flag: the packages' programs run as ever. */
    ok = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) == 0;
    for (i = 0; ok && i < sizeof calls / sizeof calls[0]; i++)
        ok = seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), calls[i], 0) == 0;
    if (ok)
        (void)seccomp_load(filter); /* slower, but right, when it does not load */
    seccomp_release(filter);
    return true;
}
