/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a relocation share. Private to src/vault/move*.c.
 */
#ifndef VT_VAULT_MOVE_PARTS_H
#define VT_VAULT_MOVE_PARTS_H

#include "ledger/record.h"
#include "vault/move.h"

/* One move's folder. */
struct vt_move {
    const struct vt_home *home;
    char region[VT_REGION_MAX + 1];
    struct vt_move_state state;
};

/* Whether it is a region's name, so that it may be part of a path. */
bool vt_move_region_valid(const char *region);

/* Reads which way it goes; side VT_MOVE_NONE when there is none. */
VT_MUST enum vt_err vt_move_open(
    const struct vt_home *h, const char *region, struct vt_move *ret, struct vt_why *why);
/* Makes the folder; fine when it is the same move. VT_E_STATE: there is one the other way. */
VT_MUST enum vt_err vt_move_begin(const struct vt_home *h, const char *region,
    enum vt_move_side side, const char *other, struct vt_move *ret, struct vt_why *why);
/* moves/REGION/NAME. */
VT_MUST enum vt_err vt_move_path(const struct vt_move *m, char ret[VT_PATH_MAX],
    struct vt_why *why, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
bool vt_move_has(const struct vt_move *m, const char *name);
/* A small file of the move, written durably, or read (VT_E_NOENT). */
VT_MUST enum vt_err vt_move_put(const struct vt_move *m, const char *name, const void *data,
    size_t len, struct vt_why *why);
VT_MUST enum vt_err vt_move_get(
    const struct vt_move *m, const char *name, struct vt_buf *b, struct vt_why *why);
/* Takes one away, durably; fine when it is not there. */
VT_MUST enum vt_err vt_move_drop(const struct vt_move *m, const char *name, struct vt_why *why);
/* The file `said` of a move of that relocation that is over. */
VT_MUST enum vt_err vt_move_done_path(const struct vt_move *m,
    const struct vt_digest *relocation, char ret[VT_PATH_MAX], struct vt_why *why);
/* The move is over: its folder goes to moves/done/REGION-HEX. */
VT_MUST enum vt_err vt_move_close(
    const struct vt_move *m, const struct vt_digest *relocation, struct vt_why *why);

/* What a relocation document says; form checked, signatures not. */
struct vt_move_terms {
    struct vt_digest digest; /* of the document */
    struct vt_relocation is;
};
VT_MUST enum vt_err vt_move_terms(
    const struct vt_doc *d, struct vt_move_terms *ret, struct vt_why *why);
/* Of the first item of an evidence file of the move, which was checked when it was stored. */
VT_MUST enum vt_err vt_move_terms_load(const struct vt_move *m, const char *evidence,
    struct vt_move_terms *ret, struct vt_why *why);

/* Reads one segment file of the region at this home against its row. */
VT_MUST enum vt_err vt_move_segment_path(const struct vt_home *h, const char *region,
    const uint8_t id[VT_SEGMENT_ID_SIZE], char ret[VT_PATH_MAX], struct vt_why *why);

/* The root of n rows of 72 bytes. */
void vt_move_rows_root(const uint8_t *rows, size_t n, struct vt_digest *ret);

/* The ids of rows whose segments retention removed before the move: 16 bytes each, sorted. */
struct vt_move_ids {
    size_t count;
    const uint8_t *id;
};
bool vt_move_ids_has(const struct vt_move_ids *v, const uint8_t id[VT_SEGMENT_ID_SIZE]);
/* Sorted, none twice. */
bool vt_move_ids_sorted(const struct vt_move_ids *v);

#endif
