/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seals: a policy file may carry its own digest, so that any change to it that
 * nobody meant is noticed. No I/O.
 *
 *     sealed
 *     log ...
 *     ...
 *     seal sha256:HEX
 *
 * The seal is the last line and covers all bytes before it; the line `sealed`
 * says that there must be one. Each half demands the other, so no change of a
 * single byte can make a sealed policy pass for one without a seal. A seal is no
 * signature: whoever may write the file can seal it again, and is meant to
 * after a change (`vitrine policy seal`). docs/formats/policy.md.
 */
#ifndef VT_NOTE_SEAL_H
#define VT_NOTE_SEAL_H

#include "base/buf.h"

/* Checks the seal, if there is one or must be one. *ret_len: the bytes without
 * the seal line. VT_E_CONFIG. */
VT_MUST enum vt_err vt_seal_check(
    const void *data, size_t len, size_t *ret_len, struct vt_why *why);

/* Appends the same text sealed, an old seal (right or wrong) replaced. */
VT_MUST enum vt_err vt_seal_put(
    struct vt_buf *b, const void *data, size_t len, struct vt_why *why);

#endif
