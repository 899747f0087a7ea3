/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/progress.h"
#include "log/gc.h"
#include "log/reader.h"
#include "log/wal.h"
#include "log/writer.h"

#include <sys/stat.h>

#define STEP (UINT64_C(1) << 20) /* entries that are checked before files are dropped */

struct clearing {
    struct vt_log_reader *reader; /* of the published checkpoint, from the folder */
    struct vt_wal *wal;
    struct vt_progress *progress;
    char wal_dir[VT_PATH_MAX];
    uint64_t end; /* of a step */
    struct vt_gc_freed freed;
};

static enum vt_err
stop_at_end(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    const struct clearing *c = ctx;

    (void)entry;
    (void)len;
    (void)why;
    return index + 1 < c->end ? VT_OK : VT_E_EXIST;
}

static enum vt_err
add_file(void *ctx, const char *name, struct vt_why *why)
{
    struct clearing *c = ctx;
    char path[VT_PATH_MAX];
    struct stat st;
    enum vt_err err = vt_path(path, why, "%s/%s", c->wal_dir, name);

    if (err == VT_OK && stat(path, &st) == 0)
        c->freed.bytes += (uint64_t)st.st_size;
    return err;
}

/* Bytes of all files of the write-ahead log. */
static enum vt_err
wal_bytes(struct clearing *c, uint64_t *ret, struct vt_why *why)
{
    uint64_t before = c->freed.bytes;
    enum vt_err err;

    c->freed.bytes = 0;
    err = vt_dir_each(c->wal_dir, add_file, c, why);
    *ret = c->freed.bytes;
    c->freed.bytes = before;
    return err;
}

/* Reads the entries [from, end) by their bundles and drops the files that hold no others. */
static enum vt_err
clear_step(struct clearing *c, uint64_t from, struct vt_why *why)
{
    unsigned files = 0;
    uint64_t before = 0;
    uint64_t after = 0;
    enum vt_err err = vt_log_reader_each(c->reader, from, stop_at_end, c, why);

    if (err == VT_OK)
        err = wal_bytes(c, &before, why);
    if (err == VT_OK)
        err = vt_wal_drop(c->wal, c->end, &files, why);
    if (err == VT_OK)
        err = wal_bytes(c, &after, why);
    if (err == VT_OK) {
        c->freed.files += files;
        c->freed.bytes += before - after;
        c->freed.upto = vt_wal_first(c->wal);
    }
    return err;
}

static enum vt_err
clear_all(struct clearing *c, struct vt_why *why)
{
    uint64_t from = vt_wal_first(c->wal);
    uint64_t count = vt_wal_count(c->wal);
    uint64_t end = count > VT_LOG_WINDOW ? count - VT_LOG_WINDOW : 0;
    enum vt_err err = VT_OK;

    c->freed.upto = from;
    if (end > c->freed.size)
        end = c->freed.size;
    if (c->progress != NULL)
        vt_progress_begin(c->progress, "reading the log back", end > from ? end - from : 0);
    for (uint64_t at = from; at < end && err == VT_OK; at = c->end) {
        c->end = end - at > STEP ? at + STEP : end;
        err = clear_step(c, at, why);
        if (c->progress != NULL)
            vt_progress_set(c->progress, c->end - from);
    }
    if (c->progress != NULL)
        vt_progress_end(c->progress);
    return err;
}

static enum vt_err
open_and_clear(struct clearing *c, const char *public_dir, const struct vt_policy *policy,
    struct vt_why *why)
{
    struct vt_wal_opts opts = {0};
    uint64_t cut = 0;
    enum vt_err err = vt_log_reader_open(public_dir, policy, &c->reader, why);

    if (err != VT_OK)
        return err;
    opts.origin = vt_log_reader_checkpoint(c->reader)->origin;
    opts.least = vt_log_reader_checkpoint(c->reader)->size;
    c->freed.size = opts.least;
    err = vt_wal_open(c->wal_dir, &opts, &c->wal, &cut, why);
    if (err == VT_OK)
        err = clear_all(c, why);
    vt_wal_free(c->wal);
    vt_log_reader_free(c->reader);
    return err;
}

enum vt_err
vt_gc_wal(const char *log_dir, const char *public_dir, const struct vt_policy *policy,
    struct vt_progress *progress, struct vt_gc_freed *ret, struct vt_why *why)
{
    struct clearing c = {.progress = progress};
    struct vt_lock lock = {0};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/lock", log_dir);

    if (err == VT_OK)
        err = vt_path(c.wal_dir, why, "%s/wal", log_dir);
    if (err == VT_OK)
        err = vt_lock_take(&lock, path, "the log runs; stop it first", why);
    if (err == VT_OK)
        err = open_and_clear(&c, public_dir, policy, why);
    vt_lock_release(&lock);
    if (err == VT_OK)
        *ret = c.freed;
    return err;
}
