/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mirror seam: where an update's bytes come from. Two implementations: a
 * site or mirror over HTTP, and a folder that is a copy of a site's public/
 * (an offline medium). What comes is never trusted; a mirror only bounds it.
 */
#ifndef VT_UPDATE_MIRROR_H
#define VT_UPDATE_MIRROR_H

#include "crypto/digest.h"

struct vt_mirror {
    /* Appends the file's bytes to b, whose maximum bounds them. `path` is
     * relative ("tuf/metadata/timestamp.json"). VT_E_NOENT when there is none,
     * VT_E_LIMIT as soon as there are more bytes than fit, VT_E_NET, VT_E_IO. */
    enum vt_err (*get)(void *ctx, const char *path, struct vt_buf *b, struct vt_why *why);
    /* Writes at most len_max bytes to fd, telling tick (or NULL) how far it is;
     * *ret and *ret_len tell what was written. Errors as above. */
    enum vt_err (*get_fd)(void *ctx, const char *path, int fd, uint64_t len_max,
        void (*tick)(void *tick_ctx, uint64_t done), void *tick_ctx, struct vt_digest *ret,
        uint64_t *ret_len, struct vt_why *why);
    void (*close)(void *ctx); /* or NULL */
    void *ctx;
};

/* `where`: http://, https://, or a folder. Close *ret with vt_mirror_close.
 * VT_E_USAGE for anything else. */
VT_MUST enum vt_err vt_mirror_open(
    const char *where, struct vt_mirror *ret, struct vt_why *why);
/* Harmless on a zeroed struct. */
void vt_mirror_close(struct vt_mirror *f);

#endif
