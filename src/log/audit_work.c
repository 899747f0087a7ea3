/* SPDX-License-Identifier: Apache-2.0 */
#include "log/audit_work.h"

#include "log/gzip.h"

#include <stdlib.h>
#include <string.h>

#define ENTRY_HEAD "vitrine/entry/v1\n" /* docs/formats/entry.md */
enum { CLAIMS = 2 };

struct worker {
    struct vt_audit_work *work;
    struct vt_fetch *fetch;
    struct vt_fetch_ahead *ahead;
    struct vt_tiles *tiles; /* for naming what is wrong; NULL until then */
    uint64_t claim[CLAIMS]; /* units, the oldest first */
    unsigned claims;
    /* What will be fetched next: of the newest claim. */
    uint64_t ahead_bundle;
    bool ahead_tile;
    struct vt_buf data;
    struct vt_bundle bundle;
    struct vt_audit_unit unit;
    struct vt_log_audit sum;
};

void
vt_audit_fail(struct vt_audit_work *w, uint64_t unit, enum vt_err err, const struct vt_why *why)
{
    (void)pthread_mutex_lock(&w->lock);
    if (unit < w->bad) {
        w->bad = unit;
        w->err = err;
        w->why = *why;
    }
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

/* Takes the next unit. false: there is none, or (unless it may wait) none yet. */
static bool
claim(struct worker *k, bool wait)
{
    struct vt_audit_work *w = k->work;
    bool got;

    if (k->claims == CLAIMS)
        return false;
    (void)pthread_mutex_lock(&w->lock);
    while (
        wait && w->next < w->units && w->next < w->bad && w->next - w->taken >= VT_AUDIT_RING)
        (void)pthread_cond_wait(&w->changed, &w->lock);
    got = w->next < w->units && w->next < w->bad && w->next - w->taken < VT_AUDIT_RING;
    if (got)
        k->claim[k->claims++] = w->next++;
    (void)pthread_mutex_unlock(&w->lock);
    if (got) {
        k->ahead_bundle = k->claim[k->claims - 1] * w->per_unit;
        k->ahead_tile = false;
    }
    return got;
}

/* One past the last bundle of a unit. */
static uint64_t
end_of(const struct vt_audit_work *w, uint64_t unit)
{
    uint64_t end = (unit + 1) * w->per_unit;
    uint64_t all = (w->size + VT_TILE_WIDTH - 1) / VT_TILE_WIDTH;

    return end < all ? end : all;
}

/* Of each bundle its file and then its tile. */
static bool
next_file(void *ctx, char ret[VT_FETCH_PATH_MAX])
{
    struct worker *k = ctx;
    struct vt_tile t = {.level = VT_TILE_ENTRIES};

    if (k->claims == 0)
        return false;
    if (k->ahead_bundle == end_of(k->work, k->claim[k->claims - 1]) && !claim(k, false))
        return false;
    t.index = k->ahead_bundle;
    t.width = vt_tile_width(0, t.index, k->work->size);
    if (k->ahead_tile) {
        t.level = 0;
        k->ahead_bundle++;
    }
    k->ahead_tile = !k->ahead_tile;
    vt_tile_path(&t, ret);
    return true;
}

/* The entries do not give the tile. The tiles above say which of the two is wrong; when those
 * of the right edge do not give the root, it is one of them. */
static enum vt_err
name_culprit(struct worker *k, const struct vt_tile *tile, const struct vt_digest *hash,
    struct vt_why *why)
{
    const struct vt_edge *edge = NULL;
    char path[VT_TILE_PATH_MAX];
    enum vt_err err = VT_OK;
    unsigned i = 0;

    vt_tile_path(tile, path);
    if (k->tiles == NULL)
        err = vt_tiles_new(k->fetch, k->work->size, &k->work->root, &k->tiles, why);
    if (err == VT_OK) {
        err = vt_tiles_edge(k->tiles, &edge, why);
        if (err != VT_OK)
            return vt_fail_in(why, err, "%s", path);
        err = vt_tiles_check(k->tiles, tile->index, &k->bundle, why);
    }
    if (err != VT_OK)
        return err;
    while (i < tile->width && vt_digest_eq(&hash[i], &k->bundle.leaf[i]))
        i++;
    return vt_fail(why, VT_E_PROOF, "%s does not have the hash of entry %llu", path,
        (unsigned long long)(tile->index * VT_TILE_WIDTH + i));
}

static enum vt_err
check_tile(struct worker *k, uint64_t n, struct vt_why *why)
{
    struct vt_digest hash[VT_TILE_WIDTH];
    struct vt_tile t = {.level = 0, .index = n, .width = k->bundle.width};
    enum vt_err err = vt_tiles_hashes(&t, k->fetch, k->ahead, hash, why);

    if (err != VT_OK)
        return err;
    k->sum.tiles++;
    if (memcmp(hash, k->bundle.leaf, t.width * sizeof(hash[0])) == 0)
        return VT_OK;
    return name_culprit(k, &t, hash, why);
}

/* Whose entry it is. One of another kind of log costs no more than a look at its first bytes.
 */
static void
count_entry(struct worker *k, const uint8_t *data, size_t len)
{
    size_t head = strlen(ENTRY_HEAD);
    enum vt_err err = VT_E_SYNTAX;
    struct vt_entry e;

    e.kind = (enum vt_entry_kind)0; /* the rest is not looked at */
    if (len > head && memcmp(data, ENTRY_HEAD, head) == 0)
        err = vt_log_entry_open(k->work->policy, data, len, &e, NULL, NULL, NULL);
    if (err == VT_OK)
        k->sum.known[e.kind]++;
    else if (err == VT_E_UNKNOWN)
        k->sum.strangers++;
    else
        k->sum.unread++;
    k->sum.bytes += len;
}

static enum vt_err
check_compressed(struct worker *k, const struct vt_tile *tile, struct vt_why *why)
{
    enum vt_err err;

    if (vt_fetch_is_remote(k->fetch) || tile->width < VT_TILE_WIDTH)
        return VT_OK;
    err = vt_log_gzip_check(k->work->where, tile->index, k->data.data, k->data.len, why);
    if (err == VT_OK)
        k->sum.compressed++;
    return err == VT_E_NOENT ? VT_OK : err;
}

static enum vt_err
check_bundle(struct worker *k, uint64_t n, struct vt_why *why)
{
    struct vt_tile t = {.level = VT_TILE_ENTRIES, .index = n};
    char path[VT_TILE_PATH_MAX];
    bool whole = false;
    enum vt_err err;

    t.width = vt_tile_width(0, n, k->work->size);
    vt_buf_clear(&k->data);
    err = vt_tiles_fetch(&t, k->fetch, k->ahead, &k->data, &whole, why);
    if (err != VT_OK)
        return err;
    err = vt_bundle_open(k->data.data, k->data.len, t.width, whole, &k->bundle, why);
    if (err != VT_OK) {
        vt_tile_path(&t, path);
        return vt_fail_in(why, err, "%s", path);
    }
    err = check_tile(k, n, why);
    if (err == VT_OK)
        err = check_compressed(k, &t, why);
    for (unsigned i = 0; i < t.width && err == VT_OK; i++)
        count_entry(k, k->data.data + k->bundle.at[i], k->bundle.len[i]);
    return err;
}

/* Hands over what the unit gives. */
static void
hand_over(struct worker *k, uint64_t unit)
{
    struct vt_audit_work *w = k->work;
    struct vt_audit_unit *u = &w->ring[unit % VT_AUDIT_RING];

    (void)pthread_mutex_lock(&w->lock);
    memcpy(u->hash, k->unit.hash, k->unit.count * sizeof(u->hash[0]));
    u->count = k->unit.count;
    u->ready = true;
    if (k->bundle.width < VT_TILE_WIDTH) {
        w->tail = k->bundle.width;
        memcpy(w->leaf, k->bundle.leaf, w->tail * sizeof(w->leaf[0]));
    }
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

static bool
is_wanted(struct vt_audit_work *w, uint64_t unit)
{
    bool wanted;

    (void)pthread_mutex_lock(&w->lock);
    wanted = unit < w->bad;
    (void)pthread_mutex_unlock(&w->lock);
    return wanted;
}

static void
done_bundle(struct vt_audit_work *w)
{
    (void)pthread_mutex_lock(&w->lock);
    w->bundles_done++;
    (void)pthread_mutex_unlock(&w->lock);
}

static enum vt_err
check_unit(struct worker *k, uint64_t unit, struct vt_why *why)
{
    uint64_t end = end_of(k->work, unit);
    enum vt_err err = VT_OK;

    k->unit.count = 0;
    for (uint64_t n = unit * k->work->per_unit; n < end && err == VT_OK; n++) {
        err = check_bundle(k, n, why);
        if (err == VT_OK && k->bundle.width == VT_TILE_WIDTH)
            vt_tile_fold(k->bundle.leaf, VT_TILE_WIDTH, &k->unit.hash[k->unit.count++]);
        done_bundle(k->work);
    }
    return err;
}

static void
add_sum(struct worker *k)
{
    struct vt_log_audit *to = &k->work->sum;

    (void)pthread_mutex_lock(&k->work->lock);
    for (size_t i = 0; i < VT_ENTRY_KIND_COUNT; i++)
        to->known[i] += k->sum.known[i];
    to->strangers += k->sum.strangers;
    to->unread += k->sum.unread;
    to->bytes += k->sum.bytes;
    to->tiles += k->sum.tiles;
    to->compressed += k->sum.compressed;
    (void)pthread_mutex_unlock(&k->work->lock);
}

static void
work_through(struct worker *k)
{
    struct vt_why why = {0};

    while (k->claims > 0 || claim(k, true)) {
        uint64_t unit = k->claim[0];
        enum vt_err err;

        if (!is_wanted(k->work, unit))
            return;
        err = check_unit(k, unit, &why);
        if (err != VT_OK) {
            vt_audit_fail(k->work, unit, err, &why);
            return;
        }
        hand_over(k, unit);
        k->claim[0] = k->claim[1];
        k->claims--;
    }
}

void *
vt_audit_thread(void *arg)
{
    struct vt_audit_work *w = arg;
    struct worker *k = calloc(1, sizeof(*k));
    struct vt_why why = {0};
    enum vt_err err;

    if (k == NULL) {
        err = vt_fail(&why, VT_E_NOMEM, "log check: out of memory");
        vt_audit_fail(w, 0, err, &why);
        return NULL;
    }
    k->work = w;
    vt_buf_init(&k->data, VT_BUNDLE_MAX);
    err = vt_fetch_new(w->where, &k->fetch, &why);
    if (err == VT_OK)
        err = vt_fetch_ahead_new(k->fetch, next_file, k, &k->ahead, &why);
    if (err != VT_OK)
        vt_audit_fail(w, 0, err, &why);
    else
        work_through(k);
    add_sum(k);
    vt_tiles_free(k->tiles);
    vt_fetch_ahead_free(k->ahead);
    vt_fetch_free(k->fetch);
    vt_buf_release(&k->data);
    free(k);
    return NULL;
}
