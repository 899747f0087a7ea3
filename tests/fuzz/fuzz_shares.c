/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of shares of arbitrary bytes: it is refused, or each row stands within it and says
 * what a row may say.
 */
#include "vault/shares.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_row(const struct vt_share_row *r, const uint8_t *data, size_t size)
{
    if (r->x == 0 || r->region[0] == '\0' || r->group[0] == '\0' || r->member[0] == '\0' ||
        vt_mode_name(r->mode) == NULL || r->mode == VT_MODE_ERASURE)
        abort();
    if (r->bytes < data || r->bytes + r->bytes_len > r->sealed ||
        r->sealed + VT_SHARE_SEALED_SIZE > data + size)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vt_shares s;
    struct vt_why why = {0};

    if (vt_shares_parse(data, size, &s, &why) != VT_OK) {
        if (why.text[0] == '\0' || s.count != 0)
            abort();
        return 0;
    }
    for (size_t i = 0; i < s.count; i++)
        check_row(&s.row[i], data, size);
    return 0;
}
