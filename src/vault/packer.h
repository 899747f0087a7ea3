/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing: makes segments of a write-ahead file, one for each region, class and day in it. Each
 * is durable, then its row in the inventory; what was packed before (by a run that was killed)
 * is found there and left as it is. The file itself is not touched.
 */
#ifndef VT_VAULT_PACKER_H
#define VT_VAULT_PACKER_H

#include "store/home.h"
#include "vault/segment_write.h"
#include "vault/taken.h"

struct vt_packer {
    const struct vt_home *home;
    /* As of struct vt_segment_make. */
    enum vt_err (*keys)(void *ctx, const uint8_t id[VT_SEGMENT_ID_SIZE],
        const struct vt_segment_make *m, uint32_t first,
        const uint8_t (*subject)[VT_SUBJECT_SIZE], size_t n, uint8_t (*ret)[32],
        struct vt_why *why);
    void *keys_ctx;
    size_t keys_max;
};

/* What a write-ahead file has become. */
struct vt_packed_segment {
    uint8_t id[VT_SEGMENT_ID_SIZE];
    bool made; /* now, not by an earlier run */
    uint64_t size;
    uint32_t batch_count;
    uint8_t (*batch)[VT_TAKEN_ID];
};
struct vt_packed {
    size_t count;
    struct vt_packed_segment *segment;
};
void vt_packed_release(struct vt_packed *p);

/* Packs the file. VT_E_BUSY: a region in it is being relocated, its segments must wait
 * (vt_move_pending); those of other regions were made. VT_E_REFUSED: the keeper gives no keys
 * for some batches; the others were made. Batches whose days are over are left out and not
 * missed. In all cases *ret says what is in the inventories now; release it. */
VT_MUST enum vt_err vt_packer_run(
    const struct vt_packer *p, const char *path, struct vt_packed *ret, struct vt_why *why);

/* Batches of a region (NULL: of all) that wait in write-ahead files. Reads all of them. */
VT_MUST enum vt_err vt_packer_waiting(
    const struct vt_home *home, const char *region, uint64_t *ret_batches, struct vt_why *why);

#endif
