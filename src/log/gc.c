/* SPDX-License-Identifier: Apache-2.0 */
#include "log/gc.h"

#include "base/file.h"
#include "base/progress.h"
#include "log/tile_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define STEP (UINT64_C(1) << 22) /* entries: 2 * 16,384 looks for partial tiles */

struct partials {
    const char *log_dir;
    const char *public_dir;
    struct vt_gc_freed freed;
    char folder[VT_PATH_MAX]; /* that is being looked at */
};

/* The size up to which all has been cleared up. What cannot be read as that means 0. */
static enum vt_err
load_position(const struct partials *g, uint64_t *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(32);
    struct vt_reader r;
    struct vt_reader line;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/gc", g->log_dir);

    *ret = 0;
    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    r = VT_READER(b.data, b.len);
    if (err == VT_E_NOENT || err == VT_E_LIMIT)
        err = VT_OK;
    else if (err == VT_OK && (!vt_reader_line(&r, &line) || r.left > 0 ||
                                 !vt_reader_decimal(&line, INT64_MAX, ret)))
        *ret = 0;
    vt_buf_release(&b);
    return err;
}

static enum vt_err
keep_position(const struct partials *g, uint64_t size, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char text[32];
    int len = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)size);
    enum vt_err err = vt_path(path, why, "%s/gc", g->log_dir);

    return err == VT_OK ? vt_file_replace(path, 0600, text, (size_t)len, why) : err;
}

static enum vt_err
count_file(void *ctx, const char *name, struct vt_why *why)
{
    struct partials *g = ctx;
    char path[VT_PATH_MAX];
    struct stat st;
    enum vt_err err = vt_path(path, why, "%s/%s", g->folder, name);

    if (err == VT_OK && stat(path, &st) == 0) {
        g->freed.files++;
        g->freed.bytes += (uint64_t)st.st_size;
    }
    return err;
}

/* One full tile's partial forms: one of several processes that remove them is enough. */
static enum vt_err
clear_tile(struct partials *g, unsigned level, uint64_t index, struct vt_why *why)
{
    const struct vt_tile full = {.level = level, .index = index, .width = VT_TILE_WIDTH};
    enum vt_err err = vt_tile_file_path(g->folder, g->public_dir, &full, why);

    if (err != VT_OK || strlen(g->folder) + 3 > sizeof(g->folder))
        return err;
    memcpy(g->folder + strlen(g->folder), ".p", 3);
    if (!vt_file_exists(g->folder))
        return VT_OK;
    if (!vt_tile_file_there(g->public_dir, &full)) {
        g->freed.kept++;
        return VT_OK;
    }
    err = vt_dir_each(g->folder, count_file, g, why);
    if (err == VT_OK)
        err = vt_tile_file_drop_partials(g->public_dir, level, index, why);
    return vt_file_exists(g->folder) ? err : VT_OK;
}

/* The tiles of all levels that fill up between two sizes. */
static enum vt_err
clear_range(struct partials *g, uint64_t from, uint64_t to, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX && err == VT_OK; l++) {
        uint64_t end = (to >> (8 * l)) / VT_TILE_WIDTH;

        for (uint64_t n = (from >> (8 * l)) / VT_TILE_WIDTH; n < end && err == VT_OK; n++) {
            err = clear_tile(g, l, n, why);
            if (err == VT_OK && l == 0)
                err = clear_tile(g, VT_TILE_ENTRIES, n, why);
        }
    }
    return err;
}

static enum vt_err
clear_all(struct partials *g, struct vt_progress *progress, struct vt_why *why)
{
    uint64_t at = 0;
    enum vt_err err = load_position(g, &at, why);

    if (at > g->freed.size)
        at = 0;
    if (progress != NULL)
        vt_progress_begin(progress, "looking for partial tiles", g->freed.size - at);
    while (err == VT_OK && at < g->freed.size) {
        uint64_t to = g->freed.size - at > STEP ? at + STEP : g->freed.size;
        uint64_t kept = g->freed.kept;

        err = clear_range(g, at, to, why);
        if (err == VT_OK && g->freed.kept == kept)
            err = keep_position(g, to, why);
        at = to;
        if (progress != NULL)
            vt_progress_set(progress, at);
    }
    if (progress != NULL)
        vt_progress_end(progress);
    return err;
}

static enum vt_err
published_size(
    const char *public_dir, const struct vt_policy *policy, uint64_t *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_checkpoint c;
    uint64_t time;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/checkpoint", public_dir);

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = vt_policy_check_checkpoint(policy, b.data, b.len, &c, &time, why);
    vt_buf_release(&b);
    if (err == VT_OK)
        *ret = c.size;
    return err;
}

enum vt_err
vt_gc_partials(const char *log_dir, const char *public_dir, const struct vt_policy *policy,
    struct vt_progress *progress, struct vt_gc_freed *ret, struct vt_why *why)
{
    struct partials g = {.log_dir = log_dir, .public_dir = public_dir};
    struct vt_lock lock = {0};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/gc.lock", log_dir);

    if (err == VT_OK)
        err = published_size(public_dir, policy, &g.freed.size, why);
    if (err == VT_OK)
        err = vt_lock_take(&lock, path, "clearing up this log", why);
    if (err == VT_OK)
        err = clear_all(&g, progress, why);
    vt_lock_release(&lock);
    if (err == VT_OK)
        *ret = g.freed;
    return err;
}
