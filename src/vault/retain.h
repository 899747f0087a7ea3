/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention: the keys of days that are over are destroyed, the ledger says so, and the segment
 * files that nothing can open any more are removed. docs/formats/retention.md.
 *
 * The order is: keys first (that is the deletion), then the `retention` entry, then files. The
 * inventory keeps the rows of removed segments, since its root must not change; which they are
 * stands in HOME/vault/inventory/REGION.retired, rows of the same form (vault/inventory.h),
 * durable before a file goes.
 */
#ifndef VT_VAULT_RETAIN_H
#define VT_VAULT_RETAIN_H

#include "vault/desk.h"
#include "vault/inventory.h"
#include "vault/keeper.h"

struct vt_retained {
    size_t epochs;     /* keys destroyed */
    uint64_t index;    /* of the entry; meaningless when epochs is 0 */
    uint64_t segments; /* files removed */
    uint64_t bytes;    /* of them */
    uint64_t generation;
    size_t backups_missed; /* backups that could not be given the new ring */
};

/* All that is due on day `today`, under the vault policy in force at the home. Also finishes
 * what a killed run left. `signer` is the vault's and signs the document that the desk says. */
VT_MUST enum vt_err vt_retain_run(const struct vt_home *h, struct vt_keeper *keeper,
    struct vt_desk *desk, struct vt_signer *signer, uint32_t today, struct vt_retained *ret,
    struct vt_why *why);

/* The rows of a region's segments that retention removed, to be left out where segments are
 * read. May be empty. */
VT_MUST enum vt_err vt_retain_removed(
    const struct vt_home *h, const char *region, struct vt_inventory **ret, struct vt_why *why);

#endif
