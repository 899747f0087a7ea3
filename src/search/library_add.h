/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding a snapshot: what its files are while the archive is read, and the folders that are
 * made of them at the end. For src/search/library_add*.c alone.
 */
#ifndef VT_SEARCH_LIBRARY_ADD_H
#define VT_SEARCH_LIBRARY_ADD_H

#include "search/library_work.h"

#define VT_ADDING_PATHS_MAX (512U << 20) /* bytes of all paths and targets */

/* A blob of the snapshot. */
struct vt_adding_blob {
    struct vt_digest digest;
    int64_t id; /* 0: not known yet */
    uint64_t size;
    uint64_t lines;
    bool text;
    bool looked; /* for its symbols */
};

/* A file or link of the snapshot. */
struct vt_adding_file {
    size_t path;   /* a place in `text` */
    size_t target; /* likewise; 0: a file */
    size_t blob;
    const char *language;
};

/* Names of symbols that wait for their row. */
struct vt_adding_names {
    struct vt_buf text;
    struct vt_adding_name {
        size_t name; /* a place in `text` */
        int64_t blob;
    } * name;
    size_t count;
};

struct vt_adding {
    struct vt_library *l;
    int64_t seq;
    struct vt_buf text; /* paths and targets, each ended by a NUL; begins with one */
    struct vt_adding_file *file;
    size_t file_count;
    size_t file_cap;
    struct vt_adding_blob *blob;
    size_t blob_count;
    size_t blob_cap;
    size_t *slot; /* blobs by digest: their index and 1 */
    size_t slot_cap;
    int64_t large; /* blobs that are too large, before */
    struct vt_adding_names names;
    struct vt_job *later; /* symbols of blobs whose number was not known yet */
    struct vt_work *work;
    struct vt_progress *progress;
    struct vt_library_source total;
};

static inline const char *
vt_adding_path(const struct vt_adding *a, const struct vt_adding_file *f)
{
    return (const char *)a->text.data + f->path;
}

void vt_adding_release(struct vt_adding *a);
/* The index of a blob: one that was seen in this archive, one of the tables, or a new one (its
 * id is 0 then, and *ret_new set). */
VT_MUST enum vt_err vt_adding_blob(struct vt_adding *a, const struct vt_digest *digest,
    uint64_t size, size_t *ret, bool *ret_new, struct vt_why *why);
/* Takes a file, or a link with its target (NULL: a file). */
VT_MUST enum vt_err vt_adding_file(struct vt_adding *a, const char *path, const char *target,
    size_t blob, const char *language, struct vt_why *why);

/* Rows of a job that is done. */
VT_MUST enum vt_err vt_adding_put(struct vt_adding *a, struct vt_job *j, struct vt_why *why);
/* Rows of a blob that is too large to be kept. */
VT_MUST enum vt_err vt_adding_put_large(
    struct vt_adding *a, struct vt_adding_blob *b, struct vt_why *why);
/* Rows that wait. */
VT_MUST enum vt_err vt_adding_put_names(struct vt_adding *a, struct vt_why *why);

/* Makes the folders, paths, languages and the snapshot itself. VT_E_SYNTAX: a path stands
 * twice, or is file and folder. */
VT_MUST enum vt_err vt_adding_folders(
    struct vt_adding *a, int64_t *ret_top, struct vt_why *why);
VT_MUST enum vt_err vt_adding_snapshot(
    struct vt_adding *a, const struct vt_digest *source, int64_t top, struct vt_why *why);

#endif
