/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares of a region's private key, on their way. docs/formats/shares.md.
 *
 * The key x of a region is, for each mode that decrypts (access, break-glass,
 * export), the exclusive-or of one secret for each of the mode's groups; each
 * group's secret is split by Shamir among its members. A member gets its shares,
 * sealed to its box key, when the region's key is made, in a shares file:
 *
 *     u8[4] "VTH1", u32 count, then for each: u8 n ‖ region, u8[32] key id, u8 mode,
 *     u8 n ‖ group, u8 n ‖ member, u8 x, u16 n ‖ HPKE message of the 32 bytes y
 *
 * To approve, it opens the share that the request's mode and its group ask for and
 * seals it again, to the box key of the keeper, for that one request: the HPKE info
 * is "vitrine/share/v1" ‖ 0 ‖ digest of the request document ‖ the row up to x, so that a
 * share sent for one request opens nothing under another.
 *
 *     u8[4] "VTH2", u8[32] request, u32 count, then rows as above with messages for the keeper
 *
 * No I/O.
 */
#ifndef VT_VAULT_SHARES_H
#define VT_VAULT_SHARES_H

#include "crypto/box.h"
#include "crypto/shamir.h"
#include "ledger/grant.h"

#define VT_SHARES_FILE_MAX (1024U * 1024U)
#define VT_SHARE_ROWS_MAX 1024U
#define VT_SHARE_SEALED_SIZE 80U /* a sealed y: enc, 32 bytes, tag */

struct vt_share_row {
    char region[VT_REGION_MAX + 1];
    struct vt_digest key_id;
    enum vt_mode mode;
    char group[VT_WORD_MAX + 1];
    char member[VT_KEY_NAME_MAX + 1];
    uint8_t x;
    const uint8_t *sealed; /* VT_SHARE_SEALED_SIZE bytes; points into the file */
    const uint8_t *bytes;  /* the row as it stands there, up to x */
    size_t bytes_len;
};
struct vt_shares {
    bool for_request; /* VTH2 */
    struct vt_digest request;
    size_t count;
    struct vt_share_row row[VT_SHARE_ROWS_MAX];
};

/* VT_E_SYNTAX, VT_E_LIMIT. ret is large: keep it off the stack. */
VT_MUST enum vt_err vt_shares_parse(
    const void *data, size_t len, struct vt_shares *ret, struct vt_why *why);

/* Splits `priv` for every mode that decrypts, by the policy; appends the file. */
VT_MUST enum vt_err vt_shares_deal(const struct vt_vault_policy *p, const char *region,
    const uint8_t priv[VT_BOX_SIZE], struct vt_buf *b, struct vt_why *why);
/* For an approver: opens its rows of that region, key and mode with its box key and appends
 * the file for the request. VT_E_NOENT: it holds no such share. */
VT_MUST enum vt_err vt_shares_send(const void *file, size_t len, const char *region,
    enum vt_mode mode, const char *member, const struct vt_box *key,
    const struct vt_digest *request, const struct vt_box_public *keeper, struct vt_buf *b,
    struct vt_why *why);
/* Private halves that were joined: more than one when the region got a new key and the
 * question is about days of both. */
#define VT_SHARES_KEYS_MAX 8U
struct vt_joined {
    size_t count;
    struct vt_digest key_id[VT_SHARES_KEYS_MAX];
    struct vt_box *key[VT_SHARES_KEYS_MAX]; /* owned; vt_joined_release */
};
void vt_joined_release(struct vt_joined *j);

/* For the keeper: joins what approvers sent (n files one after the other, each u32 length ‖
 * bytes; all together at most VT_SHARES_JOIN_MAX). Only rows of approvers in `granted` count,
 * and where an approval names the digest of its file, only of that file. What comes out must be
 * the private half of the key that key_id names. VT_E_REFUSED: too few of a group, or no
 * such key came out. VT_E_SYNTAX, VT_E_LIMIT. */
#define VT_SHARES_JOIN_MAX (2U * 1024U * 1024U)
VT_MUST enum vt_err vt_shares_join(const struct vt_vault_policy *p,
    const struct vt_granted *granted, const void *files, size_t len,
    const struct vt_box *keeper, struct vt_joined *ret, struct vt_why *why);

#endif
