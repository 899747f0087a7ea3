/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/backup_parts.h"

#include "base/clock.h"
#include "base/progress.h"
#include "vault/packer.h"
#include "vault/place.h"
#include "vault/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_SIZE (256U * 1024U)
#define DEPTH_MAX 8U
#define TRIES 3

struct backing {
    const struct vt_home *home;
    struct vt_keeper *keeper;
    const char *dir;
    struct vt_progress *progress;
    struct vt_manifest manifest;
    struct vt_backup_done done;
};

/* --- copying ---------------------------------------------------------------------------------
 */

static enum vt_err
copy_bytes(int from, int to, struct vt_hasher *h, uint64_t *ret_len, struct vt_why *why)
{
    uint8_t *piece = malloc(COPY_SIZE);
    size_t n = COPY_SIZE;
    enum vt_err err = VT_OK;

    if (piece == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    *ret_len = 0;
    while (err == VT_OK && n == COPY_SIZE) {
        err = vt_fd_read(from, piece, COPY_SIZE, &n, why);
        if (err == VT_OK) {
            vt_hasher_put(h, piece, n);
            *ret_len += n;
            err = vt_fd_write(to, piece, n, why);
        }
    }
    free(piece);
    return err;
}

enum vt_err
vt_backup_copy(const char *from, const char *to, mode_t mode, struct vt_digest *ret,
    uint64_t *ret_len, struct vt_why *why)
{
    struct vt_file_new f = {.fd = -1};
    struct vt_hasher *h = NULL;
    struct vt_digest digest;
    uint64_t len = 0;
    enum vt_err err;
    int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return vt_fail_errno(why, "%s", from);
    err = vt_hasher_new(&h, why);
    if (err == VT_OK)
        err = vt_file_new_begin(&f, to, mode, why);
    if (err == VT_OK)
        err = copy_bytes(fd, f.fd, h, &len, why);
    if (err == VT_OK)
        err = vt_file_new_commit(&f, why);
    vt_file_new_abort(&f);
    if (err == VT_OK)
        vt_hasher_end(h, &digest);
    vt_hasher_free(h);
    close(fd);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s", from);
    *ret = digest;
    if (ret_len != NULL)
        *ret_len = len;
    return VT_OK;
}

enum vt_err
vt_backup_segment(const char *from_dir, const char *dir, const struct vt_segment_row *row,
    bool *ret_copied, struct vt_why *why)
{
    char hex[2 * VT_SEGMENT_ID_SIZE + 1];
    char from[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    struct vt_digest digest;
    struct stat st;
    enum vt_err err;

    *ret_copied = false;
    vt_hex_encode(row->id, sizeof row->id, hex);
    if ((err = vt_path(from, why, "%s/%s", from_dir, hex)) != VT_OK ||
        (err = vt_path(to, why, "%s/%s", dir, hex)) != VT_OK)
        return err;
    if (stat(to, &st) == 0 && (uint64_t)st.st_size == row->size)
        return VT_OK; /* it was checked when it was put there */
    if ((err = vt_dir_make(dir, 0755, why)) != VT_OK ||
        (err = vt_backup_copy(from, to, 0644, &digest, NULL, why)) != VT_OK)
        return err;
    err = vt_segment_check(to, row, NULL, why);
    if (err != VT_OK)
        (void)unlink(to);
    *ret_copied = err == VT_OK;
    return err;
}

/* --- small files -----------------------------------------------------------------------------
 */

/* What is not copied: what others hold for us, what is dealt with otherwise, and what may not
 * be in a backup. */
static bool
is_left_out(const char *path)
{
    static const char *const names[] = {
        "ring", "wal", "run", "pub", "ids", "segments", "backups", "restoring", "lock"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(path, names[i]) == 0)
            return true;
    return false;
}

struct walk {
    struct backing *b;
    const char *below; /* path below HOME/vault, "" at the top */
    unsigned depth;
};

static enum vt_err copy_entry(void *ctx, const char *name, struct vt_why *why);

static enum vt_err
copy_small(struct backing *b, const char *from, const char *below, struct vt_why *why)
{
    char to[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    struct vt_digest digest, copied;
    uint64_t len = 0;
    enum vt_err err = vt_digest_of_file(from, &digest, &len, why);

    vt_digest_hex(&digest, hex);
    if (err == VT_OK)
        err = vt_path(to, why, "%s/files/%s", b->dir, hex);
    if (err == VT_OK && !vt_file_exists(to)) {
        err = vt_backup_copy(from, to, 0600, &copied, &len, why);
        if (err == VT_OK && !vt_digest_eq(&copied, &digest)) { /* it grew meanwhile */
            char grown[VT_PATH_MAX];

            vt_digest_hex(&copied, hex);
            err = vt_path(grown, why, "%s/files/%s", b->dir, hex);
            if (err == VT_OK && rename(to, grown) != 0)
                err = vt_fail_errno(why, "%s", grown);
            digest = copied;
        }
    }
    if (err == VT_OK)
        err = vt_manifest_add(&b->manifest, below, &digest, len, why);
    if (err == VT_OK)
        b->done.files++;
    return err;
}

static enum vt_err
copy_entry(void *ctx, const char *name, struct vt_why *why)
{
    const struct walk *w = ctx;
    char below[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    struct stat st;
    enum vt_err err =
        vt_path(below, why, "%s%s%s", w->below, w->below[0] == '\0' ? "" : "/", name);

    if (err == VT_OK)
        err = vt_vault_path(w->b->home, path, why, "%s", below);
    if (err != VT_OK || is_left_out(below))
        return err;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? VT_OK : vt_fail_errno(why, "%s", path);
    if (S_ISDIR(st.st_mode) && w->depth < DEPTH_MAX) {
        struct walk deeper = {.b = w->b, .below = below, .depth = w->depth + 1};

        return vt_dir_each(path, copy_entry, &deeper, why);
    }
    return S_ISREG(st.st_mode) ? copy_small(w->b, path, below, why) : VT_OK;
}

static enum vt_err
copy_files(struct backing *b, struct vt_why *why)
{
    struct walk top = {.b = b, .below = ""};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(b->home, path, why, "vault");

    if (err == VT_OK)
        err = vt_dir_each(path, copy_entry, &top, why);
    vt_manifest_sort(&b->manifest);
    return err;
}

/* --- segments --------------------------------------------------------------------------------
 */

static enum vt_err
copy_region(void *ctx, const char *region, const struct vt_inventory *rows,
    const struct vt_inventory *removed, struct vt_why *why)
{
    struct backing *b = ctx;
    char label[64];
    char from[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(b->home, from, why, "segments/%s", region);

    if (err == VT_OK)
        err = vt_path(to, why, "%s/segments/%s", b->dir, region);
    (void)snprintf(label, sizeof label, "segments of %s", region);
    if (b->progress != NULL)
        vt_progress_begin(b->progress, label, vt_inventory_count(rows));
    for (size_t i = 0; err == VT_OK && i < vt_inventory_count(rows); i++) {
        const struct vt_segment_row *row = vt_inventory_row(rows, i);
        bool copied = false;

        if (vt_inventory_find(removed, row->id) != NULL)
            continue;
        err = vt_backup_segment(from, to, row, &copied, why);
        b->done.segments++;
        b->done.copied += copied;
        b->done.bytes += copied ? row->size : 0;
        if (b->progress != NULL)
            vt_progress_set(b->progress, i + 1);
    }
    if (b->progress != NULL)
        vt_progress_end(b->progress);
    return err;
}

/* Retention or a relocation may take segments away meanwhile: then inventories are read anew.
 */
static enum vt_err
copy_all(struct backing *b, struct vt_why *why)
{
    enum vt_err err = VT_E_NOENT;

    for (int i = 0; err == VT_E_NOENT && i < TRIES; i++) {
        vt_manifest_release(&b->manifest);
        b->done.files = b->done.segments = 0;
        err = copy_files(b, why);
        if (err == VT_OK)
            err = vt_manifest_regions(&b->manifest, b->dir, copy_region, b, why);
    }
    return err;
}

/* --- ring and manifest -----------------------------------------------------------------------
 */

static enum vt_err
put_ring(const char *dir, const struct vt_buf *ring, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/ring", dir);

    return err == VT_OK ? vt_file_replace(path, 0600, ring->data, ring->len, why) : err;
}

/* After the segments, so that it has the keys of all of them. */
static enum vt_err
copy_ring(struct backing *b, struct vt_why *why)
{
    struct vt_buf ring = VT_BUF(VT_BACKUP_FILE_MAX);
    struct vt_keeper_status status;
    enum vt_err err = vt_keeper_copy(b->keeper, &ring, why);

    if (err == VT_OK)
        err = vt_keeper_status(b->keeper, &status, why);
    if (err == VT_OK) {
        b->manifest.generation = status.generation;
        b->done.generation = status.generation;
        err = put_ring(b->dir, &ring, why);
    }
    vt_buf_release(&ring);
    return err;
}

static enum vt_err
put_manifest(struct backing *b, struct vt_why *why)
{
    struct vt_buf text = VT_BUF(VT_BACKUP_MANIFEST_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/manifest", b->dir);

    (void)snprintf(b->manifest.site, sizeof b->manifest.site, "%s", b->home->name);
    b->manifest.made = vt_clock_now(&vt_clock_system);
    if (err == VT_OK)
        err = vt_manifest_put(&text, &b->manifest, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, text.data, text.len, why);
    vt_buf_release(&text);
    return err;
}

/* --- what is not needed any more -------------------------------------------------------------
 */

static int
compare_digests(const void *a, const void *b)
{
    return vt_digest_cmp(a, b);
}

struct needed {
    const char *dir;
    size_t count;
    struct vt_digest *digest;
};

static enum vt_err
drop_file(void *ctx, const char *name, struct vt_why *why)
{
    const struct needed *n = ctx;
    struct vt_digest d;
    char path[VT_PATH_MAX];
    enum vt_err err;

    if (vt_digest_from_hex(name, strlen(name), &d) && n->count > 0 &&
        bsearch(&d, n->digest, n->count, sizeof d, compare_digests) != NULL)
        return VT_OK;
    err = vt_path(path, why, "%s/files/%s", n->dir, name);
    if (err == VT_OK && unlink(path) != 0 && errno != ENOENT)
        err = vt_fail_errno(why, "%s", path);
    return err;
}

static enum vt_err
drop_files(struct backing *b, struct vt_why *why)
{
    struct needed n = {.dir = b->dir, .count = b->manifest.count};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/files", b->dir);

    n.digest = calloc(n.count + 1, sizeof *n.digest);
    if (n.digest == NULL)
        return vt_fail(why, VT_E_NOMEM, "backup: out of memory");
    for (size_t i = 0; i < n.count; i++)
        n.digest[i] = b->manifest.file[i].digest;
    qsort(n.digest, n.count, sizeof *n.digest, compare_digests);
    if (err == VT_OK)
        err = vt_dir_each(path, drop_file, &n, why);
    free(n.digest);
    return err;
}

struct stale {
    const char *dir;
    const struct vt_inventory *rows;
    const struct vt_inventory *removed;
};

static enum vt_err
drop_segment(void *ctx, const char *name, struct vt_why *why)
{
    const struct stale *s = ctx;
    uint8_t id[VT_SEGMENT_ID_SIZE];
    char path[VT_PATH_MAX];
    size_t len;
    enum vt_err err;

    if (vt_hex_decode(name, strlen(name), id, sizeof id, &len) && len == sizeof id &&
        vt_inventory_find(s->rows, id) != NULL && vt_inventory_find(s->removed, id) == NULL)
        return VT_OK;
    err = vt_path(path, why, "%s/%s", s->dir, name);
    if (err == VT_OK && unlink(path) != 0 && errno != ENOENT)
        err = vt_fail_errno(why, "%s", path);
    return err;
}

static enum vt_err
drop_segments(void *ctx, const char *region, const struct vt_inventory *rows,
    const struct vt_inventory *removed, struct vt_why *why)
{
    const struct backing *b = ctx;
    struct stale s = {.rows = rows, .removed = removed};
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_path(dir, why, "%s/segments/%s", b->dir, region);

    s.dir = dir;
    return err == VT_OK && vt_file_exists(dir) ? vt_dir_each(dir, drop_segment, &s, why) : err;
}

/* Regions that went to another site. */
static enum vt_err
drop_region(void *ctx, const char *region, struct vt_why *why)
{
    const struct backing *b = ctx;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "inventory/%s", region);

    if (err != VT_OK || vt_manifest_find(&b->manifest, path) != NULL)
        return err;
    err = vt_path(path, why, "%s/segments/%s", b->dir, region);
    return err == VT_OK ? vt_tree_remove(path, why) : err;
}

static enum vt_err
drop_stale(struct backing *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = drop_files(b, why);

    if (err == VT_OK)
        err = vt_manifest_regions(&b->manifest, b->dir, drop_segments, b, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/segments", b->dir);
    return err == VT_OK && vt_file_exists(path) ? vt_dir_each(path, drop_region, b, why) : err;
}

/* What cannot be packed (a region's rows are on their way here) is not in the backup; it is
 * counted. */
static enum vt_err
settle(struct backing *b, struct vt_why *why)
{
    enum vt_err err = vt_settle_all(b->home, b->keeper, VT_SETTLE_MS, why);
    uint64_t waiting = 0;

    if (err != VT_E_BUSY && err != VT_E_TIMEOUT)
        return err;
    err = vt_packer_waiting(b->home, NULL, &waiting, why);
    b->done.waiting = waiting;
    return err;
}

enum vt_err
vt_backup_run(const struct vt_home *h, struct vt_keeper *keeper, const char *dir,
    struct vt_progress *progress, struct vt_backup_done *ret, struct vt_why *why)
{
    struct backing b = {.home = h, .keeper = keeper, .dir = dir, .progress = progress};
    struct vt_lock lock = {.fd = -1};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/files", dir);

    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/lock", dir);
    if (err == VT_OK)
        err = vt_lock_take(&lock, path, "this backup", why);
    if (err == VT_OK)
        err = settle(&b, why);
    /* Remembered first: from here on it is given every new ring. */
    if (err == VT_OK)
        err = vt_backup_remember(h, dir, why);
    if (err == VT_OK)
        err = copy_all(&b, why);
    if (err == VT_OK)
        err = copy_ring(&b, why);
    if (err == VT_OK)
        err = put_manifest(&b, why);
    if (err == VT_OK)
        err = drop_stale(&b, why);
    vt_lock_release(&lock);
    vt_manifest_release(&b.manifest);
    if (err == VT_OK)
        *ret = b.done;
    return err;
}
