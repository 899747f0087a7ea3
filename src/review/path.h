/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of a snapshot as one word of a line: percent-encoded but for letters, digits and
 * `-._~/`, in upper-case hex digits. There is one way to write a path. No I/O.
 */
#ifndef VT_REVIEW_PATH_H
#define VT_REVIEW_PATH_H

#include "base/buf.h"

/* Whether a snapshot can have a file of that path: vt_path_is_safe, at most VT_REVIEW_PATH_MAX
 * bytes. */
bool vt_review_path_ok(const char *path);
/* Appends the word. */
void vt_review_path_put(struct vt_buf *b, const char *path);
/* All that is left of r is such a word, of a path that may be. ret has room for
 * VT_REVIEW_PATH_MAX + 1 bytes. */
VT_MUST bool vt_review_path_take(const struct vt_reader *r, char *ret);

#endif
