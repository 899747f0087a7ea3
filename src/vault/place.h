/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vault's folder at a site: HOME/vault. The names of all that is in it, and
 * nothing else; docs/formats/vault-home.md.
 *
 *     vault.conf            "vitrine/vault/v1", `ledger URL`
 *     policy                the vault policy in force (a signed document)
 *     policy.evidence       its proof, as given to endpoints and to the keeper
 *     keys/REGION.evidence  the region's key document with its proof, as given to endpoints
 *     ring/                 the keeper's alone (vault/keyring.h), mode 0700
 *     wal/                  batches acknowledged but not in a segment yet
 *     segments/REGION/ID    segments, ID in hex
 *     inventory/REGION      rows of all segments, appended; the region's Merkle tree
 *     inventory/REGION.retired  rows of segments that retention removed
 *     said/                 documents that were signed and are to be said once (vault/say.h)
 *     retained              the day that files were looked through last (vault/retain.h)
 *     moves/REGION/         how far a relocation is; moves/done/: those that are over
 *     backups               folders that get a copy, one path a line
 *     run/keeper.sock       where the keeper listens while the vault runs, mode 0600
 *     run/url               the vault's address while it runs
 */
#ifndef VT_VAULT_PLACE_H
#define VT_VAULT_PLACE_H

#include "store/home.h"

/* HOME/vault/REST. */
VT_MUST enum vt_err vt_vault_path(const struct vt_home *h, char ret[VT_PATH_MAX],
    struct vt_why *why, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

struct vt_vault_conf {
    char ledger[1024]; /* URL of the log that the vault writes its entries to */
};
VT_MUST enum vt_err vt_vault_conf_load(
    const struct vt_home *h, struct vt_vault_conf *ret, struct vt_why *why);
VT_MUST enum vt_err vt_vault_conf_save(
    const struct vt_home *h, const struct vt_vault_conf *c, struct vt_why *why);

#endif
