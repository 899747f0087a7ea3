/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the aggregator share: a job's output taken apart, and what has been
 * merged of it. Private to them.
 */
#ifndef VT_VAULT_AGGREGATE_PARTS_H
#define VT_VAULT_AGGREGATE_PARTS_H

#include "vault/aggregate.h"

#define VT_COLUMN_NAME_MAX 128U /* bytes */

enum vt_merge { VT_MERGE_SUM = 1, VT_MERGE_MAX, VT_MERGE_MIN };

struct vt_rows_head {
    size_t keys;
    size_t measures;
    enum vt_merge merge[VT_MEASURES_MAX];
    bool named;
    char name[VT_KEYS_MAX + VT_MEASURES_MAX][VT_COLUMN_NAME_MAX + 1];
};
bool vt_rows_head_eq(const struct vt_rows_head *a, const struct vt_rows_head *b);
const char *vt_merge_name(enum vt_merge m);

/* One row: its key columns as u32 length ‖ UTF-8 each, and its measures. Points into the
 * buffer it was read with. */
struct vt_row {
    const uint8_t *key;
    size_t key_len;
    int64_t measure[VT_MEASURES_MAX];
};

/* VT_E_SYNTAX, VT_E_LIMIT, VT_E_NOMEM. */
VT_MUST enum vt_err vt_rows_head_parse(
    const void *line, size_t len, struct vt_rows_head *ret, struct vt_why *why);
/* `key` is overwritten with the row's key columns. */
VT_MUST enum vt_err vt_row_parse(const struct vt_rows_head *h, const void *line, size_t len,
    struct vt_buf *key, struct vt_row *ret, struct vt_why *why);

/*
 * Cells come one after the other. A cell's output is read whole into `cell` first and
 * merged only when all of it was good, so a cell counts with all of its rows or with none.
 * Merged rows lie in a table with open addressing over their keys; a row knows by how
 * many cells it was given and by which one last, because one cell may give a key twice.
 *
 * Cells may differ in their head line too, and that is held to the threshold as well: a row's
 * key begins with the number of its head, and only rows of the head that most cells
 * (and enough) gave are published.
 */
struct vt_merged {
    size_t key; /* offset in keys */
    uint32_t key_len;
    uint32_t head;
    uint32_t cells;
    uint32_t last_cell; /* counted from 1 */
    int64_t measure[VT_MEASURES_MAX];
    bool over[VT_MEASURES_MAX]; /* a sum passed what an integer holds, and stays there */
};

struct vt_rows_given {
    struct vt_rows_head head;
    unsigned cells;
};

struct vt_aggregate {
    struct vt_aggregate_opts opts;
    unsigned cells; /* taken so far, failed ones too */
    size_t head_count;
    struct vt_rows_given head[VT_CELLS_MAX];
    unsigned status[256]; /* cells that failed so */
    unsigned failed[VT_CELL_FAILURE_COUNT];
    struct vt_buf keys;
    struct vt_merged *row;
    size_t row_count;
    size_t row_room;
    uint32_t *slot; /* row number + 1; 0: free */
    size_t slot_count;
    /* The cell being read. */
    struct vt_buf key;
    struct vt_buf cell; /* for each row: u32 key length ‖ key ‖ measures */
};

#endif
