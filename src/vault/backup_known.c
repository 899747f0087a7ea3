/* SPDX-License-Identifier: Apache-2.0 */
/* The backups that a vault knows of: HOME/vault/backups, one path a line. */
#include "vault/backup_parts.h"

#include "base/file.h"
#include "vault/place.h"

#include <stdlib.h>
#include <string.h>

#define KNOWN_MAX (64U * 1024U)

static enum vt_err
load(const struct vt_home *h, char path[VT_PATH_MAX], struct vt_buf *b, struct vt_why *why)
{
    enum vt_err err = vt_vault_path(h, path, why, "backups");

    if (err == VT_OK)
        err = vt_file_read(path, b, why);
    return err == VT_E_NOENT ? VT_OK : err;
}

enum vt_err
vt_backup_remember(const struct vt_home *h, const char *dir, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(KNOWN_MAX);
    char path[VT_PATH_MAX];
    char *whole = realpath(dir, NULL);
    struct vt_reader r, line;
    enum vt_err err;

    if (whole == NULL)
        return vt_fail_errno(why, "%s", dir);
    if (strchr(whole, '\n') != NULL) {
        free(whole);
        return vt_fail(why, VT_E_USAGE, "a backup's path may have no line break");
    }
    err = load(h, path, &b, why);
    r = VT_READER(b.data, b.len);
    while (err == VT_OK && vt_reader_line(&r, &line)) {
        if (vt_reader_is(&line, whole))
            goto out;
    }
    vt_buf_puts(&b, whole);
    vt_buf_puts(&b, "\n");
    if (err == VT_OK)
        err = vt_buf_check(&b, path, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, b.data, b.len, why);
out:
    free(whole);
    vt_buf_release(&b);
    return err;
}

/* One that has no folder any more, or is of another medium, cannot be reached. */
static enum vt_err
give(const char *dir, const struct vt_buf *ring, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/files", dir);

    if (err == VT_OK && !vt_file_exists(path))
        err = vt_fail(why, VT_E_NOENT, "%s: there is no backup", dir);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/ring", dir);
    return err == VT_OK ? vt_file_replace(path, 0600, ring->data, ring->len, why) : err;
}

enum vt_err
vt_backup_push(const struct vt_home *h, struct vt_keeper *keeper, struct vt_buf *missed,
    struct vt_why *why)
{
    struct vt_buf known = VT_BUF(KNOWN_MAX);
    struct vt_buf ring = VT_BUF(VT_BACKUP_FILE_MAX);
    struct vt_reader r, line;
    char path[VT_PATH_MAX];
    enum vt_err err = load(h, path, &known, why);

    if (err == VT_OK && known.len > 0)
        err = vt_keeper_copy(keeper, &ring, why);
    r = VT_READER(known.data, known.len);
    while (err == VT_OK && vt_reader_line(&r, &line)) {
        if (vt_reader_cstr(&line, path, sizeof path) && give(path, &ring, NULL) == VT_OK)
            continue;
        if (missed != NULL) {
            vt_buf_put(missed, line.p, line.left);
            vt_buf_puts(missed, "\n");
        }
    }
    if (err == VT_OK && missed != NULL)
        err = vt_buf_check(missed, "the backups that cannot be reached", why);
    vt_buf_release(&known);
    vt_buf_release(&ring);
    return err;
}
