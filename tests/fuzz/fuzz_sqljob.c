/* SPDX-License-Identifier: Apache-2.0 */
/* The sample job's reader of JSON lines: values lie where they may, and nowhere else. */
#include "../../examples/sqljob/src/flatten.h"

#include "must.h"

/* A copy of exactly the line's size, so that a byte too far is seen. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const path[] = {"a", "a.b", "a.b.c", "b", "x.y"};
    struct flat_value v[5];
    struct flat *f = flat_new(path, 5);
    char *line = malloc(size + 1);
    must(f != NULL && line != NULL);
    memcpy(line, data, size);
    char *exact = realloc(line, size > 0 ? size : 1);
    must(exact != NULL);
    bool good = flat_line(f, exact, size, v);
    for (size_t i = 0; i < 5; i++) {
        must(good || v[i].kind == FLAT_NULL);
        volatile char sum = 0;
        if (v[i].kind == FLAT_TEXT || v[i].kind == FLAT_JSON)
            for (size_t k = 0; k < v[i].len; k++)
                sum = (char)(sum + v[i].text[k]);
        must(v[i].len <= size);
    }
    flat_free(f);
    free(exact);
    return 0;
}
