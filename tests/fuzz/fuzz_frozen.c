/* SPDX-License-Identifier: Apache-2.0 */
/* A log's final statement: what is taken is written again as the same bytes. */
#include "note/frozen.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_buf b = VT_BUF(2 * VT_FROZEN_TEXT_MAX);
    struct vt_frozen f;
    struct vt_vkey log = {.name = "fuzz.example/log", .alg = VT_NOTE_ED25519};

    if (vt_frozen_parse(data, size, &f, NULL) == VT_OK) {
        vt_frozen_put(&b, &f);
        if (b.err != VT_OK || b.len != size || memcmp(b.data, data, size) != 0 ||
            !vt_frozen_reason_valid(f.reason))
            abort();
    }
    if (vt_frozen_open(data, size, &log, &f, NULL) == VT_OK)
        abort(); /* nobody has that key */
    vt_buf_release(&b);
    return 0;
}
