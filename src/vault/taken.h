/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ids of all batches that a vault has ever taken, so that one which is sent again is known.
 *
 * Ids of batches in segments stand in a file (HOME/vault/ids), one group a segment:
 *
 *     u8[16] segment id, u32 n, u8[12] beginning of SHA-256 of the two before and what follows,
 *     n ids of 16 bytes
 *
 * It holds nothing that the segments' heads do not hold: when it is lost it is made again from
 * them. Ids of batches that wait in write-ahead files are in memory only.
 *
 * Memory: 4 bytes for each place of a table that is at most 70 % full, so 64 MiB for eleven
 * million batches; what a place says is confirmed in the file.
 */
#ifndef VT_VAULT_TAKEN_H
#define VT_VAULT_TAKEN_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define VT_TAKEN_ID 16U

struct vt_taken;

/* Reads the file, making it when it is missing, and cuts off a torn last group. VT_E_DIGEST:
 * damaged. */
VT_MUST enum vt_err vt_taken_open(const char *path, struct vt_taken **ret, struct vt_why *why);
void vt_taken_free(struct vt_taken *k);

/* Whether that batch was taken. */
VT_MUST enum vt_err vt_taken_has(
    struct vt_taken *k, const uint8_t id[VT_TAKEN_ID], bool *ret, struct vt_why *why);
/* Whether that segment's group is in the file. */
VT_MUST enum vt_err vt_taken_has_segment(
    struct vt_taken *k, const uint8_t id[VT_TAKEN_ID], bool *ret, struct vt_why *why);

/* A batch that goes to a write-ahead file; known until dropped or put into a segment. */
VT_MUST enum vt_err vt_taken_add(
    struct vt_taken *k, const uint8_t id[VT_TAKEN_ID], struct vt_why *why);
/* It was not made durable after all. */
void vt_taken_drop(struct vt_taken *k, const uint8_t id[VT_TAKEN_ID]);
/* A segment that was made or has arrived, with its batches; durable when it returns. Fine when
 * it is there already. */
VT_MUST enum vt_err vt_taken_add_segment(struct vt_taken *k, const uint8_t segment[VT_TAKEN_ID],
    const uint8_t (*id)[VT_TAKEN_ID], uint32_t n, struct vt_why *why);

/* Batches in segments. */
uint64_t vt_taken_count(const struct vt_taken *k);

#endif
