/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settling: all batches that a vault has acknowledged until now become segments, before
 * something that must not leave any of them out: an erasure (a batch that waits has no outer
 * seal yet, and its subject would get a new key), a backup, the handing over of a region.
 *
 * A vault that runs is asked to, by the file HOME/vault/run/pack; one that does not is settled
 * by the caller.
 */
#ifndef VT_VAULT_SETTLE_H
#define VT_VAULT_SETTLE_H

#include "vault/keeper.h"

enum { VT_SETTLE_MS = 120000 };

/* VT_E_TIMEOUT: not all of them within timeout_ms. VT_E_BUSY: a region is being relocated to
 * this site, its batches must wait for that. Errors of vt_packer_run. */
VT_MUST enum vt_err vt_settle_all(
    const struct vt_home *h, struct vt_keeper *keeper, int64_t timeout_ms, struct vt_why *why);
/* The same for one region, whatever others wait for. */
VT_MUST enum vt_err vt_settle_region(const struct vt_home *h, struct vt_keeper *keeper,
    const char *region, int64_t timeout_ms, struct vt_why *why);

/* For the store process, about twice a second: whether somebody has asked since the last call.
 * It then closes its write-ahead file and packs it. */
bool vt_settle_asked(const struct vt_home *h);

#endif
