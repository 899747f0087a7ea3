/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of the record of openings, which is one leaf of the tree whose root a `visits`
 * document gives (docs/formats/review.md). No I/O.
 */
#ifndef VT_REVIEW_VISIT_H
#define VT_REVIEW_VISIT_H

#include "review/doc.h"

#define VT_VISIT_SALT_SIZE 16
/* Bytes of a line at the most: every byte of the path may take three. */
#define VT_VISIT_LINE_MAX (20U + 2 * 72U + VT_KEY_NAME_MAX + 32U + 3 * VT_REVIEW_PATH_MAX + 5U)

struct vt_visit {
    int64_t time;
    struct vt_digest source;
    struct vt_digest blob;
    char reviewer[VT_KEY_NAME_MAX + 1]; /* "": nobody with a session */
    uint8_t salt[VT_VISIT_SALT_SIZE];
    char path[VT_REVIEW_PATH_MAX + 1];
};

/* Appends the line, without a newline: the leaf's bytes. VT_E_USAGE for a reviewer or path that
 * cannot be. */
VT_MUST enum vt_err vt_visit_put(
    struct vt_buf *b, const struct vt_visit *v, struct vt_why *why);
/* All of data is such a line. VT_E_SYNTAX. */
VT_MUST enum vt_err vt_visit_parse(
    const void *data, size_t len, struct vt_visit *ret, struct vt_why *why);

#endif
