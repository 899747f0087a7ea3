/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that put new blobs into shards and look for their symbols. Each has a shard
 * that it writes and a ctags of its own; the thread that made them reads the archive, gives
 * them blobs and takes back what they found. For src/search/library_add*.c alone.
 */
#ifndef VT_SEARCH_LIBRARY_WORK_H
#define VT_SEARCH_LIBRARY_WORK_H

#include "search/library_held.h"

/* One blob to be looked at. */
struct vt_job {
    struct vt_job *next;
    size_t known;  /* the adding's own number of the blob */
    uint8_t *data; /* from malloc; freed when it is done */
    size_t len;
    struct vt_digest digest;
    char *name; /* the last part of its path */
    const char *language;
    bool store;   /* put it into a shard */
    bool symbols; /* look for its symbols, or rules */
    /* What was found: */
    int64_t blob; /* its number, when it was put into a shard */
    bool text;
    uint64_t lines;
    struct vt_buf packed; /* its symbols (search/symbols.h); empty: none */
    struct vt_buf rules;  /* each rule's name, a NUL and the digest of its text */
};
void vt_job_free(struct vt_job *j);

/* A shard that a thread wrote, below VT_LIBRARY_WORK. */
struct vt_work_shard {
    uint32_t id;
    uint32_t generation;
    uint32_t blobs;
    uint64_t bytes;
};

#define VT_WORK_THREADS_MAX 2U
struct vt_work_opts {
    const struct vt_library *library;
    unsigned threads;
    uint32_t next_shard; /* the first number that is free */
    /* Shards that the threads go on with, one each; NULL: none. Taken over. */
    struct vt_shard_writer *begun[VT_WORK_THREADS_MAX];
    struct vt_work_shard begun_as[VT_WORK_THREADS_MAX];
};

struct vt_work;
/* Begins the threads; opts->begun is taken over, also on failure. */
VT_MUST enum vt_err vt_work_new(
    const struct vt_work_opts *opts, struct vt_work **ret, struct vt_why *why);
/* Ends the threads and gives up what they wrote. Takes NULL. */
void vt_work_free(struct vt_work *w);
/* Whether there is a ctags. */
bool vt_work_has_ctags(const struct vt_work *w);

/* Takes over a job. */
void vt_work_put(struct vt_work *w, struct vt_job *j);
/* Gives a job that is done, which the caller frees; NULL when none is and there is room for
 * more jobs, for which it waits. The error is the first one of a thread. */
VT_MUST enum vt_err vt_work_take(struct vt_work *w, struct vt_job **ret, struct vt_why *why);
/* After the last job: gives what is done, waiting for it; NULL when all is and the shards are
 * durable. */
VT_MUST enum vt_err vt_work_finish(struct vt_work *w, struct vt_job **ret, struct vt_why *why);
/* Then: the shards. *ret stays with w. */
size_t vt_work_shards(const struct vt_work *w, const struct vt_work_shard **ret);

#endif
