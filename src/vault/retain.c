/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/retain.h"

#include "base/clock.h"
#include "ledger/record.h"
#include "vault/backup.h"
#include "vault/move.h"
#include "vault/place.h"
#include "vault/say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct retaining {
    const struct vt_home *home;
    struct vt_desk *desk;
    struct vt_signer *signer;
    const struct vt_vault_policy *policy;
    uint32_t today;
    struct vt_retained *ret;
};

enum vt_err
vt_retain_removed(
    const struct vt_home *h, const char *region, struct vt_inventory **ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(h, path, why, "inventory/%s.retired", region);

    return err == VT_OK ? vt_inventory_open(path, ret, why) : err;
}

/* --- the entry -------------------------------------------------------------------------------
 */

/* One document of at most VT_RETIRED_MAX epochs, from `first` on; of none when they are too
 * many for the keeper to list. */
static enum vt_err
say_part(struct retaining *r, const struct vt_keeper_destroyed *d, size_t first,
    struct vt_retired *epoch, struct vt_why *why)
{
    size_t left = d->commitment != NULL && d->epoch != NULL ? d->count - first : 0;
    size_t n = left < VT_RETIRED_MAX ? left : VT_RETIRED_MAX;
    struct vt_retention is = {.policy = *vt_vault_policy_digest(r->policy),
        .ring = {d->generation_before, d->generation_after, d->ring_before, d->ring_after},
        .epoch_count = n,
        .epoch = epoch,
        .made = vt_clock_now(&vt_clock_system)};
    struct vt_doc *doc = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err;

    (void)snprintf(is.site, sizeof is.site, "%s", r->home->name);
    for (size_t i = 0; i < n; i++) {
        const struct vt_epoch *from = &d->epoch[first + i];

        memcpy(epoch[i].region, from->region, sizeof epoch[i].region);
        memcpy(epoch[i].class_name, from->class_name, sizeof epoch[i].class_name);
        epoch[i].day = from->day;
        epoch[i].commitment = d->commitment[first + i];
    }
    err = vt_say_path(r->home, path, why, "retention-%llu-%zu",
        (unsigned long long)d->generation_after, first / VT_RETIRED_MAX);
    if (err == VT_OK)
        err = vt_retention_doc(&is, &doc, why);
    if (err == VT_OK)
        err = vt_say_once(r->desk, r->signer, path, doc, NULL, &r->ret->index, why);
    vt_doc_free(doc);
    return err;
}

static enum vt_err
say(struct retaining *r, const struct vt_keeper_destroyed *d, struct vt_why *why)
{
    struct vt_retired *epoch = calloc(VT_RETIRED_MAX, sizeof *epoch);
    size_t at = 0;
    enum vt_err err;

    if (epoch == NULL)
        return vt_fail(why, VT_E_NOMEM, "retention: out of memory");
    do {
        err = say_part(r, d, at, epoch, why);
        at += VT_RETIRED_MAX;
    } while (err == VT_OK && d->commitment != NULL && at < d->count);
    free(epoch);
    return err;
}

/* --- files -----------------------------------------------------------------------------------
 */

/* Whether the segment's day is over, by its head. */
static enum vt_err
is_over(const struct retaining *r, const char *path, bool *ret, struct vt_why *why)
{
    struct vt_segment_reader *reader = NULL;
    const struct vt_segment_head *head;
    const struct vt_rule_class *rule;
    enum vt_err err = vt_segment_open(path, &reader, why);

    if (err != VT_OK)
        return err;
    head = vt_segment_head(reader);
    rule = vt_vault_policy_class(r->policy, head->class_name);
    *ret = rule != NULL && (uint64_t)head->day + rule->retention_days < r->today;
    vt_segment_close(reader);
    return VT_OK;
}

/* The row is among the removed ones before the file goes. */
static enum vt_err
remove_segment(struct retaining *r, const char *path, const struct vt_segment_row *row,
    struct vt_inventory *removed, struct vt_why *why)
{
    enum vt_err err = vt_inventory_add(removed, row, why);

    if (err == VT_OK && unlink(path) != 0 && errno != ENOENT)
        err = vt_fail_errno(why, "%s", path);
    if (err == VT_OK) {
        r->ret->segments++;
        r->ret->bytes += row->size;
    }
    return err;
}

static enum vt_err
sweep_row(struct retaining *r, const char *dir, const struct vt_segment_row *row,
    struct vt_inventory *removed, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char hex[2 * VT_SEGMENT_ID_SIZE + 1];
    bool over = vt_inventory_find(removed, row->id) != NULL;
    enum vt_err err;

    vt_hex_encode(row->id, sizeof row->id, hex);
    err = vt_path(path, why, "%s/%s", dir, hex);
    /* One that is missing without reason is `vault check`'s to tell. */
    if (err != VT_OK || !vt_file_exists(path))
        return err;
    if (!over)
        err = is_over(r, path, &over, why);
    return err == VT_OK && over ? remove_segment(r, path, row, removed, why) : err;
}

static enum vt_err
sweep_region(void *ctx, const char *region, struct vt_why *why)
{
    struct retaining *r = ctx;
    struct vt_inventory *rows = NULL;
    struct vt_inventory *removed = NULL;
    struct vt_move_state move;
    char path[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    enum vt_err err;

    if (strchr(region, '.') != NULL)
        return VT_OK; /* REGION.retired */
    /* What is being handed over is left as it was said to be. */
    if ((err = vt_move_state(r->home, region, &move, why)) != VT_OK || move.side == VT_MOVE_OUT)
        return err;
    if ((err = vt_vault_path(r->home, path, why, "inventory/%s", region)) == VT_OK &&
        (err = vt_vault_path(r->home, dir, why, "segments/%s", region)) == VT_OK &&
        (err = vt_inventory_open(path, &rows, why)) == VT_OK)
        err = vt_retain_removed(r->home, region, &removed, why);
    for (size_t i = 0; err == VT_OK && i < vt_inventory_count(rows); i++)
        err = sweep_row(r, dir, vt_inventory_row(rows, i), removed, why);
    if (err == VT_OK && vt_file_exists(dir))
        err = vt_dir_sync(dir, why);
    vt_inventory_free(rows);
    vt_inventory_free(removed);
    return err;
}

/* The day that files were swept for last stands in HOME/vault/retained. */
static enum vt_err
is_swept(const struct retaining *r, const char *path, bool *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(64);
    uint32_t day;
    enum vt_err err = vt_file_read(path, &b, why);

    *ret = err == VT_OK && b.len == 11 && b.data[10] == '\n';
    if (*ret) {
        b.data[10] = '\0';
        *ret = vt_day_parse(vt_buf_str(&b), &day) && day >= r->today;
    }
    vt_buf_release(&b);
    return err == VT_E_NOENT ? VT_OK : err;
}

static enum vt_err
sweep(struct retaining *r, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char inventories[VT_PATH_MAX];
    char day[12];
    bool swept = false;
    enum vt_err err = vt_vault_path(r->home, path, why, "retained");

    if (err == VT_OK)
        err = vt_vault_path(r->home, inventories, why, "inventory");
    if (err == VT_OK && r->ret->epochs == 0)
        err = is_swept(r, path, &swept, why);
    if (err != VT_OK || swept || !vt_file_exists(inventories))
        return err;
    err = vt_dir_each(inventories, sweep_region, r, why);
    vt_day_format(r->today, day);
    day[10] = '\n';
    return err == VT_OK ? vt_file_replace(path, 0644, day, 11, why) : err;
}

static enum vt_err
load_policy(const struct vt_home *h, struct vt_vault_policy **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(h, path, why, "policy");

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_STATE,
            "%s has no vault policy yet: `vitrine vault policy take %s`", h->dir, h->dir);
    if (err == VT_OK)
        err = vt_vault_policy_parse(b.data, b.len, ret, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
retire(struct retaining *r, struct vt_keeper *keeper, struct vt_why *why)
{
    struct vt_buf missed = VT_BUF(64 * 1024);
    struct vt_keeper_destroyed d = {0};
    enum vt_err err = vt_keeper_retire(keeper, r->today, &d, why);

    if (err == VT_OK) {
        r->ret->epochs = d.count;
        r->ret->generation = d.generation_after;
    }
    if (err == VT_OK && d.count > 0)
        err = say(r, &d, why);
    /* Until here the keeper tells it again: nothing destroyed stays unsaid. */
    if (err == VT_OK && d.count > 0)
        err = vt_keeper_retired(keeper, d.generation_after, why);
    if (err == VT_OK && d.count > 0)
        err = vt_backup_push(r->home, keeper, &missed, why);
    for (size_t i = 0; i < missed.len; i++)
        r->ret->backups_missed += missed.data[i] == '\n';
    free(d.commitment);
    free(d.epoch);
    vt_buf_release(&missed);
    return err;
}

enum vt_err
vt_retain_run(const struct vt_home *h, struct vt_keeper *keeper, struct vt_desk *desk,
    struct vt_signer *signer, uint32_t today, struct vt_retained *ret, struct vt_why *why)
{
    struct vt_vault_policy *policy = NULL;
    struct vt_retained done = {0};
    struct retaining r = {
        .home = h, .desk = desk, .signer = signer, .today = today, .ret = &done};
    enum vt_err err = load_policy(h, &policy, why);

    r.policy = policy;
    if (err == VT_OK)
        err = retire(&r, keeper, why);
    if (err == VT_OK)
        err = sweep(&r, why);
    vt_vault_policy_free(policy);
    if (err == VT_OK)
        *ret = done;
    return err;
}
