/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processes of a run are given, and the messages that they send to the one that
 * started them. Private to the job.
 *
 *     TICK    u64 segments read                               feeder
 *     FED     counts, u16 n: cells 0 to n-1 got records      feeder
 *     CELL    u8 what (0 ended well, else enum vt_cell_failure), u32 status   cell
 *     SEALED  u64 rows, u64 held back, u32 cells              gatherer
 *     FAILED  u32 the error's code, negated; text             all of them
 *
 * The gatherer is sent one message, when all cells have ended and all segments were what they
 * should be: ENDED, u16 cells, for each u8 got records, u8 what, u32 status.
 */
#ifndef VT_VAULT_JOB_PARTS_H
#define VT_VAULT_JOB_PARTS_H

#include "vault/job.h"

enum {
    VT_JOB_TICK = 1,
    VT_JOB_FED,
    VT_JOB_CELL,
    VT_JOB_SEALED,
    VT_JOB_FAILED,
    VT_JOB_ENDED,
};
#define VT_JOB_MESSAGE_MAX 8192U

struct vt_job_cell {
    const struct vt_job *job;
    const char *work; /* a folder of its own */
    unsigned cells;   /* in all */
    int64_t deadline_ms;
    int in;  /* records */
    int out; /* rows */
};
int vt_job_cell_main(int fd, void *ctx);

struct vt_job_feed {
    const struct vt_job *job;
    unsigned cells;
    int in[VT_CELLS_MAX]; /* the cells' standard inputs, to be written to */
    int customers;        /* file in memory that gets vt_customers_put */
};
int vt_job_feed_main(int fd, void *ctx);

struct vt_job_gather {
    const struct vt_job *job;
    unsigned cells;
    struct vt_noise_bounds bounds;
    int out[VT_CELLS_MAX]; /* the cells' standard outputs */
    int sealed;            /* file in memory that gets the result */
};
int vt_job_gather_main(int fd, void *ctx);

/* Sends FAILED; wipes nothing, since messages of errors hold no plain text. */
void vt_job_send_failed(int fd, enum vt_err err, const struct vt_why *why);
/* Sends what is in b, which it releases. */
VT_MUST enum vt_err vt_job_send(int fd, uint16_t type, struct vt_buf *b, struct vt_why *why);

/* This process opens no file for writing, makes no socket and runs no program any more, and
 * what it starts neither. VT_E_STATE where the kernel has no seccomp. */
VT_MUST enum vt_err vt_job_confine(struct vt_why *why);
/* Whether the machine has swap in use; when that cannot be seen: yes. */
bool vt_job_swap(void);

#endif
