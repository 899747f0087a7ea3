/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The final statement of a log that was frozen: a signed note by the log's own key, after which
 * it takes no entries. docs/formats/log.md. No I/O.
 *
 *     vitrine/log-frozen/v1
 *     ORIGIN
 *     SIZE
 *     base64(ROOT)
 *     2026-01-02T03:04:05Z
 *     REASON
 *     successor VKEY          (this line may be missing)
 */
#ifndef VT_NOTE_FROZEN_H
#define VT_NOTE_FROZEN_H

#include "note/note.h"

#define VT_FROZEN_REASON_MAX 512U /* bytes */
#define VT_FROZEN_TEXT_MAX 2048U  /* bytes of the text */

struct vt_frozen {
    char origin[VT_KEY_NAME_MAX + 1];
    uint64_t size;
    struct vt_digest root;
    int64_t time;                          /* seconds since 1970 */
    char reason[VT_FROZEN_REASON_MAX + 1]; /* one line of UTF-8, not empty */
    bool has_successor;
    struct vt_vkey successor; /* of the log that goes on */
};

/* Whether a text may be a reason: 1 to VT_FROZEN_REASON_MAX bytes of UTF-8 without control
 * characters. */
bool vt_frozen_reason_valid(const char *reason);
/* Parses a note's text; checks form only. VT_E_SYNTAX, VT_E_LIMIT. */
VT_MUST enum vt_err vt_frozen_parse(
    const void *text, size_t len, struct vt_frozen *ret, struct vt_why *why);
/* Appends the text. */
void vt_frozen_put(struct vt_buf *b, const struct vt_frozen *f);

/* Parses a signed statement and verifies the log's signature: its key's name must be the
 * origin. VT_E_SYNTAX, VT_E_LIMIT, VT_E_UNKNOWN, VT_E_SIG. */
VT_MUST enum vt_err vt_frozen_open(const void *data, size_t len, const struct vt_vkey *log,
    struct vt_frozen *ret, struct vt_why *why);

#endif
