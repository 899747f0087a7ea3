/* SPDX-License-Identifier: Apache-2.0 */
#include "log/audit.h"

#include "base/progress.h"
#include "log/audit_work.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 100, UNITS_PER_THREAD = 8 };

/* The main thread's part: what the units give, put together in order. */
struct combine {
    struct vt_audit_work *work;
    struct vt_fetch *fetch;
    struct vt_tiles *tiles; /* for naming what is wrong; NULL until then */
    struct vt_edge edge;
    uint64_t compared; /* files of hashes above level 0 */
};

/* A tile above level 0 is not what the entries give: the tiles themselves say whether it is it
 * that is wrong, or the entries below it. */
static enum vt_err
name_culprit(struct combine *c, const struct vt_tile *tile, unsigned i, struct vt_why *why)
{
    const struct vt_edge *edge = NULL;
    struct vt_hash_source src;
    struct vt_digest ignored;
    uint64_t at = tile->index * VT_TILE_WIDTH + i;
    char path[VT_TILE_PATH_MAX];
    enum vt_err err = VT_OK;

    if (c->tiles == NULL)
        err = vt_tiles_new(c->fetch, c->work->size, &c->work->root, &c->tiles, why);
    if (err != VT_OK)
        return err;
    vt_tile_path(tile, path);
    err = vt_tiles_edge(c->tiles, &edge, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s", path);
    src = vt_tiles_source(c->tiles);
    err = src.get(src.ctx, 8 * tile->level, at, &ignored, why);
    if (err != VT_OK)
        return err;
    return vt_fail(why, VT_E_PROOF,
        "the entries %llu to %llu do not give the hash that %s has of "
        "them",
        (unsigned long long)(at << (8 * tile->level)),
        (unsigned long long)(((at + 1) << (8 * tile->level)) - 1), path);
}

static enum vt_err
compare_tile(
    void *ctx, const struct vt_tile *t, const struct vt_digest *hashes, struct vt_why *why)
{
    struct combine *c = ctx;
    struct vt_digest file[VT_TILE_WIDTH];
    enum vt_err err = vt_tiles_hashes(t, c->fetch, NULL, file, why);

    if (err != VT_OK)
        return err;
    c->compared++;
    for (unsigned i = 0; i < t->width; i++)
        if (!vt_digest_eq(&file[i], &hashes[i]))
            return name_culprit(c, t, i, why);
    return VT_OK;
}

static enum vt_err
combine_unit(struct combine *c, const struct vt_audit_unit *u, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (unsigned i = 0; i < u->count && err == VT_OK; i++)
        err = vt_edge_put(&c->edge, 1, &u->hash[i], compare_tile, c, why);
    return err;
}

/* The last bundle's leaves, the partial tiles, and the root. */
static enum vt_err
combine_end(struct combine *c, struct vt_why *why)
{
    struct vt_audit_work *w = c->work;
    struct vt_digest root;
    enum vt_err err = VT_OK;

    for (unsigned i = 0; i < w->tail && err == VT_OK; i++)
        err = vt_edge_put(&c->edge, 0, &w->leaf[i], compare_tile, c, why);
    for (unsigned l = 1; l <= VT_TILE_LEVEL_MAX && err == VT_OK; l++) {
        struct vt_tile t = vt_edge_tile(&c->edge, l);

        if (t.width > 0)
            err = compare_tile(c, &t, c->edge.hash[l], why);
    }
    if (err == VT_OK)
        err = vt_edge_root(&c->edge, &root, why);
    if (err == VT_OK && (c->edge.size != w->size || !vt_digest_eq(&root, &w->root)))
        err = vt_fail(
            why, VT_E_PROOF, "%s: the entries do not give the checkpoint's root", w->where);
    return err;
}

/* Waits for the next unit in order. false: there is none any more. */
static bool
wait_for_unit(struct vt_audit_work *w, struct vt_audit_unit *ret, struct vt_progress *progress)
{
    struct vt_audit_unit *u = &w->ring[w->taken % VT_AUDIT_RING];
    uint64_t done;
    bool got = false;
    bool more = true;

    (void)pthread_mutex_lock(&w->lock);
    while (!got && more) {
        struct timespec until;

        more = w->taken < w->units && w->taken < w->bad;
        got = more && u->ready;
        if (got || !more)
            break;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TICK_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000L;
        }
        (void)pthread_cond_timedwait(&w->changed, &w->lock, &until);
        done = w->bundles_done * VT_TILE_WIDTH;
        if (progress != NULL)
            vt_progress_set(progress, done < w->size ? done : w->size);
    }
    if (got) {
        *ret = *u;
        u->ready = false;
        w->taken++;
        (void)pthread_cond_broadcast(&w->changed);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return got;
}

static void
combine_all(struct combine *c, struct vt_progress *progress)
{
    struct vt_audit_unit unit;
    struct vt_why why = {0};

    while (wait_for_unit(c->work, &unit, progress)) {
        enum vt_err err = combine_unit(c, &unit, &why);

        if (err != VT_OK)
            vt_audit_fail(c->work, c->work->taken - 1, err, &why);
    }
}

static unsigned
threads_of(const struct vt_log_audit_opts *opts)
{
    long n = opts->threads > 0 ? (long)opts->threads : sysconf(_SC_NPROCESSORS_ONLN);

    if (n < 1)
        return 1;
    return n < (long)VT_LOG_AUDIT_THREADS_MAX ? (unsigned)n : VT_LOG_AUDIT_THREADS_MAX;
}

/* So large that fetching ahead pays, and so small that all threads have something to do. */
static void
cut_units(struct vt_audit_work *w, unsigned threads)
{
    uint64_t bundles = (w->size + VT_TILE_WIDTH - 1) / VT_TILE_WIDTH;

    w->per_unit = bundles / (threads * UNITS_PER_THREAD);
    if (w->per_unit < 1)
        w->per_unit = 1;
    if (w->per_unit > VT_AUDIT_UNIT_MAX)
        w->per_unit = VT_AUDIT_UNIT_MAX;
    w->units = (bundles + w->per_unit - 1) / w->per_unit;
}

static enum vt_err
run_threads(
    struct combine *c, unsigned threads, struct vt_progress *progress, struct vt_why *why)
{
    pthread_t id[VT_LOG_AUDIT_THREADS_MAX];
    unsigned n = 0;

    while (n < threads && pthread_create(&id[n], NULL, vt_audit_thread, c->work) == 0)
        n++;
    if (n == 0)
        return vt_fail(why, VT_E_NOMEM, "log check: no thread can be started");
    combine_all(c, progress);
    for (unsigned i = 0; i < n; i++)
        (void)pthread_join(id[i], NULL);
    if (c->work->bad == UINT64_MAX)
        return combine_end(c, why);
    if (why != NULL)
        *why = c->work->why;
    return c->work->err;
}

static enum vt_err
audit_tree(const char *where, const struct vt_policy *policy, const struct vt_checkpoint *cp,
    const struct vt_log_audit_opts *opts, struct vt_log_audit *ret, struct vt_why *why)
{
    struct vt_audit_work *w = calloc(1, sizeof(*w));
    struct combine *c = calloc(1, sizeof(*c));
    unsigned threads = threads_of(opts);
    enum vt_err err = VT_OK;

    if (w == NULL || c == NULL) {
        free(w);
        free(c);
        return vt_fail(why, VT_E_NOMEM, "log check: out of memory");
    }
    w->where = where;
    w->policy = policy;
    w->size = cp->size;
    w->root = cp->root;
    w->bad = UINT64_MAX;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->changed, NULL);
    cut_units(w, threads);
    c->work = w;
    err = vt_fetch_new(where, &c->fetch, why);
    if (err == VT_OK)
        err = run_threads(c, threads, opts->progress, why);
    if (err == VT_OK) {
        *ret = w->sum;
        ret->tiles += c->compared;
    }
    vt_tiles_free(c->tiles);
    vt_fetch_free(c->fetch);
    (void)pthread_cond_destroy(&w->changed);
    (void)pthread_mutex_destroy(&w->lock);
    free(c);
    free(w);
    return err;
}

/* A log that was never frozen has no final statement. */
static enum vt_err
look_for_frost(struct vt_log_reader *r, struct vt_log_audit *sum, struct vt_why *why)
{
    struct vt_why none = {0};
    enum vt_err err = vt_log_reader_frozen(r, &sum->frozen, &none);

    sum->is_frozen = err == VT_OK;
    if (err == VT_OK || err == VT_E_NOENT)
        return VT_OK;
    return vt_fail(why, err, "%s", none.text);
}

static enum vt_err
audit_reader(const char *where, struct vt_log_reader *r, const struct vt_log_audit_opts *opts,
    struct vt_log_audit *ret, struct vt_why *why)
{
    const struct vt_checkpoint *cp = vt_log_reader_checkpoint(r);
    struct vt_log_audit sum = {0};
    enum vt_err err;

    if (opts->progress != NULL) {
        vt_progress_begin(opts->progress, "reading the log", cp->size);
        vt_progress_rate(opts->progress, "entries");
    }
    err = audit_tree(where, vt_log_reader_policy(r), cp, opts, &sum, why);
    if (opts->progress != NULL)
        vt_progress_end(opts->progress);
    if (err == VT_OK)
        err = look_for_frost(r, &sum, why);
    if (err == VT_OK && opts->index_tmp != NULL)
        err = vt_audit_index(r, opts, &sum.index_roots, why);
    if (err != VT_OK)
        return err;
    sum.checkpoint = *cp;
    sum.cosigned_time = vt_log_reader_cosigned_time(r);
    *ret = sum;
    return VT_OK;
}

enum vt_err
vt_log_audit(const char *where, const struct vt_policy *policy,
    const struct vt_log_audit_opts *opts, struct vt_log_audit *ret, struct vt_why *why)
{
    static const struct vt_log_audit_opts none = {0};
    struct vt_log_reader *r = NULL;
    enum vt_err err = vt_log_reader_open(where, policy, &r, why);

    if (err == VT_OK)
        err = audit_reader(where, r, opts != NULL ? opts : &none, ret, why);
    vt_log_reader_free(r);
    return err;
}
