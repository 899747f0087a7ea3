/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a write-ahead file, for its writer and its reader. Private to src/vault/bwal*.c.
 *
 *     "vitrine/vault-wal/v1\n", u8[16] salt, u8[32] policy, u8[32] SHA-256 of all before
 *     groups: "VTG1", u8[16] salt, u64 number, batches, "VTC1", u32 count,
 *             u8[32] SHA-256 of all of the group before
 *     batch:  "VTR1", u64 arrived, u32 length, bytes
 */
#ifndef VT_VAULT_BWAL_PARTS_H
#define VT_VAULT_BWAL_PARTS_H

#include "vault/bwal.h"

#define VT_BWAL_MAGIC "vitrine/vault-wal/v1\n"
#define VT_BWAL_SALT 16U
#define VT_BWAL_HEAD (sizeof(VT_BWAL_MAGIC) - 1 + VT_BWAL_SALT + 2 * VT_DIGEST_SIZE)
#define VT_BWAL_GROUP "VTG1"
#define VT_BWAL_BATCH "VTR1"
#define VT_BWAL_END "VTC1"
#define VT_BWAL_GROUP_HEAD (4U + VT_BWAL_SALT + 8U)
#define VT_BWAL_RECORD_HEAD (4U + 8U + 4U)
#define VT_BWAL_TRAILER (4U + 4U + VT_DIGEST_SIZE)

#endif
