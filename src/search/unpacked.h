/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source archive (source.tar.zst, docs/formats/source.md), read from begin to end without
 * unpacking it to disk. Nothing in it is trusted; its own digest is known at the end only, so
 * what was read counts when vt_unpacked_each returns VT_OK and not before.
 */
#ifndef VT_SEARCH_UNPACKED_H
#define VT_SEARCH_UNPACKED_H

#include "crypto/digest.h"

#define VT_UNPACKED_COUNT_MAX 1000000U
#define VT_UNPACKED_FILE_MAX (2ULL << 30)
#define VT_UNPACKED_SIZE_MAX (16ULL << 30)
#define VT_UNPACKED_DEPTH_MAX 128U         /* folders */
#define VT_UNPACKED_HELD_MAX (16ULL << 20) /* bytes of a file that is given whole */

struct vt_unpacked {
    const char *path;   /* passed vt_path_is_safe; no folder of it was looked at */
    const char *target; /* of a link; NULL: a file */
    uint64_t size;
    struct vt_digest digest; /* of a file */
    /* Its bytes, from malloc; NULL when there are more than VT_UNPACKED_HELD_MAX. fn may take
     * them over by setting this to NULL. */
    uint8_t *data;
    uint64_t read; /* bytes of the archive so far */
};

/* Calls fn for each file and link, in the archive's order; folders are left out. fn's error
 * ends it. VT_E_DIGEST: the archive's SHA-256 is not `want`. VT_E_SYNTAX: it does not read, or
 * holds what a source archive does not: unsafe names, devices, hard links, sparse files.
 * VT_E_LIMIT, VT_E_NOENT, VT_E_IO, VT_E_NOMEM. */
VT_MUST enum vt_err vt_unpacked_each(const char *path, const struct vt_digest *want,
    enum vt_err (*fn)(void *ctx, struct vt_unpacked *u, struct vt_why *why), void *ctx,
    struct vt_why *why);

#endif
