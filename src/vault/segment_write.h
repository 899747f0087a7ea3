/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a segment of batches. The same batches always make the same segment id, so that a
 * segment which was being made when the machine stopped is not made twice.
 */
#ifndef VT_VAULT_SEGMENT_WRITE_H
#define VT_VAULT_SEGMENT_WRITE_H

#include "vault/segment.h"

/* How much a batch adds to a segment at the most; a segment whose batches add up to
 * VT_SEGMENT_FILL bytes and VT_SEGMENT_FILL_BLOCKS blocks at most, and one batch more, can
 * always be made. */
#define VT_SEGMENT_FILL (16U * 1024U * 1024U)
#define VT_SEGMENT_FILL_BLOCKS 131072U
uint64_t vt_segment_weight(const struct vt_batch_header *h);

struct vt_segment_make {
    const char *region;
    const char *site; /* that makes it */
    const char *class_name;
    uint32_t day;
    struct vt_digest policy;
    uint64_t created; /* arrival of the newest batch: seconds since 1970 */
    /* Batches of that region and class, whole and sound, in the order of their arrival. */
    const struct vt_slice *batch;
    size_t count;
    /* Gives the keys of blocks first to first + n - 1 (vt_keeper_seal_keys); n is at most
     * `keys_max`. */
    enum vt_err (*keys)(void *ctx, const uint8_t id[VT_SEGMENT_ID_SIZE],
        const struct vt_segment_make *m, uint32_t first,
        const uint8_t (*subject)[VT_SUBJECT_SIZE], size_t n, uint8_t (*ret)[32],
        struct vt_why *why);
    void *keys_ctx;
    size_t keys_max;
};

/* The id: the first 16 bytes of SHA-256("vitrine/segment-id/v1" ‖ 0 ‖ u8 n ‖ region ‖ u8 n ‖
 * class ‖ u32 day ‖ batch ids, sorted). */
VT_MUST enum vt_err vt_segment_make_id(
    const struct vt_segment_make *m, uint8_t ret[VT_SEGMENT_ID_SIZE], struct vt_why *why);
/* Makes the file folder/ID, durable when it returns, in place of one that is there. Memory: the
 * head, a table of its blocks, and the keys of keys_max blocks in locked memory. */
VT_MUST enum vt_err vt_segment_make(const struct vt_segment_make *m, const char *folder,
    struct vt_segment_row *ret, struct vt_why *why);

#endif
