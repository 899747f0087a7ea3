/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Picks the values at given paths out of one line with a JSON object, in one pass and without
 * building anything. A path is names with dots between; `a.b` finds both {"a":{"b":1}}
 * and {"a.b":1}. The last of several values counts.
 */
#ifndef SQLJOB_FLATTEN_H
#define SQLJOB_FLATTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLAT_PATHS_MAX 32U
#define FLAT_PATH_MAX 255U /* bytes */
#define FLAT_DEPTH_MAX 64U /* of what is stepped over, too */

enum flat_kind { FLAT_NULL = 0, FLAT_TEXT, FLAT_INTEGER, FLAT_REAL, FLAT_JSON };

struct flat_value {
    enum flat_kind kind;
    const char
        *text; /* FLAT_TEXT, FLAT_JSON: in the line or in the flattener, until its next */
    size_t len;
    int64_t integer; /* FLAT_INTEGER: numbers without fraction, true and false */
    double real;
};

struct flat;

/* Copies the paths; NULL: out of memory, or a path that cannot be. */
struct flat *flat_new(const char *const *path, size_t count);
void flat_free(struct flat *f);
/* Fills ret[count]. false: the line is no JSON object as far as was looked; all values are then
 * FLAT_NULL. `line` need not end in anything. */
bool flat_line(struct flat *f, const char *line, size_t len, struct flat_value *ret);

#endif
