/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A passport as it is held in memory. For passport.c, which makes it, and
 * passport_check.c, which reads it.
 */
#ifndef VT_NOTE_PASSPORT_HELD_H
#define VT_NOTE_PASSPORT_HELD_H

#include "note/passport.h"

struct vt_passport_item {
    uint64_t index;
    struct vt_proof path;
    struct vt_entry entry;
    struct vt_note note; /* points into bytes */
    size_t len;
    uint8_t bytes[];
};

struct vt_passport {
    struct vt_digest artifact;
    size_t count;
    struct vt_passport_item *item[VT_PASSPORT_ENTRIES_MAX]; /* owned, by index */
    uint8_t *checkpoint;                                    /* owned; NULL until set */
    size_t checkpoint_len;
};

#endif
