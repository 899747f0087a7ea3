/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many different tags there are: a set of 64-bit fingerprints under a key of its own, so
 * that nobody who makes tags can make two of them look like one. 8 bytes a tag and
 * slot: at most 64 MiB, for six million tags. Private to scanning.
 */
#ifndef VT_VAULT_SCAN_TALLY_H
#define VT_VAULT_SCAN_TALLY_H

#include "ledger/grant.h"

#define VT_TALLY_MAX 6000000U

struct vt_tally;

VT_MUST enum vt_err vt_tally_new(struct vt_tally **ret, struct vt_why *why);
void vt_tally_free(struct vt_tally *t);
/* VT_E_LIMIT: more than VT_TALLY_MAX; VT_E_NOMEM. */
VT_MUST enum vt_err vt_tally_add(
    struct vt_tally *t, const uint8_t tag[VT_SUBJECT_SIZE], struct vt_why *why);
uint64_t vt_tally_count(const struct vt_tally *t);

#endif
