/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/bech32.h"

#include "crypto/digest.h"

#include <assert.h>
#include <string.h>

#define GROUPS 52U /* of five bits, for 32 bytes; the last has four bits of padding */
#define CHECKSUM 6U
#define PREFIX_MAX 20U

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* One step of the BCH code: 30 bits of remainder take five more. */
static uint32_t
step(uint32_t sum, unsigned value)
{
    static const uint32_t generator[5] = {
        0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    uint32_t top = sum >> 25;

    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (unsigned i = 0; i < 5; i++)
        sum ^= (0U - (top >> i & 1)) & generator[i];
    return sum;
}

/* The remainder after the prefix, whose high and low bits go in apart. */
static uint32_t
sum_prefix(const char *prefix)
{
    uint32_t sum = 1;

    for (const char *p = prefix; *p != '\0'; p++)
        sum = step(sum, (unsigned char)*p >> 5);
    sum = step(sum, 0);
    for (const char *p = prefix; *p != '\0'; p++)
        sum = step(sum, *p & 31);
    return sum;
}

static void
to_groups(const uint8_t data[VT_BECH32_DATA], uint8_t ret[GROUPS])
{
    for (unsigned i = 0; i < GROUPS; i++) {
        unsigned at = i * 5;
        unsigned two = (unsigned)data[at / 8] << 8;
        if (at / 8 + 1 < VT_BECH32_DATA)
            two |= data[at / 8 + 1];
        ret[i] = two >> (11 - at % 8) & 31;
    }
}

/* false when the padding is not zero. */
static bool
from_groups(const uint8_t groups[GROUPS], uint8_t ret[VT_BECH32_DATA])
{
    unsigned bits = 0, have = 0;
    size_t n = 0;

    for (unsigned i = 0; i < GROUPS; i++) {
        bits = (bits << 5 | groups[i]) & 0xfff;
        have += 5;
        if (have >= 8) {
            have -= 8;
            ret[n++] = (uint8_t)(bits >> have);
        }
    }
    return (bits & ((1U << have) - 1)) == 0;
}

void
vt_bech32_encode(
    const char *prefix, const uint8_t data[VT_BECH32_DATA], char ret[VT_BECH32_TEXT_MAX])
{
    uint32_t sum = sum_prefix(prefix);
    uint8_t groups[GROUPS];
    char *out = ret;

    assert(strlen(prefix) <= PREFIX_MAX);
    while (*prefix != '\0')
        *out++ = *prefix++;
    *out++ = '1';
    to_groups(data, groups);
    for (unsigned i = 0; i < GROUPS; i++) {
        sum = step(sum, groups[i]);
        *out++ = alphabet[groups[i]];
    }
    for (unsigned i = 0; i < CHECKSUM; i++)
        sum = step(sum, 0);
    sum ^= 1;
    for (unsigned i = 0; i < CHECKSUM; i++)
        *out++ = alphabet[sum >> 5 * (CHECKSUM - 1 - i) & 31];
    *out = '\0';
    vt_wipe(groups, sizeof groups);
}

/* Case folded; false when both cases are there. */
static bool
fold(const char *s, size_t len, char *ret)
{
    bool upper = false, lower = false;

    for (size_t i = 0; i < len; i++) {
        upper |= s[i] >= 'A' && s[i] <= 'Z';
        lower |= s[i] >= 'a' && s[i] <= 'z';
        ret[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] - 'A' + 'a') : s[i];
    }
    return !upper || !lower;
}

/* The groups and the checksum after the prefix. */
static bool
take_groups(const char *s, uint32_t sum, uint8_t ret[GROUPS])
{
    for (unsigned i = 0; i < GROUPS + CHECKSUM; i++) {
        const char *at = s[i] != '\0' ? strchr(alphabet, s[i]) : NULL;
        if (at == NULL)
            return false;
        sum = step(sum, (unsigned)(at - alphabet));
        if (i < GROUPS)
            ret[i] = (uint8_t)(at - alphabet);
    }
    return sum == 1;
}

bool
vt_bech32_decode(const char *prefix, const char *s, size_t len, uint8_t ret[VT_BECH32_DATA])
{
    size_t prefix_len = strlen(prefix);
    char text[PREFIX_MAX + 1 + GROUPS + CHECKSUM];
    uint8_t groups[GROUPS];
    uint8_t data[VT_BECH32_DATA];
    bool ok;

    assert(prefix_len <= PREFIX_MAX);
    ok = len == prefix_len + 1 + GROUPS + CHECKSUM && fold(s, len, text) &&
         memcmp(text, prefix, prefix_len) == 0 && text[prefix_len] == '1' &&
         take_groups(text + prefix_len + 1, sum_prefix(prefix), groups) &&
         from_groups(groups, data);
    if (ok)
        memcpy(ret, data, sizeof data);
    vt_wipe(text, sizeof text);
    vt_wipe(groups, sizeof groups);
    vt_wipe(data, sizeof data);
    return ok;
}
