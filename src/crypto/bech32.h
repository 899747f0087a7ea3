/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bech32 (BIP 173) without its limit of 90 characters, as age writes keys: a
 * prefix, the digit 1, 32 bytes in groups of five bits, six characters of checksum. For box.c
 * alone.
 */
#ifndef VT_CRYPTO_BECH32_H
#define VT_CRYPTO_BECH32_H

#include "base/buf.h"

#define VT_BECH32_DATA 32
#define VT_BECH32_TEXT_MAX 80 /* with the NUL, for prefixes of up to 20 */

/* Lower case; prefix too. */
void vt_bech32_encode(
    const char *prefix, const uint8_t data[VT_BECH32_DATA], char ret[VT_BECH32_TEXT_MAX]);
/* Takes all lower case or all upper case; the prefix is given in lower case.
 * false: not this prefix, a wrong character, length, checksum or padding, or mixed case. */
VT_MUST bool vt_bech32_decode(
    const char *prefix, const char *s, size_t len, uint8_t ret[VT_BECH32_DATA]);

#endif
