/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/check.h"

#include "base/progress.h"
#include "vault/bwal.h"
#include "vault/inventory.h"
#include "vault/place.h"
#include "vault/retain.h"

#include <string.h>

struct check {
    const struct vt_home *home;
    void (*tell)(void *ctx, const char *line);
    void *ctx;
    struct vt_progress *progress;
    struct vt_check_counts counts;
    /* Of the region that is looked at. */
    const char *region;
    struct vt_inventory *inventory;
    struct vt_inventory *removed;
};

static void
tell(struct check *c, const struct vt_why *line)
{
    c->tell(c->ctx, line->text);
}

static enum vt_err
segment_path(const struct check *c, const uint8_t id[VT_SEGMENT_ID_SIZE], char ret[VT_PATH_MAX],
    struct vt_why *why)
{
    char hex[2 * VT_SEGMENT_ID_SIZE + 1];

    vt_hex_encode(id, VT_SEGMENT_ID_SIZE, hex);
    return vt_vault_path(c->home, ret, why, "segments/%s/%s", c->region, hex);
}

static enum vt_err
check_row(struct check *c, const struct vt_segment_row *row, struct vt_why *why)
{
    struct vt_why line = {{0}};
    char path[VT_PATH_MAX];
    enum vt_err err = segment_path(c, row->id, path, why);

    if (err != VT_OK)
        return err;
    c->counts.segments++;
    if (c->progress != NULL)
        vt_progress_set(c->progress, c->counts.segments);
    if (vt_inventory_find(c->removed, row->id) != NULL) {
        c->counts.removed++;
        return VT_OK;
    }
    err = vt_segment_check(path, row, NULL, &line);
    if (err == VT_E_NOMEM)
        return vt_fail(why, err, "%s", line.text);
    if (err == VT_OK) {
        c->counts.records += row->records;
        c->counts.bytes += row->size;
    } else if (err == VT_E_NOENT) {
        c->counts.missing++;
        (void)vt_fail(&line, err, "%s: missing", path);
        tell(c, &line);
    } else {
        c->counts.damaged++;
        tell(c, &line);
    }
    return VT_OK;
}

/* A file of the region's folder: is there a row for it? */
static enum vt_err
check_file(void *ctx, const char *name, struct vt_why *why)
{
    struct check *c = ctx;
    struct vt_why line = {{0}};
    uint8_t id[VT_SEGMENT_ID_SIZE];
    size_t len = 0;

    (void)why;
    if (vt_hex_decode(name, strlen(name), id, sizeof id, &len) && len == sizeof id &&
        vt_inventory_find(c->inventory, id) != NULL)
        return VT_OK;
    c->counts.surplus++;
    (void)vt_fail(&line, VT_E_UNKNOWN, "segments/%s/%s: not in the inventory", c->region, name);
    tell(c, &line);
    return VT_OK;
}

static enum vt_err
check_segments(struct check *c, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < vt_inventory_count(c->inventory) && err == VT_OK; i++)
        err = check_row(c, vt_inventory_row(c->inventory, i), why);
    if (err == VT_OK)
        err = vt_vault_path(c->home, path, why, "segments/%s", c->region);
    /* What was packed since the inventory was read is not surplus. */
    if (err == VT_OK)
        err = vt_inventory_refresh(c->inventory, why);
    return err == VT_OK && vt_file_exists(path) ? vt_dir_each(path, check_file, c, why) : err;
}

static enum vt_err
check_region(void *ctx, const char *name, struct vt_why *why)
{
    struct check *c = ctx;
    struct vt_why line = {{0}};
    char path[VT_PATH_MAX];
    enum vt_err err;

    if (strchr(name, '.') != NULL)
        return VT_OK; /* REGION.retired */
    c->region = name;
    c->counts.regions++;
    err = vt_vault_path(c->home, path, why, "inventory/%s", name);
    if (err == VT_OK)
        err = vt_inventory_open(path, &c->inventory, &line);
    if (err == VT_OK)
        err = vt_retain_removed(c->home, name, &c->removed, &line);
    if (err == VT_E_SYNTAX || err == VT_E_LIMIT) {
        c->counts.damaged++;
        tell(c, &line);
        err = VT_OK;
    } else if (err != VT_OK) {
        err = vt_fail(why, err, "%s", line.text);
    } else {
        err = check_segments(c, why);
    }
    vt_inventory_free(c->inventory);
    vt_inventory_free(c->removed);
    c->inventory = c->removed = NULL;
    return err;
}

static enum vt_err
check_waiting(void *ctx, const char *name, struct vt_why *why)
{
    struct check *c = ctx;
    struct vt_bwal_file *f = NULL;
    struct vt_why line = {{0}};
    char path[VT_PATH_MAX];
    uint64_t torn = 0;
    enum vt_err err = vt_vault_path(c->home, path, why, "wal/%s", name);

    if (err != VT_OK)
        return err;
    err = vt_bwal_open(path, &f, &line);
    if (err == VT_E_NOENT)
        return VT_OK; /* packed meanwhile */
    if (err == VT_E_DIGEST || err == VT_E_LIMIT) {
        c->counts.damaged++;
        tell(c, &line);
        return VT_OK;
    }
    if (err != VT_OK)
        return vt_fail(why, err, "%s", line.text);
    c->counts.waiting += vt_bwal_records(f);
    (void)vt_bwal_bytes(f, &torn);
    c->counts.torn += torn;
    vt_bwal_close(f);
    return VT_OK;
}

static enum vt_err
each_in(struct check *c, const char *folder,
    enum vt_err (*fn)(void *ctx, const char *name, struct vt_why *why), struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(c->home, path, why, "%s", folder);

    return err == VT_OK && vt_file_exists(path) ? vt_dir_each(path, fn, c, why) : err;
}

enum vt_err
vt_vault_check(const struct vt_home *home, struct vt_keeper *keeper,
    void (*tell_fn)(void *ctx, const char *line), void *ctx, struct vt_progress *progress,
    struct vt_check_counts *ret, struct vt_keeper_status *ret_ring, struct vt_why *why)
{
    struct check c = {.home = home, .tell = tell_fn, .ctx = ctx, .progress = progress};
    struct vt_keeper_status ring = {0};
    enum vt_err err = keeper == NULL ? VT_OK : vt_keeper_status(keeper, &ring, why);

    if (progress != NULL)
        vt_progress_begin(progress, "checking segments", 0);
    if (err == VT_OK)
        err = each_in(&c, "inventory", check_region, why);
    if (err == VT_OK)
        err = each_in(&c, "wal", check_waiting, why);
    if (progress != NULL)
        vt_progress_end(progress);
    if (err == VT_OK) {
        *ret = c.counts;
        *ret_ring = ring;
    }
    return err;
}
