/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Box keys in text: what is taken is written again as the same characters
 * (identities in upper case), and nothing shorter or longer is taken.
 */
#include "crypto/bech32.h"
#include "crypto/box.h"

#include "must.h"

static void
check_public(const char *s, size_t len)
{
    struct vt_box_public k;
    struct vt_why why = {0};
    char text[VT_BOX_TEXT_MAX];
    enum vt_err err = vt_box_public_parse(s, len, &k, &why);

    must_say(err, &why);
    if (err != VT_OK)
        return;
    vt_box_public_format(&k, text);
    must(strlen(text) == len && memcmp(text, s, len) == 0);
}

static void
check_identity(const char *s, size_t len)
{
    uint8_t data[VT_BECH32_DATA];
    char text[VT_BECH32_TEXT_MAX];
    bool upper = len > 0 && s[0] == 'A';

    if (!vt_bech32_decode("age-secret-key-", s, len, data))
        return;
    vt_bech32_encode("age-secret-key-", data, text);
    must(strlen(text) == len);
    for (size_t i = 0; i < len; i++) {
        char c =
            text[i] >= 'a' && text[i] <= 'z' && upper ? (char)(text[i] - 'a' + 'A') : text[i];
        must(c == s[i]);
    }
}

/* The same bytes as a key: there and back. */
static void
check_bytes(const uint8_t *data, size_t size)
{
    struct vt_box_public k = {{0}}, back;
    char text[VT_BOX_TEXT_MAX];

    memcpy(k.b, data, size < sizeof k.b ? size : sizeof k.b);
    vt_box_public_format(&k, text);
    must(vt_box_public_parse(text, strlen(text), &back, NULL) == VT_OK);
    must(memcmp(k.b, back.b, sizeof k.b) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_public((const char *)data, size);
    check_identity((const char *)data, size);
    check_bytes(data, size);
    return 0;
}
