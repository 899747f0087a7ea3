/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a witness's records share. Private to src/witness.
 */
#ifndef VT_WITNESS_RECORDS_HELD_H
#define VT_WITNESS_RECORDS_HELD_H

#include "base/file.h"
#include "witness/journal.h"
#include "witness/records.h"

/* What a log was before a change that is not durable yet. */
struct vt_witness_undo {
    struct vt_witness_log *log;
    uint64_t size;
    struct vt_digest root;
    uint64_t time;
    uint8_t *note;
    uint32_t note_len;
};

struct vt_witness_records {
    char dir[VT_PATH_MAX];
    struct vt_lock lock;
    bool locked;
    struct vt_witness_table *table;
    struct vt_witness_journal *journal;
    int64_t try_ms;      /* before that no new file is tried */
    struct vt_buf batch; /* what is staged, as the journal takes it */
    struct vt_witness_undo *undo;
    size_t undos;
    size_t undo_room;
};

/* Gives the records of all logs that have one, as the base of a new journal. */
struct vt_witness_walk {
    const struct vt_witness_table *table;
    size_t at;
};
/* Valid as long as the walk and the table are. */
struct vt_witness_base vt_witness_walk_base(struct vt_witness_walk *w);

#endif
