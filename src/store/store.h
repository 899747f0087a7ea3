/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object store seam: immutable bytes under their SHA-256. The first
 * implementation is a local folder (sha256/ab/HEX, durable writes); another
 * fills the same table of functions.
 */
#ifndef VT_STORE_STORE_H
#define VT_STORE_STORE_H

#include "crypto/digest.h"

struct vt_store;

/* Below a site's home: the store of sealed sources, which are not public. */
#define VT_STORE_SEALED "sealed/objects"

/* A folder, made when missing. Objects are files of mode 0644. */
VT_MUST enum vt_err vt_store_open_dir(
    const char *dir, struct vt_store **ret, struct vt_why *why);
void vt_store_free(struct vt_store *s);

/* Stores bytes; fine when they are there. Durable when it returns. */
VT_MUST enum vt_err vt_store_put(struct vt_store *s, const void *data, size_t len,
    struct vt_digest *ret, struct vt_why *why);
/* Stores a file's content (streamed). When `want` is not NULL and the content
 * is another: VT_E_DIGEST, nothing stored. ret and ret_len may be NULL. */
VT_MUST enum vt_err vt_store_put_file(struct vt_store *s, const char *path,
    const struct vt_digest *want, struct vt_digest *ret, uint64_t *ret_len, struct vt_why *why);
/* Appends an object's bytes to b (which bounds them) and verifies them.
 * VT_E_NOENT, VT_E_DIGEST, VT_E_LIMIT. */
VT_MUST enum vt_err vt_store_get(
    struct vt_store *s, const struct vt_digest *d, struct vt_buf *b, struct vt_why *why);
bool vt_store_has(struct vt_store *s, const struct vt_digest *d);
/* The local file that holds the object (for streaming; content not verified).
 * VT_E_NOENT. */
VT_MUST enum vt_err vt_store_path(struct vt_store *s, const struct vt_digest *d,
    char ret[VT_DIGEST_HEX_SIZE + 4096], struct vt_why *why);

#endif
