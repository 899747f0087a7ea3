/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching objects from a site into one's own store: what arrives is stored only
 * when its digest is the one that was asked for.
 */
#ifndef VT_ASSEMBLY_FETCH_H
#define VT_ASSEMBLY_FETCH_H

#include "base/progress.h"
#include "http/client.h"
#include "store/store.h"

#define VT_FETCH_ARCHIVE_MAX (UINT64_C(16) << 30) /* bytes of a source archive or artifact */

/* All borrowed. */
struct vt_fetch {
    struct vt_http *http;
    const char *url;
    struct vt_store *store;
    const char *work_dir;         /* for what is under way; exists */
    struct vt_progress *progress; /* or NULL; told bytes from `done` on */
    uint64_t done;
};

/* Fetches an object of at most len_max bytes unless the store has it. VT_E_NOENT,
 * VT_E_DIGEST, VT_E_LIMIT, VT_E_NET, VT_E_NOSPC, VT_E_IO. */
VT_MUST enum vt_err vt_fetch_object(
    struct vt_fetch *f, const struct vt_digest *d, uint64_t len_max, struct vt_why *why);

/* The same, and appends its bytes, verified, to b. */
VT_MUST enum vt_err vt_fetch_bytes(
    struct vt_fetch *f, const struct vt_digest *d, struct vt_buf *b, struct vt_why *why);

/* Fetches an environment's manifest and all of its packages. */
VT_MUST enum vt_err vt_fetch_environment(
    struct vt_fetch *f, const struct vt_digest *d, struct vt_why *why);

#endif
