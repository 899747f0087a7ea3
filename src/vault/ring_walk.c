/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going over all of a ring: its root, its dump into items, dropping keys, packing a region's.
 */
#include "vault/ring_held.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define KEEP_USES_S                                                                            \
    (366LL * 86400) /* a grant's uses are forgotten so long after its expiry                   \
                     */

static const char root_label[] = "vitrine/ring/v1"; /* its NUL is hashed with it */

void
vt_ring_commitment(const uint8_t key[32], struct vt_digest *ret)
{
    const struct vt_slice v[] = {{root_label, sizeof root_label}, {key, 32}};

    vt_digest_of_slices(v, 2, ret);
}

enum vt_err
vt_ring_each(const struct vt_ring *r,
    enum vt_err (*fn)(void *ctx, const struct vt_ring_key *k, struct vt_why *why), void *ctx,
    struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (int pass = 0; pass < 2; pass++) {
        const struct vt_key_table *t = pass == 0 ? r->epochs : r->subjects;
        for (size_t i = 0; i < vt_key_table_count(t) && err == VT_OK; i++) {
            const uint8_t *key = NULL;
            const uint8_t *id = vt_key_table_at(t, i, &key);
            struct vt_ring_key k;
            vt_ring_key_of(r, pass == 0, id, key, &k);
            err = fn(ctx, &k, why);
        }
    }
    return err;
}

struct gather {
    vt_ring_choose without;
    void *ctx;
    struct vt_digest *d;
    size_t n;
};

static enum vt_err
gather_one(void *ctx, const struct vt_ring_key *k, struct vt_why *why)
{
    struct gather *g = ctx;

    (void)why;
    if (g->without == NULL || !g->without(g->ctx, k))
        vt_ring_commitment(k->key, &g->d[g->n++]);
    return VT_OK;
}

static int
by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, VT_DIGEST_SIZE);
}

/* Sorts in place: digests are even, so that those which begin alike are few, and a library's
 * sort of a million at once would take as much memory again. */
static void
sort_digests(struct vt_digest *d, size_t n)
{
    size_t begin[257] = {0};
    size_t at[256];

    for (size_t i = 0; i < n; i++)
        begin[d[i].b[0] + 1]++;
    for (size_t i = 0; i < 256; i++) {
        begin[i + 1] += begin[i];
        at[i] = begin[i];
    }
    for (size_t bucket = 0; bucket < 256; bucket++)
        while (at[bucket] < begin[bucket + 1]) {
            struct vt_digest *here = &d[at[bucket]];
            size_t to = here->b[0];
            struct vt_digest moved = *here;
            if (to != bucket) {
                *here = d[at[to]];
                d[at[to]] = moved;
            }
            at[to]++;
        }
    for (size_t i = 0; i < 256; i++)
        if (begin[i + 1] - begin[i] > 1)
            qsort(d + begin[i], begin[i + 1] - begin[i], sizeof *d, by_bytes);
}

enum vt_err
vt_ring_root(const struct vt_ring *r, vt_ring_choose without, void *ctx, struct vt_digest *ret,
    struct vt_why *why)
{
    struct gather g = {.without = without, .ctx = ctx};
    size_t most = vt_key_table_count(r->epochs) + vt_key_table_count(r->subjects);
    struct vt_frontier f;
    enum vt_err err;

    g.d = calloc(most + 1, sizeof *g.d);
    if (g.d == NULL)
        return vt_fail(why, VT_E_NOMEM, "key ring: out of memory");
    err = vt_ring_each(r, gather_one, &g, why);
    if (err == VT_OK) {
        sort_digests(g.d, g.n);
        vt_frontier_init(&f);
        for (size_t i = 0; i < g.n; i++) {
            struct vt_digest leaf;
            vt_merkle_leaf(g.d[i].b, VT_DIGEST_SIZE, &leaf);
            vt_frontier_append(&f, &leaf);
        }
        vt_frontier_root(&f, ret);
    }
    free(g.d);
    return err;
}

/* Writing everything as items. */
struct dump {
    const struct vt_ring *r;
    const struct vt_ring_choice *c;
    struct vt_buf b;
    int domain; /* put last; -1: none in this piece */
    vt_ring_piece_fn fn;
    void *ctx;
};

static enum vt_err
dump_flush(struct dump *d, bool last, struct vt_why *why)
{
    enum vt_err err = vt_buf_check(&d->b, "key ring", why);

    if (err == VT_OK)
        err = d->fn(d->ctx, &d->b, last, why);
    vt_buf_clear(&d->b);
    d->domain = -1;
    return err;
}

static enum vt_err
dump_room(struct dump *d, struct vt_why *why)
{
    return d->b.len < VT_RING_PIECE ? VT_OK : dump_flush(d, false, why);
}

static bool
chosen(const struct vt_ring_choice *c, const struct vt_ring_key *k)
{
    return c != NULL && c->choose != NULL && c->choose(c->ctx, k);
}

static void
put_domain(struct vt_buf *b, const struct vt_ring *r, int domain, int *last)
{
    if (*last != domain)
        vt_ring_put_domain(b, r->domain[domain].site, r->domain[domain].region);
    *last = domain;
}

/* The tables as they are walked: what each record is, and what is left of it when its key is
 * chosen to be destroyed. */
enum { EPOCHS, EPOCHS_GONE, SUBJECTS, SUBJECTS_GONE, USED, TABLES };

static const struct vt_key_table *
table_of(const struct vt_ring *r, int which)
{
    const struct vt_key_table *const all[TABLES] = {
        r->epochs, r->epochs_gone, r->subjects, r->subjects_gone, r->used};

    return all[which];
}

/* Appends record i of a table as an item; one whose key is chosen as the memory of it. */
static void
put_record(const struct vt_ring *r, int which, size_t i, const struct vt_ring_choice *c,
    struct vt_buf *b, int *domain)
{
    const uint8_t *key = NULL;
    const uint8_t *id = vt_key_table_at(table_of(r, which), i, &key);
    bool epoch = which == EPOCHS || which == EPOCHS_GONE;
    struct vt_ring_key k;
    bool cut;

    vt_ring_key_of(r, epoch, id, key, &k);
    cut = chosen(c, &k);
    if (cut && ((c != NULL && c->forget) || which == USED))
        return;
    if (cut)
        key = NULL;
    put_domain(b, r, k.domain, domain);
    if (which == USED)
        vt_ring_put_used(b, k.tag, id + VT_RING_SUBJECT_ID);
    else if (epoch)
        vt_ring_put_epoch(b, k.class_name, k.day, key);
    else
        vt_ring_put_subject(b, k.tag, key);
}

static enum vt_err
dump_tables(struct dump *d, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (int which = 0; which < TABLES; which++)
        for (size_t i = 0; i < vt_key_table_count(table_of(d->r, which)) && err == VT_OK; i++) {
            put_record(d->r, which, i, d->c, &d->b, &d->domain);
            err = dump_room(d, why);
        }
    return err;
}

static enum vt_err
dump_lists(struct dump *d, struct vt_why *why)
{
    const struct vt_ring *r = d->r;
    int64_t now = vt_clock_now(&vt_clock_system);
    enum vt_err err = VT_OK;

    /* All of them: one without keys says that its region is (or was) kept here. */
    for (size_t i = 0; i < r->domain_count && err == VT_OK; i++) {
        put_domain(&d->b, r, (int)i, &d->domain);
        vt_ring_put_away(&d->b, r->domain[i].away);
        err = dump_room(d, why);
    }
    for (size_t i = 0; i < r->uses_count && err == VT_OK; i++)
        if (r->uses[i].expires > INT64_MAX - KEEP_USES_S ||
            (int64_t)r->uses[i].expires + KEEP_USES_S > now) {
            vt_ring_put_uses(
                &d->b, &r->uses[i].grant, r->uses[i].uses, (int64_t)r->uses[i].expires);
            err = dump_room(d, why);
        }
    for (size_t i = 0; i < r->spent_count && err == VT_OK; i++) {
        vt_ring_put_spent(&d->b, r->spent[i].region, r->spent[i].day, r->spent[i].epsilon);
        err = dump_room(d, why);
    }
    for (size_t i = 0; i < r->answer_count && err == VT_OK; i++) {
        vt_ring_put_answer(&d->b, &r->answer[i].to, r->answer[i].data, r->answer[i].len);
        err = dump_room(d, why);
    }
    return err;
}

enum vt_err
vt_ring_dump(const struct vt_ring *r, const struct vt_ring_choice *c, const struct vt_buf *more,
    vt_ring_piece_fn fn, void *ctx, struct vt_why *why)
{
    struct dump d = {.r = r,
        .c = c,
        .b = {.max = VT_RING_ITEMS_MAX, .secret = true},
        .domain = -1,
        .fn = fn,
        .ctx = ctx};
    enum vt_err err;

    if (r->box != NULL)
        vt_ring_put_box(&d.b, r->box);
    vt_ring_put_view(&d.b, &r->view);
    if (r->policy != NULL)
        vt_ring_put_policy(&d.b, r->policy, r->policy_len);
    err = dump_tables(&d, why);
    if (err == VT_OK)
        err = dump_lists(&d, why);
    if (err == VT_OK && more != NULL && more->len > 0) {
        err = dump_flush(&d, false, why);
        vt_buf_put(&d.b, more->data, more->len);
    }
    if (err == VT_OK)
        err = dump_flush(&d, true, why);
    vt_buf_release(&d.b);
    return err;
}

/* Removing in memory what a snapshot was written without. */
struct drop {
    struct vt_ring *r;
    const struct vt_ring_choice *c;
    bool epoch;
    struct vt_key_table *gone; /* remembers them; NULL: nothing does */
    enum vt_err err;
};

static bool
drop_one(void *ctx, const uint8_t *id, const uint8_t *key)
{
    struct drop *d = ctx;
    struct vt_ring_key k;

    vt_ring_key_of(d->r, d->epoch, id, key, &k);
    if (!chosen(d->c, &k))
        return false;
    if (d->gone != NULL) {
        enum vt_err err = vt_key_table_put(d->gone, id, NULL, NULL);
        if (err != VT_OK)
            d->err = err;
    }
    return true;
}

enum vt_err
vt_ring_drop(struct vt_ring *r, const struct vt_ring_choice *c, struct vt_why *why)
{
    struct drop d = {.r = r, .c = c};

    d.epoch = true;
    d.gone = c->forget ? NULL : r->epochs_gone;
    vt_key_table_drop(r->epochs, drop_one, &d);
    d.epoch = false;
    d.gone = c->forget ? NULL : r->subjects_gone;
    vt_key_table_drop(r->subjects, drop_one, &d);
    d.gone = NULL;
    vt_key_table_drop(r->used, drop_one, &d);
    if (c->forget) {
        vt_key_table_drop(r->subjects_gone, drop_one, &d);
        d.epoch = true;
        vt_key_table_drop(r->epochs_gone, drop_one, &d);
    }
    r->changes++;
    if (d.err != VT_OK)
        return vt_fail(why, d.err, "key ring: out of memory");
    return VT_OK;
}

enum vt_err
vt_ring_pack(const struct vt_ring *r, const char *region, uint64_t *at, size_t max,
    struct vt_buf *b, bool *ret_more, struct vt_why *why)
{
    uint64_t place = 0;
    uint64_t next = *at;
    size_t begin = b->len;
    bool more = false;
    int domain = -1;

    b->secret = true;
    for (int which = 0; which < TABLES && !more; which++) {
        const struct vt_key_table *t = table_of(r, which);
        size_t n = vt_key_table_count(t);
        for (size_t i = next > place ? (size_t)(next - place) : 0; i < n && !more; i++) {
            const uint8_t *id = vt_key_table_at(t, i, NULL);
            const struct vt_ring_domain *d = &r->domain[id[0] << 8 | id[1]];
            if (strcmp(d->region, region) == 0 && strcmp(d->site, VT_RING_ANY_SITE) != 0)
                put_record(r, which, i, NULL, b, &domain);
            next = place + i + 1;
            more = b->len - begin >= max;
        }
        place += n;
    }
    if (vt_buf_check(b, "keys of a region", why) != VT_OK)
        return b->err;
    *at = next;
    *ret_more = more;
    return VT_OK;
}

struct unpack {
    const struct vt_ring *r;
    struct vt_buf *b;
    int any; /* the domain that says which subjects of the region are gone */
};

static enum vt_err
unpack_one(void *ctx, const struct vt_ring_item *it, struct vt_why *why)
{
    struct unpack *u = ctx;
    const uint8_t *key = it->key;
    bool gone = false;

    (void)why;
    switch (it->type) {
    case VT_RING_DOMAIN:
        vt_ring_put_domain(u->b, it->site, it->region);
        break;
    case VT_RING_EPOCH:
    case VT_RING_EPOCH_GONE:
        gone = vt_ring_epoch_gone(
            u->r, vt_ring_domain(u->r, it->site, it->region), it->class_name, it->day);
        vt_ring_put_epoch(u->b, it->class_name, it->day, gone ? NULL : key);
        break;
    case VT_RING_USED:
        vt_ring_put_used(u->b, it->id, it->segment);
        break;
    default:
        (void)vt_ring_subject_now(u->r, u->any, it->id, &gone);
        vt_ring_put_subject(u->b, it->id, gone ? NULL : key);
        break;
    }
    return VT_OK;
}

enum vt_err
vt_ring_unpack(const struct vt_ring *r, const void *data, size_t len, const char *region,
    struct vt_buf *b, struct vt_why *why)
{
    struct unpack u = {.r = r, .b = b, .any = vt_ring_domain(r, VT_RING_ANY_SITE, region)};
    enum vt_err err = vt_ring_check_pack(data, len, region, why);

    if (err == VT_OK)
        err = vt_ring_items_each(data, len, unpack_one, &u, why);
    return err == VT_OK ? vt_buf_check(b, "keys of a region", why) : err;
}
