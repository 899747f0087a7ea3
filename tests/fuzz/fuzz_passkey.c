/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a passkey's signature line holds, and vkeys of passkeys. The input's first part, up to a
 * zero byte, is taken for a vkey; the rest for the bytes of a signature of a fixed passkey.
 */
#include "note/note.h"

#include "must.h"

/* The key of tests/vectors/passkey/assertions.json. */
static const char alice[] =
    "alice.example+ee42e0dd+"
    "/3ZpdHJpbmUvd2ViYXV0aG4tZXMyNTYvdjEAcUspBNlSFZAs43kJq5XlVJtNDyofR6FsU2"
    "OIo3u7YmsCvhdb3TrA+QSsC2IYY3AiQmghGbc0UXG+JYYCdKQP9VU=";

static void
read_vkey(const uint8_t *data, size_t len)
{
    struct vt_why why = {0};
    char text[VT_VKEY_TEXT_MAX];
    struct vt_vkey k;
    enum vt_err err = vt_vkey_parse((const char *)data, len, &k, &why);

    must_say(err, &why);
    if (err != VT_OK)
        return;
    vt_vkey_format(&k, text);
    must(strlen(text) == len && memcmp(text, data, len) == 0);
    must(k.alg != VT_NOTE_PASSKEY || vt_p256_valid(&k.passkey.point));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    size_t len = end == NULL ? size : (size_t)(end - data);
    struct vt_why why = {0};
    struct vt_vkey k;

    read_vkey(data, len);
    must(vt_vkey_parse(alice, strlen(alice), &k, NULL) == VT_OK);
    if (len < size)
        len++;
    enum vt_err err = vt_passkey_verify(
        &k.passkey, "a text\n", strlen("a text\n"), data + len, size - len, &why);
    must_say(err, &why);
    must(err == VT_E_SIG); /* nobody has signed that text */
    return 0;
}
