/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What shares.c and shares_join.c have in common.
 */
#ifndef VT_VAULT_SHARES_ROW_H
#define VT_VAULT_SHARES_ROW_H

#include "vault/shares.h"

/* Opens a row that was sent for `request`, or (NULL) dealt to an approver. VT_E_SIG: not sealed
 * to this key, or not this row. ret is in locked memory. */
VT_MUST enum vt_err vt_share_row_open(const struct vt_share_row *row,
    const struct vt_digest *request, const struct vt_box *key,
    uint8_t ret[VT_SHARE_SECRET_SIZE], struct vt_why *why);

#endif
