/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching a log's public files by their path, from a URL or from a folder.
 * Nothing is checked here. Private to src/log.
 */
#ifndef VT_LOG_FETCH_H
#define VT_LOG_FETCH_H

#include "base/buf.h"

struct vt_fetch;

/* `where` is http://, https:// or a folder. */
VT_MUST enum vt_err vt_fetch_new(const char *where, struct vt_fetch **ret, struct vt_why *why);
void vt_fetch_free(struct vt_fetch *f);
/* Appends the file's bytes to b. VT_E_NOENT, VT_E_LIMIT, VT_E_NET, VT_E_IO. */
VT_MUST enum vt_err vt_fetch_get(
    struct vt_fetch *f, const char *path, struct vt_buf *b, struct vt_why *why);

#endif
