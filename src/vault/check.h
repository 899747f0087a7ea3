/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks whether all of a vault is whole: every segment's root against the inventory, every file
 * against a row, every write-ahead file, and the ring. Reads everything; changes nothing. May
 * run beside a vault that runs.
 */
#ifndef VT_VAULT_CHECK_H
#define VT_VAULT_CHECK_H

#include "store/home.h"
#include "vault/keeper.h"

struct vt_progress;

struct vt_check_counts {
    uint64_t regions;
    uint64_t segments;
    uint64_t records;
    uint64_t bytes;   /* of segment files */
    uint64_t removed; /* rows whose segment retention removed */
    uint64_t waiting; /* batches in write-ahead files */
    uint64_t damaged; /* segments that are not what the inventory says */
    uint64_t missing; /* rows without a file */
    uint64_t surplus; /* files without a row: left by a run that was killed */
    uint64_t torn;    /* bytes of write-ahead files that nobody was told of */
};

/* Calls tell for each thing that is wrong, with one line. VT_OK when it could look at all: then
 * the counts say what it found. keeper may be NULL: the ring is not asked. */
VT_MUST enum vt_err vt_vault_check(const struct vt_home *home, struct vt_keeper *keeper,
    void (*tell)(void *ctx, const char *line), void *ctx, struct vt_progress *progress,
    struct vt_check_counts *ret, struct vt_keeper_status *ret_ring, struct vt_why *why);

#endif
