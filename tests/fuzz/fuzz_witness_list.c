/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a witness's logs: arbitrary bytes are refused whole or taken, and
 * what was there before stays.
 */
#include "witness/list.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_witness_list l = {0};
    struct vt_vkey key = {.name = "before"};

    if (vt_witness_list_add(&l, NULL, &key, NULL) != VT_OK)
        return 0;
    if (vt_witness_list_parse(&l, data, size, NULL) != VT_OK && l.count != 1)
        abort();
    if (strcmp(l.item[0].origin, "before") != 0)
        abort();
    for (size_t i = 1; i < l.count; i++)
        if (l.item[i].origin[0] == '\0' || l.item[i].key.name[0] == '\0')
            abort();
    vt_witness_list_release(&l);
    return 0;
}
