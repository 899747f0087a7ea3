/* SPDX-License-Identifier: Apache-2.0 */
#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Every right of the first version of the interface; later ones are added as
 * far as the kernel knows them. */
#define ACCESS_V1 ((1ULL << 13) - 1)

static uint64_t
rights_of(long version)
{
    uint64_t rights = ACCESS_V1;

#ifdef LANDLOCK_ACCESS_FS_REFER
    if (version >= 2)
        rights |= LANDLOCK_ACCESS_FS_REFER;
#endif
#ifdef LANDLOCK_ACCESS_FS_TRUNCATE
    if (version >= 3)
        rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
#endif
    (void)version;
    return rights;
}

static enum vt_err
restrict_to(int ruleset, const char *dir, struct vt_why *why)
{
    struct landlock_path_beneath_attr rule = {
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR};
    enum vt_err err = VT_OK;

    rule.parent_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return vt_fail_errno(why, "%s", dir);
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        err = vt_fail_errno(why, "cannot confine the process to %s", dir);
    close(rule.parent_fd);
    return err;
}

enum vt_err
vt_confine_to_reading(const char *dir, struct vt_why *why)
{
    struct landlock_ruleset_attr attr = {0};
    long version =
        syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    enum vt_err err;
    int fd;

    if (version < 1)
        return vt_fail(why, VT_E_STATE, "this kernel has no Landlock");
    attr.handled_access_fs = rights_of(version);
    fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    if (fd < 0)
        return vt_fail_errno(why, "cannot make a Landlock ruleset");
    err = restrict_to(fd, dir, why);
    close(fd);
    return err;
}
