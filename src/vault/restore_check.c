/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/restore_parts.h"

#include "ledger/record.h"
#include "vault/place.h"

#include <string.h>

#define RING_MAGIC "VTRC"

/* What the ledger says of one region at this site: the newest inventory, and the newest one
 * that the backup's has room for. */
struct said {
    struct vt_desk *desk;
    const char *site;
    const char *region;
    uint64_t have;
    bool any;
    struct vt_inventory_record newest;
    bool fits_any;
    struct vt_inventory_record fits;
};

enum vt_err
vt_restore_generation(const struct vt_buf *ring, uint64_t *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(ring->data, ring->len);

    if (!vt_reader_skip(&r, RING_MAGIC) || !vt_reader_u64(&r, ret))
        return vt_fail(why, VT_E_SYNTAX, "the backup's ring is not a copy of a key ring");
    return VT_OK;
}

/* --- keys destroyed since --------------------------------------------------------------------
 */

struct destroyed {
    struct vt_desk *desk;
    const char *site;
    uint64_t generation; /* the greatest after something was destroyed */
    uint64_t index;
    enum vt_entry_kind kind;
};

static enum vt_err
look_for_destroyed(void *ctx, const struct vt_desk_entry *e, struct vt_why *why)
{
    struct destroyed *d = ctx;
    struct vt_doc *doc = NULL;
    const char *site;
    uint64_t after;
    enum vt_err err;

    if (e->entry.kind != VT_ENTRY_ERASURE && e->entry.kind != VT_ENTRY_RETENTION &&
        e->entry.kind != VT_ENTRY_SHRED)
        return VT_OK;
    err = vt_desk_doc(d->desk, e, &doc, why);
    if (err != VT_OK)
        return err;
    site = vt_doc_get(doc, "site");
    if (site != NULL && strcmp(site, d->site) == 0 &&
        vt_doc_get_count(doc, "generation-after", &after) && after > d->generation) {
        d->generation = after;
        d->index = e->index;
        d->kind = e->entry.kind;
    }
    vt_doc_free(doc);
    return VT_OK;
}

static enum vt_err
check_generation(const struct vt_restore_check *c, struct vt_desk *desk, struct vt_why *why)
{
    struct destroyed d = {.desk = desk, .site = c->home->name};
    enum vt_err err = vt_desk_each(desk, look_for_destroyed, &d, why);

    if (err == VT_OK && d.generation > c->ret->generation)
        err = vt_fail(why, VT_E_REFUSED,
            "the backup's keys are older than an erasure: its ring is of generation %llu, and "
            "entry %llu of the ledger (%s) says that keys were destroyed at %s in generation "
            "%llu. What was erased must not come back: use a backup that was given the new "
            "ring then, or "
            "one that was made since",
            (unsigned long long)c->ret->generation, (unsigned long long)d.index,
            vt_entry_kind_name(d.kind), c->home->name, (unsigned long long)d.generation);
    return err;
}

/* --- inventories -----------------------------------------------------------------------------
 */

static enum vt_err
look_for_inventory(void *ctx, const struct vt_desk_entry *e, struct vt_why *why)
{
    struct said *s = ctx;
    struct vt_doc *doc = NULL;
    struct vt_inventory_record r;
    enum vt_err err;

    if (e->entry.kind != VT_ENTRY_INVENTORY)
        return VT_OK;
    err = vt_desk_doc(s->desk, e, &doc, why);
    if (err == VT_OK)
        err = vt_inventory_read(doc, &r, why);
    vt_doc_free(doc);
    if (err != VT_OK || strcmp(r.site, s->site) != 0 || strcmp(r.region, s->region) != 0)
        return err;
    s->any = true;
    s->newest = r;
    if (r.segments <= s->have) {
        s->fits_any = true;
        s->fits = r;
    }
    return VT_OK;
}

/* The root of the first n rows. */
static void
root_of(const struct vt_inventory *rows, uint64_t n, struct vt_digest *ret)
{
    uint8_t bytes[VT_SEGMENT_ROW_SIZE];
    struct vt_frontier f;
    struct vt_digest leaf;

    vt_frontier_init(&f);
    for (size_t i = 0; i < n; i++) {
        vt_segment_row_put(vt_inventory_row(rows, i), bytes);
        vt_merkle_leaf(bytes, sizeof bytes, &leaf);
        vt_frontier_append(&f, &leaf);
    }
    vt_frontier_root(&f, ret);
}

struct regions {
    const struct vt_restore_check *c;
    struct vt_desk *desk;
};

static enum vt_err
check_region(void *ctx, const char *region, const struct vt_inventory *rows,
    const struct vt_inventory *removed, struct vt_why *why)
{
    const struct regions *r = ctx;
    struct said s = {.desk = r->desk,
        .site = r->c->home->name,
        .region = region,
        .have = vt_inventory_count(rows)};
    struct vt_segment_row sum;
    struct vt_digest root;
    enum vt_err err = vt_desk_each(r->desk, look_for_inventory, &s, why);

    (void)removed;
    if (err != VT_OK || !s.any)
        return err;
    if (s.fits_any) {
        root_of(rows, s.fits.segments, &root);
        if (!vt_digest_eq(&root, &s.fits.root))
            return vt_fail(why, VT_E_REFUSED,
                "%s: the backup's segments are not those that the ledger knows: %llu of them "
                "give another root",
                region, (unsigned long long)s.fits.segments);
    }
    vt_inventory_sum(rows, &sum);
    if (s.newest.segments > s.have) {
        r->c->ret->missing_segments += s.newest.segments - s.have;
        r->c->ret->missing_records +=
            s.newest.records > sum.records ? s.newest.records - sum.records : 0;
    }
    return VT_OK;
}

enum vt_err
vt_restore_check(const struct vt_restore_check *c, struct vt_why *why)
{
    struct vt_vault_conf conf;
    struct regions r = {.c = c};
    enum vt_err err = vt_vault_conf_load(c->home, &conf, why);

    c->ret->missing_segments = 0;
    c->ret->missing_records = 0;
    if (err == VT_OK)
        err = vt_desk_new(conf.ledger, c->policy, NULL, &r.desk, why);
    if (err == VT_OK)
        err = vt_desk_refresh(r.desk, why);
    if (err == VT_OK)
        err = check_generation(c, r.desk, why);
    if (err == VT_OK)
        err = vt_manifest_regions(c->manifest, c->dir, check_region, &r, why);
    vt_desk_free(r.desk);
    return err;
}
