/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/packer.h"

#include "base/clock.h"
#include "base/log.h"
#include "vault/bwal.h"
#include "vault/inventory.h"
#include "vault/move.h"
#include "vault/place.h"

#include <stdlib.h>
#include <string.h>

#define DAY_S 86400U

/* A batch of the file, to be put beside those of its region, class and day. */
struct item {
    struct vt_batch_header header;
    uint32_t day;
    uint64_t arrived;
    size_t order;
    struct vt_slice batch;
};

struct packing {
    const struct vt_packer *p;
    struct vt_bwal_file *file;
    struct item *item;
    size_t count;
    struct vt_slice *batch; /* of the items, in their order */
    struct vt_packed packed;
    bool waits;   /* some region's turn is later */
    bool refused; /* the keeper gave no keys for some */
    struct vt_why refusal;
};

void
vt_packed_release(struct vt_packed *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->segment[i].batch);
    free(p->segment);
    *p = (struct vt_packed){0};
}

static int
by_place(const struct item *x, const struct item *y)
{
    int c = strcmp(x->header.region, y->header.region);

    if (c == 0)
        c = strcmp(x->header.class_name, y->header.class_name);
    if (c == 0)
        c = x->day < y->day ? -1 : x->day > y->day;
    return c;
}

static int
by_place_and_order(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    int c = by_place(x, y);

    return c != 0 ? c : x->order < y->order ? -1 : 1;
}

/* Takes all batches apart and sorts them. */
static enum vt_err
collect(struct packing *k, struct vt_why *why)
{
    k->count = vt_bwal_records(k->file);
    k->item = calloc(k->count + 1, sizeof *k->item);
    k->batch = calloc(k->count + 1, sizeof *k->batch);
    k->packed.segment = calloc(k->count + 1, sizeof *k->packed.segment);
    if (k->item == NULL || k->batch == NULL || k->packed.segment == NULL)
        return vt_fail(why, VT_E_NOMEM, "packing: out of memory");
    for (size_t i = 0; i < k->count; i++) {
        const struct vt_bwal_record *r = vt_bwal_record(k->file, i);
        struct item *it = &k->item[i];
        const uint8_t *blocks;
        enum vt_err err = vt_batch_parse(r->batch, r->len, &it->header, &blocks, why);

        if (err != VT_OK)
            return err;
        it->day = (uint32_t)(r->arrived / DAY_S);
        it->arrived = r->arrived;
        it->order = i;
        it->batch = (struct vt_slice){r->batch, r->len};
    }
    qsort(k->item, k->count, sizeof *k->item, by_place_and_order);
    for (size_t i = 0; i < k->count; i++)
        k->batch[i] = k->item[i].batch;
    return VT_OK;
}

static enum vt_err
remember(struct packing *k, const struct vt_segment_row *row, bool made, size_t first, size_t n,
    struct vt_why *why)
{
    struct vt_packed_segment *s = &k->packed.segment[k->packed.count];

    s->batch = calloc(n, sizeof *s->batch);
    if (s->batch == NULL)
        return vt_fail(why, VT_E_NOMEM, "packing: out of memory");
    for (size_t i = 0; i < n; i++)
        memcpy(s->batch[i], k->item[first + i].header.id, sizeof s->batch[i]);
    memcpy(s->id, row->id, sizeof s->id);
    s->made = made;
    s->size = row->size;
    s->batch_count = (uint32_t)n;
    k->packed.count++;
    return VT_OK;
}

/* Makes the segment unless the inventory has it already. */
static enum vt_err
make_segment(struct packing *k, const struct vt_segment_make *m, struct vt_inventory *inventory,
    struct vt_segment_row *ret, bool *ret_made, struct vt_why *why)
{
    const struct vt_segment_row *there;
    uint8_t id[VT_SEGMENT_ID_SIZE];
    char folder[VT_PATH_MAX];
    enum vt_err err = vt_segment_make_id(m, id, why);

    if (err != VT_OK)
        return err;
    there = vt_inventory_find(inventory, id);
    *ret_made = there == NULL;
    if (there != NULL) {
        *ret = *there;
        return VT_OK;
    }
    err = vt_vault_path(k->p->home, folder, why, "segments/%s", m->region);
    if (err == VT_OK)
        err = vt_dir_make(folder, 0755, why);
    if (err == VT_OK)
        err = vt_segment_make(m, folder, ret, why);
    return err == VT_OK ? vt_inventory_add(inventory, ret, why) : err;
}

/* The batches first to first + n - 1 of the sorted ones: one region, class and day. */
static enum vt_err
pack_place(struct packing *k, size_t first, size_t n, struct vt_why *why)
{
    const struct item *it = &k->item[first];
    struct vt_segment_make m = {.region = it->header.region,
        .site = k->p->home->name,
        .class_name = it->header.class_name,
        .day = it->day,
        .policy = *vt_bwal_policy(k->file),
        .created = k->item[first + n - 1].arrived,
        .batch = &k->batch[first],
        .count = n,
        .keys = k->p->keys,
        .keys_ctx = k->p->keys_ctx,
        .keys_max = k->p->keys_max};
    struct vt_inventory *inventory = NULL;
    struct vt_segment_row row;
    char path[VT_PATH_MAX];
    bool made = false;
    enum vt_err err = vt_vault_path(k->p->home, path, why, "inventory/%s", m.region);

    if (err == VT_OK)
        err = vt_inventory_open(path, &inventory, why);
    if (err == VT_OK)
        err = make_segment(k, &m, inventory, &row, &made, why);
    if (err == VT_OK)
        err = remember(k, &row, made, first, n, why);
    vt_inventory_free(inventory);
    return err;
}

/* How many items from `first` on belong into one segment: no more than can be made. */
static size_t
run_length(const struct packing *k, size_t first)
{
    uint64_t weight = 0;
    uint64_t blocks = 0;
    size_t n = 0;

    while (first + n < k->count && n < VT_SEGMENT_BATCHES_MAX &&
           by_place(&k->item[first], &k->item[first + n]) == 0 && weight <= VT_SEGMENT_FILL &&
           blocks <= VT_SEGMENT_FILL_BLOCKS) {
        weight += vt_segment_weight(&k->item[first + n].header);
        blocks += k->item[first + n].header.block_count;
        n++;
    }
    return n;
}

/* Whether the days for which such data is kept are over: then it may not be kept here either.
 */
static bool
is_over(const struct packing *k, const struct item *it)
{
    uint64_t today = (uint64_t)vt_clock_now(&vt_clock_system) / DAY_S;
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_vault_policy *policy = NULL;
    const struct vt_rule_class *c = NULL;
    char path[VT_PATH_MAX];
    bool over;

    if (vt_vault_path(k->p->home, path, NULL, "policy") == VT_OK &&
        vt_file_read(path, &b, NULL) == VT_OK &&
        vt_vault_policy_parse(b.data, b.len, &policy, NULL) == VT_OK)
        c = vt_vault_policy_class(policy, it->header.class_name);
    over = c != NULL && (uint64_t)it->day + c->retention_days < today;
    vt_vault_policy_free(policy);
    vt_buf_release(&b);
    return over;
}

/* The keeper gives no keys for these batches: the others are packed all the same. */
static enum vt_err
pass_over(struct packing *k, size_t first, size_t n, const struct vt_why *refusal)
{
    const struct item *it = &k->item[first];

    if (is_over(k, it)) {
        vt_log(VT_LOG_WARN, "%zu batches of %s %s are dropped unpacked: their days are over", n,
            it->header.region, it->header.class_name);
        return VT_OK;
    }
    if (!k->refused)
        k->refusal = *refusal;
    k->refused = true;
    return VT_OK;
}

static enum vt_err
pack_all(struct packing *k, struct vt_why *why)
{
    struct vt_why local = {{0}};
    enum vt_err err = VT_OK;

    for (size_t first = 0; first < k->count && err == VT_OK;) {
        size_t n = run_length(k, first);

        if (vt_move_pending(k->p->home, k->item[first].header.region))
            k->waits = true;
        else
            err = pack_place(k, first, n, why == NULL ? &local : why);
        if (err == VT_E_REFUSED)
            err = pass_over(k, first, n, why == NULL ? &local : why);
        first += n;
    }
    if (err == VT_OK && k->refused)
        return vt_fail(why, VT_E_REFUSED, "%s", k->refusal.text);
    if (err == VT_OK && k->waits)
        err = vt_fail(why, VT_E_BUSY, "a region is being relocated: its segments wait");
    return err;
}

enum vt_err
vt_packer_run(
    const struct vt_packer *p, const char *path, struct vt_packed *ret, struct vt_why *why)
{
    struct packing k = {.p = p};
    enum vt_err err = vt_bwal_open(path, &k.file, why);

    if (err == VT_OK)
        err = collect(&k, why);
    if (err == VT_OK)
        err = pack_all(&k, why);
    free(k.item);
    free(k.batch);
    vt_bwal_close(k.file);
    *ret = k.packed;
    return err;
}

struct waiting {
    const struct vt_home *home;
    const char *region;
    uint64_t batches;
};

static enum vt_err
count_file(void *ctx, const char *name, struct vt_why *why)
{
    struct waiting *w = ctx;
    struct vt_bwal_file *f = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(w->home, path, why, "wal/%s", name);

    if (err == VT_OK)
        err = vt_bwal_open(path, &f, why);
    if (err == VT_E_NOENT)
        return VT_OK; /* packed meanwhile */
    for (size_t i = 0; err == VT_OK && i < vt_bwal_records(f); i++) {
        const struct vt_bwal_record *r = vt_bwal_record(f, i);
        struct vt_batch_header h;
        const uint8_t *blocks;

        err = vt_batch_parse(r->batch, r->len, &h, &blocks, why);
        if (err == VT_OK && (w->region == NULL || strcmp(h.region, w->region) == 0))
            w->batches++;
    }
    vt_bwal_close(f);
    return err;
}

enum vt_err
vt_packer_waiting(
    const struct vt_home *home, const char *region, uint64_t *ret_batches, struct vt_why *why)
{
    struct waiting w = {.home = home, .region = region};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(home, path, why, "wal");

    if (err == VT_OK && vt_file_exists(path))
        err = vt_dir_each(path, count_file, &w, why);
    if (err == VT_OK)
        *ret_batches = w.batches;
    return err;
}
