/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store process learns from files that others put there: segments that arrived, and
 * what endpoints are given.
 */
#include "vault/service_parts.h"

#include "base/log.h"
#include "vault/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum vt_err
vt_store_inventory(struct vt_store_process *s, const char *region, struct vt_inventory **ret,
    struct vt_why *why)
{
    size_t n = s->inventory_count;
    char path[VT_PATH_MAX];
    enum vt_err err;

    for (size_t i = 0; i < n; i++)
        if (strcmp(s->inventory[i].region, region) == 0) {
            *ret = s->inventory[i].inventory;
            return vt_inventory_refresh(*ret, why);
        }
    if (n == VT_RULES_MAX || strlen(region) >= sizeof s->inventory[n].region)
        return vt_fail(why, VT_E_LIMIT, "inventories of more than %u regions", VT_RULES_MAX);
    err = vt_vault_path(s->opts->home, path, why, "inventory/%s", region);
    if (err == VT_OK)
        err = vt_inventory_open(path, &s->inventory[n].inventory, why);
    if (err != VT_OK)
        return err;
    (void)snprintf(s->inventory[n].region, sizeof s->inventory[n].region, "%s", region);
    s->inventory_count++;
    *ret = s->inventory[n].inventory;
    return VT_OK;
}

/* The ids of a segment's batches, from its head. */
static enum vt_err
learn_segment(struct vt_store_process *s, const char *path, struct vt_why *why)
{
    struct vt_segment_reader *r = NULL;
    const struct vt_segment_head *h;
    uint8_t(*ids)[VT_TAKEN_ID];
    enum vt_err err = vt_segment_open(path, &r, why);

    if (err != VT_OK)
        return err;
    h = vt_segment_head(r);
    ids = calloc(h->batch_count, sizeof *ids);
    if (ids == NULL)
        err = vt_fail(why, VT_E_NOMEM, "out of memory");
    for (uint32_t i = 0; err == VT_OK && i < h->batch_count; i++)
        memcpy(ids[i], h->batch[i].id, sizeof ids[i]);
    if (err == VT_OK)
        err = vt_taken_add_segment(
            s->taken, h->id, (const uint8_t(*)[VT_TAKEN_ID])ids, h->batch_count, why);
    free(ids);
    vt_segment_close(r);
    return err;
}

enum vt_err
vt_store_learn(struct vt_store_process *s, const char *region, struct vt_why *why)
{
    struct vt_inventory *v = NULL;
    enum vt_err err = vt_store_inventory(s, region, &v, why);

    for (size_t i = 0; err == VT_OK && i < vt_inventory_count(v); i++) {
        const struct vt_segment_row *row = vt_inventory_row(v, i);
        char hex[2 * VT_SEGMENT_ID_SIZE + 1];
        char path[VT_PATH_MAX];
        bool there = false;

        err = vt_taken_has_segment(s->taken, row->id, &there, why);
        if (err != VT_OK || there)
            continue;
        vt_hex_encode(row->id, sizeof row->id, hex);
        err = vt_vault_path(s->opts->home, path, why, "segments/%s/%s", region, hex);
        if (err == VT_OK)
            err = learn_segment(s, path, why);
        if (err == VT_E_NOENT)
            err = VT_OK; /* removed when its days were over, or moved away */
        if (err == VT_E_SYNTAX || err == VT_E_DIGEST) {
            vt_log(VT_LOG_ERROR, "%s: batches of it that come again would be taken again",
                why == NULL ? path : why->text);
            err = VT_OK;
        }
    }
    return err;
}

static enum vt_err
learn_file(void *ctx, const char *name, struct vt_why *why)
{
    return strchr(name, '.') != NULL ? VT_OK : vt_store_learn(ctx, name, why);
}

enum vt_err
vt_store_learn_all(struct vt_store_process *s, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(s->opts->home, path, why, "inventory");

    return err == VT_OK ? vt_dir_each(path, learn_file, s, why) : err;
}

/* Makes `to` another name of the file `from`, unless it is one already. */
static enum vt_err
show_file(const char *from, const char *to, struct vt_why *why)
{
    struct stat a, b;
    char tmp[VT_PATH_MAX];
    enum vt_err err;

    if (stat(from, &a) != 0)
        return errno == ENOENT ? VT_OK : vt_fail_errno(why, "%s", from);
    if (stat(to, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev)
        return VT_OK;
    err = vt_path(tmp, why, "%s.new", to);
    if (err != VT_OK)
        return err;
    (void)unlink(tmp);
    if (link(from, tmp) != 0 || rename(tmp, to) != 0)
        err = vt_fail_errno(why, "%s: cannot be shown as %s", from, to);
    return err;
}

static enum vt_err
show_key(void *ctx, const char *name, struct vt_why *why)
{
    const struct vt_home *home = ctx;
    const char *dot = strrchr(name, '.');
    char from[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    enum vt_err err;

    if (dot == NULL || strcmp(dot, ".evidence") != 0)
        return VT_OK;
    err = vt_vault_path(home, from, why, "keys/%s", name);
    if (err == VT_OK)
        err = vt_vault_path(home, to, why, "pub/keys/%.*s", (int)(dot - name), name);
    return err == VT_OK ? show_file(from, to, why) : err;
}

enum vt_err
vt_store_show(const struct vt_home *home, struct vt_why *why)
{
    struct vt_home h = *home;
    char from[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(home, from, why, "policy.evidence");

    if (err == VT_OK)
        err = vt_vault_path(home, to, why, "pub/policy");
    if (err == VT_OK)
        err = show_file(from, to, why);
    if (err == VT_OK)
        err = vt_vault_path(home, from, why, "keys");
    return err == VT_OK ? vt_dir_each(from, show_key, &h, why) : err;
}
