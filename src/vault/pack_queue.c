/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/pack_queue.h"

#include "base/clock.h"
#include "base/log.h"
#include "vault/bwal.h"
#include "vault/keeper.h"
#include "vault/place.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RETRY_MS = 2000, RETRY_MAX_MS = 30000, FILES_MAX = 100000 };

struct wal_file {
    uint64_t number;
    uint64_t bytes;
    uint32_t batches;
    int64_t pause_ms; /* 0: has not failed */
    int64_t retry_ms; /* not before */
};

struct vt_pack_queue {
    struct vt_pack_queue_opts opts;
    struct vt_packer packer;
    struct wal_file *file;
    size_t count;
    size_t room;
    uint64_t next;
    int event;
    bool running; /* the thread was started */
    pthread_t thread;
    /* Shared with the thread, under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool stop;
    bool busy; /* there is a job, or its result was not taken yet */
    bool done;
    char path[VT_PATH_MAX]; /* of the job */
    uint64_t number;
    struct vt_packed packed;
    enum vt_err err;
    struct vt_why why;
};

/* For the packer: asks the keeper. */
static enum vt_err
ask_keeper(void *ctx, const uint8_t id[VT_SEGMENT_ID_SIZE], const struct vt_segment_make *m,
    uint32_t first, const uint8_t (*subject)[VT_SUBJECT_SIZE], size_t n, uint8_t (*ret)[32],
    struct vt_why *why)
{
    struct vt_pack_queue *q = ctx;
    enum vt_err err;

    (void)pthread_mutex_lock(q->opts.keeper_lock);
    err = vt_keeper_seal_keys(
        q->opts.keeper, id, m->region, m->class_name, m->day, first, subject, n, ret, why);
    (void)pthread_mutex_unlock(q->opts.keeper_lock);
    return err;
}

static void
signal_done(const struct vt_pack_queue *q)
{
    const uint64_t one = 1;

    while (write(q->event, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

static void *
thread_main(void *ctx)
{
    struct vt_pack_queue *q = ctx;

    (void)pthread_mutex_lock(&q->lock);
    while (!q->stop) {
        if (!q->busy || q->done) {
            (void)pthread_cond_wait(&q->cond, &q->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&q->lock);
        vt_why_clear(&q->why);
        q->err = vt_packer_run(&q->packer, q->path, &q->packed, &q->why);
        (void)pthread_mutex_lock(&q->lock);
        q->done = true;
        signal_done(q);
    }
    (void)pthread_mutex_unlock(&q->lock);
    return NULL;
}

static enum vt_err
wal_path(
    const struct vt_pack_queue *q, uint64_t number, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_vault_path(q->opts.home, ret, why, "wal/%016llx", (unsigned long long)number);
}

/* Removes a file whose batches all stand in segments, or that has none. */
static enum vt_err
remove_file(const struct vt_pack_queue *q, uint64_t number, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    enum vt_err err = wal_path(q, number, path, why);

    if (err == VT_OK && unlink(path) != 0 && errno != ENOENT)
        err = vt_fail_errno(why, "%s: cannot remove", path);
    if (err == VT_OK)
        err = vt_vault_path(q->opts.home, dir, why, "wal");
    return err == VT_OK ? vt_dir_sync(dir, why) : err;
}

static enum vt_err
list(struct vt_pack_queue *q, const struct wal_file *f, struct vt_why *why)
{
    struct wal_file *v;

    if (q->count == FILES_MAX)
        return vt_fail(why, VT_E_LIMIT, "more than %d write-ahead files", FILES_MAX);
    if (q->count == q->room) {
        size_t room = q->room == 0 ? 16 : 2 * q->room;

        v = realloc(q->file, room * sizeof *v);
        if (v == NULL)
            return vt_fail(why, VT_E_NOMEM, "out of memory");
        q->file = v;
        q->room = room;
    }
    q->file[q->count++] = *f;
    return VT_OK;
}

/* Takes the batches of a file that an earlier run left. */
static enum vt_err
take_batches(struct vt_pack_queue *q, const struct vt_bwal_file *f, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < vt_bwal_records(f) && err == VT_OK; i++) {
        const struct vt_bwal_record *r = vt_bwal_record(f, i);
        struct vt_batch_header h;
        const uint8_t *blocks;
        bool there = false;

        err = vt_batch_parse(r->batch, r->len, &h, &blocks, why);
        if (err == VT_OK)
            err = vt_taken_has(q->opts.taken, h.id, &there, why);
        if (err == VT_OK && !there)
            err = vt_taken_add(q->opts.taken, h.id, why);
    }
    return err;
}

static bool
parse_name(const char *name, uint64_t *ret)
{
    uint8_t b[8];
    struct vt_reader r = VT_READER(b, sizeof b);
    size_t len;

    return vt_hex_decode(name, strlen(name), b, sizeof b, &len) && len == sizeof b &&
           vt_reader_u64(&r, ret);
}

static enum vt_err
find_file(void *ctx, const char *name, struct vt_why *why)
{
    struct vt_pack_queue *q = ctx;
    struct wal_file w = {0};
    struct vt_bwal_file *f = NULL;
    char path[VT_PATH_MAX];
    uint64_t torn = 0;
    enum vt_err err;

    if (!parse_name(name, &w.number))
        return vt_fail(why, VT_E_STATE, "wal/%s is no write-ahead file: move it away", name);
    err = wal_path(q, w.number, path, why);
    if (err == VT_OK)
        err = vt_bwal_open(path, &f, why);
    if (err != VT_OK)
        return err;
    w.bytes = vt_bwal_bytes(f, &torn);
    w.batches = (uint32_t)vt_bwal_records(f);
    err = take_batches(q, f, why);
    vt_bwal_close(f);
    if (torn > 0)
        vt_log(VT_LOG_WARN, "wal/%s: %llu bytes that nobody was told of are not read", name,
            (unsigned long long)torn);
    if (w.number >= q->next)
        q->next = w.number + 1;
    if (err == VT_OK && w.batches == 0)
        return remove_file(q, w.number, why);
    return err == VT_OK ? list(q, &w, why) : err;
}

static enum vt_err
start_thread(struct vt_pack_queue *q, struct vt_why *why)
{
    sigset_t all, before;
    int rc;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&q->thread, NULL, thread_main, q);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        errno = rc;
        return vt_fail_errno(why, "cannot start the packing thread");
    }
    q->running = true;
    return VT_OK;
}

enum vt_err
vt_pack_queue_new(
    const struct vt_pack_queue_opts *opts, struct vt_pack_queue **ret, struct vt_why *why)
{
    struct vt_pack_queue *q = calloc(1, sizeof *q);
    char dir[VT_PATH_MAX];
    enum vt_err err;

    if (q == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    q->opts = *opts;
    q->packer = (struct vt_packer){.home = opts->home,
        .keys = ask_keeper,
        .keys_ctx = q,
        .keys_max = VT_KEEPER_SUBJECTS_MAX};
    q->next = 1;
    (void)pthread_mutex_init(&q->lock, NULL);
    (void)pthread_cond_init(&q->cond, NULL);
    q->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    err = q->event < 0 ? vt_fail_errno(why, "eventfd") : VT_OK;
    if (err == VT_OK)
        err = vt_vault_path(opts->home, dir, why, "wal");
    if (err == VT_OK)
        err = vt_dir_each(dir, find_file, q, why);
    if (err == VT_OK)
        err = start_thread(q, why);
    if (err != VT_OK) {
        vt_pack_queue_free(q);
        return err;
    }
    *ret = q;
    return VT_OK;
}

void
vt_pack_queue_free(struct vt_pack_queue *q)
{
    if (q == NULL)
        return;
    if (q->running) {
        (void)pthread_mutex_lock(&q->lock);
        q->stop = true;
        (void)pthread_cond_signal(&q->cond);
        (void)pthread_mutex_unlock(&q->lock);
        (void)pthread_join(q->thread, NULL);
    }
    vt_packed_release(&q->packed);
    (void)pthread_cond_destroy(&q->cond);
    (void)pthread_mutex_destroy(&q->lock);
    if (q->event >= 0)
        close(q->event);
    free(q->file);
    free(q);
}

int
vt_pack_queue_fd(const struct vt_pack_queue *q)
{
    return q->event;
}

static struct wal_file *
find(struct vt_pack_queue *q, uint64_t number)
{
    for (size_t i = 0; i < q->count; i++)
        if (q->file[i].number == number)
            return &q->file[i];
    return NULL;
}

/* The batches of segments that are there now are known for ever. */
static enum vt_err
take_segments(struct vt_pack_queue *q, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < q->packed.count && err == VT_OK; i++) {
        const struct vt_packed_segment *s = &q->packed.segment[i];

        err = vt_taken_add_segment(
            q->opts.taken, s->id, (const uint8_t(*)[VT_TAKEN_ID])s->batch, s->batch_count, why);
        if (err == VT_OK && s->made) {
            q->opts.metrics->segments++;
            q->opts.metrics->segment_bytes += s->size;
        }
    }
    return err;
}

/* Tries it again later; says so the first time and then at each longest pause. */
static void
put_off(struct vt_pack_queue *q, struct wal_file *f)
{
    bool first = f->pause_ms == 0;

    f->pause_ms = first ? RETRY_MS : 2 * f->pause_ms;
    if (q->err == VT_E_BUSY && f->pause_ms > RETRY_MS)
        f->pause_ms = RETRY_MS;
    if (f->pause_ms > RETRY_MAX_MS)
        f->pause_ms = RETRY_MAX_MS;
    f->retry_ms = vt_clock_monotonic_ms() + f->pause_ms;
    if (q->err != VT_E_BUSY)
        q->opts.metrics->pack_failures++;
    if (first || f->pause_ms == RETRY_MAX_MS)
        vt_log(q->err == VT_E_BUSY ? VT_LOG_INFO : VT_LOG_WARN, "wal/%016llx is not packed: %s",
            (unsigned long long)f->number, q->why.text);
}

static enum vt_err
take_result(struct vt_pack_queue *q, struct vt_why *why)
{
    struct wal_file *f = find(q, q->number);
    enum vt_err err = take_segments(q, why);

    if (err == VT_OK && q->err == VT_OK) {
        err = remove_file(q, q->number, why);
        if (err == VT_OK && f != NULL) {
            size_t at = (size_t)(f - q->file);

            memmove(f, f + 1, (q->count - at - 1) * sizeof *f);
            q->count--;
        }
    } else if (err == VT_OK && f != NULL) {
        put_off(q, f);
    }
    vt_packed_release(&q->packed);
    return err;
}

static struct wal_file *
next_due(struct vt_pack_queue *q)
{
    int64_t now = vt_clock_monotonic_ms();

    for (size_t i = 0; i < q->count; i++)
        if (q->file[i].retry_ms <= now)
            return &q->file[i];
    return NULL;
}

enum vt_err
vt_pack_queue_turn(struct vt_pack_queue *q, struct vt_why *why)
{
    struct wal_file *f;
    uint64_t count;
    enum vt_err err = VT_OK;

    while (read(q->event, &count, sizeof count) < 0 && errno == EINTR)
        continue;
    (void)pthread_mutex_lock(&q->lock);
    if (q->busy && q->done) {
        err = take_result(q, why);
        q->busy = q->done = false;
    }
    f = err == VT_OK && !q->busy ? next_due(q) : NULL;
    if (f != NULL)
        err = wal_path(q, f->number, q->path, why);
    if (f != NULL && err == VT_OK) {
        q->number = f->number;
        q->busy = true;
        (void)pthread_cond_signal(&q->cond);
    }
    (void)pthread_mutex_unlock(&q->lock);
    return err;
}

enum vt_err
vt_pack_queue_next(struct vt_pack_queue *q, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return wal_path(q, q->next, ret, why);
}

enum vt_err
vt_pack_queue_put(struct vt_pack_queue *q, uint64_t bytes, uint32_t batches, struct vt_why *why)
{
    struct wal_file f = {.number = q->next++, .bytes = bytes, .batches = batches};
    enum vt_err err;

    if (batches == 0)
        return remove_file(q, f.number, why);
    err = list(q, &f, why);
    return err == VT_OK ? vt_pack_queue_turn(q, why) : err;
}

bool
vt_pack_queue_idle(const struct vt_pack_queue *q)
{
    int64_t now = vt_clock_monotonic_ms();
    bool due = q->busy;

    for (size_t i = 0; i < q->count && !due; i++)
        due = q->file[i].retry_ms <= now;
    return !due;
}

uint64_t
vt_pack_queue_bytes(const struct vt_pack_queue *q)
{
    uint64_t n = 0;

    for (size_t i = 0; i < q->count; i++)
        n += q->file[i].bytes;
    return n;
}

size_t
vt_pack_queue_files(const struct vt_pack_queue *q)
{
    return q->count;
}

uint64_t
vt_pack_queue_batches(const struct vt_pack_queue *q)
{
    uint64_t n = 0;

    for (size_t i = 0; i < q->count; i++)
        n += q->file[i].batches;
    return n;
}
