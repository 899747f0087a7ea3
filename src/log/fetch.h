/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching a log's public files by their path, from a URL or from a folder.
 * Nothing is checked here. Private to src/log. One thread each.
 */
#ifndef VT_LOG_FETCH_H
#define VT_LOG_FETCH_H

#include "base/buf.h"

struct vt_fetch;

/* `where` is http://, https:// or a folder. */
VT_MUST enum vt_err vt_fetch_new(const char *where, struct vt_fetch **ret, struct vt_why *why);
void vt_fetch_free(struct vt_fetch *f);
/* Whether it comes over the network. */
bool vt_fetch_is_remote(const struct vt_fetch *f);
/* Appends the file's bytes to b, whose maximum bounds them, also when they come compressed.
 * VT_E_NOENT, VT_E_LIMIT, VT_E_NET, VT_E_TIMEOUT, VT_E_IO. On failure b is as it was. */
VT_MUST enum vt_err vt_fetch_get(
    struct vt_fetch *f, const char *path, struct vt_buf *b, struct vt_why *why);

/* The same of the `len` bytes from `offset` on, which are all in the file; never compressed. */
VT_MUST enum vt_err vt_fetch_get_range(struct vt_fetch *f, const char *path, uint64_t offset,
    size_t len, struct vt_buf *b, struct vt_why *why);

/* Writes the file to fd, from its present position on, at most len_max bytes of it
 * (VT_E_LIMIT). */
VT_MUST enum vt_err vt_fetch_to_fd(
    struct vt_fetch *f, const char *path, int fd, uint64_t len_max, struct vt_why *why);

/*
 * Fetching ahead: over the network several files are under way at once, while their consumer
 * takes them one after the other. At most VT_FETCH_AHEAD_BYTES are held. Of a folder files are
 * read when they are taken.
 */
#define VT_FETCH_AHEAD_BYTES (32U * 1024U * 1024U)
#define VT_FETCH_PATH_MAX 128

struct vt_fetch_ahead;

/* `next` names the files in the order in which they will be taken, each once; false: no more
 * for now, and it is asked again later. It is called from vt_fetch_ahead_take. f must outlive
 * it. */
VT_MUST enum vt_err vt_fetch_ahead_new(struct vt_fetch *f,
    bool (*next)(void *ctx, char ret[VT_FETCH_PATH_MAX]), void *ctx,
    struct vt_fetch_ahead **ret, struct vt_why *why);
void vt_fetch_ahead_free(struct vt_fetch_ahead *a);
/* As vt_fetch_get. A file that could not be fetched ahead is fetched now, with all its tries;
 * so is one that is not the next in that order, which stays as it is. */
VT_MUST enum vt_err vt_fetch_ahead_take(
    struct vt_fetch_ahead *a, const char *path, struct vt_buf *b, struct vt_why *why);

#endif
