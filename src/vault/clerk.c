/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/clerk.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypto/signer.h"
#include "ledger/record.h"
#include "vault/inventory.h"
#include "vault/keeper.h"
#include "vault/move.h"
#include "vault/place.h"
#include "vault/retain.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* How often what is looked at, and how long after a failure. */
enum {
    STEP_MS = 1000,
    INVENTORY_MS = 600000,
    RETAIN_FIRST_MS = 3000,
    RETAIN_MS = 3600000,
    MOVES_MS = 2000,
    FAILED_MS = 60000,
    DAY_S = 86400
};

struct said {
    char region[VT_REGION_MAX + 1];
    bool known; /* root is what was said last */
    struct vt_digest root;
};

struct clerk {
    const struct vt_vault_clerk *opts;
    struct vt_desk *desk; /* NULL: none yet */
    int64_t inventory_due;
    int64_t retain_due;
    int64_t moves_due;
    struct said said[VT_RULES_MAX];
    size_t said_count;
};

static enum vt_err
open_desk(struct clerk *c, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (c->desk == NULL)
        err = vt_desk_new(c->opts->ledger, c->opts->trust, c->opts->signer, &c->desk, why);
    return err == VT_OK ? vt_desk_refresh(c->desk, why) : err;
}

/* --- Inventories -------------------------------------------------------------------------- */

static enum vt_err
said_path(const struct clerk *c, const char *region, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_vault_path(c->opts->home, ret, why, "said/inventory-%s", region);
}

/* What was said last of a region, by this process or one before it. */
static enum vt_err
last_said(struct clerk *c, const char *region, struct said **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_inventory_record r;
    struct vt_doc *doc = NULL;
    char path[VT_PATH_MAX];
    struct said *s;
    enum vt_err err;

    for (size_t i = 0; i < c->said_count; i++)
        if (strcmp(c->said[i].region, region) == 0) {
            *ret = &c->said[i];
            return VT_OK;
        }
    if (c->said_count == VT_RULES_MAX || strlen(region) > VT_REGION_MAX)
        return vt_fail(why, VT_E_LIMIT, "inventories of more than %u regions", VT_RULES_MAX);
    s = &c->said[c->said_count];
    *s = (struct said){.known = false};
    memcpy(s->region, region, strlen(region) + 1);
    err = said_path(c, region, path, why);
    if (err == VT_OK && vt_file_exists(path)) {
        err = vt_file_read(path, &b, why);
        if (err == VT_OK)
            err = vt_doc_parse(b.data, b.len, VT_DOC_INVENTORY, &doc, why);
        if (err == VT_OK)
            err = vt_inventory_read(doc, &r, why);
        if (err == VT_OK) {
            s->known = true;
            s->root = r.root;
        }
    }
    vt_doc_free(doc);
    vt_buf_release(&b);
    if (err != VT_OK)
        return err;
    c->said_count++;
    *ret = s;
    return VT_OK;
}

static enum vt_err
policy_in_force(const struct clerk *c, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(c->opts->home, path, why, "policy");

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        vt_digest_of(b.data, b.len, ret);
    vt_buf_release(&b);
    return err;
}

/* The signed document of a region's inventory as it is. */
static enum vt_err
write_inventory(struct clerk *c, const char *region, const struct vt_inventory *v,
    struct vt_buf *b, struct vt_digest *ret_root, struct vt_why *why)
{
    struct vt_inventory_record r = {
        .segments = vt_inventory_count(v), .made = vt_clock_now(&vt_clock_system)};
    struct vt_segment_row sum;
    struct vt_doc *doc = NULL;
    enum vt_err err = policy_in_force(c, &r.policy, why);

    vt_inventory_sum(v, &sum);
    vt_inventory_root(v, &r.root);
    r.records = sum.records;
    r.bytes = sum.size;
    memcpy(r.region, region, strlen(region) + 1);
    memcpy(r.site, c->opts->home->name, strlen(c->opts->home->name) + 1);
    if (err == VT_OK)
        err = vt_inventory_doc(&r, &doc, why);
    if (err == VT_OK)
        err = vt_doc_sign(doc, c->opts->signer, b, why);
    if (err == VT_OK)
        *ret_root = r.root;
    vt_doc_free(doc);
    return err;
}

static enum vt_err
say_inventory(struct clerk *c, struct said *s, const struct vt_inventory *v, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_subject subject = {.role = VT_SUBJECT_INVENTORY};
    char path[VT_PATH_MAX];
    uint64_t index;
    enum vt_err err = open_desk(c, why);

    if (err == VT_OK)
        err = write_inventory(c, s->region, v, &b, &subject.digest, why);
    if (err == VT_OK)
        err = vt_desk_say(c->desk, VT_ENTRY_INVENTORY, &subject, 1, b.data, b.len, &index, why);
    if (err == VT_OK) {
        s->known = true;
        s->root = subject.digest;
        vt_log(VT_LOG_INFO, "said the inventory of %s: %zu segments, entry %llu", s->region,
            vt_inventory_count(v), (unsigned long long)index);
        err = said_path(c, s->region, path, why);
    }
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

/* Says a region's inventory when it is another than what was said last. */
static enum vt_err
look_at_inventory(void *ctx, const char *name, struct vt_why *why)
{
    struct clerk *c = ctx;
    struct vt_inventory *v = NULL;
    struct said *s = NULL;
    struct vt_digest root;
    char path[VT_PATH_MAX];
    enum vt_err err;

    if (strchr(name, '.') != NULL)
        return VT_OK; /* REGION.retired */
    err = vt_vault_path(c->opts->home, path, why, "inventory/%s", name);
    if (err == VT_OK)
        err = last_said(c, name, &s, why);
    if (err == VT_OK)
        err = vt_inventory_open(path, &v, why);
    if (err == VT_OK && vt_inventory_count(v) > 0) {
        vt_inventory_root(v, &root);
        if (!s->known || !vt_digest_eq(&root, &s->root))
            err = say_inventory(c, s, v, why);
    }
    vt_inventory_free(v);
    return err;
}

static enum vt_err
say_inventories(struct clerk *c, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(c->opts->home, path, why, "said");

    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_vault_path(c->opts->home, path, why, "inventory");
    return err == VT_OK ? vt_dir_each(path, look_at_inventory, c, why) : err;
}

/* --- Retention and relocation ------------------------------------------------------------- */

static enum vt_err
retain(struct clerk *c, struct vt_why *why)
{
    uint32_t today = (uint32_t)(vt_clock_now(&vt_clock_system) / DAY_S);
    struct vt_keeper *keeper = NULL;
    struct vt_retained r = {0};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(c->opts->home, path, why, "policy");

    if (err == VT_OK && !vt_file_exists(path))
        return VT_OK; /* nothing is kept yet */
    if (err == VT_OK)
        err = open_desk(c, why);
    if (err == VT_OK)
        err = vt_keeper_open(c->opts->home, &keeper, why);
    if (err == VT_OK)
        err = vt_retain_run(c->opts->home, keeper, c->desk, c->opts->signer, today, &r, why);
    vt_keeper_close(keeper);
    if (err == VT_OK && r.epochs > 0)
        vt_log(VT_LOG_INFO, "destroyed the keys of %zu days, entry %llu; %llu segments removed",
            r.epochs, (unsigned long long)r.index, (unsigned long long)r.segments);
    if (err == VT_OK && r.backups_missed > 0)
        vt_log(VT_LOG_WARN, "%zu backups could not be given the new ring", r.backups_missed);
    return err;
}

static enum vt_err
find_move(void *ctx, const char *name, struct vt_why *why)
{
    bool *there = ctx;

    (void)why;
    *there = *there || strcmp(name, "done") != 0;
    return VT_OK;
}

static enum vt_err
moves(struct clerk *c, struct vt_why *why)
{
    bool there = false;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(c->opts->home, path, why, "moves");

    if (err == VT_OK && vt_file_exists(path))
        err = vt_dir_each(path, find_move, &there, why);
    if (err != VT_OK || !there)
        return err;
    err = open_desk(c, why);
    return err == VT_OK ? vt_move_clerk(c->opts->home, c->desk, c->opts->signer, why) : err;
}

/* --- The round ---------------------------------------------------------------------------- */

/* Does a thing when it is due, and settles when it is due again. */
static void
when_due(struct clerk *c, int64_t *due, int64_t every_ms, const char *what,
    enum vt_err (*fn)(struct clerk *c, struct vt_why *why))
{
    struct vt_why why = {{0}};
    enum vt_err err;

    if (vt_clock_monotonic_ms() < *due)
        return;
    err = fn(c, &why);
    if (err != VT_OK)
        vt_log(VT_LOG_WARN, "%s: later: %s", what, why.text);
    *due = vt_clock_monotonic_ms() +
           (err != VT_OK && every_ms > FAILED_MS ? (int64_t)FAILED_MS : every_ms);
}

static void
round_of_work(struct clerk *c)
{
    when_due(c, &c->moves_due, MOVES_MS, "relocation", moves);
    when_due(c, &c->retain_due, RETAIN_MS, "retention", retain);
    when_due(c, &c->inventory_due, INVENTORY_MS, "inventory", say_inventories);
}

enum vt_err
vt_vault_clerk_run(int fd, const struct vt_vault_clerk *opts, struct vt_why *why)
{
    struct clerk *c = calloc(1, sizeof *c);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t now = vt_clock_monotonic_ms();

    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "clerk: out of memory");
    c->opts = opts;
    c->inventory_due = now + INVENTORY_MS;
    c->retain_due = now + RETAIN_FIRST_MS;
    c->moves_due = now;
    while (poll(&p, 1, STEP_MS) <= 0)
        round_of_work(c);
    c->inventory_due = 0;
    when_due(c, &c->inventory_due, INVENTORY_MS, "inventory", say_inventories);
    vt_desk_free(c->desk);
    free(c);
    return VT_OK;
}
