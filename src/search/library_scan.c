/* SPDX-License-Identifier: Apache-2.0 */
#include "search/library_scan.h"

#include "base/clock.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    BLOCK_TEXTS = 32,
    BLOCK_BYTES = 128 * 1024,
    AHEAD_MAX = 12,    /* blocks taken up, and not all taken out */
    LOW = 4,           /* blocks that wait: with fewer it is time for more */
    ALONE = 2,         /* blocks after which one thread alone goes on with others, when there */
    WORTH_THREADS = 4, /* are so many that wait */
    LOOK_AT_CLOCK = 8, /* texts */
};

/* Texts that one thread looks into, one after the other. */
struct block {
    struct block *next; /* the scan's mutex is over this, and over `done` */
    struct vt_scan_text text[BLOCK_TEXTS];
    size_t count;
    size_t bytes;
    bool done;
    struct vt_scan_found *found;
    size_t found_count;
    bool gave_up;
    enum vt_err err;
};

struct helper {
    struct vt_scan *s;
    struct vt_pattern *p; /* its own */
    pthread_t thread;
};

struct vt_scan {
    const struct vt_pattern *pattern;
    struct vt_pattern *own; /* of the thread that made the scan */
    int64_t until_ms;
    unsigned threads;
    struct helper helper[VT_SCAN_THREADS_MAX - 1];
    unsigned helpers;   /* that run */
    bool begun;         /* they were begun, or could not be */
    unsigned alone;     /* blocks done before that */
    struct block *open; /* where texts are put */
    size_t at;          /* the next result of the first block */
    bool gave_up;
    atomic_bool late;
    atomic_bool stop;
    pthread_mutex_t mutex; /* over all that follows */
    pthread_cond_t more;   /* blocks may be taken up, or it stops */
    pthread_cond_t done;   /* a block is done */
    struct block *first;   /* the oldest one that is not all taken out */
    struct block *waiting; /* the first that nobody took up */
    struct block *last;
    size_t waiting_count;
    size_t ahead; /* taken up, and not all taken out */
};

static unsigned
processors(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return n < 1 ? 1 : (unsigned)n;
}

enum vt_err
vt_scan_new(const struct vt_pattern *p, unsigned threads, int64_t until_ms,
    struct vt_scan **ret, struct vt_why *why)
{
    struct vt_scan *s = calloc(1, sizeof(*s));
    enum vt_err err;

    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory to search");
    s->pattern = p;
    s->until_ms = until_ms;
    s->threads = threads == 0 ? processors() : threads;
    if (s->threads > VT_SCAN_THREADS_MAX)
        s->threads = VT_SCAN_THREADS_MAX;
    (void)pthread_mutex_init(&s->mutex, NULL);
    (void)pthread_cond_init(&s->more, NULL);
    (void)pthread_cond_init(&s->done, NULL);
    err = vt_pattern_twin(p, until_ms, &s->own, why);
    if (err != VT_OK) {
        vt_scan_free(s);
        return err;
    }
    *ret = s;
    return VT_OK;
}

static void
block_free(struct block *b)
{
    free(b->found);
    free(b);
}

void
vt_scan_free(struct vt_scan *s)
{
    if (s == NULL)
        return;
    (void)pthread_mutex_lock(&s->mutex);
    atomic_store(&s->stop, true);
    (void)pthread_cond_broadcast(&s->more);
    (void)pthread_mutex_unlock(&s->mutex);
    for (unsigned i = 0; i < s->helpers; i++) {
        (void)pthread_join(s->helper[i].thread, NULL);
        vt_pattern_free(s->helper[i].p);
    }
    if (s->open != NULL)
        block_free(s->open);
    while (s->first != NULL) {
        struct block *next = s->first->next;

        block_free(s->first);
        s->first = next;
    }
    vt_pattern_free(s->own);
    (void)pthread_cond_destroy(&s->done);
    (void)pthread_cond_destroy(&s->more);
    (void)pthread_mutex_destroy(&s->mutex);
    free(s);
}

/* All matches in a text; false: there is none. */
static bool
find_matches(struct vt_scan *s, const struct vt_pattern *p, const struct vt_scan_text *text,
    struct vt_scan_found *ret, bool *ret_gave_up)
{
    struct vt_match m;
    size_t from = 0;

    ret->match_count = 0;
    ret->more = 0;
    while (ret->more < VT_SCAN_MORE_MAX &&
           !atomic_load_explicit(&s->stop, memory_order_relaxed) &&
           vt_pattern_find(p, text->data, text->len, from, &m, ret_gave_up)) {
        if (ret->match_count < VT_LIBRARY_MATCHES_MAX)
            ret->match[ret->match_count++] = m;
        else
            ret->more++;
        from = m.to;
    }
    ret->text = *text;
    return ret->match_count > 0;
}

static enum vt_err
keep_found(struct block *b, const struct vt_scan_found *found)
{
    if (b->found == NULL)
        b->found = malloc(b->count * sizeof(*b->found));
    if (b->found == NULL)
        return VT_E_NOMEM;
    b->found[b->found_count++] = *found;
    return VT_OK;
}

static void
look_into(struct vt_scan *s, const struct vt_pattern *p, struct block *b)
{
    struct vt_scan_found found;

    for (size_t i = 0; i < b->count && b->err == VT_OK; i++) {
        if (i % LOOK_AT_CLOCK == 0 && vt_clock_monotonic_ms() >= s->until_ms)
            atomic_store(&s->late, true);
        if (atomic_load_explicit(&s->late, memory_order_relaxed) ||
            atomic_load_explicit(&s->stop, memory_order_relaxed))
            return;
        if (find_matches(s, p, &b->text[i], &found, &b->gave_up))
            b->err = keep_found(b, &found);
    }
}

/* Takes up the next block that waits and looks into it; the mutex is held, but for that. */
static void
do_block(struct vt_scan *s, const struct vt_pattern *p)
{
    struct block *b = s->waiting;

    s->waiting = b->next;
    s->waiting_count--;
    s->ahead++;
    (void)pthread_mutex_unlock(&s->mutex);
    look_into(s, p, b);
    (void)pthread_mutex_lock(&s->mutex);
    b->done = true;
    if (b == s->first)
        (void)pthread_cond_signal(&s->done);
}

static void *
help(void *ctx)
{
    struct helper *h = ctx;
    struct vt_scan *s = h->s;

    (void)pthread_mutex_lock(&s->mutex);
    for (;;) {
        while (!atomic_load(&s->stop) && (s->waiting == NULL || s->ahead >= AHEAD_MAX))
            (void)pthread_cond_wait(&s->more, &s->mutex);
        if (atomic_load(&s->stop))
            break;
        do_block(s, h->p);
    }
    (void)pthread_mutex_unlock(&s->mutex);
    return NULL;
}

/* Begins as many as can be had: with fewer it only takes longer. Signals are for the thread
 * that made this one. */
static void
begin_helpers(struct vt_scan *s)
{
    sigset_t all, before;

    s->begun = true;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    while (s->helpers + 1 < s->threads) {
        struct helper *h = &s->helper[s->helpers];

        h->s = s;
        if (vt_pattern_twin(s->pattern, s->until_ms, &h->p, NULL) != VT_OK)
            break;
        if (pthread_create(&h->thread, NULL, help, h) != 0) {
            vt_pattern_free(h->p);
            break;
        }
        s->helpers++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Lets the texts that were put in be looked into. */
static void
close_block(struct vt_scan *s)
{
    struct block *b = s->open;

    if (b == NULL)
        return;
    s->open = NULL; /* moved */
    (void)pthread_mutex_lock(&s->mutex);
    if (s->first == NULL)
        s->first = b;
    else
        s->last->next = b;
    s->last = b;
    if (s->waiting == NULL)
        s->waiting = b;
    s->waiting_count++;
    (void)pthread_cond_signal(&s->more);
    (void)pthread_mutex_unlock(&s->mutex);
}

enum vt_err
vt_scan_put(struct vt_scan *s, const struct vt_scan_text *text, struct vt_why *why)
{
    struct block *b = s->open;

    if (b == NULL) {
        b = malloc(sizeof(*b));
        if (b == NULL)
            return vt_fail(why, VT_E_NOMEM, "no memory to search");
        b->next = NULL;
        b->count = b->bytes = b->found_count = 0;
        b->found = NULL;
        b->done = b->gave_up = false;
        b->err = VT_OK;
        s->open = b;
    }
    b->text[b->count++] = *text;
    b->bytes += text->len;
    if (b->count == BLOCK_TEXTS || b->bytes >= BLOCK_BYTES)
        close_block(s);
    return VT_OK;
}

/* The next result of the first block, which is done; when it has no more it is gone. */
static const struct vt_scan_found *
take_out(struct vt_scan *s, enum vt_err *ret_err)
{
    struct block *b = s->first;

    if (s->at < b->found_count)
        return &b->found[s->at++];
    *ret_err = b->err;
    s->gave_up = s->gave_up || b->gave_up;
    s->at = 0;
    s->first = b->next;
    s->ahead--;
    (void)pthread_cond_signal(&s->more);
    block_free(b);
    return NULL;
}

/* Something to do while the first block is not done. */
static void
go_on(struct vt_scan *s)
{
    if (s->waiting == NULL || s->ahead >= AHEAD_MAX) {
        (void)pthread_cond_wait(&s->done, &s->mutex);
        return;
    }
    if (!s->begun && s->alone++ >= ALONE && s->waiting_count >= WORTH_THREADS)
        begin_helpers(s);
    do_block(s, s->own);
}

enum vt_err
vt_scan_take(struct vt_scan *s, bool all, const struct vt_scan_found **ret, struct vt_why *why)
{
    const struct vt_scan_found *found = NULL;
    enum vt_err err = VT_OK;

    close_block(s);
    (void)pthread_mutex_lock(&s->mutex);
    while (found == NULL && err == VT_OK && s->first != NULL && !atomic_load(&s->late)) {
        if (s->first->done)
            found = take_out(s, &err);
        else if (!all && s->waiting_count < LOW)
            break;
        else
            go_on(s);
    }
    (void)pthread_mutex_unlock(&s->mutex);
    if (err != VT_OK)
        return vt_fail(why, err, "no memory to search");
    *ret = found;
    return VT_OK;
}

bool
vt_scan_late(const struct vt_scan *s)
{
    return atomic_load(&s->late);
}

bool
vt_scan_gave_up(const struct vt_scan *s)
{
    return s->gave_up;
}
