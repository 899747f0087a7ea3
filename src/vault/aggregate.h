/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The aggregator: all that leaves a run. It merges what the cells of a job wrote
 * and publishes a row only when at least `threshold` cells gave it. Cells have
 * disjoint sets of data subjects, so at least that many distinct subjects stand behind each
 * row, whatever the job writes. docs/formats/aggregate.md. No I/O.
 *
 *     {"keys":1,"measures":["sum","max"],"names":["user","events","largest"]}
 *     ["alice",12,7]
 *
 * What fewer cells say is not told to anybody: not rows, not that a cell failed, and not
 * exactly how many rows were held back.
 */
#ifndef VT_VAULT_AGGREGATE_H
#define VT_VAULT_AGGREGATE_H

#include "crypto/digest.h"
#include "vault/noise.h"

#define VT_CELLS_MAX 256U
#define VT_KEYS_MAX 16U            /* key columns of a row */
#define VT_ROW_MAX (64U * 1024U)   /* bytes of a line of a job's output */
#define VT_CELL_ROWS_MAX 1000000U  /* rows of one cell */
#define VT_RESULT_MAX (64U << 20U) /* bytes of a result */

struct vt_aggregate_opts {
    struct vt_digest request;            /* goes into the result's first line */
    unsigned cells;                      /* 1 to VT_CELLS_MAX */
    uint32_t threshold;                  /* cells that a row needs: 1 to cells */
    uint32_t rows_max;                   /* a cell may give: 1 to VT_CELL_ROWS_MAX */
    uint64_t epsilon;                    /* thousandths; 0: no noise, no clipping */
    struct vt_noise_bounds bounds;       /* when epsilon is not 0 */
    const struct vt_noise_source *noise; /* likewise; outlives the aggregator */
};

/* What became of a cell that gave no rows. */
enum vt_cell_failure {
    VT_CELL_STATUS = 1, /* the job ended with a status other than 0 */
    VT_CELL_TIME,
    VT_CELL_MEMORY,
    VT_CELL_OUTPUT_SIZE,
    VT_CELL_LIMIT,  /* another limit of the sandbox */
    VT_CELL_OUTPUT, /* what it wrote is not of the form above */
    VT_CELL_FAILURE_COUNT
};
const char *vt_cell_failure_name(enum vt_cell_failure f);

struct vt_aggregate;

/* VT_E_USAGE for options that cannot be; VT_E_NOMEM. */
VT_MUST enum vt_err vt_aggregate_new(
    const struct vt_aggregate_opts *opts, struct vt_aggregate **ret, struct vt_why *why);
/* Takes NULL; wipes. */
void vt_aggregate_free(struct vt_aggregate *a);

/* The whole output of one cell that got at least one record and whose job ended well. Output of
 * another form counts as failure VT_CELL_OUTPUT and nothing of it is used: that is VT_OK too,
 * for who calls must not behave otherwise. VT_E_NOMEM; VT_E_STATE: more cells than there are.
 */
VT_MUST enum vt_err vt_aggregate_add(
    struct vt_aggregate *a, const void *output, size_t len, struct vt_why *why);
/* A cell that got at least one record and failed; status counts for VT_CELL_STATUS only. */
VT_MUST enum vt_err vt_aggregate_fail(
    struct vt_aggregate *a, enum vt_cell_failure f, int status, struct vt_why *why);

/* What may be told of a run. */
struct vt_aggregate_sum {
    uint64_t rows;      /* published */
    uint64_t held_back; /* not published: 0, or the next power of two at or above */
    unsigned cells;     /* that got records */
};
/* Appends the result. VT_E_CHILD: at least `threshold` cells failed in the same way, which the
 * message names; what fewer failed in is silent. VT_E_LIMIT: the result is too large;
 * errors of the noise. To be called once. */
VT_MUST enum vt_err vt_aggregate_put(
    struct vt_aggregate *a, struct vt_buf *b, struct vt_aggregate_sum *ret, struct vt_why *why);

#endif
