/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON helper: whatever parses can be written and read back as the same
 * value, and its canonical form is a fixed point.
 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const json_t *v, bool pretty)
{
    struct vt_buf b = VT_BUF(64U << 20);
    json_t *again = NULL;

    if (vt_json_text(v, pretty, &b, NULL) != VT_OK ||
        vt_json_parse(b.data, b.len, "again", &again, NULL) != VT_OK || !json_equal(v, again))
        abort();
    json_decref(again);
    vt_buf_release(&b);
}

/* Canonical text with raw control characters in it is no JSON, by design. */
static void
check_canonical(const json_t *v)
{
    struct vt_buf b = VT_BUF(64U << 20);
    struct vt_buf twice = VT_BUF(64U << 20);
    json_t *again = NULL;

    if (vt_json_canonical(v, &b, NULL) == VT_OK &&
        vt_json_parse(b.data, b.len, "again", &again, NULL) == VT_OK) {
        if (!json_equal(v, again) || vt_json_canonical(again, &twice, NULL) != VT_OK ||
            b.len != twice.len || memcmp(b.data, twice.data, b.len) != 0)
            abort();
    }
    json_decref(again);
    vt_buf_release(&b);
    vt_buf_release(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_why why;
    json_t *v = NULL;
    const char *s = NULL;
    int64_t n = 0;

    if (vt_json_parse(data, size, "fuzz", &v, &why) != VT_OK)
        return 0;
    check_text(v, false);
    check_text(v, true);
    check_canonical(v);
    if (vt_json_str(v, "a", &s, &why) == VT_OK && !vt_utf8_valid(s, strlen(s)))
        abort();
    if (vt_json_int(v, "b", -5, 5, &n, &why) == VT_OK && (n < -5 || n > 5))
        abort();
    json_decref(v);
    return 0;
}
