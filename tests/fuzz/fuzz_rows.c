/* SPDX-License-Identifier: Apache-2.0 */
/* What a job writes, and a query's line of noise: an aggregator of one cell publishes exactly
 * what it could read. */
#include "vault/aggregate.h"
#include "vault/result.h"

#include "must.h"

static void
try_noise(const uint8_t *data, size_t size)
{
    struct vt_noise_bounds b = {0};
    struct vt_why why = {0};
    enum vt_err err = vt_noise_bounds_parse(data, size, &b, &why);
    must_say(err, &why);
    must(err != VT_OK || (b.rows >= 1 && b.rows <= VT_NOISE_ROWS_MAX && b.measure_count >= 1 &&
                             b.measure_count <= VT_MEASURES_MAX));
}

static void
try_result(const uint8_t *data, size_t size, bool ours)
{
    struct vt_result *r = NULL;
    struct vt_why why = {0};
    enum vt_err err = vt_result_parse(data, size, &r, &why);
    must_say(err, &why);
    must(err == VT_OK || !ours);
    for (size_t i = 0; err == VT_OK && i < vt_result_columns(r); i++)
        must(vt_result_name(r, i) != NULL);
    vt_result_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_aggregate_opts o = {.cells = 2, .threshold = 2, .rows_max = 100};
    struct vt_aggregate *a = NULL;
    struct vt_aggregate_sum sum = {0};
    struct vt_buf b = VT_BUF(1U << 22U);
    struct vt_why why = {0};
    try_noise(data, size);
    try_result(data, size, false);
    must(vt_aggregate_new(&o, &a, &why) == VT_OK);
    /* twice the same cell: either both failed alike, or every row is there */
    must(vt_aggregate_add(a, data, size, &why) == VT_OK);
    must(vt_aggregate_add(a, data, size, &why) == VT_OK);
    enum vt_err err = vt_aggregate_put(a, &b, &sum, &why);
    must(err == VT_OK || err == VT_E_CHILD);
    must_say(err, &why);
    must(err != VT_OK || (sum.held_back == 0 && sum.cells == 2 && sum.rows <= 100));
    if (err == VT_OK)
        try_result(b.data, b.len, true);
    vt_aggregate_free(a);
    vt_buf_release(&b);
    return 0;
}
