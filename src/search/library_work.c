/* SPDX-License-Identifier: Apache-2.0 */
#include "search/library_work.h"

#include "search/library_look.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define WAITING_MAX (48U << 20) /* bytes of jobs that are waiting */
#define JOBS_MAX 4096U

struct worker {
    struct vt_work *w;
    pthread_t thread;
    bool runs;
    struct vt_look *look;
    struct vt_shard_writer *writer; /* NULL: none at the moment */
    struct vt_work_shard shard;     /* of the writer */
};

struct vt_work {
    const struct vt_library *library;
    struct worker worker[VT_WORK_THREADS_MAX];
    unsigned threads;
    bool has_ctags;
    pthread_mutex_t mutex; /* over all that follows */
    pthread_cond_t more;   /* jobs are waiting, or no more come */
    pthread_cond_t done;   /* a job is done, or a thread has ended */
    struct vt_job *first;
    struct vt_job **last;
    struct vt_job *ready;
    size_t bytes; /* of those that wait */
    size_t jobs;
    unsigned running; /* threads */
    bool finish;
    uint32_t next_shard;
    struct vt_work_shard *shard; /* that are finished */
    size_t shard_count;
    enum vt_err err; /* the first one */
    struct vt_why why;
};

void
vt_job_free(struct vt_job *j)
{
    if (j == NULL)
        return;
    free(j->data);
    free(j->name);
    vt_buf_release(&j->packed);
    vt_buf_release(&j->rules);
    free(j);
}

static enum vt_err
begin_shard(struct worker *k, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err;

    (void)pthread_mutex_lock(&k->w->mutex);
    k->shard = (struct vt_work_shard){.id = k->w->next_shard++, .generation = 1};
    (void)pthread_mutex_unlock(&k->w->mutex);
    err = vt_library_shard_path(
        k->w->library, VT_LIBRARY_WORK, k->shard.id, k->shard.generation, path, why);
    return err == VT_OK ? vt_shard_writer_new(path, &k->writer, why) : err;
}

static enum vt_err
finish_shard(struct worker *k, struct vt_why *why)
{
    struct vt_shard_writer *writer = k->writer;
    struct vt_work_shard *fresh;
    enum vt_err err;

    k->writer = NULL; /* moved */
    if (writer == NULL)
        return VT_OK;
    err = vt_shard_finish(writer, why);
    if (err != VT_OK)
        return err;
    (void)pthread_mutex_lock(&k->w->mutex);
    fresh = realloc(k->w->shard, (k->w->shard_count + 1) * sizeof(*fresh));
    if (fresh != NULL) {
        fresh[k->w->shard_count++] = k->shard;
        k->w->shard = fresh;
    }
    (void)pthread_mutex_unlock(&k->w->mutex);
    return fresh != NULL ? VT_OK : vt_fail(why, VT_E_NOMEM, "no memory for a shard");
}

static enum vt_err
store(struct worker *k, struct vt_job *j, struct vt_why *why)
{
    uint32_t number = 0;
    enum vt_err err = VT_OK;

    for (int turn = 0; turn < 2; turn++) {
        if (k->writer == NULL && (err = begin_shard(k, why)) != VT_OK)
            return err;
        err = vt_shard_add(k->writer, &j->digest, j->data, j->len, j->text, &number, why);
        if (err != VT_E_LIMIT)
            break;
        if ((err = finish_shard(k, why)) != VT_OK) /* it was full */
            return err;
    }
    if (err != VT_OK)
        return err;
    j->blob = VT_LIBRARY_BLOB(k->shard.id, number);
    k->shard.blobs++;
    k->shard.bytes += j->len;
    return VT_OK;
}

static enum vt_err
do_job(struct worker *k, struct vt_job *j, struct vt_why *why)
{
    enum vt_err err;

    vt_look_text(j);
    err = j->store ? store(k, j, why) : VT_OK;
    if (err == VT_OK && j->symbols && j->text)
        err = vt_look_symbols(k->look, j, why);
    free(j->data);
    j->data = NULL;
    return err;
}

/* The next job; NULL: there are no more. */
static struct vt_job *
next_job(struct vt_work *w)
{
    struct vt_job *j;

    (void)pthread_mutex_lock(&w->mutex);
    while (w->first == NULL && !w->finish && w->err == VT_OK)
        (void)pthread_cond_wait(&w->more, &w->mutex);
    j = w->err == VT_OK ? w->first : NULL;
    if (j != NULL) {
        w->first = j->next;
        if (w->first == NULL)
            w->last = &w->first;
    }
    (void)pthread_mutex_unlock(&w->mutex);
    return j;
}

static void
keep_error(struct vt_work *w, enum vt_err err, const struct vt_why *why)
{
    if (w->err != VT_OK || err == VT_OK)
        return;
    w->err = err;
    w->why = *why;
    (void)pthread_cond_broadcast(&w->more);
}

static void
tell_done(
    struct vt_work *w, struct vt_job *j, size_t len, enum vt_err err, const struct vt_why *why)
{
    (void)pthread_mutex_lock(&w->mutex);
    w->bytes -= len;
    w->jobs--;
    j->next = w->ready;
    w->ready = j;
    keep_error(w, err, why);
    (void)pthread_cond_signal(&w->done);
    (void)pthread_mutex_unlock(&w->mutex);
}

static bool
has_failed(struct vt_work *w)
{
    bool failed;

    (void)pthread_mutex_lock(&w->mutex);
    failed = w->err != VT_OK;
    (void)pthread_mutex_unlock(&w->mutex);
    return failed;
}

static void *
worker_main(void *ctx)
{
    struct worker *k = ctx;
    struct vt_why why = {0};
    enum vt_err err = VT_OK;
    struct vt_job *j;

    while (err == VT_OK && (j = next_job(k->w)) != NULL) {
        size_t len = j->len;

        err = do_job(k, j, &why);
        tell_done(k->w, j, len, err, &why);
    }
    /* ctags dies with the thread that started it: it is ended here. */
    vt_look_free(k->look);
    k->look = NULL;
    if (err == VT_OK && !has_failed(k->w))
        err = finish_shard(k, &why);
    (void)pthread_mutex_lock(&k->w->mutex);
    keep_error(k->w, err, &why);
    k->w->running--;
    (void)pthread_cond_signal(&k->w->done);
    (void)pthread_mutex_unlock(&k->w->mutex);
    return NULL;
}

/* Signals are for the thread that made this one. */
static enum vt_err
start(struct worker *k, struct vt_why *why)
{
    sigset_t all;
    sigset_t before;
    int failed;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    failed = pthread_create(&k->thread, NULL, worker_main, k);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0)
        return vt_fail(why, VT_E_NOMEM, "cannot start a thread");
    k->runs = true;
    k->w->running++;
    return VT_OK;
}

enum vt_err
vt_work_new(const struct vt_work_opts *opts, struct vt_work **ret, struct vt_why *why)
{
    struct vt_work *w = calloc(1, sizeof(*w));
    enum vt_err err = VT_OK;

    if (w == NULL) {
        for (unsigned i = 0; i < VT_WORK_THREADS_MAX; i++)
            vt_shard_writer_free(opts->begun[i]);
        return vt_fail(why, VT_E_NOMEM, "no memory to add a source");
    }
    w->library = opts->library;
    w->next_shard = opts->next_shard;
    w->last = &w->first;
    (void)pthread_mutex_init(&w->mutex, NULL);
    (void)pthread_cond_init(&w->more, NULL);
    (void)pthread_cond_init(&w->done, NULL);
    for (unsigned i = 0; i < VT_WORK_THREADS_MAX; i++) {
        w->worker[i].writer = opts->begun[i];
        w->worker[i].shard = opts->begun_as[i];
    }
    w->threads = opts->threads < VT_WORK_THREADS_MAX ? opts->threads : VT_WORK_THREADS_MAX;
    for (unsigned i = 0; err == VT_OK && i < w->threads; i++) {
        w->worker[i].w = w;
        err = vt_look_new(&w->worker[i].look, why);
    }
    w->has_ctags = err == VT_OK && vt_look_has_ctags(w->worker[0].look);
    (void)pthread_mutex_lock(&w->mutex);
    for (unsigned i = 0; err == VT_OK && i < w->threads; i++)
        err = start(&w->worker[i], why);
    (void)pthread_mutex_unlock(&w->mutex);
    if (err != VT_OK) {
        vt_work_free(w);
        return err;
    }
    *ret = w;
    return VT_OK;
}

static void
free_jobs(struct vt_job *j)
{
    while (j != NULL) {
        struct vt_job *next = j->next;

        vt_job_free(j);
        j = next;
    }
}

void
vt_work_free(struct vt_work *w)
{
    static const struct vt_why given_up = {"given up"};

    if (w == NULL)
        return;
    (void)pthread_mutex_lock(&w->mutex);
    keep_error(w, VT_E_STATE, &given_up);
    (void)pthread_mutex_unlock(&w->mutex);
    for (unsigned i = 0; i < VT_WORK_THREADS_MAX; i++) {
        if (w->worker[i].runs)
            (void)pthread_join(w->worker[i].thread, NULL);
        vt_look_free(w->worker[i].look);
        vt_shard_writer_free(w->worker[i].writer);
    }
    free_jobs(w->first);
    free_jobs(w->ready);
    (void)pthread_mutex_destroy(&w->mutex);
    (void)pthread_cond_destroy(&w->more);
    (void)pthread_cond_destroy(&w->done);
    free(w->shard);
    free(w);
}

void
vt_work_put(struct vt_work *w, struct vt_job *j)
{
    (void)pthread_mutex_lock(&w->mutex);
    j->next = NULL;
    *w->last = j;
    w->last = &j->next;
    w->bytes += j->len;
    w->jobs++;
    (void)pthread_cond_signal(&w->more);
    (void)pthread_mutex_unlock(&w->mutex);
}

/* all: wait until the threads have ended; else until there is room. */
static enum vt_err
take(struct vt_work *w, bool all, struct vt_job **ret, struct vt_why *why)
{
    enum vt_err err;

    (void)pthread_mutex_lock(&w->mutex);
    while (w->err == VT_OK && w->ready == NULL &&
           (all ? w->running > 0 : w->bytes > WAITING_MAX || w->jobs > JOBS_MAX))
        (void)pthread_cond_wait(&w->done, &w->mutex);
    err = w->err;
    if (err != VT_OK && why != NULL)
        *why = w->why;
    if (err == VT_OK) {
        *ret = w->ready;
        if (w->ready != NULL)
            w->ready = w->ready->next;
    }
    (void)pthread_mutex_unlock(&w->mutex);
    return err;
}

enum vt_err
vt_work_take(struct vt_work *w, struct vt_job **ret, struct vt_why *why)
{
    return take(w, false, ret, why);
}

enum vt_err
vt_work_finish(struct vt_work *w, struct vt_job **ret, struct vt_why *why)
{
    (void)pthread_mutex_lock(&w->mutex);
    w->finish = true;
    (void)pthread_cond_broadcast(&w->more);
    (void)pthread_mutex_unlock(&w->mutex);
    return take(w, true, ret, why);
}

bool
vt_work_has_ctags(const struct vt_work *w)
{
    return w->has_ctags;
}

size_t
vt_work_shards(const struct vt_work *w, const struct vt_work_shard **ret)
{
    *ret = w->shard;
    return w->shard_count;
}
