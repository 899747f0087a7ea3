/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data subject of a JSON event: the value at a path in it. No I/O.
 *
 * A path is names joined by dots: `a.b` is member b of member a, or the member whose
 * name is "a.b" itself; at each level the longest name that is there counts, and
 * of equal names the first. The event is stepped over, not built: what is not needed to
 * find the value is not checked.
 */
#ifndef VT_REPORT_FIELD_H
#define VT_REPORT_FIELD_H

#include "base/buf.h"

#define VT_FIELD_PATH_MAX 256U
#define VT_FIELD_DEPTH_MAX 64U /* of the event */
#define VT_SUBJECT_NAME_MAX 1024U

/* Writes the value, a string (decoded, without NUL) or an integer as it stands, to ret.
 * false: this is no JSON object, there is no such value, or it is empty, of another
 * type or longer than VT_SUBJECT_NAME_MAX. `path` has VT_FIELD_PATH_MAX characters at most. */
VT_MUST bool vt_field_of_json(
    const void *event, size_t len, const char *path, char ret[VT_SUBJECT_NAME_MAX + 1]);

#endif
