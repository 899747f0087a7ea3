/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one JSON helper, over jansson: bounded strict parsing, getters that say
 * what is missing, and the two canonical forms that signatures cover.
 */
#ifndef VT_BASE_JSON_H
#define VT_BASE_JSON_H

#include "base/buf.h"

#include <jansson.h>

/* Parses an object or array; refuses duplicate keys, NUL in strings, trailing
 * bytes, nesting over jansson's limit, and more than VT_JSON_VALUES_MAX values
 * (VT_E_LIMIT), since a value of two bytes takes some fifty times that in
 * memory. `what` names the document in messages. The caller owns the result
 * (json_decref). VT_E_SYNTAX, VT_E_NOMEM. */
#define VT_JSON_VALUES_MAX 1000000U
VT_MUST enum vt_err vt_json_parse(
    const void *data, size_t len, const char *what, json_t **ret, struct vt_why *why);

/* Getters: VT_E_SYNTAX when the member is missing or of another type. What
 * they return belongs to obj. */
VT_MUST enum vt_err vt_json_str(
    const json_t *obj, const char *key, const char **ret, struct vt_why *why);
VT_MUST enum vt_err vt_json_int(const json_t *obj, const char *key, int64_t min, int64_t max,
    int64_t *ret, struct vt_why *why);
VT_MUST enum vt_err vt_json_obj(
    const json_t *obj, const char *key, json_t **ret, struct vt_why *why);
VT_MUST enum vt_err vt_json_arr(
    const json_t *obj, const char *key, size_t count_max, json_t **ret, struct vt_why *why);

/* TUF's canonical JSON (OLPC): keys sorted by byte, no white space, only '"'
 * and '\\' escaped, integers only. VT_E_SYNTAX on a real number. */
VT_MUST enum vt_err vt_json_canonical(const json_t *v, struct vt_buf *b, struct vt_why *why);

/* Compact or pretty text with sorted keys and a newline at the end, for files
 * and --json. */
VT_MUST enum vt_err vt_json_text(
    const json_t *v, bool pretty, struct vt_buf *b, struct vt_why *why);

#endif
