/* SPDX-License-Identifier: Apache-2.0 */
/* What the library's files share. For src/search/library*.c alone. */
#ifndef VT_SEARCH_LIBRARY_HELD_H
#define VT_SEARCH_LIBRARY_HELD_H

#include "base/file.h"
#include "search/folder.h"
#include "search/shard.h"
#include "sql/sql.h"

#define VT_LIBRARY_VERSION 1
#define VT_LIBRARY_TABLES "library.db" /* below the library's folder */
#define VT_LIBRARY_SHARDS "shards"
#define VT_LIBRARY_WORK "work" /* what is being made; removed when a writer opens */

/* A blob's number in the tables: its shard and its place there. Blobs too large to be kept have
 * numbers from VT_LIBRARY_LARGE on. */
#define VT_LIBRARY_SHARD_BITS 18
#define VT_LIBRARY_LARGE (INT64_C(1) << 60)
#define VT_LIBRARY_BLOB(shard_, number_)                                                       \
    ((int64_t)(((uint64_t)(shard_) << VT_LIBRARY_SHARD_BITS) | (number_)))
_Static_assert(VT_SHARD_BLOBS_MAX == 1U << VT_LIBRARY_SHARD_BITS, "numbers of blobs");

struct vt_library_snapshot {
    int64_t seq; /* from 1, in the order of adding */
    struct vt_digest source;
    int64_t folder; /* its top */
    struct vt_library_source total;
};

struct vt_library_shard {
    uint32_t id;
    uint32_t generation;   /* of its file, which is written anew while it is small */
    struct vt_shard *open; /* NULL: not yet */
};

struct vt_library_where;

struct vt_library {
    char dir[VT_PATH_MAX];
    bool writable;
    struct vt_lock lock;
    struct vt_sql *db;
    dev_t dev; /* of the tables' file, to see that they were made anew */
    ino_t ino;
    int64_t version;                  /* SQLite's data_version when all below was read */
    struct vt_library_snapshot *snap; /* by seq */
    size_t snap_count;
    struct vt_library_shard *shard; /* by id */
    size_t shard_count;
    int64_t within_snap; /* the snapshot that was searched last; 0: none */
    int64_t *within;     /* the numbers of its texts, sorted */
    size_t within_count;
    bool git;                       /* libgit2 is in use */
    struct vt_library_where *where; /* NULL: nothing was asked since it was read */
};

/* Reads snapshots and shards from the tables. */
VT_MUST enum vt_err vt_library_reload(struct vt_library *l, struct vt_why *why);
/* VT_E_NOENT. The snapshot stays until the next refresh. */
VT_MUST enum vt_err vt_library_seek(const struct vt_library *l, const struct vt_digest *source,
    const struct vt_library_snapshot **ret, struct vt_why *why);
/* The place of a shard's file. */
VT_MUST enum vt_err vt_library_shard_path(const struct vt_library *l, const char *folder,
    uint32_t id, uint32_t generation, char ret[VT_PATH_MAX], struct vt_why *why);
/* Opens shards[at], once. */
VT_MUST enum vt_err vt_library_shard_open(
    struct vt_library *l, size_t at, struct vt_shard **ret, struct vt_why *why);
/* The bytes of a blob's number, where its shard is mapped. VT_E_LIMIT: it is too large to be
 * kept. */
VT_MUST enum vt_err vt_library_bytes(struct vt_library *l, int64_t blob, struct vt_digest *ret,
    const uint8_t **ret_data, size_t *ret_len, struct vt_why *why);
/* The number of a blob; VT_E_NOENT. */
VT_MUST enum vt_err vt_library_number(
    struct vt_library *l, const struct vt_digest *blob, int64_t *ret, struct vt_why *why);
/* A text, mapped. VT_E_STATE: it is none, or too long to be shown. */
VT_MUST enum vt_err vt_library_text(struct vt_library *l, const struct vt_digest *blob,
    const uint8_t **ret_data, size_t *ret_len, struct vt_why *why);

/* Puts a folder's packed entries into b, in place of what it holds. */
VT_MUST enum vt_err vt_library_folder(
    struct vt_library *l, int64_t folder, struct vt_buf *b, struct vt_why *why);
#define VT_LIBRARY_FOLDER_MAX (900U << 20)
/* Walks down a path from a top folder; what is found points into b. VT_E_NOENT. */
VT_MUST enum vt_err vt_library_walk_to(struct vt_library *l, int64_t top, const char *path,
    struct vt_buf *b, struct vt_folder_entry *ret, struct vt_why *why);
/* The same in one snapshot after another: what lies in folders that two have in common is
 * looked at once. */
struct vt_library_trail {
    const char *path;
    int64_t folder[VT_LIBRARY_PATH_MAX / 2 + 1]; /* on the way of the last walk */
    struct vt_buf b;
    struct vt_folder_entry found;
    bool has;
};
void vt_library_trail_init(struct vt_library_trail *t, const char *path);
void vt_library_trail_release(struct vt_library_trail *t);
/* Sets t->has, and t->found when it is there and is a file or link. */
VT_MUST enum vt_err vt_library_trail_next(struct vt_library *l, struct vt_library_trail *t,
    const struct vt_library_snapshot *s, struct vt_why *why);

/* Where blobs are. A set of snapshots is one bit for each of l->snap, 64 a word. */
void vt_library_where_free(struct vt_library_where *w);
#define VT_LIBRARY_HAS(set_, at_) (((set_)[(at_) / 64] >> ((at_) % 64) & 1) != 0)
/* The snapshots that have a blob. *ret_set is valid until the next such question. */
VT_MUST enum vt_err vt_library_where(
    struct vt_library *l, int64_t blob, const uint64_t **ret_set, struct vt_why *why);
/* Calls fn for each path of a blob in snap[at] until it returns false. */
VT_MUST enum vt_err vt_library_paths(struct vt_library *l, int64_t blob, size_t at,
    bool (*fn)(void *ctx, const char *path, const struct vt_folder_entry *e), void *ctx,
    struct vt_why *why);

/* Lines that differ between two texts. */
VT_MUST enum vt_err vt_library_count_lines(struct vt_library *l, const uint8_t *old_data,
    size_t old_len, const uint8_t *new_data, size_t new_len, uint64_t *ret_added,
    uint64_t *ret_removed, struct vt_why *why);
/* Ends the use of libgit2, which the first difference began. */
void vt_library_diff_end(struct vt_library *l);

/* Removes what an adding that failed or was killed left: shards that the tables do not know. */
VT_MUST enum vt_err vt_library_sweep(struct vt_library *l, struct vt_why *why);

#endif
