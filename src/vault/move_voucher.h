/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the old site signs of the sealed keys that it sends, as a signed note:
 *
 *     vitrine/vault/moved-keys/v1
 *     relocation sha256:HEX       the relocation's document
 *     keys sha256:HEX             the sealed keys
 *
 * Private to src/vault/move*.c and their tests. No I/O.
 */
#ifndef VT_VAULT_MOVE_VOUCHER_H
#define VT_VAULT_MOVE_VOUCHER_H

#include "note/note.h"

#define VT_MOVE_VOUCHER_MAX 4096U

struct vt_signer;
VT_MUST enum vt_err vt_move_voucher_put(struct vt_buf *b, struct vt_signer *s,
    const struct vt_digest *relocation, const struct vt_digest *sealed, struct vt_why *why);
/* VT_E_SYNTAX, VT_E_UNKNOWN, VT_E_SIG; VT_E_DIGEST: of another relocation or of other keys. */
VT_MUST enum vt_err vt_move_voucher_check(const void *data, size_t len,
    const struct vt_vkey *key, const struct vt_digest *relocation,
    const struct vt_digest *sealed, struct vt_why *why);

#endif
