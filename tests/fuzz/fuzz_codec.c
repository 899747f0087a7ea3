/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text codecs: what decodes encodes to the same text again, so that no
 * value has two spellings; times and safe paths hold what they promise.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
    if (!ok)
        abort();
}

static void
check_binary_codecs(const char *s, size_t len)
{
    uint8_t *out = malloc(len + 1);
    struct vt_buf b = VT_BUF(4U << 20);
    size_t n = 0;

    check(out != NULL);
    if (vt_b64_decode(s, len, out, len, &n)) {
        vt_buf_put_b64(&b, out, n);
        check(b.len == len && memcmp(vt_buf_str(&b), s, len) == 0);
    }
    (void)!vt_b64url_decode(s, len, out, len, &n);
    vt_buf_clear(&b);
    if (vt_hex_decode(s, len, out, len, &n)) {
        vt_buf_put_hex(&b, out, n);
        check(b.len == len && memcmp(vt_buf_str(&b), s, len) == 0);
    }
    vt_buf_release(&b);
    free(out);
}

static void
check_text(const char *s, size_t len)
{
    struct vt_reader r = VT_READER(s, len);
    char clean[64];
    uint64_t v = 0;

    check(vt_text_clean(clean, sizeof clean, s, len) == strlen(clean));
    check(vt_utf8_valid(clean, strlen(clean)));
    for (const char *p = clean; *p != '\0'; p++)
        check((unsigned char)*p >= 0x20 && *p != 0x7f);
    if (vt_reader_decimal(&r, UINT64_MAX, &v)) {
        struct vt_buf b = VT_BUF(64);
        vt_buf_putf(&b, "%llu", (unsigned long long)v);
        check(b.len == len && memcmp(vt_buf_str(&b), s, len) == 0);
        vt_buf_release(&b);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char again[VT_TIME_SIZE];
    struct vt_reader r = VT_READER(data, size);
    char *s = malloc(size + 1);
    int64_t t = 0;

    check(s != NULL);
    check_binary_codecs(size > 0 ? (const char *)data : "", size);
    check_text(size > 0 ? (const char *)data : "", size);
    if (vt_reader_cstr(&r, s, size + 1)) {
        if (vt_time_parse(s, &t)) {
            vt_time_format(t, again);
            check(strcmp(s, again) == 0);
        }
        if (vt_path_is_safe(s))
            check(s[0] != '/' && strncmp(s, "../", 3) != 0 && strcmp(s, "..") != 0 &&
                  strstr(s, "//") == NULL);
    }
    free(s);
    return 0;
}
