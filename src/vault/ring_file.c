/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring's life on disk: made, opened, added to, and written anew without keys.
 *
 *     snapshot           replaced in one step: which generation it is decides everything else
 *     append-GENERATION  what was added since
 *     root-GENERATION    the root key, when it is a file
 *     lock               one process at a time
 */
#include "vault/ring_held.h"

#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum vt_err
take_lock(struct vt_ring *r, int64_t wait_ms, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/lock", r->dir);

    return err == VT_OK ? vt_lock_wait(&r->lock, path, "the key ring", wait_ms, NULL, why)
                        : err;
}

/* The append file of another generation holds nothing that the snapshot lacks. */
static enum vt_err
sweep_append(void *ctx, const char *name, struct vt_why *why)
{
    const struct vt_ring *r = ctx;
    struct vt_reader in = VT_READER(name, strlen(name));
    char path[VT_PATH_MAX];
    uint64_t generation;
    enum vt_err err;

    if (!vt_reader_skip(&in, "append-") || !vt_reader_decimal(&in, UINT64_MAX, &generation) ||
        generation == r->generation)
        return VT_OK;
    err = vt_path(path, why, "%s/%s", r->dir, name);
    if (err == VT_OK && unlink(path) != 0 && errno != ENOENT)
        err = vt_fail_errno(why, "%s: cannot remove", path);
    return err;
}

/* Files that were being written when a process was killed. */
static void
sweep_temporary(const struct vt_ring *r)
{
    DIR *d = opendir(r->dir);
    const struct dirent *e;

    if (d == NULL)
        return;
    while ((e = readdir(d)) != NULL)
        if (strncmp(e->d_name, ".tmp-", 5) == 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    (void)closedir(d);
}

enum vt_err
vt_ring_settle(struct vt_ring *r, struct vt_why *why)
{
    enum vt_err err = vt_root_sweep(r->root, r->generation, why);

    if (err == VT_OK)
        err = vt_dir_each(r->dir, sweep_append, r, why);
    return err == VT_OK ? err
                        : vt_fail_in(why, err,
                              "a root key of a former generation could not be destroyed; give "
                              "the command again");
}

static enum vt_err
open_root_for(struct vt_ring *r, enum vt_root_kind kind, const char *uri,
    const char *passphrase, struct vt_why *why)
{
    r->kind = kind;
    if (kind == VT_ROOT_FILE)
        return vt_root_file_new(r->dir, passphrase, &r->root, why);
    if (kind != VT_ROOT_TOKEN || uri == NULL || strlen(uri) > VT_ROOT_URI_MAX)
        return vt_fail(why, VT_E_USAGE, "the token's URI is missing or longer than %u bytes",
            VT_ROOT_URI_MAX);
    memcpy(r->uri, uri, strlen(uri) + 1);
    return vt_root_token_open(uri, r->name, &r->root, why);
}

static enum vt_err
create_files(struct vt_ring *r, enum vt_root_kind kind, const char *uri, const char *passphrase,
    struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/snapshot", r->dir);

    if (err == VT_OK)
        err = take_lock(r, 0, why);
    if (err == VT_OK && vt_file_exists(path))
        err = vt_fail(why, VT_E_EXIST, "%s: there is a key ring already", r->dir);
    if (err == VT_OK)
        err = vt_box_new(&r->box, why);
    if (err == VT_OK)
        err = open_root_for(r, kind, uri, passphrase, why);
    if (err == VT_OK)
        err = vt_root_make(r->root, 1, why);
    if (err == VT_OK)
        err = vt_ring_snapshot_write(r, 1, NULL, NULL, why);
    return err;
}

enum vt_err
vt_ring_create(const char *dir, const char *name, enum vt_root_kind kind, const char *uri,
    const char *passphrase, struct vt_box_public *ret, struct vt_why *why)
{
    struct vt_ring *r = NULL;
    enum vt_err err = vt_ring_new(dir, name, &r, why);

    if (err != VT_OK)
        return err;
    err = vt_dir_make(dir, 0700, why);
    if (err == VT_OK && chmod(dir, 0700) != 0)
        err = vt_fail_errno(why, "%s", dir);
    if (err == VT_OK)
        err = create_files(r, kind, uri, passphrase, why);
    if (err == VT_OK)
        vt_box_public(r->box, ret);
    vt_ring_free(r);
    return err;
}

enum vt_err
vt_ring_open(const char *dir, const char *name, int64_t wait_ms, struct vt_ring **ret,
    struct vt_why *why)
{
    struct vt_ring *r = NULL;
    struct vt_why late = {0};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/snapshot", dir);

    if (err != VT_OK)
        return err;
    if (!vt_file_exists(path))
        return vt_fail(why, VT_E_STATE, "%s: there is no key ring", dir);
    err = vt_ring_new(dir, name, &r, why);
    if (err == VT_OK)
        err = take_lock(r, wait_ms, why);
    if (err == VT_OK)
        err = vt_ring_snapshot_read(r, why);
    if (err == VT_OK)
        err = vt_ring_append_read(r, why);
    if (err != VT_OK) {
        vt_ring_free(r);
        return err;
    }
    sweep_temporary(r);
    if (vt_ring_settle(r, &late) != VT_OK) /* whatever destroys keys tries it again */
        vt_log(VT_LOG_ERROR, "%s", late.text);
    *ret = r;
    return VT_OK;
}

enum vt_err
vt_ring_add(struct vt_ring *r, const struct vt_buf *items, struct vt_why *why)
{
    enum vt_err err = vt_buf_check(items, "additions to the key ring", why);

    if (err != VT_OK || items->len == 0)
        return err;
    if (r->broken)
        return vt_fail(
            why, VT_E_IO, "the key ring could not be written; start the keeper anew");
    err = vt_ring_items_each(items->data, items->len, vt_ring_item_check, r, why);
    if (err == VT_OK)
        err = vt_ring_append_add(r, items, why);
    if (err != VT_OK)
        return err;
    err = vt_ring_items_each(items->data, items->len, vt_ring_item_apply, r, why);
    r->broken = err != VT_OK;
    return err;
}

enum vt_err
vt_ring_destroy(struct vt_ring *r, vt_ring_choose choose, void *ctx, bool forget,
    const struct vt_buf *items, struct vt_why *why)
{
    const struct vt_ring_choice c = {.choose = choose, .ctx = ctx, .forget = forget};
    uint64_t next = r->generation + 1;
    enum vt_err err = VT_OK;

    if (r->broken)
        return vt_fail(
            why, VT_E_IO, "the key ring could not be written; start the keeper anew");
    if (items != NULL)
        err = vt_buf_check(items, "additions to the key ring", why);
    if (err == VT_OK)
        err = vt_root_make(r->root, next, why);
    if (err == VT_OK)
        err = vt_ring_snapshot_write(r, next, &c, items, why);
    if (err != VT_OK)
        return err;
    err = vt_ring_drop(r, &c, why);
    if (err == VT_OK && items != NULL)
        err = vt_ring_items_each(items->data, items->len, vt_ring_item_apply, r, why);
    if (err == VT_OK)
        err = vt_ring_append_read(r, why);
    r->broken = err != VT_OK;
    return err == VT_OK ? vt_ring_settle(r, why) : err;
}
