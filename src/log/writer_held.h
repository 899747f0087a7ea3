/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log's writer as it is held in memory. For the files writer*.c alone.
 *
 * Three kinds of fields: the taking side's, the tree's side's, and those that both use, which
 * are atomic or have a mutex.
 */
#ifndef VT_LOG_WRITER_HELD_H
#define VT_LOG_WRITER_HELD_H

#include "base/file.h"
#include "log/derive.h"
#include "log/entries.h"
#include "log/wal.h"
#include "log/window.h"
#include "log/writer.h"
#include "note/frozen.h"

#include <pthread.h>
#include <stdatomic.h>

/* Whether entries are taken. */
enum vt_log_gate {
    VT_LOG_OPEN,
    VT_LOG_CLOSING, /* the log is being frozen: it may open again */
    VT_LOG_FROZEN,
};

struct vt_log_writer {
    char dir[VT_PATH_MAX];
    char public_dir[VT_PATH_MAX];
    char origin[VT_KEY_NAME_MAX + 1];
    struct vt_lock lock;
    bool locked;
    uint64_t cut;

    /* The taking side's. */
    struct vt_wal *wal;
    struct vt_window *names;
    uint64_t taken_bytes;  /* of entries that were committed since opening */
    uint64_t queued_bytes; /* of those that are queued */

    /* Both sides'. */
    pthread_mutex_t gate_mutex;     /* held over a commit, and while the gate is moved */
    atomic_int gate;                /* enum vt_log_gate */
    _Atomic uint64_t derived_bytes; /* of the entries of taken_bytes, those that were derived */
    struct vt_entries *entries;

    /* The tree's side's. */
    struct vt_wal_follow *follow;
    struct vt_derive *derive;
    struct vt_buf signed_note;
    bool has_signed;
    struct vt_checkpoint signed_cp;
    struct vt_buf frozen_note; /* DIR/frozen's bytes; empty: not frozen */
    uint64_t frozen_size;
    bool frozen_checked; /* its signature was verified, or is our own */
};

/* Derives up to `max` entries. */
VT_MUST enum vt_err vt_log_writer_follow(
    struct vt_log_writer *w, uint64_t max, struct vt_why *why);
/* writer_freeze.c: reads DIR/frozen and holds it against what is signed. Its signature is not
 * verified yet, so nothing is made of it. */
VT_MUST enum vt_err vt_log_writer_load_frozen(struct vt_log_writer *w, struct vt_why *why);
/* Makes PUBLIC/frozen when a checkpoint of the last size is published. */
VT_MUST enum vt_err vt_log_writer_publish_frozen(
    struct vt_log_writer *w, const void *note, size_t len, struct vt_why *why);

#endif
