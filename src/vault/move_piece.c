/* SPDX-License-Identifier: Apache-2.0 */
/* Files that arrive piece by piece. */
#include "vault/move_take.h"
#include "vault/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The size of a file of the move; false when there is none. */
bool
vt_move_size_of(const struct vt_move *m, const char *name, uint64_t *ret)
{
    char path[VT_PATH_MAX];
    struct stat st;

    if (vt_move_path(m, path, NULL, "%s", name) != VT_OK || stat(path, &st) != 0)
        return false;
    *ret = (uint64_t)st.st_size;
    return true;
}

/* Appends the body to NAME.part, which must have exactly `offset` bytes; when it then has
 * `total`, makes it durable: *ret_whole. A file that is longer or out of step is not changed.
 */
enum vt_err
vt_move_append(const struct vt_move_taking *k, const char *name, uint64_t offset,
    uint64_t total, bool *ret_whole, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_move_path(&k->move, path, why, "%s.part", name);
    struct stat st;
    int fd;

    if (err != VT_OK)
        return err;
    if (offset > total || k->len > total - offset)
        return vt_fail(why, VT_E_LIMIT, "%s: more bytes than it may have", name);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fstat(fd, &st) != 0)
        err = vt_fail_errno(why, "%s", path);
    else if ((uint64_t)st.st_size != offset)
        err = vt_fail(why, VT_E_STATE, "%s: %lld bytes are here, not %llu", name,
            (long long)st.st_size, (unsigned long long)offset);
    if (err == VT_OK)
        err = vt_fd_write(fd, k->body, k->len, why);
    *ret_whole = err == VT_OK && offset + k->len == total;
    if (*ret_whole && fsync(fd) != 0)
        err = vt_fail_errno(why, "%s", path);
    if (fd >= 0)
        close(fd);
    return err;
}

/* NAME.part becomes `to`, which lies in `dir`. */
enum vt_err
vt_move_install(const struct vt_move *m, const char *name, const char *to, const char *dir,
    struct vt_why *why)
{
    char from[VT_PATH_MAX];
    enum vt_err err = vt_move_path(m, from, why, "%s.part", name);

    if (err == VT_OK && rename(from, to) != 0)
        err = vt_fail_errno(why, "%s", to);
    return err == VT_OK ? vt_dir_sync(dir, why) : err;
}

enum vt_err
vt_move_install_here(const struct vt_move *m, const char *name, struct vt_why *why)
{
    char to[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_move_path(m, to, why, "%s", name);

    if (err == VT_OK)
        err = vt_vault_path(m->home, dir, why, "moves/%s", m->region);
    return err == VT_OK ? vt_move_install(m, name, to, dir, why) : err;
}

enum vt_err
vt_move_drop_part(const struct vt_move *m, const char *name, struct vt_why *why)
{
    char part[64];

    (void)snprintf(part, sizeof part, "%s.part", name);
    return vt_move_drop(m, part, why);
}
