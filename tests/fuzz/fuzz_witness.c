/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a witness decides on arbitrary request bodies: the sizes in its record
 * come from the first two bytes.
 */
#include "merkle/tree.h"
#include "witness/decide.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char vkey[] =
        "zurich.example/log+dd4ad098+ARzBrXcs/uzeu0kRlzSnihBE76dF9uW3cfcWehB3aERS";
    static struct vt_witness_table *t;
    struct vt_witness_follow f = {0};
    struct vt_witness_log *log;
    struct vt_witness_verdict v;

    if (size < 2 || vt_vkey_parse(vkey, sizeof(vkey) - 1, &f.key, NULL) != VT_OK)
        return 0;
    memcpy(f.origin, f.key.name, sizeof(f.origin));
    if (t == NULL && (vt_witness_table_new(&t, NULL) != VT_OK ||
                         vt_witness_table_follow(t, &f, 1, NULL) != VT_OK))
        abort();
    log = vt_witness_table_find(t, f.origin);
    log->size = data[0];
    vt_merkle_empty(&log->root);
    if (data[1] != 0)
        memset(log->root.b, data[1], sizeof(log->root.b));
    vt_witness_decide(t, data + 2, size - 2, &v);
    if (v.status != 200 && v.status != 400 && v.status != 403 && v.status != 404 &&
        v.status != 409 && v.status != 422)
        abort();
    /* Nobody signed: nothing may be cosigned. */
    if (v.status == 200)
        abort();
    return 0;
}
