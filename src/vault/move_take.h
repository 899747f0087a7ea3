/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a relocation as paths below VT_MOVE_PATH. Private to src/vault/move*.c and their
 * tests.
 *
 *     REGION/begin                  evidence of the relocation (and of the region's key)
 *     REGION/rows/OFFSET            rows of the inventory, a piece
 *     REGION/retired/TOTAL/OFFSET   ids of segments that retention removed, a piece
 *     REGION/missing/ROW            lists segments still wanted, from that row on
 *     REGION/segment/ROW/OFFSET     a piece of that row's segment
 *     REGION/keys/TOTAL/OFFSET      a piece of the sealed keys
 *     REGION/take                   u32 n ‖ voucher (move_voucher.h), evidence made for the
 * tree that the keeper knows REGION/end                    all is sent; asked again until the
 * receipt is there
 *
 * Each but `missing` answers with one line, what is wanted next: `rows OFFSET`, `retired
 * OFFSET`, `segments`, `keys OFFSET`, `take SIZE`, `end`, `checking`, `receipt sha256:HEX
 * INDEX`.
 */
#ifndef VT_VAULT_MOVE_TAKE_H
#define VT_VAULT_MOVE_TAKE_H

#include "vault/move_parts.h"
#include "vault/retain.h"

enum vt_move_step { /* in this order */
    VT_MOVE_STEP_BEGIN = 1,
    VT_MOVE_STEP_ROWS,
    VT_MOVE_STEP_RETIRED,
    VT_MOVE_STEP_MISSING,
    VT_MOVE_STEP_SEGMENT,
    VT_MOVE_STEP_KEYS,
    VT_MOVE_STEP_TAKE,
    VT_MOVE_STEP_END,
};

struct vt_move_path {
    char region[VT_REGION_MAX + 1];
    enum vt_move_step step;
    uint64_t number; /* TOTAL or ROW, where there are two */
    uint64_t offset; /* OFFSET, or the only number */
};
/* Strict: numbers without leading zeros, nothing more. Pure. */
VT_MUST bool vt_move_path_parse(const char *path, struct vt_move_path *ret);

/* One POST being answered. */
struct vt_move_taking {
    const struct vt_move_taker *t;
    struct vt_move move;
    struct vt_move_terms terms;
    const void *body;
    size_t len;
    struct vt_buf *answer;
    bool answered; /* without a state */
};

/* move_piece.c: the size of a file of the move; false when there is none. */
bool vt_move_size_of(const struct vt_move *m, const char *name, uint64_t *ret);
/* Appends the body to NAME.part, which must have exactly `offset` bytes (VT_E_STATE); when it
 * then has `total`, makes it durable: *ret_whole. VT_E_LIMIT: more than total. */
VT_MUST enum vt_err vt_move_append(const struct vt_move_taking *k, const char *name,
    uint64_t offset, uint64_t total, bool *ret_whole, struct vt_why *why);
/* NAME.part becomes `to`, in folder `dir`; or NAME, in the move's own. */
VT_MUST enum vt_err vt_move_install(const struct vt_move *m, const char *name, const char *to,
    const char *dir, struct vt_why *why);
VT_MUST enum vt_err vt_move_install_here(
    const struct vt_move *m, const char *name, struct vt_why *why);
VT_MUST enum vt_err vt_move_drop_part(
    const struct vt_move *m, const char *name, struct vt_why *why);

/* move_segments.c: one step each. */
VT_MUST enum vt_err vt_move_take_rows(
    struct vt_move_taking *k, uint64_t offset, struct vt_why *why);
VT_MUST enum vt_err vt_move_take_retired(
    struct vt_move_taking *k, uint64_t total, uint64_t offset, struct vt_why *why);
VT_MUST enum vt_err vt_move_take_segment(
    struct vt_move_taking *k, uint64_t number, uint64_t offset, struct vt_why *why);
VT_MUST enum vt_err vt_move_take_missing(
    struct vt_move_taking *k, uint64_t from, struct vt_why *why);
VT_MUST enum vt_err vt_move_take_keys(
    struct vt_move_taking *k, uint64_t total, uint64_t offset, struct vt_why *why);
VT_MUST enum vt_err vt_move_take_into_keeper(struct vt_move_taking *k, struct vt_why *why);

/* move_merge.c: some rows more, once the clerk has checked everything. */
VT_MUST enum vt_err vt_move_merge(struct vt_move_taking *k, struct vt_why *why);

#endif
