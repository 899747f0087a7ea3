/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a backup is compared with before it becomes a vault again: what the ledger says. Private
 * to src/vault/restore*.c.
 */
#ifndef VT_VAULT_RESTORE_PARTS_H
#define VT_VAULT_RESTORE_PARTS_H

#include "vault/backup_parts.h"

struct vt_restore_check {
    const struct vt_home *home; /* with the backup's vault.conf in place */
    const char *dir;
    const struct vt_policy *policy;
    const struct vt_manifest *manifest;
    struct vt_restored *ret; /* generation is set; gets what is missing */
};

/* The generation of a ring's copy (docs/formats/ring.md, "Copies"). VT_E_SYNTAX. */
VT_MUST enum vt_err vt_restore_generation(
    const struct vt_buf *ring, uint64_t *ret, struct vt_why *why);

/* VT_E_REFUSED: the ledger says that keys were destroyed after the ring was copied, or an
 * inventory is not the one that was said. */
VT_MUST enum vt_err vt_restore_check(const struct vt_restore_check *c, struct vt_why *why);

#endif
