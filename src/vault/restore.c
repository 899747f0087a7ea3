/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/backup_parts.h"

#include "base/progress.h"
#include "vault/place.h"
#include "vault/restore_parts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARKER "restoring" /* in HOME/vault until it is whole */

struct restoring {
    const struct vt_home *home;
    const char *dir;
    struct vt_progress *progress;
    struct vt_manifest manifest;
    struct vt_restored done;
};

static enum vt_err
load_manifest(struct restoring *r, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_BACKUP_MANIFEST_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/manifest", r->dir);

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_E_NOENT)
        err = vt_fail(
            why, VT_E_NOENT, "%s: there is no backup, or it was never complete", r->dir);
    if (err == VT_OK) {
        err = vt_manifest_parse(b.data, b.len, &r->manifest, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", path);
    }
    if (err == VT_OK && strcmp(r->manifest.site, r->home->name) != 0)
        err = vt_fail(why, VT_E_REFUSED, "%s is a backup of %s; this home is %s", r->dir,
            r->manifest.site, r->home->name);
    vt_buf_release(&b);
    return err;
}

/* An empty place, or one where a restoring that was killed goes on. */
static enum vt_err
take_place(const struct restoring *r, struct vt_why *why)
{
    char vault[VT_PATH_MAX];
    char marker[VT_PATH_MAX];
    enum vt_err err = vt_home_path(r->home, vault, why, "vault");

    if (err == VT_OK)
        err = vt_vault_path(r->home, marker, why, MARKER);
    if (err != VT_OK || vt_file_exists(marker))
        return err;
    if (vt_file_exists(vault))
        return vt_fail(why, VT_E_STATE,
            "%s is there: a backup is restored where there is no vault; move it away first",
            vault);
    err = vt_dir_make(vault, 0755, why);
    return err == VT_OK ? vt_file_create(marker, 0600, "", 0, why) : err;
}

/* What was refused leaves nothing behind. */
static void
leave_place(const struct restoring *r)
{
    char vault[VT_PATH_MAX];

    if (vt_home_path(r->home, vault, NULL, "vault") == VT_OK)
        (void)!vt_tree_remove(vault, NULL);
}

/* --- small files -----------------------------------------------------------------------------
 */

static enum vt_err
make_parent(const char *path, struct vt_why *why)
{
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_path(dir, why, "%s", path);

    if (err == VT_OK)
        *strrchr(dir, '/') = '\0';
    return err == VT_OK ? vt_dir_make(dir, 0755, why) : err;
}

static enum vt_err
put_file(const struct restoring *r, const struct vt_backup_file *f, struct vt_why *why)
{
    char from[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    struct vt_digest digest;
    enum vt_err err = vt_vault_path(r->home, to, why, "%s", f->path);

    vt_digest_hex(&f->digest, hex);
    if (err == VT_OK)
        err = vt_path(from, why, "%s/files/%s", r->dir, hex);
    if (err == VT_OK)
        err = make_parent(to, why);
    if (err == VT_OK)
        err = vt_backup_copy(from, to, 0644, &digest, NULL, why);
    if (err == VT_OK && !vt_digest_eq(&digest, &f->digest)) {
        (void)unlink(to);
        err =
            vt_fail(why, VT_E_DIGEST, "%s: the backup's copy of %s is damaged", from, f->path);
    }
    return err;
}

static enum vt_err
put_files(const struct restoring *r, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; err == VT_OK && i < r->manifest.count; i++)
        err = put_file(r, &r->manifest.file[i], why);
    return err;
}

/* --- the ring --------------------------------------------------------------------------------
 */

struct roots {
    const char *from;
    const char *to;
};

static enum vt_err
put_root(void *ctx, const char *name, struct vt_why *why)
{
    const struct roots *r = ctx;
    char from[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    struct vt_digest digest;
    enum vt_err err;

    if (strncmp(name, "root-", 5) != 0 || name[5] == '\0' ||
        strspn(name + 5, "0123456789") != strlen(name + 5))
        return VT_OK;
    err = vt_path(from, why, "%s/%s", r->from, name);
    if (err == VT_OK)
        err = vt_path(to, why, "%s/%s", r->to, name);
    return err == VT_OK ? vt_backup_copy(from, to, 0600, &digest, NULL, why) : err;
}

static enum vt_err
put_ring(
    const struct restoring *r, const struct vt_buf *copy, const char *root, struct vt_why *why)
{
    char dir[VT_PATH_MAX];
    struct roots roots = {.from = root, .to = dir};
    enum vt_err err = vt_vault_path(r->home, dir, why, "ring");

    if (err == VT_OK)
        err = vt_dir_make(dir, 0700, why);
    if (err == VT_OK && root != NULL)
        err = vt_dir_each(root, put_root, &roots, why);
    return err == VT_OK ? vt_keeper_restore(r->home, copy->data, copy->len, why) : err;
}

static enum vt_err
load_ring(const struct restoring *r, struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/ring", r->dir);

    return err == VT_OK ? vt_file_read(path, b, why) : err;
}

/* --- segments --------------------------------------------------------------------------------
 */

static enum vt_err
put_region(void *ctx, const char *region, const struct vt_inventory *rows,
    const struct vt_inventory *removed, struct vt_why *why)
{
    struct restoring *r = ctx;
    char label[64];
    char from[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    enum vt_err err = vt_path(from, why, "%s/segments/%s", r->dir, region);

    if (err == VT_OK)
        err = vt_vault_path(r->home, to, why, "segments/%s", region);
    (void)snprintf(label, sizeof label, "segments of %s", region);
    if (r->progress != NULL)
        vt_progress_begin(r->progress, label, vt_inventory_count(rows));
    for (size_t i = 0; err == VT_OK && i < vt_inventory_count(rows); i++) {
        const struct vt_segment_row *row = vt_inventory_row(rows, i);
        bool copied;

        if (vt_inventory_find(removed, row->id) != NULL)
            continue;
        err = vt_backup_segment(from, to, row, &copied, why);
        r->done.segments++;
        r->done.records += row->records;
        if (r->progress != NULL)
            vt_progress_set(r->progress, i + 1);
    }
    if (r->progress != NULL)
        vt_progress_end(r->progress);
    return err;
}

static enum vt_err
finish(const struct restoring *r, struct vt_why *why)
{
    char marker[VT_PATH_MAX];
    char vault[VT_PATH_MAX];
    enum vt_err err = vt_backup_remember(r->home, r->dir, why);

    if (err == VT_OK)
        err = vt_home_path(r->home, vault, why, "vault");
    if (err == VT_OK)
        err = vt_vault_path(r->home, marker, why, MARKER);
    if (err == VT_OK && unlink(marker) != 0)
        err = vt_fail_errno(why, "%s", marker);
    return err == VT_OK ? vt_dir_sync(vault, why) : err;
}

enum vt_err
vt_restore_run(const struct vt_home *h, const char *dir, const char *root,
    const struct vt_policy *policy, struct vt_progress *progress, struct vt_restored *ret,
    struct vt_why *why)
{
    struct restoring r = {.home = h, .dir = dir, .progress = progress};
    struct vt_buf ring = VT_BUF(VT_BACKUP_FILE_MAX);
    struct vt_restore_check check = {
        .home = h, .dir = dir, .policy = policy, .manifest = &r.manifest, .ret = &r.done};
    enum vt_err err = load_manifest(&r, why);

    if (err == VT_OK)
        err = load_ring(&r, &ring, why);
    if (err == VT_OK)
        err = vt_restore_generation(&ring, &r.done.generation, why);
    if (err == VT_OK)
        err = take_place(&r, why);
    if (err != VT_OK)
        goto out;
    err = put_files(&r, why);
    if (err == VT_OK)
        err = vt_restore_check(&check, why);
    if (err == VT_OK)
        err = put_ring(&r, &ring, root, why);
    if (err == VT_E_REFUSED) {
        leave_place(&r);
        goto out;
    }
    if (err == VT_OK)
        err = vt_manifest_regions(&r.manifest, dir, put_region, &r, why);
    if (err == VT_OK)
        err = finish(&r, why);
    if (err == VT_OK)
        *ret = r.done;
out:
    vt_manifest_release(&r.manifest);
    vt_buf_release(&ring);
    return err;
}
