/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log: the files from which everything public about the log
 * can be derived again. docs/formats/log.md is its page.
 *
 *     DIR/FIRSTINDEX   20 digits: the index of the file's first entry
 *
 * Records are queued and then appended in batches; a batch is durable when vt_wal_commit
 * returns (one write and one fdatasync each), and the next is not begun before. So after a
 * crash at most the last batch of the newest file is damaged, and nobody was told of it: it is
 * cut off. A damaged batch that a good one follows, in the same file or in the next, is damage
 * to acknowledged records: the log is refused and left as it is. A file is begun when the one
 * before has VT_WAL_FILE_MAX bytes, and says how long that one is.
 *
 * One thread appends (put, commit, abandon, drop); another may follow what is durable, with
 * descriptors and memory of its own (vt_wal_follow_new). vt_wal_count and vt_wal_queued may be
 * asked by either.
 */
#ifndef VT_LOG_WAL_H
#define VT_LOG_WAL_H

#include "crypto/digest.h"

#define VT_WAL_RECORD_MAX 65535U
#define VT_WAL_BATCH_MAX (16U * 1024U * 1024U) /* bytes of a batch's records */
#define VT_WAL_QUEUE_MAX 65536U                /* records of a batch */
#define VT_WAL_FILE_MAX (64U * 1024U * 1024U)

struct vt_wal;

/* A record: the entry's bytes and the digest by which a duplicate is known. */
struct vt_wal_record {
    const void *data;
    uint16_t len;
    struct vt_digest name;
};

struct vt_wal_opts {
    const char *origin; /* whose log it is: 1 to 255 bytes, one line */
    uint64_t least;     /* so many records it must hold: they were signed */
    uint64_t file_max;  /* bytes from which on a new file is begun; 0: VT_WAL_FILE_MAX */
};

/* Opens the folder, making it when missing; a single file of that name, as older versions had
 * it, becomes the folder's first file. Cuts off a torn tail and tells how many bytes that were.
 * VT_E_DIGEST: damage in the middle, or a file is missing. VT_E_CONFIG: it is another log's.
 * VT_E_ROLLBACK: fewer than opts->least records. Then nothing is changed. Cost: reads the head
 * of each file, and all of the newest. */
VT_MUST enum vt_err vt_wal_open(const char *dir, const struct vt_wal_opts *opts,
    struct vt_wal **ret, uint64_t *ret_cut, struct vt_why *why);
void vt_wal_free(struct vt_wal *w);

/* How many records are durable, those of dropped files among them. Either thread. */
uint64_t vt_wal_count(const struct vt_wal *w);
/* The index of the first record that is kept. */
uint64_t vt_wal_first(const struct vt_wal *w);

/* Queues a record (copied). VT_E_BUSY: the batch is full, commit first. */
VT_MUST enum vt_err vt_wal_put(struct vt_wal *w, const void *data, uint16_t len,
    const struct vt_digest *name, struct vt_why *why);
/* How many are queued. Either thread. */
uint32_t vt_wal_queued(const struct vt_wal *w);
/* Appends what is queued as one batch, durable when it returns; the queue is empty then in any
 * case. When it fails nothing is appended; when it cannot be known what the disk holds (a
 * failed fdatasync), the WAL takes no more (VT_E_STATE) until it is opened again. */
VT_MUST enum vt_err vt_wal_commit(struct vt_wal *w, struct vt_why *why);
/* Empties the queue. */
void vt_wal_abandon(struct vt_wal *w);

/* Removes the oldest files as long as all their records are below `below`, but never the
 * newest, durably. The caller sees to it that those records are to be had elsewhere: a log
 * opens only when its first kept record is not beyond what was signed. */
VT_MUST enum vt_err vt_wal_drop(
    struct vt_wal *w, uint64_t below, unsigned *ret_files, struct vt_why *why);

/*
 * Following: the durable records from an index on, in order. For one thread each, which may be
 * another than the appending one.
 */
struct vt_wal_follow;
/* VT_E_NOENT: the record was dropped, or lies beyond what is durable and next. `w` must outlive
 * it. Cost: reads the heads of the batches before it in its file. */
VT_MUST enum vt_err vt_wal_follow_new(
    const struct vt_wal *w, uint64_t index, struct vt_wal_follow **ret, struct vt_why *why);
void vt_wal_follow_free(struct vt_wal_follow *f);
/* The index of the record that is next. */
uint64_t vt_wal_follow_index(const struct vt_wal_follow *f);
/* The next record, without stepping over it; its bytes are there until vt_wal_follow_step. Each
 * batch's digest is checked first. VT_E_NOENT: it is not durable yet. VT_E_DIGEST: damage. */
VT_MUST enum vt_err vt_wal_follow_get(
    struct vt_wal_follow *f, struct vt_wal_record *ret, struct vt_why *why);
/* Steps over the record that was got. */
void vt_wal_follow_step(struct vt_wal_follow *f);

#endif
