/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mirror's inside. Private to mirror*.c.
 */
#ifndef VT_LOG_MIRROR_PARTS_H
#define VT_LOG_MIRROR_PARTS_H

#include "log/disk.h"
#include "log/mirror.h"
#include "log/tiles.h"
#include "note/frozen.h"

/* A checkpoint as it was signed. */
struct vt_log_mirror_state {
    struct vt_buf note;
    struct vt_checkpoint checkpoint;
    uint64_t time;
};

struct vt_log_mirror {
    struct vt_fetch *fetch; /* from the log */
    struct vt_fetch *own;   /* from DIR */
    const struct vt_policy *policy;
    struct vt_progress *progress;
    struct vt_lock lock;
    struct vt_disk disk; /* of dir */
    char where[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    bool has; /* a checkpoint */
    struct vt_log_mirror_state had;
    struct vt_buf frozen; /* the final statement, signed; empty: none */
    char evidence[VT_PATH_MAX];
};

/* Copies what a log of got's size has and DIR has not, durably. `tiles` are got's. *ret_bytes:
 * of bundles that were fetched. */
VT_MUST enum vt_err vt_log_mirror_copy(struct vt_log_mirror *m, const struct vt_checkpoint *got,
    struct vt_tiles *tiles, uint64_t *ret_bytes, struct vt_why *why);
/* Removes the partial tiles of DIR that full ones have replaced since the old size. */
VT_MUST enum vt_err vt_log_mirror_drop_partials(
    struct vt_log_mirror *m, uint64_t old_size, uint64_t size, struct vt_why *why);
/* The path of the one file that is written before it gets its name. */
VT_MUST enum vt_err vt_log_mirror_temp(
    const struct vt_log_mirror *m, char ret[VT_PATH_MAX], struct vt_why *why);
/* Gives that file its name DIR/rel, with the folders above it. */
VT_MUST enum vt_err vt_log_mirror_name(
    struct vt_log_mirror *m, const char *rel, struct vt_why *why);
/* Writes DIR/rel whole: beside, then renamed; not durable yet. */
VT_MUST enum vt_err vt_log_mirror_put(
    struct vt_log_mirror *m, const char *rel, const void *data, size_t len, struct vt_why *why);

/* Makes DIR/index what the log's is, as far as the checkpoint covers its roots. `tiles` are of
 * the mirror's own checkpoint. */
VT_MUST enum vt_err vt_log_mirror_index(
    struct vt_log_mirror *m, struct vt_tiles *tiles, struct vt_why *why);

/* Keeps two notes that contradict each other, and sets m->evidence. Their files' names are
 * `had_name` and "got"; `size` is of the newer. proof may be NULL. VT_E_LIMIT: there are as
 * many cases as are kept. */
VT_MUST enum vt_err vt_log_mirror_keep_evidence(struct vt_log_mirror *m, uint64_t size,
    const char *had_name, const struct vt_buf *had, const struct vt_buf *got,
    const struct vt_buf *proof, struct vt_why *why);
/* Appends what a tree has at a smaller size, with the proof of it: the file `proof`. */
VT_MUST enum vt_err vt_log_mirror_put_proof(struct vt_buf *b, const struct vt_hash_source *src,
    uint64_t old_size, uint64_t size, struct vt_why *why);

#endif
