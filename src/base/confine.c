/* SPDX-License-Identifier: Apache-2.0 */
#include "base/confine.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
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

#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define MAKING                                                                                 \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                           \
        LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                         \
        LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* The rights that `may` stands for, as far as `handled` has them. */
static uint64_t
rights_for(unsigned may, uint64_t handled)
{
    uint64_t rights = READING;

    if ((may & VT_CONFINE_WRITE) != 0)
        rights |= MAKING | (handled & ~ACCESS_V1);
    if ((may & VT_CONFINE_RUN) != 0)
        rights |= LANDLOCK_ACCESS_FS_EXECUTE;
    return rights & handled;
}

/* Those that a single file can have: others are refused for one. */
static uint64_t
rights_of_file(uint64_t rights)
{
    uint64_t of_file = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                       LANDLOCK_ACCESS_FS_EXECUTE;

#ifdef LANDLOCK_ACCESS_FS_TRUNCATE
    of_file |= LANDLOCK_ACCESS_FS_TRUNCATE;
#endif
    return rights & of_file;
}

static enum vt_err
permit(int ruleset, const struct vt_confine_folder *f, uint64_t handled, struct vt_why *why)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights_for(f->may, handled)};
    enum vt_err err = VT_OK;
    struct stat st;

    rule.parent_fd = open(f->path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return vt_fail_errno(why, "%s", f->path);
    if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rule.allowed_access = rights_of_file(rule.allowed_access);
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        err = vt_fail_errno(why, "cannot confine the process to %s", f->path);
    close(rule.parent_fd);
    return err;
}

enum vt_err
vt_confine(const struct vt_confine_folder *folders, size_t n, struct vt_why *why)
{
    struct landlock_ruleset_attr attr = {0};
    long version =
        syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    enum vt_err err = VT_OK;
    int fd;

    assert(n <= VT_CONFINE_MAX);
    if (version < 1)
        return vt_fail(why, VT_E_STATE, "this kernel has no Landlock");
    attr.handled_access_fs = rights_of(version);
    fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    if (fd < 0)
        return vt_fail_errno(why, "cannot make a Landlock ruleset");
    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = permit(fd, &folders[i], attr.handled_access_fs, why);
    if (err == VT_OK && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
                            syscall(SYS_landlock_restrict_self, fd, 0) != 0))
        err = vt_fail_errno(why, "cannot confine the process");
    close(fd);
    return err;
}

enum vt_err
vt_confine_to_reading(const char *dir, struct vt_why *why)
{
    return vt_confine(&(struct vt_confine_folder){.path = dir, .may = VT_CONFINE_READ}, 1, why);
}
