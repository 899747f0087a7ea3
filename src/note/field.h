/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields that Vitrine's line formats share. For this module and the ledger. No I/O.
 */
#ifndef VT_NOTE_FIELD_H
#define VT_NOTE_FIELD_H

#include "crypto/digest.h"
#include "merkle/tree.h"

/* All that is left is `sha256:` and 64 lower-case hex digits. */
VT_MUST bool vt_field_digest(const struct vt_reader *r, struct vt_digest *ret);
/* Appends that. */
void vt_field_put_digest(struct vt_buf *b, const struct vt_digest *d);

/* All that is left is the base64 of exactly ret_len bytes. */
VT_MUST bool vt_field_b64(const struct vt_reader *r, uint8_t *ret, size_t ret_len);
/* How many bytes all that is left is the canonical base64 of; 0 when it is
 * empty or not base64. Any length, in no memory. */
size_t vt_field_b64_size(const struct vt_reader *r);

/* Whether bytes may be a key's name in a signed note: UTF-8, not empty, without
 * control characters, Unicode spaces and `+`. Any length. */
VT_MUST bool vt_note_name_valid(const char *name, size_t len);

/* Takes lines of base64 hashes up to and with an empty line. VT_E_SYNTAX,
 * VT_E_LIMIT; *r is then anywhere. */
VT_MUST enum vt_err vt_field_path(
    struct vt_reader *r, struct vt_proof *ret, struct vt_why *why);
/* Appends the lines, without the empty one. */
void vt_field_put_path(struct vt_buf *b, const struct vt_proof *p);

#endif
