/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a write-ahead log are made of: heads, batches and names. Private to the
 * files wal*.c. docs/formats/log.md.
 */
#ifndef VT_LOG_WAL_FILE_H
#define VT_LOG_WAL_FILE_H

#include "base/file.h"
#include "log/wal.h"

#include <stdatomic.h>

#define VT_WAL_MARK_OLD 0x56544231U /* "VTB1": of files of the first version */
#define VT_WAL_BATCH_HEAD 20U       /* mark, length of the records, first index, count */
#define VT_WAL_RECORD_HEAD 34U      /* name, length */
#define VT_WAL_HEAD_MAX 512U        /* bytes of a file's head at the most */
#define VT_WAL_NAME_SIZE 21U        /* of a file's name, with the NUL */
#define VT_WAL_ORIGIN_MAX 256U      /* with the NUL */

struct vt_wal {
    int fd; /* of the newest file */
    char dir[VT_PATH_MAX];
    char path[VT_PATH_MAX]; /* of the newest file */
    char origin[VT_WAL_ORIGIN_MAX];
    uint64_t file_max;
    uint64_t first;           /* index of the first record that is kept */
    uint64_t file_first;      /* of the newest file's first */
    uint64_t end;             /* where the newest file's next batch goes */
    _Atomic uint64_t durable; /* records; advanced after their fdatasync */
    atomic_uint queued;
    struct vt_buf batch; /* the next batch: room for its head, then the records */
    uint32_t mark;       /* of the newest file */
    bool unsure;         /* a failed fdatasync: what the disk holds is not known */
};

/* A file's first lines. Its mark is drawn by lot and stands before each of its batches: so
 * whoever may choose entries cannot make bytes that look like the begin of one, each of which
 * would have to be hashed when a torn tail is looked through. */
struct vt_wal_head {
    uint32_t mark;
    uint64_t first;    /* index of its first record */
    bool follows;      /* whether there is, or was, a file before it: */
    uint64_t previous; /* that one's first index */
    uint64_t previous_len;
    size_t len; /* bytes of the head */
};

/* Draws h->mark and appends the head. VT_E_CRYPTO, or what the buffer says. */
VT_MUST enum vt_err vt_wal_head_put(
    struct vt_buf *b, const char *origin, struct vt_wal_head *h, struct vt_why *why);
/* VT_E_DIGEST: no head. VT_E_CONFIG: another log's. */
VT_MUST enum vt_err vt_wal_head_parse(const void *data, size_t len, const char *origin,
    struct vt_wal_head *ret, struct vt_why *why);
/* Reads and parses it. *ret_size: the file's length. */
VT_MUST enum vt_err vt_wal_head_read(int fd, const char *origin, struct vt_wal_head *ret,
    uint64_t *ret_size, struct vt_why *why);

struct vt_wal_batch {
    uint32_t len; /* of its records */
    uint64_t first;
    uint32_t count;
};
/* A batch's head, whose form is right and which has its file's mark. */
VT_MUST bool vt_wal_batch_head(struct vt_reader *r, uint32_t mark, struct vt_wal_batch *ret);
void vt_wal_batch_put_head(
    uint8_t ret[VT_WAL_BATCH_HEAD], uint32_t mark, const struct vt_wal_batch *b);
/* A whole batch: its head makes sense and its digest is right. Points *ret_body at the
 * records. */
VT_MUST bool vt_wal_batch_parse(
    struct vt_reader *r, uint32_t mark, struct vt_wal_batch *ret, struct vt_reader *ret_body);
VT_MUST bool vt_wal_record_parse(struct vt_reader *r, struct vt_wal_record *ret);

/* The files of a folder by their first index, ascending. */
struct vt_wal_files {
    uint64_t *first;
    size_t n;
    size_t cap;
};
VT_MUST enum vt_err vt_wal_files_list(
    const char *dir, struct vt_wal_files *ret, struct vt_why *why);
void vt_wal_files_release(struct vt_wal_files *f);
VT_MUST enum vt_err vt_wal_file_path(
    char ret[VT_PATH_MAX], const char *dir, uint64_t first, struct vt_why *why);

/* wal_open.c: brings the single file of older versions into the folder's place. */
VT_MUST enum vt_err vt_wal_take_over(const char *dir, const char *origin, struct vt_why *why);

#endif
