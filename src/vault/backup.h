/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups of a vault, and a vault made anew of one. docs/formats/vault-backup.md.
 *
 *     DIR/manifest              what the backup is of, and its files by digest
 *     DIR/files/HEX             small files of HOME/vault, by their SHA-256
 *     DIR/segments/REGION/ID    segments, bound by the rows of the inventories
 *     DIR/ring                  the keeper's copy of its ring, sealed under the root key of its
 *                               generation, which is in no backup
 *
 * A backup holds nothing that opens anything: no root key, no signing key, and no batch that is
 * not in a segment yet, since such a batch lacks the site's outer seal and would stay readable
 * by the region's approvers after an erasure. So the vault makes segments of all it has first.
 */
#ifndef VT_VAULT_BACKUP_H
#define VT_VAULT_BACKUP_H

#include "vault/desk.h"
#include "vault/inventory.h"
#include "vault/keeper.h"

struct vt_progress;

struct vt_backup_done {
    uint64_t segments; /* in the backup */
    uint64_t copied;   /* of them, by this run */
    uint64_t bytes;    /* of those */
    uint64_t files;    /* small ones */
    uint64_t waiting;  /* batches that are in no segment yet, so not in the backup either */
    uint64_t generation;
};
/* Makes or goes on with the backup in `dir`, which is made when missing and remembered in
 * HOME/vault/backups. Each segment is checked once it is copied. The former state of the
 * backup holds until this one is complete. VT_E_DIGEST: a segment at the home is damaged. */
VT_MUST enum vt_err vt_backup_run(const struct vt_home *h, struct vt_keeper *keeper,
    const char *dir, struct vt_progress *progress, struct vt_backup_done *ret,
    struct vt_why *why);

/* Gives the keeper's ring to all known backups at once, after keys were destroyed: the former
 * copies open nothing any more. Those that cannot be reached are appended to `missed` (may
 * be NULL), one path a line, and are no error. */
VT_MUST enum vt_err vt_backup_push(const struct vt_home *h, struct vt_keeper *keeper,
    struct vt_buf *missed, struct vt_why *why);

struct vt_restored {
    uint64_t segments;
    uint64_t records;
    uint64_t generation;
    /* What the ledger knows of and the backup does not have. */
    uint64_t missing_segments;
    uint64_t missing_records;
};
/* Makes HOME/vault of a backup, at a home without one (VT_E_STATE). `root`: a folder with the
 * root key's file of the ring's generation, or NULL when it is in a token. `policy`: the trust
 * policy, by which the ledger is read to compare the inventories with what was said of them.
 * VT_E_REFUSED: the ring is older than an erasure, or the inventory is another than the ledger
 * says. VT_E_DIGEST: the backup is damaged. Given again it goes on. */
VT_MUST enum vt_err vt_restore_run(const struct vt_home *h, const char *dir, const char *root,
    const struct vt_policy *policy, struct vt_progress *progress, struct vt_restored *ret,
    struct vt_why *why);

#endif
